//! A transaction on its way: which command comes next, and what the answers
//! so far mean to each recipient.

use bstr::BString;

use super::{Answer, Awaited, Cause, Exchange, Extensions, Outcome, Phase, Report, Transaction};

/// The next command to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Mail,
    Rcpt(usize),
    Data,
    Nothing,
}

/// What the server knows of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// MAIL has no positive answer.
    Nothing,
    /// MAIL was taken: the transaction is open.
    Open,
    /// DATA was taken: the server waits for the text.
    WantsContent,
    /// DATA was taken though nobody wants the message.
    WantsDot,
    /// The text is sent.
    ContentSent,
    /// The final dot was answered, or nothing is left open.
    Over,
}

/// A transaction on its way.
#[derive(Debug)]
pub(super) struct Running {
    transaction: Transaction,
    outcomes: Vec<Option<Outcome>>,
    next: Next,
    progress: Progress,
    /// MAIL was refused: what the server says to RCPT and DATA is noise.
    mail_refused: bool,
    /// RCPT commands with a positive answer.
    accepted: usize,
    /// The window of commands that may run ahead is used up.
    window_full: bool,
    /// The server has answered something.
    heard: bool,
    /// The command that a transcript would show next.
    last_command: Option<Next>,
    transcript: Vec<Exchange>,
}

impl Running {
    pub(super) fn new(transaction: Transaction) -> Self {
        Self {
            outcomes: vec![None; transaction.recipients.len()],
            transaction,
            next: Next::Mail,
            progress: Progress::Nothing,
            mail_refused: false,
            accepted: 0,
            window_full: false,
            heard: false,
            last_command: None,
            transcript: Vec::new(),
        }
    }

    pub(super) fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// The text of the message is to be sent.
    pub(super) fn wants_content(&self) -> bool {
        self.progress == Progress::WantsContent
    }

    /// DATA was taken for nobody: only a dot may follow.
    pub(super) fn takes_empty_text(&mut self) -> bool {
        let wanted = self.progress == Progress::WantsDot;
        if wanted {
            self.progress = Progress::Over;
        }
        wanted
    }

    /// Whether the next command need not wait for the answers.
    pub(super) fn may_run_ahead(&self) -> bool {
        self.next != Next::Nothing && !self.window_full
    }

    pub(super) fn set_window_full(&mut self, full: bool) {
        self.window_full = full;
    }

    /// Writes the next command (without line end) and says what its answer
    /// will be for; `None` when there is none to be sent.
    pub(super) fn next_command(
        &mut self,
        offered: &Extensions,
        out: &mut Vec<u8>,
    ) -> Option<Awaited> {
        let command = self.next;
        let awaited = match command {
            Next::Mail => {
                self.transaction.mail(offered, out);
                Awaited::Mail
            }
            Next::Rcpt(index) => {
                self.transaction.rcpt(index, offered, out);
                Awaited::Rcpt(index)
            }
            Next::Data => {
                out.extend_from_slice(b"DATA");
                Awaited::Data
            }
            Next::Nothing => return None,
        };
        self.last_command = Some(command);
        self.next = match command {
            Next::Mail => self.rcpt_or_data(0),
            Next::Rcpt(index) => self.rcpt_or_data(index + 1),
            Next::Data | Next::Nothing => Next::Nothing,
        };
        Some(awaited)
    }

    fn rcpt_or_data(&self, index: usize) -> Next {
        if index < self.outcomes.len() {
            Next::Rcpt(index)
        } else {
            Next::Data
        }
    }

    /// Takes the answer to MAIL, RCPT, DATA or the final dot.
    pub(super) fn answered(
        &mut self,
        awaited: Awaited,
        answer: Answer,
        enhanced: bool,
        offered: &Extensions,
    ) {
        self.heard = true;
        match awaited {
            Awaited::Mail if answer.is_positive() => self.progress = Progress::Open,
            Awaited::Mail => {
                self.mail_refused = true;
                let line = self.render(Next::Mail, offered);
                self.show(Some(line), &answer, None);
                self.fail_all(&Outcome::of(Phase::Mail, &answer, enhanced));
            }
            Awaited::Rcpt(index) => self.rcpt_answered(index, &answer, enhanced, offered),
            Awaited::Data => self.data_answered(&answer, enhanced, offered),
            Awaited::End(index) => self.end_answered(index, answer, enhanced, offered),
            _ => {}
        }
        if self.accepted == 0 && self.next == Next::Data && self.all_settled() {
            // Nobody is left to send it to.
            self.next = Next::Nothing;
        }
    }

    fn rcpt_answered(
        &mut self,
        index: usize,
        answer: &Answer,
        enhanced: bool,
        offered: &Extensions,
    ) {
        let Some(slot) = self.outcomes.get_mut(index) else {
            return;
        };
        if slot.is_some() {
            // MAIL was refused: what the server says to RCPT does not matter.
            return;
        }
        if answer.is_positive() {
            self.accepted += 1;
            return;
        }
        *slot = Some(Outcome::of(Phase::Rcpt, answer, enhanced));
        let command = self.take_command(offered);
        self.show(command, answer, Some(index));
    }

    fn data_answered(&mut self, answer: &Answer, enhanced: bool, offered: &Extensions) {
        let wanted = self.accepted > 0 && !self.all_settled();
        if answer.code() == 354 {
            self.progress = match wanted {
                true => Progress::WantsContent,
                false => Progress::WantsDot,
            };
            return;
        }
        if answer.code() >= 400 && !self.mail_refused {
            let command = self.take_command(offered);
            self.show(command, answer, None);
        }
        self.fail_all(&Outcome::of(Phase::Data, answer, enhanced));
    }

    fn end_answered(
        &mut self,
        index: Option<usize>,
        answer: Answer,
        enhanced: bool,
        offered: &Extensions,
    ) {
        self.progress = Progress::Over;
        let outcome = if answer.is_positive() {
            Outcome::Sent(answer)
        } else {
            if answer.code() >= 400 {
                let command = self.take_command(offered);
                self.show(command, &answer, index);
            }
            Outcome::of(Phase::FinalDot, &answer, enhanced)
        };
        match index {
            Some(index) => {
                if let Some(slot) = self.outcomes.get_mut(index) {
                    *slot = Some(outcome);
                }
            }
            None => self.fail_all(&outcome),
        }
    }

    /// The text is on its way: what answers will come for it.
    pub(super) fn content_sent(&mut self, lmtp: bool) -> Vec<Awaited> {
        self.progress = Progress::ContentSent;
        if !lmtp {
            return vec![Awaited::End(None)];
        }
        (0..self.outcomes.len())
            .filter(|index| self.outcomes[*index].is_none())
            .map(|index| Awaited::End(Some(index)))
            .collect()
    }

    /// Gives this outcome to every recipient that has none.
    pub(super) fn fail_all(&mut self, outcome: &Outcome) {
        for slot in &mut self.outcomes {
            slot.get_or_insert_with(|| outcome.clone());
        }
        self.next = Next::Nothing;
    }

    /// The session ended under this transaction.
    pub(super) fn broken(&mut self, outcome: &Outcome, exchange: Option<Exchange>) {
        let answered = matches!(
            outcome,
            Outcome::Deferred(refusal) if matches!(refusal.cause, Cause::Answer(..))
        );
        self.transcript.extend(exchange);
        // A 421 before anything else is how a server ends an idle session.
        self.heard |= answered && self.progress != Progress::Nothing;
        self.fail_all(outcome);
        self.progress = Progress::Over;
    }

    /// Whether the server still thinks of this transaction.
    pub(super) fn leaves_open(&self) -> bool {
        self.progress == Progress::Open
    }

    pub(super) fn into_report(self, enhanced: bool) -> Report {
        let lost = Outcome::broken(Cause::Lost(Phase::Content));
        Report {
            outcomes: self
                .outcomes
                .into_iter()
                .map(|slot| slot.unwrap_or_else(|| lost.clone()))
                .collect(),
            transcript: self.transcript,
            untouched: !self.heard,
            enhanced,
        }
    }

    fn all_settled(&self) -> bool {
        self.outcomes.iter().all(Option::is_some)
    }

    fn show(&mut self, command: Option<BString>, answer: &Answer, recipient: Option<usize>) {
        self.transcript.push(Exchange {
            command,
            answer: answer.clone(),
            recipient,
        });
    }

    /// The last command, unless it has been shown.
    fn take_command(&mut self, offered: &Extensions) -> Option<BString> {
        let command = self.last_command.take()?;
        Some(self.render(command, offered))
    }

    fn render(&self, command: Next, offered: &Extensions) -> BString {
        let mut line = Vec::new();
        match command {
            Next::Mail => self.transaction.mail(offered, &mut line),
            Next::Rcpt(index) => self.transaction.rcpt(index, offered, &mut line),
            Next::Data => line.extend_from_slice(b"DATA"),
            Next::Nothing => {}
        }
        line.into()
    }
}

//! Answers the questions of the SMTP machine with the site's rules and maps.

use std::sync::Arc;
use std::time::Duration;

use bstr::{BString, ByteSlice};

use super::collect::Collector;
use super::session::Session;
use super::transaction::{Transaction, one_line, unbracket};
use crate::base::maillog::{Event, Priority, Ruleset, RulesetVerdict, Subject};
use crate::base::{Enhanced, Reply};
use crate::cf::Opt;
use crate::envelope::{Envelope, Recipient, Verified, verify};
use crate::queue::SpoolError;
use crate::rewrite::MacroTable;
use crate::route::{MailerId, Resolution, Target, Verdict};
use crate::smtp::server::{Ask, Greeted, recipient_ok, recipient_queued, sender_ok};
use crate::smtp::{MailParameters, Notify, RcptParameters, Ret};
use crate::world::Counted;

/// What a check leaves of a command.
pub(super) enum Checked {
    Go,
    Discard,
    Quarantine(BString),
    Refuse(Reply),
}

impl Session {
    /// Answers one question.
    pub(super) async fn answer(&mut self, ask: Ask, greeted: Greeted) -> Reply {
        match ask {
            Ask::Helo { extended, name } => {
                self.forget();
                self.introduced(extended, &name);
                Reply::new(250, None, "ok")
            }
            Ask::Mail {
                address,
                parameters,
            } => self.mail(address, parameters, greeted).await,
            Ask::Rcpt {
                address,
                parameters,
            } => self.rcpt(address, parameters).await,
            Ask::Data => self.data().await,
            Ask::EndOfMessage => self.end_of_message().await,
            Ask::Vrfy(argument) => self.vrfy(&argument).await,
            Ask::Expn(argument) => self.expn(&argument).await,
            Ask::Etrn(argument) => self.etrn(&argument).await,
            Ask::Auth { mechanism, initial } => self.auth(&mechanism, initial).await,
            Ask::AuthMessage(message) => self.auth_message(&message).await,
            Ask::Other { line, digit } => self.other(&line, digit).await,
        }
    }

    fn introduced(&mut self, extended: bool, name: &[u8]) {
        let is_authenticated = !self.macros.text(b"auth_type").is_empty();
        let protocol = self.protocol(extended, is_authenticated);
        let macros = Arc::make_mut(&mut self.macros);
        macros.set(b"s", one_line(name));
        macros.set(b"r", protocol);
    }

    async fn mail(
        &mut self,
        address: BString,
        parameters: Result<Box<MailParameters>, Reply>,
        greeted: Greeted,
    ) -> Reply {
        self.acted = true;
        let id = self.id();
        let writer = match self.service.spool.body_writer(id) {
            Ok(writer) => writer,
            Err(error) => {
                let text = bstr::concat([
                    b"low on space or no queue for mail from ".as_slice(),
                    &self.client.name,
                    format!(": {error}").as_bytes(),
                ]);
                let event = Event::Other(SPOOL_TROUBLE, 1, &text);
                self.service.note(id, &event);
                return spool_reply(&error);
            }
        };
        let mut transaction = Box::new(self.begin(&address));
        transaction.writer = Some(writer);
        if greeted == Greeted::No && self.service.privacy.auth_warnings {
            let text = [self.client.shown.as_slice(), b" didn't use HELO protocol"].concat();
            self.warn(&mut transaction, text.into());
        }
        let reply = self.taken(&mut transaction, &address, parameters).await;
        transaction.is_open = reply.is_success();
        self.current = Some(transaction);
        reply
    }

    /// A new envelope, under the id of one that never was completed.
    pub(super) fn begin(&mut self, address: &[u8]) -> Transaction {
        let id = self.id();
        let (bare, bracketed) = unbracket(address);
        let mut macros = MacroTable::over(Arc::clone(&self.macros));
        macros.set(b"i", id.as_str());
        macros.set(b"f", one_line(bare));
        macros.set(b"g", one_line(bare));
        let mut envelope = Envelope::new(bare, self.service.clock.now());
        envelope.sender_bracketed = bracketed;
        envelope.quarantine.clone_from(&self.quarantine);
        envelope.no_body_return = self.service.privacy.no_body_return;
        Transaction {
            id,
            is_open: false,
            is_nobody: false,
            given: address.into(),
            sender: None,
            envelope,
            macros,
            targets: Default::default(),
            refused: 0,
            discard: self.discard,
            warnings: Vec::new(),
            writer: None,
            full_name: None,
            is_other: false,
            is_named: false,
            collector: None,
            mt_priority: 0,
        }
    }

    pub(super) fn warn(&self, transaction: &mut Transaction, text: BString) {
        let host = &self.service.smtp.host;
        self.service
            .note(transaction.id, &Event::AuthWarning { host, text: &text });
        let warning = [host.as_slice(), b": ", &text].concat();
        transaction.warnings.push(warning.into());
    }

    /// The sender, its parameters and its check, in the reference's order.
    async fn taken(
        &mut self,
        transaction: &mut Transaction,
        address: &BString,
        parameters: Result<Box<MailParameters>, Reply>,
    ) -> Reply {
        let site = Arc::clone(&self.service.site);
        if !transaction.envelope.sender.is_empty() {
            match site.resolve(address, &mut transaction.macros).await {
                Resolution::Refused(reply) => {
                    transaction.is_nobody = true;
                    return checked_about(address, &reply);
                }
                Resolution::Mailer(target) => match unprintable(&target) {
                    Some(reply) => return reply,
                    None => transaction.sender = Some(target),
                },
                Resolution::Later(_) | Resolution::Discard => {}
            }
        }
        let parameters = match parameters {
            Ok(parameters) => *parameters,
            Err(reply) => return reply,
        };
        let size = parameters.size.unwrap_or(0);
        let author = parameters.auth.clone();
        set_mail_parameters(transaction, parameters);
        if let Some(refusal) = self.lacks_room(transaction, size) {
            return refusal;
        }
        self.set_sender_macros(transaction);
        if let Some(author) = author {
            self.author(transaction, author.as_bstr()).await;
        }
        let checked = self
            .check("check_mail", &[address], &mut transaction.macros)
            .await;
        match checked {
            Checked::Go => {}
            Checked::Discard => transaction.discard = true,
            Checked::Quarantine(why) => transaction.envelope.quarantine = Some(why),
            Checked::Refuse(reply) => {
                self.count_refused(transaction.sender.as_ref());
                return checked_about(address, &reply);
            }
        }
        sender_ok(address)
    }

    /// A message that is announced as larger than what is free is refused
    /// before it comes.
    fn lacks_room(&self, transaction: &Transaction, size: u64) -> Option<Reply> {
        let free = self.service.spool.bytes_free().filter(|_| size > 0)?;
        if size <= free {
            return None;
        }
        let options = &self.service.site.config.options;
        let text = bstr::concat([
            b"low on space (".as_slice(),
            &self.client.name,
            format!(
                " needs {size} bytes + {} blocks in {}), max avail: {free} bytes",
                options.number(Opt::MinFreeBlocks),
                options.text(Opt::QueueDirectory)
            )
            .as_bytes(),
        ]);
        let event = Event::Other(SPOOL_TROUBLE, 1, &text);
        self.service.note(transaction.id, &event);
        Some(spool_reply(&SpoolError::Full))
    }

    pub(super) fn set_sender_macros(&self, transaction: &mut Transaction) {
        let macros = &mut transaction.macros;
        match &transaction.sender {
            Some(target) => {
                let mailer = self.service.site.mailer(target.mailer);
                macros.set(b"mail_mailer", mailer.name.clone());
                macros.set(b"mail_host", target.host.clone());
                macros.set(b"mail_addr", target.user.clone());
            }
            None => {
                macros.set(b"mail_mailer", "local");
                macros.set(b"mail_host", "");
                macros.set(b"mail_addr", transaction.envelope.sender.clone());
            }
        }
    }

    async fn rcpt(
        &mut self,
        address: BString,
        parameters: Result<Box<RcptParameters>, Reply>,
    ) -> Reply {
        let Some(mut transaction) = self.current.take() else {
            return Reply::with(503, (5, 0, 0), "Need MAIL before RCPT");
        };
        let reply = self
            .recipient(&mut transaction, &address, parameters)
            .await
            .unwrap_or_else(|refusal| refusal);
        if !reply.is_success() {
            transaction.refused += 1;
        }
        self.current = Some(transaction);
        reply
    }

    /// A recipient: where it goes, its parameters, its check, whether
    /// somebody is there. Every refusal but that of a check is logged here.
    async fn recipient(
        &mut self,
        transaction: &mut Transaction,
        address: &BString,
        parameters: Result<Box<RcptParameters>, Reply>,
    ) -> Result<Reply, Reply> {
        let site = Arc::clone(&self.service.site);
        let (target, is_later) = match site.resolve(address, &mut transaction.macros).await {
            Resolution::Mailer(target) => match unprintable(&target) {
                Some(reply) => return Err(self.user_error(transaction, reply)),
                None => (Some(target), false),
            },
            Resolution::Later(_) => (None, true),
            Resolution::Discard => (None, false),
            Resolution::Refused(reply) => {
                let reply = checked_about(address, &reply);
                return Err(self.user_error(transaction, reply));
            }
        };
        let parameters = match parameters {
            Ok(parameters) => *parameters,
            Err(reply) => return Err(self.user_error(transaction, reply)),
        };
        self.set_recipient_macros(transaction, target.as_ref(), parameters.notify);
        let checked = self
            .check("check_rcpt", &[address], &mut transaction.macros)
            .await;
        match checked {
            Checked::Go => {}
            Checked::Discard => transaction.discard = true,
            Checked::Quarantine(why) => transaction.envelope.quarantine = Some(why),
            Checked::Refuse(reply) => {
                self.count_refused(target.as_ref());
                return Err(checked_about(address, &reply));
            }
        }
        let Some(target) = target else {
            if is_later {
                add_recipient(transaction, address, parameters, None);
                return Ok(recipient_queued(address));
            }
            return Ok(recipient_ok(address));
        };
        if let Some(reply) = self.is_forbidden(&target) {
            return Err(self.user_error(transaction, about(address, &reply)));
        }
        if transaction.discard {
            // sendmail: whoever will get nothing is not looked for.
            return Ok(recipient_ok(address));
        }
        if let Some(&place) = transaction.targets.get(&target) {
            let first = &transaction.envelope.recipients[place];
            return Ok(recipient_ok(&first.shown()));
        }
        match verify::verify_target(&site, target, &mut transaction.macros).await {
            Verified::Deliverable(target) => {
                add_recipient(transaction, address, parameters, Some(target));
                Ok(recipient_ok(address))
            }
            Verified::Later(_) => {
                add_recipient(transaction, address, parameters, None);
                Ok(recipient_queued(address))
            }
            Verified::Discard => Ok(recipient_ok(address)),
            Verified::Refused(reply) => Err(self.user_error(transaction, about(address, &reply))),
        }
    }

    /// Nobody from the network names a program, a file or a list.
    pub(super) fn is_forbidden(&self, target: &Target) -> Option<Reply> {
        let flags = self.service.site.mailer(target.mailer).flags;
        let user = crate::message::quoting::unquote(&target.user);
        let user = user.trim_start();
        let what = if user.starts_with(b"|") && flags.has(b'|') {
            "programs"
        } else if user.starts_with(b"/") && flags.has(b'/') {
            "files"
        } else if user.len() >= 9 && user[..9].eq_ignore_ascii_case(b":include:") && flags.has(b':')
        {
            ":include:s"
        } else {
            return None;
        };
        let text = format!("Cannot mail directly to {what}");
        Some(Reply::with(550, (5, 7, 1), text))
    }

    fn set_recipient_macros(
        &self,
        transaction: &mut Transaction,
        target: Option<&Target>,
        notify: Notify,
    ) {
        let macros = &mut transaction.macros;
        if let Some(target) = target {
            let mailer = self.service.site.mailer(target.mailer);
            macros.set(b"rcpt_mailer", mailer.name.clone());
            macros.set(b"rcpt_host", target.host.clone());
            macros.set(b"rcpt_addr", target.user.clone());
        }
        let count = transaction.envelope.recipients.len();
        macros.set(b"nrcpts", count.to_string());
        macros.set(b"nbadrcpts", transaction.refused.to_string());
        if notify.given {
            macros.set(b"dsn_notify", notify_text(notify));
        } else {
            macros.unset(b"dsn_notify");
        }
    }

    async fn data(&mut self) -> Reply {
        let Some(mut transaction) = self.current.take() else {
            return Reply::with(503, (5, 0, 0), "Need MAIL command");
        };
        let count = transaction.envelope.recipients.len().to_string();
        transaction.macros.set(b"nrcpts", count.as_str());
        let checked = self
            .check("check_data", &[count.as_bytes()], &mut transaction.macros)
            .await;
        let reply = match checked {
            Checked::Refuse(reply) => reply,
            other => {
                apply(&mut transaction, other);
                match self.writer_for(&mut transaction) {
                    Ok(writer) => {
                        let bounds = self.service.limits.bounds();
                        transaction.collector = Some(Collector::new(writer, bounds));
                        Reply::new(354, None, "go ahead")
                    }
                    Err(error) => spool_reply(&error),
                }
            }
        };
        self.current = Some(transaction);
        // For the machine, success is the word to go on.
        if reply.code() == 354 {
            Reply::new(250, None, "ok")
        } else {
            reply
        }
    }

    fn writer_for(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Box<dyn crate::queue::BodyWriter>, SpoolError> {
        match transaction.writer.take() {
            Some(writer) => Ok(writer),
            None => self.service.spool.body_writer(transaction.id),
        }
    }

    /// Asks a check ruleset, and logs what it had against it.
    pub(super) async fn check(
        &mut self,
        ruleset: &'static str,
        arguments: &[&[u8]],
        macros: &mut MacroTable,
    ) -> Checked {
        let verdict = self.service.site.check(ruleset, arguments, macros).await;
        self.judge(ruleset, arguments, verdict)
    }

    /// Logs a verdict and says what follows from it.
    pub(super) fn judge(&self, ruleset: &str, arguments: &[&[u8]], verdict: Verdict) -> Checked {
        let line;
        let (end, checked) = match verdict {
            Verdict::Accept | Verdict::Other { .. } => return Checked::Go,
            Verdict::Discard => (RulesetVerdict::Discard, Checked::Discard),
            Verdict::Quarantine(why) => {
                line = why.clone();
                (RulesetVerdict::Quarantine(&line), Checked::Quarantine(why))
            }
            Verdict::Reject(reply) => {
                let about = matches!(ruleset, "check_mail" | "check_rcpt");
                line = match arguments.first() {
                    Some(address) if about => checked_about(address, &reply).to_line(),
                    _ => reply.to_line(),
                };
                (RulesetVerdict::Reject(&line), Checked::Refuse(reply))
            }
        };
        let event = Event::Ruleset(Ruleset {
            name: ruleset,
            arg1: arguments.first().copied().unwrap_or_default(),
            arg2: arguments.get(1).copied(),
            relay: Some(&self.client.shown),
            verdict: end,
        });
        // sendmail: what is asked of a session says nothing of its message.
        let id = self.current_id().filter(|_| !of_session(ruleset));
        let subject = id.map_or(Subject::Daemon, Subject::Message);
        self.service.note(subject, &event);
        checked
    }

    /// Logs a refusal in the words the peer gets.
    fn user_error(&self, transaction: &Transaction, reply: Reply) -> Reply {
        let text = bstr::join(" ", reply.lines());
        self.service.note(transaction.id, &Event::UserError(&text));
        self.count_refused(transaction.sender.as_ref());
        reply
    }

    fn count_refused(&self, target: Option<&Target>) {
        if let Some(target) = target {
            self.service.log.count(Counted::Rejected {
                mailer: mailer_index(target.mailer),
            });
        }
    }
}

/// Whether a check is about a session and not about a message in it.
fn of_session(ruleset: &str) -> bool {
    const OF_SESSION: [&str; 5] = [
        "check_relay",
        "check_vrfy",
        "check_expn",
        "check_etrn",
        "check_other",
    ];
    OF_SESSION.contains(&ruleset)
}

/// What `mailstats` counts a mailer under.
pub(super) fn mailer_index(mailer: MailerId) -> usize {
    mailer.index()
}

/// Puts what a check decided into the message.
pub(super) fn apply(transaction: &mut Transaction, checked: Checked) {
    match checked {
        Checked::Discard => transaction.discard = true,
        Checked::Quarantine(why) => transaction.envelope.quarantine = Some(why),
        Checked::Go | Checked::Refuse(_) => {}
    }
}

fn set_mail_parameters(transaction: &mut Transaction, parameters: MailParameters) {
    let (envelope, macros) = (&mut transaction.envelope, &mut transaction.macros);
    if let Some(size) = parameters.size {
        envelope.size = size;
        macros.set(b"msg_size", size.to_string());
    }
    if let Some(body) = parameters.body {
        macros.set(b"bodytype", body.as_str());
    }
    if let Some(envid) = &parameters.envid {
        macros.set(b"envid", envid.clone());
        macros.set(b"dsn_envid", envid.clone());
    }
    if let Some(ret) = parameters.ret {
        macros.set(b"dsn_ret", if ret == Ret::Full { "full" } else { "hdrs" });
    }
    envelope.body_type = parameters.body;
    envelope.envid = parameters.envid;
    envelope.ret = parameters.ret;
    envelope.smtputf8 = parameters.smtputf8;
    transaction.mt_priority = parameters.mt_priority;
    if parameters.require_tls {
        macros.set(b"requiretls", "1");
    }
    envelope.deliver_by = parameters.by.map(|by| {
        let seconds = u64::try_from(by.seconds).unwrap_or(0);
        (Duration::from_secs(seconds), by.returns)
    });
}

/// An address with control characters is none.
pub(super) fn unprintable(target: &Target) -> Option<Reply> {
    let part = [&target.user, &target.host]
        .into_iter()
        .find(|part| part.iter().any(u8::is_ascii_control))?;
    let shown = one_line(part);
    let text = format!("Syntax error in mailbox address \"{shown}\" (non-printable character)");
    Some(Reply::with(501, (5, 1, 3), text))
}

fn add_recipient(
    transaction: &mut Transaction,
    address: &[u8],
    parameters: RcptParameters,
    target: Option<Target>,
) {
    let (bare, bracketed) = unbracket(address);
    let recipient = Recipient {
        bracketed,
        final_recipient: Some(bare.into()),
        orcpt: parameters.orcpt,
        notify: parameters.notify,
        ..Recipient::mailbox(bare)
    };
    let recipients = &mut transaction.envelope.recipients;
    if let Some(target) = target {
        transaction.targets.insert(target, recipients.len());
    }
    recipients.push(recipient);
}

fn notify_text(notify: Notify) -> String {
    let words = [
        (notify.success, "SUCCESS"),
        (notify.failure, "FAILURE"),
        (notify.delay, "DELAY"),
    ];
    let words: Vec<&str> = words
        .iter()
        .filter(|(wanted, _)| *wanted)
        .map(|(_, word)| *word)
        .collect();
    if words.is_empty() {
        "NEVER".into()
    } else {
        words.join(",")
    }
}

/// A reply that says whom it is about.
pub(super) fn about(address: &[u8], reply: &Reply) -> Reply {
    let mut text = crate::smtp::command::shorten(address).into_owned();
    text.extend_from_slice(b"... ");
    text.extend_from_slice(&bstr::join("\n", reply.lines()));
    Reply::new(reply.code(), reply.enhanced(), text)
}

/// The same for what the rules answer. `// sendmail:` the codes that RFC 821
/// has for mailboxes name the address.
pub(super) fn checked_about(address: &[u8], reply: &Reply) -> Reply {
    if matches!(reply.code(), 450 | 550 | 553) {
        about(address, reply)
    } else {
        reply.clone()
    }
}

/// What a client hears of trouble with the spool.
pub(super) fn spool_reply(error: &SpoolError) -> Reply {
    match error {
        SpoolError::Full => Reply::with(452, (4, 4, 5), "Insufficient disk space; try again later"),
        SpoolError::Io(_) => Reply::new(
            451,
            Some(Enhanced::new(4, 3, 0)),
            "Error writing the message; try again later",
        ),
        SpoolError::Closing => Reply::with(421, (4, 3, 2), "Shutting down; try again later"),
    }
}

/// The line for the log about trouble with the spool.
pub(super) fn spool_trouble(error: &SpoolError) -> BString {
    format!("queue: {error}").into()
}

/// The priority of such a line.
pub(super) const SPOOL_TROUBLE: Priority = Priority::Alert;

//! Local submission: a message from a pipe, as `sendmail -bm` and
//! `sendmail -t` take it.
//!
//! Gathering, header repair and acceptance are those of SMTP; what differs is
//! who answers for the sender, where recipients come from, and that errors
//! are told to a program and not to a peer.

use std::io::{self, Read};
use std::sync::Arc;

use bstr::{BString, ByteSlice};

use super::collect::{Collected, Collector};
use super::pipe::Pipe;
use super::questions::{spool_reply, unprintable};
use super::service::Service;
use super::session::Session;
use super::transaction::{Transaction, one_line, unbracket};
use crate::base::{Reply, Sysexit};
use crate::envelope::{Recipient, Verified, verify};
use crate::message::{Header, addresses, block, date};
use crate::queue::Claim;
use crate::route::rewriting::crack;
use crate::route::{Resolution, Target};
use crate::smtp::{BodyType, Notify, Ret};

/// Who submits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Submitter {
    /// The login name of the real user.
    pub name: BString,
    /// May set the sender without a warning: root, or a member of class `t`.
    pub is_trusted: bool,
}

/// What the command line asks for.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    /// Who submits.
    pub user: Submitter,
    /// `-f` or `-r`: the letter, and the sender as given.
    pub sender: Option<(u8, BString)>,
    /// `-F`.
    pub full_name: Option<BString>,
    /// Recipients on the command line; each may be a list.
    pub recipients: Vec<BString>,
    /// `-t`: recipients stand in the header.
    pub from_header: bool,
    /// `-i`, IgnoreDots: a line of one dot does not end the message.
    pub ignore_dots: bool,
    /// `-N`.
    pub notify: Notify,
    /// `-R`.
    pub ret: Option<Ret>,
    /// `-V`, as xtext.
    pub envid: Option<BString>,
    /// `-B`.
    pub body: Option<BodyType>,
    /// `-U`.
    pub smtputf8: bool,
    /// `-p`: protocol (`$r`) and host (`$s`).
    pub protocol: Option<(BString, BString)>,
    /// `-Q`.
    pub quarantine: Option<BString>,
    /// `-M`: macros and their values.
    pub macros: Vec<(BString, BString)>,
    /// Further things to be distrusted: `Processed by carol with -C …`.
    pub warnings: Vec<BString>,
    /// Unknown recipients are told at once (ErrorMode print, quiet, write);
    /// else the message is taken and they are returned.
    pub verify: bool,
}

/// A recipient, or the message, that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// What is printed: `nosuch... User unknown`.
    pub text: BString,
    /// The exit code it asks for.
    pub exit: Sysexit,
}

/// What became of a submission.
pub struct Submitted {
    /// The accepted message, if there is one; deliver it, or drop it to leave
    /// it to a queue run.
    pub claim: Option<Claim>,
    /// What was not taken.
    pub complaints: Vec<Complaint>,
    /// The text for `dead.letter`, when something was not taken.
    pub letter: Option<Vec<u8>>,
}

/// Bytes read at once.
const BLOCK_BYTES: usize = 64 << 10;
/// The largest text that is kept for `dead.letter`.
const LETTER_BYTES_MAX: usize = 1 << 20;

impl Service {
    /// Takes one message from `text`.
    ///
    /// # Errors
    /// Those of reading `text`; everything else is among the complaints.
    pub async fn submit(
        self: Arc<Self>,
        submission: Submission,
        text: &mut (dyn Read + Send),
    ) -> io::Result<Submitted> {
        let mut session = Session::local(self, submission.user.name.as_bstr());
        session.submit(submission, text).await
    }
}

impl Session {
    async fn submit(
        &mut self,
        submission: Submission,
        text: &mut (dyn Read + Send),
    ) -> io::Result<Submitted> {
        let mut out = Submitted {
            claim: None,
            complaints: Vec::new(),
            letter: None,
        };
        let mut transaction = self.begin_local(&submission);
        if let Err(reply) = self.local_sender(&mut transaction).await {
            out.complaints.push(complaint(b"", &reply));
            return Ok(out);
        }
        for list in &submission.recipients {
            self.add_list(&mut transaction, list, &submission, &mut out)
                .await;
        }
        // Recipients of the header are not named: one might be a blind one.
        if let [only] = transaction.envelope.recipients.as_slice() {
            transaction.macros.set(b"u", one_line(&only.shown()));
        }
        let collected = match self.gather(&transaction, &submission, text)? {
            Ok(collected) => collected,
            Err(reply) => {
                out.complaints.push(complaint(b"", &reply));
                return Ok(out);
            }
        };
        let (collected, letter) = collected;
        let given = block::parse(&collected.header);
        if submission.from_header {
            self.recipients_of(&given, &mut transaction, &submission, &mut out)
                .await;
        }
        if transaction.envelope.recipients.is_empty() {
            if submission.from_header && out.complaints.is_empty() {
                let text = "No recipient addresses found in header".into();
                let exit = Sysexit::Ok;
                out.complaints.push(Complaint { text, exit });
            }
            out.letter = Some(letter);
            return Ok(out);
        }
        self.take_date_of_from_line(&mut transaction, &collected);
        match self.complete(Box::new(transaction), given, collected).await {
            Ok(claim) => out.claim = claim,
            Err(reply) => out.complaints.push(complaint(b"", &reply)),
        }
        if !out.complaints.is_empty() {
            out.letter = Some(letter);
        }
        Ok(out)
    }

    /// The envelope as the command line gives it.
    fn begin_local(&mut self, submission: &Submission) -> Transaction {
        let own = submission.user.name.as_bstr();
        let given = submission
            .sender
            .as_ref()
            .map(|(_, sender)| sender.as_bstr());
        let mut transaction = self.begin(given.unwrap_or(own));
        transaction.is_open = true;
        transaction.is_named = true;
        transaction.is_other = given.is_some_and(|sender| sender != own);
        if !transaction.is_other {
            // sendmail: -F says nothing of a sender that -f made another.
            transaction.full_name.clone_from(&submission.full_name);
        }
        let warns = self.service.privacy.auth_warnings;
        if let Some((letter, sender)) = &submission.sender
            && warns
            && transaction.is_other
            && !submission.user.is_trusted
        {
            let text = bstr::concat([
                own.as_bytes(),
                b" set sender to ",
                sender,
                b" using -",
                &[*letter],
            ]);
            self.warn(&mut transaction, text.into());
        }
        if warns {
            for text in &submission.warnings {
                self.warn(&mut transaction, text.clone());
            }
        }
        let (envelope, macros) = (&mut transaction.envelope, &mut transaction.macros);
        envelope.ret = submission.ret;
        envelope.envid.clone_from(&submission.envid);
        envelope.body_type = submission.body;
        envelope.smtputf8 = submission.smtputf8;
        envelope.quarantine.clone_from(&submission.quarantine);
        if let Some((protocol, host)) = &submission.protocol {
            macros.set(b"r", protocol.clone());
            macros.set(b"s", host.clone());
        }
        for (name, value) in &submission.macros {
            macros.set(name, value.clone());
        }
        transaction
    }

    /// Where the sender leads; bad syntax is refused.
    async fn local_sender(&mut self, transaction: &mut Transaction) -> Result<(), Reply> {
        let sender = transaction.envelope.sender.clone();
        if !sender.is_empty() {
            let site = Arc::clone(&self.service.site);
            match site.resolve(&sender, &mut transaction.macros).await {
                Resolution::Mailer(target) => transaction.sender = Some(target),
                Resolution::Refused(reply) => return Err(super::questions::about(&sender, &reply)),
                Resolution::Later(_) | Resolution::Discard => {}
            }
        }
        self.set_sender_macros(transaction);
        Ok(())
    }

    /// The recipients of one argument or field.
    async fn add_list(
        &mut self,
        transaction: &mut Transaction,
        list: &[u8],
        submission: &Submission,
        out: &mut Submitted,
    ) {
        for item in addresses::split(list) {
            let is_empty_group = !item.group.is_empty() && item.text.is_empty();
            let address = if is_empty_group {
                list.trim()
            } else {
                item.text
            };
            if let Err(reply) = self.add(transaction, address, submission).await {
                out.complaints.push(complaint(address, &reply));
            }
        }
    }

    /// The recipients that the header names: the resent ones when it has
    /// been sent again.
    async fn recipients_of(
        &mut self,
        given: &Header,
        transaction: &mut Transaction,
        submission: &Submission,
        out: &mut Submitted,
    ) {
        let is_resent = ["Resent-To", "Resent-Cc", "Resent-Bcc"]
            .iter()
            .any(|name| given.get(name).is_some());
        let names: &[&str] = if is_resent {
            &["Resent-To", "Resent-Cc", "Resent-Bcc"]
        } else {
            &["To", "Cc", "Bcc", "Apparently-To"]
        };
        for field in given.fields() {
            if !names.iter().any(|name| field.is(name)) {
                continue;
            }
            let before = transaction.envelope.recipients.len();
            let value = field.value.replace(b"\n", b" ");
            self.add_list(transaction, &value, submission, out).await;
            if field.is("Bcc") || field.is("Resent-Bcc") {
                for recipient in &mut transaction.envelope.recipients[before..] {
                    recipient.blind = true;
                }
            }
        }
    }

    /// One recipient.
    async fn add(
        &mut self,
        transaction: &mut Transaction,
        address: &[u8],
        submission: &Submission,
    ) -> Result<(), Reply> {
        let target = match self.local_target(transaction, address, submission).await? {
            Some(target) if transaction.targets.contains_key(&target) => return Ok(()),
            target => target,
        };
        let cracked = crack(address, b"");
        let (bare, bracketed) = unbracket(cracked.address);
        let recipients = &mut transaction.envelope.recipients;
        if let Some(target) = target {
            transaction.targets.insert(target, recipients.len());
        }
        recipients.push(Recipient {
            bracketed,
            final_recipient: Some(bare.into()),
            notify: submission.notify,
            ..Recipient::mailbox(bare)
        });
        Ok(())
    }

    /// Where a recipient leads; with [`Submission::verify`], whether somebody
    /// is there.
    async fn local_target(
        &mut self,
        transaction: &mut Transaction,
        address: &[u8],
        submission: &Submission,
    ) -> Result<Option<Target>, Reply> {
        let site = Arc::clone(&self.service.site);
        let target = match site.resolve(address, &mut transaction.macros).await {
            Resolution::Mailer(target) => target,
            Resolution::Later(_) | Resolution::Discard => return Ok(None),
            Resolution::Refused(reply) if reply.is_temporary() || !submission.verify => {
                return Ok(None);
            }
            Resolution::Refused(reply) => return Err(reply),
        };
        if let Some(reply) = unprintable(&target).or_else(|| self.is_forbidden(&target)) {
            return Err(reply);
        }
        if !submission.verify {
            return Ok(Some(target));
        }
        match verify::verify_target(&site, target, &mut transaction.macros).await {
            Verified::Deliverable(target) => Ok(Some(target)),
            Verified::Refused(reply) => Err(reply),
            Verified::Later(_) | Verified::Discard => Ok(None),
        }
    }

    /// Reads the message; also what of it `dead.letter` would get.
    fn gather(
        &mut self,
        transaction: &Transaction,
        submission: &Submission,
        text: &mut (dyn Read + Send),
    ) -> io::Result<Result<(Collected, Vec<u8>), Reply>> {
        let writer = match self.service.spool.body_writer(transaction.id) {
            Ok(writer) => writer,
            Err(error) => return Ok(Err(spool_reply(&error))),
        };
        let bounds = self.service.limits.bounds();
        let mut collector = Collector::new(writer, bounds);
        let mut pipe = Pipe::new(submission.ignore_dots);
        let mut letter = Vec::new();
        let mut space = vec![0; BLOCK_BYTES];
        loop {
            let count = match text.read(&mut space) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let before = collector.sink().len();
            let is_over = pipe.take(&space[..count], count == 0, collector.sink());
            let added = &collector.sink()[before..];
            if letter.len() + added.len() <= LETTER_BYTES_MAX {
                letter.extend_from_slice(added);
            }
            collector.grown(before);
            if is_over || count == 0 {
                return Ok(Ok((collector.finish(), letter)));
            }
        }
    }

    /// The date of a mailbox's `From ` line is the message's.
    fn take_date_of_from_line(&self, transaction: &mut Transaction, collected: &Collected) {
        let Some(line) = block::from_line(&collected.header) else {
            return;
        };
        // From NAME Mon Jan  1 00:00:00 2024
        let date = line.splitn_str(3, b" ").nth(2).unwrap_or_default();
        if let Some(date) = date::from_ctime(date, &self.service.zone) {
            transaction.macros.set(b"a", date);
        }
    }
}

/// What is printed of a refusal, and the exit code it asks for.
fn complaint(address: &[u8], reply: &Reply) -> Complaint {
    let words = bstr::join(" ", reply.lines());
    let text = if address.is_empty() || words.contains_str("... ") {
        words
    } else {
        bstr::concat([address, b"... ", &words])
    };
    Complaint {
        text: text.into(),
        exit: exit_of(reply),
    }
}

/// The exit code for a refusal (sysexits.h).
fn exit_of(reply: &Reply) -> Sysexit {
    let status = reply.enhanced().map(|e| (e.subject(), e.detail()));
    match (reply.code(), status) {
        (400..=499, _) => Sysexit::TempFail,
        (_, Some((1, 1))) => Sysexit::NoUser,
        (_, Some((1, 2))) => Sysexit::NoHost,
        (_, Some((7, _))) => Sysexit::Usage,
        (501 | 553, _) => Sysexit::Usage,
        (552, _) => Sysexit::Unavailable,
        (554, Some((5 | 6, _))) => Sysexit::DataErr,
        _ => Sysexit::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes() {
        for (line, code) in [
            ("550 5.1.1 User unknown", Sysexit::NoUser),
            ("550 5.1.2 Host unknown", Sysexit::NoHost),
            ("553 5.1.3 Invalid route address", Sysexit::Usage),
            ("553 5.0.0 Unbalanced '<'", Sysexit::Usage),
            ("451 4.3.0 later", Sysexit::TempFail),
        ] {
            let reply = Reply::parse(line.as_bytes()).unwrap();
            assert_eq!(exit_of(&reply), code, "{line}");
        }
    }
}

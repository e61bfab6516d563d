//! The end of a message: the checks of header and whole, the envelope made
//! complete, the commit, and only then 250.

use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::collect::Collected;
use super::header::{self, Repaired};
use super::questions::{Checked, SPOOL_TROUBLE, apply, mailer_index, spool_reply, spool_trouble};
use super::session::Session;
use super::transaction::Transaction;
use crate::base::Reply;
use crate::base::maillog::{Delivery, Event, Priority};
use crate::cf::HeaderAction;
use crate::envelope::Envelope;
use crate::message::{Header, block};
use crate::queue::{Claim, Message, SpoolError};
use crate::smtp::BodyType;
use crate::smtp::server::accepted;
use crate::world::Counted;

/// Macros that delivery needs again.
const KEPT_MACROS: &[&str] = &["_", "r", "s", "{daemon_flags}"];

impl Session {
    /// Everything after the final dot.
    pub(super) async fn end_of_message(&mut self) -> Reply {
        // The transaction stays current for the log while it is worked on.
        let Some(mut transaction) = self.current.take() else {
            return Reply::with(503, (5, 0, 0), "Need MAIL command");
        };
        let Some(collector) = transaction.collector.take() else {
            return Reply::with(503, (5, 0, 0), "Need DATA command");
        };
        let collected = collector.finish();
        self.keep_id(&transaction);
        let id = transaction.id;
        let given = block::parse(&collected.header);
        let outcome = self.complete(transaction, given, collected).await;
        self.end_current();
        match outcome {
            Ok(claim) => {
                if let Some(claim) = claim {
                    let service = &self.service;
                    service.intake.deliver(claim, service.daemon.delivery_mode);
                }
                accepted(id.as_str())
            }
            Err(reply) => reply,
        }
    }

    /// The checks of the whole, the header repaired, the message made
    /// durable. `None` for one that was discarded.
    pub(super) async fn complete(
        &mut self,
        mut transaction: Box<Transaction>,
        given: Header,
        collected: Collected,
    ) -> Result<Option<Claim>, Reply> {
        transaction.envelope.size = collected.size;
        transaction.envelope.has_8bit = collected.has_8bit;
        self.measure(&mut transaction, &given);
        let fault = self.fault(&transaction, &collected);
        let is_fault = fault.is_some();
        let mut refusal = fault;
        if refusal.is_none() {
            refusal = self
                .content_checks(&mut transaction, &given, collected.size)
                .await;
        }
        let service = Arc::clone(&self.service);
        let repaired = header::repair(&service, given, &mut transaction);
        if refusal.is_none() {
            refusal = self.too_many_hops(&transaction, repaired.hops);
        }
        let id = repaired.message_id.clone();
        if let Some(reply) = refusal {
            self.note_from(&transaction, transaction.envelope.size, Some(id.as_bstr()));
            if is_fault {
                self.note_size(&transaction, &collected);
            }
            self.note_refused(&transaction, &reply);
            return Err(reply);
        }
        if transaction.discard {
            self.note_discarded(&transaction, id.as_bstr());
            return Ok(None);
        }
        self.commit(transaction, repaired, collected)
            .await
            .map(Some)
    }

    /// Class and priority: what they weigh in the queue.
    fn measure(&self, transaction: &mut Transaction, given: &Header) {
        let limits = &self.service.limits;
        let envelope = &mut transaction.envelope;
        envelope.class = header::read_class(&self.service, given);
        envelope.no_body_return |= envelope.class < 0;
        let recipients = i64::try_from(envelope.recipients.len()).unwrap_or(i64::MAX);
        let size = i64::try_from(envelope.size).unwrap_or(i64::MAX);
        envelope.priority = size
            .saturating_sub(i64::from(envelope.class).saturating_mul(limits.class_factor))
            .saturating_add(recipients.saturating_mul(limits.recipient_factor));
    }

    /// The refusal of a message that could not be kept.
    fn fault(&self, transaction: &Transaction, collected: &Collected) -> Option<Reply> {
        let limits = &self.service.limits;
        let faults = &collected.faults;
        if faults.header_too_large {
            let max = limits.header_bytes_max;
            let line = bstr::concat([
                format!("headers too large ({max} max) from ").as_bytes(),
                &self.client.name,
                b" during message collect",
            ]);
            self.note_other(transaction, Priority::Notice, 6, &line);
        }
        if let Some(error) = &faults.spool {
            return Some(self.trouble(transaction, error));
        }
        if faults.too_large {
            let max = limits.message_bytes_max.unwrap_or(0);
            let text = format!("Message exceeds maximum fixed size ({max})");
            return Some(Reply::with(552, (5, 2, 3), text));
        }
        if faults.header_too_large {
            let max = limits.header_bytes_max;
            let text = format!("Headers too large ({max} max)");
            return Some(Reply::with(552, (5, 6, 0), text));
        }
        let declared = transaction.envelope.body_type == Some(BodyType::EightBitMime);
        if limits.strict_8bit && collected.has_8bit && !declared {
            return Some(Reply::with(554, (5, 6, 1), "Eight bit data not allowed"));
        }
        None
    }

    fn note_size(&self, transaction: &Transaction, collected: &Collected) {
        if collected.faults.too_large {
            let max = self.service.limits.message_bytes_max.unwrap_or(0);
            let size = collected.size;
            let line = format!("message size ({size}) exceeds maximum ({max})");
            self.note_other(transaction, Priority::Notice, 6, line.as_bytes());
        }
    }

    /// Header rulesets, `check_eoh`, `check_eom`.
    async fn content_checks(
        &mut self,
        transaction: &mut Transaction,
        given: &Header,
        size: u64,
    ) -> Option<Reply> {
        if let Some(reply) = self.header_checks(transaction, given).await {
            return Some(reply);
        }
        let count = given.fields().len().to_string();
        let length: usize = given
            .fields()
            .iter()
            .map(|f| f.name.len() + f.value.len() + 2)
            .sum();
        let (length, size) = (length.to_string(), size.to_string());
        transaction.macros.set(b"msg_size", size.as_str());
        let eoh: [&[u8]; 2] = [count.as_bytes(), length.as_bytes()];
        let checks: [(&'static str, &[&[u8]]); 2] =
            [("check_eoh", &eoh), ("check_eom", &[size.as_bytes()])];
        for (ruleset, arguments) in checks {
            match self
                .check(ruleset, arguments, &mut transaction.macros)
                .await
            {
                Checked::Refuse(reply) => return Some(reply),
                other => apply(transaction, other),
            }
        }
        None
    }

    /// The rulesets that `H` lines give fields to.
    async fn header_checks(
        &mut self,
        transaction: &mut Transaction,
        given: &Header,
    ) -> Option<Reply> {
        let service = Arc::clone(&self.service);
        let lines = &service.site.config.headers;
        let check_of = |name: &[u8]| {
            lines.iter().find_map(|line| match &line.action {
                HeaderAction::Check { ruleset, .. } if line.name.eq_ignore_ascii_case(name) => {
                    Some(ruleset)
                }
                _ => None,
            })
        };
        let default = check_of(b"*");
        if !lines
            .iter()
            .any(|line| matches!(line.action, HeaderAction::Check { .. }))
        {
            return None;
        }
        for field in given.fields() {
            let has_line = lines
                .iter()
                .any(|line| line.name.eq_ignore_ascii_case(&field.name));
            let ruleset = match check_of(&field.name) {
                Some(ruleset) => ruleset,
                None if has_line => continue,
                None => match default {
                    Some(ruleset) => ruleset,
                    None => continue,
                },
            };
            let value = field.text();
            let macros = &mut transaction.macros;
            macros.set(b"hdr_name", field.name.clone());
            macros.set(b"currHeader", value.to_owned());
            macros.set(b"hdrlen", value.len().to_string());
            let name = ruleset.to_str_lossy();
            let verdict = service.site.check(&name, &[value], macros).await;
            match self.judge(&name, &[value], verdict) {
                Checked::Refuse(reply) => return Some(reply),
                other => apply(transaction, other),
            }
        }
        None
    }

    /// A message that has come too far: it goes in a circle.
    ///
    /// `// departs:` the reference takes it and returns it; refused here, it
    /// makes no report to a sender who may be forged.
    fn too_many_hops(&self, transaction: &Transaction, hops: usize) -> Option<Reply> {
        let max = self.service.limits.hops_max;
        if max == 0 || hops <= max {
            return None;
        }
        let first = transaction.envelope.recipients.first();
        let text = bstr::concat([
            format!("Too many hops {hops} ({max} max): from ").as_bytes(),
            &transaction.envelope.shown_sender(),
            b" via ",
            &self.client.name,
            b", to ",
            &first
                .map(crate::envelope::Recipient::shown)
                .unwrap_or_default(),
        ]);
        let event = Event::SystemError {
            user: b"root",
            text: &text,
        };
        self.service.note(transaction.id, &event);
        Some(Reply::with(554, (5, 4, 6), text))
    }

    /// A check wanted it to vanish: the client hears nothing of it.
    fn note_discarded(&self, transaction: &Transaction, message_id: &BStr) {
        self.note_from(transaction, transaction.envelope.size, Some(message_id));
        self.note_other(transaction, Priority::Info, 5, b"discarded");
        if let Some(sender) = &transaction.sender {
            self.service.log.count(Counted::Discarded {
                mailer: mailer_index(sender.mailer),
            });
        }
    }

    /// Makes the message durable; only then it is ours.
    async fn commit(
        &mut self,
        mut transaction: Box<Transaction>,
        repaired: Repaired,
        collected: Collected,
    ) -> Result<Claim, Reply> {
        let service = Arc::clone(&self.service);
        transaction.envelope.macros = kept_macros(&transaction);
        let body = collected.writer.finish().await;
        let body = body.map_err(|error| self.trouble(&transaction, &error))?;
        let id = transaction.id;
        let nobody = Envelope::new("", transaction.envelope.created);
        let envelope = std::mem::replace(&mut transaction.envelope, nobody);
        // The log line wants what the queue will own.
        let summary = Summary::of(&envelope, &repaired);
        let message = Message {
            id,
            envelope,
            header: repaired.header,
            body,
        };
        match service.spool.accept(message).await {
            Ok(claim) => {
                summary.log(self, &transaction);
                Ok(claim)
            }
            Err(error) => {
                service.spool.discard(id);
                Err(self.trouble(&transaction, &error))
            }
        }
    }

    /// Logs trouble with the spool; what the client hears of it.
    fn trouble(&self, transaction: &Transaction, error: &SpoolError) -> Reply {
        self.note_other(transaction, SPOOL_TROUBLE, 1, &spool_trouble(error));
        spool_reply(error)
    }

    /// A refused message leaves its trace: to whom it went, why it did not.
    fn note_refused(&self, transaction: &Transaction, reply: &Reply) {
        let shown: Vec<BString> = transaction
            .envelope
            .recipients
            .iter()
            .map(crate::envelope::Recipient::shown)
            .collect();
        let shown: Vec<&[u8]> = shown.iter().map(|s| s.as_slice()).collect();
        let stat = bstr::join(" ", reply.lines());
        let now = self.service.clock.now();
        let delay = now.duration_since(transaction.envelope.created);
        let event = Event::Delivery(Delivery {
            recipients: &shown,
            controller: None,
            delay: delay.unwrap_or_default(),
            attempt: None,
            mailer: None,
            priority: transaction.envelope.priority,
            relay: None,
            dsn: None,
            quarantine: None,
            attempts: None,
            reply: None,
            stat: &stat,
        });
        self.service.note(transaction.id, &event);
    }

    fn note_other(&self, transaction: &Transaction, priority: Priority, level: u8, text: &[u8]) {
        self.service
            .note(transaction.id, &Event::Other(priority, level, text));
    }
}

/// What the log says of an accepted message, taken before the queue owns it.
struct Summary {
    class: i32,
    size: u64,
    recipients: usize,
    body_type: Option<BodyType>,
    quarantine: Option<BString>,
    message_id: BString,
}

impl Summary {
    fn of(envelope: &Envelope, repaired: &Repaired) -> Self {
        Self {
            class: envelope.class,
            size: envelope.size,
            recipients: envelope.recipients.len(),
            body_type: envelope.body_type,
            quarantine: envelope.quarantine.clone(),
            message_id: repaired.message_id.clone(),
        }
    }

    fn log(&self, session: &Session, transaction: &Transaction) {
        let protocol = session.macros.text(b"r");
        let event = Event::Accepted(crate::base::maillog::Accepted {
            sender: &transaction.given,
            size: self.size,
            class: self.class,
            recipients: self.recipients,
            message_id: Some(&self.message_id),
            body_type: self.body_type.map(BodyType::as_str),
            protocol: Some(protocol.as_slice()).filter(|p| !p.is_empty()),
            daemon: (!session.client.is_local).then_some(session.service.daemon.name.as_slice()),
            relay: &session.client.shown,
        });
        session.service.note(transaction.id, &event);
        if let Some(why) = &self.quarantine {
            let text = bstr::concat([b"quarantine=".as_slice(), why]);
            session.note_other(transaction, Priority::Info, 5, &text);
        }
        if let Some(sender) = &transaction.sender {
            let mailer = mailer_index(sender.mailer);
            let what = match self.quarantine {
                Some(_) => Counted::Quarantined { mailer },
                None => Counted::From {
                    mailer,
                    size_bytes: self.size,
                },
            };
            session.service.log.count(what);
        }
    }
}

fn kept_macros(transaction: &Transaction) -> Vec<(BString, BString)> {
    KEPT_MACROS
        .iter()
        .map(|name| {
            let bare = name.trim_matches(['{', '}']);
            (
                BString::from(*name),
                transaction.macros.text(bare.as_bytes()),
            )
        })
        .collect()
}

//! The end of a message: the checks of header and whole, the envelope made
//! complete, the commit, and only then 250.

use std::sync::Arc;

use bstr::{BString, ByteSlice};

use super::collect::Collected;
use super::header::{self, Repaired};
use super::questions::{Checked, SPOOL_TROUBLE, apply, mailer_index, spool_reply, spool_trouble};
use super::session::Session;
use super::transaction::{Transaction, one_line};
use crate::base::Reply;
use crate::base::maillog::{Delivery, Event, Priority};
use crate::envelope::Envelope;
use crate::message::{Header, block};
use crate::queue::{Claim, Message, SpoolError};
use crate::smtp::BodyType;
use crate::smtp::server::accepted;
use crate::world::Counted;

/// Macros that delivery needs again.
const KEPT_MACROS: &[&str] = &["_", "r", "s", "{daemon_flags}", "{requiretls}"];

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
                    let mode = self.service.delivery_mode(claim.message.envelope.priority);
                    self.service.intake.deliver(claim, mode);
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
            refusal = self.header_checks(&mut transaction, &given).await;
        }
        let service = Arc::clone(&self.service);
        let repaired = header::repair(&service, given, &mut transaction);
        if refusal.is_none() {
            refusal = self.too_many_hops(&transaction, repaired.hops);
        }
        let id = repaired.message_id.as_bstr();
        self.note_from(&transaction, transaction.envelope.size, Some(id));
        if is_fault {
            self.note_size(&transaction, &collected);
        }
        if refusal.is_none() {
            transaction.macros.set(b"msg_id", one_line(id));
            refusal = self.check_whole(&mut transaction, collected.size).await;
        }
        if let Some(reply) = refusal {
            self.note_refused(&transaction, &reply);
            return Err(reply);
        }
        if transaction.discard {
            self.note_discarded(&transaction);
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
        // Who is not known may ask to be less urgent, not more (RFC 6710,
        // section 5).
        let is_known = !self.macros.text(b"auth_type").is_empty();
        let wish = match transaction.mt_priority {
            wish if wish > 0 && !is_known => 0,
            wish => i64::from(wish),
        };
        let recipients = i64::try_from(envelope.recipients.len()).unwrap_or(i64::MAX);
        let size = i64::try_from(envelope.size).unwrap_or(i64::MAX);
        envelope.priority = size
            .saturating_sub(i64::from(envelope.class).saturating_mul(limits.class_factor))
            .saturating_sub(wish.saturating_mul(limits.class_factor))
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
        if faults.nul {
            return Some(Reply::with(554, (5, 6, 1), "NUL byte not allowed"));
        }
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

    /// The rulesets that `H` lines give fields to, then `check_eoh`. Every
    /// field is shown to its ruleset, whatever was said of another; the first
    /// refusal counts.
    async fn header_checks(
        &mut self,
        transaction: &mut Transaction,
        given: &Header,
    ) -> Option<Reply> {
        let service = Arc::clone(&self.service);
        let mut refusal = None;
        for field in given.fields() {
            let Some((ruleset, keep_comments)) = service.field_checks.of(&field.name) else {
                continue;
            };
            // sendmail: the value as it came, its leading blank included.
            let value: BString = field.value.replace("\n", " ").into();
            let macros = &mut transaction.macros;
            macros.set(b"hdr_name", field.name.clone());
            macros.set(b"currHeader", one_line(&value));
            macros.set(b"hdrlen", value.len().to_string());
            let verdict = service
                .site
                .check_text(ruleset, &value, keep_comments, macros)
                .await;
            match self.judge(ruleset, &[&value], verdict) {
                Checked::Refuse(reply) => refusal = refusal.or(Some(reply)),
                other => apply(transaction, other),
            }
        }
        let count = given.fields().len().to_string();
        let length = given.fields().iter();
        let length: usize = length.map(|f| f.name.len() + f.value.len() + 2).sum();
        // sendmail: the line that ends the header counts.
        let length = (length + 1).to_string();
        let arguments: [&[u8]; 2] = [count.as_bytes(), length.as_bytes()];
        let checked = self
            .check("check_eoh", &arguments, &mut transaction.macros)
            .await;
        match checked {
            Checked::Refuse(reply) => refusal = refusal.or(Some(reply)),
            other => apply(transaction, other),
        }
        refusal
    }

    /// `check_eom`.
    async fn check_whole(&mut self, transaction: &mut Transaction, size: u64) -> Option<Reply> {
        let size = size.to_string();
        transaction.macros.set(b"msg_size", size.as_str());
        let arguments: [&[u8]; 1] = [size.as_bytes()];
        let checked = self
            .check("check_eom", &arguments, &mut transaction.macros)
            .await;
        match checked {
            Checked::Refuse(reply) => return Some(reply),
            other => apply(transaction, other),
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
    fn note_discarded(&self, transaction: &Transaction) {
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
        let (size, held) = (envelope.size, envelope.quarantine.is_some());
        let message = Message {
            id,
            envelope,
            header: repaired.header,
            body,
        };
        match service.spool.accept(message).await {
            Ok(claim) => {
                self.count_accepted(&transaction, size, held);
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

    fn count_accepted(&self, transaction: &Transaction, size_bytes: u64, held: bool) {
        if let Some(sender) = &transaction.sender {
            let mailer = mailer_index(sender.mailer);
            self.service.log.count(match held {
                true => Counted::Quarantined { mailer },
                false => Counted::From { mailer, size_bytes },
            });
        }
    }

    fn note_other(&self, transaction: &Transaction, priority: Priority, level: u8, text: &[u8]) {
        self.service
            .note(transaction.id, &Event::Other(priority, level, text));
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
        // What other programs never heard of is kept only when it says something.
        .filter(|(name, value)| name != "{requiretls}" || !value.is_empty())
        .collect()
}

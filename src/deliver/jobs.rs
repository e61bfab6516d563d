//! One job: recipients that go together, over SMTP or LMTP, to programs, files
//! and mailboxes.

use std::time::Duration;

use bstr::{BString, ByteSlice};

use super::agent::MessageText;
use super::convert::{Conversion, Text};
use super::delivery::{Prepared, Work};
use super::local::{self, Way};
use super::plan::{Addressee, Job};
use super::remote::content::Content;
use super::remote::{Errand, Target, Where};
use super::result::Verdict;
use crate::base::{Enhanced, Sysexit};
use crate::envelope::{Envelope, Recipient};
use crate::queue::{self, Body};
use crate::rewrite::MacroTable;
use crate::smtp::client::{Rcpt, Transaction};
use crate::smtp::{DeliverBy, MailParameters, Notify, RcptParameters};

impl Work<'_> {
    pub(super) async fn run_remote(&self, job: &Job, prepared: Prepared) -> Vec<Verdict> {
        let mailer = self.site.mailer(job.mailer);
        match Target::of(mailer, &prepared.macros) {
            Ok(target) => {
                let send = async |errand: &Errand<'_>| self.deliverer.remote.send(errand).await;
                self.on_errand(job, prepared, target, send).await
            }
            Err(text) => {
                let verdict = Verdict::failed(Enhanced::new(5, 3, 5), Sysexit::Config)
                    .saying(format!("554 5.3.5 {text}"));
                vec![verdict; job.recipients.len()]
            }
        }
    }

    /// LMTP with a program.
    pub(super) async fn run_lmtp_program(&self, job: &Job, prepared: Prepared) -> Vec<Verdict> {
        let mailer = self.site.mailer(job.mailer);
        let macros = prepared.macros.clone();
        let visit = job.recipients.first().and_then(|first| {
            let empty = MessageText {
                header: bytes::Bytes::new(),
                body: Body::Memory(bytes::Bytes::new()),
            };
            self.visit(job, first, &macros, empty)
        });
        let Some(visit) = visit else {
            return Vec::new();
        };
        let target = Target {
            to: Where::Socket(mailer.path.clone()),
            flags: mailer.flags,
            messages_max: 0,
        };
        let (deliverer, name) = (self.deliverer, mailer.name.as_bstr());
        let talk = async |errand: &Errand<'_>| {
            let talked = deliverer.local.converse(visit, |stream| {
                let stream = Box::new(stream);
                deliverer.remote.converse(errand, name, stream)
            });
            let refused = |verdict: Box<Verdict>| vec![*verdict; job.recipients.len()];
            talked.await.unwrap_or_else(refused)
        };
        self.on_errand(job, prepared, target, talk).await
    }

    /// Has a message brought to somebody whom SMTP or LMTP is spoken with.
    async fn on_errand(
        &self,
        job: &Job,
        prepared: Prepared,
        target: Target,
        bring: impl AsyncFnOnce(&Errand<'_>) -> Vec<Verdict>,
    ) -> Vec<Verdict> {
        let mailer = self.site.mailer(job.mailer);
        let conversion = Conversion::new(self.site, mailer, self.message);
        let text = conversion.usual(Text {
            header: prepared.header,
            body: self.message.body.clone(),
        });
        let content = |text: Text| Content {
            header: text.header,
            body: text.body,
            eol: mailer.eol.clone(),
            line_max: usize::try_from(mailer.line_max).unwrap_or(0),
        };
        let seven_bit = || conversion.seven_bit(&text).map(content);
        let mut transaction = self.transaction(job, prepared.sender);
        transaction.parameters.body = conversion.body_type();
        let errand = Errand {
            site: self.site,
            resolver: self.resolver,
            mailer_id: job.mailer,
            target,
            transaction,
            content: &content(text.clone()),
            seven_bit: &seven_bit,
            is_first: self.message.envelope.attempts == 0,
            tls_optional: self.tls_is_optional(),
        };
        bring(&errand).await
    }

    fn transaction(&self, job: &Job, sender: BString) -> Transaction {
        let envelope = &self.message.envelope;
        Transaction {
            sender,
            parameters: self.parameters(envelope),
            recipients: job
                .recipients
                .iter()
                .map(|addressee| Rcpt {
                    address: addressee.user.clone(),
                    parameters: envelope
                        .recipients
                        .get(addressee.recipient)
                        .map(passed_on)
                        .unwrap_or_default(),
                })
                .collect(),
        }
    }

    fn parameters(&self, envelope: &Envelope) -> MailParameters {
        let left = |limit: Duration| {
            let age = self
                .began
                .duration_since(envelope.created)
                .unwrap_or_default();
            let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
            seconds(limit) - seconds(age)
        };
        MailParameters {
            // Not passed on: what the message weighs is in its priority.
            mt_priority: 0,
            size: Some(envelope.size),
            body: envelope.body_type,
            envid: envelope.envid.clone(),
            ret: envelope.ret,
            auth: envelope.auth.clone(),
            by: envelope.deliver_by.map(|(limit, returns)| DeliverBy {
                seconds: left(limit),
                returns,
                trace: false,
            }),
            smtputf8: envelope.smtputf8,
            require_tls: envelope.requires_tls(),
        }
    }

    /// `TLS-Required: No` (RFC 8689, section 5).
    fn tls_is_optional(&self) -> bool {
        let field = self.message.header.get("TLS-Required");
        field.is_some_and(|field| field.text().trim().eq_ignore_ascii_case(b"no"))
    }

    pub(super) async fn run_local(&self, job: &Job, prepared: Prepared) -> Vec<Verdict> {
        let mailer = self.site.mailer(job.mailer);
        let text = Conversion::new(self.site, mailer, self.message).usual(Text {
            header: prepared.header.clone(),
            body: self.message.body.clone(),
        });
        let text = MessageText {
            header: text.header,
            body: text.body,
        };
        let gone = || Verdict::deferred(Enhanced::new(4, 3, 0), b"recipient is gone");
        // A program that takes several recipients takes them at once.
        let together = local::way(mailer) == Way::Program && mailer.flags.has(b'm');
        let visitors = match together {
            true => job.recipients.get(..1).unwrap_or_default(),
            false => &job.recipients,
        };
        let visits = visitors.iter().map(|addressee| {
            let (prepared, text) = (&prepared, text.clone());
            async move {
                let local = &self.deliverer.local;
                let mut macros = prepared.macros.clone();
                macros.set(b"u", addressee.user.clone());
                if let Some(home) = local.home(&addressee.user) {
                    macros.set(b"z", home.as_os_str().as_encoded_bytes());
                }
                let Some(mut visit) = self.visit(job, addressee, &macros, text) else {
                    return gone();
                };
                if together {
                    // The log names them the other way round.
                    let users = job.recipients.iter().rev();
                    visit.users = users.map(|one| one.user.clone()).collect();
                }
                local.deliver(visit).await
            }
        });
        let mut verdicts = futures_util::future::join_all(visits).await;
        if together {
            let one = verdicts.first().cloned().unwrap_or_else(gone);
            verdicts.resize(job.recipients.len(), one);
        }
        verdicts
    }

    /// A call on one recipient of this machine.
    fn visit<'v>(
        &'v self,
        job: &'v Job,
        addressee: &'v Addressee,
        macros: &'v MacroTable,
        text: MessageText,
    ) -> Option<local::Visit<'v>> {
        Some(local::Visit {
            site: self.site,
            mailer: self.site.mailer(job.mailer),
            recipient: self.message.envelope.recipients.get(addressee.recipient)?,
            user: addressee.user.as_bstr(),
            users: vec![addressee.user.clone()],
            macros,
            is_first: self.occasion == queue::Occasion::Accepted,
            text,
        })
    }
}

/// What the next host is told of a recipient's reports. Of one that expansion
/// made, we report ourselves.
fn passed_on(recipient: &Recipient) -> RcptParameters {
    if recipient.primary || recipient.notify == Notify::NEVER {
        return RcptParameters {
            notify: recipient.notify,
            orcpt: recipient.orcpt.clone(),
        };
    }
    RcptParameters::default()
}

//! The header as one mailer sends it: fields chosen by its flags, addresses
//! rewritten by its rules, templates filled in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bstr::{BString, ByteSlice};
use bytes::Bytes;

use crate::message::{Field, addresses};
use crate::queue::Message;
use crate::rewrite::{MacroTable, expand};
use crate::route::rewriting::{Rewritten, Role};
use crate::route::{MailerId, Site};

/// Fields that name who sends.
const SENDER_FIELDS: &[&str] = &[
    "From",
    "Sender",
    "Reply-To",
    "Errors-To",
    "Return-Receipt-To",
    "Resent-From",
    "Resent-Sender",
    "Resent-Reply-To",
];
/// Fields that name who receives.
const RECIPIENT_FIELDS: &[&str] = &[
    "To",
    "Cc",
    "Bcc",
    "Apparently-To",
    "Resent-To",
    "Resent-Cc",
    "Resent-Bcc",
];

/// Addresses are rewritten again after this: maps may have changed.
const REMEMBER: Duration = Duration::from_secs(2);
/// Addresses that are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// Writes headers, and remembers addresses that were rewritten lately.
#[derive(Default)]
pub(super) struct Composer {
    known: Mutex<HashMap<Question, (Instant, BString)>>,
}

/// What decides how an address is rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    site: usize,
    mailer: MailerId,
    role: Role,
    address: BString,
}

/// A map that was needed could not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TryLater;

impl Composer {
    /// The sender as a mailer gets it (`$g`).
    ///
    /// # Errors
    /// [`TryLater`] when a map could not be asked.
    pub(super) async fn sender(
        &self,
        site: &Arc<Site>,
        mailer: MailerId,
        sender: &[u8],
        macros: &mut MacroTable,
    ) -> Result<BString, TryLater> {
        self.rewrite(site, mailer, sender, Role::EnvelopeSender, macros)
            .await
    }

    /// The header of a message for a mailer, with the empty line at its end.
    /// `macros` has what templates ask for.
    ///
    /// # Errors
    /// [`TryLater`] when a map could not be asked.
    pub(super) async fn header(
        &self,
        site: &Arc<Site>,
        mailer: MailerId,
        message: &Message,
        macros: &mut MacroTable,
    ) -> Result<Bytes, TryLater> {
        let mut out = Vec::with_capacity(1024);
        let flags = site.mailer(mailer).flags;
        for field in message.header.fields() {
            let wanted = field.flags.is_empty() || field.flags.iter().any(|flag| flags.has(*flag));
            let is_blind = field.is("Bcc") || field.is("Resent-Bcc");
            if !wanted || (is_blind && message.envelope.delete_bcc) {
                continue;
            }
            self.field(site, mailer, field, macros, &mut out).await?;
        }
        out.push(b'\n');
        Ok(out.into())
    }

    async fn field(
        &self,
        site: &Arc<Site>,
        mailer: MailerId,
        field: &Field,
        macros: &mut MacroTable,
        out: &mut Vec<u8>,
    ) -> Result<(), TryLater> {
        out.extend_from_slice(&field.name);
        out.push(b':');
        let role = role_of(field);
        if field.is_template {
            out.extend_from_slice(&expand(&field.value, macros));
        } else if let Some(role) = role {
            let value = self.addresses(site, mailer, field, role, macros).await?;
            out.extend_from_slice(&value);
        } else {
            out.extend_from_slice(&field.value);
        }
        out.push(b'\n');
        Ok(())
    }

    /// The value of an address field, each address rewritten.
    async fn addresses(
        &self,
        site: &Arc<Site>,
        mailer: MailerId,
        field: &Field,
        role: Role,
        macros: &mut MacroTable,
    ) -> Result<Vec<u8>, TryLater> {
        let items = addresses::split(&field.value);
        if items.is_empty() {
            return Ok(field.value.to_vec());
        }
        let mut texts = Vec::with_capacity(items.len());
        for item in &items {
            texts.push(match item.text {
                b"" => BString::default(),
                text => self.rewrite(site, mailer, text, role, macros).await?,
            });
        }
        let mut value = b" ".to_vec();
        let column = field.name.len() + 2;
        let texts = texts.iter().map(|text| text.as_bytes());
        value.extend_from_slice(&addresses::join(&items, texts, column));
        Ok(value)
    }

    async fn rewrite(
        &self,
        site: &Arc<Site>,
        mailer: MailerId,
        address: &[u8],
        role: Role,
        macros: &mut MacroTable,
    ) -> Result<BString, TryLater> {
        let question = Question {
            site: Arc::as_ptr(site) as usize,
            mailer,
            role,
            address: address.into(),
        };
        let now = Instant::now();
        if let Some(known) = self.remembered(&question, now) {
            return Ok(known);
        }
        let rewritten = site
            .rewrite_address(mailer, address, role, None, macros)
            .await;
        match rewritten {
            Rewritten {
                temporary: true, ..
            } => Err(TryLater),
            Rewritten { text, .. } => {
                self.remember(question, now, text.clone());
                Ok(text)
            }
        }
    }

    fn remembered(&self, question: &Question, now: Instant) -> Option<BString> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (when, text) = known.get(question)?;
        (now.saturating_duration_since(*when) < REMEMBER).then(|| text.clone())
    }

    fn remember(&self, question: Question, now: Instant, text: BString) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(question, (now, text));
    }
}

fn role_of(field: &Field) -> Option<Role> {
    if SENDER_FIELDS.iter().any(|name| field.is(name)) {
        Some(Role::HeaderSender)
    } else if RECIPIENT_FIELDS.iter().any(|name| field.is(name)) {
        Some(Role::HeaderRecipient)
    } else {
        None
    }
}

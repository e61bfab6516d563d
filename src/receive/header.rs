//! Repairs the header of an incoming message: adds what the configuration's
//! `H` lines say, drops what must not go on, and reads what the envelope
//! needs to know.

use bstr::{BString, ByteSlice};

use super::service::Service;
use super::transaction::{Transaction, one_line};
use crate::cf::{HeaderAction, HeaderCondition, HeaderDef, Opt};
use crate::message::{Field, Header, date};
use crate::rewrite::expand;
use crate::route::rewriting::crack;

/// A header as it will be kept, and what it says.
pub(super) struct Repaired {
    pub(super) header: Header,
    /// The last `Message-Id`, given or made.
    pub(super) message_id: BString,
    /// Received lines, ours included.
    pub(super) hops: usize,
}

/// Fields that trace a message's way.
const TRACE: &[&str] = &["Received", "Via", "Mail-From", "X400-Received"];

/// Reads the `Precedence:` class and what else a header says of its envelope.
pub(super) fn read_class(service: &Service, header: &Header) -> i32 {
    let Some(field) = header.get("Precedence") else {
        return 0;
    };
    let word = field.text();
    service
        .site
        .config
        .priorities
        .iter()
        .rev()
        .find(|p| p.name.eq_ignore_ascii_case(word))
        .and_then(|p| i32::try_from(p.value).ok())
        .unwrap_or(0)
}

/// Repairs `header`, which came with the message of `transaction`.
pub(super) fn repair(service: &Service, header: Header, transaction: &mut Transaction) -> Repaired {
    set_macros(service, &header, transaction);
    let given = drop_and_mark(service, header);
    let is_resent = given
        .fields()
        .iter()
        .any(|f| f.name.to_ascii_lowercase().starts_with(b"resent-"));
    let mut fields: Vec<Field> = Vec::with_capacity(given.fields().len() + 8);
    for line in &service.site.config.headers {
        if let Some(field) = added(line, &given, is_resent, transaction, &service.must_quote) {
            fields.push(field);
        }
    }
    for warning in &transaction.warnings {
        let value = bstr::concat([b" ".as_slice(), warning]);
        fields.push(Field::new("X-Authentication-Warning", value));
    }
    let hops = |fields: &[Field]| {
        fields
            .iter()
            .filter(|f| TRACE.iter().any(|name| f.is(name)))
            .count()
    };
    let hops = hops(&fields) + hops(given.fields());
    fields.extend(given.fields().iter().cloned());
    recipients_named(service, &mut fields, transaction);
    let header: Header = fields.into_iter().collect();
    let message_id = header
        .all("Message-Id")
        .last()
        .map(|f| BString::from(f.text()))
        .unwrap_or_default();
    Repaired {
        header,
        message_id,
        hops,
    }
}

/// The macros that `H` lines use.
fn set_macros(service: &Service, header: &Header, transaction: &mut Transaction) {
    let created = transaction.envelope.created;
    let zone = &service.zone;
    let now = date::rfc5322(created, zone);
    let origin = header
        .get("Date")
        .filter(|f| date::parse(f.text()).is_some())
        .map(|f| one_line(f.text()));
    let name = full_name(service, header, transaction);
    let macros = &mut transaction.macros;
    match origin {
        Some(origin) => macros.set(b"a", origin),
        None if macros.raw(b"a").is_some() => {}
        None => macros.set(b"a", now.clone()),
    }
    macros.set(b"b", now);
    macros.set(b"d", date::ctime(created, zone));
    macros.set(b"t", date::minutes(created, zone));
    if let Some(name) = name {
        macros.set(b"x", one_line(&name));
    }
    // `for` in our Received line, when it gives nobody away.
    match transaction.envelope.recipients.as_slice() {
        _ if transaction.is_named => {}
        [only] => macros.set(b"u", one_line(&only.shown())),
        _ => macros.unset(b"u"),
    }
}

/// The full name of a local sender, when it will be shown.
fn full_name(service: &Service, header: &Header, transaction: &Transaction) -> Option<BString> {
    if let Some(field) = header.get("Full-Name") {
        return Some(field.text().into());
    }
    if transaction.full_name.is_some() || transaction.is_other {
        return transaction.full_name.clone();
    }
    if header.get("From").is_some() && header.get("Resent-From").is_some() {
        return None;
    }
    let target = transaction.sender.as_ref()?;
    let flags = service.site.mailer(target.mailer).flags;
    if !flags.has(b'w') || (header.get("From").is_some() && !has_resent(header)) {
        return None;
    }
    let user = service.site.local_user(&target.user).ok().flatten()?;
    Some(user.full_name.clone())
}

fn has_resent(header: &Header) -> bool {
    header
        .fields()
        .iter()
        .any(|f| f.name.to_ascii_lowercase().starts_with(b"resent-"))
}

/// Drops fields that are made anew at delivery, and gives fields that only
/// some mailers send the flags of their `H` line.
fn drop_and_mark(service: &Service, header: Header) -> Header {
    header
        .fields()
        .iter()
        .filter(|f| !f.is("Return-Path") && !f.is("Content-Length"))
        .map(|f| {
            let mut field = f.clone();
            if field.is("Full-Name") {
                field.flags = flags_of(service, "Full-Name");
            }
            field
        })
        .collect()
}

fn flags_of(service: &Service, name: &str) -> BString {
    service
        .site
        .config
        .headers
        .iter()
        .find_map(|line| match &line.condition {
            HeaderCondition::Flags(flags) if line.name.eq_ignore_ascii_case(name.as_bytes()) => {
                Some(flags.iter().collect::<Vec<u8>>().into())
            }
            _ => None,
        })
        .unwrap_or_default()
}

/// The field that an `H` line adds to a message with the fields `given`.
fn added(
    line: &HeaderDef,
    given: &Header,
    is_resent: bool,
    transaction: &Transaction,
    must_quote: &[u8],
) -> Option<Field> {
    let HeaderAction::Template(template) = &line.action else {
        return None;
    };
    let name = line.name.to_str_lossy();
    let is_trace = TRACE.iter().any(|t| t.eq_ignore_ascii_case(&name));
    if !is_trace && given.get(&name).is_some() {
        return None;
    }
    if !is_resent && line.name.to_ascii_lowercase().starts_with(b"resent-") {
        return None;
    }
    let flags: BString = match &line.condition {
        HeaderCondition::Always => BString::default(),
        HeaderCondition::Flags(flags) => flags.iter().collect::<Vec<u8>>().into(),
        HeaderCondition::Macro(name) => {
            transaction.macros.raw(name).filter(|v| !v.is_empty())?;
            BString::default()
        }
    };
    // Bound at delivery: the sender there may be another.
    if line.name.eq_ignore_ascii_case(b"Return-Path") {
        return Some(Field {
            name: line.name.clone(),
            value: bstr::concat([b" ".as_slice(), template.trim_start()]).into(),
            flags,
            is_template: true,
        });
    }
    // The null sender has no name to show.
    let is_from =
        line.name.eq_ignore_ascii_case(b"From") || line.name.eq_ignore_ascii_case(b"Resent-From");
    if is_from && transaction.envelope.sender.is_empty() {
        return None;
    }
    let mut value = expand(template.trim_start(), &transaction.macros);
    if value.trim().is_empty() {
        return None;
    }
    if is_from {
        // The full name may need quotes.
        let cracked = crack(&value, must_quote);
        value = cracked.around(cracked.address);
    }
    Some(Field {
        name: line.name.clone(),
        value: bstr::concat([b" ".as_slice(), &value]).into(),
        flags,
        is_template: false,
    })
}

/// Bcc and NoRecipientAction: who is named in the header.
fn recipients_named(service: &Service, fields: &mut Vec<Field>, transaction: &mut Transaction) {
    let has = |name: &str| fields.iter().any(|f| f.is(name));
    if has("To") || has("Cc") || has("Apparently-To") {
        transaction.envelope.delete_bcc = has("Bcc") || has("Resent-Bcc");
        return;
    }
    if has("Bcc") {
        for field in fields.iter_mut().filter(|f| f.is("Bcc")) {
            field.value = BString::default();
        }
        return;
    }
    let everybody = || {
        let names: Vec<BString> = transaction
            .envelope
            .recipients
            .iter()
            .filter(|r| r.primary && !r.blind)
            .map(|r| r.address.clone())
            .collect();
        bstr::join(", ", names)
    };
    let (name, value): (&str, Vec<u8>) =
        match service.site.config.options.choice(Opt::NoRecipientAction) {
            "add-to" => ("To", everybody()),
            "add-apparently-to" => ("Apparently-To", everybody()),
            "add-bcc" => ("Bcc", Vec::new()),
            "add-to-undisclosed" => ("To", b"undisclosed-recipients:;".to_vec()),
            _ => return,
        };
    let value = if value.is_empty() {
        value
    } else {
        [b" ".as_slice(), &value].concat()
    };
    fields.push(Field::new(name, value));
}

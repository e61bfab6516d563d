//! Repairs the header of an incoming message: adds what the configuration's
//! `H` lines say, drops what must not go on, and reads what the envelope
//! needs to know.

use bstr::{BString, ByteSlice};

use super::service::Service;
use super::transaction::{Transaction, one_line};
use crate::cf::{Config, HeaderAction, HeaderCondition, HeaderDef, Opt};
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

/// An `H` line that adds a field, made ready.
pub(super) struct Line {
    name: BString,
    /// The text, without leading blanks.
    template: BString,
    flags: BString,
    /// This macro must be set.
    condition: Option<BString>,
    kind: LineKind,
    /// `Resent-…`: only for messages that are sent again.
    is_resent: bool,
}

/// Lines that are more than their text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineKind {
    Usual,
    /// Added even when there is one.
    Trace,
    /// Names the sender.
    Sender,
    /// Expanded at delivery.
    Late,
}

/// The `H` lines that give fields to rulesets.
pub(super) struct FieldChecks {
    /// Name of the field, ruleset, whether comments stay in.
    named: Vec<(BString, Option<FieldCheck>)>,
    /// `H*:`
    default: Option<FieldCheck>,
}

struct FieldCheck {
    ruleset: String,
    keep_comments: bool,
}

impl FieldChecks {
    /// Those of a configuration.
    pub(super) fn of_config(config: &Config) -> Self {
        let check = |line: &HeaderDef| match &line.action {
            HeaderAction::Check {
                ruleset,
                keep_comments,
            } => Some(FieldCheck {
                ruleset: ruleset.to_str_lossy().into_owned(),
                keep_comments: *keep_comments,
            }),
            HeaderAction::Template(_) => None,
        };
        let is_default = |line: &&HeaderDef| line.name == "*";
        Self {
            default: config.headers.iter().find(is_default).and_then(check),
            named: config
                .headers
                .iter()
                .map(|line| (line.name.clone(), check(line)))
                .collect(),
        }
    }

    /// The ruleset for a field, and whether comments stay in. A field with a
    /// line of its own that checks nothing is not for `H*:` either.
    pub(super) fn of(&self, name: &[u8]) -> Option<(&str, bool)> {
        let mut own = self
            .named
            .iter()
            .filter(|(of, _)| of.eq_ignore_ascii_case(name))
            .peekable();
        let check = match own.peek() {
            None => self.default.as_ref(),
            Some(_) => own.find_map(|(_, check)| check.as_ref()),
        };
        check.map(|check| (check.ruleset.as_str(), check.keep_comments))
    }
}

/// The `H` lines that add fields, in order.
pub(super) fn lines(config: &Config) -> Vec<Line> {
    config.headers.iter().filter_map(Line::of).collect()
}

impl Line {
    fn of(line: &HeaderDef) -> Option<Self> {
        let HeaderAction::Template(template) = &line.action else {
            return None;
        };
        let (flags, condition) = match &line.condition {
            HeaderCondition::Always => (BString::default(), None),
            HeaderCondition::Flags(flags) => (flags.iter().collect::<Vec<u8>>().into(), None),
            HeaderCondition::Macro(name) => (BString::default(), Some(name.clone())),
        };
        let is = |name: &str| line.name.eq_ignore_ascii_case(name.as_bytes());
        let kind = if TRACE.iter().any(|name| is(name)) {
            LineKind::Trace
        } else if is("From") || is("Resent-From") {
            LineKind::Sender
        } else if is("Return-Path") {
            LineKind::Late
        } else {
            LineKind::Usual
        };
        Some(Self {
            is_resent: is_resent(&line.name),
            name: line.name.clone(),
            template: template.trim_start().into(),
            flags,
            condition,
            kind,
        })
    }
}

fn is_resent(name: &[u8]) -> bool {
    name.get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"resent-"))
}

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
    let is_again = header.fields().iter().any(|f| is_resent(&f.name));
    set_macros(service, &header, is_again, transaction);
    let given = drop_and_mark(service, header);
    let mut fields: Vec<Field> = Vec::with_capacity(given.len() + 8);
    for line in &service.header_lines {
        if let Some(field) = added(line, &given, is_again, transaction, &service.must_quote) {
            fields.push(field);
        }
    }
    for warning in &transaction.warnings {
        let value = bstr::concat([b" ".as_slice(), warning]);
        fields.push(Field::new("X-Authentication-Warning", value));
    }
    fields.extend(given);
    let hops = fields
        .iter()
        .filter(|f| TRACE.iter().any(|name| f.is(name)))
        .count();
    recipients_named(service, &mut fields, transaction);
    let message_id = fields
        .iter()
        .rev()
        .find(|f| f.is("Message-Id"))
        .map(|f| BString::from(f.text()))
        .unwrap_or_default();
    Repaired {
        header: fields.into_iter().collect(),
        message_id,
        hops,
    }
}

/// The macros that `H` lines use.
fn set_macros(service: &Service, header: &Header, is_again: bool, transaction: &mut Transaction) {
    let origin = header
        .get("Date")
        .filter(|f| date::parse(f.text()).is_some())
        .map(|f| one_line(f.text()));
    let name = full_name(service, header, is_again, transaction);
    let stamps = service.stamps(transaction.envelope.created);
    let macros = &mut transaction.macros;
    match origin {
        Some(origin) => macros.set(b"a", origin),
        None if macros.raw(b"a").is_some() => {}
        None => macros.set(b"a", stamps.mail.as_str()),
    }
    macros.set(b"b", stamps.mail.as_str());
    macros.set(b"d", stamps.ctime.as_str());
    macros.set(b"t", stamps.minutes.as_str());
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
fn full_name(
    service: &Service,
    header: &Header,
    is_again: bool,
    transaction: &Transaction,
) -> Option<BString> {
    if let Some(field) = header.get("Full-Name") {
        return Some(field.text().into());
    }
    if transaction.full_name.is_some() || transaction.is_other {
        return transaction.full_name.clone();
    }
    let is_shown =
        header.get("From").is_none() || (is_again && header.get("Resent-From").is_none());
    let target = transaction.sender.as_ref().filter(|_| is_shown)?;
    if !service.site.mailer(target.mailer).flags.has(b'w') {
        return None;
    }
    let user = service.site.local_user(&target.user).ok().flatten()?;
    Some(user.full_name.clone())
}

/// Drops fields that are made anew at delivery, and gives fields that only
/// some mailers send the flags of their `H` line.
fn drop_and_mark(service: &Service, mut header: Header) -> Vec<Field> {
    let mut fields = std::mem::take(header.fields_mut());
    fields.retain(|f| !f.is("Return-Path") && !f.is("Content-Length"));
    for field in fields.iter_mut().filter(|f| f.is("Full-Name")) {
        let line = service
            .header_lines
            .iter()
            .find(|line| line.name.eq_ignore_ascii_case(b"Full-Name"));
        if let Some(line) = line {
            field.flags.clone_from(&line.flags);
        }
    }
    fields
}

/// The field that an `H` line adds to a message with the fields `given`.
fn added(
    line: &Line,
    given: &[Field],
    is_again: bool,
    transaction: &Transaction,
    must_quote: &[u8],
) -> Option<Field> {
    let is_given = || {
        given
            .iter()
            .any(|f| f.name.eq_ignore_ascii_case(&line.name))
    };
    if (line.kind != LineKind::Trace && is_given()) || (line.is_resent && !is_again) {
        return None;
    }
    if let Some(name) = &line.condition {
        transaction.macros.raw(name).filter(|v| !v.is_empty())?;
    }
    // The null sender has no name to show.
    if line.kind == LineKind::Sender && transaction.envelope.sender.is_empty() {
        return None;
    }
    if line.kind == LineKind::Late {
        return Some(field(line, &line.template, true));
    }
    let mut value = expand(&line.template, &transaction.macros);
    if value.trim().is_empty() {
        return None;
    }
    if line.kind == LineKind::Sender {
        // The full name may need quotes.
        let cracked = crack(&value, must_quote);
        value = cracked.around(cracked.address);
    }
    Some(field(line, &value, false))
}

fn field(line: &Line, value: &[u8], is_template: bool) -> Field {
    Field {
        name: line.name.clone(),
        value: bstr::concat([b" ".as_slice(), value]).into(),
        flags: line.flags.clone(),
        is_template,
    }
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

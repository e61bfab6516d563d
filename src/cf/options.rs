//! The values of options, typed by the table.
//!
//! A value is checked when it is set; what cannot be read leaves the option
//! as it was and gives a diagnostic. Reading gives what was set last, or the
//! table's default.

use std::collections::HashMap;
use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};

use super::option_table::{Kind, OPTIONS, Opt, OptionRow};
use super::text::leading_number;
use crate::base::{Diagnostic, Origin, interval};

/// One value, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionValue {
    /// The text, macros unexpanded.
    pub text: BString,
    /// Where it was set.
    pub origin: Origin,
}

/// All options that were set, and the defaults of the rest.
#[derive(Clone, Debug, Default)]
pub struct Options {
    values: HashMap<Opt, Vec<OptionValue>>,
}

impl Options {
    /// Sets an option, or adds a value to one that takes many.
    ///
    /// # Errors
    /// A diagnostic in sendmail's words when the value is not of the kind
    /// that the option takes; the option stays as it was.
    pub fn set(&mut self, opt: Opt, text: &[u8], origin: &Origin) -> Result<(), Box<Diagnostic>> {
        let row = opt.row();
        check(row, text).map_err(|message| {
            Box::new(
                Diagnostic::error("cf-option-value", origin.clone(), message).help(format!(
                    "{} takes {}",
                    row.name,
                    row.kind.describe()
                )),
            )
        })?;
        let values = self.values.entry(opt).or_default();
        if !row.many {
            values.clear();
        }
        values.push(OptionValue {
            text: text.into(),
            origin: origin.clone(),
        });
        Ok(())
    }

    /// Forgets what was set; the default holds again.
    pub fn clear(&mut self, opt: Opt) {
        self.values.remove(&opt);
    }

    /// Whether it was set.
    pub fn is_set(&self, opt: Opt) -> bool {
        self.values.contains_key(&opt)
    }

    /// Every value of an option that takes many, in order; of another, its
    /// one value. Empty when it was not set.
    pub fn all(&self, opt: Opt) -> &[OptionValue] {
        self.values.get(&opt).map_or(&[], Vec::as_slice)
    }

    /// The text as it was written, or the default; macros are unexpanded.
    pub fn text(&self, opt: Opt) -> &BStr {
        self.all(opt)
            .last()
            .map_or(BStr::new(opt.row().default), |value| value.text.as_bstr())
    }

    /// A Boolean.
    pub fn flag(&self, opt: Opt) -> bool {
        match self.all(opt).last() {
            Some(value) => truth(&value.text),
            None => !opt.row().default.is_empty() && truth(opt.row().default.as_bytes()),
        }
    }

    /// A number; `None` when neither set nor given a default.
    pub fn number_or_unset(&self, opt: Opt) -> Option<i64> {
        let text = self.text(opt);
        (!text.is_empty()).then(|| leading_number(text))
    }

    /// A number; 0 when neither set nor given a default.
    pub fn number(&self, opt: Opt) -> i64 {
        self.number_or_unset(opt).unwrap_or(0)
    }

    /// A time interval; `None` when neither set nor given a default.
    pub fn interval_or_unset(&self, opt: Opt) -> Option<Duration> {
        let unit = match opt.row().kind {
            Kind::Interval(unit) => unit,
            _ => 's',
        };
        read_interval(self.text(opt), unit)
    }

    /// A time interval; zero when neither set nor given a default.
    pub fn interval(&self, opt: Opt) -> Duration {
        self.interval_or_unset(opt).unwrap_or_default()
    }

    /// Permission bits; `None` when unset.
    pub fn mode(&self, opt: Opt) -> Option<u32> {
        u32::from_str_radix(self.text(opt).to_str().ok()?.trim(), 8).ok()
    }

    /// Which of an option's words holds: the first that begins with the same
    /// letter. Boolean words count for `true` and `false`.
    pub fn choice(&self, opt: Opt) -> &'static str {
        let row = opt.row();
        let Kind::Choice(words) = row.kind else {
            return "";
        };
        pick(self.text(opt), words)
            .or_else(|| pick(BStr::new(row.default), words))
            .unwrap_or(words[0])
    }

    /// The parts of a list, without the commas and blanks between them.
    pub fn words(&self, opt: Opt) -> Vec<&BStr> {
        let values = self.all(opt);
        if values.is_empty() {
            return split_words(opt.row().default.as_bytes()).collect();
        }
        values
            .iter()
            .flat_map(|value| split_words(&value.text))
            .collect()
    }

    /// The options that were set, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (Opt, &OptionValue)> {
        OPTIONS
            .iter()
            .flat_map(|row| self.all(row.opt).iter().map(move |value| (row.opt, value)))
    }
}

impl Kind {
    /// What the kind takes, in a few words.
    pub fn describe(self) -> String {
        match self {
            Kind::Bool => "True or False".to_owned(),
            Kind::Number => "a number".to_owned(),
            Kind::Interval(unit) => format!("a time such as 4h or 1d12h (default unit {unit})"),
            Kind::Mode => "permissions in octal, such as 0600".to_owned(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::Words => "a list of words".to_owned(),
            Kind::User => "a user, user:group or uid:gid".to_owned(),
            Kind::Path => "the name of a file".to_owned(),
            Kind::Text => "text".to_owned(),
        }
    }
}

/// The parts of a list divided by commas and blanks.
fn split_words(text: &[u8]) -> impl Iterator<Item = &BStr> {
    text.split(|&byte| byte == b',' || byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty())
        .map(BStr::new)
}

/// Sendmail reads a Boolean by its first letter; an empty value is true.
fn truth(text: &[u8]) -> bool {
    let first = text.first();
    first.is_none_or(|byte| matches!(byte, b't' | b'T' | b'y' | b'Y' | b'1'))
}

fn pick(text: &BStr, words: &'static [&'static str]) -> Option<&'static str> {
    // Whole words first: `none` and `add-to` share letters with others.
    if let Some(word) = words
        .iter()
        .find(|word| text.eq_ignore_ascii_case(word.as_bytes()))
    {
        return Some(word);
    }
    let first = match text.first()?.to_ascii_lowercase() {
        b'y' | b'1' if words.contains(&"true") => b't',
        b'n' | b'0' if words.contains(&"false") => b'f',
        other => other,
    };
    words
        .iter()
        .find(|word| word.as_bytes()[0].to_ascii_lowercase() == first)
        .copied()
}

fn read_interval(text: &[u8], unit: char) -> Option<Duration> {
    let text = text.to_str().ok()?;
    if text.is_empty() {
        return None;
    }
    if text.eq_ignore_ascii_case("now") {
        return Some(Duration::ZERO);
    }
    interval::parse(text, unit).ok()
}

/// What is wrong with a value, in sendmail's words.
fn check(row: &OptionRow, text: &[u8]) -> Result<(), String> {
    match row.kind {
        Kind::Interval(unit) if read_interval(text, unit).is_none() => bad_unit(text),
        Kind::Mode
            if !text
                .trim_ascii()
                .iter()
                .all(|byte| (b'0'..=b'7').contains(byte)) =>
        {
            Err(format!(
                "invalid mode \"{}\" for option {}",
                BStr::new(text),
                row.name
            ))
        }
        Kind::Choice(words) if pick(BStr::new(text), words).is_none() => bad_choice(row.opt, text),
        _ => Ok(()),
    }
}

/// Names the first letter that is no unit of time. Text that means nothing
/// without having such a letter counts as zero.
fn bad_unit(text: &[u8]) -> Result<(), String> {
    let bad = text.iter().find(|byte| {
        !byte.is_ascii_digit() && !byte.is_ascii_whitespace() && !b"wdhmsWDHMS".contains(byte)
    });
    match bad {
        Some(byte) => Err(format!("Invalid time unit `{}'", char::from(*byte))),
        None => Ok(()),
    }
}

fn bad_choice(opt: Opt, text: &[u8]) -> Result<(), String> {
    let shown = BStr::new(text);
    let first = BStr::new(&text[..text.len().min(1)]);
    match opt {
        Opt::EightBitMode => Err(format!("Unknown 8-bit mode {first}")),
        Opt::DeliveryMode if text.is_empty() => Ok(()),
        Opt::DeliveryMode => Err(format!("Unknown delivery mode {first}")),
        Opt::QueueSortOrder => Err(format!("Invalid queue sort order \"{shown}\"")),
        Opt::NoRecipientAction => Err(format!("Invalid NoRecipientAction: {shown}")),
        // The others take anything, and what they do not know as the default.
        _ => Ok(()),
    }
}

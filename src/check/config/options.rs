//! Options whose values are accepted, and cannot be meant.

use std::time::Duration;

use bstr::ByteSlice;

use super::{did_you_mean, is_one_of, shown};
use crate::base::{Diagnostic, Origin};
use crate::cf::{Config, Kind, Opt, OptionValue};
use crate::check::codes;

/// What is wrong with the values of options.
pub(super) fn faults(config: &Config, faults: &mut Vec<Diagnostic>) {
    for (opt, value) in config.options.iter() {
        // A macro in it may hold anything.
        if value.text.contains(&b'$') {
            continue;
        }
        faults.extend(match opt.row().kind {
            Kind::Bool => boolean(opt, value),
            Kind::Number => number(opt, value),
            Kind::Choice(words) => choice(opt, value, words),
            _ => None,
        });
    }
    ranges(config, faults);
    halves(config, faults);
}

fn fault(code: &'static str, value: &OptionValue, message: String) -> Diagnostic {
    codes::fault(code, value.origin.clone(), message)
}

/// Words that a Boolean has.
const BOOLEANS: &[&str] = &[
    "true", "false", "yes", "no", "t", "f", "y", "n", "1", "0", "on", "off",
];

fn boolean(opt: Opt, value: &OptionValue) -> Option<Diagnostic> {
    let text = value.text.trim();
    // `on' and `off' begin with no letter that counts.
    let is_on_off = is_one_of(text, &["on", "off"]);
    if text.is_empty() || (is_one_of(text, BOOLEANS) && !is_on_off) {
        return None;
    }
    let means = match text.first() {
        Some(b't' | b'T' | b'y' | b'Y' | b'1') => "True",
        _ => "False",
    };
    if means == "False" && text.eq_ignore_ascii_case(b"off") {
        return None;
    }
    let message = format!("{} takes `{}' for {means}", opt.name(), shown(text));
    let fault = fault("cf-option-bool", value, message);
    Some(did_you_mean(fault, text, &["True", "False"]))
}

/// Options of numbers that take other things too.
const NOT_ONLY_NUMBERS: &[Opt] = &[Opt::SharedMemoryKey, Opt::MinFreeBlocks];

fn number(opt: Opt, value: &OptionValue) -> Option<Diagnostic> {
    let text = value.text.trim();
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.iter().all(u8::is_ascii_digit) || NOT_ONLY_NUMBERS.contains(&opt) {
        return None;
    }
    let read = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let read = match read {
        0 => "0".to_owned(),
        read => digits[..read].to_str_lossy().into_owned(),
    };
    let message = format!("{} takes `{}' for {read}", opt.name(), shown(text));
    Some(fault("cf-option-number", value, message))
}

fn choice(opt: Opt, value: &OptionValue, words: &'static [&'static str]) -> Option<Diagnostic> {
    let text = value.text.trim();
    let folded = text.to_ascii_lowercase();
    let begins_one = words
        .iter()
        .any(|word| word.to_ascii_lowercase().as_bytes().starts_with(&folded));
    let is_boolean = words.contains(&"true") && is_one_of(text, BOOLEANS);
    if text.is_empty() || begins_one || is_boolean {
        return None;
    }
    let by_letter = words.iter().find(|word| {
        word.bytes()
            .next()
            .is_some_and(|first| first.eq_ignore_ascii_case(&folded[0]))
    });
    let message = match by_letter {
        Some(word) => format!(
            "{} takes `{}' for {word}, by its first letter",
            opt.name(),
            shown(text)
        ),
        None => format!("{} has no word `{}'", opt.name(), shown(text)),
    };
    let fault = fault("cf-option-word", value, message);
    let fault = fault.help(format!("It takes {}.", words.join(", ")));
    Some(did_you_mean(fault, text, words))
}

/// A number that was set, when it is nothing else.
fn plain(config: &Config, opt: Opt) -> Option<i64> {
    let value = config.options.all(opt).last()?;
    value.text.trim().to_str().ok()?.parse().ok()
}

/// Values that are of the right kind, and make mail suffer.
fn ranges(config: &Config, faults: &mut Vec<Diagnostic>) {
    let options = &config.options;
    let set = |opt| options.all(opt).last();
    let mut say = |opt: Opt, message: String| {
        if let Some(value) = set(opt) {
            faults.push(fault("cf-option-range", value, message));
        }
    };
    // Fewer bytes than a header alone takes.
    let size = plain(config, Opt::MaxMessageSize).unwrap_or(0);
    if (1..10_000).contains(&size) {
        say(
            Opt::MaxMessageSize,
            format!("every message of more than {size} bytes is refused"),
        );
    }
    if let Some(hops) = plain(config, Opt::MaxHopCount).filter(|hops| *hops < 5) {
        say(
            Opt::MaxHopCount,
            format!("mail that passes {hops} hosts is taken for looping"),
        );
    }
    for opt in [Opt::RefuseLa, Opt::QueueLa] {
        if let Some(load) = plain(config, opt).filter(|load| *load == 0) {
            let what = if opt == Opt::RefuseLa {
                "refused"
            } else {
                "only queued"
            };
            say(opt, format!("at a load of {load}, everything is {what}"));
        }
    }
    let back = options.interval(Opt::TimeoutQueuereturn);
    if options.is_set(Opt::TimeoutQueuereturn) && back < Duration::from_secs(3600) {
        let seconds = back.as_secs();
        say(
            Opt::TimeoutQueuereturn,
            format!("mail that cannot go at once is returned after {seconds} seconds"),
        );
    }
    let warn = options.interval(Opt::TimeoutQueuewarn);
    if options.is_set(Opt::TimeoutQueuewarn) && warn >= back && !back.is_zero() {
        say(
            Opt::TimeoutQueuewarn,
            "the warning comes no sooner than the return of the message".to_owned(),
        );
    }
}

/// Certificates without keys, and keys without certificates.
fn halves(config: &Config, faults: &mut Vec<Diagnostic>) {
    let options = &config.options;
    let named = |opt: Opt| -> Option<Origin> {
        let value = options.all(opt).last()?;
        (!value.text.trim().is_empty()).then(|| value.origin.clone())
    };
    for (cert, key) in [
        (Opt::ServerCertFile, Opt::ServerKeyFile),
        (Opt::ClientCertFile, Opt::ClientKeyFile),
    ] {
        let (has, lacks, origin) = match (named(cert), named(key)) {
            (Some(origin), None) => (cert, key, origin),
            (None, Some(origin)) => (key, cert, origin),
            _ => continue,
        };
        let message = format!("{} is set, {} is not", has.name(), lacks.name());
        faults.push(codes::fault("cf-tls-half", origin, message));
    }
}

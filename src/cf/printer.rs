//! Writes a [`Config`] as `.cf` text again.
//!
//! The text means the same when it is read again; comments and the spelling
//! of the source are not kept.

use std::io::Write as _;

use bstr::{BStr, BString};

use super::config::*;
use super::option_table::OptionRow;

/// Numbers from here on are counted, not given.
const NAMED_ABOVE: u32 = 100;

/// The configuration as text.
pub fn print(config: &Config) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to a vector cannot fail.
    let _ = write_all(config, &mut out);
    out
}

fn write_all(config: &Config, out: &mut Vec<u8>) -> std::io::Result<()> {
    let version = &config.version;
    write!(out, "V{}", version.level)?;
    if !version.vendor.is_empty() {
        write!(out, "/{}", version.vendor)?;
    }
    out.push(b'\n');
    definitions(config, out)?;
    for (opt, value) in config.options.iter() {
        let value = guarded(&value.text);
        match opt.row() {
            OptionRow {
                letter_only: true,
                letter: Some(letter),
                ..
            } => writeln!(out, "O{}{value}", char::from(*letter))?,
            row => writeln!(out, "O {}={value}", row.name)?,
        }
    }
    for priority in &config.priorities {
        writeln!(out, "P{}={}", priority.name, priority.value)?;
    }
    for variable in &config.environment {
        match &variable.value {
            Some(value) => writeln!(out, "E{}={value}", variable.name)?,
            None => writeln!(out, "E{}", variable.name)?,
        }
    }
    config
        .headers
        .iter()
        .try_for_each(|header| write_header(header, out))?;
    for (letter, groups) in [('Q', &config.queue_groups), ('X', &config.milters)] {
        for group in groups {
            write!(out, "{letter}{}", group.name)?;
            for (key, value) in &group.equates {
                out.extend_from_slice(&[b',', b' ', *key, b'=']);
                out.extend(quoted(value));
            }
            out.push(b'\n');
        }
    }
    config
        .mailers
        .iter()
        .try_for_each(|mailer| write_mailer(mailer, out))
}

/// Macros, classes, maps and rules in the order they take effect: a rule sees
/// the macros that were defined before it.
fn definitions(config: &Config, out: &mut Vec<u8>) -> std::io::Result<()> {
    let mut parts: Vec<(Place, Vec<u8>)> = Vec::new();
    for definition in &config.macros {
        let mut line = b"D".to_vec();
        write_name(&definition.name, &mut line);
        line.extend(quoted(&definition.value));
        parts.push((definition.place, line));
    }
    for definition in &config.classes {
        let mut line = Vec::new();
        write_class(definition, &mut line)?;
        parts.push((definition.place, line));
    }
    for map in &config.maps {
        let mut line = Vec::new();
        write!(line, "K{} {}", map.name, map.class)?;
        if !map.args.is_empty() {
            write!(line, " {}", guarded(&map.args))?;
        }
        parts.push((map.place, line));
    }
    for ruleset in &config.rulesets {
        for rule in &ruleset.rules {
            let mut line = Vec::new();
            write!(line, "R{}\t{}", guarded(&rule.lhs), guarded(&rule.rhs))?;
            if !rule.comment.is_empty() {
                write!(line, "\t{}", rule.comment)?;
            }
            parts.push((rule.place, line));
        }
    }
    parts.sort_by_key(|(place, _)| *place);
    let mut current = None;
    for (place, line) in parts {
        let ruleset = config
            .rulesets
            .iter()
            .position(|ruleset| ruleset.rules.iter().any(|rule| rule.place == place));
        if ruleset.is_some() && ruleset != current {
            current = ruleset;
            if let Some(ruleset) = ruleset.map(|index| &config.rulesets[index]) {
                write!(out, "S{}", ruleset.name)?;
                if ruleset.number < NAMED_ABOVE && ruleset.name != ruleset.number.to_string() {
                    write!(out, "={}", ruleset.number)?;
                }
                out.push(b'\n');
            }
        }
        out.extend(line);
        out.push(b'\n');
    }
    Ok(())
}

fn write_name(name: &[u8], out: &mut Vec<u8>) {
    if name.len() == 1 {
        out.extend_from_slice(name);
    } else {
        out.push(b'{');
        out.extend_from_slice(name);
        out.push(b'}');
    }
}

fn write_class(class: &ClassDef, out: &mut Vec<u8>) -> std::io::Result<()> {
    let words = matches!(class.source, ClassSource::Words(_));
    out.push(if words { b'C' } else { b'F' });
    write_name(&class.name, out);
    match &class.source {
        ClassSource::Words(words) => out.extend_from_slice(&guarded(words)),
        ClassSource::File {
            path,
            format,
            optional,
        } => {
            if *optional {
                out.extend_from_slice(b" -o ");
            }
            write!(out, "{}", guarded(path))?;
            if format != "%s" {
                write!(out, " {}", guarded(format))?;
            }
        }
        ClassSource::Program { command } => write!(out, "|{command}")?,
        ClassSource::Map {
            key,
            spec,
            optional,
        } => {
            if *optional {
                out.extend_from_slice(b" -o ");
            }
            write!(out, "{key}@{spec}")?;
        }
    }
    Ok(())
}

fn write_header(header: &HeaderDef, out: &mut Vec<u8>) -> std::io::Result<()> {
    out.push(b'H');
    match &header.condition {
        HeaderCondition::Always => {}
        HeaderCondition::Flags(flags) => {
            out.push(b'?');
            out.extend(flags.iter());
            out.push(b'?');
        }
        HeaderCondition::Macro(name) => {
            out.extend_from_slice(b"?$");
            write_name(name, out);
            out.push(b'?');
        }
    }
    write!(out, "{}: ", header.name)?;
    match &header.action {
        HeaderAction::Template(text) => writeln!(out, "{}", guarded(text)),
        HeaderAction::Check {
            ruleset,
            keep_comments,
        } => {
            let plus = if *keep_comments { "+" } else { "" };
            writeln!(out, "$>{plus}{ruleset}")
        }
    }
}

fn write_mailer(mailer: &MailerDef, out: &mut Vec<u8>) -> std::io::Result<()> {
    write!(out, "M{}, P=", mailer.name)?;
    out.extend(quoted(&mailer.path));
    out.extend_from_slice(b", F=");
    // A comma would end the list of flags.
    out.extend(mailer.flags.iter().filter(|&flag| flag != b','));
    for (letter, pair) in [('S', &mailer.sender), ('R', &mailer.recipient)] {
        if !pair.envelope.is_empty() || !pair.header.is_empty() {
            let or_none = |name: &BStr| {
                if name.is_empty() {
                    BStr::new("0")
                } else {
                    name
                }
                .to_owned()
            };
            write!(
                out,
                ", {letter}={}/{}",
                or_none(BStr::new(&pair.envelope)),
                or_none(BStr::new(&pair.header))
            )?;
        }
    }
    for (letter, number) in [
        ('M', mailer.size_max),
        ('m', mailer.messages_max),
        ('L', mailer.line_max),
    ] {
        if number != 0 {
            write!(out, ", {letter}={number}")?;
        }
    }
    match mailer.recipients_max {
        100 => {}
        u64::MAX => write!(out, ", r=0")?,
        number => write!(out, ", r={number}")?,
    }
    if mailer.nice != 0 {
        write!(out, ", N={}", mailer.nice)?;
    }
    if let Some(wait) = mailer.wait {
        write!(out, ", W={}s", wait.as_secs())?;
    }
    for (letter, text) in [
        (b'E', &mailer.eol),
        (b'D', &mailer.directory),
        (b'C', &mailer.charset),
        (b'Q', &mailer.queue_group),
        (b'/', &mailer.chroot),
    ] {
        if !text.is_empty() {
            write!(out, ", {}=", char::from(letter))?;
            out.extend(quoted(text));
        }
    }
    if !mailer.user.user.is_empty() {
        write!(out, ", U={}", mailer.user.user)?;
        if !mailer.user.group.is_empty() {
            write!(out, ":{}", mailer.user.group)?;
        }
    }
    write!(
        out,
        ", T={}/{}/{}, A=",
        mailer.mta_type, mailer.address_type, mailer.diagnostic_type
    )?;
    for (index, word) in mailer.argv.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend(quoted(word));
    }
    out.push(b'\n');
    Ok(())
}

/// The text with every `#` that is not the operator `$#` protected.
fn guarded(text: &[u8]) -> BString {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        let dollars = out.iter().rev().take_while(|&&byte| byte == b'$').count();
        if byte == b'#' && dollars % 2 == 0 {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.into()
}

/// A value that [`munch`](super::text::munch) gives back as it is.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    if text.first().is_some_and(u8::is_ascii_whitespace) {
        out.extend_from_slice(b"\"\"");
    }
    for &byte in text {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\\' | b'"' | b',' => out.extend_from_slice(&[b'\\', byte]),
            _ => out.push(byte),
        }
    }
    if text.last().is_some_and(u8::is_ascii_whitespace) {
        out.extend_from_slice(b"\"\"");
    }
    guarded(&out).into()
}

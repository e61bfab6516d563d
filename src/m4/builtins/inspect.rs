//! Looking at the machine: `dumpdef`, `traceon`, `traceoff`, `debugmode`,
//! `debugfile`, `__file__`, `__line__`, `__program__`.

use super::super::call::Call;
use super::super::message::text;
use super::super::settings::DebugFlags;
use super::super::symbols::Body;
use super::super::{M4, Stop};

pub(super) fn file(m4: &mut M4<'_>, _: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    out.extend_from_slice(&m4.syntax.quote_open);
    out.extend_from_slice(m4.files.name(m4.here.file));
    out.extend_from_slice(&m4.syntax.quote_close);
    Ok(())
}

pub(super) fn line(m4: &mut M4<'_>, _: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    out.extend_from_slice(m4.here.line.to_string().as_bytes());
    Ok(())
}

pub(super) fn program(m4: &mut M4<'_>, _: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    out.extend_from_slice(&m4.syntax.quote_open);
    out.extend_from_slice(m4.settings.program.as_bytes());
    out.extend_from_slice(&m4.syntax.quote_close);
    Ok(())
}

pub(super) fn dumpdef(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    if call.count() == 0 {
        names.extend(m4.symbols.defined().iter().map(|name| name.to_vec()));
    } else {
        for name in call.arguments_from(1) {
            m4.note_asked(name);
            if m4.symbols.lookup(name).is_some() {
                names.push(name.to_vec());
            } else {
                m4.fault_undefined(name)?;
            }
        }
        names.sort();
    }
    for name in names {
        let Some(body) = m4.symbols.lookup(&name).map(|found| found.body.clone()) else {
            continue;
        };
        let shown = match body {
            Body::Builtin(builtin) => text!("<", builtin.name(), ">"),
            Body::Text { text, .. } if m4.settings.debug.has(DebugFlags::QUOTE) => {
                text!(m4.syntax.quote_open, text, m4.syntax.quote_close)
            }
            Body::Text { text, .. } => text.to_vec(),
        };
        m4.work = m4.work.saturating_add(1);
        m4.tell(&text!(name, ":\t", shown, "\n"));
    }
    Ok(())
}

pub(super) fn traceon(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    set_trace(m4, call, true);
    Ok(())
}

pub(super) fn traceoff(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    set_trace(m4, call, false);
    Ok(())
}

fn set_trace(m4: &mut M4<'_>, call: &Call<'_>, traced: bool) {
    if call.count() == 0 {
        m4.symbols.trace_all(traced);
    }
    for name in call.arguments_from(1) {
        let id = m4.symbols.intern(name);
        m4.symbols.set_traced(id, traced);
    }
}

pub(super) fn debugmode(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    let flags = call.argument(1);
    if call.count() == 0 {
        m4.settings.debug = DebugFlags::none();
        return Ok(());
    }
    let (sign, letters) = match flags {
        [sign @ (b'+' | b'-'), letters @ ..] => (Some(*sign), letters),
        letters => (None, letters),
    };
    match (DebugFlags::parse(letters), sign) {
        (None, _) => {
            return m4.fault(text!("Debugmode: bad debug flags: `", flags, "'"));
        }
        (Some(parsed), Some(b'+')) => m4.settings.debug = m4.settings.debug.with(parsed),
        (Some(parsed), Some(_)) => m4.settings.debug = m4.settings.debug.without(parsed),
        (Some(parsed), None) => m4.settings.debug = parsed,
    }
    m4.forget_trace();
    Ok(())
}

pub(super) fn debugfile(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    let name = (call.count() > 0).then(|| call.argument(1));
    match m4.host.debug_file(name) {
        Ok(()) => Ok(()),
        Err(reason) => m4.fault(text!(
            "cannot set debug file `",
            call.argument(1),
            "': ",
            reason.0
        )),
    }
}

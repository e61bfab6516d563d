//! Definitions: `define`, `undefine`, `pushdef`, `popdef`, `defn`, `indir`,
//! `builtin`; and the delimiters: `changequote`, `changecom`.

use super::super::call::Call;
use super::super::message::text;
use super::super::symbols::{Body, Definition};
use super::super::{M4, Stop};
use super::Builtin;

pub(super) fn define(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    bind(m4, call, false)
}

pub(super) fn pushdef(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    bind(m4, call, true)
}

/// `define` and `pushdef`.
fn bind(m4: &mut M4<'_>, call: &Call<'_>, pushed: bool) -> Result<(), Stop> {
    if call.builtin(1).is_some() {
        return m4.warn(text!(call.name, ": invalid macro name ignored"));
    }
    let name = call.argument(1);
    let body = match call.builtin(2) {
        Some(builtin) => Body::Builtin(builtin),
        None => {
            m4.check_sequences(name, call.argument(2))?;
            Body::text(call.argument(2))
        }
    };
    let id = m4.symbols.intern(name);
    let record = m4.note_defined(id, name, pushed);
    let definition = Definition { body, record };
    if pushed {
        m4.symbols.push(id, definition);
    } else {
        m4.symbols.define(id, definition);
    }
    let limit = m4.settings.limits.defined_bytes;
    if m4.symbols.bytes() > limit {
        return m4.limit(format!("more than {limit} bytes of definitions"));
    }
    Ok(())
}

pub(super) fn undefine(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    for name in call.arguments_from(1) {
        if let Some(id) = m4.symbols.find(name) {
            m4.symbols.undefine(id);
        }
    }
    Ok(())
}

pub(super) fn popdef(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    for name in call.arguments_from(1) {
        if let Some(id) = m4.symbols.find(name) {
            m4.symbols.pop(id);
        }
    }
    Ok(())
}

pub(super) fn defn(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    for name in call.arguments_from(1) {
        m4.note_asked(name);
        match m4.symbols.lookup(name).map(|found| found.body.clone()) {
            Some(Body::Text { text, .. }) => {
                out.extend_from_slice(&m4.syntax.quote_open);
                out.extend_from_slice(&text);
                out.extend_from_slice(&m4.syntax.quote_close);
            }
            Some(Body::Builtin(builtin)) if call.count() == 1 => m4.value = Some(builtin),
            Some(Body::Builtin(_)) => {
                m4.warn(text!("cannot concatenate builtin `", name, "'"))?;
            }
            None => {}
        }
    }
    Ok(())
}

pub(super) fn indir(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    if call.builtin(1).is_some() {
        return m4.warn(text!(call.name, ": invalid macro name ignored"));
    }
    let name = call.argument(1);
    m4.note_asked(name);
    match m4.symbols.lookup(name).map(|found| found.body.clone()) {
        Some(body) => m4.expand(&body, &call.shifted(), out),
        None => m4.fault_undefined(name),
    }
}

pub(super) fn builtin(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    if call.builtin(1).is_some() {
        return m4.warn(text!(call.name, ": invalid macro name ignored"));
    }
    let name = call.argument(1);
    match Builtin::named(name, m4.settings.traditional) {
        Some(builtin) => builtin.run(m4, &call.shifted(), out),
        None => m4.fault(text!("undefined builtin `", name, "'")),
    }
}

pub(super) fn changequote(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    let (open, close) = match call.count() {
        0 => (b"`".as_slice(), b"'".as_slice()),
        1 => (call.argument(1), b"'".as_slice()),
        _ => (call.argument(1), call.argument(2)),
    };
    let close = if close.is_empty() && !open.is_empty() {
        b"'"
    } else {
        close
    };
    m4.syntax.set_quotes(open, close);
    Ok(())
}

pub(super) fn changecom(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    let (open, close) = (call.argument(1), call.argument(2));
    let close = if close.is_empty() { b"\n" } else { close };
    m4.syntax.set_comments(open, close);
    Ok(())
}

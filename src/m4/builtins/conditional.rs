//! `ifdef`, `ifelse`, `shift`.

use super::super::call::Call;
use super::super::{M4, Stop};

pub(super) fn ifdef(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    let name = call.argument(1);
    let defined = call.builtin(1).is_none() && m4.symbols.lookup(name).is_some();
    m4.note_asked(name);
    out.extend_from_slice(call.argument(if defined { 2 } else { 3 }));
    Ok(())
}

pub(super) fn ifelse(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    if call.count() == 1 {
        return Ok(());
    }
    if call.count() == 2 {
        return m4.warn_count("too few arguments to builtin `", call.name, "'");
    }
    // Triples, and at the end one alone, which is the last else.
    if call.count() % 3 == 2 && !m4.settings.quiet {
        m4.warn_count("excess arguments to builtin `", call.name, "' ignored")?;
    }
    let mut at = 1;
    loop {
        let left = call.count() + 1 - at;
        if left < 3 {
            if left > 0 {
                out.extend_from_slice(call.argument(at));
            }
            return Ok(());
        }
        if call.argument(at) == call.argument(at + 1) {
            out.extend_from_slice(call.argument(at + 2));
            return Ok(());
        }
        at += 3;
    }
}

pub(super) fn shift(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    m4.join(call, 2, true, out);
    Ok(())
}

//! Texts: `len`, `index`, `substr`, `translit`; and `dnl`.

use super::super::call::Call;
use super::super::{M4, Stop};

pub(super) fn dnl(m4: &mut M4<'_>, _: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    m4.skip_line()
}

pub(super) fn len(_: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    out.extend_from_slice(call.argument(1).len().to_string().as_bytes());
    Ok(())
}

pub(super) fn index(_: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    match memchr::memmem::find(call.argument(1), call.argument(2)) {
        Some(at) => out.extend_from_slice(at.to_string().as_bytes()),
        None => out.extend_from_slice(b"-1"),
    }
    Ok(())
}

pub(super) fn substr(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    let text = call.argument(1);
    let Some(start) = m4.number(call.name, call.argument(2))? else {
        return Ok(());
    };
    let length = if call.count() >= 3 {
        match m4.number(call.name, call.argument(3))? {
            Some(length) => usize::try_from(length).unwrap_or(0),
            None => return Ok(()),
        }
    } else {
        text.len()
    };
    if let Ok(start) = usize::try_from(start)
        && let Some(rest) = text.get(start..)
    {
        out.extend_from_slice(&rest[..length.min(rest.len())]);
    }
    Ok(())
}

pub(super) fn translit(_: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    let from = expand_ranges(call.argument(2));
    let to = expand_ranges(call.argument(3));
    let mut table: [Option<u8>; 256] = [None; 256];
    for (entry, byte) in table.iter_mut().zip(0u8..=255) {
        *entry = Some(byte);
    }
    let mut seen = [false; 256];
    for (index, byte) in from.iter().enumerate() {
        // The first of two entries for one byte counts.
        if !std::mem::replace(&mut seen[usize::from(*byte)], true) {
            table[usize::from(*byte)] = to.get(index).copied();
        }
    }
    let mapped = call.argument(1).iter();
    out.extend(mapped.filter_map(|byte| table[usize::from(*byte)]));
    Ok(())
}

/// Writes `a-e` out, in either direction; a `-` at an end is one.
fn expand_ranges(text: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        match rest {
            [] => return all,
            [from, b'-', to, tail @ ..] => {
                if from <= to {
                    all.extend(*from..=*to);
                } else {
                    all.extend((*to..=*from).rev());
                }
                // The end of a range may begin the next one.
                rest = tail;
                if let [b'-', next, tail @ ..] = tail {
                    if to <= next {
                        all.extend((*to..=*next).skip(1));
                    } else {
                        all.extend((*next..=*to).rev().skip(1));
                    }
                    rest = tail;
                }
            }
            [byte, tail @ ..] => {
                all.push(*byte);
                rest = tail;
            }
        }
    }
}

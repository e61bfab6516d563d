//! `incr`, `decr`, `eval`.

use super::super::call::Call;
use super::super::message::{Weight, text};
use super::super::{M4, Stop};
use super::eval::{self, Bad};

pub(super) fn incr(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    add(m4, call, out, 1)
}

pub(super) fn decr(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    add(m4, call, out, -1)
}

fn add(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>, step: i32) -> Result<(), Stop> {
    if let Some(value) = m4.number(call.name, call.argument(1))? {
        out.extend_from_slice(value.wrapping_add(step).to_string().as_bytes());
    }
    Ok(())
}

pub(super) fn eval(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    let expression = call.argument(1);
    let radix = if call.count() >= 2 && !call.argument(2).is_empty() {
        match m4.number(call.name, call.argument(2))? {
            Some(radix) => radix,
            None => return Ok(()),
        }
    } else {
        10
    };
    if !(1..=36).contains(&radix) {
        let radix = radix.to_string();
        return m4.fault(text!(
            "radix ",
            radix,
            " in builtin `",
            call.name,
            "' out of range"
        ));
    }
    let width = if call.count() >= 3 {
        match m4.number(call.name, call.argument(3))? {
            Some(width) => width,
            None => return Ok(()),
        }
    } else {
        1
    };
    let Ok(width) = usize::try_from(width) else {
        return m4.fault(text!("negative width to builtin `", call.name, "'"));
    };
    if width > m4.settings.limits.pending_bytes {
        return m4.limit(format!("an expansion of {width} bytes"));
    }
    if expression.is_empty() {
        m4.fault(text!(
            "empty string treated as 0 in builtin `",
            call.name,
            "'"
        ))?;
        eval::write(0, radix, width, out);
        return Ok(());
    }
    let result = eval::evaluate(expression);
    for _ in 0..result.single_equals {
        m4.warn(b"recommend ==, not =, for equality operator".to_vec())?;
    }
    match result.value {
        Ok(value) => {
            eval::write(value, radix, width, out);
            Ok(())
        }
        Err(Bad::Operator) => m4.say(
            Weight::Error,
            text!("invalid operator in eval: ", expression),
        ),
        Err(Bad::Syntax(what) | Bad::Value(what)) => m4.fault(text!(what, expression)),
    }
}

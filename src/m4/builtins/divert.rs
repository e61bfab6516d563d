//! `divert`, `divnum`, `undivert`.

use super::super::call::Call;
use super::super::message::text;
use super::super::number::decimal;
use super::super::{M4, Stop};

pub(super) fn divert(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    let number = if call.count() == 0 {
        Some(0)
    } else {
        m4.number(call.name, call.argument(1))?
    };
    if let Some(number) = number {
        m4.output.divert(number);
    }
    Ok(())
}

pub(super) fn divnum(m4: &mut M4<'_>, _: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    out.extend_from_slice(m4.output.current().to_string().as_bytes());
    Ok(())
}

pub(super) fn undivert(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    if call.count() == 0 {
        for number in m4.output.parked() {
            m4.output.undivert(number);
        }
        return Ok(());
    }
    for argument in call.arguments_from(1) {
        let number = decimal(argument);
        if argument.is_empty() {
            continue;
        }
        if number.used == argument.len() && argument[0] != b' ' {
            if let Ok(number) = i32::try_from(number.value) {
                m4.output.undivert(number);
            }
        } else if m4.settings.traditional {
            m4.fault(text!("non-numeric argument to builtin `", call.name, "'"))?;
        } else {
            m4.undivert_file(argument)?;
        }
    }
    Ok(())
}

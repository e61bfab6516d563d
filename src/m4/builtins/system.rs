//! The world and the end: `syscmd`, `esyscmd`, `sysval`, `errprint`,
//! `m4wrap`, `m4exit`.

use super::super::call::Call;
use super::super::host::Finished;
use super::super::input::{Kind, Source, Text};
use super::super::message::{Weight, text};
use super::super::{HostError, M4, Stop};

pub(super) fn syscmd(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    if call.argument(1).is_empty() {
        m4.sysval = 0;
        return Ok(());
    }
    if !m4.settings.allow_commands {
        return refuse(m4, call);
    }
    if !m4.settings.stream {
        return syscmd_kept(m4, call);
    }
    m4.flush();
    let result = m4.host.run(call.argument(1));
    finish(m4, call, result)
}

/// Where output is kept, what a command writes is part of it: it follows what
/// diversion 0 has, whichever is current.
fn syscmd_kept(m4: &mut M4<'_>, call: &Call<'_>) -> Result<(), Stop> {
    match m4.host.capture(call.argument(1)) {
        Ok((output, finished)) => {
            let places = m4.places();
            m4.output.write_main(&output, places);
            m4.check_output()?;
            finish(m4, call, Ok(finished))
        }
        Err(reason) => finish(m4, call, Err(reason)),
    }
}

pub(super) fn esyscmd(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    if call.argument(1).is_empty() {
        m4.sysval = 0;
        return Ok(());
    }
    if !m4.settings.allow_commands {
        return refuse(m4, call);
    }
    m4.flush();
    match m4.host.capture(call.argument(1)) {
        Ok((output, finished)) => {
            out.extend_from_slice(&output);
            finish(m4, call, Ok(finished))
        }
        Err(reason) => finish(m4, call, Err(reason)),
    }
}

fn refuse(m4: &mut M4<'_>, call: &Call<'_>) -> Result<(), Stop> {
    m4.sysval = 127;
    m4.say(
        Weight::Error,
        text!(call.name, ": commands are not allowed here"),
    )
}

fn finish(
    m4: &mut M4<'_>,
    call: &Call<'_>,
    result: Result<Finished, HostError>,
) -> Result<(), Stop> {
    match result {
        Ok(Finished::Exited(status)) => m4.sysval = status,
        Ok(Finished::Killed(signal)) => m4.sysval = signal << 8,
        Err(reason) => {
            m4.sysval = 127;
            let command = call.argument(1);
            m4.say(
                Weight::Error,
                text!("cannot run command `", command, "': ", reason.0),
            )?;
        }
    }
    Ok(())
}

pub(super) fn sysval(m4: &mut M4<'_>, _: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    out.extend_from_slice(m4.sysval.to_string().as_bytes());
    Ok(())
}

/// The arguments with a space between each two.
fn spaced(call: &Call<'_>) -> Vec<u8> {
    let mut all = Vec::new();
    for (index, argument) in call.arguments_from(1).enumerate() {
        if index > 0 {
            all.push(b' ');
        }
        all.extend_from_slice(argument);
    }
    all
}

pub(super) fn errprint(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    m4.flush();
    let origin = m4.origin();
    m4.host.errprint(&spaced(call), &origin);
    Ok(())
}

pub(super) fn m4wrap(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    let text = if m4.settings.traditional {
        call.argument(1).to_vec()
    } else {
        spaced(call)
    };
    if !text.is_empty() {
        let kind = Kind::Wrapped {
            place: m4.here,
            asked: m4.asked,
        };
        m4.wrapped_bytes += text.len() + size_of::<Source>();
        m4.wraps.push(Source {
            text: Text::Owned(text),
            at: 0,
            kind,
        });
        let limit = m4.settings.limits.pending_bytes;
        if m4.wrapped_bytes > limit {
            return m4.limit(format!("more than {limit} bytes of input wait"));
        }
    }
    Ok(())
}

pub(super) fn m4exit(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    let status = if call.count() == 0 {
        0
    } else {
        m4.number(call.name, call.argument(1))?.unwrap_or(1)
    };
    let status = if (0..=255).contains(&status) {
        status
    } else {
        let shown = status.to_string();
        m4.fault(text!("exit status out of range: `", shown, "'"))?;
        1
    };
    Err(Stop::Exit(if status == 0 { m4.status } else { status }))
}

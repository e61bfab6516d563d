//! `include`, `sinclude`, `mkstemp`, `maketemp`, and `undivert` of files.

use super::super::call::Call;
use super::super::message::{Weight, text};
use super::super::{M4, Stop};

pub(super) fn include(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    read(m4, call.argument(1), true)
}

pub(super) fn sinclude(m4: &mut M4<'_>, call: &Call<'_>, _: &mut Vec<u8>) -> Result<(), Stop> {
    read(m4, call.argument(1), false)
}

fn read(m4: &mut M4<'_>, name: &[u8], loud: bool) -> Result<(), Stop> {
    match m4.host.read(name) {
        Ok(found) => {
            m4.note_path_search(name, &found.path);
            m4.push_file(&found.path, found.bytes, false)
        }
        Err(reason) if loud => m4.say(Weight::Error, text!("cannot open `", name, "': ", reason.0)),
        Err(_) => Ok(()),
    }
}

pub(super) fn mkstemp(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    let mut template = call.argument(1).to_vec();
    let marks = template.iter().rev().take_while(|byte| **byte == b'X');
    let missing = 6usize.saturating_sub(marks.count());
    template.extend(std::iter::repeat_n(b'X', missing));
    match m4.host.make_temp(&template) {
        Ok(name) => {
            out.extend_from_slice(&m4.syntax.quote_open);
            out.extend_from_slice(&name);
            out.extend_from_slice(&m4.syntax.quote_close);
            Ok(())
        }
        Err(reason) => m4.say(
            Weight::Fault,
            text!(
                call.name,
                ": cannot create tempfile `",
                template,
                "': ",
                reason.0
            ),
        ),
    }
}

pub(super) fn maketemp(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    if !m4.settings.traditional {
        return mkstemp(m4, call, out);
    }
    // The old form makes no file: its marks become the process id, and what
    // it gives is not quoted.
    m4.fault(b"recommend using mkstemp instead".to_vec())?;
    let template = call.argument(1);
    let marks = template.iter().rev().take_while(|byte| **byte == b'X');
    let marks = marks.count();
    let id = m4.host.process_id().to_string().into_bytes();
    out.extend_from_slice(&template[..template.len() - marks]);
    if id.len() > marks {
        out.extend_from_slice(&id[id.len() - marks..]);
    } else {
        out.extend(std::iter::repeat_n(b'0', marks - id.len()));
        out.extend_from_slice(&id);
    }
    Ok(())
}

impl M4<'_> {
    /// Copies a file into the current diversion, as it is.
    pub(super) fn undivert_file(&mut self, name: &[u8]) -> Result<(), Stop> {
        match self.host.read(name) {
            Ok(found) => {
                self.note_path_search(name, &found.path);
                let file = self.files.add(&found.path);
                self.write_file(file, &found.bytes)
            }
            Err(reason) => self.fault(text!("cannot undivert `", name, "': ", reason.0)),
        }
    }
}

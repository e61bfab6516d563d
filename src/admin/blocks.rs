//! Notes in a compiled `.cf`: before each block that a line of the `.mc` asked
//! for stands which one, unless the library has said so.
//!
//! What the library writes of its own accord has no note, and lines of the
//! `.mc` that follow each other have one together.

use bstr::ByteSlice;

use crate::base::Origin;
use crate::mc::Compiled;

/// The last line of the `.mc` that is accounted for, and its file.
struct Told<'a> {
    file: &'a str,
    line: u32,
}

/// Puts the notes in. `asked` has the line of the `.mc` for each line of the
/// text; no line where nobody asked.
pub(super) fn note_who_asked(compiled: &mut Compiled, asked: &[Origin]) {
    let mut text = Vec::with_capacity(compiled.text.len() + compiled.text.len() / 8);
    let mut origins = Vec::with_capacity(compiled.origins.len());
    let mut told: Option<Told<'_>> = None;
    let lines = compiled.text.lines_with_terminator();
    for ((line, origin), asked) in lines.zip(&compiled.origins).zip(asked) {
        if line.starts_with(b"#") {
            if let Some(number) = said_by_the_library(line, asked) {
                told = Some(Told {
                    file: asked.file(),
                    line: number,
                });
            }
        } else if begins_a_statement(line) {
            let known = told
                .as_ref()
                .is_some_and(|told| told.covers(asked.file(), asked.line()));
            if asked.line() > 0 && !known {
                let note = format!("# at {}:{}\n", base_name(asked), asked.line());
                text.extend_from_slice(note.as_bytes());
                origins.push(origin.clone());
            }
            told = (asked.line() > 0).then(|| Told {
                file: asked.file(),
                line: asked.line(),
            });
        }
        text.extend_from_slice(line);
        origins.push(origin.clone());
    }
    compiled.text = text;
    compiled.origins = origins;
}

impl Told<'_> {
    /// Whether a line belongs to the same block.
    fn covers(&self, file: &str, line: u32) -> bool {
        self.file == file && (line == self.line || line == self.line.saturating_add(1))
    }
}

/// Whether a line is neither empty nor the continuation of another.
fn begins_a_statement(line: &[u8]) -> bool {
    !matches!(line.first(), None | Some(b' ' | b'\t' | b'\n' | b'\r'))
}

/// The line that a note of the library's own names: `… at FILE:LINE`.
fn said_by_the_library(comment: &[u8], asked: &Origin) -> Option<u32> {
    let place = format!(" at {}:", base_name(asked));
    let at = comment.find(&place)? + place.len();
    let digits = comment[at..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    digits.fold(None, |number: Option<u32>, digit| {
        number
            .unwrap_or(0)
            .checked_mul(10)?
            .checked_add(u32::from(digit - b'0'))
    })
}

/// The name of the file without its folder, so that the text is the same
/// wherever it is compiled.
fn base_name(origin: &Origin) -> &str {
    origin.file().rsplit('/').next().unwrap_or_default()
}

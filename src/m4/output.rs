//! Where output goes: diversions, `#line` directives, and the origin of each
//! line.

use std::collections::BTreeMap;

use super::host::Host;
use super::origin::{Files, LineOrigin, Place, Places};
use super::record::Record;

/// What a run gave.
#[derive(Debug)]
pub struct Output {
    /// The bytes, all diversions brought back; what was streamed to the host
    /// is not in it.
    pub bytes: Vec<u8>,
    /// The exit status that GNU m4 would end with.
    pub status: i32,
    /// What was defined and read; empty unless asked for.
    pub record: Record,
    lines: Vec<(usize, Places)>,
    files: Files,
}

impl Output {
    pub(super) fn new(buffer: Buffer, files: Files, record: Record, status: i32) -> Self {
        Self {
            bytes: buffer.bytes,
            status,
            record,
            lines: buffer.lines,
            files,
        }
    }

    /// The same without any text: what a run said of itself.
    #[must_use]
    pub fn without_text(self) -> Self {
        Self {
            bytes: Vec::new(),
            lines: Vec::new(),
            ..self
        }
    }

    /// The lines without their newlines, each with its origin. Empty unless
    /// [`super::Settings::origins`] was set.
    pub fn lines(&self) -> impl Iterator<Item = (&[u8], LineOrigin)> + '_ {
        self.lines
            .iter()
            .enumerate()
            .map(|(index, (start, places))| {
                let next = self.lines.get(index + 1).map(|(start, _)| *start);
                let end = next.unwrap_or(self.bytes.len());
                let line = self.bytes.get(*start..end).unwrap_or_default();
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                (line, self.files.line_origin(*places))
            })
    }

    /// The origin of one line, counted from 0.
    pub fn origin(&self, line: usize) -> Option<LineOrigin> {
        let (_, places) = self.lines.get(line)?;
        Some(self.files.line_origin(*places))
    }
}

/// Bytes, and where each of their lines begins and came from.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    lines: Vec<(usize, Places)>,
}

impl Buffer {
    fn append(&mut self, other: &mut Self) {
        if self.bytes.is_empty() {
            std::mem::swap(self, other);
            return;
        }
        let shift = self.bytes.len();
        let joined = self.bytes.last() != Some(&b'\n');
        let lines = other.lines.drain(..).skip(usize::from(joined));
        self.lines
            .extend(lines.map(|(start, places)| (start + shift, places)));
        self.bytes.append(&mut other.bytes);
    }
}

/// Which of the places goes on, line by line, within one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advance {
    /// Neither: an expansion.
    No,
    /// The innermost: text of an included file.
    Written,
    /// Both: text of the outermost file.
    Both,
}

/// All diversions.
#[derive(Debug)]
pub(super) struct Diversions {
    /// The one that text goes to now.
    current: i32,
    active: Buffer,
    /// The others that have text.
    parked: BTreeMap<i32, Buffer>,
    /// Bytes in all of them.
    held_bytes: usize,
    origins: bool,
    /// The state of `#line` directives.
    at_line_start: bool,
    line_now: i64,
}

impl Diversions {
    pub(super) fn new(origins: bool) -> Self {
        Self {
            current: 0,
            active: Buffer::default(),
            parked: BTreeMap::new(),
            held_bytes: 0,
            origins,
            at_line_start: true,
            line_now: 0,
        }
    }

    pub(super) fn current(&self) -> i32 {
        self.current
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Whether text goes nowhere.
    pub(super) fn discards(&self) -> bool {
        self.current < 0
    }

    /// Appends text to the current diversion.
    pub(super) fn write(&mut self, text: &[u8], places: Places, advance: Advance) {
        if self.current < 0 || text.is_empty() {
            return;
        }
        self.held_bytes = self.held_bytes.saturating_add(text.len());
        if self.origins {
            self.note_lines(text, places, advance);
        }
        self.active.bytes.extend_from_slice(text);
    }

    fn note_lines(&mut self, text: &[u8], mut places: Places, advance: Advance) {
        let base = self.active.bytes.len();
        let known = self.active.lines.len();
        if self.active.bytes.last().is_none_or(|byte| *byte == b'\n') {
            self.active.lines.push((base, places));
        }
        for newline in memchr::memchr_iter(b'\n', text) {
            match advance {
                Advance::No => {}
                Advance::Written => places.written.line += 1,
                Advance::Both => {
                    places.written.line += 1;
                    places.asked.line += 1;
                }
            }
            if newline + 1 < text.len() {
                self.active.lines.push((base + newline + 1, places));
            }
        }
        // Lines cost memory, too.
        let lines = self.active.lines.len() - known;
        let bytes = lines.saturating_mul(size_of::<(usize, Places)>());
        self.held_bytes = self.held_bytes.saturating_add(bytes);
    }

    /// Appends one token with a `#line` directive before it when its line is
    /// not the next one.
    pub(super) fn write_synced(&mut self, text: &[u8], place: Place, files: &Files) {
        if self.current < 0 {
            return;
        }
        let places = Places::default();
        // An empty quoted string is a token, too.
        if self.at_line_start {
            self.at_line_start = false;
            self.line_now += 1;
            if self.line_now != i64::from(place.line) {
                let mut directive = format!("#line {}", place.line).into_bytes();
                let name = files.name(place.file);
                if self.line_now < 1 && !name.is_empty() {
                    directive.extend_from_slice(b" \"");
                    directive.extend_from_slice(name);
                    directive.push(b'"');
                }
                directive.push(b'\n');
                self.write(&directive, places, Advance::No);
                self.line_now = i64::from(place.line);
            }
        }
        let newlines = memchr::memchr_iter(b'\n', text).count();
        let ends_line = text.last() == Some(&b'\n');
        // The last newline counts when the next token begins.
        let inside = newlines - usize::from(ends_line);
        self.line_now += i64::try_from(inside).unwrap_or(0);
        self.at_line_start = ends_line;
        self.write(text, places, Advance::No);
    }

    /// Forgets which line the output is at: the next directive names the
    /// file.
    pub(super) fn lose_sync(&mut self) {
        self.line_now = -1;
    }

    /// Directs text to another diversion.
    pub(super) fn divert(&mut self, number: i32) {
        if number == self.current {
            return;
        }
        let mut next = self.parked.remove(&number).unwrap_or_default();
        std::mem::swap(&mut self.active, &mut next);
        if self.current >= 0 && !next.bytes.is_empty() {
            self.parked.insert(self.current, next);
        }
        self.current = number;
        self.lose_sync();
    }

    /// Brings one diversion back into the current one.
    pub(super) fn undivert(&mut self, number: i32) {
        if number <= 0 || number == self.current {
            return;
        }
        let Some(mut buffer) = self.parked.remove(&number) else {
            return;
        };
        self.lose_sync();
        if self.current < 0 {
            self.held_bytes = self.held_bytes.saturating_sub(buffer.bytes.len());
        } else {
            self.active.append(&mut buffer);
        }
    }

    /// The numbers of the diversions that have text and are not current, in
    /// order.
    pub(super) fn parked(&self) -> Vec<i32> {
        self.parked.keys().copied().filter(|key| *key > 0).collect()
    }

    /// Appends text to diversion 0, whichever is current.
    pub(super) fn write_main(&mut self, text: &[u8], places: Places) {
        let current = self.current;
        let (at_line_start, line_now) = (self.at_line_start, self.line_now);
        self.divert(0);
        self.write(text, places, Advance::No);
        self.divert(current);
        (self.at_line_start, self.line_now) = (at_line_start, line_now);
    }

    /// Hands diversion 0 to the host.
    pub(super) fn flush(&mut self, host: &mut dyn Host) {
        let main = if self.current == 0 {
            Some(&mut self.active)
        } else {
            self.parked.get_mut(&0)
        };
        if let Some(main) = main
            && !main.bytes.is_empty()
        {
            host.output(&main.bytes);
            self.held_bytes = self.held_bytes.saturating_sub(main.bytes.len());
            main.bytes.clear();
            main.lines.clear();
        }
    }

    /// Bytes that wait in diversion 0 while it is current.
    pub(super) fn main_bytes(&self) -> usize {
        if self.current == 0 {
            self.active.bytes.len()
        } else {
            0
        }
    }

    /// Brings everything back into diversion 0 and takes it.
    pub(super) fn take_all(&mut self) -> Buffer {
        self.divert(0);
        for number in self.parked() {
            self.undivert(number);
        }
        self.take_main()
    }

    /// Takes diversion 0 and drops the others.
    pub(super) fn take_main(&mut self) -> Buffer {
        self.divert(0);
        self.held_bytes = 0;
        std::mem::take(&mut self.active)
    }
}

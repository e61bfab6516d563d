//! Gathers a message as it comes: the header in memory, the body into the
//! spool, within the limits of the site.

use crate::message::block::{Finder, Split};
use crate::queue::{BodyWriter, SpoolError};

/// A message on its way in. Its text has LF line ends and no transparency
/// dots.
pub(super) struct Collector {
    /// The header, and before its end is found whatever came.
    pub(super) text: Vec<u8>,
    /// Where the header ends, once that is known.
    split: Option<Split>,
    finder: Finder,
    writer: Box<dyn BodyWriter>,
    limits: Bounds,
    /// Bytes that came, kept or not.
    size: u64,
    has_8bit: bool,
    faults: Faults,
}

/// What may come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) message_bytes_max: Option<u64>,
    pub(super) header_bytes_max: u64,
    /// RejectNUL.
    pub(super) reject_nul: bool,
}

/// Why a message cannot be kept. It is read to its end all the same; what
/// comes first here counts most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// More than MaxMessageSize.
    pub(super) too_large: bool,
    /// A header beyond MaxHeadersLength.
    pub(super) header_too_large: bool,
    /// A NUL byte, where none is allowed.
    pub(super) nul: bool,
    /// The spool cannot take it.
    pub(super) spool: Option<SpoolError>,
}

impl Faults {
    fn any(&self) -> bool {
        self.too_large || self.header_too_large || self.nul || self.spool.is_some()
    }
}

/// A message that is complete.
pub(super) struct Collected {
    pub(super) header: Vec<u8>,
    pub(super) writer: Box<dyn BodyWriter>,
    pub(super) size: u64,
    pub(super) has_8bit: bool,
    pub(super) faults: Faults,
}

impl Collector {
    pub(super) fn new(writer: Box<dyn BodyWriter>, limits: Bounds) -> Self {
        Self {
            text: Vec::new(),
            split: None,
            finder: Finder::default(),
            writer,
            limits,
            size: 0,
            has_8bit: false,
            faults: Faults::default(),
        }
    }

    /// Bytes so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Whether the header is still being read.
    pub(super) fn in_header(&self) -> bool {
        self.split.is_none()
    }

    /// Where new text is to be appended; call [`Collector::grown`] with the
    /// length it had.
    pub(super) fn sink(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Takes note of text that was appended behind `before` bytes.
    pub(super) fn grown(&mut self, before: usize) {
        self.size += (self.text.len() - before) as u64;
        if self.faults.any() {
            self.text.truncate(before);
            return;
        }
        self.faults.nul = self.limits.reject_nul && self.text[before..].contains(&0);
        let max = self.limits.message_bytes_max;
        self.faults.too_large = max.is_some_and(|max| self.size > max);
        match self.split {
            Some(split) => self.write_behind(split.header, split.header),
            None => self.find_end(false),
        }
    }

    fn find_end(&mut self, is_whole: bool) {
        self.split = self.finder.find(&self.text, is_whole);
        let header = self.split.map_or(self.text.len(), |split| split.header);
        self.faults.header_too_large = header as u64 > self.limits.header_bytes_max;
        if let Some(split) = self.split {
            self.write_behind(split.body, split.header);
        }
    }

    /// Passes text from `body` on to the writer and keeps the `header` bytes.
    fn write_behind(&mut self, body: usize, header: usize) {
        let text = &self.text[body.min(self.text.len())..];
        if !text.is_empty() && !self.faults.any() {
            self.has_8bit |= !text.is_ascii();
            if let Err(error) = self.writer.write(text) {
                self.faults.spool = Some(error);
            }
        }
        self.text.truncate(header);
    }

    /// The message as a whole.
    pub(super) fn finish(mut self) -> Collected {
        if self.split.is_none() && !self.faults.any() {
            self.find_end(true);
        }
        Collected {
            header: self.text,
            writer: self.writer,
            size: self.size,
            has_8bit: self.has_8bit,
            faults: self.faults,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Body;
    use crate::world::BoxFuture;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>, usize);

    impl BodyWriter for Memory {
        fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
            let mut held = self.0.lock().unwrap();
            if self.1 > 0 && held.len() + bytes.len() > self.1 {
                return Err(SpoolError::Full);
            }
            held.extend_from_slice(bytes);
            Ok(())
        }

        fn len(&self) -> u64 {
            self.0.lock().unwrap().len() as u64
        }

        fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Body, SpoolError>> {
            let bytes = self.0.lock().unwrap().clone();
            Box::pin(async move { Ok(Body::Memory(bytes.into())) })
        }
    }

    fn collect(pieces: &[&str], limits: Bounds, room: usize) -> (String, String, Collected) {
        let memory = Memory(Arc::default(), room);
        let mut collector = Collector::new(Box::new(memory.clone()), limits);
        for piece in pieces {
            let before = collector.sink().len();
            collector.sink().extend_from_slice(piece.as_bytes());
            collector.grown(before);
        }
        let collected = collector.finish();
        let body = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        (
            String::from_utf8(collected.header.clone()).unwrap(),
            body,
            collected,
        )
    }

    const WIDE: Bounds = Bounds {
        message_bytes_max: None,
        header_bytes_max: 1000,
        reject_nul: false,
    };

    #[test]
    fn header_and_body_part_wherever_the_cuts_are() {
        let text = "A: b\n c\nD: e\n\nbody\n\n\u{e9}\n";
        for cut in 0..text.len() {
            if !text.is_char_boundary(cut) {
                continue;
            }
            let (header, body, all) = collect(&[&text[..cut], &text[cut..]], WIDE, 0);
            assert_eq!(header, "A: b\n c\nD: e\n", "cut at {cut}");
            assert_eq!(body, "body\n\n\u{e9}\n", "cut at {cut}");
            assert_eq!(all.size, text.len() as u64);
            assert!(all.has_8bit);
            assert!(!all.faults.any());
        }
    }

    #[test]
    fn limits_hold_and_the_rest_is_counted() {
        let small = Bounds {
            message_bytes_max: Some(10),
            ..WIDE
        };
        let (header, _, all) = collect(&["A: b\n\n", "123456789", "more"], small, 0);
        assert_eq!((header.as_str(), all.size), ("A: b\n", 19));
        assert!(all.faults.too_large && !all.faults.header_too_large);
        let narrow = Bounds {
            header_bytes_max: 10,
            ..WIDE
        };
        let (_, body, all) = collect(&["A: 123\n", "B: 456\n", "\nbody"], narrow, 0);
        assert!(all.faults.header_too_large && !all.faults.too_large);
        assert_eq!((body.as_str(), all.size), ("", 19));
        let (_, _, all) = collect(&["A: b\n\n", "12345", "6789"], WIDE, 6);
        assert_eq!(all.faults.spool, Some(SpoolError::Full));
    }

    #[test]
    fn a_message_may_be_all_header_or_all_body_or_nothing() {
        assert_eq!(collect(&["A: b"], WIDE, 0).0, "A: b");
        assert_eq!(collect(&["no header\n"], WIDE, 0).1, "no header\n");
        let (header, body, all) = collect(&[], WIDE, 0);
        assert_eq!((header.as_str(), body.as_str(), all.size), ("", "", 0));
    }
}

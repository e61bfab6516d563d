//! Lines of a file, out of one big buffer.

use std::io::{self, Read};

/// What is read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Reads lines from anything.
pub(crate) struct LineReader<R> {
    from: R,
    buffer: Vec<u8>,
    /// What was not given out yet: `buffer[start..end]`.
    start: usize,
    end: usize,
    ended: bool,
}

impl<R: Read> LineReader<R> {
    /// Reads from `from`.
    pub(crate) fn new(from: R) -> Self {
        Self {
            from,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            ended: false,
        }
    }

    /// The next line with its newline, cut after `bytes_max` bytes; what was
    /// cut off comes as the next line. None at the end.
    pub(crate) fn next(&mut self, bytes_max: usize) -> io::Result<Option<&[u8]>> {
        let mut looked = 0;
        loop {
            let here = &self.buffer[self.start..self.end];
            let limit = here.len().min(bytes_max);
            if let Some(at) = memchr::memchr(b'\n', &here[looked.min(limit)..limit]) {
                return Ok(Some(self.take(looked + at + 1)));
            }
            if here.len() >= bytes_max {
                return Ok(Some(self.take(bytes_max)));
            }
            if self.ended {
                let length = here.len();
                return Ok((length > 0).then(|| self.take(length)));
            }
            looked = here.len();
            self.fill()?;
        }
    }

    /// The first byte of the next line; none at the end.
    pub(crate) fn peek(&mut self) -> io::Result<Option<u8>> {
        while self.start == self.end && !self.ended {
            self.fill()?;
        }
        Ok(self.buffer[self.start..self.end].first().copied())
    }

    /// Whether the end was met while reading the last line.
    pub(crate) fn at_end(&self) -> bool {
        self.ended && self.start == self.end
    }

    /// Gives out the first `length` bytes of what is here.
    fn take(&mut self, length: usize) -> &[u8] {
        let line = &self.buffer[self.start..self.start + length];
        self.start += length;
        line
    }

    /// Reads more, behind what is here.
    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.from.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(());
                }
                Ok(count) => {
                    self.end += count;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

//! The text of a message on its way out: header, body, encoded piece by
//! piece.

use std::io;
use std::os::unix::fs::FileExt;

use bstr::BString;
use bytes::Bytes;

use crate::queue::Body;
use crate::smtp::client::ContentEncoder;

/// Bytes of a body file encoded in one piece.
const PIECE_BYTES: usize = 256 << 10;

/// A message as one mailer sends it.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// The header with the empty line that ends it, lines ended by LF.
    pub(crate) header: Bytes,
    /// The body, lines ended by LF.
    pub(crate) body: Body,
    /// The mailer's `E=`.
    pub(crate) eol: BString,
    /// The mailer's `L=`; 0 for no limit.
    pub(crate) line_max: usize,
}

impl Content {
    /// The encoded text from its beginning.
    pub(super) fn pieces(&self) -> Pieces<'_> {
        Pieces {
            content: self,
            encoder: ContentEncoder::new(self.eol.clone(), self.line_max),
            at: None,
        }
    }
}

/// Where an encoding is.
pub(super) struct Pieces<'a> {
    content: &'a Content,
    encoder: ContentEncoder,
    /// Bytes of the body that are done; `None` before the header.
    at: Option<u64>,
}

impl Pieces<'_> {
    /// Appends the next piece; `false` when it was the last, with the final
    /// dot in it.
    pub(super) fn encode_next(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let mut at = match self.at {
            Some(at) => at,
            None => {
                self.encoder.encode(&self.content.header, out);
                0
            }
        };
        match &self.content.body {
            Body::Memory(bytes) => {
                out.reserve(bytes.len() + bytes.len() / 32 + 8);
                self.encoder.encode(bytes, out);
                at = self.content.body.len();
            }
            Body::File(file, len) => {
                let left = usize::try_from(len - at).unwrap_or(PIECE_BYTES);
                let mut piece = vec![0; left.min(PIECE_BYTES)];
                let got = file.read_at(&mut piece, at)?;
                if got == 0 && left > 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.encoder.encode(&piece[..got], out);
                at += u64::try_from(got).unwrap_or(0);
            }
        }
        self.at = Some(at);
        let more = at < self.content.body.len();
        if !more {
            self.encoder.finish(out);
        }
        Ok(more)
    }
}

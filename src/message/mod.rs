//! Messages as text: header fields, dates, Received lines, MIME.
//!
//! Pure: bytes in, bytes out. Body bytes are never re-encoded unless a next
//! hop demands it.

pub mod addresses;
pub mod block;
pub mod date;
pub mod header;
pub mod mime;
pub mod quoting;

pub use header::{Field, Header};

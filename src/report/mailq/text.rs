//! The form of a listing.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use bstr::ByteSlice;
use jiff::Timestamp;

use super::Request;
use super::entry::{Content, Entry, File, Line};

/// What fits, in bytes, normally and with `-v`.
struct Widths {
    sender: usize,
    recipient: usize,
    text: usize,
}

const NORMAL: Widths = Widths {
    sender: 39,
    recipient: 38,
    text: 60,
};

const VERBOSE: Widths = Widths {
    sender: 78,
    recipient: 71,
    text: 100,
};

/// Appends the lines for one directory.
pub(super) fn put(out: &mut Vec<u8>, path: &Path, entries: &[Entry], request: &Request) {
    let path = path.display();
    // Writing to memory does not fail.
    if entries.is_empty() {
        let _ = writeln!(out, "{path} is empty");
        return;
    }
    let plural = if entries.len() == 1 { "" } else { "s" };
    let _ = writeln!(out, "\t\t{path} ({} request{plural})", entries.len());
    out.extend_from_slice(match request.verbose {
        true => {
            b"-----Q-ID----- --Size-- -Priority- ---Q-Time--- --------Sender/Recipient--------\n"
        }
        false => {
            b"-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------\n"
        }
    });
    for entry in entries {
        put_entry(out, entry, request);
    }
}

fn put_entry(out: &mut Vec<u8>, entry: &Entry, request: &Request) {
    let _ = write!(out, "{:>13}", entry.name);
    match &entry.content {
        Content::Unreadable(words) if words.starts_with(' ') => {
            let _ = writeln!(out, "{}{words}", char::from(entry.mark));
        }
        Content::Unreadable(words) => {
            let _ = writeln!(out, " {words}");
        }
        Content::File(file) => {
            // sendmail: what is wrong is said where it is found.
            if let Some(complaint) = &entry.complaint {
                let _ = writeln!(out, "{complaint}");
            }
            out.push(entry.mark);
            put_file(out, entry, file, request);
        }
    }
}

fn put_file(out: &mut Vec<u8>, entry: &Entry, file: &File, request: &Request) {
    let widths = if request.verbose { VERBOSE } else { NORMAL };
    let size = file.size.and_then(|size| i64::try_from(size).ok());
    let _ = write!(out, "{:>8} ", size.unwrap_or(-1));
    let date = date(entry.facts.created, request);
    if request.verbose {
        let mark = if file.warned { '+' } else { ' ' };
        let _ = write!(out, "{:>10}{mark}{} ", entry.facts.priority, &date[4..]);
    } else {
        let _ = write!(out, "{date} ");
    }
    out.extend_from_slice(cut(&file.sender, widths.sender));
    if let Some(reason) = &file.quarantine {
        out.extend_from_slice(b"\n     QUARANTINE: ");
        out.extend_from_slice(cut(reason, widths.text));
    }
    if file.body_type.is_some() || file.status.is_some() {
        let body_type = file.body_type.as_ref().map_or(b"".as_slice(), |b| b);
        let _ = write!(out, "\n{:>14}", body_type.as_bstr());
        if let Some(status) = &file.status {
            out.extend_from_slice(b"   (");
            out.extend_from_slice(cut(status, widths.text));
            out.push(b')');
        }
    }
    for line in &file.lines {
        put_line(out, line, &widths, request.verbose);
    }
    // sendmail: without a time it was not much of a control file.
    if entry.facts.created == 0 {
        out.extend_from_slice(b" (no control file)");
    }
    out.push(b'\n');
}

fn put_line(out: &mut Vec<u8>, line: &Line, widths: &Widths, verbose: bool) {
    match line {
        Line::Controller(text) if verbose => {
            out.extend_from_slice(b"\n\t\t\t\t\t\t(---");
            out.extend_from_slice(cut(text, 74));
            out.extend_from_slice(b"---)");
        }
        Line::Reason(text) if verbose => {
            out.extend_from_slice(b"\n\t\t (");
            out.extend_from_slice(cut(text, widths.text));
            out.push(b')');
        }
        Line::Controller(_) | Line::Reason(_) => {}
        Line::Recipient(shown) => {
            out.extend_from_slice(match verbose {
                true => b"\n\t\t\t\t\t\t".as_slice(),
                false => b"\n\t\t\t\t\t ",
            });
            out.extend_from_slice(cut(shown, widths.recipient));
        }
    }
}

fn cut(text: &[u8], max: usize) -> &[u8] {
    &text[..text.len().min(max)]
}

/// `Sun Nov 22 08:56`
fn date(created: i64, request: &Request) -> String {
    let since = u64::try_from(created).unwrap_or(0);
    let time = Timestamp::try_from(UNIX_EPOCH + Duration::from_secs(since.min(1 << 37)));
    let zoned = time.unwrap_or_default().to_zoned(request.zone.clone());
    zoned.strftime("%a %b %e %H:%M").to_string()
}

//! The server's words: replies as the reference gives them.

use bstr::BString;

use crate::base::Reply;
use crate::smtp::command::shorten;

/// Appends a reply as it goes to a client. `// sendmail:` bytes above 127
/// lose their high bit, unless the client may get UTF-8.
pub(super) fn push_reply(out: &mut Vec<u8>, reply: &Reply, utf8: bool) {
    let start = out.len();
    reply.write_to(out);
    if !utf8 {
        for byte in &mut out[start..] {
            *byte = seven_bit(*byte);
        }
    }
}

/// `byte` without its high bit; never a control character that was none.
fn seven_bit(byte: u8) -> u8 {
    match byte & 0x7f {
        stripped if byte < 0x80 || stripped >= b' ' => stripped,
        _ => b'?',
    }
}

/// `text... ` for a reply about one address.
fn about(address: &[u8], text: &str) -> Vec<u8> {
    let mut out = shorten(address).into_owned();
    out.extend_from_slice(b"... ");
    out.extend_from_slice(text.as_bytes());
    out
}

/// The answer to MAIL when the sender is taken; `address` as given.
pub fn sender_ok(address: &[u8]) -> Reply {
    Reply::with(250, (2, 1, 0), about(address, "Sender ok"))
}

/// The answer to RCPT when the recipient is taken; `address` as it is known
/// to us.
pub fn recipient_ok(address: &[u8]) -> Reply {
    Reply::with(250, (2, 1, 5), about(address, "Recipient ok"))
}

/// The answer to RCPT when the message will wait in the queue.
pub fn recipient_queued(address: &[u8]) -> Reply {
    Reply::with(250, (2, 1, 5), about(address, "Recipient ok (will queue)"))
}

/// A refusal about one address: `550 5.1.1 <x@y>... User unknown`.
pub fn refused(code: u16, enhanced: (u8, u16, u16), address: &[u8], text: &str) -> Reply {
    Reply::with(code, enhanced, about(address, text))
}

/// The answer to the end of a message that is now ours.
pub fn accepted(id: &str) -> Reply {
    Reply::with(
        250,
        (2, 0, 0),
        format!("{id} Message accepted for delivery"),
    )
}

/// Fixed answers.
pub(super) mod fixed {
    // The line end is part of each.
    pub(in crate::smtp::server) const OK: &str = "250 2.0.0 OK\r\n";
    pub(in crate::smtp::server) const RESET: &str = "250 2.0.0 Reset state\r\n";
    pub(in crate::smtp::server) const VERBOSE: &str = "250 2.0.0 Verbose mode\r\n";
    pub(in crate::smtp::server) const NO_VERBOSE: &str = "502 5.7.0 Verbose unavailable\r\n";
    pub(in crate::smtp::server) const GO_AHEAD: &str = "354 End data with <CR><LF>.<CR><LF>\r\n";
    pub(in crate::smtp::server) const PROTOCOL_ERROR: &str = "554 5.5.0 SMTP protocol error\r\n";
    pub(in crate::smtp::server) const SENDER_TWICE: &str = "503 5.5.0 Sender already specified\r\n";
    pub(in crate::smtp::server) const XCLIENT_LATE: &str =
        "503 5.5.1 XCLIENT within a mail transaction\r\n";
    pub(in crate::smtp::server) const SAY_HELO: &str = "503 5.0.0 Polite people say HELO first\r\n";
    pub(in crate::smtp::server) const INTRODUCE: &str =
        "503 5.0.0 I demand that you introduce yourself first\r\n";
    pub(in crate::smtp::server) const NEED_MAIL_RCPT: &str = "503 5.0.0 Need MAIL before RCPT\r\n";
    pub(in crate::smtp::server) const NEED_MAIL: &str = "503 5.0.0 Need MAIL command\r\n";
    pub(in crate::smtp::server) const NEED_RCPT: &str = "503 5.0.0 Need RCPT (recipient)\r\n";
    pub(in crate::smtp::server) const TOO_MANY_RCPTS: &str = "452 4.5.3 Too many recipients\r\n";
    pub(in crate::smtp::server) const ARGUMENT: &str = "501 5.5.2 Argument required\r\n";
    pub(in crate::smtp::server) const PARAMETER: &str = "500 5.5.2 Parameter required\r\n";
    pub(in crate::smtp::server) const NO_VRFY: &str =
        "252 2.5.2 Cannot VRFY user; try RCPT to attempt delivery (or try finger)\r\n";
    pub(in crate::smtp::server) const NOT_ALLOWED: &str =
        "502 5.7.0 Sorry, we do not allow this operation\r\n";
    pub(in crate::smtp::server) const BAD_DOMAIN: &str = "501 5.0.0 Invalid domain name\r\n";
    pub(in crate::smtp::server) const BARE_LF: &str =
        "421 4.5.0 Bare linefeed (LF) not allowed\r\n";
    pub(in crate::smtp::server) const BARE_CR: &str =
        "421 4.5.0 Bare carriage return (CR) not allowed\r\n";
    pub(in crate::smtp::server) const NO_AUTH: &str = "503 5.3.3 AUTH not available\r\n";
    pub(in crate::smtp::server) const NEED_AUTH: &str = "530 5.7.0 Authentication required\r\n";
    pub(in crate::smtp::server) const AUTH_TWICE: &str = "503 5.5.0 Already Authenticated\r\n";
    pub(in crate::smtp::server) const AUTH_LATE: &str =
        "503 5.5.0 AUTH not permitted during a mail transaction\r\n";
    pub(in crate::smtp::server) const AUTH_ABORTED: &str = "501 5.0.0 AUTH aborted\r\n";
    pub(in crate::smtp::server) const NO_PARAMETERS: &str =
        "501 5.5.2 Syntax error (no parameters allowed)\r\n";
    pub(in crate::smtp::server) const TLS_FORBIDDEN: &str = "503 5.5.0 TLS not available\r\n";
    pub(in crate::smtp::server) const NO_TLS: &str = "454 4.3.3 TLS not available after start\r\n";
    pub(in crate::smtp::server) const TLS_LATE: &str =
        "503 5.5.0 STARTTLS not permitted during a mail transaction\r\n";
    pub(in crate::smtp::server) const TLS_READY: &str = "220 2.0.0 Ready to start TLS\r\n";
    pub(in crate::smtp::server) const NO_MECHANISM: &str =
        "501 5.5.2 AUTH mechanism must be specified\r\n";
}

/// Foreign text inside a reply of ours: shortened, without what would break
/// the line.
pub(super) fn quoted(text: &[u8], utf8: bool) -> BString {
    let clean = |byte: &u8| match byte {
        b'\r' | b'\n' | 0 => b' ',
        byte if utf8 => *byte,
        byte => seven_bit(*byte),
    };
    shorten(text).iter().map(clean).collect::<Vec<u8>>().into()
}

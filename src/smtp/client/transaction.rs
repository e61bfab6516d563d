//! One message to one server: what MAIL and RCPT say of it.

use bstr::BString;

use super::Extensions;

/// The body type that MAIL declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyKind {
    /// `BODY=7BIT`
    SevenBit,
    /// `BODY=8BITMIME`
    EightBitMime,
}

/// `RET=` (RFC 3461, section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Return {
    /// The whole message.
    Full,
    /// Its header.
    Headers,
}

/// `NOTIFY=` (RFC 3461, section 4.1); all false is `NEVER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NotifyOn {
    /// `SUCCESS`
    pub success: bool,
    /// `FAILURE`
    pub failure: bool,
    /// `DELAY`
    pub delay: bool,
}

/// A message's envelope as one server is to get it. Addresses are given as
/// they go out, without angle brackets; parameters that the server does not
/// offer are left out.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// The sender; empty for the null sender.
    pub sender: BString,
    /// The recipients, in the order they are named to the server.
    pub recipients: Vec<Rcpt>,
    /// `SIZE=`
    pub size_bytes: Option<u64>,
    /// `BODY=`
    pub body: Option<BodyKind>,
    /// `RET=`
    pub ret: Option<Return>,
    /// `ENVID=`, xtext.
    pub envid: Option<BString>,
    /// `AUTH=`, xtext.
    pub auth: Option<BString>,
    /// `BY=`: seconds that are left, and `R`, `N`, with `T` after it perhaps.
    pub deliver_by: Option<(i64, BString)>,
    /// The message cannot go without SMTPUTF8.
    pub smtputf8: bool,
}

/// One recipient of a transaction.
#[derive(Clone, Debug, Default)]
pub struct Rcpt {
    /// The address.
    pub address: BString,
    /// `NOTIFY=`
    pub notify: Option<NotifyOn>,
    /// `ORCPT=`: `type;xtext`.
    pub orcpt: Option<BString>,
}

impl Rcpt {
    /// A recipient without parameters.
    pub fn new(address: impl Into<BString>) -> Self {
        Self {
            address: address.into(),
            ..Self::default()
        }
    }
}

impl Transaction {
    /// The MAIL command, without line end.
    pub(super) fn mail(&self, offered: &Extensions, out: &mut Vec<u8>) {
        out.extend_from_slice(b"MAIL From:<");
        push_address(out, &self.sender);
        out.push(b'>');
        if let Some(size) = self.size_bytes.filter(|_| offered.size) {
            out.extend_from_slice(format!(" SIZE={size}").as_bytes());
        }
        match self.body.filter(|_| offered.eight_bit_mime) {
            Some(BodyKind::SevenBit) => out.extend_from_slice(b" BODY=7BIT"),
            Some(BodyKind::EightBitMime) => out.extend_from_slice(b" BODY=8BITMIME"),
            None => {}
        }
        if self.smtputf8 && offered.smtputf8 {
            out.extend_from_slice(b" SMTPUTF8");
        }
        if offered.dsn {
            if let Some(envid) = &self.envid {
                push_parameter(out, " ENVID=", envid);
            }
            match self.ret {
                Some(Return::Full) => out.extend_from_slice(b" RET=FULL"),
                Some(Return::Headers) => out.extend_from_slice(b" RET=HDRS"),
                None => {}
            }
        }
        if let Some(auth) = self.auth.as_ref().filter(|_| !offered.auth.is_empty()) {
            push_parameter(out, " AUTH=", auth);
        }
        if let (Some((seconds, mode)), Some(_)) = (&self.deliver_by, offered.deliver_by) {
            out.extend_from_slice(format!(" BY={seconds};").as_bytes());
            push_address(out, mode);
        }
    }

    /// The RCPT command of a recipient, without line end.
    pub(super) fn rcpt(&self, index: usize, offered: &Extensions, out: &mut Vec<u8>) {
        let Some(recipient) = self.recipients.get(index) else {
            return;
        };
        out.extend_from_slice(b"RCPT To:<");
        push_address(out, &recipient.address);
        out.push(b'>');
        if !offered.dsn {
            return;
        }
        if let Some(notify) = recipient.notify {
            out.extend_from_slice(b" NOTIFY=");
            push_notify(out, notify);
        }
        if let Some(orcpt) = &recipient.orcpt {
            push_parameter(out, " ORCPT=", orcpt);
        }
    }
}

fn push_notify(out: &mut Vec<u8>, notify: NotifyOn) {
    let words = [
        (notify.success, "SUCCESS"),
        (notify.failure, "FAILURE"),
        (notify.delay, "DELAY"),
    ];
    let mut first = true;
    for (_, word) in words.into_iter().filter(|(on, _)| *on) {
        if !first {
            out.push(b',');
        }
        first = false;
        out.extend_from_slice(word.as_bytes());
    }
    if first {
        out.extend_from_slice(b"NEVER");
    }
}

fn push_parameter(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    push_address(out, value);
}

/// Whatever an address or parameter holds, it cannot end the command.
fn push_address(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(text.iter().filter(|b| !matches!(b, b'\r' | b'\n' | 0)));
}

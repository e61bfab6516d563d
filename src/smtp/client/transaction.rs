//! One message to one server: what MAIL and RCPT say of it.

use bstr::BString;

use super::Extensions;
use crate::smtp::parameter::{BodyType, MailParameters, Notify, RcptParameters, Ret};

/// A message's envelope as one server is to get it. Addresses are given as
/// they go out, without angle brackets; parameters that the server does not
/// offer are left out.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// The sender; empty for the null sender.
    pub sender: BString,
    /// What MAIL says beside the sender.
    pub parameters: MailParameters,
    /// The recipients, in the order they are named to the server.
    pub recipients: Vec<Rcpt>,
}

/// One recipient of a transaction.
#[derive(Clone, Debug, Default)]
pub struct Rcpt {
    /// The address.
    pub address: BString,
    /// What RCPT says beside it.
    pub parameters: RcptParameters,
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
        let parameters = &self.parameters;
        if let Some(size) = parameters.size.filter(|_| offered.size) {
            out.extend_from_slice(format!(" SIZE={size}").as_bytes());
        }
        if let Some(body) = parameters.body.filter(|_| offered.eight_bit_mime) {
            out.extend_from_slice(match body {
                BodyType::SevenBit => b" BODY=7BIT",
                BodyType::EightBitMime | BodyType::Binary => b" BODY=8BITMIME",
            });
        }
        if parameters.smtputf8 && offered.smtputf8 {
            out.extend_from_slice(b" SMTPUTF8");
        }
        if parameters.require_tls && offered.require_tls {
            out.extend_from_slice(b" REQUIRETLS");
        }
        if offered.dsn {
            if let Some(envid) = &parameters.envid {
                push_parameter(out, " ENVID=", envid);
            }
            match parameters.ret {
                Some(Ret::Full) => out.extend_from_slice(b" RET=FULL"),
                Some(Ret::Headers) => out.extend_from_slice(b" RET=HDRS"),
                None => {}
            }
        }
        if let Some(auth) = parameters.auth.as_ref().filter(|_| offered.has_auth()) {
            push_parameter(out, " AUTH=", auth);
        }
        if let Some(by) = parameters.by.filter(|_| offered.deliver_by.is_some()) {
            let mode = if by.returns { "R" } else { "N" };
            let trace = if by.trace { "T" } else { "" };
            out.extend_from_slice(format!(" BY={};{mode}{trace}", by.seconds).as_bytes());
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
        let parameters = &recipient.parameters;
        if parameters.notify.given {
            out.extend_from_slice(b" NOTIFY=");
            push_notify(out, parameters.notify);
        }
        if let Some(orcpt) = &parameters.orcpt {
            push_parameter(out, " ORCPT=", orcpt);
        }
    }
}

fn push_notify(out: &mut Vec<u8>, notify: Notify) {
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

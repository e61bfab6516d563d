//! The envelope: who sends, who receives, and what was asked for on the way.
//!
//! These are the facts that a queue file keeps. Expansion of aliases, lists
//! and `.forward` files turns recipients into others.

pub mod expand;
pub mod list;
pub mod verify;

use std::time::{Duration, SystemTime};

use bstr::BString;

pub use expand::{
    Expansion, ListError, ListFile, ListFiles, Manner, Ready, Told, expand, expand_in,
};
pub use verify::{Verified, verify};

pub use crate::smtp::{BodyType, Notify, Ret};

/// The local user who answers for a program, file or list: made only by
/// expansion, never from the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ControllingUser {
    /// The login name.
    pub name: BString,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// The alias or address that led here.
    pub alias: BString,
}

/// What an address means before any rule has seen it. Only expansion makes
/// the last three: a string from the network is a mailbox and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A mail address.
    Mailbox,
    /// `|command`.
    Program,
    /// `/path`.
    File,
    /// `:include:/path`.
    Include,
}

/// One recipient and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The address without angle brackets, as given or as expanded to; with
    /// its `|`, `/` or `:include:` when it is one of those.
    pub address: BString,
    /// Whether RCPT gave it in angle brackets: logs, queue files and reports
    /// show it so (see [`Recipient::shown`]).
    pub bracketed: bool,
    /// What kind of address this is.
    pub kind: Kind,
    /// The address as RCPT gave it: what a report calls the final recipient.
    pub final_recipient: Option<BString>,
    /// `ORCPT`, in `type;xtext` form as given.
    pub orcpt: Option<BString>,
    /// When reports are wanted.
    pub notify: Notify,
    /// Given by the sender, not by expansion (flag `P` in a queue file).
    pub primary: bool,
    /// Already expanded from an alias (flag `A`).
    pub aliased: bool,
    /// Taken from a `Bcc:` field that is not to be sent on (flag `B`).
    pub blind: bool,
    /// The address, as shown, that expansion replaced by this one: what a
    /// report says after `expanded from:`.
    pub expanded_from: Option<BString>,
    /// Who answers for it, when expansion made it.
    pub controlling_user: Option<ControllingUser>,
    /// How far it has come.
    pub state: RecipientState,
}

impl Recipient {
    /// A mailbox as RCPT gave it.
    pub fn mailbox(address: impl Into<BString>) -> Self {
        Self {
            address: address.into(),
            bracketed: false,
            kind: Kind::Mailbox,
            final_recipient: None,
            orcpt: None,
            notify: Notify::default(),
            primary: true,
            aliased: false,
            blind: false,
            expanded_from: None,
            controlling_user: None,
            state: RecipientState::Queued { reason: None },
        }
    }

    /// The address as logs, queue files and reports show it: in the angle
    /// brackets it came in, if it did.
    pub fn shown(&self) -> BString {
        shown(&self.address, self.bracketed)
    }

    /// Whether there is still something to do for it.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, RecipientState::Queued { .. })
    }
}

/// Three outcomes, and not yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientState {
    /// To be delivered; `reason` says why the last attempt did not succeed,
    /// such as `Deferred: Connection refused by mx.example.`
    Queued {
        /// The text of the last attempt, if there was one.
        reason: Option<BString>,
    },
    /// Delivered, relayed or replaced by what it expanded to.
    Sent,
    /// Failed for good and reported (or not to be reported).
    Failed,
}

/// The macro that says that a message must go under TLS.
const REQUIRE_TLS: &str = "{requiretls}";

/// Everything about a message but its header and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The sender without angle brackets; empty for the null sender.
    pub sender: BString,
    /// Whether MAIL gave it in angle brackets: logs, queue files and reports
    /// show it so (see [`Envelope::shown_sender`]).
    pub sender_bracketed: bool,
    /// Recipients in the order given; expansion appends.
    pub recipients: Vec<Recipient>,
    /// Who has it already, of those that an earlier expansion made: an
    /// attempt that a crash cut short had come to them. Not kept in queue
    /// files, which name whoever is left.
    pub had: Vec<BString>,
    /// When the message came.
    pub created: SystemTime,
    /// The declared body type.
    pub body_type: Option<BodyType>,
    /// Whether the body holds bytes above 127.
    pub has_8bit: bool,
    /// Whether addresses or header need SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// What a failure report returns.
    pub ret: Option<Ret>,
    /// A report returns the header only, though RET did not say so: bulk
    /// mail, `PrivacyOptions=nobodyreturn`.
    pub no_body_return: bool,
    /// `Bcc:` fields are deleted before the message is sent on.
    pub delete_bcc: bool,
    /// `ENVID`, as given (xtext).
    pub envid: Option<BString>,
    /// `AUTH=` of MAIL, as given (xtext), when it was trusted.
    pub auth: Option<BString>,
    /// This is itself a report: no report may be made of it.
    pub is_report: bool,
    /// The sender has been warned of the delay.
    pub warned: bool,
    /// Why it is held, if it is in quarantine.
    pub quarantine: Option<BString>,
    /// `BY=` of MAIL (RFC 2852): time from `created`, and whether to return
    /// the message then (else to notify).
    pub deliver_by: Option<(Duration, bool)>,
    /// Attempts so far.
    pub attempts: u32,
    /// When delivery was last tried.
    pub last_attempt: Option<SystemTime>,
    /// What `mailq` shows in parentheses for the whole message.
    pub status: Option<BString>,
    /// Size in bytes, header and body, as accepted.
    pub size: u64,
    /// The class of the `Precedence:` header (0 when there is none).
    pub class: i32,
    /// The less, the sooner: size, recipients, class and attempts, weighed by
    /// RecipientFactor, ClassFactor and RetryFactor.
    pub priority: i64,
    /// Macros that delivery needs again: name (`r`, `s`, `_`,
    /// `{daemon_flags}`, …) and value; a queue file's `$` lines.
    pub macros: Vec<(BString, BString)>,
}

impl Envelope {
    /// An envelope from `sender`, made at `created`, with nothing else said.
    pub fn new(sender: impl Into<BString>, created: SystemTime) -> Self {
        Self {
            sender: sender.into(),
            sender_bracketed: false,
            recipients: Vec::new(),
            had: Vec::new(),
            created,
            body_type: None,
            has_8bit: false,
            smtputf8: false,
            ret: None,
            no_body_return: false,
            delete_bcc: false,
            envid: None,
            auth: None,
            is_report: false,
            warned: false,
            quarantine: None,
            deliver_by: None,
            attempts: 0,
            last_attempt: None,
            status: None,
            size: 0,
            class: 0,
            priority: 0,
            macros: Vec::new(),
        }
    }

    /// The sender as logs, queue files and reports show it: `<>` for the null
    /// sender, else in the angle brackets it came in, if it did.
    pub fn shown_sender(&self) -> BString {
        shown(
            &self.sender,
            self.sender_bracketed || self.sender.is_empty(),
        )
    }

    /// The value of a kept macro.
    pub fn macro_value(&self, name: &str) -> Option<&BString> {
        self.macros
            .iter()
            .find(|(n, _)| n == name.as_bytes())
            .map(|(_, v)| v)
    }

    /// Whether the message goes under TLS to the end, or not at all (RFC
    /// 8689). A macro says so, which other programs keep with it.
    pub fn requires_tls(&self) -> bool {
        self.macro_value(REQUIRE_TLS).is_some()
    }

    /// Whether any recipient is still to be delivered.
    pub fn is_pending(&self) -> bool {
        self.recipients.iter().any(Recipient::is_pending)
    }
}

fn shown(address: &BString, bracketed: bool) -> BString {
    if !bracketed {
        return address.clone();
    }
    let mut text = Vec::with_capacity(address.len() + 2);
    text.push(b'<');
    text.extend_from_slice(address);
    text.push(b'>');
    text.into()
}

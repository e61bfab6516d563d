//! What the engine and the process of logins say to each other: bounded,
//! versioned frames. Each question has a number, which its answer repeats.

use std::path::PathBuf;

use bstr::BString;

use crate::daemon::frame::{Reader, Writer};
use crate::os::{KeyFacts, Stamp};
use crate::sasl::server::{Context, Failure, FailureKind, Identity};
use crate::sasl::{Bindings, Mechanism, Secret};

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ToLogins {
    /// What can be offered?
    Offer,
    /// Begin an exchange.
    Begin {
        exchange: u64,
        mechanism: Mechanism,
        context: Box<Context>,
        initial: Option<Secret>,
    },
    /// The client's next message.
    Step { exchange: u64, message: Secret },
    /// An exchange is given up. Needs no answer.
    End { exchange: u64 },
    /// A certificate with its key, which stays where it is.
    Certificate {
        certificate: PathBuf,
        key: PathBuf,
        group_may_read: bool,
    },
    /// What a file of these is now.
    Stamp(PathBuf),
    /// Sign something.
    Sign {
        number: u64,
        scheme: u16,
        message: Vec<u8>,
    },
    /// Read the configuration anew.
    Reload,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FromLogins {
    Offer {
        /// Names of mechanisms; empty when nobody can log in.
        mechanisms: Vec<BString>,
        /// What is suspicious.
        faults: Vec<BString>,
    },
    Challenge(Vec<u8>),
    Success(Identity),
    Failure(Failure),
    Certificate(KeyFacts),
    Stamp(Stamp),
    Signature(Vec<u8>),
    /// It cannot be done: why.
    Refused(BString),
    Done,
}

impl ToLogins {
    pub(super) fn encode(&self, id: u64) -> Vec<u8> {
        let mut out = Writer::new();
        out.u64(id);
        match self {
            Self::Offer => out.kind(1),
            Self::Begin {
                exchange,
                mechanism,
                context,
                initial,
            } => {
                out.kind(2)
                    .u64(*exchange)
                    .bytes(mechanism.name().as_bytes())
                    .flag(initial.is_some())
                    .bytes(initial.as_deref().unwrap_or_default());
                encode_context(context, &mut out)
            }
            Self::Step { exchange, message } => out.kind(3).u64(*exchange).bytes(message),
            Self::End { exchange } => out.kind(4).u64(*exchange),
            Self::Certificate {
                certificate,
                key,
                group_may_read,
            } => out
                .kind(5)
                .path(certificate)
                .path(key)
                .flag(*group_may_read),
            Self::Stamp(path) => out.kind(6).path(path),
            Self::Sign {
                number,
                scheme,
                message,
            } => out
                .kind(7)
                .u64(*number)
                .u32(u32::from(*scheme))
                .bytes(message),
            Self::Reload => out.kind(8),
        };
        out.finish()
    }

    pub(super) fn decode(frame: &[u8]) -> Option<(u64, Self)> {
        let mut from = Reader::new(frame)?;
        let id = from.u64()?;
        let decoded = match from.u8()? {
            1 => Self::Offer,
            2 => Self::Begin {
                exchange: from.u64()?,
                mechanism: Mechanism::parse(&from.bytes()?)?,
                initial: {
                    let given = from.flag()?;
                    let initial = Secret::from(from.bytes()?);
                    given.then_some(initial)
                },
                context: Box::new(decode_context(&mut from)?),
            },
            3 => Self::Step {
                exchange: from.u64()?,
                message: from.bytes()?.into(),
            },
            4 => Self::End {
                exchange: from.u64()?,
            },
            5 => Self::Certificate {
                certificate: from.path()?,
                key: from.path()?,
                group_may_read: from.flag()?,
            },
            6 => Self::Stamp(from.path()?),
            7 => Self::Sign {
                number: from.u64()?,
                scheme: u16::try_from(from.u32()?).ok()?,
                message: from.bytes()?.into(),
            },
            8 => Self::Reload,
            _ => return None,
        };
        from.end().then_some((id, decoded))
    }
}

/// The kinds of channel binding there are.
const BINDINGS: [&str; 2] = ["tls-exporter", "tls-server-end-point"];

fn encode_context<'w>(context: &Context, out: &'w mut Writer) -> &'w mut Writer {
    out.bytes(&context.host)
        .bytes(&context.realm)
        .bytes(&context.nonce)
        .u64(context.now)
        .bytes(&context.secret)
        .flag(context.offers_plus)
        .flag(context.external.is_some())
        .bytes(context.external.as_deref().map_or(b"", |name| name));
    for kind in BINDINGS {
        let data = context.bindings.get(kind.as_bytes());
        out.flag(data.is_some()).bytes(data.unwrap_or_default());
    }
    out
}

fn decode_context(from: &mut Reader<'_>) -> Option<Context> {
    let mut context = Context {
        host: from.bytes()?,
        realm: from.bytes()?,
        nonce: from.bytes()?.into(),
        now: from.u64()?,
        secret: from.bytes()?.into(),
        offers_plus: from.flag()?,
        external: {
            let given = from.flag()?;
            let name = from.bytes()?;
            given.then_some(name)
        },
        bindings: Bindings::none(),
    };
    for kind in BINDINGS {
        let given = from.flag()?;
        let data = from.bytes()?;
        if given {
            context.bindings = context.bindings.with(kind, data.into());
        }
    }
    Some(context)
}

impl FromLogins {
    pub(super) fn encode(&self, id: u64) -> Vec<u8> {
        let mut out = Writer::new();
        out.u64(id);
        match self {
            Self::Offer { mechanisms, faults } => out.kind(1).list(mechanisms).list(faults),
            Self::Challenge(text) => out.kind(2).bytes(text),
            Self::Success(identity) => out.kind(3).bytes(&identity.user).bytes(&identity.acts_for),
            Self::Failure(failure) => out
                .kind(4)
                .u8(number_of(failure.kind))
                .bytes(failure.detail.as_bytes())
                .bytes(&failure.user),
            Self::Certificate(facts) => {
                let chain: Vec<BString> =
                    facts.chain.iter().map(|der| der.clone().into()).collect();
                out.kind(5)
                    .u64(facts.number)
                    .bytes(&facts.public)
                    .list(&chain)
                    .u32(u32::try_from(facts.schemes.len()).unwrap_or(u32::MAX));
                let schemes = facts.schemes.iter();
                schemes.fold(&mut out, |out, scheme| out.u32(u32::from(*scheme)))
            }
            Self::Stamp(None) => out.kind(6).flag(false),
            Self::Stamp(Some((device, inode, size, seconds, nanoseconds))) => out
                .kind(6)
                .flag(true)
                .u64(*device)
                .u64(*inode)
                .u64(*size)
                .u64(seconds.cast_unsigned())
                .u64(nanoseconds.cast_unsigned()),
            Self::Signature(bytes) => out.kind(7).bytes(bytes),
            Self::Refused(why) => out.kind(8).bytes(why),
            Self::Done => out.kind(9),
        };
        out.finish()
    }

    pub(super) fn decode(frame: &[u8]) -> Option<(u64, Self)> {
        let mut from = Reader::new(frame)?;
        let id = from.u64()?;
        let decoded = match from.u8()? {
            1 => Self::Offer {
                mechanisms: from.list(Reader::bytes)?,
                faults: from.list(Reader::bytes)?,
            },
            2 => Self::Challenge(from.bytes()?.into()),
            3 => Self::Success(Identity {
                user: from.bytes()?,
                acts_for: from.bytes()?,
            }),
            4 => Self::Failure(Failure {
                kind: kind_of(from.u8()?)?,
                detail: from.bytes()?.to_string(),
                user: from.bytes()?,
            }),
            5 => Self::Certificate(KeyFacts {
                number: from.u64()?,
                public: from.bytes()?.into(),
                chain: from.list(|from| from.bytes().map(Vec::from))?,
                schemes: from.list(|from| u16::try_from(from.u32()?).ok())?,
            }),
            6 => Self::Stamp(match from.flag()? {
                false => None,
                true => Some((
                    from.u64()?,
                    from.u64()?,
                    from.u64()?,
                    from.u64()?.cast_signed(),
                    from.u64()?.cast_signed(),
                )),
            }),
            7 => Self::Signature(from.bytes()?.into()),
            8 => Self::Refused(from.bytes()?),
            9 => Self::Done,
            _ => return None,
        };
        from.end().then_some((id, decoded))
    }
}

const KINDS: [FailureKind; 4] = [
    FailureKind::Protocol,
    FailureKind::Wrong,
    FailureKind::NoUser,
    FailureKind::Unavailable,
];

fn number_of(kind: FailureKind) -> u8 {
    let at = KINDS.iter().position(|known| *known == kind);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(0)
}

fn kind_of(number: u8) -> Option<FailureKind> {
    KINDS.get(usize::from(number)).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn questions() -> Vec<ToLogins> {
        let context = Context {
            host: "h".into(),
            external: Some("/CN=x".into()),
            bindings: Bindings::none().with("tls-exporter", vec![1, 2]),
            ..Context::default()
        };
        vec![
            ToLogins::Offer,
            ToLogins::Begin {
                exchange: 7,
                mechanism: Mechanism::Plain,
                context: Box::new(context),
                initial: Some("\0a\0b".into()),
            },
            ToLogins::Step {
                exchange: 7,
                message: "x".into(),
            },
            ToLogins::End { exchange: 7 },
            ToLogins::Certificate {
                certificate: "/c".into(),
                key: "/k".into(),
                group_may_read: true,
            },
            ToLogins::Stamp("/c".into()),
            ToLogins::Sign {
                number: 1,
                scheme: 0x804,
                message: vec![0; 64],
            },
            ToLogins::Reload,
        ]
    }

    fn answers() -> Vec<FromLogins> {
        vec![
            FromLogins::Offer {
                mechanisms: vec!["PLAIN".into()],
                faults: vec!["f".into()],
            },
            FromLogins::Challenge(b"c".to_vec()),
            FromLogins::Success(Identity {
                user: "u".into(),
                acts_for: "v".into(),
            }),
            FromLogins::Failure(Failure {
                kind: FailureKind::NoUser,
                detail: "d".into(),
                user: "u".into(),
            }),
            FromLogins::Certificate(KeyFacts {
                number: 3,
                chain: vec![vec![1], vec![2]],
                public: vec![3],
                schemes: vec![0x403],
            }),
            FromLogins::Stamp(Some((1, 2, 3, -4, 5))),
            FromLogins::Stamp(None),
            FromLogins::Signature(vec![9]),
            FromLogins::Refused("no".into()),
            FromLogins::Done,
        ]
    }

    #[test]
    fn frames_come_back_as_they_went() {
        for question in questions() {
            assert_eq!(ToLogins::decode(&question.encode(5)), Some((5, question)));
        }
        for answer in answers() {
            assert_eq!(FromLogins::decode(&answer.encode(6)), Some((6, answer)));
        }
    }

    #[test]
    fn what_is_printed_shows_no_secret() {
        let step = ToLogins::Step {
            exchange: 1,
            message: "hunter2".into(),
        };
        assert!(!format!("{step:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_frame_makes_trouble(frame in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = ToLogins::decode(&frame);
            let _ = FromLogins::decode(&frame);
        }

        #[test]
        fn a_frame_that_is_cut_is_refused(which in 0usize..8, at in any::<prop::sample::Index>()) {
            let frame = questions()[which].encode(1);
            prop_assert_eq!(ToLogins::decode(&frame[..at.index(frame.len())]), None);
        }
    }
}

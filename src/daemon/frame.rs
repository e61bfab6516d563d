//! What parent and engine say to each other: bounded, versioned frames.
//!
//! A frame is a version, a kind, and fields in a fixed order; byte strings
//! have their length before them. A frame that does not read to its last byte
//! is refused whole, whoever sent it: the engine reads from the network, so
//! the parent takes it to be hostile; and both may be of different versions
//! for a moment while the program is replaced.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bstr::BString;

use super::configuration::Source;
use crate::base::Place;
use crate::os::LogTarget;

/// The version of the frames below.
const VERSION: u8 = 1;
/// Entries of a list in a frame.
const LIST_MAX: usize = 4096;

/// How the engine is to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// Which configuration.
    pub(super) source: Source,
    /// How often the queue is run; `None` for never.
    pub(super) queue_interval: Option<Duration>,
    /// Run the queue once, selected by these words (as after `-q`), and end.
    pub(super) once: Option<Vec<BString>>,
    /// Whether sessions are served at all.
    pub(super) listens: bool,
    /// Where the log goes.
    pub(super) log: LogTarget,
    /// The tag of its lines.
    pub(super) tag: BString,
}

/// From the parent to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ToEngine {
    /// The first frame.
    Start(Box<Start>),
    /// The queue directory is yours: open it. Follows [`ToParent::Loaded`].
    Go,
    /// A listening socket comes beside this frame. `spec` is its description
    /// (`DaemonPortOptions`), `index` its place in the configuration.
    Listener { index: u32, spec: BString },
    /// Close every listener but those of these indices, which stay as they
    /// are; new ones follow.
    KeepListeners(Vec<u32>),
    /// The control socket comes beside this frame.
    Control,
    /// A connected agent comes beside this frame.
    Agent { request: u64 },
    /// There is no agent: whether to try again later, and why.
    NoAgent {
        request: u64,
        temporary: bool,
        reason: BString,
    },
    /// A line to a new process of logins comes beside this frame.
    Logins,
    /// Read the configuration again and swap it in if it is good.
    Reload,
    /// End: sessions are told, the queue is closed.
    Stop,
}

/// From the engine to the parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ToParent {
    /// The configuration is good. Follows [`ToEngine::Start`].
    Loaded,
    /// The engine cannot start: exit code and reason.
    Failed { code: u8, reason: BString },
    /// The queue is open and listeners are served.
    Ready,
    /// Start an agent for this user; `mailbox` when it is to write a mailbox,
    /// else it runs programs and writes files.
    WantAgent {
        request: u64,
        user: BString,
        mailbox: bool,
    },
    /// A new configuration holds: listeners may have changed.
    Reloaded,
    /// Somebody who may asks for the end (over the control socket).
    WantStop,
}

/// On the channel for files, from the engine: open this for reading. The
/// engine waits for the answer, so there is one question at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WantFile {
    /// An absolute path.
    pub(super) path: BString,
}

/// The parent's answer; an opened file comes beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileAnswer {
    /// 0, or the error's number.
    pub(super) errno: u32,
}

impl WantFile {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.bytes(&self.path);
        out.0
    }

    pub(super) fn decode(frame: &[u8]) -> Option<Self> {
        let mut from = Reader::new(frame)?;
        let path = from.bytes()?;
        from.end().then_some(Self { path })
    }
}

impl FileAnswer {
    pub(super) fn encode(self) -> Vec<u8> {
        let mut out = Writer::new();
        out.u32(self.errno);
        out.0
    }

    pub(super) fn decode(frame: &[u8]) -> Option<Self> {
        let mut from = Reader::new(frame)?;
        let errno = from.u32()?;
        from.end().then_some(Self { errno })
    }
}

impl ToEngine {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        match self {
            Self::Start(start) => start.encode(out.kind(1)),
            Self::Go => out.kind(2),
            Self::Listener { index, spec } => out.kind(3).u32(*index).bytes(spec),
            Self::KeepListeners(indices) => {
                out.kind(4).u32(length(indices.len()));
                indices.iter().fold(&mut out, |out, index| out.u32(*index))
            }
            Self::Control => out.kind(5),
            Self::Agent { request } => out.kind(6).u64(*request),
            Self::NoAgent {
                request,
                temporary,
                reason,
            } => out.kind(7).u64(*request).flag(*temporary).bytes(reason),
            Self::Logins => out.kind(8),
            Self::Reload => out.kind(10),
            Self::Stop => out.kind(11),
        };
        out.0
    }

    pub(super) fn decode(frame: &[u8]) -> Option<Self> {
        let mut from = Reader::new(frame)?;
        let decoded = match from.u8()? {
            1 => Self::Start(Box::new(Start::decode(&mut from)?)),
            2 => Self::Go,
            3 => Self::Listener {
                index: from.u32()?,
                spec: from.bytes()?,
            },
            4 => Self::KeepListeners(from.list(Reader::u32)?),
            5 => Self::Control,
            6 => Self::Agent {
                request: from.u64()?,
            },
            7 => Self::NoAgent {
                request: from.u64()?,
                temporary: from.flag()?,
                reason: from.bytes()?,
            },
            8 => Self::Logins,
            10 => Self::Reload,
            11 => Self::Stop,
            _ => return None,
        };
        from.end().then_some(decoded)
    }
}

impl ToParent {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        match self {
            Self::Loaded => out.kind(1),
            Self::Failed { code, reason } => out.kind(2).u8(*code).bytes(reason),
            Self::Ready => out.kind(3),
            Self::WantAgent {
                request,
                user,
                mailbox,
            } => out.kind(4).u64(*request).bytes(user).flag(*mailbox),
            Self::Reloaded => out.kind(6),
            Self::WantStop => out.kind(7),
        };
        out.0
    }

    pub(super) fn decode(frame: &[u8]) -> Option<Self> {
        let mut from = Reader::new(frame)?;
        let decoded = match from.u8()? {
            1 => Self::Loaded,
            2 => Self::Failed {
                code: from.u8()?,
                reason: from.bytes()?,
            },
            3 => Self::Ready,
            4 => Self::WantAgent {
                request: from.u64()?,
                user: from.bytes()?,
                mailbox: from.flag()?,
            },
            6 => Self::Reloaded,
            7 => Self::WantStop,
            _ => return None,
        };
        from.end().then_some(decoded)
    }
}

impl Start {
    fn encode<'w>(&self, out: &'w mut Writer) -> &'w mut Writer {
        let source = &self.source;
        let root = source.place.root().map(|root| root.as_os_str().as_bytes());
        out.bytes(source.file.as_os_str().as_bytes())
            .bytes(root.unwrap_or_default())
            .pairs(&source.options)
            .pairs(&source.macros)
            .u64(
                self.queue_interval
                    .map_or(0, |every| every.as_secs().max(1)),
            )
            .flag(self.listens)
            .flag(self.once.is_some())
            .list(self.once.as_deref().unwrap_or_default());
        match &self.log {
            LogTarget::Socket(path) => out.u8(0).bytes(path.as_os_str().as_bytes()),
            LogTarget::File(path) => out.u8(1).bytes(path.as_os_str().as_bytes()),
            LogTarget::Stderr => out.u8(2).bytes(b""),
        };
        out.bytes(&self.tag)
    }

    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let file = from.path()?;
        let root = from.path()?;
        let place = if root.as_os_str().is_empty() {
            Place::default()
        } else {
            Place::under(root)
        };
        let pair = |from: &mut Reader<'_>| Some((from.bytes()?, from.bytes()?));
        Some(Self {
            source: Source {
                file,
                place,
                options: from.list(pair)?,
                macros: from.list(pair)?,
            },
            queue_interval: Some(from.u64()?)
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            listens: from.flag()?,
            once: {
                let given = from.flag()?;
                let words = from.list(Reader::bytes)?;
                given.then_some(words)
            },
            log: match (from.u8()?, from.path()?) {
                (0, path) => LogTarget::Socket(path),
                (1, path) => LogTarget::File(path),
                (2, _) => LogTarget::Stderr,
                _ => return None,
            },
            tag: from.bytes()?,
        })
    }
}

fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Writes the fields of a frame.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new() -> Self {
        Self(vec![VERSION])
    }

    /// The frame.
    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn path(&mut self, value: &Path) -> &mut Self {
        self.bytes(value.as_os_str().as_bytes())
    }

    pub(super) fn kind(&mut self, kind: u8) -> &mut Self {
        self.u8(kind)
    }

    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    pub(super) fn flag(&mut self, value: bool) -> &mut Self {
        self.u8(u8::from(value))
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.u32(length(value.len())).0.extend_from_slice(value);
        self
    }

    pub(super) fn list(&mut self, values: &[BString]) -> &mut Self {
        self.u32(length(values.len()));
        values.iter().fold(self, |out, value| out.bytes(value))
    }

    fn pairs(&mut self, pairs: &[(BString, BString)]) -> &mut Self {
        self.u32(length(pairs.len()));
        pairs
            .iter()
            .fold(self, |out, (name, value)| out.bytes(name).bytes(value))
    }
}

/// Reads the fields of a frame.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(frame: &'a [u8]) -> Option<Self> {
        let (version, rest) = frame.split_first()?;
        (*version == VERSION).then_some(Self(rest))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        let bytes = self.take(4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        let bytes = self.take(8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    pub(super) fn bytes(&mut self) -> Option<BString> {
        let count = usize::try_from(self.u32()?).ok()?;
        self.take(count).map(BString::from)
    }

    pub(super) fn path(&mut self) -> Option<PathBuf> {
        let bytes: Vec<u8> = self.bytes()?.into();
        Some(std::ffi::OsString::from_vec(bytes).into())
    }

    pub(super) fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = usize::try_from(self.u32()?).ok()?;
        if count > LIST_MAX {
            return None;
        }
        (0..count).map(|_| read(self)).collect()
    }

    pub(super) fn end(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;

//! The control socket: one line asks, lines answer, the end of the connection
//! ends the answer.
//!
//! The commands and the socket are those of option ControlSocketName
//! (`help restart shutdown status memdump mstat`), and a few more. Everyone
//! may ask how things are; what changes something takes root or the user that
//! the daemon runs as.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bstr::{BString, ByteSlice};

use crate::cf::{Opt, Options};
use crate::queue::Selector;

/// The longest line that asks.
pub(super) const REQUEST_BYTES_MAX: usize = 4096;
/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// How long an answer may take: a reload of a large site reads many files.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the socket is: option ControlSocketName, or beside the pid file with
/// the ending `.sock`.
pub fn path(options: &Options) -> PathBuf {
    let name = options.text(Opt::ControlSocketName);
    if !name.is_empty() {
        return name.to_path_lossy().into_owned();
    }
    let pid_file = options.text(Opt::PidFile).to_path_lossy().into_owned();
    pid_file.with_extension("sock")
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// `help`
    Help,
    /// `status`
    Status,
    /// `memdump`
    Memory,
    /// `mstat`: as `status`, for machines.
    Numbers,
    /// `reload`, and `restart`, which is the same here.
    Reload,
    /// `shutdown`
    Shutdown,
    /// `hoststat`, or `purgestat` (true): hosts and their records.
    Hosts(bool),
    /// `run FLAGS…`: run the queue now; each word as after `-q`.
    Run(Vec<BString>),
}

impl Request {
    /// Reads a line.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let mut words = line.fields();
        let command = words.next()?.to_ascii_lowercase();
        let request = match command.as_slice() {
            b"help" => Self::Help,
            b"status" => Self::Status,
            b"memdump" => Self::Memory,
            b"mstat" => Self::Numbers,
            b"hoststat" => Self::Hosts(false),
            b"purgestat" => Self::Hosts(true),
            b"reload" | b"restart" => Self::Reload,
            b"shutdown" => Self::Shutdown,
            b"run" => return Some(Self::Run(words.map(BString::from).collect())),
            _ => return None,
        };
        words.next().is_none().then_some(request)
    }

    /// Whether only those who may command the daemon may ask.
    pub(super) fn is_restricted(&self) -> bool {
        if let Self::Run(words) = self {
            return words
                .iter()
                .any(|word| holding(word).is_some() || returning(word).is_some());
        }
        matches!(
            self,
            Self::Reload | Self::Shutdown | Self::Memory | Self::Hosts(true)
        )
    }
}

/// What `help` answers.
pub(super) const HELP: &str = "\
help        this text
status      whether connections are accepted, and how many there are
mstat       the same for machines
reload      read the configuration again (also: restart)
run [...]   run the queue now, or what is selected: Itext Rtext Stext Gname
hoststat    hosts, and how the last visit to each ended, for machines
purgestat   forget the old ones of these
memdump     how much memory is in use
shutdown    stop
";

/// Asks a running daemon. Blocks.
///
/// # Errors
/// When nobody listens there, or the answer does not come.
pub fn ask(path: &Path, request: &str) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{request}\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

/// The word that makes a run put messages into quarantine, for this reason, or
/// release them.
pub fn holding_word(reason: Option<&[u8]>) -> BString {
    let mut word = BString::from("=");
    for byte in reason.unwrap_or_default() {
        word.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
    word
}

/// The word that makes a run give messages back to their senders, for this
/// reason.
pub fn returning_word(reason: &[u8]) -> BString {
    let mut word = holding_word(Some(reason));
    word[0] = b'~';
    word
}

/// Reads the word for quarantine; `None` for another.
pub(super) fn holding(word: &[u8]) -> Option<Option<BString>> {
    let reason = reason(word.strip_prefix(b"=")?)?;
    Some((!reason.is_empty()).then_some(reason))
}

/// Reads the word for giving back; `None` for another.
pub(super) fn returning(word: &[u8]) -> Option<BString> {
    reason(word.strip_prefix(b"~")?)
}

fn reason(digits: &[u8]) -> Option<BString> {
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    };
    let reason: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    reason.map(BString::from)
}

/// Words as after `-q`: a letter, and the text to look for.
pub fn selector(words: &[BString]) -> Option<Selector> {
    let mut selector = Selector::default();
    for word in words {
        if holding(word).is_some() || returning(word).is_some() {
            continue;
        }
        let (there, word) = match word.strip_prefix(b"!") {
            Some(rest) => (false, rest),
            None => (true, word.as_slice()),
        };
        let (letter, text) = word.split_first()?;
        let part = Some((text.to_vec(), there));
        match letter {
            b'I' => selector.id = part,
            b'R' => selector.recipient = part,
            b'S' => selector.sender = part,
            b'Q' => selector.quarantine = part,
            b'G' => selector.group = Some(text.to_vec()),
            _ => return None,
        }
    }
    Some(selector)
}

//! The command line of `sendmail`, by one table: flag for flag as the
//! reference takes it, clustering and attached arguments included.
//!
//! Reading never stops the reader of flags from being used without a
//! configuration: options (`-o`, `-O`) are kept as they were written.

use std::process::ExitCode;
use std::time::Duration;

use bstr::{BString, ByteSlice};

use crate::base::{Sysexit, interval};
use crate::cli::output::{fail, refuse};

/// What the program is asked to be (`-b`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `-bm`: take one message from standard input.
    #[default]
    Deliver,
    /// `-ba`: as `-bs`, with ARPANET replies.
    Arpanet,
    /// `-bs`: SMTP on standard input and output.
    Smtp,
    /// `-bd`: be the daemon.
    Daemon,
    /// `-bD`: be the daemon in the foreground.
    Foreground,
    /// `-bv`: only say where addresses go.
    Verify,
    /// `-bt`: try rules.
    Test,
    /// `-bi`, `newaliases`: build the alias databases.
    Aliases,
    /// `-bp`, `mailq`: list the queue.
    Queue,
    /// `-bP`: count the queue.
    Count,
    /// `-bC`: read the configuration and say what is wrong.
    Check,
    /// `-bh`, `hoststat`: list the status of hosts.
    Hosts,
    /// `-bH`, `purgestat`: forget the status of hosts.
    Purge,
}

/// `-q…`: what is asked of the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct QueueFlags {
    /// A plain `-q`, or one with a selection: run once.
    pub(crate) once: bool,
    /// `-qINTERVAL`, `-qpINTERVAL`: run again and again.
    pub(crate) interval: Option<Duration>,
    /// `-qp`: runners that stay.
    pub(crate) persistent: bool,
    /// `-qf`: in the foreground.
    pub(crate) foreground: bool,
    /// `-qGNAME`: this queue group.
    pub(crate) group: Option<BString>,
    /// `-qL`: the lost (`Qf`) files.
    pub(crate) lost: bool,
    /// `-qQ`: what is in quarantine.
    pub(crate) quarantined: bool,
    /// `-q[!]ITEXT`, `R`, `S`, `Q`: letter, text, whether it must be there.
    pub(crate) selections: Vec<(u8, BString, bool)>,
}

impl QueueFlags {
    /// Whether any `-q` was given.
    pub(crate) fn is_given(&self) -> bool {
        *self != Self::default()
    }
}

/// An option given as `-oXvalue` (one letter) or `-OName=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OptionFlag {
    /// `-oXvalue`.
    Letter(u8, BString),
    /// `-OName=value`.
    Named(BString, BString),
}

/// Which configuration holds (`-Ac`, `-Am`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// What the mode says.
    #[default]
    ByMode,
    /// `-Ac`: submit.cf.
    Submission,
    /// `-Am`: sendmail.cf.
    Transfer,
}

/// Everything a command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) mode: Mode,
    /// `-b` was given.
    pub(crate) mode_given: bool,
    pub(crate) role: Role,
    /// `-C`.
    pub(crate) config: Option<BString>,
    /// `-B`.
    pub(crate) body: Option<BString>,
    /// `-d`, in order.
    pub(crate) debug: Vec<BString>,
    /// `-D`: where debug output goes.
    pub(crate) debug_log: Option<BString>,
    /// `-F`.
    pub(crate) full_name: Option<BString>,
    /// `-f` or `-r`: the letter and the address.
    pub(crate) from: Option<(u8, BString)>,
    /// `-G`.
    pub(crate) gateway: bool,
    /// `-h`.
    pub(crate) hops: Option<u32>,
    /// `-L`.
    pub(crate) tag: Option<BString>,
    /// `-M`: name (one letter, or in braces) and value.
    pub(crate) macros: Vec<(BString, BString)>,
    /// `-N`.
    pub(crate) notify: Option<BString>,
    /// `-n`.
    pub(crate) no_aliases: bool,
    /// `-o` and `-O`, and the flags that stand for one, in order.
    pub(crate) options: Vec<OptionFlag>,
    /// `-p`.
    pub(crate) protocol: Option<BString>,
    /// `-Q` with or without a reason.
    pub(crate) quarantine: Option<BString>,
    pub(crate) queue: QueueFlags,
    /// `-R`.
    pub(crate) ret: Option<BString>,
    /// `-t`.
    pub(crate) from_header: bool,
    /// `-U`: the submission is SMTPUTF8.
    pub(crate) utf8: bool,
    /// `-V`.
    pub(crate) envid: Option<BString>,
    /// `-v`.
    pub(crate) verbose: bool,
    /// `-X`.
    pub(crate) traffic_log: Option<BString>,
    /// What is left: recipients, keys, addresses.
    pub(crate) rest: Vec<BString>,
}

/// Why a command line makes no sense: the reference's words, exit code 64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UsageError(pub(crate) BString);

impl UsageError {
    /// Says it, where the reference does: faults of getopt to standard error,
    /// all others to standard output.
    /// The first name themselves by the `program` that was called.
    pub(super) fn tell(&self, program: &str) -> ExitCode {
        match self.0.strip_prefix(b"sendmail") {
            Some(rest) => fail(Sysexit::Usage, bstr::concat([program.as_bytes(), rest])),
            None => refuse(Sysexit::Usage, &self.0),
        }
    }

    fn new(text: impl Into<BString>) -> Self {
        Self(text.into())
    }
}

/// What a flag takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Nothing,
    /// An argument, attached or the next word.
    Argument,
    /// As `Argument`, but at the end of the line it may be missing.
    ArgumentOrEnd,
    /// Only an attached argument, or none.
    Attached,
}

type Set = fn(&mut Flags, &[u8]) -> Result<(), UsageError>;

struct Row(u8, Takes, Set);

/// Every flag.
#[rustfmt::skip]
const FLAGS: &[Row] = &[
    Row(b'A', Takes::Argument, |f, v| { f.role = role(v); Ok(()) }),
    Row(b'B', Takes::Argument, |f, v| { f.body = Some(body(v)?); Ok(()) }),
    Row(b'b', Takes::ArgumentOrEnd, |f, v| { f.mode = mode(v)?; f.mode_given = true; Ok(()) }),
    Row(b'C', Takes::ArgumentOrEnd, |f, v| { f.config = Some(or(v, b"sendmail.cf")); Ok(()) }),
    Row(b'c', Takes::Nothing, |f, _| { f.option(b'c', b"T"); Ok(()) }),
    Row(b'D', Takes::Argument, |f, v| { f.debug_log = Some(v.into()); Ok(()) }),
    Row(b'd', Takes::Attached, |f, v| { f.debug.push(or(v, b"0-99.1")); Ok(()) }),
    Row(b'e', Takes::Argument, |f, v| { f.option(b'e', v); Ok(()) }),
    Row(b'F', Takes::Argument, |f, v| { f.full_name = Some(v.into()); Ok(()) }),
    Row(b'f', Takes::Argument, |f, v| f.sender(b'f', v)),
    Row(b'G', Takes::Nothing, |f, _| { f.gateway = true; Ok(()) }),
    Row(b'h', Takes::Argument, |f, v| { f.hops = Some(hops(v)?); Ok(()) }),
    Row(b'I', Takes::Nothing, |f, _| { f.mode = Mode::Aliases; f.mode_given = true; Ok(()) }),
    Row(b'i', Takes::Nothing, |f, _| { f.option(b'i', b"T"); Ok(()) }),
    Row(b'L', Takes::Argument, |f, v| { f.tag = Some(v.into()); Ok(()) }),
    Row(b'M', Takes::Argument, |f, v| { f.macros.extend(macro_of(v)); Ok(()) }),
    Row(b'm', Takes::Nothing, |f, _| { f.option(b'm', b"T"); Ok(()) }),
    Row(b'N', Takes::Argument, |f, v| { f.notify = Some(notify(v)?); Ok(()) }),
    Row(b'n', Takes::Nothing, |f, _| { f.no_aliases = true; Ok(()) }),
    Row(b'O', Takes::Argument, |f, v| { f.named(v); Ok(()) }),
    Row(b'o', Takes::Argument, |f, v| { f.lettered(v); Ok(()) }),
    Row(b'p', Takes::Argument, |f, v| { f.protocol = Some(v.into()); Ok(()) }),
    Row(b'Q', Takes::Attached, |f, v| { f.quarantine = Some(v.into()); Ok(()) }),
    Row(b'q', Takes::Attached, |f, v| queue(&mut f.queue, v)),
    Row(b'R', Takes::Argument, |f, v| { f.ret = Some(ret(v)?); Ok(()) }),
    Row(b'r', Takes::Argument, |f, v| f.sender(b'r', v)),
    Row(b's', Takes::Nothing, |f, _| { f.option(b'f', b"T"); Ok(()) }),
    Row(b'T', Takes::Attached, |f, v| { f.option(b'T', v); Ok(()) }),
    Row(b't', Takes::Nothing, |f, _| { f.from_header = true; Ok(()) }),
    Row(b'U', Takes::Nothing, |f, _| { f.utf8 = true; Ok(()) }),
    Row(b'V', Takes::Argument, |f, v| { f.envid = Some(envid(v)?); Ok(()) }),
    Row(b'v', Takes::Nothing, |f, _| { f.verbose = true; Ok(()) }),
    Row(b'X', Takes::Argument, |f, v| { f.traffic_log = Some(v.into()); Ok(()) }),
    Row(b'x', Takes::Nothing, |_, _| Ok(())),
];

impl Flags {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// At the first flag that makes no sense, as the reference does.
    pub(crate) fn parse(arguments: &[BString]) -> Result<Self, UsageError> {
        let mut flags = Self::default();
        let mut words = arguments.iter();
        while let Some(word) = words.as_slice().first() {
            if word.len() < 2 || word[0] != b'-' {
                break;
            }
            words.next();
            // sendmail: any word that begins with `--` ends the flags.
            if word[1] == b'-' {
                break;
            }
            flags.cluster(&word[1..], &mut words)?;
        }
        flags.rest = words.cloned().collect();
        Ok(flags)
    }

    /// One word of flags: `-odiv`, `-bt`, `-fname`.
    fn cluster(
        &mut self,
        word: &[u8],
        words: &mut std::slice::Iter<'_, BString>,
    ) -> Result<(), UsageError> {
        let mut rest = word;
        while let Some((&letter, after)) = rest.split_first() {
            let Some(Row(_, takes, set)) = FLAGS.iter().find(|row| row.0 == letter) else {
                return Err(UsageError::new(format!(
                    "sendmail: illegal option -- {}",
                    char::from(letter)
                )));
            };
            if *takes == Takes::Nothing {
                set(self, b"")?;
                rest = after;
                continue;
            }
            let value = match takes {
                _ if !after.is_empty() => after,
                Takes::Attached => after,
                Takes::ArgumentOrEnd => words.next().map_or(after, |word| word.as_slice()),
                _ => words.next().ok_or_else(|| missing(letter))?.as_slice(),
            };
            return set(self, value);
        }
        Ok(())
    }

    fn option(&mut self, letter: u8, value: &[u8]) {
        self.options.push(OptionFlag::Letter(letter, value.into()));
    }

    /// `-oXvalue`; without a value, true.
    fn lettered(&mut self, value: &[u8]) {
        if let Some((&letter, value)) = value.split_first() {
            self.option(letter, value);
        }
    }

    /// `-OName=value`.
    fn named(&mut self, value: &[u8]) {
        let (name, value) = value.split_once_str("=").unwrap_or((value, b""));
        self.options.push(OptionFlag::Named(
            name.trim().into(),
            value.trim_start().into(),
        ));
    }

    fn sender(&mut self, letter: u8, value: &[u8]) -> Result<(), UsageError> {
        if self.from.is_some() {
            return Err(UsageError::new("More than one \"from\" person"));
        }
        self.from = Some((letter, value.trim().into()));
        Ok(())
    }

    /// Whether the flags go together, once the mode is known.
    pub(super) fn check(&self) -> Result<(), UsageError> {
        let alone = match self.mode {
            Mode::Verify => "-bv",
            Mode::Test => "-bt",
            Mode::Aliases => "-bi",
            Mode::Check => "-bC",
            Mode::Hosts => "-bh",
            Mode::Purge => "-bH",
            _ => return Ok(()),
        };
        if self.queue.is_given() {
            return Err(UsageError::new(format!("Can not use -q with {alone}")));
        }
        Ok(())
    }
}

fn missing(letter: u8) -> UsageError {
    UsageError::new(format!(
        "sendmail: option requires an argument -- {}",
        char::from(letter)
    ))
}

fn or(value: &[u8], default: &[u8]) -> BString {
    if value.is_empty() { default } else { value }.into()
}

fn role(value: &[u8]) -> Role {
    match value.first() {
        Some(b'c') => Role::Submission,
        Some(b'm') => Role::Transfer,
        _ => Role::ByMode,
    }
}

fn mode(value: &[u8]) -> Result<Mode, UsageError> {
    Ok(match value.first() {
        Some(b'm') => Mode::Deliver,
        Some(b'a') => Mode::Arpanet,
        Some(b's') => Mode::Smtp,
        Some(b'd') => Mode::Daemon,
        Some(b'D') => Mode::Foreground,
        Some(b'v') => Mode::Verify,
        Some(b't') => Mode::Test,
        Some(b'i') => Mode::Aliases,
        Some(b'p') => Mode::Queue,
        Some(b'P') => Mode::Count,
        Some(b'C') => Mode::Check,
        Some(b'h') => Mode::Hosts,
        Some(b'H') => Mode::Purge,
        Some(b'z') => return Err(UsageError::new("Frozen configurations unsupported")),
        other => {
            let shown = other.map_or(' ', |letter| char::from(*letter));
            return Err(UsageError::new(format!("Invalid operation mode {shown}")));
        }
    })
}

fn body(value: &[u8]) -> Result<BString, UsageError> {
    if [&b"7bit"[..], b"8bitmime"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
    {
        return Ok(value.into());
    }
    let mut text = b"Illegal body type ".to_vec();
    text.extend_from_slice(value);
    Err(UsageError::new(text))
}

fn hops(value: &[u8]) -> Result<u32, UsageError> {
    // sendmail: as strtol reads it, so a number with anything after it is
    // refused, and a negative one is taken for none.
    let text = value.trim_start().to_str_lossy();
    let bad = || UsageError::new(format!("Bad hop count ({})", value.as_bstr()));
    let number: i64 = text.parse().map_err(|_| bad())?;
    Ok(u32::try_from(number.max(0)).unwrap_or(u32::MAX))
}

fn macro_of(value: &[u8]) -> Option<(BString, BString)> {
    if let Some(rest) = value.strip_prefix(b"{") {
        let (name, value) = rest.split_once_str("}")?;
        return Some((name.into(), value.into()));
    }
    let (&name, value) = value.split_first()?;
    Some((BString::from(&[name][..]), value.into()))
}

fn notify(value: &[u8]) -> Result<BString, UsageError> {
    let known = |word: &[u8]| {
        [&b"success"[..], b"failure", b"delay"]
            .iter()
            .any(|name| word.eq_ignore_ascii_case(name))
    };
    if value.eq_ignore_ascii_case(b"never") || value.split_str(",").all(known) {
        return Ok(value.into());
    }
    Err(UsageError::new("Invalid -N argument"))
}

fn ret(value: &[u8]) -> Result<BString, UsageError> {
    if value.eq_ignore_ascii_case(b"full") || value.eq_ignore_ascii_case(b"hdrs") {
        return Ok(value.into());
    }
    Err(UsageError::new("Invalid -R value"))
}

/// `-V`: xtext (RFC 3461, 4).
fn envid(value: &[u8]) -> Result<BString, UsageError> {
    let is_hex =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(b));
    let good = value.iter().enumerate().all(|(i, byte)| match byte {
        b'+' => is_hex(value.get(i + 1)) && is_hex(value.get(i + 2)),
        b'=' => false,
        byte => (b'!'..=b'~').contains(byte),
    });
    if good {
        return Ok(value.into());
    }
    Err(UsageError::new("Invalid syntax in -V flag"))
}

/// `-q`, `-q15m`, `-qp15m`, `-qf`, `-qGname`, `-q[!]Rtext`, `-qL`, `-qQ`.
fn queue(flags: &mut QueueFlags, value: &[u8]) -> Result<(), UsageError> {
    let (negated, selection) = match value.strip_prefix(b"!") {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    match selection.split_first() {
        None => flags.once = true,
        Some((&letter @ (b'I' | b'R' | b'S'), text)) => {
            flags.once = true;
            flags.selections.push((letter, text.into(), !negated));
        }
        Some((b'Q', text)) => {
            flags.quarantined = true;
            if !text.is_empty() {
                flags.selections.push((b'Q', text.into(), !negated));
            }
        }
        Some((b'G', name)) => flags.group = Some(name.into()),
        Some((b'L', _)) => flags.lost = true,
        Some((b'f', rest)) => {
            flags.foreground = true;
            flags.once = true;
            if !rest.is_empty() {
                return queue(flags, rest);
            }
        }
        Some((b'p', rest)) => {
            flags.persistent = true;
            flags.interval = Some(if rest.is_empty() {
                Duration::from_secs(1)
            } else {
                every(rest)?
            });
        }
        Some(_) => flags.interval = Some(every(value)?),
    }
    Ok(())
}

/// An interval in minutes unless it says otherwise.
fn every(value: &[u8]) -> Result<Duration, UsageError> {
    let text = value.to_str_lossy();
    interval::parse(&text, 'm').map_err(|error| match error {
        interval::IntervalError::Unit(_, unit) => {
            UsageError::new(format!("Invalid time unit `{unit}'"))
        }
        // sendmail: a letter where the number should be is named the same way.
        _ => UsageError::new(format!(
            "Invalid time unit `{}'",
            text.chars().next().unwrap_or(' ')
        )),
    })
}

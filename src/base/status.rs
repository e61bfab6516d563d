//! Status codes: enhanced mail system status codes (RFC 3463) and the exit
//! codes of `sysexits.h`, with the mapping that sendmail documents.

use std::fmt;

/// An enhanced status code, class.subject.detail (RFC 3463, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Enhanced {
    class: u8,
    subject: u16,
    detail: u16,
}

impl Enhanced {
    /// `class` is 2, 4 or 5; `subject` and `detail` are at most 999.
    ///
    /// Values outside are a programming mistake; foreign text goes through
    /// [`Enhanced::parse_prefix`].
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        assert!(
            matches!(class, 2 | 4 | 5) && subject <= 999 && detail <= 999,
            "an enhanced status code is 2, 4 or 5, then two numbers below 1000"
        );
        Self {
            class,
            subject,
            detail,
        }
    }

    /// Reads a code that is all of `text`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (status, rest) = Self::parse_prefix(text)?;
        rest.is_empty().then_some(status)
    }

    /// Reads a code at the start of `text`, and gives it with what follows
    /// (spaces after the code are left out).
    pub fn parse_prefix(text: &[u8]) -> Option<(Self, &[u8])> {
        let end = text
            .iter()
            .position(|b| !b.is_ascii_digit() && *b != b'.')
            .unwrap_or(text.len());
        if end < text.len() && !text[end].is_ascii_whitespace() {
            return None;
        }
        let code = std::str::from_utf8(&text[..end]).ok()?;
        let mut parts = code.split('.');
        let class = parts.next().filter(|p| p.len() == 1)?.parse().ok()?;
        let mut number = || -> Option<u16> {
            let part = parts
                .next()
                .filter(|p| (1..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))?;
            part.parse().ok()
        };
        let (subject, detail) = (number()?, number()?);
        if parts.next().is_some() || !matches!(class, 2 | 4 | 5) {
            return None;
        }
        Some((
            Self {
                class,
                subject,
                detail,
            },
            text[end..].trim_ascii_start(),
        ))
    }

    /// 2 success, 4 temporary failure, 5 permanent failure.
    pub fn class(self) -> u8 {
        self.class
    }

    /// The exit code that stands for it, as the reference has them.
    pub fn sysexit(self) -> Sysexit {
        match (self.class, self.subject, self.detail) {
            (2, _, _) => Sysexit::Ok,
            (4, _, _) => Sysexit::TempFail,
            (_, 1, 0) | (_, 2, 3) | (_, 7, _) => Sysexit::DataErr,
            (_, 1, 1 | 6) => Sysexit::NoUser,
            (_, 1, 2 | 8) => Sysexit::NoHost,
            (_, 1, 3 | 7) => Sysexit::Usage,
            (_, 1, 5) | (_, 4, 6) => Sysexit::Config,
            (_, 3, _) => Sysexit::OsErr,
            (_, 4, 0 | 2) => Sysexit::IoErr,
            (_, 4, 1 | 3 | 5) => Sysexit::TempFail,
            (_, 4, 4) | (_, 5, _) => Sysexit::Protocol,
            _ => Sysexit::Unavailable,
        }
    }

    /// The subject: 1 address, 2 mailbox, 3 system, 4 network, 5 protocol,
    /// 6 content, 7 security.
    pub fn subject(self) -> u16 {
        self.subject
    }

    /// The detail within the subject.
    pub fn detail(self) -> u16 {
        self.detail
    }
}

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What a program says by its exit code (`sysexits.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Sysexit {
    /// Done.
    Ok = 0,
    /// The command line was wrong.
    Usage = 64,
    /// The input was wrong.
    DataErr = 65,
    /// An input file cannot be opened.
    NoInput = 66,
    /// The user is unknown.
    NoUser = 67,
    /// The host is unknown.
    NoHost = 68,
    /// A service is unavailable.
    Unavailable = 69,
    /// An internal fault.
    Software = 70,
    /// The operating system failed.
    OsErr = 71,
    /// A system file is missing or wrong.
    OsFile = 72,
    /// An output file cannot be made.
    CantCreat = 73,
    /// Reading or writing failed.
    IoErr = 74,
    /// Try again later.
    TempFail = 75,
    /// A peer spoke wrongly.
    Protocol = 76,
    /// Not permitted.
    NoPerm = 77,
    /// The configuration is wrong.
    Config = 78,
}

impl Sysexit {
    /// The number for `exit`.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The meaning of a program's exit code; `None` for a code that
    /// `sysexits.h` does not name.
    pub fn from_code(code: i32) -> Option<Self> {
        use Sysexit::*;
        [
            Ok,
            Usage,
            DataErr,
            NoInput,
            NoUser,
            NoHost,
            Unavailable,
            Software,
            OsErr,
            OsFile,
            CantCreat,
            IoErr,
            TempFail,
            Protocol,
            NoPerm,
            Config,
        ]
        .into_iter()
        .find(|s| i32::from(s.code()) == code)
    }

    /// Whether the delivery is worth another try.
    pub fn is_temporary(self) -> bool {
        matches!(self, Sysexit::TempFail | Sysexit::OsErr | Sysexit::IoErr)
    }

    /// The words sendmail uses for it in logs and reports.
    pub fn text(self) -> &'static str {
        match self {
            Sysexit::Ok => "Sent",
            Sysexit::Usage => "Command line usage error",
            Sysexit::DataErr => "Data format error",
            Sysexit::NoInput => "Cannot open input",
            Sysexit::NoUser => "User unknown",
            Sysexit::NoHost => "Host unknown",
            Sysexit::Unavailable => "Service unavailable",
            Sysexit::Software => "Internal error",
            Sysexit::OsErr => "Operating system error",
            Sysexit::OsFile => "System file missing",
            Sysexit::CantCreat => "Can't create output",
            Sysexit::IoErr => "I/O error",
            Sysexit::TempFail => "Deferred",
            Sysexit::Protocol => "Remote protocol error",
            Sysexit::NoPerm => "Insufficient permission",
            Sysexit::Config => "Local configuration error",
        }
    }
}

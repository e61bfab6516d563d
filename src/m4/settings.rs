//! How the machine is set up: options and limits.

/// What to do with warnings (`-E`, once or twice).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum FatalWarnings {
    /// They are only said.
    #[default]
    No,
    /// The exit status becomes 1.
    Status,
    /// The first one ends the run.
    Stop,
}

/// The flags of `-d` and `debugmode`, one letter each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DebugFlags(u16);

impl DebugFlags {
    /// `a`: show arguments.
    pub const ARGUMENTS: Self = Self(1);
    /// `e`: show expansions.
    pub const EXPANSION: Self = Self(2);
    /// `q`: quote them.
    pub const QUOTE: Self = Self(4);
    /// `t`: trace every macro.
    pub const ALL: Self = Self(8);
    /// `l`: show line numbers.
    pub const LINE: Self = Self(16);
    /// `f`: show file names.
    pub const FILE: Self = Self(32);
    /// `p`: show the results of path searches.
    pub const PATH: Self = Self(64);
    /// `c`: show calls before and after their arguments are collected.
    pub const CALL: Self = Self(128);
    /// `i`: show changes of input files.
    pub const INPUT: Self = Self(256);
    /// `x`: show call numbers.
    pub const CALL_ID: Self = Self(512);

    /// None of them.
    pub const fn none() -> Self {
        Self(0)
    }

    /// `V`: all of them.
    pub const fn all() -> Self {
        Self(1023)
    }

    /// `aeq`: what `-d` without letters and `debugmode()` mean.
    pub const fn usual() -> Self {
        Self(7)
    }

    /// Reads the letters; nothing when one of them is unknown.
    pub fn parse(letters: &[u8]) -> Option<Self> {
        if letters.is_empty() {
            return Some(Self::usual());
        }
        letters.iter().try_fold(Self::none(), |flags, letter| {
            Some(flags.with(match letter {
                b'a' => Self::ARGUMENTS,
                b'e' => Self::EXPANSION,
                b'q' => Self::QUOTE,
                b't' => Self::ALL,
                b'l' => Self::LINE,
                b'f' => Self::FILE,
                b'p' => Self::PATH,
                b'c' => Self::CALL,
                b'i' => Self::INPUT,
                b'x' => Self::CALL_ID,
                b'V' => Self::all(),
                _ => return None,
            }))
        })
    }

    /// Whether any of `flags` is set.
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    /// These and `flags`.
    #[must_use]
    pub const fn with(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }

    /// These without `flags`.
    #[must_use]
    pub const fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }
}

/// The bounds of one run. A text that reaches one stops with a clear error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Macro calls inside the arguments of macro calls (`-L`).
    pub nesting: usize,
    /// Bytes of output, all diversions together.
    pub output_bytes: usize,
    /// Bytes read or expanded and not yet consumed, and arguments collected.
    pub pending_bytes: usize,
    /// Macro calls in the whole run; 256 bytes of input count as another.
    pub calls: u64,
    /// Bytes of names and definitions.
    pub defined_bytes: usize,
    /// Messages.
    pub messages: usize,
    /// Steps of one regular expression's match.
    pub regex_steps: u64,
}

impl Limits {
    /// For text that nobody vouches for: a configuration file.
    pub const fn careful() -> Self {
        Self {
            nesting: 10_000,
            output_bytes: 64 << 20,
            pending_bytes: 64 << 20,
            calls: 20_000_000,
            defined_bytes: 64 << 20,
            messages: 10_000,
            regex_steps: 50_000_000,
        }
    }

    /// For `godwit m4`, whose user can stop it: only what would end the
    /// process otherwise.
    pub const fn generous() -> Self {
        Self {
            nesting: 1_000_000,
            output_bytes: 4 << 30,
            pending_bytes: 1 << 30,
            calls: u64::MAX,
            defined_bytes: 4 << 30,
            messages: usize::MAX,
            regex_steps: 10_000_000_000,
        }
    }
}

/// The options of a run. The default is what `mc` wants: GNU's language, no
/// commands, careful limits, no records.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the machine calls itself in messages and `__program__`.
    pub program: String,
    /// `-P`: builtins are called `m4_…`.
    pub prefix_builtins: bool,
    /// `-G`: without GNU's extensions.
    pub traditional: bool,
    /// `-s`: `#line` directives in the output.
    pub synclines: bool,
    /// `-Q`: without warnings about the number of arguments.
    pub quiet: bool,
    /// `-E`.
    pub fatal_warnings: FatalWarnings,
    /// `-d`.
    pub debug: DebugFlags,
    /// `-l`: traced texts are cut to this many bytes; 0 for no cut.
    pub trace_length: usize,
    /// `--warn-macro-sequence`: warn of definitions in which this matches.
    pub macro_sequence: Option<Vec<u8>>,
    /// Whether `syscmd` and `esyscmd` run anything.
    pub allow_commands: bool,
    /// Hand finished output to [`super::Host::output`] instead of keeping it.
    pub stream: bool,
    /// Note for every output line where it came from.
    pub origins: bool,
    /// Note for every definition where it was made and whether it was read.
    pub record: bool,
    /// The bounds.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            program: "m4".to_owned(),
            prefix_builtins: false,
            traditional: false,
            synclines: false,
            quiet: false,
            fatal_warnings: FatalWarnings::No,
            debug: DebugFlags::none(),
            trace_length: 0,
            macro_sequence: None,
            allow_commands: false,
            stream: false,
            origins: true,
            record: false,
            limits: Limits::careful(),
        }
    }
}

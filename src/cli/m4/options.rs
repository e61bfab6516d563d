//! The command line, read as GNU m4 reads it: short options in clusters,
//! long ones in any unambiguous length, options between files.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::m4::{DebugFlags, FatalWarnings, Limits, Settings};

/// What the command line asks for.
pub(super) enum Asked {
    Run(Box<Options>),
    Show(String),
    /// It makes no sense; the complaint is written.
    Nothing,
}

/// What stands between the files on the command line acts in its place.
pub(super) enum Action {
    Define(Vec<u8>, Vec<u8>),
    Undefine(Vec<u8>),
    Trace(Vec<u8>),
    Synclines,
    File(Vec<u8>),
}

/// Everything that a run needs.
pub(super) struct Options {
    pub(super) settings: Settings,
    pub(super) include: Vec<PathBuf>,
    pub(super) debug_file: Option<Vec<u8>>,
    pub(super) actions: Vec<Action>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    No,
    Required,
    Optional,
}

/// One option: its letter (or a byte beyond letters), its long names, and
/// whether it has an argument.
struct Row {
    letter: u8,
    long: &'static [&'static str],
    argument: Argument,
}

const fn row(letter: u8, long: &'static [&'static str], argument: Argument) -> Row {
    Row {
        letter,
        long,
        argument,
    }
}

/// Stands for options that have no letter.
const HELP: u8 = 1;
const VERSION: u8 = 2;
const DEBUG_FILE: u8 = 3;
const DIVERSIONS: u8 = 4;
const MACRO_SEQUENCE: u8 = 5;

const ROWS: &[Row] = &[
    row(b'l', &["arglength"], Argument::Required),
    row(b'd', &["debug"], Argument::Optional),
    row(b'D', &["define"], Argument::Required),
    row(b'o', &["error-output"], Argument::Required),
    row(b'F', &["freeze-state"], Argument::Required),
    row(b'g', &["gnu"], Argument::No),
    row(b'H', &["hashsize"], Argument::Required),
    row(b'I', &["include"], Argument::Required),
    row(b'i', &["interactive"], Argument::No),
    row(b'L', &["nesting-limit"], Argument::Required),
    row(b'P', &["prefix-builtins"], Argument::No),
    row(b'Q', &["quiet", "silent"], Argument::No),
    row(b'R', &["reload-state"], Argument::Required),
    row(b's', &["synclines"], Argument::No),
    row(b't', &["trace"], Argument::Required),
    row(b'G', &["traditional"], Argument::No),
    row(b'U', &["undefine"], Argument::Required),
    row(b'E', &["fatal-warnings"], Argument::No),
    row(b'e', &[], Argument::No),
    row(b'B', &[], Argument::Required),
    row(b'S', &[], Argument::Required),
    row(b'T', &[], Argument::Required),
    row(b'N', &[], Argument::Required),
    row(HELP, &["help"], Argument::No),
    row(VERSION, &["version"], Argument::No),
    row(DEBUG_FILE, &["debugfile"], Argument::Optional),
    row(DIVERSIONS, &["diversions"], Argument::Required),
    row(MACRO_SEQUENCE, &["warn-macro-sequence"], Argument::Optional),
];

/// Reads the arguments; what is wrong or old is said in `complaints`.
pub(super) fn parse(arguments: Vec<OsString>, complaints: &mut Vec<u8>) -> Asked {
    let mut reader = Reader {
        options: Options {
            settings: Settings {
                allow_commands: true,
                stream: true,
                origins: false,
                limits: Limits::generous(),
                ..Settings::default()
            },
            include: Vec::new(),
            debug_file: None,
            actions: Vec::new(),
        },
        complaints,
        show: None,
    };
    let mut arguments = arguments.into_iter().map(OsString::into_vec);
    while let Some(argument) = arguments.next() {
        let read = match argument.as_slice() {
            b"--" => {
                for name in arguments.by_ref() {
                    reader.options.actions.push(Action::File(name));
                }
                Some(())
            }
            [b'-', b'-', ..] => reader.long(&argument[2..], &mut arguments),
            [b'-', _, ..] => reader.cluster(&argument[1..], &mut arguments),
            _ => {
                reader.options.actions.push(Action::File(argument));
                Some(())
            }
        };
        if read.is_none() {
            return Asked::Nothing;
        }
        if let Some(text) = reader.show.take() {
            return Asked::Show(text);
        }
    }
    let mut options = reader.options;
    let has_file = |action: &Action| matches!(action, Action::File(_));
    if !options.actions.iter().any(has_file) {
        options.actions.push(Action::File(b"-".to_vec()));
    }
    if let Some(path) = std::env::var_os("M4PATH") {
        let parts = path.as_bytes().split(|byte| *byte == b':');
        options
            .include
            .extend(parts.map(|part| PathBuf::from(OsStr::from_bytes(part))));
    }
    Asked::Run(Box::new(options))
}

struct Reader<'a> {
    options: Options,
    complaints: &'a mut Vec<u8>,
    show: Option<String>,
}

impl Reader<'_> {
    fn complain(&mut self, pieces: &[&[u8]]) {
        self.complaints.extend_from_slice(b"m4: ");
        for piece in pieces {
            self.complaints.extend_from_slice(piece);
        }
        self.complaints.push(b'\n');
    }

    /// Says what is wrong with the command line as a whole.
    fn refuse(&mut self, pieces: &[&[u8]]) -> Option<()> {
        self.complain(pieces);
        self.complaints
            .extend_from_slice(b"Try `m4 --help' for more information.\n");
        None
    }

    /// Reads `-abc`.
    fn cluster(&mut self, letters: &[u8], more: &mut impl Iterator<Item = Vec<u8>>) -> Option<()> {
        for (index, letter) in letters.iter().enumerate() {
            let known = letter.is_ascii_graphic();
            let Some(row) = ROWS.iter().find(|row| known && row.letter == *letter) else {
                return self.refuse(&[b"invalid option -- '", &[*letter], b"'"]);
            };
            let rest = &letters[index + 1..];
            let argument = match row.argument {
                Argument::No => {
                    self.apply(*letter, None)?;
                    continue;
                }
                Argument::Optional => (!rest.is_empty()).then(|| rest.to_vec()),
                Argument::Required if rest.is_empty() => {
                    let Some(argument) = more.next() else {
                        return self.refuse(&[
                            b"option requires an argument -- '",
                            &[*letter],
                            b"'",
                        ]);
                    };
                    Some(argument)
                }
                Argument::Required => Some(rest.to_vec()),
            };
            return self.apply(*letter, argument);
        }
        Some(())
    }

    /// Reads `--name` or `--name=argument`.
    fn long(&mut self, text: &[u8], more: &mut impl Iterator<Item = Vec<u8>>) -> Option<()> {
        let equals = text.iter().position(|byte| *byte == b'=');
        let name = &text[..equals.unwrap_or(text.len())];
        let value = equals.map(|at| text[at + 1..].to_vec());
        let mut found: Vec<(&Row, &str)> = Vec::new();
        for row in ROWS {
            for long in row.long {
                if long.as_bytes() == name {
                    found = vec![(row, long)];
                    break;
                }
                if long.as_bytes().starts_with(name) {
                    found.push((row, long));
                }
            }
            if found.len() == 1 && found[0].1.as_bytes() == name {
                break;
            }
        }
        let Some((row, long)) = found.first().copied() else {
            return self.refuse(&[b"unrecognized option '--", text, b"'"]);
        };
        if found.iter().any(|(other, _)| other.letter != row.letter) {
            return self.ambiguous(text, &found);
        }
        match (row.argument, value) {
            (Argument::No, Some(_)) => {
                let long = long.as_bytes();
                self.refuse(&[b"option '--", long, b"' doesn't allow an argument"])
            }
            (Argument::Required, None) => match more.next() {
                Some(argument) => self.apply(row.letter, Some(argument)),
                None => {
                    let long = long.as_bytes();
                    self.refuse(&[b"option '--", long, b"' requires an argument"])
                }
            },
            (_, value) => self.apply(row.letter, value),
        }
    }

    fn ambiguous(&mut self, text: &[u8], found: &[(&Row, &str)]) -> Option<()> {
        let mut line = b"option '--".to_vec();
        line.extend_from_slice(text);
        line.extend_from_slice(b"' is ambiguous; possibilities:");
        for (_, long) in found {
            line.extend_from_slice(b" '--");
            line.extend_from_slice(long.as_bytes());
            line.push(b'\'');
        }
        self.refuse(&[&line])
    }

    fn apply(&mut self, letter: u8, argument: Option<Vec<u8>>) -> Option<()> {
        let value = argument.clone().unwrap_or_default();
        let settings = &mut self.options.settings;
        match letter {
            b'D' => {
                let equals = value.iter().position(|byte| *byte == b'=');
                let name = value[..equals.unwrap_or(value.len())].to_vec();
                let body = equals.map_or(Vec::new(), |at| value[at + 1..].to_vec());
                self.options.actions.push(Action::Define(name, body));
            }
            b'U' => self.options.actions.push(Action::Undefine(value)),
            b't' => self.options.actions.push(Action::Trace(value)),
            b's' => self.options.actions.push(Action::Synclines),
            b'I' => {
                let path = PathBuf::from(OsStr::from_bytes(&value));
                self.options.include.push(path);
            }
            b'P' => settings.prefix_builtins = true,
            b'Q' => settings.quiet = true,
            b'G' => settings.traditional = true,
            b'g' => settings.traditional = false,
            b'E' => {
                settings.fatal_warnings = match settings.fatal_warnings {
                    FatalWarnings::No => FatalWarnings::Status,
                    FatalWarnings::Status | FatalWarnings::Stop => FatalWarnings::Stop,
                };
            }
            b'd' => return self.debug(&value),
            b'l' => settings.trace_length = number(&value),
            b'L' => {
                let limit = number(&value);
                if limit > 0 {
                    settings.limits.nesting = limit;
                }
            }
            b'F' | b'R' => {
                self.complain(&[b"frozen files (-F, -R) are not supported"]);
                return None;
            }
            b'o' | DEBUG_FILE => self.options.debug_file = argument,
            MACRO_SEQUENCE => {
                let usual = br"\$\({[^}]*}\|[0-9][0-9]+\)".to_vec();
                let pattern = argument.unwrap_or(usual);
                if let Err(reason) = crate::base::regex::compile(&pattern) {
                    self.complain(&[
                        b"--warn-macro-sequence: bad regular expression `",
                        &pattern,
                        b"': ",
                        reason.as_bytes(),
                    ]);
                    return None;
                }
                settings.macro_sequence = (!pattern.is_empty()).then_some(pattern);
            }
            HELP => self.show = Some(help()),
            VERSION => self.show = Some(version()),
            b'e' => self.complain(&[b"warning: `m4 -e' is deprecated, use `-i' instead"]),
            b'N' => self.complain(&[b"warning: `m4 -N' is deprecated"]),
            DIVERSIONS => self.complain(&[b"warning: `m4 --diversions' is deprecated"]),
            b'B' | b'S' | b'T' => self.complain(&[
                b"warning: `m4 -",
                &[letter],
                b"' may be removed in a future release",
            ]),
            // `-i` and `-H` change nothing that can be seen here.
            _ => {}
        }
        Some(())
    }

    fn debug(&mut self, letters: &[u8]) -> Option<()> {
        match DebugFlags::parse(letters) {
            Some(flags) => self.options.settings.debug = flags,
            None => self.complain(&[b"bad debug flags: `", letters, b"'"]),
        }
        Some(())
    }
}

/// A number as C's `atoi` reads it; nothing below 0.
fn number(text: &[u8]) -> usize {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0usize, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(usize::from(digit - b'0'))
    })
}

fn version() -> String {
    format!(
        "m4 (Godwit) {}\nThe language, messages and options of GNU M4 1.4.19, without frozen files.\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn help() -> String {
    "\
Usage: m4 [OPTION]... [FILE]...
Processes macros in FILEs. Without a FILE, or when FILE is `-', reads standard
input. Options and files take effect in the order of the command line.

Operation:
      --help                   show this and exit
      --version                show the version and exit
  -E, --fatal-warnings         once: warnings make the exit status 1;
                                 twice: the first one ends the run
  -i, --interactive            accepted, changes nothing
  -P, --prefix-builtins        builtins are called m4_...
  -Q, --quiet, --silent        no warnings about the number of arguments
      --warn-macro-sequence[=REGEXP]
                               warn of definitions that contain REGEXP
                                 (none means \\$\\({[^}]*}\\|[0-9][0-9]+\\))

Input and output:
  -D, --define=NAME[=VALUE]    define NAME as VALUE, or as nothing
  -I, --include=DIRECTORY      look for included files here, too
  -s, --synclines              write `#line NUMBER \"FILE\"' lines
  -U, --undefine=NAME          take the definition of NAME away

Limits:
  -g, --gnu                    with GNU's extensions (as usual)
  -G, --traditional            without them
  -H, --hashsize=NUMBER        accepted, changes nothing
  -L, --nesting-limit=NUMBER   macro calls inside each other; 0 for no limit

Debugging:
  -d, --debug[=FLAGS]          set the debug flags (none means `aeq')
      --debugfile[=FILE]       write debugging text to FILE
  -l, --arglength=NUMBER       cut traced texts to this length
  -t, --trace=NAME             trace NAME

FLAGS are letters:
  a arguments   c calls before and after collection   e expansions
  f file names  i changes of input files  l line numbers  p path searches
  q quotes      t all macros, not only traced ones  x call numbers  V all

M4PATH is a list of directories that are searched after those of -I.
The exit status is 0, 1 after an error, or what m4exit was given.
"
    .to_owned()
}

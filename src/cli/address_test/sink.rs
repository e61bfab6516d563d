//! Shows a run as it happens, in the reference's form.

use bstr::{BStr, BString, ByteSlice};

use super::debug::DebugLevels;
use crate::base::Sysexit;
use crate::rewrite::{Event, Program, RulesetId, Trace, View, show};

/// The category of rewriting.
const REWRITE: usize = 21;

/// What the address test writes, and how much of a run it shows.
#[derive(Default)]
pub(super) struct Sink {
    pub(super) out: BString,
    pub(super) levels: DebugLevels,
    /// Addresses that faults are about, the innermost last.
    pub(super) about: BString,
    /// Faults are not shown.
    pub(super) quiet: bool,
    /// The exit code that what was said so far calls for.
    pub(super) code: u8,
}

impl Sink {
    /// Writes text as it is.
    pub(super) fn text(&mut self, text: impl AsRef<[u8]>) {
        self.out.extend_from_slice(text.as_ref());
    }

    /// Writes what is wrong with the configuration or the command.
    pub(super) fn system_error(&mut self, message: impl AsRef<[u8]>) {
        self.text(message);
        self.text("\n");
        self.exits(Sysexit::Software.code());
    }

    /// Notes an exit code: the first that is not a passing one stays.
    pub(super) fn exits(&mut self, code: u8) {
        if self.code == Sysexit::Ok.code() || self.code == Sysexit::TempFail.code() {
            self.code = code;
        }
    }

    /// Writes text with its control characters named.
    pub(super) fn shown(&mut self, text: &[u8]) {
        for piece in text.split_inclusive(|&byte| byte == 0xff) {
            match piece.strip_suffix(b"\xff") {
                // sendmail: the byte that quotes others is quoted itself.
                Some(piece) => {
                    show(piece, &mut self.out);
                    self.text("M-M-");
                }
                None => show(piece, &mut self.out),
            }
        }
    }

    /// Writes what is wrong with an address.
    pub(super) fn complaint(&mut self, message: impl AsRef<[u8]>) {
        if self.quiet {
            return;
        }
        if !self.about.is_empty() {
            self.out.extend_from_slice(&shortened(&self.about));
            self.text("... ");
        }
        self.text(message);
        self.text("\n");
    }

    fn tokens(&mut self, tokens: View<'_>) {
        tokens.show(&mut self.out);
        self.out.push(b'\n');
    }

    fn head(&mut self, program: &Program, ruleset: RulesetId, what: &str) {
        let name = program.ruleset_name(ruleset);
        let name = &name[..name.len().min(16)];
        self.out.extend_from_slice(name);
        self.out.extend_from_slice(&[b' '; 16][name.len()..]);
        self.text(what);
    }

    fn step(&mut self, what: &str, pattern: &BStr, token: Option<&BStr>) {
        self.text(what);
        self.text(" rp=");
        self.text(pattern);
        self.text(", ap=");
        match token {
            Some(token) => self.shown(token),
            None => self.text("<null>"),
        }
        self.text("\n");
    }

    fn at(&self, level: u16) -> bool {
        self.levels.at(REWRITE, level)
    }

    /// Events that are shown at a level of the category of rewriting.
    fn debug(&mut self, program: &Program, event: Event<'_>) {
        match event {
            Event::Try(rule) if self.at(12) => {
                self.text("-----trying rule");
                if self.at(15) {
                    // sendmail: a rule without a left side has no line.
                    let is_empty = program.left_side(rule).is_empty();
                    let line = if is_empty {
                        0
                    } else {
                        program.origin(rule).line()
                    };
                    self.text(format!(" (line {line})"));
                }
                self.text(":");
                self.text(program.left_side(rule));
                self.text("\n");
            }
            Event::Fails(_) if self.at(10) => self.text("----- rule fails\n"),
            Event::Matches(rule) if self.at(12) => {
                self.text("-----rule matches:");
                self.text(program.right_side(rule));
                self.text("\n");
            }
            Event::Rewritten { workspace, .. } if self.at(4) => {
                self.text("rewritten as:");
                self.tokens(workspace);
            }
            Event::Skip(ruleset) if self.at(4) => {
                let name = program.ruleset_name(ruleset);
                let number = program.ruleset_number(ruleset);
                self.text(format!("-----skip subr {name} ({number})\n"));
            }
            Event::Argument { number, tokens } if self.at(15) => {
                // departs: the reference shows the address of each token in
                // its memory before it.
                self.text(format!("${number}:"));
                for (token, operator) in tokens.marked() {
                    self.text(" \"");
                    self.text(if operator { inside(token) } else { token });
                    self.text("\"");
                }
                self.text("\n");
            }
            Event::Macro { right, name, value } if self.at(2) => {
                let side = if right { "RHS" } else { "LHS" };
                self.text(format!("rewrite: {side} $&{{"));
                self.text(name);
                self.text("} => \"");
                self.text(value.unwrap_or(b"(NULL)".as_bstr()));
                self.text("\"\n");
            }
            Event::MacroToken(token) if self.at(35) => {
                self.text(" ... ");
                self.text(token.unwrap_or(b"DONE".as_bstr()));
                self.text("\n");
            }
            Event::Advance { pattern, token } if self.at(35) => {
                self.step("ADVANCE", pattern, token);
            }
            Event::Backup { pattern, token } if self.at(36) => {
                self.step("BACKUP ", pattern, token);
            }
            Event::Extend { pattern, token } if self.at(36) => {
                self.step("EXTEND ", pattern, token);
            }
            Event::ClassMatch if self.at(36) => self.text("CLMATCH\n"),
            _ => {}
        }
    }
}

impl Trace for &mut Sink {
    fn rules(&self) -> bool {
        self.at(1)
    }

    fn steps(&self) -> bool {
        self.at(35) || self.at(2)
    }

    fn event(&mut self, program: &Program, event: Event<'_>) {
        match event {
            Event::Input { ruleset, workspace } => {
                self.head(program, ruleset, "   input:");
                self.tokens(workspace);
            }
            Event::Returns { ruleset, workspace } => {
                self.head(program, ruleset, " returns:");
                self.tokens(workspace);
            }
            Event::Syntax { text, fault } => {
                self.text(shortened(text));
                self.text(format!("... {fault}\n"));
            }
            Event::Fault { message, workspace } => {
                self.system_error(message);
                if self.at(1) && message.starts_with("Infinite loop") {
                    self.text("workspace: ");
                    self.tokens(workspace);
                }
            }
            event => {
                if self.at(1) {
                    self.debug(program, event);
                }
            }
        }
    }
}

/// A token as the reference keeps it: operators are single bytes there.
fn inside(token: &[u8]) -> &[u8] {
    match token {
        b"$#" => b"\x96",
        b"$@" => b"\x97",
        b"$:" => b"\x98",
        b"$>" => b"\x99",
        b"$|" => b"\x9b",
        token => token,
    }
}

/// An address that is too long to show: its ends.
fn shortened(text: &[u8]) -> BString {
    const SHOWN: usize = 203;
    const END: usize = SHOWN / 2 - 1;
    if text.len() <= SHOWN {
        return text.into();
    }
    let tail = &text[text.len() - END..];
    bstr::concat([&text[..END], b"...", tail]).into()
}

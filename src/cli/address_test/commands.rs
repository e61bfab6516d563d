//! The commands: what each line asks for.

use bstr::{BString, ByteSlice};

use super::sink::Sink;
use super::{AddressTest, Role, Runner, show};
use crate::base::Sysexit;
use crate::cf::ruleset_name::{self, RulesetName};
use crate::cf::{Opt, macro_name};
use crate::map::{Answer, Lookup, OpenState, Outcome};
use crate::rewrite::{Program, RulesetId, expand};

impl AddressTest {
    /// Does what a line says; false to end.
    pub(super) fn line(&mut self, line: &[u8]) -> bool {
        // sendmail: blanks before a command do not count, TABs do.
        let blanks = line.iter().take_while(|&&byte| byte == b' ').count();
        let line = &line[blanks..];
        match line.first() {
            None | Some(b'#') => {}
            Some(b'?') => self.help(),
            Some(b'.') => self.set(line),
            Some(b'=') => self.dump(line),
            Some(b'-') if line.len() == 1 => self.sink.text("Usage: -d{debug arguments}\n"),
            Some(b'-') => match line.strip_prefix(b"-d") {
                Some(flag) => self.sink.levels.set(flag),
                None => self.unknown('-', line),
            },
            Some(b'$') => self.value(line),
            Some(b'/') => return self.slash(line),
            Some(_) => self.rules(line),
        }
        true
    }

    fn unknown(&mut self, kind: char, line: &[u8]) {
        self.sink.text(format!("Unknown \"{kind}\" command "));
        self.sink.text(line);
        self.sink.text("\n");
    }

    /// `.Dxvalue` and `.Cxwords`.
    fn set(&mut self, line: &[u8]) {
        match line.get(1) {
            None => self.sink.text("Usage: .[DC]macro value(s)\n"),
            Some(b'D') => {
                if let Some((name, value)) = self.name(&line[2..]) {
                    self.macros.define(&name, value);
                }
            }
            // sendmail: this one says nothing.
            Some(b'C') if line.len() == 2 => {}
            Some(b'C') => {
                if let Some((name, words)) = self.name(&line[2..]) {
                    for word in expand(&words, &self.macros).fields() {
                        self.classes.add_word(&name, word);
                    }
                    self.program.set_classes(&self.classes);
                }
            }
            Some(_) => self.unknown('.', line),
        }
    }

    /// Takes the name of a macro or class off the start of a text.
    fn name(&mut self, text: &[u8]) -> Option<(BString, BString)> {
        let read = macro_name::mended(text);
        for message in read.wrong {
            self.sink.system_error(message);
        }
        read.name
            .map(|(name, taken)| (name.into(), text[taken..].into()))
    }

    /// `=Sruleset` and `=M`.
    fn dump(&mut self, line: &[u8]) {
        match line.get(1) {
            None => self.sink.text("Usage: =Sruleset or =M\n"),
            Some(b'M') => show::mailers(&self.config, &*self.users, &mut self.sink),
            Some(b'S') => {
                let Some(ruleset) = find_ruleset(&self.program, &line[2..], &mut self.sink) else {
                    return;
                };
                for rule in self.program.rules(ruleset) {
                    let left = self.program.left_side(rule);
                    let right = self.program.right_side(rule);
                    for (before, side) in [("R", left), ("\t\t", right)] {
                        self.sink.text(before);
                        // Each part has a blank before it; here it stands behind.
                        if let Some(parts) = side.strip_prefix(b" ") {
                            self.sink.text(parts);
                            self.sink.text(" ");
                        }
                    }
                    self.sink.text("\n");
                }
            }
            Some(_) => self.unknown('=', line),
        }
    }

    /// `$x` and `$=x`.
    fn value(&mut self, line: &[u8]) {
        if line.get(1) == Some(&b'=') {
            if let Some((name, _)) = self.name(&line[2..]) {
                for word in self.classes.shown(&name) {
                    self.sink.text(word);
                    self.sink.text("\n");
                }
            }
            return;
        }
        let Some((name, _)) = self.name(&line[1..]) else {
            return;
        };
        match self.macros.get(&name) {
            // sendmail: the operators of rules are macros that hold themselves.
            None if matches!(name[..], [byte] if OPERATORS.contains(&byte)) => {
                self.sink.text("$");
                self.sink.text(name);
                self.sink.text("\n");
            }
            None => self.sink.text("Undefined\n"),
            Some(value) => {
                let text = show::value(value);
                self.sink.shown(&text);
                self.sink.text("\n");
            }
        }
    }

    /// The commands that begin with a slash; false to end.
    fn slash(&mut self, line: &[u8]) -> bool {
        let end = line
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(line.len());
        let (word, rest) = line.split_at(end);
        let rest = rest.trim_ascii();
        match word[1..].to_ascii_lowercase().as_slice() {
            b"" => self
                .sink
                .text("Usage: /[canon|map|mx|parse|try|tryflags]\n"),
            b"quit" => return false,
            b"mx" => self.mx(rest),
            b"canon" => self.canon(rest),
            b"map" => self.map(rest),
            b"try" => self.try_mailer(rest),
            b"tryflags" => self.try_flags(rest),
            b"parse" => self.parse_command(rest),
            b"sender" => self.sender_command(rest),
            b"header" => self.header(rest),
            b"expand" if rest.is_empty() => self.sink.text("Usage: /expand string\n"),
            // The text has gone through no reader that finds macros in it.
            b"expand" => self.sink.shown(rest),
            // The reference looks, and says nothing unless it was built to.
            b"gethostbyname" => {}
            _ => self.unknown('/', word),
        }
        true
    }

    fn try_flags(&mut self, flags: &[u8]) {
        if flags.is_empty() {
            self.sink.text("Usage: /tryflags [Hh|Ee][Ss|Rr]\n");
            return;
        }
        for flag in flags {
            match flag.to_ascii_lowercase() {
                b'h' => self.role.header = true,
                b'e' => self.role.header = false,
                b's' => self.role.sender = true,
                b'r' => self.role.sender = false,
                _ => {}
            }
        }
        self.set_address_type();
    }

    /// The macro `addr_type` says whose address is tried.
    pub(super) fn set_address_type(&mut self) {
        let Role { header, sender } = self.role;
        let text = [
            if header { "h" } else { "e" },
            if sender { "s" } else { "r" },
        ]
        .join(" ");
        self.macros.set(b"addr_type", text);
    }

    /// `/map name key`
    fn map(&mut self, rest: &[u8]) {
        if rest.is_empty() {
            self.sink.text("Usage: /map mapname key\n");
            return;
        }
        let end = rest
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(rest.len());
        // A second blank belongs to the key.
        let (name, key) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
        if key.is_empty() {
            self.sink.text("No key specified\n");
            return;
        }
        let Some(id) = self.maps.id(name) else {
            if name == b"aliases" && self.config.options.is_set(Opt::AliasFile) {
                self.alias(key);
                return;
            }
            self.sink.text("Map named \"");
            self.sink.text(name);
            self.sink.text("\" not found\n");
            return;
        };
        let mut runner = Runner {
            maps: &self.maps,
            macros: &mut self.macros,
            runtime: &self.runtime,
            told: &mut self.told,
        };
        if runner.maps.open_state(id) == OpenState::NotOpen {
            self.sink.text("Map named \"");
            self.sink.text(name);
            self.sink.text("\" not open\n");
            return;
        }
        runner.tell_state(id, &mut self.sink);
        let (outcome, _) = runner.lookup(id, key, &[]);
        self.tell_lookup(name, key);
        super::tell_timeout(&mut self.sink, self.maps.class(id), key, &outcome);
        self.tell_outcome(&outcome);
    }

    /// `/map aliases key`: the alias maps together.
    fn alias(&mut self, key: &[u8]) {
        let answer = match self.maps.alias(key) {
            Lookup::Ready(answer) => answer,
            Lookup::Pending(later) => self.runtime.block_on(later),
        };
        self.tell_lookup(b"aliases", key);
        self.tell_outcome(&match answer {
            Answer::Found(value) => Outcome::Found(value),
            Answer::NotFound => Outcome::NotFound(i32::from(Sysexit::NoHost.code())),
            Answer::TempFail => Outcome::TempFail,
        });
    }

    fn tell_lookup(&mut self, name: &[u8], key: &[u8]) {
        self.sink.text("map_lookup: ");
        self.sink.text(name);
        self.sink.text(" (");
        self.sink.text(key);
        self.sink.text(") ");
    }

    fn tell_outcome(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Found(value) => {
                self.sink.text("returns ");
                self.sink.text(value);
            }
            _ => self.sink.text("no match"),
        }
        self.sink.text(format!(" ({})\n", outcome.code()));
    }
}

/// What stands after `$` in rules and is no name.
const OPERATORS: &[u8] = b"#&()*+-.0123456789:>?@[]|~";

/// Finds a ruleset by the start of `text`, up to a comma; complains when there
/// is none.
pub(super) fn find_ruleset(program: &Program, text: &[u8], sink: &mut Sink) -> Option<RulesetId> {
    let found = match ruleset_name::parse(text) {
        Ok(RulesetName::Number(number)) => program.ruleset(number.to_string().as_bytes()),
        Ok(RulesetName::Name { name, .. }) => program.ruleset(&name),
        Err(message) => {
            sink.system_error(message);
            None
        }
    };
    if found.is_some() {
        return found;
    }
    sink.text("Undefined ruleset ");
    sink.text(text);
    sink.text("\n");
    None
}

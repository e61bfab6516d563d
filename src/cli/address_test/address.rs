//! Commands about whole addresses: `/parse`, `/try`, `/sender`, `/header`.
//!
//! They go the way an address goes in the daemon, with every step shown.

use bstr::{BStr, BString, ByteSlice};

use super::sink::Sink;
use super::{AddressTest, Role, Runner, complain};
use crate::base::limits::TOKEN_BYTES_MAX;
use crate::cf::{HeaderAction, MailerDef, Opt, RulesetPair};
use crate::rewrite::{CrackStyle, Cracked, MUST_QUOTE_ALWAYS, Machine, RulesetId, Status, crack};
use crate::route::error_exit;

/// Debug categories of what an address becomes for a mailer, and of the text
/// around it.
const REMOTE_NAME: usize = 12;
const CRACK: usize = 33;

/// What an address came to.
struct Parsed {
    /// The name of the mailer; `*error*` when it cannot be delivered.
    mailer: BString,
    host: BString,
    user: BString,
    failed: bool,
}

impl Parsed {
    fn failed(host: BString, user: BString) -> Self {
        Self {
            mailer: "*error*".into(),
            host,
            user,
            failed: true,
        }
    }
}

impl AddressTest {
    /// `/parse address`
    pub(super) fn parse_command(&mut self, text: &[u8]) {
        if text.is_empty() {
            self.sink.text("Usage: /parse address\n");
            return;
        }
        let cracked = self.crack(text).around(b"$g");
        self.sink.text("Cracked address = ");
        self.sink.shown(&cracked);
        self.sink.text("\nParsing ");
        self.tell_role();
        self.sink.text(" address\n");
        match self.parse(text) {
            None => self.sink.text("Cannot parse\n"),
            Some(parsed) => {
                self.sink.text(format!("mailer {}, ", parsed.mailer));
                if !parsed.host.is_empty() {
                    self.sink.text(format!("host {}, ", parsed.host));
                }
                self.sink.text("user ");
                self.sink.text(&parsed.user);
                self.sink.text("\n");
            }
        }
    }

    fn tell_role(&mut self) {
        let Role { header, sender } = self.role;
        self.sink.text(if header { "header" } else { "envelope" });
        self.sink
            .text(if sender { " sender" } else { " recipient" });
    }

    /// `/try mailer address`
    pub(super) fn try_mailer(&mut self, rest: &[u8]) {
        let end = rest.iter().position(u8::is_ascii_whitespace);
        let Some((name, text)) = end
            .map(|end| {
                (
                    rest[..end].to_vec(),
                    rest[end..].trim_ascii_start().to_vec(),
                )
            })
            .filter(|(_, text)| !text.is_empty())
        else {
            self.sink.text("Usage: /try mailer address\n");
            return;
        };
        let Some(mailer) = self.config.mailer(&name).cloned() else {
            self.sink.text("Unknown mailer ");
            self.sink.text(&name);
            self.sink.text("\n");
            return;
        };
        self.set_address_type();
        self.sink.text("Trying ");
        self.tell_role();
        self.sink.text(" address ");
        self.sink.text(&text);
        self.sink.text(" for mailer ");
        self.sink.text(&name);
        self.sink.text("\n");
        let (address, status) = self.remote_name(&mailer, &text);
        let code = if status == Status::TempFail { 75 } else { 0 };
        self.sink.text(format!("Rcode = {code}, addr = "));
        self.sink.text(&address);
        self.sink.text("\n");
    }

    /// `/sender address`
    pub(super) fn sender_command(&mut self, text: &[u8]) {
        let login = self.login.clone();
        let mut from = BString::from(if text.is_empty() { &login } else { text });
        self.macros.set(b"addr_type", "e s");
        let mut parsed = self.parse(&from).filter(|parsed| !parsed.failed);
        if parsed.is_none() {
            self.sink.quiet = true;
            from = login;
            parsed = self.parse(&from);
        }
        self.sink.quiet = false;
        let mut rewritten = self.through(&from, &["3", "1", "4"]);
        if rewritten.starts_with(b"@") {
            rewritten = bstr::concat([b"<".as_slice(), &rewritten, b">"]).into();
        }
        self.macros.set(b"f", rewritten);
        self.macros.unset(b"addr_type");
        // sendmail: a local sender has the full name of the one who runs this.
        let is_local = parsed.as_ref().is_some_and(|one| one.mailer == "local");
        let own = self.users.user(&self.login).ok().flatten();
        let name = own.filter(|_| is_local).map(|user| user.full_name.clone());
        self.macros.set(b"x", name.unwrap_or_default());
        self.sink.text("addr=");
        self.sink
            .text(parsed.map(|parsed| parsed.user).unwrap_or_default());
        self.sink.text("\n");
    }

    /// `/header line`
    pub(super) fn header(&mut self, line: &[u8]) {
        let name = line
            .find_byte(b':')
            .map(|colon| line[..colon].trim_ascii_end())
            .filter(|name| !name.is_empty() && !name.iter().any(u8::is_ascii_whitespace));
        let Some(name) = name else {
            let message = [b"header syntax error, line \"", line, b"\""].concat();
            self.sink.system_error(message);
            self.sink.text("ul = 00000000\n");
            return;
        };
        let value = line[line.find_byte(b':').unwrap_or(0) + 1..].trim_ascii_start();
        let mut flags = super::header_flags::of(name);
        let check = self
            .config
            .headers
            .iter()
            .rev()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.action.clone());
        if let Some(HeaderAction::Check {
            ruleset,
            keep_comments,
        }) = check
        {
            self.through(value, &[&ruleset.to_string()]);
            if !keep_comments {
                flags |= super::header_flags::STRIP_COMMENTS;
            }
        }
        self.sink
            .text(format!("ul = {}\n", super::header_flags::show(flags)));
    }

    /// Rewrites an address for a mailer.
    fn remote_name(&mut self, mailer: &MailerDef, text: &[u8]) -> (BString, Status) {
        let Role { header, sender } = self.role;
        let of = |pair: &RulesetPair| {
            if header {
                pair.header.clone()
            } else {
                pair.envelope.clone()
            }
        };
        let own = of(if sender {
            &mailer.sender
        } else {
            &mailer.recipient
        });
        let around = if mailer.flags.has(b'c') {
            Cracked::bare()
        } else {
            self.crack(text)
        };
        let program = &self.program;
        if self.sink.levels.at(REMOTE_NAME, 1) {
            self.sink.text("remotename(");
            self.sink.text(text);
            self.sink.text(")\n");
        }
        let mut sink = std::mem::take(&mut self.sink);
        let mut machine = Machine::with_trace(program, &mut sink);
        let scanned = machine.load(text, machine.style());
        machine.trace().about = text.into();
        complain(machine.trace(), &scanned);
        machine.trace().about.clear();
        let mut status = Status::Ok;
        let loaded = !machine.workspace().is_empty();
        if loaded {
            let own = (!own.is_empty()).then(|| program.ruleset(&own)).flatten();
            let general = program.ruleset(if sender { b"1" } else { b"2" });
            let mut runner = Runner {
                maps: &self.maps,
                macros: &mut self.macros,
                runtime: &self.runtime,
                told: &mut self.told,
            };
            let order = [program.ruleset(b"3"), general, own, program.ruleset(b"4")];
            for ruleset in order.into_iter().flatten() {
                if runner.run(&mut machine, ruleset) == Status::TempFail {
                    status = Status::TempFail;
                }
            }
        }
        let address = machine.workspace().text();
        drop(machine);
        self.sink = sink;
        if !loaded {
            return (text.into(), status);
        }
        let name = around.around(&address);
        if self.sink.levels.at(REMOTE_NAME, 1) {
            self.sink.text("remotename => `");
            self.sink.text(&name);
            self.sink
                .text(format!("', stat={}\n", status.sysexit().code()));
        }
        (name, status)
    }

    /// An address through rulesets, and out as text.
    fn through(&mut self, text: &[u8], rulesets: &[&str]) -> BString {
        let program = &self.program;
        let mut sink = std::mem::take(&mut self.sink);
        let mut machine = Machine::with_trace(program, &mut sink);
        let scanned = machine.load(text, machine.style());
        machine.trace().about = text.into();
        complain(machine.trace(), &scanned);
        machine.trace().about.clear();
        if !machine.workspace().is_empty() {
            let mut runner = Runner {
                maps: &self.maps,
                macros: &mut self.macros,
                runtime: &self.runtime,
                told: &mut self.told,
            };
            for ruleset in rulesets {
                if let Some(id) = program.ruleset(ruleset.as_bytes()) {
                    runner.run(&mut machine, id);
                }
            }
        }
        let result = machine.workspace().text();
        drop(machine);
        self.sink = sink;
        result
    }

    /// Where an address goes; `None` when it cannot even be cut up.
    fn parse(&mut self, text: &[u8]) -> Option<Parsed> {
        if self.sink.levels.at(20, 1) {
            self.sink.text("\n--parseaddr(");
            self.sink.text(text);
            self.sink.text(")\n");
        }
        self.sink.about = text.into();
        if !self.is_valid(text) {
            self.sink.about.clear();
            return None;
        }
        let mut sink = std::mem::take(&mut self.sink);
        let mut machine = Machine::with_trace(&self.program, &mut sink);
        let scanned = machine.load(text, machine.style());
        complain(machine.trace(), &scanned);
        let long = text.len() >= TOKEN_BYTES_MAX;
        if long && !scanned.failed() {
            let most = TOKEN_BYTES_MAX - 1;
            let shown = text[..most].as_bstr();
            let message = format!("Address \"{shown}\" too long ({most} bytes max)");
            machine.trace().complaint(message);
        }
        let parsed = if long || machine.workspace().is_empty() {
            None
        } else {
            let mut parser = Parser {
                mailers: &self.config.mailers,
                runner: Runner {
                    maps: &self.maps,
                    macros: &mut self.macros,
                    runtime: &self.runtime,
                    told: &mut self.told,
                },
                later: false,
            };
            Some(parser.resolve(&mut machine))
        };
        machine.trace().about.clear();
        drop(machine);
        self.sink = sink;
        parsed
    }

    /// Whether an address may be looked at: no characters that stand for
    /// operators inside the reference.
    pub(super) fn is_valid(&mut self, text: &[u8]) -> bool {
        if !text.iter().any(|byte| (0x80..0xa0).contains(byte)) {
            return true;
        }
        let shown: Vec<u8> = text
            .iter()
            .map(|&byte| match byte {
                0x80..0xa0 => b'?',
                byte => byte & 0x7f,
            })
            .collect();
        self.sink.text("8-bit character in mailbox address \"");
        self.sink.text(shown);
        self.sink.text("\"\n");
        false
    }

    fn crack(&mut self, text: &[u8]) -> Cracked {
        let options = &self.config.options;
        let must_quote: Vec<u8> = [MUST_QUOTE_ALWAYS, options.text(Opt::MustQuoteChars)].concat();
        let style = CrackStyle {
            must_quote: &must_quote,
            colon_ok: options.flag(Opt::ColonOkInAddr),
        };
        let cracked = crack(text, style);
        if self.sink.levels.at(CRACK, 1) {
            self.sink.text("crackaddr(");
            self.sink.text(text);
            self.sink.text(")\ncrackaddr=>`");
            let shown = cracked.around(b"$g");
            self.sink.shown(&shown);
            self.sink.text("'\n");
        }
        cracked
    }
}

/// Finds the mailer of an address.
struct Parser<'a> {
    mailers: &'a [MailerDef],
    runner: Runner<'a>,
    /// A map could not be asked.
    later: bool,
}

/// What is said of an address that a map could not be asked about.
const TRANSIENT: &str = "Transient parse error -- message queued for future delivery";

impl Parser<'_> {
    fn run(&mut self, machine: &mut Machine<'_, &mut Sink>, ruleset: RulesetId) {
        self.later |= self.runner.run(machine, ruleset) == Status::TempFail;
    }

    fn resolve(&mut self, machine: &mut Machine<'_, &mut Sink>) -> Parsed {
        let program = machine.program();
        for ruleset in [b"3", b"0"] {
            if let Some(id) = program.ruleset(ruleset) {
                self.run(machine, id);
            }
        }
        let Some(triple) = machine.workspace().triple() else {
            return misconfigured(machine, "buildaddr: no mailer in parsed address");
        };
        let name = triple.mailer.text();
        let host = triple.host.map(|host| host.text());
        let Some(user) = triple.user else {
            return misconfigured(machine, "buildaddr: no user");
        };
        if name.eq_ignore_ascii_case(b"error") {
            let text = user.text_with(b' ');
            return refused(machine, host.unwrap_or_default(), text);
        }
        let user = user.text();
        let found = self
            .mailers
            .iter()
            .find(|mailer| mailer.name.eq_ignore_ascii_case(&name));
        let Some(mailer) = found else {
            return misconfigured(machine, &format!("buildaddr: unknown mailer {name}"));
        };
        if host.is_none() && !mailer.flags.has(b'l') {
            return misconfigured(machine, "buildaddr: no host");
        }
        machine.keep_user();
        self.deliverable(machine, mailer, host.unwrap_or_default(), user.as_bstr())
    }

    /// The mailer is known: what it makes of host and user.
    fn deliverable(
        &mut self,
        machine: &mut Machine<'_, &mut Sink>,
        mailer: &MailerDef,
        host: BString,
        user: &BStr,
    ) -> Parsed {
        let program = machine.program();
        if mailer.flags.has(b'@') && user.starts_with(b"@") {
            let rest = user[1..].to_vec();
            machine.load(&rest, machine.style());
        }
        let bare = user.strip_prefix(b"\"").unwrap_or(user);
        let special = match bare.first() {
            Some(b'|') if mailer.flags.has(b'|') => Some("prog"),
            Some(b'/') if mailer.flags.has(b'/') => Some("*file*"),
            Some(b':') if mailer.flags.has(b':') => {
                let plain = user.replace(b"\"", b"");
                if let Some(file) = strip_folded(&plain, b":include:") {
                    return Parsed {
                        mailer: "*include*".into(),
                        host: BString::default(),
                        user: file.into(),
                        failed: false,
                    };
                }
                None
            }
            _ => None,
        };
        let named = |name: &str| self.mailers.iter().find(|mailer| mailer.name == name);
        let mailer = special.and_then(named).unwrap_or(mailer);
        let host: BString = if mailer.flags.has(b'h') {
            host
        } else {
            host.to_ascii_lowercase().into()
        };
        if host.is_empty() {
            self.runner.macros.unset(b"h");
        } else {
            self.runner.macros.set(b"h", host.clone());
        }
        let own = &mailer.recipient.envelope;
        let own = (!own.is_empty()).then(|| program.ruleset(own)).flatten();
        let order = [program.ruleset(b"2"), own, program.ruleset(b"4")];
        for ruleset in order.into_iter().flatten() {
            self.run(machine, ruleset);
        }
        if self.later {
            machine.trace().complaint(TRANSIENT);
        }
        let user = machine.workspace().text();
        Parsed {
            mailer: mailer.name.clone(),
            host,
            user: if mailer.flags.has(b'u') {
                user
            } else {
                user.to_ascii_lowercase().into()
            },
            failed: false,
        }
    }
}

/// The configuration is at fault.
fn misconfigured(machine: &mut Machine<'_, &mut Sink>, message: &str) -> Parsed {
    let sink = machine.trace();
    if !sink.quiet {
        sink.system_error(message);
    }
    Parsed::failed(BString::default(), BString::default())
}

/// The rules refuse the address: the text without its reply codes.
fn refused(machine: &mut Machine<'_, &mut Sink>, host: BString, text: BString) -> Parsed {
    let plain = text.replace(b"\"", b"");
    let sink = machine.trace();
    sink.complaint(without_codes(&plain));
    sink.exits(error_exit(&host));
    Parsed::failed(host, text)
}

/// `553 5.1.3 Text` without its codes.
fn without_codes(text: &[u8]) -> &[u8] {
    let Some((code, rest)) = text.split_at_checked(4) else {
        return text;
    };
    if !code[..3].iter().all(u8::is_ascii_digit) || code[3] != b' ' {
        return text;
    }
    let end = rest.find_byte(b' ').unwrap_or(rest.len());
    let status = &rest[..end];
    let is_status = status.split_str(".").count() == 3
        && status
            .split_str(".")
            .all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
        && matches!(status[0], b'2' | b'4' | b'5');
    if is_status {
        rest[end..].strip_prefix(b" ").unwrap_or(&rest[end..])
    } else {
        rest
    }
}

fn strip_folded<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

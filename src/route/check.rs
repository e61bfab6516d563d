//! Verdicts of the check rulesets: `check_relay`, `check_mail`, `check_rcpt`
//! and their kin, and of rulesets that headers are given to.

use bstr::{BString, ByteSlice};

use super::Site;
use crate::base::{Enhanced, Reply, Sysexit};
use crate::rewrite::{Machine, MacroTable, NoTrace, RulesetId, Status, Style, Trace};

/// What a check ruleset says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against it.
    Accept,
    /// `$#error`: the peer gets this reply; 421 ends the session.
    Reject(Reply),
    /// `$#discard`: taken, answered 250, and forgotten.
    Discard,
    /// `$#error $@ quarantine`: taken and held, for this reason.
    Quarantine(BString),
    /// `$#` with another word, such as `$#OK` or `$#RELAY`, or the value
    /// that `srv_features`, `greet_pause` and others give.
    Other {
        /// The word after `$#`.
        mailer: BString,
        /// What stands after `$@`.
        host: BString,
        /// What stands after `$:`.
        user: BString,
    },
}

impl Verdict {
    /// Whether the message or command may go on as if nothing was said.
    pub fn is_accept(&self) -> bool {
        matches!(self, Verdict::Accept | Verdict::Other { .. })
    }
}

impl Site {
    /// Asks a check ruleset about `arguments`, divided by `$|` when there are
    /// several. A ruleset that is not defined has nothing against anything.
    pub async fn check(
        &self,
        ruleset: &str,
        arguments: &[&[u8]],
        macros: &mut MacroTable,
    ) -> Verdict {
        self.check_traced(ruleset, arguments, macros, NoTrace).await
    }

    /// The same, and `trace` is told how ([`Recorder`](crate::rewrite::Recorder)
    /// keeps it).
    pub async fn check_traced<T: Trace>(
        &self,
        ruleset: &str,
        arguments: &[&[u8]],
        macros: &mut MacroTable,
        trace: T,
    ) -> Verdict {
        let Some(id) = self.program.ruleset(ruleset.as_bytes()) else {
            return Verdict::Accept;
        };
        let machine = self.machine(trace);
        let style = machine.style();
        self.judged(machine, id, arguments, style, macros).await
    }

    /// What a ruleset makes of `arguments`, as text: the rulesets of TLS give
    /// values, no verdicts. Empty when there is none, or a map failed.
    pub async fn value(
        &self,
        ruleset: &str,
        arguments: &[&[u8]],
        macros: &mut MacroTable,
    ) -> BString {
        let Some(id) = self.program.ruleset(ruleset.as_bytes()) else {
            return BString::default();
        };
        let mut machine = self.machine(NoTrace);
        let style = machine.style();
        if machine.load_parts(arguments, style).failed() {
            return BString::default();
        }
        let status = self.run(&mut machine, Some(id), macros).await;
        let workspace = machine.workspace();
        let text = match (status, workspace.triple()) {
            (Status::Ok, None) => workspace.text_with(b' '),
            _ => BString::default(),
        };
        self.done(machine);
        text
    }

    /// Asks a ruleset about text that is no address, such as a header field;
    /// comments are left out unless they are to be kept.
    pub async fn check_text(
        &self,
        ruleset: &str,
        text: &[u8],
        keep_comments: bool,
        macros: &mut MacroTable,
    ) -> Verdict {
        let Some(id) = self.program.ruleset(ruleset.as_bytes()) else {
            return Verdict::Accept;
        };
        let machine = Machine::new(&self.program);
        let style = Style {
            comments: !keep_comments,
            ..machine.style()
        };
        self.judged(machine, id, &[text], style, macros).await
    }

    async fn judged<T: Trace>(
        &self,
        mut machine: Machine<'_, T>,
        id: RulesetId,
        arguments: &[&[u8]],
        style: Style<'_>,
        macros: &mut MacroTable,
    ) -> Verdict {
        if machine.load_parts(arguments, style).failed() {
            return Verdict::Accept;
        }
        let status = self.run(&mut machine, Some(id), macros).await;
        // sendmail: what the rules say of a map that failed counts more than
        // the failure.
        let verdict = verdict(&machine);
        self.done(machine);
        match verdict {
            Verdict::Accept if status == Status::TempFail => {
                let text = "Temporary system failure. Please try again later.";
                Verdict::Reject(Reply::with(451, (4, 3, 0), text))
            }
            verdict => verdict,
        }
    }
}

/// The verdict in the workspace of a check ruleset that has ended.
fn verdict<T: Trace>(machine: &Machine<'_, T>) -> Verdict {
    let Some(triple) = machine.workspace().triple() else {
        return Verdict::Accept;
    };
    let mailer = triple.mailer.text();
    let host = triple.host.map(|host| host.text()).unwrap_or_default();
    let user = triple.user.map(|user| user.text_with(b' '));
    let user = user.unwrap_or_default();
    if mailer.eq_ignore_ascii_case(b"discard") {
        return Verdict::Discard;
    }
    if !mailer.eq_ignore_ascii_case(b"error") {
        return Verdict::Other { mailer, host, user };
    }
    // Rules quote error texts to keep their blanks.
    let text = user.replace(b"\"", b"");
    if host.eq_ignore_ascii_case(b"quarantine") {
        return Verdict::Quarantine(text.into());
    }
    Verdict::Reject(error_reply(&host, &text))
}

/// The reply that `$#error $@ STATUS $: TEXT` asks for. STATUS is an enhanced
/// code; a word of `sysexits.h` says nothing. TEXT may begin with an SMTP code,
/// and with an enhanced code after it. Without an SMTP code it is 553.
pub(crate) fn error_reply(status: &[u8], text: &[u8]) -> Reply {
    let number = Enhanced::parse_prefix(status).map(|(enhanced, _)| enhanced);
    // sendmail: beside a code in the text, a word says nothing: 550 5.0.0.
    let beside_code = |code: u16| {
        let class = if code < 500 { 4 } else { 5 };
        number.unwrap_or(Enhanced::new(class, 0, 0))
    };
    match Reply::parse(text.trim()) {
        Some(reply) if reply.code() >= 400 => {
            let enhanced = reply.enhanced().unwrap_or(beside_code(reply.code()));
            Reply::new(
                reply.code(),
                Some(in_class(enhanced, reply.code())),
                bstr::join("\n", reply.lines()),
            )
        }
        // sendmail: whatever the status says, text without a code is 553.
        _ => Reply::with(553, (5, 3, 0), text.trim()),
    }
}

/// The first digits of both codes agree, whatever the rule said.
fn in_class(enhanced: Enhanced, code: u16) -> Enhanced {
    let class = if code < 500 { 4 } else { 5 };
    Enhanced::new(class, enhanced.subject(), enhanced.detail())
}

/// The exit code that `$@ status` of an error triple stands for: a status, an
/// exit code or the name of one.
pub(crate) fn error_exit(status: &[u8]) -> u8 {
    // A status may lack its detail.
    let whole = [status, b".0"].concat();
    let status_code = Enhanced::parse(status).or_else(|| Enhanced::parse(&whole));
    let number = std::str::from_utf8(status)
        .ok()
        .and_then(|text| text.parse().ok());
    let named = || match status.to_ascii_lowercase().as_slice() {
        b"usage" => Sysexit::Usage,
        b"nouser" => Sysexit::NoUser,
        b"nohost" => Sysexit::NoHost,
        b"software" => Sysexit::Software,
        b"tempfail" => Sysexit::TempFail,
        b"protocol" => Sysexit::Protocol,
        b"config" => Sysexit::Config,
        _ => Sysexit::Unavailable,
    };
    match (status_code, number) {
        (Some(status), _) => status.sysexit().code(),
        (None, Some(number)) => number,
        (None, None) => named().code(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: &str, text: &str, expected: &str) {
        let reply = error_reply(status.as_bytes(), text.as_bytes());
        assert_eq!(reply.to_line(), expected, "$@ {status} $: {text}");
    }

    #[test]
    fn error_triples_become_replies() {
        check("5.7.1", "550 Relaying denied", "550 5.7.1 Relaying denied");
        check("5.7.1", "550 5.7.0 Denied", "550 5.7.0 Denied");
        check(
            "4.1.8",
            "451 Domain does not resolve",
            "451 4.1.8 Domain does not resolve",
        );
        check("nouser", "550 No such user", "550 5.0.0 No such user");
        check("", "User unknown", "553 5.3.0 User unknown");
        check("tempfail", "later", "553 5.3.0 later");
        check("4.7.1", "550 no", "550 5.7.1 no");
        check("5.1.1", "250 fine", "553 5.3.0 250 fine");
    }
}

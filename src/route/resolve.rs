//! From an address to its mailer triple: rulesets `canonify` and `parse`,
//! then the recipient's side of the mailer.

use bstr::{BString, ByteSlice};

use super::check::error_reply;
use super::{Resolution, Site, Target};
use crate::base::Reply;
use crate::rewrite::{Machine, MacroTable, NoTrace, Status, SyntaxFault, Trace};

impl Site {
    /// Where an address goes.
    ///
    /// Comments are left out; bad syntax is refused in the reference's words
    /// (`553 5.0.0 Unbalanced '<'`).
    pub async fn resolve(&self, address: &[u8], macros: &mut MacroTable) -> Resolution {
        self.resolve_traced(address, macros, NoTrace).await
    }

    /// The same, and `trace` is told how ([`Recorder`](crate::rewrite::Recorder)
    /// keeps it).
    pub async fn resolve_traced<T: Trace>(
        &self,
        address: &[u8],
        macros: &mut MacroTable,
        trace: T,
    ) -> Resolution {
        let (faults, resolution) = self.resolved(address, macros, trace, false).await;
        match faults.first() {
            Some(fault) => Resolution::Refused(Reply::with(553, (5, 0, 0), fault.to_string())),
            None => resolution,
        }
    }

    /// Where an address goes for the one who asks what would become of it: bad
    /// syntax is told and mended, a map that cannot be asked has no answer.
    pub async fn resolve_shown(
        &self,
        address: &[u8],
        macros: &mut MacroTable,
    ) -> (Vec<SyntaxFault>, Resolution) {
        self.resolved(address, macros, NoTrace, true).await
    }

    async fn resolved<T: Trace>(
        &self,
        address: &[u8],
        macros: &mut MacroTable,
        trace: T,
        tolerant: bool,
    ) -> (Vec<SyntaxFault>, Resolution) {
        let mut machine = self.machine(trace);
        let scanned = machine.load(address, machine.style());
        if scanned.failed() || !(tolerant || scanned.faults.is_empty()) {
            return (scanned.faults, Resolution::Discard);
        }
        for ruleset in [self.core.canonify, self.core.parse] {
            let resolution = match self.run(&mut machine, ruleset, macros).await {
                Status::TempFail if !tolerant => Resolution::Later(transient()),
                Status::Config => Resolution::Refused(misconfigured("rules are at fault")),
                Status::Ok | Status::Data | Status::TempFail => continue,
            };
            return (scanned.faults, resolution);
        }
        (scanned.faults, self.target(machine, macros, tolerant).await)
    }

    /// Where ruleset 5 (`localaddr`) sends a local recipient; `None` when it
    /// has nothing to say.
    pub async fn localaddr(&self, target: &Target, macros: &mut MacroTable) -> Option<Resolution> {
        self.localaddr_traced(target, macros, NoTrace).await
    }

    /// The same, and `trace` is told how.
    pub async fn localaddr_traced<T: Trace>(
        &self,
        target: &Target,
        macros: &mut MacroTable,
        trace: T,
    ) -> Option<Resolution> {
        let ruleset = self.core.localaddr?;
        let mut machine = self.machine(trace);
        let _ = machine.load(&target.user, machine.style());
        macros.set(b"h", target.host.clone());
        macros.set(b"u", target.user.clone());
        if self.run(&mut machine, Some(ruleset), macros).await == Status::TempFail {
            return Some(Resolution::Later(transient()));
        }
        if !machine.workspace().is_resolved() {
            return None;
        }
        Some(self.target(machine, macros, false).await)
    }

    /// Makes a target of the triple in the workspace.
    async fn target<T: Trace>(
        &self,
        mut machine: Machine<'_, T>,
        macros: &mut MacroTable,
        tolerant: bool,
    ) -> Resolution {
        let Some(triple) = machine.workspace().triple() else {
            return Resolution::Refused(misconfigured("no mailer in parsed address"));
        };
        let name = triple.mailer.text();
        let host = triple.host.map(|host| host.text()).unwrap_or_default();
        if name.eq_ignore_ascii_case(b"error") {
            let text = triple.user.map(|user| user.text_with(b' '));
            return refusal(&host, &unquoted(&text.unwrap_or_default()));
        }
        if name.eq_ignore_ascii_case(b"discard") {
            return Resolution::Discard;
        }
        let Some(id) = self.mailer_named(&name) else {
            let text = format!("unknown mailer {name}");
            return Resolution::Refused(misconfigured(&text));
        };
        if !machine.keep_user() {
            return Resolution::Refused(misconfigured("no user in parsed address"));
        }
        let mailer = self.mailer(id);
        if mailer.flags.has(b'@') {
            // sendmail: a user behind `@` is meant as it stands.
            machine.strip_first(b"@");
        }
        let host = if mailer.flags.has(b'h') {
            host
        } else {
            host.to_ascii_lowercase().into()
        };
        macros.set(b"h", host.clone());
        let own = self.mailer_rules(id).recipient_envelope;
        for ruleset in [self.core.recipient, own, self.core.last] {
            let status = self.run(&mut machine, ruleset, macros).await;
            if status == Status::TempFail && !tolerant {
                return Resolution::Later(transient());
            }
        }
        let user = machine.workspace().text();
        self.done(machine);
        let user: BString = if mailer.flags.has(b'u') {
            user
        } else {
            user.to_ascii_lowercase().into()
        };
        Resolution::Mailer(Target {
            mailer: id,
            host,
            user,
        })
    }
}

/// The refusal in an error triple. A reply of 4xx is a refusal for now.
fn refusal(status: &[u8], text: &[u8]) -> Resolution {
    Resolution::Refused(error_reply(status, text))
}

/// Rules quote error texts to keep their blanks.
fn unquoted(text: &[u8]) -> BString {
    text.replace(b"\"", b"").into()
}

/// A map could not be asked: the reference takes the address and tries later.
fn transient() -> Reply {
    Reply::with(
        451,
        (4, 4, 3),
        "Transient parse error -- message queued for future delivery",
    )
}

fn misconfigured(what: &str) -> Reply {
    Reply::with(554, (5, 3, 5), format!("Local configuration error: {what}"))
}

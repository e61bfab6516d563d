//! VRFY, EXPN and ETRN.

use std::sync::Arc;

use bstr::{BString, ByteSlice};

use super::questions::{Checked, checked_about};
use super::session::Session;
use crate::base::maillog::Event;
use crate::base::{Enhanced, Reply};
use crate::envelope::{Envelope, Kind, Recipient, Verified, expand, verify};
use crate::queue::Selector;
use crate::rewrite::MacroTable;
use crate::route::{Resolution, Target};

/// Addresses that one command asks about.
const LIST_MAX: usize = 20;

impl Session {
    /// Whether there is such a recipient.
    pub(super) async fn vrfy(&mut self, argument: &[u8]) -> Reply {
        let mut macros = MacroTable::over(Arc::clone(&self.macros));
        if let Checked::Refuse(reply) = self.check("check_vrfy", &[argument], &mut macros).await {
            return reply;
        }
        let (mut lines, mut code) = (Vec::new(), 250);
        for address in several(argument) {
            match self.known(address, &mut macros).await {
                Err(reply) => return reply,
                Ok(None) => lines.push(angled(address)),
                Ok(Some(target)) => {
                    let (is_local, text) = self.described_target(&target);
                    code = if is_local { 250 } else { 252 };
                    lines.push(text);
                }
            }
        }
        Reply::with(code, (2, 1, 5), bstr::join("\n", lines))
    }

    /// Where an address goes if somebody is there; `None` if it goes nowhere.
    async fn known(
        &self,
        address: &[u8],
        macros: &mut MacroTable,
    ) -> Result<Option<Target>, Reply> {
        let site = &self.service.site;
        let refused = |reply: &Reply| checked_about(address, reply);
        let target = match site.resolve(address, macros).await {
            Resolution::Mailer(target) => target,
            Resolution::Refused(reply) | Resolution::Later(reply) => return Err(refused(&reply)),
            Resolution::Discard => return Ok(None),
        };
        if let Some(reply) = self.is_forbidden(&target) {
            return Err(refused(&reply));
        }
        match verify::verify_target(site, target, macros).await {
            Verified::Deliverable(target) => Ok(Some(target)),
            Verified::Discard => Ok(None),
            Verified::Refused(reply) | Verified::Later(reply) => Err(refused(&reply)),
        }
    }

    /// What is no command of mail, with the first digit of its answer.
    ///
    /// `// departs:` the reference sends both its own answer and the check's;
    /// one command has one answer here.
    pub(super) async fn other(&mut self, line: &[u8], digit: u8) -> Reply {
        let mut macros = MacroTable::over(Arc::clone(&self.macros));
        let arguments: [&[u8]; 2] = [line, &[digit]];
        match self.check("check_other", &arguments, &mut macros).await {
            Checked::Refuse(reply) => reply,
            _ => Reply::new(250, None, "ok"),
        }
    }

    /// Who is behind an alias or a list.
    pub(super) async fn expn(&mut self, argument: &[u8]) -> Reply {
        let mut macros = MacroTable::over(Arc::clone(&self.macros));
        if let Checked::Refuse(reply) = self.check("check_expn", &[argument], &mut macros).await {
            return reply;
        }
        let mut lines: Vec<BString> = Vec::new();
        for address in several(argument) {
            match self.members(address, &mut macros).await {
                Err(reply) => return reply,
                Ok(found) => found.into_iter().for_each(|line| {
                    if !lines.contains(&line) {
                        lines.push(line);
                    }
                }),
            }
        }
        Reply::with(250, (2, 1, 5), bstr::join("\n", lines))
    }

    /// Everybody behind one address.
    async fn members(
        &self,
        address: &[u8],
        macros: &mut MacroTable,
    ) -> Result<Vec<BString>, Reply> {
        self.known(address, macros).await?;
        let site = Arc::clone(&self.service.site);
        let mut envelope = Envelope::new("", self.service.clock.now());
        envelope.recipients.push(Recipient::mailbox(address));
        let intake = Arc::clone(&self.service.intake);
        let expansion = expand(&site, intake.lists(), &mut envelope, macros).await;
        let mut lines: Vec<BString> = expansion
            .ready
            .iter()
            .map(|ready| {
                let recipient = &envelope.recipients[ready.recipient];
                match recipient.kind {
                    Kind::Mailbox => self.described_target(&ready.target).1,
                    _ => angled(&recipient.address),
                }
            })
            .collect();
        // sendmail: the last of a list comes first.
        lines.reverse();
        match expansion.refused.first() {
            Some(refused) if lines.is_empty() => {
                let shown = envelope.recipients[refused.recipient].shown();
                Err(expanded_about(&shown, &refused.reply))
            }
            _ if lines.is_empty() => Ok(vec![angled(address)]),
            _ => Ok(lines),
        }
    }

    /// `Full Name <user@host>`, and whether it is here.
    fn described_target(&self, target: &Target) -> (bool, BString) {
        let site = &self.service.site;
        let is_local = site.mailer(target.mailer).flags.has(b'l');
        let user = is_local.then(|| site.local_user(&target.user).ok().flatten());
        let address = if target.user.contains(&b'@') {
            target.user.clone()
        } else {
            bstr::concat([target.user.as_slice(), b"@", &self.service.smtp.host]).into()
        };
        let mut text = BString::default();
        if let Some(user) = user.flatten()
            && !user.full_name.is_empty()
        {
            text.extend_from_slice(&user.full_name);
            text.push(b' ');
        }
        text.extend_from_slice(&angled(&address));
        (is_local, text)
    }

    /// Runs the queue for a host, a domain or a queue group.
    pub(super) async fn etrn(&mut self, argument: &[u8]) -> Reply {
        let mut macros = MacroTable::over(Arc::clone(&self.macros));
        if let Checked::Refuse(reply) = self.check("check_etrn", &[argument], &mut macros).await {
            return reply;
        }
        self.acted = true;
        let command = bstr::concat([b"ETRN ".as_slice(), argument]);
        let subject = self.subject();
        let event = Event::Asked {
            peer: &self.client.shown,
            command: &command,
            rejected: false,
        };
        self.service.note(subject, &event);
        if let Some(group) = argument.strip_prefix(b"#") {
            return self.etrn_group(group);
        }
        let host = argument.strip_prefix(b"@").unwrap_or(argument);
        self.service.intake.run_queue(Selector {
            recipient: Some((host.to_vec(), true)),
            ..Selector::default()
        });
        let text = bstr::concat([b"Queuing for node ".as_slice(), argument, b" started"]);
        Reply::with(250, (2, 0, 0), text)
    }

    /// Runs a queue group.
    fn etrn_group(&self, name: &[u8]) -> Reply {
        let groups = &self.service.site.config.queue_groups;
        let known = groups.iter().find(|g| g.name.eq_ignore_ascii_case(name));
        let group = match known {
            Some(group) => group.name.clone(),
            None if name.eq_ignore_ascii_case(b"mqueue") => "mqueue".into(),
            None => {
                let text = bstr::concat([b"Queue ".as_slice(), name, b" unknown"]);
                return Reply::with(459, (4, 5, 4), text);
            }
        };
        let text = bstr::concat([b"Queuing for queue group ".as_slice(), name, b" started"]);
        self.service.intake.run_queue(Selector {
            group: Some(group.into()),
            ..Selector::default()
        });
        Reply::with(250, (2, 0, 0), text)
    }
}

/// The addresses of an argument, the last one first.
///
/// `// sendmail:` a list as a header has it, of commas or, in the old style,
/// of blanks, taken from its end.
fn several(argument: &[u8]) -> Vec<&[u8]> {
    let is_modern = argument.iter().any(|b| b",;<(".contains(b));
    let is_quoted = argument.contains(&b'"') || argument.contains(&b'\\');
    let mut parts: Vec<&[u8]> = if is_quoted {
        vec![argument]
    } else if is_modern {
        let (mut open, mut parts) = (0u32, Vec::new());
        let at_comma = |byte: &u8| {
            match byte {
                b'<' | b'(' => open += 1,
                b'>' | b')' => open = open.saturating_sub(1),
                _ => {}
            }
            *byte == b',' && open == 0
        };
        parts.extend(argument.split(at_comma));
        parts
    } else {
        argument.split(u8::is_ascii_whitespace).collect()
    };
    parts.retain(|part| !part.trim_ascii().is_empty());
    if parts.is_empty() || parts.len() > LIST_MAX {
        return vec![argument];
    }
    parts.iter_mut().for_each(|part| *part = part.trim_ascii());
    parts.reverse();
    parts
}

/// A refusal within a list; that of a circle is about nobody.
fn expanded_about(address: &[u8], reply: &Reply) -> Reply {
    match reply.enhanced() {
        Some(code) if code == Enhanced::new(5, 4, 6) => reply.clone(),
        _ => checked_about(address, reply),
    }
}

fn angled(address: &[u8]) -> BString {
    bstr::concat([b"<".as_slice(), address.trim(), b">"]).into()
}

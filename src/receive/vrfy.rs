//! VRFY, EXPN and ETRN.

use std::sync::Arc;

use bstr::{BString, ByteSlice};

use super::questions::{Checked, about};
use super::session::Session;
use crate::base::Reply;
use crate::base::maillog::Event;
use crate::envelope::{Envelope, Kind, Recipient, Verified, expand, verify};
use crate::queue::Selector;
use crate::rewrite::MacroTable;
use crate::route::Target;

impl Session {
    /// Whether there is such a recipient.
    pub(super) async fn vrfy(&mut self, argument: &[u8]) -> Reply {
        let mut macros = MacroTable::over(Arc::clone(&self.macros));
        if let Checked::Refuse(reply) = self.check("check_vrfy", &[argument], &mut macros).await {
            return reply;
        }
        let site = Arc::clone(&self.service.site);
        match verify(&site, argument, &mut macros).await {
            Verified::Deliverable(target) => {
                let (is_local, text) = self.described_target(&target);
                let code = if is_local { 250 } else { 252 };
                Reply::with(code, (2, 1, 5), text)
            }
            Verified::Discard => Reply::with(250, (2, 1, 5), angled(argument)),
            Verified::Refused(reply) | Verified::Later(reply) => about(argument, &reply),
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
        let site = Arc::clone(&self.service.site);
        match verify(&site, argument, &mut macros).await {
            Verified::Refused(reply) | Verified::Later(reply) => return about(argument, &reply),
            Verified::Deliverable(_) | Verified::Discard => {}
        }
        let mut envelope = Envelope::new("", self.service.clock.now());
        envelope.recipients.push(Recipient::mailbox(argument));
        let intake = Arc::clone(&self.service.intake);
        let expansion = expand(&site, intake.lists(), &mut envelope, &mut macros).await;
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
            Some(refused) if lines.is_empty() => about(argument, &refused.reply),
            _ if lines.is_empty() => Reply::with(250, (2, 1, 5), angled(argument)),
            _ => Reply::with(250, (2, 1, 5), bstr::join("\n", lines)),
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
            // Groups of the configuration are one directory's business until
            // the queue knows them by name.
            let text = bstr::concat([b"Queue ".as_slice(), group, b" unknown"]);
            return Reply::with(459, (4, 5, 4), text);
        }
        let host = argument.strip_prefix(b"@").unwrap_or(argument);
        self.service.intake.run_queue(Selector {
            recipient: Some((host.to_vec(), true)),
            ..Selector::default()
        });
        let text = bstr::concat([b"Queuing for node ".as_slice(), argument, b" started"]);
        Reply::with(250, (2, 0, 0), text)
    }
}

fn angled(address: &[u8]) -> BString {
    bstr::concat([b"<".as_slice(), address.trim(), b">"]).into()
}

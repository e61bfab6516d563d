//! Mail to this machine's users, programs and files, through agents.

use std::path::PathBuf;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::agent::{
    AgentPool, FileJob, Lenience, MboxJob, MessageText, NoAgent, ProgramEnd, ProgramFate,
    ProgramJob, Purpose, Request, Response,
};
use super::result::{Fate, Verdict};
use super::turns::{Later, Turn, Turns};
use crate::base::{Enhanced, Place, Reply, Sysexit};
use crate::cf::{MailerDef, Opt};
use crate::envelope::{Kind, Recipient};
use crate::rewrite::{MacroTable, expand};
use crate::route::Site;
use crate::world::Users;

/// A program may run this long (mailer `W=` says otherwise).
const PROGRAM_SECONDS_MAX: u32 = 3600;
/// Programs of one user at once, and programs that deliver to one mailbox.
const PROGRAMS_AT_ONCE: u32 = 8;
const DELIVERIES_AT_ONCE: u32 = 1;
/// Messages for one mailbox on their way, when we write it ourselves: they
/// share locks and syncs.
const MAILBOX_AT_ONCE: u32 = 192;
/// Output of a program that a report shows.
const OUTPUT_BYTES_MAX: u32 = 16 << 10;

/// What a local mailer's `P=` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Another host or a socket: not for agents.
    Network,
    /// A mailbox in the mail directory, by our own hand.
    Mbox,
    /// A Maildir, by our own hand.
    Maildir,
    /// A file that the recipient names.
    File,
    /// A program.
    Program,
    /// LMTP over a program's pipes, which there is not.
    LmtpProgram,
}

/// How a mailer delivers.
pub(super) fn way(mailer: &MailerDef) -> Way {
    let path = mailer.path.as_bstr();
    match path.as_bytes() {
        b"[IPC]" | b"[TCP]" | b"[LPC]" => return Way::Network,
        b"[MBOX]" => return Way::Mbox,
        b"[MAILDIR]" => return Way::Maildir,
        b"[FILE]" => return Way::File,
        _ => {}
    }
    let name = path.rsplit_str("/").next().unwrap_or_default();
    let built_in = match name {
        // What mail.local does is what we do, without being root.
        b"mail.local" => true,
        // Debian's choice between the agents that are installed.
        b"sensible-mda" => !exists(path) || !has_other_agents(),
        _ => false,
    };
    match (built_in, mailer.flags.has(b'z')) {
        (true, _) => Way::Mbox,
        (false, true) => Way::LmtpProgram,
        (false, false) => Way::Program,
    }
}

fn exists(path: &BStr) -> bool {
    path.to_path().is_ok_and(|path| path.exists())
}

fn has_other_agents() -> bool {
    [
        "/usr/bin/procmail",
        "/usr/bin/maildrop",
        "/usr/sbin/deliver",
    ]
    .iter()
    .any(|path| std::path::Path::new(path).exists())
}

/// Mail to this machine.
pub(super) struct Local {
    pub(super) turns: Turns,
    pub(super) agents: Arc<AgentPool>,
    pub(super) users: Arc<dyn Users>,
    pub(super) place: Place,
}

/// A message for one recipient of this machine.
pub(super) struct Visit<'a> {
    pub(super) site: &'a Site,
    pub(super) mailer: &'a MailerDef,
    pub(super) recipient: &'a Recipient,
    /// `$u`
    pub(super) user: &'a BStr,
    /// Macros with `$u`, `$h`, `$g`, `$z` of this recipient.
    pub(super) macros: &'a MacroTable,
    pub(super) text: MessageText,
    /// It has just come in.
    pub(super) is_first: bool,
}

impl Local {
    /// Delivers to one recipient.
    pub(super) async fn deliver(&self, visit: Visit<'_>) -> Verdict {
        match way(visit.mailer) {
            Way::Mbox => self.mbox(visit).await,
            Way::Maildir => self.maildir(visit).await,
            Way::File => self.file(visit).await,
            Way::Program => self.program(visit).await,
            Way::Network | Way::LmtpProgram => {
                let text = b"LMTP over a program's pipes is not offered";
                Verdict::deferred(Enhanced::new(4, 3, 5), text)
            }
        }
    }

    /// The home directory of a local user, for `$z`.
    pub(super) fn home(&self, user: &[u8]) -> Option<PathBuf> {
        let user = self.users.user(user).ok()??;
        Some(user.home.clone())
    }

    async fn mbox(&self, visit: Visit<'_>) -> Verdict {
        let (name, group) = match self.users.user(visit.user) {
            Ok(Some(user)) => (user.name.clone(), Some(user.gid)),
            Ok(None) => return unknown(),
            Err(error) => return later(&error.to_string()),
        };
        let usual = || self.place.path("/var/mail").join(name.to_path_lossy());
        let path = own_path(&visit, usual);
        let request = Request::Mbox(MboxJob {
            path: bytes_of(&path),
            from_line: from_line(&visit),
            group,
            content_length: true,
        });
        self.store(&visit, &name, Purpose::Mailbox, request).await
    }

    async fn maildir(&self, visit: Visit<'_>) -> Verdict {
        let (name, home) = match self.users.user(visit.user) {
            Ok(Some(user)) => (user.name.clone(), user.home.clone()),
            Ok(None) => return unknown(),
            Err(error) => return later(&error.to_string()),
        };
        let path = own_path(&visit, || home.join("Maildir"));
        let request = Request::Maildir {
            path: bytes_of(&path),
            host: visit.macros.text(b"j"),
        };
        self.store(&visit, &name, Purpose::Mailbox, request).await
    }

    async fn file(&self, visit: Visit<'_>) -> Verdict {
        let user = match self.answering_user(&visit) {
            Ok(user) => user,
            Err(verdict) => return *verdict,
        };
        let options = &visit.site.config.options;
        let words = options.words(Opt::DontBlameSendmail);
        let has = |word: &str| {
            words
                .iter()
                .any(|w| w.eq_ignore_ascii_case(word.as_bytes()))
        };
        let bare = crate::envelope::list::unquote(visit.user);
        let request = Request::File(FileJob {
            path: bare,
            from_line: from_line(&visit),
            escape_from: visit.mailer.flags.has(b'E'),
            safe_root: visit.site.option_text(Opt::SafeFileEnvironment),
            lenience: Lenience {
                symbolic_link: has("FileDeliveryToSymLink"),
                hard_link: has("FileDeliveryToHardLink"),
                ..Lenience::default()
            },
        });
        let verdict = self.store(&visit, &user, Purpose::Programs, request).await;
        match (verdict.fate, verdict.exit) {
            (Fate::Failed, Sysexit::Unavailable) => {
                Verdict::failed(Enhanced::new(5, 0, 0), Sysexit::CantCreat)
            }
            _ => Verdict {
                relay: None,
                ..verdict
            },
        }
    }

    async fn program(&self, visit: Visit<'_>) -> Verdict {
        let user = match visit.recipient.controlling_user {
            Some(_) => self.answering_user(&visit),
            None => self.recipient_user(&visit),
        };
        let user = match user {
            Ok(user) => user,
            Err(verdict) => return *verdict,
        };
        let _turn = match self.program_turn(&visit, &user).await {
            Ok(turn) => turn,
            Err(Later(wait)) => return Verdict::in_line(wait),
        };
        let request = Request::Program(program_job(&visit, &self.place));
        let asked = self
            .agents
            .ask(&user, Purpose::Programs, request, Some(visit.text.clone()))
            .await;
        match asked {
            Ok(Response::Ended(end)) => ended(&end, visit.mailer),
            Ok(other) => nonsense(&other),
            Err(error) => no_agent(&error),
        }
    }

    /// A turn for a program: a mailbox has one, a user who answers for
    /// programs a few.
    async fn program_turn(&self, visit: &Visit<'_>, user: &BString) -> Result<Turn, Later> {
        let is_mailbox = visit.mailer.flags.has(b'l') && visit.recipient.kind == Kind::Mailbox;
        let (kind, name, at_once) = match is_mailbox {
            true => ("mailbox ", visit.user, DELIVERIES_AT_ONCE),
            false => ("programs ", user.as_bstr(), PROGRAMS_AT_ONCE),
        };
        let what = bstr::concat([kind.as_bytes(), &name.to_ascii_lowercase()]);
        self.turns.take(&what, at_once, !visit.is_first).await
    }

    /// Who answers for a program or file: the user whose alias or `.forward`
    /// named it, else the default user.
    fn answering_user(&self, visit: &Visit<'_>) -> Result<BString, Box<Verdict>> {
        let (default, _) = visit.site.default_user();
        let controlling = visit.recipient.controlling_user.as_ref();
        let uid = controlling.map_or(default, |user| user.uid);
        // sendmail: nothing is run as root.
        let uid = if uid == 0 { default } else { uid };
        match self.users.user_by_id(uid) {
            Ok(Some(user)) => Ok(user.name.clone()),
            Ok(None) => Err(Box::new(later(&format!("no user has the id {uid}")))),
            Err(error) => Err(Box::new(later(&error.to_string()))),
        }
    }

    /// The local user that the recipient is.
    fn recipient_user(&self, visit: &Visit<'_>) -> Result<BString, Box<Verdict>> {
        match self.users.user(visit.user) {
            Ok(Some(user)) => Ok(user.name.clone()),
            // A mailer for no user in particular, such as one for faxes.
            Ok(None) => self.answering_user(visit),
            Err(error) => Err(Box::new(later(&error.to_string()))),
        }
    }

    async fn store(
        &self,
        visit: &Visit<'_>,
        user: &BString,
        purpose: Purpose,
        request: Request,
    ) -> Verdict {
        let what = bstr::concat([b"store ".as_slice(), user]);
        let turn = self.turns.take(&what, MAILBOX_AT_ONCE, !visit.is_first);
        let _turn = match turn.await {
            Ok(turn) => turn,
            Err(Later(wait)) => return Verdict::in_line(wait),
        };
        let text = Some(visit.text.clone());
        let mut verdict = match self.agents.ask(user, purpose, request, text).await {
            Ok(Response::Stored(reply)) => stored(&reply),
            Ok(other) => nonsense(&other),
            Err(error) => no_agent(&error),
        };
        verdict.relay = Some(visit.mailer.name.clone());
        verdict
    }
}

/// What the reply of a mailbox amounts to.
fn stored(reply: &Reply) -> Verdict {
    Verdict::of_reply(reply)
}

fn unknown() -> Verdict {
    let reply = Reply::with(550, (5, 1, 1), "User unknown");
    Verdict::of_reply(&reply)
}

fn later(text: &str) -> Verdict {
    Verdict::deferred(Enhanced::new(4, 3, 0), text.as_bytes())
}

fn nonsense(response: &Response) -> Verdict {
    later(&match response {
        Response::Refused(why) => why.to_string(),
        _ => "delivery agent answered something else".to_owned(),
    })
}

fn no_agent(error: &NoAgent) -> Verdict {
    if error.temporary {
        later(&error.reason.to_str_lossy())
    } else {
        let reply = Reply::with(550, (5, 1, 1), error.reason.as_bytes());
        Verdict::of_reply(&reply)
    }
}

/// The path of a mailer such as `P=[MBOX], A=MBOX /path/$u`, or the usual one.
fn own_path(visit: &Visit<'_>, usual: impl FnOnce() -> PathBuf) -> PathBuf {
    let argv = &visit.mailer.argv;
    let names_path = argv
        .first()
        .is_some_and(|word| word == "MBOX" || word == "MAILDIR");
    match argv.get(1).filter(|_| names_path) {
        Some(word) => expand(word, visit.macros).to_path_lossy().into_owned(),
        None => usual(),
    }
}

fn bytes_of(path: &std::path::Path) -> BString {
    path.as_os_str().as_encoded_bytes().into()
}

/// The `From ` line, empty for a mailer that wants none. Our own mailboxes
/// have one whatever the flags say, as mail.local's have.
fn from_line(visit: &Visit<'_>) -> BString {
    if visit.mailer.flags.has(b'n') && way(visit.mailer) != Way::Mbox {
        return BString::default();
    }
    let line = visit.site.config.options.text(Opt::UnixFromLine);
    expand(line, visit.macros)
}

fn program_job(visit: &Visit<'_>, place: &Place) -> ProgramJob {
    let mailer = visit.mailer;
    let path = expand(&mailer.path, visit.macros);
    let user = match visit.user.strip_prefix(b"|") {
        Some(command) => command.as_bstr().to_owned(),
        None => visit.user.to_owned(),
    };
    let mut macros = visit.macros.clone();
    let command = crate::envelope::list::unquote(&user);
    let command = command.strip_prefix(b"|").unwrap_or(&command);
    macros.set(b"u", command);
    let argv = mailer
        .argv
        .iter()
        .map(|word| expand(word, &macros))
        .collect();
    let directory = expand(&mailer.directory, visit.macros);
    ProgramJob {
        path: place.text(path.as_bstr()),
        argv,
        environment: environment(visit.site),
        directories: directory
            .split_str(":")
            .filter(|part| !part.is_empty())
            .map(BString::from)
            .collect(),
        from_line: from_line(visit),
        seconds_max: mailer.wait.map_or(PROGRAM_SECONDS_MAX, |wait| {
            u32::try_from(wait.as_secs()).unwrap_or(PROGRAM_SECONDS_MAX)
        }),
        output_bytes_max: OUTPUT_BYTES_MAX,
    }
}

/// What programs find in their environment: `AGENT=sendmail`, the time zone,
/// and the `E` lines of the configuration.
fn environment(site: &Site) -> Vec<BString> {
    let mut variables: Vec<BString> = vec!["AGENT=sendmail".into()];
    let zone = std::env::var_os("TZ").map(|zone| zone.into_encoded_bytes());
    if let Some(zone) = zone {
        variables.push(bstr::concat([b"TZ=".as_slice(), &zone]).into());
    }
    for line in &site.config.environment {
        if let Some(value) = &line.value {
            variables.push(bstr::concat([line.name.as_slice(), b"=", value]).into());
        }
    }
    variables
}

/// What a program's end amounts to, as sendmail maps exit codes.
fn ended(end: &ProgramEnd, mailer: &MailerDef) -> Verdict {
    let mut verdict = match &end.how {
        ProgramFate::Exited(code) => {
            let program = format!("{} mailer ({})", mailer.name, mailer.path);
            Verdict::of_exit_code(*code, program.as_bytes())
        }
        ProgramFate::Killed(signal) => {
            let text = format!("{} mailer died with signal {signal}", mailer.name);
            Verdict::deferred(Enhanced::new(4, 3, 0), text.as_bytes())
        }
        ProgramFate::TimedOut => {
            let text = format!("{} mailer ({}) ran for too long", mailer.name, mailer.path);
            Verdict::deferred(Enhanced::new(4, 3, 0), text.as_bytes())
        }
        ProgramFate::NotStarted(why) => {
            let text = format!("Cannot exec {}: {why}", mailer.path);
            Verdict::deferred(Enhanced::new(4, 3, 0), text.as_bytes())
        }
    };
    if verdict.fate == Fate::Failed {
        verdict.transcript = end.output.lines().map(BString::from).collect();
    }
    verdict
}

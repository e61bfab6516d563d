//! Mail to this machine's users, programs and files, through agents.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};
use bytes::Bytes;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::agent::{
    AgentPool, FileJob, Lenience, MboxJob, MessageText, NoAgent, ProgramEnd, ProgramFate,
    ProgramJob, ProgramText, Purpose, Request, Response,
};
use super::result::{Fate, Verdict};
use super::turns::{Later, Turn, Turns};
use crate::base::{Enhanced, Place, Reply, Sysexit};
use crate::cf::{MailerDef, Opt};
use crate::envelope::{Kind, Recipient};
use crate::queue::Body;
use crate::rewrite::{MacroTable, expand};
use crate::route::Site;
use crate::world::Users;

/// A program may run this long (mailer `W=` says otherwise).
const PROGRAM_SECONDS_MAX: u32 = 3600;
/// How long the end of a program is waited for that has said its last word.
const LAST_WORD: Duration = Duration::from_secs(5);
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
    /// A program that LMTP is spoken with.
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
    /// `$u` of each recipient that a program is to take at once.
    pub(super) users: Vec<BString>,
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
                Verdict::deferred(Enhanced::new(4, 3, 5), b"not a delivery on this machine")
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

    /// Runs the program of a mailer, once for all of `visit.users`.
    pub(super) async fn program(&self, visit: Visit<'_>) -> Verdict {
        let user = match self.may_run(&visit) {
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

    /// Runs a program that is spoken to, and `talk`s to it over a stream; what
    /// a program that could not be spoken to amounts to is an error.
    pub(super) async fn converse<T, F: Future<Output = T>>(
        &self,
        visit: Visit<'_>,
        talk: impl FnOnce(UnixStream) -> F,
    ) -> Result<T, Box<Verdict>> {
        let user = self.may_run(&visit)?;
        let turn = self.program_turn(&visit, &user).await;
        let _turn = turn.map_err(|Later(wait)| Box::new(Verdict::in_line(wait)))?;
        let failed = |error: std::io::Error| Box::new(later(&error.to_string()));
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let ours = UnixStream::from_std(ours).map_err(failed)?;
        let socket = MessageText {
            header: Bytes::new(),
            body: Body::File(Arc::new(OwnedFd::from(theirs).into()), 0),
        };
        let request = Request::Converse(program_job(&visit, &self.place));
        let asked = self
            .agents
            .ask(&user, Purpose::Programs, request, Some(socket));
        let talked = talk(ours);
        tokio::pin!(asked, talked);
        tokio::select! {
            talked = &mut talked => {
                // What it does after its last word is waited for a moment, so
                // that the next one finds it gone.
                match timeout(LAST_WORD, asked).await {
                    Ok(Ok(Response::Ended(end)))
                        if matches!(end.how, ProgramFate::NotStarted(_)) =>
                    {
                        Err(Box::new(ended(&end, visit.mailer)))
                    }
                    _ => Ok(talked),
                }
            }
            asked = &mut asked => match asked {
                // It has ended: what it said before is still to be read.
                Ok(Response::Ended(end)) if matches!(end.how, ProgramFate::Exited(_)) => {
                    Ok(talked.await)
                }
                Ok(Response::Ended(end)) => Err(Box::new(ended(&end, visit.mailer))),
                Ok(other) => Err(Box::new(nonsense(&other))),
                Err(error) => Err(Box::new(no_agent(&error))),
            },
        }
    }

    /// Whom a mailer's program runs as.
    fn may_run(&self, visit: &Visit<'_>) -> Result<BString, Box<Verdict>> {
        let mailer = visit.mailer;
        if !mailer.chroot.is_empty() {
            let text = format!("mailer {}: /= is not offered", mailer.name);
            return Err(Box::new(Verdict::deferred(
                Enhanced::new(4, 3, 5),
                text.as_bytes(),
            )));
        }
        let flags = mailer.flags;
        if !mailer.user.user.is_empty() && !flags.has(b'S') {
            return self.named_user(&mailer.user.user);
        }
        if visit.recipient.kind != Kind::Mailbox {
            return self.answering_user(visit);
        }
        // sendmail runs a mailer with flag `S` as root; nothing of ours is.
        if flags.has(b'S') || (flags.has(b'o') && flags.has(b'w')) {
            return self.recipient_user(visit);
        }
        self.default_user(visit)
    }

    /// The user that `U=` names, by login name or id.
    fn named_user(&self, name: &BString) -> Result<BString, Box<Verdict>> {
        let number = name.to_str().ok().and_then(|name| name.parse().ok());
        let found = match number {
            Some(uid) => self.users.user_by_id(uid),
            None => self.users.user(name),
        };
        match found {
            Ok(Some(user)) => Ok(user.name.clone()),
            Ok(None) => Err(Box::new(later(&format!("U={name}: no such user")))),
            Err(error) => Err(Box::new(later(&error.to_string()))),
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
        let controlling = visit.recipient.controlling_user.as_ref();
        match controlling.map(|user| user.uid) {
            // sendmail: nothing is run as root.
            None | Some(0) => self.default_user(visit),
            Some(uid) => self.user_of(uid),
        }
    }

    /// Option DefaultUser.
    fn default_user(&self, visit: &Visit<'_>) -> Result<BString, Box<Verdict>> {
        self.user_of(visit.site.default_user().0)
    }

    fn user_of(&self, uid: u32) -> Result<BString, Box<Verdict>> {
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
            Ok(None) => self.default_user(visit),
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
    let directory = expand(&mailer.directory, visit.macros);
    ProgramJob {
        path: place.text(path.as_bstr()),
        argv: arguments(visit),
        environment: environment(visit.site),
        directories: directory
            .split_str(":")
            .filter(|part| !part.is_empty())
            .map(BString::from)
            .collect(),
        from_line: program_from_line(visit),
        form: ProgramText {
            eol: mailer.eol.clone(),
            line_max: u32::try_from(mailer.line_max).unwrap_or(0),
            escape_from: mailer.flags.has(b'E'),
            double_dots: mailer.flags.has(b'X'),
            blank_end: mailer.flags.has(b'b'),
        },
        nice: mailer.nice,
        seconds_max: mailer.wait.map_or(PROGRAM_SECONDS_MAX, |wait| {
            u32::try_from(wait.as_secs()).unwrap_or(PROGRAM_SECONDS_MAX)
        }),
        output_bytes_max: OUTPUT_BYTES_MAX,
    }
}

/// `A=` for all the users of a visit: the first word that names the user
/// (`$u`) stands there once for each. Flags `f` and `r` put the sender first.
fn arguments(visit: &Visit<'_>) -> Vec<BString> {
    let mailer = visit.mailer;
    let mut words = mailer.argv.iter();
    let mut argv: Vec<BString> = words
        .next()
        .map(|word| expand(word, visit.macros))
        .into_iter()
        .collect();
    let flag = [(b'f', "-f"), (b'r', "-r")]
        .into_iter()
        .find(|(flag, _)| mailer.flags.has(*flag));
    if let Some((_, word)) = flag {
        argv.push(word.into());
        argv.push(visit.macros.text(b"g"));
    }
    let mut named = false;
    for word in words {
        let mut macros = visit.macros.clone();
        let every = !named && word.contains_str("$u");
        let users = match every {
            true => visit.users.as_slice(),
            false => &visit.users[..visit.users.len().min(1)],
        };
        named |= every;
        for user in users {
            let bare = crate::envelope::list::unquote(user.strip_prefix(b"|").unwrap_or(user));
            macros.set(b"u", bare.strip_prefix(b"|").unwrap_or(&bare));
            argv.push(expand(word, &macros));
        }
    }
    argv
}

/// The line a program's message begins with. Flag `U`: as UUCP has it.
fn program_from_line(visit: &Visit<'_>) -> BString {
    let sender = visit.macros.text(b"g");
    match sender.split_once_str("!") {
        Some((host, user)) if visit.mailer.flags.has(b'U') && !visit.mailer.flags.has(b'n') => {
            let date = visit.macros.text(b"d");
            let parts: [&[u8]; 6] = [b"From ", user, b"  ", &date, b" remote from ", host];
            bstr::concat(parts).into()
        }
        _ => from_line(visit),
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

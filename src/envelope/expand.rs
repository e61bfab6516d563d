//! Expansion: from the recipients that were given to those that mail goes to.
//!
//! Aliases, `:include:` lists and `.forward` files are followed; plus details
//! and ruleset 5 (`localaddr`) are tried as the mailer's flags say. What comes
//! out is written back into the envelope, so that a message that must wait
//! keeps its expanded recipients, and every pending recipient has its mailer.
//!
//! Programs, files and lists are made here and nowhere else, always with the
//! user who answers for them. Files are read through [`ListFiles`], by a
//! process that is that user.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

use super::{ControllingUser, Envelope, Kind, Recipient, RecipientState, list};
use crate::base::{Reply, limits};
use crate::cf::Opt;
use crate::rewrite::MacroTable;
use crate::route::{MailerId, Resolution, Site, Target};
use crate::world::{BoxFuture, User};

/// A list or `.forward` file as its reader found it.
#[derive(Clone, Debug)]
pub struct ListFile {
    /// Which file it is.
    pub path: PathBuf,
    /// What it holds.
    pub text: Vec<u8>,
    /// Who owns it: user and group id.
    pub owner: (u32, u32),
    /// Whether its entries may name programs and files: its permissions are
    /// safe, and its owner has a valid shell.
    pub may_run: bool,
}

/// Why a list cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// It is not there, not readable or not safe: a permanent failure.
    #[error("Cannot open {path}: {reason}")]
    Refused {
        /// The file.
        path: String,
        /// Why, such as `Group writable file`.
        reason: String,
    },
    /// It cannot be read for now.
    #[error("{0}")]
    Temporary(String),
}

/// Reads lists on behalf of users.
pub trait ListFiles: Send + Sync {
    /// The first of `candidates` that exists, read as `user`; `None` when none
    /// does (or none is safe: that is noted in the log, and mail is delivered).
    fn forward<'a>(
        &'a self,
        user: &'a User,
        candidates: Vec<PathBuf>,
    ) -> BoxFuture<'a, Result<Option<ListFile>, ListError>>;

    /// The list `path`, read as `reader`, or as the default user.
    fn include<'a>(
        &'a self,
        path: &'a Path,
        reader: Option<&'a ControllingUser>,
    ) -> BoxFuture<'a, Result<ListFile, ListError>>;
}

/// A recipient that can be delivered now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Its place in the envelope's recipients.
    pub recipient: usize,
    /// Where it goes.
    pub target: Target,
    /// The owner of the list it came from: the sender of its copy, instead of
    /// the envelope's.
    pub owner: Option<BString>,
}

/// A recipient that cannot be delivered, now or at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its place in the envelope's recipients.
    pub recipient: usize,
    /// Why: 4xx waits, 5xx fails.
    pub reply: Reply,
    /// The line of a list it stood on, as `FILE: line N: `; else empty.
    pub place: String,
    /// The mailer that refused it, when there was one.
    pub mailer: Option<MailerId>,
}

/// What became of the recipients.
#[derive(Clone, Debug, Default)]
pub struct Expansion {
    /// To be delivered.
    pub ready: Vec<Ready>,
    /// Refused, for now or for good.
    pub refused: Vec<Refused>,
    /// Recipients that were replaced by others.
    pub expanded: Vec<usize>,
    /// Discarded by the rules (`$#discard`).
    pub discarded: Vec<usize>,
    /// What `sendmail -v` prints on the way: `staff... aliased to alice, bob`.
    pub notes: Vec<BString>,
    /// For [`Manner::Shown`]: notes and complaints in the order of events.
    pub told: Vec<Told>,
}

/// What is told of an expansion while it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A note, for whoever wants to see every step.
    Note(BString),
    /// Something is wrong with an address or a list.
    Fault(BString),
    /// A recipient cannot be had; why.
    Refused(BString, Reply),
}

/// How recipients are expanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// To be delivered to.
    #[default]
    Delivered,
    /// To be shown, as `-bv` does, in the reference's order: lists from their
    /// last entry, but line by line; what can be mended is mended.
    Shown {
        /// Aliases are followed (`-n` forbids it).
        aliases: bool,
    },
}

/// Expands every pending recipient of `envelope` and resolves what comes out.
pub async fn expand(
    site: &Site,
    files: &dyn ListFiles,
    envelope: &mut Envelope,
    macros: &mut MacroTable,
) -> Expansion {
    expand_in(site, files, envelope, macros, Manner::Delivered).await
}

/// The same in some manner.
pub async fn expand_in(
    site: &Site,
    files: &dyn ListFiles,
    envelope: &mut Envelope,
    macros: &mut MacroTable,
    manner: Manner,
) -> Expansion {
    let mut run = Run::new(site, files, envelope, macros);
    run.manner = manner;
    for index in 0..run.envelope.recipients.len() {
        if run.envelope.recipients[index].is_pending() {
            run.work.push(Work::start(index));
            run.drain().await;
            run.check_for_circle(index);
        }
    }
    run.out
}

/// What is said of aliases that lead to each other.
const CIRCLE: &str = "aliasing/forwarding loop broken";

/// One recipient still to be looked at.
struct Work {
    /// Its place in the envelope's recipients.
    recipient: usize,
    /// How many expansions led here.
    depth: usize,
    /// The line of a list it stood on.
    place: String,
    /// The owner of the list it came from.
    owner: Option<BString>,
    /// Where ruleset 5 sent it, if that has spoken, and how often it has.
    mapped: Option<Target>,
    mappings: usize,
    /// Whether the list it came from may name programs and files.
    may_run: bool,
}

impl Work {
    fn start(recipient: usize) -> Self {
        Self {
            recipient,
            depth: 0,
            place: String::new(),
            owner: None,
            mapped: None,
            mappings: 0,
            may_run: true,
        }
    }
}

/// The state of one expansion.
struct Run<'a> {
    site: &'a Site,
    files: &'a dyn ListFiles,
    envelope: &'a mut Envelope,
    macros: &'a mut MacroTable,
    work: Vec<Work>,
    /// For each recipient of the envelope, the one it was expanded from, and
    /// the local name that was looked up for it.
    parents: Vec<Option<usize>>,
    names: Vec<BString>,
    seen: HashSet<(Target, Option<u32>)>,
    depth_max: usize,
    manner: Manner,
    out: Expansion,
}

impl<'a> Run<'a> {
    fn new(
        site: &'a Site,
        files: &'a dyn ListFiles,
        envelope: &'a mut Envelope,
        macros: &'a mut MacroTable,
    ) -> Self {
        let count = envelope.recipients.len();
        let depth_max = site.config.options.number(Opt::MaxAliasRecursion);
        Self {
            site,
            files,
            envelope,
            macros,
            work: Vec::new(),
            parents: vec![None; count],
            names: vec![BString::default(); count],
            seen: HashSet::new(),
            depth_max: usize::try_from(depth_max)
                .unwrap_or_default()
                .min(limits::ALIAS_DEPTH_MAX),
            manner: Manner::default(),
            out: Expansion::default(),
        }
    }

    /// Where nobody is left of a recipient that was shown, it leads to itself.
    fn check_for_circle(&mut self, recipient: usize) {
        let nobody = self.out.ready.is_empty() && self.out.refused.is_empty();
        if self.manner != Manner::Delivered && nobody && self.out.expanded.contains(&recipient) {
            self.out.told.push(Told::Fault(CIRCLE.into()));
        }
    }

    /// Works until nothing is left; lists are followed depth first, in order.
    async fn drain(&mut self) {
        while let Some(work) = self.work.pop() {
            if work.depth > self.depth_max {
                let text = format!(
                    "aliasing/forwarding loop broken ({} aliases deep; {} max)",
                    work.depth, self.depth_max
                );
                self.refuse(&work, Reply::with(554, (5, 4, 6), text), None);
                continue;
            }
            match self.envelope.recipients[work.recipient].kind {
                Kind::Mailbox => self.mailbox(work).await,
                Kind::Include => self.include(work).await,
                Kind::Program | Kind::File => self.special(work),
            }
        }
    }

    async fn resolve(&mut self, work: &Work) -> Resolution {
        let address = self.envelope.recipients[work.recipient].address.clone();
        if self.manner == Manner::Delivered {
            return self.site.resolve(&address, self.macros).await;
        }
        let (faults, resolution) = self.site.resolve_shown(&address, self.macros).await;
        for fault in faults {
            let text = format!("{}{address}... {fault}", work.place);
            self.out.told.push(Told::Fault(text.into()));
        }
        resolution
    }

    async fn mailbox(&mut self, work: Work) {
        let target = match &work.mapped {
            Some(target) => target.clone(),
            None => match self.resolve(&work).await {
                Resolution::Mailer(target) => target,
                Resolution::Refused(reply) | Resolution::Later(reply) => {
                    return self.refuse(&work, reply, None);
                }
                Resolution::Discard => {
                    self.settle(&work);
                    self.out.discarded.push(work.recipient);
                    return;
                }
            },
        };
        let mailer = self.site.mailer(target.mailer);
        let bare = target.user.starts_with(b"\\");
        self.names[work.recipient] = target.user.clone();
        let is_own_alias = self.is_own_ancestor(work.recipient, &target.user);
        let aliases = self.manner != (Manner::Shown { aliases: false });
        if mailer.flags.has(b'A') && !bare && !is_own_alias && aliases {
            match self.site.alias(&target).await {
                Ok(Some(value)) => return self.alias(work, target, &value).await,
                Ok(None) => {}
                Err(reply) => return self.refuse(&work, reply, Some(target.mailer)),
            }
        }
        // Ruleset 5 may say more of what it has said itself.
        if mailer.flags.has(b'5') && !bare && work.mappings < limits::LOCALADDR_RUNS_MAX {
            match self.site.localaddr(&target, self.macros).await {
                Some(Resolution::Mailer(mapped)) if mapped != target => {
                    self.work.push(Work {
                        mapped: Some(mapped),
                        mappings: work.mappings + 1,
                        ..work
                    });
                    return;
                }
                Some(Resolution::Refused(reply) | Resolution::Later(reply)) => {
                    return self.refuse(&work, reply, Some(target.mailer));
                }
                _ => {}
            }
        }
        if mailer.flags.has(b'w') {
            self.local_user(work, target, bare).await;
        } else {
            self.ready(work, target);
        }
    }

    /// A recipient that must be a user of this machine.
    async fn local_user(&mut self, work: Work, target: Target, bare: bool) {
        let name = target.user.strip_prefix(b"\\").unwrap_or(&target.user);
        let user = match self.site.local_user(name) {
            Ok(Some(user)) => user,
            Ok(None) => return self.unknown_user(&work, &target),
            Err(error) => {
                let reply = Reply::with(451, (4, 3, 0), error.to_string());
                return self.refuse(&work, reply, Some(target.mailer));
            }
        };
        // Only an expanded recipient shows who answers for it; one that the
        // sender named answers for itself, which needs no saying.
        let recipient = &mut self.envelope.recipients[work.recipient];
        if let Some(controlling) = &mut recipient.controlling_user {
            controlling.name = user.name.clone();
            controlling.uid = user.uid;
            controlling.gid = user.gid;
        }
        if !bare && !self.is_own_ancestor(work.recipient, &target.user) {
            let candidates = self.site.forward_paths(&user, &target, self.macros);
            match self.files.forward(&user, candidates).await {
                Ok(Some(file)) => {
                    let controlling = ControllingUser {
                        name: user.name.clone(),
                        uid: user.uid,
                        gid: user.gid,
                        alias: self.envelope.recipients[work.recipient].address.clone(),
                    };
                    if self.list(&work, &file, &controlling, None) {
                        return;
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    let reply = Reply::with(451, (4, 3, 0), error.to_string());
                    return self.refuse(&work, reply, Some(target.mailer));
                }
            }
        }
        self.ready(work, target);
    }

    /// There is no such user. An alias that stands for itself means one; any
    /// other way back to an alias is a circle.
    fn unknown_user(&mut self, work: &Work, target: &Target) {
        let unknown = || Reply::with(550, (5, 1, 1), "User unknown");
        let parent = self.parents[work.recipient];
        let is_self =
            parent.is_some_and(|parent| self.names[parent].eq_ignore_ascii_case(&target.user));
        let is_circle = !is_self && self.is_own_ancestor(work.recipient, &target.user);
        match self.manner {
            Manner::Shown { .. } if is_circle => self.settle(work),
            Manner::Delivered if is_circle => {
                let reply = Reply::with(554, (5, 4, 6), CIRCLE);
                self.refuse(work, reply, Some(target.mailer));
            }
            _ => self.refuse(work, unknown(), Some(target.mailer)),
        }
        if let (Manner::Shown { .. }, true, Some(parent)) = (self.manner, is_self, parent) {
            let work = Work::start(parent);
            self.refuse(&work, unknown(), Some(target.mailer));
        }
    }

    /// Replaces a recipient by what its alias holds.
    async fn alias(&mut self, work: Work, target: Target, value: &[u8]) {
        let address = self.envelope.recipients[work.recipient].address.clone();
        self.note(&[&address, b"... aliased to ", value]);
        let owner = match self.site.list_owner(&target.user).await {
            Some(owner) => Some(owner),
            None => work.owner.clone(),
        };
        let (uid, gid) = self.site.default_user();
        let controlling = ControllingUser {
            name: target.user.clone(),
            uid,
            gid,
            alias: address,
        };
        let mut items: Vec<_> = list::split(value)
            .into_iter()
            .map(|item| (String::new(), item))
            .collect();
        if self.manner != Manner::Delivered {
            items.reverse();
        }
        self.replace(&work, items, &controlling, owner, true);
    }

    async fn include(&mut self, work: Work) {
        let recipient = &self.envelope.recipients[work.recipient];
        let bare = list::unquote(&recipient.address);
        let path = PathBuf::from(bstr_path(bare[b":include:".len()..].trim()));
        let address = &recipient.address;
        let mut ancestors =
            std::iter::successors(self.parents[work.recipient], |&parent| self.parents[parent]);
        if ancestors.any(|parent| self.envelope.recipients[parent].address == *address) {
            // A list that holds itself adds nothing.
            let address = address.clone();
            self.note(&[&address, b"... duplicate suppressed"]);
            return self.settle(&work);
        }
        if !path.is_absolute() {
            let text = format!("Cannot open {}: Permission denied", path.display());
            return self.refuse(&work, Reply::with(550, (5, 2, 4), text), None);
        }
        let reader = recipient.controlling_user.clone();
        match self.files.include(&path, reader.as_ref()).await {
            Ok(file) => {
                let controlling = ControllingUser {
                    name: recipient_name(&recipient.address),
                    uid: file.owner.0,
                    gid: file.owner.1,
                    alias: recipient.address.clone(),
                };
                let address = recipient.address.clone();
                self.note(&[
                    &address,
                    b"... including file ",
                    file.path.as_os_str().as_encoded_bytes(),
                ]);
                if !self.list(&work, &file, &controlling, work.owner.clone()) {
                    self.settle(&work);
                    self.out.expanded.push(work.recipient);
                }
            }
            Err(error) => {
                let reply = match &error {
                    ListError::Refused { .. } => Reply::with(550, (5, 2, 4), error.to_string()),
                    ListError::Temporary(_) => Reply::with(451, (4, 2, 4), error.to_string()),
                };
                self.refuse(&work, reply, None);
            }
        }
    }

    /// Replaces a recipient by the entries of a file; `false` when there are
    /// none, and nothing was replaced.
    fn list(
        &mut self,
        work: &Work,
        file: &ListFile,
        controlling: &ControllingUser,
        owner: Option<BString>,
    ) -> bool {
        let name = file.path.display().to_string();
        let mut items = Vec::new();
        for (number, line) in list::lines(&file.text) {
            let place = format!("{name}: line {number}: ");
            self.note(&[place.as_bytes(), b"sending to ", line]);
            let mut line = list::split(line);
            if self.manner != Manner::Delivered {
                line.reverse();
            }
            items.extend(line.into_iter().map(|item| (place.clone(), item)));
        }
        if items.is_empty() {
            return false;
        }
        self.replace(work, items, controlling, owner, file.may_run);
        true
    }

    /// Marks a recipient as expanded and puts others in its place.
    fn replace(
        &mut self,
        work: &Work,
        items: Vec<(String, list::Item)>,
        controlling: &ControllingUser,
        owner: Option<BString>,
        may_run: bool,
    ) {
        self.settle(work);
        self.out.expanded.push(work.recipient);
        let first = self.envelope.recipients.len();
        if first + items.len() > limits::EXPANDED_RECIPIENTS_MAX {
            let reply = Reply::with(554, (5, 3, 4), "too many recipients after expansion");
            return self.refuse(work, reply, None);
        }
        let mut next = Vec::with_capacity(items.len());
        for (offset, (place, item)) in items.into_iter().enumerate() {
            let parent = &self.envelope.recipients[work.recipient];
            let child = Recipient {
                address: item.text,
                bracketed: false,
                kind: item.kind,
                expanded_from: Some(parent.shown()),
                primary: false,
                aliased: true,
                controlling_user: Some(controlling.clone()),
                state: RecipientState::Queued { reason: None },
                ..parent.clone()
            };
            self.envelope.recipients.push(child);
            self.parents.push(Some(work.recipient));
            self.names.push(BString::default());
            next.push(Work {
                recipient: first + offset,
                depth: work.depth + 1,
                place,
                owner: owner.clone(),
                mapped: None,
                mappings: 0,
                may_run,
            });
        }
        self.work.extend(next.into_iter().rev());
    }

    /// A program or a file: goes to its built-in mailer, for its user.
    fn special(&mut self, work: Work) {
        let recipient = &self.envelope.recipients[work.recipient];
        let is_program = recipient.kind == Kind::Program;
        if recipient.controlling_user.is_none() || !work.may_run {
            let what = if is_program { "programs" } else { "files" };
            let text = format!("Address is unsafe for mailing to {what}");
            return self.refuse(&work, Reply::with(550, (5, 7, 1), text), None);
        }
        let name: &[u8] = if is_program { b"prog" } else { b"*file*" };
        let Some(mailer) = self.site.mailer_named(name) else {
            let reply = Reply::with(554, (5, 3, 5), "no mailer for programs or files is defined");
            return self.refuse(&work, reply, None);
        };
        let target = Target {
            mailer,
            host: BString::default(),
            user: recipient.address.clone(),
        };
        self.ready(work, target);
    }

    fn ready(&mut self, work: Work, target: Target) {
        let recipient = &self.envelope.recipients[work.recipient];
        if !self.envelope.had.is_empty() && self.envelope.had.contains(&recipient.shown()) {
            return self.settle(&work);
        }
        let uid = match recipient.kind {
            Kind::Mailbox => None,
            _ => recipient.controlling_user.as_ref().map(|user| user.uid),
        };
        if !self.seen.insert((target.clone(), uid)) {
            let address = recipient.address.clone();
            self.note(&[&address, b"... duplicate suppressed"]);
            return self.settle(&work);
        }
        self.out.ready.push(Ready {
            recipient: work.recipient,
            target,
            owner: work.owner,
        });
    }

    fn refuse(&mut self, work: &Work, reply: Reply, mailer: Option<MailerId>) {
        // A recipient that was marked as replaced is in trouble after all.
        self.envelope.recipients[work.recipient].state = RecipientState::Queued { reason: None };
        if self.manner != Manner::Delivered {
            let shown = self.envelope.recipients[work.recipient].shown();
            let words = bstr::join(" ", reply.lines());
            let told = match words.starts_with(CIRCLE.as_bytes()) {
                true => Told::Fault(words.into()),
                false => {
                    let whole = [work.place.as_bytes(), &shown, b"... ", &words].concat();
                    Told::Refused(whole.into(), reply.clone())
                }
            };
            self.out.told.push(told);
        }
        self.out.refused.push(Refused {
            recipient: work.recipient,
            reply,
            place: work.place.clone(),
            mailer,
        });
    }

    fn settle(&mut self, work: &Work) {
        self.envelope.recipients[work.recipient].state = RecipientState::Sent;
    }

    /// Whether `user` is one that this recipient was expanded from: then it
    /// means the user himself, as in `dl: dl, dl@elsewhere`.
    fn is_own_ancestor(&self, recipient: usize, user: &[u8]) -> bool {
        std::iter::successors(self.parents[recipient], |&p| self.parents[p])
            .any(|ancestor| self.names[ancestor].eq_ignore_ascii_case(user))
    }

    fn note(&mut self, parts: &[&[u8]]) {
        let note: BString = bstr::concat(parts).into();
        if self.manner != Manner::Delivered {
            self.out.told.push(Told::Note(note.clone()));
        }
        self.out.notes.push(note);
    }
}

/// What the log calls the one who answers for a list: the list.
fn recipient_name(address: &[u8]) -> BString {
    list::unquote(address)
}

fn bstr_path(bytes: &[u8]) -> &std::ffi::OsStr {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes)
}

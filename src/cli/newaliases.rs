//! `newaliases`, `sendmail -bi`: the alias databases, made anew from the
//! files that option AliasFile names.

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use bstr::{BString, ByteSlice};

use super::output::{complain, exit, fail, print};
use super::progress::Progress;
use super::sendmail;
use crate::base::{Diagnostic, Place, Reply, Sysexit};
use crate::cf::{ClassSource, Config, Opt};
use crate::daemon::{self, Source, site};
use crate::envelope::Kind as ItemKind;
use crate::envelope::list::{kind_of, split};
use crate::map::aliases::{
    AliasEvent, AliasName, AliasSpec, Links, MakeAliases, MakeError, Totals,
};
use crate::map::{
    BuildError, Builder, KLine, Kind, Owner, Sticky, check_file, errno_text, writable_directory,
};
use crate::os;
use crate::route::{Resolution, Site};
use crate::world::{LogLevel, SystemLog, Users};

/// Warnings that are shown.
const WARNINGS_MAX: usize = 50;

/// Runs it on the arguments after the program's name.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    sendmail::as_called(place, arguments, sendmail::Mode::Aliases)
}

/// Makes the databases of a configuration.
///
/// On a terminal, or with option CheckAliases and `verbose`, it also warns of
/// aliases that lead in a circle or nowhere.
pub(super) fn make(source: &Source, verbose: bool) -> ExitCode {
    let loaded = match daemon::load(source) {
        Ok(loaded) => loaded,
        Err(error) => {
            let (file, why) = (source.file.display(), errno_text(&error));
            let text = format!("{file}: line 0: cannot open: {why}");
            return fail(Sysexit::OsFile, text);
        }
    };
    if !may_run(&loaded.config, &source.place) {
        print("Permission denied (real uid not trusted)\n");
        return exit(Sysexit::Usage);
    }
    let users: Arc<dyn crate::world::Users> = Arc::new(os::SystemUsers::new());
    let log = Arc::new(os::MailLog::new(
        daemon::usual_log(&source.place),
        "sendmail",
    ));
    let shared = site::Shared {
        files: Arc::new(os::SystemFiles),
        users: Arc::clone(&users),
        resolver: site::resolver(&loaded.config.options, &source.place),
        log: Arc::clone(&log) as Arc<dyn SystemLog>,
    };
    let opened = site::open(loaded, &shared);
    for fault in &opened.faults {
        match fault.origin.file().starts_with('<') {
            // An option of the command line has no line to be named.
            true => complain(&fault.message),
            false => complain(fault.to_string()),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(Sysexit::OsErr, errno_text(&error)),
    };
    let mut work = Work {
        site: opened.site,
        runtime,
        log,
        private: source.place.root().is_some(),
        status: Cell::new(Sysexit::Ok),
        links: None,
    };
    if opened.faults.iter().any(Diagnostic::is_error) {
        work.status.set(Sysexit::Software);
    }
    let asked = verbose && work.site.config.options.flag(Opt::CheckAliases);
    if asked || io::stderr().is_terminal() {
        work.links = Some(RefCell::default());
    }
    work.all();
    work.warn(&*users);
    exit(work.status.get())
}

/// Whether whoever runs us may: root, TrustedUser, a member of class `t`; in
/// a private instance whoever can write there.
fn may_run(config: &Config, place: &Place) -> bool {
    let uid = nix::unistd::getuid();
    if uid.is_root() || place.root().is_some() {
        return true;
    }
    let Ok(Some(user)) = nix::unistd::User::from_uid(uid) else {
        return false;
    };
    let name = user.name.as_bytes();
    let trusted = config.options.text(Opt::TrustedUser);
    trusted == name
        || trusted == uid.as_raw().to_string().as_bytes()
        || config.classes.iter().any(|class| match &class.source {
            ClassSource::Words(words) => {
                class.name == "t" && words.fields().any(|word| word == name)
            }
            _ => false,
        })
}

/// What is at hand while databases are made.
struct Work {
    site: Site,
    runtime: tokio::runtime::Runtime,
    log: Arc<os::MailLog>,
    /// A private instance: nobody else's directories.
    private: bool,
    /// What the first fault says.
    status: Cell<Sysexit>,
    /// Which alias leads where, if that is to be looked at.
    links: Option<RefCell<Links>>,
}

impl Work {
    /// Makes every database that is made of a file.
    fn all(&self) {
        let values = self.site.config.options.all(Opt::AliasFile);
        for spec in values
            .iter()
            .flat_map(|value| AliasSpec::parse_list(&value.text))
        {
            let kind = match spec.class.as_slice() {
                b"implicit" => Kind::Hash,
                class => match Kind::from_name(class) {
                    Some(kind) => kind,
                    // Others have nothing that could be made.
                    None => continue,
                },
            };
            let line = KLine::parse(&spec.arguments);
            if !line.file.is_empty() {
                self.one(kind, &line);
            }
        }
    }

    /// Keeps the status of the first fault.
    fn fault(&self, status: Sysexit) {
        if self.status.get() == Sysexit::Ok {
            self.status.set(status);
        }
    }

    /// Makes one database.
    fn one(&self, kind: Kind, line: &KLine) {
        let source: PathBuf = line.file.to_path_lossy().into_owned();
        let file = match self.open_source(&source) {
            Ok(file) => file,
            Err(why) => {
                if !line.common.optional {
                    print(format!("newaliases: cannot open {}: {why}\n", line.file));
                }
                return;
            }
        };
        let path = kind.file(&source);
        let builder = match self.begin(kind, &path) {
            Ok(builder) => builder,
            Err(_) => {
                print(format!(
                    "WARNING: cannot open alias database {}\n",
                    line.file
                ));
                print(format!(
                    "Cannot create database for alias file {}\n",
                    line.file
                ));
                self.fault(Sysexit::Software);
                return;
            }
        };
        match self.fill(&line.file, file, builder) {
            Ok(totals) => {
                let user = nix::unistd::User::from_uid(nix::unistd::getuid())
                    .ok()
                    .flatten();
                let user = user.map_or_else(|| "somebody".to_owned(), |user| user.name);
                let rebuilt = format!("alias database {} rebuilt by {user}", line.file);
                self.log.log(LogLevel::Notice, rebuilt.as_bytes());
                let summary = format!("{}: {totals}", line.file);
                self.log.log(LogLevel::Info, summary.as_bytes());
                print(summary + "\n");
            }
            Err(error) => {
                print(format!(
                    "Cannot create database for alias file {}: {error}\n",
                    line.file
                ));
                self.fault(Sysexit::Software);
            }
        }
    }

    /// Opens a source file, unless others may write to it.
    fn open_source(&self, path: &Path) -> Result<File, String> {
        let file = File::open(path).map_err(|error| errno_text(&error))?;
        let metadata = file.metadata().map_err(|error| errno_text(&error))?;
        if !metadata.is_file() {
            return Err("Regular files only".to_owned());
        }
        match metadata.permissions().mode() {
            mode if mode & 0o020 != 0 && !self.allows(b"GroupWritableAliasFile") => {
                Err("Group writable file".to_owned())
            }
            mode if mode & 0o002 != 0 && !self.allows(b"WorldWritableAliasFile") => {
                Err("World writable file".to_owned())
            }
            _ => Ok(file),
        }
    }

    /// Whether option DontBlameSendmail has this word.
    fn allows(&self, word: &[u8]) -> bool {
        let words = self.site.config.options.words(Opt::DontBlameSendmail);
        self.private || words.iter().any(|given| given.eq_ignore_ascii_case(word))
    }

    /// Begins the database file.
    fn begin(&self, kind: Kind, path: &Path) -> Result<Builder, BuildError> {
        if !self.allows(b"MapInUnsafeDirPath")
            && let Some(found) = writable_directory(path, Sticky::IsFine)
            && found.system
        {
            let (why, path) = (found.writers.as_str(), found.path.display());
            print(format!("WARNING: {why} {path}\n"));
            return Err(BuildError::Unsafe(found.writers.as_str()));
        }
        let trusted = self.trusted_user();
        let mut owners = vec![nix::unistd::geteuid().as_raw()];
        owners.extend(trusted);
        check_file(path, &owners)?;
        let owner = trusted
            .filter(|_| nix::unistd::geteuid().is_root())
            .map(|uid| Owner { uid, gid: None });
        Builder::empty(kind, path, false, owner)
    }

    /// The user of option TrustedUser.
    fn trusted_user(&self) -> Option<u32> {
        let name = self.site.config.options.text(Opt::TrustedUser);
        let name = name.to_str().ok().filter(|name| !name.is_empty())?;
        match name.parse() {
            Ok(uid) => Some(uid),
            Err(_) => nix::unistd::User::from_name(name)
                .ok()
                .flatten()
                .map(|user| user.uid.as_raw()),
        }
    }

    /// Reads the source into the database.
    fn fill(
        &self,
        name: &BString,
        source: File,
        mut builder: Builder,
    ) -> Result<Totals, MakeError> {
        let mut progress = Progress::new("newaliases", "aliases");
        let mut check = |list: &[u8]| self.check(list);
        let checks = self.site.config.options.flag(Opt::CheckAliases);
        let mut make = MakeAliases {
            classify: &mut |text| {
                progress.step();
                self.classify(text)
            },
            check: if checks { Some(&mut check) } else { None },
            entry: &mut |key, list| self.link(key, list),
            report: &mut |number, event| {
                match &event {
                    AliasEvent::Refusal(_) => self.fault(Sysexit::Usage),
                    AliasEvent::Fault(_) => self.fault(Sysexit::Software),
                    _ => {}
                }
                let place = format!("{name}: line {number}: ");
                print([place.as_bytes(), &event.text(), b"\n"].concat());
            },
        };
        let totals = make.run(io::BufReader::new(source), &mut builder)?;
        builder.finish()?;
        Ok(totals)
    }

    /// Notes where an alias leads.
    fn link(&self, key: &[u8], list: &[u8]) {
        let Some(links) = &self.links else {
            return;
        };
        let items = split(list).into_iter();
        let local = items.filter(|item| {
            // Addresses elsewhere and quoted ones are not looked into; a
            // backslash ends aliasing.
            item.kind == ItemKind::Mailbox && item.text.find_byteset(b"@!%\\\"<>(:").is_none()
        });
        links.borrow_mut().add(key, local.map(|item| item.text));
    }

    /// Warns of aliases that lead in a circle, or to nobody.
    fn warn(&self, users: &dyn Users) {
        let Some(links) = &self.links else {
            return;
        };
        let links = links.borrow();
        let mut warnings = 0;
        let mut warn = |text: String| {
            warnings += 1;
            if warnings <= WARNINGS_MAX {
                complain(text);
            }
        };
        for circle in links.circles() {
            let way = bstr::join(" -> ", circle.iter().chain(circle.first()));
            warn(format!("WARNING: alias loop: {}", way.as_bstr()));
        }
        for (name, target) in links.loose() {
            let user = target
                .split_once_str("+")
                .map_or(&target[..], |(user, _)| user);
            if matches!(users.user(user), Ok(None)) {
                warn(format!(
                    "WARNING: alias {name}: {target} is neither a user nor an alias"
                ));
            }
        }
        if warnings > WARNINGS_MAX {
            complain(format!("WARNING: and {} more", warnings - WARNINGS_MAX));
        }
    }

    /// What a name is to the rules.
    fn classify(&self, name: &[u8]) -> AliasName {
        const NOT_LOCAL: &str = "cannot alias non-local names";
        // An address in brackets is what counts, and no program or file.
        let bracketed = name.contains(&b'<') && name.contains(&b'>');
        if !bracketed && kind_of(name) != ItemKind::Mailbox {
            self.fault(Sysexit::Software);
            return AliasName::Refused {
                complaints: vec![NOT_LOCAL.to_owned()],
            };
        }
        match self.resolve(name) {
            Resolution::Mailer(target) if self.site.mailer(target.mailer).flags.has(b'A') => {
                AliasName::Local {
                    key: bstr::concat([target.user.as_slice(), &target.host]).into(),
                    complaint: None,
                }
            }
            Resolution::Refused(reply) | Resolution::Later(reply) => {
                let text = text_of(&reply);
                if text.starts_with("Unbalanced") {
                    // sendmail: it says so, and takes what stands before.
                    let end = name.find_byteset(b"<>()\"").unwrap_or(name.len());
                    return AliasName::Local {
                        key: name[..end].trim_ascii().into(),
                        complaint: Some(text),
                    };
                }
                self.fault(status_of(&reply));
                AliasName::Refused {
                    complaints: vec![text, NOT_LOCAL.to_owned()],
                }
            }
            Resolution::Mailer(_) | Resolution::Discard => {
                self.fault(Sysexit::Software);
                AliasName::Refused {
                    complaints: vec![NOT_LOCAL.to_owned()],
                }
            }
        }
    }

    /// Where the rules send an address.
    fn resolve(&self, address: &[u8]) -> Resolution {
        let mut macros = self.site.layer();
        self.runtime
            .block_on(self.site.resolve(address, &mut macros))
    }

    /// Which addresses of a list are wrong (option CheckAliases).
    fn check(&self, list: &[u8]) -> Vec<(BString, String)> {
        let items = split(list).into_iter();
        let mailboxes = items.filter(|item| item.kind == ItemKind::Mailbox);
        mailboxes
            .filter_map(|item| match self.resolve(&item.text) {
                Resolution::Refused(reply) => {
                    self.fault(status_of(&reply));
                    Some((item.text, text_of(&reply)))
                }
                _ => None,
            })
            .collect()
    }
}

/// The exit status of a name that the rules refuse.
fn status_of(reply: &Reply) -> Sysexit {
    let code = reply.enhanced().map(|code| (code.subject(), code.detail()));
    match code {
        Some((1, 1)) => Sysexit::NoUser,
        Some((1, 2)) => Sysexit::NoHost,
        _ => Sysexit::Usage,
    }
}

/// The text of a reply, without its codes.
fn text_of(reply: &Reply) -> String {
    reply
        .lines()
        .first()
        .map(|line| line.to_string())
        .unwrap_or_default()
}

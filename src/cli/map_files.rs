//! What the tools that make and show databases have in common: the
//! configuration they look into, and the checks of files.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bstr::{BString, ByteSlice};

use super::output::{complain, fail};
use crate::base::{Place, Sysexit};
use crate::cf::{self, Config, Opt, Origins};
use crate::map::{BuildError, Kind, Owner, Sticky, check_file, errno_text, writable_directory};

/// The largest configuration that is read.
const CONFIG_BYTES_MAX: u64 = 64 << 20;

/// What a tool takes from the configuration.
pub(super) struct Site {
    pub(super) config: Config,
    /// Directories that others may write to are warned of.
    warns: bool,
    /// Who may own the directory of a new file, beside root.
    trusted: Vec<u32>,
    /// Who owns a new file.
    owner: Option<Owner>,
}

impl Site {
    /// Reads the configuration that `-C` names, or the usual one; `program`
    /// says so when it is not there.
    pub(super) fn read(
        program: &str,
        place: &Place,
        file: Option<&BString>,
    ) -> Result<Self, ExitCode> {
        let named = file.is_some();
        let file = match file {
            Some(file) => file.to_path_lossy().into_owned(),
            None => place.sendmail_cf(),
        };
        let bytes = match read_file(&file) {
            Ok(bytes) => bytes,
            // departs: the reference refuses to build a map before there is a
            // configuration; nothing in one is needed for it.
            Err(error) if !named && error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let text = format!("{program}: {}: {}", file.display(), errno_text(&error));
                return Err(fail(Sysexit::NoInput, text));
            }
        };
        let origin = crate::base::Origin::file_only(&*file.to_string_lossy());
        // What is wrong with it is not this tool's business.
        let (config, _) = cf::read(&bytes, Origins::File(&origin));
        let mut site = Self {
            warns: !blames_not(&config, b"MapInUnsafeDirPath"),
            config,
            trusted: vec![nix::unistd::geteuid().as_raw()],
            owner: None,
        };
        site.take_trusted_user();
        Ok(site)
    }

    /// Option TrustedUser: who may own map files.
    fn take_trusted_user(&mut self) {
        let name = self.config.options.text(Opt::TrustedUser);
        if name.is_empty() {
            return;
        }
        let text = name.to_str_lossy();
        let uid = match text.parse() {
            Ok(uid) => Some(uid),
            Err(_) => nix::unistd::User::from_name(&text)
                .ok()
                .flatten()
                .map(|user| user.uid.as_raw()),
        };
        let Some(uid) = uid else {
            complain(format!("TrustedUser: unknown user {text}"));
            return;
        };
        self.trusted.push(uid);
        if nix::unistd::geteuid().is_root() {
            self.owner = Some(Owner { uid, gid: None });
        }
    }

    /// Who owns a new file.
    pub(super) fn owner(&self) -> Option<Owner> {
        self.owner
    }

    /// Looks at a map file and the way to it, before it is opened.
    pub(super) fn check(&self, path: &Path) -> Result<(), BuildError> {
        if self.warns
            && let Some(found) = writable_directory(path, Sticky::Counts)
        {
            let text = format!(
                "WARNING: {} {}",
                found.writers.as_str(),
                found.path.display()
            );
            // The reference looks before it opens, and as it opens.
            complain(&text);
            complain(&text);
        }
        check_file(path, &self.trusted)
    }
}

/// Whether option DontBlameSendmail has this word.
fn blames_not(config: &Config, word: &[u8]) -> bool {
    let words = config.options.words(Opt::DontBlameSendmail);
    words.iter().any(|given| given.eq_ignore_ascii_case(word))
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(CONFIG_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The types of database, one a line.
pub(super) fn types() -> String {
    let names = Kind::ALL.map(|kind| format!("{}\n", kind.name()));
    names.concat() + "implicit\n"
}

/// The same, each with how the names of its files end.
pub(super) fn extensions() -> String {
    let line = |kind: Kind| format!("{}:{}\n", kind.name(), &kind.extension()[1..]);
    Kind::ALL.map(line).concat() + "implicit:\n"
}

/// A type of database as a command line names it, and the map's file.
pub(super) fn database(
    program: &str,
    kind: &BString,
    map: &BString,
) -> Result<(Kind, PathBuf), ExitCode> {
    let known = match kind.as_slice() {
        b"implicit" => Some(Kind::Hash),
        name => Kind::from_name(name),
    };
    let Some(kind) = known else {
        let text = match kind.as_slice() {
            b"dbm" => format!("{program}: Need to recompile with -DNDBM for dbm support"),
            _ => format!("{program}: error opening type {kind} map {map}: Unknown database type"),
        };
        return Err(fail(Sysexit::CantCreat, text));
    };
    Ok((kind, kind.file(&map.to_path_lossy())))
}

/// Says why a map cannot be opened.
pub(super) fn cannot_open(
    program: &str,
    kind: &BString,
    map: &BString,
    error: &BuildError,
) -> ExitCode {
    fail(
        Sysexit::CantCreat,
        format!("{program}: error opening type {kind} map {map}: {error}"),
    )
}

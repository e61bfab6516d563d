//! Where a table is: the configuration says so; without a word in it, the
//! usual place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bstr::{BString, ByteSlice};

use crate::admin::table::{Form, Kind, Locked, TableText, lock};
use crate::base::{Place, Sysexit};
use crate::cf::{ClassSource, Config, Opt};
use crate::cli::desk::{self, Failure};
use crate::daemon::Loaded;
use crate::map::aliases::AliasSpec;
use crate::map::{self, KLine};

/// How long another change is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest text that is edited.
const TEXT_BYTES_MAX: u64 = 256 << 20;

/// How the server gets at a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Use {
    /// By a database made of the text.
    Database {
        kind: map::Kind,
        keep_case: bool,
        nul: bool,
    },
    /// By the alias database, which newaliases makes.
    Aliases,
    /// It reads the text whenever that changes.
    Text,
    /// It reads the text with its configuration.
    Class,
}

/// A table of this site.
pub(in crate::cli) struct Table<'p> {
    pub(super) place: &'p Place,
    pub(super) kind: Kind,
    pub(in crate::cli) source: PathBuf,
    pub(in crate::cli) used: Use,
    pub(super) config_file: PathBuf,
    pub(super) loaded: Loaded,
}

impl<'p> Table<'p> {
    /// Finds the table that a command is about.
    pub(in crate::cli) fn find(
        place: &'p Place,
        kind: Kind,
        name: &str,
        config_file: &Path,
        file: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let loaded = desk::load(place, config_file).map_err(|error| {
            let text = format!("{}: {}", config_file.display(), map::errno_text(&error));
            (Sysexit::NoInput, text)
        })?;
        let config = &loaded.config;
        let found = match kind {
            Kind::Alias => aliases(config),
            Kind::LocalHost => class(config, b"w"),
            Kind::Relay => class(config, b"R"),
            _ => database(config, kind)?,
        };
        let (source, used) = match (found, file) {
            (Some((_, used)), Some(file)) => (file, used),
            (Some(found), None) => found,
            (None, file) => {
                let usual = place.path(usual(kind));
                let used = unused(kind);
                let file = file.unwrap_or(usual);
                if !file.is_file() {
                    return Err((
                        Sysexit::NoInput,
                        format!(
                            "{} uses no such table; {} in the .mc brings it",
                            config_file.display(),
                            feature(kind)
                        ),
                    ));
                }
                crate::cli::output::complain(format!(
                    "godwit {name}: {} does not use {}; {} in the .mc brings it",
                    config_file.display(),
                    file.display(),
                    feature(kind)
                ));
                (file, used)
            }
        };
        Ok(Self {
            place,
            kind,
            source,
            used,
            config_file: config_file.to_owned(),
            loaded,
        })
    }

    /// Waits until nobody else changes the table.
    pub(super) fn lock(&self) -> Result<Locked, Failure> {
        lock(&self.source, PATIENCE).map_err(|error| match error.kind() {
            std::io::ErrorKind::TimedOut => (
                Sysexit::TempFail,
                format!("somebody else is changing {}", self.source.display()),
            ),
            std::io::ErrorKind::PermissionDenied => (
                Sysexit::NoPerm,
                format!("you may not change {}", self.source.display()),
            ),
            _ => (
                Sysexit::CantCreat,
                format!("{}: {}", self.source.display(), map::errno_text(&error)),
            ),
        })
    }

    /// The text as it is.
    pub(super) fn read(&self) -> Result<TableText, Failure> {
        use std::io::Read;
        let mut text = Vec::new();
        std::fs::File::open(&self.source)
            .and_then(|file| file.take(TEXT_BYTES_MAX).read_to_end(&mut text))
            .map_err(|error| {
                let text = format!("{}: {}", self.source.display(), map::errno_text(&error));
                (Sysexit::NoInput, text)
            })?;
        Ok(TableText::new(self.kind.form(), text))
    }

    /// The text, empty when there is none yet.
    pub(in crate::cli) fn read_or_new(&self) -> Result<TableText, Failure> {
        if self.source.exists() {
            self.read()
        } else {
            Ok(TableText::new(self.kind.form(), ""))
        }
    }

    /// The alias files: this one as it is about to be, the others as they are.
    pub(super) fn aliases(&self, text: &TableText) -> Vec<TableText> {
        if self.kind == Kind::Alias {
            return vec![text.clone()];
        }
        let source = aliases(&self.loaded.config).map(|(source, _)| source);
        let read = source.and_then(|source| std::fs::read(source).ok());
        read.map(|text| TableText::new(Form::Aliases, text))
            .into_iter()
            .collect()
    }
}

/// The first alias file.
fn aliases(config: &Config) -> Option<(PathBuf, Use)> {
    let values = config.options.all(Opt::AliasFile).iter();
    values
        .flat_map(|value| AliasSpec::parse_list(&value.text))
        .find(|spec| spec.class == "implicit" || map::Kind::from_name(&spec.class).is_some())
        .map(|spec| {
            let file = KLine::parse(&spec.arguments).file;
            (file.to_path_lossy().into_owned(), Use::Aliases)
        })
}

/// The file of a class.
fn class(config: &Config, name: &[u8]) -> Option<(PathBuf, Use)> {
    config.classes.iter().find_map(|class| match &class.source {
        ClassSource::File { path, .. } if class.name == name => {
            Some((path.to_path_lossy().into_owned(), Use::Class))
        }
        _ => None,
    })
}

/// The map that the rules ask for a table.
fn database(config: &Config, kind: Kind) -> Result<Option<(PathBuf, Use)>, Failure> {
    let name: &[u8] = match kind {
        Kind::Access => b"access",
        Kind::Virtuser => b"virtuser",
        Kind::Generics => b"generics",
        Kind::Mailer => b"mailertable",
        _ => b"domaintable",
    };
    let Some(map) = config.map(name) else {
        return Ok(None);
    };
    let line = KLine::parse(&map.args);
    let path = |file: &BString| file.to_path_lossy().into_owned();
    if map.class == "text" {
        return Ok(Some((path(&line.file), Use::Text)));
    }
    let Some(class) = map::Kind::from_name(&map.class) else {
        return Err((
            Sysexit::Unavailable,
            format!(
                "the configuration keeps this table elsewhere: {} {}",
                map.class, map.args
            ),
        ));
    };
    let ending = class.extension().as_bytes();
    let file = BString::from(line.file.strip_suffix(ending).unwrap_or(&line.file));
    let used = Use::Database {
        kind: class,
        keep_case: line.common.keep_case,
        nul: line.nul == map::Nul::With,
    };
    Ok(Some((path(&file), used)))
}

/// Where the table usually is.
fn usual(kind: Kind) -> &'static str {
    match kind {
        Kind::Access => "/etc/mail/access",
        Kind::Alias => "/etc/mail/aliases",
        Kind::Virtuser => "/etc/mail/virtusertable",
        Kind::Generics => "/etc/mail/genericstable",
        Kind::Mailer => "/etc/mail/mailertable",
        Kind::Domain => "/etc/mail/domaintable",
        Kind::LocalHost => "/etc/mail/local-host-names",
        Kind::Relay => "/etc/mail/relay-domains",
    }
}

/// What brings the table into the configuration.
fn feature(kind: Kind) -> &'static str {
    match kind {
        Kind::Access => "FEATURE(`access_db')",
        Kind::Alias => "define(`ALIAS_FILE', `/etc/mail/aliases')",
        Kind::Virtuser => "FEATURE(`virtusertable')",
        Kind::Generics => "FEATURE(`genericstable')",
        Kind::Mailer => "FEATURE(`mailertable')",
        Kind::Domain => "FEATURE(`domaintable')",
        Kind::LocalHost => "FEATURE(`use_cw_file')",
        Kind::Relay => "RELAY_DOMAIN_FILE(`/etc/mail/relay-domains')",
    }
}

/// How a table would be used that the configuration does not name.
fn unused(kind: Kind) -> Use {
    match kind {
        Kind::Alias => Use::Aliases,
        Kind::LocalHost | Kind::Relay => Use::Class,
        _ => Use::Database {
            kind: map::Kind::Hash,
            keep_case: false,
            nul: false,
        },
    }
}

//! A site opened to be asked, not to serve: its rules, maps, users and lists,
//! as whoever types the command may read them.

use std::cell::OnceCell;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use bstr::{BString, ByteSlice};

use crate::admin::table::{Known, TableText};
use crate::base::{Place, Sysexit};
use crate::cli::desk::Failure;
use crate::daemon::{Loaded, site};
use crate::os;
use crate::route::Site;
use crate::world::{LogLevel, Resolver, SystemLog, Users};

/// The longest list that is read, in bytes.
const LIST_BYTES_MAX: u64 = 16 << 20;

/// A site, and what it takes to ask it.
pub(in crate::cli) struct OpenSite {
    pub(in crate::cli) site: Site,
    pub(in crate::cli) resolver: Arc<dyn Resolver>,
    pub(in crate::cli) runtime: tokio::runtime::Runtime,
}

/// What maps complain of is not written to the log of a server that is not
/// running here.
struct NoLog;

impl SystemLog for NoLog {
    fn log(&self, _level: LogLevel, _text: &[u8]) {}
}

impl OpenSite {
    /// Makes a configuration ready.
    pub(in crate::cli) fn new(loaded: Loaded, place: &Place) -> Result<Self, Failure> {
        let resolver = site::resolver(&loaded.config.options, place);
        Self::with(loaded, resolver)
    }

    /// The same with another name service.
    pub(in crate::cli) fn with(
        loaded: Loaded,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| (Sysexit::OsErr, error.to_string()))?;
        let users: Arc<dyn Users> = Arc::new(os::SystemUsers::new());
        let shared = site::Shared {
            users,
            resolver: Arc::clone(&resolver),
            log: Arc::new(NoLog),
            files: Arc::new(os::SystemFiles),
        };
        // Resolvers start their work within a runtime.
        let opened = {
            let _inside = runtime.enter();
            site::open(loaded, &shared)
        };
        Ok(Self {
            site: opened.site,
            resolver,
            runtime,
        })
    }

    /// Whether mail for a domain ends here: classes `w` and `VirtHost`.
    pub(in crate::cli) fn is_local_domain(&self, domain: &[u8]) -> bool {
        [b"w".as_slice(), b"VirtHost"].iter().any(|class| {
            let class = self.site.program.class(class);
            class.is_some_and(|class| class.contains(domain))
        })
    }
}

/// A list or `.forward` file, and the id of its owner.
pub(in crate::cli) fn read_list(path: &Path) -> std::io::Result<(Vec<u8>, u32)> {
    // A pipe in the place of a file is not waited for.
    let file = File::options()
        .read(true)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(std::io::Error::other("Regular files only"));
    }
    let mut text = Vec::new();
    file.take(LIST_BYTES_MAX).read_to_end(&mut text)?;
    Ok((text, facts.uid()))
}

/// What checks of tables ask, looked up only when they ask it.
pub(in crate::cli) struct SiteKnown<'a> {
    loaded: &'a Loaded,
    place: &'a Place,
    users: os::SystemUsers,
    open: OnceCell<Option<OpenSite>>,
    /// The alias files as they are, or are about to be.
    aliases: &'a [TableText],
}

impl<'a> SiteKnown<'a> {
    /// For this configuration and these alias files.
    pub(in crate::cli) fn new(
        loaded: &'a Loaded,
        place: &'a Place,
        aliases: &'a [TableText],
    ) -> Self {
        Self {
            loaded,
            place,
            users: os::SystemUsers::new(),
            open: OnceCell::new(),
            aliases,
        }
    }

    fn open(&self) -> Option<&OpenSite> {
        let open = || OpenSite::new(self.loaded.clone(), self.place).ok();
        self.open.get_or_init(open).as_ref()
    }
}

impl Known for SiteKnown<'_> {
    fn user(&self, name: &[u8]) -> bool {
        matches!(self.users.user(name), Ok(Some(_)))
    }

    fn alias(&self, name: &[u8]) -> Option<BString> {
        let found = self.aliases.iter().find_map(|text| text.get(name))?;
        Some(found.value.into())
    }

    fn is_local_domain(&self, domain: &[u8]) -> bool {
        self.open().is_some_and(|open| open.is_local_domain(domain))
    }

    fn mailers(&self) -> Vec<String> {
        let mailers = self.loaded.config.mailers.iter();
        mailers
            .map(|mailer| mailer.name.to_str_lossy().into_owned())
            .filter(|name| !name.starts_with('*') && name != "prog")
            .collect()
    }
}

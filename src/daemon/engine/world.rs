//! What the engine keeps of the world, and how it reads a configuration in it.

use std::sync::Arc;

use super::Snapshot;
use super::files::ParentFiles;
use crate::base::{Diagnostic, Severity, Sysexit};
use crate::cf::Config;
use crate::check;
use crate::daemon::configuration::{Loaded, load};
use crate::daemon::frame::Start;
use crate::daemon::log::DaemonLog;
use crate::daemon::logins::{Desk, DeskKeys};
use crate::daemon::run_as::run_as;
use crate::daemon::security::{self, ClientTls};
use crate::daemon::site::{self, Opened, Shared};
use crate::os::{SystemHttps, SystemUsers, is_root};
use crate::world::{Dial, Files, Users};

/// What the checks of a configuration warn of, a line each.
fn remarks(config: &Config) -> String {
    let features = check::Features::default();
    let faults = check::configuration(config, check::Own::Unknown, &features, "");
    check::merged(faults)
        .iter()
        .filter(|fault| fault.severity == Severity::Warning)
        .map(|fault| format!("{fault} ({})\n", fault.severity))
        .collect()
}

/// What the engine keeps of the world over all its configurations.
pub(super) struct World {
    pub(super) users: Arc<SystemUsers>,
    files: Arc<ParentFiles>,
    pub(super) log: Arc<DaemonLog>,
    /// The line to the process of logins.
    pub(super) desk: Arc<Desk>,
    /// Our side of TLS towards servers, as the configuration has it.
    pub(super) tls: Arc<ClientTls>,
}

impl World {
    pub(super) fn new(start: &Start, files: ParentFiles, desk: Arc<Desk>) -> Self {
        Self {
            desk,
            users: Arc::new(SystemUsers::new()),
            files: Arc::new(files),
            tls: Arc::default(),
            log: Arc::new(DaemonLog::new(start.log.clone(), &start.tag)),
        }
    }

    /// Reads the configuration and becomes the engine's user, in this order
    /// that the options can name it; from then on this process has no
    /// privileges. The rest of the site is read without any, so that a reload
    /// finds what the start found.
    pub(super) fn prepare(&self, start: &Start) -> Result<Snapshot, (Sysexit, String)> {
        let loaded = load(&start.source).map_err(|error| {
            let text = format!("{}: {error}", start.source.file.display());
            (Sysexit::OsFile, text)
        })?;
        if is_root() {
            let identity = run_as(&loaded.config.options, &*self.users)
                .map_err(|text| (Sysexit::Config, text))?;
            identity.become_for_good(true, &[]).map_err(|error| {
                (
                    Sysexit::NoPerm,
                    format!("become {}: {error}", identity.name),
                )
            })?;
        }
        let (site, report) = self.make_ready(start, loaded);
        site.ok_or((Sysexit::Config, report))
    }

    /// Reads a configuration and makes it ready. Without a site when it
    /// cannot be used; the report says why, or what is suspicious.
    pub(super) fn open_site(&self, start: &Start) -> (Option<Snapshot>, String) {
        self.desk.reload();
        match load(&start.source) {
            Ok(loaded) => {
                let remarks = remarks(&loaded.config);
                let (site, report) = self.make_ready(start, loaded);
                let good = site.is_some();
                (site, if good { report + &remarks } else { report })
            }
            Err(error) => (None, format!("{}: {error}\n", start.source.file.display())),
        }
    }

    /// The site's files.
    pub(super) fn files(&self) -> Arc<dyn Files> {
        Arc::clone(&self.files) as _
    }

    /// Web servers, with the authorities of a configuration.
    pub(super) fn https(&self, snapshot: &Snapshot, dial: &Arc<dyn Dial>) -> SystemHttps {
        let options = &snapshot.site.config.options;
        SystemHttps::new(
            &security::client_settings(options),
            (Arc::clone(&snapshot.resolver), Arc::clone(dial)),
            Arc::clone(&self.files) as _,
            Arc::clone(&self.log) as _,
        )
    }

    fn make_ready(&self, start: &Start, loaded: Loaded) -> (Option<Snapshot>, String) {
        let resolver = site::resolver(&loaded.config.options, &start.source.place);
        let shared = Shared {
            users: Arc::clone(&self.users) as Arc<dyn Users>,
            resolver: Arc::clone(&resolver),
            log: Arc::clone(&self.log) as _,
            files: Arc::clone(&self.files) as _,
        };
        let Opened { site, faults } = site::open(loaded, &shared);
        let report: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
        if faults.iter().any(Diagnostic::is_error) {
            return (None, report);
        }
        self.log.follow(&site.config.options);
        let site = Arc::new(site);
        let means = security::Means {
            files: Arc::clone(&self.files) as Arc<dyn Files>,
            keys: Arc::new(DeskKeys(Arc::clone(&self.desk))),
            log: Arc::clone(&self.log) as _,
            place: start.source.place.clone(),
        };
        let security = security::of(&site.config.options, self.desk.offer(), &means);
        self.tls.follow(&site.config.options, &means);
        let snapshot = Snapshot {
            site,
            resolver,
            security,
        };
        (Some(snapshot), report)
    }
}

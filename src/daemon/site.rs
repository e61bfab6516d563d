//! A configuration made ready in the real world: for the engine, and for the
//! modes of the command line that work alone.

use std::sync::Arc;

use bstr::ByteSlice;

use super::configuration::Loaded;
use crate::base::{Diagnostic, Place};
use crate::cf::{Opt, Options};
use crate::map::MapWorld;
use crate::os;
use crate::route::{Site, SiteWorld, load};
use crate::world::{Files, HostIdentity, Resolver, SystemLog, Users};

/// What stands for `$v`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The parts of the world that a site shares with the rest of its process.
#[derive(Clone)]
pub struct Shared {
    /// Users and groups.
    pub users: Arc<dyn Users>,
    /// Names and addresses.
    pub resolver: Arc<dyn Resolver>,
    /// The log.
    pub log: Arc<dyn SystemLog>,
    /// The site's files.
    pub files: Arc<dyn Files>,
}

/// A site that is ready, with what is wrong with it.
pub struct Opened {
    /// The site.
    pub site: Site,
    /// Every fault, that of reading the configuration included.
    pub faults: Vec<Diagnostic>,
}

/// The resolver that a configuration asks for.
pub fn resolver(options: &Options, place: &Place) -> Arc<dyn Resolver> {
    let mut settings = os::ResolverSettings::default();
    let hosts = options.text(Opt::HostsFile);
    if !hosts.is_empty() {
        settings.hosts = hosts.to_path_lossy().into_owned();
    }
    // A private site may have name servers of its own.
    let own = place.path("/etc/resolv.conf");
    if place.root().is_some() && own.exists() {
        settings.resolv_conf = own;
    }
    settings.switch = vec![
        place.path("/etc/mail/service.switch"),
        "/etc/nsswitch.conf".into(),
    ];
    settings.timeout = options.interval_or_unset(Opt::TimeoutResolverRetrans);
    settings.attempts = options
        .number_or_unset(Opt::TimeoutResolverRetry)
        .and_then(|number| usize::try_from(number).ok());
    Arc::new(os::SystemResolver::new(settings))
}

/// Who this host is, as far as the configuration wants to know.
pub fn identity(options: &Options) -> HostIdentity {
    let probe = options.choice(Opt::DontProbeInterfaces) != "true";
    os::identity("/etc/hosts".as_ref(), probe)
}

/// Makes a configuration ready: classes read, rules compiled, maps open.
pub fn open(loaded: Loaded, shared: &Shared) -> Opened {
    let Loaded { config, mut faults } = loaded;
    let host = identity(&config.options);
    let initial = load::initial_macros(&host, VERSION, std::process::id());
    let initial = Arc::new(initial);
    let (classes, class_faults) = load::classes(&config, &initial, &host, &*shared.files);
    faults.extend(class_faults);
    let world = SiteWorld {
        maps: map_world(shared),
        users: Arc::clone(&shared.users),
        aliases: None,
        macros: initial,
        classes,
    };
    let (site, site_faults) = Site::open(config, world);
    faults.extend(site_faults);
    Opened { site, faults }
}

/// The world as maps see it.
pub fn map_world(shared: &Shared) -> MapWorld {
    MapWorld {
        clock: Arc::new(os::SystemClock),
        files: Arc::clone(&shared.files),
        resolver: Arc::clone(&shared.resolver),
        users: Arc::clone(&shared.users),
        programs: Arc::new(os::SystemPrograms),
        dial: Arc::new(os::SystemDial::new(Arc::clone(&shared.resolver))),
        log: Arc::clone(&shared.log),
        entropy: Arc::new(os::Chance),
    }
}

//! One listener's view of the configuration, made anew when that changes.

use std::sync::{Arc, Mutex, PoisonError};

use bstr::BString;

use super::admission::load;
use super::{Engine, intake};
use crate::base::maillog::Priority;
use crate::cf::{Opt, Options};
use crate::daemon::ports::{Family, Port};
use crate::os::time_zone;
use crate::receive::{Daemon, Service, ServiceParts};
use crate::route::Site;

/// The service of one listener.
pub(super) struct Services {
    daemon: Daemon,
    /// `delayLA` and `queueLA` of the listener itself.
    loads: (Option<u32>, Option<u32>),
    /// `InputMailFilters` of the listener itself.
    filters: Option<Vec<BString>>,
    made: Mutex<Option<(Arc<Site>, Arc<Service>)>>,
}

impl Services {
    /// For the listener that `port` describes.
    pub(super) fn new(port: &Port) -> Self {
        let family = match port.family {
            Family::Inet => "inet",
            Family::Inet6 => "inet6",
            Family::Local => "local",
        };
        Self {
            daemon: Daemon {
                name: port.name.clone(),
                modifiers: port.modifiers.clone(),
                address: port.address.clone(),
                family: family.into(),
                port: BString::from(port.port.as_slice()),
                delivery_mode: port.delivery_mode,
                ..Daemon::default()
            },
            loads: (port.delay_load, port.queue_load),
            filters: port.filters.clone(),
            made: Mutex::new(None),
        }
    }

    /// The listener, with what the options say where it says nothing.
    fn daemon(&self, options: &Options) -> Daemon {
        let (delay, queue) = self.loads;
        Daemon {
            delay_load: delay.unwrap_or_else(|| load(options, Opt::DelayLa, 0)),
            queue_load: queue.unwrap_or_else(|| load(options, Opt::QueueLa, 8)),
            ..self.daemon.clone()
        }
    }

    /// The service under the configuration of this moment.
    pub(super) fn now(&self, engine: &Arc<Engine>) -> Arc<Service> {
        let snapshot = engine.snapshot();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((site, service)) = &*made
            && Arc::ptr_eq(site, &snapshot.site)
        {
            return Arc::clone(service);
        }
        self.warn(engine, &snapshot.site.config.options);
        let service = Service::new(ServiceParts {
            site: Arc::clone(&snapshot.site),
            spool: Arc::new(engine.queue.clone()),
            clock: Arc::clone(&engine.clock),
            resolver: Arc::clone(&snapshot.resolver),
            local_host: Arc::clone(&engine.local_host),
            log: Arc::clone(&engine.world.log) as _,
            intake: intake::of(engine),
            daemon: self.daemon(&snapshot.site.config.options),
            zone: time_zone(&snapshot.site.config.options),
            security: snapshot.security.clone(),
            stopping: engine.stop.subscribe(),
        });
        *made = Some((Arc::clone(&snapshot.site), Arc::clone(&service)));
        service
    }

    /// Nobody is to believe that mail is filtered which is not.
    fn warn(&self, engine: &Engine, options: &Options) {
        let is_filtered = match &self.filters {
            Some(filters) => !filters.is_empty(),
            None => !options.text(Opt::InputMailFilters).is_empty(),
        };
        if is_filtered {
            let name = &self.daemon.name;
            let text = format!(
                "daemon {name}: InputMailFilters are not available yet: mail is taken unfiltered"
            );
            engine.say(Priority::Warning, text);
        }
    }
}

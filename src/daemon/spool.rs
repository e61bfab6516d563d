//! The queue as a configuration wants it: for the engine, and for the modes
//! of the command line that work alone.

use std::sync::Arc;

use bstr::ByteSlice;

use crate::cf::{Opt, Options};
use crate::os;
use crate::queue::{QueueSettings, QueueWorld};
use crate::route::Site;
use crate::world::Log;

/// How the queue is to work. A pattern (`mqueue/q*`) stands for the directory
/// that holds what it matches; queue groups come later.
pub fn queue_settings(site: &Site) -> QueueSettings {
    let options = &site.config.options;
    let directory = site.option_text(Opt::QueueDirectory);
    let directory = queue_directory(&directory);
    let free = u64::try_from(options.number(Opt::MinFreeBlocks)).unwrap_or(0);
    let interactive = options
        .choice(Opt::SuperSafe)
        .eq_ignore_ascii_case("interactive");
    let safe = !options.choice(Opt::SuperSafe).eq_ignore_ascii_case("false");
    let delivers_first = options.choice(Opt::DeliveryMode).starts_with(['i', 'I']);
    let mut settings = QueueSettings::new(&directory, site.macros.text(b"j"));
    settings.free_bytes_min = free.saturating_mul(os::block_bytes(&directory));
    settings.sync = safe && !(interactive && delivers_first);
    settings.file_mode = options.mode(Opt::QueueFileMode).unwrap_or(0o600);
    settings.min_age = options.interval(Opt::MinQueueAge);
    settings.max_age = options.interval(Opt::MaxQueueAge);
    settings
}

/// What the queue needs of the real world.
pub fn queue_world(log: Arc<dyn Log>) -> QueueWorld {
    QueueWorld {
        disk: Arc::new(os::SystemDisk),
        clock: Arc::new(os::SystemClock),
        entropy: Arc::new(os::Chance),
        log,
    }
}

/// The directory of option QueueDirectory.
pub fn queue_directory(text: &[u8]) -> std::path::PathBuf {
    let path = match text.strip_suffix(b"*") {
        Some(prefix) => prefix.rsplit_once_str("/").map_or(prefix, |(dir, _)| dir),
        None => text,
    };
    path.to_path_lossy().into_owned()
}

/// The letter of the site's own DeliveryMode.
pub fn delivery_mode(options: &Options) -> u8 {
    options
        .choice(Opt::DeliveryMode)
        .bytes()
        .next()
        .map_or(b'b', |letter| letter.to_ascii_lowercase())
}

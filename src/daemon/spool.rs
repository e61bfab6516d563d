//! The queue as a configuration wants it: for the engine, and for the modes
//! of the command line that work alone.

use std::sync::Arc;

use bstr::{BString, ByteSlice};

use crate::cf::{Opt, Options};
use crate::os;
use crate::queue::{Folder, QueueSettings, QueueWorld};
use crate::route::Site;
use crate::world::Log;

/// How the queue is to work: one directory, or those that a pattern
/// (`mqueue/q*`) names, and those of queue groups (`P=`).
pub fn queue_settings(site: &Site) -> QueueSettings {
    let options = &site.config.options;
    let directory = site.option_text(Opt::QueueDirectory);
    let (pattern, directory) = (directory.clone(), queue_directory(&directory));
    let free = u64::try_from(options.number(Opt::MinFreeBlocks)).unwrap_or(0);
    let interactive = options
        .choice(Opt::SuperSafe)
        .eq_ignore_ascii_case("interactive");
    let safe = !options.choice(Opt::SuperSafe).eq_ignore_ascii_case("false");
    let delivers_first = options.choice(Opt::DeliveryMode).starts_with(['i', 'I']);
    let mut settings = QueueSettings::new(&directory, site.macros.text(b"j"));
    settings.own = folders(&pattern, "mqueue".into());
    let is_known = |folder: &Folder, known: &[Folder]| known.iter().any(|k| k.path == folder.path);
    for group in &site.config.queue_groups {
        let path = group.get(b'P').unwrap_or_default();
        let path = match path.is_empty() {
            true => pattern.to_path_lossy().into_owned(),
            false => directory.join(path.to_path_lossy()),
        };
        for folder in folders(path.as_os_str().as_encoded_bytes(), group.name.clone()) {
            let known = is_known(&folder, &settings.own) || is_known(&folder, &settings.others);
            if !known && folder.path.is_dir() {
                settings.others.push(folder);
            }
        }
    }
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

/// The directories that a path of a queue group names: itself, or what a
/// pattern matches.
fn folders(path: &[u8], group: BString) -> Vec<Folder> {
    let Some(prefix) = path.strip_suffix(b"*") else {
        let path = path.to_path_lossy().into_owned();
        return vec![Folder { path, group }];
    };
    let (holder, prefix) = prefix.rsplit_once_str("/").unwrap_or((b".", prefix));
    let holder = holder.to_path_lossy().into_owned();
    let Ok(entries) = std::fs::read_dir(&holder) else {
        return Vec::new();
    };
    let mut paths: Vec<std::path::PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(prefix))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && !path.ends_with("journal"))
        .collect();
    paths.sort_unstable();
    let folder = |path| Folder {
        path,
        group: group.clone(),
    };
    paths.into_iter().map(folder).collect()
}

/// The letter of the site's own DeliveryMode.
pub fn delivery_mode(options: &Options) -> u8 {
    options
        .choice(Opt::DeliveryMode)
        .bytes()
        .next()
        .map_or(b'b', |letter| letter.to_ascii_lowercase())
}

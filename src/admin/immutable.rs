//! Files that nobody can change before their immutable bit is taken off.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{IFlags, ioctl_getflags};

/// Whether `chattr +i` (or `+a`) holds on a file or directory. File systems
/// without such bits have none set.
pub fn is_immutable(path: &Path) -> bool {
    let flags = File::open(path)
        .ok()
        .and_then(|file| ioctl_getflags(&file).ok());
    flags.is_some_and(|flags| flags.intersects(IFlags::IMMUTABLE | IFlags::APPEND))
}

/// The system's reason why `path` could not be replaced, and what to do when
/// the immutable bit of the file or of its directory is the true one.
pub fn why_not_written(path: &Path, error: &io::Error) -> String {
    let reason = crate::map::errno_text(error);
    let directory = path.parent().unwrap_or(Path::new("."));
    for held in [path, directory] {
        if error.kind() == io::ErrorKind::PermissionDenied && is_immutable(held) {
            let held = held.display();
            return format!("{reason}: {held} is immutable; `chattr -i {held}` lets it change");
        }
    }
    reason
}

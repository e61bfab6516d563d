//! Who else may write where a file lies.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Those who may write to a directory beside its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    /// Its group.
    Group,
    /// Everybody.
    World,
}

impl Writers {
    /// The reference's words for such a directory.
    pub fn as_str(self) -> &'static str {
        match self {
            Writers::Group => "Group writable directory",
            Writers::World => "World writable directory",
        }
    }
}

/// A directory on the way to a file that others may write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WritableDirectory {
    /// Its name, as the path has it; where a symbolic link leads.
    pub path: PathBuf,
    /// Who may write.
    pub writers: Writers,
    /// It is root's, and not only root's group may write to it: on a system
    /// that is no place for files that everybody's mail depends on. Below a
    /// user's own directory he endangers nobody but himself.
    pub system: bool,
}

/// Whether a sticky directory, such as /tmp, counts as one that others may
/// write to: they may, but not take away or rename what is another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sticky {
    /// It counts, as with the reference.
    Counts,
    /// It does not.
    IsFine,
}

/// The first directory on the way to `file` that others may write to. Of a
/// relative path only the parts that it names are looked at.
pub fn writable_directory(file: &Path, sticky: Sticky) -> Option<WritableDirectory> {
    let parent = match file.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return None,
    };
    let mut ancestors: Vec<&Path> = parent
        .ancestors()
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    ancestors.reverse();
    ancestors.into_iter().find_map(|path| {
        let path = std::fs::read_link(path).map_or_else(
            |_| path.to_owned(),
            |target| path.parent().unwrap_or(Path::new("")).join(target),
        );
        let metadata = std::fs::metadata(&path).ok()?;
        let mode = metadata.permissions().mode();
        if mode & 0o1000 != 0 && sticky == Sticky::IsFine {
            return None;
        }
        let writers = match mode {
            mode if mode & 0o002 != 0 => Writers::World,
            mode if mode & 0o020 != 0 => Writers::Group,
            _ => return None,
        };
        let roots_group = writers == Writers::Group && metadata.gid() == 0;
        let system = metadata.uid() == 0 && !roots_group;
        Some(WritableDirectory {
            path,
            writers,
            system,
        })
    })
}

/// Whether the directory of `file` belongs to somebody who is neither root
/// nor one of `trusted`.
pub(crate) fn foreign_directory(file: &Path, trusted: &[u32]) -> bool {
    let parent = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::metadata(parent)
        .is_ok_and(|metadata| metadata.uid() != 0 && !trusted.contains(&metadata.uid()))
}

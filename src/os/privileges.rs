//! Becoming someone, for good; and handing a directory to someone.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::unistd::{Gid, Uid, getgroups, initgroups, setgroups, setresgid, setresuid};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};

/// Entries of a directory that are handed over.
const ENTRIES_MAX: usize = 10_000_000;
/// How deep directories are handed over.
const DEPTH_MAX: usize = 8;

/// Whether this process may do everything.
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Whom a process becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The login name, for its groups.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Identity {
    /// Who this process is now.
    pub fn current() -> Self {
        let uid = Uid::effective();
        let name = nix::unistd::User::from_uid(uid)
            .ok()
            .flatten()
            .map_or_else(|| uid.to_string(), |user| user.name);
        Self {
            name,
            uid: uid.as_raw(),
            gid: Gid::effective().as_raw(),
        }
    }

    /// Does something as this user, with `extra` groups beside his own, and
    /// comes back. For a program of root's with one thread, such as
    /// `mail.local`; the daemon has agents instead.
    ///
    /// # Errors
    /// When the system refuses, before `act` is called.
    pub fn act_as<T>(&self, extra: &[u32], act: impl FnOnce() -> T) -> io::Result<T> {
        let old_groups = getgroups()?;
        let old_gid = nix::unistd::getegid();
        let own = Gid::from_raw(self.gid);
        let mut groups = vec![own];
        groups.extend(extra.iter().map(|group| Gid::from_raw(*group)));
        setgroups(&groups)?;
        nix::unistd::setegid(own)?;
        nix::unistd::seteuid(Uid::from_raw(self.uid))?;
        let done = act();
        nix::unistd::seteuid(Uid::from_raw(0))?;
        nix::unistd::setegid(old_gid)?;
        setgroups(&old_groups)?;
        Ok(done)
    }

    /// Becomes this user for good, groups first: with the user's own
    /// supplementary groups and `extra`, or with `extra` alone. Must be called
    /// while this process has one thread.
    ///
    /// # Errors
    /// When the system refuses, or when the old identity could be taken back;
    /// the process must end then.
    pub fn become_for_good(&self, own_groups: bool, extra: &[u32]) -> io::Result<()> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        if own_groups {
            let name = CString::new(self.name.as_str()).map_err(|_| io::ErrorKind::InvalidInput)?;
            initgroups(&name, gid)?;
        } else {
            setgroups(&[gid])?;
        }
        if !extra.is_empty() {
            let mut groups = getgroups()?;
            groups.extend(extra.iter().map(|group| Gid::from_raw(*group)));
            setgroups(&groups)?;
        }
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
        // A way back would mean that nothing above was for good.
        if !uid.is_root() && setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok()
        {
            return Err(io::Error::other("the old user could be taken back"));
        }
        Ok(())
    }
}

/// Gives a directory and the plain files and directories in it to a user,
/// making it when it is missing (mode 0700). Symbolic links are never
/// followed, and files with a second name are left alone: they may be
/// somebody else's.
///
/// # Errors
/// When the path is not a directory, or the system refuses.
pub fn hand_over_directory(path: &Path, identity: &Identity) -> io::Result<()> {
    if let Err(error) = rustix::fs::mkdir(path, Mode::RWXU)
        && error != rustix::io::Errno::EXIST
    {
        return Err(error.into());
    }
    let directory = rustix::fs::open(path, directory_flags(), Mode::empty())?;
    let mut left = ENTRIES_MAX;
    hand_over(&directory, identity, DEPTH_MAX, &mut left)
}

fn directory_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

fn hand_over(
    directory: &OwnedFd,
    identity: &Identity,
    depth: usize,
    left: &mut usize,
) -> io::Result<()> {
    let owner = Some(rustix::fs::Uid::from_raw(identity.uid));
    let group = Some(rustix::fs::Gid::from_raw(identity.gid));
    let stat = rustix::fs::fstat(directory)?;
    if stat.st_uid != identity.uid {
        rustix::fs::fchown(directory, owner, None)?;
    }
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        *left = left
            .checked_sub(1)
            .ok_or_else(|| io::Error::other("too many files"))?;
        // Opened first, so that what is looked at is what is given away,
        // whoever changes the directory meanwhile.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(found) = rustix::fs::openat(directory, name, flags, Mode::empty()) else {
            continue;
        };
        let stat = rustix::fs::fstat(&found)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if depth > 0 => {
                let inner = rustix::fs::openat(directory, name, directory_flags(), Mode::empty())?;
                hand_over(&inner, identity, depth - 1, left)?;
            }
            FileType::RegularFile if stat.st_uid != identity.uid && stat.st_nlink == 1 => {
                rustix::fs::chownat(found, c"", owner, group, AtFlags::EMPTY_PATH)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Gives one file to a user.
///
/// # Errors
/// When the system refuses.
pub fn hand_over_file(file: &File, identity: &Identity) -> io::Result<()> {
    rustix::fs::fchown(
        file.as_fd(),
        Some(rustix::fs::Uid::from_raw(identity.uid)),
        Some(rustix::fs::Gid::from_raw(identity.gid)),
    )?;
    Ok(())
}

/// Gives a plain file with one name, if it is ours, to a user. Symbolic links
/// are not followed; what is somebody else's stays his.
///
/// # Errors
/// When it is not there, or the system refuses.
pub fn hand_over_own_file(path: &Path, identity: &Identity) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    let is_plain = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if is_plain && stat.st_nlink == 1 && stat.st_uid == rustix::process::geteuid().as_raw() {
        hand_over_file(&File::from(file), identity)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

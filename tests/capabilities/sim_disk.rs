//! A disk that loses what was not synced, tears writes, fills up and fails.
//!
//! Each call is one step. At the chosen step the world ends: every call from
//! there on fails, until [`SimDisk::restart`] gives the disk as a machine
//! would find it after power came back. Unsynced writes are kept in pieces of
//! 512 bytes, each kept or lost, one perhaps torn; name changes that no
//! directory sync followed are kept up to some point.

#![allow(dead_code)] // Not every test uses every fault.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IoSlice, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use godwit::world::{Disk, DiskFile, Entropy, FileFacts, OpenMode};

/// Chance that a seed decides.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// The same chance as the system's, behind the trait.
#[derive(Debug)]
pub(crate) struct SimEntropy(Mutex<Chance>);

impl SimEntropy {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(Chance::new(seed)))
    }
}

impl Entropy for SimEntropy {
    fn random(&self) -> u64 {
        lock(&self.0).next()
    }
}

/// What goes wrong, and when.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    /// The step at which everything stops.
    pub(crate) crash_at: u64,
    /// One call in this many fails with an IO error; 0 for none.
    pub(crate) fail_one_in: u64,
    /// Bytes the disk can hold.
    pub(crate) capacity_bytes: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            crash_at: u64::MAX,
            fail_one_in: 0,
            capacity_bytes: u64::MAX,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Inode {
    /// As programs see it.
    bytes: Vec<u8>,
    /// As the platters have it.
    durable: Vec<u8>,
    /// What was written since the last sync, and where.
    unsynced: Vec<(usize, Vec<u8>)>,
    locked: bool,
    links: u64,
    mode: u32,
}

#[derive(Clone, Debug)]
enum NameChange {
    Link(PathBuf, u64),
    Unlink(PathBuf),
}

#[derive(Debug)]
struct World {
    chance: Chance,
    faults: Faults,
    steps: u64,
    syncs: u64,
    generation: u64,
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    /// Changes since the last sync of their directory, in order.
    changes: Vec<NameChange>,
    next_inode: u64,
}

/// The disk. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct SimDisk(Arc<Mutex<World>>);

struct SimFile {
    disk: SimDisk,
    inode: u64,
    generation: u64,
    holds_lock: Mutex<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SimDisk {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        Self(Arc::new(Mutex::new(World {
            chance: Chance::new(seed),
            faults,
            steps: 0,
            syncs: 0,
            generation: 0,
            inodes: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            changes: Vec::new(),
            next_inode: 1,
        })))
    }

    /// Calls so far.
    pub(crate) fn steps(&self) -> u64 {
        lock(&self.0).steps
    }

    /// File syncs so far.
    pub(crate) fn syncs(&self) -> u64 {
        lock(&self.0).syncs
    }

    /// Whether the world has ended.
    pub(crate) fn crashed(&self) -> bool {
        let world = lock(&self.0);
        world.steps >= world.faults.crash_at
    }

    /// Whatever comes next, with other faults.
    pub(crate) fn set_faults(&self, faults: Faults) {
        lock(&self.0).faults = faults;
    }

    /// The power comes back.
    pub(crate) fn restart(&self, faults: Faults) {
        let mut world = lock(&self.0);
        let world = &mut *world;
        world.generation += 1;
        world.steps = 0;
        world.faults = faults;
        let kept = world.chance.below(world.changes.len() as u64 + 1) as usize;
        let changes: Vec<NameChange> = world.changes.drain(..).take(kept).collect();
        for change in changes {
            apply(&mut world.durable_names, change);
        }
        world.names = world.durable_names.clone();
        let linked: Vec<u64> = world.names.values().copied().collect();
        world.inodes.retain(|number, _| linked.contains(number));
        for inode in world.inodes.values_mut() {
            inode.locked = false;
            for (at, bytes) in std::mem::take(&mut inode.unsynced) {
                keep_some(&mut world.chance, &mut inode.durable, at, &bytes);
            }
            inode.bytes = inode.durable.clone();
            inode.links = 1;
        }
    }

    /// The bytes of a file, as programs see them.
    pub(crate) fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        let world = lock(&self.0);
        let inode = world.names.get(path)?;
        Some(world.inodes.get(inode)?.bytes.clone())
    }

    /// Puts a file there, durable, as somebody else would have left it.
    pub(crate) fn put(&self, path: &Path, bytes: &[u8]) {
        let mut world = lock(&self.0);
        let number = world.next_inode;
        world.next_inode += 1;
        let inode = Inode {
            bytes: bytes.to_vec(),
            durable: bytes.to_vec(),
            links: 1,
            mode: 0o600,
            ..Inode::default()
        };
        world.inodes.insert(number, inode);
        world.names.insert(path.into(), number);
        world.durable_names.insert(path.into(), number);
    }

    /// Changes one byte of a file for good: a fault of the medium.
    pub(crate) fn damage(&self, path: &Path, at: usize) {
        let mut world = lock(&self.0);
        let number = world.names[path];
        if let Some(inode) = world.inodes.get_mut(&number) {
            inode.bytes[at] ^= 0x55;
            inode.durable[at] ^= 0x55;
        }
    }

    fn step(&self) -> io::Result<MutexGuard<'_, World>> {
        let mut world = lock(&self.0);
        world.steps += 1;
        if world.steps >= world.faults.crash_at {
            return Err(io::Error::other("the machine is off"));
        }
        let n = world.faults.fail_one_in;
        if n > 0 && world.chance.one_in(n) {
            return Err(io::Error::other("simulated IO error"));
        }
        Ok(world)
    }
}

fn apply(names: &mut BTreeMap<PathBuf, u64>, change: NameChange) {
    match change {
        NameChange::Link(path, inode) => {
            names.insert(path, inode);
        }
        NameChange::Unlink(path) => {
            names.remove(&path);
        }
    }
}

/// Some of a write reaches the platters.
fn keep_some(chance: &mut Chance, durable: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let all = chance.one_in(3);
    let mut offset = 0;
    while offset < bytes.len() {
        let piece = &bytes[offset..(offset + 512).min(bytes.len())];
        let kept = match (all, chance.below(8)) {
            (true, _) | (_, 0..=3) => piece.len(),
            (_, 4) => chance.below(piece.len() as u64 + 1) as usize,
            _ => 0,
        };
        if kept > 0 {
            write_bytes(durable, at + offset, &piece[..kept]);
        }
        offset += piece.len();
    }
}

fn write_bytes(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    if bytes.len() < at + new.len() {
        bytes.resize(at + new.len(), 0);
    }
    bytes[at..at + new.len()].copy_from_slice(new);
}

fn not_found(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, path.display().to_string())
}

impl World {
    fn used(&self) -> u64 {
        self.inodes.values().map(|i| i.bytes.len() as u64).sum()
    }

    fn change(&mut self, change: NameChange) {
        self.changes.push(change.clone());
        apply(&mut self.names, change);
    }

    /// A file whose last name is gone keeps its bytes only while it is open;
    /// here: until the restart.
    fn unlink(&mut self, inode: u64) {
        if let Some(inode) = self.inodes.get_mut(&inode) {
            inode.links = inode.links.saturating_sub(1);
            if inode.links == 0 {
                inode.bytes.shrink_to_fit();
            }
        }
    }

    fn facts(&self, number: u64) -> io::Result<FileFacts> {
        let inode = self.inodes.get(&number).ok_or(io::ErrorKind::NotFound)?;
        Ok(FileFacts {
            len: inode.bytes.len() as u64,
            device: (0, 43),
            inode: number,
            uid: 0,
            mode: 0o100_000 | inode.mode,
            modified: SystemTime::UNIX_EPOCH,
            links: inode.links,
        })
    }
}

impl SimFile {
    fn world(&self) -> io::Result<MutexGuard<'_, World>> {
        let world = self.disk.step()?;
        if world.generation != self.generation {
            return Err(io::Error::other("opened before the restart"));
        }
        Ok(world)
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = self.world()?;
        let inode = world
            .inodes
            .get(&self.inode)
            .ok_or(io::ErrorKind::NotFound)?;
        let start = (offset as usize).min(inode.bytes.len());
        let len = buffer.len().min(inode.bytes.len() - start);
        buffer[..len].copy_from_slice(&inode.bytes[start..start + len]);
        Ok(len)
    }

    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        let mut world = self.world()?;
        let mut bytes: Vec<u8> = pieces.iter().flat_map(|p| p.to_vec()).collect();
        let room = world.faults.capacity_bytes.saturating_sub(world.used());
        let inode = world
            .inodes
            .get_mut(&self.inode)
            .ok_or(io::ErrorKind::NotFound)?;
        let grows = (offset + bytes.len() as u64).saturating_sub(inode.bytes.len() as u64);
        let full = grows > room;
        if full {
            bytes.truncate(bytes.len().saturating_sub((grows - room) as usize));
        }
        write_bytes(&mut inode.bytes, offset as usize, &bytes);
        inode.unsynced.push((offset as usize, bytes));
        match full {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.world()?;
        world.syncs += 1;
        let inode = world
            .inodes
            .get_mut(&self.inode)
            .ok_or(io::ErrorKind::NotFound)?;
        inode.unsynced.clear();
        inode.durable = inode.bytes.clone();
        Ok(())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let mut world = self.world()?;
        let room = world.faults.capacity_bytes.saturating_sub(world.used());
        let inode = world
            .inodes
            .get_mut(&self.inode)
            .ok_or(io::ErrorKind::NotFound)?;
        if len.saturating_sub(inode.bytes.len() as u64) > room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let len = (len as usize).max(inode.bytes.len());
        inode.bytes.resize(len, 0);
        Ok(())
    }

    fn facts(&self) -> io::Result<FileFacts> {
        self.world()?.facts(self.inode)
    }

    fn try_lock(&self) -> io::Result<bool> {
        let mut world = self.world()?;
        let inode = world
            .inodes
            .get_mut(&self.inode)
            .ok_or(io::ErrorKind::NotFound)?;
        let mut holds = lock(&self.holds_lock);
        if inode.locked && !*holds {
            return Ok(false);
        }
        inode.locked = true;
        *holds = true;
        Ok(true)
    }

    fn descriptor(&self) -> io::Result<File> {
        let bytes = {
            let world = self.world()?;
            world
                .inodes
                .get(&self.inode)
                .ok_or(io::ErrorKind::NotFound)?
                .bytes
                .clone()
        };
        let mut file = tempfile::tempfile()?;
        file.write_all(&bytes)?;
        file.rewind()?;
        Ok(file)
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        if *lock(&self.holds_lock) {
            let mut world = lock(&self.disk.0);
            if world.generation == self.generation
                && let Some(inode) = world.inodes.get_mut(&self.inode)
            {
                inode.locked = false;
            }
        }
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.step()?;
        let there = world.names.get(path).copied();
        let inode = match (mode, there) {
            (OpenMode::Create(_), Some(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            (OpenMode::Read | OpenMode::Write, None) => return Err(not_found(path)),
            (_, Some(inode)) => inode,
            (OpenMode::Create(mode) | OpenMode::OpenOrCreate(mode), None) => {
                let number = world.next_inode;
                world.next_inode += 1;
                let inode = Inode {
                    links: 1,
                    mode,
                    ..Inode::default()
                };
                world.inodes.insert(number, inode);
                world.change(NameChange::Link(path.into(), number));
                number
            }
        };
        Ok(Arc::new(SimFile {
            disk: self.clone(),
            inode,
            generation: world.generation,
            holds_lock: Mutex::new(false),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.step()?;
        let inode = *world.names.get(from).ok_or_else(|| not_found(from))?;
        if let Some(old) = world.names.get(to).copied() {
            world.unlink(old);
        }
        // One change, as a file system's journal has it: never neither name.
        world.change(NameChange::Link(to.into(), inode));
        world.change(NameChange::Unlink(from.into()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.step()?;
        let inode = *world.names.get(path).ok_or_else(|| not_found(path))?;
        world.unlink(inode);
        world.change(NameChange::Unlink(path.into()));
        let durable = world.durable_names.values().any(|i| *i == inode);
        if !durable && let Some(inode) = world.inodes.get_mut(&inode) {
            inode.bytes.clear();
        }
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let world = self.step()?;
        Ok(world
            .names
            .keys()
            .filter(|path| path.parent() == Some(directory))
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .collect())
    }

    fn make_directory(&self, _path: &Path, _mode: u32) -> io::Result<()> {
        self.step().map(|_| ())
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut world = self.step()?;
        // A file system's journal is one: what came before goes with it.
        let in_it = |change: &NameChange| match change {
            NameChange::Link(p, _) | NameChange::Unlink(p) => p.parent() == Some(path),
        };
        let last = world.changes.iter().rposition(in_it);
        let changes: Vec<NameChange> = world
            .changes
            .drain(..last.map_or(0, |last| last + 1))
            .collect();
        for change in changes {
            apply(&mut world.durable_names, change);
        }
        Ok(())
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        let world = self.step()?;
        let inode = *world.names.get(path).ok_or_else(|| not_found(path))?;
        world.facts(inode)
    }

    fn bytes_free(&self, _path: &Path) -> io::Result<u64> {
        let world = self.step()?;
        Ok(world.faults.capacity_bytes.saturating_sub(world.used()))
    }
}

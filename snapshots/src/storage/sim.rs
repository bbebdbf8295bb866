//! The port on a disk that exists only in memory and fails on demand.
//!
//! It keeps what a process sees and what would survive a loss of power apart: bytes survive once their file
//! is synced, names once their directory is. A crash keeps, of what was not synced, any subset of 512-byte
//! sectors, chosen by a seed: torn and reordered writes both come out of that.

use super::{Storage, StorageFile};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

const SECTOR: usize = 512;

/// What kinds of call can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpKind {
    /// `read_at`.
    Read,
    /// `write_at`, and creating a file.
    Write,
    /// `sync_data` and `sync_dir`.
    Sync,
    /// `rename` and `remove_file`.
    Name,
}

/// One planned failure.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Fails when this many calls (of all kinds) were made before it.
    pub at: u64,
    /// The error number, `5` for EIO, `28` for ENOSPC.
    pub errno: i32,
}

/// How a crash treats what was not synced.
#[derive(Debug, Clone, Copy)]
pub enum Crash {
    /// All of it is lost.
    LoseAll,
    /// All of it is kept: the process died, the machine did not.
    KeepAll,
    /// Each sector is kept or lost by this seed.
    Torn(u64),
}

#[derive(Debug, Default, Clone)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Debug, Default)]
struct Disk {
    inodes: Vec<Inode>,
    live: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    ops: u64,
    fault: Option<Fault>,
    /// All calls fail from this many on: the moment of a crash.
    dead_from: Option<u64>,
}

/// A simulated disk. Clones share it.
#[derive(Debug, Default, Clone)]
pub struct SimStorage {
    disk: Arc<Mutex<Disk>>,
}

struct SimFile {
    disk: Arc<Mutex<Disk>>,
    inode: usize,
}

impl Disk {
    fn op(&mut self) -> io::Result<()> {
        let number = self.ops;
        self.ops += 1;
        if self.dead_from.is_some_and(|from| number >= from) {
            return Err(io::Error::other("the machine is off"));
        }
        match self.fault {
            Some(fault) if fault.at == number => Err(io::Error::from_raw_os_error(fault.errno)),
            _ => Ok(()),
        }
    }

    fn inode(&self, path: &str) -> io::Result<usize> {
        self.live.get(path).copied().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl SimStorage {
    /// How many calls were made.
    #[must_use]
    pub fn ops(&self) -> u64 {
        self.disk.lock().ops
    }

    /// Makes one call fail.
    pub fn fail_at(&self, fault: Fault) {
        self.disk.lock().fault = Some(fault);
    }

    /// Makes every call fail from the `number`-th on, until [`SimStorage::crash`].
    pub fn die_at(&self, number: u64) {
        self.disk.lock().dead_from = Some(number);
    }

    /// The machine goes off and on again: only what was synced, and what the crash keeps, is there.
    pub fn crash(&self, crash: Crash) {
        let mut disk = self.disk.lock();
        let mut seed = match crash {
            Crash::LoseAll | Crash::KeepAll => 0,
            Crash::Torn(seed) => seed | 1,
        };
        let mut keep = || match crash {
            Crash::LoseAll => false,
            Crash::KeepAll => true,
            Crash::Torn(_) => {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                seed & 1 == 0
            }
        };
        for inode in &mut disk.inodes {
            inode.settle(&mut keep);
        }
        // Names: a journalling file system keeps all of them or falls back to the last synced ones.
        let names = if keep() { disk.live.clone() } else { disk.durable.clone() };
        disk.live.clone_from(&names);
        disk.durable = names;
        disk.dead_from = None;
        disk.fault = None;
    }

    /// Changes bytes of a file behind everybody's back, durably.
    pub fn damage(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut disk = self.disk.lock();
        if let Ok(inode) = disk.inode(path) {
            let Inode { live, durable } = &mut disk.inodes[inode];
            change(live);
            durable.clone_from(live);
        }
    }

    /// A copy of the disk as it is, which goes its own way from here.
    #[must_use]
    pub fn fork(&self) -> Self {
        let disk = self.disk.lock();
        let copy = Disk {
            inodes: disk.inodes.clone(),
            live: disk.live.clone(),
            durable: disk.durable.clone(),
            ops: 0,
            fault: None,
            dead_from: None,
        };
        Self { disk: Arc::new(Mutex::new(copy)) }
    }
}

impl Inode {
    fn settle(&mut self, keep: &mut impl FnMut() -> bool) {
        // A file's length goes with its first kept byte beyond the old end.
        let mut after = self.durable.clone();
        for start in (0..self.live.len()).step_by(SECTOR) {
            let end = (start + SECTOR).min(self.live.len());
            let same = self.durable.get(start..end).is_some_and(|old| old == &self.live[start..end]);
            if !same && keep() {
                after.resize(after.len().max(end), 0);
                after[start..end].copy_from_slice(&self.live[start..end]);
            }
        }
        self.live.clone_from(&after);
        self.durable = after;
    }
}

impl Storage for SimStorage {
    fn open(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        let inode = self.disk.lock().inode(path)?;
        Ok(Box::new(SimFile { disk: Arc::clone(&self.disk), inode }))
    }

    fn create_new(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        let mut disk = self.disk.lock();
        disk.op()?;
        if disk.live.contains_key(path) {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let inode = disk.inodes.len();
        disk.inodes.push(Inode::default());
        disk.live.insert(path.to_owned(), inode);
        drop(disk);
        Ok(Box::new(SimFile { disk: Arc::clone(&self.disk), inode }))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{dir}/");
        let disk = self.disk.lock();
        let below = disk.live.keys().filter_map(|path| path.strip_prefix(&prefix));
        Ok(below.filter(|name| !name.contains('/')).map(str::to_owned).collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.op()?;
        let inode = disk.inode(from)?;
        disk.live.remove(from);
        disk.live.insert(to.to_owned(), inode);
        Ok(())
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.op()?;
        disk.inode(path)?;
        disk.live.remove(path);
        Ok(())
    }

    fn create_dir_all(&self, _dir: &str) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let prefix = format!("{dir}/");
        let mut disk = self.disk.lock();
        disk.op()?;
        let is_in = |path: &String| path.starts_with(&prefix);
        let kept: Vec<(String, usize)> = disk
            .live
            .iter()
            .filter(|(path, _)| is_in(path))
            .map(|(path, inode)| (path.clone(), *inode))
            .collect();
        disk.durable.retain(|path, _| !is_in(path));
        disk.durable.extend(kept);
        Ok(())
    }
}

impl StorageFile for SimFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.op()?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = disk.inodes[self.inode].live.get(start..start.saturating_add(buffer.len()));
        buffer.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.op()?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let live = &mut disk.inodes[self.inode].live;
        let end = start.saturating_add(bytes.len());
        live.resize(live.len().max(end), 0);
        live[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.op()?;
        let inode = &mut disk.inodes[self.inode];
        inode.durable.clone_from(&inode.live);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.lock().inodes[self.inode].live.len() as u64)
    }
}

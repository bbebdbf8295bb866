//! The port on a disk that exists only in memory and fails on demand.
//!
//! It keeps what a process sees and what would survive a loss of power apart: bytes survive once their file
//! is synced, names once their directory is. A crash keeps, of what was not synced, any subset of 512-byte
//! sectors and the first so many changes of names, chosen by a seed: torn and reordered writes, and files
//! that were never linked into their directory, all come out of that. A sync that fails does what kernels do:
//! the bytes stay readable, but no later sync writes them.

use super::sim_names::{Entry, NameOp, Names, parent_of};
use super::{Storage, StorageFile};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;

const SECTOR: usize = 512;

/// What kinds of call can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpKind {
    /// `read_at`.
    Read,
    /// `write_at`.
    Write,
    /// `sync_data` and `sync_dir`.
    Sync,
    /// Whatever changes names: creating, renaming, removing.
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
    /// All of it is kept: the machine went down just after everything was written out.
    KeepAll,
    /// Each sector, and the number of changed names, is kept or lost by this seed.
    Torn(u64),
}

/// Copies share their bytes until one of them is written.
#[derive(Debug, Default, Clone)]
struct Inode {
    live: Arc<Vec<u8>>,
    durable: Arc<Vec<u8>>,
    /// Ranges that the next sync writes.
    dirty: Vec<(usize, usize)>,
}

#[derive(Debug, Default)]
struct Disk {
    inodes: Vec<Inode>,
    names: Names,
    ops: u64,
    ops_by_kind: [u64; 4],
    fault: Option<Fault>,
    /// The n-th call of a kind fails.
    kind_fault: Option<(OpKind, u64, i32)>,
    /// All calls fail from this many on: the moment of a crash.
    dead_from: Option<u64>,
    /// Crashes so far; a file opened before one is of no use after it.
    boot: u64,
    is_late: bool,
}

/// A simulated disk. Clones share it.
#[derive(Debug, Default, Clone)]
pub struct SimStorage {
    disk: Arc<Mutex<Disk>>,
}

struct SimFile {
    disk: Arc<Mutex<Disk>>,
    inode: usize,
    boot: u64,
}

/// A seeded choice.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

impl Disk {
    fn op(&mut self, kind: OpKind) -> io::Result<()> {
        let (number, of_kind) = (self.ops, self.ops_by_kind[kind as usize]);
        self.ops += 1;
        self.ops_by_kind[kind as usize] += 1;
        if self.dead_from.is_some_and(|from| number >= from) {
            return Err(io::Error::other("the machine is off"));
        }
        if let Some(fault) = self.fault.filter(|fault| fault.at == number) {
            return Err(io::Error::from_raw_os_error(fault.errno));
        }
        match self.kind_fault {
            Some((wanted, nth, errno)) if wanted == kind && nth == of_kind => {
                Err(io::Error::from_raw_os_error(errno))
            }
            _ => Ok(()),
        }
    }

    fn alive(&self) -> io::Result<()> {
        let dead = self.dead_from.is_some_and(|from| self.ops >= from);
        if dead { Err(io::Error::other("the machine is off")) } else { Ok(()) }
    }

    fn name_op(&mut self, op: NameOp) -> io::Result<()> {
        self.op(OpKind::Name)?;
        self.names.apply(op)
    }
}

impl SimStorage {
    /// Whether the work behind the path was last said to be late.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.disk.lock().is_late
    }

    /// How many calls were made.
    #[must_use]
    pub fn ops(&self) -> u64 {
        self.disk.lock().ops
    }

    /// How many calls of a kind were made.
    #[must_use]
    pub fn ops_of(&self, kind: OpKind) -> u64 {
        self.disk.lock().ops_by_kind[kind as usize]
    }

    /// Makes one call fail.
    pub fn fail_at(&self, fault: Fault) {
        self.disk.lock().fault = Some(fault);
    }

    /// Makes the call of a kind fail before which `nth` of that kind were made.
    pub fn fail_nth(&self, kind: OpKind, nth: u64, errno: i32) {
        self.disk.lock().kind_fault = Some((kind, nth, errno));
    }

    /// Makes every call fail from the `number`-th on, until [`SimStorage::crash`] or
    /// [`SimStorage::restart`].
    pub fn die_at(&self, number: u64) {
        self.disk.lock().dead_from = Some(number);
    }

    /// The machine goes off and on again: only what was synced, and what the crash keeps, is there.
    pub fn crash(&self, crash: Crash) {
        let mut disk = self.disk.lock();
        let mut dice = match crash {
            Crash::LoseAll | Crash::KeepAll => Dice(1),
            Crash::Torn(seed) => Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        };
        let mut keep = || match crash {
            Crash::LoseAll => false,
            Crash::KeepAll => true,
            Crash::Torn(_) => dice.roll() >> 40 & 1 == 0,
        };
        for inode in &mut disk.inodes {
            inode.settle(&mut keep);
        }
        let pending = disk.names.pending();
        let kept = match crash {
            Crash::LoseAll => 0,
            Crash::KeepAll => pending,
            Crash::Torn(_) => {
                usize::try_from(dice.roll() >> 33).unwrap_or(0).checked_rem(pending + 1).unwrap_or(0)
            }
        };
        disk.names.crash(kept);
        disk.boot += 1;
        disk.forgive();
    }

    /// The process ends and another one begins: it sees all that was written, synced or not.
    pub fn restart(&self) {
        let mut disk = self.disk.lock();
        disk.boot += 1;
        disk.forgive();
    }

    /// Changes bytes of a file behind everybody's back, durably.
    pub fn damage(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut disk = self.disk.lock();
        if let Ok(inode) = disk.names.file(path) {
            let Inode { live, durable, dirty } = &mut disk.inodes[inode];
            change(Arc::make_mut(live));
            durable.clone_from(live);
            dirty.clear();
        }
    }

    /// Flips one bit of a file, durably.
    pub fn flip_bit(&self, path: &str, bit: u64) {
        self.damage(path, |bytes| {
            let at = usize::try_from(bit / 8).unwrap_or(usize::MAX);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (bit % 8);
            }
        });
    }

    /// The paths of all files, sorted.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        self.disk.lock().names.files()
    }

    /// A copy of the disk as it is, which goes its own way from here.
    #[must_use]
    pub fn fork(&self) -> Self {
        let disk = self.disk.lock();
        let copy = Disk { inodes: disk.inodes.clone(), names: disk.names.clone(), ..Disk::default() };
        Self { disk: Arc::new(Mutex::new(copy)) }
    }

    fn file(&self, inode: usize, boot: u64) -> Box<dyn StorageFile> {
        Box::new(SimFile { disk: Arc::clone(&self.disk), inode, boot })
    }
}

impl Disk {
    fn forgive(&mut self) {
        self.dead_from = None;
        self.fault = None;
        self.kind_fault = None;
    }
}

impl Inode {
    fn write(&mut self, start: usize, bytes: &[u8]) {
        let end = start.saturating_add(bytes.len());
        let live = Arc::make_mut(&mut self.live);
        live.resize(live.len().max(end), 0);
        live[start..end].copy_from_slice(bytes);
        match self.dirty.last_mut() {
            // Zero-filling writes one piece behind the other.
            Some(last) if last.1 == start => last.1 = end,
            _ => self.dirty.push((start, end)),
        }
    }

    fn sync(&mut self) {
        if self.dirty.is_empty() && self.live.len() <= self.durable.len() {
            return;
        }
        let durable = Arc::make_mut(&mut self.durable);
        durable.resize(self.live.len().max(durable.len()), 0);
        for (start, end) in self.dirty.drain(..) {
            durable[start..end].copy_from_slice(&self.live[start..end]);
        }
    }

    fn settle(&mut self, keep: &mut impl FnMut() -> bool) {
        // A file's length goes with its first kept byte beyond the old end.
        for (start, end) in std::mem::take(&mut self.dirty) {
            let mut at = start;
            while at < end {
                let stop = ((at / SECTOR + 1) * SECTOR).min(end);
                if keep() {
                    let durable = Arc::make_mut(&mut self.durable);
                    durable.resize(durable.len().max(stop), 0);
                    durable[at..stop].copy_from_slice(&self.live[at..stop]);
                }
                at = stop;
            }
        }
        self.live.clone_from(&self.durable);
    }
}

impl Storage for SimStorage {
    fn open(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        let disk = self.disk.lock();
        disk.alive()?;
        let (inode, boot) = (disk.names.file(path)?, disk.boot);
        drop(disk);
        Ok(self.file(inode, boot))
    }

    fn create_new(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        let mut disk = self.disk.lock();
        let inode = disk.inodes.len();
        disk.name_op(NameOp::Put(path.to_owned(), Entry::File(inode)))?;
        disk.inodes.push(Inode::default());
        let boot = disk.boot;
        drop(disk);
        Ok(self.file(inode, boot))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let disk = self.disk.lock();
        disk.alive()?;
        Ok(disk.names.list(dir))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        let disk = self.disk.lock();
        disk.alive()?;
        Ok(disk.names.exists(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.lock().name_op(NameOp::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.names.file(path)?;
        disk.name_op(NameOp::Remove(path.to_owned()))
    }

    fn hurry(&self, is_late: bool) {
        self.disk.lock().is_late = is_late;
    }

    fn remove_gently(&self, path: &str) -> io::Result<()> {
        self.disk.lock().name_op(NameOp::Remove(path.to_owned()))
    }

    fn create_dir_all(&self, dir: &str) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let mut missing = Vec::new();
        let mut at = dir;
        while !at.is_empty() && at != "." && !disk.names.exists(at) {
            missing.push(at.to_owned());
            at = parent_of(at);
        }
        for path in missing.into_iter().rev() {
            disk.name_op(NameOp::Put(path, Entry::Dir))?;
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.op(OpKind::Sync)?;
        disk.names.sync(dir)
    }
}

impl SimFile {
    fn with<T>(
        &self,
        kind: OpKind,
        act: impl FnOnce(&mut Inode, io::Result<()>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut disk = self.disk.lock();
        if disk.boot != self.boot {
            return Err(io::Error::other("the file was opened before a crash"));
        }
        let allowed = disk.op(kind);
        act(&mut disk.inodes[self.inode], allowed)
    }
}

impl StorageFile for SimFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.with(OpKind::Read, |inode, allowed| {
            allowed?;
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let bytes = inode.live.get(start..start.saturating_add(buffer.len()));
            buffer.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
            Ok(())
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(OpKind::Write, |inode, allowed| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            match allowed {
                Ok(()) => inode.write(start, bytes),
                // A write that fails on a disk that works has often written a part.
                Err(error) if error.raw_os_error().is_some() => {
                    inode.write(start, &bytes[..bytes.len() / 2 / SECTOR * SECTOR]);
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(OpKind::Sync, |inode, allowed| {
            match allowed {
                Ok(()) => inode.sync(),
                Err(error) if error.raw_os_error().is_some() => {
                    inode.dirty.clear();
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        let disk = self.disk.lock();
        disk.alive()?;
        Ok(disk.inodes[self.inode].live.len() as u64)
    }
}

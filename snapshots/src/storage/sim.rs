//! The port on a disk that exists only in memory and fails on demand.
//!
//! It keeps what a process sees and what would survive a loss of power apart: bytes survive once their file
//! is synced, names once their directory is. A crash keeps, of what was not synced, any subset of 512-byte
//! sectors and the first so many changes of names, chosen by a seed: torn and reordered writes, and files
//! that were never linked into their directory, all come out of that. A sync that fails does what kernels do:
//! the bytes stay readable, but no later sync writes them.

use super::sim_astray::{Astray, Since};
use super::sim_dice::Dice;
use super::sim_inode::{Inode, SECTOR};
use super::sim_names::{Entry, NameOp, Names, parent_of};
use super::{Storage, StorageFile};
use parking_lot::Mutex;
use std::fmt;
use std::io;
use std::sync::Arc;

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
    /// Opening, listing, and asking for a name, a length or free room. These are counted by themselves, in no other
    /// number: a crash before one is the same as before the next call.
    Look,
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

#[derive(Debug, Default)]
struct Disk {
    inodes: Vec<Inode>,
    names: Names,
    ops: u64,
    ops_by_kind: [u64; 5],
    failures_by_kind: [u64; 5],
    /// Pieces that crashes kept in part.
    torn: u64,
    fault: Option<Fault>,
    /// The n-th call of a kind fails.
    kind_fault: Option<(OpKind, u64, i32)>,
    /// All calls fail from this many on: the moment of a crash.
    dead_from: Option<u64>,
    /// Crashes so far; a file opened before one is of no use after it.
    boot: u64,
    is_late: bool,
    between: Option<Between>,
    astray: Option<Astray>,
    /// Bytes that files may have together; `None`: no limit.
    capacity: Option<u64>,
}

/// What happens elsewhere while somebody is inside a call.
#[derive(Clone)]
struct Between(Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Between")
    }
}

/// What a full disk says.
const ENOSPC: i32 = 28;

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

impl Disk {
    fn op(&mut self, kind: OpKind) -> io::Result<()> {
        let (number, of_kind) = (self.ops, self.ops_by_kind[kind as usize]);
        self.ops += 1;
        self.ops_by_kind[kind as usize] += 1;
        if self.dead_from.is_some_and(|from| number >= from) {
            return Err(io::Error::other("the machine is off"));
        }
        if let Some(fault) = self.fault.filter(|fault| fault.at == number) {
            return Err(self.failure(kind, fault.errno));
        }
        self.allow_kind(kind, of_kind)
    }

    fn look(&mut self) -> io::Result<()> {
        self.alive()?;
        let number = self.ops_by_kind[OpKind::Look as usize];
        self.ops_by_kind[OpKind::Look as usize] += 1;
        self.allow_kind(OpKind::Look, number)
    }

    fn allow_kind(&mut self, kind: OpKind, number: u64) -> io::Result<()> {
        match self.kind_fault {
            Some((wanted, nth, errno)) if wanted == kind && nth == number => Err(self.failure(kind, errno)),
            _ => Ok(()),
        }
    }

    fn failure(&mut self, kind: OpKind, errno: i32) -> io::Error {
        self.failures_by_kind[kind as usize] += 1;
        io::Error::from_raw_os_error(errno)
    }

    /// Where a write goes that goes astray: some sector of some file.
    fn wrong_place(&mut self, seed: u64) -> (usize, usize) {
        let mut dice = Dice::of(seed);
        let files: Vec<usize> =
            self.names.files().iter().filter_map(|path| self.names.file(path).ok()).collect();
        let inode = files[dice.below(files.len())];
        (inode, dice.below(self.inodes[inode].live.len() / SECTOR) * SECTOR)
    }

    /// Writes, or sends the write astray if it is the one.
    fn write(&mut self, inode: usize, start: usize, bytes: &[u8]) {
        let ops = self.ops;
        if let Some(astray) = self.astray.as_mut().filter(|astray| astray.missed.is_none() && astray.at < ops)
        {
            astray.missed = Some(inode);
            let seed = astray.seed;
            let (wrong, at) = self.wrong_place(seed);
            return self.inodes[wrong].overwrite(at, bytes);
        }
        self.inodes[inode].write(start, bytes);
        self.note_since(inode, Since::Nothing, Since::Written);
    }

    fn note_since(&mut self, inode: usize, from: Since, to: Since) {
        if let Some(astray) = &mut self.astray
            && astray.missed == Some(inode)
            && astray.since == from
        {
            astray.since = to;
        }
    }

    fn alive(&self) -> io::Result<()> {
        let dead = self.dead_from.is_some_and(|from| self.ops >= from);
        if dead { Err(io::Error::other("the machine is off")) } else { Ok(()) }
    }

    /// Bytes that files with a name can still be given.
    fn free_bytes(&self) -> u64 {
        let Some(capacity) = self.capacity else { return u64::MAX };
        let length = |inode: usize| self.inodes[inode].live.len() as u64;
        capacity.saturating_sub(self.names.inodes().map(length).sum())
    }

    /// Whether a file may reach so far; what it has already needs no room.
    fn may_reach(&self, inode: usize, end: u64) -> io::Result<()> {
        let more = end.saturating_sub(self.inodes[inode].live.len() as u64);
        if more > 0 && more > self.free_bytes() { Err(io::Error::from_raw_os_error(ENOSPC)) } else { Ok(()) }
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

    /// Says how many bytes files may have together; beyond it a write fails with ENOSPC. `None`: no limit.
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.disk.lock().capacity = capacity;
    }

    /// How many bytes the files have together.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        let disk = self.disk.lock();
        disk.names.inodes().map(|inode| disk.inodes[inode].live.len() as u64).sum()
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

    /// How many calls of a kind were made to fail.
    #[must_use]
    pub fn failures_of(&self, kind: OpKind) -> u64 {
        self.disk.lock().failures_by_kind[kind as usize]
    }

    /// How many writes crashes have torn: some of their sectors were kept, and some lost.
    #[must_use]
    pub fn torn(&self) -> u64 {
        self.disk.lock().torn
    }

    /// Whether the machine is off: the moment of [`SimStorage::die_at`] has come.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.disk.lock().alive().is_err()
    }

    /// Whether the call that was to fail has come.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let disk = self.disk.lock();
        let is_past = |(kind, nth, _)| nth < disk.ops_by_kind[kind as usize];
        disk.fault.is_some_and(|fault| fault.at < disk.ops) || disk.kind_fault.is_some_and(is_past)
    }

    /// Makes no call fail any more; a machine that is off stays off.
    pub fn heal(&self) {
        let mut disk = self.disk.lock();
        (disk.fault, disk.kind_fault) = (None, None);
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

    /// Sends the first write from the `at`-th call on to some sector of some file instead of its own place. The disk
    /// says nothing of it.
    pub fn misdirect_at(&self, at: u64, seed: u64) {
        self.disk.lock().astray = Some(Astray { at, seed, missed: None, since: Since::Nothing });
    }

    /// Sends no write astray any more.
    pub fn go_straight(&self) {
        self.disk.lock().astray = None;
    }

    /// Whether a write has gone astray: the file that it was meant for, if it still has a name, and whether something
    /// more was written to that file since and synced.
    #[must_use]
    pub fn astray(&self) -> Option<(Option<String>, bool)> {
        let disk = self.disk.lock();
        let Astray { missed, since, .. } = disk.astray?;
        let inode = missed?;
        let is_it = |path: &String| disk.names.file(path).is_ok_and(|found| found == inode);
        Some((disk.names.files().into_iter().find(is_it), since == Since::Synced))
    }

    /// Lets this happen before each call, as it may where other threads go on while one is inside a call. What it calls
    /// in turn has nothing in between, if it sees to that.
    pub fn between(&self, act: Option<Arc<dyn Fn() + Send + Sync>>) {
        self.disk.lock().between = act.map(Between);
    }

    /// The machine goes off and on again: only what was synced, and what the crash keeps, is there.
    pub fn crash(&self, crash: Crash) {
        let mut disk = self.disk.lock();
        let mut dice = match crash {
            Crash::LoseAll | Crash::KeepAll => Dice::of(0),
            Crash::Torn(seed) => Dice::of(seed),
        };
        let mut keep = || match crash {
            Crash::LoseAll => false,
            Crash::KeepAll => true,
            Crash::Torn(_) => dice.roll() >> 40 & 1 == 0,
        };
        let torn = disk.inodes.iter_mut().map(|inode| inode.settle(&mut keep)).sum::<u64>();
        disk.torn += torn;
        let pending = disk.names.pending();
        let kept = match crash {
            Crash::LoseAll => 0,
            Crash::KeepAll => pending,
            Crash::Torn(_) => dice.below(pending + 1),
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

/// Lets happen what happens between two calls.
fn pause(disk: &Mutex<Disk>) {
    let between = disk.lock().between.clone();
    if let Some(Between(act)) = between {
        act();
    }
}

impl Disk {
    fn forgive(&mut self) {
        self.dead_from = None;
        self.fault = None;
        self.kind_fault = None;
    }
}

impl Storage for SimStorage {
    fn open(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        let mut disk = self.disk.lock();
        disk.look()?;
        let (inode, boot) = (disk.names.file(path)?, disk.boot);
        drop(disk);
        Ok(self.file(inode, boot))
    }

    fn create_new(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        pause(&self.disk);
        let mut disk = self.disk.lock();
        let inode = disk.inodes.len();
        disk.name_op(NameOp::Put(path.to_owned(), Entry::File(inode)))?;
        disk.inodes.push(Inode::default());
        let boot = disk.boot;
        drop(disk);
        Ok(self.file(inode, boot))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut disk = self.disk.lock();
        disk.look()?;
        Ok(disk.names.list(dir))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        let mut disk = self.disk.lock();
        disk.look()?;
        Ok(disk.names.exists(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        pause(&self.disk);
        self.disk.lock().name_op(NameOp::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        pause(&self.disk);
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
        pause(&self.disk);
        let mut disk = self.disk.lock();
        disk.op(OpKind::Sync)?;
        disk.names.sync(dir)
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let mut disk = self.disk.lock();
        disk.look()?;
        Ok(disk.free_bytes())
    }
}

impl SimFile {
    fn with<T>(
        &self,
        kind: OpKind,
        end: u64,
        act: impl FnOnce(&mut Disk, io::Result<()>) -> io::Result<T>,
    ) -> io::Result<T> {
        pause(&self.disk);
        let mut disk = self.disk.lock();
        if disk.boot != self.boot {
            return Err(io::Error::other("the file was opened before a crash"));
        }
        let allowed = disk.op(kind);
        if allowed.is_ok() {
            disk.may_reach(self.inode, end)?;
        }
        act(&mut disk, allowed)
    }
}

impl StorageFile for SimFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.with(OpKind::Read, 0, |disk, allowed| {
            allowed?;
            let inode = &disk.inodes[self.inode];
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let bytes = inode.live.get(start..start.saturating_add(buffer.len()));
            buffer.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
            Ok(())
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(OpKind::Write, offset.saturating_add(bytes.len() as u64), |disk, allowed| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            match allowed {
                Ok(()) => disk.write(self.inode, start, bytes),
                // A write that fails on a disk that works has often written a part.
                Err(error) if error.raw_os_error().is_some() => {
                    disk.write(self.inode, start, &bytes[..bytes.len() / 2 / SECTOR * SECTOR]);
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(OpKind::Sync, 0, |disk, allowed| {
            let inode = &mut disk.inodes[self.inode];
            match allowed {
                Ok(()) => {
                    inode.sync();
                    disk.note_since(self.inode, Since::Written, Since::Synced);
                }
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
        let mut disk = self.disk.lock();
        disk.look()?;
        Ok(disk.inodes[self.inode].live.len() as u64)
    }
}

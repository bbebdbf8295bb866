//! What is done behind the path of the orders: the index of sealed segments, their archives, snapshots.
//!
//! One thread of low priority, a loop around [`Keeper::step`]; each step is one piece of work. Nothing it
//! makes is needed for what was promised: where it fails, the log is longer to replay and takes more room,
//! and it tries again.

use crate::actor::ShardAddress;
use crate::clock::{Stopwatch, processor_time};
use crate::handle::Inner;
use crate::metrics;
use crate::rebuild::rebuild_step;
use crate::secrets::Fingerprints;
use crate::seen::entries_of;
use crate::snapshot::{Picture, SnapshotError, write};
use crate::space::SpaceLevel;
use ::metrics::{counter, gauge, histogram};
use onhand_snapshots::chunks::ChunkError;
use onhand_snapshots::index::Entry;
use onhand_snapshots::log::{ArchiveError, Archiver, LogReader, ReadError};
use onhand_snapshots::storage::{Storage, empty_trash};
use onhand_snapshots::{Generations, Index, Lsn};
use parking_lot::{Condvar, Mutex};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often the keeper looks for work, and how long it waits after a failure.
const PAUSE: Duration = Duration::from_millis(200);
/// See [`Keeper::leisurely_step`].
const REST_FACTOR: u32 = 9;
/// Every so manieth step begins with snapshots and archives: without them a log that grows faster than it is indexed
/// would take ever longer to replay. An eighth more work behind the path at the most.
const OTHERS_EVERY: u64 = 8;
/// How many records are indexed before it may rest: a tenth of a millisecond's work.
const BREATH_RECORDS: u64 = 128;
/// How often it looks whether something can be removed: what somebody has open waits.
const TRASH_PAUSE: Duration = Duration::from_secs(1);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct Keeper {
    pub(crate) archiver: Archiver,
    pub(crate) reader: LogReader,
    pub(crate) index: Arc<Index>,
    pub(crate) generations: Generations,
    pub(crate) fingerprints: Fingerprints,
    pub(crate) shards: Vec<ShardAddress>,
    pub(crate) cluster: [u8; 16],
    pub(crate) snapshot_segments: usize,
    /// Up to which record a generation holds everything.
    pub(crate) cut: Lsn,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) lateness: Lateness,
    /// Since when, and how long, it rests from what can wait.
    pub(crate) rest: Option<(Stopwatch, Duration)>,
    /// When it last looked for what can be removed.
    pub(crate) emptied: Option<Stopwatch>,
    /// Steps so far.
    pub(crate) turns: u64,
}

/// Why a piece of work was not done. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The index.
    #[error("the index: {0}")]
    Index(#[from] ChunkError),
    /// A segment that is to be indexed.
    #[error("reading a sealed segment: {0}")]
    Read(#[from] ReadError),
    /// A record that is to be indexed.
    #[error("record {lsn} cannot be indexed: {what}")]
    Record {
        /// Which.
        lsn: Lsn,
        /// Why.
        what: String,
    },
    /// An archive.
    #[error("archiving: {0}")]
    Archive(#[from] ArchiveError),
    /// A snapshot.
    #[error("the snapshot: {0}")]
    Snapshot(#[from] SnapshotError),
}

impl Keeper {
    /// Does the most urgent piece of work; `false` if there is none. The index comes first: what it covers
    /// leaves memory. Archives come last: they only save room. Under a load that keeps the index busy without end these
    /// get a turn now and then.
    pub(crate) fn step(&mut self, inner: &Inner) -> Result<bool, KeeperError> {
        if inner.space.level() > SpaceLevel::Enough {
            return self.full_step(inner);
        }
        let is_their_turn = self.is_turn_of_others();
        Ok(is_their_turn && self.others_step(inner)?
            || rebuild_step(inner, &self.reader)
            || self.index_step()?
            || self.index.merge_step()?
            || self.others_step(inner)?)
    }

    /// On a disk that is nearly full: only what takes no room, or frees more than it takes.
    fn full_step(&mut self, inner: &Inner) -> Result<bool, KeeperError> {
        Ok(rebuild_step(inner, &self.reader) || inner.space.has_room_for_archive() && self.archive_step()?)
    }

    /// What the index comes before.
    fn others_step(&mut self, inner: &Inner) -> Result<bool, KeeperError> {
        Ok(self.snapshot_step(inner)? || self.archive_step()?)
    }

    fn is_turn_of_others(&mut self) -> bool {
        self.turns = self.turns.wrapping_add(1);
        self.turns.is_multiple_of(OTHERS_EVERY)
    }

    /// The same at leisure: after a snapshot or an archive it rests until that has taken a tenth of the processor's
    /// time since it began, so that under load it costs the orders no more. What the index covers leaves memory: it
    /// goes on.
    fn leisurely_step(&mut self, inner: &Inner) -> Result<bool, KeeperError> {
        // First, and whatever fails: on a full disk it makes room.
        self.empty_trash();
        if inner.space.level() > SpaceLevel::Enough {
            return self.full_step(inner);
        }
        let is_their_turn = self.is_turn_of_others();
        if is_their_turn && self.leisurely_others_step(inner)? {
            return Ok(true);
        }
        if rebuild_step(inner, &self.reader) || self.index_step()? || self.index.merge_step()? {
            return Ok(true);
        }
        self.leisurely_others_step(inner)
    }

    fn leisurely_others_step(&mut self, inner: &Inner) -> Result<bool, KeeperError> {
        if self.rest.is_some_and(|(since, rest)| since.elapsed() < rest) {
            return Ok(false);
        }
        let (watch, before) = (Stopwatch::start(), processor_time());
        let done = self.others_step(inner)?;
        let busy = processor_time().saturating_sub(before);
        let idle = watch.elapsed().saturating_sub(busy);
        self.rest = done.then(|| (Stopwatch::start(), (busy * REST_FACTOR).saturating_sub(idle)));
        Ok(done)
    }

    /// Removes what is no longer needed. Where it cannot, all other work goes on.
    fn empty_trash(&mut self) {
        if self.emptied.is_some_and(|since| since.elapsed() < TRASH_PAUSE) {
            return;
        }
        if let Err(error) = empty_trash(&*self.storage) {
            counter!(metrics::KEEPER_FAILURES).increment(1);
            tracing::warn!(%error, "what is no longer needed cannot be removed");
        }
        self.emptied = Some(Stopwatch::start());
    }

    /// Indexes the oldest sealed segment that is not.
    fn index_step(&mut self) -> Result<bool, KeeperError> {
        let covered = self.index.covered();
        let mut sealed = self.archiver.sealed();
        sealed.retain(|(_, next)| next.0 > covered.0 + 1);
        let Some((first, next)) = sealed.first().copied() else { return Ok(false) };
        // Nearly every record has one key; room that grew under way would be copied and cleared again and again.
        let mut entries: Vec<Entry> = Vec::with_capacity(usize::try_from(next.0 - first.0).unwrap_or(0));
        let mut failed = None;
        self.reader.scan_from(first, &mut |lsn, record| {
            if lsn >= next {
                return false;
            }
            if lsn.0 % BREATH_RECORDS == 0 {
                self.storage.breathe();
            }
            let result = entries_of(lsn, record, &self.fingerprints, &mut entries);
            failed = result.err().map(|error| KeeperError::Record { lsn, what: error.to_string() });
            failed.is_none()
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.index.add(Lsn(next.0 - 1), entries)?;
        self.lateness.tell();
        let runs = self.index.runs();
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        gauge!(metrics::INDEX_ENTRIES).set(runs.entries() as f64);
        Ok(true)
    }

    fn archive_step(&mut self) -> Result<bool, KeeperError> {
        // What a start from the newest generation reads stays raw: it reads faster.
        let archived = self.archiver.step(self.cut.next())?;
        if archived {
            counter!(metrics::ARCHIVED_SEGMENTS).increment(1);
        }
        Ok(archived)
    }

    fn snapshot_step(&mut self, inner: &Inner) -> Result<bool, KeeperError> {
        let since = self.archiver.sealed().iter().filter(|(first, _)| *first > self.cut).count();
        if since < self.snapshot_segments {
            return Ok(false);
        }
        match self.snapshot(inner) {
            Ok(_) => Ok(true),
            Err(SnapshotError::NotNow(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the state down. Intake goes on meanwhile.
    pub(crate) fn snapshot(&mut self, inner: &Inner) -> Result<Lsn, SnapshotError> {
        let watch = Stopwatch::start();
        let picture = self.picture(inner)?;
        inner.appender.wake();
        if !inner.appender.wait_durable(picture.end()) {
            return Err(SnapshotError::NotNow("the log is closed"));
        }
        self.cut = write(&picture, &self.generations)?;
        histogram!(metrics::SNAPSHOT_SECONDS).record(watch.elapsed());
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        gauge!(metrics::SNAPSHOT_LSN).set(self.cut.0 as f64);
        Ok(self.cut)
    }

    fn picture(&self, inner: &Inner) -> Result<Picture, SnapshotError> {
        let frozen = self.shards.iter().map(ShardAddress::freeze).collect::<Option<Vec<_>>>();
        let shards = frozen.ok_or(SnapshotError::NotNow("a shard gives no picture now"))?;
        // After the shards: every merchant that one of them has is in it.
        let (merchants, keys, registry_cut) = {
            let _one = inner.admin.lock();
            let (merchants, keys) = inner.registry.rows();
            (merchants, keys, inner.appender.last())
        };
        let at = inner.time.stamp();
        Ok(Picture { cluster: self.cluster, at, merchants, keys, registry_cut, shards })
    }
}

/// Sealed segments that may wait for the index before the work behind the path hurries: their keys are in memory, some
/// 10 MB each.
const UNINDEXED_MAX: usize = 2;

/// Whether the work behind the path is late.
#[derive(Clone)]
pub(crate) struct Lateness {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) reader: LogReader,
    pub(crate) index: Arc<Index>,
}

impl Lateness {
    /// Tells whoever works there, also in the middle of something long.
    pub(crate) fn tell(&self) {
        let waiting = self.reader.sealed_behind(self.index.covered());
        self.storage.hurry(waiting > UNINDEXED_MAX);
    }
}

/// Ends the keeper's loop.
#[derive(Default)]
pub(crate) struct KeeperGate {
    closed: Mutex<bool>,
    changed: Condvar,
}

impl KeeperGate {
    /// No more work.
    pub(crate) fn close(&self) {
        *self.closed.lock() = true;
        self.changed.notify_all();
    }

    fn is_closed(&self) -> bool {
        *self.closed.lock()
    }

    /// Waits; `false` once closed.
    fn pause(&self, time: Duration) -> bool {
        let mut closed = self.closed.lock();
        if !*closed {
            self.changed.wait_for(&mut closed, time);
        }
        !*closed
    }
}

/// Works until the gate is closed or the engine is gone.
pub(crate) fn keep(inner: &Weak<Inner>, gate: &KeeperGate) {
    lower_priority();
    let mut pause = Duration::ZERO;
    while gate.pause(pause) {
        let Some(inner) = inner.upgrade() else { return };
        watch_clock(&inner);
        inner.space.check();
        let mut keeper = inner.keeper.lock();
        if gate.is_closed() {
            return;
        }
        let done = keeper.leisurely_step(&inner);
        drop(keeper);
        pause = match done {
            Ok(true) => Duration::ZERO,
            Ok(false) => PAUSE,
            Err(error) => {
                counter!(metrics::KEEPER_FAILURES).increment(1);
                tracing::warn!(%error, "behind the path of the orders");
                PAUSE_AFTER_FAILURE
            }
        };
    }
}

/// Looks at the clock, so that a server that stands idle for hours does not take them for a jump.
fn watch_clock(inner: &Inner) {
    inner.time.tend();
    gauge!(metrics::CLOCK_SUSPENDED).set(if inner.time.is_suspended() { 1.0 } else { 0.0 });
}

/// Orders come first: where processors are scarce, this thread gets a tenth of one.
fn lower_priority() {
    const NICENESS: i32 = 10;
    let thread = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(thread), NICENESS) {
        tracing::debug!(%error, "the keeper's priority stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onhand_snapshots::chunks::FileChunks;
    use onhand_snapshots::log::{Log, LogOptions, SEGMENT_BYTES_MIN};
    use onhand_snapshots::storage::SimStorage;

    #[test]
    fn work_is_late_while_more_segments_wait_for_the_index_than_may() {
        let disk = Arc::new(SimStorage::default());
        let options = LogOptions { cluster: [1; 16], segment_bytes: SEGMENT_BYTES_MIN };
        let opened = Log::open(disk.clone(), options, Lsn(1), &mut |_, _| Ok(())).unwrap();
        let (appender, mut writer) = (opened.appender, opened.writer);
        let index = Arc::new(Index::open(disk.clone(), Arc::new(FileChunks::new(disk.clone()))).unwrap());
        let (storage, reader) = (disk.clone(), opened.reader.clone());
        let lateness = Lateness { storage, reader, index: Arc::clone(&index) };
        for sealed in 0..=UNINDEXED_MAX {
            while opened.archiver.sealed().len() <= sealed {
                assert!(!disk.is_late(), "{sealed} segments may wait");
                appender.append(&[&[7; 100_000]]).unwrap();
                writer.step().unwrap();
            }
            lateness.tell();
        }
        assert!(disk.is_late());
        let (_, next) = opened.archiver.sealed()[0];
        index.add(Lsn(next.0 - 1), Vec::new()).unwrap();
        lateness.tell();
        assert!(!disk.is_late());
    }
}

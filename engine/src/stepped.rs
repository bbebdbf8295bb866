//! An engine without threads: whoever holds it says which part goes on next.
//!
//! It is made of the same parts as [`crate::Engine`] and recovers by the same code. What the threads of an engine do in
//! loops are steps here, none of which waits; so a simulator can choose their order, and repeat it.

use crate::actor::{ShardAddress, SteppedShard};
use crate::clock::Clock;
use crate::config::EngineConfig;
use crate::customer::Random;
use crate::error::StartError;
use crate::handle::Handle;
use crate::keeper::KeeperError;
use crate::parts::{Parts, close_log, digest_of};
use crate::secrets::{Fingerprints, fill_random};
use onhand_snapshots::Disk;
use onhand_snapshots::log::{LogWriter, OpenReport, SparePreparer, Stepped, WriteError};
use onhand_snapshots::storage::empty_trash;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;

/// See the module.
pub struct SteppedEngine {
    handle: Handle,
    shards: Vec<Arc<SteppedShard>>,
    log: Arc<Log>,
    spares: SparePreparer,
    disk: Disk,
    report: OpenReport,
}

/// The log, and what became of it.
struct Log {
    writer: Mutex<LogWriter>,
    /// Why it takes nothing more.
    failure: Mutex<Option<WriteError>>,
}

impl SteppedEngine {
    /// Recovers what a data directory holds.
    ///
    /// # Errors
    /// [`StartError`]; nothing was changed, unless a torn end was cut off.
    pub fn start(
        disk: Disk,
        fingerprints: Fingerprints,
        clock: Arc<dyn Clock>,
        config: &EngineConfig,
    ) -> Result<Self, StartError> {
        Self::start_with(disk, fingerprints, clock, Box::new(fill_random), config)
    }

    /// The same with other random bytes for the keys of personal data: a simulator's come again.
    ///
    /// # Errors
    /// As [`SteppedEngine::start`].
    pub fn start_with(
        disk: Disk,
        fingerprints: Fingerprints,
        clock: Arc<dyn Clock>,
        random: Random,
        config: &EngineConfig,
    ) -> Result<Self, StartError> {
        let mut parts = Parts::recover(&disk, fingerprints, clock, random, config)?;
        let states = std::mem::take(&mut parts.states).into_iter().enumerate();
        let shards: Vec<Arc<SteppedShard>> =
            states.map(|(number, state)| Arc::new(SteppedShard::new(parts.shard(number, state)))).collect();
        let report = parts.report.clone();
        let addresses = shards.iter().map(|shard| ShardAddress::Stepped(Arc::clone(shard))).collect();
        let (inner, writer, spares) = parts.assemble(addresses);
        let inner = Arc::new(inner);
        let log = Arc::new(Log { writer: Mutex::new(writer), failure: Mutex::default() });
        let (weak, completions) = (Arc::downgrade(&log), Arc::clone(&inner.completions));
        inner.appender.drive(move || {
            weak.upgrade().is_some_and(|log| log.step(|durable| completions.release(durable)))
        });
        Ok(Self { handle: Handle { inner }, shards, log, spares, disk, report })
    }

    /// The way to it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// What opening the log found.
    #[must_use]
    pub fn report(&self) -> &OpenReport {
        &self.report
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// How many segments of the log are sealed, archives included.
    #[must_use]
    pub fn sealed(&self) -> u64 {
        self.handle.inner.reader.sealed_behind(onhand_snapshots::Lsn::ZERO) as u64
    }

    /// A shard takes some turns; `false` if it had nothing to do.
    pub fn shard_step(&self, shard: usize) -> bool {
        self.shards[shard].step()
    }

    /// The log writes and syncs one frame and hands out what waited for it; `false` if it had nothing to do or has
    /// failed.
    pub fn log_step(&self) -> bool {
        let completions = &self.handle.inner.completions;
        self.log.step(|durable| completions.release(durable))
    }

    /// Why the log takes nothing more, if it does not: then a process must end.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.log.failure.lock().is_some()
    }

    /// The next segment is made, if one is wanted, and the disk is looked at.
    ///
    /// # Errors
    /// As the disk says; the log then makes its own.
    pub fn spare_step(&self) -> io::Result<bool> {
        let made = self.spares.try_step();
        self.handle.inner.space.check();
        made
    }

    /// Keys for personal data are made, if some are wanted.
    ///
    /// # Errors
    /// As the disk says; then no more are made.
    pub fn customer_step(&self) -> io::Result<bool> {
        self.handle.inner.customers.try_step()
    }

    /// The mark of a clock that is not believed is kept up.
    pub fn clock_step(&self) {
        self.handle.inner.time.tend();
    }

    /// The most urgent piece of work behind the path is done; `false` if there is none.
    ///
    /// # Errors
    /// [`KeeperError`]; it is tried again by the next step.
    pub fn keeper_step(&self) -> Result<bool, KeeperError> {
        self.handle.inner.space.check();
        self.handle.inner.keeper.lock().step(&self.handle.inner)
    }

    /// What lost its name is removed.
    ///
    /// # Errors
    /// As the disk says.
    pub fn trash_step(&self) -> io::Result<()> {
        empty_trash(&*self.disk.storage).map(|_| ())
    }

    /// Finishes what was admitted, writes the closing record and stops. Returns the digest of the state; `None`, and
    /// no closing record, if there is none that a start could compare with, or the log has failed.
    pub fn stop(self) -> Option<u64> {
        let inner = &self.handle.inner;
        let shards: Vec<_> = inner.shards.iter().filter_map(ShardAddress::stop).collect();
        let digest = digest_of(&shards)?;
        close_log(&inner.appender, digest, inner.time.stamp());
        inner.appender.close();
        while self.log_step() {}
        (!self.has_failed()).then_some(digest)
    }
}

impl Log {
    /// `false` if there was nothing to do, or the log has failed.
    fn step(&self, release: impl Fn(onhand_snapshots::Lsn)) -> bool {
        // Whoever is inside is this very thread, in a call to the disk in which others go on.
        let Some(mut writer) = self.writer.try_lock() else { return false };
        match writer.step() {
            Ok(Stepped::Durable(durable)) => {
                release(durable);
                true
            }
            Ok(Stepped::Idle | Stepped::Closed) => {
                release(writer.durable());
                false
            }
            Err(error) => {
                self.failure.lock().get_or_insert(error);
                false
            }
        }
    }
}

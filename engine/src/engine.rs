//! Starting and stopping: recovery first, then the threads; the other way round at the end.

use crate::actor::{Shard, ShardAddress, start};
use crate::clock::{Clock, Stopwatch};
use crate::completion::Completions;
use crate::config::EngineConfig;
use crate::customer::CustomerKeys;
use crate::error::StartError;
use crate::geo::Places;
use crate::handle::Handle;
use crate::keeper::{KeeperGate, Lateness, keep};
use crate::metrics;
use crate::parts::{Parts, close_log, digest_of};
use crate::secrets::{Fingerprints, fill_random};
use crate::space::{SPACE_INTERVAL, Space};
use ::metrics::{counter, histogram};
use onhand_snapshots::log::{
    LogWriter, OpenReport, Prepared, SpareCloser, SparePreparer, Stepped, WriteError,
};
use onhand_snapshots::{Disk, Lsn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// What the process does when it must not go on.
pub type OnFailure = Arc<dyn Fn(&Failure) + Send + Sync>;

/// Why a process must not go on. What was acknowledged is in the log; a new start decides from it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The log failed: what the disk holds is unknown.
    #[error("the log failed: {0}")]
    Log(#[from] WriteError),
    /// A thread that the engine cannot do without ended by a panic: a defect.
    #[error("the thread {0} panicked")]
    Thread(String),
}

/// A running engine.
pub struct Engine {
    handle: Handle,
    addresses: Vec<ShardAddress>,
    shard_threads: Vec<JoinHandle<()>>,
    log_threads: Vec<JoinHandle<()>>,
    spares: SpareCloser,
    gate: Arc<KeeperGate>,
    customers: Arc<CustomerKeys>,
    report: OpenReport,
}

/// Reads the table of places beside the start, so that no shard reads it while orders wait. Where that can't be, who needs it
/// first reads it.
fn unpack_places() {
    let read = || {
        if let Err(error) = Places::bundled() {
            tracing::error!(?error, "the table of places is damaged; no distance is known");
        }
    };
    if let Err(error) = std::thread::Builder::new().name("places".into()).spawn(read) {
        tracing::warn!(%error, "the table of places is read when it is needed");
    }
}

impl Engine {
    /// Recovers what a data directory holds and starts. `on_failure` is called when the log fails; it
    /// should end the process.
    ///
    /// # Errors
    /// [`StartError`]; nothing was changed, unless a torn end was cut off.
    pub fn start(
        disk: Disk,
        fingerprints: Fingerprints,
        clock: Arc<dyn Clock>,
        config: &EngineConfig,
        on_failure: OnFailure,
    ) -> Result<Self, StartError> {
        unpack_places();
        let mut parts = Parts::recover(&disk, fingerprints, clock, Box::new(fill_random), config)?;
        let mut shard_threads = Vec::new();
        let mut addresses = Vec::new();
        // It only saves time: a full disk must not keep a server from starting.
        if let Err(error) = disk.chunks.warm_up() {
            tracing::warn!(%error, "sled cannot be opened ahead of need");
        }
        for (number, state) in std::mem::take(&mut parts.states).into_iter().enumerate() {
            let thread_error = |source| StartError::Io { what: "starting a thread", source };
            let shard = parts.shard(number, state);
            let (address, thread) = start(number, shard, Arc::clone(&on_failure)).map_err(thread_error)?;
            addresses.push(address);
            shard_threads.push(thread);
        }
        let (lateness, report) = (parts.lateness(), parts.report.clone());
        let (inner, writer, preparer) = parts.assemble(addresses.clone());
        let (inner, spares) = (Arc::new(inner), preparer.closer());
        let (customers, key_maker) = (Arc::clone(&inner.customers), Arc::clone(&inner.customers));
        let gate = Arc::new(KeeperGate::default());
        let (weak, keeper_gate) = (Arc::downgrade(&inner), Arc::clone(&gate));
        let space = Arc::clone(&inner.space);
        let log = log_loop(writer, Arc::clone(&inner.completions), Arc::clone(&on_failure));
        let log_threads = vec![
            spawn("log-writer", &on_failure, log)?,
            spawn("customer-keys", &on_failure, move || make_keys(&key_maker))?,
            spawn("log-spare", &on_failure, move || prepare_spares(&preparer, &lateness, &space))?,
            spawn("keeper", &on_failure, move || keep(&weak, &keeper_gate))?,
        ];
        Ok(Self {
            handle: Handle { inner },
            addresses,
            shard_threads,
            log_threads,
            spares,
            gate,
            customers,
            report,
        })
    }

    /// The way to it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends the keeper's work, for a test of what it leaves undone.
    #[cfg(test)]
    pub(crate) fn gate_for_tests(&self) -> &KeeperGate {
        &self.gate
    }

    /// What opening the log found.
    #[must_use]
    pub fn report(&self) -> &OpenReport {
        &self.report
    }

    /// Finishes what was admitted, writes the closing record and stops. Returns the digest of the state; `None`,
    /// and no closing record, if there is none that a start could compare with.
    pub fn stop(self) -> Option<u64> {
        self.gate.close();
        // A piece of work under way is finished first: it needs the shards.
        drop(self.handle.inner.keeper.lock());
        let shards: Vec<Shard> = self.addresses.iter().filter_map(ShardAddress::stop).collect();
        let digest = if shards.len() == self.addresses.len() { digest_of(&shards) } else { None };
        let appender = &self.handle.inner.appender;
        match digest {
            Some(digest) => close_log(appender, digest, self.handle.inner.time.stamp()),
            None => tracing::warn!("not every merchant is served, so the log gets no closing record"),
        }
        appender.close();
        self.spares.close();
        self.customers.close();
        for thread in self.shard_threads.into_iter().chain(self.log_threads) {
            if thread.join().is_err() {
                tracing::error!("a thread panicked");
            }
        }
        digest
    }
}

/// Write what has gathered, sync, hand out the answers; until closed.
fn log_loop(
    mut writer: LogWriter,
    completions: Arc<Completions>,
    on_failure: OnFailure,
) -> impl FnOnce() + Send {
    move || {
        loop {
            writer.wait();
            let (before, watch) = (writer.durable(), Stopwatch::start());
            match writer.step() {
                Ok(Stepped::Durable(durable)) => {
                    count_sync(watch.elapsed(), before, durable);
                    completions.release(durable);
                }
                Ok(Stepped::Idle) => completions.release(writer.durable()),
                Ok(Stepped::Closed) => return completions.release(writer.durable()),
                Err(error) => return on_failure(&Failure::Log(error)),
            }
        }
    }
}

fn count_sync(took: Duration, before: Lsn, durable: Lsn) {
    counter!(metrics::LOG_SYNCS).increment(1);
    counter!(metrics::LOG_RECORDS).increment(durable.0 - before.0);
    histogram!(metrics::LOG_SYNC_SECONDS).record(took);
}

/// Makes keys until closed. After a failure none are made: orders with personal data are then refused, all
/// others go on.
fn make_keys(customers: &CustomerKeys) {
    loop {
        match customers.step() {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::error!(%error, "no more keys for personal data can be made; restart when the disk is well");
            }
        }
    }
}

/// Prepares the next segment until closed, and looks at the disk now and then. A failure is no loss yet: the writer
/// prepares its own when it needs it; where there is no room, less is taken until there is.
fn prepare_spares(preparer: &SparePreparer, lateness: &Lateness, space: &Space) {
    loop {
        let step = preparer.step(SPACE_INTERVAL);
        space.check();
        match step {
            Ok(Prepared::Nothing) => {}
            // A segment was sealed when this one was asked for.
            Ok(Prepared::Made) => lateness.tell(),
            Ok(Prepared::Closed) => return,
            Err(error) => {
                lateness.tell();
                // That the disk is full is said once, when the level changes; this is tried ten times a second.
                if error.kind() == io::ErrorKind::StorageFull {
                    tracing::debug!(%error, "the next segment of the log cannot be prepared");
                } else {
                    tracing::error!(%error, "the next segment of the log cannot be prepared");
                }
                preparer.pause(SPACE_INTERVAL);
            }
        }
    }
}

/// Starts a thread. One that panics ends the process: without it requests would wait for ever.
fn spawn(
    name: &str,
    on_failure: &OnFailure,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, StartError> {
    let (builder, on_failure) = (std::thread::Builder::new().name(name.to_owned()), Arc::clone(on_failure));
    let name = name.to_owned();
    let thread = builder.spawn(move || {
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            on_failure(&Failure::Thread(name));
        }
    });
    thread.map_err(|source| StartError::Io { what: "starting a thread", source })
}

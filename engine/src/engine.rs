//! Starting and stopping: recovery first, then the threads; the other way round at the end.

use crate::actor::{Shard, ShardAddress, ShardState, start};
use crate::clock::{Clock, Stopwatch};
use crate::completion::Completions;
use crate::config::EngineConfig;
use crate::customer::CustomerKeys;
use crate::error::StartError;
use crate::handle::{Handle, Inner};
use crate::keeper::{Keeper, KeeperGate, Lateness, keep};
use crate::metrics;
use crate::rebuild::Ward;
use crate::recovery::{Recovered, recover};
use crate::secrets::{Fingerprints, fill_random};
use crate::trusted_time::TrustedTime;
use ::metrics::{counter, histogram};
use onhand_record::admin::{LogClosedV1, LogOpenedV1};
use onhand_record::{Header, Kind, encode_into};
use onhand_snapshots::log::{
    Appender, LogWriter, OpenReport, SpareCloser, SparePreparer, Stepped, WriteError,
};
use onhand_snapshots::{Disk, Generations, Index, Lsn};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// The set of record kinds this release writes.
const FEATURE_LEVEL: u32 = 1;

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
        let index = Arc::new(Index::open(Arc::clone(&disk.storage), Arc::clone(&disk.chunks))?);
        let generations = Generations::new(Arc::clone(&disk.storage), Arc::clone(&disk.chunks));
        let recovered = recover(&disk, &index, &generations, &fingerprints, config)?;
        let Recovered { foundation, opened } = recovered;
        let (appender, mut writer, report) = (opened.appender, opened.writer, opened.report);
        if report.last == Lsn::ZERO {
            open_log(&appender, &mut writer, &report, clock.now_ms())?;
        }
        let customer_error = |source| StartError::Io { what: "the key store", source };
        let customers = CustomerKeys::open(Arc::clone(&disk.storage), fill_random).map_err(customer_error)?;
        let (customers, key_maker) = shared(customers);
        let recovered_at = foundation.states.iter().map(ShardState::at).max().unwrap_or(0);
        let time = TrustedTime::open(Arc::clone(&disk.storage), clock, recovered_at);
        let time = time.map_err(|source| StartError::Io { what: "the mark of the clock", source })?;
        let time = Arc::new(time);
        let completions = Arc::new(Completions::new(config.shards));
        let spares = opened.spares.closer();
        let preparer = opened.spares;
        let lateness = Lateness {
            storage: Arc::clone(&disk.storage),
            reader: opened.reader.clone(),
            index: Arc::clone(&index),
        };
        let told = lateness.clone();
        let log = log_loop(writer, Arc::clone(&completions), Arc::clone(&on_failure));
        let mut log_threads = vec![
            spawn("log-writer", &on_failure, log)?,
            spawn("customer-keys", &on_failure, move || make_keys(&key_maker))?,
            spawn("log-spare", &on_failure, move || prepare_spares(&preparer, &told))?,
        ];
        // It only saves time: a full disk must not keep a server from starting.
        if let Err(error) = disk.chunks.warm_up() {
            tracing::warn!(%error, "sled cannot be opened ahead of need");
        }
        let ward = Arc::new(Ward::default());
        let mut addresses = Vec::new();
        let mut shard_threads = Vec::new();
        for (number, state) in foundation.states.into_iter().enumerate() {
            state.poisoned().for_each(|merchant| ward.admit(merchant));
            let (completions, time) = (Arc::clone(&completions), Arc::clone(&time));
            let shard = Shard::new(
                number,
                state,
                appender.clone(),
                completions,
                time,
                Arc::clone(&index),
                Arc::clone(&ward),
            );
            let thread_error = |source| StartError::Io { what: "starting a thread", source };
            let (address, thread) = start(number, shard, Arc::clone(&on_failure)).map_err(thread_error)?;
            addresses.push(address);
            shard_threads.push(thread);
        }
        let keeper = Keeper {
            archiver: opened.archiver,
            reader: opened.reader.clone(),
            index: Arc::clone(&index),
            generations,
            fingerprints: fingerprints.clone(),
            shards: addresses.clone(),
            cluster: report.cluster,
            snapshot_segments: config.snapshot_segments.max(1),
            cut: foundation.cut,
            storage: Arc::clone(&disk.storage),
            lateness,
            rest: None,
            emptied: None,
        };
        let inner = Arc::new(Inner {
            shards: addresses.clone(),
            completions,
            directories: foundation.directories,
            registry: foundation.registry,
            appender,
            reader: opened.reader,
            time,
            fingerprints,
            limits: config.queues,
            admin: Mutex::new(()),
            index,
            keeper: Mutex::new(keeper),
            customers: Arc::clone(&customers),
            ward,
        });
        let gate = Arc::new(KeeperGate::default());
        let (weak, keeper_gate) = (Arc::downgrade(&inner), Arc::clone(&gate));
        log_threads.push(spawn("keeper", &on_failure, move || keep(&weak, &keeper_gate))?);
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

/// The digest of all shards, if every merchant is served and every invariant holds.
fn digest_of(shards: &[Shard]) -> Option<u64> {
    let mut sum = 0_u64;
    for shard in shards {
        let digest = shard.state().check().map_err(|(merchant, violation)| {
            tracing::error!(merchant = merchant.0, %violation, "the state is wrong");
        });
        sum = sum.wrapping_add(digest.ok()??);
    }
    Some(sum)
}

fn close_log(appender: &Appender, digest: u64, now_ms: u64) {
    let mut record = Vec::new();
    system_header(Kind::LogClosed, now_ms).encode_into(&mut record);
    if encode_into(&LogClosedV1 { digest }, &mut record).is_ok() && appender.append(&[&record]).is_err() {
        tracing::warn!("the log took no closing record");
    }
}

/// The first record of a journal says whose it is.
fn open_log(
    appender: &Appender,
    writer: &mut LogWriter,
    report: &OpenReport,
    now_ms: u64,
) -> Result<(), StartError> {
    let mut record = Vec::new();
    system_header(Kind::LogOpened, now_ms).encode_into(&mut record);
    let opened = LogOpenedV1 { cluster: report.cluster, epoch: report.epoch, feature_level: FEATURE_LEVEL };
    let refused = |message: String| StartError::Io {
        what: "writing the first record",
        source: std::io::Error::other(message),
    };
    encode_into(&opened, &mut record).map_err(|error| refused(error.to_string()))?;
    appender.append(&[&record]).map_err(|error| refused(error.to_string()))?;
    writer.step()?;
    Ok(())
}

fn system_header(kind: Kind, at: u64) -> Header {
    Header { kind, merchant: 0, at, actor: 0, request: [0; 16], idempotency: None, fingerprint: None }
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

/// Two handles on the key store: one to use it, one for its thread.
fn shared(customers: CustomerKeys) -> (Arc<CustomerKeys>, Arc<CustomerKeys>) {
    let customers = Arc::new(customers);
    (Arc::clone(&customers), customers)
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

/// Prepares the next segment until closed. A failure is no loss yet: the writer prepares its own when it needs it.
fn prepare_spares(preparer: &SparePreparer, lateness: &Lateness) {
    loop {
        let step = preparer.step();
        // A segment was sealed when this one was asked for.
        lateness.tell();
        match step {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::error!(%error, "the next segment of the log cannot be prepared"),
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

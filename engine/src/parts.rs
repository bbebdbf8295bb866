//! What an engine is made of, before anything runs: recovered, checked, and put together.

use crate::actor::{Shard, ShardAddress, ShardState};
use crate::clock::Clock;
use crate::completion::Completions;
use crate::config::{EngineConfig, QueueLimits};
use crate::customer::{CustomerKeys, Random};
use crate::directory::Directories;
use crate::error::StartError;
use crate::handle::Inner;
use crate::keeper::{Keeper, Lateness};
use crate::rebuild::Ward;
use crate::recovery::{Recovered, recover};
use crate::registry::Registry;
use crate::secrets::Fingerprints;
use crate::space::Space;
use crate::trusted_time::TrustedTime;
use onhand_record::admin::{FEATURE_LEVEL, LogClosedV1, LogOpenedV1};
use onhand_record::{EncodeError, Header, Kind, VERSION, encode_into};
use onhand_snapshots::log::{Appender, Archiver, LogReader, LogWriter, OpenReport, SparePreparer};
use onhand_snapshots::storage::Storage;
use onhand_snapshots::{Disk, Generations, Index, Lsn};
use parking_lot::Mutex;
use std::sync::Arc;

/// See the module. What is taken out of it runs by itself.
pub(crate) struct Parts {
    pub(crate) states: Vec<ShardState>,
    pub(crate) writer: LogWriter,
    pub(crate) spares: SparePreparer,
    pub(crate) report: OpenReport,
    pub(crate) completions: Arc<Completions>,
    pub(crate) customers: Arc<CustomerKeys>,
    pub(crate) appender: Appender,
    pub(crate) time: Arc<TrustedTime>,
    pub(crate) ward: Arc<Ward>,
    pub(crate) index: Arc<Index>,
    directories: Arc<Directories>,
    registry: Arc<Registry>,
    reader: LogReader,
    archiver: Archiver,
    generations: Generations,
    fingerprints: Fingerprints,
    storage: Arc<dyn Storage>,
    limits: QueueLimits,
    pub(crate) space: Arc<Space>,
    snapshot_segments: usize,
    /// Up to which record the generation that was read holds everything.
    cut: Lsn,
}

impl Parts {
    /// Recovers what a data directory holds.
    ///
    /// # Errors
    /// [`StartError`]; nothing was changed, unless a torn end was cut off.
    pub(crate) fn recover(
        disk: &Disk,
        fingerprints: Fingerprints,
        clock: Arc<dyn Clock>,
        random: Random,
        config: &EngineConfig,
    ) -> Result<Self, StartError> {
        let index = Arc::new(Index::open(Arc::clone(&disk.storage), Arc::clone(&disk.chunks))?);
        let generations = Generations::new(Arc::clone(&disk.storage), Arc::clone(&disk.chunks));
        let Recovered { foundation, opened } = recover(disk, &index, &generations, &fingerprints, config)?;
        let (appender, mut writer, report) = (opened.appender, opened.writer, opened.report);
        if report.last == Lsn::ZERO {
            open_log(&appender, &mut writer, &report, clock.now_ms())?;
        }
        let customer_error = |source| StartError::Io { what: "the key store", source };
        let customers = CustomerKeys::open(Arc::clone(&disk.storage), random).map_err(customer_error)?;
        let recovered_at = foundation.states.iter().map(ShardState::at).max().unwrap_or(0);
        let time = TrustedTime::open(Arc::clone(&disk.storage), clock, recovered_at);
        let time = time.map_err(|source| StartError::Io { what: "the mark of the clock", source })?;
        let mut spares = opened.spares;
        spares.keep_free(config.disk.hard_bytes);
        spares.look();
        let storage = Arc::clone(&disk.storage);
        let space = Space::open(storage, appender.clone(), config.disk, config.segment_bytes);
        let ward = Arc::new(Ward::default());
        for state in &foundation.states {
            state.poisoned().for_each(|merchant| ward.admit(merchant));
        }
        Ok(Self {
            states: foundation.states,
            writer,
            spares,
            report,
            completions: Arc::new(Completions::new(config.shards)),
            customers: Arc::new(customers),
            appender,
            time: Arc::new(time),
            ward,
            index,
            directories: foundation.directories,
            registry: foundation.registry,
            reader: opened.reader,
            archiver: opened.archiver,
            generations,
            fingerprints,
            storage: Arc::clone(&disk.storage),
            limits: config.queues,
            space: Arc::new(space),
            snapshot_segments: config.snapshot_segments.max(1),
            cut: foundation.cut,
        })
    }

    /// A shard over what was recovered of its merchants.
    pub(crate) fn shard(&self, number: usize, state: ShardState) -> Shard {
        Shard::new(
            number,
            state,
            self.appender.clone(),
            Arc::clone(&self.completions),
            Arc::clone(&self.time),
            Arc::clone(&self.index),
            Arc::clone(&self.ward),
        )
    }

    /// Whether the work behind the path is late.
    pub(crate) fn lateness(&self) -> Lateness {
        Lateness {
            storage: Arc::clone(&self.storage),
            reader: self.reader.clone(),
            index: Arc::clone(&self.index),
        }
    }

    /// What handles share, and what else runs: the log and its spare segments.
    pub(crate) fn assemble(self, shards: Vec<ShardAddress>) -> (Inner, LogWriter, SparePreparer) {
        let keeper = Keeper {
            lateness: self.lateness(),
            archiver: self.archiver,
            reader: self.reader.clone(),
            index: Arc::clone(&self.index),
            generations: self.generations,
            fingerprints: self.fingerprints.clone(),
            shards: shards.clone(),
            cluster: self.report.cluster,
            snapshot_segments: self.snapshot_segments,
            cut: self.cut,
            storage: self.storage,
            rest: None,
            emptied: None,
            turns: 0,
        };
        let inner = Inner {
            shards,
            completions: self.completions,
            directories: self.directories,
            registry: self.registry,
            appender: self.appender,
            reader: self.reader,
            time: self.time,
            fingerprints: self.fingerprints,
            limits: self.limits.by_class(),
            space: self.space,
            admin: Mutex::new(()),
            index: self.index,
            keeper: Mutex::new(keeper),
            customers: self.customers,
            ward: self.ward,
        };
        (inner, self.writer, self.spares)
    }
}

/// The digest of all shards, if every merchant is served and every invariant holds.
pub(crate) fn digest_of(shards: &[Shard]) -> Option<u64> {
    let mut sum = 0_u64;
    for shard in shards {
        let digest = shard.state().check().map_err(|(merchant, violation)| {
            tracing::error!(merchant = merchant.0, %violation, "the state is wrong");
        });
        sum = sum.wrapping_add(digest.ok()??);
    }
    Some(sum)
}

/// Says in the log that it was closed, and with which state.
pub(crate) fn close_log(appender: &Appender, digest: u64, now_ms: u64) {
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
    let refused = |message: String| StartError::Io {
        what: "writing the first record",
        source: std::io::Error::other(message),
    };
    let record = opening_record(report.cluster, report.epoch, now_ms);
    let record = record.map_err(|error| refused(error.to_string()))?;
    appender.append(&[&record]).map_err(|error| refused(error.to_string()))?;
    writer.step()?;
    Ok(())
}

/// The record that opens a log under an identity.
pub(crate) fn opening_record(cluster: [u8; 16], epoch: u64, now_ms: u64) -> Result<Vec<u8>, EncodeError> {
    let mut record = Vec::new();
    system_header(Kind::LogOpened, now_ms).encode_into(&mut record);
    encode_into(&LogOpenedV1 { cluster, epoch, feature_level: FEATURE_LEVEL }, &mut record)?;
    Ok(record)
}

fn system_header(kind: Kind, at: u64) -> Header {
    let (version, request) = (VERSION, [0; 16]);
    Header { kind, version, merchant: 0, at, actor: 0, request, idempotency: None, fingerprint: None }
}

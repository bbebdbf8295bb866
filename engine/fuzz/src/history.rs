//! A log that is whole and whose records say anything: a start and the audit read it to their ends.

use onhand_engine::EngineConfig;
use onhand_engine::clock::ManualClock;
use onhand_engine::config::{DiskMarks, QueueLimits};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::log::{Log, LogOptions, OpenError, SEGMENT_BYTES_MIN};
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::stepped::SteppedEngine;
use onhand_verify::{AuditError, Ignore, audit_storage};
use std::sync::Arc;

/// Records of an input.
const RECORDS_MAX: usize = 64;

/// The time at a start: later than any record of the corpus.
pub(crate) const NOW_MS: u64 = 1_800_000_000_000;

/// An engine of one shard.
pub(crate) fn config() -> EngineConfig {
    let queues = QueueLimits { merchant_max: 1_000, total_max: 1_000 };
    let (segment_bytes, disk) = (SEGMENT_BYTES_MIN, DiskMarks::NONE);
    EngineConfig { shards: 1, segment_bytes, snapshot_segments: 4, queues, disk }
}

/// The key of every log here.
pub(crate) fn fingerprints() -> Fingerprints {
    Fingerprints::with_key([3; 32])
}

/// Starts what a disk holds, and says whether it is taken.
pub(crate) fn start(storage: &SimStorage) -> bool {
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let started = SteppedEngine::start(Disk::simulated(storage), fingerprints(), clock, &config());
    match started {
        Ok(engine) => {
            assert!(engine.shards() == 1, "as many shards as were asked for");
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty(), "a refusal says why");
            false
        }
    }
}

/// The records of an input: each has its length before it (2 bytes, little-endian).
pub(crate) fn records(input: &[u8]) -> Vec<&[u8]> {
    let (mut records, mut rest) = (Vec::new(), input);
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (record, after) = after.split_at(usize::from(u16::from_le_bytes(*length)).min(after.len()));
        records.push(record);
        rest = after;
    }
    records.truncate(RECORDS_MAX);
    records
}

/// The input is the records of a log.
pub(crate) fn history(input: &[u8]) {
    let records = records(input);
    let storage = SimStorage::default();
    let options = LogOptions { cluster: fingerprints().cluster(), segment_bytes: SEGMENT_BYTES_MIN };
    let opened = Log::open(Arc::new(storage.clone()), options, Lsn(1), &mut |_, _| Ok(()));
    let Ok(mut opened) = opened else { unreachable!("an empty disk is an empty log") };
    let taken = records.iter().all(|record| opened.appender.append(&[record]).is_ok());
    let written = opened.writer.step();
    assert!(taken && written.is_ok(), "the log takes any bytes as a record");
    drop(opened);
    start(&storage.fork());
    match audit_storage(&storage, "disk", &mut Ignore) {
        Ok(report) => {
            assert_eq!(report.last.0, records.len() as u64, "the audit reads a whole log to its end")
        }
        Err(AuditError::NoLog(_)) => assert!(records.is_empty(), "there is a log"),
        Err(AuditError::Log(error)) => {
            assert!(matches!(error, OpenError::Newer { .. }), "a whole log is not damaged: {error}");
        }
    }
}

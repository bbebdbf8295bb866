//! What must be true of what a crash left.

use crate::common::SHARDS;
use crate::story::{Day, Running};
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_verify::{AuditReport, Ignore, audit_storage};
use std::sync::Arc;

/// The day as it goes without a crash.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    answers: Vec<(String, Lsn)>,
    records: Vec<Vec<u8>>,
    digest: Option<u64>,
}

impl Reference {
    pub(crate) fn new(shards: usize) -> Self {
        let disk = SimStorage::default();
        let running = Running::start(Disk::simulated(&disk), shards).unwrap();
        let (answers, records) = live(&running);
        Self { answers, records, digest: running.engine.stop() }
    }

    /// Starts what a crash left with every number of shards: nothing that was answered is missing, the audit holds, and
    /// every start comes to the same state as the audit.
    pub(crate) fn is_begun_by(&self, crashed: &SimStorage, answered: Lsn, what: &str) {
        let digests = SHARDS.map(|shards| {
            let disk = crashed.fork();
            let running = Running::start(Disk::simulated(&disk), shards)
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            let last = running.engine.report().last;
            assert!(last >= answered, "{what}: record {answered} was answered, the log ends with {last}");
            // A prefix of what was submitted, and of what the system did of its own accord.
            let is_begun = self.records.starts_with(&running.records());
            assert!(is_begun, "{what}: a record is none of those that were asked for");
            let digest = running.engine.stop();
            assert_eq!(Some(audit(&disk, what).digest), digest, "{what}: {shards} shards and the audit");
            digest
        });
        assert_eq!(digests, [digests[0]; 3], "{what}: {SHARDS:?} shards");
    }

    /// Lives the day again on what a crash left: each submission gets the answer that it would have got without the
    /// crash, and in the end the log is the same, record by record, and so is the state.
    pub(crate) fn is_completed_by(&self, crashed: &SimStorage, shards: usize, what: &str) {
        let disk = crashed.fork();
        let running =
            Running::start(Disk::simulated(&disk), shards).unwrap_or_else(|error| panic!("{what}: {error}"));
        let (answers, records) = live(&running);
        assert_eq!(answers, self.answers, "{what}");
        assert!(records == self.records, "{what}: the log is another one");
        assert_eq!(running.engine.stop(), self.digest, "{what}");
        audit(&disk, what);
    }
}

fn live(running: &Running) -> (Vec<(String, Lsn)>, Vec<Vec<u8>>) {
    let mut day = Day::of(running, Arc::default(), false);
    day.live().unwrap();
    (day.answers, running.records())
}

fn audit(disk: &SimStorage, what: &str) -> AuditReport {
    let report = audit_storage(disk, what, &mut Ignore).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(report.holds(), "{what}\n{report}");
    report
}

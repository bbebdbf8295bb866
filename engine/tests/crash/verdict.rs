//! What must be true of what a crash left.

use crate::common::SHARDS;
use crate::story::{Day, Running};
use onhand_engine::record::Kind;
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_verify::{AuditReport, Ignore, audit_storage, kind_of};
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
            let report = audit(&disk, what);
            assert_eq!(Some(report.digest), digest, "{what}: {shards} shards and the audit");
            assert!(self.is_settled(&report), "{what}: {shards} shards left who waits as they were");
            digest
        });
        assert_eq!(digests, [digests[0]; 3], "{what}: {SHARDS:?} shards");
    }

    /// Whether the system has nothing of its own to do where a stopped log ends: the record of the day that comes next
    /// is none of its own.
    fn is_settled(&self, stopped: &AuditReport) -> bool {
        let records = usize::try_from(stopped.totals.records).unwrap() - 1;
        self.records.get(records).is_none_or(|next| kind_of(next) != Some(Kind::BacklogFilled))
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

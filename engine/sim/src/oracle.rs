//! What must hold whatever happens.
//!
//! - What a client was told stands in the log, under the same number, byte by byte: nothing acknowledged is lost.
//! - No number of an order stands twice in the log, and (by the audit) no key: nothing is applied twice.
//! - The records of the lines of a bulk body stand in the order of the lines.
//! - Personal data reads as it was sent until it is erased, and never again after that (`people.rs`).
//! - The audit, which shares no line with the engine, finds every invariant to hold: nothing is sold twice.
//! - A start, with any number of shards, comes to the state that the audit comes to.
//! - When the faults stop, every request gets its answer; and once nothing is left to do, nobody has to ask for what is due
//!   (`calm.rs`).

use crate::client::{Clients, Sending};
use crate::people::sealed_of;
use onhand_engine::record::{Header, Kind};
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::log::{OpenError, scan};
use onhand_engine::snapshots::storage::SimStorage;
use onhand_verify::{AuditReport, Ignore, audit_storage};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Checks what a log says against what clients were told; returns the audit's report.
///
/// # Panics
/// If something does not hold: that is a finding.
pub(crate) fn judge(disk: &SimStorage, clients: &[Clients]) -> AuditReport {
    let scanned = judge_answers(disk, clients, None);
    scanned.unwrap_or_else(|error| panic!("the log cannot be read: {error}"));
    let report = audit_storage(disk, "the simulated disk", &mut Ignore)
        .unwrap_or_else(|error| panic!("the log cannot be audited: {error}"));
    assert!(report.holds(), "the audit:\n{report}");
    report
}

/// The same for a disk on which a write went to a wrong place: `None` if the log or the audit says that something is
/// wrong. Its last write, if that is the one, may be missing, since nobody can tell: then the log ended at `end`.
pub(crate) fn judge_astray(disk: &SimStorage, clients: &[Clients], end: Option<Lsn>) -> Option<AuditReport> {
    judge_answers(disk, clients, end).ok()?;
    let report = audit_storage(disk, "the simulated disk", &mut Ignore).ok()?;
    assert!(report.holds(), "the audit:\n{report}");
    Some(report)
}

fn judge_answers(disk: &SimStorage, clients: &[Clients], end: Option<Lsn>) -> Result<(), OpenError> {
    let mut records = BTreeMap::new();
    let (mut bodies, mut keys) = (Bodies::of(clients), HashSet::new());
    let scanned = scan(disk, Lsn(1), &mut |lsn, record| {
        bodies.judge(lsn, record);
        let key = sealed_of(record).map(|(key, _)| key);
        assert!(key.is_none_or(|key| keys.insert(key)), "record {lsn} has the key {key:?} of another order");
        records.insert(lsn, *blake3::hash(record).as_bytes());
        Ok(())
    });
    scanned?;
    for request in clients.iter().flat_map(|clients| &clients.requests) {
        if let Some(told) = request.told.as_ref().filter(|told| end.is_none_or(|end| told.lsn <= end)) {
            let logged = records.get(&told.lsn);
            assert_eq!(logged, Some(&told.record), "{request:?} was answered, and the log says otherwise");
        }
    }
    Ok(())
}

/// The bodies that were sent, and how far their records were seen.
struct Bodies<'a>(HashMap<[u8; 16], (&'a Sending, usize)>);

impl<'a> Bodies<'a> {
    fn of(clients: &'a [Clients]) -> Self {
        let sendings = clients.iter().flat_map(|clients| &clients.sendings);
        Self(sendings.map(|sending| (sending.id, (sending, 0))).collect())
    }

    /// A record of a body is of a line behind those of its records before it.
    fn judge(&mut self, lsn: Lsn, record: &[u8]) {
        let (header, _) = Header::decode(record).unwrap_or_else(|error| panic!("record {lsn}: {error}"));
        let Some((sending, seen)) = self.0.get_mut(&header.request) else { return };
        // A key is bound to an answer as soon as that is found; nothing is decided by it.
        if header.kind == Kind::RepeatAnswered {
            return;
        }
        let identity = (header.idempotency, header.fingerprint);
        let place = sending.lines[*seen..].iter().position(|line| *line == identity);
        let place =
            place.unwrap_or_else(|| panic!("record {lsn} of a body stands behind one of a later line"));
        *seen += place + 1;
    }
}

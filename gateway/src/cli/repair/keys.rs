//! `onhand repair fetch-key` and `new-key`: a log whose key is lost, or another one's.

use super::{Patient, audited, not_done};
use crate::cli::backup::manifest::Manifest;
use crate::cli::backup::{another, quoted, refused};
use crate::cli::refusal::refused_log;
use onhand_engine::clock::{Clock, SystemClock};
use onhand_engine::config::SEGMENT_BYTES;
use onhand_engine::repair::{CutError, known_beside, put_key, rewrite};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::log::{Scan, scan};
use onhand_engine::snapshots::repair::owner;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn fetch_key(patient: &Patient<'_>, backup: &Path) -> anyhow::Result<ExitCode> {
    // The log need not be whole: a damage is mended, or cut off, only under the right key.
    let owner = owner(&*patient.disk.storage).map_err(|error| not_done(&error, patient.dir))?;
    if owner.is_none() {
        return Err(patient.no_log());
    }
    refuse_if_it_fits(patient, owner)?;
    Manifest::read(backup)?.check(backup)?;
    let key = Fingerprints::read(backup)?;
    if owner != Some(key.cluster()) {
        let next =
            format!("onhand repair fetch-key --from BACKUP {} with one of this log", quoted(patient.dir));
        return Err(refused(&format!("{} is a backup of another log", quoted(backup)), &next));
    }
    patient
        .agreed("puts the backup's fingerprint.key in the place of the one that is there\nloses: nothing")?;
    let done = put_key(&*patient.disk.storage, &key);
    audited(patient.dir, &done.map_err(|error| failed(error, patient.dir))?)
}

pub(super) fn new_key(patient: &Patient<'_>) -> anyhow::Result<ExitCode> {
    let found = whole(patient)?;
    refuse_if_it_fits(patient, found.cluster)?;
    let last = found.last;
    refuse_if_more_is_known(patient, &found)?;
    patient.agreed(&format!(
        "writes records 1 to {last} anew, as another log under a new fingerprint.key\n\
         loses: no record, but the memory of requests: one that is sent again under the Idempotency-Key of before is \
         taken for a new one.\n  An order that is sent again is still known by its external id, and answered 409 \
         external_id_conflict; movements, cancellations and fulfillments would be done twice"
    ))?;
    let key = Fingerprints::random()?;
    let done = rewrite(&patient.disk.storage, &key, last, SEGMENT_BYTES, SystemClock.now_ms());
    audited(patient.dir, &done.map_err(|error| failed(error, patient.dir))?.quarantine)
}

/// The log, which has to be whole.
fn whole(patient: &Patient<'_>) -> anyhow::Result<Scan> {
    let read = scan(&*patient.disk.storage, Lsn(1), &mut |_, _| Ok(()));
    read.map_err(|error| refused_log(patient.dir, error))
}

/// What the log has no more would be given up, and what tells of it be taken away.
fn refuse_if_more_is_known(patient: &Patient<'_>, found: &Scan) -> anyhow::Result<()> {
    let Some(cluster) = found.cluster else { return Err(patient.no_log()) };
    let (had, last) = (known_beside(&patient.disk, cluster, found.last)?, found.last);
    if had <= last {
        return Ok(());
    }
    let dir = quoted(patient.dir);
    let what = format!(
        "snapshots or the index know record {had}, and the log ends at record {last}: its last segment is missing, or an \
         older copy"
    );
    let next = format!(
        "onhand repair fetch-key --from BACKUP {dir}, and then what onhand serve --data {dir} says; or onhand restore \
         BACKUP {}, which loses what came after the backup",
        quoted(&another(patient.dir))
    );
    Err(refused(&what, &next))
}

fn refuse_if_it_fits(patient: &Patient<'_>, owner: Option<[u8; 16]>) -> anyhow::Result<()> {
    match Fingerprints::read(patient.dir) {
        Ok(key) if owner == Some(key.cluster()) => Err(refused(
            "there is nothing to mend: fingerprint.key belongs to this log",
            &format!("onhand serve --data {}", quoted(patient.dir)),
        )),
        _ => Ok(()),
    }
}

/// A repair that failed.
pub(super) fn failed(error: CutError, dir: &Path) -> anyhow::Error {
    match error {
        CutError::Repair(error) => not_done(&error, dir),
        error => error.into(),
    }
}

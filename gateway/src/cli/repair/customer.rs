//! `onhand repair fetch-customer-keys` and `new-customer-keys`: keys of personal data that are lost.

use super::keys::failed;
use super::{Patient, audited};
use crate::cli::backup::manifest::Manifest;
use crate::cli::backup::{quoted, refused};
use crate::cli::refusal::{refused_log, refused_start};
use onhand_engine::StartError;
use onhand_engine::customer::{KeyMerge, put_customer_keys};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::log::scan;
use onhand_engine::snapshots::storage::{FileStorage, Storage};
use std::path::Path;
use std::process::ExitCode;

/// What no file can tell where the directory's own file is gone, or is older than an erasure.
const ERASE_AGAIN: &str = "what was erased since the backup was taken is erased only if the file that is there says so: \
                           erase it again if you know of any";

pub(super) fn fetch_customer_keys(patient: &Patient<'_>, backup: &Path) -> anyhow::Result<ExitCode> {
    let from = checked(patient, backup)?;
    let merge = look(patient, Some(&from))?;
    let dir = quoted(patient.dir);
    if merge.is_whole() && merge.regained() == 0 {
        return Err(nothing(patient));
    }
    refuse_foreign(patient, backup, &merge)?;
    if merge.lost() > 0 {
        let what = format!(
            "{} lacks the keys of {} records with personal data: it has {} keys, and {} were made",
            quoted(backup),
            merge.lost(),
            merge.backup_had.unwrap_or(0),
            merge.needed
        );
        let next = format!(
            "onhand repair fetch-customer-keys --from BACKUP {dir} with a later one; if there is none, onhand repair \
             new-customer-keys --from {} {dir}",
            quoted(backup)
        );
        return Err(refused(&what, &next));
    }
    let regained = merge.regained();
    patient.agreed(&format!(
        "puts the backup's keys of personal data beside those that are there; {regained} records can be read again\n\
         loses: nothing; {ERASE_AGAIN}"
    ))?;
    done(patient, Some(&from), &merge)
}

pub(super) fn new_customer_keys(patient: &Patient<'_>, backup: Option<&Path>) -> anyhow::Result<ExitCode> {
    let from = backup.map(|backup| checked(patient, backup)).transpose()?;
    let merge = look(patient, from.as_ref())?;
    if merge.is_whole() && merge.regained() == 0 {
        return Err(nothing(patient));
    }
    let mut more = String::new();
    if let Some(backup) = backup {
        refuse_foreign(patient, backup, &merge)?;
        more = format!("\n{} records can be read again; {ERASE_AGAIN}", merge.regained());
    }
    patient.agreed(&format!(
        "makes a customer.keys with the {} keys that were made, all that are not there being erased; later orders are \
         given later ones\nloses: the personal data of {} records, which reads as erased from then on{more}",
        merge.needed,
        merge.lost()
    ))?;
    done(patient, from.as_ref(), &merge)
}

/// A backup that is what it was.
fn checked(patient: &Patient<'_>, backup: &Path) -> anyhow::Result<FileStorage> {
    let key = patient.key()?;
    Manifest::read(backup)?.check(backup)?;
    if Fingerprints::read(backup)?.cluster() != key.cluster() {
        return Err(of_another(patient, backup));
    }
    Ok(FileStorage::new(backup))
}

fn look(patient: &Patient<'_>, backup: Option<&FileStorage>) -> anyhow::Result<KeyMerge> {
    let key = patient.key()?;
    let storage = &patient.disk.storage;
    let found = scan(&**storage, Lsn(u64::MAX), &mut |_, _| Ok(()));
    let found = found.map_err(|error| refused_log(patient.dir, error))?;
    if found.cluster != Some(key.cluster()) {
        return Err(refused_start(patient.dir, StartError::OtherKey));
    }
    let merge = KeyMerge::look(storage, backup.map(|backup| backup as &dyn Storage));
    merge.map_err(|error| refused_log(patient.dir, error))
}

fn refuse_foreign(patient: &Patient<'_>, backup: &Path, merge: &KeyMerge) -> anyhow::Result<()> {
    if merge.is_backup_ours() { Ok(()) } else { Err(of_another(patient, backup)) }
}

fn of_another(patient: &Patient<'_>, backup: &Path) -> anyhow::Error {
    let next = format!(
        "onhand repair fetch-customer-keys --from BACKUP {} with one of this log",
        quoted(patient.dir)
    );
    refused(&format!("{} is a backup of another log", quoted(backup)), &next)
}

fn nothing(patient: &Patient<'_>) -> anyhow::Error {
    refused(
        "there is nothing to mend: customer.keys has every key that was made",
        &format!("onhand serve --data {}", quoted(patient.dir)),
    )
}

fn done(patient: &Patient<'_>, from: Option<&FileStorage>, merge: &KeyMerge) -> anyhow::Result<ExitCode> {
    let from = from.map(|backup| backup as &dyn Storage);
    let done = put_customer_keys(&*patient.disk.storage, from, merge);
    audited(patient.dir, &done.map_err(|error| failed(error, patient.dir))?)
}

//! `onhand repair fetch-segment` and `sort-segments`: files of the log are exchanged, and nothing is lost.

use super::{Patient, audited, not_done};
use crate::cli::backup::manifest::Manifest;
use crate::cli::backup::{quoted, refused};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::repair::{Exchange, fetch, sort};
use onhand_engine::snapshots::storage::FileStorage;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn fetch_segment(patient: &Patient<'_>, backup: &Path) -> anyhow::Result<ExitCode> {
    let key = patient.key_alone()?;
    Manifest::read(backup)?.check(backup)?;
    if Fingerprints::read(backup)?.cluster() != key.cluster() {
        return Err(refused(
            &format!("{} is a backup of another log", quoted(backup)),
            &format!(
                "onhand repair fetch-segment --from BACKUP {} with one of this log",
                quoted(patient.dir)
            ),
        ));
    }
    let from = FileStorage::new(backup);
    let exchange = fetch(&*patient.disk.storage, &from, patient.known(key.cluster())?);
    done(patient, &exchange.map_err(|error| not_done(&error, patient.dir))?)
}

pub(super) fn sort_segments(patient: &Patient<'_>) -> anyhow::Result<ExitCode> {
    let cluster = patient.key()?.cluster();
    let exchange = sort(&*patient.disk.storage, cluster, patient.known(cluster)?);
    done(patient, &exchange.map_err(|error| not_done(&error, patient.dir))?)
}

fn done(patient: &Patient<'_>, exchange: &Exchange<'_>) -> anyhow::Result<ExitCode> {
    let Exchange { overlay, last } = exchange;
    let away = overlay.hidden().map(|path| format!("takes {path} away"));
    let put = overlay.replaced().map(|path| format!("puts another file in the place of {path}"));
    let lines: Vec<String> = away.chain(put).collect();
    patient.agreed(&format!(
        "{}\nloses: nothing that the log shows it held; it is whole then, records 1 to {last}",
        lines.join("\n")
    ))?;
    audited(patient.dir, &overlay.apply().map_err(|error| not_done(&error, patient.dir))?)
}

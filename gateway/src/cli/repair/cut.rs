//! `onhand repair cut-log`: what stands behind a damage is given up, and it is said before what that is.

use super::keys::failed;
use super::{Patient, audited};
use crate::cli::backup::{quoted, refused};
use onhand_engine::clock::{Clock, SystemClock};
use onhand_engine::config::SEGMENT_BYTES;
use onhand_engine::repair::{Losses, known_beside, losses, readable, rewrite};
use onhand_engine::snapshots::Lsn;
use std::process::ExitCode;

pub(super) fn cut_log(patient: &Patient<'_>, before: u64) -> anyhow::Result<ExitCode> {
    let key = patient.own_key()?;
    let storage = &patient.disk.storage;
    let (last, wrong) = readable(&**storage);
    let lost =
        losses(&**storage, Lsn(before), key.cluster(), known_beside(&patient.disk, key.cluster(), last)?)?;
    let shown = quoted(patient.dir);
    if !(2..=last.0 + 1).contains(&before) {
        let what =
            format!("the log can be read from record 1 to {last}, so it cannot be cut before {before}");
        let next = if last == Lsn::ZERO {
            "onhand restore BACKUP DIR: nothing would be left of this log".to_owned()
        } else {
            format!("onhand repair cut-log --before-lsn {} {shown}", last.next())
        };
        return Err(refused(&what, &next));
    }
    if wrong.is_none() && lost.last < Lsn(before) {
        let what = format!("there is nothing to cut: the log is whole, and ends at record {last}");
        return Err(refused(&what, &format!("onhand serve --data {shown}")));
    }
    patient.agreed(&plan(before, &lost))?;
    let kept = Lsn(before - 1);
    let key = key.for_copy()?;
    let done = rewrite(storage, &key, kept, SEGMENT_BYTES, SystemClock.now_ms());
    audited(patient.dir, &done.map_err(|error| failed(error, patient.dir))?.quarantine)
}

/// What goes, in numbers.
fn plan(before: u64, lost: &Losses) -> String {
    let kept = before - 1;
    let last = lost.last.0.max(before);
    let mut text = format!(
        "writes records 1 to {kept} anew, as another log, and takes the old one away\n\
         loses: records {before} to {last}, {} records as far as is known; {} of them can be read:",
        last - kept,
        lost.count()
    );
    for ((merchant, kind), count) in &lost.readable {
        let whose = match (merchant, lost.names.get(merchant)) {
            (0, _) => "the log itself".to_owned(),
            (number, Some(name)) => format!("merchant {number} ({name})"),
            (number, None) => format!("merchant {number}"),
        };
        text.push_str(&format!("\n  {count:>8}  {kind}, {whose}"));
    }
    text.push_str(&format!(
        "\n{} of them are answers that clients may have been given. These clients have to send again, and orders get \
         other ids.\nStop every copy of this directory first: both would sell the same units",
        lost.answers
    ));
    text
}

//! `onhand backup` and `onhand restore`.
//!
//! A backup is a directory with the log, the key files and a manifest. It can be audited and its log printed as that of
//! a data directory, and it is not served: a copy that is served gets an identity of its own first, by being restored.

pub(super) mod manifest;
mod place;
mod restore;

use super::refusal::refused_log;
use super::{Damaged, Refused, say, say_error};
use anyhow::{Context, ensure};
use manifest::{MANIFEST, Manifest};
use onhand_engine::clock::{Clock, SystemClock};
use onhand_engine::customer::CUSTOMER_KEYS_FILE;
use onhand_engine::secrets::{FINGERPRINT_KEY_FILE, Fingerprints};
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::log::{CopiedLog, copy_log};
use onhand_engine::snapshots::storage::{FileDigest, FileStorage, Storage, copy_file};
use onhand_engine::trusted_time::CLOCK_MARK_FILE;
use place::Place;
pub(super) use place::{another, quoted};
use std::io;
use std::path::Path;
use std::process::ExitCode;

pub(super) use manifest::check as check_manifest;
pub(super) use restore::{Target, parse_time, restore};

/// What stands beside the log and is not made of it. The first is always there.
const BESIDE_THE_LOG: [&str; 3] = [FINGERPRINT_KEY_FILE, CUSTOMER_KEYS_FILE, CLOCK_MARK_FILE];

/// Where the segments are, in a data directory.
pub(super) const LOG_DIR: &str = "log";

/// Refuses a directory that holds a backup, before anything in it is changed.
///
/// # Errors
/// If it does.
pub(super) fn refuse_backup(dir: &Path) -> anyhow::Result<()> {
    if !dir.join(MANIFEST).exists() {
        return Ok(());
    }
    let (dir, copy) = (quoted(dir), quoted(&place::another(dir)));
    Err(refused(
        &format!("{dir} is a backup, and is not written to"),
        &format!("onhand restore {dir} {copy}"),
    ))
}

pub(super) fn backup(dir: &Path, dest: &Path) -> anyhow::Result<ExitCode> {
    refuse_backup(dir)?;
    ensure!(dir.join(LOG_DIR).is_dir(), "{} holds no log", dir.display());
    let command = |dest: &Path| format!("onhand backup {} {}", quoted(dir), quoted(dest));
    let place = Place::new(dir, dest, &command)?;
    let building = place.begin()?;
    let (from, to) = (FileStorage::new(dir), FileStorage::new(building.path()));
    // Before the log is read: whatever was acknowledged by then is in the backup.
    let taken_at = SystemClock.now_ms();
    let log = copy_log(&from, &to).map_err(|error| refused_log(dir, error))?;
    ensure!(log.last > Lsn::ZERO, "{} holds no log", dir.display());
    // After the log: a key is durable before a record that needs it is written.
    let mut files = log.files.clone();
    for name in BESIDE_THE_LOG {
        files.extend(copy_beside(&from, &to, name).with_context(|| name)?);
    }
    check_key(building.path(), &log)?;
    let manifest = Manifest::new(&log, &files, taken_at)?;
    manifest.write(&to)?;
    building.publish()?;
    say(&format!("{}: {manifest}", dest.display()))?;
    say_error(&format!(
        "keep it as safe as the data: it holds the keys of personal data. {}",
        restored_by(dest)
    ));
    Ok(ExitCode::SUCCESS)
}

fn restored_by(dest: &Path) -> String {
    format!("Restore it with: onhand restore {} DIR", quoted(dest))
}

/// Copies a file that stands beside the log, if it is there.
fn copy_beside(from: &dyn Storage, to: &dyn Storage, name: &str) -> io::Result<Option<FileDigest>> {
    let file = match from.open(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let bytes = file.len()?;
    copy_file(&*file, bytes, bytes, to, name).map(Some)
}

/// A log without its key is refused at a start: better to know it now.
fn check_key(dir: &Path, log: &CopiedLog) -> anyhow::Result<()> {
    let key = Fingerprints::read(dir).with_context(|| FINGERPRINT_KEY_FILE)?;
    if key.cluster() == log.cluster {
        return Ok(());
    }
    let what = format!("{FINGERPRINT_KEY_FILE} does not belong to the log beside it; put the right one back");
    Err(Damaged(what).into())
}

/// A refusal: what is so, that nothing was changed, and what to type next.
pub(super) fn refused(what: &str, next: &str) -> anyhow::Error {
    Refused(format!("{what}. Nothing was changed. Next: {next}")).into()
}

//! `onhand restore`: a backup, or the first part of it, as a data directory with an identity of its own.

use super::manifest::Manifest;
use super::place::{Place, quoted};
use super::{BESIDE_THE_LOG, FINGERPRINT_KEY_FILE, copy_beside, refused, say, say_error};
use crate::body::instant;
use anyhow::{Context, ensure};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use onhand_engine::clock::{Clock, SystemClock};
use onhand_engine::config::SEGMENT_BYTES;
use onhand_engine::record::Header;
use onhand_engine::restore::{RestoreError, write_copy};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::log::{LogOptions, OpenError, scan};
use onhand_engine::snapshots::storage::{FileStorage, Storage};
use onhand_verify::{Ignore, audit};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// How far a backup is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Target {
    /// All of it.
    End,
    /// Up to this record.
    Lsn(u64),
    /// Up to the record before the first one that has a later time.
    Time(Timestamp),
}

/// A time on the command line.
///
/// # Errors
/// What is wrong with it.
pub(in crate::cli) fn parse_time(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("{text} is no time as RFC 3339 has it: 2026-11-23T10:00:00Z, with an offset or Z");
    instant(text).and_then(|at| Timestamp::from_millisecond(at).ok()).ok_or_else(wrong)
}

pub(in crate::cli) fn restore(backup: &Path, dest: &Path, target: Target) -> anyhow::Result<ExitCode> {
    let (shown, plain) = (quoted(backup), quoted(dest));
    let manifest = Manifest::read(backup)?;
    let command = |dest: &Path| format!("onhand restore {shown} {}{}", quoted(dest), options_of(target));
    let place = Place::new(backup, dest, &command)?;
    manifest.check(backup)?;
    let last = last_of(backup, &manifest, target, &format!("onhand restore {shown} {plain}"))?;
    let building = place.begin()?;
    let (from, to) = (FileStorage::new(backup), FileStorage::new(building.path()));
    // Nobody is served meanwhile.
    to.hurry(true);
    let key = Fingerprints::read(backup)?.for_copy()?;
    for name in BESIDE_THE_LOG.into_iter().filter(|name| *name != FINGERPRINT_KEY_FILE && manifest.has(name))
    {
        copy_beside(&from, &to, name).with_context(|| name)?;
    }
    let options = LogOptions { cluster: key.cluster(), segment_bytes: SEGMENT_BYTES };
    let opening = write_copy(&from, Arc::new(to.clone()), last, options, SystemClock.now_ms())
        .map_err(|error| not_copied(error, &command(dest)))?;
    key.store(building.path())?;
    to.sync_dir(".")?;
    building.publish()?;
    let cluster = HEXLOWER.encode(&options.cluster);
    say(&format!(
        "{}: records 1 to {last}, now as log {cluster}, opened by record {opening}",
        dest.display()
    ))?;
    let report = audit(dest, &mut Ignore)?;
    say(&report.to_string())?;
    ensure!(report.last == opening, "the log that was restored ends at record {}", report.last);
    say_error(&format!("Serve it with: onhand serve --data {plain}"));
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Why the log of the backup was not copied.
fn not_copied(error: RestoreError, command: &str) -> anyhow::Error {
    match error {
        RestoreError::Log(OpenError::Newer { file, what }) => refused(
            &format!("{file} of the backup was written by a newer release: {what}"),
            &format!("{command} with that release, or an earlier backup with this one"),
        ),
        error => error.into(),
    }
}

/// What was typed besides the directories.
fn options_of(target: Target) -> String {
    match target {
        Target::End => String::new(),
        Target::Lsn(lsn) => format!(" --to-lsn {lsn}"),
        Target::Time(time) => format!(" --to-time {time}"),
    }
}

/// The last record that is restored. Changes nothing.
fn last_of(backup: &Path, manifest: &Manifest, target: Target, command: &str) -> anyhow::Result<Lsn> {
    let (end, taken_at) = (manifest.last_lsn, manifest.taken_at);
    match target {
        Target::End => Ok(Lsn(end)),
        Target::Lsn(lsn) if (1..=end).contains(&lsn) => Ok(Lsn(lsn)),
        Target::Lsn(lsn) => {
            let what = format!("record {lsn} is not in the backup, which has records 1 to {end}");
            Err(refused(&what, &format!("{command} --to-lsn {end}")))
        }
        Target::Time(time) => {
            let found = up_to(backup, time)?;
            if found.last == Lsn::ZERO {
                let what = format!("the log begins only at {}", found.first_at);
                return Err(refused(&what, &format!("{command} --to-time {}", found.first_at)));
            }
            if !found.is_followed && time > taken_at {
                let what =
                    format!("the backup was taken at {taken_at} and knows nothing of what was after that");
                return Err(refused(&what, &format!("{command} for all of it, or restore a later backup")));
            }
            Ok(found.last)
        }
    }
}

/// What a log has up to a time.
struct UpTo {
    /// The record before the first one that is later; zero if that is the first of all.
    last: Lsn,
    /// Whether there is one that is later.
    is_followed: bool,
    /// The time of the log's first record.
    first_at: Timestamp,
}

fn up_to(backup: &Path, time: Timestamp) -> anyhow::Result<UpTo> {
    let mut found = UpTo { last: Lsn::ZERO, is_followed: false, first_at: Timestamp::UNIX_EPOCH };
    let read = scan(&FileStorage::new(backup), Lsn(1), &mut |lsn, record| {
        let at = time_of(record)?;
        if lsn == Lsn(1) {
            found.first_at = at;
        }
        if at > time {
            // The reader has no other way to stop but an error.
            found.is_followed = true;
            return Err(String::from("enough was read").into());
        }
        found.last = lsn;
        Ok(())
    });
    if !found.is_followed {
        read?;
    }
    Ok(found)
}

fn time_of(record: &[u8]) -> Result<Timestamp, String> {
    let (header, _) = Header::decode(record).map_err(|error| error.to_string())?;
    let at = i64::try_from(header.at).map_err(|error| error.to_string())?;
    Timestamp::from_millisecond(at).map_err(|error| error.to_string())
}

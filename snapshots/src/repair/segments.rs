//! Which files of a log to exchange so that it is whole again.

use super::RepairError;
use super::overlay::{Overlay, Source};
use crate::log::archive_first;
use crate::log::frame::BLOCK_BYTES;
use crate::log::segment::{ARCHIVE_SUFFIX, LOG_DIR, SegmentHeader, archive_path_of, first_of, path_of};
use crate::log::{Scan, lacks, scan};
use crate::lsn::Lsn;
use crate::storage::Storage;
use std::collections::BTreeMap;

/// A directory whose log would be whole, and how it would end.
pub struct Exchange<'a> {
    /// The directory as it would be.
    pub overlay: Overlay<'a>,
    /// The last record.
    pub last: Lsn,
}

/// What is known of a log beside its own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The last record that is still readable in it, or that snapshots or the index know.
    pub last: Lsn,
    /// The last record that the index has, or zero: a segment begins behind it, since none is indexed before the next one
    /// has begun.
    pub covered: Lsn,
}

/// Looks in a backup of this log for the segments that it is short of. Nothing is given up: the log would reach all that
/// is known, and every record that cannot be read now; and its end would be the one that it had. A sealed segment ends
/// where the next one begins. The last one is taken from the backup only if the damaged file shows that nothing stood
/// behind what the backup has; if there is none any more, its end is not known. That the files follow each other is
/// checked by reading all of the log through.
///
/// # Errors
/// [`RepairError`]: the log is whole, or the backup cannot make it so.
pub fn fetch<'a>(
    base: &'a dyn Storage,
    backup: &'a dyn Storage,
    known: Known,
) -> Result<Exchange<'a>, RepairError> {
    let there = segments(backup)?;
    let mut overlay = Overlay::new(base);
    let mut due = known.last;
    loop {
        let needed = match scan(&overlay, Lsn(1), &mut |_, _| Ok(())) {
            Ok(found) => {
                check_end(base, &overlay, &there, &found, Known { last: due, ..known })?;
                if overlay.replaced().next().is_none() {
                    return Err(RepairError::Nothing("the log is whole"));
                }
                return Ok(Exchange { overlay, last: found.last });
            }
            Err(error) => {
                let Some((needed, to)) = error.records() else { return Err(error.into()) };
                due = due.max(to.unwrap_or(needed));
                needed
            }
        };
        let Some((path, first)) = next_of(&there, &overlay, needed) else {
            let last_first = there.last_key_value().map_or(Lsn::ZERO, |(first, _)| *first);
            return Err(match scan(&overlay, Lsn(1), &mut |_, _| Ok(())) {
                Err(error) if there.contains_key(&needed) => RepairError::Log(error),
                _ => RepairError::NotInBackup { needed, last_first },
            });
        };
        for local in [path_of(first), archive_path_of(first)] {
            overlay.hide(&local).map_err(RepairError::io(&local))?;
        }
        overlay.replace(&path, Source { storage: backup, path: path.clone() });
    }
}

/// Whether a log that would be whole would end where it ended.
fn check_end(
    base: &dyn Storage,
    overlay: &Overlay<'_>,
    there: &BTreeMap<Lsn, String>,
    found: &Scan,
    known: Known,
) -> Result<(), RepairError> {
    let backup_first = there.last_key_value().map_or(Lsn::ZERO, |(first, _)| *first);
    let unknown = |file: &str, what| {
        let known = known.last.max(known.covered).max(backup_first);
        Err(RepairError::EndUnknown { file: file.to_owned(), what, last: found.last, known })
    };
    let Some((first, path)) = segments(base)?.pop_last() else {
        return unknown(LOG_DIR, "no segment is there any more");
    };
    if first <= known.covered || first < backup_first || path.ends_with(ARCHIVE_SUFFIX) {
        return unknown(LOG_DIR, "the last segment is missing");
    }
    if overlay.replaced().any(|taken| taken == path) {
        let open = |storage: &dyn Storage| storage.open(&path).map_err(RepairError::io(&path));
        let what = lacks(&*open(base)?, &*open(overlay)?, found).map_err(RepairError::io(&path))?;
        if let Some(what) = what {
            return unknown(&path, what);
        }
    } else if found.last < known.last {
        return unknown(&path, "the last segment is an older copy, or one behind it is missing");
    }
    if found.last < known.last {
        return Err(RepairError::Short { last: found.last, known: known.last });
    }
    Ok(())
}

/// The backup's segment with a record, or the one before it, whose last frame the other one follows; not one that was
/// taken already.
fn next_of(there: &BTreeMap<Lsn, String>, overlay: &Overlay<'_>, needed: Lsn) -> Option<(String, Lsn)> {
    let with = |lsn: Lsn| there.range(..=lsn).next_back();
    let candidates = [with(needed), with(Lsn(needed.0.saturating_sub(1)))];
    let mut candidates = candidates.into_iter().flatten();
    let (first, path) =
        candidates.find(|(_, path)| overlay.replaced().all(|taken| taken != path.as_str()))?;
    Some((path.clone(), *first))
}

/// The segments of a directory by first record; the raw form counts.
fn segments(storage: &dyn Storage) -> Result<BTreeMap<Lsn, String>, RepairError> {
    let names = storage.list(LOG_DIR).map_err(RepairError::io(LOG_DIR))?;
    let mut found: BTreeMap<Lsn, String> = BTreeMap::new();
    for name in &names {
        if let Some(first) = first_of(name) {
            let path = format!("{LOG_DIR}/{name}");
            let is_raw = !name.ends_with(ARCHIVE_SUFFIX);
            found
                .entry(first)
                .and_modify(|known| {
                    if is_raw {
                        known.clone_from(&path)
                    }
                })
                .or_insert(path);
        }
    }
    Ok(found)
}

/// Gives every segment the name that its own header says, and leaves out those of other logs than `cluster` and those
/// whose place is taken. Nothing is read from elsewhere.
///
/// # Errors
/// [`RepairError`]: every segment has its name, or the log would not be whole, or not reach all that is `known`.
pub fn sort(base: &dyn Storage, cluster: [u8; 16], known: Known) -> Result<Exchange<'_>, RepairError> {
    let names = base.list(LOG_DIR).map_err(RepairError::io(LOG_DIR))?;
    let mut overlay = Overlay::new(base);
    let mut misplaced = Vec::new();
    for name in names.iter().filter(|name| first_of(name).is_some()) {
        let path = format!("{LOG_DIR}/{name}");
        // What cannot be read says nothing of where it belongs, and is not moved.
        let Some((first, owner)) = header_of(base, &path) else { continue };
        let own = if path.ends_with(ARCHIVE_SUFFIX) { archive_path_of(first) } else { path_of(first) };
        if owner != cluster {
            overlay.hide(&path).map_err(RepairError::io(&path))?;
        } else if own != path {
            overlay.hide(&path).map_err(RepairError::io(&path))?;
            misplaced.push((path, own));
        }
    }
    if overlay.hidden().next().is_none() {
        return Err(RepairError::Nothing("every segment has the name that its header says"));
    }
    for (path, own) in misplaced {
        if !overlay.exists(&own).map_err(RepairError::io(&own))? {
            overlay.replace(&own, Source { storage: base, path });
        }
    }
    let last = scan(&overlay, Lsn(1), &mut |_, _| Ok(()))?.last;
    let Known { last: known, covered } = known;
    if segments(&overlay)?.last_key_value().is_none_or(|(first, _)| *first <= covered) {
        let (file, what) = (LOG_DIR.to_owned(), "the last segment is missing");
        return Err(RepairError::EndUnknown { file, what, last, known: known.max(covered) });
    }
    if last < known { Err(RepairError::Short { last, known }) } else { Ok(Exchange { overlay, last }) }
}

/// The log that the first segment whose header can be read belongs to, whether or not the log is whole; `None` if no
/// header can be read.
///
/// # Errors
/// [`RepairError::Io`] if the directory cannot be read.
pub fn owner(storage: &dyn Storage) -> Result<Option<[u8; 16]>, RepairError> {
    let mut paths = segments(storage)?.into_values();
    Ok(paths.find_map(|path| header_of(storage, &path)).map(|(_, cluster)| cluster))
}

/// The first record and the log that a segment's header names.
fn header_of(storage: &dyn Storage, path: &str) -> Option<(Lsn, [u8; 16])> {
    let file = storage.open(path).ok()?;
    if path.ends_with(ARCHIVE_SUFFIX) {
        return archive_first(file).ok();
    }
    let mut block = [0; BLOCK_BYTES];
    file.read_at(0, &mut block).ok()?;
    SegmentHeader::decode(&block).ok().map(|header| (header.first, header.cluster))
}

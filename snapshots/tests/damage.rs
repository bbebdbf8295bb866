//! What may happen to the files of a log while nobody looks. Each byte flipped, zeroed, and the file cut there; each
//! file taken away, put under another's name, exchanged with another one, put back as it was before. Either every record
//! is what was written, or the start is refused with the file, the place in it and the records; nothing is lost without
//! a word but what `docs/RELIABILITY.md` says cannot be noticed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::OPTIONS;
use common::tiny::{RECORDS, SEGMENTS, Segment, archived, directory, open_tiny, put, segments, tiny_record};
use onhand_snapshots::Lsn;
use onhand_snapshots::log::frame::BLOCK_BYTES;
use onhand_snapshots::log::segment::{FIRST_FRAME, path_of};
use onhand_snapshots::log::{OpenError, scan};
use onhand_snapshots::storage::{SimStorage, Storage};

const LAST: u64 = RECORDS * SEGMENTS;

/// What a start says: the last record, all of them as they were written and whether an end would be cut off; or why not.
fn outcome(storage: &SimStorage) -> Result<(u64, bool), OpenError> {
    let mut count = 0;
    let found = scan(storage, Lsn(1), &mut |lsn, bytes| {
        count += 1;
        assert_eq!((lsn.0, bytes), (count, &tiny_record(count)[..]));
        Ok(())
    })?;
    assert_eq!(found.last, Lsn(count));
    Ok((count, found.torn.is_some()))
}

/// Refused for this file, at this place, for the records from `needed` to the end of their segment.
#[track_caller]
fn refused(
    outcome: &Result<(u64, bool), OpenError>,
    segment: &Segment,
    offset: u64,
    needed: u64,
    what: &str,
) {
    let Err(error) = outcome else { panic!("{what}: it was not noticed") };
    assert_eq!(error.place(), Some((&*segment.path(), Some(offset))), "{what}: {error}");
    let to = (segment.last < LAST).then_some(Lsn(segment.last));
    assert_eq!(error.records(), Some((Lsn(needed), to)), "{what}: {error}");
}

#[test]
fn every_byte_of_a_segment_flipped_zeroed_or_cut_is_exact_or_refused() {
    let all = segments(OPTIONS.cluster);
    let storage = directory(&all);
    let (mut flipped, mut zeroed, mut cut) = (0, 0, 0);
    for segment in &all {
        let (path, bytes) = (segment.path(), segment.bytes());
        let is_last = segment.last == LAST;
        let end = segment.frames[1].end;
        for (position, byte) in bytes.iter().copied().enumerate() {
            let what = format!("{path}, byte {position}");
            let (place, needed) = (segment.place_of(position), segment.needed(position));
            storage.damage(&path, |file| file[position] ^= 1 << (position % 8));
            match outcome(&storage) {
                // Behind the end there is no record, and what stands there is kept when it is cut off.
                Ok(found) => assert!(is_last && position >= end + 512 && found == (LAST, true), "{what}"),
                error => refused(&error, segment, place, needed, &what),
            }
            flipped += 1;
            storage.damage(&path, |file| file[position] = 0);
            match outcome(&storage) {
                Ok(found) => assert!(byte == 0 && found == (LAST, false), "{what} zeroed: {found:?}"),
                error => refused(&error, segment, place, needed, &what),
            }
            zeroed += 1;
            storage.damage(&path, |file| file.truncate(position));
            refused(&outcome(&storage), segment, 0, segment.first, &format!("{what}: cut"));
            cut += 1;
            storage.damage(&path, |file| *file = bytes.to_vec());
        }
    }
    assert_eq!(outcome(&storage).unwrap(), (LAST, false));
    println!("segments: {flipped} bytes flipped, {zeroed} zeroed, {cut} lengths");
}

#[test]
fn every_byte_of_an_archive_flipped_zeroed_or_cut_is_exact_or_refused() {
    let all = segments(OPTIONS.cluster);
    let (storage, path) = archived(&all);
    let mut bytes = Vec::new();
    storage.damage(&path, |file| bytes.clone_from(file));
    let (mut exact, mut of_block, mut of_file) = (0, 0, 0);
    let mut look = |position: usize, what: &str| match outcome(&storage) {
        // A few bits of a compressed block mean nothing.
        Ok(found) => {
            assert_eq!(found, (LAST, false), "{what} at {position}");
            exact += 1;
        }
        Err(error @ OpenError::DamagedBlock { .. }) => {
            let (file, offset) = error.place().unwrap();
            assert!(file == path && offset.unwrap() <= position as u64, "{what} at {position}: {error}");
            assert_eq!(error.records(), Some((Lsn(1), Some(Lsn(RECORDS)))), "{what} at {position}");
            of_block += 1;
        }
        Err(error) => {
            assert_eq!(error.place().map(|(file, _)| file), Some(&*path), "{what} at {position}: {error}");
            assert_eq!(error.records(), Some((Lsn(1), Some(Lsn(RECORDS)))), "{what} at {position}: {error}");
            of_file += 1;
        }
    };
    for position in 0..bytes.len() {
        storage.damage(&path, |file| file[position] ^= 1 << (position % 8));
        look(position, "flipped");
        storage.damage(&path, |file| file[position] = 0);
        look(position, "zeroed");
        storage.damage(&path, |file| file.truncate(position));
        look(position, "cut");
        storage.damage(&path, |file| *file = bytes.clone());
    }
    assert_eq!(outcome(&storage).unwrap(), (LAST, false));
    assert!(of_block > 100 && of_file > 100, "{of_block} and {of_file}");
    println!("archive: {} bytes; {of_block} and {of_file} refused, {exact} made no difference", bytes.len());
}

/// What becomes of a log some of whose files are not what they were. The index covers every segment but the last.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Exact,
    Refused(String),
    /// The log reads well; what was derived from it knows of more.
    Witness,
    /// Records at the end of the last segment are missing, and nothing in the directory says so.
    Silent(u64),
}

fn seen(storage: &SimStorage, what: &str) -> Seen {
    let covered = Lsn(LAST - RECORDS);
    match open_tiny(&storage.fork()) {
        Ok((_, LAST)) => Seen::Exact,
        Ok((opened, _)) if opened.report.lacks_segment_behind(covered) => Seen::Witness,
        Ok((_, count)) => Seen::Silent(count),
        Err(error) => {
            let (file, records) = (error.place().unwrap().0.to_owned(), error.records());
            assert!(records.is_some(), "{what}: {error}");
            Seen::Refused(file)
        }
    }
}

fn is_refused(seen: &Seen) -> bool {
    matches!(seen, Seen::Refused(_) | Seen::Witness)
}

/// The log raw, and with its first segment archived; and the names of its files.
fn directories(all: &[Segment]) -> [(SimStorage, Vec<String>); 2] {
    let names = all.iter().map(Segment::path).collect::<Vec<_>>();
    let (packed, archive) = archived(all);
    let packed_names = [archive].into_iter().chain(names[1..].iter().cloned()).collect();
    [(directory(all), names), (packed, packed_names)]
}

fn bytes_of(storage: &SimStorage, path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    storage.damage(path, |file| bytes.clone_from(file));
    bytes
}

#[test]
fn a_segment_that_is_gone_is_missed() {
    for (storage, names) in directories(&segments(OPTIONS.cluster)) {
        for (number, name) in names.iter().enumerate() {
            let copy = storage.fork();
            copy.remove_file(name).unwrap();
            let due = match names.get(number + 1) {
                Some(next) => Seen::Refused(next.clone()),
                // No segment tells that another one followed it; the index does.
                None => Seen::Witness,
            };
            assert_eq!(seen(&copy, name), due, "{name} deleted");
        }
    }
}

#[test]
fn a_segment_under_another_name_is_recognised() {
    let all = segments(OPTIONS.cluster);
    // Names that no segment has: amid one, and behind the end.
    let free = [Lsn(all[1].first + 1), Lsn(LAST), Lsn(LAST + 1), Lsn(LAST + 7)].map(path_of);
    for (storage, names) in directories(&all) {
        for name in &names {
            let bytes = bytes_of(&storage, name);
            for other in names.iter().chain(&free).filter(|other| *other != name) {
                let copy = storage.fork();
                put(&copy, other, &bytes);
                assert!(is_refused(&seen(&copy, other)), "{name} also as {other}");
                copy.remove_file(name).unwrap();
                assert!(is_refused(&seen(&copy, other)), "{name} renamed to {other}");
            }
        }
    }
}

#[test]
fn two_segments_that_changed_places_are_recognised() {
    for (storage, names) in directories(&segments(OPTIONS.cluster)) {
        for (number, one) in names.iter().enumerate() {
            for other in &names[number + 1..] {
                let copy = storage.fork();
                let (first, second) = (bytes_of(&copy, one), bytes_of(&copy, other));
                put(&copy, one, &second);
                put(&copy, other, &first);
                assert_eq!(seen(&copy, "swapped"), Seen::Refused(one.clone()), "{one} and {other}");
            }
        }
    }
}

#[test]
fn a_segment_of_another_log_is_recognised() {
    let (all, others) = (segments(OPTIONS.cluster), segments([8; 16]));
    for (number, other) in others.iter().enumerate() {
        let storage = directory(&all);
        put(&storage, &other.path(), other.bytes());
        // The first one counts as the log, until the next does not follow.
        let due = if number == 0 { all[1].path() } else { other.path() };
        assert_eq!(seen(&storage, "foreign"), Seen::Refused(due), "segment {number}");
    }
}

#[test]
fn a_segment_of_an_older_time_is_recognised_unless_it_is_the_last() {
    let all = segments(OPTIONS.cluster);
    let mut silent = 0;
    for (number, segment) in all.iter().enumerate() {
        for (frames, older) in segment.stages[..2].iter().enumerate() {
            let storage = directory(&all);
            put(&storage, &segment.path(), older);
            let found = seen(&storage, "older");
            match all.get(number + 1) {
                Some(next) => {
                    assert_eq!(found, Seen::Refused(next.path()), "segment {number}, {frames} frames")
                }
                // Nothing outside it knows of the records that it had.
                None => {
                    let left = if frames == 0 { segment.first - 1 } else { segment.frames[0].last };
                    assert_eq!(found, Seen::Silent(left), "{frames} frames");
                    silent += 1;
                }
            }
        }
    }
    assert_eq!(silent, 2, "the ones that docs/RELIABILITY.md names");
}

/// The log as it was when segment `number` had so many frames. The index is that of today.
fn earlier(all: &[Segment], number: usize, frames: usize) -> SimStorage {
    let storage = directory(&all[..number]);
    put(&storage, &all[number].path(), &all[number].stages[frames]);
    storage
}

#[test]
fn an_older_directory_with_one_file_of_today_is_recognised() {
    let all = segments(OPTIONS.cluster);
    for number in 0..all.len() {
        for frames in 0..2 {
            for (newer, segment) in all.iter().enumerate() {
                let storage = earlier(&all, number, frames);
                put(&storage, &segment.path(), segment.bytes());
                let found = seen(&storage, "mixed");
                let what = format!("as of segment {number} with {frames} frames, and {newer} of today");
                // The one of today is the last one and nothing stands behind it, or it is one that did not change.
                match newer.cmp(&number) {
                    std::cmp::Ordering::Greater => assert_eq!(found, Seen::Refused(segment.path()), "{what}"),
                    std::cmp::Ordering::Equal if number + 1 == all.len() => {
                        assert_eq!(found, Seen::Exact, "{what}")
                    }
                    _ if number + 1 == all.len() => {
                        assert!(matches!(found, Seen::Silent(_)), "{what}: {found:?}")
                    }
                    _ => assert_eq!(found, Seen::Witness, "{what}"),
                }
            }
        }
    }
}

#[test]
fn a_frame_before_the_end_cannot_be_torn() {
    let all = segments(OPTIONS.cluster);
    for segment in &all[..all.len() - 1] {
        let storage = directory(&all);
        storage.damage(&segment.path(), |bytes| bytes[BLOCK_BYTES..BLOCK_BYTES + 512].fill(0));
        refused(&outcome(&storage), segment, FIRST_FRAME, segment.first, "the first sector");
    }
}

/// A start with a snapshot and an index reads the tail alone, and still misses no file.
#[test]
fn a_segment_before_the_tail_that_is_gone_or_another_one_is_recognised() {
    let all = segments(OPTIONS.cluster);
    let from = Lsn(all[all.len() - 1].first);
    let tail = |storage: &SimStorage| scan(storage, from, &mut |_, _| Ok(())).map(|found| found.last);
    for (storage, names) in directories(&all) {
        assert_eq!(tail(&storage).unwrap(), Lsn(LAST));
        for (number, name) in names[..names.len() - 1].iter().enumerate() {
            let gone = storage.fork();
            gone.remove_file(name).unwrap();
            assert!(matches!(tail(&gone), Err(OpenError::Missing { .. })), "{name} deleted");
            for other in names.iter().filter(|other| *other != name) {
                let copy = storage.fork();
                put(&copy, name, &bytes_of(&storage, other));
                assert!(tail(&copy).is_err(), "{other} as {name}");
            }
            if all[number].path() == *name {
                for older in &all[number].stages[..2] {
                    let copy = storage.fork();
                    put(&copy, name, older);
                    assert!(matches!(tail(&copy), Err(OpenError::Missing { .. })), "an older {name}");
                }
                let foreign = storage.fork();
                put(&foreign, name, segments([8; 16])[number].bytes());
                assert!(tail(&foreign).is_err(), "another log's {name}");
            }
        }
    }
}

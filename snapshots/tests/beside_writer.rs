//! Reading without a lock beside a server that goes on: whatever it writes between two reads, the log is whole
//! up to some frame, and never called damaged.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Hooked, OPTIONS, open, record, write};
use onhand_snapshots::Lsn;
use onhand_snapshots::log::segment::path_of;
use onhand_snapshots::log::{Log, LogOptions, OpenError, SEGMENT_BYTES_MIN, Scan, scan};
use onhand_snapshots::storage::{SimStorage, Storage};
use std::sync::Arc;

/// Reads all of it, and checks each record.
fn read(storage: &dyn Storage) -> Result<Scan, OpenError> {
    let mut count = 0;
    let found = scan(storage, Lsn(1), &mut |lsn, bytes| {
        count += 1;
        assert_eq!((lsn.0, bytes), (count, &record(count)[..]));
        Ok(())
    })?;
    assert_eq!(found.last, Lsn(count));
    Ok(found)
}

/// How many reads a scan of a resting log takes.
fn reads_of(storage: &SimStorage) -> u64 {
    let hooked = Hooked::new(storage);
    read(&hooked).unwrap();
    hooked.reads()
}

#[test]
fn what_a_writer_appends_between_two_reads_is_no_damage() {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    write(&mut opened, 4);
    drop(opened);
    for frames in [1, 3, 300] {
        for at in 0..reads_of(&storage) {
            let copy = storage.fork();
            let (mut opened, before) = open(&copy).unwrap();
            let appender = opened.appender.clone();
            let beside = Hooked::new(&copy).on_read(move |number, _| {
                if number == at {
                    write(&mut opened, frames);
                }
            });
            let found = read(&beside).unwrap_or_else(|error| panic!("{frames} at read {at}: {error}"));
            assert!(found.last >= Lsn(before) && found.last <= appender.durable());
            assert_eq!(found.torn, None);
        }
    }
}

#[test]
fn a_frame_that_is_half_written_at_first_is_read_when_it_is_whole() {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    let last = write(&mut opened, 4);
    drop(opened);
    let reads = reads_of(&storage);
    let mut looked_again = 0;
    // What a read may see of a write that goes on: its front, its back, a part of a sector.
    for hidden in [0..512, 512..4_096, 0..2_048, 2_048..4_096, 100..3_000] {
        for at in 0..reads {
            let beside = Hooked::new(&storage).on_read({
                let hidden = hidden.clone();
                move |number, buffer| {
                    // Not the segment's header, which is durable before it has its name.
                    if number == at && number > 0 {
                        let (from, to) = (hidden.start.min(buffer.len()), hidden.end.min(buffer.len()));
                        buffer[from..to].fill(0);
                    }
                }
            });
            let found = read(&beside).unwrap_or_else(|error| panic!("{hidden:?} of read {at}: {error}"));
            assert_eq!((found.last, found.torn), (last, None), "{hidden:?} of read {at}");
            looked_again += u32::from(beside.reads() > reads);
        }
    }
    assert!(looked_again > 10);
}

#[test]
fn an_end_that_stays_torn_is_reported_and_what_stands_behind_it_is_refused() {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    write(&mut opened, 4);
    drop(opened);
    // Damage that stays is refused: recovery.rs shows it for every byte, with the same reader.
    let copy = storage.fork();
    copy.damage(&path_of(Lsn(1)), |bytes| {
        let used = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
        bytes[used - 512..used].fill(0);
    });
    let found = read(&copy).unwrap();
    assert_eq!(found.torn.map(|torn| torn.last_good), Some(found.last));
    // Further behind the end than one frame could reach.
    let storage = SimStorage::default();
    let options = LogOptions { segment_bytes: SEGMENT_BYTES_MIN * 2, ..OPTIONS };
    let mut opened = Log::open(Arc::new(storage.clone()), options, Lsn(1), &mut |_, _| Ok(())).unwrap();
    write(&mut opened, 4);
    storage.damage(&path_of(Lsn(1)), |bytes| *bytes.last_mut().unwrap() = 1);
    assert!(matches!(read(&storage), Err(OpenError::Corrupt { .. })));
}

#[test]
fn a_segment_that_was_archived_after_the_listing_is_read_as_its_archive() {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    let last = write(&mut opened, 900);
    let sealed = opened.archiver.sealed().len();
    assert!(sealed >= 2);
    drop(opened);
    // The archiver comes just before the n-th file is opened.
    for at in 0..=sealed {
        let copy = storage.fork();
        let (opened, _) = open(&copy).unwrap();
        let mut opens = 0;
        let beside = Hooked::new(&copy).on_open(move |_| {
            if opens == at {
                while opened.archiver.step(Lsn(u64::MAX)).unwrap() {}
            }
            opens += 1;
            Ok(())
        });
        let found = read(&beside).unwrap_or_else(|error| panic!("archived at open {at}: {error}"));
        assert_eq!(found.last, last);
    }
}

#[test]
fn a_segment_that_was_the_last_one_when_listed_may_be_archived_too() {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    let before = write(&mut opened, 4);
    let mut opened = Some(opened);
    let beside = Hooked::new(&storage).on_open(move |_| {
        if let Some(mut opened) = opened.take() {
            write(&mut opened, 900);
            while opened.archiver.step(Lsn(u64::MAX)).unwrap() {}
        }
        Ok(())
    });
    assert!(read(&beside).unwrap().last > before);
}

#[test]
fn a_segment_that_is_neither_raw_nor_archived_is_missing() {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    write(&mut opened, 900);
    let second = opened.archiver.sealed()[1].0;
    drop(opened);
    let copy = storage.clone();
    let beside = Hooked::new(&storage).on_open(move |path| {
        if path == path_of(second) {
            copy.remove_file(path)?;
        }
        Ok(())
    });
    assert!(matches!(read(&beside), Err(OpenError::Io { .. })));
    assert!(matches!(read(&storage), Err(OpenError::Missing { .. })));
}

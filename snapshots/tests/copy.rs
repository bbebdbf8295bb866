//! A copy of the log beside a server that writes and archives it: whole up to some durable record, or none.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Hooked, image, open, write};
use onhand_snapshots::Lsn;
use onhand_snapshots::log::{OpenError, copy_log};
use onhand_snapshots::storage::{Crash, SimStorage, Storage};

/// A log of some segments, the first of them archived.
fn logged() -> SimStorage {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    write(&mut opened, 600);
    assert!(opened.archiver.step(Lsn(u64::MAX)).unwrap());
    storage
}

#[test]
fn a_copy_is_the_log_and_the_log_is_untouched() {
    let storage = logged();
    let before = image(&storage);
    let copy = SimStorage::default();
    let told = copy_log(&storage, &copy).unwrap();
    let (opened, count) = open(&copy).unwrap();
    assert_eq!((told.last, told.cluster, told.epoch), (Lsn(count), [7; 16], 1));
    assert_eq!(opened.report.last, open(&storage.fork()).unwrap().0.report.last);
    let copied = image(&copy);
    assert!(told.files.len() > 2);
    for file in &told.files {
        assert_eq!(copied[&file.path], before[&file.path], "{}", file.path);
        assert_eq!(file.bytes, before[&file.path].len() as u64);
        assert_eq!(file.hash, *blake3::hash(&before[&file.path]).as_bytes());
    }
    assert!(image(&storage) == before);
}

#[test]
fn what_the_server_does_between_two_calls_is_no_damage() {
    let storage = logged();
    let calls = {
        let hooked = Hooked::new(&storage);
        copy_log(&hooked, &SimStorage::default()).unwrap();
        hooked.reads()
    };
    // All the first ones and a part of the many that copy pieces.
    for at in (0..calls).filter(|at| *at < 12 || at % 7 == 0) {
        let source = storage.fork();
        let (mut opened, before) = open(&source).unwrap();
        let appender = opened.appender.clone();
        let beside = Hooked::new(&source).on_read(move |number, _| {
            if number == at {
                write(&mut opened, 250);
                while opened.archiver.step(Lsn(u64::MAX)).unwrap() {}
            }
        });
        let copy = SimStorage::default();
        let told = copy_log(&beside, &copy).unwrap_or_else(|error| panic!("at read {at}: {error}"));
        assert!(told.last >= Lsn(before) && told.last <= appender.durable(), "at read {at}");
        let (reopened, count) = open(&copy).unwrap();
        assert_eq!((Lsn(count), reopened.report.torn), (told.last, None), "at read {at}");
    }
}

#[test]
fn a_record_is_durable_at_the_source_before_it_is_in_a_copy() {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    write(&mut opened, 3);
    let durable = opened.appender.durable();
    opened.appender.append(&[&common::record(durable.0 + 1)]).unwrap();
    // The write goes through, and the process ends before the sync.
    storage.die_at(storage.ops() + 1);
    assert!(opened.writer.step().is_err());
    storage.restart();
    let copy = SimStorage::default();
    let told = copy_log(&storage, &copy).unwrap();
    storage.crash(Crash::LoseAll);
    let (_, count) = open(&storage).unwrap();
    assert_eq!(told.last, durable.next(), "the test shows nothing if the copy has not seen the record");
    assert!(told.last <= Lsn(count), "the copy has record {}, the log ends at {count}", told.last);
}

#[test]
fn a_damaged_log_is_not_copied() {
    let storage = logged();
    let path = storage.files().into_iter().find(|path| path.ends_with(".zst")).unwrap();
    let file = storage.open(&path).unwrap();
    let mut byte = [0];
    file.read_at(5_000, &mut byte).unwrap();
    file.write_at(5_000, &[byte[0] ^ 1]).unwrap();
    let refused = copy_log(&storage, &SimStorage::default());
    assert!(matches!(&refused, Err(OpenError::DamagedBlock { file, .. }) if *file == path), "{refused:?}");
    let nothing = copy_log(&SimStorage::default(), &SimStorage::default()).unwrap();
    assert_eq!((nothing.last, nothing.files.len()), (Lsn::ZERO, 0));
}

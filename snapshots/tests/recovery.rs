//! What a crash, a failing disk and damage may do to the log, on the simulated disk.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{OPTIONS, open, record, write};
use onhand_snapshots::Lsn;
use onhand_snapshots::journal::JournalError;
use onhand_snapshots::log::segment::{LOG_DIR, first_of, path_of};
use onhand_snapshots::log::{AppendError, Log, OpenError, Opened, Stepped, WriteError};
use onhand_snapshots::storage::{Crash, Fault, OpKind, SimStorage, Storage};
use std::collections::BTreeMap;
use std::sync::Arc;

#[test]
fn a_log_goes_on_where_it_ended() {
    let storage = SimStorage::default();
    let (mut opened, count) = open(&storage).unwrap();
    assert_eq!(count, 0);
    let first = write(&mut opened, 600);
    drop(opened);
    let (mut opened, count) = open(&storage).unwrap();
    assert_eq!(Lsn(count), first);
    let second = write(&mut opened, 600);
    assert!(storage.list(LOG_DIR).unwrap().iter().filter(|name| first_of(name).is_some()).count() > 2);
    for lsn in [1, 2, first.0, first.0 + 1, second.0] {
        assert_eq!(opened.reader.read(Lsn(lsn)).unwrap(), record(lsn));
    }
    assert!(opened.reader.read(second.next()).is_err());
    let mut back = Vec::new();
    let stop = opened.reader.scan_back(second.next(), usize::MAX, &mut |lsn, bytes| {
        assert_eq!(bytes, record(lsn.0));
        back.push(lsn.0);
        true
    });
    assert_eq!(stop.unwrap(), Lsn(1));
    assert!(back.iter().copied().eq((1..=second.0).rev()));
    let mut forth = Vec::new();
    opened
        .reader
        .scan_from(Lsn(17), &mut |lsn, _| {
            forth.push(lsn.0);
            lsn.0 < second.0 - 3
        })
        .unwrap();
    assert!(forth.iter().copied().eq(17..=second.0 - 3));
}

#[test]
fn a_crash_at_any_call_loses_nothing_durable() {
    let calls = {
        let storage = SimStorage::default();
        let (mut opened, _) = open(&storage).unwrap();
        write(&mut opened, 12);
        storage.ops()
    };
    assert!(calls > 40);
    for call in 0..calls {
        for crash in
            [Crash::LoseAll, Crash::KeepAll, Crash::Torn(call * 2 + 1), Crash::Torn(call * 7_919 + 3)]
        {
            let storage = SimStorage::default();
            storage.die_at(call);
            let durable = match open(&storage) {
                Ok((mut opened, _)) => write(&mut opened, 12),
                Err(_) => Lsn::ZERO,
            };
            storage.crash(crash);
            let (mut opened, count) =
                open(&storage).unwrap_or_else(|error| panic!("crash {crash:?} at call {call}: {error}"));
            assert!(Lsn(count) >= durable, "crash {crash:?} at call {call}: {count} of {durable} are left");
            // What was cut stays cut: the log goes on and opens again.
            let last = write(&mut opened, 3);
            drop(opened);
            assert_eq!(Lsn(open(&storage).unwrap().1), last);
        }
    }
}

#[test]
fn a_failed_call_stops_the_log_for_good() {
    let (start, end, all) = {
        let storage = SimStorage::default();
        let (mut opened, _) = open(&storage).unwrap();
        let start = storage.ops();
        let all = write(&mut opened, 10);
        (start, storage.ops(), all)
    };
    assert!(end > start + 20);
    for errno in [5, 28] {
        for at in start..end {
            let storage = SimStorage::default();
            let (mut opened, _) = open(&storage).unwrap();
            storage.fail_at(Fault { at, errno });
            let durable = write(&mut opened, 10);
            assert!(storage.ops() > at, "call {at} was never made");
            assert!(durable < all, "call {at} failed and nobody noticed");
            assert_eq!(opened.appender.append(&[b"more"]), Err(AppendError::Closed), "call {at}");
            assert_eq!(opened.writer.step().unwrap(), Stepped::Closed, "call {at}");
            assert_eq!(opened.appender.durable(), durable);
            drop(opened);
            storage.crash(Crash::LoseAll);
            assert!(Lsn(open(&storage).unwrap().1) >= durable, "call {at}");
        }
    }
}

#[test]
fn what_waited_behind_a_failed_write_is_never_written() {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    write(&mut opened, 1);
    // Two frames wait, the first one's sync fails.
    let large = vec![0x5A; 400 << 10];
    opened.appender.append(&[&large]).unwrap();
    opened.appender.append(&[&large]).unwrap();
    storage.fail_nth(OpKind::Sync, storage.ops_of(OpKind::Sync), 5);
    let unknown = opened.writer.step();
    assert!(
        matches!(unknown, Err(WriteError::Journal(JournalError::Unknown { last: Lsn(2), .. }))),
        "{unknown:?}"
    );
    let poisoned = opened.writer.step();
    assert!(matches!(poisoned, Err(WriteError::Journal(JournalError::Poisoned))), "{poisoned:?}");
    assert_eq!(opened.appender.durable(), Lsn(1));
    assert!(!opened.appender.wait_durable(Lsn(2)));
}

/// A small log of one segment and the bytes of it that are in use.
fn small() -> (SimStorage, u64, usize) {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    let last = write(&mut opened, 4);
    let mut used = 0;
    storage.damage(&path_of(Lsn(1)), |bytes| {
        used = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count()
    });
    (storage, last.0, used)
}

#[test]
fn a_zeroed_sector_before_the_last_frame_is_refused() {
    let (storage, last, used) = small();
    let mut cut = 0;
    for sector in 0..used / 512 {
        let copy = storage.fork();
        copy.damage(&path_of(Lsn(1)), |bytes| bytes[sector * 512..(sector + 1) * 512].fill(0));
        match open(&copy) {
            Err(OpenError::Corrupt { .. }) => {}
            Err(error) => panic!("sector {sector}: {error}"),
            // The last frame alone may be taken for one that was never finished.
            Ok((opened, count)) => {
                assert!(opened.report.torn.is_some() && count < last);
                assert_eq!(opened.report.torn.as_ref().map(|torn| torn.last_good), Some(Lsn(count)));
                assert_eq!(copy.list("quarantine").unwrap().len(), 1);
                cut = cut.max(last - count);
            }
        }
    }
    assert_eq!(cut, 4, "only the records of the last frame");
}

/// Archives all that can be; returns how many.
fn archive_all(opened: &Opened) -> usize {
    std::iter::from_fn(|| opened.archiver.step(Lsn(u64::MAX)).unwrap().then_some(())).count()
}

#[test]
fn an_archived_log_reads_as_before() {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    let last = write(&mut opened, 1_200);
    let sealed = opened.archiver.sealed();
    assert!(sealed.len() > 1, "there are segments to archive");
    let before = opened.reader.read(Lsn(5)).unwrap();
    assert_eq!(archive_all(&opened), sealed.len());
    assert_eq!(opened.reader.read(Lsn(5)).unwrap(), before);
    for lsn in (1..=last.0).step_by(37) {
        assert_eq!(opened.reader.read(Lsn(lsn)).unwrap(), record(lsn));
    }
    let raw = storage.list(LOG_DIR).unwrap().into_iter().filter(|name| name.ends_with(".seg")).count();
    assert_eq!(raw, 1, "only the segment being written is left");
    drop(opened);
    let (mut opened, count) = open(&storage).unwrap();
    assert_eq!(Lsn(count), last);
    let end = write(&mut opened, 20);
    let mut count = 0;
    opened
        .reader
        .scan_from(Lsn(1), &mut |lsn, bytes| {
            count += 1;
            lsn.0 == count && bytes == record(count)
        })
        .unwrap();
    assert_eq!(count, end.0);
}

#[test]
fn segments_before_the_tail_are_passed_over() {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    let last = write(&mut opened, 1_200);
    let sealed = opened.archiver.sealed();
    opened.archiver.step(sealed[0].1).unwrap();
    drop(opened);
    let from = sealed[sealed.len() - 1].1;
    let mut seen = Vec::new();
    let mut opened = Log::open(Arc::new(storage.clone()), OPTIONS, from, &mut |lsn, bytes| {
        seen.push(lsn);
        (bytes == record(lsn.0)).then_some(()).ok_or_else(|| "another record".to_owned().into())
    })
    .unwrap();
    assert_eq!((seen[0], seen[seen.len() - 1]), (from, last));
    assert_eq!(opened.reader.read(Lsn(1)).unwrap(), record(1));
    assert_eq!(opened.reader.read(Lsn(from.0 - 1)).unwrap(), record(from.0 - 1));
    let end = write(&mut opened, 5);
    drop(opened);
    assert_eq!(Lsn(open(&storage).unwrap().1), end);
}

#[test]
fn a_crash_while_archiving_loses_nothing() {
    let (written, calls) = {
        let storage = SimStorage::default();
        let (mut opened, _) = open(&storage).unwrap();
        write(&mut opened, 300);
        let written = storage.ops();
        archive_all(&opened);
        (written, storage.ops())
    };
    assert!(calls > written + 10);
    for call in written..calls {
        for crash in [Crash::LoseAll, Crash::KeepAll, Crash::Torn(call)] {
            let storage = SimStorage::default();
            let (mut opened, _) = open(&storage).unwrap();
            let last = write(&mut opened, 300);
            storage.die_at(call);
            while opened.archiver.step(Lsn(u64::MAX)).unwrap_or(false) {}
            storage.crash(crash);
            let (opened, count) =
                open(&storage).unwrap_or_else(|error| panic!("crash {crash:?} at call {call}: {error}"));
            assert_eq!(Lsn(count), last);
            archive_all(&opened);
            drop(opened);
            assert_eq!(Lsn(open(&storage).unwrap().1), last);
        }
    }
}

#[test]
fn a_damaged_archive_is_exact_or_refused() {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    let end = write(&mut opened, 300);
    let next = opened.archiver.sealed()[0].1;
    archive_all(&opened);
    drop(opened);
    let names = storage.list(LOG_DIR).unwrap();
    let name = names.iter().find(|name| name.ends_with(".zst")).unwrap();
    let path = format!("{LOG_DIR}/{name}");
    let bytes = storage.open(&path).unwrap().len().unwrap();
    let (mut refused, mut blocks) = (0, BTreeMap::new());
    for offset in (0..bytes).step_by(501).chain(bytes - 600..bytes) {
        let damaged = storage.fork();
        let position = usize::try_from(offset).unwrap();
        damaged.damage(&path, |bytes| bytes[position] ^= 0xFF);
        // A few bits of a compressed block mean nothing: then every record is still what was written.
        match open(&damaged) {
            Ok((_, count)) => assert_eq!(Lsn(count), end, "byte {offset} of {bytes}"),
            Err(OpenError::DamagedBlock { file, offset: block, from, to, .. }) => {
                assert_eq!(file, path);
                assert!(block <= offset && from >= Lsn(1) && from <= to && to < next, "byte {offset}");
                blocks.entry(block).or_insert((from, to));
            }
            Err(OpenError::Corrupt { file, .. }) => {
                assert_eq!(file, path);
                refused += 1;
            }
            Err(other) => panic!("byte {offset} of {bytes}: {other}"),
        }
    }
    // Tables and footer are refused as a whole; of each block it is said which records it holds.
    assert!(refused > 500);
    assert!(blocks.len() > 4, "{blocks:?}");
    let ranges: Vec<(Lsn, Lsn)> = blocks.into_values().collect();
    assert_eq!((ranges[0].0, ranges[ranges.len() - 1].1.next()), (Lsn(1), next));
    assert!(ranges.windows(2).all(|pair| pair[0].1.next() >= pair[1].0 && pair[0].0 <= pair[1].0));
    let alone = storage.fork();
    let last = names.iter().rev().find(|name| first_of(name).is_some()).unwrap();
    alone.remove_file(&format!("{LOG_DIR}/{last}")).unwrap();
    assert!(matches!(open(&alone), Err(OpenError::Corrupt { .. })), "the last segment cannot be an archive");
}

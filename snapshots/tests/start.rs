//! What a start may change, and when: nothing before the log is accepted, nothing but behind a copy, and never
//! two segments of one name.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{OPTIONS, image, open, record, write};
use onhand_snapshots::Lsn;
use onhand_snapshots::log::segment::{FIRST_FRAME, LOG_DIR, SegmentHeader, path_of};
use onhand_snapshots::log::{Log, LogOptions, OpenError, Opened, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
use onhand_snapshots::storage::{Crash, OpKind, SimStorage, Storage};
use std::sync::Arc;

/// A log whose last frame was written in part; the end of what is good, and what the disk held of the frame.
fn torn() -> (SimStorage, Lsn, Vec<u8>) {
    let storage = SimStorage::default();
    let (mut opened, _) = open(&storage).unwrap();
    let good = write(&mut opened, 4);
    let whole = image(&storage).remove(&path_of(Lsn(1))).unwrap();
    write(&mut opened, 2);
    drop(opened);
    let used = |bytes: &[u8]| bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let start = used(&whole);
    let mut part = Vec::new();
    storage.damage(&path_of(Lsn(1)), |bytes| {
        // The second sector of the frame was never written, nor what came behind it.
        bytes[start + 512..start + 1_024].fill(0);
        bytes[start + 2_048..].fill(0);
        part = bytes[start..start + 2_048].to_vec();
    });
    (storage, good, part)
}

fn open_judged(
    storage: &SimStorage,
    judge: &mut onhand_snapshots::log::Judge<'_>,
) -> Result<Opened, OpenError> {
    Log::open_judged(Arc::new(storage.clone()), OPTIONS, Lsn(1), &mut |_, _| Ok(()), judge)
}

#[test]
fn a_log_that_its_owner_refuses_is_byte_for_byte_unchanged() {
    let (storage, good, _) = torn();
    let before = image(&storage);
    let calls =
        |storage: &SimStorage| [OpKind::Write, OpKind::Sync, OpKind::Name].map(|kind| storage.ops_of(kind));
    let calls_before = calls(&storage);
    let mut asked = 0;
    let refused = open_judged(&storage, &mut |report| {
        asked += 1;
        assert_eq!((report.last, report.cluster), (good, OPTIONS.cluster));
        assert_eq!(report.torn.as_ref().map(|torn| torn.last_good), Some(good));
        Err("a snapshot holds record 99".into())
    });
    let Err(OpenError::Refused { what }) = refused else { panic!("it was not refused") };
    assert_eq!((what.as_str(), asked), ("a snapshot holds record 99", 1));
    assert_eq!(calls(&storage), calls_before, "no call that could change something was made");
    assert!(!storage.exists("quarantine").unwrap());
    assert!(image(&storage) == before);
    // Accepted, it is cut as ever.
    let opened = open_judged(&storage, &mut |_| Ok(())).unwrap();
    assert_eq!((opened.report.last, opened.report.torn.is_some()), (good, true));
    assert!(image(&storage) != before);
}

#[test]
fn a_new_log_that_is_refused_leaves_nothing() {
    let storage = SimStorage::default();
    let refused = open_judged(&storage, &mut |report| {
        assert_eq!((report.last, report.cluster), (Lsn::ZERO, OPTIONS.cluster));
        Err("there should be a log".into())
    });
    assert!(matches!(refused, Err(OpenError::Refused { .. })));
    assert!(!storage.exists(LOG_DIR).unwrap());
}

#[test]
fn the_judge_is_not_asked_about_a_damaged_log() {
    let (storage, ..) = torn();
    storage.flip_bit(&path_of(Lsn(1)), (FIRST_FRAME + 100) * 8);
    let before = image(&storage);
    let refused = open_judged(&storage, &mut |_| panic!("it was asked"));
    assert!(matches!(refused, Err(OpenError::Corrupt { .. })));
    assert!(image(&storage) == before);
}

/// Whether the bytes of a torn frame are still on the disk: in their place, or in quarantine.
fn is_kept(storage: &SimStorage, part: &[u8]) -> bool {
    image(storage).iter().any(|(path, bytes)| {
        let is_log = path.starts_with(LOG_DIR);
        (is_log || path.starts_with("quarantine")) && bytes.windows(part.len()).any(|window| window == part)
    })
}

#[test]
fn a_crash_while_a_torn_end_is_cut_leaves_it_or_its_copy() {
    let (torn, good, part) = torn();
    let calls = {
        let storage = torn.fork();
        open(&storage).unwrap();
        storage.ops()
    };
    assert!(calls > 10);
    for call in 0..=calls {
        for crash in [Crash::LoseAll, Crash::KeepAll, Crash::Torn(call), Crash::Torn(call * 7_919 + 3)] {
            let storage = torn.fork();
            storage.die_at(call);
            let is_interrupted = open(&storage).is_err();
            assert!(is_interrupted || call == calls, "call {call}");
            storage.crash(crash);
            assert!(is_kept(&storage, &part), "crash {crash:?} at call {call}: the torn frame is gone");
            let (mut opened, count) = open(&storage).unwrap();
            assert_eq!(Lsn(count), good);
            assert!(is_kept(&storage, &part));
            let last = write(&mut opened, 3);
            drop(opened);
            assert_eq!(Lsn(open(&storage).unwrap().1), last);
        }
    }
}

#[test]
fn a_torn_end_is_cut_on_a_full_disk_too_without_a_copy() {
    let (torn, good, part) = torn();
    for free in [0, part.len() as u64 - 1, 1 << 20] {
        let storage = torn.fork();
        storage.set_capacity(Some(storage.used_bytes() + free));
        let has_room = free > part.len() as u64;
        let (opened, count) = open(&storage).unwrap();
        assert_eq!((Lsn(count), opened.report.is_torn_kept), (good, has_room), "{free} bytes free");
        assert_eq!((storage.list("quarantine").unwrap().len(), is_kept(&storage, &part)), {
            (usize::from(has_room), has_room)
        });
        // What is zero again takes the next records, without a further byte.
        drop(opened);
        let (mut opened, count) = open(&storage).unwrap();
        assert_eq!((Lsn(count), opened.report.torn.is_some()), (good, false));
        let last = write(&mut opened, 3);
        drop(opened);
        assert_eq!(Lsn(open(&storage).unwrap().1), last);
    }
}

#[test]
fn a_second_copy_does_not_want_the_name_of_another() {
    let (torn, _, _) = torn();
    let name = |number: u32| format!("quarantine/{:020}-{number}.torn", 11);
    torn.create_dir_all("quarantine").unwrap();
    // Two copies of the same end were kept, and the older one was taken away.
    torn.create_new(&name(1)).unwrap();
    open(&torn).unwrap();
    assert_eq!(torn.list("quarantine").unwrap().len(), 2);
    assert!(torn.exists(&name(0)).unwrap());
}

fn options(segment_bytes: u64) -> LogOptions {
    LogOptions { segment_bytes, ..OPTIONS }
}

/// Opens with another size of segments and checks every record.
fn open_with(storage: &SimStorage, segment_bytes: u64) -> (Opened, Lsn) {
    let visit = &mut |lsn: Lsn, bytes: &[u8]| {
        (bytes == record(lsn.0)).then_some(()).ok_or_else(|| format!("record {lsn} is another one").into())
    };
    let opened = Log::open(Arc::new(storage.clone()), options(segment_bytes), Lsn(1), visit).unwrap();
    let last = opened.report.last;
    (opened, last)
}

/// Every segment begins behind the one before it, and every record can be read.
fn check(opened: &Opened, last: Lsn) {
    for (first, next) in opened.archiver.sealed() {
        assert!(next > first, "two segments begin with record {first}");
    }
    for lsn in 1..=last.0 {
        assert_eq!(opened.reader.read(Lsn(lsn)).unwrap(), record(lsn));
    }
}

#[test]
fn a_crash_around_the_first_frame_of_a_segment_never_makes_two_of_one_name() {
    let calls = {
        let storage = SimStorage::default();
        let (mut opened, _) = open(&storage).unwrap();
        write(&mut opened, 1);
        storage.ops()
    };
    let mut were_empty = 0;
    for call in 0..calls {
        for crash in [Crash::LoseAll, Crash::KeepAll, Crash::Torn(call)] {
            for segment_bytes in [SEGMENT_BYTES_MIN, SEGMENT_BYTES_MIN * 2] {
                let storage = SimStorage::default();
                storage.die_at(call);
                if let Ok((mut opened, _)) = open(&storage) {
                    write(&mut opened, 1);
                }
                storage.crash(crash);
                let (mut opened, last) = open_with(&storage, segment_bytes);
                were_empty += u32::from(last == Lsn::ZERO && storage.exists(&path_of(Lsn(1))).unwrap());
                let last = write(&mut opened, 250);
                check(&opened, last);
                assert!(opened.archiver.step(Lsn(u64::MAX)).is_ok());
                check(&opened, last);
                drop(opened);
                let (opened, again) = open_with(&storage, segment_bytes);
                assert_eq!(again, last);
                check(&opened, last);
            }
        }
    }
    assert!(were_empty > 2, "an empty segment was met {were_empty} times");
}

#[test]
fn an_empty_segment_too_small_for_a_frame_is_replaced() {
    let storage = SimStorage::default();
    storage.create_dir_all(LOG_DIR).unwrap();
    let bytes = FIRST_FRAME + 4_096;
    let header = SegmentHeader { cluster: [7; 16], epoch: 1, first: Lsn(1), previous: [0; 32], bytes };
    storage.create_new(&path_of(Lsn(1))).unwrap();
    storage.damage(&path_of(Lsn(1)), |file| {
        *file = header.encode().to_vec();
        file.resize(usize::try_from(bytes).unwrap(), 0);
    });
    let (mut opened, last) = open_with(&storage, SEGMENT_BYTES_MIN);
    assert_eq!(last, Lsn::ZERO);
    // The first frame has more than one block.
    for lsn in 1..=10 {
        opened.appender.append(&[&record(lsn)]).unwrap();
    }
    opened.writer.step().unwrap();
    assert_eq!(opened.archiver.sealed(), []);
    let last = write(&mut opened, 400);
    check(&opened, last);
    assert_eq!(opened.archiver.sealed()[0].0, Lsn(1));
    drop(opened);
    assert_eq!(open_with(&storage, SEGMENT_BYTES_MIN).1, last);
}

#[test]
fn segments_that_could_not_be_archived_are_refused_before_anything_is_made() {
    let storage = SimStorage::default();
    let opened = |bytes| Log::open(Arc::new(storage.clone()), options(bytes), Lsn(1), &mut |_, _| Ok(()));
    let refused = opened(SEGMENT_BYTES_MAX + 1).map(|_| ());
    assert!(
        matches!(refused, Err(OpenError::SegmentBytes { bytes, max }) if bytes == max + 1),
        "{refused:?}"
    );
    assert!(!storage.exists(LOG_DIR).unwrap());
    // The largest that is allowed is opened; it is made when the first frame needs it.
    opened(SEGMENT_BYTES_MAX).unwrap();
    assert_eq!(SEGMENT_BYTES_MAX, 4 << 30);
}

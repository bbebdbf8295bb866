//! The log of a copy: the same records up to any of them, under another identity.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use onhand_engine::StartError;
use onhand_engine::record::admin::LogOpenedV1;
use onhand_engine::record::{Header, Kind, decode};
use onhand_engine::restore::{RestoreError, write_copy};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::log::{Log, LogOptions, OpenError, Opened, SEGMENT_BYTES_MIN};
use onhand_engine::snapshots::storage::{Crash, SimStorage};
use std::sync::Arc;

const OPTIONS: LogOptions = LogOptions { cluster: [1; 16], segment_bytes: SEGMENT_BYTES_MIN };
const COPY: LogOptions = LogOptions { cluster: [2; 16], ..OPTIONS };
const NOW_MS: u64 = 1_795_600_000_000;

/// A record of a kind that is known, with so many bytes behind its header, which nobody reads here.
fn record(number: u8, bytes: usize) -> Vec<u8> {
    let header = Header {
        kind: Kind::LogClosed,
        version: 1,
        merchant: 0,
        at: NOW_MS,
        actor: 0,
        request: [number; 16],
        idempotency: None,
        fingerprint: None,
    };
    let mut record = Vec::new();
    header.encode_into(&mut record);
    record.resize(record.len() + bytes, number);
    record
}

/// A log of these records, so many to a frame.
fn log(records: &[Vec<u8>], per_frame: usize) -> SimStorage {
    let storage = SimStorage::default();
    let Opened { appender, mut writer, .. } =
        Log::open(Arc::new(storage.clone()), OPTIONS, Lsn(1), &mut |_, _| Ok(())).unwrap();
    for frame in records.chunks(per_frame) {
        for record in frame {
            appender.append(&[record]).unwrap();
        }
        writer.step().unwrap();
    }
    storage
}

/// The records of a log that has this identity.
fn read(storage: &SimStorage, options: LogOptions) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    let opened = Log::open(Arc::new(storage.clone()), options, Lsn(1), &mut |_, record| {
        records.push(record.to_vec());
        Ok(())
    });
    let report = opened.unwrap().report;
    assert_eq!((report.cluster, report.torn), (options.cluster, None));
    records
}

#[test]
fn a_copy_may_end_with_any_record_also_amid_a_frame() {
    let records: Vec<Vec<u8>> = (0..12_u8).map(|number| record(number, usize::from(number) * 300)).collect();
    let source = log(&records, 5);
    for last in 1..=records.len() {
        let copy = SimStorage::default();
        let to = Arc::new(copy.clone());
        let opening = write_copy(&source, to, Lsn(last as u64), COPY, NOW_MS).unwrap();
        assert_eq!(opening, Lsn(last as u64 + 1));
        // It is durable.
        copy.crash(Crash::LoseAll);
        let found = read(&copy, COPY);
        assert!(found[..last] == records[..last]);
        let (header, body) = Header::decode(&found[last]).unwrap();
        assert_eq!((header.kind, header.at), (Kind::LogOpened, NOW_MS));
        let opened: LogOpenedV1 = decode(body).unwrap();
        assert_eq!((opened.cluster, opened.epoch), (COPY.cluster, 1));
    }
    assert!(read(&source, OPTIONS) == records);
}

#[test]
fn a_log_longer_than_what_may_wait_for_the_disk_is_copied() {
    let records: Vec<Vec<u8>> = (0..70_u8).map(|number| record(number | 1, 600 << 10)).collect();
    let (source, copy) = (log(&records, 1), SimStorage::default());
    write_copy(&source, Arc::new(copy.clone()), Lsn(70), COPY, NOW_MS).unwrap();
    assert!(read(&copy, COPY)[..70] == records);
}

#[test]
fn a_record_of_a_newer_release_is_not_copied_unless_it_comes_later() {
    let mut newer = record(3, 0);
    newer[0] = 99;
    let source = log(&[record(1, 0), record(2, 0), newer], 1);
    let copied = |last| write_copy(&source, Arc::new(SimStorage::default()), Lsn(last), COPY, NOW_MS);
    assert_eq!(copied(2).unwrap(), Lsn(3));
    let refused = copied(3);
    assert!(matches!(refused, Err(RestoreError::Log(OpenError::Newer { .. }))), "{refused:?}");
}

#[test]
fn a_record_that_is_not_there_and_a_disk_that_fails_are_errors() {
    let source = log(&[vec![1], vec![2]], 1);
    let short = write_copy(&source, Arc::new(SimStorage::default()), Lsn(3), COPY, NOW_MS);
    assert!(matches!(short, Err(RestoreError::Short { last: Lsn(2), wanted: Lsn(3) })), "{short:?}");
    let calls = {
        let copy = SimStorage::default();
        write_copy(&source, Arc::new(copy.clone()), Lsn(2), COPY, NOW_MS).unwrap();
        copy.ops()
    };
    // The zeros of a segment are most of them.
    for call in (0..calls).filter(|call| call % 16 == 0 || calls - call < 12) {
        let copy = SimStorage::default();
        copy.die_at(call);
        assert!(write_copy(&source, Arc::new(copy), Lsn(2), COPY, NOW_MS).is_err(), "call {call}");
    }
}

#[test]
fn the_key_of_a_copy_recognises_what_was_asked_and_is_no_others() {
    let original = Fingerprints::with_key([7; 32]);
    let [one, two] = [0, 1].map(|_| original.for_copy().unwrap());
    let of_one = one.for_copy().unwrap();
    let clusters = [&original, &one, &two, &of_one].map(Fingerprints::cluster);
    for (place, cluster) in clusters.iter().enumerate() {
        assert!(!clusters[..place].contains(cluster));
    }
    let merchant = onhand_engine::domain::MerchantNumber(1);
    assert_eq!(original.idempotency(merchant, b"x"), of_one.idempotency(merchant, b"x"));
    let top = tempfile::tempdir().unwrap();
    segment(top.path());
    for key in [original, one] {
        key.store(top.path()).unwrap();
        assert_eq!(Fingerprints::open(top.path()).unwrap().cluster(), key.cluster());
    }
    let file = top.path().join("fingerprint.key");
    let bytes = std::fs::read(&file).unwrap();
    for length in [0, 31, 33, 47] {
        std::fs::write(&file, &bytes[..length]).unwrap();
        assert!(Fingerprints::open(top.path()).is_err(), "{length}");
    }
}

/// A name that says that there is a log; what is in it does not matter to the key.
fn segment(dir: &std::path::Path) {
    std::fs::create_dir_all(dir.join("log")).unwrap();
    std::fs::write(dir.join("log/00000000000000000001.seg"), "").unwrap();
}

/// A key gets its name when its log is there: from then on a directory without a log has lost it.
#[test]
fn a_key_with_its_name_says_that_there_was_a_log() {
    let top = tempfile::tempdir().unwrap();
    let dir = top.path();
    let names =
        || std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    let made = Fingerprints::open(dir).unwrap();
    // Broken off before the log was there: the same key, as often as it takes.
    assert_eq!(Fingerprints::open(dir).unwrap().cluster(), made.cluster());
    assert_eq!(names(), ["fingerprint.key.tmp"]);
    // Broken off when it was: also.
    segment(dir);
    assert_eq!(Fingerprints::open(dir).unwrap().cluster(), made.cluster());
    for _ in 0..2 {
        made.confirm(dir).unwrap();
        assert_eq!(Fingerprints::open(dir).unwrap().cluster(), made.cluster());
        assert!(!dir.join("fingerprint.key.tmp").exists());
    }
    std::fs::remove_file(dir.join("log/00000000000000000001.seg")).unwrap();
    assert!(matches!(Fingerprints::open(dir), Err(StartError::NoLog)));
    std::fs::remove_dir(dir.join("log")).unwrap();
    assert!(matches!(Fingerprints::open(dir), Err(StartError::NoLog)));
    assert_eq!(names(), ["fingerprint.key"]);
    segment(dir);
    std::fs::remove_file(dir.join("fingerprint.key")).unwrap();
    assert!(matches!(Fingerprints::open(dir), Err(StartError::NoKey { .. })));
    // A key that was being made when the power went, and nobody used.
    std::fs::remove_dir_all(dir.join("log")).unwrap();
    std::fs::write(dir.join("fingerprint.key.tmp"), "cut").unwrap();
    assert_ne!(Fingerprints::open(dir).unwrap().cluster(), made.cluster());
}

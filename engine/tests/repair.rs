//! A log that is cut off: what stays, what is said to be lost, and what a crash amid it leaves.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::repairs::{bytes_of, crash_at_every_call};
use onhand_engine::record::admin::{LogClosedV1, MerchantCreatedV1};
use onhand_engine::record::{Header, Kind, encode_into};
use onhand_engine::repair::{Losses, losses, put_key, readable, rebuild_derived, rewrite};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::log::{Log, LogOptions, OpenError, SEGMENT_BYTES_MIN};
use onhand_engine::snapshots::storage::{SimStorage, Storage};
use std::sync::Arc;

const NOW_MS: u64 = 1_795_600_000_000;
const LAST: u64 = 9;

fn key() -> Fingerprints {
    Fingerprints::with_key([7; 32])
}

fn record(lsn: u64) -> Vec<u8> {
    let kind = if lsn == 2 { Kind::MerchantCreated } else { Kind::LogClosed };
    let merchant = u32::from(lsn > 1) * 4;
    let idempotency = lsn.is_multiple_of(2).then_some([1; 16]);
    let mut record = Vec::new();
    Header {
        kind,
        version: 1,
        merchant,
        at: lsn,
        actor: 0,
        request: [0; 16],
        idempotency,
        fingerprint: None,
    }
    .encode_into(&mut record);
    match kind {
        Kind::MerchantCreated => encode_into(&MerchantCreatedV1 { name: "acme" }, &mut record).unwrap(),
        _ => encode_into(&LogClosedV1 { digest: lsn }, &mut record).unwrap(),
    }
    record
}

fn path(first: u64) -> String {
    format!("log/{first:020}.seg")
}

/// A log of nine records, each a frame, with a snapshot directory and a key beside it.
fn log() -> SimStorage {
    let storage = SimStorage::default();
    let options = LogOptions { cluster: key().cluster(), segment_bytes: SEGMENT_BYTES_MIN };
    let mut opened = Log::open(Arc::new(storage.clone()), options, Lsn(1), &mut |_, _| Ok(())).unwrap();
    for lsn in 1..=LAST {
        opened.appender.append(&[&record(lsn)]).unwrap();
        opened.writer.step().unwrap();
    }
    storage.create_dir_all("snapshots/old.gen").unwrap();
    storage.create_new("snapshots/old.gen/chunks").unwrap();
    let file = storage.create_new("fingerprint.key").unwrap();
    file.write_at(0, &[7; 32]).unwrap();
    file.sync_data().unwrap();
    for dir in [".", "snapshots", "snapshots/old.gen", "log"] {
        storage.sync_dir(dir).unwrap();
    }
    storage
}

/// The records of a log that can be read, of whichever identity.
fn records(storage: &SimStorage) -> Result<Vec<Vec<u8>>, OpenError> {
    let mut found = Vec::new();
    onhand_engine::snapshots::log::scan(storage, Lsn(1), &mut |_, record| {
        found.push(record.to_vec());
        Ok(())
    })?;
    Ok(found)
}

/// The sixth frame is damaged: records 1 to 5 can be read, 7 to 9 are whole behind it.
fn damaged() -> SimStorage {
    let storage = log();
    storage.damage(&path(1), |bytes| bytes[4_096 * 6 + 100] ^= 1);
    storage
}

fn cut(storage: &SimStorage, key: &Fingerprints) -> Option<Lsn> {
    let storage: Arc<dyn Storage> = Arc::new(storage.clone());
    rewrite(&storage, key, Lsn(5), SEGMENT_BYTES_MIN, NOW_MS).ok().map(|cut| cut.opening)
}

/// The first five records, one that opens the log as another one, and its key; the old ones in the quarantine.
#[track_caller]
fn is_cut(storage: &SimStorage, what: &str) {
    let found = records(storage).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(found.len() == 6 && (1..=5).all(|lsn| found[lsn - 1] == record(lsn as u64)), "{what}");
    assert_eq!(Header::decode(&found[5]).unwrap().0.kind, Kind::LogOpened, "{what}");
    assert_eq!(storage.open("fingerprint.key").unwrap().len().unwrap(), 48, "{what}");
    let files = storage.files();
    let kept = |end: &str| files.iter().any(|file| file.starts_with("quarantine/") && file.ends_with(end));
    assert!(kept(&path(1)) && kept("/fingerprint.key") && kept("/chunks"), "{what}: {files:?}");
    assert!(!files.iter().any(|file| file.starts_with("snapshots") || file.starts_with("repair")), "{what}");
}

#[test]
fn a_crash_at_any_call_leaves_the_log_as_it_was_or_a_cut_to_finish() {
    let key = key().for_copy().unwrap();
    crash_at_every_call(&damaged(), &|storage| cut(storage, &key) == Some(Lsn(6)), &is_cut);
}

#[test]
fn a_crash_at_any_call_of_a_new_key_leaves_the_log_as_it_was_or_under_that_key() {
    let other = Fingerprints::with_key([8; 32]);
    let renew = |storage: &SimStorage| {
        let storage: Arc<dyn Storage> = Arc::new(storage.clone());
        rewrite(&storage, &other, Lsn(LAST), SEGMENT_BYTES_MIN, NOW_MS).is_ok()
    };
    crash_at_every_call(&log(), &renew, &|storage, what| {
        let found = records(storage).unwrap_or_else(|error| panic!("{what}: {error}"));
        let is_whole = found.len() as u64 == LAST + 1
            && (1..=LAST).zip(&found).all(|(lsn, found)| *found == record(lsn));
        assert!(is_whole, "{what}: {} records", found.len());
        assert_eq!(bytes_of(storage, "fingerprint.key"), [8; 32], "{what}");
        assert_eq!(bytes_of(storage, "quarantine/repair-0/fingerprint.key"), [7; 32], "{what}");
        let options = LogOptions { cluster: other.cluster(), segment_bytes: SEGMENT_BYTES_MIN };
        let opened = Log::open(Arc::new(storage.fork()), options, Lsn(1), &mut |_, _| Ok(()));
        assert_eq!(opened.unwrap().report.cluster, other.cluster(), "{what}");
        assert!(!storage.exists("snapshots").unwrap(), "{what}");
    });
}

#[test]
fn a_crash_at_any_call_of_a_fetched_key_leaves_the_old_one_or_that_one() {
    let other = Fingerprints::with_key([8; 32]);
    let before = log();
    let gone = before.fork();
    gone.remove_file("fingerprint.key").unwrap();
    gone.sync_dir(".").unwrap();
    for (storage, was_there) in [(&before, true), (&gone, false)] {
        crash_at_every_call(storage, &|storage| put_key(storage, &other).is_ok(), &|storage, what| {
            assert_eq!(bytes_of(storage, "fingerprint.key"), [8; 32], "{what}");
            let away = "quarantine/repair-0/fingerprint.key";
            assert_eq!(storage.exists(away).unwrap(), was_there, "{what}");
            assert_eq!(records(storage).unwrap().len() as u64, LAST, "{what}");
        });
    }
}

#[test]
fn a_crash_at_any_call_leaves_derived_data_as_it_was_or_away() {
    let rebuild = |storage: &SimStorage| rebuild_derived(storage).is_ok();
    crash_at_every_call(&log(), &rebuild, &|storage, what| {
        assert!(!storage.exists("snapshots").unwrap(), "{what}");
        assert!(storage.exists("quarantine/repair-0/snapshots/old.gen/chunks").unwrap(), "{what}");
        assert_eq!(records(storage).unwrap().len() as u64, LAST, "{what}");
    });
}

#[test]
fn what_would_be_lost_is_counted_by_merchant_and_kind() {
    let storage = damaged();
    let (last, wrong) = readable(&storage);
    assert!(last == Lsn(5) && matches!(wrong, Some(OpenError::Corrupt { .. })), "{last}: {wrong:?}");
    let lost = losses(&storage, Lsn(6), key().cluster(), Lsn(11)).unwrap();
    let readable = [((4, "log_closed"), 3)].into_iter().collect();
    let names = [(4, "acme".to_owned())].into_iter().collect();
    assert_eq!(lost, Losses { last: Lsn(11), readable, answers: 1, names });
    assert_eq!(lost.count(), 3);
    let of_another = losses(&storage, Lsn(1), [9; 16], Lsn::ZERO).unwrap();
    assert_eq!(of_another, Losses::default());
}

#[test]
fn derived_data_and_a_key_are_exchanged_alone() {
    let storage = log();
    let quarantine = rebuild_derived(&storage).unwrap();
    assert!(storage.exists(&format!("{quarantine}/snapshots/old.gen/chunks")).unwrap());
    assert!(!storage.exists("snapshots").unwrap());
    assert_eq!(records(&storage).unwrap().len() as u64, LAST);
    let other = Fingerprints::with_key([8; 32]);
    let second = put_key(&storage, &other).unwrap();
    assert_ne!(second, quarantine);
    let bytes = |path: &str| {
        let mut bytes = vec![0; 32];
        storage.open(path).unwrap().read_at(0, &mut bytes).unwrap();
        bytes
    };
    assert_eq!(bytes("fingerprint.key"), [8; 32]);
    assert_eq!(bytes(&format!("{second}/fingerprint.key")), [7; 32]);
}

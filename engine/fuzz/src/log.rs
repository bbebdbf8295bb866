//! The log's files: a segment and an archive of any bytes, read as the only file of a log.

use crate::repair;
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::log::segment::{archive_path_of, path_of};
use onhand_engine::snapshots::log::{Log, LogOptions, SEGMENT_BYTES_MIN, scan};
use onhand_engine::snapshots::storage::{SimStorage, Storage};
use std::sync::Arc;

/// Bits of the first byte of an input: make the checksums right, and let zeros stand behind.
const REPAIR: u8 = 1;
const ZEROS: u8 = 2;

/// A disk with one file.
pub(crate) fn disk_with(path: &str, bytes: Vec<u8>) -> SimStorage {
    let storage = SimStorage::default();
    put_file(&storage, path, bytes);
    storage
}

/// Puts a file on a disk.
pub(crate) fn put_file(storage: &SimStorage, path: &str, bytes: Vec<u8>) {
    let dir = path.rsplit_once('/').map_or(".", |(dir, _)| dir);
    let made = storage.create_dir_all(dir).and_then(|()| storage.create_new(path).map(drop));
    assert!(made.is_ok(), "a simulated disk takes a file: {made:?}");
    storage.damage(path, |file| *file = bytes);
}

/// Reads a log to its end or its refusal. What both readers take must be the same records, and dense.
fn read(storage: &SimStorage) {
    let mut seen = Vec::new();
    let found = scan(storage, Lsn(1), &mut |lsn, record| {
        seen.push((lsn, record.len()));
        Ok(())
    });
    assert!(seen.iter().zip(1..).all(|((lsn, _), due)| lsn.0 == due), "records are dense");
    let mut again = Vec::new();
    let options = LogOptions { cluster: [7; 16], segment_bytes: SEGMENT_BYTES_MIN };
    let fork = storage.fork();
    let opened = Log::open(Arc::new(fork.clone()), options, Lsn(1), &mut |lsn, record| {
        again.push((lsn, record.len()));
        Ok(())
    });
    assert_eq!(
        found.is_ok(),
        opened.is_ok(),
        "audit and start agree: {:?}",
        opened.map(|opened| opened.report)
    );
    assert_eq!(seen, again, "audit and start read the same records");
    if found.is_err() {
        let same = storage
            .files()
            .iter()
            .map(|path| bytes(storage, path))
            .eq(fork.files().iter().map(|path| bytes(&fork, path)));
        assert!(same, "a refused log is not changed");
    }
}

fn bytes(storage: &SimStorage, path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    storage.damage(path, |file| bytes.clone_from(file));
    bytes
}

/// The first byte says how, the rest is the file.
pub(crate) fn segment(input: &[u8]) {
    let Some((how, file)) = input.split_first() else { return };
    let mut file = file.to_vec();
    if how & ZEROS != 0 {
        file.resize(file.len().next_multiple_of(4_096) + 4_096, 0);
    }
    if how & REPAIR != 0 {
        repair::segment(&mut file);
    }
    read(&disk_with(&path_of(Lsn(1)), file));
}

/// The first byte says how, the rest is the file.
pub(crate) fn archive(input: &[u8]) {
    let Some((how, file)) = input.split_first() else { return };
    let mut file = file.to_vec();
    if how & REPAIR != 0 {
        repair::archive(&mut file);
    }
    let storage = disk_with(&archive_path_of(Lsn(1)), file);
    read(&storage);
}

//! Files of this release, byte for byte: each is made again and compared, and each is opened from its bytes alone
//! and read. With `ONHAND_GOLDEN=write` in the environment they are made again on purpose; `docs/FORMATS.md`
//! says when that is allowed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{OPTIONS, image};
use onhand_snapshots::chunks::{ChunkStore, FileChunks, Set, SetWriter};
use onhand_snapshots::index::{Entry, INDEX_DIR};
use onhand_snapshots::log::frame::{
    BLOCK_BYTES, HEADER_BYTES, RECORD_BYTES_MAX, chain_hash, has_zero_sector, open_body, parse_header,
    records,
};
use onhand_snapshots::log::segment::{FIRST_FRAME, LOG_DIR, SegmentHeader, archive_path_of, path_of};
use onhand_snapshots::log::{Log, SEGMENT_BYTES_MIN, scan};
use onhand_snapshots::storage::{SimStorage, Storage};
use onhand_snapshots::{Generations, Index, Lsn};
use std::sync::Arc;

/// The stored bytes of a golden file, or when writing the ones given, which are then stored.
fn stored(name: &str, made: &[u8]) -> Vec<u8> {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("ONHAND_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&path, made).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Compares without printing kilobytes.
fn check(name: &str, made: &[u8], stored: &[u8]) {
    let differs = made.iter().zip(stored).position(|(made, stored)| made != stored);
    assert!(made == stored, "{name} is made in another way: first at {differs:?}, {} bytes", made.len());
}

fn put(storage: &SimStorage, path: &str, bytes: &[u8]) {
    storage.create_dir_all(path.rsplit_once('/').unwrap().0).unwrap();
    storage.create_new(path).unwrap();
    storage.damage(path, |file| *file = bytes.to_vec());
}

/// The records of the golden segment: two in one frame, and one with sectors of zeros, which needs a mask.
fn golden_records() -> [Vec<u8>; 3] {
    [b"first".to_vec(), Vec::new(), [&[0; 1_600][..], b"third"].concat()]
}

/// A log of two segments, the first with the golden records.
fn made_log() -> SimStorage {
    let storage = SimStorage::default();
    let mut opened = Log::open(Arc::new(storage.clone()), OPTIONS, Lsn(1), &mut |_, _| Ok(())).unwrap();
    let [first, second, third] = golden_records();
    opened.appender.append(&[&first]).unwrap();
    opened.appender.append(&[&second]).unwrap();
    opened.writer.step().unwrap();
    opened.appender.append(&[&third]).unwrap();
    opened.writer.step().unwrap();
    // The longest record leaves no room beside it in the smallest segment.
    opened.appender.append(&[&vec![0x5A; RECORD_BYTES_MAX]]).unwrap();
    opened.writer.step().unwrap();
    assert_eq!(opened.archiver.sealed(), [(Lsn(1), Lsn(4))]);
    storage
}

/// Without the zeros behind the last frame.
fn used(segment: &[u8]) -> &[u8] {
    &segment[..segment.len() - segment.iter().rev().take_while(|byte| **byte == 0).count()]
}

fn golden_segment() -> Vec<u8> {
    let made = image(&made_log()).remove(&path_of(Lsn(1))).unwrap();
    assert_eq!(made.len() as u64, SEGMENT_BYTES_MIN);
    let stored = stored("segment.bin", used(&made));
    check("segment.bin", used(&made), &stored);
    stored
}

/// Reads all of a log.
fn read(storage: &SimStorage) -> Vec<Vec<u8>> {
    let mut read = Vec::new();
    let found = scan(storage, Lsn(1), &mut |_, record| {
        read.push(record.to_vec());
        Ok(())
    });
    assert_eq!(found.unwrap().torn, None);
    read
}

#[test]
fn a_segment() {
    let bytes = golden_segment();
    assert_eq!(bytes.len(), 3 * BLOCK_BYTES);
    let header = SegmentHeader::decode(bytes.first_chunk().unwrap()).unwrap();
    let expected = SegmentHeader {
        cluster: OPTIONS.cluster,
        epoch: 1,
        first: Lsn(1),
        previous: [0; 32],
        bytes: SEGMENT_BYTES_MIN,
    };
    assert_eq!(header, expected);
    // The frames by themselves.
    let mut previous = [0; 32];
    let mut found = Vec::new();
    for (frame, is_masked) in bytes[BLOCK_BYTES..].chunks(BLOCK_BYTES).zip([false, true]) {
        let mut frame = frame.to_vec();
        let header = parse_header(&frame).unwrap();
        assert_eq!((header.previous, header.stored_bytes()), (previous, BLOCK_BYTES));
        assert_eq!(frame[6] != 0, is_masked);
        assert!(!has_zero_sector(&frame));
        previous = chain_hash(&frame);
        open_body(&header, &mut frame).unwrap();
        assert_eq!(has_zero_sector(&frame[HEADER_BYTES..]), is_masked);
        found.extend(records(&header, &frame).map(|record| record.unwrap().to_vec()));
    }
    assert_eq!(found, golden_records());
    // The same as a log.
    let storage = SimStorage::default();
    let mut whole = bytes;
    whole.resize(usize::try_from(header.bytes).unwrap(), 0);
    put(&storage, &path_of(Lsn(1)), &whole);
    assert_eq!(read(&storage), golden_records());
    let mut opened = Log::open(Arc::new(storage), OPTIONS, Lsn(1), &mut |_, _| Ok(())).unwrap();
    opened.appender.append(&[b"fourth"]).unwrap();
    opened.writer.step().unwrap();
    assert_eq!(opened.reader.read(Lsn(4)).unwrap(), b"fourth");
    assert_eq!(opened.reader.read(Lsn(3)).unwrap(), golden_records()[2]);
}

#[test]
fn an_archive() {
    let segment = golden_segment();
    let storage = made_log();
    let opened = Log::open(Arc::new(storage.clone()), OPTIONS, Lsn(1), &mut |_, _| Ok(())).unwrap();
    assert!(opened.archiver.step(Lsn(4)).unwrap());
    let made = image(&storage).remove(&archive_path_of(Lsn(1))).unwrap();
    let stored = stored("segment.seg.zst", &made);
    // Another release of zstd may compress in another way: then this file must still be read, and is made again.
    check("segment.seg.zst", &made, &stored);
    // What stock zstd makes of it.
    assert!(zstd::decode_all(&stored[..]).unwrap() == segment);
    // As a part of a log: the segment behind it has begun and is empty.
    let storage = SimStorage::default();
    let bytes = FIRST_FRAME;
    let previous = chain_hash(&segment[2 * BLOCK_BYTES..]);
    let next = SegmentHeader { cluster: OPTIONS.cluster, epoch: 1, first: Lsn(4), previous, bytes };
    put(&storage, &archive_path_of(Lsn(1)), &stored);
    put(&storage, &path_of(Lsn(4)), &next.encode());
    assert_eq!(read(&storage), golden_records());
    let opened = Log::open(Arc::new(storage), OPTIONS, Lsn(4), &mut |_, _| Ok(())).unwrap();
    assert_eq!(opened.reader.read(Lsn(1)).unwrap(), golden_records()[0]);
    assert_eq!(opened.report.last, Lsn(3));
}

/// The chunks of the golden set, in the order in which they are put.
fn golden_chunks() -> [(Vec<u8>, Vec<u8>); 3] {
    [(vec![1], b"one".to_vec()), (vec![2; 255], vec![0xAB; 300]), (vec![0xFF, 0], Vec::new())]
}

fn chunks(storage: &SimStorage) -> Arc<dyn ChunkStore> {
    Arc::new(FileChunks::new(Arc::new(storage.clone())))
}

#[test]
fn a_chunk_set_and_a_generation() {
    let made = SimStorage::default();
    let store = chunks(&made);
    let mut writer = SetWriter::begin(&made, &*store, "sets").unwrap();
    for (key, value) in golden_chunks() {
        writer.put(&key, &value).unwrap();
    }
    writer.publish(b"about", "sets/one").unwrap();
    let made = image(&made).remove("sets/one/chunks").unwrap();
    let stored = stored("set.chunks", &made);
    check("set.chunks", &made, &stored);
    let storage = SimStorage::default();
    put(&storage, "snapshots/00000000000000000017.gen/chunks", &stored);
    let generations = Generations::new(Arc::new(storage.clone()), chunks(&storage));
    assert_eq!(generations.list().unwrap(), [Lsn(17)]);
    let is_same = generations.open(Lsn(17), |set: &Set| {
        assert_eq!(set.about(), b"about");
        assert_eq!(set.keys().count(), 3);
        golden_chunks().into_iter().map(|(key, value)| Ok(set.get(&key)? == value)).collect()
    });
    let is_same: Result<Vec<bool>, onhand_snapshots::chunks::ChunkError> = is_same;
    assert_eq!(is_same.unwrap(), [true; 3]);
}

/// More than one chunk of entries; some hashes of more than one record, some even, which the filter leaves out.
fn golden_entries() -> Vec<Entry> {
    let hash =
        |lsn: u64| if lsn.is_multiple_of(50) { 6 } else { lsn.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 };
    (1..=1_030).map(|lsn| Entry { hash: hash(lsn), lsn: Lsn(lsn) }).collect()
}

#[test]
fn an_index_run() {
    let made = SimStorage::default();
    let index = Index::open(Arc::new(made.clone()), chunks(&made)).unwrap();
    index.add(Lsn(1_040), golden_entries()).unwrap();
    let name = format!("{INDEX_DIR}/{:020}-{:020}.run/chunks", 1, 1_040);
    let made = image(&made).remove(&name).unwrap();
    let stored = stored("run.chunks", &made);
    check("run.chunks", &made, &stored);
    let storage = SimStorage::default();
    put(&storage, &name, &stored);
    let index = Index::open(Arc::new(storage.clone()), chunks(&storage)).unwrap();
    let runs = index.runs();
    assert_eq!((runs.covered(), runs.entries(), runs.len()), (Lsn(1_040), 1_030, 1));
    let even: Vec<Lsn> = (1..=1_030).rev().filter(|lsn| lsn % 50 == 0).map(Lsn).collect();
    assert_eq!(runs.find(6).unwrap(), even);
    for entry in golden_entries().into_iter().filter(|entry| entry.hash != 6) {
        assert!(runs.may_have(entry.hash, Lsn::ZERO));
        assert_eq!(runs.find(entry.hash).unwrap(), [entry.lsn]);
    }
}

#[test]
fn every_golden_file_is_read_by_a_test() {
    let path = format!("{}/tests/golden", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(path).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["run.chunks", "segment.bin", "segment.seg.zst", "set.chunks"]);
}

#[test]
fn the_names_of_files_are_part_of_the_format() {
    assert_eq!(path_of(Lsn(1)), format!("{LOG_DIR}/00000000000000000001.seg"));
    assert_eq!(archive_path_of(Lsn(u64::MAX)), "log/18446744073709551615.seg.zst");
}

//! What a newer release wrote is refused, by file and number, and nothing is changed; what can be made again from the
//! log is set aside.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::directory::image;
use common::golden::{Golden, SMALL};
use common::{Server, onhand};
use onhand_engine::record::admin::{FEATURE_LEVEL, LogOpenedV1};
use onhand_engine::record::{Header, Kind, encode_into};
use onhand_engine::snapshots::chunks::{ChunkStore, Set};
use onhand_engine::snapshots::log::frame::{BLOCK_BYTES, HEADER_BYTES, parse_header};
use onhand_engine::snapshots::log::{Log, LogOptions, SEGMENT_BYTES_MIN};
use onhand_engine::snapshots::{Disk, Lsn};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Where a format number stands in each file that has one, behind a magic of four bytes.
const FORMAT_AT: usize = 4;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Starting, auditing and printing the directory are refused, with these parts, and change nothing.
fn refuses(what: &str, data: &Path, parts: &[&str]) {
    let before = image(data);
    let dir = data.to_str().unwrap();
    let commands: [&[&str]; 4] = [
        &["serve", "--listen", "127.0.0.1:0", "--data", dir],
        &["merchant", "create", "late", "--data", dir],
        &["verify", dir],
        &["log", dir],
    ];
    for command in commands {
        let output = onhand(command);
        let error = said(&output);
        assert_eq!(output.status.code(), Some(5), "{what}, {command:?}: {error}");
        let always = [
            "written by a newer release",
            "Nothing was changed",
            "onhand restore BACKUP",
            "this release knows",
        ];
        for part in always.iter().chain(parts) {
            assert!(error.contains(part), "{what}, {command:?}: {part:?} is not in: {error}");
        }
        let after = image(data);
        let changed: Vec<&String> =
            before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name)).collect();
        assert!(changed.is_empty(), "{what}, {command:?}: {changed:?} changed");
    }
}

/// The last raw segment.
fn last_segment(data: &Path) -> PathBuf {
    let names = fs::read_dir(data.join("log")).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.extension().is_some_and(|end| end == "seg")).max().unwrap()
}

fn name(path: &Path) -> String {
    format!("log/{}", path.file_name().unwrap().to_str().unwrap())
}

/// Writes the next format number at a place, and the checksum behind so many bytes from there on.
fn raise(path: &Path, at: usize, summed: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at + FORMAT_AT] += 1;
    let sum = crc32c::crc32c(&bytes[at..at + summed]);
    bytes[at + summed..at + summed + 4].copy_from_slice(&sum.to_le_bytes());
    fs::write(path, bytes).unwrap();
}

/// A copy of a directory that a release left when it was killed, so that what is added stands at the end of the log.
fn copy() -> tempfile::TempDir {
    Golden::newest("log-only").copy()
}

#[test]
fn a_segment() {
    let data = copy();
    let path = last_segment(data.path());
    raise(&path, 0, 80);
    refuses("a segment", data.path(), &[&name(&path), "segment format 2, this release knows 1"]);
}

#[test]
fn a_frame() {
    let data = copy();
    let path = last_segment(data.path());
    let bytes = fs::read(&path).unwrap();
    let (mut offset, mut last) = (BLOCK_BYTES, BLOCK_BYTES);
    while let Ok(frame) = parse_header(&bytes[offset..]) {
        last = offset;
        offset += frame.stored_bytes();
    }
    raise(&path, last, HEADER_BYTES - 4);
    refuses("a frame", data.path(), &[&name(&path), "a frame has format 2, this release knows 1"]);
}

#[test]
fn an_archive() {
    let data = Golden::newest("ended").copy();
    let names = fs::read_dir(data.path().join("log")).unwrap().map(|entry| entry.unwrap().path());
    let path = names.filter(|path| path.extension().is_some_and(|end| end == "zst")).min().unwrap();
    let bytes = fs::read(&path).unwrap();
    let at = bytes.windows(4).rposition(|window| window == b"OHA1").unwrap();
    let frames = u32::from_le_bytes(*bytes[at + 116..].first_chunk().unwrap());
    raise(&path, at, 120 + 8 * usize::try_from(frames).unwrap());
    refuses("an archive", data.path(), &[&name(&path), "archive format 2, this release knows 1"]);
}

/// Appends a record to the log as its writer does.
fn append(data: &Path, record: &[u8]) {
    let options = LogOptions { cluster: [0; 16], segment_bytes: SEGMENT_BYTES_MIN };
    let mut opened = Log::open(Disk::at(data).storage, options, Lsn(1), &mut |_, _| Ok(())).unwrap();
    opened.appender.append(&[record]).unwrap();
    opened.writer.step().unwrap();
}

/// A record with nothing behind its header.
fn bare(kind: Kind) -> Vec<u8> {
    let header = Header {
        kind,
        version: 1,
        merchant: 0,
        at: u64::MAX >> 1,
        actor: 0,
        request: [0; 16],
        idempotency: None,
        fingerprint: None,
    };
    let mut record = Vec::new();
    header.encode_into(&mut record);
    record
}

#[test]
fn a_record() {
    for (place, byte, found, known) in [
        (0, 99, "record kind 99", "this release knows 1, 2, 10"),
        (1, 2, "version 2 of record kind 2", "this release knows 1"),
        (2, 4, "record flags 0b00000100", "this release knows 0b00000011"),
    ] {
        let data = copy();
        let mut record = bare(Kind::LogClosed);
        record[place] = byte;
        append(data.path(), &record);
        refuses(found, data.path(), &[&name(&last_segment(data.path())), found, known]);
    }
}

#[test]
fn a_feature_level() {
    let data = copy();
    let mut record = bare(Kind::LogOpened);
    let opened = LogOpenedV1 { cluster: [9; 16], epoch: 1, feature_level: FEATURE_LEVEL + 1 };
    encode_into(&opened, &mut record).unwrap();
    append(data.path(), &record);
    let file = name(&last_segment(data.path()));
    refuses("a feature level", data.path(), &[&file, "feature level 2, this release knows 1"]);
    // A backup is a copy of files; what a restore would make of it is another log, and is refused.
    let top = tempfile::tempdir().unwrap();
    let [backup, restored] = ["backup", "restored"].map(|name| top.path().join(name));
    let paths = [data.path(), &backup, &restored].map(|path| path.to_str().unwrap());
    assert!(onhand(&["backup", paths[0], paths[1]]).status.success());
    let output = onhand(&["restore", paths[1], paths[2]]);
    assert!(
        output.status.code() == Some(5) && said(&output).contains("feature level 2"),
        "{}",
        said(&output)
    );
    assert!(!restored.exists(), "something was restored");
}

/// Writes a set of chunks again, with another format in its manifest.
fn newer_set(data: &Path, path: &str) {
    let store = Disk::at(data).chunks;
    let mut chunks: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    {
        let set = Set::open(&*store, path).unwrap();
        chunks.extend(set.keys().map(|key| (key.to_vec(), set.get(key).unwrap())));
    }
    let mut manifest = {
        let reader = open_when_free(&*store, path);
        reader.get(&[0xFF]).unwrap().unwrap()
    };
    manifest[FORMAT_AT] += 1;
    let hashed = manifest.len() - 32;
    let hash = *blake3::hash(&manifest[..hashed]).as_bytes();
    manifest[hashed..].copy_from_slice(&hash);
    chunks.push((vec![0xFF], manifest));
    fs::remove_dir_all(data.join(path)).unwrap();
    let mut writer = store.create(path).unwrap();
    for (key, value) in chunks {
        writer.put(&key, &value).unwrap();
    }
    writer.finish().unwrap();
    let Err(error) = Set::open(&*store, path) else { panic!("{path} is opened") };
    assert!(error.is_damage() && error.to_string().contains("format 2, this release knows 1"), "{error}");
}

fn open_when_free(
    store: &dyn ChunkStore,
    path: &str,
) -> Box<dyn onhand_engine::snapshots::chunks::ChunkReader> {
    loop {
        if let Ok(reader) = store.open(path) {
            return reader;
        }
        std::thread::yield_now();
    }
}

#[test]
fn what_is_made_of_the_log_is_set_aside() {
    let golden = Golden::newest("ended");
    let data = golden.copy();
    let mut changed = 0;
    for (directory, suffix) in [("snapshots", ".gen"), ("index", ".run")] {
        for entry in fs::read_dir(data.path().join(directory)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(suffix) {
                newer_set(data.path(), &format!("{directory}/{name}"));
                changed += 1;
            }
        }
    }
    assert!(changed >= 2, "{changed}");
    let server = Server::start_with(data.path(), &SMALL);
    golden.answers(&server);
}

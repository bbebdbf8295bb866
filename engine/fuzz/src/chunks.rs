//! Sets of chunks of any bytes: the plain file, its manifest, and an index run in it.

use crate::log::{disk_with, put_file};
use crate::repair;
use onhand_engine::snapshots::chunks::{FileChunks, Set};
use onhand_engine::snapshots::storage::{SimStorage, Storage};
use onhand_engine::snapshots::{Index, Lsn};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bit of the first byte of an input: make the digests right.
const REPAIR: u8 = 1;

/// The chunks of a plain file, as far as they can be told; `None` if it is cut short.
fn parse(mut file: &[u8]) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut chunks = BTreeMap::new();
    while !file.is_empty() {
        let (key_bytes, rest) = file.split_first_chunk()?;
        let (value_bytes, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(u32::from_le_bytes(*key_bytes) as usize)?;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value_bytes) as usize)?;
        chunks.insert(key.to_vec(), value.to_vec());
        file = rest;
    }
    Some(chunks)
}

/// The same chunks with a manifest that has their digests. What the manifest says of the set is kept, apart from the
/// range of a run.
fn repaired(file: &[u8], range: Option<(u64, u64)>) -> Option<Vec<u8>> {
    let mut chunks = parse(file)?;
    let manifest = chunks.remove(&[0xFF][..])?;
    let about_bytes = u32::from_le_bytes(*manifest.get(8..)?.first_chunk()?) as usize;
    let mut made = manifest.get(..about_bytes.checked_add(12)?)?.to_vec();
    if let Some(((first, last), place)) = range.zip(made.get_mut(12..28)) {
        place[..8].copy_from_slice(&first.to_le_bytes());
        place[8..].copy_from_slice(&last.to_le_bytes());
    }
    made.extend_from_slice(&u32::try_from(chunks.len()).ok()?.to_le_bytes());
    let mut out = Vec::new();
    for (key, value) in &chunks {
        made.push(u8::try_from(key.len()).ok()?);
        made.extend_from_slice(key);
        made.extend_from_slice(&blake3::hash(value).as_bytes()[..16]);
        put(&mut out, key, value);
    }
    repair::manifest(&mut made);
    put(&mut out, &[0xFF], &made);
    Some(out)
}

fn put(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    for bytes in [key, value] {
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
    }
    out.extend_from_slice(key);
    out.extend_from_slice(value);
}

fn file_of(input: &[u8], range: Option<(u64, u64)>) -> Vec<u8> {
    let Some((how, file)) = input.split_first() else { return Vec::new() };
    let repaired = if how & REPAIR == 0 { None } else { repaired(file, range) };
    repaired.unwrap_or_else(|| file.to_vec())
}

/// The first byte says how, the rest is the file of a set.
pub(crate) fn chunk_set(input: &[u8]) {
    let storage = Arc::new(disk_with("sets/one.gen/chunks", file_of(input, None)));
    let store = FileChunks::new(storage);
    let Ok(set) = Set::open(&store, "sets/one.gen") else { return };
    let keys: Vec<Vec<u8>> = set.keys().map(<[u8]>::to_vec).collect();
    assert!(keys.iter().all(|key| !key.is_empty()), "no chunk has an empty key");
    for key in keys {
        if let Ok(value) = set.get(&key) {
            assert!(value.len() <= input.len(), "a chunk is no longer than the file it stands in");
        }
    }
}

/// Records of each run, and how many runs there are: so many are merged into one.
const RUN_RECORDS: u64 = 40;
const RUNS: u64 = 4;

/// The same, as the runs of four ranges that follow each other.
pub(crate) fn index_run(input: &[u8]) {
    let storage = SimStorage::default();
    for run in 0..RUNS {
        let (first, last) = (run * RUN_RECORDS + 1, (run + 1) * RUN_RECORDS);
        let path = format!("index/{first:020}-{last:020}.run/chunks");
        put_file(&storage, &path, file_of(input, Some((first, last))));
    }
    let storage: Arc<dyn Storage> = Arc::new(storage);
    let store = Arc::new(FileChunks::new(Arc::clone(&storage)));
    let Ok(index) = Index::open(storage, store) else { return };
    let runs = index.runs();
    for hash in [0, 1, 2, 3, 0x1234_5678_9ABC_DEF1, u64::MAX - 1, u64::MAX] {
        let may_have = runs.may_have(hash, Lsn::ZERO);
        if let Ok(found) = runs.find(hash) {
            assert!(found.is_empty() || may_have || hash % 2 == 0, "what is found was not ruled out");
        }
    }
    // A merge reads every entry.
    drop(index.merge_step());
}

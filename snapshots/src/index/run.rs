//! One run: `index/<first LSN>-<last LSN>.run`, a set of chunks.
//!
//! ```text
//! about    first LSN, last LSN, number of entries (8 each)
//! 'e' n    up to 1,024 entries, hash (8) and LSN (8) each, sorted; n counts from 0 (4, big-endian)
//! 'f' n    a filter over up to 65,536 odd hashes: see [`super::filter`]
//! 'h' 0    the first hash of every chunk of entries (8 each)
//! ```
//! Even hashes are found, but have no filter: their owner knows that they are there.

use super::INDEX_DIR;
use super::filter::{FILTER_HASHES_MAX, Filter, Filters};
use super::open_sets::OpenSets;
use crate::chunks::{ChunkError, ChunkStore, Set, SetWriter};
use crate::lsn::Lsn;
use crate::storage::Storage;
use std::sync::Arc;

/// Entries of a chunk: a lookup reads 16 KiB.
const CHUNK_ENTRIES: usize = 1_024;

const ENTRY_BYTES: usize = 16;

/// The hash of a key and the record that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Odd: it is in the filter. Even: it is not.
    pub hash: u64,
    /// The record.
    pub lsn: Lsn,
}

/// A published run: its chunks are on disk and opened when they are read, filter and fences are in memory.
pub struct Run {
    first: Lsn,
    last: Lsn,
    entries: u64,
    filters: Filters,
    fences: Vec<u64>,
    sets: Arc<OpenSets>,
}

/// Writes a run.
pub(super) struct RunWriter<'a> {
    set: SetWriter<'a>,
    chunk: Vec<u8>,
    fences: Vec<u64>,
    /// Hashes for the next filter.
    filtered: Vec<u64>,
    filters: Vec<Filter>,
    entries: u64,
    chunks: u32,
}

fn name_of(first: Lsn, last: Lsn) -> String {
    format!("{:020}-{:020}.run", first.0, last.0)
}

pub(super) fn path_of(first: Lsn, last: Lsn) -> String {
    format!("{INDEX_DIR}/{}", name_of(first, last))
}

/// The range in a run's name; `None` if it is no run's.
pub(super) fn range_of(name: &str) -> Option<(Lsn, Lsn)> {
    let (first, last) = name.strip_suffix(".run")?.split_once('-')?;
    let (first, last) = (Lsn(first.parse().ok()?), Lsn(last.parse().ok()?));
    (name == name_of(first, last)).then_some((first, last))
}

fn key(kind: u8, number: u32) -> [u8; 5] {
    let [a, b, c, d] = number.to_be_bytes();
    [kind, a, b, c, d]
}

impl<'a> RunWriter<'a> {
    pub(super) fn begin(storage: &'a dyn Storage, store: &'a dyn ChunkStore) -> Result<Self, ChunkError> {
        let set = SetWriter::begin(storage, store, INDEX_DIR)?;
        let (fences, filtered, filters) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { set, chunk: Vec::new(), fences, filtered, filters, entries: 0, chunks: 0 })
    }

    /// Adds an entry; they come in order.
    pub(super) fn push(&mut self, entry: Entry) -> Result<(), ChunkError> {
        if self.chunk.is_empty() {
            self.fences.push(entry.hash);
        }
        self.chunk.extend_from_slice(&entry.hash.to_le_bytes());
        self.chunk.extend_from_slice(&entry.lsn.0.to_le_bytes());
        if entry.hash & 1 == 1 && self.filtered.last() != Some(&entry.hash) {
            // Equal hashes follow each other, so that all of them are in one filter.
            if self.filtered.len() == FILTER_HASHES_MAX {
                self.put_filter()?;
            }
            self.filtered.push(entry.hash);
        }
        self.entries += 1;
        if self.chunk.len() == CHUNK_ENTRIES * ENTRY_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ChunkError> {
        self.set.put(&key(b'e', self.chunks), &self.chunk)?;
        self.chunks += 1;
        self.chunk.clear();
        Ok(())
    }

    /// Publishes the run; what it needs in memory is there already.
    pub(super) fn publish(mut self, sets: &Arc<OpenSets>, first: Lsn, last: Lsn) -> Result<Run, ChunkError> {
        if !self.chunk.is_empty() {
            self.flush()?;
        }
        self.put_filter()?;
        let fences: Vec<u8> = self.fences.iter().flat_map(|fence| fence.to_le_bytes()).collect();
        self.set.put(&key(b'h', 0), &fences)?;
        let about = [first.0, last.0, self.entries].map(u64::to_le_bytes).concat();
        let path = path_of(first, last);
        self.set.publish(&about, &path)?;
        // What checked it has only just closed it, and sled keeps its lock for some 30 ms more: better waited for here
        // than by the first order that looks.
        drop(sets.open(&path)?);
        let (filters, mut fences) = (Filters::of(&self.filters), self.fences);
        fences.shrink_to_fit();
        Ok(Run { first, last, entries: self.entries, filters, fences, sets: Arc::clone(sets) })
    }

    fn put_filter(&mut self) -> Result<(), ChunkError> {
        let hashes = std::mem::take(&mut self.filtered);
        let Some(filter) = Filter::over(hashes).map_err(|what| ChunkError::damaged(INDEX_DIR, what))? else {
            return Ok(());
        };
        let number = u32::try_from(self.filters.len()).unwrap_or(u32::MAX);
        self.set.put(&key(b'f', number), filter.bytes())?;
        self.filters.push(filter);
        Ok(())
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u64::from_le_bytes(*word))
}

impl Run {
    /// Reads filter and fences of a run.
    pub(super) fn open(sets: &Arc<OpenSets>, first: Lsn, last: Lsn) -> Result<Self, ChunkError> {
        let path = path_of(first, last);
        let set = sets.open(&path)?;
        let about = set.about();
        if about.len() != 24 || word(about, 0) != first.0 || word(about, 8) != last.0 {
            return Err(ChunkError::damaged(&path, "another run stands here"));
        }
        let entries = word(about, 16);
        let filters = set.keys().filter(|key| key[0] == b'f').map(|key| {
            Filter::parse(set.get(key)?)
                .ok_or_else(|| ChunkError::damaged(&path, "a filter is not as long as it says"))
        });
        let filters = Filters::of(&filters.collect::<Result<Vec<_>, _>>()?);
        let fences: Vec<u64> = set.get(&key(b'h', 0))?.chunks_exact(8).map(|fence| word(fence, 0)).collect();
        // All chunks of entries but the last are full.
        if entries.div_ceil(CHUNK_ENTRIES as u64) != fences.len() as u64 {
            return Err(ChunkError::damaged(&path, format!("it says {entries} entries, and has others")));
        }
        Ok(Self { first, last, entries, filters, fences, sets: Arc::clone(sets) })
    }

    /// The first record it covers.
    #[must_use]
    pub fn first(&self) -> Lsn {
        self.first
    }

    /// The last record it covers.
    #[must_use]
    pub fn last(&self) -> Lsn {
        self.last
    }

    /// How many entries it has.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Bytes of memory for filter and fences.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.filters.memory_bytes() + self.fences.len() * 8
    }

    /// Whether an odd hash may be in it.
    #[must_use]
    pub fn may_have(&self, hash: u64) -> bool {
        self.filters.may_have(hash)
    }

    /// Appends the records with this hash, newest first.
    pub(super) fn find(&self, hash: u64, found: &mut Vec<Lsn>) -> Result<(), ChunkError> {
        if hash & 1 == 1 && !self.may_have(hash) {
            return Ok(());
        }
        // Equal hashes may begin in the chunk before the one that begins with them.
        let from = self.fences.partition_point(|fence| *fence < hash).saturating_sub(1);
        let to = self.fences.partition_point(|fence| *fence <= hash);
        let start = found.len();
        let set = self.set()?;
        for number in from..to {
            let chunk = chunk_of(&set, number)?;
            let same = chunk.chunks_exact(ENTRY_BYTES).filter(|entry| word(entry, 0) == hash);
            found.extend(same.map(|entry| Lsn(word(entry, 8))));
        }
        found[start..].reverse();
        Ok(())
    }

    fn set(&self) -> Result<Arc<Set>, ChunkError> {
        self.sets.open(&path_of(self.first, self.last))
    }
}

/// A chunk of entries: at least one, and each whole.
fn chunk_of(set: &Set, number: usize) -> Result<Vec<u8>, ChunkError> {
    let chunk = set.get(&key(b'e', u32::try_from(number).unwrap_or(u32::MAX)))?;
    if chunk.is_empty() || !chunk.len().is_multiple_of(ENTRY_BYTES) {
        return Err(ChunkError::damaged(set.path(), "a chunk does not end with an entry"));
    }
    Ok(chunk)
}

/// A run read from its beginning.
struct Walk<'a> {
    run: &'a Run,
    set: Arc<Set>,
    chunk: Vec<u8>,
    number: usize,
    offset: usize,
    /// The entry before.
    before: Option<Entry>,
}

impl Walk<'_> {
    /// The next entry. A merge goes by the order of entries, so one out of it is damage.
    fn next(&mut self) -> Result<Option<Entry>, ChunkError> {
        if self.offset == self.chunk.len() {
            if self.number == self.run.fences.len() {
                return Ok(None);
            }
            self.chunk = chunk_of(&self.set, self.number)?;
            (self.number, self.offset) = (self.number + 1, 0);
        }
        let entry =
            Entry { hash: word(&self.chunk, self.offset), lsn: Lsn(word(&self.chunk, self.offset + 8)) };
        self.offset += ENTRY_BYTES;
        if self.before.is_some_and(|before| before >= entry) {
            let path = path_of(self.run.first, self.run.last);
            return Err(ChunkError::damaged(&path, "its entries are not in order"));
        }
        self.before = Some(entry);
        Ok(Some(entry))
    }
}

/// Hands out the entries of some runs in order.
pub(super) fn merge(
    runs: &[Arc<Run>],
    push: &mut dyn FnMut(Entry) -> Result<(), ChunkError>,
) -> Result<(), ChunkError> {
    let walk = |run| -> Result<Walk<'_>, ChunkError> {
        let run: &Arc<Run> = run;
        Ok(Walk { run, set: run.set()?, chunk: Vec::new(), number: 0, offset: 0, before: None })
    };
    let mut walks = runs.iter().map(walk).collect::<Result<Vec<_>, _>>()?;
    let mut heads: Vec<Option<Entry>> = walks.iter_mut().map(Walk::next).collect::<Result<_, _>>()?;
    while let Some(least) = heads.iter().flatten().min().copied() {
        for (walk, head) in walks.iter_mut().zip(&mut heads) {
            if *head == Some(least) {
                *head = walk.next()?;
            }
        }
        push(least)?;
    }
    Ok(())
}

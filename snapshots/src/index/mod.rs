//! Which record has a key: hashes to LSNs, for all sealed segments.
//!
//! A *run* is an immutable set of sorted entries over a range of LSNs ([`run`]). Each sealed segment gets
//! one; runs of like size are merged in the background, so that there are never many. Together the runs
//! cover the log from its first record to [`Index::covered`]; what is younger is in its owner's memory.
//! A hash is only a candidate: whoever asks reads the record and compares exactly.

mod filter;
mod open_sets;
pub mod run;

use crate::chunks::set::remove;
use crate::chunks::{ChunkError, ChunkStore};
use crate::lsn::Lsn;
use crate::storage::Storage;
use open_sets::OpenSets;
use parking_lot::{Mutex, RwLock};
use run::{Run, RunWriter};
use std::sync::Arc;

pub use run::Entry;

/// The directory of the runs.
pub const INDEX_DIR: &str = "index";

/// So many runs of one size class become one: few enough runs that a new key seldom meets a false filter,
/// and every entry is written again only once per class.
const MERGE_RUNS: usize = 4;

/// A run is not merged beyond this: it is written again and again until then, and takes 16 bytes an entry on disk.
pub const RUN_ENTRIES_MAX: u64 = 4 << 20;

/// The index of a data directory.
pub struct Index {
    storage: Arc<dyn Storage>,
    store: Arc<dyn ChunkStore>,
    sets: Arc<OpenSets>,
    runs: RwLock<Runs>,
    /// Runs that were found and not taken, by first and last record.
    unfit: Mutex<Vec<(Lsn, Lsn)>>,
    /// Runs that were merged into a longer one. They go when nobody has them any more.
    merged: Mutex<Vec<Arc<Run>>>,
    /// One change at a time.
    changing: Mutex<()>,
}

/// The runs at one moment, oldest first.
#[derive(Clone, Default)]
pub struct Runs(Arc<Vec<Arc<Run>>>);

impl Runs {
    /// Every record up to here is in some run.
    #[must_use]
    pub fn covered(&self) -> Lsn {
        self.0.last().map_or(Lsn::ZERO, |run| run.last())
    }

    /// Whether a filtered hash may be in a run that ends after `searched`. `false` is certain.
    #[must_use]
    pub fn may_have(&self, hash: u64, searched: Lsn) -> bool {
        self.0.iter().rev().take_while(|run| run.last() > searched).any(|run| run.may_have(hash))
    }

    /// The records with this hash, newest first.
    ///
    /// # Errors
    /// [`ChunkError`] if a run cannot be read.
    pub fn find(&self, hash: u64) -> Result<Vec<Lsn>, ChunkError> {
        let mut found = Vec::new();
        for run in self.0.iter().rev() {
            run.find(hash, &mut found)?;
        }
        Ok(found)
    }

    /// The oldest record from `from` on that has this hash and for which `is_it` holds.
    ///
    /// # Errors
    /// [`ChunkError`] if a run cannot be read, and what `is_it` fails with: whether a record is the one is not known if
    /// it cannot be read.
    pub fn find_from<E: From<ChunkError>>(
        &self,
        hash: u64,
        from: Lsn,
        mut is_it: impl FnMut(Lsn) -> Result<bool, E>,
    ) -> Result<Option<Lsn>, E> {
        for run in self.0.iter().filter(|run| run.last() >= from) {
            let mut found = Vec::new();
            run.find(hash, &mut found)?;
            for lsn in found.into_iter().rev().filter(|lsn| *lsn >= from) {
                if is_it(lsn)? {
                    return Ok(Some(lsn));
                }
            }
        }
        Ok(None)
    }

    /// Entries of all runs.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.0.iter().map(|run| run.entries()).sum()
    }

    /// Bytes of memory that all runs take: filters and fences.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.0.iter().map(|run| run.memory_bytes()).sum()
    }

    /// How many runs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The last record that there is a run of by its name, readable or not; zero if there is none. Runs are made of durable
/// records alone.
///
/// # Errors
/// As the disk says.
pub fn newest_named(storage: &dyn Storage) -> std::io::Result<Lsn> {
    let names = storage.list(INDEX_DIR)?;
    Ok(names.iter().filter_map(|name| run::range_of(name)).map(|(_, last)| last).max().unwrap_or(Lsn::ZERO))
}

impl Index {
    /// Opens the runs that follow each other from the first record on. What is damaged, or does not fit, is
    /// left out: it is derived, and is made again. Nothing is removed before [`Index::sweep`].
    ///
    /// # Errors
    /// [`ChunkError`] if the disk says no: that a run cannot be read now does not mean that it is bad.
    pub fn open(storage: Arc<dyn Storage>, store: Arc<dyn ChunkStore>) -> Result<Self, ChunkError> {
        let sets = Arc::new(OpenSets::new(Arc::clone(&store)));
        let names = storage.list(INDEX_DIR).map_err(ChunkError::io(INDEX_DIR))?;
        let mut ranges: Vec<(Lsn, Lsn)> = names.iter().filter_map(|name| run::range_of(name)).collect();
        // Of runs that begin together the longest counts: the others were merged into it.
        ranges.sort_by_key(|(first, last)| (*first, std::cmp::Reverse(*last)));
        let (mut runs, mut unfit): (Vec<Arc<Run>>, _) = (Vec::new(), Vec::new());
        for (first, last) in ranges {
            let due = runs.last().map_or(Lsn(1), |run| run.last().next());
            if first != due {
                unfit.push((first, last));
                continue;
            }
            match Run::open(&sets, first, last) {
                Ok(run) => runs.push(Arc::new(run)),
                Err(error) if error.is_damage() => unfit.push((first, last)),
                Err(error) => return Err(error),
            }
        }
        sets.close_all();
        let (runs, unfit) = (RwLock::new(Runs(Arc::new(runs))), Mutex::new(unfit));
        Ok(Self { storage, store, sets, runs, unfit, merged: Mutex::default(), changing: Mutex::new(()) })
    }

    /// Removes the runs that [`Index::open`] left out; returns how many. To be called when the log was accepted:
    /// in a directory whose log is refused nothing is changed.
    ///
    /// # Errors
    /// [`ChunkError`] if the disk says no; what is left is removed by the next call.
    pub fn sweep(&self) -> Result<usize, ChunkError> {
        let _one = self.changing.lock();
        let mut unfit = self.unfit.lock();
        let mut removed = 0;
        while let Some((first, last)) = unfit.last().copied() {
            // It may have been made again meanwhile.
            if !self.runs().0.iter().any(|run| (run.first(), run.last()) == (first, last)) {
                remove(&*self.storage, &run::path_of(first, last))?;
                removed += 1;
            }
            unfit.pop();
        }
        Ok(removed)
    }

    /// The runs as they are now.
    #[must_use]
    pub fn runs(&self) -> Runs {
        self.runs.read().clone()
    }

    /// Every record up to here is in some run.
    #[must_use]
    pub fn covered(&self) -> Lsn {
        self.runs.read().covered()
    }

    /// Adds the entries of all records from the one after [`Index::covered`] to `last`.
    ///
    /// # Errors
    /// [`ChunkError`]; the index is as it was.
    pub fn add(&self, last: Lsn, entries: Vec<Entry>) -> Result<(), ChunkError> {
        let _one = self.changing.lock();
        let runs = self.runs();
        let first = runs.covered().next();
        let mut writer = RunWriter::begin(&*self.storage, &*self.store)?;
        sorted(&*self.storage, &entries).try_for_each(|entry| writer.push(entry))?;
        let run = Arc::new(writer.publish(&self.sets, first, last)?);
        self.set(runs.0.iter().cloned().chain([run]).collect());
        Ok(())
    }

    /// Merges some runs of like size into one, if there are enough of them. `false` if there is nothing to
    /// merge.
    ///
    /// # Errors
    /// [`ChunkError`]; the index is as it was.
    pub fn merge_step(&self) -> Result<bool, ChunkError> {
        let _one = self.changing.lock();
        self.remove_merged()?;
        let runs = self.runs();
        let Some(from) = mergeable(&runs.0) else { return Ok(false) };
        let parts = &runs.0[from..from + MERGE_RUNS];
        let (first, last) = (parts[0].first(), parts[MERGE_RUNS - 1].last());
        let mut writer = RunWriter::begin(&*self.storage, &*self.store)?;
        run::merge(parts, &mut |entry| writer.push(entry))?;
        let merged = Arc::new(writer.publish(&self.sets, first, last)?);
        let (before, after) = (&runs.0[..from], &runs.0[from + MERGE_RUNS..]);
        self.set(before.iter().cloned().chain([merged]).chain(after.iter().cloned()).collect());
        self.merged.lock().extend(parts.iter().cloned());
        Ok(true)
    }

    /// Removes what was merged, unless somebody still has it.
    fn remove_merged(&self) -> Result<(), ChunkError> {
        let mut merged = self.merged.lock();
        while let Some(row) = merged.iter().position(|run| Arc::strong_count(run) == 1) {
            let path = run::path_of(merged[row].first(), merged[row].last());
            self.sets.close(&path);
            remove(&*self.storage, &path)?;
            merged.swap_remove(row);
        }
        Ok(())
    }

    fn set(&self, runs: Vec<Arc<Run>>) {
        *self.runs.write() = Runs(Arc::new(runs));
    }
}

/// Entries in order, none of them twice. Sorted in pieces of like hashes, so that it can rest in between.
fn sorted(storage: &dyn Storage, entries: &[Entry]) -> impl Iterator<Item = Entry> {
    const PIECES: usize = 256;
    let each = entries.len() / PIECES * 9 / 8;
    let mut pieces: Vec<Vec<Entry>> = (0..PIECES).map(|_| Vec::with_capacity(each)).collect();
    for some in entries.chunks(4_096) {
        some.iter().for_each(|entry| pieces[usize::from(entry.hash.to_be_bytes()[0])].push(*entry));
        storage.breathe();
    }
    for piece in &mut pieces {
        piece.sort_unstable();
        piece.dedup();
        storage.breathe();
    }
    pieces.into_iter().flatten()
}

/// Where [`MERGE_RUNS`] neighbours of one size class begin, the newest first.
fn mergeable(runs: &[Arc<Run>]) -> Option<usize> {
    let class = |run: &Arc<Run>| run.entries().max(1).ilog(MERGE_RUNS as u64);
    let windows = runs.windows(MERGE_RUNS).enumerate().rev();
    windows
        .filter(|(_, parts)| parts.iter().map(|run| run.entries()).sum::<u64>() <= RUN_ENTRIES_MAX)
        .find(|(_, parts)| parts.iter().all(|run| class(run) <= class(&parts[0])))
        .map(|(from, _)| from)
}

//! The few runs whose chunks are open.
//!
//! A run is seldom read: its filter, which is in memory, answers nearly every question. An open directory of sled
//! takes some 15 MB for its tables and buffers whatever it holds, so only those that were read last stay open. One
//! directory is never open twice: sled would find it locked.

use crate::chunks::{ChunkError, ChunkStore, Set};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

/// Runs that stay open. Repeats come soon after what they repeat, so mostly one or two are read at a time.
const OPEN_MAX: usize = 2;

/// One path: whoever opens it holds its lock, so that others wait for this path and for no other.
type Slot = Arc<Mutex<Weak<Set>>>;

/// See the module.
pub(super) struct OpenSets {
    store: Arc<dyn ChunkStore>,
    sets: Mutex<Sets>,
}

#[derive(Default)]
struct Sets {
    /// Kept open; the one that was asked for last stands last.
    recent: VecDeque<(String, Arc<Set>)>,
    /// All that were handed out, as long as somebody has them, and those that are being opened.
    known: Vec<(String, Slot)>,
}

impl Sets {
    fn slot(&mut self, path: &str) -> Slot {
        // One that somebody else has, or that is locked, is being opened.
        let is_open = |slot: &Slot| slot.try_lock().is_none_or(|set| set.strong_count() > 0);
        self.known.retain(|(_, slot)| Arc::strong_count(slot) > 1 || is_open(slot));
        if let Some((_, slot)) = self.known.iter().find(|(known, _)| known == path) {
            return Arc::clone(slot);
        }
        let slot = Slot::default();
        self.known.push((path.to_owned(), Arc::clone(&slot)));
        slot
    }

    /// Keeps a set open, and gives back what is kept no longer.
    fn keep(&mut self, path: &str, set: &Arc<Set>) -> Vec<(String, Arc<Set>)> {
        let mut left = self.forget(path);
        self.recent.push_back((path.to_owned(), Arc::clone(set)));
        if self.recent.len() > OPEN_MAX {
            left.extend(self.recent.pop_front());
        }
        left
    }

    fn forget(&mut self, path: &str) -> Vec<(String, Arc<Set>)> {
        let (left, kept): (Vec<_>, Vec<_>) = self.recent.drain(..).partition(|(recent, _)| recent == path);
        self.recent = kept.into();
        left
    }
}

impl OpenSets {
    pub(super) fn new(store: Arc<dyn ChunkStore>) -> Self {
        Self { store, sets: Mutex::default() }
    }

    /// The set of a path, opened if it is not open. Whoever else wants the same waits.
    pub(super) fn open(&self, path: &str) -> Result<Arc<Set>, ChunkError> {
        let slot = self.sets.lock().slot(path);
        let set = {
            let mut open = slot.lock();
            match open.upgrade() {
                Some(set) => set,
                None => {
                    let set = Arc::new(Set::open(&*self.store, path)?);
                    *open = Arc::downgrade(&set);
                    set
                }
            }
        };
        // To close one takes as long as to open one: not under the lock.
        let left = self.sets.lock().keep(path, &set);
        drop(left);
        Ok(set)
    }

    /// Keeps none open.
    pub(super) fn close_all(&self) {
        let left = std::mem::take(&mut self.sets.lock().recent);
        drop(left);
    }

    /// Keeps a set open no longer, so that it can be removed.
    pub(super) fn close(&self, path: &str) {
        let left = self.sets.lock().forget(path);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunks::{FileChunks, SetWriter};
    use crate::storage::SimStorage;

    const PATHS: [&str; 4] = ["index/1", "index/2", "index/3", "index/4"];

    fn sets() -> OpenSets {
        let storage = Arc::new(SimStorage::default());
        let store = Arc::new(FileChunks::new(storage.clone()));
        for path in PATHS {
            let mut writer = SetWriter::begin(&*storage, &*store, "index").unwrap();
            writer.put(b"key", path.as_bytes()).unwrap();
            writer.publish(b"", path).unwrap();
        }
        OpenSets::new(store)
    }

    #[test]
    fn those_read_last_stay_open_and_one_that_somebody_has_is_not_opened_again() {
        let sets = sets();
        let first = sets.open(PATHS[0]).unwrap();
        for path in PATHS {
            assert_eq!(sets.open(path).unwrap().get(b"key").unwrap(), path.as_bytes());
        }
        assert!(Arc::ptr_eq(&first, &sets.open(PATHS[0]).unwrap()));
        let open: Vec<String> = sets.sets.lock().recent.iter().map(|(path, _)| path.clone()).collect();
        assert_eq!(open, [PATHS[3], PATHS[0]]);
        sets.close(PATHS[0]);
        sets.close_all();
        drop(first);
        sets.open(PATHS[1]).unwrap();
        assert_eq!(sets.sets.lock().known.len(), 1, "what nobody has is forgotten");
        assert!(sets.open("index/5").is_err());
    }

    #[test]
    fn many_threads_read_many_sets() {
        let sets = sets();
        std::thread::scope(|scope| {
            for turn in 0..4 {
                let sets = &sets;
                scope.spawn(move || {
                    for step in 0..200 {
                        let path = PATHS[(turn * 7 + step * 3) % PATHS.len()];
                        assert_eq!(sets.open(path).unwrap().get(b"key").unwrap(), path.as_bytes());
                    }
                });
            }
        });
        assert!(sets.sets.lock().recent.len() <= OPEN_MAX);
    }
}

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

/// See the module.
pub(super) struct OpenSets {
    store: Arc<dyn ChunkStore>,
    sets: Mutex<Sets>,
}

#[derive(Default)]
struct Sets {
    /// Kept open; the one that was asked for last stands last.
    recent: VecDeque<(String, Arc<Set>)>,
    /// All that were handed out, as long as somebody has them.
    known: Vec<(String, Weak<Set>)>,
}

impl OpenSets {
    pub(super) fn new(store: Arc<dyn ChunkStore>) -> Self {
        Self { store, sets: Mutex::default() }
    }

    /// The set of a path, opened if it is not open. Whoever else wants one waits.
    pub(super) fn open(&self, path: &str) -> Result<Arc<Set>, ChunkError> {
        let mut sets = self.sets.lock();
        sets.known.retain(|(_, set)| set.strong_count() > 0);
        let known = sets.known.iter().find(|(known, _)| known == path).and_then(|(_, set)| set.upgrade());
        let set = match known {
            Some(set) => set,
            None => {
                let set = Arc::new(Set::open(&*self.store, path)?);
                sets.known.push((path.to_owned(), Arc::downgrade(&set)));
                set
            }
        };
        sets.recent.retain(|(recent, _)| recent != path);
        sets.recent.push_back((path.to_owned(), Arc::clone(&set)));
        if sets.recent.len() > OPEN_MAX {
            sets.recent.pop_front();
        }
        Ok(set)
    }

    /// Keeps none open.
    pub(super) fn close_all(&self) {
        self.sets.lock().recent.clear();
    }

    /// Keeps a set open no longer, so that it can be removed.
    pub(super) fn close(&self, path: &str) {
        self.sets.lock().recent.retain(|(recent, _)| recent != path);
    }
}

//! Snapshot generations: `snapshots/<LSN, 20 digits>.gen`, each a [`Set`] of chunks, never changed once
//! published.
//!
//! A generation that cannot be read is no loss: an older one is taken, or the log alone. One that kills the
//! process that opens it (sled may) is recognised by the marker that the process could not remove, and left
//! out from then on.

use crate::chunks::set::remove;
use crate::chunks::{ChunkError, ChunkStore, Set, SetWriter};
use crate::lsn::Lsn;
use crate::storage::Storage;
use std::sync::Arc;

/// The directory of the generations.
pub const SNAPSHOT_DIR: &str = "snapshots";

/// Generations kept: the newest, one in case it does not verify, and one more.
pub const GENERATIONS_KEPT: usize = 3;

/// The generations of a data directory.
pub struct Generations {
    storage: Arc<dyn Storage>,
    store: Arc<dyn ChunkStore>,
}

fn path_of(lsn: Lsn) -> String {
    format!("{SNAPSHOT_DIR}/{:020}.gen", lsn.0)
}

fn marker_of(lsn: Lsn) -> String {
    format!("{SNAPSHOT_DIR}/{:020}.opening", lsn.0)
}

fn lsn_of(name: &str, suffix: &str) -> Option<Lsn> {
    let digits = name.strip_suffix(suffix)?;
    let is_number = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok().map(Lsn)).flatten()
}

/// The newest generation that there is by its name, readable or not; zero if there is none. A generation gets its name
/// when the records that it holds are durable.
///
/// # Errors
/// As the disk says.
pub fn newest_named(storage: &dyn Storage) -> std::io::Result<Lsn> {
    let names = storage.list(SNAPSHOT_DIR)?;
    Ok(names.iter().filter_map(|name| lsn_of(name, ".gen")).max().unwrap_or(Lsn::ZERO))
}

impl Generations {
    /// The generations below a data directory.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, store: Arc<dyn ChunkStore>) -> Self {
        Self { storage, store }
    }

    /// The generations that may be opened, newest first: not those that killed a process before.
    ///
    /// # Errors
    /// [`ChunkError`].
    pub fn list(&self) -> Result<Vec<Lsn>, ChunkError> {
        let names = self.storage.list(SNAPSHOT_DIR).map_err(ChunkError::io(SNAPSHOT_DIR))?;
        let is_marked = |lsn: &Lsn| names.iter().any(|name| lsn_of(name, ".opening") == Some(*lsn));
        let mut all: Vec<Lsn> = names.iter().filter_map(|name| lsn_of(name, ".gen")).collect();
        all.retain(|lsn| !is_marked(lsn));
        all.reverse();
        Ok(all)
    }

    /// Hands a generation to `read`, under a marker that stays if this kills the process.
    ///
    /// # Errors
    /// [`ChunkError`], or what `read` says.
    pub fn open<T, E: From<ChunkError>>(
        &self,
        lsn: Lsn,
        read: impl FnOnce(&Set) -> Result<T, E>,
    ) -> Result<T, E> {
        let marker = marker_of(lsn);
        let marked = self.storage.create_new(&marker).and_then(|file| {
            file.sync_data()?;
            self.storage.sync_dir(SNAPSHOT_DIR)
        });
        marked.map_err(ChunkError::io(&marker))?;
        let result = Set::open(&*self.store, &path_of(lsn)).map_err(E::from).and_then(|set| read(&set));
        let unmarked = self.storage.remove_file(&marker);
        unmarked.and_then(|()| self.storage.sync_dir(SNAPSHOT_DIR)).map_err(ChunkError::io(&marker))?;
        result
    }

    /// Begins a generation.
    ///
    /// # Errors
    /// [`ChunkError`].
    pub fn begin(&self) -> Result<SetWriter<'_>, ChunkError> {
        SetWriter::begin(&*self.storage, &*self.store, SNAPSHOT_DIR)
    }

    /// Publishes a generation that holds everything up to an LSN, which must be durable in the log, and
    /// removes the oldest beyond [`GENERATIONS_KEPT`].
    ///
    /// # Errors
    /// [`ChunkError`].
    pub fn publish(&self, writer: SetWriter<'_>, about: &[u8], lsn: Lsn) -> Result<(), ChunkError> {
        writer.publish(about, &path_of(lsn))?;
        for old in self.list()?.into_iter().skip(GENERATIONS_KEPT) {
            remove(&*self.storage, &path_of(old))?;
        }
        Ok(())
    }
}

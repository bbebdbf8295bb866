//! Durability: a log of records that are only bytes here.
//!
//! A *record* is what one append adds; it has the next [`Lsn`]. Records that wait together become a *frame*
//! ([`log::frame`]), which is checked by CRC and chained by hash to the frame before it. Frames fill
//! *segments* ([`log::segment`]), files that are zero-filled and synced before use. [`log::writer`] turns
//! what has gathered into one frame, one write and one sync; only then is it durable. [`log::recovery`]
//! reads everything back and tells a torn end, which a crash may leave, from damage, which it may not.
//!
//! Sealed segments are archived ([`log::Archiver`]) and get an index ([`index`]); [`generation`] keeps pictures
//! of the state, so that a start need not read everything. Both live in sled behind [`chunks`], and both are
//! derived: the log alone is enough.
//!
//! All I/O goes through [`storage::Storage`], so the same code runs on a simulated disk.

pub mod chunks;
pub mod generation;
pub mod index;
pub mod journal;
pub mod log;
pub mod lsn;
pub mod planted;
pub mod repair;
pub mod storage;

pub use generation::Generations;
pub use index::Index;
pub use log::{Log, LogOptions, OpenError, OpenReport, Opened};
pub use lsn::Lsn;

use chunks::{ChunkStore, FileChunks, SledChunks};
use std::path::Path;
use std::sync::Arc;
use storage::{FileStorage, SimStorage, Storage};

/// Where a data directory lies: its files, and its chunks in sled.
#[derive(Clone)]
pub struct Disk {
    /// Files.
    pub storage: Arc<dyn Storage>,
    /// Chunks.
    pub chunks: Arc<dyn ChunkStore>,
}

impl Disk {
    /// A directory of this machine.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { storage: Arc::new(FileStorage::new(root)), chunks: Arc::new(SledChunks::new(root)) }
    }

    /// A simulated disk.
    #[must_use]
    pub fn simulated(storage: &SimStorage) -> Self {
        let storage: Arc<dyn Storage> = Arc::new(storage.clone());
        Self { chunks: Arc::new(FileChunks::new(Arc::clone(&storage))), storage }
    }
}

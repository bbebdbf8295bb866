//! Chunks under keys, written once and then only read: what sled is used for.
//!
//! [`ChunkStore`] is the port; [`SledChunks`] is sled, [`FileChunks`] plain files on any
//! [`crate::storage::Storage`], also a simulated one. A store is only a box: whether what comes out of it is
//! what went in is checked by [`set::Set`], because sled opens a damaged directory without a word
//! (measured: 116 of 119 flipped bits).

mod file;
pub mod set;
mod sled_store;

pub use file::FileChunks;
pub use set::{Set, SetWriter};
pub use sled_store::SledChunks;

/// Why chunks cannot be written or read. They are derived from the log: nothing is lost.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// The disk says no.
    #[error("{path}: {source}")]
    Io {
        /// Which directory.
        path: String,
        /// What it says.
        source: std::io::Error,
    },
    /// What is there is not what was written.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// Which directory.
        path: String,
        /// What does not check.
        what: String,
    },
    /// Somebody still has the directory open: it may be the last reader, on its way out.
    #[error("{path} is still in use")]
    Busy {
        /// Which directory.
        path: String,
    },
}

impl ChunkError {
    /// Whether what is on disk is wrong, so that it may be removed and made again. Whatever else went wrong
    /// (no file handle left, no permission, a disk that does not answer) says nothing about it.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Io { .. } | Self::Busy { .. } => false,
        }
    }

    pub(crate) fn io(path: &str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn damaged(path: &str, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }
}

/// Directories of chunks. Paths are relative to the data directory.
pub trait ChunkStore: Send + Sync {
    /// Begins an empty directory of chunks; there must be none.
    ///
    /// # Errors
    /// [`ChunkError`].
    fn create(&self, path: &str) -> Result<Box<dyn ChunkWriter>, ChunkError>;

    /// Opens what [`ChunkStore::create`] and [`ChunkWriter::finish`] made. It does not wait: [`set::Set`] tries
    /// again while it is [`ChunkError::Busy`].
    ///
    /// # Errors
    /// [`ChunkError`]; [`ChunkError::Damaged`] only if the disk reads well what is there.
    fn open(&self, path: &str) -> Result<Box<dyn ChunkReader>, ChunkError>;

    /// Makes every file below a directory, and every name, durable.
    ///
    /// # Errors
    /// [`ChunkError`].
    fn sync(&self, path: &str) -> Result<(), ChunkError>;

    /// Does what the first directory of a process costs once, so that no order waits for it later.
    ///
    /// # Errors
    /// [`ChunkError`].
    fn warm_up(&self) -> Result<(), ChunkError> {
        Ok(())
    }

    /// Waits before an open that was [`ChunkError::Busy`] is tried again, for the `attempt`-th time from 0. A
    /// store that is never busy has nothing to wait for.
    fn pause(&self, _attempt: u32) {}
}

/// Takes chunks.
pub trait ChunkWriter: Send {
    /// Adds a chunk; each key once.
    ///
    /// # Errors
    /// [`ChunkError`].
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), ChunkError>;

    /// Writes to the disk what was put so far, as far as that is easily done, so that the last sync has little left to
    /// write. Promises nothing.
    ///
    /// # Errors
    /// [`ChunkError`].
    fn settle(&mut self) -> Result<(), ChunkError>;

    /// Hands everything to the operating system and closes. Durable only after [`ChunkStore::sync`].
    ///
    /// # Errors
    /// [`ChunkError`].
    fn finish(self: Box<Self>) -> Result<(), ChunkError>;
}

/// Gives chunks.
pub trait ChunkReader: Send + Sync {
    /// The chunk under a key.
    ///
    /// # Errors
    /// [`ChunkError`].
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ChunkError>;
}

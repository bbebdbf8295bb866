//! Chunks in sled. The only file that names it.
//!
//! sled 0.34.7 is fenced in: a fresh directory each time, no background flusher, never on an order's path.
//! Its `flush` is no fsync on Linux, so [`SledChunks::sync`] syncs the files itself; its panics become
//! errors; nothing it returns is believed before it is checked.

use super::{ChunkError, ChunkReader, ChunkStore, ChunkWriter};
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// sled's page cache for one directory: a few chunks. They are read once at a start, or one at a time.
const CACHE_BYTES: u64 = 1 << 20;

/// sled below a data directory.
#[derive(Debug, Clone)]
pub struct SledChunks {
    root: PathBuf,
}

impl SledChunks {
    /// Directories below `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn open_db(&self, path: &str, create_new: bool) -> Result<SledDirectory, ChunkError> {
        let config = sled::Config::new()
            .path(self.root.join(path))
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .print_profile_on_drop(false)
            .create_new(create_new);
        let db = guarded(path, || config.open())?;
        Ok(SledDirectory { path: path.to_owned(), db })
    }
}

struct SledDirectory {
    path: String,
    db: sled::Db,
}

/// sled panics where others return errors.
fn guarded<T>(path: &str, call: impl FnOnce() -> sled::Result<T>) -> Result<T, ChunkError> {
    let store = |what: String| ChunkError::Store { path: path.to_owned(), what };
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(store(error.to_string())),
        Err(_) => Err(store("sled panicked".into())),
    }
}

impl ChunkStore for SledChunks {
    fn create(&self, path: &str) -> Result<Box<dyn ChunkWriter>, ChunkError> {
        Ok(Box::new(self.open_db(path, true)?))
    }

    fn open(&self, path: &str) -> Result<Box<dyn ChunkReader>, ChunkError> {
        if !self.root.join(path).is_dir() {
            return Err(ChunkError::io(path)(io::ErrorKind::NotFound.into()));
        }
        Ok(Box::new(self.open_db(path, false)?))
    }

    fn sync(&self, path: &str) -> Result<(), ChunkError> {
        sync_tree(&self.root.join(path)).map_err(ChunkError::io(path))
    }
}

fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            File::open(&path)?.sync_all()?;
        }
    }
    File::open(dir)?.sync_all()
}

impl ChunkWriter for SledDirectory {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), ChunkError> {
        guarded(&self.path, || self.db.insert(key, value).map(|_| ()))
    }

    fn finish(self: Box<Self>) -> Result<(), ChunkError> {
        guarded(&self.path, || self.db.flush().map(|_| ()))
    }
}

impl ChunkReader for SledDirectory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ChunkError> {
        guarded(&self.path, || self.db.get(key).map(|value| value.map(|bytes| bytes.to_vec())))
    }
}

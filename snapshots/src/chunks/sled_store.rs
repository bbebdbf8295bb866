//! Chunks in sled. The only file that names it.
//!
//! sled 0.34.7 is fenced in: a fresh directory each time, no background flusher, never on an order's path.
//! Its `flush` is no fsync on Linux, so [`SledChunks::sync`] syncs the files itself; its panics become
//! errors; nothing it returns is believed before it is checked. Its threads hold the lock of a directory for a
//! moment after it was closed, so opening one again may find it busy.
//!
//! What sled says of damaged bytes is seldom a word about damage: mostly nothing, else an error of any kind or a
//! panic. So an error that names no failure of the disk is taken for damage only if the operating system reads
//! every file of the directory without complaint.

use super::{ChunkError, ChunkReader, ChunkStore, ChunkWriter};
use crate::storage::TRASH_DIR;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// sled's page cache for one directory: a few chunks. They are read once at a start, or one at a time.
const CACHE_BYTES: u64 = 1 << 20;

/// The first pause before a busy directory is tried again; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

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
        let directory = self.root.join(path);
        let config = sled::Config::new()
            .path(&directory)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .print_profile_on_drop(false)
            .create_new(create_new);
        let db = guarded(path, &directory, || config.open())?;
        Ok(SledDirectory { path: path.to_owned(), directory, db: Some(db), settled: HashSet::new() })
    }
}

struct SledDirectory {
    path: String,
    directory: PathBuf,
    /// There until it is closed.
    db: Option<sled::Db>,
    /// Values of their own files that are on the disk. sled writes each once.
    settled: HashSet<OsString>,
}

impl SledDirectory {
    fn with<T>(&self, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, ChunkError> {
        let Some(db) = &self.db else { return Err(ChunkError::damaged(&self.path, "it is closed")) };
        guarded(&self.path, &self.directory, || call(db))
    }
}

/// sled syncs when it closes, and panics if that fails. What it holds is derived: nobody needs to end for it, and what
/// was written is checked before it counts. The panic's message is printed as any other's.
impl Drop for SledDirectory {
    fn drop(&mut self) {
        let db = self.db.take();
        let _printed = catch_unwind(AssertUnwindSafe(|| drop(db)));
    }
}

/// sled panics where others return errors.
fn guarded<T>(path: &str, directory: &Path, call: impl FnOnce() -> sled::Result<T>) -> Result<T, ChunkError> {
    let what = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(sled::Error::Io(error))) if is_locked(&error) => {
            return Err(ChunkError::Busy { path: path.to_owned() });
        }
        Ok(Err(sled::Error::Io(error))) if !is_about_content(&error) => {
            return Err(ChunkError::io(path)(error));
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "sled panicked".into(),
    };
    match read_tree(directory) {
        Ok(()) => Err(ChunkError::damaged(path, what)),
        Err(error) => Err(ChunkError::io(path)(error)),
    }
}

/// Whether another handle has the lock. sled wraps what the system said into a text.
fn is_locked(error: &io::Error) -> bool {
    let text = error.to_string();
    text.contains("could not acquire lock") && text.contains("WouldBlock")
}

/// Whether a file is shorter than sled expects, not there, or not what it expects.
fn is_about_content(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
    matches!(error.kind(), InvalidData | NotFound | UnexpectedEof)
}

/// Reads every byte below a directory.
fn read_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            read_tree(&path)?;
        } else {
            io::copy(&mut File::open(&path)?, &mut io::sink())?;
        }
    }
    Ok(())
}

impl ChunkStore for SledChunks {
    fn create(&self, path: &str) -> Result<Box<dyn ChunkWriter>, ChunkError> {
        Ok(Box::new(self.open_db(path, true)?))
    }

    fn open(&self, path: &str) -> Result<Box<dyn ChunkReader>, ChunkError> {
        // sled would make an empty one.
        let found = fs::metadata(self.root.join(path)).map_err(ChunkError::io(path))?;
        if !found.is_dir() {
            return Err(ChunkError::io(path)(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Box::new(self.open_db(path, false)?))
    }

    fn sync(&self, path: &str) -> Result<(), ChunkError> {
        sync_tree(&self.root.join(path)).map_err(ChunkError::io(path))
    }

    /// sled makes its tables of figures and its threads: measured, 45 ms of a processor.
    fn warm_up(&self) -> Result<(), ChunkError> {
        let unneeded = format!("{TRASH_DIR}/first");
        match fs::remove_dir_all(self.root.join(&unneeded)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ChunkError::io(&unneeded)(error)),
            _ => self.create(&unneeded)?.finish(),
        }
    }

    fn pause(&self, attempt: u32) {
        std::thread::sleep(FIRST_PAUSE * 2_u32.saturating_pow(attempt));
    }
}

fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            sync_if_there(&path)?;
        }
    }
    File::open(dir)?.sync_all()
}

/// sled puts files in place of others: what is gone needs no sync.
fn sync_if_there(path: &Path) -> io::Result<()> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        opened => opened?.sync_all(),
    }
}

/// See [`SledDirectory::settle`].
fn settle_tree(directory: &Path, settled: &mut HashSet<OsString>) -> io::Result<()> {
    sync_if_there(&directory.join("db"))?;
    let blobs = match fs::read_dir(directory.join("blobs")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for blob in blobs {
        let blob = blob?;
        if settled.insert(blob.file_name()) {
            sync_if_there(&blob.path())?;
        }
    }
    Ok(())
}

impl ChunkWriter for SledDirectory {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), ChunkError> {
        self.with(|db| db.insert(key, value).map(|_| ()))
    }

    /// The file that grows, and large values that are new: to sync everything each time would cost ever more.
    fn settle(&mut self) -> Result<(), ChunkError> {
        let (directory, settled) = (&self.directory, &mut self.settled);
        settle_tree(directory, settled).map_err(ChunkError::io(&self.path))
    }

    fn finish(self: Box<Self>) -> Result<(), ChunkError> {
        self.with(|db| db.flush().map(|_| ()))
    }
}

impl ChunkReader for SledDirectory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ChunkError> {
        self.with(|db| db.get(key).map(|value| value.map(|bytes| bytes.to_vec())))
    }
}

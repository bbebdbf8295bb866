//! A directory of a storage, as a storage of its own.

use super::{Storage, StorageFile};
use std::io;
use std::sync::Arc;

/// See the module.
pub struct Below {
    storage: Arc<dyn Storage>,
    dir: String,
}

impl Below {
    /// The directory `dir`, which has to be there before something is created in it.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, dir: &str) -> Self {
        Self { storage, dir: dir.to_owned() }
    }

    fn path(&self, path: &str) -> String {
        if path == "." { self.dir.clone() } else { format!("{}/{path}", self.dir) }
    }
}

impl Storage for Below {
    fn open(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        self.storage.open(&self.path(path))
    }

    fn create_new(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        self.storage.create_new(&self.path(path))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.storage.list(&self.path(dir))
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.storage.exists(&self.path(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.storage.rename(&self.path(from), &self.path(to))
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        self.storage.remove_file(&self.path(path))
    }

    fn remove_gently(&self, path: &str) -> io::Result<()> {
        self.storage.remove_gently(&self.path(path))
    }

    fn create_dir_all(&self, dir: &str) -> io::Result<()> {
        self.storage.create_dir_all(&self.path(dir))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.storage.sync_dir(&self.path(dir))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.storage.free_bytes()
    }

    fn pause(&self) {
        self.storage.pause();
    }

    fn breathe(&self) {
        self.storage.breathe();
    }

    fn hurry(&self, is_late: bool) {
        self.storage.hurry(is_late);
    }

    fn log_was_written(&self) {
        self.storage.log_was_written();
    }
}

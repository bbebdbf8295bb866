//! A simulated disk that shows a copy of itself before every call that changes it: all that a crash could leave, one
//! moment after the other, from a single run.

use onhand_engine::snapshots::storage::{SimStorage, Storage, StorageFile};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;

/// Sees the disk before a call, and what the call is. A file is named as it was when it was opened.
type Witness = dyn Fn(SimStorage, &str) + Send + Sync;

/// What the call is named that writes nothing but zeros: a segment is filled with them before it is used.
pub(crate) const FILL: &str = "fill";

/// See the module.
#[derive(Clone)]
pub(crate) struct Watched {
    disk: SimStorage,
    witness: Arc<Witness>,
    /// One call at a time, so that nothing changes between the copy and the call.
    one: Arc<Mutex<()>>,
}

struct WatchedFile {
    file: Box<dyn StorageFile>,
    path: String,
    all: Watched,
}

impl Watched {
    pub(crate) fn new(disk: &SimStorage, witness: Arc<Witness>) -> Self {
        Self { disk: disk.clone(), witness, one: Arc::default() }
    }

    fn watch<T>(&self, call: &str, path: &str, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let _one = self.one.lock();
        (self.witness)(self.disk.fork(), &format!("{call} {path}"));
        act()
    }

    fn file(&self, path: &str, file: Box<dyn StorageFile>) -> Box<dyn StorageFile> {
        Box::new(WatchedFile { file, path: path.to_owned(), all: self.clone() })
    }
}

impl Storage for Watched {
    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        Ok(self.file(path, self.disk.open(path)?))
    }

    fn create_new(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        Ok(self.file(path, self.watch("create", path, || self.disk.create_new(path))?))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.disk.exists(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.watch("rename", &format!("{from} {to}"), || self.disk.rename(from, to))
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        self.watch("remove", path, || self.disk.remove_file(path))
    }

    fn remove_gently(&self, path: &str) -> io::Result<()> {
        self.watch("remove", path, || self.disk.remove_gently(path))
    }

    fn create_dir_all(&self, dir: &str) -> io::Result<()> {
        self.watch("create", dir, || self.disk.create_dir_all(dir))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.watch("sync", dir, || self.disk.sync_dir(dir))
    }
}

impl StorageFile for WatchedFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let call = if bytes.iter().all(|byte| *byte == 0) { FILL } else { "write" };
        self.all.watch(call, &self.path, || self.file.write_at(offset, bytes))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.all.watch("sync", &self.path, || self.file.sync_data())
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

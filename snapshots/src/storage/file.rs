//! The port on real files, and the lock on the data directory.

use super::rest::breathe;
use super::{Storage, StorageFile};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Files below a root directory.
#[derive(Debug, Clone)]
pub struct FileStorage {
    root: PathBuf,
    /// Work behind the path is late.
    is_late: Arc<AtomicBool>,
    /// How often the log was written here; 0: there is no log under way here, and perhaps one in another process.
    log_writes: Arc<AtomicU64>,
}

impl FileStorage {
    /// Files below `root`, which need not exist yet.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), is_late: Arc::default(), log_writes: Arc::default() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

/// Some ten times what a piece takes on a fast disk, so that large writes leave most of it to the log.
const PAUSE: Duration = Duration::from_millis(4);

/// How much of a file is given back at once. A file system that tells its disk what is free (`discard`) does so at
/// the next commit, and all syncs wait: measured, 15 to 18 ms for 64 MiB at once, 2 ms for 2 MiB.
const GIVEN_BACK_BYTES: u64 = 2 << 20;

impl Storage for FileStorage {
    fn pause(&self) {
        std::thread::sleep(PAUSE);
    }

    fn breathe(&self) {
        if !self.is_late.load(Ordering::Relaxed) {
            breathe(self.log_writes.load(Ordering::Relaxed));
        }
    }

    fn hurry(&self, is_late: bool) {
        self.is_late.store(is_late, Ordering::Relaxed);
    }

    fn log_was_written(&self) {
        self.log_writes.fetch_add(1, Ordering::Relaxed);
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        let path = self.path(path);
        // A reader without write permission (the audit of a copy, or of a medium that takes no writes) can still read.
        let file =
            OpenOptions::new().read(true).write(true).open(&path).or_else(|error| match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => File::open(&path),
                _ => Err(error),
            })?;
        // For as long as it is open, here or in another process, nobody shortens it: see `shrink`.
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::NotFound.into()),
            // It went between the opening and the lock.
            Ok(()) if file.metadata()?.nlink() == 0 => Err(io::ErrorKind::NotFound.into()),
            // A file system without locks: then whoever empties the trash cannot lock either.
            Err(TryLockError::Error(_)) | Ok(()) => Ok(Box::new(file)),
        }
    }

    fn create_new(&self, path: &str) -> io::Result<Box<dyn StorageFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(self.path(path))?;
        Ok(Box::new(file))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(dir)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            // A name that is not UTF-8 is not ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        self.path(path).try_exists()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.path(path))
    }

    fn remove_gently(&self, path: &str) -> io::Result<()> {
        shrink_tree(&self.path(path))
    }

    fn create_dir_all(&self, dir: &str) -> io::Result<()> {
        fs::create_dir_all(self.path(dir))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        File::open(self.path(dir))?.sync_all()
    }

    /// What is kept for the system's administrator is not counted.
    fn free_bytes(&self) -> io::Result<u64> {
        let system = rustix::fs::statvfs(&self.root)?;
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }
}

/// Removes a file, or all files below a directory and then the directory.
fn shrink_tree(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return shrink(path);
    }
    for entry in fs::read_dir(path)? {
        shrink_tree(&entry?.path())?;
    }
    fs::remove_dir(path)
}

/// Gives a file back from its end on, and removes it; not while somebody has it open.
fn shrink(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(_)) => return fs::remove_file(path),
        Ok(()) => {}
    }
    let mut bytes = file.metadata()?.len();
    while bytes > GIVEN_BACK_BYTES {
        bytes -= GIVEN_BACK_BYTES;
        file.set_len(bytes)?;
        file.sync_all()?;
        std::thread::sleep(PAUSE);
    }
    fs::remove_file(path)
}

impl StorageFile for File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn len(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }
}

/// The one process that may write to a data directory. Given back when dropped, or when the process ends.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

/// Why a data directory cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{path} is in use by process {pid}")]
    Held {
        /// The lock file.
        path: String,
        /// The process that says it holds it.
        pid: String,
    },
    /// The disk says no.
    #[error("{path}: {source}")]
    Io {
        /// The lock file.
        path: String,
        /// What it says.
        source: io::Error,
    },
}

impl DirectoryLock {
    /// Takes the lock on `root`, creating the directory if need be.
    ///
    /// # Errors
    /// [`LockError::Held`] if another process has it.
    pub fn take(root: &Path) -> Result<Self, LockError> {
        let path = root.join("LOCK");
        let name = path.display().to_string();
        let io_error = |source| LockError::Io { path: name.clone(), source };
        create_root(root).map_err(io_error)?;
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = options.map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
                return Err(LockError::Held { path: name, pid });
            }
            Err(TryLockError::Error(source)) => return Err(LockError::Io { path: name, source }),
        }
        file.set_len(0).map_err(io_error)?;
        writeln!(file, "{}", std::process::id()).map_err(io_error)?;
        Ok(Self { _file: file })
    }
}

/// Creates a data directory, and makes its name durable: a log whose directory is lost is lost with all its
/// syncs.
fn create_root(root: &Path) -> io::Result<()> {
    let (above, is_new) = (naming(root, &|path| path.exists()), !root.exists());
    // What lies here names customers and keys: for its owner alone.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
    for directory in above {
        match File::open(&directory).and_then(|opened| opened.sync_all()) {
            // Whoever made the directory for us was allowed to read the one above; we need not be.
            Err(error) if !is_new && error.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// The directories that hold the name of `root` and of every directory above it that is not there yet, the
/// topmost first. The name of `root` itself may be new even if it is there: the process that created it may
/// have ended before its sync.
fn naming(root: &Path, is_there: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    for path in root.ancestors().filter(|path| !path.as_os_str().is_empty()) {
        let Some(parent) = path.parent() else { break };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        directories.push(parent.to_owned());
        if is_there(parent) {
            break;
        }
    }
    directories.reverse();
    directories
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_new_name_on_the_way_to_the_data_directory_is_synced() {
        let naming = |root: &str, there: &[&str]| -> Vec<String> {
            let found = naming(Path::new(root), &|path| there.iter().any(|known| path == Path::new(known)));
            found.into_iter().map(|path| path.display().to_string()).collect()
        };
        assert_eq!(naming("/srv/shop/data", &["/", "/srv"]), ["/srv", "/srv/shop"]);
        assert_eq!(naming("/srv/shop/data", &["/", "/srv", "/srv/shop"]), ["/srv/shop"]);
        assert_eq!(naming("/srv/shop/data", &["/", "/srv", "/srv/shop", "/srv/shop/data"]), ["/srv/shop"]);
        assert_eq!(naming("data", &["."]), ["."]);
        assert_eq!(naming("shop/data", &["."]), [".", "shop"]);
        assert_eq!(naming("/", &["/"]), [] as [&str; 0]);
    }

    #[test]
    fn what_is_removed_gently_is_gone_with_all_below() {
        let top = tempfile::tempdir().unwrap();
        let storage = FileStorage::new(top.path());
        storage.create_dir_all("dir/below").unwrap();
        let large = storage.create_new("dir/below/large").unwrap();
        large.write_at(2 * GIVEN_BACK_BYTES, b"end").unwrap();
        drop(large);
        storage.create_new("dir/empty").unwrap();
        assert!(storage.free_bytes().unwrap() > 0, "files are made here");
        storage.create_new("alone").unwrap();
        let reader = storage.open("dir/below/large").unwrap();
        assert_eq!(storage.remove_gently("dir").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let mut end = [0; 3];
        reader.read_at(2 * GIVEN_BACK_BYTES, &mut end).unwrap();
        assert_eq!(&end, b"end", "who has it open may read on");
        drop(reader);
        storage.remove_gently("dir").unwrap();
        storage.remove_gently("alone").unwrap();
        assert_eq!(storage.list(".").unwrap(), [] as [&str; 0]);
        assert_eq!(storage.remove_gently("dir").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_data_directory_is_made_with_those_above_it_and_locked_once() {
        let top = tempfile::tempdir().unwrap();
        let root = top.path().join("shop/data");
        let lock = DirectoryLock::take(&root).unwrap();
        assert!(matches!(DirectoryLock::take(&root), Err(LockError::Held { .. })));
        drop(lock);
        DirectoryLock::take(&root).unwrap();
    }
}

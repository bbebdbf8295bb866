//! The I/O port: the few things the log asks of a disk. Paths are relative to the data directory and use
//! `/`. Every durable step is explicit: a file's bytes by [`StorageFile::sync_data`], a directory's names by
//! [`Storage::sync_dir`].

mod below;
mod copy;
mod file;
mod rest;
mod sim;
mod sim_astray;
mod sim_dice;
mod sim_inode;
mod sim_names;
mod trash;

use std::io;

pub use below::Below;
pub use copy::{FileDigest, copy_file, digest_file};
pub use file::{DirectoryLock, FileStorage, LockError};
pub use sim::{Crash, Fault, OpKind, SimStorage};
pub use trash::{TRASH_DIR, empty_trash, retire};

/// A directory tree of files.
pub trait Storage: Send + Sync {
    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// As the disk says; `NotFound` if there is none.
    fn open(&self, path: &str) -> io::Result<Box<dyn StorageFile>>;

    /// Creates a file that must not be there, for reading and writing.
    ///
    /// # Errors
    /// As the disk says; `AlreadyExists` if there is one.
    fn create_new(&self, path: &str) -> io::Result<Box<dyn StorageFile>>;

    /// The names in a directory, sorted; empty if there is no such directory.
    ///
    /// # Errors
    /// As the disk says.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// Whether there is a file or directory of that name.
    ///
    /// # Errors
    /// As the disk says.
    fn exists(&self, path: &str) -> io::Result<bool>;

    /// Renames a file or directory, over a file that is there.
    ///
    /// # Errors
    /// As the disk says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// As the disk says.
    fn remove_file(&self, path: &str) -> io::Result<()>;

    /// Removes a file or a directory with all that is in it, a piece at a time. Where a crash comes in between, part
    /// of it is left.
    ///
    /// # Errors
    /// As the disk says; `NotFound` if there is none, `WouldBlock` while somebody has a file of it open.
    fn remove_gently(&self, path: &str) -> io::Result<()>;

    /// Creates a directory and those above it, if they are not there.
    ///
    /// # Errors
    /// As the disk says.
    fn create_dir_all(&self, dir: &str) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// As the disk says.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// How many bytes can still be given to files.
    ///
    /// # Errors
    /// As the disk says.
    fn free_bytes(&self) -> io::Result<u64>;

    /// Leaves the disk to others for a moment, between two pieces of a large write that nobody waits for. A simulated
    /// disk need not.
    fn pause(&self) {}

    /// Called again and again by large work that nobody waits for: it rests now and then, so that most of the
    /// processor and of the disk is left to others. A simulated disk need not.
    fn breathe(&self) {}

    /// Says that such work is late, or no longer: then it does not rest.
    fn hurry(&self, _is_late: bool) {}

    /// Says that the log was just written here. Large work has nothing to rest for while it is not.
    fn log_was_written(&self) {}
}

/// How much of a large write behind the path of the orders is made durable at once. The log's own syncs wait for what
/// the disk has been given before: measured beside such writes, a sync took 1.8 times as long on average with pieces
/// of 1 MiB, 1.05 times with pieces of 128 KiB.
pub const PIECE_BYTES: u64 = 128 << 10;

/// An open file.
pub trait StorageFile: Send + Sync {
    /// Fills `buffer` from an offset.
    ///
    /// # Errors
    /// As the disk says; `UnexpectedEof` if the file ends before.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at an offset.
    ///
    /// # Errors
    /// As the disk says.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the file's bytes durable.
    ///
    /// # Errors
    /// As the disk says. A failed sync is never retried: what it covered is unknown for ever.
    fn sync_data(&self) -> io::Result<()>;

    /// The file's length in bytes.
    ///
    /// # Errors
    /// As the disk says.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// As the disk says.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|bytes| bytes == 0)
    }
}

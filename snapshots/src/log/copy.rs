//! A copy of the log, also while a server writes it.
//!
//! Nothing is locked. What is sealed never changes, only its form: a segment may be archived while it is looked for.
//! A file that was opened stays readable whatever happens to its name ([`crate::storage::retire`]). The segment being
//! written is copied as far as its frames were whole when it was read.

use super::frame::ChainHash;
use super::recovery::{Beside, OpenError, Scan, read_all};
use super::segment::{LOG_DIR, archive_path_of, path_of};
use crate::lsn::Lsn;
use crate::storage::{FileDigest, Storage, StorageFile, copy_file};
use std::io;
use std::sync::Arc;

/// A log as it was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedLog {
    /// Identity of the journal.
    pub cluster: [u8; 16],
    /// Ownership epoch.
    pub epoch: u64,
    /// The last record; zero if there is no log, and then no file.
    pub last: Lsn,
    /// Hash of the last frame.
    pub hash: ChainHash,
    /// The files, in the order of their records.
    pub files: Vec<FileDigest>,
}

/// Copies a log into a directory that has none, checks every frame of the copy, and makes it durable, names
/// included. Changes nothing at the source, needs no lock there, and may run beside a server.
///
/// Every record in the copy is durable at the source: no copy knows of one that a crash could still take back.
///
/// # Errors
/// [`OpenError`] if the log is damaged or a disk says no; then a part of the copy may stand.
pub fn copy_log(from: &dyn Storage, to: &dyn Storage) -> Result<CopiedLog, OpenError> {
    // Of sealed segments only the headers are read here: all of the copy is read in the end.
    let found = read_all(from, Lsn(u64::MAX), &mut |_, _| Ok(()), Beside::Writer)?;
    let mut files = Vec::new();
    let log_error = io_error(LOG_DIR);
    to.create_dir_all(LOG_DIR).map_err(&log_error)?;
    for sealed in &found.segments.sealed {
        let (path, file) = open_sealed(from, sealed.first)?;
        let bytes = file.len().map_err(io_error(&path))?;
        files.push(copy_file(&*file, bytes, bytes, to, &path).map_err(io_error(&path))?);
    }
    if let Some(current) = &found.segments.current {
        files.push(copy_current(&current.file, found.end, to, &path_of(current.first))?);
    }
    to.sync_dir(LOG_DIR).map_err(&log_error)?;
    to.sync_dir(".").map_err(io_error("."))?;
    check(to, &found)?;
    Ok(CopiedLog {
        cluster: found.cluster.unwrap_or_default(),
        epoch: found.epoch,
        last: found.last,
        hash: found.hash.unwrap_or_default(),
        files,
    })
}

/// The raw file goes only when the archive has its name, so one of them is there.
fn open_sealed(from: &dyn Storage, first: Lsn) -> Result<(String, Box<dyn StorageFile>), OpenError> {
    let raw = path_of(first);
    match from.open(&raw) {
        Ok(file) => Ok((raw, file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let archive = archive_path_of(first);
            let file = from.open(&archive).map_err(io_error(&archive))?;
            Ok((archive, file))
        }
        Err(error) => Err(io_error(&raw)(error)),
    }
}

/// The segment being written, up to the end that was found. Its last frame may read well before its writer has
/// synced it, so that is done first.
fn copy_current(
    file: &Arc<dyn StorageFile>,
    end: u64,
    to: &dyn Storage,
    path: &str,
) -> Result<FileDigest, OpenError> {
    let copied = file.sync_data().and_then(|()| copy_file(&**file, end, file.len()?, to, path));
    copied.map_err(io_error(path))
}

/// Reads all of the copy: it must be the log that was found, to its last frame.
fn check(to: &dyn Storage, found: &Scan) -> Result<(), OpenError> {
    let visit = &mut |_, _: &[u8]| {
        to.breathe();
        Ok(())
    };
    let copy = read_all(to, Lsn(1), visit, Beside::Nobody)?;
    if (copy.last, copy.hash, copy.cluster) == (found.last, found.hash, found.cluster) {
        return Ok(());
    }
    let what =
        format!("the copy ends at record {}, the log at {}, or their hashes differ", copy.last, found.last);
    Err(OpenError::Foreign { file: LOG_DIR.to_owned(), from: copy.last.next(), to: Some(found.last), what })
}

fn io_error(path: &str) -> impl Fn(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { path: path.clone(), source }
}

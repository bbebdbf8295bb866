//! What a log that is refused still holds, frame by frame: so that it can be said what would be lost.
//!
//! Nothing is followed from frame to frame here. A frame counts if its own checksums hold, wherever it stands: that is
//! enough to count what would go, and never enough to serve it.

use super::archive_file::ArchiveFile;
use super::catalog::Form;
use super::frame::{BLOCK_BYTES, HEADER_BYTES, open_body, parse_header, records};
use super::recovery::{OpenError, list};
use super::segment::{FIRST_FRAME, archive_path_of, path_of};
use crate::lsn::Lsn;
use crate::storage::{Storage, StorageFile};

/// Hands out every record of a log that can still be read, from each segment in the order of their names: one that
/// stands there twice comes twice. Returns the last LSN that was seen. Changes nothing.
///
/// # Errors
/// [`OpenError::Io`] if the directory cannot be read. A file that cannot is passed over.
pub fn salvage(
    storage: &dyn Storage,
    cluster: [u8; 16],
    visit: &mut dyn FnMut(Lsn, &[u8]),
) -> Result<Lsn, OpenError> {
    let mut last = Lsn::ZERO;
    for (first, form) in list(storage)? {
        let mut take = |lsn: Lsn, record: &[u8]| {
            last = last.max(lsn);
            visit(lsn, record);
        };
        match form {
            Form::Raw => {
                if let Ok(file) = storage.open(&path_of(first)) {
                    walk(&*file, cluster, &mut take);
                }
            }
            Form::Archived => {
                if let Ok(archive) = storage.open(&archive_path_of(first)).and_then(ArchiveFile::open) {
                    walk_archive(&archive, cluster, &mut take);
                }
            }
        }
    }
    Ok(last)
}

/// Every place where a frame may begin. Behind a good one its successor is looked for where it ends.
fn walk(file: &dyn StorageFile, cluster: [u8; 16], take: &mut dyn FnMut(Lsn, &[u8])) {
    let bytes = file.len().unwrap_or(0);
    let mut offset = FIRST_FRAME;
    while offset < bytes {
        offset += read(file, offset, cluster, take).unwrap_or(BLOCK_BYTES) as u64;
    }
}

/// An archive tells where its frames begin, so that a block that cannot be opened is no end.
fn walk_archive(archive: &ArchiveFile, cluster: [u8; 16], take: &mut dyn FnMut(Lsn, &[u8])) {
    for (_, block) in &archive.info().frames {
        // One that cannot be read is passed over: the next one's place is known.
        let _passed = read(archive, u64::from(*block) * BLOCK_BYTES as u64, cluster, take);
    }
}

/// Reads the frame at a place; its length, if there is a good one.
pub(super) fn read(
    file: &dyn StorageFile,
    offset: u64,
    cluster: [u8; 16],
    take: &mut dyn FnMut(Lsn, &[u8]),
) -> Option<usize> {
    let mut buffer = vec![0; HEADER_BYTES];
    file.read_at(offset, &mut buffer).ok()?;
    let header = parse_header(&buffer).ok().filter(|header| header.cluster == cluster)?;
    buffer.resize(header.stored_bytes(), 0);
    file.read_at(offset, &mut buffer).ok()?;
    open_body(&header, &mut buffer).ok()?;
    for (lsn, record) in (header.first.0..).zip(records(&header, &buffer)) {
        take(Lsn(lsn), record.ok()?);
    }
    Some(header.stored_bytes())
}

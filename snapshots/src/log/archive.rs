//! Archiving: a sealed segment is compressed, read back, compared, and only then does the raw file go.

use super::archive_file::{ARCHIVE_BLOCK_BYTES, ArchiveFile, ArchiveInfo};
use super::catalog::{Catalog, Table};
use super::frame::{BLOCK_BYTES, HEADER_BYTES, chain_hash, is_zero, parse_header};
use super::segment::{FIRST_FRAME, LOG_DIR, SegmentHeader, archive_path_of, path_of};
use crate::lsn::Lsn;
use crate::storage::{PIECE_BYTES, Storage, StorageFile, retire};
use std::io;
use std::sync::Arc;

/// zstd's level: 3 is its default; a segment of 64 MiB takes a third of a second in the background.
pub const ARCHIVE_LEVEL: i32 = 3;

/// An archive while it is being written; not part of the log.
const UNFINISHED: &str = "log/archive.tmp";

/// Why a segment was not archived. The raw file stands as it was.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The disk says no.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: String,
        /// What it says.
        source: io::Error,
    },
    /// What was compressed does not read back as the segment, or the segment is damaged.
    #[error("{path}: {what}; the segment stays as it is")]
    Wrong {
        /// Which file.
        path: String,
        /// What is wrong.
        what: String,
    },
}

/// Archives segments that are written no more; a thread is a loop around [`Archiver::step`].
pub struct Archiver {
    storage: Arc<dyn Storage>,
    catalog: Arc<Catalog>,
}

impl Archiver {
    pub(super) fn new(storage: Arc<dyn Storage>, catalog: Arc<Catalog>) -> Self {
        Self { storage, catalog }
    }

    /// The sealed segments, oldest first: the first record of each and of the one after it.
    #[must_use]
    pub fn sealed(&self) -> Vec<(Lsn, Lsn)> {
        self.catalog.sealed()
    }

    /// Archives the oldest sealed segment that is not archived and ends before `before`. `false` if there is
    /// none.
    ///
    /// # Errors
    /// [`ArchiveError`]; the raw file stands.
    pub fn step(&self, before: Lsn) -> Result<bool, ArchiveError> {
        let next = self.catalog.not_archived().into_iter().find(|(_, next)| *next <= before);
        let Some((first, next)) = next else { return Ok(false) };
        let io_error = |path: String| move |source| ArchiveError::Io { path, source };
        self.archive(first, Lsn(next.0 - 1))?;
        self.catalog.archived(first);
        // From here on the archive is what counts; if the raw file stays, the next start archives it again.
        retire(&*self.storage, &path_of(first)).map_err(io_error(path_of(first)))?;
        Ok(true)
    }

    fn archive(&self, first: Lsn, last: Lsn) -> Result<(), ArchiveError> {
        let path = path_of(first);
        let io_error = |path: &str| {
            let path = path.to_owned();
            move |source| ArchiveError::Io { path, source }
        };
        let raw: Arc<dyn StorageFile> = self.storage.open(&path).map_err(io_error(&path))?.into();
        let content = Content::read(&*self.storage, first, raw).map_err(io_error(&path))?;
        if content.last != last {
            let what = format!("it ends with record {}, record {last} was expected", content.last);
            return Err(ArchiveError::Wrong { path, what });
        }
        let plain_hash = self.compress(&content).map_err(io_error(UNFINISHED))?;
        let written = self.storage.open(UNFINISHED).map_err(io_error(UNFINISHED))?;
        let read_back =
            ArchiveFile::open(written).and_then(|archive| hash_of(&*self.storage, &archive, archive.len()?));
        if read_back.map_err(io_error(UNFINISHED))? != plain_hash {
            return Err(ArchiveError::Wrong {
                path: UNFINISHED.into(),
                what: "it does not read back".into(),
            });
        }
        self.storage.rename(UNFINISHED, &archive_path_of(first)).map_err(io_error(UNFINISHED))?;
        self.storage.sync_dir(LOG_DIR).map_err(io_error(LOG_DIR))
    }

    /// Writes the archive under its temporary name and syncs it; returns the hash of the content.
    fn compress(&self, content: &Content) -> io::Result<[u8; 32]> {
        if self.storage.exists(UNFINISHED)? {
            self.storage.remove_file(UNFINISHED)?;
        }
        let file = self.storage.create_new(UNFINISHED)?;
        let mut compressor = zstd::bulk::Compressor::new(ARCHIVE_LEVEL)?;
        compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
        let mut hasher = blake3::Hasher::new();
        let (mut stored, mut end, mut offset) = (Vec::new(), 0_u64, 0_u64);
        let mut plain = Vec::new();
        while offset < content.bytes {
            let left = usize::try_from(content.bytes - offset).unwrap_or(usize::MAX);
            plain.resize(left.min(ARCHIVE_BLOCK_BYTES), 0);
            content.file.read_at(offset, &mut plain)?;
            hasher.update(&plain);
            let block = compressor.compress(&plain)?;
            file.write_at(end, &block)?;
            stored.push(u32::try_from(block.len()).unwrap_or(u32::MAX));
            end += block.len() as u64;
            offset += plain.len() as u64;
            if offset % PIECE_BYTES == 0 {
                file.sync_data()?;
                self.storage.breathe();
            }
        }
        let content_hash = *hasher.finalize().as_bytes();
        let info = ArchiveInfo {
            cluster: content.cluster,
            first: content.first,
            last: content.last,
            content_bytes: content.bytes,
            hash: content.hash,
            content_hash,
            frames: content.frames.clone(),
        };
        file.write_at(end, &info.encode_tail(&stored))?;
        file.sync_data()?;
        Ok(content_hash)
    }
}

/// A sealed segment as far as it has frames.
struct Content {
    file: Arc<dyn StorageFile>,
    cluster: [u8; 16],
    first: Lsn,
    last: Lsn,
    bytes: u64,
    hash: [u8; 32],
    frames: Vec<(u32, u32)>,
}

impl Content {
    /// Walks the frames; each is checked against its own checksum and the chain.
    fn read(storage: &dyn Storage, first: Lsn, file: Arc<dyn StorageFile>) -> io::Result<Self> {
        let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let mut block = [0; BLOCK_BYTES];
        file.read_at(0, &mut block)?;
        let header = SegmentHeader::decode(&block).map_err(|error| wrong(error.to_string()))?;
        let bytes = file.len()?;
        let mut table = Table::new(first, Arc::clone(&file));
        let (mut offset, mut hash, mut due) = (FIRST_FRAME, header.previous, first);
        let mut stored = Vec::new();
        while offset + BLOCK_BYTES as u64 <= bytes {
            storage.breathe();
            stored.resize(HEADER_BYTES, 0);
            file.read_at(offset, &mut stored)?;
            if is_zero(&stored) {
                break;
            }
            let frame = parse_header(&stored).map_err(|error| wrong(error.to_string()))?;
            stored.resize(frame.stored_bytes(), 0);
            file.read_at(offset, &mut stored)?;
            super::frame::check_body(&frame, &stored).map_err(|error| wrong(error.to_string()))?;
            if frame.previous != hash || frame.first != due {
                return Err(wrong(format!("the frame of record {} does not follow", frame.first)));
            }
            table.push(frame.first, offset);
            hash = chain_hash(&stored);
            due = frame.last().next();
            offset += frame.stored_bytes() as u64;
        }
        let last = Lsn(due.0 - 1);
        let frames = std::mem::take(&mut table.frames);
        Ok(Self { file, cluster: header.cluster, first, last, bytes: offset, hash, frames })
    }
}

fn hash_of(storage: &dyn Storage, file: &dyn StorageFile, bytes: u64) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    let (mut offset, mut buffer) = (0, Vec::new());
    while offset < bytes {
        let left = usize::try_from(bytes - offset).unwrap_or(usize::MAX);
        buffer.resize(left.min(ARCHIVE_BLOCK_BYTES), 0);
        file.read_at(offset, &mut buffer)?;
        hasher.update(&buffer);
        offset += buffer.len() as u64;
        storage.breathe();
    }
    Ok(*hasher.finalize().as_bytes())
}

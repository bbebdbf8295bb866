//! Which segment holds a record, and where its frame begins: eight bytes a frame, so that any record is one
//! read away.
//!
//! The table of the segment being written is always in memory. Those of sealed segments, and their open
//! files, are loaded when first asked for, and only so many are kept: a log grows for years.

use super::archive_file::ArchiveFile;
use super::frame::{BLOCK_BYTES, FrameError, FrameHeader, HEADER_BYTES, is_zero, open_body, parse_header};
use super::segment::{FIRST_FRAME, archive_path_of, path_of};
use crate::lsn::Lsn;
use crate::storage::{Storage, StorageFile};
use parking_lot::RwLock;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// Sealed segments whose tables and files are kept: at 64 MiB a segment the last 2 GiB of log, and at most
/// 128 KiB of table each.
const TABLES_MAX: usize = 32;

/// A file may change its form while it is looked for, once per attempt.
const ATTEMPTS_MAX: usize = 4;

/// How a segment is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Raw,
    Archived,
}

/// The frames of one segment.
pub(super) struct Table {
    pub(super) first: Lsn,
    pub(super) file: Arc<dyn StorageFile>,
    /// First LSN less the segment's, and offset in blocks.
    pub(super) frames: Vec<(u32, u32)>,
}

/// A segment that is written no more.
pub(super) struct Sealed {
    pub(super) first: Lsn,
    pub(super) form: Form,
    pub(super) table: Option<Arc<Table>>,
}

/// What reading the whole log found, or as much of it as is kept.
#[derive(Default)]
pub(super) struct Segments {
    /// In the order of LSNs.
    pub(super) sealed: Vec<Sealed>,
    pub(super) current: Option<Table>,
    /// Sealed segments with a table, the longest loaded first.
    loaded: VecDeque<Lsn>,
}

/// The segments of an open log.
pub(super) struct Catalog {
    storage: Arc<dyn Storage>,
    segments: RwLock<Segments>,
}

/// A place in the log.
#[derive(Clone)]
pub(super) struct Place {
    file: Arc<dyn StorageFile>,
    offset: u64,
    pub(super) first: Lsn,
}

/// Why a frame cannot be read at a place.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The disk says no.
    #[error("the log cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The frame is damaged.
    #[error("a frame of the log is damaged: {0}")]
    Frame(#[from] FrameError),
    /// A whole frame, but of another place.
    #[error("the frame of record {due} holds record {found}")]
    Misplaced {
        /// The record that should begin it.
        due: Lsn,
        /// The one that does.
        found: Lsn,
    },
}

impl Table {
    pub(super) fn new(first: Lsn, file: Arc<dyn StorageFile>) -> Self {
        Self { first, file, frames: Vec::new() }
    }

    /// Adds a frame. Both numbers fit: a segment has at most [`super::SEGMENT_BYTES_MAX`] bytes, so at most a
    /// quarter as many records.
    pub(super) fn push(&mut self, first: Lsn, offset: u64) {
        let delta = u32::try_from(first.0 - self.first.0).unwrap_or(u32::MAX);
        let block = u32::try_from(offset / BLOCK_BYTES as u64).unwrap_or(u32::MAX);
        self.frames.push((delta, block));
    }

    /// The last frame.
    pub(super) fn last(&self) -> Option<Place> {
        self.place(self.frames.len().checked_sub(1)?)
    }

    fn place(&self, row: usize) -> Option<Place> {
        let (delta, block) = *self.frames.get(row)?;
        let offset = u64::from(block) * BLOCK_BYTES as u64;
        Some(Place { file: Arc::clone(&self.file), offset, first: Lsn(self.first.0 + u64::from(delta)) })
    }

    /// The last frame that begins at or before an LSN.
    fn find(&self, lsn: Lsn) -> Option<Place> {
        let after = self.frames.partition_point(|(delta, _)| self.first.0 + u64::from(*delta) <= lsn.0);
        self.place(after.checked_sub(1)?)
    }

    /// Reads the headers of a sealed segment.
    fn walk(first: Lsn, file: Arc<dyn StorageFile>) -> Result<Self, PlaceError> {
        let bytes = file.len()?;
        let mut table = Self::new(first, file);
        let mut offset = FIRST_FRAME;
        let mut header = [0; HEADER_BYTES];
        while offset < bytes {
            table.file.read_at(offset, &mut header)?;
            if is_zero(&header) {
                break;
            }
            let frame = parse_header(&header)?;
            if frame.first < first {
                return Err(PlaceError::Misplaced { due: first, found: frame.first });
            }
            table.push(frame.first, offset);
            offset += frame.stored_bytes() as u64;
        }
        Ok(table)
    }
}

impl Segments {
    /// Keeps a table; the one that was loaded first gives way.
    fn keep(&mut self, table: Arc<Table>) {
        let first = table.first;
        let Some(row) = self.row_of(first).filter(|row| self.sealed[*row].first == first) else { return };
        if self.sealed[row].table.replace(table).is_none() {
            self.loaded.push_back(first);
        }
        if self.loaded.len() > TABLES_MAX
            && let Some(oldest) = self.loaded.pop_front()
            && let Some(row) = self.row_of(oldest)
        {
            self.sealed[row].table = None;
        }
    }

    /// Seals a segment.
    pub(super) fn seal(&mut self, form: Form, table: Table) {
        self.sealed.push(Sealed { first: table.first, form, table: None });
        self.keep(Arc::new(table));
    }

    /// The sealed segment that an LSN would be in.
    fn row_of(&self, lsn: Lsn) -> Option<usize> {
        self.sealed.partition_point(|sealed| sealed.first <= lsn).checked_sub(1)
    }
}

impl Catalog {
    pub(super) fn new(storage: Arc<dyn Storage>, segments: Segments) -> Self {
        Self { storage, segments: RwLock::new(segments) }
    }

    /// Notes a frame that has become durable.
    pub(super) fn push(&self, first: Lsn, offset: u64) {
        if let Some(current) = &mut self.segments.write().current {
            current.push(first, offset);
        }
    }

    /// Goes on in a new segment. The one before is sealed, or forgotten if it has no frame: the new one begins
    /// with the same record and has taken its file's name.
    pub(super) fn begin(&self, table: Table) {
        let mut segments = self.segments.write();
        let next = table.first;
        let Some(before) = segments.current.replace(table) else { return };
        if before.frames.is_empty() {
            assert!(next == before.first, "an empty segment is replaced by one of the same name");
            return;
        }
        assert!(next > before.first, "segments follow each other (J4)");
        segments.seal(Form::Raw, before);
    }

    /// The oldest sealed segments that are not archived, with the first LSN of the segment after each.
    pub(super) fn not_archived(&self) -> Vec<(Lsn, Lsn)> {
        let segments = self.segments.read();
        let firsts = segments.sealed.iter().map(|sealed| sealed.first);
        let nexts = firsts.skip(1).chain(segments.current.as_ref().map(|current| current.first));
        let pairs = segments.sealed.iter().zip(nexts);
        pairs
            .filter(|(sealed, _)| sealed.form == Form::Raw)
            .map(|(sealed, next)| (sealed.first, next))
            .collect()
    }

    /// From now on this segment is read from its archive.
    pub(super) fn archived(&self, first: Lsn) {
        let mut segments = self.segments.write();
        if let Some(row) = segments.row_of(first) {
            let sealed = &mut segments.sealed[row];
            sealed.form = Form::Archived;
            sealed.table = None;
            segments.loaded.retain(|loaded| *loaded != first);
        }
    }

    /// The first LSN of every sealed segment and of the one after it.
    pub(super) fn sealed(&self) -> Vec<(Lsn, Lsn)> {
        let segments = self.segments.read();
        let nexts = segments.sealed.iter().skip(1).map(|sealed| sealed.first);
        let nexts = nexts.chain(segments.current.as_ref().map(|current| current.first));
        segments.sealed.iter().map(|sealed| sealed.first).zip(nexts).collect()
    }

    /// The last durable frame that begins at or before an LSN.
    pub(super) fn find(&self, lsn: Lsn) -> Result<Option<Place>, PlaceError> {
        for _ in 0..ATTEMPTS_MAX {
            let (first, form) = {
                let segments = self.segments.read();
                match &segments.current {
                    Some(current) if current.first <= lsn => return Ok(current.find(lsn)),
                    Some(_) | None => {}
                }
                let Some(row) = segments.row_of(lsn) else { return Ok(None) };
                let sealed = &segments.sealed[row];
                if let Some(table) = &sealed.table {
                    return Ok(table.find(lsn));
                }
                (sealed.first, sealed.form)
            };
            let table = match load(&*self.storage, first, form) {
                Ok(table) => Arc::new(table),
                // It has been archived meanwhile: look again.
                Err(PlaceError::Io(error)) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let place = table.find(lsn);
            let mut segments = self.segments.write();
            let unchanged = segments.row_of(first).is_some_and(|row| segments.sealed[row].form == form);
            if unchanged {
                segments.keep(table);
            }
            return Ok(place);
        }
        Err(PlaceError::Io(io::Error::from(io::ErrorKind::NotFound)))
    }
}

fn load(storage: &dyn Storage, first: Lsn, form: Form) -> Result<Table, PlaceError> {
    match form {
        Form::Raw => Table::walk(first, storage.open(&path_of(first))?.into()),
        Form::Archived => {
            let archive = ArchiveFile::open(storage.open(&archive_path_of(first))?)?;
            if archive.info().first != first {
                return Err(PlaceError::Misplaced { due: first, found: archive.info().first });
            }
            let frames = archive.info().frames.clone();
            Ok(Table { first, file: Arc::new(archive), frames })
        }
    }
}

impl Place {
    /// Reads the frame that begins here as it is stored.
    pub(super) fn read_stored(&self, buffer: &mut Vec<u8>) -> Result<FrameHeader, PlaceError> {
        buffer.resize(BLOCK_BYTES, 0);
        self.file.read_at(self.offset, buffer)?;
        let header = parse_header(buffer)?;
        if header.first != self.first {
            return Err(PlaceError::Misplaced { due: self.first, found: header.first });
        }
        buffer.resize(header.stored_bytes(), 0);
        if let Some(rest) = buffer.get_mut(BLOCK_BYTES..).filter(|rest| !rest.is_empty()) {
            self.file.read_at(self.offset + BLOCK_BYTES as u64, rest)?;
        }
        Ok(header)
    }

    /// Reads the frame that begins here and opens it.
    pub(super) fn read(&self, buffer: &mut Vec<u8>) -> Result<FrameHeader, PlaceError> {
        let header = self.read_stored(buffer)?;
        open_body(&header, buffer)?;
        Ok(header)
    }

    /// Writes the frame that begins here once more, from what the file reads as.
    ///
    /// Its last writer may have ended before its sync, or with a failed one: then what reads well is perhaps
    /// in memory only, and a mere sync could pass it over.
    pub(super) fn rewrite(&self) -> Result<(), PlaceError> {
        let mut buffer = Vec::new();
        self.read_stored(&mut buffer)?;
        self.file.write_at(self.offset, &buffer)?;
        Ok(())
    }
}

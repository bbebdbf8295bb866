//! Where every frame is: eight bytes a frame, so that any record is one read away.

use super::frame::{FrameError, FrameHeader, STORED_BYTES_MAX, open_body, parse_header};
use crate::lsn::Lsn;
use crate::storage::StorageFile;
use std::sync::Arc;

/// The frames of one segment.
pub(super) struct SegmentTable {
    first: Lsn,
    file: Arc<dyn StorageFile>,
    /// First LSN less the segment's, and offset in blocks.
    frames: Vec<(u32, u32)>,
}

/// The frames of all segments, in the order of LSNs.
#[derive(Default)]
pub(super) struct Tables {
    segments: Vec<SegmentTable>,
}

/// A place in the log.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) file: Arc<dyn StorageFile>,
    pub(super) offset: u64,
    pub(super) first: Lsn,
}

/// Why a frame cannot be read at a place.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The disk says no.
    #[error("the log cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// The frame is damaged.
    #[error("a frame of the log is damaged: {0}")]
    Frame(#[from] FrameError),
}

impl SegmentTable {
    pub(super) fn new(first: Lsn, file: Arc<dyn StorageFile>) -> Self {
        Self { first, file, frames: Vec::new() }
    }

    pub(super) fn push(&mut self, first: Lsn, offset: u64) {
        let delta = u32::try_from(first.0 - self.first.0).unwrap_or(u32::MAX);
        let block = u32::try_from(offset / super::frame::BLOCK_BYTES as u64).unwrap_or(u32::MAX);
        self.frames.push((delta, block));
    }

    fn place(&self, row: usize) -> Option<Place> {
        let (delta, block) = *self.frames.get(row)?;
        let offset = u64::from(block) * super::frame::BLOCK_BYTES as u64;
        Some(Place { file: Arc::clone(&self.file), offset, first: Lsn(self.first.0 + u64::from(delta)) })
    }

    /// The row of the last frame that begins at or before an LSN.
    fn row_of(&self, lsn: Lsn) -> Option<usize> {
        self.frames.partition_point(|(delta, _)| self.first.0 + u64::from(*delta) <= lsn.0).checked_sub(1)
    }
}

impl Tables {
    pub(super) fn push(&mut self, table: SegmentTable) {
        self.segments.push(table);
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut SegmentTable> {
        self.segments.last_mut()
    }

    /// The file of the last segment.
    pub(super) fn last_file(&self) -> Option<Arc<dyn StorageFile>> {
        self.segments.last().map(|segment| Arc::clone(&segment.file))
    }

    /// The last frame that begins at or before an LSN.
    pub(super) fn place_of(&self, lsn: Lsn) -> Option<Place> {
        let segments = self.segments.partition_point(|segment| segment.first <= lsn);
        // A segment may be empty still: then the frame is in one before it.
        self.segments[..segments].iter().rev().find_map(|segment| segment.place(segment.row_of(lsn)?))
    }

    /// The first frame that begins after an LSN.
    pub(super) fn place_after(&self, lsn: Lsn) -> Option<Place> {
        let from = self.segments.partition_point(|segment| segment.first <= lsn).saturating_sub(1);
        self.segments[from..]
            .iter()
            .find_map(|segment| segment.place(segment.row_of(lsn).map_or(0, |row| row + 1)))
    }
}

impl Place {
    /// Reads the frame that begins here and opens it.
    pub(super) fn read(&self, buffer: &mut Vec<u8>) -> Result<FrameHeader, PlaceError> {
        buffer.resize(super::frame::BLOCK_BYTES, 0);
        self.file.read_at(self.offset, buffer)?;
        let header = parse_header(buffer)?;
        let stored = header.stored_bytes().min(STORED_BYTES_MAX);
        let known = buffer.len().min(stored);
        buffer.resize(stored, 0);
        if stored > known {
            self.file.read_at(self.offset + known as u64, &mut buffer[known..])?;
        }
        open_body(&header, buffer)?;
        Ok(header)
    }
}

//! The journal on local files: one write and one sync a frame.

use super::catalog::{Catalog, Table};
use super::frame::STORED_BYTES_MAX;
use super::segment::{FIRST_FRAME, Haste, SegmentHeader, activate_spare, prepare_spare};
use super::spare::Spare;
use crate::journal::{Frame, Journal, JournalError};
use crate::lsn::Lsn;
use crate::planted::{Bug, is_planted};
use crate::storage::{Storage, StorageFile};
use std::io;
use std::sync::Arc;

/// See the module.
pub struct LocalLog {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) cluster: [u8; 16],
    pub(super) epoch: u64,
    pub(super) segment_bytes: u64,
    pub(super) spare: Arc<Spare>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) file: Option<Arc<dyn StorageFile>>,
    /// Where the next frame goes.
    pub(super) offset: u64,
    /// How far the current segment was zero-filled.
    pub(super) room: u64,
    pub(super) last: Lsn,
    pub(super) hash: [u8; 32],
    pub(super) poisoned: bool,
    /// What a deliberate bug has not written yet, and where it belongs.
    #[cfg(feature = "planted")]
    pub(super) held: Option<(Arc<dyn StorageFile>, u64, Vec<u8>)>,
}

impl Journal for LocalLog {
    fn append(&mut self, expected: Lsn, frame: &Frame<'_>) -> Result<(), JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned);
        }
        if expected != self.last {
            return Err(JournalError::Fenced { expected, actual: self.last });
        }
        let bytes = frame.stored.len();
        if bytes > STORED_BYTES_MAX || FIRST_FRAME + bytes as u64 > self.segment_bytes {
            return Err(JournalError::TooLong { bytes });
        }
        // Poisoned until proven otherwise: a failed write or sync is never retried.
        self.poisoned = true;
        self.write(frame).map_err(|source| JournalError::Unknown { last: frame.last, source })?;
        self.poisoned = false;
        self.last = frame.last;
        self.hash = frame.hash;
        Ok(())
    }

    fn last(&self) -> Lsn {
        self.last
    }
}

impl LocalLog {
    fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let file = match &self.file {
            Some(file) if self.offset + frame.stored.len() as u64 <= self.room => Arc::clone(file),
            _ => self.next_segment(frame.first)?,
        };
        self.put(&file, frame.stored)?;
        if !is_planted(Bug::SkipSync) {
            file.sync_data()
                .or_else(|error| if is_planted(Bug::IgnoreFailedSync) { Ok(()) } else { Err(error) })?;
        }
        self.catalog.push(frame.first, self.offset);
        self.offset += frame.stored.len() as u64;
        self.spare.log_is_at(self.offset, self.room);
        self.storage.log_was_written();
        Ok(())
    }

    #[cfg_attr(
        not(feature = "planted"),
        allow(clippy::needless_pass_by_ref_mut, reason = "a deliberate bug needs it")
    )]
    fn put(&mut self, file: &Arc<dyn StorageFile>, bytes: &[u8]) -> io::Result<()> {
        #[cfg(feature = "planted")]
        if is_planted(Bug::ReorderFrames) {
            return match self.held.take() {
                Some((first, at, held)) => {
                    file.write_at(self.offset, bytes)?;
                    first.write_at(at, &held)
                }
                None => {
                    self.held = Some((Arc::clone(file), self.offset, bytes.to_vec()));
                    Ok(())
                }
            };
        }
        file.write_at(self.offset, bytes)
    }

    /// Goes on in a new segment. The one before needs no further sync: every frame in it had its own. One
    /// without a frame (a crash came before its first, and it is too small for this one) has the same first
    /// record, so the new one takes its name and its place.
    fn next_segment(&mut self, first: Lsn) -> io::Result<Arc<dyn StorageFile>> {
        if !self.spare.take() {
            let is_made = prepare_spare(&*self.storage, self.segment_bytes, &|_| Haste::Now)?;
            assert!(is_made, "what is needed now is not broken off");
        }
        let header = SegmentHeader {
            cluster: self.cluster,
            epoch: self.epoch,
            first,
            previous: self.hash,
            bytes: self.segment_bytes,
        };
        let file: Arc<dyn StorageFile> = activate_spare(&*self.storage, &header)?.into();
        self.catalog.begin(Table::new(first, Arc::clone(&file)));
        self.file = Some(Arc::clone(&file));
        self.offset = FIRST_FRAME;
        self.room = self.segment_bytes;
        self.spare.log_is_at(self.offset, self.room);
        self.spare.order();
        Ok(file)
    }
}

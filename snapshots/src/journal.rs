//! The seam: what group commit needs of a journal. The local log is one; a replicated one will be another.

use crate::log::frame::{ChainHash, STORED_BYTES_MAX};
use crate::lsn::Lsn;
use std::io;

/// A sealed frame on its way to a journal.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The frame as it will stand on disk.
    pub stored: &'a [u8],
    /// Its first record.
    pub first: Lsn,
    /// Its last record.
    pub last: Lsn,
    /// Its hash.
    pub hash: ChainHash,
}

/// Why a frame is not appended. After any of them the writer stops: it is never tried again.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Somebody else appended: the journal's last record is not the one expected.
    #[error("the journal ends at record {actual}, {expected} was expected: another writer has it")]
    Fenced {
        /// What was expected.
        expected: Lsn,
        /// What is there.
        actual: Lsn,
    },
    /// Whether the frame is durable is not known, and will not be until the journal is read again.
    #[error("the journal did not say whether records up to {last} are durable: {source}")]
    Unknown {
        /// The last record of the frame.
        last: Lsn,
        /// What the disk says.
        source: io::Error,
    },
    /// A write or sync failed before; the journal takes nothing more.
    #[error("the journal failed before and takes nothing more")]
    Poisoned,
    /// The frame is longer than a segment can hold.
    #[error("a frame of {bytes} bytes does not fit into a segment; at most {STORED_BYTES_MAX}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
}

/// An append-only, ordered, durable sequence of frames.
pub trait Journal: Send {
    /// Appends a frame behind the record `expected`. When it returns `Ok`, the frame is durable.
    ///
    /// # Errors
    /// [`JournalError`]; only after `Fenced` is it certain that nothing was written.
    fn append(&mut self, expected: Lsn, frame: &Frame<'_>) -> Result<(), JournalError>;

    /// The last durable record.
    fn last(&self) -> Lsn;
}

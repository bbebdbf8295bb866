//! Segment files: `log/<first LSN, 20 digits>.seg`.
//!
//! A segment is filled with zeros and synced before its name stands in the directory, so that a sync of a
//! frame never has to change the file's size or extents (measured: twice the syncs a second), and so that
//! what was never written reads as zero. It is never used again.
//!
//! ```text
//! offset  bytes
//!      0      4  magic "OHS1"
//!      4      2  format, 1
//!      6      2  0
//!      8     16  cluster id
//!     24      8  epoch
//!     32      8  LSN of the first record
//!     40     32  hash of the last frame before this segment
//!     72      8  bytes of the file, so that one cut short is noticed
//!     80      4  CRC-32C of the 80 bytes before
//!     84      …  0xA5 up to 4,096
//!   4096      …  frames, then zeros to the end
//! ```

use super::frame::{BLOCK_BYTES, ChainHash};
use crate::lsn::Lsn;
use crate::planted::{Bug, is_planted};
use crate::storage::{PIECE_BYTES, Storage, StorageFile};
use std::io;

/// The directory of the segments.
pub const LOG_DIR: &str = "log";

/// The next segment while it is being filled with zeros; not part of the log.
pub const SPARE: &str = "log/spare.tmp";

/// How the name of an archived segment ends; `zstd -d` takes the `.zst` off.
pub const ARCHIVE_SUFFIX: &str = ".seg.zst";

/// Where the first frame of a segment begins.
pub const FIRST_FRAME: u64 = BLOCK_BYTES as u64;

const MAGIC: [u8; 4] = *b"OHS1";
const FORMAT: u16 = 1;
const CRC_AT: usize = 80;
const HEADER_BYTES: usize = 84;
const PADDING: u8 = 0xA5;

/// Zeros are written this much at a time.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// What a segment's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Identity of the journal.
    pub cluster: [u8; 16],
    /// Ownership epoch.
    pub epoch: u64,
    /// LSN of its first record.
    pub first: Lsn,
    /// Hash of the last frame before it.
    pub previous: ChainHash,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Why a header block is not a segment's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// The first bytes are not the magic.
    #[error("not a segment")]
    Magic,
    /// Written by a release this one does not know.
    #[error("it has segment format {0}, this release knows {FORMAT}")]
    Format(u16),
    /// The header is damaged.
    #[error("bad segment header checksum")]
    Crc,
}

impl SegmentHeader {
    /// The header block.
    #[must_use]
    pub fn encode(&self) -> [u8; BLOCK_BYTES] {
        let mut block = [PADDING; BLOCK_BYTES];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            block[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&MAGIC);
        put(&FORMAT.to_le_bytes());
        put(&[0, 0]);
        put(&self.cluster);
        put(&self.epoch.to_le_bytes());
        put(&self.first.0.to_le_bytes());
        put(&self.previous);
        put(&self.bytes.to_le_bytes());
        let crc = crc32c::crc32c(&block[..CRC_AT]);
        block[CRC_AT..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        block
    }

    /// Reads a header block.
    ///
    /// # Errors
    /// [`SegmentError`] if it is none.
    pub fn decode(block: &[u8; BLOCK_BYTES]) -> Result<Self, SegmentError> {
        if block[..4] != MAGIC {
            return Err(SegmentError::Magic);
        }
        let padding_is_whole = block[HEADER_BYTES..].iter().all(|byte| *byte == PADDING);
        if crc32c::crc32c(&block[..CRC_AT]) != u32::from_le_bytes(part(block, CRC_AT)) || !padding_is_whole {
            return Err(SegmentError::Crc);
        }
        let format = u16::from_le_bytes(part(block, 4));
        if format != FORMAT {
            return Err(SegmentError::Format(format));
        }
        Ok(Self {
            cluster: part(block, 8),
            epoch: u64::from_le_bytes(part(block, 24)),
            first: Lsn(u64::from_le_bytes(part(block, 32))),
            previous: part(block, 40),
            bytes: u64::from_le_bytes(part(block, 72)),
        })
    }
}

fn part<const N: usize>(block: &[u8; BLOCK_BYTES], offset: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&block[offset..offset + N]);
    bytes
}

/// The path of the segment that begins with an LSN.
#[must_use]
pub fn path_of(first: Lsn) -> String {
    format!("{LOG_DIR}/{:020}.seg", first.0)
}

/// The path of the archive of the segment that begins with an LSN.
#[must_use]
pub fn archive_path_of(first: Lsn) -> String {
    format!("{LOG_DIR}/{:020}{ARCHIVE_SUFFIX}", first.0)
}

/// The LSN in the file name of a segment or its archive; `None` if it is neither's.
#[must_use]
pub fn first_of(name: &str) -> Option<Lsn> {
    let digits = name.strip_suffix(".seg").or_else(|| name.strip_suffix(ARCHIVE_SUFFIX))?;
    let is_number = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok().map(Lsn)).flatten()
}

/// How much of a spare is synced at once when it has to keep up with a fast log: many small syncs would take more of the
/// disk than a few large ones.
const HASTY_PIECE_BYTES: u64 = 1 << 20;

/// How much the making of a spare hurries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Haste {
    /// The log cannot go on without it.
    Now,
    /// The log may be full before it is ready: no pauses.
    Soon,
    /// There is time: it is written in pieces, between the log's own syncs.
    Leisure,
    /// Nobody will take it: it is broken off.
    Never,
}

/// Removes the spare, if there is one.
///
/// # Errors
/// As the disk says.
pub fn discard_spare(storage: &dyn Storage) -> io::Result<()> {
    if storage.list(LOG_DIR)?.iter().any(|name| SPARE.ends_with(name.as_str())) {
        storage.remove_file(SPARE)?;
    }
    Ok(())
}

/// Makes a file of zeros that can become a segment: written whole, synced, its name made durable. `haste` is asked
/// after every piece, and told how much is done. One that finds no room is removed, so that it takes none. `false`: it was
/// broken off, and what there was of it is removed.
///
/// # Errors
/// As the disk says.
pub fn prepare_spare(
    storage: &dyn Storage,
    segment_bytes: u64,
    haste: &dyn Fn(u64) -> Haste,
) -> io::Result<bool> {
    discard_spare(storage)?;
    let filled = fill_spare(storage, segment_bytes, haste);
    if matches!(filled, Ok(false)) {
        discard_spare(storage)?;
    }
    if filled.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::StorageFull) {
        // Whether or not it can be removed: the next try does so first.
        discard_spare(storage).ok();
    }
    filled
}

fn fill_spare(storage: &dyn Storage, segment_bytes: u64, haste: &dyn Fn(u64) -> Haste) -> io::Result<bool> {
    let file = storage.create_new(SPARE)?;
    let (mut offset, mut unsynced) = (0, 0);
    while offset < segment_bytes {
        let count = usize::try_from(segment_bytes - offset).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
        file.write_at(offset, &ZEROS[..count])?;
        offset += count as u64;
        unsynced += count as u64;
        if unsynced >= PIECE_BYTES {
            match haste(offset) {
                Haste::Never => return Ok(false),
                haste => unsynced = rest(storage, &*file, haste, unsynced)?,
            }
        }
    }
    file.sync_data()?;
    storage.sync_dir(LOG_DIR)?;
    Ok(true)
}

/// Syncs what was written if it is time to; returns how much is left.
fn rest(storage: &dyn Storage, file: &dyn StorageFile, haste: Haste, unsynced: u64) -> io::Result<u64> {
    if haste == Haste::Now || haste == Haste::Soon && unsynced < HASTY_PIECE_BYTES {
        return Ok(unsynced);
    }
    file.sync_data()?;
    if haste == Haste::Leisure {
        storage.pause();
    }
    Ok(0)
}

/// Makes the spare the segment that this header describes. When it returns, header and name are durable.
///
/// # Errors
/// As the disk says.
pub fn activate_spare(storage: &dyn Storage, header: &SegmentHeader) -> io::Result<Box<dyn StorageFile>> {
    let file = storage.open(SPARE)?;
    if !is_planted(Bug::LoseHeader) {
        file.write_at(0, &header.encode())?;
    }
    file.sync_data()?;
    storage.rename(SPARE, &path_of(header.first))?;
    if !is_planted(Bug::SkipDirectorySync) {
        storage.sync_dir(LOG_DIR)?;
    }
    Ok(file)
}

//! An archived segment: the segment's bytes up to its last frame, compressed in independent blocks.
//!
//! ```text
//! block*       each a zstd frame with checksum, of 131,072 bytes of the segment; the last may be shorter
//! index        a zstd skippable frame: 0x184D2A50, length of what follows (4 bytes each)
//!      0    4  magic "OHA1"
//!      4    2  format, 1
//!      6    2  0
//!      8   16  cluster id
//!     24    8  LSN of the first record
//!     32    8  LSN of the last record
//!     40    8  bytes of the content, that is the sum of all blocks
//!     48   32  hash of the last frame, which the next segment carries
//!     80   32  blake3 of the content
//!    112    4  CRC-32C of the seek table, its frame header included
//!    116    4  number of frames
//!    120    …  per frame its first LSN less the segment's, and its offset / 4,096 (4 bytes each)
//!      …    4  CRC-32C of the index up to here, from its magic on
//!      …    4  bytes of the index, from its magic on
//! seek table   a zstd skippable frame of the seekable format: 0x184D2A5E, length (4 bytes each),
//!              per block its compressed and its plain bytes (4 each), then
//!              the number of blocks (4), a descriptor of 0 (1), and 0x8F92EAB1 (4)
//! ```
//! Stock `zstd -d` passes over the two skippable frames and gives the segment back, without its zeros.

use super::frame::{BLOCK_BYTES, ChainHash};
use crate::lsn::Lsn;
use crate::storage::StorageFile;
use parking_lot::Mutex;
use std::io;

/// Plain bytes of a block. Smaller ones read faster by record and compress worse: a record is one block away.
pub(super) const ARCHIVE_BLOCK_BYTES: usize = 128 << 10;

const INDEX_FRAME: u32 = 0x184D_2A50;
const SEEK_FRAME: u32 = 0x184D_2A5E;
const SEEK_MAGIC: u32 = 0x8F92_EAB1;
const SEEK_FOOTER_BYTES: usize = 9;
const MAGIC: [u8; 4] = *b"OHA1";
const FORMAT: u16 = 1;
const INDEX_FIXED_BYTES: usize = 120;

/// Blocks of the longest segment, 4 GiB: the offsets in an archive's tables are then far from the ends of their
/// four bytes, and its tables a thousandth of it.
pub(super) const BLOCKS_MAX: usize = 32 << 10;

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ArchiveInfo {
    pub(super) cluster: [u8; 16],
    pub(super) first: Lsn,
    pub(super) last: Lsn,
    pub(super) content_bytes: u64,
    pub(super) hash: ChainHash,
    pub(super) content_hash: ChainHash,
    /// As in a table of the catalog.
    pub(super) frames: Vec<(u32, u32)>,
}

/// An archive, read as if it were the segment.
pub(super) struct ArchiveFile {
    file: Box<dyn StorageFile>,
    info: ArchiveInfo,
    /// Where each block begins, and where the last one ends.
    offsets: Vec<u64>,
    opened: Mutex<OpenBlock>,
}

/// The block read last: whoever reads on finds it open.
struct OpenBlock {
    decompressor: zstd::bulk::Decompressor<'static>,
    block: Option<usize>,
    stored: Vec<u8>,
    plain: Vec<u8>,
}

/// A block that cannot be opened, inside an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("damaged archive: block {block} with records {from} to {to}: {what}")]
pub(super) struct DamagedBlock {
    pub(super) block: usize,
    /// Where it begins in the archive.
    pub(super) offset: u64,
    /// The records that are, at least in part, in it.
    pub(super) from: Lsn,
    pub(super) to: Lsn,
    pub(super) what: String,
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("damaged archive: {what}"))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> io::Result<[u8; N]> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or_else(|| bad("its index is cut short"))
}

impl ArchiveInfo {
    /// What stands behind the blocks: the index and the seek table of blocks with these stored lengths.
    pub(super) fn encode_tail(&self, stored: &[u32]) -> Vec<u8> {
        let table = self.encode_seek_table(stored);
        let mut index = Vec::with_capacity(INDEX_FIXED_BYTES + self.frames.len() * 8 + 8);
        index.extend_from_slice(&MAGIC);
        index.extend_from_slice(&FORMAT.to_le_bytes());
        index.extend_from_slice(&[0, 0]);
        index.extend_from_slice(&self.cluster);
        index.extend_from_slice(&self.first.0.to_le_bytes());
        index.extend_from_slice(&self.last.0.to_le_bytes());
        index.extend_from_slice(&self.content_bytes.to_le_bytes());
        index.extend_from_slice(&self.hash);
        index.extend_from_slice(&self.content_hash);
        index.extend_from_slice(&crc32c::crc32c(&table).to_le_bytes());
        index.extend_from_slice(&length(self.frames.len()).to_le_bytes());
        for (delta, block) in &self.frames {
            index.extend_from_slice(&delta.to_le_bytes());
            index.extend_from_slice(&block.to_le_bytes());
        }
        let crc = crc32c::crc32c(&index);
        index.extend_from_slice(&crc.to_le_bytes());
        index.extend_from_slice(&length(index.len() + 4).to_le_bytes());
        let mut tail = Vec::with_capacity(8 + index.len() + table.len());
        tail.extend_from_slice(&INDEX_FRAME.to_le_bytes());
        tail.extend_from_slice(&length(index.len()).to_le_bytes());
        tail.extend_from_slice(&index);
        tail.extend_from_slice(&table);
        tail
    }

    fn encode_seek_table(&self, stored: &[u32]) -> Vec<u8> {
        let mut table = Vec::with_capacity(8 + stored.len() * 8 + SEEK_FOOTER_BYTES);
        table.extend_from_slice(&SEEK_FRAME.to_le_bytes());
        table.extend_from_slice(&length(stored.len() * 8 + SEEK_FOOTER_BYTES).to_le_bytes());
        for (block, bytes) in stored.iter().enumerate() {
            table.extend_from_slice(&bytes.to_le_bytes());
            table.extend_from_slice(&length(self.plain_bytes(block)).to_le_bytes());
        }
        table.extend_from_slice(&length(stored.len()).to_le_bytes());
        table.push(0);
        table.extend_from_slice(&SEEK_MAGIC.to_le_bytes());
        table
    }

    /// Plain bytes of a block.
    fn plain_bytes(&self, block: usize) -> usize {
        let start = block as u64 * ARCHIVE_BLOCK_BYTES as u64;
        usize::try_from(self.content_bytes.saturating_sub(start))
            .unwrap_or(usize::MAX)
            .min(ARCHIVE_BLOCK_BYTES)
    }

    /// The first and last record of the frames that reach into a block.
    fn records_in(&self, block: usize) -> (Lsn, Lsn) {
        let start = block as u64 * ARCHIVE_BLOCK_BYTES as u64;
        let end = start + ARCHIVE_BLOCK_BYTES as u64;
        let begins = |row: &(u32, u32)| u64::from(row.1) * BLOCK_BYTES as u64;
        // A frame ends where the next one begins.
        let first = self.frames.partition_point(|row| begins(row) <= start).saturating_sub(1);
        let behind = self.frames.partition_point(|row| begins(row) < end);
        let lsn = |row: &(u32, u32)| Lsn(self.first.0.saturating_add(u64::from(row.0)));
        let from = self.frames.get(first).map_or(self.first, lsn);
        let to = self.frames.get(behind).map_or(self.last, |row| Lsn(lsn(row).0.saturating_sub(1)));
        (from, to)
    }

    fn decode(index: &[u8]) -> io::Result<(Self, u32)> {
        if part::<4>(index, 0)? != MAGIC {
            return Err(bad("no index"));
        }
        let end = index.len().checked_sub(8).ok_or_else(|| bad("its index is cut short"))?;
        if crc32c::crc32c(&index[..end]) != u32::from_le_bytes(part(index, end)?) {
            return Err(bad("bad index checksum"));
        }
        let format = u16::from_le_bytes(part(index, 4)?);
        if format != FORMAT {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("it has archive format {format}, this release knows {FORMAT}"),
            ));
        }
        let count = u32::from_le_bytes(part(index, 116)?) as usize;
        let rows = index.get(INDEX_FIXED_BYTES..end).filter(|rows| rows.len() == count * 8);
        let rows = rows.ok_or_else(|| bad("its index is cut short"))?;
        let frames = rows.chunks_exact(8).filter_map(|row| Some((word(row, 0)?, word(row, 4)?))).collect();
        let info = Self {
            cluster: part(index, 8)?,
            first: Lsn(u64::from_le_bytes(part(index, 24)?)),
            last: Lsn(u64::from_le_bytes(part(index, 32)?)),
            content_bytes: u64::from_le_bytes(part(index, 40)?),
            hash: part(index, 48)?,
            content_hash: part(index, 80)?,
            frames,
        };
        Ok((info, u32::from_le_bytes(part(index, 112)?)))
    }
}

/// Lengths of an archive fit: a segment has at most 4 GiB, its tables a thousandth of that.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl ArchiveFile {
    /// Reads and checks the tables; the blocks are checked as they are read.
    pub(super) fn open(file: Box<dyn StorageFile>) -> io::Result<Self> {
        let bytes = file.len()?;
        let before = |end: u64, count: usize| -> io::Result<Vec<u8>> {
            let start = end.checked_sub(count as u64).ok_or_else(|| bad("the file is cut short"))?;
            let mut buffer = vec![0; count];
            file.read_at(start, &mut buffer)?;
            Ok(buffer)
        };
        let footer = before(bytes, SEEK_FOOTER_BYTES)?;
        let count = word(&footer, 0).unwrap_or(0) as usize;
        if word(&footer, 5) != Some(SEEK_MAGIC) || footer[4] != 0 || count == 0 || count > BLOCKS_MAX {
            return Err(bad("no seek table"));
        }
        let table = before(bytes, 8 + count * 8 + SEEK_FOOTER_BYTES)?;
        let index_end = bytes - table.len() as u64;
        let index_bytes = word(&before(index_end, 4)?, 0).unwrap_or(0) as usize;
        // The eight bytes of the skippable frame stand before it.
        if index_bytes as u64 + 8 > index_end {
            return Err(bad("no index"));
        }
        let (info, table_crc) = ArchiveInfo::decode(&before(index_end, index_bytes)?)?;
        let stored: Vec<u32> = (0..count).filter_map(|block| word(&table, 8 + block * 8)).collect();
        if crc32c::crc32c(&table) != table_crc || table != info.encode_seek_table(&stored) {
            return Err(bad("bad seek table"));
        }
        let mut offsets = vec![0];
        let mut end = 0;
        for bytes in stored {
            end += u64::from(bytes);
            offsets.push(end);
        }
        let blocks_end = index_end - index_bytes as u64 - 8;
        if end != blocks_end || info.content_bytes.div_ceil(ARCHIVE_BLOCK_BYTES as u64) != count as u64 {
            return Err(bad("its tables do not add up"));
        }
        let opened = OpenBlock {
            decompressor: zstd::bulk::Decompressor::new()?,
            block: None,
            stored: Vec::new(),
            plain: Vec::new(),
        };
        Ok(Self { file, info, offsets, opened: Mutex::new(opened) })
    }

    pub(super) fn info(&self) -> &ArchiveInfo {
        &self.info
    }

    /// Copies what a block has of the range that begins at `offset`; returns how many bytes.
    fn copy_from_block(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let block = usize::try_from(offset / ARCHIVE_BLOCK_BYTES as u64).unwrap_or(usize::MAX);
        let inside = usize::try_from(offset % ARCHIVE_BLOCK_BYTES as u64).unwrap_or(0);
        let mut opened = self.opened.lock();
        if opened.block != Some(block) {
            self.open_block(block, &mut opened)?;
        }
        let there = opened.plain.get(inside..).unwrap_or(&[]);
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        Ok(count)
    }

    fn open_block(&self, block: usize, opened: &mut OpenBlock) -> io::Result<()> {
        let (Some(start), Some(end)) = (self.offsets.get(block), self.offsets.get(block + 1)) else {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        };
        let OpenBlock { decompressor, block: which, stored, plain } = opened;
        *which = None;
        stored.resize(usize::try_from(end - start).unwrap_or(usize::MAX), 0);
        self.file.read_at(*start, stored)?;
        plain.resize(ARCHIVE_BLOCK_BYTES, 0);
        let damaged = |what: String| {
            let (from, to) = self.info.records_in(block);
            io::Error::new(io::ErrorKind::InvalidData, DamagedBlock { block, offset: *start, from, to, what })
        };
        let opened = decompressor.decompress_to_buffer(stored, &mut plain[..]);
        let bytes = opened.map_err(|error| damaged(error.to_string()))?;
        if bytes != self.info.plain_bytes(block) {
            return Err(damaged(format!("it holds {bytes} bytes")));
        }
        plain.truncate(bytes);
        *which = Some(block);
        Ok(())
    }
}

impl StorageFile for ArchiveFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            let count = self.copy_from_block(offset + done as u64, &mut buffer[done..])?;
            if count == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            done += count;
        }
        Ok(())
    }

    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem))
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.info.content_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{SimStorage, Storage};

    /// Its checksums are right, but where its first block should end is before the file.
    #[test]
    fn an_index_without_the_frame_around_it_is_refused() {
        let info = ArchiveInfo {
            cluster: [7; 16],
            first: Lsn(1),
            last: Lsn(1),
            content_bytes: BLOCK_BYTES as u64,
            hash: [0; 32],
            content_hash: [0; 32],
            frames: vec![(0, 1)],
        };
        let storage = SimStorage::default();
        let file = storage.create_new("archive").unwrap();
        file.write_at(0, &info.encode_tail(&[0])[8..]).unwrap();
        let error = ArchiveFile::open(file).err().unwrap();
        assert_eq!(
            (error.kind(), error.to_string()),
            (io::ErrorKind::InvalidData, "damaged archive: no index".into())
        );
    }

    #[test]
    fn a_block_is_of_the_records_whose_frames_reach_into_it() {
        let info = ArchiveInfo {
            cluster: [7; 16],
            first: Lsn(100),
            last: Lsn(120),
            content_bytes: 96 * BLOCK_BYTES as u64,
            hash: [0; 32],
            content_hash: [0; 32],
            // A block of the archive has 32 blocks of the segment.
            frames: vec![(0, 1), (2, 2), (5, 40), (9, 64)],
        };
        let ranges = [0, 1, 2].map(|block| info.records_in(block));
        assert_eq!(ranges, [(Lsn(100), Lsn(104)), (Lsn(102), Lsn(108)), (Lsn(109), Lsn(120))]);
    }
}

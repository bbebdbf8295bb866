//! The frame: records that become durable together.
//!
//! ```text
//! offset  bytes
//!      0      4  magic "OHF1"
//!      4      2  format, 1
//!      6      1  mask, see below
//!      7      1  0
//!      8     16  cluster id
//!     24      8  epoch
//!     32      8  LSN of the first record
//!     40      4  number of records
//!     44      4  length of the body in bytes
//!     48     32  blake3 of the whole frame before this one, padding included; zeros before the first
//!     80      4  CRC-32C of body and padding as stored
//!     84      4  CRC-32C of the 84 bytes before
//!     88      …  body: per record its length (4 bytes) and its bytes
//!      …      …  0xA5 up to a multiple of 4,096
//! ```
//! Integers are little-endian. The header has a CRC of its own, so a damaged length is never followed.
//!
//! No 512-byte sector of a frame is all zero. Where a body would have one, everything behind the header is
//! XORed with a pattern, and the encoder takes the first mask under which no sector is zero; mask 0 changes
//! nothing, and is what nearly every frame has. The 64-bit word number `i` behind the header is XORed with
//! splitmix64's finaliser of `(key ^ mask << 56) + i`, where `key` is the first eight bytes of the hash of
//! the frame before: a sender who cannot know that hash cannot craft a record that is zero under every mask.
//! So a zero sector inside a frame means "never written", and that is how a torn end is told from damage.

use crate::lsn::Lsn;

/// Frames start and end at multiples of this, so that a torn one cannot touch its durable neighbours.
pub const BLOCK_BYTES: usize = 4_096;

/// What a disk writes whole or not at all.
pub const SECTOR_BYTES: usize = 512;

/// Bytes before the records.
pub const HEADER_BYTES: usize = 88;

/// Records of one frame may fill this much: some 4,500 orders, written in well under a sync's time.
pub const FRAME_BYTES_MAX: usize = 512 << 10;

/// The longest record: with its length it makes a frame of its own.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// The longest frame on disk.
pub const STORED_BYTES_MAX: usize = HEADER_BYTES + 4 + RECORD_BYTES_MAX + BLOCK_BYTES;

/// The hash of a frame, which the next one carries.
pub type ChainHash = [u8; 32];

const MAGIC: [u8; 4] = *b"OHF1";
const FORMAT: u16 = 1;
const PADDING: u8 = 0xA5;

/// To compare with, a block at a time.
static ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// What a frame's header says, apart from magic, format and checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Identity of the journal.
    pub cluster: [u8; 16],
    /// Ownership epoch.
    pub epoch: u64,
    /// LSN of the first record.
    pub first: Lsn,
    /// How many records.
    pub count: u32,
    /// Bytes of the records with their lengths.
    pub body_bytes: usize,
    /// Hash of the frame before.
    pub previous: ChainHash,
    mask: u8,
    body_crc: u32,
}

impl FrameHeader {
    /// Bytes the frame takes on disk.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        stored_bytes(self.body_bytes)
    }

    /// LSN of the last record.
    #[must_use]
    pub fn last(&self) -> Lsn {
        Lsn(self.first.0 + u64::from(self.count) - 1)
    }
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The first bytes are not the magic.
    #[error("no frame begins here")]
    Magic,
    /// Written by a release this one does not know.
    #[error("a frame has format {0}, this release knows {FORMAT}")]
    Format(u16),
    /// The header is damaged.
    #[error("bad header checksum")]
    HeaderCrc,
    /// The header's numbers are impossible.
    #[error("impossible header")]
    Header,
    /// The records are damaged.
    #[error("bad body checksum")]
    BodyCrc,
    /// The records' lengths do not add up.
    #[error("records do not fill the body")]
    Records,
}

/// Makes a frame of `buffer`, whose first [`HEADER_BYTES`] are free for the header and whose rest is the
/// body. Returns the frame's hash.
///
/// # Errors
/// [`FrameError::Header`] if no mask avoids a zero sector: one chance in 2^4,096 for each mask.
pub fn seal(
    buffer: &mut Vec<u8>,
    cluster: [u8; 16],
    epoch: u64,
    first: Lsn,
    count: u32,
    previous: &ChainHash,
) -> Result<ChainHash, FrameError> {
    let body_bytes = buffer.len() - HEADER_BYTES;
    buffer.resize(stored_bytes(body_bytes), PADDING);
    buffer[..4].copy_from_slice(&MAGIC);
    let mask = choose_mask(key_of(previous), &mut buffer[HEADER_BYTES..])?;
    let crc = crc32c::crc32c(&buffer[HEADER_BYTES..]);
    let length = u32::try_from(body_bytes).map_err(|_| FrameError::Header)?;
    let mut at = 4;
    let mut put = |bytes: &[u8]| {
        buffer[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(&FORMAT.to_le_bytes());
    put(&[mask, 0]);
    put(&cluster);
    put(&epoch.to_le_bytes());
    put(&first.0.to_le_bytes());
    put(&count.to_le_bytes());
    put(&length.to_le_bytes());
    put(previous);
    put(&crc.to_le_bytes());
    let header_crc = crc32c::crc32c(&buffer[..84]);
    buffer[84..HEADER_BYTES].copy_from_slice(&header_crc.to_le_bytes());
    Ok(*blake3::hash(buffer).as_bytes())
}

/// Reads a header; `bytes` begins where the frame does and has at least [`HEADER_BYTES`].
///
/// # Errors
/// [`FrameError`] if it is none, each field checked before it is believed.
pub fn parse_header(bytes: &[u8]) -> Result<FrameHeader, FrameError> {
    if bytes.get(..4) != Some(&MAGIC) {
        return Err(FrameError::Magic);
    }
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else { return Err(FrameError::HeaderCrc) };
    if crc32c::crc32c(&header[..84]) != u32::from_le_bytes(part(header, 84)) {
        return Err(FrameError::HeaderCrc);
    }
    let format = u16::from_le_bytes(part(header, 4));
    if format != FORMAT {
        return Err(FrameError::Format(format));
    }
    let parsed = FrameHeader {
        mask: header[6],
        cluster: part(header, 8),
        epoch: u64::from_le_bytes(part(header, 24)),
        first: Lsn(u64::from_le_bytes(part(header, 32))),
        count: u32::from_le_bytes(part(header, 40)),
        body_bytes: u32::from_le_bytes(part(header, 44)) as usize,
        previous: part(header, 48),
        body_crc: u32::from_le_bytes(part(header, 80)),
    };
    let possible = parsed.count > 0
        && parsed.first > Lsn::ZERO
        && parsed.first.0.checked_add(u64::from(parsed.count)).is_some()
        && parsed.stored_bytes() <= STORED_BYTES_MAX;
    if possible { Ok(parsed) } else { Err(FrameError::Header) }
}

/// Checks the rest of a frame against the header's CRC and changes nothing. `stored` is the whole frame.
///
/// # Errors
/// [`FrameError::BodyCrc`] if it is damaged or not as long as its header says.
pub fn check_body(header: &FrameHeader, stored: &[u8]) -> Result<(), FrameError> {
    let whole = stored.len() == header.stored_bytes();
    if whole && crc32c::crc32c(&stored[HEADER_BYTES..]) == header.body_crc {
        Ok(())
    } else {
        Err(FrameError::BodyCrc)
    }
}

/// Checks the rest of a frame and takes its mask off. `stored` is the whole frame.
///
/// # Errors
/// [`FrameError`] if the body is damaged.
pub fn open_body(header: &FrameHeader, stored: &mut [u8]) -> Result<(), FrameError> {
    check_body(header, stored)?;
    apply_mask(header.mask, key_of(&header.previous), &mut stored[HEADER_BYTES..]);
    let records = Records { rest: &stored[HEADER_BYTES..HEADER_BYTES + header.body_bytes] };
    let mut count = 0;
    for record in records {
        record?;
        count += 1;
    }
    if count == header.count { Ok(()) } else { Err(FrameError::Records) }
}

/// The records of a frame whose body was opened.
#[must_use]
pub fn records<'a>(header: &FrameHeader, stored: &'a [u8]) -> Records<'a> {
    Records { rest: stored.get(HEADER_BYTES..HEADER_BYTES + header.body_bytes).unwrap_or(&[]) }
}

/// Iterates over the records of a body.
#[derive(Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<&'a [u8], FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let split = self
            .rest
            .split_first_chunk::<4>()
            .and_then(|(length, rest)| rest.split_at_checked(u32::from_le_bytes(*length) as usize));
        let Some((record, rest)) = split else {
            self.rest = &[];
            return Some(Err(FrameError::Records));
        };
        self.rest = rest;
        Some(Ok(record))
    }
}

/// The hash of a stored frame, which the next one carries.
#[must_use]
pub fn chain_hash(stored: &[u8]) -> ChainHash {
    *blake3::hash(stored).as_bytes()
}

/// Whether some whole sector is all zero.
#[must_use]
pub fn has_zero_sector(stored: &[u8]) -> bool {
    stored.chunks_exact(SECTOR_BYTES).any(is_zero)
}

/// Whether all bytes are zero.
#[must_use]
pub fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(ZEROS.len()).all(|chunk| chunk == &ZEROS[..chunk.len()])
}

pub(super) fn stored_bytes(body_bytes: usize) -> usize {
    (HEADER_BYTES + body_bytes).next_multiple_of(BLOCK_BYTES)
}

fn part<const N: usize>(header: &[u8; HEADER_BYTES], offset: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&header[offset..offset + N]);
    bytes
}

/// Masks what stands behind the header with the first mask under which no sector is zero.
fn choose_mask(key: u64, rest: &mut [u8]) -> Result<u8, FrameError> {
    for mask in 0..=u8::MAX {
        apply_mask(mask, key, rest);
        // The first sector holds the magic; `rest` begins inside it.
        if !rest[SECTOR_BYTES - HEADER_BYTES..].chunks_exact(SECTOR_BYTES).any(is_zero) {
            return Ok(mask);
        }
        apply_mask(mask, key, rest);
    }
    Err(FrameError::Header)
}

/// XORs bytes with the pattern of a mask; twice gives the bytes back.
fn apply_mask(mask: u8, key: u64, rest: &mut [u8]) {
    if mask == 0 {
        return;
    }
    let start = key ^ (u64::from(mask) << 56);
    for (word, bytes) in (0_u64..).zip(rest.chunks_mut(8)) {
        let pattern = spread(start.wrapping_add(word)).to_le_bytes();
        for (byte, mask) in bytes.iter_mut().zip(pattern) {
            *byte ^= mask;
        }
    }
}

/// What keeps a mask from being foreseen.
fn key_of(previous: &ChainHash) -> u64 {
    previous.first_chunk::<8>().map_or(0, |first| u64::from_le_bytes(*first))
}

/// The finaliser of splitmix64.
fn spread(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(records: &[&[u8]]) -> Vec<u8> {
        let mut buffer = vec![0; HEADER_BYTES];
        for record in records {
            buffer.extend_from_slice(&u32::try_from(record.len()).unwrap().to_le_bytes());
            buffer.extend_from_slice(record);
        }
        let count = u32::try_from(records.len()).unwrap();
        seal(&mut buffer, [7; 16], 3, Lsn(41), count, &[9; 32]).unwrap();
        buffer
    }

    #[test]
    fn a_frame_reads_back() {
        for records in [&[&b"one"[..], b"", b"three"][..], &[&[0; 5_000][..], b"x"], &[&[0xFF; 4_004][..]]] {
            let mut stored = sealed(records);
            assert_eq!(stored.len() % BLOCK_BYTES, 0);
            assert!(!has_zero_sector(&stored));
            let header = parse_header(&stored).unwrap();
            assert_eq!((header.first, header.epoch, header.previous), (Lsn(41), 3, [9; 32]));
            assert_eq!(header.last(), Lsn(40 + records.len() as u64));
            open_body(&header, &mut stored).unwrap();
            let read: Vec<&[u8]> = super::records(&header, &stored).map(Result::unwrap).collect();
            assert_eq!(read, records);
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let stored = sealed(&[b"one", &[0; 700]]);
        for position in 0..stored.len() {
            let mut damaged = stored.clone();
            damaged[position] ^= 1 << (position % 8);
            let outcome = parse_header(&damaged).and_then(|header| open_body(&header, &mut damaged));
            assert!(outcome.is_err(), "byte {position}");
        }
    }
}

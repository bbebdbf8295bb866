//! Checksums made right: so that what changed is judged by the code behind them.
//!
//! The places are those of `docs/FORMATS.md`, written down here once more: were they taken from the code, a mistake
//! there would be repaired along.

const BLOCK_BYTES: usize = 4_096;
const FRAME_HEADER_BYTES: usize = 88;

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

fn word(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_le_bytes(*word) as usize)
}

/// A segment: length and checksum of its header, checksums and chain of its frames as far as they follow each other.
pub(crate) fn segment(bytes: &mut [u8]) {
    let length = bytes.len() as u64;
    if bytes.len() < BLOCK_BYTES {
        return;
    }
    bytes[84..BLOCK_BYTES].fill(0xA5);
    put(bytes, 72, &length.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..80]);
    put(bytes, 80, &crc.to_le_bytes());
    let mut previous: [u8; 32] = bytes[40..].first_chunk().copied().unwrap_or_default();
    let mut at = BLOCK_BYTES;
    while bytes.get(at..at + 4) == Some(b"OHF1") {
        let frame = (FRAME_HEADER_BYTES + word(bytes, at + 44)).next_multiple_of(BLOCK_BYTES);
        let Some(stored) = bytes.get_mut(at..at.saturating_add(frame)) else { return };
        put(stored, 48, &previous);
        let crc = crc32c::crc32c(&stored[FRAME_HEADER_BYTES..]);
        put(stored, 80, &crc.to_le_bytes());
        let crc = crc32c::crc32c(&stored[..84]);
        put(stored, 84, &crc.to_le_bytes());
        previous = *blake3::hash(stored).as_bytes();
        at += frame;
    }
}

/// An archive: the checksums of its seek table and its index.
pub(crate) fn archive(bytes: &mut [u8]) {
    let end = bytes.len();
    let Some(count_at) = end.checked_sub(9) else { return };
    let table_bytes = word(bytes, count_at).saturating_mul(8).saturating_add(17);
    let Some(table_at) = end.checked_sub(table_bytes).filter(|at| *at >= 4) else { return };
    let index_bytes = word(bytes, table_at - 4);
    let Some(index_at) = table_at.checked_sub(index_bytes).filter(|_| index_bytes >= 128) else { return };
    let crc = crc32c::crc32c(&bytes[table_at..]);
    put(bytes, index_at + 112, &crc.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[index_at..table_at - 8]);
    put(bytes, table_at - 8, &crc.to_le_bytes());
}

/// The manifest of a chunk set: the hash behind it.
pub(crate) fn manifest(bytes: &mut Vec<u8>) {
    let hash = blake3::hash(bytes);
    bytes.extend_from_slice(hash.as_bytes());
}

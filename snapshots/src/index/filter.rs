//! Whether a hash may be in a run: a binary fuse filter of 16 bits (Graf and Lemire, 2022).
//!
//! ```text
//!  0      8  the first hash it was made over
//!  8      8  seed
//! 16      4  length of a segment
//! 20      4  a mask, the length of a segment less one
//! 24      4  length of all segments but the last two
//! 28      …  fingerprints, 2 each: length of all segments
//! ```
//! 19 bits an entry, and one in 65,536 hashes that are not there passes. Eight bits would be half of that, but then
//! with ten runs one new order in twenty-five would be looked for on disk. Filters over a part of a run each take no
//! more than some milliseconds and megabytes to make, however long the run is.

use xorf::{BinaryFuse16, BinaryFuse16Ref, DmaSerializable, Filter as _, FilterRef};

/// Hashes of one filter: it takes some four milliseconds to make.
pub(super) const FILTER_HASHES_MAX: usize = 65_536;

const DESCRIPTOR_AT: usize = 8;
const FINGERPRINTS_AT: usize = DESCRIPTOR_AT + BinaryFuse16::DESCRIPTOR_LEN;

/// See the module.
pub(super) struct Filter {
    first: u64,
    bytes: Vec<u8>,
}

/// The filters of one run, in one piece of memory: in pieces of their own a fifth would be lost to rounding.
pub(super) struct Filters {
    bytes: Box<[u8]>,
    /// First hash and place of each, in the order of both.
    places: Box<[(u64, usize)]>,
}

impl Filter {
    /// A filter over sorted hashes, none of them twice; `None` over nothing.
    ///
    /// # Errors
    /// If none can be made, which happens by a chance of next to nothing.
    pub(super) fn over(hashes: Vec<u64>) -> Result<Option<Self>, &'static str> {
        let Some(first) = hashes.first().copied() else { return Ok(None) };
        let filter = BinaryFuse16::try_from_iterator(hashes.into_iter())?;
        let fingerprints = filter.dma_fingerprints();
        let mut bytes = Vec::with_capacity(FINGERPRINTS_AT + fingerprints.len());
        bytes.extend_from_slice(&first.to_le_bytes());
        bytes.resize(FINGERPRINTS_AT, 0);
        filter.dma_copy_descriptor_to(&mut bytes[DESCRIPTOR_AT..]);
        bytes.extend_from_slice(fingerprints);
        Ok(Some(Self { first, bytes }))
    }

    /// A filter as it was written; `None` if it is none. One whose numbers do not belong together would be read beyond
    /// its end.
    pub(super) fn parse(bytes: Vec<u8>) -> Option<Self> {
        let first = u64::from_le_bytes(*bytes.first_chunk()?);
        let half =
            |at: usize| bytes.get(at..)?.first_chunk().map(|half| u64::from(u32::from_le_bytes(*half)));
        let (segment, mask, most) = (half(16)?, half(20)?, half(24)?);
        let belong =
            segment.is_power_of_two() && mask == segment - 1 && most > 0 && most.is_multiple_of(segment);
        let fingerprints = bytes.len().checked_sub(FINGERPRINTS_AT)?;
        (belong && (most + 2 * segment) * 2 == fingerprints as u64).then_some(Self { first, bytes })
    }

    /// As it is written.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Filters {
    /// The filters of a run, in the order of their hashes: each hash is between the first of one and that of the next.
    pub(super) fn of(filters: &[Filter]) -> Self {
        let mut bytes = Vec::with_capacity(filters.iter().map(|filter| filter.bytes.len()).sum());
        let mut places = Vec::with_capacity(filters.len());
        for filter in filters {
            places.push((filter.first, bytes.len()));
            bytes.extend_from_slice(&filter.bytes);
        }
        Self { bytes: bytes.into(), places: places.into() }
    }

    /// Bytes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.places)
    }

    /// Whether a hash may be among those they were made over.
    pub(super) fn may_have(&self, hash: u64) -> bool {
        let after = self.places.partition_point(|(first, _)| *first <= hash);
        let Some(row) = after.checked_sub(1) else { return false };
        let end = self.places.get(after).map_or(self.bytes.len(), |(_, start)| *start);
        let filter = &self.bytes[self.places[row].1 + DESCRIPTOR_AT..end];
        let (descriptor, fingerprints) = filter.split_at(FINGERPRINTS_AT - DESCRIPTOR_AT);
        BinaryFuse16Ref::from_dma(descriptor, fingerprints).contains(&hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_reads_back_and_only_whole() {
        for count in [1_u64, 2, 3, 100, 5_000] {
            let hashes: Vec<u64> = (0..count).map(|number| (number << 40) | 7).collect();
            let filter = Filter::over(hashes.clone()).unwrap().unwrap();
            let read = Filter::parse(filter.bytes().to_vec()).unwrap();
            assert_eq!(read.first, 7);
            for cut in [0, 7, 27, filter.bytes().len() - 1] {
                assert!(Filter::parse(filter.bytes()[..cut].to_vec()).is_none());
            }
            for (at, half) in [(16, 0), (16, 3), (20, u32::MAX), (24, 0), (24, 1)] {
                let mut wrong = filter.bytes().to_vec();
                wrong[at..at + 4].copy_from_slice(&half.to_le_bytes());
                assert!(Filter::parse(wrong).is_none(), "{half} at {at}");
            }
            let other = Filter::over(vec![u64::MAX - 2, u64::MAX]).unwrap().unwrap();
            let filters = Filters::of(&[read, other]);
            assert!(hashes.iter().chain(&[u64::MAX]).all(|hash| filters.may_have(*hash)));
            assert!(!filters.may_have(5), "before the first");
        }
        assert!(!Filters::of(&[]).may_have(7));
        assert!(Filter::over(Vec::new()).unwrap().is_none());
    }
}

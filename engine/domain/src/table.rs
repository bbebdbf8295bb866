//! A hash table that grows a leaf at a time.
//!
//! One large table stalls its owner when it doubles (measured: 80 to 600 ms at a few million entries). This
//! is extendible hashing: a directory of small tables, each of which splits in two by itself when it is
//! full. A split moves at most [`LEAF_ENTRIES_MAX`] entries; the directory is plain numbers.

use alloc::vec::Vec;
use hashbrown::HashTable;

/// Entries of one leaf before it splits: 7/8 of 2,048 buckets, so that a leaf is split rather than grown
/// beyond them, and a split takes some tens of microseconds.
pub const LEAF_ENTRIES_MAX: usize = 1_792;

/// The directory reads hash bits from here up. hashbrown places by the low bits and tags by the top seven,
/// so the bits between are free.
pub const DIRECTORY_SHIFT: u32 = 24;

/// The directory may have this many slots per leaf. Spread hashes stay near two; many equal hashes would
/// double it without end, so beyond this a leaf grows instead of splitting.
const SLOTS_PER_LEAF_MAX: usize = 16;

#[derive(Clone, Debug)]
struct Leaf<T> {
    depth: u32,
    entries: HashTable<T>,
}

/// A table of small entries, found by a 64-bit hash and an equality check.
#[derive(Clone, Debug)]
pub struct Table<T> {
    depth: u32,
    directory: Vec<u32>,
    leaves: Vec<Leaf<T>>,
    len: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            depth: 0,
            directory: alloc::vec![0],
            leaves: alloc::vec![Leaf { depth: 0, entries: HashTable::new() }],
            len: 0,
        }
    }
}

impl<T: Copy> Table<T> {
    /// How many entries it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry with this hash for which `is_it` holds.
    pub fn find(&self, hash: u64, mut is_it: impl FnMut(&T) -> bool) -> Option<T> {
        self.leaves[self.leaf_of(hash)].entries.find(hash, |entry| is_it(entry)).copied()
    }

    /// Adds an entry without asking whether an equal one is there. `hash_of` gives the hash of any entry.
    pub fn insert(&mut self, hash: u64, entry: T, hash_of: impl Fn(&T) -> u64) {
        let mut leaf = self.leaf_of(hash);
        while self.leaves[leaf].entries.len() >= LEAF_ENTRIES_MAX && self.may_split(leaf) {
            self.split(leaf, &hash_of);
            leaf = self.leaf_of(hash);
        }
        self.leaves[leaf].entries.insert_unique(hash, entry, |entry| hash_of(entry));
        self.len += 1;
    }

    /// Takes out the entry with this hash for which `is_it` holds.
    pub fn remove(&mut self, hash: u64, mut is_it: impl FnMut(&T) -> bool) -> Option<T> {
        let leaf = self.leaf_of(hash);
        let (entry, _) = self.leaves[leaf].entries.find_entry(hash, |entry| is_it(entry)).ok()?.remove();
        self.len -= 1;
        Some(entry)
    }

    /// Keeps the entries for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        for leaf in &mut self.leaves {
            leaf.entries.retain(|entry| keep(entry));
        }
        self.len = self.leaves.iter().map(|leaf| leaf.entries.len()).sum();
    }

    fn leaf_of(&self, hash: u64) -> usize {
        let mask = (1_u64 << self.depth) - 1;
        let slot = usize::try_from((hash >> DIRECTORY_SHIFT) & mask).unwrap_or(0);
        self.directory[slot] as usize
    }

    fn may_split(&self, leaf: usize) -> bool {
        let has_room = self.leaves[leaf].depth < self.depth;
        has_room || self.directory.len() < self.leaves.len() * SLOTS_PER_LEAF_MAX
    }

    /// Splits one leaf by its next hash bit, doubling the directory first if the leaf is as deep as it.
    fn split(&mut self, leaf: usize, hash_of: &impl Fn(&T) -> u64) {
        let depth = self.leaves[leaf].depth;
        if depth == self.depth {
            self.directory.extend_from_within(..);
            self.depth += 1;
        }
        let bit = 1_u64 << (DIRECTORY_SHIFT + depth);
        let full =
            core::mem::replace(&mut self.leaves[leaf].entries, HashTable::with_capacity(LEAF_ENTRIES_MAX));
        let mut sibling = HashTable::with_capacity(LEAF_ENTRIES_MAX);
        for entry in full {
            let hash = hash_of(&entry);
            let half = if hash & bit == 0 { &mut self.leaves[leaf].entries } else { &mut sibling };
            half.insert_unique(hash, entry, hash_of);
        }
        self.leaves[leaf].depth = depth + 1;
        let number = u32::try_from(self.leaves.len()).unwrap_or_else(|_| panic!("more than 2^32 leaves"));
        self.leaves.push(Leaf { depth: depth + 1, entries: sibling });
        let (own, step) = (u32::try_from(leaf).unwrap_or(u32::MAX), 1_usize << depth);
        for (slot, pointer) in self.directory.iter_mut().enumerate() {
            if *pointer == own && slot & step != 0 {
                *pointer = number;
            }
        }
    }
}

/// Spreads a number over 64 bits (the finaliser of splitmix64, public domain, Steele et al. 2014).
#[must_use]
pub fn spread(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(value: &u64) -> u64 {
        spread(*value)
    }

    #[test]
    fn holds_what_a_plain_map_holds() {
        let mut table = Table::default();
        for value in 0..100_000_u64 {
            table.insert(spread(value), value, hash_of);
        }
        for value in (0..100_000).step_by(3) {
            assert_eq!(table.remove(spread(value), |entry| *entry == value), Some(value));
        }
        assert_eq!(table.remove(spread(0), |entry| *entry == 0), None);
        for value in 0..100_000_u64 {
            let expected = (value % 3 != 0).then_some(value);
            assert_eq!(table.find(spread(value), |entry| *entry == value), expected);
        }
        assert_eq!(table.len(), 66_666);
        table.retain(|entry| entry % 2 == 0);
        assert_eq!(table.find(spread(1), |entry| *entry == 1), None);
        assert_eq!(table.find(spread(2), |entry| *entry == 2), Some(2));
        assert_eq!(table.len(), 33_333);
    }

    #[test]
    fn equal_hashes_without_end_only_grow_a_leaf() {
        // All entries share one hash: no split separates them, and the table must not split for ever.
        let mut table = Table::default();
        let same = |_: &u64| 42;
        for value in 0..2_000_u64 {
            table.insert(42, value, same);
        }
        assert_eq!(table.len(), 2_000);
        assert!(table.directory.len() <= 16 * SLOTS_PER_LEAF_MAX);
        assert_eq!(table.find(42, |entry| *entry == 1_999), Some(1_999));
    }
}

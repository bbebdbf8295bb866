//! How many keys of personal data there have to be, beside the file that has them: so a start misses that file, and sees
//! an older copy of it, and no key number is given out twice.
//!
//! `customer.count` has two entries of 512 bytes, which are written in turn, so that a torn write leaves the other one:
//!
//! ```text
//!      0      8  the number of slots that customer.keys had at least
//!      8     16  first 16 bytes of blake3 of those 8
//!     24    488  0
//! ```
//! The greatest whole entry counts. Without one nothing is known, and a start reads the whole log for the numbers.

use onhand_snapshots::storage::{Storage, StorageFile};
use std::io;
use std::sync::Arc;

/// The file of the count, in the data directory. No backup has it: the first start makes it from log and keys.
pub const CUSTOMER_COUNT_FILE: &str = "customer.count";

/// A sector: a torn write leaves it as it was, or new, or damaged, and the other one as it was.
const ENTRY_BYTES: usize = 512;
const ENTRIES: usize = 2;

/// See the module.
pub(super) struct KeyCount {
    storage: Arc<dyn Storage>,
    file: Option<Box<dyn StorageFile>>,
    /// The greatest whole entry: its place and what it says.
    known: Option<(usize, u64)>,
}

impl KeyCount {
    /// What the directory says. Changes nothing.
    pub(super) fn open(storage: Arc<dyn Storage>) -> io::Result<Self> {
        let file = match storage.open(CUSTOMER_COUNT_FILE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            opened => Some(opened?),
        };
        let known = file.as_deref().map(read_entries).transpose()?.flatten();
        Ok(Self { storage, file, known })
    }

    /// The number of slots that the key file had at least; `None` if nothing is known.
    pub(super) fn known(&self) -> Option<u64> {
        self.known.map(|(_, count)| count)
    }

    /// Raises the count, durably. It is never lowered.
    pub(super) fn raise(&mut self, count: u64) -> io::Result<()> {
        if self.known().is_some_and(|known| known >= count) {
            return Ok(());
        }
        let entry = entry_of(count);
        let place = match self.known {
            Some((place, _)) => 1 - place,
            None => 0,
        };
        let file = match self.file.take() {
            Some(file) => file,
            None => self.storage.create_new(CUSTOMER_COUNT_FILE)?,
        };
        let file = self.file.insert(file);
        if self.known.is_some() {
            file.write_at((place * ENTRY_BYTES) as u64, &entry)?;
        } else {
            // Both at once: later ones need no room on the disk.
            let mut both = [0; ENTRY_BYTES * ENTRIES];
            both[..ENTRY_BYTES].copy_from_slice(&entry);
            file.write_at(0, &both)?;
        }
        // What a failed sync left is unknown, whatever it says.
        file.sync_data().map_err(io::Error::other)?;
        if self.known.is_none() {
            self.storage.sync_dir(".").map_err(io::Error::other)?;
        }
        self.known = Some((place, count));
        Ok(())
    }
}

fn entry_of(count: u64) -> [u8; ENTRY_BYTES] {
    let mut entry = [0; ENTRY_BYTES];
    entry[..8].copy_from_slice(&count.to_le_bytes());
    entry[8..24].copy_from_slice(&blake3::hash(&count.to_le_bytes()).as_bytes()[..16]);
    entry
}

/// The greatest whole entry of a file, which may be cut or damaged.
fn read_entries(file: &dyn StorageFile) -> io::Result<Option<(usize, u64)>> {
    let mut bytes = [0; ENTRY_BYTES * ENTRIES];
    let held = usize::try_from(file.len()?).unwrap_or(usize::MAX).min(bytes.len());
    file.read_at(0, &mut bytes[..held])?;
    let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
    let whole = entries.iter().enumerate().filter_map(|(place, entry)| {
        let (count, _) = entry.split_first_chunk::<8>()?;
        let count = u64::from_le_bytes(*count);
        (*entry == entry_of(count)).then_some((place, count))
    });
    Ok(whole.max_by_key(|(_, count)| *count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use onhand_snapshots::storage::{Crash, SimStorage};

    fn open(disk: &SimStorage) -> KeyCount {
        KeyCount::open(Arc::new(disk.clone())).unwrap()
    }

    #[test]
    fn a_count_is_raised_and_never_lowered() {
        let disk = SimStorage::default();
        assert_eq!(open(&disk).known(), None);
        for (count, known) in [(0, 0), (1_024, 1_024), (7, 1_024), (2_048, 2_048), (3_072, 3_072)] {
            open(&disk).raise(count).unwrap();
            disk.crash(Crash::LoseAll);
            assert_eq!(open(&disk).known(), Some(known), "after {count}");
        }
    }

    #[test]
    fn a_crash_at_any_call_leaves_the_count_before_or_the_one_after() {
        let first = SimStorage::default();
        let second = first.fork();
        open(&second).raise(1_024).unwrap();
        let third = second.fork();
        open(&third).raise(2_048).unwrap();
        for (disk, before, after) in
            [(first, None, 0), (second, Some(1_024), 2_048), (third, Some(2_048), 9_000)]
        {
            for call in 0..8 {
                for crash in [Crash::LoseAll, Crash::KeepAll, Crash::Torn(call), Crash::Torn(call * 7_919)] {
                    let disk = disk.fork();
                    let mut count = open(&disk);
                    disk.die_at(call);
                    let is_done = count.raise(after).is_ok();
                    disk.crash(crash);
                    let known = open(&disk).known();
                    let is_either = known == Some(after) || known == before;
                    assert!(is_either && (!is_done || known == Some(after)), "call {call}: {known:?}");
                    open(&disk).raise(after).unwrap();
                    assert_eq!(open(&disk).known(), Some(after));
                }
            }
        }
    }

    #[test]
    fn a_damaged_entry_is_none_at_every_byte_and_length() {
        let disk = SimStorage::default();
        open(&disk).raise(1_024).unwrap();
        open(&disk).raise(2_048).unwrap();
        for position in 0..ENTRY_BYTES * ENTRIES {
            let (flipped, cut) = (disk.fork(), disk.fork());
            flipped.damage(CUSTOMER_COUNT_FILE, |bytes| bytes[position] ^= 1);
            let rest = if position < ENTRY_BYTES { 2_048 } else { 1_024 };
            assert_eq!(open(&flipped).known(), Some(rest), "byte {position}");
            cut.damage(CUSTOMER_COUNT_FILE, |bytes| bytes.truncate(position));
            // An entry's end is zeros anyway.
            let rest = [(24, 1_024), (ENTRY_BYTES + 24, 2_048)];
            let rest = rest.into_iter().filter(|(whole, _)| position >= *whole).map(|(_, count)| count).max();
            assert_eq!(open(&cut).known(), rest, "length {position}");
        }
    }
}

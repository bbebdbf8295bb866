//! A key file that is put together of what is left of one, and of a backup's: no number of it is given out again.
//!
//! A key that either file says is erased stays erased. Which file has this log's keys is asked of the keys themselves:
//! they open what the log's records sealed.

use super::count::KeyCount;
use super::slot::{Bytes, SLOT_BYTES, Slot, parse, read, unseal};
use super::witness::{open_keys, sealed_in};
use super::{BATCH, CUSTOMER_KEYS_FILE};
use crate::repair::CutError;
use onhand_domain::MerchantNumber;
use onhand_record::Header;
use onhand_record::order::SealedV1;
use onhand_snapshots::Lsn;
use onhand_snapshots::log::{OpenError, scan};
use onhand_snapshots::repair::Moves;
use onhand_snapshots::storage::{Storage, StorageFile};
use std::io;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a file has for the personal data of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Its key.
    Opens,
    /// A key that did not seal it.
    Wrong,
    /// A place whose key was erased.
    Erased,
    /// No place, or a damaged one.
    Nothing,
}

const HOLDS: [Holds; 4] = [Holds::Opens, Holds::Wrong, Holds::Erased, Holds::Nothing];

/// One of the two files, open.
struct Keys {
    file: Box<dyn StorageFile>,
    slots: u64,
}

/// How many records there are, by what the directory's file and the backup's hold for them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Tally([[u64; 4]; 4]);

impl Tally {
    fn count(&self, is_counted: impl Fn(Holds, Holds) -> bool) -> u64 {
        let pairs = HOLDS.into_iter().flat_map(|here| HOLDS.map(|backup| (here, backup)));
        let counted = pairs.filter(|(here, backup)| is_counted(*here, *backup));
        counted.map(|(here, backup)| self.0[here as usize][backup as usize]).sum()
    }
}

/// What a directory's key file and a backup's have of the keys that its log names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMerge {
    /// How many slots the file has to have: every number that is known to have been given out is below.
    pub needed: u64,
    /// How many whole slots the directory's file has; `None` if it is not there.
    pub had: Option<u64>,
    /// The same of the backup's.
    pub backup_had: Option<u64>,
    /// The lowest number whose key in the directory's file did not seal what its order has: from there on the file is
    /// that of a copy which went another way.
    foreign_from: Option<u64>,
    tally: Tally,
}

impl KeyMerge {
    /// Reads the whole log, and looks for the key of every text that it sealed. Changes nothing.
    ///
    /// # Errors
    /// [`OpenError`] if the log is not whole, or the disk does not answer.
    pub fn look(storage: &Arc<dyn Storage>, backup: Option<&dyn Storage>) -> Result<Self, OpenError> {
        let disk = |source| OpenError::Io { path: CUSTOMER_KEYS_FILE.to_owned(), source };
        let count = KeyCount::open(Arc::clone(storage)).map_err(disk)?.known().unwrap_or(0);
        let here = Keys::open(&**storage).map_err(disk)?;
        let there = backup.map(Keys::open).transpose().map_err(disk)?.flatten();
        let (mut needed, mut tally, mut failed) = (count, Tally::default(), None);
        let mut foreign_from: Option<u64> = None;
        let read = scan(&**storage, Lsn(1), &mut |_, record| {
            let (header, body) = Header::decode(record).map_err(|error| error.to_string())?;
            let sealed = sealed_in(header.kind, body).map_err(|error| error.to_string())?;
            let Some(sealed) = sealed else { return Ok(()) };
            needed = needed.max(sealed.key.saturating_add(1));
            let merchant = MerchantNumber(header.merchant);
            let held = |keys: &Option<Keys>| {
                keys.as_ref().map_or(Ok(Holds::Nothing), |keys| keys.hold(merchant, &sealed))
            };
            match held(&here).and_then(|here| Ok((here, held(&there)?))) {
                Ok((here, there)) => {
                    tally.0[here as usize][there as usize] += 1;
                    if here == Holds::Wrong {
                        foreign_from = Some(foreign_from.map_or(sealed.key, |from| from.min(sealed.key)));
                    }
                }
                Err(error) => {
                    // The reader has no other way to stop but an error of the record.
                    failed = Some(error);
                    return Err(String::from("a key cannot be read").into());
                }
            }
            Ok(())
        });
        if let Some(error) = failed {
            return Err(disk(error));
        }
        read?;
        let slots = |keys: Option<Keys>| keys.map(|keys| keys.slots);
        Ok(Self { needed, had: slots(here), backup_had: slots(there), foreign_from, tally })
    }

    /// Whether the directory's file has the keys of this log, as far as it has any. One that opens nothing, and has
    /// keys, is another log's.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        let is = |holds| self.tally.count(|here, _| here == holds);
        is(Holds::Opens) > 0 || is(Holds::Wrong) == 0
    }

    /// The same of the backup's.
    #[must_use]
    pub fn is_backup_ours(&self) -> bool {
        let is = |holds| self.tally.count(|_, backup| backup == holds);
        is(Holds::Opens) > 0 || is(Holds::Wrong) == 0
    }

    /// Whether the directory's file lacks nothing that is known of.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_ours() && self.foreign_from.is_none() && self.had.unwrap_or(0) >= self.needed
    }

    /// How many records will be read again that cannot be now.
    #[must_use]
    pub fn regained(&self) -> u64 {
        self.tally.count(|here, backup| self.here(here) == Holds::Nothing && backup == Holds::Opens)
    }

    /// How many records have personal data that neither file has the key of, nor says is erased.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.tally.count(|here, backup| match self.here(here) {
            Holds::Opens | Holds::Erased => false,
            Holds::Wrong | Holds::Nothing => matches!(backup, Holds::Wrong | Holds::Nothing),
        })
    }

    /// What the directory's file counts for.
    fn here(&self, holds: Holds) -> Holds {
        if self.is_ours() && holds != Holds::Wrong { holds } else { Holds::Nothing }
    }
}

impl Keys {
    fn open(storage: &dyn Storage) -> io::Result<Option<Self>> {
        Ok(open_keys(storage)?.map(|(file, slots)| Self { file, slots }))
    }

    fn hold(&self, merchant: MerchantNumber, sealed: &SealedV1<'_>) -> io::Result<Holds> {
        let Some(slot) = self.slot(sealed.key)? else { return Ok(Holds::Nothing) };
        Ok(match parse(sealed.key, &slot) {
            Slot::Erased => Holds::Erased,
            Slot::Damaged => Holds::Nothing,
            Slot::Whole(key) => match unseal(&key, merchant, sealed.key, sealed.ciphertext) {
                Ok(_) => Holds::Opens,
                Err(_) => Holds::Wrong,
            },
        })
    }

    fn slot(&self, number: u64) -> io::Result<Option<Bytes>> {
        if number < self.slots { read(&*self.file, number).map(Some) } else { Ok(None) }
    }
}

/// The slot of a number in the new file: an erased one if either says so, else the directory's, if it is whole; else the
/// backup's. A number that was given out and has no slot is an erased one.
fn merged(number: u64, here: Option<Bytes>, backup: Option<Bytes>) -> Bytes {
    let Some(here) = here else {
        return backup.unwrap_or_else(|| Zeroizing::new([0; SLOT_BYTES]));
    };
    let Some(backup) = backup else { return here };
    match (parse(number, &here), parse(number, &backup)) {
        (Slot::Damaged, Slot::Whole(_)) | (Slot::Damaged | Slot::Whole(_), Slot::Erased) => backup,
        _ => here,
    }
}

/// Puts a key file together as `merge` says, in the place of the one that is there. Returns where that one stands. The
/// caller holds the directory's lock.
///
/// # Errors
/// [`CutError`].
pub fn put_customer_keys(
    storage: &dyn Storage,
    backup: Option<&dyn Storage>,
    merge: &KeyMerge,
) -> Result<String, CutError> {
    let here = if merge.is_ours() { Keys::open(storage)? } else { None };
    let is_ours = |number: u64| merge.foreign_from.is_none_or(|from| number < from);
    let there = backup.map(Keys::open).transpose()?.flatten();
    let had = |keys: &Option<Keys>| keys.as_ref().map_or(0, |keys| keys.slots);
    let slots = merge.needed.max(had(&here)).max(had(&there));
    let mut moves = Moves::begin(storage)?;
    moves.take_away(CUSTOMER_KEYS_FILE)?;
    let staged = moves.put(CUSTOMER_KEYS_FILE)?;
    let file = storage.create_new(&staged)?;
    let mut piece = Zeroizing::new(Vec::with_capacity(BATCH * SLOT_BYTES));
    let mut written = 0;
    for number in 0..slots {
        let slot = |keys: &Option<Keys>| keys.as_ref().map_or(Ok(None), |keys| keys.slot(number));
        let held = if is_ours(number) { slot(&here)? } else { None };
        piece.extend_from_slice(&*merged(number, held, slot(&there)?));
        if piece.len() == BATCH * SLOT_BYTES || number + 1 == slots {
            file.write_at(written, &piece)?;
            written += piece.len() as u64;
            piece.clear();
        }
    }
    file.sync_data()?;
    Ok(moves.commit()?)
}

//! What a start knows of the keys that have to be there, and whether they are.

use super::count::KeyCount;
use super::slot::{SLOT_BYTES, Slot, parse, read, unseal};
use super::{CUSTOMER_KEYS_FILE, CustomerError};
use crate::error::StartError;
use onhand_domain::MerchantNumber;
use onhand_record::order::{SealedV1, customer_of};
use onhand_record::{DecodeError, Kind};
use onhand_snapshots::Lsn;
use onhand_snapshots::storage::{Storage, StorageFile};
use std::io;
use std::sync::Arc;

/// The personal data in a record, if it has some: an order has it, accepted or refused.
///
/// # Errors
/// [`DecodeError`] if the body is not what its kind says.
pub(super) fn sealed_in(kind: Kind, body: &[u8]) -> Result<Option<SealedV1<'_>>, DecodeError> {
    Ok(match kind {
        Kind::OrderAccepted | Kind::OrderRefused => customer_of(body)?,
        _ => None,
    })
}

/// The key file, if it is there, and its whole slots: a part of one, left by a crash, is nobody's.
pub(super) fn open_keys(storage: &dyn Storage) -> io::Result<Option<(Box<dyn StorageFile>, u64)>> {
    let file = match storage.open(CUSTOMER_KEYS_FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let slots = file.len()? / SLOT_BYTES as u64;
    Ok(Some((file, slots)))
}

/// See the module. It is shown the records that a start reads, in their order.
pub(crate) struct Witness {
    keys: Option<(Box<dyn StorageFile>, u64)>,
    /// How many slots there were at least, if that is known.
    count: Option<u64>,
    /// One more than the highest number that a record names.
    named: u64,
    /// The first and the last record that name a key which the file lacks.
    lacking: Option<(Lsn, Lsn)>,
    /// The last record with personal data: its number, whose it is, its key; and what was sealed.
    last: Option<(Lsn, MerchantNumber, u64)>,
    ciphertext: Vec<u8>,
}

impl Witness {
    /// What stands beside the log.
    ///
    /// # Errors
    /// As the disk says.
    pub(crate) fn open(storage: &Arc<dyn Storage>) -> io::Result<Self> {
        let count = KeyCount::open(Arc::clone(storage))?.known();
        let keys = open_keys(&**storage)?;
        Ok(Self { keys, count, named: 0, lacking: None, last: None, ciphertext: Vec::new() })
    }

    /// Whether it has to be shown the whole log, because nothing beside it says how many keys there were: once, then
    /// the count is there.
    pub(crate) fn needs_all(&self) -> bool {
        self.count.is_none()
    }

    /// Looks at a record.
    ///
    /// # Errors
    /// [`DecodeError`] if the body is not what its kind says.
    pub(crate) fn see(
        &mut self,
        lsn: Lsn,
        merchant: MerchantNumber,
        kind: Kind,
        body: &[u8],
    ) -> Result<(), DecodeError> {
        let Some(sealed) = sealed_in(kind, body)? else { return Ok(()) };
        self.named = self.named.max(sealed.key.saturating_add(1));
        if sealed.key >= self.slots() {
            self.lacking = Some((self.lacking.map_or(lsn, |(first, _)| first), lsn));
        }
        self.last = Some((lsn, merchant, sealed.key));
        self.ciphertext.clear();
        self.ciphertext.extend_from_slice(sealed.ciphertext);
        Ok(())
    }

    fn slots(&self) -> u64 {
        self.keys.as_ref().map_or(0, |(_, slots)| *slots)
    }

    /// Whether all keys are there, and are this log's.
    ///
    /// # Errors
    /// [`StartError::KeysLost`], [`StartError::KeysOfAnother`], or as the disk says.
    pub(crate) fn verdict(&self) -> Result<(), StartError> {
        let needed = self.named.max(self.count.unwrap_or(0));
        if needed > self.slots() {
            let had = self.keys.as_ref().map(|(_, slots)| *slots);
            return Err(StartError::KeysLost { had, needed, records: self.lacking });
        }
        // Keys that were given to the last of these orders are the file's own, whatever happened before.
        let (Some((file, _)), Some((record, merchant, key))) = (&self.keys, self.last) else { return Ok(()) };
        let slot =
            read(&**file, key).map_err(|source| StartError::Io { what: CUSTOMER_KEYS_FILE, source })?;
        // A damaged one is that order's alone, and whoever reads it is told.
        let Slot::Whole(secret) = parse(key, &slot) else { return Ok(()) };
        match unseal(&secret, merchant, key, &self.ciphertext) {
            Err(CustomerError::Damaged(_)) => Err(StartError::KeysOfAnother { key, record }),
            _ => Ok(()),
        }
    }
}

//! Personal data of an order: sealed under a key of its own, so that deleting the key erases the data while
//! the log stays whole.
//!
//! The keys stand in `customer.keys`, outside the log, in slots of 64 bytes; a slot's place is the number that
//! the record names:
//!
//! ```text
//!      0     32  key of XChaCha20-Poly1305; it seals one text, under the nonce 0
//!     32     16  first 16 bytes of blake3(number as 8 bytes, little-endian, then the key)
//!     48     16  0
//! ```
//! A slot of zeros is an erased key. Keys are made, written and synced ahead of need, so that no order waits
//! for a second sync; those that were made and not used when the process ended are lost for nothing.
//!
//! No number is given out twice: to erase the one would erase the other. So `customer.count` says beside the file how
//! many slots it has to have (`count.rs`), a start misses those that are gone (`witness.rs`), and a repair puts erased
//! ones in their places (`merge.rs`).

mod count;
mod merge;
mod slot;
mod witness;

use count::KeyCount;
use onhand_domain::MerchantNumber;
use onhand_snapshots::planted::{Bug, is_planted};
use onhand_snapshots::storage::{Storage, StorageFile};
use parking_lot::{Condvar, Mutex};
use slot::{KEY_BYTES, SLOT_BYTES, Slot};
use std::io;
use std::sync::Arc;
use zeroize::Zeroizing;

pub use count::CUSTOMER_COUNT_FILE;
pub use merge::{KeyMerge, put_customer_keys};
pub(crate) use witness::Witness;

/// The file of the keys, in the data directory. A backup without it cannot read personal data.
pub const CUSTOMER_KEYS_FILE: &str = "customer.keys";

/// Keys made at a time: 64 KiB, one write and one sync for a thousand orders.
const BATCH: usize = 1_024;

/// New ones are made when fewer than this are left.
const LOW: usize = BATCH / 2;

/// Fills a buffer with random bytes.
pub type Random = Box<dyn Fn(&mut [u8]) -> io::Result<()> + Send + Sync>;

/// Text that was sealed, and the number of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key's number.
    pub key: u64,
    /// The sealed text with its tag.
    pub ciphertext: Vec<u8>,
}

/// Why personal data cannot be sealed, opened or erased.
#[derive(Debug, thiserror::Error)]
pub enum CustomerError {
    /// The disk says no.
    #[error("{CUSTOMER_KEYS_FILE}: {0}")]
    Io(#[from] io::Error),
    /// No key is ready; one will be in about the time of a sync.
    #[error("no key is ready")]
    NotReady,
    /// The key or what it sealed is damaged.
    #[error("key {0} or what it sealed is damaged")]
    Damaged(u64),
}

struct Keys {
    /// Ready and durable.
    ready: Vec<(u64, Zeroizing<[u8; KEY_BYTES]>)>,
    file: Option<Arc<dyn StorageFile>>,
    next: u64,
    /// Somebody waits for keys.
    wanted: bool,
    closed: bool,
    failed: bool,
}

/// The key store.
pub struct CustomerKeys {
    storage: Arc<dyn Storage>,
    random: Random,
    keys: Mutex<Keys>,
    changed: Condvar,
    /// Only who makes keys raises it.
    count: Mutex<KeyCount>,
}

/// Raises the count to what the file has. What a process wrote that was killed may be in the file and not on the disk:
/// it is synced first, or the next start could miss keys that nobody was given.
fn raise(count: &mut KeyCount, file: Option<&dyn StorageFile>, slots: u64) -> io::Result<()> {
    if let Some(file) = file.filter(|_| count.known().unwrap_or(0) < slots) {
        file.sync_data()?;
    }
    count.raise(slots)
}

impl CustomerKeys {
    /// The key store of a data directory. The count is raised to what the file has, unless the disk is full; no key is
    /// made until one is wanted.
    ///
    /// # Errors
    /// As the disk says.
    pub fn open(
        storage: Arc<dyn Storage>,
        random: impl Fn(&mut [u8]) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let random: Random = Box::new(random);
        let file: Option<Arc<dyn StorageFile>> = if storage.exists(CUSTOMER_KEYS_FILE)? {
            Some(storage.open(CUSTOMER_KEYS_FILE)?.into())
        } else {
            None
        };
        let bytes = file.as_ref().map_or(Ok(0), |file| file.len())?;
        let mut count = KeyCount::open(Arc::clone(&storage))?;
        let slots = bytes / SLOT_BYTES as u64;
        match raise(&mut count, file.as_deref(), slots) {
            // The next start reads the numbers in the log.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                tracing::warn!(%error, "the disk is full: {CUSTOMER_COUNT_FILE} is not written");
            }
            raised => raised?,
        }
        // A part of a slot, left by a crash, was nobody's.
        let next = bytes.div_ceil(SLOT_BYTES as u64);
        let keys = Keys { ready: Vec::new(), file, next, wanted: false, closed: false, failed: false };
        Ok(Self {
            storage,
            random,
            keys: Mutex::new(keys),
            changed: Condvar::new(),
            count: Mutex::new(count),
        })
    }

    /// Seals a text for a merchant.
    ///
    /// # Errors
    /// [`CustomerError::NotReady`] for a moment when many keys were taken; an I/O error if none can be made.
    pub fn seal(&self, merchant: MerchantNumber, text: &[u8]) -> Result<Sealed, CustomerError> {
        let taken = {
            let mut keys = self.keys.lock();
            if keys.ready.len() < LOW {
                keys.wanted = true;
                self.changed.notify_all();
            }
            if keys.failed && keys.ready.is_empty() {
                return Err(CustomerError::Io(io::Error::other("no key can be made")));
            }
            keys.ready.pop()
        };
        let (number, key) = taken.ok_or(CustomerError::NotReady)?;
        let ciphertext = slot::seal(&key, merchant, number, text)?;
        Ok(Sealed { key: number, ciphertext })
    }

    /// Opens a sealed text; `None` if its key was erased.
    ///
    /// # Errors
    /// [`CustomerError`] if the disk says no or something is damaged.
    pub fn unseal(
        &self,
        merchant: MerchantNumber,
        number: u64,
        ciphertext: &[u8],
    ) -> Result<Option<Vec<u8>>, CustomerError> {
        let Some(key) = self.read(number)? else { return Ok(None) };
        slot::unseal(&key, merchant, number, ciphertext).map(Some)
    }

    /// Erases a key, and with it what it sealed. When it returns, that is durable. Twice is as good as once.
    ///
    /// # Errors
    /// As the disk says.
    pub fn erase(&self, number: u64) -> Result<(), CustomerError> {
        let Some(file) = self.file_with(number) else { return Ok(()) };
        file.write_at(number * SLOT_BYTES as u64, &[0; SLOT_BYTES])?;
        if is_planted(Bug::EraseUnsynced) {
            return Ok(());
        }
        Ok(file.sync_data()?)
    }

    fn file_with(&self, number: u64) -> Option<Arc<dyn StorageFile>> {
        let keys = self.keys.lock();
        keys.file.clone().filter(|_| number < keys.next)
    }

    fn read(&self, number: u64) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, CustomerError> {
        // No key has such a number: what it sealed is gone.
        let Some(file) = self.file_with(number) else { return Ok(None) };
        match slot::parse(number, &*slot::read(&*file, number)?) {
            Slot::Erased => Ok(None),
            Slot::Whole(key) => Ok(Some(key)),
            Slot::Damaged => Err(CustomerError::Damaged(number)),
        }
    }

    /// Waits until keys are wanted and makes them; `false` once closed. A thread is a loop around this.
    ///
    /// # Errors
    /// As the disk says; no more keys are made, since what a failed sync left is unknown.
    pub fn step(&self) -> io::Result<bool> {
        {
            let mut keys = self.keys.lock();
            while !(keys.wanted || keys.closed) {
                self.changed.wait(&mut keys);
            }
            if keys.closed {
                return Ok(false);
            }
            keys.wanted = false;
        }
        self.make_and_note().map(|()| true)
    }

    /// Makes keys if some are wanted, without waiting; `false` if none are.
    ///
    /// # Errors
    /// As [`CustomerKeys::step`].
    pub fn try_step(&self) -> io::Result<bool> {
        if !std::mem::take(&mut self.keys.lock().wanted) {
            return Ok(false);
        }
        self.make_and_note().map(|()| true)
    }

    fn make_and_note(&self) -> io::Result<()> {
        let made = self.make();
        // Where there is no room nothing is unknown: the same places are written again when there is.
        let is_full = made.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::StorageFull);
        self.keys.lock().failed = made.is_err() && !is_full;
        made
    }

    /// Only the thread of [`CustomerKeys::step`] makes keys, so nobody else moves `next`.
    fn make(&self) -> io::Result<()> {
        let (file, next) = {
            let keys = self.keys.lock();
            if keys.failed {
                return Err(io::Error::other("a write failed before"));
            }
            (keys.file.clone(), keys.next)
        };
        let file = match file {
            Some(file) => file,
            None => {
                let file: Arc<dyn StorageFile> = self.storage.create_new(CUSTOMER_KEYS_FILE)?.into();
                self.storage.sync_dir(".").map_err(io::Error::other)?;
                // It is there also if it cannot be written yet.
                self.keys.lock().file = Some(Arc::clone(&file));
                file
            }
        };
        let mut random = Zeroizing::new(vec![0; BATCH * KEY_BYTES]);
        (self.random)(&mut random)?;
        let mut slots = Zeroizing::new(Vec::with_capacity(BATCH * SLOT_BYTES));
        let mut made = Vec::with_capacity(BATCH);
        for (number, bytes) in (next..).zip(random.as_chunks::<KEY_BYTES>().0) {
            slots.extend_from_slice(&slot::bytes_of(number, bytes));
            made.push((number, Zeroizing::new(*bytes)));
        }
        file.write_at(next * SLOT_BYTES as u64, &slots)?;
        // What a failed sync left is unknown, whatever it says.
        file.sync_data().map_err(io::Error::other)?;
        // Before one of them is used: a start then misses them if the file is lost.
        self.count.lock().raise(next + BATCH as u64)?;
        let mut keys = self.keys.lock();
        keys.next = next + BATCH as u64;
        keys.ready.append(&mut made);
        Ok(())
    }

    /// Ends the loop.
    pub fn close(&self) {
        self.keys.lock().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onhand_snapshots::storage::{Crash, SimStorage};

    fn open(storage: &SimStorage) -> CustomerKeys {
        CustomerKeys::open(Arc::new(storage.clone()), |bytes| {
            for (value, byte) in bytes.iter_mut().enumerate() {
                *byte = u8::try_from(value % 251 + 1).unwrap();
            }
            Ok(())
        })
        .unwrap()
    }

    fn ready(storage: &SimStorage) -> CustomerKeys {
        let keys = open(storage);
        assert!(matches!(keys.seal(MerchantNumber(1), b"x"), Err(CustomerError::NotReady)));
        assert!(keys.step().unwrap());
        keys
    }

    #[test]
    fn what_is_sealed_opens_for_its_merchant_until_it_is_erased() {
        let storage = SimStorage::default();
        let keys = ready(&storage);
        let merchant = MerchantNumber(1);
        let [one, two] = [0, 1].map(|_| keys.seal(merchant, b"Ada").unwrap());
        assert_ne!(one.key, two.key);
        assert!(!one.ciphertext.windows(3).any(|part| part == b"Ada"));
        storage.crash(Crash::LoseAll);
        let keys = open(&storage);
        let unseal = |merchant, sealed: &Sealed| keys.unseal(merchant, sealed.key, &sealed.ciphertext);
        assert_eq!(unseal(merchant, &one).unwrap().as_deref(), Some(&b"Ada"[..]));
        assert!(matches!(unseal(MerchantNumber(2), &one), Err(CustomerError::Damaged(_))));
        assert!(matches!(keys.unseal(merchant, two.key, &one.ciphertext), Err(CustomerError::Damaged(_))));
        keys.erase(one.key).unwrap();
        keys.erase(one.key).unwrap();
        storage.crash(Crash::LoseAll);
        let keys = open(&storage);
        assert_eq!(keys.unseal(merchant, one.key, &one.ciphertext).unwrap(), None);
        assert_eq!(keys.unseal(merchant, two.key, &two.ciphertext).unwrap().as_deref(), Some(&b"Ada"[..]));
        // New keys get new numbers, whatever happened to the old ones.
        assert!(matches!(keys.seal(merchant, b"x"), Err(CustomerError::NotReady)));
        keys.step().unwrap();
        assert!(keys.seal(merchant, b"x").unwrap().key >= BATCH as u64);
    }

    #[test]
    fn no_key_is_used_that_is_not_durable() {
        let calls = {
            let storage = SimStorage::default();
            drop(ready(&storage));
            storage.ops()
        };
        for call in 0..calls {
            let storage = SimStorage::default();
            let keys = open(&storage);
            assert!(keys.seal(MerchantNumber(1), b"x").is_err());
            storage.die_at(call);
            if keys.step().is_ok() {
                continue;
            }
            assert!(keys.seal(MerchantNumber(1), b"x").is_err(), "call {call}");
        }
    }
}

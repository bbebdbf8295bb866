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

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use onhand_domain::MerchantNumber;
use onhand_snapshots::storage::{Storage, StorageFile};
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The file of the keys, in the data directory. A backup without it cannot read personal data.
pub const CUSTOMER_KEYS_FILE: &str = "customer.keys";

/// Keys made at a time: 64 KiB, one write and one sync for a thousand orders.
const BATCH: usize = 1_024;

/// New ones are made when fewer than this are left.
const LOW: usize = BATCH / 2;

const SLOT_BYTES: usize = 64;
const KEY_BYTES: usize = 32;

type Slot = [u8; SLOT_BYTES];

/// Fills a buffer with random bytes.
pub type Random = fn(&mut [u8]) -> io::Result<()>;

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
}

fn slot_of(number: u64, key: &[u8; KEY_BYTES]) -> Slot {
    let mut slot = [0; SLOT_BYTES];
    slot[..KEY_BYTES].copy_from_slice(key);
    slot[KEY_BYTES..KEY_BYTES + 16].copy_from_slice(&check_of(number, key));
    slot
}

fn check_of(number: u64, key: &[u8; KEY_BYTES]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&number.to_le_bytes()).update(key);
    let mut check = [0; 16];
    check.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    check
}

impl CustomerKeys {
    /// The key store of a data directory; nothing is written until a key is wanted.
    ///
    /// # Errors
    /// As the disk says.
    pub fn open(storage: Arc<dyn Storage>, random: Random) -> io::Result<Self> {
        let file: Option<Arc<dyn StorageFile>> = if storage.exists(CUSTOMER_KEYS_FILE)? {
            Some(storage.open(CUSTOMER_KEYS_FILE)?.into())
        } else {
            None
        };
        let bytes = file.as_ref().map_or(Ok(0), |file| file.len())?;
        // A part of a slot, left by a crash, was nobody's.
        let next = bytes.div_ceil(SLOT_BYTES as u64);
        let keys = Keys { ready: Vec::new(), file, next, wanted: false, closed: false, failed: false };
        Ok(Self { storage, random, keys: Mutex::new(keys), changed: Condvar::new() })
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
        let cipher = XChaCha20Poly1305::new((&*key).into());
        let bound = bound_to(merchant, number);
        let sealed = cipher.encrypt(&XNonce::default(), Payload { msg: text, aad: &bound });
        let ciphertext = sealed.map_err(|_| CustomerError::Damaged(number))?;
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
        let cipher = XChaCha20Poly1305::new((&*key).into());
        let bound = bound_to(merchant, number);
        let opened = cipher.decrypt(&XNonce::default(), Payload { msg: ciphertext, aad: &bound });
        opened.map(Some).map_err(|_| CustomerError::Damaged(number))
    }

    /// Erases a key, and with it what it sealed. When it returns, that is durable. Twice is as good as once.
    ///
    /// # Errors
    /// As the disk says.
    pub fn erase(&self, number: u64) -> Result<(), CustomerError> {
        let Some(file) = self.file_with(number) else { return Ok(()) };
        file.write_at(number * SLOT_BYTES as u64, &[0; SLOT_BYTES])?;
        Ok(file.sync_data()?)
    }

    fn file_with(&self, number: u64) -> Option<Arc<dyn StorageFile>> {
        let keys = self.keys.lock();
        keys.file.clone().filter(|_| number < keys.next)
    }

    fn read(&self, number: u64) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, CustomerError> {
        // A key store that was lost or is older than the log has no such key: the data is gone.
        let Some(file) = self.file_with(number) else { return Ok(None) };
        let mut slot = Zeroizing::new([0; SLOT_BYTES]);
        file.read_at(number * SLOT_BYTES as u64, &mut *slot)?;
        if slot.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        key.copy_from_slice(&slot[..KEY_BYTES]);
        let is_whole = slot[KEY_BYTES..KEY_BYTES + 16] == check_of(number, &key);
        if is_whole { Ok(Some(key)) } else { Err(CustomerError::Damaged(number)) }
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
        let made = self.make();
        self.keys.lock().failed = made.is_err();
        made.map(|()| true)
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
                self.storage.sync_dir(".")?;
                file
            }
        };
        let mut random = Zeroizing::new(vec![0; BATCH * KEY_BYTES]);
        (self.random)(&mut random)?;
        let mut slots = Zeroizing::new(Vec::with_capacity(BATCH * SLOT_BYTES));
        let mut made = Vec::with_capacity(BATCH);
        for (number, bytes) in (next..).zip(random.as_chunks::<KEY_BYTES>().0) {
            slots.extend_from_slice(&slot_of(number, bytes));
            made.push((number, Zeroizing::new(*bytes)));
        }
        file.write_at(next * SLOT_BYTES as u64, &slots)?;
        file.sync_data()?;
        let mut keys = self.keys.lock();
        keys.file = Some(file);
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

/// What a sealed text belongs to: it does not open elsewhere.
fn bound_to(merchant: MerchantNumber, number: u64) -> [u8; 12] {
    let mut bound = [0; 12];
    bound[..4].copy_from_slice(&merchant.0.to_le_bytes());
    bound[4..].copy_from_slice(&number.to_le_bytes());
    bound
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

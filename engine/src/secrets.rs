//! The key under which requests are fingerprinted.
//!
//! A plain hash of a body would let whoever reads the log guess what it said; a keyed one does not. The key
//! stands in a file beside the log, readable by its owner alone. A log without it, or with another, is refused:
//! no repeat of a request from before would be recognised.

use crate::error::StartError;
use onhand_domain::MerchantNumber;
use onhand_snapshots::log::segment::{LOG_DIR, first_of};
use onhand_snapshots::repair::unfinished;
use onhand_snapshots::storage::{FileStorage, Storage};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file of the key, in the data directory.
pub const FINGERPRINT_KEY_FILE: &str = "fingerprint.key";

/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// Bytes that stand behind the key in a copy, and make its log another one.
const COPY_BYTES: usize = 16;

/// Hashes what identifies a request, under the directory's own key.
#[derive(Clone)]
pub struct Fingerprints {
    key: [u8; KEY_BYTES],
    /// In a copy: what no other copy has.
    copy: Option<[u8; COPY_BYTES]>,
}

impl std::fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fingerprints")
    }
}

impl Fingerprints {
    /// Hashes under a given key; for tests and simulation.
    #[must_use]
    pub fn with_key(key: [u8; KEY_BYTES]) -> Self {
        Self { key, copy: None }
    }

    /// The same key for a copy of the log: what was asked before is recognised, and the copy has an identity of its
    /// own, other than the log it came from and any other copy.
    ///
    /// # Errors
    /// If the operating system has no random bytes to give.
    pub fn for_copy(&self) -> io::Result<Self> {
        Ok(Self { key: self.key, copy: Some(random_bytes()?) })
    }

    /// Reads the key of a data directory, or makes one for a log that is not there yet. That one stands under another
    /// name until [`Fingerprints::confirm`]: so a key under its own name says that there was a log.
    ///
    /// # Errors
    /// [`StartError::Unfinished`] if a repair was broken off: then the key may be on its way. [`StartError::NoKey`] if
    /// the file is no key, or is missing beside a log, [`StartError::NoLog`] if it is there and the log is not; else as
    /// the disk says.
    pub fn open(root: &Path) -> Result<Self, StartError> {
        match Self::find(root)? {
            Some(key) => Ok(key),
            None => Self::create(root).map_err(io_error),
        }
    }

    /// Reads the key of a data directory as [`Fingerprints::open`] does, and makes none: `None` if there is neither a key
    /// nor a log. Changes nothing.
    ///
    /// # Errors
    /// As [`Fingerprints::open`].
    pub fn find(root: &Path) -> Result<Option<Self>, StartError> {
        if unfinished(&FileStorage::new(root)).map_err(io_error)? {
            return Err(StartError::Unfinished);
        }
        let has_log = has_log(root).map_err(io_error)?;
        match Self::read(root) {
            Ok(_) if !has_log => Err(StartError::NoLog),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match Self::read_file(&unconfirmed(root)) {
                    // A first start was broken off. If a log is there, recovery sees whether it is this key's.
                    Ok(key) => Ok(Some(key)),
                    Err(_) if has_log => {
                        Err(StartError::NoKey { what: "is missing, and there is a log".to_owned() })
                    }
                    Err(_) => Ok(None),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(StartError::NoKey { what: format!("is no key: {error}") })
            }
            read => read.map(Some).map_err(io_error),
        }
    }

    fn create(root: &Path) -> io::Result<Self> {
        let made = Self::random()?;
        made.write(root)?;
        std::fs::File::open(root)?.sync_all()?;
        Ok(made)
    }

    /// Gives the key its own name, durably, if it does not have it. To be called when the log is durable.
    ///
    /// # Errors
    /// As the disk says.
    pub fn confirm(&self, root: &Path) -> io::Result<()> {
        if root.join(FINGERPRINT_KEY_FILE).try_exists()? {
            return Ok(());
        }
        // It is the only copy of what the log was written under: to write it anew could lose it.
        if Self::read_file(&unconfirmed(root)).is_ok_and(|stands| stands.to_bytes() == self.to_bytes()) {
            return Self::name(root);
        }
        self.store(root)
    }

    /// Gives the key that stands under the other name its own, durably.
    fn name(root: &Path) -> io::Result<()> {
        std::fs::rename(unconfirmed(root), root.join(FINGERPRINT_KEY_FILE))?;
        std::fs::File::open(root)?.sync_all()
    }

    /// A key that nobody had before.
    ///
    /// # Errors
    /// If the operating system has no random bytes to give.
    pub fn random() -> io::Result<Self> {
        Ok(Self { key: random_bytes()?, copy: None })
    }

    /// What the file of the key holds.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let copy = self.copy.as_ref().map_or(&[][..], |copy| &copy[..]);
        [&self.key[..], copy].concat()
    }

    /// Reads the key of a data directory.
    ///
    /// # Errors
    /// As the disk says; `InvalidData` if the file is no key.
    pub fn read(root: &Path) -> io::Result<Self> {
        Self::read_file(&root.join(FINGERPRINT_KEY_FILE))
    }

    fn read_file(path: &Path) -> io::Result<Self> {
        let bytes = std::fs::read(path)?;
        let parts = bytes.split_first_chunk().and_then(|(key, rest)| match rest {
            [] => Some((*key, None)),
            rest => Some((*key, Some(rest.try_into().ok()?))),
        });
        let wrong = "the file holds neither 32 bytes, nor 48 as that of a copy";
        let (key, copy) = parts.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, wrong))?;
        Ok(Self { key, copy })
    }

    /// Writes the key into a data directory, durably.
    ///
    /// # Errors
    /// As the disk says.
    pub fn store(&self, root: &Path) -> io::Result<()> {
        self.write(root)?;
        Self::name(root)
    }

    /// Writes the key under its other name; the name is not durable yet.
    fn write(&self, root: &Path) -> io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(unconfirmed(root))?;
        file.write_all(&self.to_bytes())?;
        file.sync_all()
    }

    /// The identity of the log that is written under this key: so a log and a key of another one are told apart.
    #[must_use]
    pub fn cluster(&self) -> [u8; 16] {
        match &self.copy {
            None => self.hash(b'c', MerchantNumber(0), &[]),
            Some(copy) => self.hash(b'c', MerchantNumber(0), &[copy]),
        }
    }

    /// The hash of an `Idempotency-Key`.
    #[must_use]
    pub fn idempotency(&self, merchant: MerchantNumber, key: &[u8]) -> [u8; 16] {
        self.hash(b'i', merchant, &[key])
    }

    /// The hash of a channel's own number for an order.
    #[must_use]
    pub fn external(&self, merchant: MerchantNumber, channel: u16, external_id: &str) -> [u8; 16] {
        self.hash(b'e', merchant, &[&channel.to_le_bytes(), external_id.as_bytes()])
    }

    /// The hash of what a channel calls a customer. Whoever has the key can tell whether a guess is right.
    #[must_use]
    pub fn customer(&self, merchant: MerchantNumber, channel: u16, customer_id: &str) -> [u8; 16] {
        self.hash(b'u', merchant, &[&channel.to_le_bytes(), customer_id.as_bytes()])
    }

    /// The hash of what a request asks: its method and path, and its body in a form that does not depend on
    /// how it was written down.
    #[must_use]
    pub fn request(&self, merchant: MerchantNumber, route: &str, body: &[u8]) -> [u8; 16] {
        self.hash(b'r', merchant, &[route.as_bytes(), body])
    }

    /// Purpose and merchant, then each part behind its length. Put together first and hashed at once: of so few bytes
    /// that costs half of hashing part by part, and most fit one block of the hash.
    fn hash(&self, purpose: u8, merchant: MerchantNumber, parts: &[&[u8]]) -> [u8; 16] {
        let length: usize = parts.iter().map(|part| part.len() + 4).sum();
        let mut flat = [0; 256];
        let mut long = Vec::new();
        let said = if length + 5 <= flat.len() {
            &mut flat[..length + 5]
        } else {
            long.resize(length + 5, 0);
            &mut long[..]
        };
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            said[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&[purpose]);
        put(&merchant.0.to_le_bytes());
        for part in parts {
            // No part comes near four gigabytes: bodies have a limit.
            put(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
            put(part);
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&blake3::keyed_hash(&self.key, said).as_bytes()[..16]);
        hash
    }
}

fn io_error(source: io::Error) -> StartError {
    StartError::Io { what: FINGERPRINT_KEY_FILE, source }
}

/// The key of a log that is not there yet.
fn unconfirmed(root: &Path) -> PathBuf {
    root.join(format!("{FINGERPRINT_KEY_FILE}.tmp"))
}

/// Whether a data directory has a segment of a log.
fn has_log(root: &Path) -> io::Result<bool> {
    Ok(FileStorage::new(root).list(LOG_DIR)?.iter().any(|name| first_of(name).is_some()))
}

/// Fills a buffer with random bytes from the operating system.
///
/// # Errors
/// If it has none to give.
pub fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
}

/// Random bytes from the operating system.
///
/// # Errors
/// If it has none to give.
pub fn random_bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    fill_random(&mut bytes)?;
    Ok(bytes)
}

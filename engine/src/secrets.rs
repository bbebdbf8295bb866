//! The key under which requests are fingerprinted.
//!
//! A plain hash of a body would let whoever reads the log guess what it said; a keyed one does not. The key
//! stands in a file beside the log, readable by its owner alone. A log without it, or with another, is refused:
//! no repeat of a request from before would be recognised.

use onhand_domain::MerchantNumber;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The file of the key, in the data directory.
pub const FINGERPRINT_KEY_FILE: &str = "fingerprint.key";

/// Hashes what identifies a request, under the directory's own key.
#[derive(Clone)]
pub struct Fingerprints {
    key: [u8; 32],
}

impl std::fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fingerprints")
    }
}

impl Fingerprints {
    /// Hashes under a given key; for tests and simulation.
    #[must_use]
    pub fn with_key(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Reads the key of a data directory, or makes one.
    ///
    /// # Errors
    /// As the disk says; `InvalidData` if the file is no key.
    pub fn open(root: &Path) -> io::Result<Self> {
        let path = root.join(FINGERPRINT_KEY_FILE);
        match std::fs::read(&path) {
            Ok(bytes) => {
                let wrong = |_| io::Error::new(io::ErrorKind::InvalidData, "the file does not hold 32 bytes");
                Ok(Self { key: bytes.try_into().map_err(wrong)? })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && has_log(root) => {
                let lost = "the file is missing, but there is a log: without it no repeat of an earlier request \
                            would be recognised; put it back from a copy";
                Err(io::Error::new(io::ErrorKind::NotFound, format!("{FINGERPRINT_KEY_FILE}: {lost}")))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(root),
            Err(error) => Err(error),
        }
    }

    fn create(root: &Path) -> io::Result<Self> {
        let key = random_bytes::<32>()?;
        let temporary = root.join(format!("{FINGERPRINT_KEY_FILE}.tmp"));
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&key)?;
        file.sync_all()?;
        std::fs::rename(&temporary, root.join(FINGERPRINT_KEY_FILE))?;
        std::fs::File::open(root)?.sync_all()?;
        Ok(Self { key })
    }

    /// The identity of the log that is written under this key: so a log and a key of another one are told apart.
    #[must_use]
    pub fn cluster(&self) -> [u8; 16] {
        self.hash(b'c', MerchantNumber(0), &[])
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

/// Whether a data directory has a log already.
fn has_log(root: &Path) -> bool {
    std::fs::read_dir(root.join("log")).is_ok_and(|mut files| files.next().is_some())
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

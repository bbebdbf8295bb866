//! The key under which requests are fingerprinted.
//!
//! A plain hash of a body would let whoever reads the log guess what it said; a keyed one does not. The key
//! stands in a file beside the log, readable by its owner alone; a backup without it cannot recognise
//! repeats of requests from before.

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

    /// The hash of an `Idempotency-Key`.
    #[must_use]
    pub fn idempotency(&self, merchant: MerchantNumber, key: &[u8]) -> [u8; 16] {
        self.hash(b"idempotency", merchant, &[key])
    }

    /// The hash of a channel's own number for an order.
    #[must_use]
    pub fn external(&self, merchant: MerchantNumber, channel: u16, external_id: &str) -> [u8; 16] {
        self.hash(b"external", merchant, &[&channel.to_le_bytes(), external_id.as_bytes()])
    }

    /// The hash of what a request asks: its method and path, and its body in a form that does not depend on
    /// how it was written down.
    #[must_use]
    pub fn request(&self, merchant: MerchantNumber, route: &str, body: &[u8]) -> [u8; 16] {
        self.hash(b"request", merchant, &[route.as_bytes(), body])
    }

    fn hash(&self, purpose: &[u8], merchant: MerchantNumber, parts: &[&[u8]]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(purpose);
        hasher.update(&merchant.0.to_le_bytes());
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        hash
    }
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

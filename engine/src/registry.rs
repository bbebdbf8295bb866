//! Merchants and their keys. Changed from the command line, rarely; read on every request.
//!
//! A merchant's number and a key's number come from the record that creates them. Of a secret only the
//! blake3 hash is kept: the secret is 256 random bits, so nothing slower is needed.

use foldhash::quality::RandomState;
use hashbrown::HashMap;
use onhand_domain::MerchantNumber;
use parking_lot::RwLock;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(pub u8);

/// The scopes by name; the bits are those of the record.
pub const SCOPES: [(&str, u8); 4] = [("orders:write", 1), ("stock:write", 2), ("read", 4), ("admin", 8)];

impl Scopes {
    /// Place, cancel and ship orders.
    pub const ORDERS_WRITE: Self = Self(1);
    /// Locations, channels, SKUs and stock.
    pub const STOCK_WRITE: Self = Self(2);
    /// Read everything of the merchant.
    pub const READ: Self = Self(4);
    /// All of it.
    pub const ADMIN: Self = Self(8);

    /// Reads a list like `orders:write,read`; an unknown word is the error.
    ///
    /// # Errors
    /// The word that is no scope.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).try_fold(Self(0), |all, word| {
            let found = SCOPES.iter().find(|(name, _)| *name == word);
            found.map(|(_, bit)| Self(all.0 | bit)).ok_or_else(|| word.to_owned())
        })
    }

    /// Whether all of `needed` are there; `admin` has them all.
    #[must_use]
    pub fn allow(self, needed: Self) -> bool {
        self.0 & Self::ADMIN.0 != 0 || self.0 & needed.0 == needed.0
    }
}

/// A key that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its number.
    pub number: u32,
    /// Whose.
    pub merchant: MerchantNumber,
    /// What it may do.
    pub scopes: Scopes,
    /// Whether it is no longer good.
    pub is_revoked: bool,
}

#[derive(Debug, Default)]
struct Books {
    merchants: HashMap<String, MerchantNumber, RandomState>,
    keys: HashMap<[u8; 32], Key, RandomState>,
}

/// A merchant's name and number.
pub(crate) type MerchantRow = (String, MerchantNumber);

/// The hash of a secret, and its key.
pub(crate) type KeyRow = ([u8; 32], Key);

/// See the module.
#[derive(Debug, Default)]
pub struct Registry {
    books: RwLock<Books>,
}

impl Registry {
    /// The merchant of this name.
    #[must_use]
    pub fn merchant(&self, name: &str) -> Option<MerchantNumber> {
        self.books.read().merchants.get(name).copied()
    }

    /// The key whose secret has this hash, good or revoked.
    #[must_use]
    pub fn key(&self, secret_hash: &[u8; 32]) -> Option<Key> {
        self.books.read().keys.get(secret_hash).copied()
    }

    /// The number the next merchant gets, from 1.
    #[must_use]
    pub fn next_merchant(&self) -> MerchantNumber {
        let count = u32::try_from(self.books.read().merchants.len()).unwrap_or(u32::MAX);
        MerchantNumber(count.saturating_add(1))
    }

    /// The number the next key gets, from 1.
    #[must_use]
    pub fn next_key(&self) -> u32 {
        u32::try_from(self.books.read().keys.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// All merchants and keys, by number.
    pub(crate) fn rows(&self) -> (Vec<MerchantRow>, Vec<KeyRow>) {
        let books = self.books.read();
        let mut merchants: Vec<_> =
            books.merchants.iter().map(|(name, number)| (name.clone(), *number)).collect();
        merchants.sort_unstable_by_key(|(_, number)| *number);
        let mut keys: Vec<_> = books.keys.iter().map(|(hash, key)| (*hash, *key)).collect();
        keys.sort_unstable_by_key(|(_, key)| key.number);
        (merchants, keys)
    }

    pub(crate) fn add_merchant(&self, name: &str, number: MerchantNumber) {
        self.books.write().merchants.insert(name.to_owned(), number);
    }

    pub(crate) fn add_key(&self, secret_hash: [u8; 32], key: Key) {
        self.books.write().keys.insert(secret_hash, key);
    }

    pub(crate) fn revoke(&self, number: u32) -> bool {
        let mut books = self.books.write();
        let found = books.keys.values_mut().find(|key| key.number == number && !key.is_revoked);
        found.map(|key| key.is_revoked = true).is_some()
    }

    /// The key of this number.
    #[must_use]
    pub fn key_of(&self, number: u32) -> Option<Key> {
        self.books.read().keys.values().find(|key| key.number == number).copied()
    }
}

//! What was seen: idempotency keys, external ids of accepted orders, and where closed orders ended.
//!
//! Each is a 128-bit keyed hash and an LSN; 64 bits of the hash stand in the table, so a hit is only a
//! candidate: whoever asked reads the record at that LSN, compares exactly, and comes back if it is
//! something else.

use onhand_domain::MerchantNumber;
use onhand_domain::table::{Table, spread};
use onhand_snapshots::Lsn;

#[derive(Debug, Clone, Copy)]
struct Seen {
    hash: u64,
    lsn: Lsn,
}

/// The keys of one shard's merchants.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    seen: Table<Seen>,
}

/// What kind of key: the same bytes mean different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// An `Idempotency-Key`.
    Idempotency,
    /// The external id of an accepted order.
    External,
    /// An order that is closed; the LSN is that of the record that closed it.
    Closed,
}

impl Keys {
    /// The newest record with this key that is not among those already looked at.
    #[must_use]
    pub(crate) fn find(
        &self,
        merchant: MerchantNumber,
        kind: KeyKind,
        key: &[u8; 16],
        not: &[Lsn],
    ) -> Option<Lsn> {
        let hash = hash_of(merchant, kind, key);
        self.seen.find(hash, |seen| seen.hash == hash && !not.contains(&seen.lsn)).map(|seen| seen.lsn)
    }

    /// Remembers a key.
    pub(crate) fn insert(&mut self, merchant: MerchantNumber, kind: KeyKind, key: &[u8; 16], lsn: Lsn) {
        let hash = hash_of(merchant, kind, key);
        self.seen.insert(hash, Seen { hash, lsn }, |seen| seen.hash);
    }
}

/// An order's id as a key.
#[must_use]
pub(crate) fn order_key(order: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&order.to_le_bytes());
    key
}

fn hash_of(merchant: MerchantNumber, kind: KeyKind, key: &[u8; 16]) -> u64 {
    let (low, high) = key.split_at(8);
    let word = |half: &[u8]| half.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
    let salt = (u64::from(merchant.0) << 8) | kind as u64;
    spread(word(low) ^ spread(word(high) ^ spread(salt)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_merchants_are_apart() {
        let mut keys = Keys::default();
        let (one, two) = (MerchantNumber(1), MerchantNumber(2));
        keys.insert(one, KeyKind::Idempotency, &[7; 16], Lsn(5));
        assert_eq!(keys.find(one, KeyKind::Idempotency, &[7; 16], &[]), Some(Lsn(5)));
        assert_eq!(keys.find(one, KeyKind::Idempotency, &[7; 16], &[Lsn(5)]), None);
        assert_eq!(keys.find(two, KeyKind::Idempotency, &[7; 16], &[]), None);
        assert_eq!(keys.find(one, KeyKind::External, &[7; 16], &[]), None);
        assert_eq!(keys.find(one, KeyKind::Idempotency, &[8; 16], &[]), None);
        keys.insert(one, KeyKind::Idempotency, &[7; 16], Lsn(9));
        assert_eq!(keys.find(one, KeyKind::Idempotency, &[7; 16], &[Lsn(5)]), Some(Lsn(9)));
        assert_eq!(keys.seen.len(), 2);
    }
}

//! What was seen: idempotency keys, external ids of accepted orders, and where closed orders ended.
//!
//! Each is a 64-bit keyed hash and an LSN. Those of the youngest records stand in tables here; those of
//! sealed segments in the index on disk, of which memory holds only filters. A hit is only a candidate:
//! whoever asked reads the record at that LSN, compares exactly, and comes back if it is something else.

use crate::hold::Holds;
use onhand_domain::MerchantNumber;
use onhand_domain::table::{Table, spread};
use onhand_snapshots::Lsn;
use onhand_snapshots::index::Runs;
use onhand_snapshots::planted::{Bug, is_planted};
use std::collections::VecDeque;
use std::hint::black_box;

/// Entries of one table, 24 MB; a full one makes room for the next, and is dropped whole once the index has
/// what it holds. Few enough tables that a lookup stays cheap, small enough ones that they go soon.
const TABLE_ENTRIES: usize = 1 << 20;

#[derive(Debug, Clone, Copy)]
struct Seen {
    hash: u64,
    lsn: Lsn,
}

/// Keys of neighbouring records.
#[derive(Default)]
struct Young {
    seen: Table<Seen>,
    last: u64,
}

/// The keys of one shard's merchants.
#[derive(Default)]
pub(crate) struct Keys {
    young: VecDeque<Young>,
    runs: Runs,
    /// Bulk bodies that wait for a search of the index.
    pub(crate) holds: Holds,
}

/// What kind of key: the same bytes mean different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// An `Idempotency-Key`.
    Idempotency,
    /// The external id of an accepted order.
    External,
    /// An order that is closed; the LSN is that of the record that closed it.
    Closed,
}

/// A key that is asked for; good as long as the index and what was found out are the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// See [`hash_of`].
    pub(crate) hash: u64,
    /// A filter of the index lets it pass.
    is_perhaps: bool,
}

/// Whether a key was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sighting {
    /// Certainly not.
    No,
    /// A record has its hash.
    At(Lsn),
    /// The index may have its hash; to be looked up off the shard.
    Perhaps(u64),
}

/// What whoever asks again has found out meanwhile. A record that is no repeat by its key, being too old, may be one
/// by its external id, so each has its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Of the idempotency key.
    pub key: Findings,
    /// Of the external id.
    pub external: Findings,
}

/// What is known of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Records that were read and are no repeats, though they have its hash.
    pub not_repeats: Vec<Lsn>,
    /// The index was searched for it up to here.
    pub searched: u64,
}

impl Known {
    /// What is known of a key of this kind.
    pub(crate) fn findings(&self, kind: KeyKind) -> &Findings {
        match kind {
            KeyKind::Idempotency => &self.key,
            KeyKind::External | KeyKind::Closed => &self.external,
        }
    }

    /// What is known of the idempotency key, or else of the external id.
    pub fn of(&mut self, is_key: bool) -> &mut Findings {
        if is_key { &mut self.key } else { &mut self.external }
    }
}

impl Keys {
    /// Asks the filters of the index for a key.
    pub(crate) fn ask(&self, hash: u64, findings: Option<&Findings>) -> Asked {
        let searched = findings.map_or(0, |findings| findings.searched);
        Asked { hash, is_perhaps: self.runs.may_have(hash, Lsn(searched)) }
    }

    /// Looks at the places where [`Keys::look`] and [`Keys::insert`] will look, so that they are near when they are
    /// needed. What is found does not count: a key of this very batch may still come between.
    pub(crate) fn approach(&self, asked: Asked) {
        black_box(self.find_young(asked.hash, &[]));
    }

    /// Whether a key was seen in a record that is not known to be something else; the newest one counts.
    #[must_use]
    pub(crate) fn look(&self, asked: Asked, findings: Option<&Findings>) -> Sighting {
        let not_repeats = findings.map_or(&[][..], |findings| &findings.not_repeats);
        match self.find_young(asked.hash, not_repeats) {
            Some(lsn) => Sighting::At(lsn),
            None if asked.is_perhaps => Sighting::Perhaps(asked.hash),
            None => Sighting::No,
        }
    }

    /// Where an order was closed, if that is young.
    #[must_use]
    pub(crate) fn closed(&self, merchant: MerchantNumber, order: u64) -> Option<Lsn> {
        self.find_young(hash_of(merchant, KeyKind::Closed, &order_key(order)), &[])
    }

    fn find_young(&self, hash: u64, not: &[Lsn]) -> Option<Lsn> {
        let is_it = |seen: &Seen| seen.hash == hash && !not.contains(&seen.lsn);
        self.young.iter().rev().find_map(|young| young.seen.find(hash, is_it)).map(|seen| seen.lsn)
    }

    /// Remembers a key by its hash.
    pub(crate) fn insert(&mut self, hash: u64, lsn: Lsn) {
        if self.young.back().is_none_or(|young| young.seen.len() >= TABLE_ENTRIES) {
            self.young.push_back(Young::default());
        }
        let Some(young) = self.young.back_mut() else { return };
        young.seen.insert(hash, Seen { hash, lsn }, |seen| seen.hash);
        young.last = lsn.0;
    }

    /// Takes over what the index has now, and lets go of tables that it covers.
    pub(crate) fn follow(&mut self, runs: Runs) {
        let covered = runs.covered();
        self.runs = runs;
        if is_planted(Bug::ForgetYoungKeys) && covered > Lsn::ZERO {
            self.young.clear();
        }
        while self.young.front().is_some_and(|young| young.last <= covered.0) {
            self.young.pop_front();
        }
    }
}

/// An order's id as a key.
#[must_use]
pub(crate) fn order_key(order: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&order.to_le_bytes());
    key
}

/// The hash of a key. Those that may be new are odd, and so have a filter in the index; that an order is
/// closed is known from its record, and needs none.
#[must_use]
pub fn hash_of(merchant: MerchantNumber, kind: KeyKind, key: &[u8; 16]) -> u64 {
    let (low, high) = key.split_at(8);
    let word = |half: &[u8]| half.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
    let salt = (u64::from(merchant.0) << 8) | kind as u64;
    let hash = spread(word(low) ^ spread(word(high) ^ spread(salt)));
    match kind {
        KeyKind::Idempotency | KeyKind::External => hash | 1,
        KeyKind::Closed => hash & !1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_merchants_are_apart() {
        let mut keys = Keys::default();
        let (one, two) = (MerchantNumber(1), MerchantNumber(2));
        let none = Known::default();
        let not = |lsn| {
            let key = Findings { not_repeats: vec![Lsn(lsn)], searched: 0 };
            Known { key, ..Known::default() }
        };
        let look = |keys: &Keys, merchant, kind, key: u8, known: &Known| {
            let findings = Some(known.findings(kind));
            keys.look(keys.ask(hash_of(merchant, kind, &[key; 16]), findings), findings)
        };
        let hash = hash_of(one, KeyKind::Idempotency, &[7; 16]);
        keys.insert(hash, Lsn(5));
        assert_eq!(look(&keys, one, KeyKind::Idempotency, 7, &none), Sighting::At(Lsn(5)));
        assert_eq!(look(&keys, one, KeyKind::Idempotency, 7, &not(5)), Sighting::No);
        assert_eq!(look(&keys, two, KeyKind::Idempotency, 7, &none), Sighting::No);
        assert_eq!(look(&keys, one, KeyKind::External, 7, &none), Sighting::No);
        assert_eq!(look(&keys, one, KeyKind::Idempotency, 8, &none), Sighting::No);
        keys.insert(hash, Lsn(9));
        assert_eq!(look(&keys, one, KeyKind::Idempotency, 7, &not(5)), Sighting::At(Lsn(9)));
    }

    #[test]
    fn a_full_table_makes_room_and_stays_until_it_is_covered() {
        let mut keys = Keys::default();
        let merchant = MerchantNumber(1);
        for order in 0..=TABLE_ENTRIES as u64 {
            keys.insert(hash_of(merchant, KeyKind::Closed, &order_key(order)), Lsn(order + 1));
        }
        assert_eq!(keys.young.len(), 2);
        keys.follow(Runs::default());
        assert_eq!(keys.young.len(), 2);
        assert_eq!(keys.closed(merchant, 0), Some(Lsn(1)));
        assert_eq!(keys.closed(merchant, TABLE_ENTRIES as u64), Some(Lsn(TABLE_ENTRIES as u64 + 1)));
    }
}

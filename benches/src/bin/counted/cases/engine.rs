//! Steps of the engine: keys, records, and all of it from submission to answer.

use super::domain::{decide, state};
use super::{GROUP, SKUS, each_round, rounds_max_of};
use crate::shop::Shop;
use onhand_benches::asks::{self, Spread};
use onhand_engine::ask::{Answer, Ask};
use onhand_engine::domain::table::{Table, spread};
use onhand_engine::domain::{Event, MerchantNumber, SkuNumber};
use onhand_engine::keys::{KeyKind, hash_of};
use onhand_engine::record::Header;
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::index::Entry;
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::snapshots::{Disk, Index, Lsn};
use onhand_engine::translate::{encode_body, kind_of, version_of};
use std::any::Any;
use std::hint::black_box;
use std::path::Path;

const MERCHANT: MerchantNumber = MerchantNumber(1);

/// Orders that come in turn.
const ORDERS: u64 = 256;

/// Runs of the index, and keys of each.
const RUNS: u64 = 4;
const RUN_KEYS: u64 = 16_384;

/// The key of every fingerprint here.
fn fingerprints() -> Fingerprints {
    Fingerprints::with_key([3; 32])
}

/// A key like the keyed hash of something.
fn key(number: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&spread(number).to_le_bytes());
    key[8..].copy_from_slice(&spread(!number).to_le_bytes());
    key
}

fn hash(number: u64) -> u64 {
    hash_of(MERCHANT, KeyKind::External, &key(number))
}

pub(super) fn keyed_hashes(_: &Path, rounds: u64) -> Box<dyn Any> {
    let fingerprints = fingerprints();
    let mut spread = Spread::over(SKUS, 0);
    let orders: Vec<(String, Vec<u8>)> = (0..ORDERS)
        .map(|number| {
            let external_id = asks::external_id(number);
            let order = asks::order(&fingerprints, MERCHANT, &external_id, &spread.lines(1));
            (external_id, order.asked)
        })
        .collect();
    each_round(rounds, &orders, |(external_id, asked)| {
        black_box(fingerprints.external(MERCHANT, 0, black_box(external_id)));
        black_box(fingerprints.request(MERCHANT, "order", black_box(asked)));
    });
    Box::new(orders)
}

/// The table that a shard has its youngest keys in, with entries like its own.
pub(super) fn seen_keys(_: &Path, rounds: u64) -> Box<dyn Any> {
    let keys: Vec<[u8; 16]> = (0..rounds_max_of("seen_keys")).map(key).collect();
    let mut seen: Table<(u64, Lsn)> = Table::default();
    let mut lsn = Lsn::ZERO;
    each_round(rounds, &keys, |key| {
        let hash = hash_of(MERCHANT, KeyKind::External, black_box(key));
        let found = seen.find(hash, |entry| entry.0 == hash);
        assert!(found.is_none(), "every key is new");
        lsn = lsn.next();
        seen.insert(hash, (hash, lsn), |entry| entry.0);
    });
    Box::new((keys, seen))
}

pub(super) fn index_filter(_: &Path, rounds: u64) -> Box<dyn Any> {
    let Disk { storage, chunks } = Disk::simulated(&SimStorage::default());
    let index = Index::open(storage, chunks).expect("an index");
    for run in 0..RUNS {
        let numbers = run * RUN_KEYS + 1..=(run + 1) * RUN_KEYS;
        let entries = numbers.map(|number| Entry { hash: hash(number), lsn: Lsn(number) });
        index.add(Lsn((run + 1) * RUN_KEYS), entries.collect()).expect("a run");
    }
    let runs = index.runs();
    let keys = RUNS * RUN_KEYS;
    let new: Vec<u64> = (0..keys).map(|number| hash(keys + 1 + number)).collect();
    let mut passed = 0_u64;
    each_round(rounds, &new, |hash| passed += u64::from(runs.may_have(black_box(*hash), Lsn::ZERO)));
    assert!(passed * 1_000 <= rounds, "the filters rule new keys out");
    Box::new((index, runs, new))
}

pub(super) fn record(_: &Path, rounds: u64) -> Box<dyn Any> {
    let (fingerprints, state) = (fingerprints(), state());
    let mut spread = Spread::over(SKUS, 0);
    let orders: Vec<(Event, Ask)> = (0..ORDERS)
        .map(|number| {
            let lines: Vec<(SkuNumber, u32)> = spread.lines(1);
            let order = asks::order(&fingerprints, MERCHANT, &asks::external_id(number), &lines);
            (decide(&state, &lines), Ask::PlaceOrder(order))
        })
        .collect();
    let (mut claims, mut buffer) = (Vec::new(), Vec::new());
    each_round(rounds, &orders, |(event, ask)| {
        let header = Header {
            kind: kind_of(event),
            version: version_of(event, Some(ask)),
            merchant: MERCHANT.0,
            at: 1_800_000_000_000,
            actor: 1,
            request: [1; 16],
            idempotency: None,
            fingerprint: Some([2; 16]),
        };
        buffer.clear();
        black_box(&header).encode_into(&mut buffer);
        encode_body(black_box(event), Some(ask), 0, &mut claims, &mut buffer).expect("a record");
        black_box(&buffer);
    });
    Box::new((orders, buffer, state))
}

pub(super) fn path(home: &Path, rounds: u64) -> Box<dyn Any> {
    let shop = Shop::open(home);
    let mut spread = Spread::over(SKUS, 0);
    let rounds_max = rounds_max_of("path");
    let orders = (0..rounds_max * GROUP).map(|number| {
        let fingerprints = shop.handle.fingerprints();
        let lines = spread.lines(1);
        Ask::PlaceOrder(asks::order(fingerprints, shop.merchant, &asks::external_id(number), &lines))
    });
    let mut orders: Vec<Ask> = orders.collect();
    let group = usize::try_from(GROUP).expect("a group");
    let mut accepted = 0;
    for _ in 0..rounds {
        // From the end: nothing that is left has to move, and is counted.
        let group = orders.split_off(orders.len() - group);
        shop.submit(group);
        shop.step();
        accepted += shop.answers().filter(|answer| matches!(answer, Answer::Accepted { .. })).count() as u64;
    }
    assert!(accepted == rounds * GROUP, "every order is accepted and durable");
    Box::new((shop, orders))
}

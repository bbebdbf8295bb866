//! A clock that is wrong: what it does to a running engine, and to the next one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Client, config};
use onhand_engine::clock::ManualClock;
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Disk;
use onhand_engine::snapshots::storage::{SimStorage, Storage};
use onhand_engine::{Engine, OnFailure};
use std::sync::Arc;

const DAY: u64 = 24 * 60 * 60 * 1_000;
const START: u64 = 1_700_000_000_000;

fn start(storage: &SimStorage, clock: &Arc<ManualClock>) -> Engine {
    let on_failure: OnFailure = Arc::new(|failure| panic!("{failure}"));
    let (disk, key) = (Disk::simulated(&Arc::new(storage.clone())), Fingerprints::with_key([3; 32]));
    Engine::start(disk, key, Arc::clone(clock) as _, &config(1), on_failure).unwrap()
}

/// Records are made until one has a time that nobody confirmed, before which the mark is there. The first of them may
/// still have the trusted time: a shard that looks at the clock by itself may be writing the mark.
fn record_late(client: &Client, storage: &SimStorage) {
    for round in 0..1_000 {
        let is_marked = storage.exists("clock.trusted").unwrap();
        client.sku(&format!("recorded-all-the-same-{round}"));
        if is_marked {
            return;
        }
    }
    panic!("a clock that jumped is never marked");
}

#[test]
fn time_that_nobody_confirmed_is_not_trusted_after_a_restart() {
    let (storage, clock) = (SimStorage::default(), Arc::new(ManualClock::at(START)));
    let engine = start(&storage, &clock);
    let client = Client::of(&engine, "acme");
    client.location("main");
    clock.set(START + 31 * DAY);
    record_late(&client, &storage);
    assert_eq!(engine.handle().trusted_ms(), START);
    engine.stop();

    let engine = start(&storage, &clock);
    assert_eq!(engine.handle().trusted_ms(), START, "the clock is still wrong");
    engine.stop();

    clock.set(START + 1_000);
    let engine = start(&storage, &clock);
    assert_eq!(engine.handle().trusted_ms(), START + 1_000, "mended; the late record does not count");
    clock.set(START + 31 * DAY);
    assert_eq!(engine.handle().trusted_ms(), START + 1_000);
    assert!(engine.handle().confirm_clock(), "an operator says that a month has really passed");
    assert_eq!(engine.handle().trusted_ms(), START + 31 * DAY);
    engine.stop();
    assert_eq!(start(&storage, &clock).handle().trusted_ms(), START + 31 * DAY);
}

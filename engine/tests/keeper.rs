//! Work behind the path, one piece at a time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use onhand_engine::ask::{Ask, LocationAsk, Movement, SkuAsk, StockAsk, Submission};
use onhand_engine::clock::ManualClock;
use onhand_engine::config::{DiskMarks, QueueLimits};
use onhand_engine::domain::sku::{StockState, Terms};
use onhand_engine::domain::{LocationNumber, SkuNumber};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Disk;
use onhand_engine::snapshots::storage::{SimStorage, Storage as _};
use onhand_engine::stepped::SteppedEngine;
use onhand_engine::{EngineConfig, Inbox, Item};
use std::sync::Arc;

/// Sealed segments that wait for the index when the keeper begins.
const SEALED: u64 = 12;

fn engine(storage: &SimStorage) -> SteppedEngine {
    let queues = QueueLimits { merchant_max: 64, total_max: 64 };
    let config =
        EngineConfig { shards: 1, segment_bytes: 0, snapshot_segments: 1, queues, disk: DiskMarks::NONE };
    let clock = Arc::new(ManualClock::at(1_780_000_000_000));
    SteppedEngine::start(Disk::simulated(storage), Fingerprints::with_key([1; 32]), clock, &config).unwrap()
}

/// Records of 100 KB until so many segments are sealed.
fn fill(engine: &SteppedEngine) {
    let handle = engine.handle();
    let directory = handle.directory(handle.create_merchant("acme").unwrap()).unwrap();
    let inbox = Arc::<Inbox>::default();
    let send = |ask: Ask| {
        handle.admit(&directory, ask.class()).unwrap();
        let (names, request, idempotency, fingerprint) = (directory.names(), [1; 16], None, None);
        let known = None;
        let submission =
            Submission { names, actor: 0, stage: 0, request, idempotency, fingerprint, known, ask };
        handle.submit(&inbox, &directory, vec![Item::new(0, submission)]);
        assert!(engine.shard_step(0) && engine.log_step());
    };
    let (code, kind, country) = ("main".into(), "warehouse".into(), "DE".into());
    let (region, postal_code) = (None, None);
    send(Ask::PutLocation(Box::new(LocationAsk {
        code,
        kind,
        country,
        region,
        postal_code,
        priority: 1,
        safety_stock: 0,
    })));
    let (code, title, unit, gtin, tags) = ("MUG".into(), None, None, None, Vec::new());
    let (terms, components) = (Terms::NONE, Vec::new());
    send(Ask::PutSku(Box::new(SkuAsk { code, title, unit, decimals: 0, gtin, tags, terms, components })));
    while engine.sealed() < SEALED {
        send(Ask::MoveStock(StockAsk {
            sku: SkuNumber(0),
            location: LocationNumber(0),
            movement: Movement::Receive { state: StockState::Sellable, quantity: 1 },
            reason: "received".into(),
            reference: Some("r".repeat(100_000)),
        }));
    }
}

#[test]
fn an_index_that_is_never_done_keeps_no_snapshot_and_no_archive_waiting() {
    let storage = SimStorage::default();
    let engine = engine(&storage);
    fill(&engine);
    let of_kind = |dir: &str, end: &str| {
        storage.list(dir).unwrap().into_iter().filter(|name| name.ends_with(end)).count()
    };
    let is_indexed = || engine.handle().index().covered().0 > 0;
    let (mut before_a_snapshot, mut before_an_archive) = (0, 0);
    while of_kind("log", ".zst") == 0 {
        assert!(engine.keeper_step().unwrap());
        before_an_archive += 1;
        before_a_snapshot += u32::from(of_kind("snapshots", ".gen") == 0);
    }
    assert!(is_indexed(), "the index comes first");
    assert!(before_a_snapshot <= 8 && before_an_archive <= 16, "{before_a_snapshot}, {before_an_archive}");
    assert!(of_kind("index", ".run") > 0);
    while engine.keeper_step().unwrap() {}
    let covered = engine.handle().index().covered();
    assert_eq!(engine.handle().log().sealed_behind(covered), 0, "in the end all of it is done");
    assert_eq!(of_kind("log", ".zst") as u64, SEALED);
}

//! An engine without threads in a directory of its own, and a merchant with a catalogue.
//!
//! A real directory and not a simulated disk: what the kernel does is not counted, what a simulation does would be.

use crate::cases::SKUS;
use onhand_benches::asks;
use onhand_engine::ask::{Answer, Ask, Submission};
use onhand_engine::clock::ManualClock;
use onhand_engine::config::{DiskMarks, QueueLimits};
use onhand_engine::directory::Directory;
use onhand_engine::domain::MerchantNumber;
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Disk;
use onhand_engine::stepped::SteppedEngine;
use onhand_engine::{EngineConfig, Handle, Inbox, Item};
use std::path::Path;
use std::sync::Arc;

/// The merchant of all cases.
pub(crate) const MERCHANT: &str = "counted";

/// What one segment of the log holds: more than any case writes, so that all is written into the first.
const SEGMENT_BYTES: u64 = 16 << 20;

/// The clock stands still.
const NOW_MS: u64 = 1_800_000_000_000;

/// Units of each SKU at each location: more than all orders want.
const UNITS: u32 = 100_000_000;

/// See the module.
pub(crate) struct Shop {
    engine: SteppedEngine,
    pub(crate) handle: Handle,
    pub(crate) directory: Arc<Directory>,
    pub(crate) merchant: MerchantNumber,
    inbox: Arc<Inbox>,
}

impl Shop {
    /// Opens a shop in an empty directory.
    pub(crate) fn open(home: &Path) -> Self {
        let queues = QueueLimits { merchant_max: 1 << 20, total_max: 1 << 20 };
        let disk = DiskMarks::NONE;
        let config =
            EngineConfig { shards: 1, segment_bytes: SEGMENT_BYTES, snapshot_segments: 4, queues, disk };
        let (fingerprints, clock) = (Fingerprints::with_key([3; 32]), Arc::new(ManualClock::at(NOW_MS)));
        let engine = SteppedEngine::start(Disk::at(home), fingerprints, clock, &config).expect("a start");
        let handle = engine.handle();
        let merchant = handle.create_merchant(MERCHANT).expect("a merchant");
        let directory = handle.directory(merchant).expect("its names");
        let shop = Self { engine, handle, directory, merchant, inbox: Arc::default() };
        let catalogue = asks::locations().into_iter().chain([asks::channel()]);
        let catalogue = catalogue.chain(asks::skus(SKUS)).chain(asks::receipts(SKUS, UNITS));
        shop.submit(catalogue.collect());
        shop.step();
        let recorded = shop.answers().filter(|answer| matches!(answer, Answer::Recorded { .. })).count();
        assert!(recorded == 3 + 3 * SKUS as usize, "the catalogue is there");
        shop
    }

    /// Submits all of it, as a worker would.
    pub(crate) fn submit(&self, asks: Vec<Ask>) {
        let items = asks.into_iter().map(|ask| {
            self.handle.admit(&self.directory, ask.class()).expect("room");
            let submission = Submission {
                names: self.directory.names(),
                actor: 0,
                stage: 0,
                request: [1; 16],
                idempotency: None,
                fingerprint: Some([2; 16]),
                known: None,
                ask,
            };
            Item::new(0, submission)
        });
        self.handle.submit(&self.inbox, &self.directory, items.collect());
    }

    /// Shard and log go on until nothing is left to do: what the shard took is one frame.
    pub(crate) fn step(&self) {
        while self.engine.shard_step(0) {}
        while self.engine.log_step() {}
    }

    /// What has been answered.
    pub(crate) fn answers(&self) -> impl Iterator<Item = Answer> {
        self.inbox.take().map(|(_, answer)| answer)
    }
}

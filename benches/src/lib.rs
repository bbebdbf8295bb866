//! An engine in this process, and orders for it: what the benches and `figures` share.
#![allow(clippy::expect_used, reason = "a measurement that cannot go on ends")]

pub mod asks;

use asks::Spread;
use onhand_engine::ask::{Answer, Ask, Submission};
use onhand_engine::clock::SystemClock;
use onhand_engine::config::QueueLimits;
use onhand_engine::directory::Directory;
use onhand_engine::domain::MerchantNumber;
use onhand_engine::keys::{Findings, Known};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Disk;
use onhand_engine::{Engine, EngineConfig, Handle, Inbox, Item, OnFailure};
use std::path::Path;
use std::sync::Arc;

/// Submissions of one message, as an HTTP worker would gather them.
const BATCH: usize = Handle::BATCH_MAX;

/// The merchant of all measurements.
const MERCHANT: &str = "bench";

/// An engine, one merchant, and where its answers arrive.
pub struct Shop {
    engine: Engine,
    /// The way to the engine.
    pub handle: Handle,
    directory: Arc<Directory>,
    merchant: MerchantNumber,
    inbox: Arc<Inbox>,
    runtime: tokio::runtime::Runtime,
    in_flight: usize,
    next_external: u64,
}

impl Shop {
    /// Starts an engine on a data directory; the merchant is made if it is not there.
    #[must_use]
    pub fn open(root: &Path) -> Self {
        let mut config = EngineConfig::for_cores(2);
        config.queues = QueueLimits { merchant_max: 1 << 20, total_max: 1 << 20 };
        let fingerprints = Fingerprints::open(root).expect("the key");
        let on_failure: OnFailure = Arc::new(|failure| panic!("{failure}"));
        let clock = Arc::new(SystemClock);
        let engine =
            Engine::start(Disk::at(root), fingerprints.clone(), clock, &config, on_failure).expect("a start");
        fingerprints.confirm(root).expect("the key");
        let handle = engine.handle();
        let known = handle.registry().merchant(MERCHANT);
        let merchant = known.unwrap_or_else(|| handle.create_merchant(MERCHANT).expect("a merchant"));
        let directory = handle.directory(merchant).expect("its names");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Self {
            engine,
            handle,
            directory,
            merchant,
            inbox: Arc::default(),
            runtime,
            in_flight: 0,
            next_external: 0,
        }
    }

    /// Two locations, one channel, and so many SKUs with so many units at each location.
    pub fn stock(&mut self, skus: u32, units: u32) {
        self.run(2, BATCH, asks::locations());
        self.run(1, BATCH, [asks::channel()]);
        self.run(skus as usize, 16_384, asks::skus(skus));
        self.run(skus as usize * 2, 16_384, asks::receipts(skus, units));
    }

    /// Goes on behind the first `count` external ids.
    pub fn skip(&mut self, count: usize) {
        self.next_external = count as u64;
    }

    /// So many orders of so many lines over `skus` SKUs, each with an external id of its own.
    pub fn orders(&mut self, count: usize, lines: u32, skus: u32) -> Vec<Ask> {
        let mut spread = Spread::over(skus, self.next_external);
        (0..count)
            .map(|_| {
                self.next_external += 1;
                let external_id = asks::external_id(self.next_external);
                let lines = spread.lines(lines);
                let fingerprints = self.handle.fingerprints();
                Ask::PlaceOrder(asks::order(fingerprints, self.merchant, &external_id, &lines))
            })
            .collect()
    }

    /// Submits all of it with at most `depth` under way and waits for every answer, each of them durable.
    /// Returns the LSN of every accepted order, in no order.
    pub fn run(&mut self, count: usize, depth: usize, asks: impl IntoIterator<Item = Ask>) -> Vec<u64> {
        let mut asks = asks.into_iter();
        let mut accepted = Vec::new();
        let (mut sent, mut done) = (0, 0);
        while done < count {
            while self.in_flight < depth && sent < count {
                let room = (depth - self.in_flight).min(BATCH);
                let items: Vec<Item> = asks.by_ref().take(room).map(|ask| self.item(ask)).collect();
                if items.is_empty() {
                    break;
                }
                sent += items.len();
                self.in_flight += items.len();
                self.handle.submit(&self.inbox, &self.directory, items);
            }
            self.runtime.block_on(self.inbox.arrived());
            let mut again = Vec::new();
            for (_, answer) in self.inbox.take() {
                done += 1;
                match answer {
                    Answer::Accepted { lsn, .. } => accepted.push(lsn.0),
                    Answer::Recorded { .. } => {}
                    Answer::Perhaps { hash, submission, .. } => again.push((hash, submission.ask)),
                    other => panic!("not what was measured: {other:?}"),
                }
            }
            self.in_flight = self.handle.in_flight();
            done -= again.len();
            self.look_up(again);
        }
        accepted
    }

    /// Sends the first `count` orders of this data directory once more; says how many the engine knew.
    pub fn known_again(&mut self, count: usize, lines: u32, skus: u32) -> usize {
        self.next_external = 0;
        let asks = self.orders(count, lines, skus);
        let (mut known, mut done) = (0, 0);
        let mut asks = asks.into_iter();
        while done < count {
            let items: Vec<Item> = asks.by_ref().take(BATCH).map(|ask| self.item(ask)).collect();
            done += items.len();
            self.handle.submit(&self.inbox, &self.directory, items);
        }
        while done > 0 {
            self.runtime.block_on(self.inbox.arrived());
            let runs = self.handle.index().runs();
            for (_, answer) in self.inbox.take() {
                done -= 1;
                known += usize::from(match answer {
                    Answer::Repeats { .. } => true,
                    Answer::Perhaps { hash, .. } => !runs.find(hash).expect("the index").is_empty(),
                    _ => false,
                });
            }
        }
        known
    }

    /// What a filter of the index could not rule out: all are new here, so all come again.
    fn look_up(&mut self, again: Vec<(u64, Ask)>) {
        let runs = self.handle.index().runs();
        let external = Findings { searched: runs.covered().0, ..Findings::default() };
        let mut items = Vec::with_capacity(again.len());
        for (hash, ask) in again {
            assert!(runs.find(hash).expect("the index").is_empty(), "every order is new");
            let submission = self.submission(ask);
            let known = Some(Box::new(Known { external: external.clone(), ..Known::default() }));
            items.push(Item::new(0, Submission { known, ..submission }));
        }
        if !items.is_empty() {
            self.handle.submit(&self.inbox, &self.directory, items);
        }
    }

    fn item(&self, ask: Ask) -> Item {
        Item::new(0, self.submission(ask))
    }

    fn submission(&self, ask: Ask) -> Submission {
        self.handle.admit(&self.directory, ask.class()).expect("room");
        Submission {
            names: self.directory.names(),
            actor: 0,
            stage: 0,
            request: [1; 16],
            idempotency: None,
            fingerprint: Some([2; 16]),
            known: None,
            ask,
        }
    }

    /// Stops the engine.
    pub fn close(self) {
        let Self { engine, handle, .. } = self;
        drop(handle);
        engine.stop();
    }
}

/// Resident memory of this process, in bytes.
#[must_use]
pub fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = status.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4_096
}

//! An engine in this process, and orders for it: what the benches and the tools that measure share.
#![allow(
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "a measurement divides, and one that cannot go on ends"
)]

pub mod asks;
pub mod children;
pub mod load;
pub mod machine;
pub mod numbers;
pub mod orders;
pub mod picture;
pub mod submit;
pub mod trickle;

use onhand_engine::ask::{Answer, Ask, ChannelAsk, LocationAsk, Movement, ReadAsk, SkuAsk, StockAsk};
use onhand_engine::clock::SystemClock;
use onhand_engine::config::QueueLimits;
use onhand_engine::domain::command::RANK;
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::promise::StockPolicy;
use onhand_engine::domain::sku::{StockState, Terms};
use onhand_engine::domain::{LocationNumber, SkuNumber};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::{Engine, EngineConfig, Handle, Inbox, Item, OnFailure};
use orders::Orders;
use std::path::Path;
use std::sync::Arc;
use submit::Submitter;

/// Submissions of one message, as an HTTP worker would gather them.
const BATCH: usize = Handle::BATCH_MAX;

/// Under way at once where only the throughput counts.
pub const DEPTH: usize = 16_384;

/// Orders that are made at once, before their time is taken: some tens of megabytes.
pub const PIECE: usize = 200_000;

/// The merchant of all measurements.
const MERCHANT: &str = "bench";

/// Movements that bring the buffers of an engine to the size that they have under load.
const WARM_UP: usize = 200_000;

/// An engine, one merchant, and where its answers arrive.
pub struct Shop {
    engine: Engine,
    /// The way to the engine.
    pub handle: Handle,
    submitter: Submitter,
    orders: Orders,
    inbox: Arc<Inbox>,
    runtime: tokio::runtime::Runtime,
    in_flight: usize,
}

impl Shop {
    /// Starts an engine on a data directory; the merchant is made if it is not there.
    #[must_use]
    pub fn open(root: &Path) -> Self {
        Self::open_with(root, |_| ())
    }

    /// The same with other settings.
    #[must_use]
    pub fn open_with(root: &Path, set: impl FnOnce(&mut EngineConfig)) -> Self {
        let mut config = EngineConfig::for_cores(2);
        config.queues = QueueLimits { merchant_max: 1 << 20, total_max: 1 << 20 };
        set(&mut config);
        let fingerprints = Fingerprints::open(root).expect("the key");
        let clock = Arc::new(SystemClock);
        let engine = Engine::start(Disk::at(root), fingerprints.clone(), clock, &config, end_on_failure());
        let engine = engine.expect("a start");
        fingerprints.confirm(root).expect("the key");
        let handle = engine.handle();
        let known = handle.registry().merchant(MERCHANT);
        let merchant = known.unwrap_or_else(|| handle.create_merchant(MERCHANT).expect("a merchant"));
        let directory = handle.directory(merchant).expect("its names");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut shop = Self {
            engine,
            submitter: Submitter::new(handle.clone(), directory),
            orders: Orders::new(handle.fingerprints().clone(), merchant),
            handle,
            inbox: Arc::default(),
            runtime,
            in_flight: 0,
        };
        // Before a shard's thread has begun, its mailbox holds a few batches only and turns the others away.
        shop.run(1, 1, [Ask::Read(ReadAsk::Orders(Vec::new()))]);
        shop
    }

    /// Two locations, one channel, and so many SKUs with so many units at each location.
    pub fn stock(&mut self, skus: u32, units: u32) {
        self.stock_at(2, skus, units);
    }

    /// The same with so many locations. Nothing of it waits in memory: each ask is made when it is submitted.
    pub fn stock_at(&mut self, locations: u16, skus: u32, units: u32) {
        let location = |number: u16| LocationAsk {
            code: format!("location-{number}"),
            kind: "warehouse".into(),
            country: "DE".into(),
            region: None,
            postal_code: None,
            priority: 1,
            safety_stock: 0,
        };
        let put = (0..locations).map(|number| Ask::PutLocation(Box::new(location(number))));
        self.run(locations.into(), BATCH, put);
        let (kind, policy) = ("api".into(), Policy::Reject);
        let served = (0..locations).map(LocationNumber).collect();
        let channel = ChannelAsk {
            code: "web".into(),
            kind,
            locations: served,
            policy,
            stock_policy: StockPolicy::SHARED,
            rank: RANK,
            profile: None,
        };
        self.run(1, BATCH, [Ask::PutChannel(Box::new(channel))]);
        let put = (0..skus).map(|number| {
            let code = format!("SKU-{number:08}");
            let (title, unit, gtin) = (Some(format!("Article number {number}")), None, None);
            Ask::PutSku(Box::new(SkuAsk {
                code,
                title,
                unit,
                decimals: 0,
                gtin,
                tags: Vec::new(),
                terms: Terms::NONE,
                components: Vec::new(),
            }))
        });
        self.run(skus as usize, DEPTH, put);
        let places = (0..skus).flat_map(|sku| (0..locations).map(move |location| (sku, location)));
        let receive = places.map(|(sku, location)| received(sku, location, units));
        self.run(skus as usize * usize::from(locations), DEPTH, receive);
    }

    /// Makes the engine work once as it will under load, so that what its buffers take is there before anything is
    /// counted.
    pub fn warm_up(&mut self) {
        self.stock_at(1, 1, 1);
        self.movements(WARM_UP);
        self.handle.tidy().expect("behind the path");
    }

    /// So many movements of the first SKU: records that leave no more in memory than one does.
    pub fn movements(&mut self, count: usize) {
        self.run(count, DEPTH, (0..count).map(|_| received(0, 0, 1)));
    }

    /// The same, each with an idempotency key that was not seen before.
    pub fn keyed_movements(&mut self, count: usize) {
        let key = |number: usize| {
            let mut key = [0; 16];
            key[..8].copy_from_slice(&number.to_le_bytes());
            (received(0, 0, 1), Some(key))
        };
        self.run_keyed(count, DEPTH, (0..count).map(key));
    }

    /// Writes records without keys until the index has all that were written before, and does what is then due.
    pub fn until_indexed(&mut self) {
        let last: Lsn = self.handle.durable();
        while self.handle.index().covered() < last {
            self.movements(PIECE);
            self.handle.tidy().expect("behind the path");
        }
        // A shard lets go of what the index has when it works next.
        self.movements(DEPTH);
    }

    /// Goes on behind the first `count` external ids.
    pub fn skip(&mut self, count: usize) {
        self.orders.skip(count as u64);
    }

    /// So many orders of so many lines over `skus` SKUs, each with an external id of its own.
    pub fn orders(&mut self, count: usize, lines: u32, skus: u32) -> Vec<Ask> {
        (0..count).map(|_| self.orders.next(lines, skus)).collect()
    }

    /// Places so many orders and leaves them open. None waits in memory before it is submitted.
    pub fn open_orders(&mut self, count: usize, lines: u32, skus: u32) {
        let mut orders = self.orders.clone();
        let mut done = 0;
        while done < count {
            let piece = (count - done).min(PIECE);
            let accepted = self.run(piece, DEPTH, (0..piece).map(|_| orders.next(lines, skus)));
            assert_eq!(accepted.len(), piece, "every order has its stock");
            done += piece;
        }
        self.orders = orders;
    }

    /// Submits all of it with at most `depth` under way and waits for every answer, each of them durable.
    /// Returns the LSN of every accepted order, in no order.
    pub fn run(&mut self, count: usize, depth: usize, asks: impl IntoIterator<Item = Ask>) -> Vec<u64> {
        self.run_keyed(count, depth, asks.into_iter().map(|ask| (ask, None)))
    }

    fn run_keyed(
        &mut self,
        count: usize,
        depth: usize,
        asks: impl IntoIterator<Item = (Ask, Option<[u8; 16]>)>,
    ) -> Vec<u64> {
        let mut asks = asks.into_iter();
        let mut accepted = Vec::new();
        let (mut sent, mut done) = (0, 0);
        while done < count {
            while self.in_flight < depth && sent < count {
                let room = (depth - self.in_flight).min(BATCH);
                let submitter = &self.submitter;
                let made = asks.by_ref().take(room).map(|(ask, key)| submitter.item(0, ask, key));
                let items: Vec<Item> = made.collect();
                if items.is_empty() {
                    break;
                }
                sent += items.len();
                self.in_flight += items.len();
                self.submitter.send(&self.inbox, items);
            }
            self.runtime.block_on(self.inbox.arrived());
            let mut again = Vec::new();
            for (ticket, answer) in self.inbox.take() {
                done += 1;
                match answer {
                    Answer::Accepted { lsn, .. } => accepted.push(lsn.0),
                    Answer::Recorded { .. } | Answer::Read { .. } => {}
                    Answer::Perhaps { hash, submission, .. } => {
                        again.push(self.submitter.look_up(ticket, hash, *submission));
                    }
                    other => panic!("not what was measured: {other:?}"),
                }
            }
            self.in_flight = self.handle.in_flight();
            done -= again.len();
            self.submitter.send(&self.inbox, again);
        }
        accepted
    }

    /// Sends the first `count` orders of this data directory once more; says how many the engine knew.
    pub fn known_again(&mut self, count: usize, lines: u32, skus: u32) -> usize {
        self.orders.skip(0);
        let asks = self.orders(count, lines, skus);
        let (mut known, mut done) = (0, 0);
        let mut asks = asks.into_iter();
        while done < count {
            let made = asks.by_ref().take(BATCH).map(|ask| self.submitter.item(0, ask, None));
            let items: Vec<Item> = made.collect();
            done += items.len();
            self.submitter.send(&self.inbox, items);
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

    /// Stops the engine.
    pub fn close(self) {
        let Self { engine, handle, submitter, .. } = self;
        drop((handle, submitter));
        engine.stop();
    }
}

/// Stock that comes in.
fn received(sku: u32, location: u16, quantity: u32) -> Ask {
    Ask::MoveStock(StockAsk {
        sku: SkuNumber(sku),
        location: LocationNumber(location),
        movement: Movement::Receive { state: StockState::Sellable, quantity },
        reason: "received".into(),
        reference: None,
    })
}

/// Whoever measures waits for answers that would not come.
#[expect(clippy::print_stderr, reason = "a tool of the command line")]
fn end_on_failure() -> OnFailure {
    Arc::new(|failure| {
        eprintln!("{failure}");
        std::process::exit(1);
    })
}

/// Resident memory of this process, in bytes.
#[must_use]
pub fn resident_bytes() -> u64 {
    resident_bytes_of("self")
}

/// Resident memory of a process by its number, in bytes; 0 if there is none.
#[must_use]
pub fn resident_bytes_of(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let pages: u64 = status.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}

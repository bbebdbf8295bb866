//! The four parts of a size, each in a process of its own:
//!
//! 1. **fill** an empty directory: the catalogue, then the open orders; count the memory, write a snapshot with nothing
//!    beside it, and leave a tail of orders behind it;
//! 2. **start** from the snapshot and the tail;
//! 3. **replay**: start from the log alone, the snapshots put aside meanwhile;
//! 4. **load**: start as in 2, and place orders as fast as they go; then orders at a steady rate, alone and while
//!    snapshots are written.
//!
//! Files are in the page cache where there is room for them: a start is the processor's time, not the disk's.

use onhand_benches::load::load as load_orders;
use onhand_benches::machine::disk_bytes;
use onhand_benches::trickle::{Delays, trickle};
use onhand_benches::{DEPTH, PIECE, Shop, resident_bytes};
use onhand_engine::clock::Stopwatch;
use onhand_engine::snapshots::generation::SNAPSHOT_DIR;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Enough of each SKU for every order that is placed.
const UNITS: u32 = 1_000_000;

/// Orders behind the snapshot for each hundred that it holds.
const TAIL_PERCENT: usize = 10;

/// How long orders come at a steady rate, at least: small snapshots are written one after the other meanwhile.
const STEADY: Duration = Duration::from_secs(10);

/// One size.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Size {
    pub(crate) skus: u32,
    /// Open orders.
    pub(crate) orders: usize,
    /// Orders whose throughput is measured.
    pub(crate) load: usize,
}

impl Size {
    /// Open orders with those behind the snapshot.
    fn with_tail(self) -> usize {
        self.orders + self.tail()
    }

    fn tail(self) -> usize {
        self.orders * TAIL_PERCENT / 100
    }
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Stage {
    Fill,
    Start,
    Replay,
    Load,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Fill => "fill",
            Self::Start => "start",
            Self::Replay => "replay",
            Self::Load => "load",
        })
    }
}

/// What filling found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Filled {
    /// From the first SKU's submission to the last one's stock, all durable.
    pub(crate) catalogue_seconds: f64,
    pub(crate) orders_seconds: f64,
    /// Resident, in bytes: without anything, with the SKUs, with the orders.
    pub(crate) resident: [u64; 3],
    pub(crate) snapshot_seconds: f64,
    pub(crate) snapshot_bytes: u64,
    /// What the whole directory takes on the disk, in bytes.
    pub(crate) directory_bytes: u64,
}

/// What a start found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Started {
    pub(crate) seconds: f64,
    pub(crate) resident: u64,
}

/// What the load found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Loaded {
    pub(crate) orders_per_second: f64,
    /// What the shard spent on an order, in nanoseconds.
    pub(crate) shard_nanoseconds: f64,
    /// Orders at a steady rate, alone.
    pub(crate) alone: Delays,
    /// The same while snapshots are written, and how long each of these took then.
    pub(crate) beside_snapshot: Delays,
    pub(crate) snapshot_seconds: f64,
}

pub(crate) fn fill(root: &Path, size: Size) -> Filled {
    std::fs::create_dir(root).expect("a directory for the data");
    let mut shop = Shop::open(root);
    shop.warm_up();
    let empty = resident_bytes();
    let watch = Stopwatch::start();
    shop.stock_at(1, size.skus, UNITS);
    let catalogue_seconds = watch.elapsed().as_secs_f64();
    shop.handle.tidy().expect("behind the path");
    let with_skus = resident_bytes();
    let watch = Stopwatch::start();
    shop.open_orders(size.orders, 1, size.skus);
    let orders_seconds = watch.elapsed().as_secs_f64();
    shop.handle.tidy().expect("behind the path");
    let with_orders = resident_bytes();
    let watch = Stopwatch::start();
    shop.handle.snapshot().expect("a snapshot");
    let snapshot_seconds = watch.elapsed().as_secs_f64();
    let snapshot_bytes = disk_bytes(&newest_generation(root)).expect("the snapshot's size");
    shop.open_orders(size.tail(), 1, size.skus);
    shop.close();
    let directory_bytes = disk_bytes(root).expect("the directory's size");
    let resident = [empty, with_skus, with_orders];
    Filled { catalogue_seconds, orders_seconds, resident, snapshot_seconds, snapshot_bytes, directory_bytes }
}

fn newest_generation(root: &Path) -> PathBuf {
    let entries = std::fs::read_dir(root.join(SNAPSHOT_DIR)).expect("the snapshots");
    let names = entries.flatten().map(|entry| entry.path());
    let generations = names.filter(|path| path.extension().is_some_and(|end| end == "gen"));
    generations.max().expect("a snapshot was written")
}

/// Opens the shop, and says how long that took. No snapshot is written unless somebody asks for it.
fn opened(root: &Path) -> (Shop, Started) {
    let watch = Stopwatch::start();
    let shop = Shop::open_with(root, |config| config.snapshot_segments = usize::MAX);
    let seconds = watch.elapsed().as_secs_f64();
    (shop, Started { seconds, resident: resident_bytes() })
}

pub(crate) fn start(root: &Path) -> Started {
    let (shop, started) = opened(root);
    shop.close();
    started
}

pub(crate) fn replay(root: &Path) -> Started {
    let away = root.with_extension("away");
    std::fs::rename(root.join(SNAPSHOT_DIR), &away).expect("the snapshots out of the way");
    let (shop, started) = opened(root);
    shop.close();
    let back = root.join(SNAPSHOT_DIR);
    assert!(!back.exists(), "a start from the log alone writes no snapshot here");
    std::fs::rename(&away, back).expect("the snapshots back in their place");
    started
}

pub(crate) fn load(root: &Path, size: Size) -> Loaded {
    let (mut shop, _) = opened(root);
    shop.skip(size.with_tail());
    shop.movements(PIECE);
    let load = load_orders(&mut shop, size.load, 1, DEPTH, size.skus);
    // What is due is done before, so that nothing but the snapshot runs beside.
    shop.handle.tidy().expect("behind the path");
    let alone = trickle(&mut shop, size.skus, || std::thread::sleep(STEADY));
    shop.handle.tidy().expect("behind the path");
    let handle = shop.handle.clone();
    let (mut snapshots, mut seconds) = (0, 0.0);
    let beside_snapshot = trickle(&mut shop, size.skus, || {
        let watch = Stopwatch::start();
        while watch.elapsed() < STEADY {
            handle.snapshot().expect("a snapshot");
            snapshots += 1;
            seconds = watch.elapsed().as_secs_f64();
        }
    });
    let snapshot_seconds = seconds / f64::from(snapshots);
    drop(handle);
    shop.close();
    Loaded {
        orders_per_second: load.per_second(),
        shard_nanoseconds: load.shard_nanoseconds(),
        alone,
        beside_snapshot,
        snapshot_seconds,
    }
}

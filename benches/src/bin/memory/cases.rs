//! What is counted in this process: so many of one thing, and nothing else that grows with their number.

use onhand_benches::Shop;
use onhand_engine::EngineConfig;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Keys of one table of young keys: two tables are both full.
const TABLE_KEYS: usize = 1 << 20;

/// No segment is sealed as long as keys are to stay young: two tables of them are some 250 MB of log.
const LARGE_SEGMENT: u64 = 512 << 20;

/// SKUs of the orders.
const SKUS: u32 = 10_000;

/// Of each SKU.
const UNITS: u32 = 1_000_000;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Case {
    /// SKUs with their names and stock at so many locations.
    SkuAt1,
    SkuAt2,
    SkuAt3,
    SkuAt8,
    /// Open orders of so many lines, their keys in the index.
    OrderOf1,
    OrderOf3,
    /// Idempotency keys that no index has yet, and such that one has.
    YoungKey,
    IndexedKey,
}

/// What a process holds at the end, in bytes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Counted {
    pub(crate) asked_for: u64,
    pub(crate) resident: u64,
}

impl Case {
    pub(crate) const ALL: [Self; 8] = [
        Self::SkuAt1,
        Self::SkuAt2,
        Self::SkuAt3,
        Self::SkuAt8,
        Self::OrderOf1,
        Self::OrderOf3,
        Self::YoungKey,
        Self::IndexedKey,
    ];

    /// How many, and then twice as many. So many that a table of keys that was dropped, whose pages the allocator keeps for
    /// a while, is small beside them.
    pub(crate) fn things(self) -> usize {
        match self {
            Self::SkuAt8 | Self::SkuAt2 | Self::SkuAt3 => 500_000,
            Self::SkuAt1 | Self::OrderOf1 | Self::OrderOf3 | Self::IndexedKey => 2_000_000,
            Self::YoungKey => TABLE_KEYS,
        }
    }

    /// Makes so many of them, in a process that then ends.
    pub(crate) fn make(self, root: &Path, things: usize) {
        let segment =
            if self == Self::YoungKey { LARGE_SEGMENT } else { EngineConfig::for_cores(2).segment_bytes };
        // No snapshots: the memory that they take meanwhile would be kept by the allocator, more or less of it.
        let mut shop = Shop::open_with(root, |config| {
            (config.segment_bytes, config.snapshot_segments) = (segment, usize::MAX);
        });
        shop.warm_up();
        match self {
            Self::SkuAt1 => skus(&mut shop, 1, things),
            Self::SkuAt2 => skus(&mut shop, 2, things),
            Self::SkuAt3 => skus(&mut shop, 3, things),
            Self::SkuAt8 => skus(&mut shop, 8, things),
            Self::OrderOf1 => orders(&mut shop, 1, things),
            Self::OrderOf3 => orders(&mut shop, 3, things),
            Self::YoungKey => shop.keyed_movements(things),
            Self::IndexedKey => {
                shop.keyed_movements(things);
                shop.until_indexed();
            }
        }
        shop.handle.tidy().expect("behind the path");
        // It is counted as it stands, and not stopped before.
        std::mem::forget(shop);
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = clap::ValueEnum::to_possible_value(self);
        out.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

fn skus(shop: &mut Shop, locations: u16, things: usize) {
    shop.stock_at(locations, u32::try_from(things).expect("a number of SKUs"), UNITS);
}

fn orders(shop: &mut Shop, lines: u32, things: usize) {
    shop.stock_at(1, SKUS, UNITS);
    shop.open_orders(things, lines, SKUS);
    shop.until_indexed();
}

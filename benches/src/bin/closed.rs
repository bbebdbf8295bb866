//! What closed orders cost: memory for each, and whether their external ids are known after a restart. Run by
//! hand and read beside `docs/PERFORMANCE.md`.
//!
//! ```text
//! cargo run --release -p onhand-benches --bin closed -- DIRECTORY [ORDERS]
//! ```
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "a measurement: it divides and prints"
)]

use onhand_benches::children::{found_by, tell};
use onhand_benches::{Shop, resident_bytes};
use onhand_engine::ask::{Ask, CancelAsk};
use onhand_engine::domain::OrderId;
use std::path::{Path, PathBuf};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SKUS: u32 = 10_000;
/// Open at the same time at the most.
const PIECE: usize = 100_000;
/// Closed before the count begins: the first runs of the index bring buffers and tables of sled, and room that the
/// allocator keeps, whatever they hold.
const BEFORE: usize = 2_000_000;
/// Instead of a number: start, say what is resident, stop.
const OPEN: &str = "open";
/// Sent once more after the restart.
const AGAIN: usize = 100_000;

/// Places orders and cancels each whole.
fn close_orders(shop: &mut Shop, count: usize) {
    let mut done = 0;
    while done < count {
        let piece = (count - done).min(PIECE);
        let asks = shop.orders(piece, 1, SKUS);
        let accepted = shop.run(piece, 16_384, asks);
        let cancel = |order| Ask::CancelOrder(CancelAsk { order: OrderId(order), lines: None, reason: None });
        shop.run(piece, 16_384, accepted.into_iter().map(cancel));
        done += piece;
    }
}

/// What a process of its own holds once it has started on this data directory, in bytes: memory that this one
/// once took and let go of is not to be counted.
fn just_started(root: &Path) -> u64 {
    found_by([root.into(), OPEN.into()])
}

fn open_only(root: &Path) {
    let shop = Shop::open(root);
    tell(&resident_bytes());
    shop.close();
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(arguments.next().expect("a directory for the data"));
    let count = arguments.next();
    if count.as_deref() == Some(OPEN) {
        return open_only(&root);
    }
    let count: usize = count.map_or(10_000_000, |text| text.parse().expect("a number of orders"));
    std::fs::create_dir_all(&root).expect("the directory");
    let home = tempfile::tempdir_in(&root).expect("a directory in it");
    let root = home.path();
    let mut shop = Shop::open(root);
    shop.stock(SKUS, 1_000_000);
    close_orders(&mut shop, BEFORE);
    shop.handle.tidy().expect("behind the path");
    shop.handle.snapshot().expect("a snapshot");
    shop.close();
    let before = just_started(root);
    println!("{BEFORE} closed orders, just started   {:8.1} MB resident", before as f64 / 1e6);
    let mut shop = Shop::open(root);
    shop.skip(BEFORE);
    close_orders(&mut shop, count);
    shop.handle.tidy().expect("behind the path");
    println!("{count} more, running      {:8.1} MB resident", resident_bytes() as f64 / 1e6);
    shop.handle.snapshot().expect("a snapshot");
    shop.close();
    let after = just_started(root);
    let each = after.saturating_sub(before) as f64 / count as f64;
    println!("{count} more, just started {:8.1} MB resident, {each:.2} bytes each", after as f64 / 1e6);
    let mut shop = Shop::open(root);
    let known = shop.known_again(AGAIN, 1, SKUS);
    println!("{known} of {AGAIN} external ids of closed orders are known");
    shop.close();
}

//! The figures of size and restart at full scale, each printed with what it was measured on. Not timed tests:
//! run by hand, several times, and read beside `docs/PERFORMANCE.md`.
//!
//! ```text
//! cargo run --release -p onhand-benches --bin figures -- DIRECTORY [SKUS] [ORDERS]
//! ```
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "a measurement: it reads clocks, divides and prints"
)]

use onhand_benches::load::load;
use onhand_benches::{DEPTH, Shop, resident_bytes};
use std::path::PathBuf;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(arguments.next().expect("a directory for the data"));
    let skus: u32 = arguments.next().map_or(1_000_000, |text| text.parse().expect("a number of SKUs"));
    let count: usize = arguments.next().map_or(1_000_000, |text| text.parse().expect("a number of orders"));
    std::fs::create_dir_all(&root).expect("the directory");
    let home = tempfile::tempdir_in(&root).expect("a directory in it");
    let root = home.path();
    let mut shop = Shop::open(root);
    let empty = resident_bytes();
    println!("empty engine                        {:8.1} MB", megabytes(empty));
    shop.stock(skus, 1_000_000);
    shop.handle.tidy().expect("behind the path");
    let with_skus = resident_bytes();
    println!("{skus} SKUs, two locations each     {:8.1} MB resident", megabytes(with_skus));
    let rate = load(&mut shop, count, 3, DEPTH, skus).per_second();
    println!("{count} orders of 3 lines, 16,384 in flight   {rate:8.0} orders/s");
    shop.handle.tidy().expect("behind the path");
    let with_orders = resident_bytes();
    let each = with_orders.saturating_sub(with_skus) as f64 / count as f64;
    println!(
        "an open order of 3 lines            {each:8.1} bytes resident, its keys until indexed included"
    );
    let start = Instant::now();
    shop.handle.snapshot().expect("a snapshot");
    println!("a snapshot of all of it             {:8.2} s", start.elapsed().as_secs_f64());
    shop.close();
    let start = Instant::now();
    let shop = Shop::open(root);
    println!(
        "a start from it                     {:8.2} s, {:.1} MB resident",
        start.elapsed().as_secs_f64(),
        megabytes(resident_bytes())
    );
    shop.close();
    std::fs::remove_dir_all(root.join("snapshots")).expect("snapshots");
    let start = Instant::now();
    let shop = Shop::open(root);
    println!("a start from the log alone          {:8.2} s", start.elapsed().as_secs_f64());
    shop.close();
}

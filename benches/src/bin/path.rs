//! The order path in process, and what each thread spends on an order: one line a round.
//!
//! ```text
//! cargo run --release -p onhand-benches --bin path -- DIRECTORY [LINES] [DEPTH] [ORDERS] [SKUS] [ROUNDS]
//! ```
#![allow(clippy::print_stdout, clippy::expect_used, clippy::float_arithmetic, reason = "a measurement")]

use onhand_benches::load::load;
use onhand_benches::{DEPTH, Shop};
use std::fs;
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn round(shop: &mut Shop, lines: u32, depth: usize, orders: usize, skus: u32) {
    let load = load(shop, orders, lines, depth, skus);
    let rate = load.per_second();
    print!("{rate:.0} orders/s, {:.0} ns an order;", 1e9 / rate);
    for name in load.threads.keys() {
        let each = load.nanoseconds_of(name);
        if each >= 1.0 {
            print!(" {name} {each:.0}");
        }
    }
    println!();
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(arguments.next().expect("a directory on the disk to be measured"));
    let mut number = |or: usize| arguments.next().map_or(or, |text| text.parse().expect("a number"));
    let (lines, depth, orders) = (number(1), number(DEPTH), number(1_000_000));
    let (skus, rounds) = (number(10_000), number(5));
    fs::create_dir_all(&root).expect("the directory");
    let home = tempfile::tempdir_in(&root).expect("a directory in it");
    let mut shop = Shop::open(home.path());
    let skus = u32::try_from(skus).expect("a number of SKUs");
    shop.stock(skus, 500_000_000);
    for _ in 0..rounds {
        round(&mut shop, u32::try_from(lines).expect("some lines"), depth, orders, skus);
    }
    shop.close();
}

//! The order path in process, and what each thread spends on an order: one line a round.
//!
//! ```text
//! cargo run --release -p onhand-benches --bin path -- DIRECTORY [LINES] [DEPTH] [ORDERS] [SKUS] [ROUNDS]
//! ```
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "a measurement: it reads clocks, divides and prints"
)]

use onhand_benches::Shop;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Orders that are made at once, before their time is taken.
const PIECE: usize = 200_000;

/// Processor time of every thread of this process in nanoseconds, by its name; threads of one name are summed.
fn spent() -> BTreeMap<String, u64> {
    let mut spent = BTreeMap::new();
    let tasks = fs::read_dir("/proc/self/task").expect("the threads of this process");
    for task in tasks.flatten().map(|task| task.path()) {
        // A thread may have ended meanwhile.
        let Ok(name) = fs::read_to_string(task.join("comm")) else { continue };
        let Ok(schedstat) = fs::read_to_string(task.join("schedstat")) else { continue };
        let on_processor = schedstat.split(' ').next().and_then(|text| text.parse::<u64>().ok());
        *spent.entry(name.trim().to_owned()).or_default() += on_processor.unwrap_or(0);
    }
    spent
}

fn round(shop: &mut Shop, lines: u32, depth: usize, orders: usize, skus: u32) {
    let (mut seconds, mut done) = (0.0, 0);
    let mut threads: BTreeMap<String, u64> = BTreeMap::new();
    while done < orders {
        let piece = (orders - done).min(PIECE);
        let asks = shop.orders(piece, lines, skus);
        let (before, start) = (spent(), Instant::now());
        shop.run(piece, depth, asks);
        seconds += start.elapsed().as_secs_f64();
        for (name, after) in spent() {
            let since = after.saturating_sub(before.get(&name).copied().unwrap_or(0));
            *threads.entry(name).or_default() += since;
        }
        done += piece;
    }
    print!("{:.0} orders/s, {:.0} ns an order;", orders as f64 / seconds, seconds * 1e9 / orders as f64);
    for (name, nanoseconds) in threads {
        let each = nanoseconds as f64 / orders as f64;
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
    let (lines, depth, orders) = (number(1), number(16_384), number(1_000_000));
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

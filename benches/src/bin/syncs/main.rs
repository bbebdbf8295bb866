//! What it costs to make a write durable, by the ways that there are, and to seal a frame: Markdown tables. Run by hand,
//! on an idle machine.
//!
//! ```text
//! cargo run --release -p onhand-benches --bin syncs -- DIRECTORY [--rounds 5]
//! ```
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "a measurement: it divides and prints"
)]

mod checksums;
mod ways;
mod writes;

use clap::Parser;
use onhand_benches::children::say;
use onhand_benches::machine::machine;
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a write, and of a frame: what one order takes, what gathers under load, and the longest frame.
const SIZES: [usize; 3] = [4 << 10, 64 << 10, 1 << 20];

/// Durable writes, and the checksums of a frame.
#[derive(Parser)]
struct Arguments {
    /// A directory on the disk to be measured, with 3 GB of room; nothing stays in it.
    directory: PathBuf,
    /// Each way and size comes once a round, one after the other.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Does a part of the writes, to try the tool.
    #[arg(long, default_value_t = 1)]
    divide: usize,
}

fn main() {
    let arguments = Arguments::parse();
    std::fs::create_dir_all(&arguments.directory).expect("the directory");
    let mut writes = writes::Writes::default();
    let mut checksums = checksums::Checksums::default();
    for round in 1..=arguments.rounds {
        say(&format!("round {round} of {}", arguments.rounds));
        writes.round(&arguments.directory, arguments.divide);
        checksums.round(arguments.divide);
    }
    println!("{}, {} rounds\n", machine(), arguments.rounds);
    println!("{}\n{}\n", writes.table(), writes::NOTES);
    println!("{}\n{}", checksums.table(), checksums::NOTES);
}

/// How a size is written.
fn name_of(bytes: usize) -> String {
    if bytes < 1 << 20 { format!("{} KiB", bytes >> 10) } else { format!("{} MiB", bytes >> 20) }
}

//! What grows with the number of SKUs and of open orders, and how: a row for each power of ten, as a Markdown table.
//! Run by hand, on an idle machine.
//!
//! ```text
//! cargo run --release -p onhand-benches --bin scale -- DIRECTORY [--from 4] [--to 7] [--json FILE] [--svg FILE]
//! ```
//! Each size has a data directory of its own and is measured in four processes, one after the other: what a process
//! holds, and how fast it is, must not depend on what was measured in it before. See [`stages`].
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "a measurement: it divides and prints"
)]

mod row;
mod stages;

use clap::Parser;
use onhand_benches::children::{found_by, say, tell};
use onhand_benches::machine::{free_disk, free_memory, machine};
use onhand_benches::picture::draw;
use row::{Row, panels, table};
use stages::{Filled, Loaded, Size, Stage, Started};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What one SKU and its order may take of the disk: some 400 bytes of log, once raw and once archived, four snapshots
/// while the fourth is written, and the index.
const DISK_EACH: u64 = 1_500;

/// The same of the memory: some 300 bytes, and as much again while a snapshot has its picture of it.
const MEMORY_EACH: u64 = 1_200;

/// What any size takes beside that, of each.
const FREE_LEFT: u64 = 2 << 30;

/// SKUs by powers of ten: what grows, and how.
#[derive(Parser)]
struct Arguments {
    /// A directory on the disk to be measured; nothing stays in it.
    directory: PathBuf,
    /// The first size, a power of ten.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=8))]
    from: u32,
    /// The last size, a power of ten.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=8))]
    to: u32,
    /// Open orders: as many as SKUs, but no more than this.
    #[arg(long, default_value_t = 10_000_000)]
    orders_max: usize,
    /// Orders whose throughput is measured.
    #[arg(long, default_value_t = 1_000_000)]
    load: usize,
    /// Writes all figures there.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Draws the growth there.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// A child's part of the work.
    #[arg(long, hide = true)]
    stage: Option<Stage>,
}

impl Arguments {
    fn size(&self, power: u32) -> Size {
        let skus = 10_u32.pow(power);
        let orders = (skus as usize).min(self.orders_max);
        Size { skus, orders, load: self.load }
    }

    /// One stage of a size, by a child.
    fn stage<T: serde::de::DeserializeOwned>(&self, root: &Path, power: u32, stage: Stage) -> T {
        let texts = [
            ("--from", power.to_string()),
            ("--orders-max", self.orders_max.to_string()),
            ("--load", self.load.to_string()),
            ("--stage", stage.to_string()),
        ];
        say(&format!("10^{power} SKUs: {stage}"));
        let options = texts.into_iter().flat_map(|(name, value)| [OsString::from(name), value.into()]);
        found_by(std::iter::once(root.into()).chain(options))
    }

    fn row(&self, power: u32) -> Row {
        let size = self.size(power);
        check_room(&self.directory, size);
        let home = tempfile::tempdir_in(&self.directory).expect("a directory in it");
        let root = &home.path().join("data");
        let filled: Filled = self.stage(root, power, Stage::Fill);
        let from_snapshot: Started = self.stage(root, power, Stage::Start);
        let from_log: Started = self.stage(root, power, Stage::Replay);
        let loaded: Loaded = self.stage(root, power, Stage::Load);
        Row { size, filled, from_snapshot, from_log, loaded }
    }
}

/// Ends before anything is measured on a disk that fills up, or in a memory that is swapped.
fn check_room(directory: &Path, size: Size) {
    let things = u64::from(size.skus).max(size.orders as u64);
    let (disk, memory) = (free_disk(directory).expect("the free space"), free_memory());
    let needed = [DISK_EACH, MEMORY_EACH].map(|each| things * each + FREE_LEFT);
    assert!(disk >= needed[0], "{} SKUs need {} bytes of the disk, {disk} are free", size.skus, needed[0]);
    assert!(memory >= needed[1], "{} SKUs need {} bytes of memory, {memory} are free", size.skus, needed[1]);
}

fn main() {
    let arguments = Arguments::parse();
    let (root, size) = (&arguments.directory, arguments.size(arguments.from));
    match arguments.stage {
        Some(Stage::Fill) => return tell(&stages::fill(root, size)),
        Some(Stage::Start) => return tell(&stages::start(root)),
        Some(Stage::Replay) => return tell(&stages::replay(root)),
        Some(Stage::Load) => return tell(&stages::load(root, size)),
        None => {}
    }
    std::fs::create_dir_all(root).expect("the directory");
    let rows: Vec<Row> = (arguments.from..=arguments.to).map(|power| arguments.row(power)).collect();
    println!("{}\n\n{}", machine(), table(&rows));
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&rows).expect("the rows")).expect("the JSON file");
    }
    if let Some(path) = &arguments.svg {
        let picture = draw("What grows with the number of SKUs", "SKUs", &panels(&rows));
        std::fs::write(path, picture).expect("the SVG file");
    }
}

//! What each thing that the engine keeps takes of the memory, beside what it may take, as a Markdown table. Run by hand,
//! on an idle machine.
//!
//! ```text
//! cargo run --release -p onhand-benches --bin memory -- DIRECTORY --server target/release/onhand
//! ```
//! A thing is counted as the difference between a number of them and twice as many, each in a process of its own, so
//! that what does not grow with them does not count, and tables that double as they grow are as full in both. Twice
//! over: what was asked of the allocator, and what is resident, with what the allocator keeps beside.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "a measurement: it divides and prints"
)]

mod cases;
mod connections;
mod rows;

use cap::Cap;
use cases::{Case, Counted};
use clap::Parser;
use connections::Connections;
use mimalloc::MiMalloc;
use onhand_benches::children::{found_by, say, tell};
use onhand_benches::machine::machine;
use onhand_benches::numbers::{each, markdown};
use onhand_benches::resident_bytes;
use rows::{HEAD, Measured, rows};
use std::ffi::OsString;
use std::path::PathBuf;

/// Counts what is asked for; limits nothing.
#[global_allocator]
static ALLOCATOR: Cap<MiMalloc> = Cap::new(MiMalloc, usize::MAX);

/// What things take of the memory.
#[derive(Parser)]
struct Arguments {
    /// A directory on a disk with some gigabytes of room; nothing stays in it.
    directory: PathBuf,
    /// The server's binary, for its connections.
    #[arg(long)]
    server: Option<PathBuf>,
    /// How often each is counted; medians are printed.
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// Counts a part of the things, to try the tool.
    #[arg(long, default_value_t = 1)]
    divide: usize,
    /// A child's part of the work.
    #[arg(long, hide = true)]
    case: Option<Case>,
    /// How many of it.
    #[arg(long, hide = true, default_value_t = 0)]
    things: usize,
}

impl Arguments {
    /// What a child counts when it has so many.
    fn count(&self, case: Case, things: usize) -> Counted {
        let home = tempfile::tempdir_in(&self.directory).expect("a directory in it");
        let texts = [("--case", case.to_string()), ("--things", things.to_string())];
        let options = texts.into_iter().flat_map(|(name, value)| [OsString::from(name), value.into()]);
        found_by(std::iter::once(home.path().into()).chain(options))
    }

    /// Bytes of each, asked for and resident.
    fn each(&self, case: Case) -> [f64; 2] {
        let things = case.things() / self.divide;
        let [few, many] = [things, 2 * things].map(|things| self.count(case, things));
        let sized = |things: usize, bytes: u64| (things as u64, bytes as f64);
        let difference =
            |bytes: fn(&Counted) -> u64| each(sized(things, bytes(&few)), sized(2 * things, bytes(&many)));
        [difference(|counted| counted.asked_for), difference(|counted| counted.resident)]
    }

    fn measure(&self) -> Measured {
        let mut measured = Measured::default();
        for round in 1..=self.repeat {
            for case in Case::ALL {
                say(&format!("round {round}: {case}"));
                measured.add(case, self.each(case));
            }
            if let Some(server) = &self.server {
                say(&format!("round {round}: connections"));
                let home = tempfile::tempdir_in(&self.directory).expect("a directory in it");
                measured.add_connections(Connections::count(server, home.path()));
            }
        }
        measured
    }
}

fn main() {
    let arguments = Arguments::parse();
    if let Some(case) = arguments.case {
        case.make(&arguments.directory, arguments.things);
        return tell(&Counted { asked_for: ALLOCATOR.allocated() as u64, resident: resident_bytes() });
    }
    std::fs::create_dir_all(&arguments.directory).expect("the directory");
    let measured = arguments.measure();
    println!("{}\n\n{}\n{}", machine(), markdown(&HEAD, &rows(&measured)), rows::NOTES);
}

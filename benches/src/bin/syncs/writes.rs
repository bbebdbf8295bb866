//! Durable writes, one after the other, in rounds in which every way and size has its turn.

use crate::ways::{Aligned, WAYS, Way};
use crate::{SIZES, name_of};
use onhand_benches::numbers::{figure, markdown, quantile, with_range};
use onhand_engine::clock::Stopwatch;
use std::collections::BTreeMap;
use std::path::Path;

/// Writes of each size in a round. All files of a round are there until its end, since to give them back disturbs the
/// disk.
const WRITES: [usize; 3] = [2_000, 1_000, 200];

/// One way and size, over all rounds.
#[derive(Default)]
struct Measured {
    /// Writes a second, by round.
    rates: Vec<f64>,
    /// Of each write of all rounds, in nanoseconds.
    took: Vec<u64>,
    /// What the system said instead.
    refused: Option<String>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Writes {
    /// By the places of size and way.
    measured: BTreeMap<(usize, usize), Measured>,
}

impl Writes {
    /// Every way and size once.
    pub(crate) fn round(&mut self, directory: &Path, divide: usize) {
        let home = tempfile::tempdir_in(directory).expect("a directory in it");
        for (size, (bytes, writes)) in SIZES.into_iter().zip(WRITES).enumerate() {
            for (number, way) in WAYS.into_iter().enumerate() {
                let path = home.path().join(format!("{size}-{number}"));
                let measured = self.measured.entry((size, number)).or_default();
                match write(way, &path, bytes, (writes / divide).max(1)) {
                    Ok(took) => measured.add(&took),
                    Err(error) => measured.refused = Some(error.to_string()),
                }
            }
        }
        drop(home);
        // What was removed is given back now and not in the middle of the next round.
        let directory = std::fs::File::open(directory).expect("the directory");
        rustix::fs::syncfs(directory).expect("a sync of the file system");
    }

    pub(crate) fn table(&self) -> String {
        let head = ["bytes", "file and write", "durable writes/s", "p50, ms", "p99, ms", "p99.9, ms"];
        let row = |(place, measured): (&(usize, usize), &Measured)| {
            let names = [name_of(SIZES[place.0]), WAYS[place.1].name.to_owned()];
            names.into_iter().chain(measured.cells()).collect()
        };
        markdown(&head, &self.measured.iter().map(row).collect::<Vec<Vec<String>>>())
    }
}

pub(crate) const NOTES: &str = "One writer, each write behind the one before and durable before the next. Medians over the \
rounds with the slowest and the fastest; quantiles over the writes of all rounds.";

impl Measured {
    fn add(&mut self, took: &[u64]) {
        let seconds = took.iter().sum::<u64>() as f64 / 1e9;
        self.rates.push(took.len() as f64 / seconds);
        self.took.extend(took);
    }

    fn cells(&self) -> [String; 4] {
        if let Some(refused) = &self.refused {
            return [refused.clone(), String::new(), String::new(), String::new()];
        }
        let mut took = self.took.clone();
        took.sort_unstable();
        let [p50, p99, p999] = [500, 990, 999].map(|part| figure(quantile(&took, part) as f64 / 1e6));
        [with_range(&self.rates), p50, p99, p999]
    }
}

/// So many writes, each behind the one before; returns how long each took, in nanoseconds.
fn write(way: Way, path: &Path, bytes: usize, writes: usize) -> std::io::Result<Vec<u64>> {
    let target = way.prepare(path, (bytes * writes) as u64)?;
    let mut buffer = Aligned::new(bytes);
    let mut took = Vec::with_capacity(writes);
    for number in 0..writes {
        // No two are alike, and none has a block of zeros: a disk may treat these in its own way.
        buffer.get_mut()[..8].copy_from_slice(&(number + 1).to_le_bytes());
        let start = Stopwatch::start();
        target.write((bytes * number) as u64, buffer.get())?;
        took.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_by_round_and_quantiles_over_all() {
        let mut measured = Measured::default();
        measured.add(&[1_000_000; 10]);
        measured.add(&[500_000; 10]);
        measured.add(&[4_000_000; 10]);
        assert_eq!(measured.cells(), ["1,000 (250 to 2,000)", "1.00", "4.00", "4.00"]);
        measured.refused = Some("no".into());
        assert_eq!(measured.cells()[0], "no");
    }
}

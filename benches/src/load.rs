//! Orders as fast as they go, and what each thread spends on them.

use crate::{PIECE, Shop};
use onhand_engine::clock::Stopwatch;
use std::collections::BTreeMap;
use std::fs;

/// What a load took.
#[derive(Debug, Default, Clone)]
pub struct Load {
    /// How many orders.
    pub orders: usize,
    /// From the first submission of a piece to its last durable answer, all pieces together.
    pub seconds: f64,
    /// Processor time of each thread in nanoseconds, by its name; threads of one name are summed.
    pub threads: BTreeMap<String, u64>,
}

impl Load {
    /// Orders a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.orders as f64 / self.seconds
    }

    /// What the threads of this name spent on an order, in nanoseconds.
    #[must_use]
    pub fn nanoseconds_of(&self, name: &str) -> f64 {
        self.each(|thread| thread == name)
    }

    /// What all shards spent on an order, in nanoseconds.
    #[must_use]
    pub fn shard_nanoseconds(&self) -> f64 {
        self.each(|thread| thread.starts_with("shard-"))
    }

    fn each(&self, is_counted: impl Fn(&str) -> bool) -> f64 {
        let threads = self.threads.iter().filter(|(thread, _)| is_counted(thread));
        threads.map(|(_, nanoseconds)| *nanoseconds).sum::<u64>() as f64 / self.orders as f64
    }
}

/// Places orders with so many under way. They are made in pieces, before the time of each piece is taken, so that they
/// take no room worth naming.
pub fn load(shop: &mut Shop, orders: usize, lines: u32, depth: usize, skus: u32) -> Load {
    let mut load = Load { orders, ..Load::default() };
    let mut done = 0;
    while done < orders {
        let piece = (orders - done).min(PIECE);
        let asks = shop.orders(piece, lines, skus);
        let (before, start) = (spent(), Stopwatch::start());
        shop.run(piece, depth, asks);
        load.seconds += start.elapsed().as_secs_f64();
        for (name, since) in since(&before, spent()) {
            *load.threads.entry(name).or_default() += since;
        }
        done += piece;
    }
    load
}

/// What each thread has spent since then; one that is new, all of it.
fn since(before: &BTreeMap<String, u64>, after: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let since = |(name, after): (String, u64)| {
        let before = before.get(&name).copied().unwrap_or(0);
        (name, after.saturating_sub(before))
    };
    after.into_iter().map(since).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_counts_from_where_it_was() {
        let map = |rows: &[(&str, u64)]| -> BTreeMap<String, u64> {
            rows.iter().map(|(name, spent)| ((*name).to_owned(), *spent)).collect()
        };
        let since = since(&map(&[("log", 5), ("gone", 9)]), map(&[("log", 12), ("new", 3)]));
        assert_eq!(since, map(&[("log", 7), ("new", 3)]));
        let threads = map(&[("shard-0", 100), ("shard-1", 300), ("log", 9)]);
        let load = Load { orders: 4, seconds: 2.0, threads };
        assert_eq!(
            [load.per_second(), load.shard_nanoseconds(), load.nanoseconds_of("shard-0")],
            [2.0, 100.0, 25.0]
        );
    }
}

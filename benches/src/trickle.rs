//! Orders at a steady rate, far from what the engine can do, and how long each takes: what disturbs them shows.

use crate::Shop;
use crate::numbers::quantile;
use onhand_engine::ask::Answer;
use onhand_engine::clock::Stopwatch;
use onhand_engine::{Inbox, Item};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// How often orders are submitted, and how many together: 10,000 a second, a hundredth of what the engine can do.
const TICK: Duration = Duration::from_millis(1);
const TOGETHER: usize = 10;

/// From the submission of an order to its durable answer, in nanoseconds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delays {
    /// How many orders.
    pub orders: usize,
    /// The middle one.
    pub median: u64,
    /// One in a thousand takes longer.
    pub p999: u64,
    /// The longest.
    pub longest: u64,
}

impl Delays {
    fn of(mut all: Vec<u64>) -> Self {
        all.sort_unstable();
        let longest = all.last().copied().unwrap_or(0);
        Self { orders: all.len(), median: quantile(&all, 500), p999: quantile(&all, 999), longest }
    }
}

/// Orders of one line until `beside`, which runs at the same time on a thread of its own, is done.
pub fn trickle(shop: &mut Shop, skus: u32, beside: impl FnOnce() + Send) -> Delays {
    let Shop { submitter, orders, runtime, .. } = shop;
    // Not the shop's own, whose tickets are no times.
    let inbox: Arc<Inbox> = Arc::default();
    let clock = Stopwatch::start();
    let (is_over, is_sent, sent) = (AtomicBool::new(false), AtomicBool::new(false), AtomicUsize::new(0));
    let mut delays = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _over = Over(&is_over);
            beside();
        });
        scope.spawn(|| {
            let mut due = Duration::ZERO;
            while !is_over.load(Ordering::Acquire) {
                std::thread::sleep(due.saturating_sub(clock.elapsed()));
                let asks: Vec<_> = (0..TOGETHER).map(|_| orders.next(1, skus)).collect();
                let now = nanoseconds(clock);
                let items: Vec<Item> = asks.into_iter().map(|ask| submitter.item(now, ask, None)).collect();
                sent.fetch_add(items.len(), Ordering::Release);
                submitter.send(&inbox, items);
                due += TICK;
            }
            is_sent.store(true, Ordering::Release);
            inbox.wake();
        });
        while !is_sent.load(Ordering::Acquire) || delays.len() < sent.load(Ordering::Acquire) {
            runtime.block_on(inbox.arrived());
            let mut again = Vec::new();
            for (submitted, answer) in inbox.take() {
                match answer {
                    Answer::Accepted { .. } => delays.push(nanoseconds(clock) - submitted),
                    Answer::Perhaps { hash, submission, .. } => {
                        again.push(submitter.look_up(submitted, hash, *submission));
                    }
                    other => panic!("not what was measured: {other:?}"),
                }
            }
            submitter.send(&inbox, again);
        }
    });
    Delays::of(delays)
}

/// Ends the trickle, also where what ran beside it panicked.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn nanoseconds(clock: Stopwatch) -> u64 {
    u64::try_from(clock.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_told_by_their_longest() {
        let delays = Delays::of((1..=2_000).rev().collect());
        assert_eq!(delays, Delays { orders: 2_000, median: 1_000, p999: 1_998, longest: 2_000 });
        assert_eq!(Delays::of(Vec::new()), Delays::default());
    }

    #[test]
    fn every_order_of_a_trickle_is_answered() {
        let home = tempfile::tempdir().unwrap();
        let mut shop = Shop::open(home.path());
        shop.stock_at(1, 10, 1_000_000);
        let handle = shop.handle.clone();
        let before = handle.durable().0;
        let delays = trickle(&mut shop, 10, || {
            handle.snapshot().unwrap();
        });
        assert!(delays.orders > 0 && delays.longest >= delays.median);
        assert_eq!(shop.handle.durable().0 - before, delays.orders as u64);
        shop.close();
    }
}

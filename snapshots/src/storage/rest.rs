//! How large work behind the path leaves room for the orders.
//!
//! A low priority is not enough: a processor that such work keeps busy counts as busy, so that two threads of the
//! path share the other one. Only one that sleeps leaves it.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long work goes on before it rests: an order that comes meanwhile waits for no more than this.
const STINT: Duration = Duration::from_millis(1);

/// How much longer it rests than it has worked: it takes a quarter of one processor.
const REST: u32 = 3;

/// The longest rest, after a stint that could not be interrupted.
const REST_MAX: Duration = Duration::from_millis(20);

thread_local! {
    /// When this thread rested last, and how often the log had been written then.
    static RESTED: Cell<Option<(Instant, u64)>> = const { Cell::new(None) };
}

/// Rests if this thread has worked for a while since it did, and somebody may want the processor: the log was written
/// meanwhile, or nothing is known of it.
#[expect(clippy::disallowed_methods, reason = "the port on the real machine")]
pub(super) fn breathe(log_writes: u64) {
    // The first time it has only begun.
    if let Some((rested, written)) = RESTED.get() {
        let worked = rested.elapsed();
        if worked < STINT {
            return;
        }
        if log_writes == 0 || log_writes != written {
            std::thread::sleep((worked * REST).min(REST_MAX));
        }
    }
    RESTED.set(Some((Instant::now(), log_writes)));
}

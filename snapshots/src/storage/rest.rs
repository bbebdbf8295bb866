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
    /// When this thread rested last.
    static RESTED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Rests if this thread has worked for a while since it did.
#[expect(clippy::disallowed_methods, reason = "the port on the real machine")]
pub(super) fn breathe() {
    let since = RESTED.get().map(|rested| rested.elapsed());
    if since.is_some_and(|since| since < STINT) {
        return;
    }
    // The first time it has only begun.
    if let Some(since) = since {
        std::thread::sleep((since * REST).min(REST_MAX));
    }
    RESTED.set(Some(Instant::now()));
}

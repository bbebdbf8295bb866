//! The next segment, made ready in the background: filling 64 MiB with zeros takes a tenth of a second,
//! which no order should wait for.
//!
//! It is written twice as fast as the log fills the segment under way, or slower if the log is slow; so it is ready
//! when that is half full, and takes as little of the disk as that allows.

use super::segment::{Haste, prepare_spare};
use crate::storage::Storage;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// One is wanted.
    Ordered,
    /// One is being made.
    Making,
    /// One is ready.
    Ready,
    /// None is wanted; whoever needs one makes it.
    Idle,
}

struct Want {
    state: State,
    /// No more will be made; one that is being made is still waited for, since two must not write it.
    closed: bool,
}

/// Whether a spare segment is ready.
pub(super) struct Spare {
    want: Mutex<Want>,
    changed: Condvar,
    /// How far the segment under way is filled.
    filled: AtomicU64,
    /// Somebody waits for the one that is being made.
    awaited: AtomicBool,
}

/// How much faster the spare is made than the segment under way is filled.
const LEAD: u64 = 2;

/// Makes spare segments; a thread is a loop around [`SparePreparer::step`].
pub struct SparePreparer {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) segment_bytes: u64,
    pub(super) spare: Arc<Spare>,
}

impl Spare {
    pub(super) fn new() -> Self {
        Self {
            want: Mutex::new(Want { state: State::Idle, closed: false }),
            changed: Condvar::new(),
            filled: AtomicU64::new(0),
            awaited: AtomicBool::new(false),
        }
    }

    /// Asks for a spare.
    pub(super) fn order(&self) {
        let mut want = self.want.lock();
        if want.state == State::Idle {
            want.state = State::Ordered;
            self.changed.notify_all();
        }
    }

    /// Takes the spare if one is ready; waits for one that is being made. `false`: make it yourself.
    pub(super) fn take(&self) -> bool {
        let mut want = self.want.lock();
        while want.state == State::Making {
            self.awaited.store(true, Ordering::Relaxed);
            self.changed.wait(&mut want);
        }
        self.awaited.store(false, Ordering::Relaxed);
        std::mem::replace(&mut want.state, State::Idle) == State::Ready
    }

    /// Notes how far the segment under way is filled.
    pub(super) fn log_is_at(&self, offset: u64) {
        self.filled.store(offset, Ordering::Relaxed);
    }

    /// How much the making hurries when so much is done.
    fn haste(&self, done: u64) -> Haste {
        if self.awaited.load(Ordering::Relaxed) {
            Haste::Now
        } else if done < LEAD * self.filled.load(Ordering::Relaxed) {
            Haste::Soon
        } else {
            Haste::Leisure
        }
    }

    fn set(&self, to: State) {
        self.want.lock().state = to;
        self.changed.notify_all();
    }
}

impl SparePreparer {
    /// Waits until a spare is wanted and makes it. `false` once closed.
    ///
    /// # Errors
    /// As the disk says; the log then makes its own, and fails itself if it cannot.
    pub fn step(&self) -> io::Result<bool> {
        {
            let mut want = self.spare.want.lock();
            while want.state != State::Ordered && !want.closed {
                self.spare.changed.wait(&mut want);
            }
            if want.closed {
                return Ok(false);
            }
            want.state = State::Making;
        }
        let made = prepare_spare(&*self.storage, self.segment_bytes, &|done| self.spare.haste(done));
        self.spare.set(if made.is_ok() { State::Ready } else { State::Idle });
        made.map(|()| true)
    }

    /// A handle that ends the loop.
    #[must_use]
    pub fn closer(&self) -> SpareCloser {
        SpareCloser(Arc::clone(&self.spare))
    }
}

/// Ends a [`SparePreparer`]'s loop.
pub struct SpareCloser(Arc<Spare>);

impl SpareCloser {
    /// No more spares.
    pub fn close(&self) {
        self.0.want.lock().closed = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_being_made_is_waited_for_also_after_the_end_was_called() {
        let spare = Arc::new(Spare::new());
        spare.order();
        spare.set(State::Making);
        SpareCloser(Arc::clone(&spare)).close();
        let taker = {
            let spare = Arc::clone(&spare);
            std::thread::spawn(move || spare.take())
        };
        while !spare.awaited.load(Ordering::Relaxed) {
            assert!(!taker.is_finished(), "it was not waited for");
            std::thread::yield_now();
        }
        spare.set(State::Ready);
        assert!(taker.join().unwrap());
    }

    #[test]
    fn a_spare_keeps_ahead_of_the_log_and_hurries_when_it_is_awaited() {
        let spare = Spare::new();
        assert_eq!(spare.haste(1), Haste::Leisure);
        spare.log_is_at(1_000);
        assert_eq!(spare.haste(1_999), Haste::Soon);
        assert_eq!(spare.haste(2_000), Haste::Leisure);
        spare.awaited.store(true, Ordering::Relaxed);
        assert_eq!(spare.haste(2_000), Haste::Now);
        assert!(!spare.take(), "none is being made");
        assert_eq!(spare.haste(2_000), Haste::Leisure);
    }
}

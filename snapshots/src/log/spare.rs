//! The next segment, made ready in the background: filling 64 MiB with zeros takes a tenth of a second,
//! which no order should wait for.

use super::segment::{Haste, prepare_spare};
use crate::storage::Storage;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;

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
    /// No more will be made.
    Closed,
}

/// Whether a spare segment is ready.
pub(super) struct Spare {
    state: Mutex<State>,
    changed: Condvar,
}

/// Makes spare segments; a thread is a loop around [`SparePreparer::step`].
pub struct SparePreparer {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) segment_bytes: u64,
    pub(super) spare: Arc<Spare>,
}

impl Spare {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State::Idle), changed: Condvar::new() }
    }

    /// Asks for a spare.
    pub(super) fn order(&self) {
        let mut state = self.state.lock();
        if *state == State::Idle {
            *state = State::Ordered;
            self.changed.notify_all();
        }
    }

    /// Takes the spare if one is ready; waits for one that is being made. `false`: make it yourself.
    pub(super) fn take(&self) -> bool {
        let mut state = self.state.lock();
        while *state == State::Making {
            self.changed.wait(&mut state);
        }
        let ready = *state == State::Ready;
        if *state != State::Closed {
            *state = State::Idle;
        }
        ready
    }

    fn set(&self, to: State) {
        let mut state = self.state.lock();
        if *state != State::Closed {
            *state = to;
        }
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
            let mut state = self.spare.state.lock();
            while !matches!(*state, State::Ordered | State::Closed) {
                self.spare.changed.wait(&mut state);
            }
            if *state == State::Closed {
                return Ok(false);
            }
            *state = State::Making;
        }
        let made = prepare_spare(&*self.storage, self.segment_bytes, Haste::Leisure);
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
        *self.0.state.lock() = State::Closed;
        self.0.changed.notify_all();
    }
}

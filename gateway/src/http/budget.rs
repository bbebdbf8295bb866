//! What all bulk bodies of one worker may have under way together: each has a window of its own, but there may be a
//! thousand of them, and nobody need read the answers.

use std::cell::Cell;

/// Bytes that a line under way takes besides those it had in its body: its place and its answer.
const LINE_BYTES: usize = 512;

/// See the module. Lives on one thread.
pub(crate) struct Budget {
    max: usize,
    used: Cell<usize>,
}

impl Budget {
    /// A budget of so many bytes.
    pub(crate) fn new(max: usize) -> Self {
        Self { max, used: Cell::new(0) }
    }

    /// Its bytes.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Whether no new body is taken, and those that are under way go on one line at a time: so that each goes on, it may
    /// be passed by one line a body.
    pub(super) fn is_full(&self) -> bool {
        self.used.get() >= self.max
    }

    /// Counts lines in that had so many bytes.
    pub(super) fn take(&self, lines: usize, bytes: usize) {
        self.used.set(self.used.get() + lines * LINE_BYTES + bytes);
    }

    /// Counts them out.
    pub(super) fn give(&self, lines: usize, bytes: usize) {
        self.used.set(self.used.get().saturating_sub(lines * LINE_BYTES + bytes));
    }
}

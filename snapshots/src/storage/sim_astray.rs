//! A write of the simulated disk that goes to a wrong place.

/// A write that goes to a wrong place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Astray {
    /// The first write from this call on is it.
    pub(super) at: u64,
    pub(super) seed: u64,
    /// Which file it was meant for, once it has happened.
    pub(super) missed: Option<usize>,
    pub(super) since: Since,
}

/// What became of a file after a write that it did not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    Nothing,
    Written,
    Synced,
}

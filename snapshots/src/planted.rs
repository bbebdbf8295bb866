//! Deliberate bugs of what is durable, for the tests that must find them.
//!
//! They are there only in a build with the feature `planted`, which no release has; without it [`is_planted`] is a
//! constant, and the compiler leaves them out. One at a time can be switched on.

/// A deliberate bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Bug {
    /// None.
    None,
    /// An answer leaves before its record is synced.
    AckEarly,
    /// The log does not sync.
    SkipSync,
    /// The name of a new segment is not made durable.
    SkipDirectorySync,
    /// The log goes on after a sync that failed.
    IgnoreFailedSync,
    /// Each second frame is written before the one that it follows.
    ReorderFrames,
    /// Whatever does not check is cut off as if it were torn.
    CutAny,
    /// A new segment gets no header.
    LoseHeader,
    /// The index leaves idempotency keys out.
    ForgetKeys,
    /// Keys that the index does not have yet are let go of when it grows.
    ForgetYoungKeys,
    /// Windows pass by the wall clock, whatever it does.
    TrustTheClock,
    /// A snapshot leaves an order out, and nobody compares its digest.
    UncheckedSnapshot,
    /// A start applies again what the snapshot has.
    ReplayTwice,
    /// Lines of a bulk body overtake one that has to be looked for in the index.
    Overtake,
    /// A disk that was full counts as full for good.
    StaysFull,
    /// An erased key is not synced.
    EraseUnsynced,
    /// Holds end when somebody asks, and not before.
    WaitToBeAsked,
}

#[cfg(feature = "planted")]
static PLANTED: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

/// Switches one on, and the one before off.
#[cfg(feature = "planted")]
pub fn plant(bug: Bug) {
    PLANTED.store(bug as u8, std::sync::atomic::Ordering::SeqCst);
}

/// Whether it is switched on.
#[cfg(feature = "planted")]
#[must_use]
pub fn is_planted(bug: Bug) -> bool {
    PLANTED.load(std::sync::atomic::Ordering::Relaxed) == bug as u8
}

/// Whether it is switched on: never.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn is_planted(_bug: Bug) -> bool {
    false
}

//! Deliberate bugs of the rules, for the tests that must find them.
//!
//! They are there only in a build with the feature `planted`, which no release has; without it [`is_planted`] is a
//! constant, and the compiler leaves them out. One at a time can be switched on.

/// A deliberate bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Bug {
    /// None.
    None,
    /// Lines of one SKU are each served as if the others were not there.
    LinesApart,
    /// A cancelled claim is given back twice.
    ReleaseTwice,
    /// A loss takes the claims of the oldest orders.
    OldestLose,
    /// What others are promised is sold.
    IgnorePromises,
    /// Cancelled units go back to the pool first.
    RefundPoolFirst,
    /// Who waits is served from where the rules of its order forbid.
    ForgetWithin,
    /// An explanation says that a location served which did not.
    ExplainOtherwise,
    /// Less is dedicated than a pool has sold, and what it has sold beyond that is forgotten.
    ForgetUsed,
    /// A channel loses locations at which its holds need units.
    IgnoreHeldUnits,
    /// A kit is given what there is of it, though something else is missing.
    HalfKits,
    /// An imposed order takes what is held for buyers.
    ImposeOnHolds,
    /// Who waits is served by acceptance alone, whatever rank its channel has.
    IgnoreRank,
    /// What a channel is told to go without is free at once.
    FreeLowered,
    /// What a channel sells is still granted to it.
    KeepSold,
    /// What a buyer held and did not order stays sold of the grant.
    KeepHeldSold,
    /// A part leaves of an order that ships complete and waits for the rest.
    ShipInPart,
    /// More units of a SKU wait than may.
    WaitWithoutLimit,
    /// What waits of an order outlives its date.
    WaitForEver,
    /// A panic where a command is decided, once.
    PanicInDecide,
    /// A panic where an event happens, once.
    PanicInEvolve,
}

#[cfg(feature = "planted")]
static PLANTED: core::sync::atomic::AtomicU8 = core::sync::atomic::AtomicU8::new(0);

/// Switches one on, and the one before off.
#[cfg(feature = "planted")]
pub fn plant(bug: Bug) {
    PLANTED.store(bug as u8, core::sync::atomic::Ordering::SeqCst);
}

/// Whether it is switched on.
#[cfg(feature = "planted")]
#[must_use]
pub fn is_planted(bug: Bug) -> bool {
    PLANTED.load(core::sync::atomic::Ordering::Relaxed) == bug as u8
}

/// Whether it is switched on: never.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn is_planted(_bug: Bug) -> bool {
    false
}

/// Panics if this is switched on, and switches it off.
#[cfg(feature = "planted")]
#[allow(clippy::panic, reason = "that is the bug")]
pub(crate) fn panic_once(bug: Bug) {
    use core::sync::atomic::Ordering::SeqCst;
    if PLANTED.compare_exchange(bug as u8, Bug::None as u8, SeqCst, SeqCst).is_ok() {
        panic!("planted: {bug:?}");
    }
}

/// Panics if this is switched on: never.
#[cfg(not(feature = "planted"))]
pub(crate) const fn panic_once(_bug: Bug) {}

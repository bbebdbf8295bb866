//! The only place that reads the wall clock. Everything else is handed a time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970-01-01 UTC. May jump and may stand still; the shell makes it monotone.
    fn now_ms(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A clock that tests set.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that stands at `now_ms`.
    #[must_use]
    pub fn at(now_ms: u64) -> Self {
        Self(AtomicU64::new(now_ms))
    }

    /// Sets it, forward or back.
    pub fn set(&self, now_ms: u64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A forward step of the clock beyond this is not believed at once: time zones set wrong, a dead battery or a
/// restored machine step by an hour and more, and a clock that is kept right never does.
pub const JUMP_MAX_MS: u64 = 60 * 60 * 1_000;

/// The time by which windows and deadlines pass. It follows the clock, but stands still when the clock has jumped
/// forward by more than [`JUMP_MAX_MS`] since it was last looked at or since the last record, until an operator says
/// that the clock is right: a wrong clock must not forget keys or let holds expire.
#[derive(Debug)]
pub struct TrustedTime {
    /// What it is; 0 as long as nothing is known.
    now_ms: AtomicU64,
    suspended: AtomicBool,
}

impl TrustedTime {
    /// A time that begins where the log ends; 0 if the log is new.
    #[must_use]
    pub fn since(last_record_ms: u64) -> Self {
        Self { now_ms: AtomicU64::new(last_record_ms), suspended: AtomicBool::new(false) }
    }

    /// The time, given what the clock says. Never runs back.
    pub fn at(&self, clock_ms: u64) -> u64 {
        let known = self.now_ms.load(Ordering::Relaxed);
        if self.suspended.load(Ordering::Relaxed) {
            return known;
        }
        if known > 0 && clock_ms > known.saturating_add(JUMP_MAX_MS) {
            if !self.suspended.swap(true, Ordering::Relaxed) {
                let minutes = (clock_ms - known) / 60_000;
                tracing::error!(
                    minutes,
                    "the clock is far ahead; nothing expires until `onhand clock confirm`"
                );
            }
            return known;
        }
        self.now_ms.fetch_max(clock_ms, Ordering::Relaxed).max(clock_ms)
    }

    /// Whether it stands still.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Relaxed)
    }

    /// The operator says that the clock is right: time goes on from what it says.
    pub fn confirm(&self, clock_ms: u64) {
        self.now_ms.fetch_max(clock_ms, Ordering::Relaxed);
        self.suspended.store(false, Ordering::Relaxed);
    }
}

/// Measures how long something takes; for metrics, never for a decision.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(&self) -> std::time::Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = JUMP_MAX_MS;

    #[test]
    fn a_jump_forward_stops_time_until_it_is_confirmed() {
        let time = TrustedTime::since(1_000);
        assert_eq!(time.at(1_000 + HOUR), 1_000 + HOUR);
        assert_eq!(time.at(500), 1_000 + HOUR, "it never runs back");
        assert_eq!(time.at(1_001 + 2 * HOUR), 1_000 + HOUR);
        assert!(time.is_suspended());
        assert_eq!(time.at(1_500 + HOUR), 1_000 + HOUR, "a jump back does not mend it");
        time.confirm(5 * HOUR);
        assert!(!time.is_suspended());
        assert_eq!(time.at(5 * HOUR + 1), 5 * HOUR + 1);
    }

    #[test]
    fn a_new_log_begins_with_the_clock() {
        let time = TrustedTime::since(0);
        assert_eq!(time.at(90 * HOUR), 90 * HOUR);
        assert!(!time.is_suspended());
    }
}

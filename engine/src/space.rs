//! Whether the disk has room for more, and what is refused while it has not.
//!
//! Above the soft mark everything goes on. Below it orders and all other intake stop, while cancellations, shipments and
//! reads go on; below the hard mark only reads do. The marks come long before the disk is full, so the log, which fails
//! for good when it finds no room, never has to find that out: what is left between them is its reserve, and so are the
//! segments that are filled with zeros ahead. Where not even a next segment fits, the log takes only what those have room
//! for (`snapshots/src/log/room.rs`).

use crate::class::Class;
use crate::config::DiskMarks;
use crate::handle::Busy;
use crate::metrics;
use ::metrics::gauge;
use onhand_snapshots::log::Appender;
use onhand_snapshots::planted::{Bug, is_planted};
use onhand_snapshots::storage::Storage;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// How often the disk is looked at: what a disk takes meanwhile, some hundred MB, is less than what the marks leave.
pub(crate) const SPACE_INTERVAL: Duration = Duration::from_millis(100);

/// A level is left when this part of its mark is free above it, so that a disk just at its mark does not change the level
/// with every file that comes and goes.
const SLACK: u64 = 8;

/// How far the disk is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpaceLevel {
    /// There is room.
    Enough,
    /// Orders and other intake stop.
    Soft,
    /// Every write does.
    Hard,
}

/// What was seen of the disk.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Bytes that can be given to files.
    free: u64,
    /// See [`Appender::reserve`].
    reserve: Option<u64>,
    /// Whether the log takes a record of any length.
    can_append: bool,
}

/// See the module.
pub(crate) struct Space {
    storage: Arc<dyn Storage>,
    appender: Appender,
    marks: DiskMarks,
    segment_bytes: u64,
    level: AtomicU8,
    free: AtomicU64,
}

impl Space {
    /// Looks at the disk for the first time.
    pub(crate) fn open(
        storage: Arc<dyn Storage>,
        appender: Appender,
        marks: DiskMarks,
        segment_bytes: u64,
    ) -> Self {
        let (level, free) = (AtomicU8::new(SpaceLevel::Enough as u8), AtomicU64::new(u64::MAX));
        let space = Self { storage, appender, marks, segment_bytes, level, free };
        space.check();
        space
    }

    /// Looks at the disk. Where that fails, what was seen before still counts.
    pub(crate) fn check(&self) {
        let free = match self.storage.free_bytes() {
            Ok(free) => free,
            Err(error) => {
                tracing::warn!(%error, "the disk does not say how much of it is free");
                self.free.load(Ordering::Relaxed)
            }
        };
        let (reserve, can_append) = (self.appender.reserve(), self.appender.can_append());
        let before = self.level();
        let level = level_of(before, Seen { free, reserve, can_append }, self.marks);
        let level = if is_planted(Bug::StaysFull) { level.max(before) } else { level };
        self.free.store(free, Ordering::Relaxed);
        self.level.store(level as u8, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        gauge!(metrics::DISK_FREE_BYTES).set(free as f64);
        gauge!(metrics::DISK_LEVEL).set(f64::from(level as u8));
        if level != before {
            let DiskMarks { soft_bytes, hard_bytes } = self.marks;
            tracing::warn!(?before, now = ?level, free, soft_bytes, hard_bytes, ?reserve, "room on the disk");
        }
    }

    /// How far the disk was filled when it was last looked at.
    pub(crate) fn level(&self) -> SpaceLevel {
        match self.level.load(Ordering::Relaxed) {
            0 => SpaceLevel::Enough,
            1 => SpaceLevel::Soft,
            _ => SpaceLevel::Hard,
        }
    }

    /// Whether something of this class may be taken.
    ///
    /// # Errors
    /// [`Busy::Space`].
    pub(crate) fn admit(&self, class: Class) -> Result<(), Busy> {
        match (self.level(), class) {
            (SpaceLevel::Enough, _) | (SpaceLevel::Soft, Class::Change) => Ok(()),
            (level @ (SpaceLevel::Soft | SpaceLevel::Hard), _) => Err(self.refusal(level)),
        }
    }

    /// Says what is missing.
    fn refusal(&self, level: SpaceLevel) -> Busy {
        let mark = if level == SpaceLevel::Hard { self.marks.hard_bytes } else { self.marks.soft_bytes };
        // Where a next segment does not fit, it is what is missing.
        let segment = self.appender.reserve().map_or(0, |_| self.segment_bytes + self.marks.hard_bytes);
        Busy::Space { free: self.free.load(Ordering::Relaxed), needed: released_at(mark).max(segment) }
    }

    /// Whether an archive may be made: it frees more than it takes, but takes first, up to a segment.
    pub(crate) fn has_room_for_archive(&self) -> bool {
        let needed = self.marks.hard_bytes.saturating_add(self.segment_bytes);
        self.level() < SpaceLevel::Hard && self.free.load(Ordering::Relaxed) >= needed
    }
}

/// How much must be free for a level to be left.
fn released_at(mark: u64) -> u64 {
    mark.saturating_add(mark / SLACK)
}

/// The level that follows on one, by what was seen.
fn level_of(before: SpaceLevel, seen: Seen, marks: DiskMarks) -> SpaceLevel {
    let is_below =
        |mark: u64, level: SpaceLevel| seen.free < if before >= level { released_at(mark) } else { mark };
    if is_below(marks.hard_bytes, SpaceLevel::Hard) || seen.reserve.is_some() && !seen.can_append {
        SpaceLevel::Hard
    } else if is_below(marks.soft_bytes, SpaceLevel::Soft) || seen.reserve.is_some() {
        SpaceLevel::Soft
    } else {
        SpaceLevel::Enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SpaceLevel::{Enough, Hard, Soft};

    #[test]
    fn a_level_is_entered_at_its_mark_and_left_an_eighth_above() {
        let marks = DiskMarks { soft_bytes: 800, hard_bytes: 80 };
        let cases = [
            (Enough, 800, Enough),
            (Enough, 799, Soft),
            (Enough, 79, Hard),
            (Soft, 899, Soft),
            (Soft, 900, Enough),
            (Soft, 80, Soft),
            (Soft, 79, Hard),
            (Hard, 89, Hard),
            (Hard, 90, Soft),
            (Hard, 899, Soft),
            (Hard, 900, Enough),
        ];
        for (before, free, after) in cases {
            let seen = Seen { free, reserve: None, can_append: true };
            assert_eq!(level_of(before, seen, marks), after, "{before:?}, {free} free");
        }
    }

    #[test]
    fn without_room_for_a_segment_intake_stops_and_without_room_in_the_log_all_writes_do() {
        let marks = DiskMarks { soft_bytes: 800, hard_bytes: 80 };
        for (reserve, can_append, level) in
            [(None, true, Enough), (Some(9), true, Soft), (Some(9), false, Hard), (None, false, Enough)]
        {
            let seen = Seen { free: 900, reserve, can_append };
            assert_eq!(level_of(Enough, seen, marks), level, "{seen:?}");
        }
    }
}

//! A disk of limited size, on which others take room and give it back.
//!
//! What must hold: the level is what the free bytes say, after each look; only what the level refuses is refused as
//! [`Busy::Space`](onhand_engine::Busy); the log fails only if others took room since it started, or where the soft mark
//! leaves no room for its next segment beside what the engine writes behind the path; a start needs no room;
//! and once there is room everything is taken again, by the same process.

use crate::dice::Dice;
use crate::world::{Life, World};
use onhand_engine::SpaceLevel;
use onhand_engine::config::DiskMarks;
use onhand_engine::snapshots::log::SEGMENT_BYTES_MIN;
use onhand_engine::snapshots::storage::Storage as _;
use std::io;

/// Bytes that are left where nearly all is taken.
const SCRAPS: u64 = 8_192;

/// The disk, as far as its size goes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Room {
    /// How many bytes files may have, of whomever; `None`: no limit.
    size: Option<u64>,
    /// What others have of it.
    others: u64,
    /// Whether others took more since the engine started.
    pub(crate) is_squeezed: bool,
}

/// Marks as an operator might choose them for segments this small.
pub(crate) fn marks(dice: &mut Dice) -> DiskMarks {
    let hard_bytes = dice.below(2 * SEGMENT_BYTES_MIN);
    DiskMarks { soft_bytes: hard_bytes + dice.below(4 * SEGMENT_BYTES_MIN), hard_bytes }
}

impl World {
    /// From here on the disk has a size: some segments more than what is there.
    pub(crate) fn limit_disk(&mut self) {
        if self.swarm.full > 0 {
            let segments = 4 + self.wider.below(20);
            self.room.size = Some(self.disk.used_bytes() + segments * SEGMENT_BYTES_MIN);
            self.set_capacity();
        }
    }

    /// From here on there is room for everything.
    pub(crate) fn make_room(&mut self) {
        self.room = Room::default();
        self.disk.set_capacity(None);
    }

    fn set_capacity(&self) {
        let Room { size, others, .. } = self.room;
        self.disk.set_capacity(size.map(|size| size.saturating_sub(others)));
    }

    /// Others take room, or give it back; or the disk becomes larger.
    pub(crate) fn share_disk(&mut self) {
        let Some(size) = self.room.size.filter(|_| self.wider.chance(self.swarm.full)) else { return };
        let before = self.room.others;
        match self.wider.below(6) {
            0..3 => self.room.others = 0,
            3 => self.room.size = Some(size + self.wider.below(6 * SEGMENT_BYTES_MIN)),
            4 => self.leave(size, self.swarm.marks.soft_bytes / 4 * 5 + SEGMENT_BYTES_MIN),
            _ => self.leave(size, SCRAPS),
        }
        self.room.is_squeezed |= self.room.others > before;
        self.tally.room_changes += 1;
        self.set_capacity();
    }

    /// While no engine runs others may take nearly all that is left.
    pub(crate) fn share_while_down(&mut self) {
        if let Some(size) = self.room.size.filter(|_| self.wider.chance(2_000)) {
            self.leave(size, SCRAPS);
            self.tally.room_changes += 1;
            self.set_capacity();
        }
    }

    /// Whether the log may find no room for a segment without being told before.
    pub(crate) fn may_lack_a_segment(&self) -> bool {
        let is_marked = self.swarm.marks.soft_bytes >= 2 * SEGMENT_BYTES_MIN;
        self.room.is_squeezed || (self.room.size.is_some() && !is_marked)
    }

    /// Others take so much that less than this is left.
    fn leave(&mut self, size: u64, end: u64) {
        let free = self.wider.below(end);
        self.room.others = size.saturating_sub(self.disk.used_bytes() + free);
    }

    /// The disk was just looked at: the level must be what is to be seen.
    pub(crate) fn judge_level(&self, life: &Life, made: &io::Result<bool>) {
        let Ok(free) = self.disk.free_bytes() else { return };
        if self.is_disturbed() {
            return;
        }
        let level = life.engine.handle().space();
        let DiskMarks { soft_bytes, hard_bytes } = self.swarm.marks;
        assert!(
            free >= hard_bytes || level == SpaceLevel::Hard,
            "{free} bytes are free, and it is {level:?}"
        );
        assert!(
            free >= soft_bytes || level > SpaceLevel::Enough,
            "{free} bytes are free, and it is {level:?}"
        );
        let is_well = free >= soft_bytes.saturating_add(soft_bytes / 8) && made.is_ok();
        assert!(!is_well || level == SpaceLevel::Enough, "{free} bytes are free again, and it is {level:?}");
    }
}

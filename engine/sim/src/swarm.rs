//! Which faults a seed has: a random subset, since faults that always come together hide each other.

use crate::dice::Dice;
use crate::room::marks;
use onhand_engine::config::DiskMarks;

/// What a run is made of; chances are of ten thousand for each step.
#[derive(Debug, Clone)]
pub struct Swarm {
    /// Steps before the faults stop.
    pub steps: u64,
    /// Shards of the first start; later ones choose anew.
    pub shards: usize,
    /// The machine goes off.
    pub power_loss: u64,
    /// The process is killed; the operating system keeps what was written.
    pub kill: u64,
    /// The process is stopped as an operator does.
    pub clean_stop: u64,
    /// A call to the disk fails.
    pub disk_errors: u64,
    /// A write goes to a wrong place, which ends the run: whatever comes of it has to be recognised.
    pub misdirected: u64,
    /// While one part is inside a call to the disk, another one has a step.
    pub between: u64,
    /// The clock jumps.
    pub clock_jumps: u64,
    /// A client sends again what was answered long ago.
    pub repeats: u64,
    /// An answer comes too late, so that the client sends again while the first is under way.
    pub impatience: u64,
    /// Sealed segments between two snapshots.
    pub snapshot_segments: usize,
    /// The longest text of a movement: it makes segments change after some thousand records, or after some.
    pub text_bytes: usize,
    /// A body of several lines is sent, for the first time or again.
    pub bulk: u64,
    /// Who sends one gives up.
    pub giving_up: u64,
    /// The disk has a size, and others take of it or give back.
    pub full: u64,
    /// When the disk counts as full.
    pub marks: DiskMarks,
    /// Orders are for somebody, whose data is erased so often.
    pub erasures: u64,
    /// To open or list something, or to ask for a name, a length or free room, fails.
    pub look_errors: u64,
    /// The clock stands still for a while.
    pub stillness: u64,
}

/// Faults come some tens of times in a run of this many steps, and segments change.
const STEPS_MAX: u64 = 12_000;

impl Swarm {
    /// What a seed has.
    pub fn of(dice: &mut Dice) -> Self {
        let mut some = |chance: u64| if dice.chance(5_000) { 1 + dice.below(chance) } else { 0 };
        let [power_loss, kill, clean_stop] = [some(20), some(20), some(10)];
        let [disk_errors, clock_jumps] = [some(30), some(50)];
        let between = some(4_000);
        let [repeats, impatience] = [some(400), some(400)];
        let misdirected = if dice.chance(1_500) { 1 + dice.below(10) } else { 0 };
        Self {
            steps: 1_000 + dice.below(STEPS_MAX),
            shards: 1 + dice.place(3),
            power_loss,
            kill,
            clean_stop,
            disk_errors,
            misdirected,
            between,
            clock_jumps,
            repeats,
            impatience,
            snapshot_segments: 1 + dice.place(3),
            text_bytes: 2_000,
            bulk: 0,
            giving_up: 0,
            full: 0,
            marks: DiskMarks::NONE,
            erasures: 0,
            look_errors: 0,
            stillness: 0,
        }
    }

    /// The same with what came to the simulator later. It is chosen by dice of its own, so that whatever does not have it
    /// goes the way it went before.
    #[must_use]
    pub fn wider(self, dice: &mut Dice) -> Self {
        let mut some = |chance: u64| if dice.chance(5_000) { 1 + dice.below(chance) } else { 0 };
        let [bulk, giving_up] = [some(400), some(100)];
        let full = some(150);
        let marks = if full > 0 && dice.chance(8_000) { marks(dice) } else { DiskMarks::NONE };
        let erasures = if dice.chance(5_000) { 1 + dice.below(300) } else { 0 };
        let mut some = |chance: u64| if dice.chance(5_000) { 1 + dice.below(chance) } else { 0 };
        let [look_errors, stillness] = [some(30), some(50)];
        Self { bulk, giving_up, full, marks, erasures, look_errors, stillness, ..self }
    }

    /// A short day without faults, in which segments change all the same.
    #[must_use]
    pub fn short_day() -> Self {
        Self {
            steps: 500,
            shards: 2,
            power_loss: 0,
            kill: 0,
            clean_stop: 0,
            disk_errors: 0,
            misdirected: 0,
            between: 1_000,
            clock_jumps: 0,
            repeats: 100,
            impatience: 100,
            snapshot_segments: 1,
            text_bytes: 120_000,
            bulk: 0,
            giving_up: 0,
            full: 0,
            marks: DiskMarks::NONE,
            erasures: 0,
            look_errors: 0,
            stillness: 0,
        }
    }
}

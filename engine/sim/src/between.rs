//! What other threads do while one is inside a call to the disk.
//!
//! In a process the shards go on while the log syncs, and the log goes on while the work behind the path writes. Here
//! they may have a step before each call that another part makes to the disk. A part that is inside a call has no
//! second one: its lock is its own. Shards are not interrupted: where they call the disk, it is for the mark of a clock
//! that is not believed, and nobody waits for that.

use crate::dice::Dice;
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::stepped::SteppedEngine;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};

/// See the module.
pub(crate) struct Between {
    engine: Weak<SteppedEngine>,
    /// Nothing while something already happens in between.
    state: Mutex<Option<State>>,
    disk: SimStorage,
}

struct State {
    dice: Dice,
    /// Steps in between, of ten thousand calls.
    chance: u64,
    /// How many there were.
    count: u64,
    /// Who may have a step inside the one that is taken now.
    who: Who,
}

/// Who may have a step inside another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Nobody,
    /// Where the log would wait for what is interrupted.
    Shards,
    /// Shards, the log, and who makes its next segment.
    All,
}

/// Ends with the life that it belongs to.
pub(crate) struct Interleaved(Arc<Between>);

impl Interleaved {
    /// Lets the parts of an engine go on while one of them is inside a call.
    pub(crate) fn begin(engine: &Arc<SteppedEngine>, disk: &SimStorage, dice: Dice, chance: u64) -> Self {
        let state = Mutex::new(Some(State { dice, chance, count: 0, who: Who::Nobody }));
        let between = Arc::new(Between { engine: Arc::downgrade(engine), state, disk: disk.clone() });
        let act = Arc::clone(&between);
        disk.between(Some(Arc::new(move || act.act())));
        Self(between)
    }

    /// A step that may be interrupted by these.
    pub(crate) fn during<T>(&self, who: Who, step: impl FnOnce() -> T) -> T {
        self.allow(who);
        let stepped = step();
        self.allow(Who::Nobody);
        stepped
    }

    fn allow(&self, who: Who) {
        if let Some(state) = self.0.state.lock().as_mut() {
            state.who = who;
        }
    }

    /// How many steps were made in between.
    pub(crate) fn count(&self) -> u64 {
        self.0.state.lock().as_ref().map_or(0, |state| state.count)
    }
}

impl Drop for Interleaved {
    fn drop(&mut self) {
        self.0.disk.between(None);
    }
}

impl Between {
    fn act(&self) {
        // Whoever comes here while something happens in between is that something.
        let Some(mut state) = self.state.try_lock().and_then(|mut state| state.take()) else { return };
        if state.who != Who::Nobody
            && state.dice.chance(state.chance)
            && let Some(engine) = self.engine.upgrade()
        {
            state.count += 1;
            match state.dice.below(4) {
                0 if state.who == Who::All => drop(engine.log_step()),
                1 if state.who == Who::All => drop(engine.spare_step()),
                _ => drop(engine.shard_step(state.dice.place(engine.shards()))),
            }
        }
        *self.state.lock() = Some(state);
    }
}

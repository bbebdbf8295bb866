//! Why an order went where it went: what decided, and for each location a reason and a number.
//!
//! The number is one that was compared, so less is better, unless the reason says what else it is;
//! [`UNKNOWN`](super::UNKNOWN) means that what the rank asks for is not known of the location. Words are the
//! gateway's.

use super::costs::{Candidate, first_difference};
use super::field::Field;
use super::filter::{Barrier, first_barrier};
use super::trial::Trial;
use super::world::World;
use crate::id::LocationNumber;
use crate::planted::{Bug, is_planted};
use crate::routing::Take;
use alloc::vec::Vec;
use smallvec::SmallVec;

/// Locations of one explanation: as many as [`EXPLANATION_BYTES_MAX`](super::EXPLANATION_BYTES_MAX) can hold
/// where each takes three bytes, the least.
pub const EXPLAINED_MAX: usize = 95;

/// Of the locations that serve, so many are compared with one that does not, the poorest first. More would cost
/// an order of many shipments more than its plan.
const COMPARED_MAX: usize = 8;

/// What decided, and what became of each location.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// Of the profile.
    pub version: u32,
    /// What decided.
    pub decision: Decision,
    /// The counted steps ended before all strategies were tried or before as much as possible was looked for.
    pub is_cut_short: bool,
    /// Those that serve, in the order in which they are asked, then the others as the channel has them.
    pub places: Vec<Verdict>,
    /// Locations beyond those.
    pub left_out: u32,
}

/// What of a profile decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// This strategy served the order in full.
    Strategy(u8),
    /// This fallback served the order in full.
    Fallback(u8),
    /// No condition held, and the defaults served the order in full.
    Defaults,
    /// Nothing did, and the rest waits. These rules served what they could.
    Backorder(By),
    /// Nothing did, and nothing is claimed. These rules said how much there would have been.
    Reject(By),
    /// Nothing did, but the order confirms a hold, or its channel is granted all of it, and the channel's locations serve it
    /// in full, whatever the rules say of them.
    Held,
}

/// The rules by which as much as possible is served of an order that nothing serves in full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// No condition holds.
    Defaults,
    /// The last strategy whose condition holds, where none of a fallback does.
    Strategy(u8),
    /// The last fallback whose condition holds.
    Fallback(u8),
}

/// What became of one location.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Which.
    pub location: LocationNumber,
    /// Why it serves, or not.
    pub reason: Reason,
    /// The number that goes with the reason.
    pub score: u64,
}

/// Why a location serves, or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It serves, or would, were the order not rejected. The score is its own under the first rank.
    Chosen,
    /// It could take over a shipment and is equal under all ranks: the number of shipments or the channel's
    /// order decided. The score is its own under the first rank.
    Unneeded,
    /// It could take over a shipment, and differs under this rank first. The score is its own under that rank.
    Outranked(u8),
    /// It has something of the order, but cannot take over a shipment. The score is how many units it could
    /// give.
    NotEnough,
    /// It has nothing of the order. The score is 0.
    NoStock,
    /// It does not pass this filter. The score is 0 unless the filter says otherwise.
    Barred(Barrier),
}

/// Explains a plan, be it whole or not, with what it takes.
pub(super) fn explain<W: World>(
    field: &Field<'_, W>,
    trial: &Trial,
    takes: &[Take],
    decision: Decision,
    is_cut_short: bool,
) -> Explanation {
    let explainer = Explainer::new(field, trial, takes);
    let chosen = trial.chosen.iter().map(|candidate| explainer.chosen(*candidate));
    let others = (0..field.ground.locations.len()).filter_map(|place| explainer.other(place));
    let places: Vec<Verdict> = chosen.chain(others).take(EXPLAINED_MAX).collect();
    let left_out = field.ground.locations.len() + field.ground.beyond - places.len();
    let left_out = u32::try_from(left_out).unwrap_or(u32::MAX);
    Explanation { version: field.ground.profile.version, decision, is_cut_short, places, left_out }
}

/// Units of needs.
type Shipped = SmallVec<[(usize, u64); 4]>;

struct Explainer<'a, 'f, W> {
    field: &'a Field<'f, W>,
    trial: &'a Trial,
    /// For each location its candidate, if it is one.
    candidates: SmallVec<[Option<usize>; 16]>,
    /// The poorest shipments of the plan: the candidate, and its units of each need.
    shipments: SmallVec<[(usize, Shipped); 4]>,
}

impl<'a, 'f, W: World> Explainer<'a, 'f, W> {
    fn new(field: &'a Field<'f, W>, trial: &'a Trial, takes: &[Take]) -> Self {
        let mut candidates = SmallVec::from_elem(None, field.ground.locations.len());
        for (number, candidate) in field.candidates.iter().enumerate() {
            candidates[candidate.place] = Some(number);
        }
        let poorest = trial.chosen.iter().rev().take(COMPARED_MAX);
        let mut shipments: SmallVec<[_; 4]> = poorest.map(|candidate| (*candidate, Shipped::new())).collect();
        let location = |candidate: usize| field.ground.locations[field.candidates[candidate].place];
        for (candidate, shipped) in &mut shipments {
            let from_here = takes.iter().filter(|take| take.location == location(*candidate));
            shipped.extend(from_here.map(|take| (take.need, take.quantity)));
        }
        Self { field, trial, candidates, shipments }
    }

    fn chosen(&self, candidate: usize) -> Verdict {
        let Candidate { place, own, .. } = &self.field.candidates[candidate];
        self.verdict(*place, Reason::Chosen, score(own[0]))
    }

    /// What became of a location that does not serve; `None` if it serves.
    fn other(&self, place: usize) -> Option<Verdict> {
        let Some(candidate) = self.candidates[place] else { return Some(self.barred(place)) };
        if self.trial.chosen.binary_search(&candidate).is_ok() {
            return None;
        }
        if is_planted(Bug::ExplainOtherwise) {
            return Some(self.chosen(candidate));
        }
        let Some(replaceable) = self.replaceable(candidate) else {
            return Some(self.verdict(place, Reason::NotEnough, self.units(candidate)));
        };
        let row = &self.field.candidates[candidate];
        let (reason, rank) = match first_difference(&row.own, &replaceable.own) {
            Some(rank) => (Reason::Outranked(rank), rank),
            None => (Reason::Unneeded, 0),
        };
        Some(self.verdict(place, reason, score(row.own[usize::from(rank)])))
    }

    fn barred(&self, place: usize) -> Verdict {
        let (field, facts) = (self.field, &self.field.ground.places[place]);
        let number = |number: Option<u32>| number.map_or(0, u64::from);
        let (reason, score) = match first_barrier(field.rules.filters, field.ground.locations[place], facts) {
            Some(barrier @ Barrier::TooFar) => (Reason::Barred(barrier), number(facts.distance)),
            Some(barrier @ Barrier::NoCapacity) => (Reason::Barred(barrier), number(facts.capacity_left)),
            Some(barrier) => (Reason::Barred(barrier), 0),
            None if self.has_any(place) => (Reason::Barred(Barrier::KeptFree), 0),
            None => (Reason::NoStock, 0),
        };
        self.verdict(place, reason, score)
    }

    fn has_any(&self, place: usize) -> bool {
        (0..self.field.targets.len()).any(|need| self.field.ground.table.free(need, place) > 0)
    }

    /// The poorest location of the plan whose whole shipment this one could take over.
    fn replaceable(&self, candidate: usize) -> Option<&Candidate> {
        let can = |(need, units): &(usize, u64)| self.field.usable(*need, candidate) >= *units;
        let (serving, _) = self.shipments.iter().find(|(_, shipped)| shipped.iter().all(can))?;
        Some(&self.field.candidates[*serving])
    }

    /// Units that a candidate could give of the whole order.
    fn units(&self, candidate: usize) -> u64 {
        let needs = self.field.targets.iter().enumerate();
        needs.map(|(need, target)| self.field.usable(need, candidate).min(*target)).sum()
    }

    fn verdict(&self, place: usize, reason: Reason, score: u64) -> Verdict {
        Verdict { location: self.field.ground.locations[place], reason, score }
    }
}

/// No score is negative.
fn score(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

//! What a strategy's ranks give each location that may serve.

use super::budget::{Budget, OutOfSteps};
use super::ground::Ground;
use super::rank::{NORMAL, Objective, RANKS_MAX, Ranking, SCORE_MAX, UNKNOWN};
use super::rate::Rate;
use super::world::World;
use smallvec::SmallVec;

/// A number for each rank, the first rank first; a weighted cost is the first alone. They compare as ranks do.
/// No sum of them over 1,000 locations leaves 64 bits: a number is at most [`UNKNOWN`] or, weighted, 8 times
/// [`NORMAL`] times the largest weight, both below 2^41.
pub(super) type Score = [i64; RANKS_MAX];

/// A location that may serve.
pub(super) struct Candidate {
    /// Its place in the channel's list.
    pub(super) place: usize,
    /// Units of each SKU that must stay free there.
    pub(super) keep: u32,
    /// What it would have if it served the whole order alone.
    pub(super) own: Score,
    /// What it has whatever it serves.
    fixed: Score,
    /// What depends on the weight that it serves.
    rate: Option<Rate>,
}

/// How the number of an objective becomes a part of a score.
#[derive(Clone, Copy)]
struct Scale {
    slot: usize,
    times: i64,
    divide: i64,
    weight: i64,
    unknown: i64,
}

/// The parts of a score that depend on the weight of a shipment.
pub(super) type Landed = SmallVec<[LandedPart; 1]>;

/// One of them.
pub(super) struct LandedPart(Scale);

/// An objective's number for each candidate.
type Numbers = SmallVec<[Option<i64>; 16]>;

impl Candidate {
    pub(super) fn new(place: usize, keep: u32) -> Self {
        Self { place, keep, own: [0; RANKS_MAX], fixed: [0; RANKS_MAX], rate: None }
    }

    /// Adds what a shipment of so much weight from here costs.
    pub(super) fn add_to(&self, score: &mut Score, landed: &Landed, milligrams: u64) {
        for (sum, part) in score.iter_mut().zip(&self.fixed) {
            *sum += part;
        }
        for LandedPart(scale) in landed {
            score[scale.slot] += scale.of(self.rate.map(|rate| rate.price(milligrams)));
        }
    }
}

impl Scale {
    fn of(&self, number: Option<i64>) -> i64 {
        let Some(number) = number else { return self.unknown * self.weight };
        // Most ranks have no band, and a division is slow.
        let number = if self.divide == 1 { number * self.times } else { number * self.times / self.divide };
        number * self.weight
    }
}

/// Gives every candidate its numbers.
pub(super) fn rate(
    ground: &Ground<'_, impl World>,
    ranking: &Ranking,
    candidates: &mut [Candidate],
    budget: &mut Budget,
) -> Result<Landed, OutOfSteps> {
    let mut landed = Landed::new();
    for (index, objective) in ranking.objectives().enumerate() {
        let numbers = numbers(ground, objective, candidates, budget)?;
        let scale = scale(ranking, index, &numbers);
        let is_landed = objective.rate_card().is_some();
        for (candidate, number) in candidates.iter_mut().zip(&numbers) {
            let part = scale.of(*number);
            candidate.own[scale.slot] += part;
            if !is_landed {
                candidate.fixed[scale.slot] += part;
            }
        }
        if is_landed {
            landed.push(LandedPart(scale));
        }
    }
    Ok(landed)
}

fn scale(ranking: &Ranking, index: usize, numbers: &Numbers) -> Scale {
    match ranking {
        Ranking::InOrder(ranks) => {
            let divide = ranks[index].band.map_or(1, |band| i64::from(band).max(1));
            Scale { slot: index, times: 1, divide, weight: 1, unknown: UNKNOWN }
        }
        Ranking::Weighted(weights) => {
            let worst = numbers.iter().flatten().copied().max().unwrap_or(0);
            let weight = i64::from(weights[index].weight);
            Scale { slot: 0, times: NORMAL, divide: worst.max(1), weight, unknown: NORMAL }
        }
    }
}

/// What an objective gives each candidate, as if it served the whole order; `None` is unknown.
fn numbers(
    ground: &Ground<'_, impl World>,
    objective: &Objective,
    candidates: &mut [Candidate],
    budget: &mut Budget,
) -> Result<Numbers, OutOfSteps> {
    budget.spend(candidates.len())?;
    let place = |candidate: &Candidate| &ground.places[candidate.place];
    let rows = candidates.iter();
    let mut numbers: Numbers = match objective {
        Objective::Priority(list) => {
            let in_list = |row: &Candidate| list.place(ground.locations[row.place]);
            rows.map(|row| i64::try_from(in_list(row)).ok()).collect()
        }
        Objective::FewestShipments => rows.map(|_| Some(1)).collect(),
        Objective::Nearest => rows.map(|row| place(row).distance.map(i64::from)).collect(),
        Objective::CapacityLeft => rows.map(|row| place(row).capacity_left.map(i64::from)).collect(),
        Objective::LandedCost(card) => landed_costs(ground, *card, candidates),
        Objective::MostStock => {
            budget.spend(candidates.len() * ground.needs.len())?;
            stock(ground, candidates)
        }
        Objective::DaysOfCover => {
            budget.spend(candidates.len() * ground.needs.len())?;
            rows.map(|row| days_of_cover(ground, row)).collect()
        }
    };
    let best = numbers.iter().flatten().copied().max().unwrap_or(0);
    for number in numbers.iter_mut().flatten() {
        *number = if objective.is_gain() { best - *number } else { *number };
        *number = (*number).clamp(0, SCORE_MAX);
    }
    Ok(numbers)
}

/// Prices of the whole order from each candidate; the rates stay with the candidates.
fn landed_costs(ground: &Ground<'_, impl World>, card: u16, candidates: &mut [Candidate]) -> Numbers {
    let card = ground.profile.rate_cards.get(usize::from(card));
    let (country, postal) = (ground.order.country, ground.order.postal_code);
    let mut prices = Numbers::with_capacity(candidates.len());
    for candidate in candidates {
        let location = ground.locations[candidate.place];
        candidate.rate = card.and_then(|card| card.rate(location, country, postal));
        prices.push(candidate.rate.map(|rate| rate.price(ground.weight)));
    }
    prices
}

/// Free units of all needs together at each candidate.
fn stock(ground: &Ground<'_, impl World>, candidates: &[Candidate]) -> Numbers {
    let mut sums: SmallVec<[u64; 16]> = SmallVec::from_elem(0, candidates.len());
    for row in (0..ground.needs.len()).map(|need| ground.table.row(need)) {
        for (sum, candidate) in sums.iter_mut().zip(candidates) {
            *sum += u64::from(row[candidate.place]);
        }
    }
    sums.into_iter().map(|sum| i64::try_from(sum).ok()).collect()
}

fn days_of_cover(ground: &Ground<'_, impl World>, candidate: &Candidate) -> Option<i64> {
    let location = ground.locations[candidate.place];
    let days = ground.needs.iter().filter_map(|need| ground.world.days_of_cover(need.sku, location));
    days.min().map(i64::from)
}

/// The first rank under which two differ, if one does.
pub(super) fn first_difference(one: &Score, other: &Score) -> Option<u8> {
    let place = one.iter().zip(other).position(|(one, other)| one != other)?;
    u8::try_from(place).ok()
}

/// Candidates in the order in which they are asked for units: the best by itself first, then as the channel has
/// them.
pub(super) fn sort(candidates: &mut [Candidate]) {
    candidates.sort_unstable_by(|one, other| (&one.own, one.place).cmp(&(&other.own, other.place)));
}

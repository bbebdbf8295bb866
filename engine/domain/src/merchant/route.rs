//! Placing an order by the routing profile of its channel.

use super::place::{PerLine, Sourced, hand_out, sum_needs};
use super::promise::{Asking, Shelf};
use super::{Channel, MerchantState};
use crate::command::{PlaceOrder, RoutingFacts};
use crate::event::Routed;
use crate::id::{LocationNumber, ProfileNumber, SkuNumber};
use crate::order::Policy;
use crate::routing::profile::{
    Decision, Explanation, LineFacts, OrderFacts, Outcome, PlaceFacts, Planned, Profile, World, plan_with,
};
use crate::routing::{FreeStock, Need, Take, plan};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A profile, and its number.
pub(super) type Rules<'a> = (ProfileNumber, &'a Profile);

impl MerchantState {
    /// The rules of a number.
    pub(super) fn rules(&self, number: ProfileNumber) -> Option<Rules<'_>> {
        self.profile(number).map(|rules| (number, &**rules))
    }

    /// The plan of an order by a profile.
    pub(super) fn plan_by(
        &self,
        (number, rules): Rules<'_>,
        order: &PlaceOrder<'_>,
        demands: &[(SkuNumber, u32)],
        channel: &Channel,
        asks: Asking<'_>,
    ) -> Sourced {
        let (needs, need_of) = sum_needs(demands);
        let shelf = Shelf::of(self, order.channel, needs.iter().map(|need| need.sku), asks);
        let lines: PerLine<LineFacts<'_>> = order.lines.iter().map(line_facts).collect();
        let known = order.route.copied();
        let known =
            known.unwrap_or(RoutingFacts { order: OrderFacts::of(order.channel, &lines), places: &[] });
        let facts = OrderFacts { policy: Some(asks.policy), ..known.order };
        let scene = Scene { shelf: &shelf, places: known.places };
        let Planned { takes, outcome, explanation, within, .. } =
            plan_with(rules, &facts, &scene, &needs, &channel.locations);
        let promised = match outcome {
            Outcome::Full => None,
            _ => promised(&needs, &takes, channel, &shelf),
        };
        let (takes, explanation, within) = match promised {
            Some(Promised::Whole(takes)) => (takes, told_of_promise(explanation, channel), None),
            // Of one that is refused it is the rules that say why.
            Some(Promised::InPart(takes)) if asks.policy == Policy::Reject && !serves(&needs, &takes) => {
                (takes, explanation, within)
            }
            Some(Promised::InPart(takes)) => (takes, told_of_promise(explanation, channel), within),
            None => (takes, explanation, within),
        };
        let claims = hand_out(demands, &need_of, &takes);
        Sourced { claims, routed: Some(Box::new(Routed { profile: number, explanation, within })) }
    }
}

/// What an order gets because it was promised it before: it confirms a hold, or its channel was granted units.
enum Promised {
    /// All of it.
    Whole(Vec<Take>),
    /// Some of it, beside what the rules give.
    InPart(Vec<Take>),
}

/// Whoever was promised units gets them, wherever they lie. Of an order that was promised all it asks, or that confirms a
/// hold and can be served, rules that would not serve it all are passed over; beside that they have their say, and what they
/// would leave of units that were promised comes from where the channel prefers it.
fn promised(needs: &[Need], takes: &[Take], channel: &Channel, shelf: &Shelf<'_>) -> Option<Promised> {
    let first: PerLine<u64> = needs.iter().map(|need| shelf.first(need.sku).min(need.quantity)).collect();
    let is_whole = needs.iter().zip(&first).all(|(need, first)| *first == need.quantity);
    if is_whole || shelf.confirms() {
        let plain = plan(needs, &channel.locations, shelf);
        if serves(needs, &plain) {
            return Some(Promised::Whole(plain));
        }
    }
    let mut left: PerLine<Need> = PerLine::new();
    let mut need_of: PerLine<usize> = PerLine::new();
    for (number, (need, first)) in needs.iter().zip(&first).enumerate() {
        let quantity = first.saturating_sub(served(takes, number));
        if quantity > 0 {
            left.push(Need { sku: need.sku, quantity });
            need_of.push(number);
        }
    }
    if left.is_empty() {
        return None;
    }
    let more = plan(&left, &channel.locations, &Beside { shelf, needs, takes });
    let more = more.into_iter().map(|take| Take { need: need_of[take.need], ..take });
    let more: Vec<Take> = more.collect();
    (!more.is_empty()).then(|| Promised::InPart(together(takes, &more)))
}

/// Units that are taken for a need.
fn served(takes: &[Take], need: usize) -> u64 {
    takes.iter().filter(|take| take.need == need).map(|take| take.quantity).sum()
}

/// Whether all that is needed is taken.
fn serves(needs: &[Need], takes: &[Take]) -> bool {
    needs.iter().enumerate().all(|(number, need)| served(takes, number) == need.quantity)
}

/// Units that are taken here and there, as one plan: one row for each need and location, those of one need together.
fn together(takes: &[Take], more: &[Take]) -> Vec<Take> {
    let mut all = takes.to_vec();
    for take in more {
        match all.iter_mut().find(|other| (other.need, other.location) == (take.need, take.location)) {
            Some(other) => other.quantity += take.quantity,
            None => all.push(*take),
        }
    }
    all.sort_by_key(|take| take.need);
    all
}

/// Stock as an order may claim it beside what it takes already.
struct Beside<'a> {
    shelf: &'a Shelf<'a>,
    needs: &'a [Need],
    takes: &'a [Take],
}

impl Beside<'_> {
    fn taken(&self, sku: SkuNumber, location: Option<LocationNumber>) -> u64 {
        let is_it = |take: &&Take| {
            self.needs[take.need].sku == sku && location.is_none_or(|location| take.location == location)
        };
        self.takes.iter().filter(is_it).map(|take| take.quantity).sum()
    }
}

impl FreeStock for Beside<'_> {
    fn free(&self, sku: SkuNumber, location: LocationNumber) -> u32 {
        let units = u64::from(self.shelf.free(sku, location)).saturating_sub(self.taken(sku, Some(location)));
        // Fewer than there were.
        u32::try_from(units).unwrap_or(u32::MAX)
    }

    fn total(&self, sku: SkuNumber) -> u64 {
        self.shelf.total(sku).saturating_sub(self.taken(sku, None))
    }
}

fn told_of_promise(explanation: Explanation, channel: &Channel) -> Explanation {
    let left_out = u32::try_from(channel.locations.len()).unwrap_or(u32::MAX);
    Explanation { decision: Decision::Held, places: Vec::new(), left_out, ..explanation }
}

/// What is known of a line of which nobody says more.
fn line_facts((sku, quantity): &(SkuNumber, u32)) -> LineFacts<'static> {
    LineFacts { sku: *sku, category: None, tags: &[], quantity: *quantity }
}

/// Stock and places as one order sees them.
struct Scene<'a> {
    shelf: &'a Shelf<'a>,
    places: &'a [(LocationNumber, PlaceFacts<'a>)],
}

impl FreeStock for Scene<'_> {
    fn free(&self, sku: SkuNumber, location: LocationNumber) -> u32 {
        self.shelf.free(sku, location)
    }

    fn free_at(&self, sku: SkuNumber, ascending: &[(LocationNumber, usize)], row: &mut [u32]) {
        self.shelf.free_at(sku, ascending, row);
    }

    fn total(&self, sku: SkuNumber) -> u64 {
        self.shelf.total(sku)
    }
}

impl World for Scene<'_> {
    fn place(&self, location: LocationNumber) -> PlaceFacts<'_> {
        let found = self.places.binary_search_by_key(&location, |(location, _)| *location);
        found.map_or_else(|_| PlaceFacts::default(), |row| self.places[row].1)
    }

    fn days_of_cover(&self, _sku: SkuNumber, _location: LocationNumber) -> Option<u32> {
        None
    }

    fn unit_weight(&self, _sku: SkuNumber) -> Option<u32> {
        None
    }
}

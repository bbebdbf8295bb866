//! Placing an order by the routing profile of its channel.

use super::place::{PerLine, Sourced, hand_out, sum_needs};
use super::promise::{Asking, Shelf};
use super::{Channel, MerchantState};
use crate::command::{PlaceOrder, RoutingFacts};
use crate::event::Routed;
use crate::id::{LocationNumber, ProfileNumber, SkuNumber};
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
        let is_promised = || asks.hold.is_some() || self.is_covered(order);
        let is_passed_over = outcome != Outcome::Full && is_promised();
        let kept = is_passed_over.then(|| held(&needs, channel, &shelf)).flatten();
        let (takes, explanation, within) = match kept {
            Some(takes) => (takes, told_of_hold(explanation, channel), None),
            None => (takes, explanation, within),
        };
        let claims = hand_out(demands, &need_of, &takes);
        Sourced { claims, routed: Some(Box::new(Routed { profile: number, explanation, within })) }
    }
}

/// Whoever confirms a hold has been promised its units, wherever they lie, and so has a channel what it was granted: rules
/// that would not serve them all are passed over for an order that the channel's locations can serve.
fn held(needs: &[Need], channel: &Channel, shelf: &Shelf<'_>) -> Option<Vec<Take>> {
    let plain = plan(needs, &channel.locations, shelf);
    let served: u64 = plain.iter().map(|take| take.quantity).sum();
    (served == needs.iter().map(|need| need.quantity).sum()).then_some(plain)
}

fn told_of_hold(explanation: Explanation, channel: &Channel) -> Explanation {
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

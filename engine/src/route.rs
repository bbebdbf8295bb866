//! Routing profiles on a shard: what they are made of when they are put, and what they may ask of an order.

use crate::ask::{OrderAsk, OrderSaid, ProfileAsk};
use crate::directory::{Known, ProfileText};
use crate::translate::{Named, format_of};
use crate::turn::Merchant;
use onhand_domain::command::{PlaceOrder, PutProfile, RoutingFacts};
use onhand_domain::event::ProfilePut;
use onhand_domain::grant::Exposure;
use onhand_domain::money::{Currency, line_amount};
use onhand_domain::order::Policy;
use onhand_domain::routing::profile::{LineFacts, OrderFacts, PlaceFacts, Profile, Symbol, postal_key};
use onhand_domain::{ChannelNumber, Command, Event, LocationNumber, ProfileNumber, Rejection};
use onhand_record::order::{LineAskedV1, OrderAskedV1, decode_asked};
use onhand_record::routing::RoutingProfilePutV1;
use smallvec::SmallVec;
use std::borrow::Borrow;
use std::sync::Arc;

impl Merchant {
    /// The next version of a profile.
    pub(crate) fn decide_profile(&self, ask: &ProfileAsk) -> Result<Event, Rejection> {
        let profile = self.directory.profile(&ask.code);
        let newest = profile.and_then(|profile| self.state.profile(profile)).map_or(0, |rules| rules.version);
        let rules = Arc::new(Profile { version: newest + 1, ..ask.rules.clone() });
        self.state.decide(&Command::PutProfile(PutProfile { profile, rules }))
    }

    /// A version of a profile as the log has it.
    ///
    /// # Errors
    /// That this release does not understand it.
    pub(crate) fn profile_told<'a>(
        &self,
        put: &RoutingProfilePutV1<'a>,
    ) -> Result<(Event, Named<'a>), String> {
        let (format, text) = (format_of(put.format), put.text);
        let rules = self.directory.reread_profile(text, format, put.version);
        let rules = rules.map_err(|error| format!("routing profile {}: {}", put.code, error.detail))?;
        let (profile, is_new, rules) = (ProfileNumber(put.profile), put.is_new, Arc::new(rules));
        let event = Event::ProfilePut(ProfilePut { profile, is_new, rules });
        Ok((event, Named::Profile(ProfileText { code: put.code, format, text })))
    }

    /// Whether a profile wants to know how far it is; that takes longer than anything else that it may ask.
    fn asks_distance(&self, profile: Option<ProfileNumber>) -> bool {
        profile.and_then(|profile| self.state.profile(profile)).is_some_and(|rules| rules.asks_distance())
    }

    /// Whether the feed of the order's channel had passed the time at which it was sold: then what it was sold from may be
    /// anybody's by now, and to refuse it does not unsell it.
    pub(crate) fn is_late(&self, ask: &OrderAsk) -> bool {
        let exposure = self.state.exposure(ask.channel);
        exposure.heard_until().is_some()
            && decode_asked(&ask.asked).is_ok_and(|asked| was_sold_before(exposure, &asked))
    }

    /// What becomes of an order.
    pub(crate) fn decide_order(&self, ask: &OrderAsk) -> Result<Event, Rejection> {
        let OrderAsk { channel, policy, agreed, ref lines, hold, .. } = *ask;
        let policy = if self.is_late(ask) { Some(Policy::Imposed) } else { policy };
        let place = PlaceOrder { channel, policy, agreed, lines, hold, route: None };
        // Whoever handed it in has written it just now; what cannot be read says nothing.
        self.decide_place(place, ask.said.as_deref(), || decode_asked(&ask.asked).ok())
    }

    /// What becomes of an order; what it was `asked` as is looked at only where rules may ask about it.
    #[inline]
    pub(crate) fn decide_place<'a, A: Borrow<OrderAskedV1<'a>>>(
        &self,
        place: PlaceOrder<'_>,
        said: Option<&OrderSaid>,
        asked: impl FnOnce() -> Option<A>,
    ) -> Result<Event, Rejection> {
        let routed = self.state.channel(place.channel).filter(|channel| channel.profile.is_some());
        let Some(routed) = routed else { return self.state.decide(&Command::PlaceOrder(place)) };
        self.directory.with_rules(|known| {
            let asked = asked();
            let asked: Option<&OrderAskedV1<'_>> = asked.as_ref().map(A::borrow);
            let tags = order_tags(known, said);
            let facts = place.lines.iter().map(|(sku, quantity)| LineFacts {
                sku: *sku,
                category: None,
                tags: known.tags(*sku),
                quantity: *quantity,
            });
            let facts: SmallVec<[LineFacts<'_>; 8]> = facts.collect();
            let order = order_facts(known, (place.channel, said, asked), &tags, &facts);
            let ship_to = asked.and_then(|asked| asked.ship_to.as_ref());
            let ship_to = ship_to.filter(|_| self.asks_distance(routed.profile));
            let metres = ship_to.and_then(|ship_to| known.atlas().metres_to(ship_to, &routed.locations));
            let places = places(known, &routed.locations, metres);
            let route = RoutingFacts { order, places: &places };
            self.state.decide(&Command::PlaceOrder(PlaceOrder { route: Some(&route), ..place }))
        })
    }
}

/// Whether an order was sold at a time up to which all orders of its channel were known.
pub(crate) fn was_sold_before(exposure: Exposure, asked: &OrderAskedV1<'_>) -> bool {
    let sold_at = asked.placed_at.and_then(|at| u64::try_from(at).ok());
    sold_at.is_some_and(|sold_at| exposure.is_late(sold_at))
}

fn order_tags(known: Known<'_>, said: Option<&OrderSaid>) -> Vec<Symbol> {
    let tags = said.map_or(&[][..], |said| &said.tags);
    let mut tags: Vec<Symbol> = tags.iter().map(|tag| known.symbols().find(tag)).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

fn order_facts<'a>(
    known: Known<'a>,
    (channel, said, asked): (ChannelNumber, Option<&OrderSaid>, Option<&OrderAskedV1<'_>>),
    tags: &'a [Symbol],
    lines: &'a [LineFacts<'a>],
) -> OrderFacts<'a> {
    let symbol = |word: &str| known.symbols().find(word);
    let ship_to = asked.and_then(|asked| asked.ship_to);
    let currency = asked.and_then(|asked| asked.currency).map(Currency);
    OrderFacts {
        country: ship_to.map(|ship_to| symbol(ship_to.country)),
        region: ship_to.and_then(|ship_to| ship_to.region).map(symbol),
        postal_code: ship_to.and_then(|ship_to| postal_key(ship_to.postal_code?)),
        total: asked.zip(currency).and_then(|(asked, currency)| total(asked, currency)),
        currency,
        priority: said.and_then(|said| said.priority),
        customer_tier: said.and_then(|said| said.customer_tier.as_deref()).map(symbol),
        is_b2b: said.and_then(|said| said.is_b2b),
        ship_method: said.and_then(|said| said.ship_method.as_deref()).map(symbol),
        payment_risk: said.and_then(|said| said.payment_risk),
        tags,
        ..OrderFacts::of(channel, lines)
    }
}

/// What an order costs in minor units: the sum of its lines, each rounded. Unknown if a line has no price.
fn total(asked: &OrderAskedV1<'_>, currency: Currency) -> Option<i64> {
    let amount =
        |line: &LineAskedV1<'_>| line_amount(line.unit_price?, line.quantity, line.decimals, currency);
    asked.lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(amount(line)?))
}

/// What is known of the locations that may serve, ascending.
fn places<'a>(
    known: Known<'a>,
    locations: &[LocationNumber],
    metres: Option<Vec<Option<u32>>>,
) -> Vec<(LocationNumber, PlaceFacts<'a>)> {
    let metres = metres.into_iter().flatten().chain(std::iter::repeat(None));
    let place = |(location, distance): (&LocationNumber, Option<u32>)| {
        (*location, PlaceFacts { kind: known.atlas().kind(*location), distance, ..PlaceFacts::default() })
    };
    let mut places: Vec<_> = locations.iter().zip(metres).map(place).collect();
    places.sort_unstable_by_key(|(location, _)| *location);
    places
}

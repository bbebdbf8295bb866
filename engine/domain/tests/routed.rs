//! Orders of channels with a routing profile: what is claimed, what is said about it, and what comes first where order,
//! profile, channel, promises and holds say different things.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on fails")]

use onhand_domain::command::{
    Adjust, CancelOrder, Confirm, PlaceHold, PlaceOrder, PutChannel, PutLocation, PutProfile, PutSku,
    Receive, RoutingFacts, SetGrant,
};
use onhand_domain::event::{OrderAccepted, Routed};
use onhand_domain::order::{Agreed, Policy};
use onhand_domain::promise::StockPolicy;
use onhand_domain::routing::profile::{
    By, Condition, Decision, EXPLANATION_BYTES_MAX, Explanation, Fact, Filter, LineFacts, Objective, Op,
    OrderFacts, PlaceFacts, PriorityList, Profile, Rank, Ranking, Reason, Set, Split, Strategy, Symbol,
};
use onhand_domain::sku::StockState;
use onhand_domain::{
    ChannelNumber, Command, Event, HoldId, LocationNumber, MerchantState, OrderId, ProfileNumber, Rejection,
    SkuNumber,
};
use std::sync::Arc;

const WEB: ChannelNumber = ChannelNumber(0);
const TILL: ChannelNumber = ChannelNumber(1);
const MUG: SkuNumber = SkuNumber(0);
const GERMANY: Symbol = Symbol(49);

fn ranked(objective: Objective) -> Ranking {
    Ranking::InOrder(vec![Rank { objective, band: None }])
}

fn strategy(when: Option<Condition>, filters: Vec<Filter>, objective: Objective) -> Strategy {
    Strategy { when, filters, ranking: ranked(objective), max_split: None, line_split: None }
}

fn prefer(location: u16) -> Objective {
    Objective::Priority(PriorityList::new(&[LocationNumber(location)]))
}

fn only(location: u16) -> Vec<Filter> {
    vec![Filter::Include(Set::new(vec![LocationNumber(location)]))]
}

fn profile(version: u32, strategies: Vec<Strategy>) -> Profile {
    Profile {
        version,
        defaults: Split { max_split: u16::MAX, line_split: true },
        strategies,
        fallbacks: Vec::new(),
        otherwise: None,
        rate_cards: Vec::new(),
    }
}

/// A merchant with three locations, a web shop with a profile and a till without.
struct Shop {
    state: MerchantState,
    events: u64,
}

impl Shop {
    /// With so many mugs at each location.
    fn new(rules: Profile, stock: [u32; 3]) -> Self {
        let mut shop = Self { state: MerchantState::default(), events: 0 };
        let locations: Vec<LocationNumber> = (0..3).map(LocationNumber).collect();
        for _ in &locations {
            shop.run(&Command::PutLocation(PutLocation::plain(None)));
        }
        shop.put(rules);
        let web = PutChannel::plain(None, &locations, Policy::Reject);
        shop.run(&Command::PutChannel(PutChannel { profile: Some(ProfileNumber(0)), ..web }));
        shop.run(&Command::PutChannel(web));
        shop.run(&Command::PutSku(PutSku::plain(None, 0)));
        for (location, quantity) in locations.iter().zip(stock).filter(|(_, quantity)| *quantity > 0) {
            let (sku, location, state) = (MUG, *location, StockState::Sellable);
            shop.run(&Command::Receive(Receive { sku, location, state, quantity }));
        }
        shop
    }

    fn put(&mut self, rules: Profile) {
        let profile = self.state.profile(ProfileNumber(0)).map(|_| ProfileNumber(0));
        self.run(&Command::PutProfile(PutProfile { profile, rules: Arc::new(rules) }));
    }

    fn run(&mut self, command: &Command<'_>) -> Event {
        let event = self.state.decide(command).unwrap();
        self.events += 1;
        self.state.evolve(OrderId(self.events), &event);
        self.state.check().unwrap();
        event
    }

    fn order(channel: ChannelNumber, quantity: &[(SkuNumber, u32)]) -> PlaceOrder<'_> {
        PlaceOrder { channel, policy: None, agreed: Agreed::NONE, lines: quantity, hold: None, route: None }
    }

    /// What would become of an order.
    fn decide(&self, order: PlaceOrder<'_>) -> Result<OrderAccepted, Rejection> {
        match self.state.decide(&Command::PlaceOrder(order))? {
            Event::OrderAccepted(accepted) => Ok(accepted),
            other => panic!("{other:?}"),
        }
    }

    fn buy(&self, channel: ChannelNumber, quantity: u32) -> Result<OrderAccepted, Rejection> {
        self.decide(Self::order(channel, &[(MUG, quantity)]))
    }
}

fn claims(accepted: &OrderAccepted) -> Vec<(u16, u32)> {
    accepted.claims.iter().map(|(_, location, quantity)| (location.0, *quantity)).collect()
}

fn explanation(accepted: &OrderAccepted) -> &Explanation {
    let Routed { profile, explanation, .. } = &**accepted.routed.as_ref().unwrap();
    assert_eq!(*profile, ProfileNumber(0));
    let bytes = explanation.encode();
    assert!(bytes.len() <= EXPLANATION_BYTES_MAX);
    assert_eq!(Explanation::decode(&bytes).as_ref(), Ok(explanation));
    explanation
}

#[test]
fn the_profile_of_the_channel_decides_and_says_why() {
    let shop = Shop::new(profile(1, vec![strategy(None, Vec::new(), prefer(2))]), [5, 5, 5]);
    let accepted = shop.buy(WEB, 3).unwrap();
    assert_eq!(claims(&accepted), [(2, 3)]);
    let said = explanation(&accepted);
    assert_eq!((said.version, said.decision), (1, Decision::Strategy(0)));
    let reasons: Vec<_> = said.places.iter().map(|place| (place.location.0, place.reason)).collect();
    assert_eq!(reasons, [(2, Reason::Chosen), (0, Reason::Outranked(0)), (1, Reason::Outranked(0))]);
    let plain = shop.buy(TILL, 3).unwrap();
    assert_eq!((claims(&plain), plain.routed), (vec![(0, 3)], None));
}

#[test]
fn the_newest_version_decides() {
    let mut shop = Shop::new(profile(1, vec![strategy(None, Vec::new(), prefer(2))]), [5, 5, 5]);
    shop.put(profile(2, vec![strategy(None, Vec::new(), prefer(1))]));
    let accepted = shop.buy(WEB, 3).unwrap();
    assert_eq!((claims(&accepted), explanation(&accepted).version), (vec![(1, 3)], 2));
}

#[test]
fn facts_of_order_and_places_are_asked() {
    let home = Condition::Compare(Fact::Country, Op::Eq(i64::from(GERMANY.0)));
    let near = strategy(Some(home), vec![Filter::MaxDistance(90_000)], Objective::Nearest);
    let shop = Shop::new(profile(1, vec![near, strategy(None, Vec::new(), prefer(0))]), [5, 5, 5]);
    let place = |location, distance| {
        (LocationNumber(location), PlaceFacts { distance: Some(distance), ..PlaceFacts::default() })
    };
    let places = [place(0, 500_000), place(1, 80_000), place(2, 60_000)];
    let lines = [LineFacts { sku: MUG, category: None, tags: &[], quantity: 7 }];
    for (country, decision, expected) in [
        (Some(GERMANY), Decision::Strategy(0), vec![(2, 5), (1, 2)]),
        (Some(Symbol(33)), Decision::Strategy(1), vec![(0, 5), (1, 2)]),
        (None, Decision::Strategy(1), vec![(0, 5), (1, 2)]),
    ] {
        let order = OrderFacts { country, ..OrderFacts::of(WEB, &lines) };
        let route = Some(&RoutingFacts { order, places: &places });
        let accepted = shop.decide(PlaceOrder { route, ..Shop::order(WEB, &[(MUG, 7)]) }).unwrap();
        assert_eq!((explanation(&accepted).decision, claims(&accepted)), (decision, expected));
    }
}

#[test]
fn the_order_is_asked_before_the_profile_and_the_profile_before_the_channel() {
    let rules = |otherwise| Profile { otherwise, ..profile(1, vec![strategy(None, only(1), prefer(1))]) };
    let (reject, backorder) = (Some(Policy::Reject), Some(Policy::Backorder));
    for (order, profile, is_taken) in [
        (None, None, false),
        (None, reject, false),
        (None, backorder, true),
        (reject, backorder, false),
        (backorder, reject, true),
    ] {
        let shop = Shop::new(rules(profile), [5, 2, 5]);
        let answer = shop.decide(PlaceOrder { policy: order, ..Shop::order(WEB, &[(MUG, 20)]) });
        match answer {
            Ok(accepted) => {
                assert!(is_taken, "{order:?} {profile:?}");
                assert_eq!(accepted.policy, Policy::Backorder);
                assert_eq!(explanation(&accepted).decision, Decision::Backorder(By::Strategy(0)));
            }
            Err(Rejection::InsufficientStock { shortfalls, routed }) => {
                assert!(!is_taken, "{order:?} {profile:?}");
                assert_eq!((shortfalls[0].requested, shortfalls[0].available), (20, 2));
                assert_eq!(routed.unwrap().explanation.decision, Decision::Reject(By::Strategy(0)));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A profile says from where, never how much: what is kept for others is out of its reach.
#[test]
fn promises_come_before_rules() {
    let mut shop = Shop::new(profile(1, vec![strategy(None, only(1), prefer(1))]), [0, 5, 0]);
    let locations = [LocationNumber(1)];
    let floor = StockPolicy { floor: 4, ..StockPolicy::SHARED };
    let till =
        PutChannel { stock_policy: floor, ..PutChannel::plain(Some(TILL), &locations, Policy::Reject) };
    shop.run(&Command::PutChannel(till));
    assert_eq!(claims(&shop.buy(WEB, 1).unwrap()), [(1, 1)]);
    assert!(matches!(shop.buy(WEB, 2), Err(Rejection::InsufficientStock { .. })));
}

/// What waits gets stock from where its rules let it, and what it may not have is anybody's.
#[test]
fn rules_that_last_hold_for_what_waits() {
    let mut shop = Shop::new(profile(1, vec![strategy(None, only(1), prefer(1))]), [5, 2, 0]);
    let order = PlaceOrder { policy: Some(Policy::Backorder), ..Shop::order(WEB, &[(MUG, 4)]) };
    let Event::OrderAccepted(accepted) = shop.run(&Command::PlaceOrder(order)) else { panic!("it waits") };
    let id = OrderId(shop.events);
    assert_eq!(claims(&accepted), [(1, 2)]);
    assert_eq!(accepted.routed.unwrap().within, Some(vec![LocationNumber(1)]));
    let receive = |shop: &mut Shop, location, quantity| {
        let (location, state) = (LocationNumber(location), StockState::Sellable);
        shop.run(&Command::Receive(Receive { sku: MUG, location, state, quantity }));
        while let Some(work) = shop.state.next_work() {
            shop.run(&work);
        }
        shop.state.order(id).map_or(0, |order| order.demands[0].backordered)
    };
    assert_eq!(receive(&mut shop, 2, 3), 2);
    assert_eq!(claims(&shop.buy(TILL, 8).unwrap()), [(0, 5), (2, 3)]);
    // The channel's profile is another one by now; the order keeps what it was taken under.
    shop.put(profile(2, vec![strategy(None, Vec::new(), prefer(0))]));
    assert_eq!(receive(&mut shop, 0, 1), 2);
    assert_eq!(receive(&mut shop, 1, 1), 1);
    // What was lost is replaced from anywhere.
    let (sku, location, state) = (MUG, LocationNumber(1), StockState::Sellable);
    shop.run(&Command::Adjust(Adjust { sku, location, state, delta: -3 }));
    assert_eq!(receive(&mut shop, 2, 1), 1);
    let order = shop.state.order(id).unwrap();
    let kept: Vec<_> = order.claims.iter().map(|claim| (claim.location.0, claim.quantity)).collect();
    assert_eq!((order.demands[0].short, kept), (0, vec![(0, 3)]));
    // Closed orders leave nothing behind.
    shop.run(&Command::CancelOrder(CancelOrder { order: id, lines: None }));
    assert_eq!(shop.state.freeze().within.iter().count(), 0);
}

#[test]
fn a_hold_is_kept_although_the_rules_would_not_serve_it() {
    let mut shop = Shop::new(profile(1, vec![strategy(None, only(1), prefer(1))]), [5, 1, 0]);
    let lines = [(MUG, 4)];
    let hold = PlaceHold { channel: WEB, deadline: 1_000, customer: None, key: 1, lines: &lines };
    shop.run(&Command::PlaceHold(hold));
    let hold = HoldId(shop.events);
    assert!(matches!(shop.buy(WEB, 2), Err(Rejection::InsufficientStock { .. })));
    let confirm = Some(Confirm { hold, or_reserve: false });
    let accepted = shop.decide(PlaceOrder { hold: confirm, ..Shop::order(WEB, &lines) }).unwrap();
    assert_eq!((claims(&accepted), explanation(&accepted).decision), (vec![(0, 4)], Decision::Held));
    // One that the rules can serve goes where they say.
    let one = shop.decide(PlaceOrder { hold: confirm, ..Shop::order(WEB, &[(MUG, 1)]) }).unwrap();
    assert_eq!((claims(&one), explanation(&one).decision), (vec![(1, 1)], Decision::Strategy(0)));
}

#[test]
fn what_a_channel_is_granted_is_served_although_the_rules_would_not() {
    let mut shop = Shop::new(profile(1, vec![strategy(None, only(1), prefer(1))]), [5, 1, 0]);
    shop.run(&Command::SetGrant(SetGrant { sku: MUG, channel: WEB, granted: 4 }));
    let accepted = shop.decide(Shop::order(WEB, &[(MUG, 4)])).unwrap();
    assert_eq!((claims(&accepted), explanation(&accepted).decision), (vec![(0, 4)], Decision::Held));
    // Beyond it the rules decide: of five they serve one, of which the channel is granted four.
    let Err(Rejection::InsufficientStock { shortfalls, routed }) = shop.decide(Shop::order(WEB, &[(MUG, 5)]))
    else {
        panic!("five are more than it is granted")
    };
    assert_eq!((shortfalls[0].requested, shortfalls[0].available), (5, 4));
    assert_eq!(routed.unwrap().explanation.decision, Decision::Reject(By::Strategy(0)));
}

/// What is granted of one SKU is served, whatever the rules say of others in the order.
#[test]
fn what_is_granted_is_served_beside_what_is_not() {
    const LAMP: SkuNumber = SkuNumber(1);
    let mut shop = Shop::new(profile(1, vec![strategy(None, only(1), prefer(1))]), [5, 1, 0]);
    shop.run(&Command::PutSku(PutSku::plain(None, 0)));
    for (location, quantity) in [(0, 3), (1, 1)] {
        let (location, state) = (LocationNumber(location), StockState::Sellable);
        shop.run(&Command::Receive(Receive { sku: LAMP, location, state, quantity }));
    }
    shop.run(&Command::SetGrant(SetGrant { sku: MUG, channel: WEB, granted: 3 }));
    let lines = [(LAMP, 2), (MUG, 3)];
    let order = PlaceOrder { policy: Some(Policy::Imposed), ..Shop::order(WEB, &lines) };
    let accepted = shop.decide(order).unwrap();
    // One lamp and one mug as the rules say, and two mugs that it is granted; a lamp is short that lies elsewhere.
    let claims: Vec<_> =
        accepted.claims.iter().map(|(line, location, units)| (*line, location.0, *units)).collect();
    assert_eq!(claims, [(0, 1, 1), (1, 1, 1), (1, 0, 2)]);
    let Routed { explanation, within, .. } = &**accepted.routed.as_ref().unwrap();
    assert_eq!((explanation.decision, within), (Decision::Held, &Some(vec![LocationNumber(1)])));
}

#[test]
fn a_merchant_has_a_hundred_profiles_at_the_most_of_ten_thousand_versions() {
    let rules = || Arc::new(profile(1, vec![strategy(None, Vec::new(), prefer(0))]));
    let mut state = MerchantState::default();
    for number in 0..100 {
        let event = state.decide(&Command::PutProfile(PutProfile { profile: None, rules: rules() })).unwrap();
        state.evolve(OrderId(number + 1), &event);
    }
    let next = state.decide(&Command::PutProfile(PutProfile { profile: None, rules: rules() }));
    assert_eq!(next, Err(Rejection::TooMany { what: "routing profiles", max: 100 }));
    let again = PutProfile { profile: Some(ProfileNumber(99)), rules: rules() };
    assert!(state.decide(&Command::PutProfile(again)).is_ok());
    let last = |version| {
        let rules = Arc::new(profile(version, vec![strategy(None, Vec::new(), prefer(0))]));
        state.decide(&Command::PutProfile(PutProfile { profile: Some(ProfileNumber(0)), rules })).map(|_| ())
    };
    let what = "versions of a routing profile";
    assert_eq!((last(10_000), last(10_001)), (Ok(()), Err(Rejection::TooMany { what, max: 10_000 })));
}

/// Distances are only worked out where a rule wants them, however deep it asks.
#[test]
fn a_profile_says_whether_it_asks_for_distances() {
    let far = |location| Condition::Compare(Fact::Distance(LocationNumber(location)), Op::Ge(1));
    let home = || Condition::Compare(Fact::Country, Op::Eq(i64::from(GERMANY.0)));
    let when = |condition| strategy(Some(condition), Vec::new(), prefer(0));
    let deep = Condition::Not(Box::new(Condition::Any(vec![home(), Condition::All(vec![far(1)])])));
    for (strategy, asks) in [
        (when(home()), false),
        (strategy(None, only(1), prefer(0)), false),
        (when(deep), true),
        (strategy(None, vec![Filter::MaxDistance(1)], prefer(0)), true),
        (strategy(None, Vec::new(), Objective::Nearest), true),
    ] {
        assert_eq!(profile(1, vec![strategy.clone()]).asks_distance(), asks, "{strategy:?}");
        let plain = profile(1, vec![when(home())]);
        assert_eq!(
            Profile { fallbacks: vec![strategy.clone()], ..plain }.asks_distance(),
            asks,
            "{strategy:?}"
        );
    }
}

/// What a channel has sold is not refused by rules, but served as they say: at once, and when stock comes.
#[test]
fn rules_serve_what_is_imposed_and_do_not_refuse_it() {
    let rules = profile(1, vec![strategy(None, only(1), prefer(1))]);
    let mut shop = Shop::new(Profile { otherwise: Some(Policy::Reject), ..rules }, [5, 2, 0]);
    let locations: Vec<LocationNumber> = (0..3).map(LocationNumber).collect();
    let imposes = PutChannel::plain(Some(WEB), &locations, Policy::Imposed);
    shop.run(&Command::PutChannel(PutChannel { profile: Some(ProfileNumber(0)), ..imposes }));
    let order = Command::PlaceOrder(Shop::order(WEB, &[(MUG, 4)]));
    let Event::OrderAccepted(accepted) = shop.run(&order) else { panic!("it is taken") };
    let id = OrderId(shop.events);
    assert_eq!((accepted.policy, claims(&accepted)), (Policy::Imposed, vec![(1, 2)]));
    assert_eq!(explanation(&accepted).decision, Decision::Backorder(By::Strategy(0)));
    let receive = |shop: &mut Shop, location| {
        let (location, state) = (LocationNumber(location), StockState::Sellable);
        shop.run(&Command::Receive(Receive { sku: MUG, location, state, quantity: 1 }));
        while let Some(work) = shop.state.next_work() {
            shop.run(&work);
        }
        shop.state.order(id).map_or(0, |order| order.demands[0].short)
    };
    assert_eq!([0, 2, 1].map(|location| receive(&mut shop, location)), [2, 2, 1]);
    // What is lost of it comes from there again, too.
    let loss = Adjust { sku: MUG, location: LocationNumber(1), state: StockState::Sellable, delta: -3 };
    shop.run(&Command::Adjust(loss));
    assert_eq!([0, 1].map(|location| receive(&mut shop, location)), [4, 3]);
}

#[test]
fn what_rules_planned_beyond_whole_kits_is_left_where_it_is() {
    // For less the strategy would have served the mug, from elsewhere than where the rest may come from.
    let first = strategy(None, only(0), prefer(0));
    let rules = Profile { fallbacks: vec![strategy(None, only(1), prefer(1))], ..profile(1, vec![first]) };
    let mut shop = Shop::new(rules, [1, 3, 0]);
    shop.run(&Command::PutSku(PutSku::plain(None, 0)));
    let (cup, pair) = (SkuNumber(1), SkuNumber(2));
    let components = [(MUG, 1), (cup, 1)];
    shop.run(&Command::PutSku(PutSku { components: &components, ..PutSku::plain(None, 0) }));
    let lines = [(MUG, 2), (pair, 1)];
    let order = PlaceOrder { policy: Some(Policy::Backorder), ..Shop::order(WEB, &lines) };
    let accepted = shop.decide(order).unwrap();
    assert_eq!(accepted.claims[..], [(0, LocationNumber(1), 2)]);
    let said = explanation(&accepted);
    assert_eq!(said.decision, Decision::Backorder(By::Fallback(0)));
    let chosen = said.places.iter().filter(|place| place.reason == Reason::Chosen);
    assert_eq!(chosen.map(|place| place.location.0).collect::<Vec<_>>(), [1]);
    let within = accepted.routed.as_ref().unwrap().within.as_deref();
    assert_eq!(within, Some(&[LocationNumber(1)][..]));
    // The cup comes where the mug is; what waits is served from there.
    shop.run(&Command::PlaceOrder(order));
    let (location, state) = (LocationNumber(1), StockState::Sellable);
    shop.run(&Command::Receive(Receive { sku: cup, location, state, quantity: 1 }));
    let filled = shop.run(&Command::FillBacklog(cup));
    let Event::BacklogFilled(filled) = filled else { panic!("{filled:?}") };
    assert_eq!(filled.fills.iter().map(|fill| fill.location.0).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn a_demand_has_one_claim_at_a_location_whatever_it_was_planned_for() {
    let rules = profile(1, vec![strategy(None, Vec::new(), prefer(0))]);
    let mut shop = Shop::new(rules, [4, 0, 0]);
    shop.run(&Command::PutSku(PutSku::plain(None, 0)));
    let (cup, pair) = (SkuNumber(1), SkuNumber(2));
    shop.run(&Command::Receive(Receive {
        sku: cup,
        location: LocationNumber(0),
        state: StockState::Sellable,
        quantity: 1,
    }));
    let components = [(MUG, 1), (cup, 1)];
    shop.run(&Command::PutSku(PutSku { components: &components, ..PutSku::plain(None, 0) }));
    // Two pairs are planned two mugs and a cup, and one pair is given; of the other mug the last line gets its share.
    let lines = [(pair, 2), (MUG, 3)];
    let order = PlaceOrder { policy: Some(Policy::Backorder), ..Shop::order(WEB, &lines) };
    let accepted = shop.decide(order).unwrap();
    let home = LocationNumber(0);
    assert_eq!(accepted.claims[..], [(0, home, 1), (1, home, 1), (2, home, 3)]);
}

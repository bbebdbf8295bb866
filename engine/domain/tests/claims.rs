//! An order comes to have no more claims than one record can tell of: units that come to it go where it has claims, and else to
//! those who wait behind it.
//!
//! Of line 1 of a large order one more waits than there is, and a small order waits behind it. The large one has a claim on each
//! SKU for each of its lines at each of fifty locations; its channel is served by one more.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot go on fails")]

use onhand_domain::command::Receive;
use onhand_domain::merchant::{Channel, Location};
use onhand_domain::order::{
    CLAIMS_MAX, Claim, ClaimState, Demand, FewRows, KIT_CLAIMS_MAX, Line, Order, Part, Policy,
};
use onhand_domain::promise::StockPolicy;
use onhand_domain::sku::{Level, SkuActor, StockState};
use onhand_domain::{ChannelNumber, Command, LocationNumber, MerchantState, OrderId, SkuNumber};
use std::collections::BTreeMap;

const LOCATIONS: u16 = 50;
/// Where nobody has a claim.
const EMPTY: u16 = LOCATIONS;
const LARGE: OrderId = OrderId(1);
const SMALL: OrderId = OrderId(2);

/// How a line of the large order is made.
#[derive(Clone, Copy)]
struct Made {
    /// SKUs that each line needs; more than one if lines are kits.
    parts: u32,
    lines: u16,
    /// Claims that it has less than it may.
    spare: u16,
}

/// An order of so many lines, each with a claim on each part at each location; its last demand has some of them at the first.
fn large(Made { parts, lines, spare }: Made) -> Order {
    let (channel, policy) = (ChannelNumber(0), Policy::Backorder);
    let (mut demands, mut claims) = (FewRows::new(), FewRows::new());
    let part = (parts > 1).then_some(Part { per_kit: 1, shipped: 0 });
    for (line, sku) in (0..lines).flat_map(|line| (0..parts).map(move |sku| (line, SkuNumber(sku)))) {
        let (number, backordered) = (u16::try_from(demands.len()).unwrap(), u32::from(line == 0));
        demands.push(Demand { sku, line, backordered, short: 0, part });
        let spare = if u32::from(number) + 1 == u32::from(lines) * parts { spare } else { 0 };
        claims.extend((0..LOCATIONS - spare).map(|location| Claim {
            demand: number,
            location: LocationNumber(location),
            state: ClaimState::Allocated,
            quantity: if location == 0 { 1 + u32::from(spare) } else { 1 },
        }));
    }
    let ordered = |line| Line::new(u32::from(LOCATIONS) + u32::from(line == 0));
    let lines = (0..lines).map(ordered).collect();
    Order { id: LARGE, channel, policy, lines, demands, claims }
}

/// The same lines, of which nothing is there.
fn small(parts: u32) -> Order {
    let made = large(Made { parts, lines: 1, spare: 0 });
    let demands = made.demands.iter().map(|demand| Demand { backordered: 1, ..*demand }).collect();
    Order { id: SMALL, lines: FewRows::from_slice(&[Line::new(1)]), demands, claims: FewRows::new(), ..made }
}

fn shop(made: Made) -> MerchantState {
    let orders = [large(made), small(made.parts)];
    let locations = vec![Location { safety_stock: 0 }; usize::from(EMPTY) + 1];
    let channel = Channel {
        locations: (0..=EMPTY).map(LocationNumber).collect(),
        policy: Policy::Backorder,
        stock_policy: StockPolicy::SHARED,
        rank: 0,
        profile: None,
    };
    let mut state = MerchantState::restored(locations, vec![channel]);
    let mut units: BTreeMap<(SkuNumber, LocationNumber), u32> = BTreeMap::new();
    for claim in &orders[0].claims {
        let sku = orders[0].demands[usize::from(claim.demand)].sku;
        *units.entry((sku, claim.location)).or_default() += claim.quantity;
    }
    for sku in (0..made.parts).map(SkuNumber) {
        let levels = units.iter().filter(|((of, _), _)| *of == sku);
        let levels = levels.map(|((_, location), units)| Level::restored(*location, *units, 0, 0));
        state.restore_sku(SkuActor::restored(0, true, levels));
    }
    orders.into_iter().for_each(|order| state.restore_order(order));
    state.check().unwrap();
    state
}

/// A unit of a SKU comes to a location, and who waits is served.
fn receive(state: &mut MerchantState, sku: u32, location: u16) {
    let (sku, location) = (SkuNumber(sku), LocationNumber(location));
    let receive = Receive { sku, location, state: StockState::Sellable, quantity: 1 };
    let mut next = Some(Command::Receive(receive));
    while let Some(command) = next {
        let event = state.decide(&command).unwrap();
        state.evolve(OrderId(9), &event);
        next = state.next_work();
    }
    state.check().unwrap();
}

/// Units that wait of the large order and of the small one, and claims of the large one.
fn stands(state: &MerchantState) -> (u64, u64, usize) {
    let [large, small] = [LARGE, SMALL].map(|order| state.order(order).unwrap());
    (large.waiting(), small.waiting(), large.claims.len())
}

#[test]
fn an_order_with_as_many_claims_as_it_may_have_gets_units_where_it_has_claims() {
    const FULL: Made = Made { parts: 1, lines: 1_000, spare: 0 };
    let mut state = shop(FULL);
    assert_eq!(stands(&state), (1, 1, CLAIMS_MAX));
    receive(&mut state, 0, EMPTY);
    assert_eq!(stands(&state), (1, 0, CLAIMS_MAX), "the one behind it gets what it cannot have");
    receive(&mut state, 0, EMPTY);
    receive(&mut state, 0, 7);
    assert_eq!(stands(&state), (0, 0, CLAIMS_MAX));
    let mut state = shop(Made { spare: 1, ..FULL });
    receive(&mut state, 0, EMPTY);
    assert_eq!(stands(&state), (0, 1, CLAIMS_MAX), "there is room for one");
}

#[test]
fn an_order_of_kits_gets_whole_ones_as_far_as_it_may_have_claims() {
    const FULL: Made = Made { parts: 2, lines: 200, spare: 0 };
    let both = |state: &mut MerchantState, places: [u16; 2]| {
        (0..).zip(places).for_each(|(sku, location)| receive(state, sku, location));
    };
    let mut state = shop(FULL);
    assert_eq!(stands(&state), (2, 2, KIT_CLAIMS_MAX));
    both(&mut state, [EMPTY, EMPTY]);
    assert_eq!(stands(&state), (2, 0, KIT_CLAIMS_MAX), "the one behind it gets the kit that it cannot have");
    both(&mut state, [EMPTY, EMPTY]);
    both(&mut state, [7, 9]);
    assert_eq!(stands(&state), (0, 0, KIT_CLAIMS_MAX));
    for (spare, waits) in [(1, (2, 0, KIT_CLAIMS_MAX - 1)), (2, (0, 2, KIT_CLAIMS_MAX))] {
        let mut state = shop(Made { spare, ..FULL });
        both(&mut state, [EMPTY, EMPTY]);
        assert_eq!(stands(&state), waits, "room for {spare}");
    }
}

//! Planning an order by a routing profile, in process: two orders that are usual, and the costliest there can
//! be.
//!
//! The last ones say how long the counted steps of a plan take, and so whether their limits are right.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a bench; criterion writes its main"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use onhand_engine::domain::command::{PutLocation, PutSku, Receive};
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::routing::profile::{
    Condition, Fact, Filter, LineFacts, Objective, Op, OrderFacts, PlaceFacts, Planned, PriorityList,
    Profile, Quantifier, Rank, Ranking, Rate, RateCard, RateRow, Set, Split, Strategy, Symbol, Weight, World,
    check, plan_with,
};
use onhand_engine::domain::routing::{FreeStock, Need};
use onhand_engine::domain::sku::StockState;
use onhand_engine::domain::{ChannelNumber, Command, LocationNumber, MerchantState, OrderId, SkuNumber};
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A merchant's stock, and what is known of its locations.
struct Shop {
    state: MerchantState,
    places: Vec<PlaceFacts<'static>>,
}

impl FreeStock for Shop {
    fn free(&self, sku: SkuNumber, location: LocationNumber) -> u32 {
        self.state.sku(sku).map_or(0, |actor| actor.free(location))
    }

    fn free_at(&self, sku: SkuNumber, ascending: &[(LocationNumber, usize)], row: &mut [u32]) {
        match self.state.sku(sku) {
            Some(actor) => actor.free_at(ascending, row),
            None => row.fill(0),
        }
    }
}

impl World for Shop {
    fn place(&self, location: LocationNumber) -> PlaceFacts<'_> {
        self.places[location.row()]
    }

    fn days_of_cover(&self, sku: SkuNumber, location: LocationNumber) -> Option<u32> {
        Some((sku.0 + u32::from(location.0)) % 90)
    }

    fn unit_weight(&self, _: SkuNumber) -> Option<u32> {
        Some(350_000)
    }
}

/// An order of one line for each SKU, the stock and the rules.
struct Case {
    shop: Shop,
    needs: Vec<Need>,
    locations: Vec<LocationNumber>,
    profile: Profile,
}

impl Case {
    fn new(
        skus: u32,
        locations: u16,
        quantity: u64,
        has: impl Fn(u32, u16) -> u32,
        profile: Profile,
    ) -> Self {
        check(&profile, locations).expect("a good profile");
        let mut state = MerchantState::default();
        let mut number = 0;
        let mut apply = |command: &Command<'_>| {
            number += 1;
            let event = state.decide(command).expect("set-up");
            state.evolve(OrderId(number), &event);
        };
        (0..locations)
            .for_each(|_| apply(&Command::PutLocation(PutLocation { location: None, safety_stock: 0 })));
        for sku in 0..skus {
            apply(&Command::PutSku(PutSku::plain(None, 0)));
            for location in (0..locations).filter(|location| has(sku, *location) > 0) {
                let (quantity, state) = (has(sku, location), StockState::Sellable);
                let (sku, location) = (SkuNumber(sku), LocationNumber(location));
                apply(&Command::Receive(Receive { sku, location, state, quantity }));
            }
        }
        let place = |location: u16| PlaceFacts {
            distance: Some(u32::from(location) * 7_919 % 1_000 * 1_000),
            capacity_left: Some(u32::from(location) * 31 % 100),
            is_cutoff_passed: Some(location % 4 == 3),
            ..PlaceFacts::default()
        };
        let places = (0..locations).map(place).collect();
        let needs = (0..skus).map(|sku| Need { sku: SkuNumber(sku), quantity }).collect();
        let locations = (0..locations).map(LocationNumber).collect();
        Self { shop: Shop { state, places }, needs, locations, profile }
    }

    fn run(&self, name: &str, criterion: &mut Criterion) {
        let line = |need: &Need| LineFacts {
            sku: need.sku,
            category: Some(Symbol(need.sku.0 % 7)),
            tags: &[],
            quantity: u32::try_from(need.quantity).unwrap_or(u32::MAX),
        };
        let lines: Vec<LineFacts<'_>> = self.needs.iter().map(line).collect();
        let order = OrderFacts { country: Some(Symbol(49)), ..OrderFacts::of(ChannelNumber(1), &lines) };
        let plan = || -> Planned {
            plan_with(black_box(&self.profile), black_box(&order), &self.shop, &self.needs, &self.locations)
        };
        let Planned { takes, steps, explanation, .. } = plan();
        let (takes, decision, is_cut_short) = (takes.len(), explanation.decision, explanation.is_cut_short);
        eprintln!("{name}: {decision:?}, {takes} takes, {steps} steps, cut short: {is_cut_short}");
        criterion.bench_function(&format!("routing/{name}"), |bencher| bencher.iter(|| black_box(plan())));
    }
}

fn strategy(when: Option<Condition>, filters: Vec<Filter>, ranking: Ranking) -> Strategy {
    Strategy { when, filters, ranking, max_split: None, line_split: None }
}

fn profile(max_split: u16, strategies: Vec<Strategy>) -> Profile {
    let row = |location: u16| RateRow {
        location: LocationNumber(location),
        country: Some(Symbol(49)),
        postal: None,
        rate: Rate { shipment: 400 + i64::from(location) % 7 * 20, per_kilogram: 110 },
    };
    Profile {
        version: 1,
        defaults: Split { max_split, line_split: true },
        strategies,
        fallbacks: Vec::new(),
        otherwise: Some(Policy::Backorder),
        rate_cards: vec![RateCard::new((0..10).map(row).collect())],
    }
}

fn in_order(objectives: &[Objective]) -> Ranking {
    let rank = |objective: &Objective| Rank { objective: objective.clone(), band: None };
    Ranking::InOrder(objectives.iter().map(rank).collect())
}

fn weighted(objectives: &[(Objective, u32)]) -> Ranking {
    let weight =
        |(objective, weight): &(Objective, u32)| Weight { objective: objective.clone(), weight: *weight };
    Ranking::Weighted(objectives.iter().map(weight).collect())
}

fn is(fact: Fact, op: Op) -> Condition {
    Condition::Compare(fact, op)
}

/// Three that are for other orders, three whose locations do not have everything, three that find no room, and
/// one that serves.
fn ten_strategies() -> Profile {
    let near = || in_order(&[Objective::FewestShipments, Objective::Nearest]);
    let only = |numbers: &[u16]| {
        vec![Filter::Include(Set::new(numbers.iter().copied().map(LocationNumber).collect()))]
    };
    let cold = Condition::Lines(
        Quantifier::Any,
        Box::new(is(Fact::LineTags, Op::HasAny(Set::new(vec![Symbol(1), Symbol(2)])))),
    );
    let abroad = Condition::All(vec![
        is(Fact::Channel, Op::Eq(1)),
        is(Fact::Country, Op::NotIn(Set::new(vec![33, 39, 49]))),
    ]);
    let large = Condition::Lines(Quantifier::Count(Op::Ge(5)), Box::new(is(Fact::Quantity, Op::Gt(10))));
    let priority = Objective::Priority(PriorityList::new(&[4, 2, 0].map(LocationNumber)));
    let here = || Some(is(Fact::Country, Op::Eq(49)));
    profile(
        3,
        vec![
            strategy(Some(cold), Vec::new(), near()),
            strategy(Some(abroad), Vec::new(), near()),
            strategy(Some(large), Vec::new(), near()),
            strategy(here(), only(&[0]), near()),
            strategy(here(), only(&[1, 4]), in_order(&[priority])),
            strategy(here(), vec![Filter::MaxDistance(10_000)], near()),
            strategy(here(), vec![Filter::CapacityLeft(99)], near()),
            strategy(here(), vec![Filter::KeepFree { units: 40, at: None }, Filter::BeforeCutOff], near()),
            strategy(here(), vec![Filter::CapacityLeft(80), Filter::BeforeCutOff], near()),
            strategy(
                None,
                vec![Filter::BeforeCutOff],
                in_order(&[Objective::FewestShipments, Objective::LandedCost(0), Objective::Nearest]),
            ),
        ],
    )
}

fn usual(criterion: &mut Criterion) {
    // Each location has two SKUs of three.
    let has = |sku: u32, location: u16| u32::from(!(sku + u32::from(location)).is_multiple_of(3)) * 20;
    Case::new(3, 10, 2, has, ten_strategies()).run("3_lines_10_locations_10_strategies", criterion);

    let has = |sku: u32, location: u16| u32::from((sku * 7 + u32::from(location) * 5) % 11 < 4) * 9;
    let cost = [(Objective::FewestShipments, 5), (Objective::Nearest, 3), (Objective::MostStock, 1)];
    let rules = strategy(None, vec![Filter::BeforeCutOff], weighted(&cost));
    Case::new(40, 50, 6, has, profile(12, vec![rules])).run("40_lines_50_locations", criterion);
}

/// So many strategies that look at everything and find that no few locations suffice.
fn in_vain(count: u16, max_split: u16) -> Profile {
    let ranking = || in_order(&[Objective::MostStock, Objective::DaysOfCover, Objective::CapacityLeft]);
    let rules = |channel: u16| {
        // Each holds for this order, and none is implied by another.
        let when = is(Fact::Channel, Op::In(Set::new(vec![1, 100 + i64::from(channel)])));
        strategy(Some(when), Vec::new(), ranking())
    };
    let mut profile = profile(max_split, (0..count).map(rules).collect());
    profile.fallbacks = (count..count + 16).map(rules).collect();
    profile
}

fn costliest(criterion: &mut Criterion) {
    let one_each = |sku: u32, location: u16| u32::from(sku % 12 == u32::from(location)) + 1;
    Case::new(8, 12, 13, one_each, in_vain(64, 10)).run("8_lines_12_locations_80_strategies", criterion);
    let everywhere = |sku: u32, location: u16| 1 + (sku + u32::from(location)) % 5;
    Case::new(1_200, 1_000, 350, everywhere, in_vain(64, 100)).run("largest_in_vain", criterion);
    Case::new(1_200, 1_000, 9_000, everywhere, in_vain(64, 100)).run("largest_not_there", criterion);
    Case::new(1_200, 1_000, 300, everywhere, in_vain(64, 1_000)).run("largest_in_full", criterion);
    Case::new(1_200, 40, 100, everywhere, in_vain(64, 39))
        .run("1200_lines_40_locations_80_strategies", criterion);
    let nine = |_: u32, _: u16| 9;
    let near = strategy(None, Vec::new(), in_order(&[Objective::Nearest, Objective::FewestShipments]));
    Case::new(1_200, 1_000, 900, nine, profile(1_000, vec![near])).run("largest_nearest", criterion);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(2));
    targets = usual, costliest
}
criterion_main!(benches);

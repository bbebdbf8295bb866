//! Orders beyond the exact sizes: planned well, and in a bounded number of steps.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot go on fails")]

#[path = "routing/shop.rs"]
mod shop;

use onhand_domain::routing::profile::{
    By, Condition, Decision, EXPLANATION_BYTES_MAX, FALLBACK_STEPS_MAX, Fact, Filter, LineFacts, Objective,
    Op, OrderFacts, PLAN_STEPS_MAX, Profile, Quantifier, READS_MAX, Ranking, Set, Strategy as Rules, Symbol,
    WALK_STEPS_MAX, Weight, plan_with,
};
use onhand_domain::routing::{FreeStock, Need};
use onhand_domain::{ChannelNumber, LocationNumber, SkuNumber};
use shop::{Place, Shop, needs, profile, ranks, strategy};

/// All that an order may take.
const STEPS_MAX: usize = PLAN_STEPS_MAX + FALLBACK_STEPS_MAX + WALK_STEPS_MAX;

/// An order of 1,200 SKUs over 1,000 locations, of which each has some of what `has` says.
fn largest(has: impl Fn(u32, u32) -> u32, quantity: u64) -> (Shop, Vec<Need>) {
    let place = |location: u32| Place {
        free: (0..1_200).map(|sku| has(location, sku)).collect(),
        cover: vec![Some(location); 1_200],
        distance: Some(location * 7_919 % 1_000),
        capacity_left: Some(location * 31 % 1_000),
        ..Place::default()
    };
    let shop = Shop { places: (0..1_000).map(place).collect(), weights: vec![Some(1_000_000); 1_200] };
    (shop, needs(&[quantity; 1_200]))
}

/// Ranks that look at every free number, and two of a weighted cost.
fn costly_rules(filters: &[Filter]) -> Vec<Rules> {
    let rank = ranks(&[Objective::MostStock, Objective::DaysOfCover, Objective::Nearest]);
    let weights =
        [Objective::MostStock, Objective::FewestShipments].map(|objective| Weight { objective, weight: 3 });
    [rank, Ranking::Weighted(weights.into())]
        .map(|ranking| Rules { filters: filters.to_vec(), max_split: Some(40), ..strategy(ranking) })
        .into()
}

#[test]
fn the_largest_order_takes_a_bounded_number_of_steps() {
    let everywhere = |_: u32, _: u32| 5;
    let scattered = |location: u32, sku: u32| u32::from((location * 37 + sku * 11).is_multiple_of(97)) * 2;
    let at_one = |location: u32, sku: u32| u32::from(location == sku % 1_000);
    let keeps = vec![Filter::KeepFree { units: 1, at: None }];
    for (name, (shop, needs), filters) in [
        ("in vain", largest(everywhere, 400), vec![]),
        ("in full", largest(everywhere, 40), vec![]),
        ("kept", largest(everywhere, 150), keeps),
        ("scattered", largest(scattered, 20), vec![]),
        ("at one", largest(at_one, 1), vec![]),
        ("too much", largest(everywhere, 90_000), vec![]),
        ("nothing", largest(|_, _| 0, 1), vec![]),
    ] {
        let line = |need: &Need| LineFacts {
            sku: need.sku,
            category: None,
            tags: &[],
            quantity: u32::try_from(need.quantity).unwrap(),
        };
        let lines: Vec<LineFacts<'_>> = needs.iter().map(line).collect();
        let order = OrderFacts::of(ChannelNumber(0), &lines);
        let rules = (0..32).flat_map(|_| costly_rules(&filters)).collect();
        let profile = Profile { fallbacks: costly_rules(&filters), ..profile(rules) };
        let locations = shop.locations();
        let planned = plan_with(&profile, &order, &shop, &needs, &locations);
        assert!(planned.steps <= STEPS_MAX, "{name}: {} steps", planned.steps);
        let mut serving: Vec<_> = planned.takes.iter().map(|take| take.location).collect();
        serving.sort_unstable();
        serving.dedup();
        assert!(serving.len() <= 40, "{name}");
        let kept = u32::from(!filters.is_empty());
        for take in &planned.takes {
            let free = shop.free(needs[take.need].sku, take.location) - kept;
            assert!(take.quantity <= u64::from(free) && take.quantity > 0, "{name}: {take:?}");
        }
        assert_eq!(planned.takes.is_empty(), name == "nothing", "{name}");
        assert!(planned.explanation.encode().len() <= EXPLANATION_BYTES_MAX);
    }
}

#[test]
fn conditions_that_take_all_steps_end_in_a_plan_of_the_defaults() {
    let (shop, needs) = largest(|_, _| 5, 10);
    let tags: Vec<Symbol> = (0..256).map(Symbol).collect();
    let lines: Vec<LineFacts<'_>> = (0..1_200)
        .map(|sku| LineFacts { sku: SkuNumber(sku), category: None, tags: &[], quantity: 10 })
        .collect();
    let order = OrderFacts::of(ChannelNumber(0), &lines);
    let tagged = Condition::Compare(Fact::LineTags, Op::HasAny(Set::new(tags)));
    let when = Condition::Lines(Quantifier::Any, Box::new(tagged));
    let rules =
        |filters| Rules { when: Some(when.clone()), filters, ..strategy(ranks(&[Objective::Nearest])) };
    let strategies: Vec<Rules> = (0..64).map(|_| rules(vec![])).collect();
    let plain = profile(strategies.clone());
    let planned = plan_with(&plain, &order, &shop, &needs, &shop.locations());
    assert!(planned.explanation.is_cut_short && planned.steps <= STEPS_MAX);
    assert_eq!(planned.explanation.decision, Decision::Defaults);
    assert_eq!(planned.takes.iter().map(|take| take.quantity).sum::<u64>(), 12_000);
    // Which filters hold is not known, so nobody serves.
    let kept_out = vec![Filter::Exclude(Set::new(vec![LocationNumber(0)]))];
    let guarded = Profile { fallbacks: (0..16).map(|_| rules(kept_out.clone())).collect(), ..plain };
    let planned = plan_with(&guarded, &order, &shop, &needs, &shop.locations());
    assert!(planned.takes.is_empty() && planned.explanation.is_cut_short);
    // Nor later: who may serve what waits has passed every filter there is.
    let mut others = shop.locations();
    others.retain(|location| *location != LocationNumber(0));
    assert_eq!(planned.within, Some(others));
}

#[test]
fn a_large_order_is_planned_well() {
    // Each of 30 locations has every fifth SKU, and two have half of everything; 40 needs.
    let has = |location: usize, sku: usize| match location {
        11 => u32::from(sku < 20) * 9,
        23 => u32::from(sku >= 20) * 9,
        _ => u32::from(location % 5 == sku % 5) * 9,
    };
    let place = |location: usize| Place {
        free: (0..40).map(|sku| has(location, sku)).collect(),
        distance: Some(if location == 11 || location == 23 {
            400
        } else {
            100 + u32::try_from(location).unwrap()
        }),
        ..Place::default()
    };
    let shop = Shop { places: (0..30).map(place).collect(), weights: Vec::new() };
    let order = OrderFacts::of(ChannelNumber(0), &[]);
    let serving = |objectives: &[Objective]| {
        let profile = profile(vec![strategy(ranks(objectives))]);
        let planned = plan_with(&profile, &order, &shop, &needs(&[5; 40]), &shop.locations());
        assert_eq!(planned.explanation.decision, Decision::Strategy(0));
        let mut serving: Vec<u16> = planned.takes.iter().map(|take| take.location.0).collect();
        serving.sort_unstable();
        serving.dedup();
        serving
    };
    assert_eq!(serving(&[Objective::FewestShipments, Objective::Nearest]), [11, 23]);
    assert_eq!(serving(&[Objective::Nearest]), [0, 1, 2, 3, 4]);
}

#[test]
fn an_order_of_many_lines_looks_at_the_first_locations_alone() {
    let count = READS_MAX / 1_200;
    let at_one = |at: usize| move |location: u32, _: u32| u32::from(location as usize == at) * 9;
    for (at, decision) in [(count - 1, Decision::Strategy(0)), (count, Decision::Backorder(By::Strategy(0)))]
    {
        let (shop, needs) = largest(at_one(at), 9);
        let rules = profile(vec![strategy(ranks(&[Objective::FewestShipments]))]);
        let order = OrderFacts::of(ChannelNumber(0), &[]);
        let found = plan_with(&rules, &order, &shop, &needs, &shop.locations()).explanation;
        assert_eq!((found.decision, found.is_cut_short), (decision, at == count), "{at}");
        assert_eq!(found.places.len() + found.left_out as usize, 1_000);
    }
}

//! What a routing profile means, in tables: which location serves what, what decided, and why the others do not
//! serve.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot go on fails")]

#[path = "routing/shop.rs"]
mod shop;

use onhand_domain::order::Policy;
use onhand_domain::routing::Take;
use onhand_domain::routing::profile::{
    Barrier, By, Condition, Decision, Fact, Filter, LineFacts, NORMAL, Objective, Op, OrderFacts, Outcome,
    Planned, PriorityList, Profile, Quantifier, Rank, Ranking, Rate, RateCard, RateRow, Reason, Set, Split,
    Strategy, Symbol, UNKNOWN, Weight, check, plan_with,
};
use onhand_domain::{ChannelNumber, LocationNumber, SkuNumber};
use shop::{Place, Shop, needs, profile, ranks, strategy};

/// Plans an order of channel 0 by a profile that must be right.
fn planned(shop: &Shop, profile: &Profile, quantities: &[u64]) -> Planned {
    let count = u16::try_from(shop.places.len()).unwrap();
    assert_eq!(check(profile, count), Ok(()));
    let line = |(quantity, sku): (&u64, u32)| LineFacts {
        sku: SkuNumber(sku),
        category: None,
        tags: &[],
        quantity: u32::try_from(*quantity).unwrap(),
    };
    let lines: Vec<LineFacts<'_>> = quantities.iter().zip(0..).map(line).collect();
    let order = OrderFacts::of(ChannelNumber(0), &lines);
    plan_with(profile, &order, shop, &needs(quantities), &shop.locations())
}

/// Looks at what decided and at the takes: need, location, units.
fn check_plan(
    shop: &Shop,
    profile: &Profile,
    quantities: &[u64],
    decision: Decision,
    takes: &[(usize, u16, u64)],
) {
    let planned = planned(shop, profile, quantities);
    let found = |take: &Take| (take.need, take.location.0, take.quantity);
    let found: Vec<_> = planned.takes.iter().map(found).collect();
    assert_eq!((planned.explanation.decision, &found[..]), (decision, takes), "{profile:#?}");
    let outcome = match decision {
        Decision::Strategy(_) | Decision::Fallback(_) | Decision::Defaults => Outcome::Full,
        Decision::Backorder(_) | Decision::Held => Outcome::Backorder,
        Decision::Reject(_) => Outcome::Reject,
    };
    assert_eq!((planned.outcome, planned.explanation.is_cut_short), (outcome, false));
}

/// By the one strategy that there is, in full.
fn check_takes(shop: &Shop, strategy: Strategy, quantities: &[u64], takes: &[(usize, u16, u64)]) {
    check_plan(shop, &profile(vec![strategy]), quantities, Decision::Strategy(0), takes);
}

fn set(numbers: &[u16]) -> Set<LocationNumber> {
    Set::new(numbers.iter().copied().map(LocationNumber).collect())
}

fn priority(numbers: &[u16]) -> Objective {
    let locations: Vec<_> = numbers.iter().copied().map(LocationNumber).collect();
    Objective::Priority(PriorityList::new(&locations))
}

/// Locations with so many units of SKU 0, so many metres away.
fn far(places: &[(u32, u32)]) -> Shop {
    let place = |(free, metres): &(u32, u32)| Place {
        free: vec![*free],
        distance: Some(*metres),
        ..Place::default()
    };
    Shop { places: places.iter().map(place).collect(), weights: Vec::new() }
}

#[test]
fn ranks_decide_in_their_order() {
    let shop = far(&[(9, 700), (3, 100), (3, 200)]);
    let (near, few) = (Objective::Nearest, Objective::FewestShipments);
    check_takes(&shop, strategy(ranks(&[few.clone(), near.clone()])), &[6], &[(0, 0, 6)]);
    check_takes(&shop, strategy(ranks(&[near.clone(), few])), &[6], &[(0, 1, 3), (0, 2, 3)]);
    check_takes(&shop, strategy(ranks(&[near])), &[3], &[(0, 1, 3)]);
    check_takes(&shop, strategy(ranks(&[priority(&[2, 0])])), &[3], &[(0, 2, 3)]);
    check_takes(&shop, strategy(ranks(&[priority(&[2, 0])])), &[5], &[(0, 0, 5)]);
    check_takes(&shop, strategy(ranks(&[Objective::MostStock])), &[3], &[(0, 0, 3)]);
}

#[test]
fn inside_a_band_the_next_rank_decides() {
    let shop = far(&[(9, 140_000), (9, 110_000), (9, 120_000), (5, 90_000)]);
    let banded = |band| {
        let nearest = Rank { objective: Objective::Nearest, band };
        strategy(Ranking::InOrder(vec![nearest, Rank { objective: priority(&[0, 2]), band: None }]))
    };
    check_takes(&shop, banded(None), &[5], &[(0, 3, 5)]);
    check_takes(&shop, banded(None), &[6], &[(0, 1, 6)]);
    check_takes(&shop, banded(Some(50_000)), &[5], &[(0, 3, 5)]);
    check_takes(&shop, banded(Some(100_000)), &[6], &[(0, 0, 6)]);
    check_takes(&shop, banded(Some(1_000_000)), &[5], &[(0, 0, 5)]);
}

#[test]
fn what_is_unknown_ranks_last() {
    let mut shop = far(&[(9, 0), (9, 800)]);
    shop.places[0].distance = None;
    check_takes(&shop, strategy(ranks(&[Objective::Nearest])), &[1], &[(0, 1, 1)]);
    // Alone it still serves.
    check_takes(&shop, strategy(ranks(&[Objective::Nearest])), &[12], &[(0, 1, 9), (0, 0, 3)]);
}

#[test]
fn what_a_location_has_left() {
    let mut shop = Shop::with(&[&[9, 9], &[9, 9], &[9, 9]]);
    for (place, cover, capacity) in [(0, [30, 4], 10), (1, [9, 8], 30), (2, [9, 7], 20)] {
        shop.places[place].cover = cover.map(Some).to_vec();
        shop.places[place].capacity_left = Some(capacity);
    }
    // The SKU that runs out first counts.
    check_takes(&shop, strategy(ranks(&[Objective::DaysOfCover])), &[1, 1], &[(0, 1, 1), (1, 1, 1)]);
    check_takes(&shop, strategy(ranks(&[Objective::DaysOfCover])), &[1], &[(0, 0, 1)]);
    check_takes(&shop, strategy(ranks(&[Objective::CapacityLeft])), &[1], &[(0, 1, 1)]);
    // Bands count from the best: 10 and 30 are two bands apart.
    let banded = Ranking::InOrder(vec![Rank { objective: Objective::CapacityLeft, band: Some(11) }]);
    check_takes(&shop, strategy(banded), &[10], &[(0, 1, 9), (0, 2, 1)]);
}

#[test]
fn a_weighted_cost_trades_one_for_the_other() {
    // Of 1,000 parts: far is 1,000 for location 0, and 300 and 200 for the others.
    let shop = far(&[(9, 1_000), (3, 300), (3, 200)]);
    let weighted = |near, few| {
        let weights = [(Objective::Nearest, near), (Objective::FewestShipments, few)];
        let weight = |(objective, weight)| Weight { objective, weight };
        strategy(Ranking::Weighted(weights.into_iter().map(weight).collect()))
    };
    check_takes(&shop, weighted(2, 1), &[6], &[(0, 0, 6)]);
    check_takes(&shop, weighted(21, 10), &[6], &[(0, 2, 3), (0, 1, 3)]);
    check_takes(&shop, weighted(0, 1), &[6], &[(0, 0, 6)]);
    let best = planned(&shop, &profile(vec![weighted(21, 10)]), &[6]);
    assert_eq!(best.explanation.places[0].score, 21 * 200 + 10 * u64::try_from(NORMAL).unwrap());
}

#[test]
fn shipments_cost_what_the_card_says() {
    let mut shop = Shop::with(&[&[9, 9], &[9, 0], &[0, 9]]);
    shop.weights = vec![Some(1_000_000), Some(2_000_000)];
    let row = |location, shipment, per_kilogram| RateRow {
        location: LocationNumber(location),
        country: None,
        postal: None,
        rate: Rate { shipment, per_kilogram },
    };
    let by_cost = |rows: Vec<RateRow>| Profile {
        rate_cards: vec![RateCard::new(rows)],
        ..profile(vec![strategy(ranks(&[Objective::LandedCost(0)]))])
    };
    let decided = Decision::Strategy(0);
    let (together, apart): (&[_], &[_]) = (&[(0, 0, 3), (1, 0, 3)], &[(0, 1, 3), (1, 2, 3)]);
    // 3 and 6 kilograms: 500 + 900 together, 2 x 300 + 300 + 300 apart.
    let rows = |alone| vec![row(0, 500, 100), row(1, 300, 100), row(2, alone, 50)];
    check_plan(&shop, &by_cost(rows(300)), &[3, 3], decided, apart);
    check_plan(&shop, &by_cost(rows(499)), &[3, 3], decided, apart);
    // Equal, so fewer shipments decide.
    check_plan(&shop, &by_cost(rows(500)), &[3, 3], decided, together);
    // A location without a rate is behind all others.
    let dear = by_cost(vec![row(0, 90_000, 90_000), row(1, 1, 0)]);
    check_plan(&shop, &dear, &[3, 3], decided, &[(0, 1, 3), (1, 0, 3)]);
}

#[test]
fn filters_keep_locations_out() {
    let mut shop = far(&[(9, 100), (9, 200), (9, 300)]);
    shop.places[0].is_cutoff_passed = Some(true);
    shop.places[1].is_cutoff_passed = Some(false);
    shop.places[2].capabilities = vec![Symbol(4)];
    let with = |filter| Strategy { filters: vec![filter], ..strategy(ranks(&[Objective::Nearest])) };
    check_takes(&shop, with(Filter::Exclude(set(&[0]))), &[1], &[(0, 1, 1)]);
    check_takes(&shop, with(Filter::Include(set(&[2]))), &[1], &[(0, 2, 1)]);
    check_takes(&shop, with(Filter::BeforeCutOff), &[1], &[(0, 1, 1)]);
    check_takes(&shop, with(Filter::Capabilities(Set::new(vec![Symbol(4)]))), &[1], &[(0, 2, 1)]);
    check_takes(&shop, with(Filter::MaxDistance(200)), &[12], &[(0, 0, 9), (0, 1, 3)]);
}

#[test]
fn what_must_stay_free_overflows_to_another_location() {
    let shop = Shop::with(&[&[10, 10], &[50, 50]]);
    let keep = |at| {
        let filters = vec![Filter::KeepFree { units: 8, at }];
        Strategy { filters, ..strategy(ranks(&[priority(&[0, 1])])) }
    };
    check_takes(&shop, keep(None), &[2, 2], &[(0, 0, 2), (1, 0, 2)]);
    check_takes(&shop, keep(Some(set(&[0]))), &[2, 3], &[(0, 1, 2), (1, 1, 3)]);
    check_takes(&shop, keep(Some(set(&[0]))), &[52], &[(0, 0, 2), (0, 1, 50)]);
    check_takes(&shop, keep(Some(set(&[1]))), &[9], &[(0, 0, 9)]);
}

#[test]
fn splits_have_limits() {
    let shop = Shop::with(&[&[5, 0, 1], &[5, 5, 0], &[0, 5, 5]]);
    let split = |max_split, line_split| Strategy {
        max_split: Some(max_split),
        line_split: Some(line_split),
        ..strategy(ranks(&[priority(&[0, 1, 2])]))
    };
    check_takes(&shop, split(3, true), &[6, 0, 1][..1], &[(0, 0, 5), (0, 1, 1)]);
    check_takes(&shop, split(2, false), &[5, 5], &[(0, 1, 5), (1, 1, 5)]);
    check_takes(&shop, split(2, false), &[5, 5, 5], &[(0, 0, 5), (1, 2, 5), (2, 2, 5)]);
    let one = profile(vec![split(1, true)]);
    check_plan(&shop, &one, &[5, 5, 1], Decision::Backorder(By::Strategy(0)), &[(0, 1, 5), (1, 1, 5)]);
    let whole = profile(vec![split(3, false)]);
    check_plan(&shop, &whole, &[6], Decision::Backorder(By::Strategy(0)), &[(0, 0, 5)]);
}

#[test]
fn the_first_that_serves_everything_wins() {
    let shop = Shop::with(&[&[2], &[4], &[6]]);
    let only = |location| {
        let filters = vec![Filter::Include(set(&[location]))];
        Strategy { filters, ..strategy(ranks(&[Objective::FewestShipments])) }
    };
    let large = Condition::Lines(Quantifier::Any, Box::new(Condition::Compare(Fact::Quantity, Op::Ge(2))));
    let of_large = Strategy { when: Some(large), ..only(1) };
    let rules = |otherwise| Profile {
        fallbacks: vec![only(2), only(1)],
        otherwise,
        ..profile(vec![of_large.clone(), only(0)])
    };
    let backorder = rules(Some(Policy::Backorder));
    check_plan(&shop, &backorder, &[1], Decision::Strategy(1), &[(0, 0, 1)]);
    check_plan(&shop, &backorder, &[2], Decision::Strategy(0), &[(0, 1, 2)]);
    check_plan(&shop, &backorder, &[5], Decision::Fallback(0), &[(0, 2, 5)]);
    // The last fallback serves what it can.
    check_plan(&shop, &backorder, &[7], Decision::Backorder(By::Fallback(1)), &[(0, 1, 4)]);
    check_plan(&shop, &backorder, &[70], Decision::Backorder(By::Fallback(1)), &[(0, 1, 4)]);
    check_plan(&shop, &rules(Some(Policy::Reject)), &[7], Decision::Reject(By::Fallback(1)), &[(0, 1, 4)]);
}

#[test]
fn a_part_is_served_by_the_last_rules_that_are_called_for() {
    let shop = Shop::with(&[&[2], &[4], &[6]]);
    let only = |location: u16, least: i64| {
        let large = Condition::Compare(Fact::Quantity, Op::Ge(least));
        let when = Some(Condition::Lines(Quantifier::Any, Box::new(large)));
        let filters = vec![Filter::Include(set(&[location]))];
        Strategy { when, filters, ..strategy(ranks(&[Objective::FewestShipments])) }
    };
    let one = profile(vec![only(0, 5), only(1, 7), only(2, 8)]);
    check_plan(&shop, &one, &[7], Decision::Backorder(By::Strategy(1)), &[(0, 1, 4)]);
    check_plan(&shop, &one, &[9], Decision::Backorder(By::Strategy(2)), &[(0, 2, 6)]);
    // Where nothing is called for, the channel's locations serve as the defaults say.
    check_plan(&shop, &one, &[3], Decision::Defaults, &[(0, 1, 3)]);
    let whole = Profile { defaults: Split { max_split: 1, line_split: true }, ..profile(vec![only(0, 20)]) };
    check_plan(&shop, &whole, &[9], Decision::Backorder(By::Defaults), &[(0, 2, 6)]);
}

#[test]
fn a_part_is_as_large_as_the_limits_allow() {
    let shop = Shop::with(&[&[4, 0], &[3, 3], &[0, 5]]);
    let rules = |max_split, line_split| Profile {
        defaults: Split { max_split, line_split },
        ..profile(vec![strategy(ranks(&[Objective::FewestShipments]))])
    };
    let decided = Decision::Backorder(By::Strategy(0));
    check_plan(&shop, &rules(1, true), &[9, 9], decided, &[(0, 1, 3), (1, 1, 3)]);
    check_plan(&shop, &rules(2, true), &[9, 9], decided, &[(0, 1, 3), (1, 1, 3), (1, 2, 5)]);
    check_plan(&shop, &rules(3, true), &[9, 9], decided, &[(0, 0, 4), (0, 1, 3), (1, 1, 3), (1, 2, 5)]);
    check_plan(&shop, &rules(3, false), &[9, 9], decided, &[(0, 0, 4), (1, 2, 5)]);
    check_plan(&shop, &rules(3, false), &[3, 9], decided, &[(0, 0, 3), (1, 2, 5)]);
    check_plan(&Shop::with(&[&[0]]), &rules(3, true), &[1], decided, &[]);
    check_plan(&Shop::default(), &rules(3, true), &[1], decided, &[]);
}

/// Reasons and scores by location.
fn check_reasons(shop: &Shop, strategy: Strategy, quantities: &[u64], expect: &[(u16, Reason, u64)]) {
    let found = planned(shop, &profile(vec![strategy]), quantities).explanation;
    let places = found.places.iter().map(|row| (row.location.0, row.reason, row.score));
    assert_eq!(places.collect::<Vec<_>>(), expect);
    assert_eq!((found.version, found.left_out), (3, 0));
}

#[test]
fn each_location_has_a_reason_and_a_number() {
    let mut shop = far(&[(5, 900), (5, 300), (1, 200), (0, 100), (5, 300), (9, 2_000), (3, 50), (5, 900)]);
    shop.places[0].capacity_left = Some(2);
    shop.places[7].distance = None;
    let near = strategy(ranks(&[Objective::FewestShipments, Objective::Nearest]));
    let filters = vec![Filter::Exclude(set(&[6])), Filter::KeepFree { units: 1, at: Some(set(&[2])) }];
    let no_score = u64::try_from(UNKNOWN).unwrap();
    check_reasons(
        &shop,
        Strategy { filters, ..near.clone() },
        &[4],
        &[
            (1, Reason::Chosen, 1),
            (0, Reason::Outranked(1), 900),
            (2, Reason::Barred(Barrier::KeptFree), 0),
            (3, Reason::NoStock, 0),
            (4, Reason::Unneeded, 1),
            (5, Reason::Outranked(1), 2_000),
            (6, Reason::Barred(Barrier::Excluded), 0),
            (7, Reason::Outranked(1), no_score),
        ],
    );
    let filters = vec![Filter::MaxDistance(900), Filter::CapacityLeft(3)];
    let capacity =
        |shop: &mut Shop| shop.places.iter_mut().skip(1).for_each(|place| place.capacity_left = Some(3));
    capacity(&mut shop);
    check_reasons(
        &shop,
        Strategy { filters, ..near },
        &[8],
        &[
            (6, Reason::Chosen, 1),
            (1, Reason::Chosen, 1),
            (0, Reason::Barred(Barrier::NoCapacity), 2),
            (2, Reason::NotEnough, 1),
            (3, Reason::NoStock, 0),
            (4, Reason::Unneeded, 1),
            (5, Reason::Barred(Barrier::TooFar), 2_000),
            (7, Reason::Barred(Barrier::TooFar), 0),
        ],
    );
}

#[test]
fn an_explanation_comes_back_from_its_bytes() {
    let shop = far(&[(5, 900), (5, 300), (1, 200)]);
    let found = planned(&shop, &profile(vec![strategy(ranks(&[Objective::Nearest]))]), &[6]).explanation;
    assert_eq!(onhand_domain::routing::profile::Explanation::decode(&found.encode()), Ok(found));
}

//! One wrong thing at a time in a profile that is right, and where it is found.

use super::*;
use crate::money::Currency;
use crate::order::{LINES_MAX, Policy};
use crate::routing::profile::{
    Condition, Fact, Filter, Objective, Op, Quantifier, RANKS_MAX, Rank, Ranking, Rate, RateRow, Split,
    Strategy, Symbol, Weight,
};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

const LOCATIONS: u16 = 3;
const TOTAL: Fact = Fact::Total(Currency(*b"EUR"));

fn strategy(when: Option<Condition>) -> Strategy {
    let ranks = vec![rank(Objective::FewestShipments, None)];
    Strategy {
        when,
        filters: Vec::new(),
        ranking: Ranking::InOrder(ranks),
        max_split: None,
        line_split: None,
    }
}

fn rank(objective: Objective, band: Option<u32>) -> Rank {
    Rank { objective, band }
}

fn is(fact: Fact, op: Op) -> Condition {
    Condition::Compare(fact, op)
}

fn all(parts: Vec<Condition>) -> Condition {
    Condition::All(parts)
}

fn not(part: Condition) -> Condition {
    Condition::Not(Box::new(part))
}

fn lines(quantifier: Quantifier, part: Condition) -> Condition {
    Condition::Lines(quantifier, Box::new(part))
}

fn locations(numbers: &[u16]) -> Set<LocationNumber> {
    Set::new(numbers.iter().copied().map(LocationNumber).collect())
}

fn tags(numbers: &[u32]) -> Set<Symbol> {
    Set::new(numbers.iter().copied().map(Symbol).collect())
}

fn card() -> RateCard {
    let rate = Rate { shipment: 490, per_kilogram: 120 };
    RateCard::new(vec![RateRow { location: LocationNumber(0), country: None, postal: None, rate }])
}

/// Two strategies and a fallback, of which the last one always holds.
fn good() -> Profile {
    Profile {
        version: 1,
        defaults: Split { max_split: 3, line_split: true },
        strategies: vec![
            strategy(Some(is(Fact::Channel, Op::Eq(1)))),
            strategy(Some(is(Fact::Channel, Op::Eq(2)))),
        ],
        fallbacks: vec![strategy(None)],
        otherwise: Some(Policy::Reject),
        rate_cards: vec![card()],
    }
}

fn check_one(spoil: impl FnOnce(&mut Profile), expect: Result<(), (Section, Field, Cause)>) {
    let mut profile = good();
    spoil(&mut profile);
    let expect = expect.map_err(|(section, field, cause)| ProfileError { section, field, cause });
    assert_eq!(check(&profile, LOCATIONS), expect, "{profile:#?}");
}

/// Where a part of a condition is wrong, its path and why.
type Wrong<'a> = Option<(&'a [u16], Cause)>;

/// Conditions of the first strategy.
fn check_conditions(cases: Vec<(Condition, Wrong<'_>)>) {
    for (condition, wrong) in cases {
        let expect = match wrong {
            Some((path, cause)) => Err((Section::Strategy(0), Field::When(path.to_vec()), cause)),
            None => Ok(()),
        };
        check_one(|profile| profile.strategies[0].when = Some(condition), expect);
    }
}

#[test]
fn what_is_right_passes() {
    check_one(|_| {}, Ok(()));
}

#[test]
fn lists_have_entries_and_limits() {
    let whole = |field, cause| Err((Section::Profile, field, cause));
    check_one(|profile| profile.strategies.clear(), whole(Field::Strategies, Cause::Empty));
    let different = |number| strategy(Some(is(Fact::Channel, Op::Eq(number))));
    let (count, max) = (65, STRATEGIES_MAX);
    check_one(|profile| profile.strategies = (0..64).map(different).collect(), Ok(()));
    check_one(
        |profile| profile.strategies = (0..65).map(different).collect(),
        whole(Field::Strategies, Cause::TooMany { count, max }),
    );
    let (count, max) = (17, FALLBACKS_MAX);
    check_one(
        |profile| profile.fallbacks = (0..17).map(different).collect(),
        whole(Field::Fallbacks, Cause::TooMany { count, max }),
    );
    check_one(
        |profile| profile.rate_cards = vec![card(); 17],
        whole(Field::RateCards, Cause::TooMany { count, max: RATE_CARDS_MAX }),
    );
}

#[test]
fn limits_of_shipments() {
    let wrong = |section| Err((section, Field::MaxSplit, Cause::Zero));
    check_one(|profile| profile.defaults.max_split = 0, wrong(Section::Defaults));
    check_one(|profile| profile.strategies[1].max_split = Some(0), wrong(Section::Strategy(1)));
    check_one(|profile| profile.fallbacks[0].max_split = Some(0), wrong(Section::Fallback(0)));
}

#[test]
fn rate_cards() {
    let row = |location, postal, shipment| RateRow {
        location: LocationNumber(location),
        country: None,
        postal,
        rate: Rate { shipment, per_kilogram: 0 },
    };
    let wrong = |field, cause| Err((Section::RateCard(0), field, cause));
    let rate = |location| Field::Rate(LocationNumber(location));
    let too_many = Cause::TooMany { count: RATE_ROWS_MAX + 1, max: RATE_ROWS_MAX };
    for (rows, expect) in [
        (vec![], wrong(Field::Whole, Cause::Empty)),
        (vec![row(0, None, 0); RATE_ROWS_MAX + 1], wrong(Field::Whole, too_many)),
        (vec![row(3, None, 0)], wrong(rate(3), Cause::UnknownLocation(LocationNumber(3)))),
        (vec![row(1, Some((2, 1)), 0)], wrong(rate(1), Cause::NeverHolds)),
        (vec![row(1, None, -1)], wrong(rate(1), Cause::OutOfRange { max: RATE_MAX })),
        (vec![row(1, None, RATE_MAX + 1)], wrong(rate(1), Cause::OutOfRange { max: RATE_MAX })),
        (vec![row(1, Some((1, 1)), RATE_MAX)], Ok(())),
    ] {
        check_one(|profile| profile.rate_cards[0] = RateCard::new(rows), expect);
    }
}

#[test]
fn facts_are_compared_as_they_can_be() {
    let quantity = || is(Fact::Quantity, Op::Gt(1));
    check_conditions(vec![
        (is(Fact::OrderTags, Op::HasAny(tags(&[1]))), None),
        (is(Fact::OrderTags, Op::Eq(1)), Some((&[], Cause::WrongOperator))),
        (is(TOTAL, Op::HasNone(tags(&[1]))), Some((&[], Cause::WrongOperator))),
        (is(Fact::Country, Op::Lt(1)), Some((&[], Cause::WrongOperator))),
        (is(Fact::PostalCode, Op::Between(1, 2)), None),
        (quantity(), Some((&[], Cause::NoLine))),
        (lines(Quantifier::Any, quantity()), None),
        (lines(Quantifier::Any, all(vec![quantity(), is(Fact::Priority, Op::Gt(1))])), None),
        (
            not(lines(Quantifier::Any, not(lines(Quantifier::All, quantity())))),
            Some((&[0, 0, 0], Cause::LinesInLines)),
        ),
        (lines(Quantifier::Count(Op::HasAny(tags(&[1]))), quantity()), Some((&[], Cause::WrongOperator))),
        (lines(Quantifier::Count(Op::Lt(0)), quantity()), Some((&[], Cause::NeverHolds))),
        (lines(Quantifier::Count(Op::Gt(LINES_MAX as i64)), quantity()), Some((&[], Cause::NeverHolds))),
        (is(Fact::Backlog(LocationNumber(2)), Op::Gt(5)), None),
        (
            not(is(Fact::Backlog(LocationNumber(3)), Op::Gt(5))),
            Some((&[0], Cause::UnknownLocation(LocationNumber(3)))),
        ),
    ]);
}

#[test]
fn conditions_have_parts_and_limits() {
    let numbers = |count: i64| Op::In(Set::new((0..count).collect()));
    let nested = |depth| (1..depth).fold(is(TOTAL, Op::Gt(0)), |inner, _| not(inner));
    let nodes = |count| Condition::Any((1..count).map(|number| is(TOTAL, Op::Eq(number))).collect());
    let (count, max) = (257, LIST_MAX);
    check_conditions(vec![
        (Condition::All(vec![]), Some((&[], Cause::Empty))),
        (all(vec![is(TOTAL, Op::Gt(0)), Condition::Any(vec![])]), Some((&[1], Cause::Empty))),
        (is(Fact::Priority, numbers(0)), Some((&[], Cause::Empty))),
        (is(Fact::Priority, numbers(256)), None),
        (is(Fact::Priority, numbers(257)), Some((&[], Cause::TooMany { count, max }))),
        (is(Fact::Priority, Op::In(Set::new(vec![4, 4]))), Some((&[], Cause::Duplicate))),
        (is(Fact::OrderTags, Op::HasAll(tags(&[]))), Some((&[], Cause::Empty))),
        (nested(8), None),
        (nested(9), Some((&[0; 8], Cause::TooDeep { max: 8 }))),
        (nodes(64), None),
        (nodes(65), Some((&[63], Cause::TooMany { count: 65, max: 64 }))),
    ]);
}

#[test]
fn contradictions_are_found_where_they_stand() {
    let (less, more) = (|| is(TOTAL, Op::Lt(3)), || is(TOTAL, Op::Gt(5)));
    let one_of = |numbers: &[i64]| is(Fact::Country, Op::In(Set::new(numbers.to_vec())));
    let none_of = |numbers: &[i64]| is(Fact::Country, Op::NotIn(Set::new(numbers.to_vec())));
    let tagged = |op: fn(Set<Symbol>) -> Op, numbers: &[u32]| is(Fact::OrderTags, op(tags(numbers)));
    let wrong = |path: &'static [u16]| Some((path, Cause::NeverHolds));
    check_conditions(vec![
        (all(vec![less(), more()]), wrong(&[1])),
        (all(vec![less(), all(vec![is(Fact::IsB2b, Op::Eq(1)), more()])]), wrong(&[1, 1])),
        (Condition::Any(vec![less(), more()]), None),
        (Condition::Any(vec![less(), all(vec![more(), less()])]), wrong(&[1, 1])),
        (all(vec![is(TOTAL, Op::Gt(3)), is(TOTAL, Op::Lt(5))]), None),
        (all(vec![is(TOTAL, Op::Gt(3)), is(TOTAL, Op::Lt(4))]), wrong(&[1])),
        (all(vec![is(TOTAL, Op::Gt(3)), is(Fact::Total(Currency(*b"USD")), Op::Lt(3))]), None),
        (all(vec![one_of(&[1, 2]), none_of(&[1, 2, 3])]), wrong(&[1])),
        (all(vec![one_of(&[1, 2]), none_of(&[1])]), None),
        (all(vec![one_of(&[1, 2]), not(one_of(&[2, 1]))]), wrong(&[1])),
        (all(vec![not(less()), not(is(TOTAL, Op::Ge(3)))]), None),
        (all(vec![not(less()), not(is(TOTAL, Op::Ge(3))), is(TOTAL, Op::Ne(0))]), wrong(&[2])),
        (is(Fact::Weekday, Op::Eq(8)), wrong(&[])),
        (is(TOTAL, Op::Between(5, 4)), wrong(&[])),
        (all(vec![is(Fact::IsB2b, Op::Ne(0)), is(Fact::IsB2b, Op::Ne(1))]), wrong(&[1])),
        (all(vec![tagged(Op::HasAny, &[1, 2]), tagged(Op::HasNone, &[1, 2, 3])]), wrong(&[1])),
        (all(vec![tagged(Op::HasAny, &[1, 2]), tagged(Op::HasNone, &[1])]), None),
        (all(vec![tagged(Op::HasNone, &[1]), tagged(Op::HasAll, &[1, 2])]), wrong(&[1])),
        (
            lines(Quantifier::All, all(vec![is(Fact::Quantity, Op::Gt(2)), is(Fact::Quantity, Op::Lt(2))])),
            wrong(&[0, 1]),
        ),
        (
            all(vec![
                lines(Quantifier::Any, is(Fact::Quantity, Op::Gt(2))),
                not(lines(Quantifier::Any, is(Fact::Quantity, Op::Gt(2)))),
            ]),
            wrong(&[1]),
        ),
    ]);
}

#[test]
fn filters() {
    let unknown = Cause::UnknownLocation(LocationNumber(3));
    let too_many = Cause::TooMany { count: 17, max: FILTERS_MAX };
    let include = |numbers: &[u16]| Filter::Include(locations(numbers));
    let exclude = |numbers: &[u16]| Filter::Exclude(locations(numbers));
    let keep = |units, at| Filter::KeepFree { units, at };
    for (filters, wrong) in [
        (vec![include(&[0, 2]), exclude(&[0])], None),
        (vec![include(&[])], Some((Field::Filter(0), Cause::Empty))),
        (vec![include(&[1, 1])], Some((Field::Filter(0), Cause::DuplicateLocation(LocationNumber(1))))),
        (vec![include(&[3])], Some((Field::Filter(0), unknown))),
        (vec![include(&[0, 2]), exclude(&[2, 0])], Some((Field::Filter(1), Cause::NoneCanPass))),
        (vec![include(&[0]), include(&[1])], Some((Field::Filter(1), Cause::NoneCanPass))),
        // Another location may come.
        (vec![exclude(&[0, 1, 2])], None),
        (vec![keep(0, None)], Some((Field::Filter(0), Cause::Zero))),
        (vec![keep(1, Some(locations(&[3])))], Some((Field::Filter(0), unknown))),
        (vec![Filter::CapacityLeft(0)], Some((Field::Filter(0), Cause::Zero))),
        (vec![Filter::Capabilities(tags(&[]))], Some((Field::Filter(0), Cause::Empty))),
        (vec![Filter::Kinds(tags(&[1, 1]))], Some((Field::Filter(0), Cause::Duplicate))),
        (
            vec![Filter::Kinds(tags(&[1, 2])), Filter::BeforeCutOff, Filter::Kinds(tags(&[3]))],
            Some((Field::Filter(2), Cause::NoneCanPass)),
        ),
        (vec![Filter::Kinds(tags(&[1, 2])), Filter::Kinds(tags(&[2]))], None),
        (vec![Filter::BeforeCutOff; 17], Some((Field::Filters, too_many))),
    ] {
        let expect = wrong.map_or(Ok(()), |(field, cause)| Err((Section::Strategy(0), field, cause)));
        check_one(|profile| profile.strategies[0].filters = filters, expect);
    }
}

fn check_rankings(cases: Vec<(Ranking, Option<(Field, Cause)>)>) {
    for (ranking, wrong) in cases {
        let expect = wrong.map_or(Ok(()), |(field, cause)| Err((Section::Fallback(0), field, cause)));
        check_one(
            |profile| {
                profile.rate_cards.push(card());
                profile.fallbacks[0].ranking = ranking;
            },
            expect,
        );
    }
}

#[test]
fn ranks() {
    let list = |numbers: &[u16]| {
        let locations: Vec<_> = numbers.iter().copied().map(LocationNumber).collect();
        Objective::Priority(PriorityList::new(&locations))
    };
    let in_order = |ranks: Vec<(Objective, Option<u32>)>| {
        Ranking::InOrder(ranks.into_iter().map(|(objective, band)| rank(objective, band)).collect())
    };
    let too_many = Cause::TooMany { count: 9, max: RANKS_MAX };
    let twice = Cause::DuplicateLocation(LocationNumber(1));
    let far = |band| (Objective::Nearest, Some(band));
    check_rankings(vec![
        (in_order(vec![]), Some((Field::Ranking, Cause::Empty))),
        (in_order((1..=8).rev().map(far).collect()), None),
        (in_order((1..=9).rev().map(far).collect()), Some((Field::Ranking, too_many))),
        (in_order(vec![far(0)]), Some((Field::Rank(0), Cause::Zero))),
        (
            in_order(vec![far(BAND_MAX + 1)]),
            Some((Field::Rank(0), Cause::OutOfRange { max: i64::from(BAND_MAX) })),
        ),
        (in_order(vec![far(9), (Objective::Nearest, None)]), None),
        (
            in_order(vec![(Objective::Nearest, None), (Objective::MostStock, None), far(9)]),
            Some((Field::Rank(2), Cause::NeverDecides)),
        ),
        (in_order(vec![far(9), far(9)]), Some((Field::Rank(1), Cause::NeverDecides))),
        (in_order(vec![(Objective::FewestShipments, Some(2))]), Some((Field::Rank(0), Cause::NeverDecides))),
        (in_order(vec![(list(&[2, 1]), None)]), None),
        (in_order(vec![(list(&[1, 2, 1]), None)]), Some((Field::Rank(0), twice))),
        (in_order(vec![(list(&[]), None)]), Some((Field::Rank(0), Cause::Empty))),
        (in_order(vec![(Objective::LandedCost(1), Some(100)), (Objective::LandedCost(1), None)]), None),
        (in_order(vec![(Objective::LandedCost(2), None)]), Some((Field::Rank(0), Cause::UnknownRateCard(2)))),
        (
            in_order(vec![(Objective::LandedCost(0), None), (Objective::LandedCost(1), None)]),
            Some((Field::Rank(1), Cause::SeveralRateCards)),
        ),
    ]);
}

#[test]
fn weights() {
    let weighted = |weights: Vec<(Objective, u32)>| {
        Ranking::Weighted(
            weights.into_iter().map(|(objective, weight)| Weight { objective, weight }).collect(),
        )
    };
    check_rankings(vec![
        (weighted(vec![]), Some((Field::Ranking, Cause::Empty))),
        (weighted(vec![(Objective::Nearest, 0), (Objective::MostStock, WEIGHT_MAX)]), None),
        (
            weighted(vec![(Objective::Nearest, 0), (Objective::MostStock, 0)]),
            Some((Field::Ranking, Cause::Zero)),
        ),
        (
            weighted(vec![(Objective::Nearest, WEIGHT_MAX + 1)]),
            Some((Field::Rank(0), Cause::OutOfRange { max: i64::from(WEIGHT_MAX) })),
        ),
        (
            weighted(vec![(Objective::Nearest, 1), (Objective::Nearest, 2)]),
            Some((Field::Rank(1), Cause::Duplicate)),
        ),
    ]);
}

/// Two strategies, and whether the first one makes the second one unreachable.
fn check_reach(cases: Vec<(Strategy, Strategy, bool)>) {
    for (first, second, is_unreachable) in cases {
        let wrong = (Section::Strategy(1), Field::Whole, Cause::Unreachable { by: Section::Strategy(0) });
        let put = |profile: &mut Profile| {
            profile.strategies = vec![first, second];
            profile.fallbacks.clear();
        };
        check_one(put, if is_unreachable { Err(wrong) } else { Ok(()) });
    }
}

#[test]
fn conditions_that_are_implied() {
    let when = |condition| strategy(Some(condition));
    let total = |op| is(TOTAL, op);
    let b2b = || is(Fact::IsB2b, Op::Eq(1));
    let tagged = |op: fn(Set<Symbol>) -> Op, numbers: &[u32]| when(is(Fact::OrderTags, op(tags(numbers))));
    let large = || lines(Quantifier::Any, is(Fact::Quantity, Op::Gt(9)));
    check_reach(vec![
        (strategy(None), strategy(None), true),
        (strategy(None), when(total(Op::Gt(1))), true),
        (when(total(Op::Gt(1))), strategy(None), false),
        (when(total(Op::Gt(1))), when(total(Op::Gt(1))), true),
        (when(total(Op::Gt(1))), when(total(Op::Between(5, 9))), true),
        (when(total(Op::Between(5, 9))), when(total(Op::Gt(1))), false),
        (when(total(Op::Gt(1))), when(all(vec![b2b(), total(Op::Ge(2))])), true),
        (when(all(vec![b2b(), total(Op::Ge(2))])), when(total(Op::Gt(1))), false),
        (when(Condition::Any(vec![b2b(), total(Op::Ge(2))])), when(total(Op::Gt(1))), true),
        (when(total(Op::Ne(3))), when(Condition::Any(vec![total(Op::Lt(3)), total(Op::Gt(3))])), true),
        (when(total(Op::Ne(3))), when(Condition::Any(vec![total(Op::Lt(3)), b2b()])), false),
        (when(not(total(Op::Eq(3)))), when(total(Op::Gt(3))), true),
        // The total may be unknown.
        (when(total(Op::Ne(3))), when(not(total(Op::Eq(3)))), false),
        (when(large()), when(all(vec![b2b(), large()])), true),
        (tagged(Op::HasAny, &[1, 2]), tagged(Op::HasAny, &[1]), true),
        (tagged(Op::HasAny, &[1]), tagged(Op::HasAny, &[1, 2]), false),
        (tagged(Op::HasAny, &[1]), tagged(Op::HasAll, &[1, 2]), true),
        (tagged(Op::HasAll, &[1]), tagged(Op::HasAll, &[1, 2]), true),
        (tagged(Op::HasAll, &[1, 2]), tagged(Op::HasAll, &[1]), false),
        (tagged(Op::HasNone, &[1]), tagged(Op::HasNone, &[1, 2]), true),
    ]);
}

#[test]
fn filters_and_limits_that_let_more_through() {
    let filtered = |filters: Vec<Filter>| Strategy { filters, ..strategy(None) };
    let split = |max_split, line_split| Strategy { max_split, line_split, ..strategy(None) };
    let include = |numbers: &[u16]| Filter::Include(locations(numbers));
    let exclude = |numbers: &[u16]| Filter::Exclude(locations(numbers));
    let keep = |units, at: Option<&[u16]>| Filter::KeepFree { units, at: at.map(locations) };
    let capable = |numbers: &[u32]| Filter::Capabilities(tags(numbers));
    let kinds = |numbers: &[u32]| Filter::Kinds(tags(numbers));
    let mut cases = vec![
        (split(None, None), split(Some(2), Some(false)), true),
        (split(Some(2), None), split(Some(3), None), false),
        (split(None, Some(false)), split(None, Some(true)), false),
        (split(None, Some(false)), split(None, Some(false)), true),
    ];
    for (less, more) in [
        (vec![], vec![include(&[0])]),
        (vec![include(&[0, 1])], vec![include(&[0])]),
        (vec![exclude(&[0])], vec![exclude(&[0, 1])]),
        (vec![exclude(&[0])], vec![include(&[1, 2])]),
        (vec![keep(3, None)], vec![keep(4, None)]),
        (vec![keep(3, Some(&[0]))], vec![keep(3, None)]),
        (vec![keep(3, Some(&[0]))], vec![keep(3, Some(&[0, 1]))]),
        (vec![Filter::MaxDistance(9)], vec![Filter::MaxDistance(8)]),
        (vec![capable(&[1])], vec![capable(&[1, 2])]),
        (vec![kinds(&[1, 2])], vec![kinds(&[1])]),
        (vec![Filter::CapacityLeft(1)], vec![Filter::BeforeCutOff, Filter::CapacityLeft(2)]),
        (vec![], vec![Filter::BeforeCutOff]),
    ] {
        cases.push((filtered(less.clone()), filtered(more.clone()), true));
        cases.push((filtered(more), filtered(less), false));
    }
    check_reach(cases);
}

#[test]
fn a_fallback_may_still_say_how_a_part_is_served() {
    let unreachable = |number, by| {
        Err((Section::Fallback(number), Field::Whole, Cause::Unreachable { by: Section::Strategy(by) }))
    };
    let put = |otherwise, fallbacks: Vec<Strategy>| {
        move |profile: &mut Profile| {
            profile.strategies = vec![strategy(None)];
            profile.fallbacks = fallbacks;
            profile.otherwise = otherwise;
        }
    };
    let b2b = || strategy(Some(is(Fact::IsB2b, Op::Eq(1))));
    check_one(put(None, vec![b2b()]), Ok(()));
    check_one(put(Some(Policy::Reject), vec![b2b()]), Ok(()));
    check_one(put(Some(Policy::Backorder), vec![b2b()]), Ok(()));
    check_one(put(Some(Policy::Backorder), vec![strategy(None), b2b()]), Ok(()));
    check_one(put(Some(Policy::Backorder), vec![b2b(), strategy(None)]), unreachable(0, 0));
}

//! Whether a condition holds for an order.

use super::budget::{Budget, OutOfSteps};
use super::condition::{Condition, Quantifier};
use super::facts::{LineFacts, OrderFacts};
use super::world::World;

/// Looks only as far as it must: "all" ends at the first that does not hold, "any" at the first that does.
pub(super) fn holds(
    condition: &Condition,
    order: &OrderFacts<'_>,
    line: Option<&LineFacts<'_>>,
    world: &impl World,
    budget: &mut Budget,
) -> Result<bool, OutOfSteps> {
    match condition {
        Condition::All(parts) => {
            for part in parts {
                if !holds(part, order, line, world, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Condition::Any(parts) => {
            for part in parts {
                if holds(part, order, line, world, budget)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Condition::Not(part) => Ok(!holds(part, order, line, world, budget)?),
        Condition::Compare(fact, op) => {
            budget.spend(1 + op.tags().map_or(0, |tags| tags.as_slice().len()))?;
            Ok(match op.tags() {
                Some(_) => op.admits_tags(order.tags(*fact, line)),
                None => order.value(*fact, line, world).is_some_and(|value| op.admits(value)),
            })
        }
        Condition::Lines(quantifier, part) => lines_hold(quantifier, part, order, world, budget),
    }
}

fn lines_hold(
    quantifier: &Quantifier,
    part: &Condition,
    order: &OrderFacts<'_>,
    world: &impl World,
    budget: &mut Budget,
) -> Result<bool, OutOfSteps> {
    let mut count = 0;
    for line in order.lines {
        match (quantifier, holds(part, order, Some(line), world, budget)?) {
            (Quantifier::Any, true) => return Ok(true),
            (Quantifier::All, false) => return Ok(false),
            (_, holds) => count += i64::from(holds),
        }
    }
    Ok(match quantifier {
        Quantifier::Any => false,
        Quantifier::All => true,
        Quantifier::Count(op) => op.admits(count),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ChannelNumber, LocationNumber, SkuNumber};
    use crate::money::Currency;
    use crate::routing::FreeStock;
    use crate::routing::profile::world::PlaceFacts;
    use crate::routing::profile::{Fact, Op, Set, Symbol, currency_value, postal_key, postal_prefix};
    use alloc::boxed::Box;
    use alloc::vec;
    use alloc::vec::Vec;

    const EUR: Currency = Currency(*b"EUR");
    const HERE: LocationNumber = LocationNumber(0);
    /// Of which nothing is known.
    const THERE: LocationNumber = LocationNumber(1);

    struct Shop;

    impl FreeStock for Shop {
        fn free(&self, sku: SkuNumber, _: LocationNumber) -> u32 {
            sku.0 * 10
        }
    }

    impl World for Shop {
        fn place(&self, location: LocationNumber) -> PlaceFacts<'_> {
            if location == THERE {
                return PlaceFacts::default();
            }
            PlaceFacts {
                kind: Some(Symbol(9)),
                capabilities: &[],
                distance: Some(5_000),
                capacity_left: Some(3),
                backlog: Some(7),
                is_cutoff_passed: Some(true),
            }
        }

        fn days_of_cover(&self, sku: SkuNumber, location: LocationNumber) -> Option<u32> {
            (location == HERE).then_some(sku.0)
        }

        fn unit_weight(&self, _: SkuNumber) -> Option<u32> {
            None
        }
    }

    fn tags(tags: &[u32]) -> Set<Symbol> {
        Set::new(tags.iter().copied().map(Symbol).collect())
    }

    fn is(fact: Fact, op: Op) -> Condition {
        Condition::Compare(fact, op)
    }

    fn lines(quantifier: Quantifier, condition: Condition) -> Condition {
        Condition::Lines(quantifier, Box::new(condition))
    }

    fn not(condition: Condition) -> Condition {
        Condition::Not(Box::new(condition))
    }

    /// An order of 5 of SKU 1 (tags 1 and 2) and 7 of SKU 2 (no tags), to postal code 10115, for 99.00 EUR.
    fn check(cases: Vec<(Condition, bool)>) {
        let line = |sku, quantity, tags| LineFacts {
            sku: SkuNumber(sku),
            category: (sku == 1).then_some(Symbol(4)),
            tags,
            quantity,
        };
        let lines = [line(1, 5, &[Symbol(1), Symbol(2)][..]), line(2, 7, &[])];
        let order = OrderFacts {
            country: Some(Symbol(49)),
            postal_code: postal_key("10115"),
            total: Some(9_900),
            currency: Some(EUR),
            is_b2b: Some(false),
            promise_date: Some(20_001),
            today: Some(20_000),
            tags: &[Symbol(3), Symbol(8)],
            ..OrderFacts::of(ChannelNumber(2), &lines)
        };
        for (condition, expect) in cases {
            let found = holds(&condition, &order, None, &Shop, &mut Budget::new(100));
            assert_eq!(found, Ok(expect), "{condition:?}");
        }
    }

    #[test]
    fn every_operator() {
        let total = |op| is(Fact::Total(EUR), op);
        check(vec![
            (total(Op::Eq(9_900)), true),
            (total(Op::Ne(9_900)), false),
            (total(Op::Lt(9_900)), false),
            (total(Op::Le(9_900)), true),
            (total(Op::Gt(9_899)), true),
            (total(Op::Ge(9_901)), false),
            (total(Op::Between(9_900, 9_900)), true),
            (total(Op::Between(0, 9_899)), false),
            (total(Op::In(Set::new(vec![9_900, 1]))), true),
            (total(Op::NotIn(Set::new(vec![9_900, 1]))), false),
            (is(Fact::OrderTags, Op::HasAny(tags(&[8, 9]))), true),
            (is(Fact::OrderTags, Op::HasAll(tags(&[8, 9]))), false),
            (is(Fact::OrderTags, Op::HasAll(tags(&[3, 8]))), true),
            (is(Fact::OrderTags, Op::HasNone(tags(&[1, 8]))), false),
            (is(Fact::OrderTags, Op::HasNone(tags(&[1, 2]))), true),
        ]);
    }

    #[test]
    fn facts_of_the_order_and_of_locations() {
        let (from, to) = postal_prefix("101").unwrap();
        check(vec![
            (is(Fact::Channel, Op::Eq(2)), true),
            (is(Fact::Country, Op::In(Set::new(vec![33, 49]))), true),
            (is(Fact::PostalCode, Op::Between(from, to)), true),
            (is(Fact::Currency, Op::Eq(currency_value(EUR))), true),
            (is(Fact::IsB2b, Op::Eq(0)), true),
            (is(Fact::PromiseIn, Op::Le(1)), true),
            (is(Fact::CapacityLeft(HERE), Op::Lt(3)), false),
            (is(Fact::Backlog(HERE), Op::Ge(7)), true),
            (is(Fact::CutOffPassed(HERE), Op::Eq(1)), true),
            (is(Fact::Distance(HERE), Op::Le(5_000)), true),
            (is(Fact::Kind(HERE), Op::Eq(9)), true),
        ]);
    }

    #[test]
    fn what_is_unknown_compares_in_no_way() {
        check(vec![
            (is(Fact::Region, Op::Eq(1)), false),
            (is(Fact::Region, Op::Ne(1)), false),
            (is(Fact::Region, Op::NotIn(Set::new(vec![1]))), false),
            (not(is(Fact::Region, Op::Eq(1))), true),
            (is(Fact::Total(Currency(*b"USD")), Op::Ge(i64::MIN)), false),
            (is(Fact::Distance(THERE), Op::Ge(0)), false),
            (is(Fact::Quantity, Op::Ge(0)), false),
        ]);
    }

    #[test]
    fn lines_are_counted() {
        let large = || is(Fact::Quantity, Op::Gt(5));
        check(vec![
            (lines(Quantifier::Any, large()), true),
            (lines(Quantifier::All, large()), false),
            (lines(Quantifier::All, is(Fact::Quantity, Op::Ge(5))), true),
            (lines(Quantifier::Count(Op::Eq(1)), large()), true),
            (lines(Quantifier::Count(Op::Ge(2)), large()), false),
            (lines(Quantifier::Any, is(Fact::LineTags, Op::HasAll(tags(&[1, 2])))), true),
            (lines(Quantifier::All, is(Fact::Category, Op::Eq(4))), false),
            (lines(Quantifier::Any, is(Fact::Free(HERE), Op::Eq(20))), true),
            (lines(Quantifier::All, is(Fact::DaysOfCover(HERE), Op::Le(2))), true),
            (lines(Quantifier::Any, is(Fact::DaysOfCover(THERE), Op::Ge(0))), false),
            // A fact of the order is the same for each line.
            (lines(Quantifier::All, is(Fact::Channel, Op::Eq(2))), true),
        ]);
    }

    #[test]
    fn conditions_are_put_together() {
        let (yes, no) = (|| is(Fact::Channel, Op::Eq(2)), || is(Fact::Channel, Op::Eq(3)));
        check(vec![
            (Condition::All(vec![yes(), yes()]), true),
            (Condition::All(vec![yes(), no()]), false),
            (Condition::Any(vec![no(), yes()]), true),
            (Condition::Any(vec![no(), no()]), false),
            (not(Condition::Any(vec![no(), Condition::All(vec![yes(), no()])])), true),
        ]);
    }

    #[test]
    fn steps_end() {
        let lines = [LineFacts { sku: SkuNumber(1), category: None, tags: &[], quantity: 1 }; 10];
        let order = OrderFacts::of(ChannelNumber(0), &lines);
        let condition = Condition::Lines(Quantifier::All, Box::new(is(Fact::Quantity, Op::Eq(1))));
        assert_eq!(holds(&condition, &order, None, &Shop, &mut Budget::new(10)), Ok(true));
        assert_eq!(holds(&condition, &order, None, &Shop, &mut Budget::new(9)), Err(OutOfSteps));
    }
}

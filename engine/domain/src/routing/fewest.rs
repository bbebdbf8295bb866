//! The fewest locations that together serve as much as there is.
//!
//! Exact as long as it is cheap: subsets by growing size, the preferred ones first, until one has enough of
//! everything. Beyond a counted number of steps the largest contributor is taken again and again, which is
//! not always the fewest; beyond another, whoever has something, in the channel's order. The same input gives the
//! same plan.

use super::table::Table;
use super::{FreeStock, Need, Take};
use crate::id::LocationNumber;
use alloc::vec::Vec;

/// Looks at one free number that the exact search may take: a few hundred microseconds at the most.
const STEPS_MAX: usize = 200_000;

/// Looks at one free number that the greedy search may take: some milliseconds at the most.
const GREEDY_STEPS_MAX: usize = 2_000_000;

/// What is needed of each SKU as far as it is there at all, and what each location has of it.
struct Search {
    targets: Vec<u64>,
    table: Table,
}

pub(super) fn plan(needs: &[Need], locations: &[LocationNumber], stock: &impl FreeStock) -> Vec<Take> {
    let search = Search::of(needs, Table::read(needs, locations, stock));
    let chosen = search.exact().unwrap_or_else(|| search.greedy());
    let mut takes = Vec::new();
    for (need, target) in search.targets.iter().enumerate() {
        let mut left = *target;
        for place in &chosen {
            let quantity = left.min(search.table.free(need, *place));
            if quantity > 0 {
                takes.push(Take { need, location: locations[*place], quantity });
                left -= quantity;
            }
        }
    }
    takes
}

impl Search {
    fn of(needs: &[Need], table: Table) -> Self {
        let target = |(place, need): (usize, &Need)| need.quantity.min(table.there(place));
        Self { targets: needs.iter().enumerate().map(target).collect(), table }
    }

    fn serves(&self, chosen: &[usize]) -> bool {
        self.targets.iter().enumerate().all(|(need, target)| {
            chosen.iter().map(|place| self.table.free(need, *place)).sum::<u64>() >= *target
        })
    }

    /// The first subset that serves everything: the smallest size, then the channel's order. `None` when
    /// the steps run out.
    fn exact(&self) -> Option<Vec<usize>> {
        let count = self.table.places();
        let mut steps = 0;
        for size in 0..=count {
            let mut chosen: Vec<usize> = (0..size).collect();
            loop {
                steps += size.max(1) * self.targets.len();
                if steps > STEPS_MAX {
                    return None;
                }
                if self.serves(&chosen) {
                    return Some(chosen);
                }
                if !next_subset(&mut chosen, count) {
                    break;
                }
            }
        }
        None
    }

    /// Takes the location that serves the most missing units, until nothing is missing; when the steps run out,
    /// the channel's next location that has something of it.
    fn greedy(&self) -> Vec<usize> {
        let mut missing = self.targets.clone();
        let places = self.table.places();
        let mut is_chosen = alloc::vec![false; places];
        let mut steps = 0;
        while missing.iter().any(|units| *units > 0) {
            let serves = |place: usize| -> u64 {
                let units = missing.iter().enumerate();
                units.map(|(need, units)| self.table.free(need, place).min(*units)).sum()
            };
            let mut rest = (0..places).filter(|place| !is_chosen[*place]);
            steps += places * missing.len();
            let best = if steps <= GREEDY_STEPS_MAX {
                rest.max_by_key(|place| (serves(*place), core::cmp::Reverse(*place)))
            } else {
                rest.find(|place| serves(*place) > 0)
            };
            let Some(best) = best else { break };
            for (need, units) in missing.iter_mut().enumerate() {
                *units = units.saturating_sub(self.table.free(need, best));
            }
            is_chosen[best] = true;
        }
        (0..places).filter(|place| is_chosen[*place]).collect()
    }
}

/// The next subset of the same size in lexicographic order; false after the last one.
fn next_subset(chosen: &mut [usize], count: usize) -> bool {
    let size = chosen.len();
    for place in (0..size).rev() {
        if chosen[place] < count - size + place {
            chosen[place] += 1;
            for later in place + 1..size {
                chosen[later] = chosen[later - 1] + 1;
            }
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::{FreeStock, Need, Take, plan};
    use crate::id::{LocationNumber, SkuNumber};
    use alloc::vec::Vec;

    /// `stock[location][sku]`.
    struct Stock(Vec<Vec<u32>>, u64);

    impl FreeStock for Stock {
        fn free(&self, sku: SkuNumber, location: LocationNumber) -> u32 {
            self.0[location.row()][sku.row()]
        }

        fn total(&self, _: SkuNumber) -> u64 {
            self.1
        }
    }

    fn check(stock: &[&[u32]], needs: &[u64], expect: &[(usize, u16, u64)]) {
        let locations: Vec<LocationNumber> =
            (0_u16..).zip(stock).map(|(row, _)| LocationNumber(row)).collect();
        let needs: Vec<Need> = needs
            .iter()
            .zip(0_u32..)
            .map(|(quantity, row)| Need { sku: SkuNumber(row), quantity: *quantity })
            .collect();
        let expect: Vec<Take> = expect
            .iter()
            .map(|(need, location, quantity)| Take {
                need: *need,
                location: LocationNumber(*location),
                quantity: *quantity,
            })
            .collect();
        let stock = Stock(stock.iter().map(|row| row.to_vec()).collect(), u64::MAX);
        assert_eq!(plan(&needs, &locations, &stock), expect);
    }

    #[test]
    fn one_location_before_the_preferred_ones() {
        check(&[&[5, 0], &[5, 5], &[9, 9]], &[5, 5], &[(0, 1, 5), (1, 1, 5)]);
    }

    #[test]
    fn two_locations_before_three() {
        check(&[&[1, 1, 1], &[2, 0, 2], &[0, 2, 0]], &[2, 2, 2], &[(0, 1, 2), (1, 2, 2), (2, 1, 2)]);
    }

    #[test]
    fn a_line_is_split_when_no_location_has_enough() {
        check(&[&[3], &[4], &[2]], &[6], &[(0, 0, 3), (0, 1, 3)]);
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        check(&[&[3, 0], &[4, 0]], &[10, 1], &[(0, 0, 3), (0, 1, 4)]);
        check(&[&[0]], &[1], &[]);
        check(&[], &[1], &[]);
    }

    #[test]
    fn what_may_be_claimed_in_all_is_the_most() {
        let stock = Stock(alloc::vec![alloc::vec![3], alloc::vec![4]], 5);
        let takes = |quantity| {
            let needs = [Need { sku: SkuNumber(0), quantity }];
            let takes = plan(&needs, &[LocationNumber(0), LocationNumber(1)], &stock);
            takes.iter().map(|take| (take.location.0, take.quantity)).collect::<Vec<_>>()
        };
        assert_eq!(takes(4), [(1, 4)]);
        assert_eq!(takes(7), [(0, 3), (1, 2)]);
    }

    #[test]
    fn many_locations_end_in_the_greedy_search() {
        let rows: Vec<Vec<u32>> = (0..60).map(|row| alloc::vec![1 + row % 3]).collect();
        let stock = Stock(rows, u64::MAX);
        let locations: Vec<LocationNumber> = (0..60).map(LocationNumber).collect();
        let takes = plan(&[Need { sku: SkuNumber(0), quantity: 61 }], &locations, &stock);
        assert_eq!(takes.iter().map(|take| take.quantity).sum::<u64>(), 61);
        // Twenty locations hold 3 units, so 20 of them and one more are the fewest.
        assert_eq!(takes.len(), 21);
    }

    #[test]
    fn a_thousand_locations_of_one_unit_each_end_soon() {
        let rows = (0..1_000).map(|row| alloc::vec![1, u32::from(row % 2 == 0)]);
        let stock = Stock(rows.collect(), u64::MAX);
        let locations: Vec<LocationNumber> = (0..1_000).map(LocationNumber).collect();
        let needs = [(0, 1_000), (1, 500)].map(|(sku, quantity)| Need { sku: SkuNumber(sku), quantity });
        let takes = plan(&needs, &locations, &stock);
        let taken =
            |need: usize| takes.iter().filter(|take| take.need == need).map(|take| take.quantity).sum();
        assert_eq!((taken(0), taken(1)), (1_000_u64, 500_u64));
    }
}

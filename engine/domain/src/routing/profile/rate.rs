//! Rate cards: what a shipment from a location to a destination costs.

use super::facts::Symbol;
use super::rank::SCORE_MAX;
use crate::id::LocationNumber;
use alloc::vec::Vec;

/// Milligrams in a kilogram.
const KILOGRAM: u64 = 1_000_000;

/// Rates by location and destination, in one currency for the whole card.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RateCard {
    rows: Vec<RateRow>,
}

/// One rate: what it is for, and what it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateRow {
    /// Where the shipment begins.
    pub location: LocationNumber,
    /// Where it goes; `None` is every country.
    pub country: Option<Symbol>,
    /// The first and the last [`postal_key`](super::postal_key); `None` is every code, and none.
    pub postal: Option<(i64, i64)>,
    /// What it costs.
    pub rate: Rate,
}

/// What a shipment costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Minor units for the shipment, whatever it weighs.
    pub shipment: i64,
    /// Minor units for each kilogram; a part of a minor unit costs a whole one.
    pub per_kilogram: i64,
}

impl RateCard {
    /// A card of these rates; of those of one location that match, the first counts.
    #[must_use]
    pub fn new(mut rows: Vec<RateRow>) -> Self {
        rows.sort_by_key(|row| row.location);
        Self { rows }
    }

    /// All rates, by location.
    #[must_use]
    pub fn rows(&self) -> &[RateRow] {
        &self.rows
    }

    /// The rate from a location to a destination, if the card has one.
    #[must_use]
    pub fn rate(
        &self,
        location: LocationNumber,
        country: Option<Symbol>,
        postal: Option<i64>,
    ) -> Option<Rate> {
        let from = self.rows.partition_point(|row| row.location < location);
        let rows = self.rows[from..].iter().take_while(|row| row.location == location);
        let mut rows = rows.filter(|row| row.country.is_none() || row.country == country);
        let serves = |row: &&RateRow| {
            let Some((first, last)) = row.postal else { return true };
            postal.is_some_and(|key| first <= key && key <= last)
        };
        rows.find(serves).map(|row| row.rate)
    }
}

impl Rate {
    /// What a shipment of so many milligrams costs, in minor units; never more than [`SCORE_MAX`].
    #[must_use]
    pub fn price(&self, milligrams: u64) -> i64 {
        let amount = |number: i64| u64::try_from(number).unwrap_or(0);
        let (whole, part) = (milligrams / KILOGRAM, milligrams % KILOGRAM);
        let rate = amount(self.per_kilogram);
        let weighed = rate.saturating_mul(whole).saturating_add(rate.saturating_mul(part).div_ceil(KILOGRAM));
        let price = amount(self.shipment).saturating_add(weighed);
        i64::try_from(price).unwrap_or(SCORE_MAX).min(SCORE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_that_matches_counts() {
        let row = |location, country: Option<u32>, postal, shipment| RateRow {
            location: LocationNumber(location),
            country: country.map(Symbol),
            postal,
            rate: Rate { shipment, per_kilogram: 0 },
        };
        let card = RateCard::new(alloc::vec![
            row(2, None, None, 9),
            row(1, Some(49), Some((100, 199)), 3),
            row(1, Some(49), None, 4),
            row(1, None, Some((500, 599)), 5),
        ]);
        for (location, country, postal, price) in [
            (1, Some(49), Some(150), Some(3)),
            (1, Some(49), Some(200), Some(4)),
            (1, Some(49), None, Some(4)),
            (1, Some(33), Some(500), Some(5)),
            (1, Some(33), None, None),
            (1, None, Some(150), None),
            (2, None, None, Some(9)),
            (3, Some(49), Some(150), None),
        ] {
            let rate = card.rate(LocationNumber(location), country.map(Symbol), postal);
            assert_eq!(rate.map(|rate| rate.price(0)), price, "{location} {country:?} {postal:?}");
        }
    }

    #[test]
    fn a_price_is_rounded_up_and_bounded() {
        let price = |shipment, per_kilogram, milligrams| Rate { shipment, per_kilogram }.price(milligrams);
        assert_eq!(price(490, 120, 0), 490);
        assert_eq!(price(490, 120, 1), 491);
        assert_eq!(price(490, 120, 2_500_000), 790);
        assert_eq!(price(i64::MAX, i64::MAX, u64::MAX), SCORE_MAX);
        assert_eq!(price(-5, 0, 0), 0);
    }
}

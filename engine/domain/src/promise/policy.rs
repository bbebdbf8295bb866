//! What a channel may be told it can sell: the numbers of a stock policy. They are places nowhere: no unit lies in a
//! buffer or a floor.

use crate::quantity::QUANTITY_MAX;

/// A number of units, or a part of what is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Amount {
    /// So many smallest units.
    Units(u32),
    /// So many hundredths of what the channel could sell if it were not for the policy; 0 to 100.
    Percent(u8),
}

impl Amount {
    /// No unit.
    pub const NONE: Self = Self::Units(0);

    /// The amount of `base` units, a part rounded down: what may be shown is never more than was meant.
    #[must_use]
    pub fn at_most(self, base: u64) -> u64 {
        match self {
            Self::Units(units) => u64::from(units),
            Self::Percent(percent) => part(base, percent, 0),
        }
    }

    /// The amount of `base` units, a part rounded up: what is hidden is never less than was meant.
    #[must_use]
    pub fn at_least(self, base: u64) -> u64 {
        match self {
            Self::Units(units) => u64::from(units),
            Self::Percent(percent) => part(base, percent, 99),
        }
    }

    /// Whether it is an amount: a percentage of 100 at the most, units that one movement may name.
    #[must_use]
    pub fn is_valid(self) -> bool {
        match self {
            Self::Units(units) => units <= QUANTITY_MAX,
            Self::Percent(percent) => percent <= 100,
        }
    }
}

/// `percent` hundredths of `base`, with so many hundredths added before rounding down. Units of one SKU at all its
/// locations are far below 2^57, so nothing overflows.
fn part(base: u64, percent: u8, added: u64) -> u64 {
    (base * u64::from(percent) + added) / 100
}

/// How much of the shared stock a channel may sell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StockPolicy {
    /// Never promise more than this, whatever there is.
    pub ceiling: Option<Amount>,
    /// The last units of what is shared that this channel does not get.
    pub buffer: Amount,
    /// Units that no other channel gets, as far as they are there: this channel can always sell so many.
    pub floor: u32,
}

impl StockPolicy {
    /// First come, first served: what a channel has that states nothing.
    pub const SHARED: Self = Self { ceiling: None, buffer: Amount::NONE, floor: 0 };
}

impl Default for StockPolicy {
    fn default() -> Self {
        Self::SHARED
    }
}

#[cfg(test)]
mod tests {
    use super::Amount;

    #[test]
    fn parts_are_rounded_to_the_careful_side() {
        for (percent, base, at_most, at_least) in
            [(0, 7, 0, 0), (10, 7, 0, 1), (50, 7, 3, 4), (100, 7, 7, 7), (33, 100, 33, 33), (1, 0, 0, 0)]
        {
            let amount = Amount::Percent(percent);
            assert_eq!(
                (amount.at_most(base), amount.at_least(base)),
                (at_most, at_least),
                "{percent} % of {base}"
            );
        }
        assert_eq!(Amount::Units(9).at_most(4), 9);
        assert_eq!(Amount::Units(9).at_least(4), 9);
    }
}

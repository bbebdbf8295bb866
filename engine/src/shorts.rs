//! Units that were sold and have no goods, by merchant: the number and the line in the log that an alarm hangs on.
//!
//! A merchant is told of when the first of its units is short, and when none is any more; not in between, so that a sale
//! that goes on without goods does not fill the log.

use crate::metrics;
use crate::turn::Merchant;
use ::metrics::gauge;
use onhand_domain::MerchantNumber;
use std::collections::HashMap;

/// See the module.
#[derive(Default)]
pub(crate) struct Shorts {
    /// None is 0.
    units: HashMap<MerchantNumber, u64>,
}

/// What there is to tell of a merchant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum News {
    Begins,
    Ends,
}

impl Shorts {
    /// Notes how many units of a merchant are short now. Of one that is not served nothing is known.
    pub(crate) fn note(&mut self, merchant: &Merchant) {
        let is_served = !merchant.poisoned;
        let now = if is_served { merchant.state.short_units() } else { 0 };
        // After each batch of a merchant that lacks nothing: where nobody does, nothing is looked for.
        if now == 0 && self.units.is_empty() {
            return;
        }
        let merchant = merchant.number;
        match self.change(merchant, now) {
            Some(News::Begins) => tracing::warn!(merchant = merchant.0, units = now, "units are short"),
            Some(News::Ends) if !is_served => {}
            Some(News::Ends) => tracing::info!(merchant = merchant.0, "no unit is short any more"),
            None => {}
        }
    }

    fn change(&mut self, merchant: MerchantNumber, now: u64) -> Option<News> {
        let before = if now == 0 { self.units.remove(&merchant) } else { self.units.insert(merchant, now) };
        let before = before.unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        let [more, fewer] =
            [now.saturating_sub(before), before.saturating_sub(now)].map(|units| units as f64);
        if before != now {
            gauge!(metrics::SHORT_UNITS).increment(more);
            gauge!(metrics::SHORT_UNITS).decrement(fewer);
        }
        match (before, now) {
            (0, 1..) => Some(News::Begins),
            (1.., 0) => Some(News::Ends),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merchant_is_told_of_when_it_begins_and_when_it_ends() {
        let mut shorts = Shorts::default();
        let mut change = |merchant, now| shorts.change(MerchantNumber(merchant), now);
        let told = [(1, 5), (1, 7), (2, 1), (1, 3), (1, 0), (1, 0), (2, 0), (1, 2)];
        let told = told.map(|(merchant, now)| change(merchant, now));
        let (begins, ends) = (Some(News::Begins), Some(News::Ends));
        assert_eq!(told, [begins, None, begins, None, ends, None, ends, begins]);
        assert_eq!(shorts.units.len(), 1);
    }
}

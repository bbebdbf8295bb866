//! What was agreed of an order beyond its policy. Most orders agree nothing, so it stands beside them and not in their rows.

use super::Policy;
use alloc::boxed::Box;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Agreed {
    /// From when on an order that ships complete may be split all the same, in milliseconds since 1970-01-01 UTC; `None` is
    /// never.
    pub complete_by: Option<u64>,
    /// From when on nothing of it waits: what does is cancelled, in milliseconds since 1970-01-01 UTC; `None` is never.
    pub cancel_after: Option<u64>,
}

impl Agreed {
    /// Nothing.
    pub const NONE: Self = Self { complete_by: None, cancel_after: None };

    /// What of it means something under a policy: only what ships complete can cease to.
    #[must_use]
    pub fn under(self, policy: Policy) -> Self {
        Self { complete_by: self.complete_by.filter(|_| policy == Policy::ShipComplete), ..self }
    }

    /// The same as an event has it: where nothing is agreed it takes no room.
    #[must_use]
    pub fn kept(self) -> Option<Box<Self>> {
        (self != Self::NONE).then(|| Box::new(self))
    }

    /// What an event has.
    #[must_use]
    pub fn of(kept: Option<&Self>) -> Self {
        kept.copied().unwrap_or(Self::NONE)
    }

    /// Whether an order that ships complete may be split at a time, in milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn may_split(&self, at: u64) -> bool {
        self.complete_by.is_some_and(|date| date <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_for_what_ships_complete_and_counts_from_its_own_moment_on() {
        let agreed = Agreed { complete_by: Some(10), ..Agreed::NONE };
        assert_eq!([9, 10, 11].map(|at| agreed.may_split(at)), [false, true, true]);
        assert!(!Agreed::NONE.may_split(u64::MAX));
        assert_eq!(agreed.under(Policy::ShipComplete), agreed);
        for policy in [Policy::Reject, Policy::Backorder, Policy::Imposed] {
            assert_eq!(agreed.under(policy), Agreed::NONE, "{policy:?}");
        }
    }
}

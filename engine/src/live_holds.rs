//! What a shard knows of its merchants' live holds without asking all of them: how many there are, and which deadline
//! comes next, of a hold or of what waits until a date.
//!
//! Who asks a merchant finds its holds ended at their deadlines. Where nobody asks, the shard must find out by itself,
//! or those who wait get their units only with the next request. It looks ten times a second, for thousands of merchants.

use crate::metrics;
use crate::turn::Merchant;
use ::metrics::gauge;
use onhand_domain::MerchantNumber;
use onhand_snapshots::planted::{Bug, is_planted};
use std::collections::{BTreeSet, HashMap};

/// Merchants whose due holds end in one step of a shard, before it looks for requests again: with as many holds as one turn
/// of a merchant may end, some milliseconds for each of them.
const DUE_MAX: usize = 8;

/// See the module.
#[derive(Default)]
pub(crate) struct LiveHolds {
    /// Merchants that have some.
    noted: HashMap<MerchantNumber, Noted>,
    /// The next deadline of each of them.
    deadlines: BTreeSet<(u64, MerchantNumber)>,
}

/// How the holds of a merchant stand.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Noted {
    live: u32,
    deadline: Option<u64>,
}

impl Noted {
    /// Of a merchant that is not served nothing is known.
    fn of(merchant: &Merchant) -> Self {
        if merchant.poisoned {
            return Self::default();
        }
        let live = u32::try_from(merchant.state.live_holds()).unwrap_or(u32::MAX);
        let deadline = merchant.state.next_deadline().filter(|_| !is_planted(Bug::WaitToBeAsked));
        Self { live, deadline }
    }
}

impl LiveHolds {
    /// Notes how the holds of a merchant stand now.
    pub(crate) fn note(&mut self, merchant: &Merchant) {
        let (number, now) = (merchant.number, Noted::of(merchant));
        // After each batch of a merchant without deadlines: where nobody has any, nothing is looked for.
        if now == Noted::default() && self.noted.is_empty() {
            return;
        }
        let before = match now {
            now if now == Noted::default() => self.noted.remove(&number),
            now => self.noted.insert(number, now),
        };
        let before = before.unwrap_or_default();
        if before.deadline != now.deadline {
            if let Some(deadline) = before.deadline {
                self.deadlines.remove(&(deadline, number));
            }
            self.deadlines.extend(now.deadline.map(|deadline| (deadline, number)));
        }
        if now.live > before.live {
            gauge!(metrics::HOLDS_LIVE).increment(f64::from(now.live - before.live));
        } else if now.live < before.live {
            gauge!(metrics::HOLDS_LIVE).decrement(f64::from(before.live - now.live));
        }
    }

    /// The next deadline, in milliseconds since 1970-01-01 UTC.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Merchants with a deadline that has come, the earliest first; a bounded number of them.
    pub(crate) fn due(&self, at: u64) -> Vec<MerchantNumber> {
        let due = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= at);
        due.map(|(_, merchant)| *merchant).take(DUE_MAX).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Directory;
    use onhand_domain::event::{Event, HoldPlaced, HoldsEnded};
    use onhand_domain::hold::{EndCause, Hold};
    use onhand_domain::{ChannelNumber, HoldId, MerchantState, OrderId};
    use std::sync::Arc;

    /// A merchant with a hold for each of these deadlines, numbered from 1.
    fn merchant(number: u32, deadlines: &[u64]) -> Merchant {
        let number = MerchantNumber(number);
        let mut state = MerchantState::default();
        for (id, deadline) in (1..).zip(deadlines) {
            let (channel, units) = (ChannelNumber(0), Vec::new());
            let hold = Hold { channel, deadline: *deadline, extensions: 0, customer: None, key: 0, units };
            state.evolve(OrderId(id), &Event::HoldPlaced(HoldPlaced { hold }));
        }
        Merchant { number, state, directory: Arc::new(Directory::new(number)), at: 0, poisoned: false }
    }

    fn due(holds: &LiveHolds, at: u64) -> Vec<u32> {
        holds.due(at).into_iter().map(|merchant| merchant.0).collect()
    }

    #[test]
    fn merchants_come_by_their_next_deadlines() {
        let mut holds = LiveHolds::default();
        let mut late = merchant(1, &[90, 30]);
        for merchant in [&late, &merchant(2, &[20]), &merchant(3, &[])] {
            holds.note(merchant);
        }
        assert_eq!(holds.next_deadline(), Some(20));
        assert_eq!([19, 20, 30].map(|at| due(&holds, at)), [vec![], vec![2], vec![2, 1]]);
        let ended = HoldsEnded { holds: vec![HoldId(2)], cause: EndCause::Expired };
        late.state.evolve(OrderId(9), &Event::HoldsEnded(ended));
        holds.note(&late);
        assert_eq!([30, 90].map(|at| due(&holds, at)), [vec![2], vec![2, 1]]);
    }

    #[test]
    fn who_is_not_served_is_not_due_until_it_was_built_again() {
        let mut holds = LiveHolds::default();
        let mut sick = merchant(1, &[20]);
        holds.note(&sick);
        sick.poisoned = true;
        holds.note(&sick);
        assert_eq!((holds.next_deadline(), due(&holds, 20)), (None, vec![]));
        holds.note(&merchant(1, &[20, 50]));
        assert_eq!((holds.next_deadline(), due(&holds, 20)), (Some(20), vec![1]));
    }

    #[test]
    fn a_step_has_a_bounded_number_of_them() {
        let mut holds = LiveHolds::default();
        let many = u32::try_from(DUE_MAX).unwrap_or(u32::MAX) + 1;
        (1..=many).for_each(|number| holds.note(&merchant(number, &[20])));
        assert_eq!(holds.due(20).len(), DUE_MAX);
    }
}

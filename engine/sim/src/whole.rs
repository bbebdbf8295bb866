//! Orders that ship complete or wait until a date, as clients of the simulation place them, what becomes of them in part, and
//! limits of what may wait.

use crate::dice::Dice;
use crate::shop::Shop;
use crate::wish::{CHANNELS, LOCATIONS, SKUS, Wish};
use crate::world::START_MS;
use onhand_engine::ask::{Answer, Ask, OrderRead, ReadAnswer, ReadAsk};
use onhand_engine::domain::OrderId;
use onhand_engine::domain::order::{Agreed, Policy};
use onhand_engine::domain::sku::Terms;
use onhand_engine::snapshots::Lsn;

/// Within so long from the start of a run the dates of orders lie: about as long as most runs take.
pub(crate) const DATES_MS: u64 = 300_000;

impl Wish {
    /// Whether something is agreed of it by [`Wish::whole`].
    pub(crate) fn is_agreed(&self) -> bool {
        matches!(self, Self::Order { policy: Some(Policy::ShipComplete), .. })
            || matches!(self, Self::Order { agreed, .. } if *agreed != Agreed::NONE)
    }

    /// Whether it is one of which nothing waits from some date on.
    pub(crate) fn lapses(&self) -> bool {
        matches!(self, Self::Order { agreed: Agreed { cancel_after: Some(_), .. }, .. })
    }

    /// Such an order, small enough to become complete now and then; or some of one that is there leaves or is cancelled; or
    /// how much of a SKU may wait.
    pub(crate) fn whole(dice: &mut Dice, number: u64, orders: &[Lsn]) -> Self {
        match dice.below(20) {
            0..8 if !orders.is_empty() => Self::Ship {
                order: orders[dice.place(orders.len())],
                location: u16::try_from(dice.place(usize::from(LOCATIONS))).unwrap_or(0),
                lines: vec![(u16::try_from(dice.place(2)).unwrap_or(0), 1)],
            },
            8..10 if !orders.is_empty() => {
                Self::Cancel { order: orders[dice.place(orders.len())], lines: Some(vec![(0, 1)]) }
            }
            10 => {
                let backorder_limit = (dice.below(4) > 0).then(|| dice.small(30));
                Self::Terms { sku: dice.small(SKUS), terms: Terms { backorder_limit, ..Terms::NONE } }
            }
            _ => {
                let policy = [Policy::ShipComplete, Policy::ShipComplete, Policy::Backorder][dice.place(3)];
                let mut date = || (dice.below(3) == 0).then(|| START_MS + dice.below(DATES_MS));
                let (complete_by, cancel_after) = (date(), date());
                Self::Order {
                    external: format!("whole {number}"),
                    channel: u16::try_from(dice.place(usize::from(CHANNELS))).unwrap_or(0),
                    policy: Some(policy),
                    agreed: Agreed { complete_by, cancel_after }.under(policy),
                    lines: (0..1 + dice.small(2)).map(|_| (dice.small(SKUS), 1 + dice.small(4))).collect(),
                    person: None,
                }
            }
        }
    }
}

/// Asks for orders of which something is agreed.
pub(crate) fn ask_for(shop: &Shop, orders: &[Lsn]) -> bool {
    let orders = orders.iter().map(|order| OrderId(order.0)).collect();
    shop.send(0, shop.submission(Ask::Read(ReadAsk::Orders(orders)), None, [0; 16]))
}

/// All dates have passed: nothing waits of an order that had one.
pub(crate) fn judge_dates(dated: &[bool], answer: &Answer) {
    let Answer::Read { read: ReadAnswer::Orders(orders), .. } = answer else {
        panic!("a read is answered by {answer:?}")
    };
    for (order, _) in orders.iter().zip(dated).filter(|(_, is_dated)| **is_dated) {
        if let OrderRead::Open(order) = order {
            assert_eq!(order.waiting(), 0, "what waits of {order:?} outlives its date");
        }
    }
}

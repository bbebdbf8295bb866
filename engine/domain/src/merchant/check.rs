//! The invariants, recomputed from the claims: what recovery, tests and the simulator call.

use super::MerchantState;
use super::lapse::waits_for_date;
use crate::id::{ChannelNumber, LocationNumber, OrderId, SkuNumber};
use crate::order::{Agreed, Demand, Order};
use crate::sku::{Backlog, Class, Owner, SkuActor, Waiting};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;

/// An invariant that does not hold, with the numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Violation {
    /// I2: claims exceed what is sellable.
    Oversold {
        /// Of what.
        sku: SkuNumber,
        /// Where.
        location: LocationNumber,
        /// Claims.
        committed: u32,
        /// Goods.
        sellable: u32,
    },
    /// I3: the counter is not the sum of the claims.
    CounterDrift {
        /// Of what.
        sku: SkuNumber,
        /// Where.
        location: LocationNumber,
        /// The counter.
        committed: u32,
        /// The sum.
        claims: u64,
    },
    /// I3: what waits is not the sum of the demands that wait.
    BacklogDrift {
        /// Of what.
        sku: SkuNumber,
        /// The counter.
        total: u64,
        /// The sum.
        demands: u64,
    },
    /// I3: a demand waits for other units than its SKU has on its list.
    WaitingDrift {
        /// Which order.
        order: OrderId,
        /// Which of its demands.
        demand: u16,
        /// What the demand says.
        waits: u32,
        /// What the list says.
        listed: u32,
    },
    /// I3: what is held of a SKU for a channel is not the sum of the live holds.
    HeldDrift {
        /// Of what.
        sku: SkuNumber,
        /// For which channel.
        channel: ChannelNumber,
        /// The counter.
        held: u64,
        /// The sum.
        holds: u64,
    },
    /// I3: the queue of what is to be freed of a channel's grants is not what they say.
    GrantDrift {
        /// Which channel.
        channel: ChannelNumber,
        /// Of which SKU the first difference is.
        sku: SkuNumber,
    },
    /// I3: something is agreed of an order that is not open, or that means nothing under its policy.
    AgreedDrift {
        /// Which order.
        order: OrderId,
    },
    /// I3: an order does not stand among those of which dates will cancel something as it should.
    LapseDrift {
        /// Which order.
        order: OrderId,
        /// Under which date it stands, or should.
        date: u64,
    },
    /// I4: a line of kits has not shipped what its parts have, or its parts wait for different numbers of kits.
    KitDrift {
        /// Which order.
        order: OrderId,
        /// Which line.
        line: u16,
    },
    /// I4: claims and waiting units of a demand are not what its line has open.
    LineDrift {
        /// Which order.
        order: OrderId,
        /// Which line.
        line: u16,
        /// What the line has open.
        open: u32,
        /// What its demand has.
        covered: u64,
    },
}

impl core::fmt::Display for Violation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Oversold { sku, location, committed, sellable } => {
                write!(
                    f,
                    "I2: sku {sku} at location {location}: committed {committed} exceeds sellable {sellable}"
                )
            }
            Self::CounterDrift { sku, location, committed, claims } => {
                write!(f, "I3: sku {sku} at location {location}: committed {committed}, claims {claims}")
            }
            Self::BacklogDrift { sku, total, demands } => {
                write!(f, "I3: sku {sku}: backlog {total}, waiting demands {demands}")
            }
            Self::WaitingDrift { order, demand, waits, listed } => {
                write!(f, "I3: order {order} demand {demand}: waits for {waits}, its sku lists {listed}")
            }
            Self::HeldDrift { sku, channel, held, holds } => {
                write!(f, "I3: sku {sku} for channel {channel}: held {held}, live holds {holds}")
            }
            Self::GrantDrift { channel, sku } => {
                write!(
                    f,
                    "I3: sku {sku} for channel {channel}: its queue does not say when its grant is freed"
                )
            }
            Self::AgreedDrift { order } => {
                write!(f, "I3: order {order}: what is agreed of it is not for an open order of its policy")
            }
            Self::LapseDrift { order, date } => {
                write!(f, "I3: order {order}: what waits of it and where its date {date} stands differ")
            }
            Self::KitDrift { order, line } => {
                write!(f, "I4: order {order} line {line}: its parts are not those of whole kits")
            }
            Self::LineDrift { order, line, open, covered } => {
                write!(f, "I4: order {order} line {line}: open {open}, claimed and waiting {covered}")
            }
        }
    }
}

/// What the open orders say about every SKU: flat, since there are millions.
struct Sums {
    /// Where each SKU's levels begin in `claims`.
    offsets: Vec<usize>,
    claims: Vec<u64>,
    waiting: Vec<u64>,
}

/// Orders that are checked together. What they need is looked at first in loops that do nothing else: there the waits
/// for memory overlap, and most of the time of a check is such waits.
const TOGETHER: usize = 64;

impl Sums {
    fn of(state: &MerchantState) -> Self {
        let mut offsets = Vec::with_capacity(state.sku_count());
        let mut end = 0;
        for (_, actor) in state.skus() {
            offsets.push(end);
            end += actor.levels().len();
        }
        Self { claims: vec![0; end], waiting: vec![0; offsets.len()], offsets }
    }

    /// Looks at what checking some orders will look at.
    fn approach(&self, state: &MerchantState, orders: &[Order]) {
        state.approach(orders.iter().flat_map(Order::skus));
        let skus = || orders.iter().flat_map(Order::skus).map(SkuNumber::row);
        for sku in skus() {
            black_box(self.offsets.get(sku).copied());
        }
        for sku in skus() {
            black_box(self.offsets.get(sku).and_then(|offset| self.claims.get(*offset)).copied());
        }
    }

    /// Adds a claim; `false` if the SKU has no such level.
    fn claim(
        &mut self,
        state: &MerchantState,
        sku: SkuNumber,
        location: LocationNumber,
        quantity: u32,
    ) -> bool {
        let levels = state.sku(sku).map_or(&[][..], SkuActor::levels);
        let Some(place) = levels.iter().position(|level| level.location() == location) else { return false };
        self.claims[self.offsets[sku.row()] + place] += u64::from(quantity);
        true
    }
}

impl MerchantState {
    /// Recomputes every counter from the open orders.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    pub fn check(&self) -> Result<(), Violation> {
        let mut sums = Sums::of(self);
        let mut orders = self.orders();
        let mut together = Vec::with_capacity(TOGETHER);
        loop {
            together.clear();
            together.extend(orders.by_ref().take(TOGETHER));
            if together.is_empty() {
                break;
            }
            sums.approach(self, &together);
            together.iter().try_for_each(|order| self.check_order(order, &mut sums))?;
        }
        self.check_held()?;
        self.check_grants()?;
        self.check_agreed()?;
        let mut places = sums.claims.iter();
        self.skus().zip(&sums.waiting).try_for_each(|((sku, actor), waiting)| {
            for (level, claims) in actor.levels().iter().zip(places.by_ref()) {
                let (location, committed) = (level.location(), level.committed());
                if committed > level.sellable() {
                    return Err(Violation::Oversold { sku, location, committed, sellable: level.sellable() });
                }
                if u64::from(committed) != *claims {
                    return Err(Violation::CounterDrift { sku, location, committed, claims: *claims });
                }
            }
            let total = actor.backlog().map_or(0, Backlog::total);
            if total == *waiting {
                Ok(())
            } else {
                Err(Violation::BacklogDrift { sku, total, demands: *waiting })
            }
        })
    }

    /// What SKUs say is held is what the live holds keep.
    fn check_held(&self) -> Result<(), Violation> {
        let mut sums: BTreeMap<(SkuNumber, ChannelNumber), u64> = BTreeMap::new();
        for (_, hold) in self.holds() {
            for (sku, units) in &hold.units {
                *sums.entry((*sku, hold.channel)).or_insert(0) += u64::from(*units);
            }
        }
        for (sku, actor) in self.skus() {
            for (channel, held) in actor.held() {
                let holds = sums.remove(&(sku, *channel)).unwrap_or(0);
                if holds != *held {
                    return Err(Violation::HeldDrift { sku, channel: *channel, held: *held, holds });
                }
            }
        }
        match sums.into_iter().next() {
            Some(((sku, channel), holds)) => Err(Violation::HeldDrift { sku, channel, held: 0, holds }),
            None => Ok(()),
        }
    }

    /// What was acknowledged of grants stands in the queues of their channels, and nothing else.
    fn check_grants(&self) -> Result<(), Violation> {
        let mut due = BTreeSet::new();
        for (sku, actor) in self.skus() {
            for grant in actor.grants() {
                let acknowledged = grant.lowerings.iter().filter_map(|lowering| lowering.acknowledged);
                due.extend(acknowledged.map(|at| (grant.channel, at, sku)));
            }
        }
        match due.symmetric_difference(&self.acknowledged).next() {
            Some((channel, _, sku)) => Err(Violation::GrantDrift { channel: *channel, sku: *sku }),
            None => Ok(()),
        }
    }

    /// Something is agreed of open orders only, and the dates that will cancel something are those of orders of which
    /// something waits.
    fn check_agreed(&self) -> Result<(), Violation> {
        let mut dates = BTreeSet::new();
        for (id, agreed) in self.agreements() {
            let means = |order: &Order| agreed != Agreed::NONE && agreed.under(order.policy) == agreed;
            let order = self.order(id).filter(means).ok_or(Violation::AgreedDrift { order: id })?;
            dates.extend(agreed.cancel_after.filter(|_| waits_for_date(&order)).map(|date| (date, id)));
        }
        match dates.symmetric_difference(&self.lapses).next() {
            Some((date, order)) => Err(Violation::LapseDrift { order: *order, date: *date }),
            None => Ok(()),
        }
    }

    /// What a demand waits for stands on the list of its SKU, under both classes.
    fn check_listed(&self, owner: Owner, number: u16, demand: &Demand) -> Result<(), Violation> {
        let Owner { channel, order } = owner;
        let backlog = self.sku(demand.sku).and_then(SkuActor::backlog);
        for (class, waits) in [(Class::Short, demand.short), (Class::Backorder, demand.backordered)] {
            let waiting = Waiting { class, order, demand: number };
            let listed = backlog.map_or(0, |backlog| backlog.units(channel, waiting));
            if listed != waits {
                return Err(Violation::WaitingDrift { order, demand: number, waits, listed });
            }
        }
        Ok(())
    }

    fn check_order(&self, order: &Order, sums: &mut Sums) -> Result<(), Violation> {
        for (number, demand) in (0_u16..).zip(&order.demands) {
            let waits = u64::from(demand.backordered) + u64::from(demand.short);
            if waits > 0
                && let Some(waiting) = sums.waiting.get_mut(demand.sku.row())
            {
                *waiting += waits;
            }
            self.check_listed(order.owner(), number, demand)?;
            let kept = order.claims.iter().filter(|claim| claim.demand == number);
            let covered = waits + kept.map(|claim| u64::from(claim.quantity)).sum::<u64>();
            let open = order.open_of(demand);
            if covered != u64::from(open) {
                return Err(Violation::LineDrift { order: order.id, line: demand.line, open, covered });
            }
        }
        check_kits(order)?;
        for claim in &order.claims {
            let (sku, location) = (order.demands[usize::from(claim.demand)].sku, claim.location);
            if !sums.claim(self, sku, location, claim.quantity) {
                let claims = u64::from(claim.quantity);
                return Err(Violation::CounterDrift { sku, location, committed: 0, claims });
            }
        }
        Ok(())
    }
}

/// Kits are counted by their parts: as many are shipped as all parts have shipped, and they wait whole.
fn check_kits(order: &Order) -> Result<(), Violation> {
    let mut waiting: Option<(u16, u32)> = None;
    for demand in order.demands.iter().filter(|demand| demand.part.is_some()) {
        let (line, per_kit) = (demand.line, demand.per_unit());
        let kits = demand.backordered / per_kit;
        let is_same = waiting.is_none_or(|(of, waits)| of != line || waits == kits);
        // Once for each line: the parts of one stand together.
        let is_first = waiting.is_none_or(|(of, _)| of != line);
        let shipped = order.lines[usize::from(line)].shipped;
        let is_shipped = !is_first || order.whole_kits_shipped(line) == Some(shipped);
        if !is_same || !is_shipped || !demand.backordered.is_multiple_of(per_kit) {
            return Err(Violation::KitDrift { order: order.id, line });
        }
        waiting = Some((line, kits));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, PlaceOrder, PutChannel, PutLocation, PutSku};
    use crate::order::Policy;

    /// An order that has its units, one that waits, and one that waits until it is cancelled by its date 9.
    fn shop() -> MerchantState {
        let mut state = MerchantState::default();
        let mut run = |id, command: Command<'_>| {
            let event = state.decide(&command).unwrap();
            state.evolve(OrderId(id), &event);
        };
        run(1, Command::PutLocation(PutLocation::plain(None)));
        run(2, Command::PutChannel(PutChannel::plain(None, &[LocationNumber(0)], Policy::Backorder)));
        run(3, Command::PutSku(PutSku::plain(None, 0)));
        for (id, cancel_after) in [(4, None), (5, Some(9))] {
            let (channel, lines) = (ChannelNumber(0), &[(SkuNumber(0), 1)]);
            let agreed = Agreed { cancel_after, ..Agreed::NONE };
            let (policy, hold, route) = (None, None, None);
            run(id, Command::PlaceOrder(PlaceOrder { channel, policy, agreed, lines, hold, route }));
        }
        state
    }

    #[test]
    fn what_is_agreed_and_the_dates_are_those_of_the_orders() {
        const DATED: OrderId = OrderId(5);
        let agreed = |complete_by, cancel_after| Agreed { complete_by, cancel_after };
        let broken = |breaks: &dyn Fn(&mut MerchantState)| {
            let mut state = shop();
            breaks(&mut state);
            state.check()
        };
        let lapse = |order, date| Err(Violation::LapseDrift { order, date });
        assert_eq!(broken(&|_| ()), Ok(()));
        assert_eq!(broken(&|state| state.lapses.clear()), lapse(DATED, 9));
        assert_eq!(broken(&|state| _ = state.lapses.insert((8, DATED))), lapse(DATED, 8));
        assert_eq!(broken(&|state| _ = state.lapses.insert((9, OrderId(4)))), lapse(OrderId(4), 9));
        for (order, agreed) in [
            (OrderId(6), agreed(None, Some(9))),
            (OrderId(4), agreed(Some(9), None)),
            (OrderId(4), Agreed::NONE),
        ] {
            let broken = broken(&|state| state.agreed.insert(order, agreed));
            assert_eq!(broken, Err(Violation::AgreedDrift { order }), "{agreed:?}");
        }
    }
}

//! Whatever the log says besides orders, as far as it can happen in the simulated world.
//!
//! Rules, goods that come and goods that go are the merchant's and the world's doing: they happen as recorded. What rests
//! on an order or a hold happens as far as that order or hold has the units here. Where both worlds are the same, each
//! of it comes to the very event that is recorded.

use super::world::Simulated;
use onhand_domain::command::{
    AcknowledgeGrant, Adjust, CancelOrder, ExtendHold, Move, PlaceHold, Receive, Set, SetGrant, ShipLine,
    ShipOrder,
};
use onhand_domain::event::{
    ChannelPut, GrantAcknowledged, GrantSet, HoldExtended, HoldPlaced, HoldsEnded, OrderCancelled,
    OrderShipped, ProfilePut, StockMoved,
};
use onhand_domain::order::Order;
use onhand_domain::sku::StockState;
use onhand_domain::{Command, Event, LocationNumber, Rejection};
use onhand_snapshots::Lsn;

/// Demands and quantities that leave one location.
type Parcel = (LocationNumber, Vec<(u16, u32)>);

impl Simulated {
    /// One event of the log, and when it was.
    pub(super) fn follow(&mut self, lsn: Lsn, at: u64, event: &Event) {
        match event {
            Event::LocationPut(_) | Event::ExposurePut(_) | Event::FeedPassed(_) => self.evolve(lsn, event),
            Event::ChannelPut(put) => self.channel(lsn, put),
            Event::ProfilePut(put) => self.profile(lsn, put),
            Event::SkuPut(put) => self.put_sku(lsn, put),
            Event::StockMoved(moved) => self.stock(lsn, moved),
            Event::OrderCancelled(cancelled) => self.cancel(lsn, cancelled),
            Event::OrderShipped(shipped) => self.ship(lsn, at, shipped),
            Event::HoldPlaced(placed) => self.hold(lsn, placed),
            Event::HoldExtended(extended) => self.extend(lsn, *extended),
            Event::HoldsEnded(ended) => self.end_holds(lsn, ended),
            Event::BacklogFilled(filled) => {
                // Nobody may wait for it here.
                self.perform(lsn, &Command::FillBacklog(filled.sku)).ok();
            }
            Event::GrantSet(set) => self.grant(lsn, *set),
            Event::GrantAcknowledged(acknowledged) => self.acknowledge(lsn, *acknowledged),
            Event::GrantsFreed(freed) => {
                // Nothing may have been lowered here.
                self.perform(lsn, &Command::FreeGrants(freed.channel)).ok();
            }
            // Decided anew, by whoever knows what was asked.
            Event::OrderAccepted(_) => {}
        }
    }

    fn channel(&mut self, lsn: Lsn, put: &ChannelPut) {
        let profile = self.profile_of(put.channel, put.profile);
        let put = self.stated(ChannelPut { profile, ..put.clone() });
        self.evolve(lsn, &Event::ChannelPut(put));
    }

    fn profile(&mut self, lsn: Lsn, put: &ProfilePut) {
        let profile = self.number_of(put.profile);
        self.evolve(lsn, &Event::ProfilePut(ProfilePut { profile, ..put.clone() }));
    }

    fn stock(&mut self, lsn: Lsn, moved: &StockMoved) {
        let StockMoved { sku, location, from, to, quantity, .. } = *moved;
        let done = match (from, to) {
            (None, Some(StockState::Sellable)) => self.count(lsn, moved, u32::saturating_add),
            (Some(StockState::Sellable), None) => self.count(lsn, moved, u32::saturating_sub),
            (None, Some(state)) => self.as_far_as_there_is(lsn, quantity, |quantity| {
                Command::Receive(Receive { sku, location, state, quantity })
            }),
            (Some(state), None) => self.as_far_as_there_is(lsn, quantity, |quantity| {
                Command::Adjust(Adjust { sku, location, state, delta: -i64::from(quantity) })
            }),
            (Some(from), Some(to)) => self.as_far_as_there_is(lsn, quantity, |quantity| {
                Command::Move(Move { sku, location, from, to, quantity })
            }),
            (None, None) => 0,
        };
        self.strayed.unmoved += u64::from(quantity.saturating_sub(done));
        self.state_terms(lsn, sku);
    }

    /// Sellable units become more or fewer by a difference, never fewer than none; how many that were.
    fn count(&mut self, lsn: Lsn, moved: &StockMoved, change: fn(u32, u32) -> u32) -> u32 {
        let StockMoved { sku, location, quantity, .. } = *moved;
        let expected = self.merchant.state.sku(sku).map_or(0, |actor| actor.level(location).sellable());
        let new = change(expected, quantity);
        let done = self.perform(lsn, &Command::Set(Set { sku, location, expected, new }));
        done.map_or(0, |()| new.abs_diff(expected))
    }

    /// Does something with units, or with as many as there are; how many that were.
    fn as_far_as_there_is(
        &mut self,
        lsn: Lsn,
        quantity: u32,
        command: impl Fn(u32) -> Command<'static>,
    ) -> u32 {
        match self.perform(lsn, &command(quantity)) {
            Ok(()) => quantity,
            Err(Rejection::NotEnough { available, .. }) if (1..quantity).contains(&available) => {
                self.perform(lsn, &command(available)).map_or(0, |()| available)
            }
            Err(_) => 0,
        }
    }

    /// Cancels what is open of each line; if nobody asked for it, what waits here.
    fn cancel(&mut self, lsn: Lsn, cancelled: &OrderCancelled) {
        if let Some(date) = cancelled.lapsed {
            return self.lapse(lsn, cancelled.order, date);
        }
        let (order, lines) = (cancelled.order, Some(&cancelled.lines[..]));
        if self.perform(lsn, &Command::CancelOrder(CancelOrder { order, lines })).is_ok() {
            return;
        }
        let asked = units(&cancelled.lines);
        let open: Vec<(u16, u32)> = self.merchant.state.order(order).map_or_else(Vec::new, |order| {
            let has = |line: u16| usize::from(line) < order.lines.len();
            let open = |line: u16| if has(line) { order.cancellable(line) } else { 0 };
            let lines = cancelled.lines.iter().map(|(line, units)| (*line, open(*line).min(*units)));
            lines.filter(|(_, units)| *units > 0).collect()
        });
        let done = self.perform(lsn, &Command::CancelOrder(CancelOrder { order, lines: Some(&open) }));
        self.strayed.uncancelled += asked - done.map_or(0, |()| units(&open));
    }

    /// Ships what the order has at the location, and the rest from where else it has it: the goods go to the same buyer.
    fn ship(&mut self, lsn: Lsn, at: u64, shipped: &OrderShipped) {
        let OrderShipped { order: id, location, ref claims, .. } = *shipped;
        let asked = units(claims);
        let Some(order) = self.merchant.state.order(id) else {
            self.strayed.unshipped += asked;
            return;
        };
        let lines = ship_lines(&order, claims);
        let whole = ShipOrder { order: id, location, lines: &lines, at };
        if self.perform(lsn, &Command::ShipOrder(whole)).is_ok() {
            return;
        }
        let mut done = 0;
        for (from, claims) in parcels(&order, location, claims) {
            let lines = ship_lines(&order, &claims);
            let parcel = Command::ShipOrder(ShipOrder { order: id, location: from, lines: &lines, at });
            if self.perform(lsn, &parcel).is_ok() {
                done += units(&claims);
                self.strayed.shipped_elsewhere += if from == location { 0 } else { units(&claims) };
            }
        }
        self.strayed.unshipped += asked.saturating_sub(done);
    }

    fn hold(&mut self, lsn: Lsn, placed: &HoldPlaced) {
        let (channel, deadline) = (placed.hold.channel, placed.hold.deadline);
        let (customer, key, lines) = (placed.hold.customer, placed.hold.key, &placed.hold.units[..]);
        let command = PlaceHold { channel, deadline, customer, key, lines };
        if self.perform(lsn, &Command::PlaceHold(command)).is_err() {
            self.strayed.holds += 1;
        }
    }

    /// What a channel is told beyond what it has sold.
    fn grant(&mut self, lsn: Lsn, GrantSet { sku, channel, granted, sold, .. }: GrantSet) {
        let actor = self.merchant.state.sku(sku);
        let sold_here = actor.and_then(|actor| actor.grant(channel)).map_or(0, |grant| grant.sold);
        let granted = sold_here + granted.saturating_sub(sold);
        if self.perform(lsn, &Command::SetGrant(SetGrant { sku, channel, granted })).is_err() {
            self.strayed.terms += 1;
        }
    }

    fn acknowledge(&mut self, lsn: Lsn, acknowledged: GrantAcknowledged) {
        let GrantAcknowledged { sku, channel, revision, at, .. } = acknowledged;
        let acknowledge = AcknowledgeGrant { sku, channel, revision, at };
        // What could not be told here is not acknowledged either, and was noted then.
        self.perform(lsn, &Command::AcknowledgeGrant(acknowledge)).ok();
    }

    fn extend(&mut self, lsn: Lsn, HoldExtended { hold, deadline }: HoldExtended) {
        // One that could not be placed here cannot be extended either, and was noted then.
        self.perform(lsn, &Command::ExtendHold(ExtendHold { hold, deadline })).ok();
    }

    /// Ends those of the holds that are live here.
    pub(super) fn end_holds(&mut self, lsn: Lsn, ended: &HoldsEnded) {
        let is_live = |hold: &_| self.merchant.state.hold(*hold).is_some();
        let holds: Vec<_> = ended.holds.iter().copied().filter(is_live).collect();
        if !holds.is_empty() {
            self.evolve(lsn, &Event::HoldsEnded(HoldsEnded { holds, cause: ended.cause }));
        }
    }
}

fn units(lines: &[(u16, u32)]) -> u64 {
    lines.iter().map(|(_, units)| u64::from(*units)).sum()
}

/// Units of demands as a shipment names them: those of a kit by its parts.
fn ship_lines(order: &Order, claims: &[(u16, u32)]) -> Vec<ShipLine> {
    let line = |(demand, quantity): &(u16, u32)| {
        let demand = order.demands.get(usize::from(*demand))?;
        let component = demand.part.map(|_| demand.sku);
        Some(ShipLine { line: demand.line, component, quantity: *quantity })
    };
    claims.iter().filter_map(line).collect()
}

/// From where an order has units of these demands, this location first, then in the order of its claims.
fn parcels(order: &Order, location: LocationNumber, claims: &[(u16, u32)]) -> Vec<Parcel> {
    let mut parcels: Vec<Parcel> = vec![(location, Vec::new())];
    for claim in &order.claims {
        if parcels.iter().all(|(from, _)| *from != claim.location) {
            parcels.push((claim.location, Vec::new()));
        }
    }
    for (demand, quantity) in claims {
        let mut left = *quantity;
        for (from, parcel) in &mut parcels {
            let units = order.claimed(*demand, *from).min(left);
            if units > 0 {
                parcel.push((*demand, units));
                left -= units;
            }
        }
    }
    parcels.retain(|(_, lines)| !lines.is_empty());
    parcels
}

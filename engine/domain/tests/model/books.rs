//! The naive model: plain lists and maps, no counters. Whatever is a sum is summed each time it is asked.

use super::grants::{Exposed, Granted};
use super::promises::{ANY, Channel, Held, Pool, flow};
use crate::LOCATIONS;
use onhand_domain::command::{CancelOrder, PlaceHold, PlaceOrder, PutChannel};
use onhand_domain::order::{Agreed, Policy};
use onhand_domain::promise::StockPolicy;
use onhand_domain::sku::{StockState, Terms};
use onhand_domain::{Command, HoldId, LocationNumber, OrderId, SkuNumber};
use std::collections::{BTreeMap, BTreeSet};

/// Claims of an order that was accepted: line, location, quantity.
pub(super) type Claims = [(u16, LocationNumber, u32)];

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) sku: SkuNumber,
    pub(super) ordered: u32,
    pub(super) cancelled: u32,
    pub(super) shipped: u32,
    pub(super) backordered: u32,
    pub(super) short: u32,
    /// The oldest first.
    pub(super) claims: Vec<(LocationNumber, u32)>,
}

impl Line {
    pub(super) fn open(&self) -> u32 {
        self.ordered - self.cancelled - self.shipped
    }

    pub(super) fn claimed_at(&self, location: LocationNumber) -> u32 {
        self.claims.iter().filter(|claim| claim.0 == location).map(|claim| claim.1).sum()
    }

    fn claim(&mut self, location: LocationNumber, quantity: u32) {
        match self.claims.iter_mut().find(|claim| claim.0 == location) {
            Some(claim) => claim.1 += quantity,
            None => self.claims.push((location, quantity)),
        }
    }

    fn unclaim(&mut self, location: LocationNumber, quantity: u32) {
        self.claims.iter_mut().find(|claim| claim.0 == location).unwrap().1 -= quantity;
        self.claims.retain(|claim| claim.1 > 0);
    }
}

#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) channel: usize,
    pub(super) policy: Policy,
    /// From when on it may be split, if it ships complete until then.
    pub(super) complete_by: Option<u64>,
    /// From when on nothing of it waits.
    pub(super) cancel_after: Option<u64>,
    pub(super) lines: Vec<Line>,
}

impl Order {
    /// Whether it ships complete, and waits.
    pub(super) fn waits_whole(&self) -> bool {
        self.policy == Policy::ShipComplete && self.lines.iter().any(|line| line.backordered + line.short > 0)
    }

    /// When what waits of it is cancelled, if something does.
    pub(super) fn lapses_at(&self) -> Option<u64> {
        self.cancel_after.filter(|_| self.lines.iter().any(|line| line.backordered + line.short > 0))
    }

    pub(super) fn is_open(&self) -> bool {
        self.lines.iter().any(|line| line.open() > 0)
    }
}

#[derive(Default)]
pub(super) struct Books {
    pub(super) channels: Vec<Channel>,
    /// Safety stock by location.
    pub(super) safety: Vec<u32>,
    pub(super) terms: BTreeMap<SkuNumber, Terms>,
    /// By SKU and channel.
    pub(super) pools: BTreeMap<(SkuNumber, usize), Pool>,
    pub(super) holds: BTreeMap<HoldId, Held>,
    pub(super) customers: BTreeMap<HoldId, Option<[u8; 16]>>,
    /// By channel.
    pub(super) exposed: BTreeMap<usize, Exposed>,
    /// By SKU and channel.
    pub(super) granted: BTreeMap<(SkuNumber, usize), Granted>,
    stock: BTreeMap<(SkuNumber, LocationNumber, u8), u32>,
    /// All that were ever accepted, by acceptance.
    pub(super) orders: BTreeMap<OrderId, Order>,
    /// SKUs whose waiting orders have not been asked yet since something changed for them.
    pub(super) to_serve: BTreeSet<SkuNumber>,
}

impl Books {
    pub(super) fn units(&self, sku: SkuNumber, location: LocationNumber, state: StockState) -> u32 {
        self.stock.get(&(sku, location, state as u8)).copied().unwrap_or(0)
    }

    fn units_mut(&mut self, sku: SkuNumber, location: LocationNumber, state: StockState) -> &mut u32 {
        self.stock.entry((sku, location, state as u8)).or_insert(0)
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.orders.values().flat_map(|order| &order.lines)
    }

    pub(super) fn claimed(&self, sku: SkuNumber, location: LocationNumber) -> u32 {
        self.lines().filter(|line| line.sku == sku).map(|line| line.claimed_at(location)).sum()
    }

    pub(super) fn waiting(&self, sku: SkuNumber) -> u32 {
        self.lines().filter(|line| line.sku == sku).map(|line| line.backordered + line.short).sum()
    }

    pub(super) fn unclaimed(&self, sku: SkuNumber, location: LocationNumber) -> u32 {
        self.units(sku, location, StockState::Sellable) - self.claimed(sku, location)
    }

    /// Whether anything is kept for anybody.
    pub(super) fn keeps_units(&self) -> bool {
        let is_shared = |channel: &Channel| channel.stock_policy == StockPolicy::SHARED;
        self.safety.iter().any(|units| *units > 0)
            || !self.channels.iter().all(is_shared)
            || self.terms.values().any(|terms| !terms.is_empty())
            || !self.holds.is_empty()
            || !self.granted.is_empty()
    }

    /// What a new order may take: as long as those who wait have not been asked, only what they cannot need.
    pub(super) fn free(&self, sku: SkuNumber, location: LocationNumber) -> u32 {
        let first = if self.to_serve.contains(&sku) { self.waiting(sku) } else { 0 };
        self.unclaimed(sku, location).saturating_sub(first)
    }

    pub(super) fn serve(&mut self, sku: SkuNumber) {
        if self.waiting(sku) > 0 {
            self.to_serve.insert(sku);
        }
    }

    /// What a channel may sell.
    pub(super) fn atp(&self, sku: SkuNumber, channel: usize) -> u32 {
        let view = self.view_beside(sku, channel, None, ANY);
        u32::try_from(view.total_for(&self.shelf_of(sku), &[0; LOCATIONS as usize], &self.unclaimed_of(sku)))
            .unwrap()
    }

    /// What each line gets if it is handed what the channel has, the first line first.
    pub(super) fn handed(&self, place: &PlaceOrder<'_>) -> Vec<u32> {
        let is_imposed = self.policy_of(place) == Policy::Imposed;
        self.handed_beside(place.lines, usize::from(place.channel.0), self.confirmed(place), is_imposed)
    }

    /// What was agreed for what stock cannot serve of an order.
    pub(super) fn policy_of(&self, place: &PlaceOrder<'_>) -> Policy {
        place.policy.unwrap_or(self.channels[usize::from(place.channel.0)].policy)
    }

    /// The hold that an order confirms.
    pub(super) fn confirmed(&self, place: &PlaceOrder<'_>) -> Option<HoldId> {
        let is_its = |hold: &HoldId| {
            let held = self.holds.get(hold);
            held.is_some_and(|held| held.channel == usize::from(place.channel.0))
        };
        place.hold.map(|confirm| confirm.hold).filter(is_its)
    }

    pub(super) fn handed_beside(
        &self,
        lines: &[(SkuNumber, u32)],
        channel: usize,
        hold: Option<HoldId>,
        is_imposed: bool,
    ) -> Vec<u32> {
        let mut left = BTreeMap::new();
        let hand = |(sku, quantity): &(SkuNumber, u32)| {
            let all = || {
                let view = self.view_for(*sku, channel, (hold, self.sold_by(*sku, lines, hold)), is_imposed);
                let shelf = self.shelf_of(*sku);
                let unkept = self.unkept(&view, &self.free_of(*sku), &shelf, is_imposed);
                u32::try_from(view.total_for(&shelf, &unkept, &self.unclaimed_of(*sku))).unwrap()
            };
            let left = left.entry(*sku).or_insert_with(all);
            let got = (*left).min(*quantity);
            *left -= got;
            got
        };
        lines.iter().map(hand).collect()
    }

    /// Units of a SKU that an order sells from its channel's copy: what it confirms was sold before.
    pub(super) fn sold_by(&self, sku: SkuNumber, lines: &[(SkuNumber, u32)], hold: Option<HoldId>) -> u64 {
        let ordered: u64 = lines.iter().filter(|line| line.0 == sku).map(|line| u64::from(line.1)).sum();
        let held = hold.and_then(|hold| self.holds.get(&hold)).map_or(0, |held| held.units_of(sku));
        ordered.saturating_sub(held)
    }

    /// Units that may leave a place: each one that holds and grants do not need there.
    pub(super) fn movable(&self, sku: SkuNumber, location: LocationNumber) -> u32 {
        let (mut shelf, rows) = (self.unclaimed_of(sku), self.held_rows(sku));
        let all = flow(&shelf, &rows);
        let mut movable = 0;
        while shelf[usize::from(location.0)] > 0 {
            shelf[usize::from(location.0)] -= 1;
            if flow(&shelf, &rows) < all {
                break;
            }
            movable += 1;
        }
        movable
    }

    /// Lets an accepted command happen. Where an order's goods come from is the planner's choice, which was
    /// judged before.
    pub(super) fn happen(&mut self, id: OrderId, command: &Command<'_>, claims: &Claims) {
        match command {
            Command::Receive(receive) => {
                self.gain(receive.sku, receive.location, receive.state, receive.quantity);
            }
            Command::Adjust(adjust) => {
                let quantity = u32::try_from(adjust.delta.unsigned_abs()).unwrap();
                match adjust.delta > 0 {
                    true => self.gain(adjust.sku, adjust.location, adjust.state, quantity),
                    false => self.lose(adjust.sku, adjust.location, adjust.state, quantity),
                }
            }
            Command::Set(set) if set.new >= set.expected => {
                self.gain(set.sku, set.location, StockState::Sellable, set.new - set.expected);
            }
            Command::Set(set) => {
                self.lose(set.sku, set.location, StockState::Sellable, set.expected - set.new);
            }
            Command::Move(movement) => {
                *self.units_mut(movement.sku, movement.location, movement.from) -= movement.quantity;
                self.gain(movement.sku, movement.location, movement.to, movement.quantity);
            }
            Command::PutChannel(put) => {
                let PutChannel { policy, stock_policy, rank, .. } = *put;
                let channel = Channel { locations: put.locations.to_vec(), policy, stock_policy, rank };
                match put.channel {
                    Some(number) => self.channels[usize::from(number.0)] = channel,
                    None => self.channels.push(channel),
                }
                self.serve_everybody();
            }
            Command::PutLocation(put) => {
                match put.location {
                    Some(number) => self.safety[usize::from(number.0)] = put.safety_stock,
                    None => self.safety.push(put.safety_stock),
                }
                self.serve_everybody();
            }
            Command::PutSku(put) if put.sku.is_some() => self.put_terms(id, put),
            Command::PlaceHold(place) => self.place_hold(id, place),
            Command::ExtendHold(extend) => {
                let held = self.holds.get_mut(&extend.hold).unwrap();
                held.deadline = held.deadline.max(extend.deadline);
                held.extensions += 1;
            }
            Command::ReleaseHold(hold) => {
                self.unsell(*hold, &[]);
                self.end_hold(*hold);
            }
            Command::PlaceOrder(place) => self.place(id, place, claims),
            Command::PutExposure(put) => self.put_exposure(*put),
            Command::SetGrant(set) => self.set_grant(id.0, *set),
            Command::AcknowledgeGrant(acknowledge) => self.acknowledge(*acknowledge),
            Command::PassFeed(pass) => self.pass_feed(*pass),
            Command::CancelOrder(cancel) => self.cancel(cancel),
            Command::ShipOrder(ship) => {
                for (line, quantity) in ship.lines.iter().map(|line| (&line.line, &line.quantity)) {
                    let row = &mut self.orders.get_mut(&ship.order).unwrap().lines[usize::from(*line)];
                    row.unclaim(ship.location, *quantity);
                    row.shipped += quantity;
                    let sku = row.sku;
                    let channel = self.orders[&ship.order].channel;
                    if let Some(pool) = self.pool_for(sku, channel, ship.order) {
                        (0..*quantity).for_each(|_| pool.use_up());
                    }
                    *self.units_mut(sku, ship.location, StockState::Sellable) -= quantity;
                }
            }
            _ => {}
        }
        let to_serve = std::mem::take(&mut self.to_serve);
        self.to_serve = to_serve.into_iter().filter(|sku| self.waiting(*sku) > 0).collect();
    }

    fn place_hold(&mut self, id: OrderId, place: &PlaceHold<'_>) {
        let channel = usize::from(place.channel.0);
        self.sell(channel, place.lines, &[]);
        for (sku, quantity) in place.lines {
            if let Some(pool) = self.pool_for(*sku, channel, id) {
                (0..*quantity).for_each(|_| pool.charge());
            }
        }
        let held = Held { channel, deadline: place.deadline, extensions: 0, lines: place.lines.to_vec() };
        self.holds.insert(HoldId(id.0), held);
        self.customers.insert(HoldId(id.0), place.customer);
    }

    /// A hold is no more.
    pub(super) fn end_hold(&mut self, hold: HoldId) {
        let held = self.holds.remove(&hold).unwrap();
        self.customers.remove(&hold);
        for (sku, quantity) in held.lines {
            if let Some(pool) = self.pool_for(sku, held.channel, OrderId(hold.0)) {
                (0..quantity).for_each(|_| pool.refund());
            }
            self.serve(sku);
        }
    }

    fn gain(&mut self, sku: SkuNumber, location: LocationNumber, state: StockState, quantity: u32) {
        *self.units_mut(sku, location, state) += quantity;
        if state == StockState::Sellable {
            self.serve(sku);
        }
    }

    /// One unit after the other: if it is claimed, whoever would be served last of those who have one there goes without.
    fn lose(&mut self, sku: SkuNumber, location: LocationNumber, state: StockState, quantity: u32) {
        for _ in 0..quantity {
            if state == StockState::Sellable && self.unclaimed(sku, location) == 0 {
                let ranks: Vec<u16> = self.channels.iter().map(|channel| channel.rank).collect();
                let lines = self.orders.iter_mut().flat_map(|(id, order)| {
                    let owner = (*id, order.channel);
                    (0..).zip(&mut order.lines).map(move |(number, line)| (owner, number, line))
                });
                let has = lines.filter(|(_, _, line)| line.sku == sku && line.claimed_at(location) > 0);
                let last = has
                    .max_by_key(|((id, channel), number, _): &(_, u16, _)| (ranks[*channel], *id, *number));
                let ((order, channel), _, line) = last.unwrap();
                line.unclaim(location, 1);
                line.short += 1;
                if let Some(pool) = self.pool_for(sku, channel, order) {
                    pool.use_up();
                }
                self.serve(sku);
            }
            *self.units_mut(sku, location, state) -= 1;
        }
    }

    fn place(&mut self, id: OrderId, place: &PlaceOrder<'_>, claims: &Claims) {
        let line = |(sku, ordered): &(SkuNumber, u32)| Line {
            sku: *sku,
            ordered: *ordered,
            cancelled: 0,
            shipped: 0,
            backordered: *ordered,
            short: 0,
            claims: Vec::new(),
        };
        let mut lines: Vec<Line> = place.lines.iter().map(line).collect();
        let channel = usize::from(place.channel.0);
        let hold = self.confirmed(place);
        let held = hold.map_or(Vec::new(), |hold| self.holds[&hold].lines.clone());
        let kept = self.kept_of_all(channel);
        self.sell(channel, place.lines, &held);
        let claimed = |sku: SkuNumber| {
            let all = claims.iter().filter(|claim| place.lines[usize::from(claim.0)].0 == sku);
            let held = held.iter().filter(|line| line.0 == sku).map(|line| u64::from(line.1)).sum();
            all.map(|claim| u64::from(claim.2)).sum::<u64>().saturating_sub(held)
        };
        let freed = self.kept_no_more(channel, &kept, claimed);
        if let Some(hold) = hold {
            self.unsell(hold, place.lines);
            self.end_hold(hold);
        }
        for (line, location, quantity) in claims {
            let line = &mut lines[usize::from(*line)];
            line.claim(*location, *quantity);
            line.backordered -= quantity;
            if let Some(pool) = self.pool_for(line.sku, channel, id) {
                (0..*quantity).for_each(|_| pool.charge());
            }
        }
        let policy = self.policy_of(place);
        if policy == Policy::Imposed {
            lines.iter_mut().for_each(|line| line.short = std::mem::take(&mut line.backordered));
        }
        let Agreed { complete_by, cancel_after } = place.agreed;
        self.orders.insert(id, Order { channel, policy, complete_by, cancel_after, lines });
        freed.into_iter().for_each(|sku| self.serve(sku));
    }

    /// What waits of an order is cancelled; says when that was due.
    pub(super) fn lapse(&mut self, id: OrderId) -> u64 {
        let order = &self.orders[&id];
        let due = order.lapses_at().unwrap();
        let waits = (0_u16..).zip(&order.lines).map(|(line, row)| (line, row.backordered + row.short));
        let lines: Vec<(u16, u32)> = waits.collect();
        self.cancel(&CancelOrder { order: id, lines: Some(&lines) });
        due
    }

    /// One unit after the other: what waits without ever having had goods, then what lost them, then the
    /// latest claim.
    fn cancel(&mut self, cancel: &CancelOrder<'_>) {
        let rows = (0_u16..).zip(&self.orders[&cancel.order].lines);
        let all: Vec<(u16, u32)> = rows.map(|(line, row)| (line, row.open())).collect();
        for (line, quantity) in cancel.lines.unwrap_or(&all) {
            for _ in 0..*quantity {
                let row = &mut self.orders.get_mut(&cancel.order).unwrap().lines[usize::from(*line)];
                row.cancelled += 1;
                if row.backordered > 0 {
                    row.backordered -= 1;
                } else if row.short > 0 {
                    row.short -= 1;
                } else {
                    let location = row.claims.last().unwrap().0;
                    row.unclaim(location, 1);
                    let sku = row.sku;
                    let channel = self.orders[&cancel.order].channel;
                    if let Some(pool) = self.pool_for(sku, channel, cancel.order) {
                        pool.refund();
                    }
                    self.serve(sku);
                }
            }
        }
    }

    /// Whoever waits may be served in another way now.
    fn serve_everybody(&mut self) {
        let skus: BTreeSet<SkuNumber> = self.lines().map(|line| line.sku).collect();
        skus.into_iter().for_each(|sku| self.serve(sku));
    }

    /// Whether a unit at a location may go to somebody who waits: any, if goods were lost that had been promised; else
    /// one that nobody else is promised.
    fn may_serve(
        &self,
        sku: SkuNumber,
        is_short: bool,
        (order, channel): (OrderId, usize),
        location: LocationNumber,
    ) -> bool {
        let is_imposed = is_short && self.orders[&order].policy == Policy::Imposed;
        if is_short && !is_imposed {
            return self.movable(sku, location) > 0;
        }
        let shelf = self.shelf(self.terms_of(sku), |location| self.unclaimed(sku, location));
        let view = self.view_of(sku, channel, order);
        let unkept = self.unkept(&view, &self.unclaimed_of(sku), &shelf, is_imposed);
        let mut taken = [0; LOCATIONS as usize];
        taken[usize::from(location.0)] = 1;
        let has_some = view.total(&shelf) + unkept.iter().sum::<u64>() > 0;
        has_some && view.allows_beside(&shelf, &unkept, &taken)
    }

    /// Serves who waits: what is sold without goods before what is not, then by the channel's rank, then by acceptance,
    /// then by line; at the preferred location of the order's channel that has a unit.
    pub(super) fn serve_all(&mut self) {
        for sku in std::mem::take(&mut self.to_serve) {
            for is_short in [true, false] {
                let rank = |id: &OrderId| self.channels[self.orders[id].channel].rank;
                let mut ids: Vec<OrderId> = self.orders.keys().copied().collect();
                ids.sort_by_key(|id| (rank(id), *id));
                for id in ids {
                    for line in 0..self.orders[&id].lines.len() {
                        while self.serve_one(sku, is_short, id, line) {}
                    }
                }
            }
        }
    }

    fn serve_one(&mut self, sku: SkuNumber, is_short: bool, id: OrderId, line: usize) -> bool {
        let order = &self.orders[&id];
        let row = &order.lines[line];
        let waits = if is_short { row.short } else { row.backordered };
        let channel = order.channel;
        let mut locations = self.channels[channel].locations.iter().copied();
        let found = locations.find(|location| self.may_serve(sku, is_short, (id, channel), *location));
        let Some(location) = found.filter(|_| row.sku == sku && waits > 0) else { return false };
        if let Some(pool) = self.pool_for(sku, channel, id) {
            pool.charge();
        }
        let row = &mut self.orders.get_mut(&id).unwrap().lines[line];
        if is_short {
            row.short -= 1;
        } else {
            row.backordered -= 1;
        }
        row.claim(location, 1);
        true
    }
}

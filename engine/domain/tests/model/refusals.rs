//! Why a command must be refused, said the naive way.

use super::books::{Books, Line, Order};
use crate::SKUS;
use onhand_domain::command::{CancelOrder, Confirm, PlaceHold, PlaceOrder, ShipOrder};
use onhand_domain::hold::{EXTENSIONS_MAX, HOLDS_PER_CUSTOMER_MAX, HOLDS_PER_KEY_MAX};
use onhand_domain::order::Policy;
use onhand_domain::quantity::QUANTITY_MAX;
use onhand_domain::rejection::Shortfall;
use onhand_domain::sku::StockState;
use onhand_domain::{Command, HoldId, OrderId, Rejection, SkuNumber};

fn out_of_range(index: usize, quantity: u64) -> Option<Rejection> {
    let max = QUANTITY_MAX;
    (quantity == 0).then_some(Rejection::QuantityOutOfRange { index, quantity, max })
}

/// What is wrong with a list of lines, whatever their quantities mean.
fn bad_line(order: &Order, lines: &[(u16, u32)], index: usize) -> Option<Rejection> {
    let (line, quantity) = lines[index];
    if usize::from(line) >= order.lines.len() {
        return Some(Rejection::UnknownLine { index });
    }
    if lines[..index].iter().any(|earlier| earlier.0 == line) {
        return Some(Rejection::DuplicateLine { index });
    }
    out_of_range(index, quantity.into())
}

fn shortfalls(lines: &[(SkuNumber, u32)], handed: &[u32]) -> Vec<Shortfall> {
    let rows = (0_u16..).zip(lines.iter().zip(handed));
    rows.filter(|(_, (line, handed))| **handed < line.1)
        .map(|(line, (asked, available))| Shortfall { line, requested: asked.1, available: *available })
        .collect()
}

impl Books {
    /// Why a command must be refused, if it must.
    pub(super) fn refusal(&self, command: &Command<'_>) -> Option<Rejection> {
        match command {
            Command::Receive(receive) => out_of_range(0, receive.quantity.into()),
            Command::Adjust(adjust) => {
                let available = self.units(adjust.sku, adjust.location, adjust.state);
                let (state, requested) = (adjust.state, adjust.delta.unsigned_abs());
                let is_too_much = adjust.delta < 0 && requested > available.into();
                let refusal = is_too_much.then_some(Rejection::NotEnough { state, requested, available });
                out_of_range(0, requested).or(refusal)
            }
            Command::Set(set) => {
                let (expected, actual) =
                    (set.expected, self.units(set.sku, set.location, StockState::Sellable));
                (expected != actual).then_some(Rejection::SetMismatch { expected, actual })
            }
            Command::Move(movement) => {
                let (state, requested) = (movement.from, u64::from(movement.quantity));
                let available = match state {
                    StockState::Sellable => self.movable(movement.sku, movement.location),
                    _ => self.units(movement.sku, movement.location, state),
                };
                let same = (state == movement.to).then_some(Rejection::SameState { state });
                let is_too_much = requested > available.into();
                let refusal = is_too_much.then_some(Rejection::NotEnough { state, requested, available });
                out_of_range(0, requested).or(same).or(refusal)
            }
            Command::PutChannel(put) => {
                let named = |place: &usize| put.locations[..*place].contains(&put.locations[*place]);
                let twice = (0..put.locations.len()).find(named);
                let twice =
                    twice.map(|place| Rejection::DuplicateLocation { location: put.locations[place] });
                let known = put.channel.filter(|channel| usize::from(channel.0) < self.channels.len());
                twice.or_else(|| self.unbacked(usize::from(known?.0), put.locations))
            }
            Command::PutSku(put) if put.sku.is_some() => self.terms_refusal(put),
            Command::PlaceHold(place) => self.hold_refusal(place),
            Command::ExtendHold(extend) => self.extend_refusal(extend.hold),
            Command::ReleaseHold(hold) => {
                (!self.holds.contains_key(hold)).then_some(Rejection::HoldEnded { hold: *hold })
            }
            Command::PlaceOrder(place) => self.order_refusal(place),
            Command::PutExposure(put) => self.exposure_refusal(*put),
            Command::SetGrant(set) => self.grant_refusal(*set),
            Command::AcknowledgeGrant(acknowledge) => self.acknowledge_refusal(*acknowledge),
            Command::CancelOrder(cancel) => self.cancel_refusal(cancel),
            Command::ShipOrder(ship) => self.ship_refusal(ship),
            _ => None,
        }
    }

    fn lines_refusal(lines: &[(SkuNumber, u32)]) -> Option<Rejection> {
        let zero = lines.iter().position(|line| line.1 == 0);
        let empty = lines.is_empty().then_some(Rejection::NoLines);
        empty.or(zero.and_then(|index| out_of_range(index, 0)))
    }

    fn hold_refusal(&self, place: &PlaceHold<'_>) -> Option<Rejection> {
        let handed = || self.handed_beside(place.lines, usize::from(place.channel.0), None, false);
        Self::lines_refusal(place.lines).or_else(|| {
            let live = u32::try_from(self.holds.len()).unwrap();
            let of_customer = self.customers.values().filter(|customer| **customer == place.customer);
            let of_customer = u32::try_from(of_customer.count()).unwrap();
            if place.customer.is_some() && of_customer >= HOLDS_PER_CUSTOMER_MAX {
                let (what, max) = ("customer", HOLDS_PER_CUSTOMER_MAX);
                return Some(Rejection::TooManyHolds { what, live: of_customer, max });
            }
            assert!(live < HOLDS_PER_KEY_MAX);
            let shortfalls = shortfalls(place.lines, &handed());
            (!shortfalls.is_empty()).then_some(Rejection::InsufficientStock { shortfalls, routed: None })
        })
    }

    fn extend_refusal(&self, hold: HoldId) -> Option<Rejection> {
        match self.holds.get(&hold) {
            None => Some(Rejection::HoldEnded { hold }),
            Some(held) => (held.extensions >= EXTENSIONS_MAX)
                .then_some(Rejection::TooManyExtensions { max: EXTENSIONS_MAX }),
        }
    }

    fn order_refusal(&self, place: &PlaceOrder<'_>) -> Option<Rejection> {
        if let Some(refusal) = Self::lines_refusal(place.lines) {
            return Some(refusal);
        }
        if let Some(Confirm { hold, or_reserve }) = place.hold {
            let live = self.holds.get(&hold);
            let is_its = live.map(|live| live.channel == usize::from(place.channel.0));
            if !is_its.unwrap_or(or_reserve) && self.policy_of(place) != Policy::Imposed {
                return Some(Rejection::HoldEnded { hold });
            }
        }
        let shortfalls = shortfalls(place.lines, &self.handed(place));
        match self.policy_of(place) {
            Policy::Imposed => None,
            Policy::Reject if shortfalls.is_empty() => None,
            Policy::Reject => Some(Rejection::InsufficientStock { shortfalls, routed: None }),
            Policy::Backorder | Policy::ShipComplete => self.beyond_limit(place, &shortfalls),
        }
    }

    /// Of the first SKU of which more would wait than may.
    fn beyond_limit(&self, place: &PlaceOrder<'_>, missing: &[Shortfall]) -> Option<Rejection> {
        let beyond = |sku: SkuNumber| {
            let lacks = missing.iter().filter(|row| place.lines[usize::from(row.line)].0 == sku);
            let asked: u64 = lacks.map(|row| u64::from(row.requested - row.available)).sum();
            let of_sku = self.lines().filter(|line| line.sku == sku);
            let waiting: u64 = of_sku.map(|line| u64::from(line.backordered)).sum();
            let limit = self.terms_of(sku).backorder_limit?;
            (asked > 0 && waiting + asked > limit.into()).then_some(Rejection::BackorderLimit {
                sku,
                limit,
                waiting,
                asked,
            })
        };
        (0..SKUS).map(SkuNumber).find_map(beyond)
    }

    fn open_order(&self, id: OrderId) -> Result<&Order, Rejection> {
        let order = self.orders.get(&id).filter(|order| order.is_open());
        order.ok_or(Rejection::OrderNotOpen { order: id })
    }

    fn cancel_refusal(&self, cancel: &CancelOrder<'_>) -> Option<Rejection> {
        let order = match self.open_order(cancel.order) {
            Ok(order) => order,
            Err(refusal) => return Some(refusal),
        };
        let lines = cancel.lines?;
        let wrong = |index: usize| {
            let (line, requested) = lines[index];
            bad_line(order, lines, index).or_else(|| {
                let open = order.lines[usize::from(line)].open();
                (requested > open).then_some(Rejection::NotOpen { line, requested, open })
            })
        };
        (0..lines.len()).find_map(wrong).or(lines.is_empty().then_some(Rejection::NoLines))
    }

    fn ship_refusal(&self, ship: &ShipOrder<'_>) -> Option<Rejection> {
        let order = match self.open_order(ship.order) {
            Ok(order) => order,
            Err(refusal) => return Some(refusal),
        };
        if ship.lines.is_empty() {
            return Some(Rejection::NoLines);
        }
        if order.waits_whole() && order.complete_by.is_none_or(|date| ship.at < date) {
            let units = |units: &dyn Fn(&Line) -> u32| order.lines.iter().map(units).map(u64::from).sum();
            let allocated = units(&|line| line.claims.iter().map(|claim| claim.1).sum());
            let waiting = units(&|line| line.backordered + line.short);
            return Some(Rejection::Incomplete { allocated, waiting });
        }
        let lines: Vec<(u16, u32)> = ship.lines.iter().map(|line| (line.line, line.quantity)).collect();
        let wrong = |index: usize| {
            let (line, requested) = lines[index];
            bad_line(order, &lines, index).or_else(|| {
                let allocated = order.lines[usize::from(line)].claimed_at(ship.location);
                (requested > allocated).then_some(Rejection::NotAllocated { line, requested, allocated })
            })
        };
        (0..lines.len()).find_map(wrong)
    }
}

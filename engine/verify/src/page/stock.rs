//! Movements of stock, and the claims that a loss takes.

use super::Page;
use crate::backlog::Turn;
use crate::ledger::Place;
use crate::pools::Claimed;
use crate::report::Invariant;
use onhand_record::stock::{LevelV1, MovementV1, StateV1, StockMovedV1};

/// Movements that state a reason not among these break I6.
const REASONS: [&str; 15] = [
    "received",
    "correction",
    "cycle_count",
    "damaged",
    "shrinkage",
    "theft",
    "found",
    "expired",
    "promotion",
    "production_in",
    "production_out",
    "return_restock",
    "channel_drift",
    "migration",
    "other",
];

impl Page<'_> {
    pub(crate) fn stock(&mut self, moved: &StockMovedV1<'_>) {
        let StockMovedV1 { sku, location, .. } = *moved;
        let before = self.ledger.place(sku, location);
        let is_loss = moved.from == Some(StateV1::Sellable) && moved.to.is_none();
        let lacking = self.ledger.lacking(sku).filter(|_| !is_loss);
        self.check_names(moved);
        let is_kit = self.ledger.components_of(sku).is_some();
        self.findings.check(Invariant::I6, !is_kit, || format!("stock of sku {sku} moves, which is a kit"));
        self.check_movement(moved, before);
        self.check_units(moved, before);
        self.shorts(moved);
        let place = self.ledger.place_mut(sku, location);
        if let Some(state) = moved.from {
            *place.state(state) -= i64::from(moved.quantity);
        }
        if let Some(state) = moved.to {
            *place.state(state) += i64::from(moved.quantity);
        }
        let place = *place;
        self.findings.check(Invariant::I3, place.equals(&moved.after), || {
            format!("it states {:?}, the books have {place:?}", moved.after)
        });
        self.check_place(sku, location);
        self.check_backed_as(sku, lacking);
        self.check_shorts(moved, place);
    }

    fn check_names(&mut self, moved: &StockMovedV1<'_>) {
        let has_location = usize::from(moved.location) < self.ledger.safety_stock.len();
        let sku = self.ledger.skus.get_mut(moved.sku as usize);
        self.findings.check(Invariant::J4, sku.is_some() && has_location, || {
            "its sku or location was never created".into()
        });
        if let Some(sku) = sku {
            sku.has_moved = true;
            self.findings.check(Invariant::J4, sku.decimals == moved.decimals, || {
                format!("it states {} decimals, its sku has {}", moved.decimals, sku.decimals)
            });
        }
    }

    /// Each kind of movement has its reason and its way: from outside, to outside, or from one state to another.
    fn check_movement(&mut self, moved: &StockMovedV1<'_>, before: Place) {
        let StockMovedV1 { from, to, quantity, reason, .. } = *moved;
        self.findings
            .check(Invariant::I6, REASONS.contains(&reason), || format!("reason {reason:?} is none"));
        let is_one_way = from.is_some() != to.is_some();
        let is_its_way = match moved.movement {
            MovementV1::Receive => is_one_way && to.is_some() && quantity > 0,
            MovementV1::Adjust => is_one_way && quantity > 0,
            MovementV1::Set { .. } => is_one_way && from.or(to) == Some(StateV1::Sellable),
            MovementV1::Move => from.is_some() && to.is_some() && from != to && quantity > 0,
        };
        self.findings.check(Invariant::I6, is_its_way, || {
            format!("{:?} moved {quantity} units from {from:?} to {to:?}", moved.movement)
        });
        if let MovementV1::Set { expected } = moved.movement {
            self.findings.check(Invariant::I3, i64::from(expected) == before.sellable, || {
                format!("{expected} units were expected, the books have {}", before.sellable)
            });
        }
    }

    /// What the record states to lie there, against what the books had there before it. A move leaves that sum
    /// alone, whatever else it says; any other movement changes it by its quantity.
    fn check_units(&mut self, moved: &StockMovedV1<'_>, before: Place) {
        let LevelV1 { sellable, damaged, quality_control, .. } = moved.after;
        let stated: i64 = [sellable, damaged, quality_control].map(i64::from).iter().sum();
        let (had, quantity) = (before.on_hand(), i64::from(moved.quantity));
        let (invariant, due) = match moved.movement {
            MovementV1::Move => (Invariant::I7, had),
            MovementV1::Receive | MovementV1::Adjust | MovementV1::Set { .. } => {
                let came = if moved.to.is_some() { quantity } else { 0 };
                let left = if moved.from.is_some() { quantity } else { 0 };
                (Invariant::I6, had + came - left)
            }
        };
        self.findings
            .check(invariant, stated == due, || format!("{had} units became {stated}, {due} were due"));
    }

    /// Claims that a loss took become shorts.
    fn shorts(&mut self, moved: &StockMovedV1<'_>) {
        let StockMovedV1 { sku, location, .. } = *moved;
        for short in &moved.shorts {
            let quantity = i64::from(short.quantity);
            let demand = self.ledger.demand(short.order, short.demand);
            let was_there = demand.is_some_and(|demand| {
                demand.short += quantity;
                demand.sku == sku && demand.end_claim(location, quantity)
            });
            self.findings.check(Invariant::I5, was_there && quantity > 0, || {
                format!("order {} has no such claim to lose", short.order)
            });
            self.ledger.wait(sku, Turn::new(true, short.order, short.demand), quantity);
            self.pooled(sku, short.order, quantity, Claimed::Gone);
            self.ledger.place_mut(sku, location).claimed -= quantity;
        }
    }

    /// A loss takes the claims that it must and no more, those first that would be served last.
    fn check_shorts(&mut self, moved: &StockMovedV1<'_>, place: Place) {
        let place_of = |order: u64, demand: usize| {
            let channel = self.ledger.orders.get(&order).map(|order| order.channel);
            (channel.map_or(u16::MAX, |channel| self.ledger.rank(channel)), order, demand)
        };
        let shorts = moved.shorts.iter().map(|short| place_of(short.order, usize::from(short.demand)));
        let Some(first) = shorts.min() else { return };
        let is_loss = moved.from == Some(StateV1::Sellable) && moved.to.is_none();
        self.findings
            .check(Invariant::I10, is_loss, || "claims were lost, but no goods that they were on".into());
        self.findings.check(Invariant::I10, place.unclaimed() <= 0, || {
            format!("claims were lost, though {} units lie there unclaimed", place.unclaimed())
        });
        // Where all channels have the same rank, an older order is none that should have lost before.
        let ranks = self.ledger.channels.iter().map(|channel| channel.terms.rank);
        let from = if ranks.clone().min() == ranks.max() { first.1 } else { 0 };
        let others = self.ledger.orders.range(from..).flat_map(|(id, order)| {
            let claims = order.demands.iter().enumerate();
            let claims = claims
                .filter(|(_, demand)| demand.sku == moved.sku && demand.claims.contains_key(&moved.location));
            claims.map(|(demand, _)| (*id, demand))
        });
        let others = others.map(|(order, demand)| place_of(order, demand));
        let spared = others.into_iter().find(|claim| *claim > first);
        self.findings.check(Invariant::I10, spared.is_none(), || {
            format!("order {} lost its claim, one that is served later kept its own: {spared:?}", first.1)
        });
    }
}

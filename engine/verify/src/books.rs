//! Entering records, one after the other, and noting what does not hold.

use crate::ledger::{Channel, Ledger, Line, Order, Place};
use crate::report::{AuditReport, INVARIANTS, Invariant, Outcome, Tightest, Totals};
use onhand_record::admin::{KeyCreatedV1, KeyRevokedV1, LogClosedV1};
use onhand_record::order::{
    BacklogFilledV1, LinePictureV1, OrderAcceptedV1, OrderAskedV1, OrderCancelledV1, OrderRefusedV1,
    OrderShippedV1, decode_accepted, decode_refused,
};
use onhand_record::rules::{ChannelPutV1, LocationPutV1, PolicyV1, SkuPutV1};
use onhand_record::stock::StockMovedV1;
use onhand_record::{DecodeError, Header, Kind, decode};
use onhand_snapshots::Lsn;
use std::collections::{BTreeMap, HashMap};

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

/// An accepted order, with its names.
#[derive(Debug)]
pub struct AcceptedFact<'a> {
    /// Whose.
    pub merchant: u32,
    /// The channel's code.
    pub channel: &'a str,
    /// The order's id.
    pub order: Lsn,
    /// What was asked.
    pub asked: &'a OrderAskedV1<'a>,
    /// What was decided.
    pub accepted: &'a OrderAcceptedV1,
}

/// Sees what the audit reads, for comparisons with what clients were told.
pub trait Observer {
    /// An order was accepted.
    fn accepted(&mut self, _fact: &AcceptedFact<'_>) {}

    /// An order was refused under a key.
    fn refused(&mut self, _merchant: u32, _channel: &str, _asked: &OrderAskedV1<'_>) {}

    /// Stock was moved.
    fn moved(&mut self) {}

    /// An order was cancelled or shipped in part or whole; `lines` is what stands afterwards.
    fn changed(&mut self, _order: Lsn, _kind: Kind, _lines: &[LinePictureV1]) {}
}

/// See the module.
#[derive(Default)]
pub(crate) struct Books {
    ledgers: BTreeMap<u32, Ledger>,
    /// Merchant of each live key.
    keys: HashMap<u32, u32>,
    outcomes: BTreeMap<Invariant, Outcome>,
    tightest: Option<Tightest>,
    totals: Totals,
    last: u64,
    lsn: u64,
}

impl Books {
    /// One record.
    pub(crate) fn enter(&mut self, lsn: Lsn, record: &[u8], observer: &mut dyn Observer) {
        self.lsn = lsn.0;
        self.totals.records += 1;
        let (due, kind_is_first) = (self.last + 1, self.last == 0);
        self.check(Invariant::J4, lsn.0 == due, || format!("record {} was due", due));
        self.last = lsn.0;
        let (header, body) = match Header::decode(record) {
            Ok(decoded) => decoded,
            Err(error) => return self.check(Invariant::J4, false, || error.to_string()),
        };
        self.check(Invariant::J4, kind_is_first == (header.kind == Kind::LogOpened), || {
            "the record that opens the log stands first and only there".into()
        });
        if let Err(error) = self.enter_body(&header, body, observer) {
            self.check(Invariant::J4, false, || error.to_string());
        }
    }

    fn enter_body(
        &mut self,
        header: &Header,
        body: &[u8],
        observer: &mut dyn Observer,
    ) -> Result<(), DecodeError> {
        self.check_header(header);
        let merchant = header.merchant;
        match header.kind {
            Kind::LogOpened => Ok(()),
            Kind::LogClosed => {
                let closed: LogClosedV1 = decode(body)?;
                let digest = self.digest();
                self.check(Invariant::J3, digest == closed.digest, || {
                    format!("the stop wrote digest {:016x}, the log says {digest:016x}", closed.digest)
                });
                Ok(())
            }
            Kind::MerchantCreated => {
                let is_next = merchant as usize == self.ledgers.len() + 1;
                self.check(Invariant::J4, is_next, || format!("merchant {merchant} is not the next number"));
                self.ledgers.entry(merchant).or_default();
                Ok(())
            }
            Kind::KeyCreated => {
                let created: KeyCreatedV1 = decode(body)?;
                self.keys.insert(created.key, merchant);
                Ok(())
            }
            Kind::KeyRevoked => {
                let revoked: KeyRevokedV1 = decode(body)?;
                let was_live = self.keys.remove(&revoked.key).is_some();
                self.check(Invariant::J4, was_live, || format!("key {} was not live", revoked.key));
                Ok(())
            }
            Kind::LocationPut => self.location(merchant, &decode(body)?),
            Kind::ChannelPut => self.channel(merchant, &decode(body)?),
            Kind::SkuPut => self.sku(merchant, &decode(body)?),
            Kind::StockMoved => {
                observer.moved();
                self.stock(merchant, &decode(body)?)
            }
            Kind::OrderAccepted => {
                let (asked, accepted) = decode_accepted(body)?;
                self.accepted(merchant, &asked, &accepted, observer);
                Ok(())
            }
            Kind::OrderRefused => {
                let (asked, refused) = decode_refused(body)?;
                self.refused(merchant, &asked, &refused, observer);
                Ok(())
            }
            Kind::OrderCancelled => {
                let cancelled: OrderCancelledV1<'_> = decode(body)?;
                self.cancelled(merchant, &cancelled);
                observer.changed(Lsn(cancelled.order), header.kind, &cancelled.after);
                Ok(())
            }
            Kind::OrderShipped => {
                let shipped: OrderShippedV1<'_> = decode(body)?;
                self.shipped(merchant, &shipped);
                observer.changed(Lsn(shipped.order), header.kind, &shipped.after);
                Ok(())
            }
            Kind::BacklogFilled => {
                self.filled(merchant, &decode(body)?);
                Ok(())
            }
            Kind::CommandRefused => Ok(()),
        }
    }

    fn check_header(&mut self, header: &Header) {
        let Header { kind, merchant, at, actor, .. } = *header;
        if merchant == 0 || kind == Kind::MerchantCreated {
            return;
        }
        let is_known = self.ledgers.contains_key(&merchant);
        self.check(Invariant::J4, is_known, || format!("merchant {merchant} was never created"));
        let owner = self.keys.get(&actor).copied();
        self.check(Invariant::J4, actor == 0 || owner == Some(merchant), || {
            format!("key {actor} is not a live key of merchant {merchant}")
        });
        let (lsn, ledger) = (self.lsn, self.ledgers.entry(merchant).or_default());
        let before = ledger.at;
        ledger.at = before.max(at);
        let earlier = header.idempotency.and_then(|key| ledger.keys.insert(key, lsn));
        let is_stamped_by_shard = !matches!(kind, Kind::KeyCreated | Kind::KeyRevoked);
        self.check(Invariant::J4, at >= before || !is_stamped_by_shard, || {
            format!("time {at} runs back from {before}")
        });
        if header.idempotency.is_some() {
            self.check(Invariant::I8, earlier.is_none(), || {
                format!("its idempotency key was decided by record {}", earlier.unwrap_or(0))
            });
        }
    }

    fn ledger(&mut self, merchant: u32) -> &mut Ledger {
        self.ledgers.entry(merchant).or_default()
    }

    fn location(&mut self, merchant: u32, put: &LocationPutV1<'_>) -> Result<(), DecodeError> {
        let count = self.ledger(merchant).locations.len();
        self.numbered("location", put.is_new, usize::from(put.location), count);
        if put.is_new {
            self.named(merchant, 0, put.code);
            self.ledger(merchant).locations.push(put.code.to_owned());
        }
        Ok(())
    }

    fn channel(&mut self, merchant: u32, put: &ChannelPutV1<'_>) -> Result<(), DecodeError> {
        let ledger = self.ledger(merchant);
        let (count, locations) = (ledger.channels.len(), ledger.locations.len());
        self.numbered("channel", put.is_new, usize::from(put.channel), count);
        let all_known = put.locations.iter().all(|location| usize::from(*location) < locations);
        self.check(Invariant::J4, all_known, || "a location of the channel was never created".into());
        let channel = Channel { code: put.code.to_owned(), locations: put.locations.clone() };
        if put.is_new {
            self.named(merchant, 1, put.code);
            self.ledger(merchant).channels.push(channel);
        } else if let Some(row) = self.ledger(merchant).channels.get_mut(usize::from(put.channel)) {
            *row = channel;
        }
        Ok(())
    }

    fn sku(&mut self, merchant: u32, put: &SkuPutV1<'_>) -> Result<(), DecodeError> {
        let count = self.ledger(merchant).skus.len();
        self.numbered("sku", put.is_new, put.sku as usize, count);
        if put.is_new {
            self.named(merchant, 2, put.code);
            self.ledger(merchant).skus.push(put.code.to_owned());
        }
        Ok(())
    }

    fn numbered(&mut self, what: &str, is_new: bool, number: usize, count: usize) {
        let is_right = if is_new { number == count } else { number < count };
        self.check(Invariant::J4, is_right, || {
            format!("{what} {number} of {count} is not new or known as it says")
        });
    }

    fn named(&mut self, merchant: u32, kind: u8, code: &str) {
        let is_new = self.ledger(merchant).codes.insert((kind, code.to_owned()));
        self.check(Invariant::J4, is_new, || format!("the code {code} was given before"));
    }

    fn stock(&mut self, merchant: u32, moved: &StockMovedV1<'_>) -> Result<(), DecodeError> {
        let ledger = self.ledger(merchant);
        let is_known =
            (moved.sku as usize) < ledger.skus.len() && usize::from(moved.location) < ledger.locations.len();
        self.check(Invariant::J4, is_known, || "its sku or location was never created".into());
        self.check(Invariant::I6, REASONS.contains(&moved.reason), || {
            format!("reason {:?} is none", moved.reason)
        });
        for short in &moved.shorts {
            let (location, quantity) = (moved.location, i64::from(short.quantity));
            let line = self.line(merchant, short.order, short.demand);
            let was_there = line.is_some_and(|line| {
                line.short += quantity;
                line.sku == moved.sku && line.end_claim(location, quantity)
            });
            self.check(Invariant::I5, was_there, || {
                format!("order {} has no such claim to lose", short.order)
            });
            self.place(merchant, moved.sku, location).claimed -= quantity;
        }
        let place = self.place(merchant, moved.sku, moved.location);
        let before = place.on_hand();
        if let Some(state) = moved.from {
            *place.state(state) -= i64::from(moved.quantity);
        }
        if let Some(state) = moved.to {
            *place.state(state) += i64::from(moved.quantity);
        }
        let place = *place;
        if moved.from.is_some() && moved.to.is_some() {
            self.check(Invariant::I7, place.on_hand() == before, || {
                format!("{before} units became {}", place.on_hand())
            });
        }
        self.check(Invariant::I3, place.equals(&moved.after), || {
            format!("it states {:?}, the books have {place:?}", moved.after)
        });
        self.check_place(merchant, moved.sku, moved.location);
        Ok(())
    }

    fn accepted(
        &mut self,
        merchant: u32,
        asked: &OrderAskedV1<'_>,
        accepted: &OrderAcceptedV1,
        observer: &mut dyn Observer,
    ) {
        self.totals.orders_accepted += 1;
        let lsn = self.lsn;
        let ledger = self.ledger(merchant);
        let channel = ledger.channels.get(usize::from(asked.channel)).cloned().unwrap_or_default();
        let skus = ledger.skus.len();
        let is_first = ledger.external_ids.insert((asked.channel, asked.external_id.to_owned()));
        let mut lines: Vec<Line> = asked
            .lines
            .iter()
            .map(|line| Line {
                sku: line.sku,
                ordered: line.quantity.into(),
                backordered: line.quantity.into(),
                ..Line::default()
            })
            .collect();
        self.check(Invariant::I8, is_first, || {
            format!("external id {} was accepted before", asked.external_id)
        });
        let all_known = asked.lines.iter().all(|line| (line.sku as usize) < skus) && !channel.code.is_empty();
        self.check(Invariant::J4, all_known, || "its channel or a sku was never created".into());
        for claim in &accepted.claims {
            let quantity = i64::from(claim.quantity);
            let serves = channel.locations.contains(&claim.location);
            self.check(Invariant::I5, serves, || {
                format!("location {} does not serve the channel", claim.location)
            });
            let Some(line) = lines.get_mut(usize::from(claim.demand)) else {
                self.check(Invariant::I5, false, || {
                    format!("a claim for demand {}, which is none", claim.demand)
                });
                continue;
            };
            line.backordered -= quantity;
            *line.claims.entry(claim.location).or_default() += quantity;
            let sku = line.sku;
            self.totals.units_claimed += u64::from(claim.quantity);
            self.place(merchant, sku, claim.location).claimed += quantity;
            self.check_place(merchant, sku, claim.location);
        }
        let is_covered = lines.iter().all(|line| line.backordered == 0);
        self.check(Invariant::I4, is_covered || accepted.policy == PolicyV1::Backorder, || {
            "accepted in full under the policy reject, but not covered in full".into()
        });
        let is_within = lines.iter().all(|line| line.backordered >= 0);
        self.check(Invariant::I4, is_within, || "more is claimed for a line than was ordered".into());
        self.ledger(merchant).orders.insert(lsn, Order { channel: asked.channel, lines });
        observer.accepted(&AcceptedFact {
            merchant,
            channel: &channel.code,
            order: Lsn(lsn),
            asked,
            accepted,
        });
    }

    /// A refusal must be one: for each line it names, less was unclaimed than it asked.
    fn refused(
        &mut self,
        merchant: u32,
        asked: &OrderAskedV1<'_>,
        refused: &OrderRefusedV1,
        observer: &mut dyn Observer,
    ) {
        self.totals.orders_refused += 1;
        let channel =
            self.ledger(merchant).channels.get(usize::from(asked.channel)).cloned().unwrap_or_default();
        self.check(Invariant::I8, !refused.shortfalls.is_empty(), || "refused without a shortfall".into());
        for shortfall in &refused.shortfalls {
            let line = asked.lines.get(usize::from(shortfall.line));
            let sku = line.map_or(u32::MAX, |line| line.sku);
            let unclaimed: i64 = channel
                .locations
                .iter()
                .map(|location| *self.place(merchant, sku, *location))
                .map(|place| place.sellable - place.claimed)
                .sum();
            let is_plausible = line.is_some_and(|line| line.quantity == shortfall.requested)
                && shortfall.available < shortfall.requested
                && i64::from(shortfall.available) <= unclaimed;
            self.check(Invariant::I3, is_plausible, || {
                format!("{shortfall:?} is stated, {unclaimed} units are unclaimed")
            });
        }
        observer.refused(merchant, &channel.code, asked);
    }

    fn cancelled(&mut self, merchant: u32, cancelled: &OrderCancelledV1<'_>) {
        let mut by_line: HashMap<u16, i64> = HashMap::new();
        for part in &cancelled.released {
            let quantity = i64::from(part.quantity);
            *by_line.entry(part.demand).or_default() += quantity;
            let line = self.line(merchant, cancelled.order, part.demand);
            let sku = line.as_ref().map(|line| line.sku);
            let was_there = line.is_some_and(|line| line.let_go(part.source, quantity));
            self.check(Invariant::I5, was_there, || format!("order {} has no {part:?}", cancelled.order));
            if let (Some(sku), onhand_record::order::SourceV1::Claimed(location)) = (sku, part.source) {
                self.place(merchant, sku, location).claimed -= quantity;
                self.check_place(merchant, sku, location);
            }
        }
        for (number, quantity) in &cancelled.lines {
            let quantity = i64::from(*quantity);
            self.totals.units_cancelled += u64::try_from(quantity).unwrap_or(0);
            if let Some(line) = self.line(merchant, cancelled.order, *number) {
                line.cancelled += quantity;
            }
            let released = by_line.get(number).copied().unwrap_or(0);
            self.check(Invariant::I4, released == quantity, || {
                format!("{quantity} units of line {number} cancelled, {released} let go")
            });
        }
        self.check_order(merchant, cancelled.order, &cancelled.after);
    }

    fn shipped(&mut self, merchant: u32, shipped: &OrderShippedV1<'_>) {
        for (demand, quantity) in &shipped.claims {
            let quantity = i64::from(*quantity);
            let line = self.line(merchant, shipped.order, *demand);
            let sku = line.as_ref().map(|line| line.sku);
            let was_there = line.is_some_and(|line| line.end_claim(shipped.location, quantity));
            self.check(Invariant::I5, was_there, || {
                format!("order {} has no such claim to ship", shipped.order)
            });
            if let Some(sku) = sku {
                let place = self.place(merchant, sku, shipped.location);
                place.claimed -= quantity;
                place.sellable -= quantity;
                self.check_place(merchant, sku, shipped.location);
            }
        }
        for (number, quantity) in &shipped.lines {
            self.totals.units_shipped += u64::from(*quantity);
            if let Some(line) = self.line(merchant, shipped.order, *number) {
                line.shipped += i64::from(*quantity);
            }
        }
        self.check_order(merchant, shipped.order, &shipped.after);
    }

    fn filled(&mut self, merchant: u32, filled: &BacklogFilledV1) {
        for fill in &filled.fills {
            let (waiting, quantity) = (fill.waiting, i64::from(fill.quantity));
            self.totals.units_claimed += u64::from(fill.quantity);
            let channel = self.ledger(merchant).orders.get(&waiting.order).map(|order| order.channel);
            let channel =
                channel.and_then(|channel| self.ledger(merchant).channels.get(usize::from(channel)).cloned());
            let serves = channel.is_some_and(|channel| channel.locations.contains(&fill.location));
            self.check(Invariant::I5, serves, || {
                format!("location {} does not serve the channel", fill.location)
            });
            let line = self.line(merchant, waiting.order, waiting.demand);
            let was_waiting = line.is_some_and(|line| {
                *line.claims.entry(fill.location).or_default() += quantity;
                let waits = if waiting.is_short { &mut line.short } else { &mut line.backordered };
                *waits -= quantity;
                *waits >= 0 && line.sku == filled.sku
            });
            self.check(Invariant::I5, was_waiting, || {
                format!("order {} did not wait for this", waiting.order)
            });
            self.place(merchant, filled.sku, fill.location).claimed += quantity;
            self.check_place(merchant, filled.sku, fill.location);
        }
    }

    fn line(&mut self, merchant: u32, order: u64, line: u16) -> Option<&mut Line> {
        self.ledger(merchant).orders.get_mut(&order)?.lines.get_mut(usize::from(line))
    }

    fn place(&mut self, merchant: u32, sku: u32, location: u16) -> &mut Place {
        self.ledger(merchant).places.entry((sku, location)).or_default()
    }

    fn check_place(&mut self, merchant: u32, sku: u32, location: u16) {
        let place = *self.place(merchant, sku, location);
        self.check(Invariant::I1, !place.is_negative(), || {
            format!("{place:?} for sku {sku} at location {location}")
        });
        let Place { claimed, sellable, .. } = place;
        self.check(Invariant::I2, claimed <= sellable, || {
            format!("{claimed} units claimed, {sellable} sellable, sku {sku} at location {location}")
        });
        let (committed, sellable) =
            (u64::try_from(claimed).unwrap_or(0), u64::try_from(sellable).unwrap_or(0));
        let is_tighter = match &self.tightest {
            None => committed > 0,
            Some(so_far) => {
                u128::from(committed) * u128::from(so_far.sellable)
                    > u128::from(so_far.committed) * u128::from(sellable)
            }
        };
        if is_tighter {
            self.tightest =
                Some(Tightest { committed, sellable, merchant, sku, location, lsn: Lsn(self.lsn) });
        }
    }

    /// After a change: the lines add up, and the stated picture is the one in the books.
    fn check_order(&mut self, merchant: u32, id: u64, stated: &[LinePictureV1]) {
        let Some(order) = self.ledger(merchant).orders.get(&id).cloned() else {
            return self.check(Invariant::I5, false, || format!("order {id} is not open"));
        };
        for (number, line) in order.lines.iter().enumerate() {
            let (open, covered) = (line.open(), line.covered());
            self.check(Invariant::I4, open >= 0 && open == covered, || {
                format!("order {id} line {number}: {open} open, {covered} claimed or waiting")
            });
        }
        let is_same = order.lines.len() == stated.len()
            && order.lines.iter().zip(stated).all(|(line, it)| line.equals(it));
        self.check(Invariant::I3, is_same, || {
            format!("the picture of order {id} is not what the books have")
        });
        if order.lines.iter().all(|line| line.open() == 0) {
            self.ledger(merchant).orders.remove(&id);
        }
    }

    fn check(&mut self, invariant: Invariant, holds: bool, how: impl FnOnce() -> String) {
        let lsn = Lsn(self.lsn);
        let fresh = || Outcome { invariant, checks: 0, failures: 0, first_failure: None };
        let outcome = self.outcomes.entry(invariant).or_insert_with(fresh);
        outcome.checks += 1;
        if !holds {
            outcome.failures += 1;
            outcome.first_failure.get_or_insert_with(|| (lsn, how()));
        }
    }

    fn digest(&self) -> u64 {
        let digests = self.ledgers.iter().map(|(merchant, ledger)| ledger.digest(*merchant));
        digests.fold(0, u64::wrapping_add)
    }

    /// The report.
    pub(crate) fn close(mut self, last: Lsn, torn: Option<String>) -> AuditReport {
        for ledger in self.ledgers.values() {
            self.totals.orders_open += ledger.orders.len() as u64;
            for line in ledger.orders.values().flat_map(|order| &order.lines) {
                self.totals.units_backordered += u64::try_from(line.backordered).unwrap_or(0);
                self.totals.units_short += u64::try_from(line.short).unwrap_or(0);
            }
        }
        let digest = self.digest();
        let outcomes = INVARIANTS.iter().map(|(invariant, _)| {
            let fresh = Outcome { invariant: *invariant, checks: 0, failures: 0, first_failure: None };
            self.outcomes.get(invariant).cloned().unwrap_or(fresh)
        });
        let outcomes = outcomes.collect();
        AuditReport { outcomes, tightest: self.tightest, totals: self.totals, digest, last, torn }
    }
}

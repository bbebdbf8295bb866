//! One merchant's ledger, opened to enter one of its records. What a kind of record means stands in a file of
//! its own; here is what several of them need.

mod agreed;
mod backlog;
mod course;
mod grants;
mod header;
mod holds;
mod kits;
mod limits;
mod placed;
mod repeat;
mod routing;
mod rules;
mod stock;

use crate::findings::Findings;
use crate::ledger::{Channel, Ledger, Place};
use crate::observer::{AcceptedFact, Observer};
use crate::order::Order;
use crate::pools::Claimed;
use crate::report::{Invariant, Tightest, Totals};
use onhand_record::admin::CommandRefusedV1;
use onhand_record::header::VERSION_ROUTED;
use onhand_record::kit::{decode_cancelled_all, decode_shipped};
use onhand_record::order::{AcceptedAll, decode_accepted_all, decode_refused_whole};
use onhand_record::rules::{PolicyV1, decode_channel, decode_location, decode_sku};
use onhand_record::{DecodeError, Header, Kind, decode};
use onhand_snapshots::Lsn;
use std::rc::Rc;

pub use header::KEY_WINDOW_MS;
use placed::within_of;

/// The status of every refusal that is logged: a conflict with the state.
const CONFLICT: u16 = 409;

/// See the module.
pub(crate) struct Page<'a> {
    pub(crate) merchant: u32,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) findings: &'a mut Findings,
    pub(crate) totals: &'a mut Totals,
}

impl Page<'_> {
    /// The body of a record, by its kind; those that are no merchant's say nothing here.
    pub(crate) fn body(
        &mut self,
        header: &Header,
        body: &[u8],
        observer: &mut dyn Observer,
    ) -> Result<(), DecodeError> {
        let Header { kind, version, fingerprint, .. } = *header;
        match kind {
            Kind::LocationPut => {
                let (put, terms) = decode_location(version, body)?;
                self.location(&put, terms);
            }
            Kind::ChannelPut => {
                let (put, terms, routing) = decode_channel(version, body)?;
                self.check_known(version, put.policy);
                self.channel(&put, terms, routing);
            }
            Kind::SkuPut => {
                let (put, terms, kit, limits) = decode_sku(version, body)?;
                self.sku(&put, terms, kit, limits);
            }
            Kind::RoutingProfilePut => self.profile(&decode(body)?),
            Kind::StockMoved => {
                observer.moved();
                self.stock(&decode(body)?);
            }
            Kind::OrderAccepted => {
                self.ledger.accepted.insert(self.findings.lsn.0, fingerprint);
                self.accepted_body(version, body, observer)?;
            }
            Kind::OrderRefused => self.refused_body(version, body, observer)?,
            Kind::OrderCancelled => {
                let (cancelled, kits, lapsed) = decode_cancelled_all(version, body)?;
                let due = lapsed.map(|lapsed| (header.at, lapsed.cancel_after));
                self.cancelled(&cancelled, &kits, due);
                observer.changed(Lsn(cancelled.order), kind, &cancelled.after);
            }
            Kind::OrderShipped => {
                let (shipped, kits) = decode_shipped(version, body)?;
                self.shipped(header.at, &shipped, &kits);
                observer.changed(Lsn(shipped.order), kind, &shipped.after);
            }
            Kind::BacklogFilled => self.filled(&decode(body)?),
            Kind::CommandRefused => self.command_refused(&decode(body)?),
            Kind::HoldPlaced => self.hold_placed(header.actor, &decode(body)?),
            Kind::HoldExtended => self.hold_extended(decode(body)?),
            Kind::HoldsEnded => self.holds_ended(header.at, &decode(body)?),
            Kind::ExposurePut => self.exposure_put(decode(body)?),
            Kind::GrantSet => self.grant_set(decode(body)?),
            Kind::GrantAcknowledged => self.grant_acknowledged(decode(body)?),
            Kind::FeedPassed => self.feed_passed(decode(body)?),
            Kind::GrantsFreed => self.grants_freed(&decode(body)?),
            Kind::RepeatAnswered => self.repeat_answered(fingerprint, decode(body)?),
            Kind::LogOpened
            | Kind::LogClosed
            | Kind::MerchantCreated
            | Kind::KeyCreated
            | Kind::KeyRevoked => {}
        }
        Ok(())
    }

    /// A policy stands only where whoever wrote this version knew it.
    fn check_known(&mut self, version: u8, policy: PolicyV1) {
        let is_known = version >= VERSION_ROUTED || !policy.is_later();
        self.findings.check(Invariant::J4, is_known, || {
            format!("version {version} has {policy:?}, which a release that wrote it could not know")
        });
    }

    fn accepted_body(
        &mut self,
        version: u8,
        body: &[u8],
        observer: &mut dyn Observer,
    ) -> Result<(), DecodeError> {
        let AcceptedAll { asked, accepted, details, kits, agreed } = decode_accepted_all(version, body)?;
        let Some(channel) = self.channel_of(asked.channel) else { return Ok(()) };
        self.check_known(version, accepted.policy);
        let is_promised = details.hold.is_some() || self.is_granted(&asked);
        self.routed(&channel, details.routed.as_ref(), is_promised, Some(&accepted.claims));
        self.check_kit_lines(&asked, &kits);
        let is_imposed = accepted.policy == PolicyV1::Imposed;
        let ships_complete = accepted.policy == PolicyV1::ShipComplete;
        self.check_agreed(ships_complete, &agreed);
        let within = within_of(&details);
        let order = Order { within, is_imposed, ships_complete, agreed, ..Order::of(&asked, &kits) };
        self.accepted(&channel, &asked, &accepted, (details.hold, order));
        let (merchant, order, code) = (self.merchant, self.findings.lsn, &channel.code);
        let fact = AcceptedFact { merchant, channel: code, order, asked: &asked, accepted: &accepted };
        observer.accepted(&fact);
        Ok(())
    }

    fn refused_body(
        &mut self,
        version: u8,
        body: &[u8],
        observer: &mut dyn Observer,
    ) -> Result<(), DecodeError> {
        let (asked, refused, details) = decode_refused_whole(version, body)?;
        let Some(channel) = self.channel_of(asked.channel) else { return Ok(()) };
        let is_promised = details.hold.is_some() || self.is_granted(&asked);
        self.routed(&channel, details.routed.as_ref(), is_promised, None);
        self.refused(&channel, &asked, &refused, details.hold);
        observer.refused(self.merchant, &channel.code, &asked);
        Ok(())
    }

    fn command_refused(&mut self, refused: &CommandRefusedV1<'_>) {
        self.findings.check(Invariant::I8, refused.status == CONFLICT, || {
            format!("status {} is logged, only {CONFLICT} is remembered", refused.status)
        });
    }

    /// The channel that an order names.
    fn channel_of(&mut self, channel: u16) -> Option<Rc<Channel>> {
        let found = self.ledger.channels.get(usize::from(channel)).cloned();
        self.findings
            .check(Invariant::J4, found.is_some(), || format!("channel {channel} was never created"));
        found
    }

    /// What happened to units that an open order had claimed, for the pool of its channel.
    fn pooled(&mut self, sku: u32, order: u64, quantity: i64, what: Claimed) {
        if let Some(channel) = self.ledger.orders.get(&order).map(|order| order.channel) {
            self.ledger.pool(sku, channel, order, quantity, what);
        }
    }

    /// Nothing but a loss leaves what is held, or granted in escrow, with fewer units than it had.
    fn check_backed_as(&mut self, sku: u32, before: Option<i64>) {
        if let Some((before, now)) = before.zip(self.ledger.lacking(sku)) {
            self.findings.check(Invariant::I9, now <= before, || {
                format!("{now} units of sku {sku} that are held or granted lie nowhere, {before} before")
            });
        }
    }

    /// Adds to the claims on a place; takes from them if `quantity` is negative.
    fn claim(&mut self, sku: u32, location: u16, quantity: i64) {
        self.ledger.place_mut(sku, location).claimed += quantity;
        self.check_place(sku, location);
    }

    fn check_place(&mut self, sku: u32, location: u16) {
        let place = self.ledger.place(sku, location);
        self.findings.check(Invariant::I1, !place.is_negative(), || {
            format!("{place:?} for sku {sku} at location {location}")
        });
        let Place { claimed, sellable, .. } = place;
        self.findings.check(Invariant::I2, claimed <= sellable, || {
            format!("{claimed} units claimed, {sellable} sellable, sku {sku} at location {location}")
        });
        let committed = u64::try_from(claimed).unwrap_or(0);
        let sellable = u64::try_from(sellable).unwrap_or(0);
        let (merchant, lsn) = (self.merchant, self.findings.lsn);
        self.findings.compare(Tightest { committed, sellable, merchant, sku, location, lsn });
    }
}

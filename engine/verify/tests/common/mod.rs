//! A log written record by record, and its audit.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test uses a part of it")]

pub mod pairs;

use onhand_record::admin::{KeyCreatedV1, KeyRevokedV1, LogClosedV1, LogOpenedV1, MerchantCreatedV1};
use onhand_record::header::VERSION_EXTENDED;
use onhand_record::order::{
    BacklogFilledV1, ClaimV1, FilledV1, LineAskedV1, OrderAcceptedV1, OrderAskedV1, OrderCancelledV1,
    OrderRefusedV1, OrderShippedV1, RepeatAnsweredV1, ShortfallV1, WaitingV1,
};
use onhand_record::rules::{ChannelPutV1, LocationPutV1, PolicyV1, SkuPutV1, SkuTermsV1, encode_both};
use onhand_record::stock::{LevelV1, MovementV1, ShortedV1, StateV1, StockMovedV1};
use onhand_record::{Header, Kind, VERSION, encode_into};
use onhand_snapshots::Lsn;
use onhand_snapshots::log::{Log, LogOptions, SEGMENT_BYTES_MIN};
use onhand_snapshots::storage::SimStorage;
use onhand_verify::{AuditError, AuditReport, Ignore, Invariant, audit_storage};
use std::sync::Arc;

/// Writes records; each gets the merchant, time and actor that stand here at that moment.
#[derive(Clone)]
pub struct Writer {
    pub records: Vec<Vec<u8>>,
    pub merchant: u32,
    pub at: u64,
    pub actor: u32,
    pub fingerprint: Option<u8>,
}

impl Writer {
    /// A log with its first record.
    pub fn new() -> Self {
        let mut log = Self { records: Vec::new(), merchant: 0, at: 1, actor: 0, fingerprint: Some(1) };
        log.open(1);
        log
    }

    /// Opens the log under an identity.
    pub fn open(&mut self, cluster: u8) {
        let opened = LogOpenedV1 { cluster: [cluster; 16], epoch: 1, feature_level: 1 };
        self.add(Kind::LogOpened, None, &|out| encode_into(&opened, out).unwrap());
    }

    /// A merchant with two locations, a channel for each, and a mug: records 1 to 7. The channel `web` (0) is
    /// served by `main` (0), the channel `pos` (1) by `shop` (1), then by `main`.
    pub fn shop() -> Self {
        let mut log = Self::new();
        log.create_merchant(1, "acme");
        log.put_location(0, "main");
        log.put_location(1, "shop");
        log.put_channel(0, "web", &[0]);
        log.put_channel(1, "pos", &[1, 0]);
        log.put_sku(0, true, "MUG", 0);
        log
    }

    /// The last record.
    pub fn last(&self) -> u64 {
        self.records.len() as u64
    }

    pub fn add(&mut self, kind: Kind, key: Option<u8>, body: &dyn Fn(&mut Vec<u8>)) {
        self.add_version(kind, VERSION, key, body);
    }

    pub fn add_version(&mut self, kind: Kind, version: u8, key: Option<u8>, body: &dyn Fn(&mut Vec<u8>)) {
        let Self { merchant, at, actor, .. } = *self;
        let idempotency = key.map(|key| [key; 16]);
        let fingerprint = self.fingerprint.map(|fingerprint| [fingerprint; 16]);
        let header =
            Header { kind, version, merchant, at, actor, request: [0; 16], idempotency, fingerprint };
        let mut record = Vec::new();
        header.encode_into(&mut record);
        body(&mut record);
        self.records.push(record);
    }

    /// Goes on as this merchant.
    pub fn create_merchant(&mut self, merchant: u32, name: &str) {
        self.merchant = merchant;
        self.add(Kind::MerchantCreated, None, &|out| encode_into(&MerchantCreatedV1 { name }, out).unwrap());
    }

    pub fn create_key(&mut self, key: u32) {
        let created = KeyCreatedV1 { key, secret_hash: [0; 32], scopes: 1 };
        self.add(Kind::KeyCreated, None, &|out| encode_into(&created, out).unwrap());
    }

    pub fn revoke_key(&mut self, key: u32) {
        self.add(Kind::KeyRevoked, None, &|out| encode_into(&KeyRevokedV1 { key }, out).unwrap());
    }

    pub fn put_location(&mut self, location: u16, code: &str) {
        let (is_new, kind, country, region, postal_code) = (true, "shop", "GB", None, None);
        let put = LocationPutV1 { location, is_new, code, kind, country, region, postal_code, priority: 1 };
        self.add(Kind::LocationPut, None, &|out| encode_into(&put, out).unwrap());
    }

    pub fn put_channel(&mut self, channel: u16, code: &str, locations: &[u16]) {
        let (is_new, kind, policy) = (true, "api", PolicyV1::Reject);
        let put = ChannelPutV1 { channel, is_new, code, kind, locations: locations.to_vec(), policy };
        self.add(Kind::ChannelPut, None, &|out| encode_into(&put, out).unwrap());
    }

    pub fn put_sku(&mut self, sku: u32, is_new: bool, code: &str, decimals: u8) {
        let (title, unit, gtin, tags) = (None, None, None, Vec::new());
        let put = SkuPutV1 { sku, is_new, code, title, unit, decimals, gtin, tags };
        self.add(Kind::SkuPut, None, &|out| encode_into(&put, out).unwrap());
    }

    /// Puts terms of the mug.
    pub fn put_terms(&mut self, terms: &SkuTermsV1) {
        let (title, unit, gtin, tags) = (None, None, None, Vec::new());
        let put = SkuPutV1 { sku: 0, is_new: false, code: "MUG", title, unit, decimals: 0, gtin, tags };
        let version = if *terms == SkuTermsV1::default() { VERSION } else { VERSION_EXTENDED };
        self.add_version(Kind::SkuPut, version, None, &|out| encode_both(&put, terms, out).unwrap());
    }

    pub fn stock(&mut self, moved: &StockMovedV1<'_>) {
        self.add(Kind::StockMoved, None, &|out| encode_into(moved, out).unwrap());
    }

    pub fn receive(&mut self, quantity: u32, after: LevelV1) {
        self.stock(&received(quantity, after));
    }

    pub fn accept(&mut self, key: Option<u8>, asked: &OrderAskedV1<'_>, claims: &[(u16, u32)]) -> u64 {
        let policy = asked.policy.unwrap_or(PolicyV1::Reject);
        let claim = |(location, quantity): &(u16, u32)| ClaimV1 {
            demand: 0,
            location: *location,
            quantity: *quantity,
        };
        let accepted = OrderAcceptedV1 { policy, claims: claims.iter().map(claim).collect() };
        self.accept_as(key, asked, &accepted);
        self.last()
    }

    pub fn accept_as(&mut self, key: Option<u8>, asked: &OrderAskedV1<'_>, accepted: &OrderAcceptedV1) {
        self.add(Kind::OrderAccepted, key, &|out| {
            encode_into(asked, out).unwrap();
            encode_into(accepted, out).unwrap();
        });
    }

    /// Refuses an order of one line.
    pub fn refuse(&mut self, key: Option<u8>, asked: &OrderAskedV1<'_>, available: u32) {
        let requested = asked.lines[0].quantity;
        let refused = OrderRefusedV1 { shortfalls: vec![ShortfallV1 { line: 0, requested, available }] };
        self.refuse_as(key, asked, &refused);
    }

    pub fn refuse_as(&mut self, key: Option<u8>, asked: &OrderAskedV1<'_>, refused: &OrderRefusedV1) {
        self.add(Kind::OrderRefused, key, &|out| {
            encode_into(asked, out).unwrap();
            encode_into(refused, out).unwrap();
        });
    }

    pub fn cancel(&mut self, cancelled: &OrderCancelledV1<'_>) {
        self.add(Kind::OrderCancelled, None, &|out| encode_into(cancelled, out).unwrap());
    }

    pub fn ship(&mut self, shipped: &OrderShippedV1<'_>) {
        self.add(Kind::OrderShipped, None, &|out| encode_into(shipped, out).unwrap());
    }

    /// An order came again under another key: with what it asked, or with something else.
    pub fn repeat(&mut self, key: Option<u8>, order: u64, fingerprint: u8, conflicts: bool) {
        let before = self.fingerprint.replace(fingerprint);
        let answered = RepeatAnsweredV1 { order, conflicts };
        self.add(Kind::RepeatAnswered, key, &|out| encode_into(&answered, out).unwrap());
        self.fingerprint = before;
    }

    pub fn fill(&mut self, fills: &[FilledV1], next: Option<WaitingV1>) {
        let filled = BacklogFilledV1 { sku: 0, fills: fills.to_vec(), next };
        self.add(Kind::BacklogFilled, None, &|out| encode_into(&filled, out).unwrap());
    }

    pub fn close(&mut self, digest: u64) {
        let merchant = std::mem::take(&mut self.merchant);
        self.add(Kind::LogClosed, None, &|out| encode_into(&LogClosedV1 { digest }, out).unwrap());
        self.merchant = merchant;
    }

    /// The log must hold.
    pub fn holds(&self, what: &str) -> AuditReport {
        let report = audited(&self.records);
        assert!(report.holds(), "{what}\n{report}");
        report
    }

    /// The last record must break this invariant, and be the first to do so.
    pub fn breaks(&self, what: &str, invariant: Invariant) {
        finds(what, &self.records, invariant, self.last());
    }

    /// The same log with more records.
    pub fn and<T>(&self, more: impl FnOnce(&mut Self) -> T) -> Self {
        let mut log = self.clone();
        more(&mut log);
        log
    }
}

pub fn level(sellable: u32, damaged: u32, committed: u32) -> LevelV1 {
    LevelV1 { sellable, damaged, quality_control: 0, committed }
}

/// Mugs received at `main`.
pub fn received(quantity: u32, after: LevelV1) -> StockMovedV1<'static> {
    StockMovedV1 {
        movement: MovementV1::Receive,
        sku: 0,
        location: 0,
        from: None,
        to: Some(StateV1::Sellable),
        quantity,
        decimals: 0,
        reason: "received",
        reference: None,
        shorts: Vec::new(),
        after,
    }
}

/// Mugs gone from `main`, with the claims that this took: order and quantity.
pub fn lost(quantity: u32, shorts: &[(u64, u32)], after: LevelV1) -> StockMovedV1<'static> {
    let short = |(order, quantity): &(u64, u32)| ShortedV1 { order: *order, demand: 0, quantity: *quantity };
    StockMovedV1 {
        movement: MovementV1::Adjust,
        from: Some(StateV1::Sellable),
        to: None,
        reason: "shrinkage",
        shorts: shorts.iter().map(short).collect(),
        ..received(quantity, after)
    }
}

/// Mugs at `main` that broke.
pub fn broken(quantity: u32, after: LevelV1) -> StockMovedV1<'static> {
    let (from, to) = (Some(StateV1::Sellable), Some(StateV1::Damaged));
    StockMovedV1 { movement: MovementV1::Move, from, to, reason: "damaged", ..received(quantity, after) }
}

/// So many mugs, all or nothing.
pub fn asked(external_id: &str, quantity: u32) -> OrderAskedV1<'_> {
    let line = LineAskedV1 { id: "a", sku: 0, decimals: 0, quantity, unit_price: None };
    OrderAskedV1 {
        external_id,
        channel: 0,
        policy: None,
        placed_at: None,
        currency: None,
        ship_to: None,
        customer: None,
        lines: vec![line],
    }
}

/// So many mugs, now or later.
pub fn patient(external_id: &str, quantity: u32) -> OrderAskedV1<'_> {
    OrderAskedV1 { policy: Some(PolicyV1::Backorder), ..asked(external_id, quantity) }
}

pub fn backorder(order: u64) -> WaitingV1 {
    WaitingV1 { is_short: false, order, demand: 0 }
}

pub fn short(order: u64) -> WaitingV1 {
    WaitingV1 { is_short: true, order, demand: 0 }
}

/// Units at `main` for who waits.
pub fn filled(waiting: WaitingV1, quantity: u32) -> FilledV1 {
    FilledV1 { waiting, location: 0, quantity }
}

pub fn audited(records: &[Vec<u8>]) -> AuditReport {
    audit_log(records).unwrap()
}

/// What the audit says of a log of these records.
pub fn audit_log(records: &[Vec<u8>]) -> Result<AuditReport, AuditError> {
    let storage = SimStorage::default();
    let options = LogOptions { cluster: [1; 16], segment_bytes: SEGMENT_BYTES_MIN };
    let mut opened = Log::open(Arc::new(storage.clone()), options, Lsn(1), &mut |_, _| Ok(())).unwrap();
    for record in records {
        opened.appender.append(&[record]).unwrap();
    }
    opened.writer.step().unwrap();
    audit_storage(&storage, "sim", &mut Ignore)
}

/// The audit must find this invariant broken first by this record.
pub fn finds(what: &str, records: &[Vec<u8>], invariant: Invariant, lsn: u64) {
    let report = audited(records);
    let outcome = report.outcomes.iter().find(|outcome| outcome.invariant == invariant).unwrap();
    let found = outcome.first_failure.as_ref().map(|(lsn, _)| lsn.0);
    assert_eq!(found, Some(lsn), "{what}\n{report}");
    assert!(!report.holds());
}

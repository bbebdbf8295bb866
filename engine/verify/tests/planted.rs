//! A small log that is right, and the same log with one thing wrong each time: the audit must name it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use onhand_record::admin::{LogClosedV1, LogOpenedV1, MerchantCreatedV1};
use onhand_record::order::{
    ClaimV1, LineAskedV1, LinePictureV1, OrderAcceptedV1, OrderAskedV1, OrderCancelledV1, OrderRefusedV1,
    OrderShippedV1, ReleasedV1, ShortfallV1, SourceV1,
};
use onhand_record::rules::{ChannelPutV1, LocationPutV1, PolicyV1, SkuPutV1};
use onhand_record::stock::{LevelV1, MovementV1, StateV1, StockMovedV1};
use onhand_record::{Header, Kind, encode_into};
use onhand_snapshots::Lsn;
use onhand_snapshots::log::{Log, LogOptions, SEGMENT_BYTES_MIN};
use onhand_snapshots::storage::SimStorage;
use onhand_verify::{AuditReport, Ignore, Invariant, audit_storage};
use std::sync::Arc;

/// Everything that the small log says, to be bent.
#[derive(Clone)]
struct Story {
    received: u32,
    after_receive: u32,
    reason: &'static str,
    claimed: u32,
    claim_location: u16,
    policy: PolicyV1,
    second_external_id: &'static str,
    second_key: u8,
    shipped: u32,
    shipped_claim: u32,
    open_after: u32,
    released: u32,
    available: u32,
    second_at: u64,
    closing: Option<u64>,
    sku_number: u32,
}

const RIGHT: Story = Story {
    received: 10,
    after_receive: 10,
    reason: "received",
    claimed: 4,
    claim_location: 0,
    policy: PolicyV1::Reject,
    second_external_id: "2",
    second_key: 2,
    shipped: 3,
    shipped_claim: 3,
    open_after: 1,
    released: 1,
    available: 2,
    second_at: 1_000,
    closing: None,
    sku_number: 0,
};

struct Writer {
    records: Vec<Vec<u8>>,
}

impl Writer {
    fn add(&mut self, kind: Kind, merchant: u32, at: u64, key: Option<u8>, body: &dyn Fn(&mut Vec<u8>)) {
        let idempotency = key.map(|key| [key; 16]);
        let header =
            Header { kind, merchant, at, actor: 0, request: [0; 16], idempotency, fingerprint: idempotency };
        let mut record = Vec::new();
        header.encode_into(&mut record);
        body(&mut record);
        self.records.push(record);
    }
}

fn asked(external_id: &str, quantity: u32) -> OrderAskedV1<'_> {
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

fn picture(shipped: u32, cancelled: u32, open: u32) -> Vec<LinePictureV1> {
    let allocated = if open > 0 { vec![(0, open)] } else { Vec::new() };
    vec![LinePictureV1 { ordered: 4, cancelled, shipped, returned: 0, backordered: 0, short: 0, allocated }]
}

/// Receive 10; order 4; order 4 more; refuse 9; ship 3 of the first; cancel its last unit.
fn records(story: &Story) -> Vec<Vec<u8>> {
    let Story { received, claimed, shipped, open_after, .. } = *story;
    let mut log = Writer { records: Vec::new() };
    let opened = LogOpenedV1 { cluster: [1; 16], epoch: 1, feature_level: 1 };
    log.add(Kind::LogOpened, 0, 1, None, &|out| encode_into(&opened, out).unwrap());
    let merchant = MerchantCreatedV1 { name: "acme" };
    log.add(Kind::MerchantCreated, 1, 1, None, &|out| encode_into(&merchant, out).unwrap());
    let location = LocationPutV1 {
        location: 0,
        is_new: true,
        code: "main",
        kind: "shop",
        country: "GB",
        region: None,
        postal_code: None,
        priority: 1,
    };
    log.add(Kind::LocationPut, 1, 10, None, &|out| encode_into(&location, out).unwrap());
    let channel = ChannelPutV1 {
        channel: 0,
        is_new: true,
        code: "web",
        kind: "api",
        locations: vec![0],
        policy: PolicyV1::Reject,
    };
    log.add(Kind::ChannelPut, 1, 10, None, &|out| encode_into(&channel, out).unwrap());
    let (title, unit, gtin, tags) = (None, None, None, Vec::new());
    let sku =
        SkuPutV1 { sku: story.sku_number, is_new: true, code: "MUG", title, unit, decimals: 0, gtin, tags };
    log.add(Kind::SkuPut, 1, 10, None, &|out| encode_into(&sku, out).unwrap());
    let moved = StockMovedV1 {
        movement: MovementV1::Receive,
        sku: 0,
        location: 0,
        from: None,
        to: Some(StateV1::Sellable),
        quantity: received,
        decimals: 0,
        reason: story.reason,
        reference: None,
        shorts: Vec::new(),
        after: LevelV1 { sellable: story.after_receive, damaged: 0, quality_control: 0, committed: 0 },
    };
    log.add(Kind::StockMoved, 1, 100, None, &|out| encode_into(&moved, out).unwrap());
    let accepted = |claimed: u32| OrderAcceptedV1 {
        policy: story.policy,
        claims: vec![ClaimV1 { demand: 0, location: story.claim_location, quantity: claimed }],
    };
    for (external_id, key, at) in
        [("1", 1, 900), (story.second_external_id, story.second_key, story.second_at)]
    {
        let (asked, accepted) = (asked(external_id, 4), accepted(claimed));
        log.add(Kind::OrderAccepted, 1, at, Some(key), &|out| {
            encode_into(&asked, out).unwrap();
            encode_into(&accepted, out).unwrap();
        });
    }
    let shortfall = ShortfallV1 { line: 0, requested: 9, available: story.available };
    let (asked_refused, refused) = (asked("3", 9), OrderRefusedV1 { shortfalls: vec![shortfall] });
    log.add(Kind::OrderRefused, 1, 1_000, Some(3), &|out| {
        encode_into(&asked_refused, out).unwrap();
        encode_into(&refused, out).unwrap();
    });
    let ship = OrderShippedV1 {
        order: 7,
        location: 0,
        lines: vec![(0, shipped)],
        claims: vec![(0, story.shipped_claim)],
        tracking_number: None,
        after: picture(shipped, 0, open_after),
    };
    log.add(Kind::OrderShipped, 1, 1_000, None, &|out| encode_into(&ship, out).unwrap());
    let part = ReleasedV1 { demand: 0, source: SourceV1::Claimed(0), quantity: story.released };
    let cancel = OrderCancelledV1 {
        order: 7,
        lines: vec![(0, 1)],
        released: vec![part],
        reason: None,
        after: picture(shipped, 1, 0),
    };
    log.add(Kind::OrderCancelled, 1, 1_000, None, &|out| encode_into(&cancel, out).unwrap());
    if let Some(digest) = story.closing {
        log.add(Kind::LogClosed, 0, 1_000, None, &|out| encode_into(&LogClosedV1 { digest }, out).unwrap());
    }
    log.records
}

fn audited(records: &[Vec<u8>]) -> AuditReport {
    let storage = SimStorage::default();
    let options = LogOptions { cluster: [1; 16], segment_bytes: SEGMENT_BYTES_MIN };
    let mut opened = Log::open(Arc::new(storage.clone()), options, Lsn(1), &mut |_, _| Ok(())).unwrap();
    for record in records {
        opened.appender.append(&[record]).unwrap();
    }
    opened.writer.step().unwrap();
    audit_storage(&storage, "sim", &mut Ignore).unwrap()
}

/// The audit must find this invariant broken first by this record.
fn finds(what: &str, records: &[Vec<u8>], invariant: Invariant, lsn: u64) {
    let report = audited(records);
    let outcome = report.outcomes.iter().find(|outcome| outcome.invariant == invariant).unwrap();
    let found = outcome.first_failure.as_ref().map(|(lsn, _)| lsn.0);
    assert_eq!(found, Some(lsn), "{what}\n{report}");
    assert!(!report.holds());
}

#[test]
fn a_right_log_holds() {
    let report = audited(&records(&RIGHT));
    assert!(report.holds(), "{report}");
    assert_eq!(
        (report.totals.orders_accepted, report.totals.orders_open, report.totals.units_shipped),
        (2, 1, 3)
    );
    let tightest = report.tightest.unwrap();
    assert_eq!((tightest.committed, tightest.sellable), (8, 10));
    let closed = Story { closing: Some(report.digest), ..RIGHT };
    assert!(audited(&records(&closed)).holds());
}

#[test]
fn each_planted_fault_is_named() {
    let bent = |what: &str, story: Story, invariant, lsn| finds(what, &records(&story), invariant, lsn);
    bent("more claimed than is there", Story { received: 7, after_receive: 7, ..RIGHT }, Invariant::I2, 8);
    bent("a level that is not the sum", Story { after_receive: 11, ..RIGHT }, Invariant::I3, 6);
    bent("a movement without a reason", Story { reason: "", ..RIGHT }, Invariant::I6, 6);
    bent("reject, but not covered", Story { claimed: 3, ..RIGHT }, Invariant::I4, 7);
    bent("more claimed than ordered", Story { claimed: 5, ..RIGHT }, Invariant::I4, 7);
    bent("a location that does not serve", Story { claim_location: 1, ..RIGHT }, Invariant::I5, 7);
    bent("an external id twice", Story { second_external_id: "1", ..RIGHT }, Invariant::I8, 8);
    bent("a key twice", Story { second_key: 1, ..RIGHT }, Invariant::I8, 8);
    bent("time runs back", Story { second_at: 800, ..RIGHT }, Invariant::J4, 8);
    bent("a refusal that states more than is there", Story { available: 3, ..RIGHT }, Invariant::I3, 9);
    bent("more shipped than claimed", Story { shipped_claim: 5, ..RIGHT }, Invariant::I5, 10);
    bent("shipped without its claim", Story { shipped_claim: 2, ..RIGHT }, Invariant::I4, 10);
    bent("a picture that is not the books'", Story { open_after: 2, ..RIGHT }, Invariant::I3, 10);
    bent("a claim released twice", Story { released: 2, ..RIGHT }, Invariant::I5, 11);
    bent("another state at the stop", Story { closing: Some(1), ..RIGHT }, Invariant::J3, 12);
    bent("a number that is not the next", Story { sku_number: 1, ..RIGHT }, Invariant::J4, 5);
}

#[test]
fn records_that_are_none_are_named() {
    let mut garbage = records(&RIGHT);
    garbage[6] = vec![0xFF; 50];
    finds("garbage", &garbage, Invariant::J4, 7);
    let mut short = records(&RIGHT);
    short[6].truncate(70);
    finds("a cut body", &short, Invariant::J4, 7);
    let mut twice = records(&RIGHT);
    let again = twice[0].clone();
    twice.push(again);
    finds("a second opening", &twice, Invariant::J4, 12);
}

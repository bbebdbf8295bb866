//! A small log that is right, and the same log with one thing wrong each time: the audit must name it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{
    Writer, asked, audit_log, audited, backorder, broken, filled, finds, level, lost, patient, received,
    short,
};
use onhand_record::admin::CommandRefusedV1;
use onhand_record::order::{
    ClaimV1, FilledV1, LineAskedV1, LinePictureV1, OrderAcceptedV1, OrderAskedV1, OrderCancelledV1,
    OrderRefusedV1, OrderShippedV1, ReleasedV1, ShortfallV1, SourceV1,
};
use onhand_record::rules::PolicyV1;
use onhand_record::stock::{LevelV1, MovementV1, StateV1, StockMovedV1};
use onhand_record::{Kind, encode_into};
use onhand_verify::{Invariant, KEY_WINDOW_MS};

/// Everything that the small log says, to be bent.
#[derive(Clone)]
struct Story {
    received: u32,
    after_receive: u32,
    reason: &'static str,
    claimed: u32,
    claim_location: u16,
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

fn picture(shipped: u32, cancelled: u32, open: u32) -> Vec<LinePictureV1> {
    let allocated = if open > 0 { vec![(0, open)] } else { Vec::new() };
    vec![LinePictureV1 { ordered: 4, cancelled, shipped, returned: 0, backordered: 0, short: 0, allocated }]
}

/// What the small log comes to, computed apart from all code of ours.
const DIGEST: u64 = 0x7855_EB4F_0C9B_64FC;

/// Receive 10; order 4; order 4 more; refuse 9; ship 3 of the first; cancel its last unit.
fn records(story: &Story) -> Vec<Vec<u8>> {
    let Story { shipped, open_after, .. } = *story;
    let mut log = Writer::new();
    log.create_merchant(1, "acme");
    log.at = 10;
    log.put_location(0, "main");
    log.put_channel(0, "web", &[0]);
    log.put_sku(story.sku_number, true, "MUG", 0);
    log.at = 100;
    let after = level(story.after_receive, 0, 0);
    log.stock(&StockMovedV1 { reason: story.reason, ..received(story.received, after) });
    let claims = vec![ClaimV1 { demand: 0, location: story.claim_location, quantity: story.claimed }];
    let accepted = OrderAcceptedV1 { policy: PolicyV1::Reject, claims };
    log.at = 900;
    log.accept_as(Some(1), &asked("1", 4), &accepted);
    log.at = story.second_at;
    log.accept_as(Some(story.second_key), &asked(story.second_external_id, 4), &accepted);
    log.at = 1_000;
    log.refuse(Some(3), &asked("3", 9), story.available);
    log.ship(&OrderShippedV1 {
        order: 7,
        location: 0,
        lines: vec![(0, shipped)],
        claims: vec![(0, story.shipped_claim)],
        tracking_number: None,
        after: picture(shipped, 0, open_after),
    });
    log.cancel(&OrderCancelledV1 {
        order: 7,
        lines: vec![(0, 1)],
        released: vec![ReleasedV1 { demand: 0, source: SourceV1::Claimed(0), quantity: story.released }],
        reason: None,
        after: picture(shipped, 1, 0),
    });
    if let Some(digest) = story.closing {
        log.close(digest);
    }
    log.records
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
    // By the words of docs/FORMATS.md: [1, 1, 0, 0, 7, 0, 0, 4], [2, 1, 8, 0, 4, 0, 0, 0, 0], [3, 1, 8, 0, 0, 4].
    assert_eq!(report.digest, DIGEST, "{:016x}", report.digest);
    let closed = Story { closing: Some(DIGEST), ..RIGHT };
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
    garbage[6] = [&[2, 1, 0, 0][..], &[0xFF; 46]].concat();
    finds("garbage", &garbage, Invariant::J4, 7);
    let mut short = records(&RIGHT);
    short[6].truncate(70);
    finds("a cut body", &short, Invariant::J4, 7);
    let mut twice = records(&RIGHT);
    let again = twice[0].clone();
    twice.push(again);
    finds("a second opening", &twice, Invariant::J4, 12);
}

#[test]
fn a_log_of_a_newer_release_is_not_judged() {
    let refused = |what: &str, record: Vec<u8>, parts: &[&str]| {
        let mut records = records(&RIGHT);
        records.push(record);
        let refused = audit_log(&records).unwrap_err().to_string();
        for part in ["log/00000000000000000001.seg", "record 12", "newer release"].iter().chain(parts) {
            assert!(refused.contains(part), "{what}: {refused}");
        }
    };
    let bent = |place: usize, byte: u8| {
        let mut record = records(&RIGHT)[6].clone();
        record[place] = byte;
        record
    };
    refused("a kind", bent(0, 99), &["record kind 99", "knows 1, 2, 10"]);
    refused("a version", bent(1, 4), &["version 4 of record kind", "knows 1"]);
    refused("a flag", bent(2, 4), &["flags 0b00000100", "knows 0b00000011"]);
    let mut opening = records(&RIGHT)[0].clone();
    *opening.last_mut().unwrap() += 1;
    refused("a feature level", opening, &["feature level 2", "knows 1"]);
}

#[test]
fn goods_that_no_movement_accounts_for_are_named() {
    let log = Writer::shop().and(|log| log.receive(10, level(10, 0, 0)));
    let bent = |what: &str, moved: &StockMovedV1<'_>, invariant| {
        log.and(|log| log.stock(moved)).breaks(what, invariant);
    };
    let from = Some(StateV1::Damaged);
    let less_than_none = StockMovedV1 { from, ..lost(1, &[], level(10, 0, 0)) };
    bent("more taken than is there", &less_than_none, Invariant::I1);
    bent("a move that makes a unit", &broken(4, level(6, 5, 0)), Invariant::I7);
    bent("a move that loses a unit", &broken(4, level(6, 3, 0)), Invariant::I7);
    bent("a move to nowhere", &StockMovedV1 { to: None, ..broken(4, level(6, 0, 0)) }, Invariant::I7);
    bent(
        "a move to where it was",
        &StockMovedV1 { to: broken(1, level(0, 0, 0)).from, ..broken(4, level(10, 0, 0)) },
        Invariant::I6,
    );
    bent("units received that do not lie there", &received(5, level(14, 0, 0)), Invariant::I6);
    bent("received out of stock", &StockMovedV1 { from, ..received(5, level(15, 0, 0)) }, Invariant::I6);
    bent("nothing received", &received(0, level(10, 0, 0)), Invariant::I6);
    bent(
        "adjusted both ways",
        &StockMovedV1 { movement: MovementV1::Adjust, ..broken(4, level(6, 4, 0)) },
        Invariant::I6,
    );
    let set =
        |expected| StockMovedV1 { movement: MovementV1::Set { expected }, ..received(1, level(11, 0, 0)) };
    bent("set from another number", &set(9), Invariant::I3);
    let elsewhere = LevelV1 { quality_control: 1, ..level(10, 0, 0) };
    let set_elsewhere = StockMovedV1 { to: Some(StateV1::QualityControl), after: elsewhere, ..set(10) };
    bent("set where it is not sold", &set_elsewhere, Invariant::I6);
    bent(
        "other decimals than its sku's",
        &StockMovedV1 { decimals: 1, ..received(1, level(11, 0, 0)) },
        Invariant::J4,
    );
    bent(
        "a location that is not there",
        &StockMovedV1 { location: 2, ..received(1, level(1, 0, 0)) },
        Invariant::J4,
    );
}

/// Ten mugs, all claimed: 4 for the order 9, 6 for the order 10; the order 11 waits for 3, the order 12 for 2,
/// which the other location may serve as well.
fn waiting() -> Writer {
    let mut log = Writer::shop();
    log.receive(10, level(10, 0, 0));
    assert_eq!(log.accept(None, &asked("1", 4), &[(0, 4)]), 9);
    assert_eq!(log.accept(None, &asked("2", 6), &[(0, 6)]), 10);
    assert_eq!(log.accept(None, &patient("3", 3), &[]), 11);
    assert_eq!(log.accept(None, &OrderAskedV1 { channel: 1, ..patient("4", 2) }, &[]), 12);
    log
}

#[test]
fn stock_that_who_waits_did_not_get_is_named() {
    let log = waiting().and(|log| log.receive(4, level(14, 0, 10)));
    let bent = |what: &str, fills: &[FilledV1], next, invariant| {
        log.and(|log| log.fill(fills, next)).breaks(what, invariant);
    };
    let (first, second) = (backorder(11), backorder(12));
    bent("more than it waits for", &[filled(first, 4)], None, Invariant::I5);
    bent("nothing", &[filled(first, 0)], None, Invariant::I5);
    bent("one who does not wait", &[filled(backorder(9), 1)], None, Invariant::I5);
    bent("one who is not short", &[filled(short(11), 1)], None, Invariant::I5);
    bent("an order that is not there", &[filled(backorder(8), 1)], None, Invariant::I5);
    let elsewhere = FilledV1 { location: 1, ..filled(first, 1) };
    bent("a location that does not serve", &[elsewhere], None, Invariant::I5);
    let nowhere = FilledV1 { location: 1, ..filled(second, 1) };
    bent("units that are not there", &[filled(first, 3), nowhere], None, Invariant::I2);
    bent("the second before the first", &[filled(second, 2), filled(first, 2)], None, Invariant::I10);
    bent("the second in place of the first", &[filled(second, 2)], None, Invariant::I10);
    bent(
        "the second, the first served in part",
        &[filled(first, 2), filled(second, 2)],
        None,
        Invariant::I10,
    );
    let third = log.and(|log| log.accept(None, &OrderAskedV1 { channel: 1, ..patient("5", 2) }, &[]));
    let at_shop =
        |order| FilledV1 { location: 1, ..filled(backorder(order), if order == 12 { 2 } else { 1 }) };
    let arrived = StockMovedV1 { location: 1, ..received(3, level(3, 0, 0)) };
    let third = third.and(|log| log.stock(&arrived));
    // The first one waits for the other location.
    let fills = |turns: &[u64]| {
        let fills: Vec<FilledV1> = turns.iter().map(|turn| at_shop(*turn)).collect();
        third.and(|log| log.fill(&fills, None))
    };
    fills(&[12, 14]).holds("the second, then the third");
    fills(&[14, 12]).breaks("the third, then the second", Invariant::I10);
    fills(&[14]).breaks("the third in place of the second, who is not first", Invariant::I10);
    bent("a pass that goes on where it was", &[filled(first, 3)], Some(first), Invariant::I10);
    let another = log.and(|log| log.put_sku(1, true, "CUP", 0));
    let other_sku =
        onhand_record::order::BacklogFilledV1 { sku: 1, fills: vec![filled(first, 1)], next: None };
    let body = |out: &mut Vec<u8>| encode_into(&other_sku, out).unwrap();
    another.and(|log| log.add(Kind::BacklogFilled, None, &body)).breaks("another sku", Invariant::I5);
    log.and(|log| log.add(Kind::BacklogFilled, None, &body)).breaks("no sku", Invariant::J4);
}

#[test]
fn claims_that_a_loss_should_not_have_taken_are_named() {
    let log = waiting();
    let bent = |what: &str, moved: &StockMovedV1<'_>, invariant| {
        log.and(|log| log.stock(moved)).breaks(what, invariant);
    };
    bent("the older order's", &lost(3, &[(9, 3)], level(7, 0, 7)), Invariant::I10);
    bent(
        "more of the older order's than must be",
        &lost(8, &[(10, 4), (9, 4)], level(2, 0, 2)),
        Invariant::I10,
    );
    bent("more than were on the goods", &lost(3, &[(10, 4)], level(7, 0, 6)), Invariant::I10);
    bent("fewer than were on the goods", &lost(3, &[(10, 2)], level(7, 0, 8)), Invariant::I2);
    bent("none, but of nothing", &lost(3, &[(10, 3), (9, 0)], level(7, 0, 7)), Invariant::I5);
    bent("of an order that has none", &lost(3, &[(11, 3)], level(7, 0, 7)), Invariant::I5);
    let shorts = lost(0, &[(10, 3)], level(0, 0, 0)).shorts;
    bent("by a move", &StockMovedV1 { shorts, ..broken(3, level(7, 3, 7)) }, Invariant::I10);
    // Shorts come before what was accepted without stock, whoever is older.
    let short_now = log.and(|log| log.stock(&lost(3, &[(10, 3)], level(7, 0, 7))));
    let short_now = short_now.and(|log| log.receive(2, level(9, 0, 7)));
    short_now.and(|log| log.fill(&[filled(short(10), 2)], None)).holds("shorts first");
    let backorder_first = short_now.and(|log| log.fill(&[filled(backorder(11), 2)], None));
    backorder_first.breaks("a backorder before a short", Invariant::I10);
}

#[test]
fn stock_that_was_held_back_is_named() {
    let log = Writer::shop().and(|log| log.receive(10, level(10, 0, 0)));
    let short = |available| log.and(|log| log.refuse(Some(1), &asked("1", 11), available));
    short(10).holds("as much as there is");
    short(9).breaks("a unit kept back", Invariant::I10);
    short(11).breaks("a unit too many", Invariant::I3);
    log.and(|log| log.refuse(Some(1), &asked("1", 9), 8))
        .breaks("refused, though it is there", Invariant::I10);
    log.and(|log| log.refuse(None, &asked("1", 11), 10)).breaks("a refusal that no key binds", Invariant::I8);
    log.and(|log| log.refuse(Some(1), &patient("1", 11), 10))
        .breaks("refused, though it would wait", Invariant::I4);
    let none = OrderRefusedV1 { shortfalls: Vec::new() };
    log.and(|log| log.refuse_as(Some(1), &asked("1", 11), &none)).breaks("without a reason", Invariant::I10);
    let other = OrderRefusedV1 { shortfalls: vec![ShortfallV1 { line: 0, requested: 12, available: 10 }] };
    log.and(|log| log.refuse_as(Some(1), &asked("1", 11), &other)).breaks("another quantity", Invariant::I3);
    log.and(|log| log.accept(None, &patient("1", 11), &[(0, 9)]))
        .breaks("waits for what is there", Invariant::I10);
    let claims = vec![ClaimV1 { demand: 0, location: 0, quantity: 10 }];
    let generous = OrderAcceptedV1 { policy: PolicyV1::Backorder, claims };
    log.and(|log| log.accept_as(None, &asked("1", 11), &generous))
        .breaks("a policy of its own", Invariant::I4);
    log.and(|log| log.accept(None, &patient("1", 2), &[(0, 3)])).breaks("more than was asked", Invariant::I4);
    let [line] = asked("1", 8).lines[..] else { panic!("one line") };
    let two = OrderAskedV1 { lines: vec![line, LineAskedV1 { id: "b", ..line }], ..asked("1", 8) };
    let both = |first, second| {
        let shortfall = |line, available| ShortfallV1 { line, requested: 8, available };
        let shortfalls = vec![shortfall(0, first), shortfall(1, second)];
        log.and(|log| log.refuse_as(Some(1), &two, &OrderRefusedV1 { shortfalls }))
    };
    log.and(|log| log.refuse(Some(1), &asked("1", 9), 9)).breaks("short of nothing", Invariant::I3);
    log.and(|log| log.accept(None, &patient("1", 2), &[(0, 2), (0, 0)])).breaks("no units", Invariant::I5);
    both(5, 5).holds("two lines share what is there");
    both(5, 6).breaks("two lines, and one unit for both", Invariant::I3);
    let nothing = OrderAcceptedV1 {
        claims: vec![ClaimV1 { demand: 1, location: 0, quantity: 1 }],
        policy: PolicyV1::Backorder,
    };
    log.and(|log| log.accept_as(None, &patient("1", 11), &nothing))
        .breaks("a claim for no line", Invariant::I5);
}

#[test]
fn changes_of_orders_that_are_not_open_are_named() {
    let none =
        |order| OrderCancelledV1 { order, lines: vec![], released: vec![], reason: None, after: vec![] };
    Writer::shop().and(|log| log.cancel(&none(9))).breaks("an order that never was", Invariant::I5);
    let log = Writer { records: records(&RIGHT), merchant: 1, at: 1_000, ..Writer::new() };
    let again = OrderCancelledV1 { after: picture(3, 1, 0), ..none(7) };
    log.and(|log| log.cancel(&again)).breaks("an order that is closed", Invariant::I5);
}

#[test]
fn a_key_that_decides_twice_is_named() {
    let log = Writer::shop().and(|log| log.receive(10, level(10, 0, 0)));
    let first = log.and(|log| log.accept(Some(7), &asked("1", 1), &[(0, 1)]));
    let again = |after_ms: u64, fingerprint| {
        first.and(|log| {
            (log.at, log.fingerprint) = (log.at + after_ms, Some(fingerprint));
            log.accept(Some(7), &asked("2", 1), &[(0, 1)]);
        })
    };
    again(0, 1).breaks("the same again at once", Invariant::I8);
    again(KEY_WINDOW_MS, 1).breaks("the same again at the window's end", Invariant::I8);
    again(KEY_WINDOW_MS, 2).breaks("something else within the window", Invariant::I8);
    let said = |fingerprint| audited(&again(5, fingerprint).records).to_string();
    assert!(said(1).contains("5 ms before, for the same"), "{}", said(1));
    assert!(said(2).contains("5 ms before, for something else"), "{}", said(2));
    let reused = again(KEY_WINDOW_MS + 1, 2);
    reused.holds("a new request");
    let twice = reused.and(|log| log.accept(Some(7), &asked("3", 1), &[(0, 1)]));
    twice.breaks("the new request again", Invariant::I8);
    let late = first.and(|log| {
        log.at += KEY_WINDOW_MS + 1;
        log.accept(Some(8), &asked("1", 1), &[(0, 1)]);
    });
    late.breaks("an external id is remembered for ever", Invariant::I8);
    let unmarked = log.and(|log| {
        log.fingerprint = None;
        log.accept(Some(7), &asked("1", 1), &[(0, 1)]);
    });
    unmarked.breaks("a key without a fingerprint", Invariant::I8);
    let body = CommandRefusedV1 { status: 422, code: "no_lines", detail: "", numbers: Vec::new() };
    let refused =
        log.and(|log| log.add(Kind::CommandRefused, Some(7), &|out| encode_into(&body, out).unwrap()));
    refused.breaks("what is not remembered", Invariant::I8);
}

#[test]
fn answers_to_repeats_that_are_none_are_named() {
    let log = Writer::shop().and(|log| log.receive(10, level(10, 0, 0)));
    let log = log.and(|log| log.accept(Some(7), &asked("1", 1), &[(0, 1)]));
    let order = log.last();
    let bent = |what: &str, invariant, more: &dyn Fn(&mut Writer)| log.and(more).breaks(what, invariant);
    bent("the first answer to something else", Invariant::I8, &|log| log.repeat(Some(8), order, 2, false));
    bent("a conflict with the same", Invariant::I8, &|log| log.repeat(Some(8), order, 1, true));
    bent("a key that no one sent", Invariant::I8, &|log| log.repeat(None, order, 1, false));
    bent("the order's own key", Invariant::I8, &|log| log.repeat(Some(7), order, 1, false));
    bent("a key that is bound twice", Invariant::I8, &|log| {
        log.repeat(Some(8), order, 2, true);
        log.repeat(Some(8), order, 2, true);
    });
    for (conflicts, fingerprint) in [(false, 1), (true, 2)] {
        let bound = log.and(|log| log.repeat(Some(8), order, fingerprint, conflicts));
        let reused = bound.and(|log| log.accept(Some(8), &asked("2", 1), &[(0, 1)]));
        reused.breaks("a later order under a key that is bound", Invariant::I8);
        for other in [order - 1, order + 1, order + 2, 0] {
            bent("an order that is not there", Invariant::J4, &|log| {
                log.repeat(Some(8), other, fingerprint, conflicts);
            });
        }
    }
    bent("an order that was refused", Invariant::J4, &|log| {
        log.refuse(Some(9), &asked("2", 11), 9);
        log.repeat(Some(8), order + 1, 1, false);
    });
    bent("another merchant's order", Invariant::J4, &|log| {
        log.create_merchant(2, "other");
        log.repeat(Some(8), order, 1, false);
    });
}

#[test]
fn names_and_keys_that_are_none_are_named() {
    let shop = Writer::shop();
    let bent = |what: &str, more: &dyn Fn(&mut Writer)| shop.and(more).breaks(what, Invariant::J4);
    let act = |log: &mut Writer, key: u32| {
        log.actor = key;
        log.receive(1, level(1, 0, 0));
    };
    bent("a key that was never given out", &|log| act(log, 1));
    bent("another merchant's key", &|log| {
        log.create_merchant(2, "other");
        log.create_key(1);
        log.merchant = 1;
        act(log, 1);
    });
    bent("a key given out twice", &|log| {
        log.create_key(1);
        log.create_key(1);
    });
    bent("the system's number given out", &|log| log.create_key(0));
    bent("a key for nobody", &|log| {
        log.merchant = 2;
        log.create_key(1);
    });
    bent("a key revoked twice", &|log| {
        log.create_key(1);
        log.revoke_key(1);
        log.revoke_key(1);
    });
    bent("another merchant's key revoked", &|log| {
        log.create_key(1);
        log.create_merchant(2, "other");
        log.revoke_key(1);
    });
    bent("a merchant left out", &|log| log.create_merchant(3, "other"));
    bent("a merchant's name given twice", &|log| log.create_merchant(2, "acme"));
    for merchant in [0, 2] {
        bent("a merchant that is not there", &|log| {
            log.merchant = merchant;
            log.receive(1, level(1, 0, 0));
        });
    }
    bent("a copy opened under the identity of what it is a copy of", &|log| {
        log.open(2);
        log.open(1);
    });
    bent("a code given twice", &|log| log.put_sku(1, true, "MUG", 0));
    bent("a code that another has", &|log| {
        log.put_sku(1, true, "CUP", 0);
        log.put_sku(1, false, "MUG", 0);
    });
    bent("a change of what is not there", &|log| log.put_sku(1, false, "CUP", 0));
    bent("too many decimals", &|log| log.put_sku(1, true, "CUP", 4));
    bent("a channel's location that is not there", &|log| log.put_channel(2, "b2b", &[2]));
    bent("decimals changed after a movement", &|log| {
        log.receive(1, level(1, 0, 0));
        log.put_sku(0, false, "MUG", 2);
    });
    bent("decimals that the sku never had", &|log| {
        let line = LineAskedV1 { decimals: 1, ..asked("1", 5).lines[0] };
        log.accept(None, &OrderAskedV1 { lines: vec![line], ..patient("1", 5) }, &[]);
    });
    bent("a sku that is not there", &|log| {
        let line = LineAskedV1 { sku: 1, ..asked("1", 5).lines[0] };
        log.accept(None, &OrderAskedV1 { lines: vec![line], ..patient("1", 5) }, &[]);
    });
    bent("a channel that is not there", &|log| {
        log.accept(None, &OrderAskedV1 { channel: 2, ..patient("1", 5) }, &[]);
    });
}

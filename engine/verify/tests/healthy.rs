//! Logs that look odd and are right: the audit must not cry wolf.

mod common;

use common::{Writer, asked, backorder, broken, filled, level, lost, patient, received, short};
use onhand_record::order::{
    FilledV1, LineAskedV1, LinePictureV1, OrderAskedV1, OrderCancelledV1, OrderRefusedV1, OrderShippedV1,
    ReleasedV1, ShortfallV1, SourceV1,
};
use onhand_record::stock::{MovementV1, StockMovedV1};
use onhand_verify::{AuditReport, Invariant, KEY_WINDOW_MS};

fn checks(report: &AuditReport, invariant: Invariant) -> u64 {
    report.outcomes.iter().find(|outcome| outcome.invariant == invariant).map_or(0, |outcome| outcome.checks)
}

/// A revocation is durable before the last requests that the key was good for are decided.
#[test]
fn what_was_admitted_before_its_key_was_revoked_holds() {
    let mut log = Writer::shop();
    log.create_key(1);
    log.revoke_key(1);
    log.actor = 1;
    log.receive(1, level(1, 0, 0));
    log.accept(Some(1), &asked("1", 1), &[(0, 1)]);
    log.holds("decided after its key was revoked");
}

/// The administrator's records carry the bare clock, and merchants' clocks do not speak to each other (ADR 9).
#[test]
fn only_a_merchants_own_times_are_compared() {
    let mut log = Writer::shop();
    log.at = 5_000;
    log.receive(1, level(1, 0, 0));
    log.at = 9_000;
    log.create_key(1);
    log.at = 6_000;
    log.receive(1, level(2, 0, 0));
    log.at = 3_000;
    log.revoke_key(1);
    log.create_merchant(2, "other");
    log.put_location(0, "main");
    (log.merchant, log.at) = (1, 6_000);
    log.receive(1, level(3, 0, 0));
    log.at = 2;
    let digest = log.holds("clocks apart").digest;
    log.close(digest);
    log.holds("a stop with a clock that was set back");
    (log.merchant, log.at) = (1, 5_999);
    log.receive(1, level(4, 0, 0));
    log.breaks("the merchant's own time", Invariant::J4);
}

/// A weight is declared before anything moves; a request read before that comes after it.
#[test]
fn decimals_may_change_until_stock_moves() {
    let mut log = Writer::shop();
    log.put_sku(0, false, "MUG", 3);
    log.accept(None, &patient("1", 5), &[]);
    let fine = LineAskedV1 { decimals: 3, ..asked("2", 500).lines[0] };
    log.accept(None, &OrderAskedV1 { lines: vec![fine], ..patient("2", 500) }, &[]);
    log.stock(&StockMovedV1 { decimals: 3, ..received(5, level(5, 0, 0)) });
    log.put_sku(0, false, "MUG", 3);
    log.fill(&[filled(backorder(9), 5)], None);
    log.holds("decimals declared late");
}

/// While those who wait are looked through, a new order gets only what they leave; afterwards, all of it.
#[test]
fn an_order_may_be_refused_what_others_wait_for() {
    let mut log = Writer::shop();
    log.accept(None, &patient("1", 5), &[]);
    log.receive(7, level(7, 0, 0));
    let refused = |available| log.and(|log| log.refuse(Some(1), &asked("2", 7), available));
    refused(2).holds("before the five were served");
    refused(1).breaks("one more kept back", Invariant::I10);
    log.fill(&[filled(backorder(8), 5)], None);
    log.refuse(Some(1), &asked("2", 7), 2);
    log.holds("after the five were served");
    // Two lines of the same goods: what the first one gets is gone for the second.
    let [line] = asked("3", 2).lines[..] else { panic!("one line") };
    let lines = vec![line, LineAskedV1 { id: "b", ..line }];
    let two = OrderAskedV1 { lines, ..asked("3", 2) };
    let shortfalls = vec![ShortfallV1 { line: 1, requested: 2, available: 0 }];
    log.refuse_as(Some(2), &two, &OrderRefusedV1 { shortfalls });
    log.holds("two lines of one sku");
}

/// Who waits for goods at another location is passed by, not overtaken.
#[test]
fn goods_go_past_those_whom_they_cannot_serve() {
    let mut log = Writer::shop();
    log.accept(None, &patient("1", 2), &[]);
    log.accept(None, &OrderAskedV1 { channel: 1, ..patient("2", 2) }, &[]);
    log.stock(&StockMovedV1 { location: 1, ..received(1, level(1, 0, 0)) });
    log.fill(&[FilledV1 { location: 1, ..filled(backorder(9), 1) }], None);
    log.receive(2, level(2, 0, 0));
    log.fill(&[filled(backorder(8), 2)], Some(backorder(9)));
    log.fill(&[], None);
    log.holds("two locations");
}

/// One that waits may be served from two locations at once, and may be cancelled while it waits.
#[test]
fn one_demand_at_two_locations_and_one_that_is_given_up() {
    let mut log = Writer::shop();
    let order = OrderAskedV1 { channel: 1, ..patient("1", 5) };
    let order = log.accept(None, &order, &[]);
    log.stock(&StockMovedV1 { location: 1, ..received(1, level(1, 0, 0)) });
    log.receive(2, level(2, 0, 0));
    let fills = [FilledV1 { location: 1, ..filled(backorder(order), 1) }, filled(backorder(order), 2)];
    log.fill(&fills, None);
    let given_up = |quantity, part: u32, backordered| OrderCancelledV1 {
        order,
        lines: vec![(0, quantity)],
        released: vec![ReleasedV1 { demand: 0, source: SourceV1::Backordered, quantity: part }],
        reason: None,
        after: vec![LinePictureV1 {
            ordered: 5,
            cancelled: quantity,
            shipped: 0,
            returned: 0,
            backordered,
            short: 0,
            allocated: vec![(1, 1), (0, 2)],
        }],
    };
    log.and(|log| log.cancel(&given_up(1, 1, 1))).holds("given up in part");
    log.and(|log| log.cancel(&given_up(3, 3, 0))).breaks("more than waits", Invariant::I5);
    log.cancel(&given_up(2, 2, 0));
    let report = log.holds("given up");
    assert_eq!((report.totals.units_cancelled, report.totals.units_backordered), (2, 0));
    // Nobody waits any more: what comes now is free.
    log.receive(4, level(6, 0, 2));
    log.refuse(Some(1), &asked("2", 5), 4);
    log.holds("free again");
}

/// A loss takes the newest claims, whole ones but for the last; shorts are served first; and so to the end.
#[test]
fn a_whole_life_holds() {
    let mut log = Writer::shop();
    log.receive(10, level(10, 0, 0));
    let old = log.accept(Some(1), &asked("1", 4), &[(0, 4)]);
    let new = log.accept(Some(2), &patient("2", 8), &[(0, 6)]);
    log.stock(&lost(7, &[(new, 6), (old, 1)], level(3, 0, 3)));
    log.receive(6, level(9, 0, 3));
    log.fill(&[filled(short(old), 1), filled(short(new), 5)], None);
    log.receive(3, level(12, 0, 9));
    log.fill(&[filled(short(new), 1), filled(backorder(new), 2)], None);
    let set = StockMovedV1 { movement: MovementV1::Set { expected: 12 }, ..received(0, level(12, 0, 12)) };
    log.stock(&set);
    log.receive(1, level(13, 0, 12));
    log.stock(&broken(1, level(12, 1, 12)));
    let picture = |ordered, shipped, cancelled, allocated: u32| {
        let allocated = if allocated == 0 { Vec::new() } else { vec![(0, allocated)] };
        vec![LinePictureV1 { ordered, cancelled, shipped, returned: 0, backordered: 0, short: 0, allocated }]
    };
    log.ship(&OrderShippedV1 {
        order: new,
        location: 0,
        lines: vec![(0, 8)],
        claims: vec![(0, 8)],
        tracking_number: None,
        after: picture(8, 8, 0, 0),
    });
    log.cancel(&OrderCancelledV1 {
        order: old,
        lines: vec![(0, 1)],
        released: vec![ReleasedV1 { demand: 0, source: SourceV1::Claimed(0), quantity: 1 }],
        reason: None,
        after: picture(4, 0, 1, 3),
    });
    log.receive(1, level(5, 1, 3));
    let report = log.holds("before the stop");
    log.close(report.digest);
    let report = log.holds("after the stop");
    let totals = report.totals;
    assert_eq!((totals.orders_open, totals.units_short, totals.units_backordered), (1, 0, 0));
    assert_eq!((checks(&report, Invariant::J3), checks(&report, Invariant::I7)), (1, 1));
}

/// A channel delivers an order again under other keys, also when nothing of it is left, and then says something else
/// in its name. A key that is too old is a new one.
#[test]
fn repeats_under_other_keys_hold() {
    let mut log = Writer::shop();
    log.receive(4, level(4, 0, 0));
    let order = log.accept(Some(1), &asked("1", 4), &[(0, 4)]);
    let unkeyed = log.accept(None, &patient("2", 1), &[]);
    log.repeat(Some(2), order, 1, false);
    log.repeat(Some(3), order, 2, true);
    log.repeat(Some(4), unkeyed, 1, false);
    let shipped = LinePictureV1 {
        ordered: 4,
        cancelled: 0,
        shipped: 4,
        returned: 0,
        backordered: 0,
        short: 0,
        allocated: Vec::new(),
    };
    log.ship(&OrderShippedV1 {
        order,
        location: 0,
        lines: vec![(0, 4)],
        claims: vec![(0, 4)],
        tracking_number: None,
        after: vec![shipped],
    });
    log.repeat(Some(5), order, 1, false);
    log.repeat(Some(6), order, 9, true);
    log.at += KEY_WINDOW_MS + 1;
    log.repeat(Some(1), order, 1, false);
    log.repeat(Some(3), order, 1, false);
    let totals = log.holds("repeats").totals;
    assert_eq!((totals.orders_accepted, totals.orders_open), (2, 1));
}

/// An invariant that met no case is not said to hold.
#[test]
fn what_met_no_case_is_called_unseen() {
    let report = Writer::shop().holds("nothing happened");
    assert_eq!(checks(&report, Invariant::J3), 0);
    let text = report.to_string();
    assert!(text.contains("J3   unseen"), "{text}");
    assert!(text.contains("J4   holds"), "{text}");
}

/// What was restored goes on as a log of its own; a copy of a copy too.
#[test]
fn a_restored_copy_is_opened_again() {
    let mut log = Writer::shop();
    log.receive(1, level(1, 0, 0));
    let (merchant, at) = (log.merchant, log.at);
    for cluster in [2, 3] {
        (log.merchant, log.at) = (0, at + 5);
        log.open(cluster);
        (log.merchant, log.at) = (merchant, at);
        log.receive(1, level(u32::from(cluster), 0, 0));
    }
    log.holds("a copy of a copy");
}

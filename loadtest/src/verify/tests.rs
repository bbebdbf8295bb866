//! The audit against servers that lie: each lie must be found by the check that is there for it.

use clap::Parser;

use super::*;
use crate::audit::OrderState;
use crate::cli::Cli;
use crate::ledger::Share;
use crate::workload::{Ask, Kind};

/// Units of the one SKU, at each of two locations: 6 and 5.
const STOCK: u64 = 11;

fn plan(more: &str) -> Plan {
    let words = format!("onhand-loadtest hot --key k --stock {STOCK} {more}");
    Plan::new(Cli::try_parse_from(words.split_whitespace()).unwrap(), "r1".into()).unwrap()
}

/// A run in which three orders got all of location 0 and one unit of location 1, as an honest server tells it.
struct Case {
    plan: Plan,
    ledger: Ledger,
    read: ReadBack,
}

fn promise(location: u32, quantity: u64) -> Promise {
    Promise { sku: 0, location: Some(location), quantity }
}

fn shelf(sellable: i64, committed: i64) -> Shelf {
    Shelf { sellable, committed, reserved: 0, safety_stock: 0, available: sellable - committed }
}

fn honest(more: &str) -> Case {
    let plan = plan(more);
    let mut ledger = Ledger::new(Share { lanes: 1, lane: 0, batch: 1 }, 1, 2, true, 1, 10);
    let orders =
        [("ord_a", vec![promise(0, 3)]), ("ord_b", vec![promise(0, 3)]), ("ord_c", vec![promise(1, 1)])];
    for ((id, promises), order) in orders.iter().zip(0..) {
        ledger.accept(Ask { order, kind: Kind::First }, id.as_bytes(), promises);
    }
    let orders =
        orders.into_iter().map(|(id, promises)| Ok(OrderState { id: id.to_owned(), promises })).collect();
    let skus = vec![Ok(SkuState { shelves: vec![shelf(6, 6), shelf(5, 1)], backordered: 0, short: 0 })];
    Case { plan, ledger, read: ReadBack { skus, orders } }
}

impl Case {
    fn sku(&mut self) -> &mut SkuState {
        self.read.skus[0].as_mut().unwrap()
    }

    /// The names of the checks that fail.
    fn failures(self) -> Vec<&'static str> {
        let mut told = Acknowledged::default();
        told.add(self.ledger);
        let verdict = judge(&Rules { plan: &self.plan, asked: 3 }, &told, &self.read);
        let failed: Vec<_> = verdict.checks.iter().filter(|check| !check.held).collect();
        assert_eq!(verdict.held, failed.is_empty());
        for check in &failed {
            assert!(check.broken > 0 && !check.examples.is_empty(), "{check:?}");
        }
        failed.into_iter().map(|check| check.name).collect()
    }
}

#[test]
fn an_honest_server_passes() {
    assert_eq!(honest("").failures(), [""; 0]);
}

#[test]
fn a_lost_order_is_missing_from_stock_and_cannot_be_read() {
    let mut case = honest("");
    case.sku().shelves[1] = shelf(5, 0);
    case.read.orders[2] = Err("404 not_found".into());
    assert_eq!(
        case.failures(),
        ["committed is what was acknowledged", "accepted orders read back as acknowledged"]
    );
}

#[test]
fn an_order_counted_twice_shows_in_stock() {
    let mut case = honest("");
    case.sku().shelves[1] = shelf(5, 2);
    assert_eq!(case.failures(), ["committed is what was acknowledged"]);
}

#[test]
fn overselling_shows_in_the_answers_even_if_stock_is_told_as_if_it_were_fine() {
    let mut case = honest("");
    case.ledger.accept(Ask { order: 3, kind: Kind::First }, b"ord_d", &[promise(0, 1)]);
    case.read.orders.push(Ok(OrderState { id: "ord_d".into(), promises: vec![promise(0, 1)] }));
    assert_eq!(
        case.failures(),
        ["never more promised than was received", "committed is what was acknowledged"]
    );
}

#[test]
fn overselling_shows_in_stock() {
    let mut case = honest("");
    case.ledger.accept(Ask { order: 3, kind: Kind::First }, b"ord_d", &[promise(0, 1)]);
    case.read.orders.push(Ok(OrderState { id: "ord_d".into(), promises: vec![promise(0, 1)] }));
    case.sku().shelves[0] = shelf(6, 7);
    assert_eq!(
        case.failures(),
        ["never more promised than was received", "committed is within sellable, available not negative"]
    );
}

#[test]
fn figures_that_do_not_add_up_are_found() {
    for (shelf, name) in [
        (Shelf { available: 5, ..shelf(5, 1) }, "committed is within sellable, available not negative"),
        (Shelf { available: -1, ..shelf(5, 1) }, "committed is within sellable, available not negative"),
        (shelf(4, 1), "received stock is all there"),
        (shelf(6, 1), "received stock is all there"),
    ] {
        let mut case = honest("");
        case.sku().shelves[1] = shelf;
        assert_eq!(case.failures(), [name]);
    }
    let mut safe = honest("");
    safe.sku().shelves[1] = Shelf { safety_stock: 9, available: 0, ..shelf(5, 1) };
    assert_eq!(safe.failures(), [""; 0], "safety stock beyond what is left leaves nothing, not less");
    let mut short = honest("");
    short.sku().short = 1;
    assert_eq!(short.failures(), ["received stock is all there"]);
}

#[test]
fn a_refusal_is_right_only_when_there_is_too_little_left() {
    let refused = |available_left: i64| {
        let mut case = honest("");
        let mut order = Order::default();
        case.plan.workload.order(3, &mut order);
        let demand = i64::from(order.lines[0].quantity);
        case.ledger.refuse(Ask { order: 3, kind: Kind::First });
        // The fourth unit goes, and with it the acknowledgement that it went.
        let taken = 4 - (demand + available_left);
        case.ledger.accept(
            Ask { order: 4, kind: Kind::First },
            b"ord_e",
            &[promise(1, u64::try_from(taken).unwrap())],
        );
        case.ledger.sample.pop();
        case.sku().shelves[1] = shelf(5, 1 + taken);
        case.failures()
    };
    assert_eq!(refused(-1), [""; 0]);
    assert_eq!(refused(0), ["refused only for want of stock"]);
    let mut backordering = honest("--policy backorder");
    backordering.ledger.refuse(Ask { order: 3, kind: Kind::First });
    assert_eq!(backordering.failures(), ["refused only for want of stock"]);
}

#[test]
fn backorders_are_counted() {
    let mut case = honest("--policy backorder");
    case.ledger.accept(
        Ask { order: 3, kind: Kind::First },
        b"ord_d",
        &[Promise { sku: 0, location: None, quantity: 2 }],
    );
    case.ledger.sample.pop();
    case.sku().backordered = 1;
    assert_eq!(case.failures(), ["backordered is what was acknowledged"]);
}

#[test]
fn an_order_that_changed_is_found() {
    for change in [
        OrderState { id: "ord_x".into(), promises: vec![promise(0, 3)] },
        OrderState { id: "ord_a".into(), promises: vec![promise(1, 3)] },
    ] {
        let mut case = honest("");
        case.read.orders[0] = Ok(change);
        assert_eq!(case.failures(), ["accepted orders read back as acknowledged"]);
    }
    let mut unread = honest("");
    unread.read.orders.pop();
    assert_eq!(unread.failures(), ["accepted orders read back as acknowledged"]);
}

#[test]
fn one_id_for_two_orders_is_found() {
    let mut case = honest("");
    case.ledger.accept(Ask { order: 3, kind: Kind::First }, b"ord_a", &[]);
    case.ledger.sample.pop();
    assert_eq!(case.failures(), ["one id for each order"]);
}

#[test]
fn what_cannot_be_read_is_no_success() {
    let mut unreadable = honest("");
    unreadable.read.skus[0] = Err("404 not_found".into());
    assert_eq!(unreadable.failures(), ["stock can be read"]);
    let mut unread = honest("");
    unread.read.skus.clear();
    assert_eq!(unread.failures(), ["stock can be read"]);
}

#[test]
fn faults_found_on_the_way_are_part_of_the_verdict() {
    let mut case = honest("");
    let ledger = &mut case.ledger;
    let faults = [&mut ledger.changed, &mut ledger.misfits, &mut ledger.unexpected, &mut ledger.unresolved];
    for fault in faults {
        fault.add(|| "something".into());
    }
    assert_eq!(
        case.failures(),
        [
            "a repeated request gets the first answer",
            "answers fit their orders",
            "answers are of the contract",
            "every outcome is known"
        ]
    );
}

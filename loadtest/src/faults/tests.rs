//! A history that is right, and one planted fault after the other: each must be found.

use serde_json::{Value, json};

use crate::faults::check::check;
use crate::faults::history::{Ask, History, Known, Told};
use crate::faults::record::{Record, read_log};

/// Op `n` began at `n * STEP` and was answered before op `n + 1` began.
const STEP: u64 = 10;

fn known(lsn: u64) -> Known {
    Known { lsn, id: format!("ord_{lsn}") }
}

fn order(lines: &[(usize, u64)], backorder: bool) -> Ask {
    Ask::Order { lines: lines.to_vec(), backorder }
}

fn shelf(lsn: u64, sellable: u64, committed: u64) -> Value {
    json!({ "lsn": lsn, "sellable": sellable, "committed": committed, "available": sellable - committed })
}

/// An order of one line: ordered, allocated, backordered, cancelled, shipped.
fn shown(lsn: u64, [ordered, allocated, waiting, cancelled, shipped]: [u64; 5]) -> Value {
    json!({ "lsn": lsn, "id": format!("ord_{lsn}"), "lines": [{ "ordered": ordered, "backordered": waiting,
        "allocated": [{ "quantity": allocated }], "cancelled": cancelled, "shipped": shipped }] })
}

fn refused(lsn: u64, requested: u64, available: u64) -> Value {
    json!({ "lsn": lsn, "code": "insufficient_stock",
        "lines": [{ "id": "0", "requested": requested, "available": available }] })
}

fn accepted(name: &str, quantity: u64, backorder: bool, claimed: u64) -> Record {
    let (lines, claims) = (vec![(0, quantity)], vec![(0, claimed)]);
    Record::Accepted { name: name.to_owned(), lines, backorder, claims }
}

fn received(name: &str, quantity: u64, after: (u64, u64)) -> Record {
    Record::Received { name: name.to_owned(), sku: 0, quantity, after }
}

/// Ten records, of which the fills are nobody's wish; op 8 is a read, op 9 has no answer.
fn right() -> (History, Vec<Record>) {
    let log = vec![
        received("op-0", 5, (5, 0)),
        accepted("op-1", 3, false, 3),
        Record::Refused { name: "op-2".to_owned(), lines: vec![(0, 3)], shortfalls: vec![(0, 3, 2)] },
        accepted("op-3", 4, true, 2),
        received("op-4", 1, (6, 5)),
        Record::Filled { sku: 0, fills: vec![(4, 0, 1)] },
        Record::Shipped { name: "op-5".to_owned(), order: 2, lines: vec![(0, 1)] },
        Record::Cancelled { name: "op-6".to_owned(), order: 2, lines: vec![(0, 2)] },
        Record::Filled { sku: 0, fills: vec![(4, 0, 1)] },
        Record::CommandRefused { code: "order_closed".to_owned() },
    ];
    let stock = json!({ "lsn": 10, "locations": [shelf(10, 5, 4)], "backordered": 0 });
    let told = [
        (Ask::Receive { sku: 0, quantity: 5 }, Some((201, shelf(1, 5, 0)))),
        (order(&[(0, 3)], false), Some((201, shown(2, [3, 3, 0, 0, 0])))),
        (order(&[(0, 3)], false), Some((409, refused(3, 3, 2)))),
        (order(&[(0, 4)], true), Some((201, shown(4, [4, 2, 2, 0, 0])))),
        (Ask::Receive { sku: 0, quantity: 1 }, Some((201, shelf(5, 6, 5)))),
        (Ask::Ship { order: known(2), line: 0, quantity: 1 }, Some((201, shown(7, [3, 2, 0, 0, 1])))),
        (Ask::Cancel { order: known(2) }, Some((200, shown(8, [3, 0, 0, 2, 1])))),
        (Ask::Cancel { order: known(2) }, Some((409, json!({ "lsn": 10, "code": "order_closed" })))),
        (Ask::ReadStock { sku: 0 }, Some((200, stock))),
        (order(&[(0, 1)], false), None),
    ];
    let mut history = History::default();
    for ((ask, told), number) in told.into_iter().zip(0..) {
        let place = history.begin(format!("op-{number}"), ask, number * STEP, false);
        match told {
            Some((status, body)) => history.told(place, Told { at: number * STEP + 5, status, body }),
            None => history.lost(place, None),
        }
    }
    (history, log)
}

#[track_caller]
fn must_find(what: &str, plant: impl FnOnce(&mut History, &mut Vec<Record>)) {
    let (mut history, mut log) = right();
    plant(&mut history, &mut log);
    let faults = check(&history, &log).faults;
    assert!(faults.iter().any(|fault| fault.contains(what)), "{what:?} is not in {faults:#?}");
}

#[test]
fn what_is_right_is_left_alone() {
    let (mut history, mut log) = right();
    let verdict = check(&history, &log);
    assert_eq!((verdict.faults, verdict.unknown, verdict.orders), (vec![], (1, 0), 4));
    // An unknown outcome may have happened, also before the answers to what was asked later.
    log.push(accepted("op-9", 1, false, 1));
    let verdict = check(&history, &log);
    assert_eq!((verdict.faults, verdict.unknown), (vec![], (1, 1)));
    // And before the server that it was sent to died.
    history.dead(1_000);
    assert_eq!(check(&history, &log).faults, [""; 0]);
}

#[test]
fn a_unit_that_is_sold_twice_is_found() {
    must_find("2 units of SKU 0 are claimed where 1 are free", |history, log| {
        history.ops[9].ask = order(&[(0, 2)], false);
        log.push(accepted("op-9", 2, false, 2));
    });
    must_find("2 units of SKU 0 are given where 1 are free", |_, log| {
        log[5] = Record::Filled { sku: 0, fills: vec![(4, 0, 2)] };
    });
    must_find("4 units leave where 3 are claimed", |_, log| {
        log[6] = Record::Shipped { name: "op-5".to_owned(), order: 2, lines: vec![(0, 4)] };
    });
}

#[test]
fn an_acknowledged_order_that_is_missing_is_found() {
    must_find("op-3 was answered 201 with LSN 4, and the log of 10 records has none of it", |_, log| {
        log[3] = Record::Other;
    });
    must_find("op-7 was answered 409 with LSN 10, and the log of 9 records has none of it", |_, log| {
        log.truncate(9);
    });
    must_find("op-8 was answered 200", |_, log| log.truncate(9));
}

#[test]
fn an_order_that_is_applied_twice_is_found() {
    must_find("op-9 had its effect twice, at LSN 11 and 12", |_, log| {
        log.extend([accepted("op-9", 1, false, 1), accepted("op-9", 1, true, 0)]);
    });
    must_find("op-4 had its effect twice", |_, log| log.push(received("op-4", 1, (6, 4))));
    must_find("is what nobody asked", |_, log| log.push(accepted("op-10", 1, false, 1)));
    must_find("op-9 was turned away, and had its effect", |history, log| {
        history.ops[9].unknown = false;
        log.push(accepted("op-9", 1, false, 1));
    });
}

#[test]
fn a_refusal_that_was_false_is_found() {
    let refuse = |requested, available| Record::Refused {
        name: "op-2".to_owned(),
        lines: vec![(0, requested)],
        shortfalls: vec![(0, requested, available)],
    };
    // By the number it carries, in the log or in the answer alone.
    must_find("available are [(0, 3, 2)], the refusal says [(0, 3, 1)]", |_, log| log[2] = refuse(3, 1));
    must_find("available is 2, not 1", |history, _| history.ops[2].told[0].body = refused(3, 3, 1));
    must_find("an order is refused that stock could serve", |history, log| {
        history.ops[2].ask = order(&[(0, 2)], false);
        log[2] = refuse(2, 1);
    });
    must_find("order_closed was not so", |history, _| history.ops[7].ask = Ask::Cancel { order: known(4) });
}

#[test]
fn an_order_against_real_time_is_found() {
    must_find("op-3 stands at LSN 4, before op-4 at 5, which was over when it began", |history, _| {
        history.ops[3].begun = 46;
        history.ops[3].told[0].at = 48;
    });
    // What was sent to a server that died cannot happen later.
    must_find("op-8 stands at LSN 10, before op-9 at 11", |history, log| {
        log.push(accepted("op-9", 1, false, 1));
        history.ops[9].begun = 70;
        history.dead(75);
    });
    // A read that does not see what was over before it began.
    must_find("op-8 stands at LSN 9, before op-7 at 10", |history, _| {
        history.ops[8].told[0].body["lsn"] = 9.into();
    });
}

#[test]
fn answers_and_records_that_say_something_else_are_found() {
    must_find("committed is 4, not 5", |history, _| {
        history.ops[8].told[0].body["locations"][0]["committed"] = 5.into();
    });
    must_find("when it was asked again", |history, _| {
        let mut again = history.ops[1].told[0].clone();
        again.body["lines"][0]["shipped"] = 1.into();
        history.told(1, again);
    });
    must_find("the record is not what was asked", |history, _| history.ops[1].ask = order(&[(0, 2)], false));
    must_find("stands at LSN 2, its answer says Some(3)", |history, _| {
        history.ops[1].told[0].body["lsn"] = 3.into();
    });
    must_find("the contract has no 404 here", |history, _| history.ops[6].told[0].status = 404);
    must_find("units of SKU 0 wait while", |_, log| log[3] = accepted("op-3", 4, true, 1));
    must_find("waits longer", |history, log| {
        history.ops[9].ask = order(&[(0, 1)], true);
        log[4] = accepted("op-9", 1, true, 0);
        log[5] = received("op-4", 1, (6, 5));
        log[6] = Record::Filled { sku: 0, fills: vec![(5, 0, 1)] };
    });
    must_find("open are [(0, 2)], cancelled [(0, 1)]", |_, log| {
        log[7] = Record::Cancelled { name: "op-6".to_owned(), order: 2, lines: vec![(0, 1)] };
    });
}

#[test]
fn a_log_is_read_as_it_is_printed() {
    let lines = [
        r#"{"kind":"sku_put","lsn":1,"body":{"code":"S3","sku":7}}"#,
        r#"{"kind":"order_accepted","lsn":2,"body":{"accepted":{"claims":[{"demand":0,"location":0,"quantity":2}],
            "policy":"Backorder"},"asked":{"external_id":"o","lines":[{"id":"0","quantity":4,"sku":7}]}}}"#,
        r#"{"kind":"log_closed","lsn":3,"body":{"digest":1}}"#,
    ];
    let lines = lines.map(|line| line.replace('\n', " "));
    let order =
        Record::Accepted { name: "o".into(), lines: vec![(3, 4)], backorder: true, claims: vec![(0, 2)] };
    assert_eq!(read_log(&lines.join("\n")), Ok(vec![Record::Other, order, Record::Other]));
    // A gap, a SKU that was never made, and what is no JSON.
    assert!(read_log(&[&*lines[0], &lines[2]].join("\n")).is_err());
    assert!(read_log(&lines[1].replace(r#""lsn":2"#, r#""lsn":1"#)).is_err());
    assert!(read_log("onhand: no").is_err());
}

//! An answer held against the record it rests on and against the model.

use serde_json::{Value, json};

use crate::faults::history::{Ask, Told};
use crate::faults::model::{Line, Model};
use crate::faults::record::Record;

/// Whether a record is what was asked.
pub(crate) fn with_record(ask: &Ask, record: &Record) -> Result<(), String> {
    let same = match (ask, record) {
        (Ask::Receive { sku, quantity }, Record::Received { sku: at, quantity: units, .. }) => {
            (sku, quantity) == (at, units)
        }
        (Ask::Order { lines, backorder }, Record::Accepted { lines: asked, backorder: waits, .. }) => {
            (lines, backorder) == (asked, waits)
        }
        (Ask::Order { lines, backorder }, Record::Refused { lines: asked, .. }) => {
            lines == asked && !backorder
        }
        (Ask::Cancel { order }, Record::Cancelled { order: of, .. }) => order.lsn == *of,
        (Ask::Ship { order, line, quantity }, Record::Shipped { order: of, lines, .. }) => {
            order.lsn == *of && lines[..] == [(*line, *quantity)]
        }
        (Ask::Cancel { .. } | Ask::Ship { .. }, Record::CommandRefused { .. }) => true,
        _ => false,
    };
    if same { Ok(()) } else { Err(format!("the record is not what was asked, {ask:?}")) }
}

/// Whether an answer is what the model says, now that the record is in it.
pub(crate) fn with_answer(ask: &Ask, told: &Told, record: &Record, model: &mut Model) -> Result<(), String> {
    let body = &told.body;
    match (ask, told.status) {
        (Ask::Receive { sku, .. }, 201) => shelf_agrees(*sku, body, model),
        (Ask::ReadStock { sku }, 200) => {
            // A location that is not listed holds nothing.
            match &body["locations"][0] {
                Value::Null => {
                    shelf_agrees(*sku, &json!({ "sellable": 0, "committed": 0, "available": 0 }), model)
                }
                location => shelf_agrees(*sku, location, model),
            }?;
            equal("backordered", &body["backordered"], model.backordered(*sku))
        }
        (Ask::Order { .. }, 201) => order_agrees(told.lsn().unwrap_or_default(), body, model),
        (Ask::Order { .. }, 409) => refusal_agrees(body, record),
        (Ask::Cancel { order }, 200) | (Ask::Ship { order, .. }, 201) | (Ask::ReadOrder { order }, 200) => {
            order_agrees(order.lsn, body, model)
        }
        (Ask::Cancel { .. } | Ask::Ship { .. }, 409) => no_agrees(ask, body, record, model),
        (_, status) => Err(format!("the contract has no {status} here")),
    }
}

fn equal(what: &str, value: &Value, expected: u64) -> Result<(), String> {
    if value.as_u64() == Some(expected) { Ok(()) } else { Err(format!("{what} is {expected}, not {value}")) }
}

fn shelf_agrees(sku: usize, told: &Value, model: &mut Model) -> Result<(), String> {
    let shelf = model.shelf(sku);
    equal("sellable", &told["sellable"], shelf.sellable)?;
    equal("committed", &told["committed"], shelf.committed)?;
    equal("available", &told["available"], shelf.available())
}

fn order_agrees(order: u64, told: &Value, model: &Model) -> Result<(), String> {
    let lines = model.order(order).ok_or("there is no such order")?;
    equal(
        "the number of lines",
        &told["lines"].as_array().map(Vec::len).unwrap_or_default().into(),
        lines.len() as u64,
    )?;
    lines.iter().enumerate().try_for_each(|(place, line)| line_agrees(line, &told["lines"][place]))
}

fn line_agrees(line: &Line, told: &Value) -> Result<(), String> {
    let places = told["allocated"].as_array().map(Vec::as_slice).unwrap_or_default();
    let allocated: u64 = places.iter().filter_map(|place| place["quantity"].as_u64()).sum();
    equal("allocated", &allocated.into(), line.claimed)?;
    equal("ordered", &told["ordered"], line.ordered)?;
    equal("backordered", &told["backordered"], line.waiting)?;
    equal("cancelled", &told["cancelled"], line.cancelled)?;
    equal("shipped", &told["shipped"], line.shipped)
}

/// The numbers of a refusal; that they were true is the model's part.
fn refusal_agrees(told: &Value, record: &Record) -> Result<(), String> {
    let Record::Refused { shortfalls, .. } = record else {
        return Err("the order was not refused".to_owned());
    };
    equal(
        "short lines",
        &told["lines"].as_array().map(Vec::len).unwrap_or_default().into(),
        shortfalls.len() as u64,
    )?;
    for (place, (line, requested, available)) in shortfalls.iter().enumerate() {
        let row = &told["lines"][place];
        if row["id"].as_str() != Some(&line.to_string()) {
            return Err(format!("line {line} is short, not {}", row["id"]));
        }
        equal("requested", &row["requested"], *requested)?;
        equal("available", &row["available"], *available)?;
    }
    Ok(())
}

/// A cancellation or a shipment that was refused: whether it could not be done.
fn no_agrees(ask: &Ask, told: &Value, record: &Record, model: &Model) -> Result<(), String> {
    let code = told["code"].as_str().unwrap_or_default();
    if *record != (Record::CommandRefused { code: code.to_owned() }) {
        return Err("the record is another one".to_owned());
    }
    let is_true = match (ask, code) {
        (Ask::Cancel { order } | Ask::Ship { order, .. }, "order_closed") => model.is_closed(order.lsn),
        (Ask::Ship { order, line, quantity }, "not_allocated") => {
            let line = model.order(order.lsn).and_then(|lines| lines.get(*line));
            line.is_some_and(|line| line.claimed < *quantity)
        }
        _ => return Err(format!("the contract has no {code} here")),
    };
    if is_true { Ok(()) } else { Err(format!("{code} was not so")) }
}

//! What the server says about an order, read and held against what was asked.

use std::borrow::Cow;
use std::hash::BuildHasher;

use foldhash::quality::FixedState;
use serde::Deserialize;

use crate::names::Names;
use crate::workload::Order;

/// The code of the one refusal that is a legitimate answer to an order.
pub(crate) const INSUFFICIENT_STOCK: &str = "insufficient_stock";

/// An order as the server shows it, or a problem. Members that are missing are empty; the checks find them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer<'a> {
    /// The order's id.
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    /// The id the harness gave it.
    #[serde(borrow)]
    pub(crate) external_id: Cow<'a, str>,
    /// A problem's code.
    #[serde(borrow)]
    pub(crate) code: Cow<'a, str>,
    /// Its lines.
    #[serde(borrow)]
    pub(crate) lines: Vec<LineAnswer<'a>>,
}

/// A line of an order.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LineAnswer<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    sku: Cow<'a, str>,
    ordered: u64,
    #[serde(borrow)]
    allocated: Vec<Allocation<'a>>,
    backordered: u64,
}

#[derive(Debug, Deserialize)]
struct Allocation<'a> {
    #[serde(borrow)]
    location: Cow<'a, str>,
    quantity: u64,
}

/// A line of a bulk answer.
#[derive(Debug, Deserialize)]
pub(crate) struct BulkLine<'a> {
    /// The request's line it answers, from 1.
    pub(crate) line: u64,
    /// The status the order would have got by itself.
    pub(crate) status: u16,
    /// The body it would have got.
    #[serde(borrow, default)]
    pub(crate) body: Answer<'a>,
}

/// Units of one line of an order that the server has promised from one place, or for later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Promise {
    /// Number of the SKU.
    pub(crate) sku: u32,
    /// Number of the location; `None`: backordered.
    pub(crate) location: Option<u32>,
    /// Units.
    pub(crate) quantity: u64,
}

/// Holds an answer against the order it answers, and writes down what it promises.
///
/// The error says in words what does not agree.
pub(crate) fn promises(
    answer: &Answer<'_>,
    number: u64,
    order: &Order,
    names: &Names,
    scratch: &mut Vec<u8>,
    out: &mut Vec<Promise>,
) -> Result<(), String> {
    out.clear();
    if answer.id.is_empty() {
        return Err("it has no id".into());
    }
    scratch.clear();
    names.push_order(number, scratch);
    if answer.external_id.as_bytes() != scratch {
        return Err(format!("it is about external id {:?}", answer.external_id));
    }
    if answer.lines.len() != order.lines.len() {
        return Err(format!("it has {} lines and not {}", answer.lines.len(), order.lines.len()));
    }
    for ((said, asked), id) in answer.lines.iter().zip(&order.lines).zip(1_u64..) {
        scratch.clear();
        names.push_sku(asked.sku, scratch);
        if said.id.parse() != Ok(id) || said.sku.as_bytes() != scratch {
            return Err(format!("line {id} is line {:?} with SKU {:?}", said.id, said.sku));
        }
        let mut promised = u128::from(said.backordered);
        for allocation in &said.allocated {
            let Some(location) = names.location_number(&allocation.location) else {
                return Err(format!(
                    "line {id} is allocated at {:?}, which is not of this run",
                    allocation.location
                ));
            };
            promised += u128::from(allocation.quantity);
            out.push(Promise { sku: asked.sku, location: Some(location), quantity: allocation.quantity });
        }
        if said.backordered > 0 {
            out.push(Promise { sku: asked.sku, location: None, quantity: said.backordered });
        }
        if said.ordered != u64::from(asked.quantity) || promised != u128::from(asked.quantity) {
            return Err(format!(
                "line {id} asked for {}: ordered {}, allocated and backordered {promised}",
                asked.quantity, said.ordered
            ));
        }
    }
    Ok(())
}

/// A number that stands for an order's id; never one of the ledger's marks 0 and 1.
#[inline]
pub(crate) fn digest_of_id(id: &[u8]) -> u64 {
    FixedState::default().hash_one(id).max(2)
}

/// A number that stands for what an answer promises.
pub(crate) fn digest_of_promises(promises: &[Promise]) -> u64 {
    FixedState::default().hash_one(promises)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Line;

    fn check(text: &str) -> Result<Vec<Promise>, String> {
        let order = Order {
            lines: vec![
                Line { sku: 3, quantity: 2, price_micros: 1 },
                Line { sku: 4, quantity: 5, price_micros: 1 },
            ],
            ..Order::default()
        };
        let answer: Answer<'_> = serde_json::from_str(text).unwrap();
        let mut out = Vec::new();
        promises(&answer, 9, &order, &Names::new("r".into(), None), &mut Vec::new(), &mut out).map(|()| out)
    }

    const GOOD: &str = r#"{"id":"ord_1","external_id":"r-9","status":"allocated","lsn":5,"lines":[
        {"id":"1","sku":"r-s3","ordered":2,"allocated":[{"location":"r-l0","quantity":1},{"location":"r-l1","quantity":1}],"backordered":0},
        {"id":"2","sku":"r-s4","ordered":5,"allocated":[{"location":"r-l0","quantity":2}],"backordered":3}]}"#;

    #[test]
    fn what_an_answer_promises_is_written_down() {
        let promise = |sku, location, quantity| Promise { sku, location, quantity };
        assert_eq!(
            check(GOOD).unwrap(),
            [promise(3, Some(0), 1), promise(3, Some(1), 1), promise(4, Some(0), 2), promise(4, None, 3)]
        );
    }

    #[test]
    fn an_answer_that_does_not_fit_its_order_is_found() {
        for (from, to, complaint) in [
            (r#""ord_1""#, r#""""#, "no id"),
            ("r-9", "r-8", "external id"),
            ("r-s4", "r-s5", "line 2"),
            (r#""ordered":5"#, r#""ordered":4"#, "line 2 asked for 5"),
            (r#""backordered":3"#, r#""backordered":2"#, "allocated and backordered 4"),
            (r#""quantity":2"#, r#""quantity":18446744073709551615"#, "line 2 asked for 5"),
            ("r-l1", "elsewhere", "not of this run"),
        ] {
            let error = check(&GOOD.replace(from, to)).unwrap_err();
            assert!(error.contains(complaint), "{error}");
        }
        let error = check(r#"{"id":"ord_1","external_id":"r-9","lines":[]}"#).unwrap_err();
        assert_eq!(error, "it has 0 lines and not 2");
    }

    #[test]
    fn refusals_and_bulk_lines_are_read_too() {
        let text = r#"{"line":3,"status":409,"body":{"type":"about:blank","title":"x","status":409,"detail":"a \"b\"","code":"insufficient_stock",
            "lines":[{"id":"1","sku":"r-s3","requested":2,"available":-1}]}}"#;
        let line: BulkLine<'_> = serde_json::from_str(text).unwrap();
        assert_eq!((line.line, line.status, &*line.body.code), (3, 409, INSUFFICIENT_STOCK));
    }

    #[test]
    fn digests_keep_clear_of_the_marks() {
        assert!(digest_of_id(b"ord_1") > 1);
        assert_ne!(digest_of_id(b"ord_1"), digest_of_id(b"ord_2"));
    }
}

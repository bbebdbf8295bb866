//! What is recognised at a glance is what serde_json and the checks accept, and nothing else is recognised.

use super::*;
use crate::answer::{self, BulkLine};

/// As a server writes it today.
const TODAY: &str = r#"{"line":7,"status":201,"body":{"id":"ord_8f","external_id":"r-9","channel":"r-web","status":"allocated","lsn":4711,"policy":"reject","lines":[{"id":"1","sku":"r-s3","unit_price":"4.25","ordered":2,"allocated":[{"location":"r-l0","quantity":1},{"location":"r-l1","quantity":1}],"backordered":0,"short":0,"cancelled":0,"shipped":0,"returned":0},{"id":"2","sku":"r-s14","unit_price":"0.50","ordered":5,"allocated":[{"location":"r-l0","quantity":2}],"backordered":3,"short":0,"cancelled":0,"shipped":0,"returned":0}]}}"#;

fn order_of(lines: &[(u32, u32)]) -> Order {
    let lines = lines.iter().map(|&(sku, quantity)| Line { sku, quantity, price_micros: 1 }).collect();
    Order { lines, ..Order::default() }
}

/// The id and the promises, by a glance.
fn by_glance(text: &[u8]) -> Option<(Vec<u8>, Vec<Promise>)> {
    let names = Names::new("r".into(), None);
    let order = order_of(&[(3, 2), (14, 5)]);
    let mut out = Vec::new();
    let asked = Asked { number: 9, order: &order, names: &names };
    let (id, rest) = line(text, 7, &asked, &mut out)?;
    rest.is_empty().then(|| (id.to_vec(), out))
}

/// The same by serde_json and the checks that put a misfit into words.
fn by_parser(text: &[u8]) -> Option<(Vec<u8>, Vec<Promise>)> {
    let line: BulkLine<'_> = serde_json::from_slice(text).ok()?;
    if (line.line, line.status) != (7, 201) {
        return None;
    }
    let (mut scratch, mut out) = (Vec::new(), Vec::new());
    let names = Names::new("r".into(), None);
    let order = order_of(&[(3, 2), (14, 5)]);
    answer::promises(&line.body, 9, &order, &names, &mut scratch, &mut out).ok()?;
    Some((line.body.id.as_bytes().to_vec(), out))
}

#[test]
fn todays_answer_is_recognised_with_what_it_promises() {
    let (id, promises) = by_glance(TODAY.as_bytes()).unwrap();
    assert_eq!(id, b"ord_8f");
    let promise = |sku, location, quantity| Promise { sku, location, quantity };
    assert_eq!(
        promises,
        [promise(3, Some(0), 1), promise(3, Some(1), 1), promise(14, Some(0), 2), promise(14, None, 3)]
    );
    assert_eq!(by_parser(TODAY.as_bytes()), Some((id, promises)));
}

#[test]
fn other_members_and_another_order_of_them_are_recognised_too() {
    for (from, to) in [
        (r#""line":7,"status":201,"#, r#""status":201,"took_ms":0.25,"line":7,"#),
        (r#""id":"ord_8f","external_id":"r-9","#, r#""external_id":"r-9","id":"ord_8f","tags":[],"#),
        (
            r#""lsn":4711"#,
            r#""lsn":-1,"note":null,"paid":true,"lines_total":{"lines":[{"id":"9"}],"n":[1,2]}"#,
        ),
        (r#""ordered":5,"#, ""),
        (r#""sku":"r-s14","unit_price":"0.50","#, r#""ordered":5,"sku":"r-s14","#),
        (r#""backordered":0,"short":0,"#, ""),
        (r#"{"location":"r-l1","quantity":1}"#, r#"{"bin":"A 7","quantity":1,"location":"r-l1"}"#),
        (
            r#"{"location":"r-l1","quantity":1}"#,
            r#"{"location":"r-l1","quantity":1},{"location":"r-l9","quantity":0}"#,
        ),
    ] {
        // One `ordered` is taken out by the fourth, and stands twice in the fifth.
        let text = TODAY.replacen(from, to, 1);
        let text = if to.starts_with(r#""ordered""#) {
            text.replacen(r#""ordered":5,"sku":"r-s14","ordered":5"#, r#""ordered":5,"sku":"r-s14""#, 1)
        } else {
            text
        };
        assert_ne!(text, TODAY);
        let glanced = by_glance(text.as_bytes());
        assert_eq!(glanced, by_parser(text.as_bytes()), "{text}");
        assert_eq!(glanced.is_some(), !to.is_empty() || from.starts_with(r#""back"#), "{text}");
    }
}

#[test]
fn a_right_answer_written_in_another_way_is_left_to_the_parser() {
    for (from, to) in [
        (r#""line":7,"#, r#""line": 7, "#),
        ("}}", "} }"),
        ("[{", "[\t{"),
        ("}]}}", "}]}}\r"),
        ("r-s14", r"r\u002ds14"),
        (r#""external_id""#, r#""\u0065xternal_id""#),
        ("ord_8f", "ord_\u{e9}"),
        ("ord_8f", r"ord_\/8"),
        (r#""policy":"reject""#, r#""policy":"a \"b\"""#),
        (r#""lsn":4711"#, r#""lsn":4.711e3"#),
        (r#""lsn":4711"#, r#""lsn":18446744073709551615"#),
        (r#""lsn":4711"#, r#""lsn":99999999999999999999999"#),
        (r#""id":"2""#, r#""id":"02""#),
        (r#""lsn":4711"#, r#""lsn":4711,"code":"none""#),
    ] {
        let text = TODAY.replacen(from, to, 1);
        assert_ne!(text, TODAY);
        assert_eq!(by_glance(text.as_bytes()), None, "{text}");
        assert!(by_parser(text.as_bytes()).is_some(), "{text}");
    }
}

#[test]
fn what_does_not_fit_is_never_recognised() {
    for (from, to) in [
        (r#""line":7"#, r#""line":8"#),
        (r#""line":7,"#, ""),
        (r#""status":201"#, r#""status":200"#),
        (r#""status":201"#, r#""status":65737"#),
        (r#""status":201,"#, r#""status":201,"status":201,"#),
        ("ord_8f", ""),
        (r#""id":"ord_8f","#, ""),
        (r#""id":"ord_8f""#, r#""id":7"#),
        (r#""id":"ord_8f""#, r#""id":"ord_8f","id":"ord_8f""#),
        ("r-9", "r-8"),
        ("r-9", "r-09"),
        ("r-9", "r-90"),
        ("r-9", "q-9"),
        (r#""external_id":"r-9","#, ""),
        ("r-s14", "r-s15"),
        ("r-s14", "r-s140"),
        (r#""sku":"r-s14","#, ""),
        (r#""id":"2""#, r#""id":"1""#),
        (r#""id":"2""#, r#""id":2"#),
        (r#""id":"2""#, r#""id":"2","id":2"#),
        (r#""ordered":5"#, r#""ordered":4"#),
        (r#""ordered":5"#, r#""ordered":5.0"#),
        (r#""backordered":3"#, r#""backordered":2"#),
        (r#""backordered":3"#, r#""backordered":-3"#),
        (r#""backordered":3"#, r#""backordered":null"#),
        (r#""quantity":2"#, r#""quantity":3"#),
        (r#""quantity":2"#, r#""quantity":18446744073709551615"#),
        (r#""quantity":2"#, r#""quantity":18446744073709551618"#),
        (r#""quantity":2"#, r#""quantity":2,"quantity":2"#),
        (r#","quantity":2"#, ""),
        ("r-l1", "elsewhere"),
        ("r-l1", "r-l4294967296"),
        (r#"[{"location":"r-l0","quantity":2}],"backordered":3"#, r#"null,"backordered":5"#),
        (r#","lines":"#, r#","linez":"#),
        (r#","lines":["#, r#","lines":[],"lines":["#),
        ("]}}", "]},\"x\":1"),
        ("]}}", "]}}}"),
        ("]}}", ",{}]}}"),
        ("lsn", "l\u{1}n"),
    ] {
        let text = TODAY.replacen(from, to, 1);
        assert_ne!(text, TODAY, "{from}");
        assert_eq!(by_glance(text.as_bytes()), None, "{text}");
        assert_eq!(by_parser(text.as_bytes()), None, "{text}");
    }
    let short = TODAY.replace(r#","returned":0},{"#, r#","returned":0}]}}{"#);
    assert_eq!(by_glance(short.as_bytes()), None);
}

/// Every answer that differs in one byte, or breaks off, is judged as the parser judges it or left to it.
#[test]
fn no_changed_byte_makes_a_glance_accept_what_the_parser_does_not() {
    let mut agreed = 0;
    for place in 0..TODAY.len() {
        assert_eq!(by_glance(&TODAY.as_bytes()[..place]), None, "cut at {place}");
        for byte in 0..=u8::MAX {
            let mut text = TODAY.as_bytes().to_vec();
            text[place] = byte;
            if let Some(glanced) = by_glance(&text) {
                assert_eq!(by_parser(&text), Some(glanced), "{:?}", String::from_utf8_lossy(&text));
                agreed += 1;
            }
        }
    }
    // Letters of unread members and of the id may be any.
    assert!(agreed > 10_000, "{agreed}");
}

#[test]
fn names_of_a_recording_are_read_as_they_are() {
    let names = Names::new("r".into(), Some(vec!["85123A".into()]));
    let order = order_of(&[(0, 1)]);
    let asked = Asked { number: 0, order: &order, names: &names };
    let text = |sku: &str| {
        format!(
            r#"{{"id":"ord_1","external_id":"r-0","lines":[{{"id":"1","sku":"{sku}","ordered":1,"allocated":[],"backordered":1}}]}}"#
        )
    };
    let mut out = Vec::new();
    assert_eq!(super::order(text("r-85123A").as_bytes(), &asked, &mut out), Some(&b"ord_1"[..]));
    assert_eq!(out, [Promise { sku: 0, location: None, quantity: 1 }]);
    for sku in ["r-85123", "r-85123AB", "r-s0", "85123A"] {
        assert_eq!(super::order(text(sku).as_bytes(), &asked, &mut out), None, "{sku}");
    }
}

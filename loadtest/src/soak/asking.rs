//! The bytes of the requests that are no new orders.

use crate::plan::{Plan, Target};
use crate::soak::books::{Open, Wish};

/// Appends the request of a wish. A new order is `crate::request`'s.
pub(crate) fn push(plan: &Plan, wish: &Wish, out: &mut Vec<u8>) {
    let names = &plan.names;
    match wish {
        Wish::Place(_) => {}
        Wish::Ship(Open { number, id, quantity, .. }) => {
            let location = names.location(0);
            let body = format!(r#"{{"location":"{location}","lines":[{{"id":"1","quantity":{quantity}}}]}}"#);
            post(plan, &format!("/v1/orders/{id}/fulfillments"), &format!("ship-{number}"), &body, out);
        }
        Wish::Cancel(Open { number, id, .. }) => {
            post(plan, &format!("/v1/orders/{id}/cancel"), &format!("cancel-{number}"), "{}", out);
        }
        Wish::Receive { number, sku, quantity } => {
            let (sku, location) = (names.sku(*sku), names.location(0));
            let body = format!(
                r#"{{"type":"receive","sku":"{sku}","location":"{location}","quantity":{quantity}}}"#
            );
            post(plan, "/v1/stock/movements", &format!("again-{number}"), &body, out);
        }
    }
}

fn post(plan: &Plan, path: &str, idempotency_key: &str, body: &str, out: &mut Vec<u8>) {
    let (Target { host, key, .. }, length) = (&plan.target, body.len());
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Idempotency-Key: {idempotency_key}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    out.extend_from_slice(request.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::traffic::tests::plan;

    #[test]
    fn requests_are_those_of_the_contract() {
        let open = Open { number: 7, id: "ord_7".into(), sku: 3, quantity: 2 };
        let text = |wish: &Wish| {
            let mut out = Vec::new();
            push(&plan(), wish, &mut out);
            String::from_utf8(out).unwrap()
        };
        for (wish, head, body) in [
            (
                Wish::Ship(open.clone()),
                "POST /v1/orders/ord_7/fulfillments HTTP/1.1\r\n",
                r#"{"location":"soak-l0","lines":[{"id":"1","quantity":2}]}"#,
            ),
            (Wish::Cancel(open), "POST /v1/orders/ord_7/cancel HTTP/1.1\r\n", "{}"),
            (
                Wish::Receive { number: 4, sku: 3, quantity: 5 },
                "POST /v1/stock/movements HTTP/1.1\r\n",
                r#"{"type":"receive","sku":"soak-s3","location":"soak-l0","quantity":5}"#,
            ),
        ] {
            let text = text(&wish);
            let (start, end) = text.split_once("\r\n\r\n").unwrap();
            assert!(text.starts_with(head) && start.contains("\r\nIdempotency-Key: "), "{text}");
            assert_eq!(end, body);
            assert!(start.ends_with(&format!("Content-Length: {}", body.len())));
        }
    }
}

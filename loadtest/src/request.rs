//! The bytes of requests: order bodies, heads and lines of bulk requests, written into reused buffers.
//!
//! What does not change from one request to the next is formatted once. All names are plain ASCII without
//! quotes or backslashes (the command line and the recording's reader see to that), so nothing needs escaping.

use crate::names::{Names, push_number};
use crate::workload::Order;

/// Millionths in a unit of the currency.
const MICROS: u64 = 1_000_000;

/// The constant parts of a run's requests.
#[derive(Debug)]
pub(crate) struct Requests {
    /// Request line and headers of a single order, up to where its own begin.
    order_head: Vec<u8>,
    /// The same of a bulk request.
    bulk_head: Vec<u8>,
    /// Between an order's external id and its destination.
    channel: Vec<u8>,
    /// Room in front of a bulk request's body for its head, whatever its length.
    bulk_room: Vec<u8>,
}

impl Requests {
    /// Prepares the requests to a host, with a key, in a currency.
    pub(crate) fn new(host: &str, key: &str, names: &Names, currency: &str) -> Self {
        let head = |path: &str, content: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nContent-Type: {content}\r\n"
            )
            .into_bytes()
        };
        let bulk_head = head("/v1/orders/bulk", "application/x-ndjson");
        let mut bulk_room = bulk_head.clone();
        push_length(usize::MAX, &mut bulk_room);
        Self {
            order_head: head("/v1/orders", "application/json"),
            bulk_head,
            bulk_room,
            channel: format!(r#"","channel":"{}","currency":"{currency}""#, names.channel()).into_bytes(),
        }
    }

    /// Appends the request for one order; `body` is what [`push_order`](Self::push_order) wrote.
    pub(crate) fn push_single(&self, key: Option<(&Names, u64)>, body: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.order_head);
        if let Some((names, order)) = key {
            out.extend_from_slice(b"Idempotency-Key: ");
            names.push_order(order, out);
            out.extend_from_slice(b"\r\n");
        }
        push_length(body.len(), out);
        out.extend_from_slice(body);
    }

    /// Begins a bulk request in an empty buffer: its lines come next. Returns where they begin.
    pub(crate) fn begin_bulk(&self, out: &mut Vec<u8>) -> usize {
        out.extend_from_slice(&self.bulk_room);
        out.len()
    }

    /// Ends a bulk request whose lines begin at `body`: its head, which says their length, goes right in front of
    /// them, so that they need not be moved. Returns where the request begins.
    pub(crate) fn end_bulk(&self, body: usize, out: &mut [u8]) -> usize {
        let mut length = Vec::new();
        push_length(out.len() - body, &mut length);
        let start = body - self.bulk_head.len() - length.len();
        let (head, length_room) = out[start..body].split_at_mut(self.bulk_head.len());
        head.copy_from_slice(&self.bulk_head);
        length_room.copy_from_slice(&length);
        start
    }

    /// Appends an order as a JSON object without a line end. `key`: with its idempotency key as a member.
    pub(crate) fn push_order(&self, names: &Names, number: u64, order: &Order, key: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"external_id":""#);
        names.push_order(number, out);
        out.extend_from_slice(&self.channel);
        if key {
            out.extend_from_slice(br#","idempotency_key":""#);
            names.push_order(number, out);
            out.push(b'"');
        }
        if !order.placed_at.is_empty() {
            out.extend_from_slice(br#","placed_at":""#);
            out.extend_from_slice(order.placed_at.as_bytes());
            out.push(b'"');
        }
        if !order.country.is_empty() {
            out.extend_from_slice(br#","ship_to":{"country":""#);
            out.extend_from_slice(order.country.as_bytes());
            out.extend_from_slice(br#""}"#);
        }
        out.extend_from_slice(br#","lines":["#);
        for (line, id) in order.lines.iter().zip(1..) {
            out.extend_from_slice(if id == 1 { br#"{"id":""# } else { br#",{"id":""# });
            push_number(id, out);
            out.extend_from_slice(br#"","sku":""#);
            names.push_sku(line.sku, out);
            out.extend_from_slice(br#"","quantity":"#);
            push_number(u64::from(line.quantity), out);
            out.extend_from_slice(br#","unit_price":""#);
            push_price(line.price_micros, out);
            out.extend_from_slice(br#""}"#);
        }
        out.extend_from_slice(b"]}");
    }
}

fn push_length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Length: ");
    push_number(length as u64, out);
    out.extend_from_slice(b"\r\n\r\n");
}

/// Appends a price as a decimal with at least two and at most six places.
fn push_price(micros: u64, out: &mut Vec<u8>) {
    push_number(micros / MICROS, out);
    let point = out.len();
    // The leading one keeps the zeros behind the point; the point takes its place.
    push_number(MICROS + micros % MICROS, out);
    out[point] = b'.';
    while out.ends_with(b"0") && out.len() > point + 3 {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Line;

    fn sample() -> Order {
        let line = |sku, quantity, price_micros| Line { sku, quantity, price_micros };
        Order {
            lines: vec![line(0, 2, 12_500_000), line(7, 1, 125_000)],
            country: "DE",
            placed_at: String::new(),
        }
    }

    #[test]
    fn an_order_is_the_json_of_the_contract() {
        let names = Names::new("r".into(), None);
        let requests = Requests::new("h:1", "k", &names, "EUR");
        let mut body = Vec::new();
        requests.push_order(&names, 5, &sample(), true, &mut body);
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&body).unwrap(),
            serde_json::json!({
                "external_id": "r-5", "channel": "r-web", "currency": "EUR", "idempotency_key": "r-5",
                "ship_to": { "country": "DE" },
                "lines": [
                    { "id": "1", "sku": "r-s0", "quantity": 2, "unit_price": "12.50" },
                    { "id": "2", "sku": "r-s7", "quantity": 1, "unit_price": "0.125" },
                ],
            })
        );
    }

    #[test]
    fn a_request_states_its_length_and_its_key() {
        let names = Names::new("r".into(), None);
        let requests = Requests::new("h:1", "k", &names, "EUR");
        let mut out = Vec::new();
        requests.push_single(Some((&names, 5)), b"{}", &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "POST /v1/orders HTTP/1.1\r\nHost: h:1\r\nAuthorization: Bearer k\r\nContent-Type: application/json\r\n\
             Idempotency-Key: r-5\r\nContent-Length: 2\r\n\r\n{}"
        );
    }

    #[test]
    fn a_bulk_request_begins_right_in_front_of_its_lines() {
        let names = Names::new("r".into(), None);
        let requests = Requests::new("h:1", "k", &names, "EUR");
        let mut out = Vec::new();
        for lines in [0, 1, 100, 12_345] {
            out.clear();
            let body = requests.begin_bulk(&mut out);
            out.resize(out.len() + lines, b'x');
            let start = requests.end_bulk(body, &mut out);
            let text = format!(
                "POST /v1/orders/bulk HTTP/1.1\r\nHost: h:1\r\nAuthorization: Bearer k\r\n\
                 Content-Type: application/x-ndjson\r\nContent-Length: {lines}\r\n\r\n{}",
                "x".repeat(lines)
            );
            assert_eq!(String::from_utf8(out[start..].to_vec()).unwrap(), text);
        }
    }

    #[test]
    fn prices_have_two_to_six_places() {
        for (micros, text) in [
            (0, "0.00"),
            (1, "0.000001"),
            (2_550_000, "2.55"),
            (2_555_000, "2.555"),
            (7_000_000, "7.00"),
            (1_000_100, "1.0001"),
        ] {
            let mut out = Vec::new();
            push_price(micros, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}

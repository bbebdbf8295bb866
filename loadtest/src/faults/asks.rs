//! What clients ask for: few SKUs, so that they meet, and so little stock that about half of it is refused or waits.

use serde_json::{Value, json};

use crate::faults::history::{Ask, Known};
use crate::random::Random;

/// SKUs of a shop.
pub(crate) const SKUS: u64 = 4;

/// Orders that changes and reads are about: the newest, so that clients meet there too.
const RECENT: usize = 40;

/// The next wish of a client, of the accepted orders it may know.
pub(crate) fn next(random: &mut Random, orders: &[(Known, usize)]) -> Ask {
    let recent = &orders[orders.len().saturating_sub(RECENT)..];
    let known = |random: &mut Random| recent.get(below(random, recent.len().max(1) as u64));
    match (random.below(100), known(random)) {
        (0..15, _) => Ask::Receive { sku: below(random, SKUS), quantity: 1 + random.below(16) },
        (60..70, Some((order, _))) => Ask::Cancel { order: order.clone() },
        (70..82, Some((order, lines))) => {
            let line = below(random, *lines as u64);
            Ask::Ship { order: order.clone(), line, quantity: 1 + random.below(3) }
        }
        (82..92, _) => Ask::ReadStock { sku: below(random, SKUS) },
        (92.., Some((order, _))) => Ask::ReadOrder { order: order.clone() },
        _ => order(random),
    }
}

fn order(random: &mut Random) -> Ask {
    let (first, count) = (random.below(SKUS), 1 + random.below(2));
    let line = |place| (usize::try_from((first + place) % SKUS).unwrap_or_default(), place);
    let lines: Vec<_> = (0..count).map(line).collect();
    let lines = lines.into_iter().map(|(sku, _)| (sku, 1 + random.below(5))).collect();
    Ask::Order { lines, backorder: random.below(3) == 0 }
}

fn below(random: &mut Random, bound: u64) -> usize {
    usize::try_from(random.below(bound)).unwrap_or_default()
}

/// Method, path and body of a request. The record it leaves has its name.
pub(crate) fn request(name: &str, ask: &Ask) -> (&'static str, String, Value) {
    match ask {
        Ask::Receive { sku, quantity } => (
            "POST",
            "/v1/stock/movements".to_owned(),
            json!({ "type": "receive", "sku": format!("S{sku}"), "location": "main", "quantity": quantity,
                "reference": name }),
        ),
        Ask::Order { lines, backorder } => {
            let line = |(place, (sku, quantity)): (usize, &(usize, u64))| json!({ "id": place.to_string(), "sku": format!("S{sku}"), "quantity": quantity });
            let lines: Vec<Value> = lines.iter().enumerate().map(line).collect();
            let policy = if *backorder { "backorder" } else { "reject" };
            let body = json!({ "external_id": name, "channel": "web", "policy": policy, "lines": lines });
            ("POST", "/v1/orders".to_owned(), body)
        }
        Ask::Cancel { order } => {
            ("POST", format!("/v1/orders/{}/cancel", order.id), json!({ "reason": name }))
        }
        Ask::Ship { order, line, quantity } => {
            let lines = json!([{ "id": line.to_string(), "quantity": quantity }]);
            let body = json!({ "location": "main", "lines": lines, "tracking_number": name });
            ("POST", format!("/v1/orders/{}/fulfillments", order.id), body)
        }
        Ask::ReadStock { sku } => ("GET", format!("/v1/stock/S{sku}"), Value::Null),
        Ask::ReadOrder { order } => ("GET", format!("/v1/orders/{}", order.id), Value::Null),
    }
}

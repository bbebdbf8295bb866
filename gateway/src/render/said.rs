//! What an order says of itself for routing rules to ask, behind its other members.

use super::json;
use onhand_engine::record::routing::OrderSaidV1;

/// Appends the members that are there.
pub(super) fn write(said: &OrderSaidV1<'_>, out: &mut Vec<u8>) {
    let OrderSaidV1 { priority, tags, customer_tier, is_b2b, ship_method, payment_risk } = said;
    for (place, tag) in tags.iter().enumerate() {
        out.extend_from_slice(if place == 0 { br#","tags":["# } else { b"," });
        json::text(out, tag);
    }
    if !tags.is_empty() {
        out.push(b']');
    }
    if let Some(priority) = priority {
        out.extend_from_slice(br#","priority":"#);
        out.extend_from_slice(itoa::Buffer::new().format(*priority).as_bytes());
    }
    for (name, word) in [(&br#","customer_tier":"#[..], customer_tier), (br#","ship_method":"#, ship_method)]
    {
        if let Some(word) = word {
            out.extend_from_slice(name);
            json::text(out, word);
        }
    }
    if let Some(is_b2b) = is_b2b {
        out.extend_from_slice(br#","is_b2b":"#);
        out.extend_from_slice(if *is_b2b { b"true" } else { b"false" });
    }
    if let Some(risk) = payment_risk {
        out.extend_from_slice(br#","payment_risk":"#);
        json::number(out, (*risk).into());
    }
}

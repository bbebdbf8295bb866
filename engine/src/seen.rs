//! Which keys a record has: what the tables in memory and the index on disk hold of it.

use crate::ask::OrderAsk;
use crate::keys::{KeyKind, hash_of, order_key};
use crate::secrets::Fingerprints;
use crate::translate::decode_event;
use onhand_domain::{Event, MerchantNumber};
use onhand_record::{DecodeError, Header};
use onhand_snapshots::Lsn;
use onhand_snapshots::index::Entry;

/// The order that an event closed, if it did.
#[must_use]
pub(crate) fn closes(event: &Event) -> Option<u64> {
    let (order, after) = match event {
        Event::OrderCancelled(cancelled) => (cancelled.order, &cancelled.after),
        Event::OrderShipped(shipped) => (shipped.order, &shipped.after),
        _ => return None,
    };
    after.lines.iter().all(|picture| picture.line.open() == 0).then_some(order.0)
}

/// Hands out the keys of a record whose event was read.
pub(crate) fn keys_of(
    header: &Header,
    body: &[u8],
    event: Option<&Event>,
    fingerprints: &Fingerprints,
    take: &mut dyn FnMut(KeyKind, &[u8; 16]),
) -> Result<(), DecodeError> {
    if let Some(key) = &header.idempotency {
        take(KeyKind::Idempotency, key);
    }
    match event {
        Some(Event::OrderAccepted(accepted)) => {
            let merchant = MerchantNumber(header.merchant);
            let external_id = OrderAsk::external_id(body)?;
            take(KeyKind::External, &fingerprints.external(merchant, accepted.channel.0, external_id));
        }
        Some(event) => {
            if let Some(order) = closes(event) {
                take(KeyKind::Closed, &order_key(order));
            }
        }
        None => {}
    }
    Ok(())
}

/// Appends the index entries of a record.
pub(crate) fn entries_of(
    lsn: Lsn,
    record: &[u8],
    fingerprints: &Fingerprints,
    out: &mut Vec<Entry>,
) -> Result<(), DecodeError> {
    let (header, body) = Header::decode(record)?;
    let told = decode_event(header.kind, body)?;
    let merchant = MerchantNumber(header.merchant);
    keys_of(&header, body, told.as_ref().map(|told| &told.event), fingerprints, &mut |kind, key| {
        out.push(Entry { hash: hash_of(merchant, kind, key), lsn });
    })
}

//! Which keys a record has: what the tables in memory and the index on disk hold of it.

use crate::keys::{KeyKind, hash_of, order_key};
use crate::secrets::Fingerprints;
use crate::translate::{Told, decode_event};
use onhand_domain::{Event, MerchantNumber};
use onhand_record::order::external_of;
use onhand_record::{DecodeError, Header, Kind};
use onhand_snapshots::Lsn;
use onhand_snapshots::index::Entry;
use onhand_snapshots::planted::{Bug, is_planted};

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

/// Hands out the keys of a record. Of an accepted order only what its key is made of is read, since there are
/// many; `closed` is asked for the order that a record closed.
pub(crate) fn keys_of(
    header: &Header,
    body: &[u8],
    closed: impl FnOnce() -> Result<Option<u64>, DecodeError>,
    fingerprints: &Fingerprints,
    take: &mut dyn FnMut(KeyKind, &[u8; 16]),
) -> Result<(), DecodeError> {
    if let Some(key) = &header.idempotency {
        take(KeyKind::Idempotency, key);
    }
    match header.kind {
        Kind::OrderAccepted => {
            let merchant = MerchantNumber(header.merchant);
            let (external_id, channel) = external_of(body)?;
            take(KeyKind::External, &fingerprints.external(merchant, channel, external_id));
        }
        Kind::OrderCancelled | Kind::OrderShipped => {
            if let Some(order) = closed()? {
                take(KeyKind::Closed, &order_key(order));
            }
        }
        _ => {}
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
    let merchant = MerchantNumber(header.merchant);
    let closed = || Ok(decode_event(&header, body)?.as_ref().and_then(Told::event).and_then(closes));
    keys_of(&header, body, closed, fingerprints, &mut |kind, key| {
        if kind == KeyKind::Idempotency && is_planted(Bug::ForgetKeys) {
            return;
        }
        out.push(Entry { hash: hash_of(merchant, kind, key), lsn });
    })
}

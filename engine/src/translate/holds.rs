//! Holds: from event to record and back.

use crate::ask::HoldAsk;
use onhand_domain::event::{Event, HoldExtended, HoldPlaced, HoldsEnded};
use onhand_domain::hold::{EndCause, Hold};
use onhand_domain::{ChannelNumber, HoldId, SkuNumber};
use onhand_record::hold::{EndCauseV1, HeldLineV1, HoldExtendedV1, HoldPlacedV1, HoldsEndedV1};
use onhand_record::snapshot::HoldRowV1;
use onhand_record::{DecodeError, EncodeError, Header, decode, encode_into};
use std::collections::BTreeMap;

pub(super) fn encode_placed(
    placed: &HoldPlaced,
    ask: &HoldAsk,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let rows = ask.lines.iter().zip(&ask.ids);
    let lines = rows.map(|((sku, quantity), (id, decimals))| HeldLineV1 {
        id,
        sku: sku.0,
        decimals: *decimals,
        quantity: *quantity,
    });
    let Hold { channel, deadline, customer, .. } = placed.hold;
    encode_into(&HoldPlacedV1 { channel: channel.0, deadline, customer, lines: lines.collect() }, out)
}

pub(super) fn encode_extended(extended: &HoldExtended, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode_into(&HoldExtendedV1 { hold: extended.hold.0, deadline: extended.deadline }, out)
}

pub(super) fn encode_ended(ended: &HoldsEnded, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let cause = match ended.cause {
        EndCause::Released => EndCauseV1::Released,
        EndCause::Expired => EndCauseV1::Expired,
    };
    encode_into(&HoldsEndedV1 { holds: ended.holds.iter().map(|hold| hold.0).collect(), cause }, out)
}

/// Which key made a hold stands in the header.
pub(super) fn placed(header: &Header, body: &[u8]) -> Result<Event, DecodeError> {
    let HoldPlacedV1 { channel, deadline, customer, lines } = decode(body)?;
    let mut units: BTreeMap<SkuNumber, u32> = BTreeMap::new();
    for line in &lines {
        let sum = units.entry(SkuNumber(line.sku)).or_insert(0);
        let added = sum.checked_add(line.quantity);
        *sum = added.ok_or_else(|| DecodeError::Malformed("more units are held than can be".into()))?;
    }
    let (channel, units) = (ChannelNumber(channel), units.into_iter().collect());
    let hold = Hold { channel, deadline, extensions: 0, customer, key: header.actor, units };
    Ok(Event::HoldPlaced(HoldPlaced { hold }))
}

pub(super) fn extended(body: &[u8]) -> Result<Event, DecodeError> {
    let HoldExtendedV1 { hold, deadline } = decode(body)?;
    Ok(Event::HoldExtended(HoldExtended { hold: HoldId(hold), deadline }))
}

pub(super) fn ended(body: &[u8]) -> Result<Event, DecodeError> {
    let HoldsEndedV1 { holds, cause } = decode(body)?;
    let cause = match cause {
        EndCauseV1::Released => EndCause::Released,
        EndCauseV1::Expired => EndCause::Expired,
    };
    Ok(Event::HoldsEnded(HoldsEnded { holds: holds.into_iter().map(HoldId).collect(), cause }))
}

/// A live hold as a snapshot keeps it.
pub(crate) fn hold_row(id: HoldId, hold: &Hold) -> HoldRowV1 {
    let Hold { channel, deadline, extensions, customer, key, ref units } = *hold;
    let units = units.iter().map(|(sku, units)| (sku.0, *units)).collect();
    HoldRowV1 { hold: id.0, channel: channel.0, deadline, extensions, customer, key, units }
}

/// A snapshot's live hold.
pub(crate) fn hold_of(row: &HoldRowV1) -> (HoldId, Hold) {
    let HoldRowV1 { hold, channel, deadline, extensions, customer, key, ref units } = *row;
    let units = units.iter().map(|(sku, units)| (SkuNumber(*sku), *units)).collect();
    let channel = ChannelNumber(channel);
    (HoldId(hold), Hold { channel, deadline, extensions, customer, key, units })
}

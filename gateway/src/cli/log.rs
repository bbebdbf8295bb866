//! `onhand log`: every record as a line of JSON.

use super::refusal::refused_log;
use crate::ids::request_text;
use crate::render::explanation::reasons::{Decided, rank_of, reason_code};
use anyhow::ensure;
use onhand_engine::domain::routing::profile::{Explanation, Verdict};
use onhand_engine::record::admin::{
    CommandRefusedV1, KeyCreatedV1, KeyRevokedV1, LogClosedV1, LogOpenedV1, MerchantCreatedV1,
};
use onhand_engine::record::grant::{
    ExposurePutV1, FeedPassedV1, GrantAcknowledgedV1, GrantSetV1, GrantsFreedV1,
};
use onhand_engine::record::hold::{HoldExtendedV1, HoldPlacedV1, HoldsEndedV1};
use onhand_engine::record::kit::{decode_cancelled_all, decode_shipped};
use onhand_engine::record::order::{
    AcceptedAll, BacklogFilledV1, RepeatAnsweredV1, decode_accepted_all, decode_refused_whole,
};
use onhand_engine::record::routing::{OrderDetailsV1, OrderSaidV1, RoutedV1, RoutingProfilePutV1};
use onhand_engine::record::rules::{decode_channel, decode_location, decode_sku};
use onhand_engine::record::stock::StockMovedV1;
use onhand_engine::record::{DecodeError, Header, Kind, decode, newer};
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::log::{Stop, scan};
use onhand_engine::snapshots::storage::FileStorage;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

/// Where the segments are, in a data directory.
pub(super) const LOG_DIR: &str = "log";

pub(super) fn log(dir: &Path, from: u64) -> anyhow::Result<ExitCode> {
    ensure!(dir.join(LOG_DIR).is_dir(), "{} holds no log", dir.display());
    let mut out = BufWriter::new(io::stdout().lock());
    let mut closed = false;
    let scanned = scan(&FileStorage::new(dir), Lsn(from.max(1)), &mut |lsn, record| {
        if let Some(what) = newer(record) {
            return Err(Stop::Newer(what));
        }
        let line = line_of(lsn, record).map_err(|error| error.to_string())?;
        match writeln!(out, "{line}") {
            Ok(()) => Ok(()),
            Err(error) => {
                closed = error.kind() == io::ErrorKind::BrokenPipe;
                Err(error.to_string().into())
            }
        }
    });
    // A reader that has seen enough is no error.
    if closed || out.flush().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return Ok(ExitCode::SUCCESS);
    }
    scanned.map_err(|error| refused_log(dir, error))?;
    Ok(ExitCode::SUCCESS)
}

fn line_of(lsn: Lsn, record: &[u8]) -> Result<Value, DecodeError> {
    let (header, body) = Header::decode(record)?;
    let value = body_of(&header, body)?;
    Ok(json!({
        "lsn": lsn.0,
        "kind": header.kind,
        "merchant": header.merchant,
        "at": header.at,
        "actor": header.actor,
        // The system's own records have none.
        "request": (header.request != [0; 16]).then(|| request_text(&header.request)),
        "body": value,
    }))
}

fn body_of(header: &Header, body: &[u8]) -> Result<Value, DecodeError> {
    let Header { kind, version, .. } = *header;
    fn value(body: &impl serde::Serialize) -> Value {
        serde_json::to_value(body).unwrap_or_default()
    }
    Ok(match kind {
        Kind::LogOpened => value(&decode::<LogOpenedV1>(body)?),
        Kind::LogClosed => value(&decode::<LogClosedV1>(body)?),
        Kind::MerchantCreated => value(&decode::<MerchantCreatedV1<'_>>(body)?),
        Kind::KeyCreated => value(&decode::<KeyCreatedV1>(body)?),
        Kind::KeyRevoked => value(&decode::<KeyRevokedV1>(body)?),
        Kind::LocationPut => {
            let (put, terms) = decode_location(version, body)?;
            both(value(&put), value(&terms))
        }
        Kind::ChannelPut => {
            let (put, terms, routing) = decode_channel(version, body)?;
            both(both(value(&put), value(&terms)), value(&routing))
        }
        Kind::SkuPut => {
            let (put, terms, kit, limits) = decode_sku(version, body)?;
            both(both(both(value(&put), value(&terms)), value(&kit)), value(&limits))
        }
        Kind::RoutingProfilePut => value(&decode::<RoutingProfilePutV1<'_>>(body)?),
        Kind::StockMoved => value(&decode::<StockMovedV1<'_>>(body)?),
        Kind::OrderAccepted => {
            let AcceptedAll { asked, accepted, details, kits, agreed } = decode_accepted_all(version, body)?;
            let order = with_kits(
                detailed(json!({ "asked": value(&asked), "accepted": value(&accepted) }), &details)?,
                &kits,
            );
            with_list(order, "agreed", &agreed)
        }
        Kind::OrderRefused => {
            let (asked, refused, details) = decode_refused_whole(version, body)?;
            detailed(json!({ "asked": value(&asked), "refused": value(&refused) }), &details)?
        }
        Kind::OrderCancelled => {
            let (cancelled, kits, lapsed) = decode_cancelled_all(version, body)?;
            let order = with_kits(value(&cancelled), &kits);
            lapsed.map_or(order.clone(), |lapsed| both(order, value(&lapsed)))
        }
        Kind::OrderShipped => {
            let (shipped, kits) = decode_shipped(version, body)?;
            with_kits(value(&shipped), &kits)
        }
        Kind::BacklogFilled => value(&decode::<BacklogFilledV1>(body)?),
        Kind::CommandRefused => value(&decode::<CommandRefusedV1<'_>>(body)?),
        Kind::RepeatAnswered => value(&decode::<RepeatAnsweredV1>(body)?),
        Kind::HoldPlaced => value(&decode::<HoldPlacedV1<'_>>(body)?),
        Kind::HoldExtended => value(&decode::<HoldExtendedV1>(body)?),
        Kind::HoldsEnded => value(&decode::<HoldsEndedV1>(body)?),
        Kind::ExposurePut => value(&decode::<ExposurePutV1>(body)?),
        Kind::GrantSet => value(&decode::<GrantSetV1>(body)?),
        Kind::GrantAcknowledged => value(&decode::<GrantAcknowledgedV1>(body)?),
        Kind::FeedPassed => value(&decode::<FeedPassedV1>(body)?),
        Kind::GrantsFreed => value(&decode::<GrantsFreedV1>(body)?),
    })
}

/// An order's record with its kits, if it has some.
fn with_kits<T: Serialize>(order: Value, kits: &[T]) -> Value {
    with_list(order, "kits", kits)
}

/// An order's record with a list under this name, if that has something.
fn with_list<T: Serialize>(mut order: Value, name: &str, list: &[T]) -> Value {
    if !list.is_empty() {
        order[name] = serde_json::to_value(list).unwrap_or_default();
    }
    order
}

/// An order's record with what stands behind what was asked and decided.
fn detailed(mut order: Value, details: &OrderDetailsV1<'_>) -> Result<Value, DecodeError> {
    if let Some(hold) = details.hold {
        order["hold"] = hold.into();
    }
    if details.said != OrderSaidV1::default() {
        order["said"] = serde_json::to_value(&details.said).unwrap_or_default();
    }
    if let Some(routed) = &details.routed {
        order["routed"] = explained(routed)?;
    }
    Ok(order)
}

/// What a profile said of an order, in the numbers of the log: locations and profiles are told by theirs.
fn explained(routed: &RoutedV1<'_>) -> Result<Value, DecodeError> {
    let explanation = Explanation::decode(routed.explanation)
        .map_err(|error| DecodeError::Malformed(format!("its explanation is none: {error:?}")))?;
    let Explanation { version, decision, is_cut_short, ref places, left_out } = explanation;
    let Decided { by, number, outcome } = Decided::of(decision);
    let place = |verdict: &Verdict| {
        let Verdict { location, reason, score } = *verdict;
        json!({ "location": location.0, "reason": reason_code(reason), "rank": rank_of(reason), "score": score })
    };
    Ok(json!({
        "profile": routed.profile,
        "version": version,
        "decision": { "by": by, "number": number, "outcome": outcome },
        "is_cut_short": is_cut_short,
        "locations": places.iter().map(place).collect::<Vec<_>>(),
        "left_out": left_out,
    }))
}

/// The members of the first part of a body, and beside them those of the second.
fn both(mut first: Value, second: Value) -> Value {
    if let (Some(first), Value::Object(second)) = (first.as_object_mut(), second) {
        first.extend(second);
    }
    first
}

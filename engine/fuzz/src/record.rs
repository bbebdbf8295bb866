//! Records of any bytes: what decodes is encoded and decodes to the same, and an event says the same.

use onhand_engine::record::admin::{
    CommandRefusedV1, KeyCreatedV1, KeyRevokedV1, LogClosedV1, LogOpenedV1, MerchantCreatedV1,
};
use onhand_engine::record::agreed::{AgreedV1, LapsedV1};
use onhand_engine::record::codec::{decode_first, encode_row_into};
use onhand_engine::record::grant::{
    ExposurePutV1, FeedPassedV1, GrantAcknowledgedV1, GrantSetV1, GrantsFreedV1,
};
use onhand_engine::record::hold::{HoldExtendedV1, HoldPlacedV1, HoldsEndedV1};
use onhand_engine::record::kit::{KitLineV1, KitPictureV1, SkuKitV1};
use onhand_engine::record::order::{
    BacklogFilledV1, OrderAcceptedV1, OrderAskedV1, OrderCancelledV1, OrderRefusedV1, OrderShippedV1,
    RepeatAnsweredV1, customer_of, external_of,
};
use onhand_engine::record::routing::{ChannelRoutingV1, OrderDetailsV1, RoutingProfilePutV1};
use onhand_engine::record::rules::{
    ChannelPutV1, ChannelTermsV1, LocationPutV1, LocationTermsV1, SkuLimitsV1, SkuPutV1, SkuTermsV1,
};
use onhand_engine::record::stock::StockMovedV1;
use onhand_engine::record::{Header, Kind, decode};
use onhand_engine::translate::decode_event;

/// Reads one value from the front of bytes, writes it and reads it again; returns what stands behind it.
macro_rules! again {
    ($type:ty, $bytes:expr) => {{
        let read = decode_first::<$type>($bytes).ok();
        if let Some((value, _)) = &read {
            let mut bytes = Vec::new();
            assert_eq!(encode_row_into(value, &mut bytes), Ok(()), "what was read can be written");
            assert!(bytes.len() <= $bytes.len(), "no encoding is longer than the one that was read");
            assert_eq!(decode::<$type>(&bytes).as_ref(), Ok(value), "and reads the same");
        }
        read.map(|(_, rest)| rest)
    }};
}
pub(crate) use again;

/// The input is a record.
pub(crate) fn record(input: &[u8]) {
    let Ok((header, body)) = Header::decode(input) else { return };
    let mut written = Vec::new();
    header.encode_into(&mut written);
    assert_eq!(written, input[..input.len() - body.len()], "a header has one encoding");
    body_of(header.kind, body);
    drop(decode_event(&header, body));
}

/// What stands behind an order, if it is more than a hold.
fn details_of(rest: &[u8]) -> Option<&[u8]> {
    if rest.is_empty() {
        return Some(rest);
    }
    let rest = again!(OrderDetailsV1<'_>, rest)?;
    let rest = if rest.is_empty() { rest } else { again!(Vec<KitLineV1>, rest)? };
    if rest.is_empty() { Some(rest) } else { again!(Vec<AgreedV1>, rest) }
}

/// What stands behind a change of an order, if it has kits.
fn kits_of(rest: &[u8]) -> Option<&[u8]> {
    if rest.is_empty() { Some(rest) } else { again!(Vec<KitPictureV1>, rest) }
}

fn body_of(kind: Kind, body: &[u8]) {
    let rest = match kind {
        Kind::LogOpened => again!(LogOpenedV1, body),
        Kind::LogClosed => again!(LogClosedV1, body),
        Kind::MerchantCreated => again!(MerchantCreatedV1<'_>, body),
        Kind::KeyCreated => again!(KeyCreatedV1, body),
        Kind::KeyRevoked => again!(KeyRevokedV1, body),
        Kind::LocationPut => again!(LocationPutV1<'_>, body)
            .filter(|rest| !rest.is_empty())
            .and_then(|rest| again!(LocationTermsV1, rest)),
        Kind::ChannelPut => again!(ChannelPutV1<'_>, body)
            .filter(|rest| !rest.is_empty())
            .and_then(|rest| again!(ChannelTermsV1, rest))
            .filter(|rest| !rest.is_empty())
            .and_then(|rest| again!(ChannelRoutingV1, rest)),
        Kind::SkuPut => again!(SkuPutV1<'_>, body)
            .filter(|rest| !rest.is_empty())
            .and_then(|rest| again!(SkuTermsV1, rest))
            .filter(|rest| !rest.is_empty())
            .and_then(|rest| again!(SkuKitV1, rest))
            .filter(|rest| !rest.is_empty())
            .and_then(|rest| again!(SkuLimitsV1, rest)),
        Kind::RoutingProfilePut => again!(RoutingProfilePutV1<'_>, body),
        Kind::StockMoved => again!(StockMovedV1<'_>, body),
        Kind::OrderAccepted => {
            drop(external_of(body));
            drop(customer_of(body));
            again!(OrderAskedV1<'_>, body).and_then(|rest| again!(OrderAcceptedV1, rest)).and_then(details_of)
        }
        Kind::OrderRefused => {
            again!(OrderAskedV1<'_>, body).and_then(|rest| again!(OrderRefusedV1, rest)).and_then(details_of)
        }
        Kind::OrderCancelled => again!(OrderCancelledV1<'_>, body)
            .and_then(kits_of)
            .filter(|rest| !rest.is_empty())
            .and_then(|rest| again!(LapsedV1, rest)),
        Kind::OrderShipped => again!(OrderShippedV1<'_>, body).and_then(kits_of),
        Kind::BacklogFilled => again!(BacklogFilledV1, body),
        Kind::CommandRefused => again!(CommandRefusedV1<'_>, body),
        Kind::RepeatAnswered => again!(RepeatAnsweredV1, body),
        Kind::HoldPlaced => again!(HoldPlacedV1<'_>, body),
        Kind::HoldExtended => again!(HoldExtendedV1, body),
        Kind::HoldsEnded => again!(HoldsEndedV1, body),
        Kind::ExposurePut => again!(ExposurePutV1, body),
        Kind::GrantSet => again!(GrantSetV1, body),
        Kind::GrantAcknowledged => again!(GrantAcknowledgedV1, body),
        Kind::FeedPassed => again!(FeedPassedV1, body),
        Kind::GrantsFreed => again!(GrantsFreedV1, body),
    };
    assert!(rest.is_none_or(|rest| rest.len() <= body.len()));
}

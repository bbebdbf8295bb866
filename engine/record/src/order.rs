//! Orders. An order's record has two parts: what was asked, and what was decided; what came later stands in a third one.
//! The id of an order is the LSN of the record that accepted it.

use crate::agreed::AgreedV1;
use crate::codec::{DecodeError, EncodeError, decode, decode_first, encode_into};
use crate::header::{VERSION, VERSION_AGREED, VERSION_EXTENDED, VERSION_KITS, VERSION_ROUTED};
use crate::kit::KitLineV1;
use crate::routing::{OrderDetailsV1, OrderSaidV1};
use crate::rules::PolicyV1;
use bincode::{BorrowDecode, Encode};
use serde::Serialize;

/// The first part of the bodies of [`crate::Kind::OrderAccepted`] and [`crate::Kind::OrderRefused`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct OrderAskedV1<'a> {
    /// The channel's own number for it.
    pub external_id: &'a str,
    /// Which channel.
    pub channel: u16,
    /// The policy, if the order named one.
    pub policy: Option<PolicyV1>,
    /// When the channel says it was placed, in milliseconds since 1970-01-01 UTC.
    pub placed_at: Option<i64>,
    /// ISO 4217.
    pub currency: Option<[u8; 3]>,
    /// Where it goes, as far as routing needs it.
    pub ship_to: Option<ShipToV1<'a>>,
    /// Personal data, sealed under the order's own key.
    pub customer: Option<SealedV1<'a>>,
    /// What was asked for.
    pub lines: Vec<LineAskedV1<'a>>,
}

/// Where an order goes; nothing here names a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct ShipToV1<'a> {
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// Subdivision.
    pub region: Option<&'a str>,
    /// As the country writes it.
    pub postal_code: Option<&'a str>,
}

/// Personal data: XChaCha20-Poly1305 under a key that the key store holds outside the log. A key seals one
/// text, under the nonce 0; merchant (4 bytes) and key number (8) are bound to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct SealedV1<'a> {
    /// Which key.
    pub key: u64,
    /// Ciphertext and tag.
    pub ciphertext: &'a [u8],
}

/// One line as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct LineAskedV1<'a> {
    /// The channel's own name for it, unique in the order.
    pub id: &'a str,
    /// Which SKU.
    pub sku: u32,
    /// How many decimals its quantities have.
    pub decimals: u8,
    /// How many smallest units.
    pub quantity: u32,
    /// Millionths of the major unit.
    pub unit_price: Option<i64>,
}

/// The second part of [`crate::Kind::OrderAccepted`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct OrderAcceptedV1 {
    /// The policy that held.
    pub policy: PolicyV1,
    /// What is kept for it; what is missing waits.
    pub claims: Vec<ClaimV1>,
}

/// The third part of [`crate::Kind::OrderAccepted`] and [`crate::Kind::OrderRefused`], in their version 2: an order that
/// confirms a hold, which ends with it if it was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct HoldConfirmedV1 {
    /// Which.
    pub hold: u64,
}

/// Units kept for a demand. The demands of an order stand in the order of its lines: a line that is a kit has one for each
/// part, any other has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct ClaimV1 {
    /// Which demand, from 0.
    pub demand: u16,
    /// Where.
    pub location: u16,
    /// How many.
    pub quantity: u32,
}

/// The second part of [`crate::Kind::OrderRefused`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct OrderRefusedV1 {
    /// Every line that could not be served.
    pub shortfalls: Vec<ShortfallV1>,
}

/// One line that could not be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct ShortfallV1 {
    /// Which line, from 0.
    pub line: u16,
    /// What it asked.
    pub requested: u32,
    /// What there was for it.
    pub available: u32,
}

/// One line of an order after an event.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct LinePictureV1 {
    /// Units ordered.
    pub ordered: u32,
    /// Units cancelled.
    pub cancelled: u32,
    /// Units that left the building.
    pub shipped: u32,
    /// Units that came back.
    pub returned: u32,
    /// Units that wait.
    pub backordered: u32,
    /// Units whose claim was lost.
    pub short: u32,
    /// Units kept: location and quantity.
    pub allocated: Vec<(u16, u32)>,
}

/// Body of [`crate::Kind::OrderCancelled`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct OrderCancelledV1<'a> {
    /// Which order.
    pub order: u64,
    /// Line, from 0, and quantity.
    pub lines: Vec<(u16, u32)>,
    /// What its demands let go.
    pub released: Vec<ReleasedV1>,
    /// Why, as the caller says.
    pub reason: Option<&'a str>,
    /// The order afterwards.
    pub after: Vec<LinePictureV1>,
}

/// Units that a cancellation let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct ReleasedV1 {
    /// Which demand.
    pub demand: u16,
    /// What the units were.
    pub source: SourceV1,
    /// How many.
    pub quantity: u32,
}

/// What a cancelled unit was until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub enum SourceV1 {
    /// It waited, accepted without stock.
    Backordered,
    /// It waited, sold without goods.
    Short,
    /// It was kept at this location.
    Claimed(u16),
}

/// Body of [`crate::Kind::OrderShipped`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct OrderShippedV1<'a> {
    /// Which order.
    pub order: u64,
    /// From where.
    pub location: u16,
    /// Line, from 0, and quantity.
    pub lines: Vec<(u16, u32)>,
    /// Demand, from 0, and quantity of the claims that ended.
    pub claims: Vec<(u16, u32)>,
    /// The carrier's number.
    pub tracking_number: Option<&'a str>,
    /// The order afterwards.
    pub after: Vec<LinePictureV1>,
}

/// Body of [`crate::Kind::BacklogFilled`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct BacklogFilledV1 {
    /// For which SKU.
    pub sku: u32,
    /// Who got what.
    pub fills: Vec<FilledV1>,
    /// Where the pass goes on, if it does.
    pub next: Option<WaitingV1>,
}

/// Units that one waiting demand got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct FilledV1 {
    /// Whose, which, and what it had been.
    pub waiting: WaitingV1,
    /// Where.
    pub location: u16,
    /// How many.
    pub quantity: u32,
}

/// One demand that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct WaitingV1 {
    /// Whether it was sold without goods: its claim had been lost, or its order was imposed. Else it was accepted without
    /// stock.
    pub is_short: bool,
    /// Whose.
    pub order: u64,
    /// Which of its demands.
    pub demand: u16,
}

/// Body of [`crate::Kind::RepeatAnswered`]: an order came again under another key, which this record binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct RepeatAnsweredV1 {
    /// The accepted order with the same external id.
    pub order: u64,
    /// Whether something else was asked than that order: 409 `external_id_conflict`. Else the first answer was given.
    pub conflicts: bool,
}

/// Reads of the body of an accepted or refused order what was asked.
///
/// # Errors
/// [`DecodeError`] if it is not one.
pub fn decode_asked(body: &[u8]) -> Result<OrderAskedV1<'_>, DecodeError> {
    decode_first(body).map(|(asked, _)| asked)
}

/// Reads of the body of an accepted or refused order only what it begins with: external id and channel.
///
/// # Errors
/// [`DecodeError`] if it is not one.
pub fn external_of(body: &[u8]) -> Result<(&str, u16), DecodeError> {
    decode_first(body).map(|(first, _)| first)
}

/// The personal data in the body of an accepted or refused order, if it has some; what comes behind it is not read.
///
/// # Errors
/// [`DecodeError`] if it is not one.
pub fn customer_of(body: &[u8]) -> Result<Option<SealedV1<'_>>, DecodeError> {
    /// The fields of [`OrderAskedV1`] up to the one that is looked for.
    type Head<'a> = (
        (&'a str, u16, Option<PolicyV1>, Option<i64>, Option<[u8; 3]>, Option<ShipToV1<'a>>),
        Option<SealedV1<'a>>,
    );
    let (head, _): (Head<'_>, _) = decode_first(body)?;
    Ok(head.1)
}

/// Reads the body of an accepted order, without its details.
///
/// # Errors
/// [`DecodeError`] if it is not one of this version.
pub fn decode_accepted(version: u8, body: &[u8]) -> Result<(OrderAskedV1<'_>, OrderAcceptedV1), DecodeError> {
    decode_accepted_whole(version, body).map(|(asked, accepted, _)| (asked, accepted))
}

/// Reads the body of an accepted order, without its kits and what more was agreed of it.
///
/// # Errors
/// [`DecodeError`] if it is not one of this version.
pub fn decode_accepted_whole(
    version: u8,
    body: &[u8],
) -> Result<(OrderAskedV1<'_>, OrderAcceptedV1, OrderDetailsV1<'_>), DecodeError> {
    decode_accepted_all(version, body).map(|all| (all.asked, all.accepted, all.details))
}

/// All parts of the body of an accepted order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedAll<'a> {
    /// What was asked.
    pub asked: OrderAskedV1<'a>,
    /// What was decided.
    pub accepted: OrderAcceptedV1,
    /// The hold that it confirms, what it says of itself, and what rules said of it.
    pub details: OrderDetailsV1<'a>,
    /// The lines that are kits.
    pub kits: Vec<KitLineV1>,
    /// What was agreed of it beyond its policy.
    pub agreed: Vec<AgreedV1>,
}

/// Reads the body of an accepted order.
///
/// # Errors
/// [`DecodeError`] if it is not one of this version.
pub fn decode_accepted_all(version: u8, body: &[u8]) -> Result<AcceptedAll<'_>, DecodeError> {
    if version < VERSION_KITS {
        let (asked, accepted, details) = three_parts(version, body)?;
        return Ok(AcceptedAll { asked, accepted, details, kits: Vec::new(), agreed: Vec::new() });
    }
    let (asked, rest) = decode_first(body)?;
    let (accepted, rest) = decode_first(rest)?;
    let (details, rest) = decode_first(rest)?;
    if version < VERSION_AGREED {
        return Ok(AcceptedAll { asked, accepted, details, kits: decode(rest)?, agreed: Vec::new() });
    }
    let (kits, rest) = decode_first(rest)?;
    Ok(AcceptedAll { asked, accepted, details, kits, agreed: decode(rest)? })
}

/// Reads the body of a refused order, without its details.
///
/// # Errors
/// [`DecodeError`] if it is not one of this version.
pub fn decode_refused(version: u8, body: &[u8]) -> Result<(OrderAskedV1<'_>, OrderRefusedV1), DecodeError> {
    decode_refused_whole(version, body).map(|(asked, refused, _)| (asked, refused))
}

/// Reads the body of a refused order; the hold in it is one that was live.
///
/// # Errors
/// [`DecodeError`] if it is not one of this version.
pub fn decode_refused_whole(
    version: u8,
    body: &[u8],
) -> Result<(OrderAskedV1<'_>, OrderRefusedV1, OrderDetailsV1<'_>), DecodeError> {
    three_parts(version, body)
}

/// The version of the body of an order of this policy with these details.
#[must_use]
pub fn version_with(policy: PolicyV1, details: &OrderDetailsV1<'_>) -> u8 {
    match details {
        OrderDetailsV1 { .. } if policy.is_later() => VERSION_ROUTED,
        OrderDetailsV1 { routed: None, said, .. } if *said != OrderSaidV1::default() => VERSION_ROUTED,
        OrderDetailsV1 { routed: Some(_), .. } => VERSION_ROUTED,
        OrderDetailsV1 { hold: Some(_), .. } => VERSION_EXTENDED,
        OrderDetailsV1 { .. } => VERSION,
    }
}

/// Appends the details of an order, as its [version](version_with) has them.
///
/// # Errors
/// [`EncodeError`] if the record would be too long.
pub fn encode_details(
    policy: PolicyV1,
    details: &OrderDetailsV1<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match (version_with(policy, details), details.hold) {
        (VERSION_ROUTED, _) => encode_into(details, out),
        (_, Some(hold)) => encode_into(&HoldConfirmedV1 { hold }, out),
        (_, None) => Ok(()),
    }
}

/// Appends the details and the kits of an accepted order that has some, as [`VERSION_KITS`] has them.
///
/// # Errors
/// [`EncodeError`] if the record would be too long.
pub fn encode_kits(
    details: &OrderDetailsV1<'_>,
    kits: &[KitLineV1],
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    encode_into(details, out)?;
    encode_into(&kits, out)
}

/// Appends the details, the kits and what was agreed of an accepted order of which something was, as [`VERSION_AGREED`] has
/// them.
///
/// # Errors
/// [`EncodeError`] if the record would be too long.
pub fn encode_agreed(
    details: &OrderDetailsV1<'_>,
    kits: &[KitLineV1],
    agreed: &[AgreedV1],
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    encode_kits(details, kits, out)?;
    encode_into(&agreed, out)
}

/// What was asked, what was decided, and the details that this version has.
fn three_parts<'a, T: BorrowDecode<'a, ()>>(
    version: u8,
    body: &'a [u8],
) -> Result<(OrderAskedV1<'a>, T, OrderDetailsV1<'a>), DecodeError> {
    let (asked, rest) = decode_first(body)?;
    if version < VERSION_EXTENDED {
        return Ok((asked, decode(rest)?, OrderDetailsV1::default()));
    }
    let (decided, rest) = decode_first(rest)?;
    if version >= VERSION_ROUTED {
        return Ok((asked, decided, decode(rest)?));
    }
    let HoldConfirmedV1 { hold } = decode(rest)?;
    Ok((asked, decided, OrderDetailsV1 { hold: Some(hold), ..OrderDetailsV1::default() }))
}

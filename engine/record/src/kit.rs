//! Kits: what SKUs are made of, and what lines of orders that are kits were made of when they were accepted.

use crate::agreed::LapsedV1;
use crate::codec::{DecodeError, EncodeError, decode, decode_first, encode_into};
use crate::header::{VERSION_EXTENDED, VERSION_LAPSED};
use crate::order::{OrderCancelledV1, OrderShippedV1};
use bincode::{BorrowDecode, Encode};
use serde::Serialize;

/// The third part of [`crate::Kind::SkuPut`] in its version 3: what a kit is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, BorrowDecode, Serialize)]
pub struct SkuKitV1 {
    /// SKU and smallest units of each component, in the order in which they were put.
    pub components: Vec<(u32, u32)>,
}

/// A line of an accepted order that is a kit. The fourth part of [`crate::Kind::OrderAccepted`] in its version 5 is a list
/// of them, in the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct KitLineV1 {
    /// Which line, from 0.
    pub line: u16,
    /// SKU of each part, none of which is a kit, and its smallest units in one kit, in the order of SKU numbers.
    pub parts: Vec<(u32, u32)>,
}

/// A line of an order after an event that is a kit. The second part of [`crate::Kind::OrderCancelled`] and
/// [`crate::Kind::OrderShipped`] in their version 2 is a list of them, in the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct KitPictureV1 {
    /// Which line, from 0.
    pub line: u16,
    /// Its parts, in the order of the demands.
    pub parts: Vec<PartPictureV1>,
}

/// A part of a kit after an event, in its own smallest units.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct PartPictureV1 {
    /// Which SKU.
    pub sku: u32,
    /// Units of one kit.
    pub per_kit: u32,
    /// Units that left the building.
    pub shipped: u32,
    /// Units that wait.
    pub backordered: u32,
    /// Units whose claim was lost.
    pub short: u32,
    /// Units kept: location and quantity.
    pub allocated: Vec<(u16, u32)>,
}

/// Appends the kits of an order behind the first part of a body, if it has some.
///
/// # Errors
/// [`EncodeError`] if the record would be too long.
pub fn encode_after(kits: &[KitPictureV1], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if kits.is_empty() { Ok(()) } else { encode_into(&kits, out) }
}

/// Appends the kits of an order and the date that has come, as [`VERSION_LAPSED`] has them.
///
/// # Errors
/// [`EncodeError`] if the record would be too long.
pub fn encode_lapsed(kits: &[KitPictureV1], lapsed: LapsedV1, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode_into(&kits, out)?;
    encode_into(&lapsed, out)
}

/// A cancelled order, its kits, and the date that has come if nobody asked for it.
pub type CancelledAll<'a> = (OrderCancelledV1<'a>, Vec<KitPictureV1>, Option<LapsedV1>);

/// Reads the body of a cancelled order.
///
/// # Errors
/// [`DecodeError`] if it is not one of this version.
pub fn decode_cancelled_all(version: u8, body: &[u8]) -> Result<CancelledAll<'_>, DecodeError> {
    if version < VERSION_LAPSED {
        return with_kits(version, body).map(|(cancelled, kits)| (cancelled, kits, None));
    }
    let (cancelled, rest) = decode_first(body)?;
    let (kits, rest) = decode_first(rest)?;
    Ok((cancelled, kits, Some(decode(rest)?)))
}

/// Reads the body of a cancelled order, without why it was.
///
/// # Errors
/// [`DecodeError`] if it is not one of this version.
pub fn decode_cancelled(
    version: u8,
    body: &[u8],
) -> Result<(OrderCancelledV1<'_>, Vec<KitPictureV1>), DecodeError> {
    decode_cancelled_all(version, body).map(|(cancelled, kits, _)| (cancelled, kits))
}

/// Reads the body of a shipped order.
///
/// # Errors
/// [`DecodeError`] if it is not one of this version.
pub fn decode_shipped(
    version: u8,
    body: &[u8],
) -> Result<(OrderShippedV1<'_>, Vec<KitPictureV1>), DecodeError> {
    with_kits(version, body)
}

fn with_kits<'a, T: BorrowDecode<'a, ()>>(
    version: u8,
    body: &'a [u8],
) -> Result<(T, Vec<KitPictureV1>), DecodeError> {
    if version < VERSION_EXTENDED {
        return Ok((decode(body)?, Vec::new()));
    }
    let (first, rest) = decode_first(body)?;
    Ok((first, decode(rest)?))
}

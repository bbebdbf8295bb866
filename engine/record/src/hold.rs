//! Holds: units that are kept for a buyer until a deadline. A hold's id is the LSN of the record that placed it.

use bincode::{BorrowDecode, Encode};
use serde::Serialize;

/// Body of [`crate::Kind::HoldPlaced`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct HoldPlacedV1<'a> {
    /// For an order of which channel.
    pub channel: u16,
    /// When it ends, in milliseconds since 1970-01-01 UTC.
    pub deadline: u64,
    /// For which customer: a keyed hash of what the channel calls them.
    pub customer: Option<[u8; 16]>,
    /// What is kept.
    pub lines: Vec<HeldLineV1<'a>>,
}

/// One line of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct HeldLineV1<'a> {
    /// The channel's own name for it, unique in the hold.
    pub id: &'a str,
    /// Which SKU.
    pub sku: u32,
    /// How many decimals its quantities have.
    pub decimals: u8,
    /// How many smallest units.
    pub quantity: u32,
}

/// Body of [`crate::Kind::HoldExtended`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct HoldExtendedV1 {
    /// Which hold.
    pub hold: u64,
    /// When it ends now, in milliseconds since 1970-01-01 UTC.
    pub deadline: u64,
}

/// Body of [`crate::Kind::HoldsEnded`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct HoldsEndedV1 {
    /// Which holds.
    pub holds: Vec<u64>,
    /// Why.
    pub cause: EndCauseV1,
}

/// Why a hold ended without an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub enum EndCauseV1 {
    /// It was given back.
    Released,
    /// Its deadline has passed.
    Expired,
}

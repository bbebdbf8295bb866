//! Locations, channels and SKUs: all attributes each time, so that the last record of one tells all of it.

use bincode::{BorrowDecode, Encode};
use serde::Serialize;

/// Body of [`crate::Kind::LocationPut`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct LocationPutV1<'a> {
    /// Its number, dense from 0 per merchant.
    pub location: u16,
    /// Whether this record creates it.
    pub is_new: bool,
    /// Its code.
    pub code: &'a str,
    /// `warehouse`, `shop`, `3pl` or `dropship_supplier`.
    pub kind: &'a str,
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// ISO 3166-2 subdivision without the country.
    pub region: Option<&'a str>,
    /// As the country writes it.
    pub postal_code: Option<&'a str>,
    /// Smaller is preferred where a channel states no order of its own.
    pub priority: u32,
}

/// Body of [`crate::Kind::ChannelPut`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct ChannelPutV1<'a> {
    /// Its number, dense from 0 per merchant.
    pub channel: u16,
    /// Whether this record creates it.
    pub is_new: bool,
    /// Its code.
    pub code: &'a str,
    /// `shopify`, `amazon`, `woocommerce`, `wholesale`, `pos` or `api`.
    pub kind: &'a str,
    /// The locations that serve it, the preferred one first.
    pub locations: Vec<u16>,
    /// What its orders get if they name no policy.
    pub policy: PolicyV1,
}

/// What happens to what stock cannot serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub enum PolicyV1 {
    /// All or nothing.
    Reject,
    /// It waits.
    Backorder,
}

/// Body of [`crate::Kind::SkuPut`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct SkuPutV1<'a> {
    /// Its number, dense from 0 per merchant.
    pub sku: u32,
    /// Whether this record creates it.
    pub is_new: bool,
    /// Its code.
    pub code: &'a str,
    /// For people.
    pub title: Option<&'a str>,
    /// What is counted, for people.
    pub unit: Option<&'a str>,
    /// How many decimals its quantities have, 0 to 3.
    pub decimals: u8,
    /// GTIN-8, -12, -13 or -14.
    pub gtin: Option<&'a str>,
    /// Free words.
    pub tags: Vec<&'a str>,
}

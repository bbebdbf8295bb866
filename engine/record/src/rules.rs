//! Locations, channels and SKUs: all attributes each time, so that the last record of one tells all of it.
//!
//! A body of version 2 has a second part behind the first: what is kept of stock, for whom. Without it nothing is.

use crate::codec::{DecodeError, EncodeError, decode, decode_first, encode_into};
use crate::header::{VERSION, VERSION_EXTENDED, VERSION_KIT, VERSION_LIMITS, VERSION_ROUTED};
use crate::kit::SkuKitV1;
use crate::routing::ChannelRoutingV1;
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
    /// It was sold already: it waits as short.
    Imposed,
    /// It waits, and what is there waits with it.
    ShipComplete,
}

impl PolicyV1 {
    /// Whether it came after the first release: only bodies of [`VERSION_ROUTED`] or later, and generations, have it.
    #[must_use]
    pub fn is_later(self) -> bool {
        matches!(self, Self::Imposed | Self::ShipComplete)
    }
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

/// The second part of [`crate::Kind::LocationPut`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, BorrowDecode, Serialize)]
pub struct LocationTermsV1 {
    /// Units of each SKU that stay here, if the SKU states no other number.
    pub safety_stock: u32,
}

/// The second part of [`crate::Kind::ChannelPut`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct ChannelTermsV1 {
    /// How much it may sell of SKUs that have no terms for it.
    pub stock_policy: StockPolicyV1,
    /// Who is promised units when they are scarce: the smaller rank first.
    pub rank: u16,
}

/// The rank of a channel that states none.
pub const RANK_DEFAULT: u16 = 100;

impl Default for ChannelTermsV1 {
    fn default() -> Self {
        Self { stock_policy: StockPolicyV1::default(), rank: RANK_DEFAULT }
    }
}

/// How much of the shared stock a channel may sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, BorrowDecode, Serialize)]
pub struct StockPolicyV1 {
    /// No more than this.
    pub ceiling: Option<AmountV1>,
    /// Not the last so many.
    pub buffer: AmountV1,
    /// So many that no other channel gets.
    pub floor: u32,
}

/// A number of units, or a part of what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub enum AmountV1 {
    /// So many smallest units.
    Units(u32),
    /// So many hundredths.
    Percent(u8),
}

impl Default for AmountV1 {
    fn default() -> Self {
        Self::Units(0)
    }
}

/// The second part of [`crate::Kind::SkuPut`]. All lists are in the order of their first numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, BorrowDecode, Serialize)]
pub struct SkuTermsV1 {
    /// Units that stay at each location.
    pub safety_stock: Option<u32>,
    /// The same at one location: location and units.
    pub safety_stock_at: Vec<(u16, u32)>,
    /// Terms of channels.
    pub channels: Vec<SkuChannelTermsV1>,
    /// Pools afterwards.
    pub pools: Vec<PoolV1>,
}

/// The fourth part of [`crate::Kind::SkuPut`] in its version 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, BorrowDecode, Serialize)]
pub struct SkuLimitsV1 {
    /// The most units that may wait for it, accepted without stock.
    pub backorder_limit: Option<u32>,
}

/// Units that are one channel's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct PoolV1 {
    /// Whose.
    pub channel: u16,
    /// The record that made it: orders before take nothing from it. 0 in a record that makes it.
    pub since: u64,
    /// Units that no claim has.
    pub left: u64,
    /// Units of live claims that came from it.
    pub charged: u64,
    /// Units of live claims of orders that may take from it.
    pub claimed: u64,
}

/// What one channel may sell of one SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct SkuChannelTermsV1 {
    /// Which channel.
    pub channel: u16,
    /// Its share of what no pool has.
    pub policy: StockPolicyV1,
    /// Units that were put into its pool.
    pub dedicated: u32,
}

/// Appends a body of one of these kinds: the first part, and the second one if it says something. The record is of
/// [`crate::header::VERSION_EXTENDED`] then, else of [`crate::VERSION`].
///
/// # Errors
/// [`EncodeError`] if the record would be too long.
pub fn encode_both<T>(first: &impl Encode, second: &T, out: &mut Vec<u8>) -> Result<(), EncodeError>
where
    T: Encode + Default + PartialEq,
{
    encode_into(first, out)?;
    if *second == T::default() { Ok(()) } else { encode_into(second, out) }
}

/// Reads a body of [`crate::Kind::LocationPut`] of this version.
///
/// # Errors
/// [`DecodeError`] if it is not one.
pub fn decode_location(
    version: u8,
    body: &[u8],
) -> Result<(LocationPutV1<'_>, LocationTermsV1), DecodeError> {
    both_parts(version, body)
}

/// Appends a body of [`crate::Kind::ChannelPut`] with as many parts as its [version](channel_version) has.
///
/// # Errors
/// [`EncodeError`] if the record would be too long.
pub fn encode_channel(
    put: &ChannelPutV1<'_>,
    terms: &ChannelTermsV1,
    routing: ChannelRoutingV1,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if channel_version(put.policy, terms, routing) < VERSION_ROUTED {
        return encode_both(put, terms, out);
    }
    encode_into(put, out)?;
    encode_into(terms, out)?;
    encode_into(&routing, out)
}

/// The version of a body of [`crate::Kind::ChannelPut`] with this policy and these parts.
#[must_use]
pub fn channel_version(policy: PolicyV1, terms: &ChannelTermsV1, routing: ChannelRoutingV1) -> u8 {
    if routing != ChannelRoutingV1::default() || policy.is_later() {
        VERSION_ROUTED
    } else if *terms != ChannelTermsV1::default() {
        VERSION_EXTENDED
    } else {
        VERSION
    }
}

/// Reads a body of [`crate::Kind::ChannelPut`] of this version.
///
/// # Errors
/// [`DecodeError`] if it is not one.
pub fn decode_channel(
    version: u8,
    body: &[u8],
) -> Result<(ChannelPutV1<'_>, ChannelTermsV1, ChannelRoutingV1), DecodeError> {
    if version < VERSION_ROUTED {
        return both_parts(version, body).map(|(put, terms)| (put, terms, ChannelRoutingV1::default()));
    }
    let (put, rest) = decode_first(body)?;
    let (terms, rest) = decode_first(rest)?;
    Ok((put, terms, decode(rest)?))
}

/// Appends a body of [`crate::Kind::SkuPut`] with as many parts as its [version](sku_version) has.
///
/// # Errors
/// [`EncodeError`] if the record would be too long.
pub fn encode_sku(
    put: &SkuPutV1<'_>,
    terms: &SkuTermsV1,
    kit: &SkuKitV1,
    limits: SkuLimitsV1,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let version = sku_version(terms, kit, limits);
    if version < VERSION_KIT {
        return encode_both(put, terms, out);
    }
    encode_into(put, out)?;
    encode_into(terms, out)?;
    encode_into(kit, out)?;
    if version < VERSION_LIMITS { Ok(()) } else { encode_into(&limits, out) }
}

/// The version of a body of [`crate::Kind::SkuPut`] with these parts.
#[must_use]
pub fn sku_version(terms: &SkuTermsV1, kit: &SkuKitV1, limits: SkuLimitsV1) -> u8 {
    if limits != SkuLimitsV1::default() {
        VERSION_LIMITS
    } else if *kit != SkuKitV1::default() {
        VERSION_KIT
    } else if *terms != SkuTermsV1::default() {
        VERSION_EXTENDED
    } else {
        VERSION
    }
}

/// What a SKU is, what is kept of it for whom, what it is made of, and its limits.
pub type SkuAll<'a> = (SkuPutV1<'a>, SkuTermsV1, SkuKitV1, SkuLimitsV1);

/// Reads a body of [`crate::Kind::SkuPut`] of this version.
///
/// # Errors
/// [`DecodeError`] if it is not one.
pub fn decode_sku(version: u8, body: &[u8]) -> Result<SkuAll<'_>, DecodeError> {
    let no_limits = SkuLimitsV1::default();
    if version < VERSION_KIT {
        return both_parts(version, body).map(|(put, terms)| (put, terms, SkuKitV1::default(), no_limits));
    }
    let (put, rest) = decode_first(body)?;
    let (terms, rest) = decode_first(rest)?;
    if version < VERSION_LIMITS {
        return Ok((put, terms, decode(rest)?, no_limits));
    }
    let (kit, rest) = decode_first(rest)?;
    Ok((put, terms, kit, decode(rest)?))
}

/// Both parts; where the version has no second one, what that means.
fn both_parts<'a, A, B>(version: u8, body: &'a [u8]) -> Result<(A, B), DecodeError>
where
    A: BorrowDecode<'a, ()>,
    B: BorrowDecode<'a, ()> + Default,
{
    if version < VERSION_EXTENDED {
        return Ok((decode(body)?, B::default()));
    }
    let (first, rest) = decode_first(body)?;
    Ok((first, decode(rest)?))
}

//! What a snapshot generation holds. Chunks are rows back to back, each by itself, so that a chunk can end
//! anywhere. Their keys are a kind (1 byte), the merchant (4, big-endian) and a count from 0 (4, big-endian);
//! the kinds are [`CHUNK_MERCHANTS`], [`CHUNK_STATES`], [`CHUNK_SKUS`], [`CHUNK_ORDERS`], [`CHUNK_RULES`],
//! [`CHUNK_TERMS`], [`CHUNK_HOLDS`], [`CHUNK_ROUTING`], [`CHUNK_TAGS`],
//! [`CHUNK_WITHIN`], [`CHUNK_KITS`], [`CHUNK_PARTS`], [`CHUNK_EXPOSURES`], [`CHUNK_GRANTS`],
//! [`CHUNK_AGREED`] and [`CHUNK_LIMITS`], in this order. All but the
//! first four and routing stand there only if they have something to say. A generation without routing of a merchant was
//! written by a release that knew none of it, and is not used: the log is read instead.

use crate::agreed::AgreedV1;
use crate::grant::ModeV1;
use crate::order::WaitingV1;
use crate::routing::FormatV1;
use crate::rules::{ChannelTermsV1, LocationTermsV1, PolicyV1, SkuLimitsV1, SkuTermsV1};
use bincode::{BorrowDecode, Encode};

/// Chunks of [`MerchantRowV1`] and then [`KeyRowV1`], all merchants together under merchant 0 and 1.
pub const CHUNK_MERCHANTS: u8 = 1;
/// Chunks of one [`MerchantStateV1`].
pub const CHUNK_STATES: u8 = 2;
/// Chunks of [`SkuRowV1`], in the order of SKU numbers.
pub const CHUNK_SKUS: u8 = 3;
/// Chunks of [`OrderRowV1`].
pub const CHUNK_ORDERS: u8 = 4;

/// Chunks of one [`MerchantRulesV1`].
pub const CHUNK_RULES: u8 = 5;
/// Chunks of [`SkuTermsRowV1`], in the order of SKU numbers.
pub const CHUNK_TERMS: u8 = 6;
/// Chunks of [`HoldRowV1`], the oldest first.
pub const CHUNK_HOLDS: u8 = 7;
/// Chunks of one [`MerchantRoutingV1`].
pub const CHUNK_ROUTING: u8 = 8;
/// Chunks of [`SkuTagsRowV1`], in the order of SKU numbers.
pub const CHUNK_TAGS: u8 = 9;
/// Chunks of [`WithinRowV1`], the oldest order first.
pub const CHUNK_WITHIN: u8 = 10;
/// Chunks of [`KitRowV1`], in the order of SKU numbers.
pub const CHUNK_KITS: u8 = 11;
/// Chunks of [`PartsRowV1`], in the order of the rows in [`CHUNK_ORDERS`].
pub const CHUNK_PARTS: u8 = 12;
/// Chunks of [`ExposureRowV1`], by channel number.
pub const CHUNK_EXPOSURES: u8 = 13;
/// Chunks of [`GrantRowV1`], by SKU number and then by channel number.
pub const CHUNK_GRANTS: u8 = 14;
/// Chunks of [`AgreedRowV1`], the oldest order first.
pub const CHUNK_AGREED: u8 = 15;
/// Chunks of [`SkuLimitsRowV1`], in the order of SKU numbers.
pub const CHUNK_LIMITS: u8 = 16;

/// What is said about a generation as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct SnapshotV1 {
    /// Identity of the journal.
    pub cluster: [u8; 16],
    /// Every record up to here is in it; of some merchants later ones too.
    pub cut: u64,
    /// When it was begun, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// Sum of the merchants' digests.
    pub digest: u64,
}

/// One merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct MerchantRowV1<'a> {
    /// Its number.
    pub merchant: u32,
    /// Its name.
    pub name: &'a str,
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct KeyRowV1 {
    /// Its number.
    pub key: u32,
    /// Whose.
    pub merchant: u32,
    /// blake3 of its secret.
    pub secret_hash: [u8; 32],
    /// What it may do.
    pub scopes: u8,
    /// Whether it is no longer good.
    pub is_revoked: bool,
}

/// A merchant's state apart from SKUs and orders.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct MerchantStateV1<'a> {
    /// The last record of this merchant that is in it, or a later one of others.
    pub cut: u64,
    /// The last time stamped into one of its records.
    pub at: u64,
    /// All locations, by number.
    pub locations: Vec<NameV1<'a>>,
    /// All channels, by number.
    pub channels: Vec<ChannelRowV1<'a>>,
}

/// A code, and the record that has the attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct NameV1<'a> {
    /// The code.
    pub code: &'a str,
    /// The LSN of the last record that put it.
    pub put: u64,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct ChannelRowV1<'a> {
    /// Code and record.
    pub name: NameV1<'a>,
    /// The locations that serve it, the preferred one first.
    pub locations: Vec<u16>,
    /// What its orders get if they name no policy.
    pub policy: PolicyV1,
}

/// One SKU.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct SkuRowV1<'a> {
    /// Code and record.
    pub name: NameV1<'a>,
    /// How many decimals its quantities have.
    pub decimals: u8,
    /// Whether stock ever moved or somebody waited for it.
    pub is_in_use: bool,
    /// Location, sellable, damaged and quality control.
    pub levels: Vec<(u16, u32, u32, u32)>,
    /// Where a pass over those who wait goes on, if one is under way.
    pub pass: Option<WaitingV1>,
}

/// One open order.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct OrderRowV1 {
    /// Its id: the LSN of the record that accepted it.
    pub order: u64,
    /// Where it came from.
    pub channel: u16,
    /// What was agreed for what stock cannot serve.
    pub policy: PolicyV1,
    /// Ordered, cancelled, shipped and returned.
    pub lines: Vec<(u32, u32, u32, u32)>,
    /// SKU, line, backordered and short.
    pub demands: Vec<(u32, u16, u32, u32)>,
    /// Demand, location and quantity.
    pub claims: Vec<(u16, u16, u32)>,
}

/// What a merchant's locations and channels keep.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct MerchantRulesV1 {
    /// By location number.
    pub locations: Vec<LocationTermsV1>,
    /// By channel number.
    pub channels: Vec<ChannelTermsV1>,
}

/// The terms of one SKU that has some.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct SkuTermsRowV1 {
    /// Which.
    pub sku: u32,
    /// What was stated, and what is left in its pools.
    pub terms: SkuTermsV1,
}

/// One live hold.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct HoldRowV1 {
    /// Its id: the LSN of the record that placed it.
    pub hold: u64,
    /// For an order of which channel.
    pub channel: u16,
    /// When it ends, in milliseconds since 1970-01-01 UTC.
    pub deadline: u64,
    /// How often it was extended.
    pub extensions: u8,
    /// For which customer.
    pub customer: Option<[u8; 16]>,
    /// Which key made it.
    pub key: u32,
    /// SKU and units, in the order of SKU numbers.
    pub units: Vec<(u32, u32)>,
}

/// What a merchant's orders are routed by.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct MerchantRoutingV1<'a> {
    /// By number.
    pub profiles: Vec<ProfileRowV1<'a>>,
    /// The profile of each channel, by channel number.
    pub channels: Vec<Option<u16>>,
    /// Where each location is, by location number.
    pub places: Vec<PlaceRowV1<'a>>,
}

/// One routing profile.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct ProfileRowV1<'a> {
    /// Its name.
    pub code: &'a str,
    /// The records of all its versions, the first one first.
    pub versions: Vec<u64>,
    /// How the text of the newest is written.
    pub format: FormatV1,
    /// That text.
    pub text: &'a str,
}

/// Where a location is, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct PlaceRowV1<'a> {
    /// As in [`crate::rules::LocationPutV1`].
    pub kind: &'a str,
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// Subdivision.
    pub region: Option<&'a str>,
    /// As the country writes it.
    pub postal_code: Option<&'a str>,
}

/// The tags of one SKU that has some.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct SkuTagsRowV1<'a> {
    /// Which.
    pub sku: u32,
    /// Its tags.
    pub tags: Vec<&'a str>,
}

/// What one kit is made of.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct KitRowV1 {
    /// Which SKU.
    pub sku: u32,
    /// SKU and units of each component, in the order in which they were put.
    pub components: Vec<(u32, u32)>,
}

/// What the demands of one open order are of kits, if it has some.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct PartsRowV1 {
    /// The order.
    pub order: u64,
    /// Units of one kit and shipped units of each demand; 0 and 0 where its line is no kit.
    pub parts: Vec<(u32, u32)>,
}

/// The limits of one SKU that has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct SkuLimitsRowV1 {
    /// Which.
    pub sku: u32,
    /// Its limits.
    pub limits: SkuLimitsV1,
}

/// What was agreed of an open order beyond its policy, if something was.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct AgreedRowV1 {
    /// The order.
    pub order: u64,
    /// What.
    pub agreed: Vec<AgreedV1>,
}

/// Which locations may serve an order that waits, where not all of its channel's may.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct WithinRowV1 {
    /// The order.
    pub order: u64,
    /// The locations, ascending.
    pub locations: Vec<u16>,
}

/// How one channel is exposed, if something was stated of it or its feed was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct ExposureRowV1 {
    /// Which channel.
    pub channel: u16,
    /// What of its grants is kept for it.
    pub mode: ModeV1,
    /// How much later than its feed says an order may still come, in milliseconds.
    pub max_lag_ms: u64,
    /// The time that its feed has passed, on the channel's own clock; 0 = never.
    pub watermark: u64,
}

/// What one channel is granted of one SKU, if it ever was granted some.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct GrantRowV1 {
    /// Of what.
    pub sku: u32,
    /// Which channel.
    pub channel: u16,
    /// The record that granted it any first.
    pub since: u64,
    /// The total that it is told.
    pub granted: u64,
    /// Units that it has sold.
    pub sold: u64,
    /// The record that told it the total.
    pub revision: u64,
    /// By which record it was told less, by how many units, and when it acknowledged that, the oldest first.
    pub lowerings: Vec<(u64, u64, Option<u64>)>,
}

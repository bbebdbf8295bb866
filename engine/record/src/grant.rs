//! Exposure grants: what channels are told that sell from their own copy, and what they say of it. The revision of what is
//! told is the LSN of its record. Units that a channel sells take from its grant, and no record says so: an accepted order
//! and a placed hold sell what they name of SKUs that their channel was granted, but for what the order confirms.

use bincode::{BorrowDecode, Encode};
use serde::Serialize;

/// Body of [`crate::Kind::ExposurePut`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct ExposurePutV1 {
    /// Which channel.
    pub channel: u16,
    /// What of its grants is kept for it.
    pub mode: ModeV1,
    /// How much later than its feed says an order may still come, in milliseconds.
    pub max_lag_ms: u64,
}

/// What of a grant is kept from everybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeV1 {
    /// All of it.
    Escrow,
    /// A part: so many hundredths of what is kept may be granted, 100 or more.
    Overlap(u16),
    /// Nothing.
    Mirror,
}

/// Body of [`crate::Kind::GrantSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct GrantSetV1 {
    /// Of what.
    pub sku: u32,
    /// How many decimals its quantities have.
    pub decimals: u8,
    /// To which channel.
    pub channel: u16,
    /// The total that it is told: units that it was ever granted, those that it has sold included.
    pub granted: u64,
    /// Units of it that it has sold.
    pub sold: u64,
    /// Units that it may sell before it can be known not to, afterwards.
    pub taken: u64,
}

/// Body of [`crate::Kind::GrantAcknowledged`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct GrantAcknowledgedV1 {
    /// Of what.
    pub sku: u32,
    /// How many decimals its quantities have.
    pub decimals: u8,
    /// By which channel.
    pub channel: u16,
    /// The record that told what it goes by.
    pub revision: u64,
    /// Since when, on the channel's own clock, in milliseconds since 1970-01-01 UTC.
    pub at: u64,
    /// Units that it was to go without, and had not acknowledged before.
    pub units: u64,
}

/// Body of [`crate::Kind::FeedPassed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct FeedPassedV1 {
    /// Of which channel.
    pub channel: u16,
    /// The latest time that its feed has ever passed, on the channel's own clock.
    pub at: u64,
}

/// Body of [`crate::Kind::GrantsFreed`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct GrantsFreedV1 {
    /// Of which channel.
    pub channel: u16,
    /// Up to which time of its own clock all of its orders are known.
    pub until: u64,
    /// SKU, and the units by which its total was lowered and that it had acknowledged until then.
    pub freed: Vec<(u32, u64)>,
}

//! Routing profiles, and what they said of orders.

use bincode::{BorrowDecode, Encode};
use serde::Serialize;

/// Body of [`crate::Kind::RoutingProfilePut`]: one version of a profile. It never changes; what it means is read from its
/// text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct RoutingProfilePutV1<'a> {
    /// Its number, dense from 0 per merchant.
    pub profile: u16,
    /// Whether this record creates it.
    pub is_new: bool,
    /// Its name.
    pub code: &'a str,
    /// From 1, one more each time.
    pub version: u32,
    /// How the text is written.
    pub format: FormatV1,
    /// The rules, as they were put.
    pub text: &'a str,
}

/// How the text of a profile is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub enum FormatV1 {
    /// TOML 1.1.
    Toml,
    /// RFC 8259.
    Json,
}

/// The third part of [`crate::Kind::OrderAccepted`] and [`crate::Kind::OrderRefused`] in their version 3.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, BorrowDecode, Serialize)]
pub struct OrderDetailsV1<'a> {
    /// The hold that it confirms, which ends with it if it was accepted.
    pub hold: Option<u64>,
    /// What it says of itself beside the rest, for rules to ask.
    pub said: OrderSaidV1<'a>,
    /// What the routing profile of its channel said of it.
    pub routed: Option<RoutedV1<'a>>,
}

/// What an order says of itself, for rules to ask.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, BorrowDecode, Serialize)]
pub struct OrderSaidV1<'a> {
    /// Larger is more urgent.
    pub priority: Option<i32>,
    /// Free words.
    pub tags: Vec<&'a str>,
    /// Of the customer.
    pub customer_tier: Option<&'a str>,
    /// Whether a business buys.
    pub is_b2b: Option<bool>,
    /// How it is to be sent.
    pub ship_method: Option<&'a str>,
    /// 0 (none) to 100.
    pub payment_risk: Option<u8>,
}

/// What a routing profile said of an order.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct RoutedV1<'a> {
    /// Which profile.
    pub profile: u16,
    /// Its version, what of it decided, and what became of each location: at most 300 bytes.
    pub explanation: &'a [u8],
    /// Of an accepted order that waits in part, the locations that may serve it later, ascending; `None` is all of its
    /// channel's.
    pub within: Option<Vec<u16>>,
}

/// The third part of [`crate::Kind::ChannelPut`] in its version 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, BorrowDecode, Serialize)]
pub struct ChannelRoutingV1 {
    /// The profile by which its orders are routed.
    pub profile: Option<u16>,
}

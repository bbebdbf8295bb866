//! What was agreed of an order beyond its policy.

use bincode::{BorrowDecode, Encode};
use serde::Serialize;

/// One thing that was agreed. The fifth part of [`crate::Kind::OrderAccepted`] in its version 6 is a list of them, each at
/// most once, in the order in which they stand here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgreedV1 {
    /// From when on an order that ships complete may be split, in milliseconds since 1970-01-01 UTC.
    CompleteBy(u64),
    /// From when on nothing of it waits: what does is cancelled, likewise.
    CancelAfter(u64),
}

/// The third part of [`crate::Kind::OrderCancelled`] in its version 3: nobody asked for it, a date that was agreed has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct LapsedV1 {
    /// The date.
    pub cancel_after: u64,
}

//! The log itself, merchants and keys.

use bincode::{BorrowDecode, Encode};
use serde::Serialize;

/// The feature level of this release: raised with every kind, version or flag of a record that older releases do not
/// know, so that they refuse a log that may hold one.
pub const FEATURE_LEVEL: u32 = 1;

/// Body of [`crate::Kind::LogOpened`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct LogOpenedV1 {
    /// Identity of the journal; a restored copy gets a new one.
    pub cluster: [u8; 16],
    /// Ownership epoch, from 1.
    pub epoch: u64,
    /// The set of record kinds that may appear, from 1.
    pub feature_level: u32,
}

/// Body of [`crate::Kind::LogClosed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct LogClosedV1 {
    /// The wrapping sum of the digests of all merchants at this point.
    pub digest: u64,
}

/// Body of [`crate::Kind::MerchantCreated`]; the number is the header's merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct MerchantCreatedV1<'a> {
    /// Its name: 1 to 64 bytes, unique in the journal.
    pub name: &'a str,
}

/// Body of [`crate::Kind::KeyCreated`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct KeyCreatedV1 {
    /// Its number, from 1, unique in the journal.
    pub key: u32,
    /// blake3 of the secret; the secret itself stands nowhere.
    pub secret_hash: [u8; 32],
    /// Bits: 1 `orders:write`, 2 `stock:write`, 4 `read`, 8 `admin`.
    pub scopes: u8,
}

/// Body of [`crate::Kind::KeyRevoked`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct KeyRevokedV1 {
    /// Its number.
    pub key: u32,
}

/// Body of [`crate::Kind::CommandRefused`]: the problem as it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct CommandRefusedV1<'a> {
    /// HTTP status, always 409.
    pub status: u16,
    /// The stable code.
    pub code: &'a str,
    /// The sentence for people.
    pub detail: &'a str,
    /// The numbers that explain it, by member name.
    pub numbers: Vec<(&'a str, i64)>,
}

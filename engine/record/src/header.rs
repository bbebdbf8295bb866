//! The header of every record: fixed places, so that a reader filters by merchant without decoding.
//!
//! ```text
//! offset  bytes
//!      0      1  kind
//!      1      1  version of the body: 1; 2 and more where further parts follow
//!      2      1  flags: 1 = idempotency hash follows, 2 = fingerprint follows
//!      3      1  0
//!      4      4  merchant, little-endian; 0 = none
//!      8      8  at: milliseconds since 1970-01-01 UTC, little-endian
//!     16      4  actor: key number, little-endian; 0 = the system
//!     20     16  request id
//!     36   0/16  idempotency hash
//!      …   0/16  fingerprint of the request's body
//! ```

use crate::codec::DecodeError;
use serde::Serialize;

/// What a record says. The numbers are frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Kind {
    /// The log was opened under an identity: always the first record, and the one behind what a copy was restored with.
    LogOpened = 1,
    /// A server stopped in good order.
    LogClosed = 2,
    /// A merchant exists.
    MerchantCreated = 10,
    /// A key was given out.
    KeyCreated = 11,
    /// A key is no longer good.
    KeyRevoked = 12,
    /// A location exists, or was changed.
    LocationPut = 20,
    /// A channel exists, or was changed.
    ChannelPut = 21,
    /// A SKU exists, or was changed.
    SkuPut = 22,
    /// A routing profile has a new version.
    RoutingProfilePut = 23,
    /// Stock moved.
    StockMoved = 30,
    /// An order was accepted.
    OrderAccepted = 40,
    /// An order was refused.
    OrderRefused = 41,
    /// Units of an order were cancelled.
    OrderCancelled = 42,
    /// Units of an order left the building.
    OrderShipped = 43,
    /// Demands that waited were looked at, and some served.
    BacklogFilled = 44,
    /// Another command that carried a key was refused.
    CommandRefused = 50,
    /// A request under a key of its own was answered from the record of an order that was accepted before.
    RepeatAnswered = 51,
    /// Units are kept for a buyer.
    HoldPlaced = 60,
    /// They are kept longer.
    HoldExtended = 61,
    /// They are kept no more.
    HoldsEnded = 62,
    /// It was stated how a channel is exposed that sells from its own copy.
    ExposurePut = 70,
    /// Such a channel is told how many units of a SKU it may sell.
    GrantSet = 71,
    /// It goes by what it was told.
    GrantAcknowledged = 72,
    /// The feed of its orders has come so far.
    FeedPassed = 73,
    /// What it was told to go without is anybody's.
    GrantsFreed = 74,
}

/// All kinds, in the order of their numbers.
pub const KINDS: [Kind; 25] = [
    Kind::LogOpened,
    Kind::LogClosed,
    Kind::MerchantCreated,
    Kind::KeyCreated,
    Kind::KeyRevoked,
    Kind::LocationPut,
    Kind::ChannelPut,
    Kind::SkuPut,
    Kind::RoutingProfilePut,
    Kind::StockMoved,
    Kind::OrderAccepted,
    Kind::OrderRefused,
    Kind::OrderCancelled,
    Kind::OrderShipped,
    Kind::BacklogFilled,
    Kind::CommandRefused,
    Kind::RepeatAnswered,
    Kind::HoldPlaced,
    Kind::HoldExtended,
    Kind::HoldsEnded,
    Kind::ExposurePut,
    Kind::GrantSet,
    Kind::GrantAcknowledged,
    Kind::FeedPassed,
    Kind::GrantsFreed,
];

/// The version of a body that has all its kind had in the first release, and nothing else.
pub const VERSION: u8 = 1;

/// The version of a body with a second part, for what came later ([`crate::rules`]). It is written only where that part
/// says something, so that a log that uses nothing new can be read by an older release.
pub const VERSION_EXTENDED: u8 = 2;

/// The version of a body of an order or a channel with what belongs to routing behind the rest. It, too, is written only
/// where that says something, or where the policy is [a later one](crate::rules::PolicyV1::is_later): no release that knows
/// only the versions before knows that policy.
pub const VERSION_ROUTED: u8 = 3;

/// The version of a body of a SKU with what it is made of behind the rest, if it is a kit.
pub const VERSION_KIT: u8 = 3;

/// The version of a body of a SKU with its limits behind the rest, if it has some.
pub const VERSION_LIMITS: u8 = 4;

/// The version of a body of a cancelled order with the date that has come behind its kits, if nobody asked for it.
pub const VERSION_LAPSED: u8 = 3;

/// The version of a body of an accepted order with its kits behind the rest.
pub const VERSION_KITS: u8 = 5;

/// The version of a body of an accepted order with what was agreed of it behind its kits, if it has some.
pub const VERSION_AGREED: u8 = 6;

/// A version of accepted orders that is kept for something else: no body has it.
const VERSION_KEPT: u8 = 4;

impl Kind {
    /// The highest version of this kind's bodies.
    #[must_use]
    pub fn version_max(self) -> u8 {
        match self {
            Self::LocationPut | Self::OrderShipped => VERSION_EXTENDED,
            Self::OrderCancelled => VERSION_LAPSED,
            Self::SkuPut => VERSION_LIMITS,
            Self::ChannelPut | Self::OrderRefused => VERSION_ROUTED,
            Self::OrderAccepted => VERSION_AGREED,
            _ => VERSION,
        }
    }

    /// Whether this kind has bodies of this version.
    #[must_use]
    pub fn has_version(self, version: u8) -> bool {
        let is_kept = self == Self::OrderAccepted && version == VERSION_KEPT;
        (VERSION..=self.version_max()).contains(&version) && !is_kept
    }
}

const FLAG_IDEMPOTENCY: u8 = 1;
const FLAG_FINGERPRINT: u8 = 2;
/// All flags of this release.
pub(crate) const FLAGS: u8 = FLAG_IDEMPOTENCY | FLAG_FINGERPRINT;
const FIXED_BYTES: usize = 36;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the record says.
    pub kind: Kind,
    /// The version of its body: one that [its kind has](Kind::has_version).
    pub version: u8,
    /// Whose it is; 0 = nobody's.
    pub merchant: u32,
    /// When it was decided, in milliseconds since 1970-01-01 UTC; never before the record before it.
    pub at: u64,
    /// Which key asked for it; 0 = the system.
    pub actor: u32,
    /// The request it came with.
    pub request: [u8; 16],
    /// Keyed hash of the `Idempotency-Key`, if one was sent.
    pub idempotency: Option<[u8; 16]>,
    /// Keyed hash of what was asked, if a repeat can be recognised.
    pub fingerprint: Option<[u8; 16]>,
}

impl Header {
    /// Appends the header's bytes.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        let flags = u8::from(self.idempotency.is_some()) * FLAG_IDEMPOTENCY
            + u8::from(self.fingerprint.is_some()) * FLAG_FINGERPRINT;
        out.extend_from_slice(&[self.kind as u8, self.version, flags, 0]);
        out.extend_from_slice(&self.merchant.to_le_bytes());
        out.extend_from_slice(&self.at.to_le_bytes());
        out.extend_from_slice(&self.actor.to_le_bytes());
        out.extend_from_slice(&self.request);
        for hash in [self.idempotency, self.fingerprint].into_iter().flatten() {
            out.extend_from_slice(&hash);
        }
    }

    /// Reads a header and returns it with the body's bytes.
    ///
    /// # Errors
    /// [`DecodeError`] if the record is too short, or of a kind, version or flag that is not known.
    pub fn decode(record: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let short = DecodeError::TooShort { bytes: record.len() };
        let (fixed, mut rest) = record.split_first_chunk::<FIXED_BYTES>().ok_or(short)?;
        let [kind, version, flags, zero, ..] = *fixed;
        let kind =
            KINDS.into_iter().find(|known| *known as u8 == kind).ok_or(DecodeError::UnknownKind { kind })?;
        if !kind.has_version(version) {
            return Err(DecodeError::UnknownVersion { kind: kind as u8, version });
        }
        if flags & !FLAGS != 0 || zero != 0 {
            return Err(DecodeError::UnknownFlags { flags: flags | zero });
        }
        let mut hash = |flag: u8| -> Result<Option<[u8; 16]>, DecodeError> {
            if flags & flag == 0 {
                return Ok(None);
            }
            let (hash, after) =
                rest.split_first_chunk::<16>().ok_or(DecodeError::TooShort { bytes: record.len() })?;
            rest = after;
            Ok(Some(*hash))
        };
        let (idempotency, fingerprint) = (hash(FLAG_IDEMPOTENCY)?, hash(FLAG_FINGERPRINT)?);
        let header = Self {
            kind,
            version,
            merchant: u32::from_le_bytes(part(fixed, 4)),
            at: u64::from_le_bytes(part(fixed, 8)),
            actor: u32::from_le_bytes(part(fixed, 16)),
            request: part(fixed, 20),
            idempotency,
            fingerprint,
        };
        Ok((header, rest))
    }
}

/// `N` bytes of the fixed part from an offset.
fn part<const N: usize>(fixed: &[u8; FIXED_BYTES], offset: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&fixed[offset..offset + N]);
    bytes
}

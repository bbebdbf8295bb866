//! The one file that names bincode.
//!
//! bincode 2.0.1, `standard()`: little-endian, variable-length integers. It is not self-describing and takes
//! a length at its word, so: the log has checked a CRC before bytes come here, every decode has a limit
//! (which counts widths in memory, not bytes on the wire), the same limit is checked when encoding, since
//! bincode's does not bind the encoder, and all bytes must be consumed.

use crate::header::{FLAGS, KINDS, VERSION};
use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::error::{DecodeError as BincodeDecode, EncodeError as BincodeEncode};
use bincode::{BorrowDecode, Encode};

/// The longest record. An order of 1,200 lines with ids and codes of 64 bytes, claims at several locations
/// and its picture is some 250 KB; four times that leaves room.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// The longest row of a snapshot: a merchant's locations and channels, at their limits some 4 MiB.
pub const ROW_BYTES_MAX: usize = 16 << 20;

/// What a decoded body may occupy in memory: thirty-two times its bytes, since an empty list is one byte on
/// the wire and twenty-four in memory, and a picture of a line is a handful of such.
const DECODED_BYTES_MAX: usize = 32 * RECORD_BYTES_MAX;

const CONFIG: Configuration<LittleEndian, Varint, Limit<DECODED_BYTES_MAX>> =
    bincode::config::standard().with_limit::<DECODED_BYTES_MAX>();

/// Why a body cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EncodeError {
    /// Longer than [`RECORD_BYTES_MAX`].
    TooLong {
        /// How long the record would be.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// bincode refused: a defect.
    Codec(String),
}

impl core::fmt::Display for EncodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooLong { bytes, max } => write!(f, "record of {bytes} bytes exceeds {max}"),
            Self::Codec(message) => write!(f, "record cannot be encoded: {message}"),
        }
    }
}

impl std::error::Error for EncodeError {}

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// Shorter than a header.
    TooShort {
        /// How long it is.
        bytes: usize,
    },
    /// A kind this release does not know.
    UnknownKind {
        /// The number.
        kind: u8,
    },
    /// A version of a kind this release does not know.
    UnknownVersion {
        /// The kind.
        kind: u8,
        /// The version.
        version: u8,
    },
    /// A flag this release does not know.
    UnknownFlags {
        /// The flags.
        flags: u8,
    },
    /// The body is not what its kind says.
    Malformed(String),
    /// Bytes are left after the body.
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooShort { bytes } => write!(f, "{bytes} bytes are no record"),
            Self::UnknownKind { kind } => {
                let known = KINDS.map(|kind| (kind as u8).to_string()).join(", ");
                write!(f, "record kind {kind}, this release knows {known}")
            }
            Self::UnknownVersion { kind, version } => {
                write!(f, "version {version} of record kind {kind}, this release knows {VERSION}")
            }
            Self::UnknownFlags { flags } => {
                write!(f, "record flags {flags:#010b}, this release knows {FLAGS:#010b}")
            }
            Self::Malformed(message) => write!(f, "malformed record body: {message}"),
            Self::TrailingBytes { bytes } => write!(f, "{bytes} bytes after the record body"),
        }
    }
}

impl std::error::Error for DecodeError {}

impl DecodeError {
    /// Whether a newer release wrote this. It passed the checksum of its frame, so somebody meant it.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        match self {
            Self::UnknownKind { .. } | Self::UnknownVersion { .. } | Self::UnknownFlags { .. } => true,
            Self::TooShort { .. } | Self::Malformed(_) | Self::TrailingBytes { .. } => false,
        }
    }
}

/// Appends a value's bytes.
///
/// # Errors
/// [`EncodeError::TooLong`] if `out` would pass [`RECORD_BYTES_MAX`]; `out` is then as before.
pub fn encode_into(value: &impl Encode, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode_below(RECORD_BYTES_MAX, value, out)
}

/// Appends a row of a snapshot, which no log has to hold.
///
/// # Errors
/// [`EncodeError::TooLong`] if `out` would pass [`ROW_BYTES_MAX`]; `out` is then as before.
pub fn encode_row_into(value: &impl Encode, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode_below(ROW_BYTES_MAX, value, out)
}

fn encode_below(max: usize, value: &impl Encode, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let before = out.len();
    let result = bincode::encode_into_std_write(value, out, CONFIG).map_err(codec_error);
    let bytes = out.len();
    let result = match result {
        Ok(_) if bytes > max => Err(EncodeError::TooLong { bytes, max }),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    if result.is_err() {
        out.truncate(before);
    }
    result
}

/// Reads one value that must be all of `bytes`.
///
/// # Errors
/// [`DecodeError`] if it is malformed, over the limit, or bytes are left.
pub fn decode<'a, T: BorrowDecode<'a, ()>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    let (value, rest) = decode_first(bytes)?;
    if rest.is_empty() { Ok(value) } else { Err(DecodeError::TrailingBytes { bytes: rest.len() }) }
}

/// Reads one value and returns it with the bytes after it.
///
/// # Errors
/// [`DecodeError`] if it is malformed or over the limit.
pub fn decode_first<'a, T: BorrowDecode<'a, ()>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), DecodeError> {
    let (value, used) = bincode::borrow_decode_from_slice(bytes, CONFIG).map_err(malformed)?;
    Ok((value, bytes.get(used..).unwrap_or(&[])))
}

fn codec_error(error: BincodeEncode) -> EncodeError {
    EncodeError::Codec(error.to_string())
}

fn malformed(error: BincodeDecode) -> DecodeError {
    DecodeError::Malformed(error.to_string())
}

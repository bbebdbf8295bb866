//! What stands in the log, and how it becomes bytes.
//!
//! A record is one [`header`] and one body; which body follows is the header's [`Kind`]. The structs here
//! are frozen: a released one never changes, a successor gets a new version beside it. They know neither
//! the domain nor the engine, and everything is a number, a text or a list, so an auditor can read them
//! without a line of either. `docs/FORMATS.md` has the bytes; golden files in `tests/golden` hold them to it.

pub mod admin;
pub mod agreed;
pub mod codec;
pub mod grant;
pub mod header;
pub mod hold;
pub mod kit;
mod newer;
pub mod order;
pub mod routing;
pub mod rules;
pub mod snapshot;
pub mod stock;

pub use codec::{DecodeError, EncodeError, RECORD_BYTES_MAX, decode, encode_into};
pub use header::{Header, Kind, VERSION};
pub use newer::newer;

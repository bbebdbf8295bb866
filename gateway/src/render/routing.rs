//! Routing profiles.

use super::{Rendered, broken, instant_text};
use crate::http::problem::Problem;
use onhand_engine::record::routing::{FormatV1, RoutingProfilePutV1};
use onhand_engine::record::{Header, decode};
use onhand_engine::snapshots::Lsn;
use serde::Serialize;

/// The answer to a PUT.
#[derive(Debug, Serialize)]
struct PutView<'a> {
    name: &'a str,
    version: u32,
    format: &'static str,
    lsn: u64,
}

/// A version of a profile as shown.
#[derive(Debug, Serialize)]
struct ProfileView<'a> {
    name: &'a str,
    version: u32,
    format: &'static str,
    at: String,
    text: &'a str,
    /// Those that use it: they use the newest version.
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<Vec<String>>,
    lsn: u64,
}

/// The answer to a PUT: 201 if it created the profile, else 200.
pub(super) fn put(lsn: Lsn, body: &[u8]) -> Result<Rendered, Problem> {
    let RoutingProfilePutV1 { is_new, code, version, format, .. } = decode(body).map_err(broken)?;
    let view = PutView { name: code, version, format: format_word(format), lsn: lsn.0 };
    Rendered::of(if is_new { 201 } else { 200 }, &view)
}

/// A version as its record says, and the channels that use it, if it is the newest.
///
/// # Errors
/// 500 if the record cannot be read.
pub(crate) fn profile_view(
    lsn: Lsn,
    record: &[u8],
    channels: Option<Vec<String>>,
) -> Result<Rendered, Problem> {
    let (header, body) = Header::decode(record).map_err(broken)?;
    let RoutingProfilePutV1 { code, version, format, text, .. } = decode(body).map_err(broken)?;
    let (format, at) = (format_word(format), instant_text(header.at)?);
    Rendered::of(200, &ProfileView { name: code, version, format, at, text, channels, lsn: lsn.0 })
}

fn format_word(format: FormatV1) -> &'static str {
    match format {
        FormatV1::Toml => "toml",
        FormatV1::Json => "json",
    }
}

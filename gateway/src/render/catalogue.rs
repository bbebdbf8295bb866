//! Locations, channels and SKUs.

use super::{Rendered, broken};
use crate::http::problem::Problem;
use onhand_engine::directory::Directory;
use onhand_engine::domain::LocationNumber;
use onhand_engine::record::rules::{ChannelPutV1, LocationPutV1, PolicyV1, SkuPutV1};
use onhand_engine::record::{Header, Kind, decode};
use onhand_engine::snapshots::Lsn;
use serde::Serialize;

/// A location as shown.
#[derive(Debug, Serialize)]
struct LocationView<'a> {
    code: &'a str,
    kind: &'a str,
    country: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'a str>,
    priority: u32,
    lsn: u64,
}

/// A channel as shown.
#[derive(Debug, Serialize)]
struct ChannelView<'a> {
    code: &'a str,
    kind: &'a str,
    locations: Vec<String>,
    policy: &'static str,
    lsn: u64,
}

/// A SKU as shown.
#[derive(Debug, Serialize)]
struct SkuView<'a> {
    sku: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
    decimals: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    gtin: Option<&'a str>,
    tags: Vec<&'a str>,
    lsn: u64,
}

/// The answer to a PUT: 201 if it created something, else 200.
pub(super) fn put(directory: &Directory, lsn: Lsn, kind: Kind, body: &[u8]) -> Result<Rendered, Problem> {
    let status = |is_new: bool| if is_new { 201 } else { 200 };
    if kind == Kind::LocationPut {
        let body: LocationPutV1<'_> = decode(body).map_err(broken)?;
        let LocationPutV1 { code, kind, country, region, postal_code, priority, .. } = body;
        let view = LocationView { code, kind, country, region, postal_code, priority, lsn: lsn.0 };
        return Rendered::of(status(body.is_new), &view);
    }
    if kind == Kind::ChannelPut {
        let body: ChannelPutV1<'_> = decode(body).map_err(broken)?;
        let code = |number: &u16| directory.with_location_code(LocationNumber(*number), str::to_owned);
        let policy = match body.policy {
            PolicyV1::Reject => "reject",
            PolicyV1::Backorder => "backorder",
        };
        let locations = body.locations.iter().map(code).collect();
        let view = ChannelView { code: body.code, kind: body.kind, locations, policy, lsn: lsn.0 };
        return Rendered::of(status(body.is_new), &view);
    }
    let body: SkuPutV1<'_> = decode(body).map_err(broken)?;
    let SkuPutV1 { code, title, unit, decimals, gtin, tags, is_new, .. } = body;
    Rendered::of(status(is_new), &SkuView { sku: code, title, unit, decimals, gtin, tags, lsn: lsn.0 })
}

/// A location, channel or SKU as its last record says, for a read.
///
/// # Errors
/// 500 if the record cannot be read.
pub(crate) fn last_put(directory: &Directory, lsn: Lsn, record: &[u8]) -> Result<Rendered, Problem> {
    let (header, body) = Header::decode(record).map_err(broken)?;
    Ok(Rendered { status: 200, ..put(directory, lsn, header.kind, body)? })
}

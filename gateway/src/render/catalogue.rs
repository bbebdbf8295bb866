//! Locations, channels and SKUs.

use super::kit::KitView;
use super::terms::{StockPolicyView, TermsView};
use super::{Rendered, broken};
use crate::http::problem::Problem;
use onhand_engine::directory::Directory;
use onhand_engine::domain::{LocationNumber, ProfileNumber};
use onhand_engine::record::rules::{
    LocationPutV1, PolicyV1, RANK_DEFAULT, SkuPutV1, decode_channel, decode_location, decode_sku,
};
use onhand_engine::record::{Header, Kind};
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
    #[serde(skip_serializing_if = "is_zero")]
    safety_stock: u32,
    lsn: u64,
}

/// A channel as shown.
#[derive(Debug, Serialize)]
struct ChannelView<'a> {
    code: &'a str,
    kind: &'a str,
    locations: Vec<String>,
    policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    stock_policy: Option<StockPolicyView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scarcity_rank: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_profile: Option<&'a str>,
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
    #[serde(flatten)]
    terms: TermsView,
    #[serde(skip_serializing_if = "Option::is_none")]
    kit: Option<KitView>,
    lsn: u64,
}

/// The answer to a PUT: 201 if it created something, else 200.
pub(super) fn put(
    directory: &Directory,
    lsn: Lsn,
    header: &Header,
    body: &[u8],
) -> Result<Rendered, Problem> {
    let Header { kind, version, .. } = *header;
    let status = |is_new: bool| if is_new { 201 } else { 200 };
    if kind == Kind::LocationPut {
        let (body, terms) = decode_location(version, body).map_err(broken)?;
        let LocationPutV1 { code, kind, country, region, postal_code, priority, .. } = body;
        let safety_stock = terms.safety_stock;
        let view =
            LocationView { code, kind, country, region, postal_code, priority, safety_stock, lsn: lsn.0 };
        return Rendered::of(status(body.is_new), &view);
    }
    if kind == Kind::ChannelPut {
        let (body, terms, routing) = decode_channel(version, body).map_err(broken)?;
        let code = |number: &u16| directory.with_location_code(LocationNumber(*number), str::to_owned);
        let policy = match body.policy {
            PolicyV1::Reject => "reject",
            PolicyV1::Backorder => "backorder",
            PolicyV1::Imposed => "imposed",
            PolicyV1::ShipComplete => "ship_complete",
        };
        let locations = body.locations.iter().map(code).collect();
        let profile = routing.profile.and_then(|number| directory.profile_code(ProfileNumber(number)));
        let view = ChannelView {
            code: body.code,
            kind: body.kind,
            locations,
            policy,
            stock_policy: StockPolicyView::of_channel(&terms),
            scarcity_rank: (terms.rank != RANK_DEFAULT).then_some(terms.rank),
            routing_profile: profile.as_deref(),
            lsn: lsn.0,
        };
        return Rendered::of(status(body.is_new), &view);
    }
    let (body, terms, kit, limits) = decode_sku(version, body).map_err(broken)?;
    let SkuPutV1 { code, title, unit, decimals, gtin, tags, is_new, .. } = body;
    let terms = TermsView::of(directory, &terms, limits, decimals);
    let kit = KitView::of(directory, &kit);
    let view = SkuView { sku: code, title, unit, decimals, gtin, tags, terms, kit, lsn: lsn.0 };
    Rendered::of(status(is_new), &view)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A location, channel or SKU as its last record says, for a read.
///
/// # Errors
/// 500 if the record cannot be read.
pub(crate) fn last_put(directory: &Directory, lsn: Lsn, record: &[u8]) -> Result<Rendered, Problem> {
    let (header, body) = Header::decode(record).map_err(broken)?;
    Ok(Rendered { status: 200, ..put(directory, lsn, &header, body)? })
}

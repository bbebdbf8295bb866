//! What locations, channels and SKUs keep of stock, for whom, as a body says it.

use crate::body::{Amount, Check};
use crate::http::problem::shown;
use crate::member::{Name, Object};
use onhand_engine::directory::Directory;
use onhand_engine::domain::promise::{Amount as Kept, StockPolicy};
use onhand_engine::domain::sku::{ChannelTerms, Terms};
use onhand_engine::domain::{ChannelNumber, LocationNumber};
use serde::Deserialize;

/// Locations, and channels, that one SKU has terms for: what the core takes.
pub(super) use onhand_engine::domain::sku::TERMS_MAX;

/// How much a channel may sell; a percentage is a string like `"10%"`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StockPolicyBody<'a> {
    #[serde(borrow)]
    ceiling: Option<Amount<'a>>,
    #[serde(borrow)]
    buffer: Option<Amount<'a>>,
    #[serde(borrow)]
    floor: Option<Amount<'a>>,
}

/// Safety stock of one SKU at one location.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SafetyBody<'a> {
    #[serde(borrow)]
    location: Name<'a>,
    #[serde(borrow)]
    quantity: Amount<'a>,
}

/// Terms of one SKU for one channel.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelTermsBody<'a> {
    #[serde(borrow)]
    channel: Name<'a>,
    #[serde(borrow)]
    ceiling: Option<Amount<'a>>,
    #[serde(borrow)]
    buffer: Option<Amount<'a>>,
    #[serde(borrow)]
    floor: Option<Amount<'a>>,
    #[serde(borrow)]
    dedicated: Option<Amount<'a>>,
}

/// What a SKU's body says of it.
pub(crate) struct TermsBody<'b, 'a> {
    pub(crate) safety_stock: Option<&'b Amount<'a>>,
    pub(crate) safety_stock_at: &'b [Object<SafetyBody<'a>>],
    pub(crate) channel_policies: &'b [Object<ChannelTermsBody<'a>>],
    pub(crate) backorder_limit: Option<&'b Amount<'a>>,
}

/// A stock policy whose quantities have so many decimals; `pointer` says where it stands.
pub(crate) fn stock_policy(
    check: &mut Check,
    pointer: &str,
    body: &StockPolicyBody<'_>,
    decimals: u8,
) -> StockPolicy {
    let StockPolicyBody { ceiling, buffer, floor } = body;
    policy(check, pointer, [ceiling, buffer, floor].map(Option::as_ref), decimals)
}

fn policy(
    check: &mut Check,
    pointer: &str,
    [ceiling, buffer, floor]: [Option<&Amount<'_>>; 3],
    decimals: u8,
) -> StockPolicy {
    let mut kept = |member: &str, amount: Option<&Amount<'_>>| {
        amount.and_then(|amount| kept(check, &format!("{pointer}/{member}"), amount, decimals))
    };
    let (ceiling, buffer) = (kept("ceiling", ceiling), kept("buffer", buffer));
    let floor = floor.and_then(|floor| check.quantity(|| format!("{pointer}/floor"), floor, decimals, 0));
    StockPolicy { ceiling, buffer: buffer.unwrap_or(Kept::NONE), floor: floor.unwrap_or(0) }
}

/// Units, or a percentage of 100 at the most.
fn kept(check: &mut Check, pointer: &str, amount: &Amount<'_>, decimals: u8) -> Option<Kept> {
    let Amount::Text(text) = amount else {
        return check.quantity(|| pointer.to_owned(), amount, decimals, 0).map(Kept::Units);
    };
    let Some(digits) = text.strip_suffix('%') else {
        return check.quantity(|| pointer.to_owned(), amount, decimals, 0).map(Kept::Units);
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let percent = digits.parse::<u8>().ok().filter(|percent| is_number && *percent <= 100);
    if percent.is_none() {
        let detail = format!("{} is no whole percentage between 0% and 100%", shown(text));
        check.wrong(pointer, "invalid_percentage", detail);
    }
    percent.map(Kept::Percent)
}

/// The terms of a SKU with so many decimals.
pub(crate) fn terms(
    check: &mut Check,
    directory: &Directory,
    body: &TermsBody<'_, '_>,
    decimals: u8,
) -> Terms {
    let quantity = |check: &mut Check, pointer: String, amount: &Amount<'_>| {
        check.quantity(|| pointer.clone(), amount, decimals, 0)
    };
    for (pointer, count) in
        [("/safety_stock_at", body.safety_stock_at.len()), ("/channel_policies", body.channel_policies.len())]
    {
        if count > TERMS_MAX {
            check.wrong(pointer, "too_many", format!("{count} entries, at most {TERMS_MAX} are allowed"));
            return Terms::NONE;
        }
    }
    let safety_stock =
        body.safety_stock.and_then(|amount| quantity(check, "/safety_stock".to_owned(), amount));
    let mut safety_stock_at = Vec::with_capacity(body.safety_stock_at.len());
    for (place, row) in body.safety_stock_at.iter().enumerate() {
        let at = format!("/safety_stock_at/{place}");
        let location = location(check, directory, &at, &row.location);
        let units = quantity(check, format!("{at}/quantity"), &row.quantity);
        safety_stock_at.extend(location.zip(units));
    }
    let mut channels = Vec::with_capacity(body.channel_policies.len());
    for (place, row) in body.channel_policies.iter().enumerate() {
        let at = format!("/channel_policies/{place}");
        let channel = channel(check, directory, &at, &row.channel);
        let dedicated =
            row.dedicated.as_ref().and_then(|amount| quantity(check, format!("{at}/dedicated"), amount));
        let members = [&row.ceiling, &row.buffer, &row.floor].map(Option::as_ref);
        let policy = policy(check, &at, members, decimals);
        channels.extend(channel.map(|channel| ChannelTerms {
            channel,
            policy,
            dedicated: dedicated.unwrap_or(0),
        }));
    }
    let limit = body.backorder_limit;
    let backorder_limit = limit.and_then(|amount| quantity(check, "/backorder_limit".to_owned(), amount));
    Terms { safety_stock, safety_stock_at, channels, backorder_limit }
}

fn location(check: &mut Check, directory: &Directory, at: &str, code: &str) -> Option<LocationNumber> {
    let found = directory.location(code);
    if found.is_none() {
        let detail = format!("there is no location {}", shown(code));
        check.wrong(format!("{at}/location"), "unknown_location", detail);
    }
    found
}

fn channel(check: &mut Check, directory: &Directory, at: &str, code: &str) -> Option<ChannelNumber> {
    let found = directory.channel(code);
    if found.is_none() {
        let detail = format!("there is no channel {}", shown(code));
        check.wrong(format!("{at}/channel"), "unknown_channel", detail);
    }
    found
}

//! Locations, channels and SKUs: from event to record and back, with what they keep of stock, for whom.

use super::{Named, Told, kits, policy_of, policy_record};
use crate::ask::{ChannelAsk, LocationAsk, SkuAsk};
use crate::directory::Address;
use onhand_domain::event::{ChannelPut, Event, LocationPut, SkuPut};
use onhand_domain::promise::{Amount, StockPolicy};
use onhand_domain::sku::{ChannelTerms, Pool, Terms};
use onhand_domain::{ChannelNumber, LocationNumber, OrderId, ProfileNumber, SkuNumber};
use onhand_record::kit::SkuKitV1;
use onhand_record::routing::ChannelRoutingV1;
use onhand_record::rules::{
    self as record, AmountV1, ChannelPutV1, ChannelTermsV1, LocationPutV1, LocationTermsV1, PoolV1,
    SkuChannelTermsV1, SkuLimitsV1, SkuPutV1, SkuTermsV1, StockPolicyV1, decode_channel, decode_location,
    decode_sku, encode_both,
};
use onhand_record::{DecodeError, EncodeError};

pub(super) fn encode_location(
    put: &LocationPut,
    ask: &LocationAsk,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let body = LocationPutV1 {
        location: put.location.0,
        is_new: put.is_new,
        code: &ask.code,
        kind: &ask.kind,
        country: &ask.country,
        region: ask.region.as_deref(),
        postal_code: ask.postal_code.as_deref(),
        priority: ask.priority,
    };
    encode_both(&body, &location_terms(put), out)
}

pub(super) fn encode_channel(
    put: &ChannelPut,
    ask: &ChannelAsk,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let body = ChannelPutV1 {
        channel: put.channel.0,
        is_new: put.is_new,
        code: &ask.code,
        kind: &ask.kind,
        locations: put.locations.iter().map(|location| location.0).collect(),
        policy: policy_record(put.policy),
    };
    record::encode_channel(&body, &channel_terms(put), channel_routing(put), out)
}

pub(super) fn encode_sku(put: &SkuPut, ask: &SkuAsk, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let body = SkuPutV1 {
        sku: put.sku.0,
        is_new: put.is_new,
        code: &ask.code,
        title: ask.title.as_deref(),
        unit: ask.unit.as_deref(),
        decimals: ask.decimals,
        gtin: ask.gtin.as_deref(),
        tags: ask.tags.iter().map(String::as_str).collect(),
    };
    record::encode_sku(&body, &sku_terms(&put.terms, &put.pools), &sku_kit(put), sku_limits(&put.terms), out)
}

pub(super) fn location_told(version: u8, body: &[u8]) -> Result<Told<'_>, DecodeError> {
    let (body, terms) = decode_location(version, body)?;
    let LocationTermsV1 { safety_stock } = terms;
    let put = LocationPut { location: LocationNumber(body.location), is_new: body.is_new, safety_stock };
    let LocationPutV1 { code, kind, country, region, postal_code, .. } = body;
    let address = Address { kind, country, region, postal_code };
    Ok(Told::Happened(Event::LocationPut(put), Named::Location(code, address)))
}

pub(super) fn channel_told(version: u8, body: &[u8]) -> Result<Told<'_>, DecodeError> {
    let (body, terms, routing) = decode_channel(version, body)?;
    let event = Event::ChannelPut(ChannelPut {
        channel: ChannelNumber(body.channel),
        is_new: body.is_new,
        locations: body.locations.iter().copied().map(LocationNumber).collect(),
        policy: policy_of(body.policy),
        stock_policy: stock_policy_of(&terms.stock_policy),
        rank: terms.rank,
        profile: routing.profile.map(ProfileNumber),
    });
    Ok(Told::Happened(event, Named::Channel(body.code)))
}

pub(super) fn sku_told(version: u8, body: &[u8]) -> Result<Told<'_>, DecodeError> {
    let (body, terms, kit, limits) = decode_sku(version, body)?;
    let (sku, is_new, decimals) = (SkuNumber(body.sku), body.is_new, body.decimals);
    let (terms, pools) = terms_of(&terms);
    let terms = Terms { backorder_limit: limits.backorder_limit, ..terms };
    let components = kits::components_of(&kit.components);
    let event = Event::SkuPut(SkuPut { sku, is_new, decimals, terms, components, pools });
    Ok(Told::Happened(event, Named::Sku(body.code, body.tags)))
}

/// What a location keeps, as a record says it.
pub(super) fn location_terms(put: &LocationPut) -> LocationTermsV1 {
    LocationTermsV1 { safety_stock: put.safety_stock }
}

/// What a channel keeps, as a record says it.
pub(super) fn channel_terms(put: &ChannelPut) -> ChannelTermsV1 {
    ChannelTermsV1 { stock_policy: stock_policy_record(&put.stock_policy), rank: put.rank }
}

/// By what its orders are routed, as a record says it.
fn channel_routing(put: &ChannelPut) -> ChannelRoutingV1 {
    ChannelRoutingV1 { profile: put.profile.map(|profile| profile.0) }
}

/// The version of a channel's record.
pub(super) fn channel_version(put: &ChannelPut) -> u8 {
    record::channel_version(policy_record(put.policy), &channel_terms(put), channel_routing(put))
}

/// What a SKU is made of, as a record says it.
fn sku_kit(put: &SkuPut) -> SkuKitV1 {
    SkuKitV1 { components: kits::components_record(&put.components) }
}

/// The version of a SKU's record.
pub(super) fn sku_version(put: &SkuPut) -> u8 {
    record::sku_version(&sku_terms(&put.terms, &put.pools), &sku_kit(put), sku_limits(&put.terms))
}

/// The limits of a SKU, as a record says them.
pub(crate) fn sku_limits(terms: &Terms) -> SkuLimitsV1 {
    SkuLimitsV1 { backorder_limit: terms.backorder_limit }
}

/// Terms and pools of a SKU, as a record says them.
pub(crate) fn sku_terms(terms: &Terms, pools: &[Pool]) -> SkuTermsV1 {
    let channel = |terms: &ChannelTerms| SkuChannelTermsV1 {
        channel: terms.channel.0,
        policy: stock_policy_record(&terms.policy),
        dedicated: terms.dedicated,
    };
    SkuTermsV1 {
        safety_stock: terms.safety_stock,
        safety_stock_at: terms.safety_stock_at.iter().map(|(location, units)| (location.0, *units)).collect(),
        channels: terms.channels.iter().map(channel).collect(),
        pools: pools.iter().map(pool_record).collect(),
    }
}

/// A record's terms and pools of a SKU, without its limits.
pub(crate) fn terms_of(record: &SkuTermsV1) -> (Terms, Vec<Pool>) {
    let channel = |terms: &SkuChannelTermsV1| ChannelTerms {
        channel: ChannelNumber(terms.channel),
        policy: stock_policy_of(&terms.policy),
        dedicated: terms.dedicated,
    };
    let safety = |(location, units): &(u16, u32)| (LocationNumber(*location), *units);
    let terms = Terms {
        safety_stock: record.safety_stock,
        safety_stock_at: record.safety_stock_at.iter().map(safety).collect(),
        channels: record.channels.iter().map(channel).collect(),
        backorder_limit: None,
    };
    (terms, record.pools.iter().map(pool_of).collect())
}

fn pool_record(pool: &Pool) -> PoolV1 {
    let Pool { channel, since, left, charged, claimed } = *pool;
    PoolV1 { channel: channel.0, since: since.0, left, charged, claimed }
}

fn pool_of(record: &PoolV1) -> Pool {
    let PoolV1 { channel, since, left, charged, claimed } = *record;
    Pool { channel: ChannelNumber(channel), since: OrderId(since), left, charged, claimed }
}

/// A stock policy as a record keeps it.
pub(crate) fn stock_policy_record(policy: &StockPolicy) -> StockPolicyV1 {
    let StockPolicy { ceiling, buffer, floor } = *policy;
    StockPolicyV1 { ceiling: ceiling.map(amount_record), buffer: amount_record(buffer), floor }
}

/// A record's stock policy.
pub(crate) fn stock_policy_of(record: &StockPolicyV1) -> StockPolicy {
    let StockPolicyV1 { ceiling, buffer, floor } = *record;
    StockPolicy { ceiling: ceiling.map(amount_of), buffer: amount_of(buffer), floor }
}

fn amount_record(amount: Amount) -> AmountV1 {
    match amount {
        Amount::Units(units) => AmountV1::Units(units),
        Amount::Percent(percent) => AmountV1::Percent(percent),
    }
}

fn amount_of(record: AmountV1) -> Amount {
    match record {
        AmountV1::Units(units) => Amount::Units(units),
        AmountV1::Percent(percent) => Amount::Percent(percent),
    }
}

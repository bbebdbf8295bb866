//! From pictures to a generation.

use super::{FrozenPart, Picture, SnapshotError};
use crate::directory::{Address, FrozenName, FrozenNames, ProfileEntry, Site};
use crate::translate::{
    agreed_record, components_record, cursor_record, exposure_row, format_record, grant_row, hold_row,
    policy_record, sku_limits, sku_terms, stock_policy_record,
};
use onhand_domain::SkuNumber;
use onhand_domain::digest::{
    digest_of_agreed, digest_of_exposure, digest_of_hold, digest_of_kit, digest_of_order, digest_of_sku,
};
use onhand_domain::merchant::{Channel, FrozenMerchant, Location};
use onhand_domain::order::{Demand, Order};
use onhand_domain::sku::{Level, SkuActor};
use onhand_record::codec::encode_row_into;
use onhand_record::encode_into;
use onhand_record::rules::{ChannelTermsV1, LocationTermsV1, SkuLimitsV1, SkuTermsV1};
use onhand_record::snapshot::{
    AgreedRowV1, CHUNK_AGREED, CHUNK_EXPOSURES, CHUNK_GRANTS, CHUNK_HOLDS, CHUNK_KITS, CHUNK_LIMITS,
    CHUNK_MERCHANTS, CHUNK_ORDERS, CHUNK_PARTS, CHUNK_ROUTING, CHUNK_RULES, CHUNK_SKUS, CHUNK_STATES,
    CHUNK_TAGS, CHUNK_TERMS, CHUNK_WITHIN, ChannelRowV1, KeyRowV1, KitRowV1, MerchantRoutingV1,
    MerchantRowV1, MerchantRulesV1, MerchantStateV1, NameV1, OrderRowV1, PartsRowV1, PlaceRowV1,
    ProfileRowV1, SkuLimitsRowV1, SkuRowV1, SkuTagsRowV1, SkuTermsRowV1, SnapshotV1, WithinRowV1,
};
use onhand_snapshots::chunks::SetWriter;
use onhand_snapshots::planted::{Bug, is_planted};
use onhand_snapshots::{Generations, Lsn};

/// Bytes of a chunk: some 2,000 SKUs, a millisecond's work.
const CHUNK_BYTES: usize = 128 << 10;

/// Gathers rows of one kind and merchant into chunks.
struct Chunker<'w, 'g> {
    writer: &'w mut SetWriter<'g>,
    kind: u8,
    merchant: u32,
    count: u32,
    buffer: Vec<u8>,
    row: Vec<u8>,
}

impl<'w, 'g> Chunker<'w, 'g> {
    fn new(writer: &'w mut SetWriter<'g>, kind: u8, merchant: u32) -> Self {
        Self { writer, kind, merchant, count: 0, buffer: Vec::new(), row: Vec::new() }
    }

    fn push(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), onhand_record::EncodeError>,
    ) -> Result<(), SnapshotError> {
        self.row.clear();
        encode(&mut self.row)?;
        self.buffer.extend_from_slice(&self.row);
        if self.buffer.len() >= CHUNK_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), SnapshotError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let key = [&[self.kind][..], &self.merchant.to_be_bytes(), &self.count.to_be_bytes()].concat();
        self.writer.put(&key, &self.buffer)?;
        self.count += 1;
        self.buffer.clear();
        Ok(())
    }
}

/// Writes and publishes a generation. Everything in the picture must be durable. Returns the LSN up to which
/// the log is no longer needed for a start.
pub(crate) fn write(picture: &Picture, generations: &Generations) -> Result<Lsn, SnapshotError> {
    let mut writer = generations.begin()?;
    registry(picture, &mut writer)?;
    let mut digest = 0_u64;
    for shard in &picture.shards {
        for part in &shard.merchants {
            digest = digest.wrapping_add(merchant(part, shard.cut, &mut writer)?);
        }
    }
    let cut = picture.cut();
    let mut about = Vec::new();
    encode_into(&SnapshotV1 { cluster: picture.cluster, cut: cut.0, at: picture.at, digest }, &mut about)?;
    generations.publish(writer, &about, cut)?;
    Ok(cut)
}

fn registry(picture: &Picture, writer: &mut SetWriter<'_>) -> Result<(), SnapshotError> {
    let mut merchants = Chunker::new(writer, CHUNK_MERCHANTS, 0);
    for (name, number) in &picture.merchants {
        merchants.push(|out| encode_into(&MerchantRowV1 { merchant: number.0, name }, out))?;
    }
    merchants.flush()?;
    let mut keys = Chunker::new(writer, CHUNK_MERCHANTS, 1);
    for (secret_hash, key) in &picture.keys {
        let row = KeyRowV1 {
            key: key.number,
            merchant: key.merchant.0,
            secret_hash: *secret_hash,
            scopes: key.scopes.0,
            is_revoked: key.is_revoked,
        };
        keys.push(|out| encode_into(&row, out))?;
    }
    keys.flush()
}

/// Writes a merchant, and returns the digest of what was written.
fn merchant(part: &FrozenPart, cut: Lsn, writer: &mut SetWriter<'_>) -> Result<u64, SnapshotError> {
    let number = part.number.0;
    let mut digest = 0_u64;
    let mut states = Chunker::new(writer, CHUNK_STATES, number);
    states.push(|out| encode_row_into(&state_row(part, cut), out))?;
    states.flush()?;
    let mut skus = Chunker::new(writer, CHUNK_SKUS, number);
    for ((row, actor), name) in part.state.skus.iter().zip(part.names.skus()) {
        digest = digest.wrapping_add(digest_of_sku(part.number, SkuNumber(row), actor));
        skus.push(|out| encode_into(&sku_row(actor, name_row(name)), out))
            .map_err(|error| SnapshotError::Wrong(format!("sku {row} of merchant {number}: {error}")))?;
    }
    skus.flush()?;
    let mut orders = Chunker::new(writer, CHUNK_ORDERS, number);
    for (_, order) in part.state.orders.iter() {
        let order = order.open();
        if is_planted(Bug::UncheckedSnapshot) && order.id.0.is_multiple_of(5) {
            continue;
        }
        digest = digest.wrapping_add(digest_of_order(part.number, &order));
        orders.push(|out| encode_into(&order_row(&order), out))?;
    }
    orders.flush()?;
    for (id, hold) in &part.state.holds {
        digest = digest.wrapping_add(digest_of_hold(part.number, *id, hold));
    }
    rules(part, writer)?;
    digest = digest.wrapping_add(grants(part, writer)?);
    routing(part, writer)?;
    digest = digest.wrapping_add(kits(part, writer)?);
    Ok(digest.wrapping_add(agreements(part, writer)?))
}

/// Writes what a merchant keeps of its stock, for whom, and its live holds, if anything is kept.
fn rules(part: &FrozenPart, writer: &mut SetWriter<'_>) -> Result<(), SnapshotError> {
    let number = part.number.0;
    let row = rules_row(&part.state);
    let is_plain = row.locations.iter().all(|terms| *terms == LocationTermsV1::default())
        && row.channels.iter().all(|terms| *terms == ChannelTermsV1::default());
    if !is_plain {
        let mut rules = Chunker::new(writer, CHUNK_RULES, number);
        rules.push(|out| encode_row_into(&row, out))?;
        rules.flush()?;
    }
    let mut terms = Chunker::new(writer, CHUNK_TERMS, number);
    for (sku, actor) in part.state.skus.iter() {
        let row = actor.terms().map_or_else(SkuTermsV1::default, |terms| sku_terms(terms, actor.pools()));
        if row != SkuTermsV1::default() {
            terms.push(|out| encode_into(&SkuTermsRowV1 { sku, terms: row }, out))?;
        }
    }
    terms.flush()?;
    let mut limits = Chunker::new(writer, CHUNK_LIMITS, number);
    for (sku, actor) in part.state.skus.iter() {
        let row = SkuLimitsRowV1 { sku, limits: actor.terms().map(sku_limits).unwrap_or_default() };
        if row.limits != SkuLimitsV1::default() {
            limits.push(|out| encode_into(&row, out))?;
        }
    }
    limits.flush()?;
    let mut holds = Chunker::new(writer, CHUNK_HOLDS, number);
    for (id, hold) in &part.state.holds {
        holds.push(|out| encode_into(&hold_row(*id, hold), out))?;
    }
    holds.flush()?;
    Ok(())
}

/// Writes how channels are exposed, and what they are granted; returns the digest of the exposures.
fn grants(part: &FrozenPart, writer: &mut SetWriter<'_>) -> Result<u64, SnapshotError> {
    let number = part.number.0;
    let mut digest = 0_u64;
    let mut exposures = Chunker::new(writer, CHUNK_EXPOSURES, number);
    for (channel, exposure) in &part.state.exposures {
        digest = digest.wrapping_add(digest_of_exposure(part.number, *channel, *exposure));
        exposures.push(|out| encode_into(&exposure_row(*channel, *exposure), out))?;
    }
    exposures.flush()?;
    let mut grants = Chunker::new(writer, CHUNK_GRANTS, number);
    for (sku, actor) in part.state.skus.iter() {
        for grant in actor.grants() {
            grants.push(|out| encode_into(&grant_row(SkuNumber(sku), grant), out))?;
        }
    }
    grants.flush()?;
    Ok(digest)
}

/// Writes what a merchant's orders are routed by, the tags of its
/// SKUs, and which locations may serve those who wait.
fn routing(part: &FrozenPart, writer: &mut SetWriter<'_>) -> Result<(), SnapshotError> {
    let number = part.number.0;
    let mut routing = Chunker::new(writer, CHUNK_ROUTING, number);
    let row = routing_row(part);
    routing.push(|out| encode_row_into(&row, out))?;
    routing.flush()?;
    let mut tagged = Chunker::new(writer, CHUNK_TAGS, number);
    for (sku, tags) in part.names.tags() {
        tagged.push(|out| encode_into(&SkuTagsRowV1 { sku, tags }, out))?;
    }
    tagged.flush()?;
    let mut within = Chunker::new(writer, CHUNK_WITHIN, number);
    for (order, locations) in part.state.within.iter() {
        let locations = locations.iter().map(|location| location.0).collect();
        within.push(|out| encode_into(&WithinRowV1 { order: order.0, locations }, out))?;
    }
    within.flush()
}

/// Writes which SKUs are kits, and what the demands of open orders are of kits; returns the digest of the kits.
fn kits(part: &FrozenPart, writer: &mut SetWriter<'_>) -> Result<u64, SnapshotError> {
    let number = part.number.0;
    let mut digest = 0_u64;
    let mut kits = Chunker::new(writer, CHUNK_KITS, number);
    for (sku, components) in &part.state.kits {
        digest = digest.wrapping_add(digest_of_kit(part.number, *sku, components));
        let components = components_record(components);
        kits.push(|out| encode_into(&KitRowV1 { sku: sku.0, components }, out))?;
    }
    kits.flush()?;
    let mut parts = Chunker::new(writer, CHUNK_PARTS, number);
    for (_, order) in part.state.orders.iter().filter(|(_, order)| order.has_kits()) {
        parts.push(|out| encode_into(&parts_row(&order.open()), out))?;
    }
    parts.flush()?;
    Ok(digest)
}

/// Writes what was agreed of open orders beyond their policies; returns the digest of it.
fn agreements(part: &FrozenPart, writer: &mut SetWriter<'_>) -> Result<u64, SnapshotError> {
    let mut digest = 0_u64;
    let mut rows = Chunker::new(writer, CHUNK_AGREED, part.number.0);
    for (order, agreed) in part.state.agreed.iter() {
        digest = digest.wrapping_add(digest_of_agreed(part.number, order, *agreed));
        let row = AgreedRowV1 { order: order.0, agreed: agreed_record(*agreed) };
        rows.push(|out| encode_into(&row, out))?;
    }
    rows.flush()?;
    Ok(digest)
}

fn parts_row(order: &Order) -> PartsRowV1 {
    let part = |demand: &Demand| demand.part.map_or((0, 0), |part| (part.per_kit, part.shipped));
    PartsRowV1 { order: order.id.0, parts: order.demands.iter().map(part).collect() }
}

fn routing_row(part: &FrozenPart) -> MerchantRoutingV1<'_> {
    MerchantRoutingV1 {
        profiles: part.names.routing.profiles.iter().map(profile_row).collect(),
        channels: part.state.channels.iter().map(|row| row.profile.map(|profile| profile.0)).collect(),
        places: part.names.routing.sites.iter().map(|site| place_row(site)).collect(),
    }
}

fn profile_row(entry: &ProfileEntry) -> ProfileRowV1<'_> {
    ProfileRowV1 {
        code: &entry.code,
        versions: entry.versions.iter().map(|version| version.0).collect(),
        format: format_record(entry.format),
        text: &entry.text,
    }
}

fn place_row(site: &Site) -> PlaceRowV1<'_> {
    let Address { kind, country, region, postal_code } = site.address();
    PlaceRowV1 { kind, country, region, postal_code }
}

fn rules_row(state: &FrozenMerchant) -> MerchantRulesV1 {
    let location = |location: &Location| LocationTermsV1 { safety_stock: location.safety_stock };
    let channel = |channel: &Channel| ChannelTermsV1 {
        stock_policy: stock_policy_record(&channel.stock_policy),
        rank: channel.rank,
    };
    MerchantRulesV1 {
        locations: state.locations.iter().map(location).collect(),
        channels: state.channels.iter().map(channel).collect(),
    }
}

fn state_row(part: &FrozenPart, cut: Lsn) -> MerchantStateV1<'_> {
    let names: &FrozenNames = &part.names;
    let channels = part.state.channels.iter().zip(names.channels()).map(|(channel, name)| ChannelRowV1 {
        name: name_row(name),
        locations: channel.locations.iter().map(|location| location.0).collect(),
        policy: policy_record(channel.policy),
    });
    MerchantStateV1 {
        cut: cut.0,
        at: part.at,
        channels: channels.collect(),
        locations: names.locations().map(name_row).collect(),
    }
}

fn name_row(name: FrozenName<'_>) -> NameV1<'_> {
    NameV1 { code: name.code, put: name.put.0 }
}

fn sku_row<'a>(actor: &SkuActor, name: NameV1<'a>) -> SkuRowV1<'a> {
    let level =
        |level: &Level| (level.location().0, level.sellable(), level.damaged(), level.quality_control());
    SkuRowV1 {
        name,
        decimals: actor.decimals(),
        is_in_use: actor.is_in_use(),
        levels: actor.levels().iter().map(level).collect(),
        pass: actor.backlog().and_then(onhand_domain::sku::Backlog::pass).map(cursor_record),
    }
}

fn order_row(order: &Order) -> OrderRowV1 {
    OrderRowV1 {
        order: order.id.0,
        channel: order.channel.0,
        policy: policy_record(order.policy),
        lines: order
            .lines
            .iter()
            .map(|line| (line.ordered, line.cancelled, line.shipped, line.returned))
            .collect(),
        demands: order
            .demands
            .iter()
            .map(|demand| (demand.sku.0, demand.line, demand.backordered, demand.short))
            .collect(),
        claims: order.claims.iter().map(|claim| (claim.demand, claim.location.0, claim.quantity)).collect(),
    }
}

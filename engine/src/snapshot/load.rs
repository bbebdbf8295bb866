//! From a generation to the state.

use super::SnapshotError;
use crate::actor::ShardState;
use crate::directory::{Address, Directories, ProfileEntry};
use crate::recovery::shard_of;
use crate::registry::{Key, Registry, Scopes};
use crate::translate::{
    agreed_of, components_of, cursor_of, exposure_of, format_of, grant_of, hold_of, policy_of,
    stock_policy_of, terms_of,
};
use onhand_domain::kit::Component;
use onhand_domain::merchant::{Channel, Location};
use onhand_domain::order::{Claim, ClaimState, Demand, Line, Order, Part};
use onhand_domain::sku::{Cursor, Level, SkuActor};
use onhand_domain::{
    ChannelNumber, LocationNumber, MerchantNumber, MerchantState, OrderId, ProfileNumber, SkuNumber,
};
use onhand_record::codec::decode_first;
use onhand_record::rules::{ChannelTermsV1, LocationTermsV1};
use onhand_record::snapshot::{
    AgreedRowV1, CHUNK_AGREED, CHUNK_EXPOSURES, CHUNK_GRANTS, CHUNK_HOLDS, CHUNK_KITS, CHUNK_LIMITS,
    CHUNK_MERCHANTS, CHUNK_ORDERS, CHUNK_PARTS, CHUNK_ROUTING, CHUNK_RULES, CHUNK_SKUS, CHUNK_STATES,
    CHUNK_TAGS, CHUNK_TERMS, CHUNK_WITHIN, ExposureRowV1, GrantRowV1, HoldRowV1, KeyRowV1, KitRowV1,
    MerchantRoutingV1, MerchantRowV1, MerchantRulesV1, MerchantStateV1, OrderRowV1, PartsRowV1, PlaceRowV1,
    ProfileRowV1, SkuLimitsRowV1, SkuRowV1, SkuTagsRowV1, SkuTermsRowV1, SnapshotV1, WithinRowV1,
};
use onhand_record::{DecodeError, decode};
use onhand_snapshots::Lsn;
use onhand_snapshots::chunks::Set;
use onhand_snapshots::planted::{Bug, is_planted};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What recovery begins with: nothing, or what a generation holds.
pub(crate) struct Foundation {
    pub(crate) states: Vec<ShardState>,
    pub(crate) directories: Arc<Directories>,
    pub(crate) registry: Arc<Registry>,
    /// Up to which record each merchant's state is there.
    pub(crate) cuts: HashMap<MerchantNumber, Lsn>,
    /// Every record up to here is in it.
    pub(crate) cut: Lsn,
    /// The journal it belongs to, if it is not empty.
    pub(crate) cluster: Option<[u8; 16]>,
}

impl Foundation {
    /// Nothing.
    pub(crate) fn empty(shards: usize) -> Self {
        Self {
            states: (0..shards.max(1)).map(|_| ShardState::default()).collect(),
            directories: Arc::default(),
            registry: Arc::default(),
            cuts: HashMap::new(),
            cut: Lsn::ZERO,
            cluster: None,
        }
    }
}

/// Builds the state of a generation, and believes it only if it has the digest that was written.
pub(crate) fn load(set: &Set, shards: usize) -> Result<Foundation, SnapshotError> {
    let about: SnapshotV1 = decode(set.about())?;
    let mut foundation = Foundation::empty(shards);
    foundation.cut = Lsn(about.cut);
    foundation.cluster = Some(about.cluster);
    let built = catch_unwind(AssertUnwindSafe(|| {
        Loader {
            set,
            foundation: &mut foundation,
            passes: Vec::new(),
            kits: BTreeMap::new(),
            routed: HashSet::new(),
        }
        .load()
    }));
    built.map_err(|_| SnapshotError::Wrong("its rows contradict each other".into()))??;
    // That the invariants hold is checked once the tail was replayed as well.
    let digest = foundation.states.iter().map(ShardState::digest).fold(0_u64, u64::wrapping_add);
    if digest == about.digest || is_planted(Bug::UncheckedSnapshot) {
        return Ok(foundation);
    }
    Err(SnapshotError::Wrong(format!("its state has digest {digest:016x}, it says {:016x}", about.digest)))
}

/// Orders whose SKUs are looked at before the first of them claims, so that the waits for memory overlap.
const TOGETHER: usize = 64;

struct Loader<'a> {
    set: &'a Set,
    foundation: &'a mut Foundation,
    /// Passes over those who wait, to go on with once all of them are there.
    passes: Vec<(MerchantNumber, SkuNumber, Cursor)>,
    /// Kits and their components, to be taken apart once all of a merchant's are there.
    kits: BTreeMap<MerchantNumber, Vec<(SkuNumber, Vec<Component>)>>,
    /// Merchants of which it has what their orders are routed by.
    routed: HashSet<MerchantNumber>,
}

/// The rows of a chunk.
fn rows<'a, T: 'a>(
    chunk: &'a [u8],
    decode: impl Fn(&'a [u8]) -> Result<(T, &'a [u8]), DecodeError>,
) -> impl Iterator<Item = Result<T, DecodeError>> {
    let mut rest = chunk;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        Some(decode(rest).map(|(row, after)| {
            rest = after;
            row
        }))
    })
    .scan(false, |failed, row| {
        let go_on = !*failed;
        *failed = row.is_err();
        go_on.then_some(row)
    })
}

impl Loader<'_> {
    fn load(&mut self) -> Result<(), SnapshotError> {
        let keys: Vec<Vec<u8>> = self.set.keys().map(<[u8]>::to_vec).collect();
        for key in keys {
            let chunk = self.set.get(&key)?;
            let merchant = key.get(1..).and_then(|rest| rest.first_chunk());
            let merchant = merchant.map_or(0, |number| u32::from_be_bytes(*number));
            match (key[0], merchant) {
                (CHUNK_MERCHANTS, 0) => self.merchants(&chunk)?,
                (CHUNK_MERCHANTS, _) => self.keys(&chunk)?,
                (CHUNK_STATES, merchant) => self.state(MerchantNumber(merchant), &chunk)?,
                (CHUNK_SKUS, merchant) => self.skus(MerchantNumber(merchant), &chunk)?,
                (CHUNK_ORDERS, merchant) => self.orders(MerchantNumber(merchant), &chunk)?,
                (CHUNK_RULES, merchant) => self.rules(MerchantNumber(merchant), &chunk)?,
                (CHUNK_TERMS, merchant) => self.terms(MerchantNumber(merchant), &chunk)?,
                (CHUNK_HOLDS, merchant) => self.holds(MerchantNumber(merchant), &chunk)?,
                (CHUNK_ROUTING, merchant) => self.routing(MerchantNumber(merchant), &chunk)?,
                (CHUNK_TAGS, merchant) => self.tags(MerchantNumber(merchant), &chunk)?,
                (CHUNK_WITHIN, merchant) => self.within(MerchantNumber(merchant), &chunk)?,
                (CHUNK_KITS, merchant) => self.kits(MerchantNumber(merchant), &chunk)?,
                (CHUNK_PARTS, merchant) => self.parts(MerchantNumber(merchant), &chunk)?,
                (CHUNK_EXPOSURES, merchant) => self.exposures(MerchantNumber(merchant), &chunk)?,
                (CHUNK_GRANTS, merchant) => self.grants(MerchantNumber(merchant), &chunk)?,
                (CHUNK_AGREED, merchant) => self.agreements(MerchantNumber(merchant), &chunk)?,
                (CHUNK_LIMITS, merchant) => self.limits(MerchantNumber(merchant), &chunk)?,
                (kind, _) => {
                    return Err(SnapshotError::Wrong(format!("chunks of kind {kind} are not known")));
                }
            }
        }
        self.are_routed()?;
        self.make_kits()?;
        self.passes()
    }

    fn merchants(&mut self, chunk: &[u8]) -> Result<(), SnapshotError> {
        for row in rows(chunk, decode_first::<MerchantRowV1<'_>>) {
            let row = row?;
            self.foundation.registry.add_merchant(row.name, MerchantNumber(row.merchant));
            self.foundation.directories.create(MerchantNumber(row.merchant));
        }
        Ok(())
    }

    fn keys(&mut self, chunk: &[u8]) -> Result<(), SnapshotError> {
        for row in rows(chunk, decode_first::<KeyRowV1>) {
            let KeyRowV1 { key, merchant, secret_hash, scopes, is_revoked } = row?;
            let merchant = MerchantNumber(merchant);
            let key = Key { number: key, merchant, scopes: Scopes(scopes), is_revoked };
            self.foundation.registry.add_key(secret_hash, key);
        }
        Ok(())
    }

    fn merchant(&mut self, number: MerchantNumber) -> Result<&mut crate::turn::Merchant, SnapshotError> {
        let directory = self.foundation.directories.get(number);
        let directory =
            directory.ok_or_else(|| SnapshotError::Wrong(format!("merchant {number} is not in it")))?;
        let count = self.foundation.states.len();
        Ok(self.foundation.states[shard_of(number, count)].merchant(&directory).0)
    }

    fn state(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let row: MerchantStateV1<'_> = decode(chunk)?;
        self.foundation.cuts.insert(number, Lsn(row.cut));
        let merchant = self.merchant(number)?;
        merchant.at = row.at;
        for (location, name) in (0_u16..).zip(&row.locations) {
            merchant.directory.put_location(LocationNumber(location), name.code, Lsn(name.put));
        }
        let mut channels = Vec::new();
        for (channel, row) in (0_u16..).zip(&row.channels) {
            merchant.directory.put_channel(ChannelNumber(channel), row.name.code, Lsn(row.name.put));
            let locations = row.locations.iter().copied().map(LocationNumber).collect();
            let terms = ChannelTermsV1::default();
            let (stock_policy, rank) = (stock_policy_of(&terms.stock_policy), terms.rank);
            let (policy, profile) = (policy_of(row.policy), None);
            channels.push(Channel { locations, policy, stock_policy, rank, profile });
        }
        let locations = row.locations.iter().map(|_| Location { safety_stock: 0 }).collect();
        merchant.state = MerchantState::restored(locations, channels);
        Ok(())
    }

    fn rules(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let row: MerchantRulesV1 = decode(chunk)?;
        let location = |terms: &LocationTermsV1| Location { safety_stock: terms.safety_stock };
        let channel = |terms: &ChannelTermsV1| (stock_policy_of(&terms.stock_policy), terms.rank);
        let (locations, channels) = (row.locations.iter().map(location), row.channels.iter().map(channel));
        self.merchant(number)?.state.restore_rules(locations, channels);
        Ok(())
    }

    fn terms(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let merchant = self.merchant(number)?;
        for row in rows(chunk, decode_first::<SkuTermsRowV1>) {
            let row = row?;
            let (terms, pools) = terms_of(&row.terms);
            merchant.state.restore_terms(SkuNumber(row.sku), terms, pools);
        }
        Ok(())
    }

    fn skus(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let merchant = self.merchant(number)?;
        let mut passes = Vec::new();
        for row in rows(chunk, decode_first::<SkuRowV1<'_>>) {
            let row = row?;
            let sku = SkuNumber(u32::try_from(merchant.state.sku_count()).unwrap_or(u32::MAX));
            let level = |(location, sellable, damaged, quality_control): &(u16, u32, u32, u32)| {
                Level::restored(LocationNumber(*location), *sellable, *damaged, *quality_control)
            };
            let levels = row.levels.iter().map(level);
            merchant.state.restore_sku(SkuActor::restored(row.decimals, row.is_in_use, levels));
            merchant.directory.put_sku(sku, row.name.code, Lsn(row.name.put), row.decimals, &[]);
            passes.extend(row.pass.map(|pass| (number, sku, cursor_of(pass))));
        }
        self.passes.extend(passes);
        Ok(())
    }

    fn orders(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let merchant = self.merchant(number)?;
        let mut rows = rows(chunk, decode_first::<OrderRowV1>);
        let mut together = Vec::with_capacity(TOGETHER);
        loop {
            together.clear();
            for row in rows.by_ref().take(TOGETHER) {
                together.push(order_of(&row?));
            }
            if together.is_empty() {
                return Ok(());
            }
            merchant.state.approach(together.iter().flat_map(Order::skus));
            together.drain(..).for_each(|order| merchant.state.restore_order(order));
        }
    }

    fn holds(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let merchant = self.merchant(number)?;
        for row in rows(chunk, decode_first::<HoldRowV1>) {
            let (id, hold) = hold_of(&row?);
            merchant.state.restore_hold(id, hold);
        }
        Ok(())
    }

    fn routing(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let row: MerchantRoutingV1<'_> = decode(chunk)?;
        self.routed.insert(number);
        let merchant = self.merchant(number)?;
        for (location, place) in (0_u16..).zip(&row.places) {
            let PlaceRowV1 { kind, country, region, postal_code } = *place;
            let address = Address { kind, country, region, postal_code };
            merchant.directory.put_address(LocationNumber(location), address);
        }
        let mut profiles = Vec::new();
        for ProfileRowV1 { code, versions, format, text } in &row.profiles {
            let (format, version) = (format_of(*format), u32::try_from(versions.len()).unwrap_or(u32::MAX));
            let rules = merchant.directory.reread_profile(text, format, version);
            let rules = rules
                .map_err(|error| SnapshotError::Wrong(format!("routing profile {code}: {}", error.detail)))?;
            profiles.push(Arc::new(rules));
            let versions = versions.iter().copied().map(Lsn).collect();
            let (code, text) = ((*code).into(), (*text).into());
            merchant.directory.restore_profile(ProfileEntry { code, versions, format, text });
        }
        let channels = row.channels.iter().map(|profile| profile.map(ProfileNumber));
        merchant.state.restore_profiles(profiles, channels);
        Ok(())
    }

    fn tags(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let merchant = self.merchant(number)?;
        for row in rows(chunk, decode_first::<SkuTagsRowV1<'_>>) {
            let SkuTagsRowV1 { sku, tags } = row?;
            merchant.directory.restore_tags(SkuNumber(sku), &tags);
        }
        Ok(())
    }

    fn within(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let merchant = self.merchant(number)?;
        for row in rows(chunk, decode_first::<WithinRowV1>) {
            let WithinRowV1 { order, locations } = row?;
            let locations = locations.into_iter().map(LocationNumber).collect();
            merchant.state.restore_within(OrderId(order), locations);
        }
        Ok(())
    }

    fn kits(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let kits = self.kits.entry(number).or_default();
        for row in rows(chunk, decode_first::<KitRowV1>) {
            let KitRowV1 { sku, components } = row?;
            kits.push((SkuNumber(sku), components_of(&components)));
        }
        Ok(())
    }

    fn parts(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let merchant = self.merchant(number)?;
        for row in rows(chunk, decode_first::<PartsRowV1>) {
            let PartsRowV1 { order, parts } = row?;
            let part = |(per_kit, shipped): (u32, u32)| (per_kit > 0).then_some(Part { per_kit, shipped });
            merchant.state.restore_parts(OrderId(order), parts.into_iter().map(part));
        }
        Ok(())
    }

    fn exposures(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let merchant = self.merchant(number)?;
        for row in rows(chunk, decode_first::<ExposureRowV1>) {
            let (channel, exposure) = exposure_of(row?);
            merchant.state.restore_exposure(channel, exposure);
        }
        Ok(())
    }

    fn agreements(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let merchant = self.merchant(number)?;
        for row in rows(chunk, decode_first::<AgreedRowV1>) {
            let AgreedRowV1 { order, agreed } = row?;
            merchant.state.restore_agreed(OrderId(order), agreed_of(&agreed));
        }
        Ok(())
    }

    fn grants(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let merchant = self.merchant(number)?;
        for row in rows(chunk, decode_first::<GrantRowV1>) {
            let (sku, grant) = grant_of(row?);
            merchant.state.restore_grant(sku, grant);
        }
        Ok(())
    }

    fn limits(&mut self, number: MerchantNumber, chunk: &[u8]) -> Result<(), SnapshotError> {
        let merchant = self.merchant(number)?;
        for row in rows(chunk, decode_first::<SkuLimitsRowV1>) {
            let SkuLimitsRowV1 { sku, limits } = row?;
            merchant.state.restore_backorder_limit(SkuNumber(sku), limits.backorder_limit);
        }
        Ok(())
    }

    fn make_kits(&mut self) -> Result<(), SnapshotError> {
        for (number, kits) in std::mem::take(&mut self.kits) {
            let rows = kits.iter().map(|(sku, components)| (*sku, &components[..]));
            self.merchant(number)?.state.restore_kits(rows);
        }
        Ok(())
    }

    /// A release that knew no routing wrote down neither where locations are nor which tags SKUs have.
    fn are_routed(&self) -> Result<(), SnapshotError> {
        if self.foundation.cuts.keys().all(|number| self.routed.contains(number)) {
            return Ok(());
        }
        Err(SnapshotError::Wrong("an earlier release wrote it, without routing".into()))
    }

    fn passes(&mut self) -> Result<(), SnapshotError> {
        for (number, sku, cursor) in std::mem::take(&mut self.passes) {
            self.merchant(number)?.state.restore_pass(sku, cursor);
        }
        Ok(())
    }
}

fn order_of(row: &OrderRowV1) -> Order {
    let line = |(ordered, cancelled, shipped, returned): &(u32, u32, u32, u32)| Line {
        ordered: *ordered,
        cancelled: *cancelled,
        shipped: *shipped,
        returned: *returned,
    };
    let demand = |(sku, line, backordered, short): &(u32, u16, u32, u32)| Demand {
        sku: SkuNumber(*sku),
        line: *line,
        backordered: *backordered,
        short: *short,
        part: None,
    };
    let claim = |(demand, location, quantity): &(u16, u16, u32)| Claim {
        demand: *demand,
        location: LocationNumber(*location),
        state: ClaimState::Allocated,
        quantity: *quantity,
    };
    Order {
        id: OrderId(row.order),
        channel: ChannelNumber(row.channel),
        policy: policy_of(row.policy),
        lines: row.lines.iter().map(line).collect(),
        demands: row.demands.iter().map(demand).collect(),
        claims: row.claims.iter().map(claim).collect(),
    }
}

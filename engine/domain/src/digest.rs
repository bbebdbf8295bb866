//! A digest of what a merchant's state says, by which two copies of it can be compared.
//!
//! It is the wrapping sum of one hash per fact, so it depends neither on order nor on layout: a live state, a
//! recovered one and the audit's own books (which share no code with this) come to the same number. The
//! facts and the hash are written down in `docs/FORMATS.md`.

use crate::grant::{Exposure, Grant, Mode};
use crate::hold::Hold;
use crate::id::{ChannelNumber, HoldId, MerchantNumber, OrderId, SkuNumber};
use crate::kit::Component;
use crate::merchant::MerchantState;
use crate::order::{Agreed, Order, Part};
use crate::sku::{Pool, SkuActor};
use crate::table::spread;

/// The kinds of fact, as they enter the hash.
const STOCK: u64 = 1;
const LINE: u64 = 2;
const CLAIM: u64 = 3;
const POOL: u64 = 4;
const HOLD: u64 = 5;
const HOLDER: u64 = 6;
const PART: u64 = 7;
const COMPONENT: u64 = 8;
const GRANT: u64 = 9;
const LOWERING: u64 = 10;
const EXPOSURE: u64 = 11;
const AGREED: u64 = 12;

/// The terms that can be agreed, as they enter the hash.
const COMPLETE_BY: u64 = 1;
const CANCEL_AFTER: u64 = 2;

/// The hash of one fact: a chain of splitmix64 finalisers over its words.
#[must_use]
pub fn fact(words: &[u64]) -> u64 {
    words.iter().fold(0, |hash, word| spread(hash ^ *word))
}

/// The digest of one merchant's stock, pools, grants, kits, live holds, open lines and claims, and what was agreed of open
/// orders.
#[must_use]
pub fn digest(merchant: MerchantNumber, state: &MerchantState) -> u64 {
    let stock = state.skus().map(|(sku, actor)| digest_of_sku(merchant, sku, actor));
    let orders = state.orders().map(|order| digest_of_order(merchant, &order));
    let holds = state.holds().map(|(id, hold)| digest_of_hold(merchant, id, hold));
    let kits = state.kits().iter().map(|(sku, kit)| digest_of_kit(merchant, sku, kit.components()));
    let exposures =
        state.exposures().map(|(channel, exposure)| digest_of_exposure(merchant, channel, exposure));
    let agreed = state.agreements().map(|(order, agreed)| digest_of_agreed(merchant, order, agreed));
    let told = stock.chain(orders).chain(holds).chain(kits).chain(exposures).chain(agreed);
    told.fold(0, u64::wrapping_add)
}

/// What the exposure of one channel adds to the digest.
#[must_use]
pub fn digest_of_exposure(merchant: MerchantNumber, channel: ChannelNumber, exposure: Exposure) -> u64 {
    let Exposure { mode, max_lag_ms, watermark } = exposure;
    let mode = match mode {
        Mode::Escrow => 0,
        Mode::Mirror => 1,
        // At least a hundred.
        Mode::Overlap(hundredths) => u64::from(hundredths),
    };
    fact(&[EXPOSURE, u64::from(merchant.0), u64::from(channel.0), mode, max_lag_ms, watermark])
}

/// What one grant of a SKU adds to the digest.
fn digest_of_grant(merchant: u64, sku: u64, grant: &Grant) -> u64 {
    let channel = u64::from(grant.channel.0);
    let Grant { since, granted, sold, revision, .. } = *grant;
    let told = fact(&[GRANT, merchant, sku, channel, since, granted, sold, revision]);
    let lowerings = grant.lowerings.iter().map(|lowering| {
        // None is 0, and no time is that one.
        let acknowledged = lowering.acknowledged.map_or(0, |at| at.wrapping_add(1));
        fact(&[LOWERING, merchant, sku, channel, lowering.revision, lowering.units, acknowledged])
    });
    lowerings.fold(told, u64::wrapping_add)
}

/// What the agreement of one open order adds to the digest.
#[must_use]
pub fn digest_of_agreed(merchant: MerchantNumber, order: OrderId, agreed: Agreed) -> u64 {
    let Agreed { complete_by, cancel_after } = agreed;
    let term = |kind: u64, date: Option<u64>| {
        date.map_or(0, |date| fact(&[AGREED, u64::from(merchant.0), order.0, kind, date]))
    };
    term(COMPLETE_BY, complete_by).wrapping_add(term(CANCEL_AFTER, cancel_after))
}

/// What one kit adds to the digest.
#[must_use]
pub fn digest_of_kit(merchant: MerchantNumber, kit: SkuNumber, components: &[Component]) -> u64 {
    let fact_of = |(place, (sku, quantity)): (u64, &Component)| {
        let (merchant, kit) = (u64::from(merchant.0), u64::from(kit.0));
        fact(&[COMPONENT, merchant, kit, place, u64::from(sku.0), u64::from(*quantity)])
    };
    (0..).zip(components).map(fact_of).fold(0, u64::wrapping_add)
}

/// What one live hold adds to the digest.
#[must_use]
pub fn digest_of_hold(merchant: MerchantNumber, id: HoldId, hold: &Hold) -> u64 {
    let fact_of = |(sku, quantity): &(SkuNumber, u32)| {
        let (merchant, channel, sku) = (u64::from(merchant.0), u64::from(hold.channel.0), u64::from(sku.0));
        fact(&[HOLD, merchant, id.0, channel, hold.deadline, sku, u64::from(*quantity)])
    };
    let [first, last] = halves(hold.customer);
    let (extensions, key) = (u64::from(hold.extensions), u64::from(hold.key));
    let holder = fact(&[HOLDER, u64::from(merchant.0), id.0, extensions, key, first, last]);
    hold.units.iter().map(fact_of).fold(holder, u64::wrapping_add)
}

/// A customer as two words; nobody is 0 and 0.
fn halves(customer: Option<[u8; 16]>) -> [u64; 2] {
    let word = |half: &[u8]| half.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    customer.map_or([0, 0], |bytes| [word(&bytes[..8]), word(&bytes[8..])])
}

/// What one SKU's stock, pools and grants add to the digest.
#[must_use]
pub fn digest_of_sku(merchant: MerchantNumber, sku: SkuNumber, actor: &SkuActor) -> u64 {
    let (merchant, sku) = (u64::from(merchant.0), u64::from(sku.0));
    let mut sum = 0_u64;
    for level in actor.levels() {
        let numbers = [level.sellable(), level.damaged(), level.quality_control(), level.committed()];
        if numbers.iter().any(|number| *number > 0) {
            let [sellable, damaged, quality_control, committed] = numbers.map(u64::from);
            let location = u64::from(level.location().0);
            let words = [STOCK, merchant, sku, location, sellable, damaged, quality_control, committed];
            sum = sum.wrapping_add(fact(&words));
        }
    }
    for pool in actor.pools() {
        let Pool { channel, since, left, charged, claimed } = *pool;
        let words = [POOL, merchant, sku, u64::from(channel.0), since.0, left, charged, claimed];
        sum = sum.wrapping_add(fact(&words));
    }
    let grants = actor.grants().iter().map(|grant| digest_of_grant(merchant, sku, grant));
    grants.fold(sum, u64::wrapping_add)
}

/// What one open order adds to the digest.
#[must_use]
pub fn digest_of_order(merchant: MerchantNumber, order: &Order) -> u64 {
    let merchant = u64::from(merchant.0);
    let mut sum = 0_u64;
    for (number, line) in (0_u16..).zip(&order.lines) {
        let waiting = order.demands_of(number);
        let (backordered, short) = waiting.fold((0, 0), |(backordered, short), (_, demand)| {
            (backordered + u64::from(demand.backordered), short + u64::from(demand.short))
        });
        let words = [
            LINE,
            merchant,
            order.id.0,
            u64::from(number),
            u64::from(line.ordered),
            u64::from(line.cancelled),
            u64::from(line.shipped),
            backordered,
            short,
        ];
        sum = sum.wrapping_add(fact(&words));
    }
    for (number, demand) in (0_u64..).zip(&order.demands) {
        if let Some(Part { per_kit, shipped }) = demand.part {
            let numbers = [demand.sku.0, per_kit, shipped, demand.backordered, demand.short].map(u64::from);
            let [sku, per_kit, shipped, backordered, short] = numbers;
            let words = [PART, merchant, order.id.0, number, sku, per_kit, shipped, backordered, short];
            sum = sum.wrapping_add(fact(&words));
        }
    }
    for claim in &order.claims {
        let (demand, location) = (u64::from(claim.demand), u64::from(claim.location.0));
        let words = [CLAIM, merchant, order.id.0, demand, location, u64::from(claim.quantity)];
        sum = sum.wrapping_add(fact(&words));
    }
    sum
}

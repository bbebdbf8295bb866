//! Reads, answered by the owner: exact at the LSN they carry, and handed out when that is durable.

use crate::ask::{OrderRead, ReadAnswer, ReadAsk, StockRead};
use crate::keys::Keys;
use crate::turn::Merchant;
use onhand_domain::grant::Grant;
use onhand_domain::sku::{Class, Pool, SkuActor};
use onhand_domain::{ChannelNumber, MerchantState, OrderId, SkuNumber};

/// What one channel is granted of one SKU, as its owner sees it.
#[derive(Debug, Clone)]
pub struct GrantRead {
    /// What it is granted.
    pub grant: Grant,
    /// Units that it may sell and that nobody keeps for it.
    pub exposed: u64,
}

pub(crate) fn read(merchant: &Merchant, ask: &ReadAsk, keys: &Keys) -> ReadAnswer {
    let state = &merchant.state;
    match ask {
        ReadAsk::Stock { from, limit } => stock(state, *from, *limit),
        ReadAsk::Availability { skus, channels } => availability(state, skus, channels),
        ReadAsk::Orders(orders) => {
            let order = |order: &OrderId| match state.order(*order) {
                Some(open) => OrderRead::Open(Box::new(open)),
                None => keys.closed(merchant.number, order.0).map_or(OrderRead::Absent, OrderRead::Closed),
            };
            ReadAnswer::Orders(orders.iter().map(order).collect())
        }
        ReadAsk::Plan(order) => ReadAnswer::Plan(Box::new(merchant.decide_order(order))),
        ReadAsk::Hold(hold) => ReadAnswer::Hold(state.hold(*hold).cloned().map(Box::new)),
        ReadAsk::Exposure(channel) => ReadAnswer::Exposure(state.exposure(*channel)),
        ReadAsk::Grant(sku, channel) => ReadAnswer::Grant(grant(state, *sku, *channel).map(Box::new)),
    }
}

fn grant(state: &MerchantState, sku: SkuNumber, channel: ChannelNumber) -> Option<GrantRead> {
    let actor = state.sku(sku)?;
    let grant = actor.grant(channel)?.clone();
    Some(GrantRead { grant, exposed: state.grant_exposed(actor, channel) })
}

/// Numbers that one read of what channels can sell may work out: five channels for ten thousand SKUs. The shard answers it in
/// one turn, of some three milliseconds, and meanwhile nobody else. A kit counts as all of its parts.
const CELLS_MAX: usize = 50_000;

fn availability(state: &MerchantState, skus: &[SkuNumber], channels: &[ChannelNumber]) -> ReadAnswer {
    let parts = |sku: &SkuNumber| state.kits().get(*sku).map_or(1, |kit| kit.parts().len());
    let cells = skus.iter().map(parts).sum::<usize>().saturating_mul(channels.len());
    if cells > CELLS_MAX {
        return ReadAnswer::TooMany { cells, max: CELLS_MAX };
    }
    let row = |sku: &SkuNumber| channels.iter().map(|channel| available(state, *sku, *channel)).collect();
    ReadAnswer::Availability(skus.iter().map(row).collect())
}

fn stock(state: &MerchantState, from: SkuNumber, limit: usize) -> ReadAnswer {
    let mut rows = Vec::new();
    let mut sku = from;
    while rows.len() < limit
        && let Some(actor) = state.sku(sku)
    {
        rows.push(stock_row(state, sku, actor));
        sku = SkuNumber(sku.0 + 1);
    }
    let next = state.sku(sku).is_some().then_some(sku);
    ReadAnswer::Stock { rows, next }
}

fn stock_row(state: &MerchantState, sku: SkuNumber, actor: &SkuActor) -> StockRead {
    let waiting = |class: Class| actor.backlog().map_or(0, |backlog| backlog.total_of(class));
    let levels = actor.levels();
    StockRead {
        sku,
        levels: levels.to_vec(),
        safety_stock: levels.iter().map(|level| state.safety_stock(actor, level.location())).collect(),
        standing: state.standing(actor),
        reserved: state.reserved(actor),
        pools: actor.pools().to_vec(),
        dedicated: actor.pools().iter().map(|pool| dedicated(actor, pool)).collect(),
        backordered: waiting(Class::Backorder),
        short: waiting(Class::Short),
    }
}

/// What was dedicated to a pool: where there are no terms of it, nothing, and then there is no pool.
fn dedicated(actor: &SkuActor, pool: &Pool) -> u32 {
    actor.terms().and_then(|terms| terms.channel(pool.channel)).map_or(0, |terms| terms.dedicated)
}

/// Units of a SKU that a channel can sell now; of a kit, whole ones.
fn available(state: &MerchantState, sku: SkuNumber, channel: ChannelNumber) -> u64 {
    if state.sku(sku).is_none() || state.channel(channel).is_none() {
        return 0;
    }
    state.sellable(sku, channel)
}

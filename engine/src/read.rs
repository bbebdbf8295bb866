//! Reads, answered by the owner: exact at the LSN they carry, and handed out when that is durable.

use crate::ask::{OrderRead, ReadAnswer, ReadAsk, StockRead};
use crate::keys::Keys;
use crate::turn::Merchant;
use onhand_domain::sku::{Class, Level, SkuActor};
use onhand_domain::{ChannelNumber, MerchantState, OrderId, SkuNumber};

pub(crate) fn read(merchant: &Merchant, ask: &ReadAsk, keys: &Keys) -> ReadAnswer {
    let state = &merchant.state;
    match ask {
        ReadAsk::Stock { from, limit } => stock(state, *from, *limit),
        ReadAsk::Availability { skus, channels } => {
            let row =
                |sku: &SkuNumber| channels.iter().map(|channel| available(state, *sku, *channel)).collect();
            ReadAnswer::Availability(skus.iter().map(row).collect())
        }
        ReadAsk::Orders(orders) => {
            let order = |order: &OrderId| match state.order(*order) {
                Some(open) => OrderRead::Open(Box::new(open)),
                None => keys.closed(merchant.number, order.0).map_or(OrderRead::Absent, OrderRead::Closed),
            };
            ReadAnswer::Orders(orders.iter().map(order).collect())
        }
    }
}

fn stock(state: &MerchantState, from: SkuNumber, limit: usize) -> ReadAnswer {
    let mut rows = Vec::new();
    let mut sku = from;
    while rows.len() < limit
        && let Some(actor) = state.sku(sku)
    {
        rows.push(stock_row(sku, actor));
        sku = SkuNumber(sku.0 + 1);
    }
    let next = state.sku(sku).is_some().then_some(sku);
    ReadAnswer::Stock { rows, next }
}

fn stock_row(sku: SkuNumber, actor: &SkuActor) -> StockRead {
    let waiting = |class: Class| actor.backlog().map_or(0, |backlog| backlog.total_of(class));
    StockRead {
        sku,
        levels: actor.levels().to_vec(),
        free: actor.levels().iter().map(Level::location).map(|location| actor.free(location)).collect(),
        backordered: waiting(Class::Backorder),
        short: waiting(Class::Short),
    }
}

/// Units of a SKU that a channel can sell now.
fn available(state: &MerchantState, sku: SkuNumber, channel: ChannelNumber) -> u64 {
    let (Some(actor), Some(channel)) = (state.sku(sku), state.channel(channel)) else { return 0 };
    channel.locations.iter().map(|location| u64::from(actor.free(*location))).sum()
}

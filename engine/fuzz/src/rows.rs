//! A snapshot generation whose chunks have the right digests and any rows: it is taken or left out.

use crate::history::{fingerprints, start};
use crate::record::again;
use onhand_engine::domain::order::{Claim, ClaimState, Demand, Line, Order, Policy, StoredOrder};
use onhand_engine::domain::{ChannelNumber, LocationNumber, OrderId, SkuNumber};
use onhand_engine::record::codec::{decode_first, encode_row_into};
use onhand_engine::record::decode;
use onhand_engine::record::snapshot::{
    CHUNK_EXPOSURES, CHUNK_GRANTS, CHUNK_HOLDS, CHUNK_MERCHANTS, CHUNK_ORDERS, CHUNK_ROUTING, CHUNK_RULES,
    CHUNK_SKUS, CHUNK_STATES, CHUNK_TAGS, CHUNK_TERMS, CHUNK_WITHIN, ExposureRowV1, GrantRowV1, HoldRowV1,
    KeyRowV1, MerchantRoutingV1, MerchantRowV1, MerchantRulesV1, MerchantStateV1, OrderRowV1, SkuRowV1,
    SkuTagsRowV1, SkuTermsRowV1, SnapshotV1, WithinRowV1,
};
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::snapshots::{Disk, Generations, Lsn};

/// Chunks of an input.
const CHUNKS_MAX: usize = 64;

/// A chunk of an input: kind (1 byte), merchant (1), length (2, little-endian), rows.
fn chunks(input: &[u8]) -> Vec<(u8, u8, &[u8])> {
    let (mut chunks, mut rest) = (Vec::new(), input);
    while let Some(([kind, merchant, low, high], after)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (rows, after) = after.split_at(length);
        chunks.push((*kind, *merchant, rows));
        rest = after;
    }
    chunks.truncate(CHUNKS_MAX);
    chunks
}

/// The input is the chunks of a generation, which becomes the newest one of an otherwise empty directory.
pub(crate) fn rows(input: &[u8]) {
    let chunks = chunks(input);
    for (kind, merchant, rows) in &chunks {
        read_rows(*kind, *merchant, rows);
    }
    let storage = SimStorage::default();
    publish(&storage, &chunks);
    start(&storage);
}

fn publish(storage: &SimStorage, chunks: &[(u8, u8, &[u8])]) {
    let Disk { storage, chunks: store } = Disk::simulated(storage);
    let generations = Generations::new(storage, store);
    let about = SnapshotV1 { cluster: fingerprints().cluster(), cut: 1, at: 0, digest: 0 };
    let mut about_bytes = Vec::new();
    assert_eq!(encode_row_into(&about, &mut about_bytes), Ok(()));
    let published = generations.begin().and_then(|mut writer| {
        for (count, (kind, merchant, rows)) in (0_u32..).zip(chunks) {
            let mut key = vec![*kind];
            key.extend_from_slice(&u32::from(*merchant).to_be_bytes());
            key.extend_from_slice(&count.to_be_bytes());
            writer.put(&key, rows)?;
        }
        generations.publish(writer, &about_bytes, Lsn(1))
    });
    assert!(published.is_ok(), "a set of any chunks can be published: {published:?}");
}

/// Each row by itself, as far as they decode.
fn read_rows(kind: u8, merchant: u8, rows: &[u8]) {
    let mut rest = Some(rows);
    while let Some(row) = rest.filter(|row| !row.is_empty()) {
        rest = match (kind, merchant) {
            (CHUNK_MERCHANTS, 0) => again!(MerchantRowV1<'_>, row),
            (CHUNK_MERCHANTS, _) => again!(KeyRowV1, row),
            (CHUNK_STATES, _) => again!(MerchantStateV1<'_>, row),
            (CHUNK_SKUS, _) => again!(SkuRowV1<'_>, row),
            (CHUNK_ORDERS, _) => {
                if let Ok((order, _)) = decode_first::<OrderRowV1>(row) {
                    packed(&order);
                }
                again!(OrderRowV1, row)
            }
            (CHUNK_RULES, _) => again!(MerchantRulesV1, row),
            (CHUNK_TERMS, _) => again!(SkuTermsRowV1, row),
            (CHUNK_HOLDS, _) => again!(HoldRowV1, row),
            (CHUNK_ROUTING, _) => again!(MerchantRoutingV1<'_>, row),
            (CHUNK_TAGS, _) => again!(SkuTagsRowV1<'_>, row),
            (CHUNK_WITHIN, _) => again!(WithinRowV1, row),
            (CHUNK_EXPOSURES, _) => again!(ExposureRowV1, row),
            (CHUNK_GRANTS, _) => again!(GrantRowV1, row),
            _ => None,
        };
    }
}

/// An order is packed into bytes in memory: it must come out as it went in.
fn packed(row: &OrderRowV1) {
    let order = Order {
        id: OrderId(row.order),
        channel: ChannelNumber(row.channel),
        policy: Policy::Backorder,
        lines: row
            .lines
            .iter()
            .map(|(ordered, cancelled, shipped, returned)| Line {
                ordered: *ordered,
                cancelled: *cancelled,
                shipped: *shipped,
                returned: *returned,
            })
            .collect(),
        demands: row
            .demands
            .iter()
            .map(|(sku, line, backordered, short)| Demand {
                sku: SkuNumber(*sku),
                line: *line,
                backordered: *backordered,
                short: *short,
                part: None,
            })
            .collect(),
        claims: row
            .claims
            .iter()
            .map(|(demand, location, quantity)| Claim {
                demand: *demand,
                location: LocationNumber(*location),
                state: ClaimState::Allocated,
                quantity: *quantity,
            })
            .collect(),
    };
    let stored = StoredOrder::of(&order);
    assert_eq!(stored.open(), order, "a packed order is the order");
    for demand in &order.demands {
        assert!(stored.needs(demand.sku), "a packed order needs what the order needs");
    }
}

//! What channels can sell: of one SKU as its owner works it out, and of very many SKUs through the engine.
//!
//! The owner's number is what an order is decided by. A read through the engine waits for the shard's turn and, if
//! anything was written meanwhile, for its sync; here nothing is.
#![allow(missing_docs, clippy::expect_used, reason = "a bench; criterion writes its main")]

use criterion::{Criterion, criterion_group, criterion_main};
use onhand_benches::Shop;
use onhand_engine::ask::{Ask, ReadAsk};
use onhand_engine::domain::command::{PutChannel, PutLocation, PutSku, RANK, Receive};
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::promise::StockPolicy;
use onhand_engine::domain::sku::{ChannelTerms, StockState, Terms};
use onhand_engine::domain::{ChannelNumber, Command, LocationNumber, MerchantState, OrderId, SkuNumber};
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Enough that the rows of the next SKU are not in the processor's cache.
const SKUS: u32 = 100_000;

/// SKUs of one read, as the API allows.
const READ_SKUS: u32 = 10_000;

const CHANNELS: u16 = 5;

/// A merchant with so many locations, each of which serves all five channels; of each SKU as many units at each location.
fn merchant(locations: u16, terms: &Terms) -> MerchantState {
    let mut state = MerchantState::default();
    let mut number = 0;
    let mut apply = |command: &Command<'_>| {
        number += 1;
        let event = state.decide(command).expect("set-up");
        state.evolve(OrderId(number), &event);
    };
    let all: Vec<LocationNumber> = (0..locations).map(LocationNumber).collect();
    all.iter().for_each(|_| apply(&Command::PutLocation(PutLocation { location: None, safety_stock: 0 })));
    for _ in 0..CHANNELS {
        apply(&Command::PutChannel(PutChannel {
            channel: None,
            locations: &all,
            policy: Policy::Reject,
            stock_policy: StockPolicy::SHARED,
            rank: RANK,
            profile: None,
        }));
    }
    for sku in (0..SKUS).map(SkuNumber) {
        apply(&Command::PutSku(PutSku::plain(None, 0)));
        for location in all.iter().copied() {
            apply(&Command::Receive(Receive { sku, location, state: StockState::Sellable, quantity: 100 }));
        }
        if !terms.channels.is_empty() {
            apply(&Command::PutSku(PutSku { sku: Some(sku), decimals: 0, terms, components: &[] }));
        }
    }
    state
}

/// A floor for one channel, a pool for another, and units that two more do not show.
fn policies() -> Terms {
    let shared = StockPolicy::SHARED;
    let terms = |channel: u16, policy: StockPolicy, dedicated: u32| ChannelTerms {
        channel: ChannelNumber(channel),
        policy,
        dedicated,
    };
    let channels =
        vec![terms(1, StockPolicy { floor: 10, ..shared }, 0), terms(2, shared, 20), terms(3, shared, 5)];
    Terms { channels, ..Terms::NONE }
}

fn owner(criterion: &mut Criterion) {
    let cases = [
        ("plain_2_locations", merchant(2, &Terms::NONE)),
        ("plain_10_locations", merchant(10, &Terms::NONE)),
        ("floor_and_pools_2_locations", merchant(2, &policies())),
    ];
    for (name, state) in &cases {
        // A step that shares no factor with the number of SKUs comes by each of them, and by no neighbour.
        let mut sku = 0;
        let mut read = || {
            sku = (sku + 61_803) % SKUS;
            black_box(state).promise(SkuNumber(sku), ChannelNumber(0)).total()
        };
        criterion.bench_function(&format!("available_to_promise/{name}"), |bencher| {
            bencher.iter(|| black_box(read()));
        });
    }
}

fn read(criterion: &mut Criterion) {
    let home = tempfile::tempdir().expect("a directory");
    let mut shop = Shop::open(home.path());
    shop.stock(READ_SKUS, 1_000);
    let skus: Vec<SkuNumber> = (0..READ_SKUS).map(SkuNumber).collect();
    for (name, count) in [("1_sku", 1), ("10000_skus", skus.len())] {
        criterion.bench_function(&format!("availability_through_the_engine/{name}"), |bencher| {
            bencher.iter(|| {
                let (skus, channels) = (skus[..count].to_vec(), vec![ChannelNumber(0)]);
                shop.run(1, 1, [Ask::Read(ReadAsk::Availability { skus, channels })])
            });
        });
    }
    shop.close();
}

criterion_group!(benches, owner, read);
criterion_main!(benches);

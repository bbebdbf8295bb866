//! One turn of the pure core: decide and evolve, without log or threads.
#![allow(missing_docs, clippy::expect_used, reason = "a bench; criterion writes its main")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use onhand_engine::domain::command::{PlaceOrder, PutChannel, PutLocation, PutSku, Receive};
use onhand_engine::domain::order::{Agreed, Policy};
use onhand_engine::domain::sku::StockState;
use onhand_engine::domain::{ChannelNumber, Command, LocationNumber, MerchantState, OrderId, SkuNumber};
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn state(skus: u32) -> MerchantState {
    let mut state = MerchantState::default();
    let mut number = 0;
    let mut apply = |command: &Command<'_>| {
        number += 1;
        let event = state.decide(command).expect("set-up");
        state.evolve(OrderId(number), &event);
    };
    apply(&Command::PutLocation(PutLocation::plain(None)));
    let locations = [LocationNumber(0)];
    apply(&Command::PutChannel(PutChannel::plain(None, &locations, Policy::Reject)));
    for sku in 0..skus {
        apply(&Command::PutSku(PutSku::plain(None, 0)));
        let (sku, location) = (SkuNumber(sku), LocationNumber(0));
        let (state, quantity) = (StockState::Sellable, 100_000_000);
        apply(&Command::Receive(Receive { sku, location, state, quantity }));
    }
    state
}

fn turn(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sku_turn");
    for (name, skus, lines) in [("hot_1_line", 1, 1), ("1_line", 100_000, 1), ("3_lines", 100_000, 3)] {
        group.throughput(Throughput::Elements(1));
        let mut state = state(skus);
        let mut number = 1_000_000_u64;
        let mut spread = 1_u64;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                number += 1;
                let lines: Vec<(SkuNumber, u32)> = (0..lines)
                    .map(|_| {
                        spread = spread.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        (SkuNumber(u32::try_from((spread >> 33) % u64::from(skus)).unwrap_or(0)), 1)
                    })
                    .collect();
                let place = PlaceOrder {
                    channel: ChannelNumber(0),
                    policy: None,
                    agreed: Agreed::NONE,
                    lines: &lines,
                    hold: None,
                    route: None,
                };
                let event = state.decide(&Command::PlaceOrder(place)).expect("stock is there");
                state.evolve(OrderId(number), black_box(&event));
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    // Orders stay open: fewer samples keep the state from growing without end.
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(2));
    targets = turn
}
criterion_main!(benches);

//! A start from the log alone, from a snapshot, and the snapshot itself.
#![allow(missing_docs, clippy::expect_used, reason = "a bench; criterion writes its main")]

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use onhand_benches::Shop;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SKUS: u32 = 100_000;
const ORDERS: usize = 100_000;

fn start(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("start");
    group.sampling_mode(SamplingMode::Flat);
    let root = tempfile::tempdir_in(".").expect("a directory on the disk");
    let mut shop = Shop::open(root.path());
    shop.stock(SKUS, 1_000_000);
    let orders = shop.orders(ORDERS, 3, SKUS);
    shop.run(ORDERS, 16_384, orders);
    shop.close();
    group.bench_function("log_100k_skus_100k_orders_of_3_lines", |bencher| {
        bencher.iter(|| Shop::open(root.path()).close());
    });
    let shop = Shop::open(root.path());
    group.bench_function("snapshot_100k_skus_100k_open_orders", |bencher| {
        bencher.iter(|| shop.handle.snapshot().expect("a snapshot"));
    });
    shop.close();
    group.bench_function("from_snapshot_100k_skus_100k_open_orders", |bencher| {
        bencher.iter(|| Shop::open(root.path()).close());
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(5));
    targets = start
}
criterion_main!(benches);

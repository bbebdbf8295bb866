//! Orders through a whole engine in this process, durable before the answer counts, at several depths.
#![allow(missing_docs, clippy::expect_used, reason = "a bench; criterion writes its main")]

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use onhand_benches::Shop;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SKUS: u32 = 10_000;

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn measured(shop: &mut Shop, count: usize, depth: usize, lines: u32) -> Duration {
    let asks = shop.orders(count, lines, SKUS);
    let start = Instant::now();
    let accepted = shop.run(count, depth, asks);
    assert_eq!(accepted.len(), count);
    start.elapsed()
}

fn order_path(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("order_path");
    group.sampling_mode(SamplingMode::Flat);
    for lines in [1, 3] {
        for depth in [1, 64, 1_024, 16_384] {
            let root = tempfile::tempdir_in(".").expect("a directory on the disk");
            let mut shop = Shop::open(root.path());
            shop.stock(SKUS, 500_000_000);
            // One iteration is as many orders as may be under way, ten times, so that ramps weigh little.
            let count = (depth * 10).max(64);
            group.throughput(Throughput::Elements(count as u64));
            group.bench_function(BenchmarkId::new(format!("{lines}_line"), depth), |bencher| {
                bencher.iter_custom(|iterations| {
                    (0..iterations).map(|_| measured(&mut shop, count, depth, lines)).sum()
                });
            });
            shop.close();
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(3));
    targets = order_path
}
criterion_main!(benches);

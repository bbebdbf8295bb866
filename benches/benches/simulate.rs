//! Orders a second that a what-if decides anew: plain traffic, by no rules, by rules that change nothing, and by rules that
//! send every order elsewhere.
#![allow(missing_docs, clippy::expect_used, reason = "a bench; criterion writes its main")]

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use onhand_benches::Shop;
use onhand_engine::routing::Format;
use onhand_engine::simulate::{NewProfile, Question, simulate};
use onhand_engine::snapshots::storage::FileStorage;
use std::path::Path;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SKUS: u32 = 10_000;
const ORDERS: usize = 500_000;

/// The channel's first location first, as without rules.
const AS_BEFORE: &str = "[[strategies]]\nrank = [{ by = \"fewest_shipments\" }]\n";

/// The other one.
const ELSEWHERE: &str = "[[strategies]]\ninclude = [\"location-1\"]\n";

/// Tries rules on a directory; how many orders fare differently.
fn tried(root: &Path, text: Option<&str>) -> u64 {
    let channels = ["web".to_owned()];
    let profile =
        text.map(|text| NewProfile { name: "new", text, format: Format::Toml, channels: &channels });
    let question = Question { profile, differences: 10, ..Question::default() };
    let report = simulate(&FileStorage::new(root), "the bench", &question).expect("a report");
    assert_eq!(report.total.simulated.filled, ORDERS as u64);
    report.differing
}

fn simulated(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulate");
    group.sampling_mode(SamplingMode::Flat);
    for lines in [1, 3] {
        let root = tempfile::tempdir_in(".").expect("a directory on the disk");
        let mut shop = Shop::open(root.path());
        shop.stock(SKUS, 1_000_000);
        shop.open_orders(ORDERS, lines, SKUS);
        shop.close();
        group.throughput(Throughput::Elements(ORDERS as u64));
        for (name, text, differing) in
            [("no_rules", None, 0), ("as_before", Some(AS_BEFORE), 0), ("elsewhere", Some(ELSEWHERE), ORDERS)]
        {
            group.bench_function(format!("{lines}_line_{name}"), |bencher| {
                bencher.iter(|| assert_eq!(tried(root.path(), text), differing as u64));
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(8));
    targets = simulated
}
criterion_main!(benches);

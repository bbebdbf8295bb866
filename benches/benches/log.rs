//! The log alone: appending to the buffer, and a group made durable by one write and one sync.
#![allow(missing_docs, clippy::expect_used, reason = "a bench; criterion writes its main")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use onhand_engine::snapshots::log::{Log, LogOptions, Opened};
use onhand_engine::snapshots::{Disk, Lsn};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// About what a single-line order takes.
const RECORD: [u8; 110] = [0x5A; 110];

fn open(root: &std::path::Path) -> Opened {
    let options = LogOptions { cluster: [1; 16], segment_bytes: 64 << 20 };
    Log::open(Disk::at(root).storage, options, Lsn(1), &mut |_, _| Ok(())).expect("a log")
}

fn group_commit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log_group_commit");
    for records in [1_u64, 64, 1_000, 4_000] {
        let root = tempfile::tempdir_in(".").expect("a directory on the disk");
        let mut opened = open(root.path());
        group.throughput(Throughput::Elements(records));
        group.bench_function(BenchmarkId::from_parameter(records), |bencher| {
            bencher.iter(|| {
                for _ in 0..records {
                    opened.appender.append(&[&RECORD]).expect("room");
                }
                opened.writer.step().expect("a sync");
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(2));
    targets = group_commit
}
criterion_main!(benches);

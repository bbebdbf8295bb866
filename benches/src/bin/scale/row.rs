//! What is told of each size.

use crate::stages::{Filled, Loaded, Size, Started};
use onhand_benches::numbers::{each, figure, grouped, markdown};
use onhand_benches::picture::{Line, Panel};
use serde::Serialize;

/// One size with all that was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) size: Size,
    pub(crate) filled: Filled,
    pub(crate) from_snapshot: Started,
    pub(crate) from_log: Started,
    pub(crate) loaded: Loaded,
}

impl Row {
    /// Resident bytes of a SKU with its name and one location, and of an open order.
    fn bytes_each(&self) -> [f64; 2] {
        let [empty, with_skus, with_orders] = self.filled.resident.map(|bytes| bytes as f64);
        let sku = each((0, empty), (self.size.skus.into(), with_skus));
        let order = each((0, with_skus), (self.size.orders as u64, with_orders));
        [sku, order]
    }

    fn cells(&self) -> Vec<String> {
        let Self { size, filled, from_snapshot, from_log, loaded } = self;
        let milliseconds = |nanoseconds: u64| nanoseconds as f64 / 1e6;
        let [sku, order] = self.bytes_each();
        let figures = [
            filled.catalogue_seconds,
            loaded.orders_per_second,
            loaded.shard_nanoseconds,
            sku,
            order,
            filled.snapshot_seconds,
            filled.snapshot_bytes as f64 / 1e6,
            milliseconds(loaded.alone.p999),
            milliseconds(loaded.alone.longest),
            loaded.snapshot_seconds,
            milliseconds(loaded.beside_snapshot.p999),
            milliseconds(loaded.beside_snapshot.longest),
            from_snapshot.seconds,
            from_snapshot.resident as f64 / 1e6,
            from_log.seconds,
        ];
        let sizes = [u64::from(size.skus), size.orders as u64].map(grouped);
        sizes.into_iter().chain(figures.map(figure)).collect()
    }
}

/// The rows as Markdown, and below them what the columns are.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = [
        "SKUs",
        "open orders",
        "catalogue, s",
        "orders/s",
        "shard, ns an order",
        "bytes a SKU",
        "bytes an open order",
        "snapshot, s",
        "MB",
        "p99.9 alone, ms",
        "longest",
        "snapshot beside orders, s",
        "p99.9, ms",
        "longest",
        "start from it, s",
        "MB resident",
        "start from the log alone, s",
    ];
    let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
    format!("{}\n{NOTES}", markdown(&head, &cells))
}

const NOTES: &str = "In process, every answer durable. A SKU has its name and stock at one location, an open order one \
line of one of the SKUs, each as likely. Catalogue: from the first submission to the last durable answer, 16,384 in \
flight, with the snapshots that become due meanwhile. Orders/s: 16,384 in flight, behind the open orders, no snapshot \
beside. Bytes: growth of the resident memory, keys until they are indexed and what the allocator keeps included; below \
100,000 SKUs that is mostly the allocator. A snapshot is on the disk, synced and checked, when its time ends; MB: \
allocated. Delays: from the submission of an order to its durable answer at 10,000 orders a second, 10 s or as long as \
the snapshot takes. The start reads the snapshot and a tail of a tenth as many orders as the snapshot holds, with the \
files in the page cache.";

/// The growth as panels.
pub(crate) fn panels(rows: &[Row]) -> Vec<Panel> {
    let line = |name: &str, figure: &dyn Fn(&Row) -> f64| Line {
        name: name.to_owned(),
        points: rows.iter().map(|row| (f64::from(row.size.skus), figure(row))).collect(),
    };
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let panel = |title: &str, lines| Panel { title: title.to_owned(), lines };
    vec![
        panel(
            "orders a second",
            vec![line("one line, 16,384 in flight", &|row| row.loaded.orders_per_second)],
        ),
        panel(
            "seconds",
            vec![
                line("catalogue", &|row| row.filled.catalogue_seconds),
                line("snapshot", &|row| row.filled.snapshot_seconds),
                line("start from snapshot and tail", &|row| row.from_snapshot.seconds),
                line("start from the log alone", &|row| row.from_log.seconds),
            ],
        ),
        panel(
            "resident, MB",
            vec![
                line("SKUs and open orders", &|row| megabytes(row.filled.resident[2])),
                line("SKUs", &|row| megabytes(row.filled.resident[1])),
                line("just started", &|row| megabytes(row.from_snapshot.resident)),
            ],
        ),
        panel(
            "longest delay, ms",
            vec![
                line("while snapshots are written", &|row| row.loaded.beside_snapshot.longest as f64 / 1e6),
                line("else", &|row| row.loaded.alone.longest as f64 / 1e6),
            ],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use onhand_benches::trickle::Delays;

    fn row(skus: u32, resident: [u64; 3]) -> Row {
        let started = Started { seconds: 2.0, resident: 3_000_000 };
        let delays = |longest| Delays { orders: 9, median: 1, p999: 2_000_000, longest };
        Row {
            size: Size { skus, orders: 500, load: 7 },
            filled: Filled {
                catalogue_seconds: 0.5,
                orders_seconds: 0.1,
                resident,
                snapshot_seconds: 0.25,
                snapshot_bytes: 4_000_000,
                directory_bytes: 1,
            },
            from_snapshot: started.clone(),
            from_log: Started { seconds: 8.0, ..started },
            loaded: Loaded {
                orders_per_second: 1_234_567.0,
                shard_nanoseconds: 640.0,
                alone: delays(5_000_000),
                beside_snapshot: delays(30_000_000),
                snapshot_seconds: 0.75,
            },
        }
    }

    #[test]
    fn each_thing_takes_what_the_memory_grew_by() {
        let row = row(1_000, [50_000, 150_000, 200_000]);
        assert_eq!(row.bytes_each(), [100.0, 100.0]);
        let line = table(&[row]).lines().nth(2).unwrap_or_default().to_owned();
        let expected = "| 1,000 | 500 | 0.50 | 1,234,567 | 640 | 100 | 100 | 0.25 | 4.00 | 2.00 | 5.00 | 0.75 | 2.00 | 30.0 \
                        | 2.00 | 3.00 | 8.00 |";
        assert_eq!(line, expected);
    }

    #[test]
    fn every_line_of_the_picture_has_a_point_for_each_size() {
        let panels = panels(&[row(1_000, [1, 2, 3]), row(10_000, [1, 2, 3])]);
        let points: Vec<usize> =
            panels.iter().flat_map(|panel| &panel.lines).map(|line| line.points.len()).collect();
        assert_eq!(points, [2; 10]);
    }
}

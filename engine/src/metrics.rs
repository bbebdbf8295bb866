//! What the engine counts. Names and meanings; `docs/METRICS.md` has the same table, and a test compares.
//! No label names a SKU, an order or a merchant.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Frames written and synced.
pub const LOG_SYNCS: &str = "onhand_log_syncs_total";
/// Records made durable.
pub const LOG_RECORDS: &str = "onhand_log_records_total";
/// Time of one write and sync.
pub const LOG_SYNC_SECONDS: &str = "onhand_log_sync_seconds";
/// The last durable record.
pub const LOG_DURABLE_LSN: &str = "onhand_log_durable_lsn";
/// Submissions that wait or are on their way to disk.
pub const IN_FLIGHT: &str = "onhand_submissions_in_flight";

/// Every metric of the engine: name and meaning.
pub const CATALOGUE: [(&str, &str); 5] = [
    (LOG_SYNCS, "Frames written and synced to the log"),
    (LOG_RECORDS, "Records made durable"),
    (LOG_SYNC_SECONDS, "Time to write and sync one frame"),
    (LOG_DURABLE_LSN, "The last durable record"),
    (IN_FLIGHT, "Submissions that wait or are on their way to disk"),
];

/// Tells the recorder what the names mean.
pub fn describe() {
    describe_counter!(LOG_SYNCS, Unit::Count, CATALOGUE[0].1);
    describe_counter!(LOG_RECORDS, Unit::Count, CATALOGUE[1].1);
    describe_histogram!(LOG_SYNC_SECONDS, Unit::Seconds, CATALOGUE[2].1);
    describe_gauge!(LOG_DURABLE_LSN, Unit::Count, CATALOGUE[3].1);
    describe_gauge!(IN_FLIGHT, Unit::Count, CATALOGUE[4].1);
}

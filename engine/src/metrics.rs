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
/// Time to write, check and publish a snapshot.
pub const SNAPSHOT_SECONDS: &str = "onhand_snapshot_seconds";
/// The record up to which the newest snapshot has everything.
pub const SNAPSHOT_LSN: &str = "onhand_snapshot_lsn";
/// Entries of the index of sealed segments.
pub const INDEX_ENTRIES: &str = "onhand_index_entries";
/// Sealed segments that were archived.
pub const ARCHIVED_SEGMENTS: &str = "onhand_log_archived_segments_total";
/// Work behind the path of the orders that failed and is tried again.
pub const KEEPER_FAILURES: &str = "onhand_keeper_failures_total";
/// Submissions that wait or are on their way to disk.
pub const IN_FLIGHT: &str = "onhand_submissions_in_flight";

/// Bytes of the disk that are free.
pub const DISK_FREE_BYTES: &str = "onhand_disk_free_bytes";
/// How far the disk is filled.
pub const DISK_LEVEL: &str = "onhand_disk_level";

/// Merchants that are not served because their state contradicts their records.
pub const MERCHANTS_OUT: &str = "onhand_merchants_out";

/// 1 while the clock is not believed and nothing expires, else 0.
pub const CLOCK_SUSPENDED: &str = "onhand_clock_suspended";

/// Every metric of the engine: name and meaning.
pub const CATALOGUE: [(&str, &str); 14] = [
    (LOG_SYNCS, "Frames written and synced to the log"),
    (LOG_RECORDS, "Records made durable"),
    (LOG_SYNC_SECONDS, "Time to write and sync one frame"),
    (LOG_DURABLE_LSN, "The last durable record"),
    (IN_FLIGHT, "Submissions that wait or are on their way to disk"),
    (SNAPSHOT_SECONDS, "Time to write, check and publish a snapshot"),
    (SNAPSHOT_LSN, "The record up to which the newest snapshot has everything"),
    (INDEX_ENTRIES, "Entries of the index of sealed segments"),
    (ARCHIVED_SEGMENTS, "Sealed segments that were archived"),
    (KEEPER_FAILURES, "Work behind the path of the orders that failed and is tried again"),
    (MERCHANTS_OUT, "Merchants that are not served because their state contradicts their records"),
    (CLOCK_SUSPENDED, "1 while the clock is not believed and nothing expires, else 0"),
    (DISK_FREE_BYTES, "Bytes of the data directory's file system that are free"),
    (
        DISK_LEVEL,
        "0 while the disk has room, 1 below the soft mark (no intake), 2 below the hard mark (reads only)",
    ),
];

/// Tells the recorder what the names mean.
pub fn describe() {
    describe_counter!(LOG_SYNCS, Unit::Count, CATALOGUE[0].1);
    describe_counter!(LOG_RECORDS, Unit::Count, CATALOGUE[1].1);
    describe_histogram!(LOG_SYNC_SECONDS, Unit::Seconds, CATALOGUE[2].1);
    describe_gauge!(LOG_DURABLE_LSN, Unit::Count, CATALOGUE[3].1);
    describe_gauge!(IN_FLIGHT, Unit::Count, CATALOGUE[4].1);
    describe_histogram!(SNAPSHOT_SECONDS, Unit::Seconds, CATALOGUE[5].1);
    describe_gauge!(SNAPSHOT_LSN, Unit::Count, CATALOGUE[6].1);
    describe_gauge!(INDEX_ENTRIES, Unit::Count, CATALOGUE[7].1);
    describe_counter!(ARCHIVED_SEGMENTS, Unit::Count, CATALOGUE[8].1);
    describe_counter!(KEEPER_FAILURES, Unit::Count, CATALOGUE[9].1);
    describe_gauge!(MERCHANTS_OUT, Unit::Count, CATALOGUE[10].1);
    describe_gauge!(CLOCK_SUSPENDED, Unit::Count, CATALOGUE[11].1);
    describe_gauge!(DISK_FREE_BYTES, Unit::Bytes, CATALOGUE[12].1);
    describe_gauge!(DISK_LEVEL, Unit::Count, CATALOGUE[13].1);
}

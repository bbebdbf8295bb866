//! What the engine counts. Names and meanings; `docs/METRICS.md` has the same table, and a test compares.
//! No label names a SKU, an order or a merchant.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};
use onhand_domain::Event;
use onhand_domain::hold::EndCause;
use onhand_domain::order::Policy;

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

/// Merchants that are not served: their state contradicts their records, or what is due of them cannot be done.
pub const MERCHANTS_OUT: &str = "onhand_merchants_out";

/// 1 while the clock is not believed and nothing expires, else 0.
pub const CLOCK_SUSPENDED: &str = "onhand_clock_suspended";

/// Holds that are live, of all merchants.
pub const HOLDS_LIVE: &str = "onhand_holds_live";
/// Holds that were placed.
pub const HOLDS_PLACED: &str = "onhand_holds_placed_total";
/// Extensions of holds.
pub const HOLDS_EXTENDED: &str = "onhand_holds_extended_total";
/// Holds that ended, by how: the label `end` has one of [`HOLD_ENDS`].
pub const HOLDS_ENDED: &str = "onhand_holds_ended_total";

/// Units that were sold and have no goods, of all merchants.
pub const SHORT_UNITS: &str = "onhand_short_units";
/// Units that became short, by why: the label `cause` has one of [`SHORT_CAUSES`].
pub const SHORTED_UNITS: &str = "onhand_shorted_units_total";

/// Units that channels in escrow may sell and that a loss has taken.
pub const GRANT_EXPOSED_UNITS: &str = "onhand_grant_exposed_units_total";
/// Orders that came after the feed of their channel had passed them.
pub const LATE_ORDERS: &str = "onhand_late_orders_total";

/// Why units become short.
pub const SHORT_CAUSES: [&str; 2] = ["imposed", "lost"];

/// How a hold ends.
pub const HOLD_ENDS: [&str; 3] = ["confirmed", "released", "expired"];

/// Every metric of the engine: name and meaning.
pub const CATALOGUE: [(&str, &str); 22] = [
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
    (
        MERCHANTS_OUT,
        "Merchants that are not served: their state contradicts their records, or what is due of them cannot be done",
    ),
    (CLOCK_SUSPENDED, "1 while the clock is not believed and nothing expires, else 0"),
    (DISK_FREE_BYTES, "Bytes of the data directory's file system that are free"),
    (
        DISK_LEVEL,
        "0 while the disk has room, 1 below the soft mark (no intake), 2 below the hard mark (reads only)",
    ),
    (HOLDS_LIVE, "Holds that are live, of all merchants that are served"),
    (HOLDS_PLACED, "Holds that were placed"),
    (HOLDS_EXTENDED, "Extensions of holds"),
    (HOLDS_ENDED, "Holds that ended, by how"),
    (SHORT_UNITS, "Units that were sold and have no goods, of all merchants that are served"),
    (SHORTED_UNITS, "Units that became short, by why"),
    (GRANT_EXPOSED_UNITS, "Units that channels in escrow may sell and that a loss has taken"),
    (LATE_ORDERS, "Orders that came after the feed of their channel had passed them"),
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
    describe_gauge!(HOLDS_LIVE, Unit::Count, CATALOGUE[14].1);
    describe_counter!(HOLDS_PLACED, Unit::Count, CATALOGUE[15].1);
    describe_counter!(HOLDS_EXTENDED, Unit::Count, CATALOGUE[16].1);
    describe_counter!(HOLDS_ENDED, Unit::Count, CATALOGUE[17].1);
    describe_gauge!(SHORT_UNITS, Unit::Count, CATALOGUE[18].1);
    describe_counter!(SHORTED_UNITS, Unit::Count, CATALOGUE[19].1);
    describe_counter!(GRANT_EXPOSED_UNITS, Unit::Count, CATALOGUE[20].1);
    describe_counter!(LATE_ORDERS, Unit::Count, CATALOGUE[21].1);
}

/// Counts what an event does to holds and what it leaves short, once it is in the log; what is read from there was counted
/// before.
pub(crate) fn count(event: &Event) {
    count_holds(event);
    count_shorts(event);
}

fn count_shorts(event: &Event) {
    let units = |units: &mut dyn Iterator<Item = u32>| units.map(u64::from).sum::<u64>();
    let [imposed, lost] = SHORT_CAUSES;
    let (cause, units) = match event {
        Event::OrderAccepted(accepted) if accepted.policy == Policy::Imposed => {
            let claimed = units(&mut accepted.claims.iter().map(|(_, _, quantity)| *quantity));
            // No metric is worth a panic.
            (imposed, accepted.units().saturating_sub(claimed))
        }
        Event::StockMoved(moved) => (lost, units(&mut moved.shorts.iter().map(|short| short.quantity))),
        _ => return,
    };
    if units > 0 {
        counter!(SHORTED_UNITS, "cause" => cause).increment(units);
    }
}

fn count_holds(event: &Event) {
    let [confirmed, released, expired] = HOLD_ENDS;
    let (end, count) = match event {
        Event::HoldPlaced(_) => return counter!(HOLDS_PLACED).increment(1),
        Event::HoldExtended(_) => return counter!(HOLDS_EXTENDED).increment(1),
        Event::OrderAccepted(accepted) if accepted.hold.is_some() => (confirmed, 1),
        Event::HoldsEnded(ended) => match ended.cause {
            EndCause::Released => (released, ended.holds.len()),
            EndCause::Expired => (expired, ended.holds.len()),
        },
        _ => return,
    };
    counter!(HOLDS_ENDED, "end" => end).increment(count as u64);
}

//! Every released record of an exposure grant, byte for byte, as `golden.rs` has the others.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::records;
use onhand_record::Kind;
use onhand_record::grant::{
    ExposurePutV1, FeedPassedV1, GrantAcknowledgedV1, GrantSetV1, GrantsFreedV1, ModeV1,
};

#[test]
fn grants() {
    let put = ExposurePutV1 { channel: 300, mode: ModeV1::Overlap(250), max_lag_ms: 3_600_000 };
    records!(Kind::ExposurePut, ExposurePutV1, [
        "overlap" => put,
        "escrow" => ExposurePutV1 { channel: 0, mode: ModeV1::Escrow, max_lag_ms: 0 },
        "mirror" => ExposurePutV1 { mode: ModeV1::Mirror, ..put },
    ]);
    records!(Kind::GrantSet, GrantSetV1, [
        "lowered" => GrantSetV1 { sku: 70_000, decimals: 3, channel: 300, granted: 251, sold: 9, taken: 1_000 },
    ]);
    records!(Kind::GrantAcknowledged, GrantAcknowledgedV1, [
        "lowered" => GrantAcknowledgedV1 {
            sku: 17, decimals: 0, channel: 300, revision: 70_000, at: 1_795_478_400_123, units: 251,
        },
    ]);
    records!(Kind::FeedPassed, FeedPassedV1, [
        "passed" => FeedPassedV1 { channel: 3, at: 1_795_478_400_123 },
    ]);
    records!(Kind::GrantsFreed, GrantsFreedV1, [
        "freed" => GrantsFreedV1 { channel: 3, until: 1_795_478_400_123, freed: vec![(17, 1), (70_000, 251)] },
    ]);
}

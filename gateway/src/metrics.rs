//! What the gateway counts. `docs/METRICS.md` has the same table, and a test compares.

use metrics::{Unit, describe_counter, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Bounds of the sync histogram, in seconds: a disk with a protected cache syncs in 0.1 ms, a plain one in
/// five, and beyond half a second something is broken.
const SYNC_BUCKETS: [f64; 10] = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5];

/// Time from an empty memory to open doors.
pub const RECOVERY_SECONDS: &str = "onhand_recovery_seconds";
/// Requests that were refused or answered, by status class.
pub const RESPONSES: &str = "onhand_responses_total";

/// Every metric of the gateway: name and meaning.
pub const CATALOGUE: [(&str, &str); 2] = [
    (RECOVERY_SECONDS, "Time to replay and check the log at start"),
    (RESPONSES, "Answers, by status class"),
];

/// Installs the recorder.
///
/// # Errors
/// If one is installed already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let builder = PrometheusBuilder::new().set_buckets_for_metric(
        Matcher::Full(onhand_engine::metrics::LOG_SYNC_SECONDS.to_owned()),
        &SYNC_BUCKETS,
    )?;
    let handle = builder.install_recorder()?;
    onhand_engine::metrics::describe();
    describe_histogram!(RECOVERY_SECONDS, Unit::Seconds, CATALOGUE[0].1);
    describe_counter!(RESPONSES, Unit::Count, CATALOGUE[1].1);
    Ok(handle)
}

//! What the gateway counts. `docs/METRICS.md` has the same table, and a test compares.
//!
//! Every series is made when the process starts: a rate needs to have seen the 0, and an order needs no registry
//! to find its counter.

use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use onhand_engine::metrics as engine;
use std::sync::LazyLock;
use std::time::Duration;

/// Bounds of the sync histogram, in seconds: a disk with a protected cache syncs in 0.1 ms, a plain one in
/// five, and beyond half a second something is broken.
const SYNC_BUCKETS: [f64; 10] = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5];

/// Bounds of the request histogram: from a read out of memory to a body that takes its ten seconds.
const REQUEST_BUCKETS: [f64; 12] =
    [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 10.0];

/// Bounds of what is done once in a while: a start, a snapshot.
const WORK_BUCKETS: [f64; 9] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 600.0];

/// Time from an empty memory to open doors.
pub const RECOVERY_SECONDS: &str = "onhand_recovery_seconds";
/// Requests that were refused or answered, by status class.
pub const RESPONSES: &str = "onhand_responses_total";
/// Lines of bulk bodies, by status class.
pub const BULK_LINES: &str = "onhand_bulk_lines_total";
/// Orders, by what became of them.
pub const ORDERS: &str = "onhand_orders_total";
/// Requests refused because too much was on its way.
pub const OVERLOADS: &str = "onhand_overload_refusals_total";
/// Bulk bodies whose answers nobody read.
pub const BROKEN_OFF: &str = "onhand_bulk_broken_off_total";
/// Time from a request's head to its answer.
pub const REQUEST_SECONDS: &str = "onhand_http_request_seconds";

/// Every metric of the gateway: name and meaning.
pub const CATALOGUE: [(&str, &str); 7] = [
    (RECOVERY_SECONDS, "Time to replay and check the log at start"),
    (RESPONSES, "Answers, by status class"),
    (BULK_LINES, "Lines of bulk bodies that were answered, by status class"),
    (ORDERS, "Orders that were answered, by outcome"),
    (OVERLOADS, "Requests refused because too much was on its way, or the disk is nearly full"),
    (REQUEST_SECONDS, "Time from the head of a request to its answer, by kind of route"),
    (BROKEN_OFF, "Bulk bodies that were broken off because nobody read the answers"),
];

const CLASSES: [&str; 3] = ["2xx", "4xx", "5xx"];

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Stock serves all of it.
    Accepted,
    /// It was accepted and something of it waits.
    Backordered,
    /// Stock could not serve it.
    Refused,
    /// It was decided before, and got its first answer.
    Repeated,
}

impl Outcome {
    /// Of an order that was accepted with this status.
    #[must_use]
    pub fn of_accepted(status: &str) -> Self {
        if status == "allocated" { Self::Accepted } else { Self::Backordered }
    }
}

const OUTCOMES: [&str; 4] = ["accepted", "backordered", "refused", "repeated"];

/// The limit that a request was over.
const SCOPES: [(&str, &str); 4] = [
    ("merchant", "merchant_overloaded"),
    ("engine", "overloaded"),
    ("bulk", "bulk_overloaded"),
    ("disk", "storage_full"),
];

/// Kinds of routes: few, whatever callers ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteClass {
    /// `POST /v1/orders`.
    PlaceOrder,
    /// Cancel, ship, erase.
    ChangeOrder,
    /// `POST /v1/stock/movements`.
    Movement,
    /// PUT of a location, channel, SKU or routing profile.
    Catalogue,
    /// `POST /v1/availability`.
    Availability,
    /// GET, and the preview of an order.
    Read,
    /// Whole bulk bodies, to the last answer.
    Bulk,
}

const ROUTES: [&str; 7] =
    ["place_order", "change_order", "movement", "catalogue", "availability", "read", "bulk"];

impl RouteClass {
    /// The kind of a request that is not a bulk body.
    #[must_use]
    pub fn of(method: &str, path: &str) -> Self {
        match (method, path) {
            ("POST", "/v1/orders") => Self::PlaceOrder,
            ("POST", "/v1/orders/preview") => Self::Read,
            ("POST", "/v1/availability") => Self::Availability,
            ("POST", "/v1/stock/movements") => Self::Movement,
            ("POST" | "DELETE", _) => Self::ChangeOrder,
            ("PUT", _) => Self::Catalogue,
            _ => Self::Read,
        }
    }
}

struct Meters {
    responses: [Counter; CLASSES.len()],
    bulk_lines: [Counter; CLASSES.len()],
    orders: [Counter; OUTCOMES.len()],
    overloads: [Counter; SCOPES.len()],
    requests: [Histogram; ROUTES.len()],
    broken_off: Counter,
}

static METERS: LazyLock<Meters> = LazyLock::new(|| Meters {
    responses: CLASSES.map(|class| counter!(RESPONSES, "class" => class)),
    bulk_lines: CLASSES.map(|class| counter!(BULK_LINES, "class" => class)),
    orders: OUTCOMES.map(|outcome| counter!(ORDERS, "outcome" => outcome)),
    overloads: SCOPES.map(|(scope, _)| counter!(OVERLOADS, "scope" => scope)),
    requests: ROUTES.map(|route| histogram!(REQUEST_SECONDS, "route" => route)),
    broken_off: counter!(BROKEN_OFF),
});

fn class_of(status: u16) -> usize {
    match status {
        ..400 => 0,
        400..500 => 1,
        500.. => 2,
    }
}

/// Counts an answer.
pub fn count_response(status: u16) {
    METERS.responses[class_of(status)].increment(1);
}

/// Counts the answer to a line of a bulk body.
pub fn count_bulk_line(status: u16) {
    METERS.bulk_lines[class_of(status)].increment(1);
}

/// Counts an order that was answered.
pub fn count_order(outcome: Outcome) {
    METERS.orders[outcome as usize].increment(1);
}

/// Accepted orders of a piece of a bulk answer, counted together: counters are shared by all threads.
#[derive(Debug, Default)]
pub struct Tally {
    accepted: [u64; 2],
}

impl Tally {
    /// Counts one line that accepted an order.
    pub fn note(&mut self, outcome: Outcome) {
        self.accepted[usize::from(matches!(outcome, Outcome::Backordered))] += 1;
    }

    /// Hands on what was counted.
    pub fn flush(&mut self) {
        let [whole, waiting] = std::mem::take(&mut self.accepted);
        METERS.bulk_lines[class_of(201)].increment(whole + waiting);
        METERS.orders[Outcome::Accepted as usize].increment(whole);
        METERS.orders[Outcome::Backordered as usize].increment(waiting);
    }
}

/// Counts a refusal, if it is one for overload.
pub fn count_refusal(code: &str) {
    if let Some(scope) = SCOPES.iter().position(|(_, refusal)| *refusal == code) {
        METERS.overloads[scope].increment(1);
    }
}

/// Counts a bulk body whose answers nobody read.
pub fn count_broken_off() {
    METERS.broken_off.increment(1);
}

/// Measures a request.
pub fn measure_request(route: RouteClass, took: Duration) {
    METERS.requests[route as usize].record(took);
}

/// Installs the recorder.
///
/// # Errors
/// If one is installed already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let full = |name: &str| Matcher::Full(name.to_owned());
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(full(engine::LOG_SYNC_SECONDS), &SYNC_BUCKETS)?
        .set_buckets_for_metric(full(REQUEST_SECONDS), &REQUEST_BUCKETS)?
        // Without buckets a histogram is exported as a summary, which cannot be added up over servers.
        .set_buckets(&WORK_BUCKETS)?;
    let handle = builder.install_recorder()?;
    engine::describe();
    describe_histogram!(RECOVERY_SECONDS, Unit::Seconds, CATALOGUE[0].1);
    describe_counter!(RESPONSES, Unit::Count, CATALOGUE[1].1);
    describe_counter!(BULK_LINES, Unit::Count, CATALOGUE[2].1);
    describe_counter!(ORDERS, Unit::Count, CATALOGUE[3].1);
    describe_counter!(OVERLOADS, Unit::Count, CATALOGUE[4].1);
    describe_histogram!(REQUEST_SECONDS, Unit::Seconds, CATALOGUE[5].1);
    describe_counter!(BROKEN_OFF, Unit::Count, CATALOGUE[6].1);
    begin_at_zero();
    Ok(handle)
}

/// Makes the series that nothing has touched yet. The engine's names end with what they are, as Prometheus would
/// have it.
fn begin_at_zero() {
    LazyLock::force(&METERS);
    drop(histogram!(RECOVERY_SECONDS));
    for end in engine::HOLD_ENDS {
        counter!(engine::HOLDS_ENDED, "end" => end).increment(0);
    }
    for cause in engine::SHORT_CAUSES {
        counter!(engine::SHORTED_UNITS, "cause" => cause).increment(0);
    }
    let has_label = |name: &str| [engine::HOLDS_ENDED, engine::SHORTED_UNITS].contains(&name);
    for (name, _) in engine::CATALOGUE.into_iter().filter(|(name, _)| !has_label(name)) {
        if name.ends_with("_total") {
            counter!(name).increment(0);
        } else if name.ends_with("_seconds") {
            drop(histogram!(name));
        } else {
            gauge!(name).set(0.0);
        }
    }
}

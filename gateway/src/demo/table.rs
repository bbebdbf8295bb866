//! The table at the end.

use super::audit::{REFUSAL, Verdict};
use super::run::{Heard, Told};
use super::story::{CHANNELS, Order, Story};
use comfy_table::{CellAlignment, Table, presets};
use hdrhistogram::Histogram;
use onhand_verify::AuditReport;
use serde_json::Value;
use std::fmt::Write;

#[derive(Default)]
struct Row {
    orders: u64,
    accepted: u64,
    waiting: u64,
    refused: u64,
    units_sold: u64,
    units_backordered: u64,
    units_refused: u64,
}

impl Row {
    fn add(&mut self, order: &Order, told: &Told) {
        let Some(placed) = &told.placed else { return };
        let answer = placed.json();
        let sum = |lines: &Value, units: &dyn Fn(&Value) -> u64| -> u64 {
            lines.as_array().into_iter().flatten().map(units).sum()
        };
        let allocated =
            |line: &Value| sum(&line["allocated"], &|part| part["quantity"].as_u64().unwrap_or(0));
        self.orders += 1;
        if placed.status == 201 {
            let backordered = sum(&answer["lines"], &|line| line["backordered"].as_u64().unwrap_or(0));
            self.accepted += 1;
            self.waiting += u64::from(backordered > 0);
            self.units_sold += sum(&answer["lines"], &allocated);
            self.units_backordered += backordered;
        } else if placed.is_refusal(REFUSAL) {
            self.refused += 1;
            self.units_refused += sum(&order.body["lines"], &|line| line["quantity"].as_u64().unwrap_or(0));
        }
    }

    fn cells(&self, name: &str) -> Vec<String> {
        let Self { orders, accepted, waiting, refused, units_sold, units_backordered, units_refused } = self;
        let numbers = [orders, accepted, waiting, refused, units_sold, units_backordered, units_refused];
        std::iter::once(name.to_owned()).chain(numbers.iter().map(ToString::to_string)).collect()
    }
}

/// Orders by channel and outcome, as the clients were told.
pub(super) fn orders(story: &Story, heard: &Heard) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "channel",
        "orders",
        "accepted",
        "with backorder",
        "refused",
        "units sold",
        "units backordered",
        "units refused",
    ]);
    let mut total = Row::default();
    for (channel, ..) in CHANNELS {
        let mut row = Row::default();
        for (order, told) in
            story.orders.iter().zip(&heard.orders).filter(|(order, _)| order.channel == channel)
        {
            row.add(order, told);
            total.add(order, told);
        }
        table.add_row(row.cells(channel));
    }
    table.add_row(total.cells("all"));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// The promises and the figures, one a line.
pub(super) fn promises(story: &Story, heard: &Heard, report: &AuditReport, verdict: &Verdict) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing into a String cannot fail.
        let written = writeln!(text, "{name:<22} {value}");
        debug_assert!(written.is_ok());
    };
    let changes = heard.orders.iter().flat_map(|told| &told.changes);
    let done = changes.filter(|answer| answer.status < 300).count();
    let twice: u32 = heard.orders.iter().map(|told| told.second_deliveries).sum();
    line("oversold", verdict.oversold.to_string());
    line("lost", verdict.lost.to_string());
    line("applied twice", verdict.applied_twice.to_string());
    line("contradicted", format!("{} of {twice} second deliveries", verdict.contradicted));
    line("failed", verdict.failed.to_string());
    line("invariants", if report.holds() { "all hold".into() } else { "BROKEN: see onhand verify".into() });
    line(
        "changes of orders",
        format!("{done} done, {} packed again (goods gone meanwhile)", heard.packed_again),
    );
    line(
        "stock movements",
        format!("{} done, {} refused (not enough there)", heard.movements, heard.movements_refused),
    );
    line(
        "left for returns",
        format!(
            "{} cancellation lines without a known sale, {} of what was shipped or never sold",
            story.returns_left, heard.returns_left
        ),
    );
    line(
        "killed with",
        format!("{} requests on their way, {} sent again", heard.in_flight_at_kill, heard.retried),
    );
    text
}

/// How fast the story was played.
pub(super) fn speed(story: &Story, heard: &Heard) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing into a String cannot fail.
        let written = writeln!(text, "{name:<22} {value}");
        debug_assert!(written.is_ok());
    };
    line("recovery", format!("{} ms from start to open doors", heard.recovery.as_millis()));
    let orders = u128::try_from(story.orders.len()).unwrap_or(0) * 1_000;
    let rate = orders.checked_div(heard.took.as_millis()).unwrap_or(0);
    let lines: usize =
        story.orders.iter().map(|order| order.body["lines"].as_array().map_or(0, Vec::len)).sum();
    line("orders per second", format!("{rate} ({lines} lines; crash and everything else included)"));
    line("answer times", latencies(heard));
    text
}

/// Percentiles of the requests that the crash did not meet.
fn latencies(heard: &Heard) -> String {
    let Ok(mut histogram) = Histogram::<u64>::new(3) else { return String::new() };
    for took in &heard.latencies {
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        // The histogram grows with its values; what is past counting is counted at its end.
        if histogram.record(microseconds).is_err() {
            histogram.saturating_record(microseconds);
        }
    }
    let [p50, p99, p999] = [50.0, 99.0, 99.9].map(|percent: f64| histogram.value_at_percentile(percent));
    format!("p50 {p50} us, p99 {p99} us, p99.9 {p999} us, max {} us", histogram.max())
}

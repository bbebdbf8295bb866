//! Both worlds side by side, in total and by channel. What cannot be known is `-`, and not 0.

use comfy_table::{CellAlignment, Table, presets};
use onhand_engine::domain::money::Currency;
use onhand_engine::domain::quantity;
use onhand_engine::simulate::{Both, Counts, Report, Strayed};
use std::fmt::Write;

/// Tenths of a kilometre are shown.
const METRES_SHOWN: u64 = 100;

/// How a number is shown.
#[derive(Clone, Copy)]
enum Scale {
    Plain,
    /// Metres, as kilometres.
    Kilometres,
    /// Minor units.
    Money(Currency),
}

impl Scale {
    fn text(self, number: u64) -> String {
        match self {
            Self::Plain => number.to_string(),
            Self::Kilometres => quantity::format(number / METRES_SHOWN, 1),
            Self::Money(currency) => quantity::format(number, currency.exponent()),
        }
    }

    fn difference(self, recorded: u64, simulated: u64) -> String {
        let sign = match simulated.cmp(&recorded) {
            std::cmp::Ordering::Less => "-",
            std::cmp::Ordering::Equal => return "0".to_owned(),
            std::cmp::Ordering::Greater => "+",
        };
        format!("{sign}{}", self.text(simulated.abs_diff(recorded)))
    }
}

/// The whole, then channel by channel, then what could not be followed.
pub(super) fn all(report: &Report) -> String {
    let mut page = String::new();
    page.push_str(&titled("all channels", &report.total, Some(report.unsold), report.currency));
    let names = report.directory.view();
    for row in &report.channels {
        let title = format!("channel {}", names.channel_code(row.channel));
        page.push_str(&titled(&title, &row.counts, None, report.currency));
    }
    page.push('\n');
    page.push_str(&strayed(&report.strayed));
    page
}

fn titled(
    title: &str,
    counts: &Both<Counts>,
    unsold: Option<Both<u64>>,
    currency: Option<Currency>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([title, "recorded", "simulated", "difference"]);
    for (name, of) in PLAIN_ROWS {
        table.add_row(row(name, Scale::Plain, both(counts, |counts| Some(of(counts)))));
    }
    table.add_row(row("distance, km", Scale::Kilometres, both(counts, Counts::distance)));
    let unlocated = both(counts, |counts| counts.distance().map(|_| counts.shipments - counts.located));
    add_unless_none(&mut table, "shipments of unknown distance", unlocated);
    let (cost, scale) = match currency {
        Some(currency) => (format!("landed cost, {}", currency.as_str()), Scale::Money(currency)),
        None => ("landed cost".to_owned(), Scale::Plain),
    };
    table.add_row(row(&cost, scale, both(counts, Counts::landed_cost)));
    let unpriced = both(counts, |counts| counts.landed_cost().map(|_| counts.shipments - counts.priced));
    add_unless_none(&mut table, "shipments without a rate", unpriced);
    for (name, of) in END_ROWS {
        table.add_row(row(name, Scale::Plain, both(counts, |counts| Some(of(counts)))));
    }
    if let Some(Both { recorded, simulated }) = unsold {
        let unsold = Both { recorded: Some(recorded), simulated: Some(simulated) };
        table.add_row(row("units unsold at the end", Scale::Plain, unsold));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("\n{table}\n")
}

type Of = fn(&Counts) -> u64;

/// What orders come to, and their units.
const PLAIN_ROWS: [(&str, Of); 9] = [
    ("orders", |counts| counts.orders),
    ("filled at once", |counts| counts.filled),
    ("split over locations", |counts| counts.split),
    ("backordered", |counts| counts.backordered),
    ("refused", |counts| counts.refused),
    ("units filled at once", |counts| counts.units_filled),
    ("units backordered", |counts| counts.units_backordered),
    ("units refused", |counts| counts.units_refused),
    ("shipments", |counts| counts.shipments),
];

/// What still waits.
const END_ROWS: [(&str, Of); 2] = [
    ("units backordered at the end", |counts| counts.backordered_at_end),
    ("units short at the end", |counts| counts.short_at_end),
];

fn both<T>(counts: &Both<Counts>, of: impl Fn(&Counts) -> T) -> Both<T> {
    Both { recorded: of(&counts.recorded), simulated: of(&counts.simulated) }
}

fn row(name: &str, scale: Scale, numbers: Both<Option<u64>>) -> [String; 4] {
    let shown = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| scale.text(number));
    let Both { recorded, simulated } = numbers;
    let difference = recorded.zip(simulated);
    let difference = difference.map_or_else(|| "-".to_owned(), |(from, to)| scale.difference(from, to));
    [name.to_owned(), shown(recorded), shown(simulated), difference]
}

/// Says of how many shipments a sum lacks something, where it does.
fn add_unless_none(table: &mut Table, name: &str, numbers: Both<Option<u64>>) {
    if numbers.recorded.unwrap_or(0) > 0 || numbers.simulated.unwrap_or(0) > 0 {
        table.add_row(row(name, Scale::Plain, numbers));
    }
}

/// What of the log the simulated world could not follow; nothing if it could.
fn strayed(strayed: &Strayed) -> String {
    let Strayed { holds, terms, unmoved, shipped_elsewhere, unshipped, uncancelled } = *strayed;
    let rows = [
        (holds, "holds had too few units and were not placed"),
        (terms, "changes of a SKU's terms were not possible and not made"),
        (unmoved, "units of stock movements were not there, or not free, and did not move"),
        (shipped_elsewhere, "units were shipped from another location than recorded"),
        (unshipped, "units of recorded shipments were not there for their orders"),
        (uncancelled, "units of recorded cancellations were not open"),
    ];
    let mut text = String::new();
    for (count, what) in rows.into_iter().filter(|(count, _)| *count > 0) {
        // Writing into a String cannot fail.
        let written = writeln!(text, "in the simulation {count} {what}");
        debug_assert!(written.is_ok());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_their_differences_have_one_scale() {
        let eur = Currency(*b"EUR");
        for (scale, recorded, simulated, expected) in [
            (Scale::Plain, 12, 15, ["12", "15", "+3"]),
            (Scale::Plain, 15, 12, ["15", "12", "-3"]),
            (Scale::Plain, 0, 0, ["0", "0", "0"]),
            (Scale::Kilometres, 584_400, 84_000, ["584.4", "84.0", "-500.4"]),
            (Scale::Money(eur), 490, 1_005, ["4.90", "10.05", "+5.15"]),
        ] {
            let numbers = Both { recorded: Some(recorded), simulated: Some(simulated) };
            assert_eq!(row("x", scale, numbers)[1..], expected);
        }
    }

    #[test]
    fn what_is_not_known_is_no_number() {
        let counts = Both { recorded: Counts { shipments: 2, ..Counts::default() }, ..Both::default() };
        let text = titled("all", &counts, None, None);
        let line = |name: &str| text.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
        for name in ["distance, km", "landed cost"] {
            assert_eq!(line(name).matches(" - ").count(), 3, "{text}");
        }
        assert_eq!(line("unknown distance"), "", "{text}");
    }
}

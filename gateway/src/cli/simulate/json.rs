//! The report for programs. Members may be added; what cannot be known is null.

use super::differences::{explanation, order_of};
use crate::render::Units;
use crate::render::explanation::ExplanationView;
use jiff::Timestamp;
use onhand_engine::directory::{Directory, View};
use onhand_engine::domain::money::Currency;
use onhand_engine::domain::rejection::Shortfall;
use onhand_engine::domain::{SkuNumber, quantity};
use onhand_engine::simulate::{Both, Counts, Difference, Fate, Report, Served, Strayed, Told};
use serde::Serialize;

/// Both worlds, and what differs.
#[derive(Serialize)]
pub(super) struct ReportView {
    merchant: String,
    from_lsn: u64,
    to_lsn: u64,
    torn_behind_lsn: Option<u64>,
    currency: Option<String>,
    total: Pair<CountsView>,
    units_unsold: Pair<u64>,
    channels: Vec<ChannelView>,
    strayed: StrayedView,
    orders_differing: u64,
    differences: Vec<DifferenceView>,
}

#[derive(Serialize)]
struct Pair<T> {
    recorded: T,
    simulated: T,
}

#[derive(Serialize)]
struct ChannelView {
    channel: String,
    #[serde(flatten)]
    counts: Pair<CountsView>,
}

#[derive(Serialize)]
struct CountsView {
    orders: u64,
    filled: u64,
    split: u64,
    backordered: u64,
    refused: u64,
    units_filled: u64,
    units_backordered: u64,
    units_refused: u64,
    shipments: u64,
    distance_m: Option<u64>,
    shipments_located: u64,
    landed_cost: Option<String>,
    shipments_priced: u64,
    units_backordered_at_end: u64,
    units_short_at_end: u64,
}

#[derive(Serialize)]
struct StrayedView {
    holds_not_placed: u64,
    terms_not_stated: u64,
    units_not_moved: u64,
    units_shipped_elsewhere: u64,
    units_not_shipped: u64,
    units_not_cancelled: u64,
}

#[derive(Serialize)]
struct DifferenceView {
    /// Of an order that was accepted as recorded.
    order_id: Option<String>,
    lsn: u64,
    at: Option<String>,
    channel: String,
    external_id: String,
    lines: Vec<LineView>,
    #[serde(flatten)]
    told: Pair<ToldView>,
}

#[derive(Serialize)]
struct LineView {
    sku: String,
    quantity: Units,
}

#[derive(Serialize)]
struct ToldView {
    /// `accepted` or `refused`.
    outcome: &'static str,
    allocated: Vec<AllocatedView>,
    /// Smallest units.
    units_backordered: u64,
    shortfalls: Vec<ShortfallView>,
    detail: Option<String>,
    explanation: Option<ExplanationView>,
}

#[derive(Serialize)]
struct AllocatedView {
    /// Which line, from 0.
    line: u16,
    /// Of a line that is a kit, which part.
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    location: String,
    quantity: Units,
}

#[derive(Serialize)]
struct ShortfallView {
    /// Which line, from 0.
    line: u16,
    requested: Units,
    available: Units,
}

/// The report as it is printed.
pub(super) fn view(report: &Report) -> ReportView {
    let names = report.directory.view();
    let counts = |counts: &Both<Counts>| Pair {
        recorded: counts_view(&counts.recorded, report.currency),
        simulated: counts_view(&counts.simulated, report.currency),
    };
    let channels = report.channels.iter().map(|row| ChannelView {
        channel: names.channel_code(row.channel).to_owned(),
        counts: counts(&row.counts),
    });
    let differences = report.differences.iter();
    ReportView {
        merchant: report.merchant.clone(),
        from_lsn: report.from.0,
        to_lsn: report.to.0,
        torn_behind_lsn: report.torn_behind.map(|last| last.0),
        currency: report.currency.map(|currency| currency.as_str().to_owned()),
        total: counts(&report.total),
        units_unsold: Pair { recorded: report.unsold.recorded, simulated: report.unsold.simulated },
        channels: channels.collect(),
        strayed: strayed_view(&report.strayed),
        orders_differing: report.differing,
        differences: differences.map(|difference| difference_view(&report.directory, difference)).collect(),
    }
}

fn counts_view(counts: &Counts, currency: Option<Currency>) -> CountsView {
    let cost = counts.landed_cost().zip(currency);
    CountsView {
        orders: counts.orders,
        filled: counts.filled,
        split: counts.split,
        backordered: counts.backordered,
        refused: counts.refused,
        units_filled: counts.units_filled,
        units_backordered: counts.units_backordered,
        units_refused: counts.units_refused,
        shipments: counts.shipments,
        distance_m: counts.distance(),
        shipments_located: counts.located,
        landed_cost: cost.map(|(cost, currency)| quantity::format(cost, currency.exponent())),
        shipments_priced: counts.priced,
        units_backordered_at_end: counts.backordered_at_end,
        units_short_at_end: counts.short_at_end,
    }
}

fn strayed_view(strayed: &Strayed) -> StrayedView {
    let Strayed { holds, terms, unmoved, shipped_elsewhere, unshipped, uncancelled } = *strayed;
    StrayedView {
        holds_not_placed: holds,
        terms_not_stated: terms,
        units_not_moved: unmoved,
        units_shipped_elsewhere: shipped_elsewhere,
        units_not_shipped: unshipped,
        units_not_cancelled: uncancelled,
    }
}

fn difference_view(directory: &Directory, difference: &Difference) -> DifferenceView {
    let names = directory.view();
    let at = i64::try_from(difference.at).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let line = |(sku, units): &(SkuNumber, u32)| LineView {
        sku: names.sku_code(*sku).to_owned(),
        quantity: units_of(&names, Some(*sku), *units),
    };
    DifferenceView {
        order_id: order_of(difference),
        lsn: difference.lsn.0,
        at: at.map(|at| at.to_string()),
        channel: names.channel_code(difference.channel).to_owned(),
        external_id: difference.external_id.clone(),
        lines: difference.lines.iter().map(line).collect(),
        told: Pair {
            recorded: told_view(directory, difference, &difference.told.recorded),
            simulated: told_view(directory, difference, &difference.told.simulated),
        },
    }
}

fn told_view(directory: &Directory, difference: &Difference, told: &Told) -> ToldView {
    let names = directory.view();
    let units_in = |line: u16, units: u32| {
        let sku = difference.lines.get(usize::from(line)).map(|(sku, _)| *sku);
        units_of(&names, sku, units)
    };
    let explanation = explanation(directory, told);
    match &told.fate {
        Fate::Accepted { claims, waiting } => {
            let is_part = |served: &Served| {
                difference.lines.get(usize::from(served.line)).is_none_or(|(sku, _)| *sku != served.sku)
            };
            let claim = |served: &Served| AllocatedView {
                line: served.line,
                component: is_part(served).then(|| names.sku_code(served.sku).to_owned()),
                location: names.location_code(served.location).to_owned(),
                quantity: units_of(&names, Some(served.sku), served.units),
            };
            ToldView {
                outcome: "accepted",
                allocated: claims.iter().map(claim).collect(),
                units_backordered: *waiting,
                shortfalls: Vec::new(),
                detail: None,
                explanation,
            }
        }
        Fate::Refused { shortfalls, detail } => {
            let shortfall = |row: &Shortfall| ShortfallView {
                line: row.line,
                requested: units_in(row.line, row.requested),
                available: units_in(row.line, row.available),
            };
            ToldView {
                outcome: "refused",
                allocated: Vec::new(),
                units_backordered: 0,
                shortfalls: shortfalls.iter().map(shortfall).collect(),
                detail: Some(detail.clone()),
                explanation,
            }
        }
    }
}

fn units_of(names: &View<'_>, sku: Option<SkuNumber>, units: u32) -> Units {
    let name = sku.and_then(|sku| names.sku(names.sku_code(sku)));
    Units { units: units.into(), decimals: name.map_or(0, |name| name.decimals) }
}

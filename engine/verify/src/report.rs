//! What an audit found.

use onhand_snapshots::Lsn;
use std::fmt;

/// The invariants, by their names in `docs/INVARIANTS.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// No stored number is negative.
    I1,
    /// Claims never exceed sellable.
    I2,
    /// Counters equal the claims behind them.
    I3,
    /// Per line: shipped + cancelled + open = ordered.
    I4,
    /// Each claim ends once.
    I5,
    /// Stock changes only by a movement with a reason, or a shipment.
    I6,
    /// Moving goods neither makes nor loses units.
    I7,
    /// Same key, same answer; same external id, one order.
    I8,
    /// What one channel is promised, no other one gets.
    I9,
    /// Stock is given in turn and none is held back; a loss takes the newest claims.
    I10,
    /// An order leaves and waits as was agreed: whole, where it ships complete, and until its date.
    I11,
    /// No order is accepted that lets more units of a SKU wait than may.
    I12,
    /// The recovered state is the live state: digests of clean stops.
    J3,
    /// The log is whole: records decode, numbers are dense, time does not run back.
    J4,
}

/// All of them, in order, with what they say.
pub const INVARIANTS: [(Invariant, &str); 14] = [
    (Invariant::I1, "no stored number is negative"),
    (Invariant::I2, "claims never exceed sellable stock"),
    (Invariant::I3, "stated numbers equal the sum of the claims"),
    (Invariant::I4, "shipped + cancelled + open = ordered, per line"),
    (Invariant::I5, "each claim ends exactly once"),
    (Invariant::I6, "stock changes only by a movement with a reason"),
    (Invariant::I7, "a move neither makes nor loses units"),
    (Invariant::I8, "one answer per key, one order per external id"),
    (Invariant::I9, "what one channel is promised, no other one gets"),
    (Invariant::I10, "stock is given in turn, and none is held back"),
    (Invariant::I11, "an order leaves and waits as was agreed"),
    (Invariant::I12, "no more units of a SKU wait than may"),
    (Invariant::J3, "the state of a clean stop is the state of the log"),
    (Invariant::J4, "records are whole, dense, known and in time"),
];

/// How one invariant fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Which.
    pub invariant: Invariant,
    /// How often it was checked.
    pub checks: u64,
    /// How often it did not hold.
    pub failures: u64,
    /// The first record that breaks it, and how.
    pub first_failure: Option<(Lsn, String)>,
}

/// Where claims came closest to stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tightest {
    /// Units claimed.
    pub committed: u64,
    /// Units sellable.
    pub sellable: u64,
    /// Whose.
    pub merchant: u32,
    /// Of what.
    pub sku: u32,
    /// Where.
    pub location: u16,
    /// When.
    pub lsn: Lsn,
}

/// Sums over the whole log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records.
    pub records: u64,
    /// Orders accepted.
    pub orders_accepted: u64,
    /// Orders refused under a key.
    pub orders_refused: u64,
    /// Orders, accepted or refused, of which a routing profile said where they come from.
    pub orders_routed: u64,
    /// Orders that were accepted since their channels had sold them already.
    pub orders_imposed: u64,
    /// Orders that are open at the end.
    pub orders_open: u64,
    /// Units that were claimed for orders, at once or later.
    pub units_claimed: u64,
    /// Units that left the building.
    pub units_shipped: u64,
    /// Units cancelled.
    pub units_cancelled: u64,
    /// Units that wait at the end, accepted without stock.
    pub units_backordered: u64,
    /// Units that wait at the end, sold without goods: their claims were lost, or their orders imposed.
    pub units_short: u64,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// One per invariant.
    pub outcomes: Vec<Outcome>,
    /// Where claims came closest to stock.
    pub tightest: Option<Tightest>,
    /// Sums.
    pub totals: Totals,
    /// Digest of the state at the end.
    pub digest: u64,
    /// The last record.
    pub last: Lsn,
    /// A torn end that nobody was told of; a start would cut it off.
    pub torn: Option<String>,
}

impl AuditReport {
    /// Whether every invariant holds. One that met no case holds too; the report calls it unseen.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.failures == 0)
    }
}

impl fmt::Display for AuditReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in &self.outcomes {
            let says = INVARIANTS
                .iter()
                .find(|(invariant, _)| *invariant == outcome.invariant)
                .map_or("", |it| it.1);
            let word = match (outcome.checks, outcome.failures) {
                (0, _) => "unseen",
                (_, 0) => "holds ",
                _ => "BROKEN",
            };
            let name = format!("{:?}", outcome.invariant);
            writeln!(f, "{name:<3}  {word}  {says} ({} checks)", outcome.checks)?;
            if let Some((lsn, how)) = &outcome.first_failure {
                writeln!(f, "      {} times; first by record {lsn}: {how}", outcome.failures)?;
            }
        }
        let Totals { records, orders_accepted, orders_refused, orders_open, .. } = self.totals;
        let Totals { orders_routed, orders_imposed, .. } = self.totals;
        writeln!(f, "records {records}, last {}; digest {:016x}", self.last, self.digest)?;
        writeln!(
            f,
            "orders accepted {orders_accepted}, refused under a key {orders_refused}, open {orders_open}"
        )?;
        if orders_routed > 0 {
            writeln!(f, "orders that a routing profile decided {orders_routed}")?;
        }
        if orders_imposed > 0 {
            writeln!(f, "orders that were imposed {orders_imposed}")?;
        }
        let Totals { units_claimed, units_shipped, units_cancelled, units_backordered, units_short, .. } =
            self.totals;
        writeln!(
            f,
            "units claimed {units_claimed}, shipped {units_shipped}, cancelled {units_cancelled}, \
             backordered {units_backordered}, short {units_short}"
        )?;
        if let Some(tightest) = &self.tightest {
            let Tightest { committed, sellable, merchant, sku, location, lsn } = tightest;
            writeln!(
                f,
                "tightest: {committed} of {sellable} sellable units claimed \
                 (merchant {merchant}, sku {sku}, location {location}, record {lsn})"
            )?;
        }
        if let Some(torn) = &self.torn {
            writeln!(f, "a torn end that nobody was told of: {torn}")?;
        }
        write!(f, "{}", if self.holds() { "every invariant holds" } else { "NOT every invariant holds" })
    }
}

//! What is told of each thing, beside what it may take.

use crate::cases::Case;
use crate::connections::Connections;
use onhand_benches::numbers::with_range;
use std::collections::BTreeMap;

/// Of all rounds.
#[derive(Default)]
pub(crate) struct Measured {
    /// Bytes of each, asked for and resident, by round.
    cases: BTreeMap<Case, Vec<[f64; 2]>>,
    connections: Vec<Connections>,
}

impl Measured {
    pub(crate) fn add(&mut self, case: Case, bytes: [f64; 2]) {
        self.cases.entry(case).or_default().push(bytes);
    }

    pub(crate) fn add_connections(&mut self, connections: Option<Connections>) {
        self.connections.extend(connections);
    }

    fn of(&self, case: Case) -> &[[f64; 2]] {
        self.cases.get(&case).map_or(&[], Vec::as_slice)
    }

    /// What each of so many locations takes beside the first, round by round.
    fn further(&self, case: Case, further: u32) -> Vec<[f64; 2]> {
        let rounds = self.of(case).iter().zip(self.of(Case::SkuAt1));
        rounds.map(|(many, one)| [0, 1].map(|kind| (many[kind] - one[kind]) / f64::from(further))).collect()
    }
}

pub(crate) const HEAD: [&str; 4] = ["bytes of", "aim", "asked for", "resident"];

pub(crate) const NOTES: &str = "Each the difference between so many and twice as many (1,000,000 and 2,000,000; where there \
are several locations half of that; young keys: one and two full tables), in processes of their own, medians with the \
smallest and the largest. A SKU has its name, an order is open and its key in the index, a key that is not indexed yet \
stands in a full table. A connection is idle, and was asked one thing; its growth is that of the server's process.";

pub(crate) fn rows(measured: &Measured) -> Vec<Vec<String>> {
    let of = |case| measured.of(case).to_vec();
    let rows = [
        ("a SKU with its name and one location", "128", of(Case::SkuAt1)),
        ("a second location", "40", measured.further(Case::SkuAt2, 1)),
        ("each further location of three", "40", measured.further(Case::SkuAt3, 2)),
        ("each further location of eight", "40", measured.further(Case::SkuAt8, 7)),
        ("an open order of one line", "110", of(Case::OrderOf1)),
        ("an open order of three lines", "180", of(Case::OrderOf3)),
        ("an idempotency key, not indexed yet", "", of(Case::YoungKey)),
        ("an idempotency key, indexed", "", of(Case::IndexedKey)),
    ];
    let kind = |figures: &[[f64; 2]], kind: usize| {
        with_range(&figures.iter().map(|figure| figure[kind]).collect::<Vec<f64>>())
    };
    let row = |(name, aim, figures): (&str, &str, Vec<[f64; 2]>)| {
        vec![name.to_owned(), aim.to_owned(), kind(&figures, 0), kind(&figures, 1)]
    };
    let connections = [
        (
            "an HTTP connection, the first 1,000",
            measured.connections.iter().map(Connections::first).collect(),
        ),
        (
            "an HTTP connection, 1,000 to 5,000",
            measured.connections.iter().map(Connections::further).collect(),
        ),
    ];
    let connection = |(name, figures): (&str, Vec<f64>)| {
        vec![name.to_owned(), String::new(), "–".to_owned(), with_range(&figures)]
    };
    rows.into_iter().map(row).chain(connections.into_iter().map(connection)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_locations_share_what_is_beyond_the_first() {
        let mut measured = Measured::default();
        for (case, bytes) in [(Case::SkuAt1, [100.0, 120.0]), (Case::SkuAt8, [310.0, 470.0])] {
            measured.add(case, bytes);
        }
        measured.add(Case::SkuAt1, [200.0, 120.0]);
        measured.add(Case::SkuAt8, [200.0, 120.0]);
        assert_eq!(measured.further(Case::SkuAt8, 7), [[30.0, 50.0], [0.0, 0.0]]);
        let rows = rows(&measured);
        assert_eq!(rows[3][1..], ["40", "30.0 (0.00 to 30.0)", "50.0 (0.00 to 50.0)"]);
        assert_eq!(rows[4][1..], ["110", "–", "–"]);
        assert!(rows.iter().all(|row| row.len() == HEAD.len()));
    }
}

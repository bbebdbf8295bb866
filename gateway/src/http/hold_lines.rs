//! Lines that ask for units and nothing else, as those of a hold do.

use crate::body::{Amount, Check};
use crate::http::problem::shown;
use crate::member::Name;
use onhand_engine::directory::View;
use onhand_engine::domain::event::OrderedLines;
use onhand_engine::domain::order::LINES_MAX;
use std::collections::HashSet;

/// SKU and quantity of each line, and what the channel calls it, with the decimals of its SKU.
pub(super) struct LineQuantities {
    pub(super) lines: OrderedLines,
    pub(super) ids: Vec<(String, u8)>,
}

impl LineQuantities {
    /// Reads lines that ask for units and nothing else.
    pub(super) fn of<'b, 'a: 'b>(
        check: &mut Check,
        names: &View<'_>,
        rows: impl ExactSizeIterator<Item = (&'b Name<'a>, &'b Name<'a>, &'b Amount<'a>)>,
    ) -> Self {
        let mut found =
            Self { lines: OrderedLines::new(), ids: Vec::with_capacity(rows.len().min(LINES_MAX)) };
        if rows.len() == 0 || rows.len() > LINES_MAX {
            let code = if rows.len() == 0 { "no_lines" } else { "too_many_lines" };
            check.wrong("/lines", code, format!("has {} lines, 1 to {LINES_MAX} are allowed", rows.len()));
            return found;
        }
        let mut seen = HashSet::with_capacity(rows.len());
        for (place, (id, sku, quantity)) in rows.enumerate() {
            check.code(|| format!("/lines/{place}/id"), id);
            if !seen.insert(&**id) {
                let detail = format!("{} stands twice", shown(id));
                check.wrong(format!("/lines/{place}/id"), "duplicate_line", detail);
            }
            let name = names.sku(sku);
            if name.is_none() {
                let detail = format!("there is no sku {}", shown(sku));
                check.wrong(format!("/lines/{place}/sku"), "unknown_sku", detail);
            }
            let decimals = name.map_or(0, |name| name.decimals);
            let quantity = check.quantity(|| format!("/lines/{place}/quantity"), quantity, decimals, 1);
            if let (Some(name), Some(quantity)) = (name, quantity) {
                found.lines.push((name.number, quantity));
                found.ids.push((id.to_string(), decimals));
            }
        }
        found
    }
}

//! What goes of an order whose date has come: what waits. Of kits those go that lack something, with all that they have, but
//! none of which something has left the building.

use crate::order::{Demand, Line, Order};
use std::collections::BTreeMap;

/// What a unit was that a demand lets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Freed {
    Backordered,
    Short,
    Claimed,
}

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lapse {
    /// Units of the lines that lose some, in their order.
    pub(crate) lines: Vec<(u16, u32)>,
    /// Units that their demands let go; none is 0.
    pub(crate) released: BTreeMap<(u16, Freed), i64>,
}

impl Order {
    /// What is to go now, if its date has come.
    pub(crate) fn lapse(&self) -> Lapse {
        let mut lapse = Lapse::default();
        for (number, line) in (0_u16..).zip(&self.lines) {
            let units = self.lapsing_of(line);
            let Some(stated) = u32::try_from(units).ok().filter(|units| *units > 0) else { continue };
            lapse.lines.push((number, stated));
            for (demand, row) in
                (0_u16..).zip(&self.demands).skip(line.demands.start).take(line.demands.len())
            {
                let needed = units.saturating_mul(row.per_unit);
                let backordered = row.backordered.min(needed);
                let short = row.short.min(needed - backordered);
                let claimed = needed - backordered - short;
                let freed =
                    [(Freed::Backordered, backordered), (Freed::Short, short), (Freed::Claimed, claimed)];
                let freed = freed.into_iter().filter(|(_, units)| *units > 0);
                lapse.released.extend(freed.map(|(freed, units)| ((demand, freed), units)));
            }
        }
        lapse
    }

    /// Units of a line that lack something, as far as nothing of them has left.
    fn lapsing_of(&self, line: &Line) -> i64 {
        let most =
            |units: &dyn Fn(&Demand) -> i64| self.demands_of(line).iter().map(units).max().unwrap_or(0);
        let touched = |units: i64, row: &Demand| (units + row.per_unit - 1) / row.per_unit;
        let waiting = most(&|row| row.backordered / row.per_unit) + most(&|row| touched(row.short, row));
        let begun = most(&|row| touched(row.shipped, row));
        waiting.min(line.ordered - line.cancelled - begun)
    }
}

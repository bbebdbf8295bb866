//! One open order as the audit's own books have it.

use onhand_record::agreed::AgreedV1;
use onhand_record::kit::{KitLineV1, KitPictureV1, PartPictureV1};
use onhand_record::order::{LinePictureV1, OrderAskedV1, SourceV1};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Claims that an order comes to have at the most.
const CLAIMS_MAX: usize = 50_000;

/// The same of one with kits.
const KIT_CLAIMS_MAX: usize = 20_000;

/// One open order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order {
    pub(crate) channel: u16,
    pub(crate) lines: Vec<Line>,
    /// Whether its channel had sold it already.
    pub(crate) is_imposed: bool,
    /// Whether nothing of it leaves while something of it waits.
    pub(crate) ships_complete: bool,
    /// What was agreed of it beyond its policy.
    pub(crate) agreed: Vec<AgreedV1>,
    /// In the order of the lines.
    pub(crate) demands: Vec<Demand>,
    /// The locations that may serve what waits without having lost a claim, and all that waits of one that was imposed;
    /// `None` is all of its channel's.
    pub(crate) within: Option<BTreeSet<u16>>,
}

/// One line, counted as it was ordered.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Its demands: one, or one for each part of a kit.
    pub(crate) demands: Range<usize>,
    pub(crate) is_kit: bool,
    pub(crate) ordered: i64,
    pub(crate) cancelled: i64,
    pub(crate) shipped: i64,
}

/// What a line needs of one SKU, in units of that.
#[derive(Debug, Clone, Default)]
pub(crate) struct Demand {
    pub(crate) sku: u32,
    pub(crate) line: usize,
    /// Units for each unit of the line.
    pub(crate) per_unit: i64,
    pub(crate) needed: i64,
    pub(crate) cancelled: i64,
    pub(crate) shipped: i64,
    pub(crate) backordered: i64,
    pub(crate) short: i64,
    /// Units claimed, by location; none is 0.
    pub(crate) claims: BTreeMap<u16, i64>,
}

impl Order {
    /// An order to which nothing is given yet: all of it waits.
    pub(crate) fn of(asked: &OrderAskedV1<'_>, kits: &[KitLineV1]) -> Self {
        let mut order = Self { channel: asked.channel, ..Self::default() };
        let mut kits = kits.iter().peekable();
        for (number, line) in (0_u16..).zip(&asked.lines) {
            let kit = kits.next_if(|kit| kit.line == number);
            let plain = [(line.sku, 1)];
            let parts = kit.map_or(&plain[..], |kit| &kit.parts);
            order.add(line.quantity.into(), parts, kit.is_some());
        }
        order
    }

    fn add(&mut self, ordered: i64, parts: &[(u32, u32)], is_kit: bool) {
        let (line, first) = (self.lines.len(), self.demands.len());
        for (sku, per_unit) in parts {
            // A record that says 0 is wrong, and found to be: it is compared with the kit.
            let (sku, per_unit) = (*sku, i64::from(*per_unit).max(1));
            let needed = ordered.saturating_mul(per_unit);
            let backordered = needed;
            self.demands.push(Demand { sku, line, per_unit, needed, backordered, ..Demand::default() });
        }
        let demands = first..self.demands.len();
        self.lines.push(Line { demands, is_kit, ordered, cancelled: 0, shipped: 0 });
    }

    /// Whether a location may serve what waits of it.
    pub(crate) fn may_have_of(&self, location: u16, is_short: bool) -> bool {
        self.has_lost(is_short) || self.within.as_ref().is_none_or(|within| within.contains(&location))
    }

    /// Whether what waits of it had been promised its goods: nothing of one that was imposed had, so it is served around what
    /// others are promised.
    pub(crate) fn has_lost(&self, is_short: bool) -> bool {
        is_short && !self.is_imposed
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lines.iter().all(|line| line.ordered == line.cancelled + line.shipped)
    }

    /// Units of it that wait.
    pub(crate) fn waiting(&self) -> i64 {
        self.demands.iter().map(|demand| demand.backordered + demand.short).sum()
    }

    /// From when on it may be split, if that was agreed.
    pub(crate) fn complete_by(&self) -> Option<u64> {
        self.agreed.iter().find_map(|term| match term {
            AgreedV1::CompleteBy(date) => Some(*date),
            AgreedV1::CancelAfter(_) => None,
        })
    }

    /// From when on nothing of it waits, if that was agreed.
    pub(crate) fn cancel_after(&self) -> Option<u64> {
        self.agreed.iter().find_map(|term| match term {
            AgreedV1::CancelAfter(date) => Some(*date),
            AgreedV1::CompleteBy(_) => None,
        })
    }

    /// Whether it may have another claim on units at a location for a demand, or has that one already: as many as one record
    /// can tell of, fewer if it has kits.
    pub(crate) fn has_room(&self, demand: u16, location: u16) -> bool {
        let max = if self.lines.iter().any(|line| line.is_kit) { KIT_CLAIMS_MAX } else { CLAIMS_MAX };
        let has_it =
            self.demands.get(usize::from(demand)).is_some_and(|demand| demand.claims.contains_key(&location));
        has_it || self.demands.iter().map(|demand| demand.claims.len()).sum::<usize>() < max
    }

    /// Units of a line are cancelled, and so what they needed.
    pub(crate) fn cancel(&mut self, number: u16, quantity: i64) {
        if let Some(line) = self.lines.get_mut(usize::from(number)) {
            line.cancelled += quantity;
            for demand in self.demands.get_mut(line.demands.clone()).unwrap_or_default() {
                demand.cancelled += quantity.saturating_mul(demand.per_unit);
            }
        }
    }

    /// The line of a demand, if that is a part of a kit.
    pub(crate) fn kit_of(&self, demand: u16) -> Option<&Line> {
        let demand = self.demands.get(usize::from(demand))?;
        self.lines.get(demand.line).filter(|line| line.is_kit)
    }

    pub(crate) fn demands_of(&self, line: &Line) -> &[Demand] {
        self.demands.get(line.demands.clone()).unwrap_or_default()
    }

    /// A line that has not shipped what its demands have, or whose parts do not wait as those of whole kits.
    pub(crate) fn odd_line(&self) -> Option<&Line> {
        self.lines.iter().find(|line| {
            let demands = self.demands_of(line);
            let whole = demands.iter().map(|demand| demand.shipped / demand.per_unit).min();
            let waits = |demand: &Demand| {
                (demand.backordered / demand.per_unit, demand.backordered % demand.per_unit)
            };
            let first = demands.first().map(waits);
            whole != Some(line.shipped)
                || demands.iter().any(|demand| demand.shipped < 0 || Some(waits(demand)) != first)
                || first.is_some_and(|(_, rest)| rest != 0)
        })
    }

    /// Whether a record's picture says the same.
    pub(crate) fn equals(&self, stated: &[LinePictureV1], kits: &[KitPictureV1]) -> bool {
        let lines = self.lines.len() == stated.len()
            && self.lines.iter().zip(stated).all(|(line, stated)| self.line_equals(line, stated));
        let mut own = (0_u16..).zip(&self.lines).filter(|(_, line)| line.is_kit);
        let are_all = kits.iter().all(|kit| {
            own.next().is_some_and(|(number, line)| {
                let demands = self.demands_of(line);
                number == kit.line
                    && demands.len() == kit.parts.len()
                    && demands.iter().zip(&kit.parts).all(|(demand, part)| demand.equals(part))
            })
        });
        lines && are_all && own.next().is_none()
    }

    fn line_equals(&self, line: &Line, stated: &LinePictureV1) -> bool {
        let demands = self.demands_of(line);
        let Some(first) = demands.first() else { return false };
        // Of kits, those of which something is lost, and those that lie complete at one location.
        let lacks = |demand: &Demand| (demand.short + demand.per_unit - 1) / demand.per_unit;
        let short = demands.iter().map(lacks).max().unwrap_or(0);
        let whole = |location: &u16| {
            let kept = |demand: &Demand| demand.claims.get(location).copied().unwrap_or(0) / demand.per_unit;
            demands.iter().map(kept).min().unwrap_or(0)
        };
        let claims = first.claims.keys().map(|location| (*location, whole(location)));
        let claims: BTreeMap<u16, i64> = claims.filter(|(_, kits)| *kits > 0).collect();
        // No record says yet that goods came back.
        let numbers =
            [line.ordered, line.cancelled, line.shipped, 0, first.backordered / first.per_unit, short];
        let LinePictureV1 { ordered, cancelled, shipped, returned, backordered, short, .. } = *stated;
        numbers == [ordered, cancelled, shipped, returned, backordered, short].map(i64::from)
            && claims == summed(&stated.allocated)
    }
}

/// What is kept, by location.
fn summed(allocated: &[(u16, u32)]) -> BTreeMap<u16, i64> {
    let mut claims = BTreeMap::new();
    for (location, quantity) in allocated {
        *claims.entry(*location).or_default() += i64::from(*quantity);
    }
    claims
}

impl Demand {
    pub(crate) fn open(&self) -> i64 {
        self.needed - self.cancelled - self.shipped
    }

    pub(crate) fn covered(&self) -> i64 {
        self.backordered + self.short + self.claims.values().sum::<i64>()
    }

    /// What waits of it: with a claim that was lost, or accepted without stock.
    pub(crate) fn waiting(&mut self, is_short: bool) -> &mut i64 {
        if is_short { &mut self.short } else { &mut self.backordered }
    }

    /// Adds to a claim.
    pub(crate) fn claim(&mut self, location: u16, quantity: i64) {
        *self.claims.entry(location).or_default() += quantity;
    }

    /// Takes from a claim; `false` if it is not there that far.
    pub(crate) fn end_claim(&mut self, location: u16, quantity: i64) -> bool {
        let Some(claim) = self.claims.get_mut(&location) else { return false };
        *claim -= quantity;
        let is_there = *claim >= 0;
        if *claim == 0 {
            self.claims.remove(&location);
        }
        is_there
    }

    /// Takes from what waits or is claimed; `false` if it is not there that far.
    pub(crate) fn let_go(&mut self, source: SourceV1, quantity: i64) -> bool {
        let waiting = match source {
            SourceV1::Claimed(location) => return self.end_claim(location, quantity),
            SourceV1::Backordered => &mut self.backordered,
            SourceV1::Short => &mut self.short,
        };
        *waiting -= quantity;
        *waiting >= 0
    }

    fn equals(&self, stated: &PartPictureV1) -> bool {
        let numbers = [self.sku.into(), self.per_unit, self.shipped, self.backordered, self.short];
        let PartPictureV1 { sku, per_kit, shipped, backordered, short, .. } = *stated;
        numbers == [sku, per_kit, shipped, backordered, short].map(i64::from)
            && self.claims == summed(&stated.allocated)
    }
}

//! An open order: lines (what was ordered), demands (what each line needs of which SKU) and claims (which
//! units at which location are kept for a demand) are three things.

mod agreed;
mod change;
mod picture;
mod stored;

use crate::event::OrderAccepted;
use crate::id::{ChannelNumber, LocationNumber, OrderId, SkuNumber};
use crate::sku::{Class, Owner};
use smallvec::SmallVec;

pub use agreed::Agreed;
pub use change::{Released, Source};
pub use picture::{LinePicture, OrderPicture, OrderStatus, PartPicture};
pub use stored::StoredOrder;

/// The most lines of one order: a large wholesale order of real life has some 1,100.
pub const LINES_MAX: usize = 1_200;

/// The most demands of one order: four for each line that it may have. Its lines are fewer where they are large kits.
pub const DEMANDS_MAX: usize = 4 * LINES_MAX;

/// The most claims that one step makes or takes, and that an order comes to have: a record holds some 61,000 of them at
/// their longest, and what becomes of an order, its cancellation say, is one record.
pub const CLAIMS_MAX: usize = 50_000;

/// The same of an order with kits, whose pictures tell of lines and parts: a record holds what becomes of so many.
pub const KIT_CLAIMS_MAX: usize = 20_000;

/// The most claims of an order with or without kits.
pub(crate) const fn claims_max(has_kits: bool) -> usize {
    if has_kits { KIT_CLAIMS_MAX } else { CLAIMS_MAX }
}

/// What happens to what stock cannot serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// All or nothing.
    Reject,
    /// What stock cannot serve waits for stock.
    Backorder,
    /// A channel has sold it already: it is taken whatever there is, and what stock cannot serve is short.
    Imposed,
    /// What stock cannot serve waits for stock, and what is there waits with it: nothing leaves before all of it is there.
    ShipComplete,
}

/// Where a claim stands in its life. HELD and PICKED come with holds and picking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClaimState {
    /// Bound to a location, not yet picked.
    Allocated,
}

/// One line as ordered. I4: `shipped + cancelled + open = ordered`, where `open` is derived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line {
    /// Units ordered; never changes.
    pub ordered: u32,
    /// Units cancelled.
    pub cancelled: u32,
    /// Units that left the building.
    pub shipped: u32,
    /// Units that came back; at most `shipped`.
    pub returned: u32,
}

impl Line {
    /// A line of which nothing happened yet.
    #[must_use]
    pub fn new(ordered: u32) -> Self {
        Self { ordered, cancelled: 0, shipped: 0, returned: 0 }
    }

    /// Units that are neither shipped nor cancelled.
    #[must_use]
    pub fn open(&self) -> u32 {
        self.ordered - self.cancelled - self.shipped
    }
}

/// What a line needs of one SKU. A plain line has one demand; a kit one for each part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Demand {
    /// Which SKU.
    pub sku: SkuNumber,
    /// Which line of the order, from 0.
    pub line: u16,
    /// Units accepted without stock that still wait.
    pub backordered: u32,
    /// Units that were sold and have no goods, and still wait: their claim was lost, or the order was imposed.
    pub short: u32,
    /// What it is of a kit, if its line is one.
    pub part: Option<Part>,
}

/// What a demand is of a kit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// Units that one kit needs; never 0.
    pub per_kit: u32,
    /// Units that left the building, of whole kits or on their own.
    pub shipped: u32,
}

impl Demand {
    /// A demand of which nothing is claimed or gone.
    #[must_use]
    pub fn plain(sku: SkuNumber, line: u16, backordered: u32) -> Self {
        Self { sku, line, backordered, short: 0, part: None }
    }

    /// Units that so many units of its line need. An order has no line whose demands are larger than 32 bits hold.
    #[must_use]
    pub fn units_of(&self, quantity: u32) -> u32 {
        quantity * self.per_unit()
    }

    /// Units that one unit of its line needs.
    #[must_use]
    pub fn per_unit(&self) -> u32 {
        self.part.map_or(1, |part| part.per_kit)
    }
}

impl Demand {
    /// What of it waits, by class.
    pub(crate) fn waits(&self) -> impl Iterator<Item = (Class, u32)> + use<> {
        let classes = [(Class::Short, self.short), (Class::Backorder, self.backordered)];
        classes.into_iter().filter(|(_, quantity)| *quantity > 0)
    }
}

/// One quantity at one location, kept for one demand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Which demand of the order, from 0.
    pub demand: u16,
    /// Where.
    pub location: LocationNumber,
    /// Where it stands.
    pub state: ClaimState,
    /// How many units; never 0.
    pub quantity: u32,
}

/// Rows of an order that is worked with; those of most orders need no memory of their own.
pub type FewRows<T> = SmallVec<[T; 4]>;

/// An open order: what `decide` reads and nothing else. Memory holds it as a [`StoredOrder`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Its identity.
    pub id: OrderId,
    /// Where it came from.
    pub channel: ChannelNumber,
    /// What was agreed for what stock cannot serve.
    pub policy: Policy,
    /// What was ordered.
    pub lines: FewRows<Line>,
    /// What that needs.
    pub demands: FewRows<Demand>,
    /// What is kept for it.
    pub claims: FewRows<Claim>,
}

impl Order {
    /// An order as it is accepted: what no claim covers waits, and of an imposed one is short.
    ///
    /// # Panics
    /// If more is claimed than was ordered: a defect, never an input.
    #[must_use]
    pub fn accepted(id: OrderId, accepted: &OrderAccepted) -> Self {
        let mut demands = demands_of(accepted);
        let claim = |(demand, location, quantity): &(u16, LocationNumber, u32)| {
            demands[usize::from(*demand)].backordered -= quantity;
            let state = ClaimState::Allocated;
            Claim { demand: *demand, location: *location, state, quantity: *quantity }
        };
        let claims = accepted.claims.iter().map(claim).collect();
        if accepted.policy == Policy::Imposed {
            demands.iter_mut().for_each(|demand| demand.short = core::mem::take(&mut demand.backordered));
        }
        Self {
            id,
            channel: accepted.channel,
            policy: accepted.policy,
            lines: accepted.lines.iter().map(|(_, quantity)| Line::new(*quantity)).collect(),
            demands,
            claims,
        }
    }

    /// For whom its units are claimed.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner { channel: self.channel, order: self.id }
    }

    /// Units that a demand still needs: claimed or waiting.
    #[must_use]
    pub fn open_of(&self, demand: &Demand) -> u32 {
        let line = &self.lines[usize::from(demand.line)];
        match demand.part {
            None => line.open(),
            Some(Part { per_kit, shipped }) => (line.ordered - line.cancelled) * per_kit - shipped,
        }
    }

    /// Units of a line that can be cancelled: all that are open, but no kit of which something has left the building.
    ///
    /// # Panics
    /// If there is no such line.
    #[must_use]
    pub fn cancellable(&self, line: u16) -> u32 {
        let row = &self.lines[usize::from(line)];
        let parts = self.demands_of(line).filter_map(|(_, demand)| demand.part);
        let begun = parts.map(|part| part.shipped.div_ceil(part.per_kit)).max();
        begun.map_or_else(|| row.open(), |begun| row.ordered - row.cancelled - begun)
    }

    /// Kits of a line of which all has left the building; `None` if it is no kit.
    #[must_use]
    pub fn whole_kits_shipped(&self, line: u16) -> Option<u32> {
        let parts = self.demands_of(line).filter_map(|(_, demand)| demand.part);
        parts.map(|part| part.shipped / part.per_kit).min()
    }

    /// Units that wait for stock, over all its demands.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.demands.iter().map(|demand| u64::from(demand.backordered) + u64::from(demand.short)).sum()
    }

    /// Units that are claimed, over all its demands.
    #[must_use]
    pub fn allocated(&self) -> u64 {
        self.claims.iter().map(|claim| u64::from(claim.quantity)).sum()
    }

    /// Whether every line is shipped or cancelled in full. A closed order leaves memory.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lines.iter().all(|line| line.open() == 0)
    }

    /// Whether a line of it is a kit.
    #[must_use]
    pub fn has_kits(&self) -> bool {
        self.demands.iter().any(|demand| demand.part.is_some())
    }

    /// The SKU of each demand.
    pub fn skus(&self) -> impl Iterator<Item = SkuNumber> {
        self.demands.iter().map(|demand| demand.sku)
    }

    /// Units claimed for a demand at a location.
    #[must_use]
    pub fn claimed(&self, demand: u16, location: LocationNumber) -> u32 {
        self.claims
            .iter()
            .filter(|claim| claim.demand == demand && claim.location == location)
            .map(|claim| claim.quantity)
            .sum()
    }

    /// The demands of one line, with their numbers. Demands stand in the order of their lines.
    pub fn demands_of(&self, line: u16) -> impl Iterator<Item = (u16, &Demand)> {
        let from = self.demands.partition_point(|demand| demand.line < line);
        (0_u16..).zip(&self.demands).skip(from).take_while(move |(_, demand)| demand.line == line)
    }
}

/// The demands of an order of which nothing is claimed yet.
fn demands_of(accepted: &OrderAccepted) -> FewRows<Demand> {
    let mut kits = accepted.kits.iter().peekable();
    let mut demands = FewRows::with_capacity(accepted.lines.len());
    for (line, (sku, quantity)) in (0_u16..).zip(&accepted.lines) {
        let Some(kit) = kits.next_if(|kit| kit.line == line) else {
            demands.push(Demand::plain(*sku, line, *quantity));
            continue;
        };
        for (sku, per_kit) in kit.parts.iter() {
            let Some(units) = quantity.checked_mul(*per_kit) else {
                panic!("I4: a line needs too many units")
            };
            let part = Some(Part { per_kit: *per_kit, shipped: 0 });
            demands.push(Demand { part, ..Demand::plain(*sku, line, units) });
        }
    }
    demands
}

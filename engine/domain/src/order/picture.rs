//! An order as it stands after an event, in the form an answer is rendered from.
//!
//! It goes into the record of the event, so that the same key gets the same answer whatever happened since,
//! and so that the record that closes an order tells all about it.

use super::{Line, Order, Part};
use crate::id::{LocationNumber, SkuNumber};
use alloc::vec::Vec;

/// One line of an order after an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinePicture {
    /// The line's own numbers.
    pub line: Line,
    /// Units that wait for stock; of a kit, whole ones.
    pub backordered: u32,
    /// Units whose claim was lost; of a kit, those that lack some unit.
    pub short: u32,
    /// Units kept, by location in the order of their claims; of a kit, those that lie complete at one location. The
    /// other kits that lack nothing lie at several, or have left in part.
    pub allocated: Vec<(LocationNumber, u32)>,
    /// The parts of a kit; none of any other line.
    pub components: Vec<PartPicture>,
}

/// One part of a line that is a kit, in its own units.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartPicture {
    /// Which SKU.
    pub sku: SkuNumber,
    /// Units that one kit needs, and those that left the building.
    pub part: Part,
    /// Units that wait for stock.
    pub backordered: u32,
    /// Units that were sold and have no goods.
    pub short: u32,
    /// Units kept, by location in the order of their claims.
    pub allocated: Vec<(LocationNumber, u32)>,
}

impl PartPicture {
    fn kept_at(&self, location: LocationNumber) -> u32 {
        self.allocated.iter().filter(|(at, _)| *at == location).map(|(_, units)| units).sum()
    }
}

impl LinePicture {
    fn of(line: &Line) -> Self {
        Self { line: *line, backordered: 0, short: 0, allocated: Vec::new(), components: Vec::new() }
    }

    /// Says in kits what its parts say in units.
    fn count_kits(&mut self) {
        let Some((first, others)) = self.components.split_first() else { return };
        self.backordered = first.backordered / first.part.per_kit;
        let lacks = |part: &PartPicture| part.short.div_ceil(part.part.per_kit);
        self.short = self.components.iter().map(lacks).max().unwrap_or(0);
        for (location, units) in &first.allocated {
            let whole = |part: &PartPicture| part.kept_at(*location) / part.part.per_kit;
            let kits = others.iter().map(whole).fold(units / first.part.per_kit, u32::min);
            if kits > 0 {
                self.allocated.push((*location, kits));
            }
        }
    }

    /// Whether something of it has left the building.
    fn has_begun(&self) -> bool {
        self.components.iter().any(|part| part.part.shipped > 0)
    }
}

/// All lines of an order after an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderPicture {
    /// In the order of the lines.
    pub lines: Vec<LinePicture>,
}

/// What an order is called for people: derived from its lines, never stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderStatus {
    /// Every open unit has stock.
    Allocated,
    /// Some open units have stock.
    PartiallyAllocated,
    /// No open unit has stock.
    Backordered,
    /// Some units left the building, others are open.
    PartiallyShipped,
    /// Nothing is open and something was shipped.
    Shipped,
    /// Nothing is open and nothing was shipped.
    Cancelled,
}

impl OrderStatus {
    /// What an order is called that has so many units open, shipped, and of the open ones waiting.
    #[must_use]
    pub fn of(open: u64, shipped: u64, waiting: u64) -> Self {
        match (open, shipped, waiting) {
            (0, 0, _) => Self::Cancelled,
            (0, _, _) => Self::Shipped,
            (_, 1.., _) => Self::PartiallyShipped,
            (_, 0, 0) => Self::Allocated,
            (open, 0, waiting) if waiting < open => Self::PartiallyAllocated,
            (_, 0, _) => Self::Backordered,
        }
    }

    /// The word in JSON and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allocated => "allocated",
            Self::PartiallyAllocated => "partially_allocated",
            Self::Backordered => "backordered",
            Self::PartiallyShipped => "partially_shipped",
            Self::Shipped => "shipped",
            Self::Cancelled => "cancelled",
        }
    }
}

impl OrderPicture {
    /// An order as it stands.
    #[must_use]
    pub fn of(order: &Order) -> Self {
        let mut lines: Vec<LinePicture> = order.lines.iter().map(LinePicture::of).collect();
        for demand in &order.demands {
            let picture = &mut lines[usize::from(demand.line)];
            let (sku, backordered, short) = (demand.sku, demand.backordered, demand.short);
            match demand.part {
                None => (picture.backordered, picture.short) = (backordered, short),
                Some(part) => {
                    let allocated = Vec::new();
                    picture.components.push(PartPicture { sku, part, backordered, short, allocated });
                }
            }
        }
        for claim in &order.claims {
            let demand = usize::from(claim.demand);
            let line = order.demands[demand].line;
            let picture = &mut lines[usize::from(line)];
            let allocated = match order.demands[demand].part {
                None => &mut picture.allocated,
                Some(_) => {
                    let first = order.demands.partition_point(|demand| demand.line < line);
                    &mut picture.components[demand - first].allocated
                }
            };
            allocated.push((claim.location, claim.quantity));
        }
        lines.iter_mut().for_each(LinePicture::count_kits);
        Self { lines }
    }

    /// Whether a line is a kit.
    #[must_use]
    pub fn has_kits(&self) -> bool {
        self.lines.iter().any(|line| !line.components.is_empty())
    }

    /// What the order is called.
    #[must_use]
    pub fn status(&self) -> OrderStatus {
        let mut open = 0_u64;
        let mut shipped = 0_u64;
        let mut waiting = 0_u64;
        for picture in &self.lines {
            open += u64::from(picture.line.open());
            // A kit that has left in part has not left, but it is on its way.
            shipped += u64::from(picture.line.shipped) + u64::from(picture.has_begun());
            waiting += u64::from(picture.backordered) + u64::from(picture.short);
        }
        OrderStatus::of(open, shipped, waiting)
    }
}

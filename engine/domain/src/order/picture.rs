//! An order as it stands after an event, in the form an answer is rendered from.
//!
//! It goes into the record of the event, so that the same key gets the same answer whatever happened since,
//! and so that the record that closes an order tells all about it.

use super::{Demand, Line, Order};
use crate::id::LocationNumber;
use alloc::vec::Vec;

/// One line of an order after an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinePicture {
    /// The line's own numbers.
    pub line: Line,
    /// Units that wait for stock.
    pub backordered: u32,
    /// Units that were sold and have no goods.
    pub short: u32,
    /// Units kept, by location in the order of their claims.
    pub allocated: Vec<(LocationNumber, u32)>,
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
        let mut lines: Vec<LinePicture> = order
            .lines
            .iter()
            .map(|line| LinePicture { line: *line, backordered: 0, short: 0, allocated: Vec::new() })
            .collect();
        for Demand { line, backordered, short, .. } in &order.demands {
            let picture = &mut lines[usize::from(*line)];
            picture.backordered += backordered;
            picture.short += short;
        }
        for claim in &order.claims {
            let line = order.demands[usize::from(claim.demand)].line;
            lines[usize::from(line)].allocated.push((claim.location, claim.quantity));
        }
        Self { lines }
    }

    /// What the order is called.
    #[must_use]
    pub fn status(&self) -> OrderStatus {
        let mut open = 0_u64;
        let mut shipped = 0_u64;
        let mut waiting = 0_u64;
        for picture in &self.lines {
            open += u64::from(picture.line.open());
            shipped += u64::from(picture.line.shipped);
            waiting += u64::from(picture.backordered) + u64::from(picture.short);
        }
        OrderStatus::of(open, shipped, waiting)
    }
}

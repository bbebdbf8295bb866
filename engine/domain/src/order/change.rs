//! What can happen to an open order. Each change moves exact quantities; none of them asks whether it may:
//! that was decided before, and an impossible one is a defect that must be loud (I4, I5).

use super::{Claim, ClaimState, Line, Order};
use crate::id::LocationNumber;

/// What a cancelled unit was until then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// It waited, accepted without stock.
    Backordered,
    /// It waited, sold without goods: its claim had been lost, or the order was imposed.
    Short,
    /// It was claimed at a location.
    Claimed(LocationNumber),
}

/// Units of one demand that a cancellation lets go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Released {
    /// Which demand.
    pub demand: u16,
    /// What the units were.
    pub source: Source,
    /// How many.
    pub quantity: u32,
}

impl Order {
    /// A demand that waited gets units at a location: shorts and backorders alike.
    pub(crate) fn fill(&mut self, demand: u16, location: LocationNumber, quantity: u32, was_short: bool) {
        let row = &mut self.demands[usize::from(demand)];
        if was_short {
            row.short -= quantity;
        } else {
            row.backordered -= quantity;
        }
        self.add_claim(demand, location, quantity);
    }

    /// A claim is lost: the demand waits again.
    pub(crate) fn shorten(&mut self, demand: u16, location: LocationNumber, quantity: u32) {
        self.end_claim(demand, location, quantity);
        self.demands[usize::from(demand)].short += quantity;
    }

    /// Units of a line are cancelled.
    pub(crate) fn cancel_line(&mut self, line: u16, quantity: u32) {
        let row = self.line_mut(line);
        assert!(row.open() >= quantity, "I4: only what is open can be cancelled");
        row.cancelled += quantity;
    }

    /// A demand lets go of units.
    pub(crate) fn release(&mut self, released: Released) {
        let row = &mut self.demands[usize::from(released.demand)];
        match released.source {
            Source::Backordered => row.backordered -= released.quantity,
            Source::Short => row.short -= released.quantity,
            Source::Claimed(location) => self.end_claim(released.demand, location, released.quantity),
        }
    }

    /// Units of a line have left the building.
    pub(crate) fn ship_line(&mut self, line: u16, quantity: u32) {
        let row = self.line_mut(line);
        assert!(row.open() >= quantity, "I4: only what is open can be shipped");
        row.shipped += quantity;
    }

    /// Units of a demand have left the building; a plain line counts them itself.
    pub(crate) fn ship_part(&mut self, demand: u16, quantity: u32) {
        if let Some(part) = &mut self.demands[usize::from(demand)].part {
            part.shipped += quantity;
        }
    }

    /// A claim ends in whole or in part. I5: it must be there.
    pub(crate) fn end_claim(&mut self, demand: u16, location: LocationNumber, quantity: u32) {
        let mut left = quantity;
        for claim in self.claims.iter_mut().rev() {
            if claim.demand == demand && claim.location == location {
                let taken = claim.quantity.min(left);
                claim.quantity -= taken;
                left -= taken;
            }
        }
        assert!(left == 0, "I5: a claim ends once");
        self.claims.retain(|claim| claim.quantity > 0);
    }

    fn add_claim(&mut self, demand: u16, location: LocationNumber, quantity: u32) {
        let same = |claim: &&mut Claim| claim.demand == demand && claim.location == location;
        match self.claims.iter_mut().find(same) {
            Some(claim) => claim.quantity += quantity,
            None => self.claims.push(Claim { demand, location, state: ClaimState::Allocated, quantity }),
        }
    }

    fn line_mut(&mut self, line: u16) -> &mut Line {
        &mut self.lines[usize::from(line)]
    }
}

//! What lies at one location, by state.

use crate::id::LocationNumber;

/// Where a unit on hand stands. `on_hand` is the sum of the three.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StockState {
    /// Can be claimed and shipped.
    Sellable,
    /// Broken; cannot be sold as it is.
    Damaged,
    /// Not judged yet.
    QualityControl,
}

/// Units of one SKU at one location. I1: none is negative, by type. I2: `committed <= sellable`, always.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    location: LocationNumber,
    sellable: u32,
    damaged: u32,
    quality_control: u32,
    committed: u32,
}

impl Level {
    /// Nothing at this location.
    #[must_use]
    pub fn empty(location: LocationNumber) -> Self {
        Self { location, sellable: 0, damaged: 0, quality_control: 0, committed: 0 }
    }

    /// A level as a snapshot holds it; claims come back with their orders.
    #[must_use]
    pub fn restored(location: LocationNumber, sellable: u32, damaged: u32, quality_control: u32) -> Self {
        Self { location, sellable, damaged, quality_control, committed: 0 }
    }

    /// The same level with so many claims; for an event read from a record, to be compared.
    #[must_use]
    pub fn with_committed(self, committed: u32) -> Self {
        Self { committed, ..self }
    }

    /// Where.
    #[must_use]
    pub fn location(&self) -> LocationNumber {
        self.location
    }

    /// Units in one state.
    #[must_use]
    pub fn units(&self, state: StockState) -> u32 {
        match state {
            StockState::Sellable => self.sellable,
            StockState::Damaged => self.damaged,
            StockState::QualityControl => self.quality_control,
        }
    }

    /// Units that can be sold, claimed or not.
    #[must_use]
    pub fn sellable(&self) -> u32 {
        self.sellable
    }

    /// Units that are broken.
    #[must_use]
    pub fn damaged(&self) -> u32 {
        self.damaged
    }

    /// Units not judged yet.
    #[must_use]
    pub fn quality_control(&self) -> u32 {
        self.quality_control
    }

    /// Units claimed by confirmed orders.
    #[must_use]
    pub fn committed(&self) -> u32 {
        self.committed
    }

    /// Units physically here.
    #[must_use]
    pub fn on_hand(&self) -> u64 {
        u64::from(self.sellable) + u64::from(self.damaged) + u64::from(self.quality_control)
    }

    /// Sellable units that no claim has.
    #[must_use]
    pub fn unclaimed(&self) -> u32 {
        self.sellable - self.committed
    }

    pub(super) fn add(&mut self, state: StockState, quantity: u32) {
        *self.units_mut(state) += quantity;
    }

    pub(super) fn take(&mut self, state: StockState, quantity: u32) {
        *self.units_mut(state) -= quantity;
        assert!(self.committed <= self.sellable, "I2: claims never exceed sellable");
    }

    pub(super) fn claim(&mut self, quantity: u32) {
        self.committed += quantity;
        assert!(self.committed <= self.sellable, "I2: claims never exceed sellable");
    }

    pub(super) fn release(&mut self, quantity: u32) {
        self.committed -= quantity;
    }

    /// The level after units went from one state (or from outside) into another (or are gone). For
    /// deciding: it is compared with the actor's own level when the event happens.
    pub(crate) fn shift(&mut self, from: Option<StockState>, to: Option<StockState>, quantity: u32) {
        if let Some(state) = from {
            self.take(state, quantity);
        }
        if let Some(state) = to {
            self.add(state, quantity);
        }
    }

    /// The level after claims were lost.
    pub(crate) fn uncommit(&mut self, quantity: u32) {
        self.release(quantity);
    }

    fn units_mut(&mut self, state: StockState) -> &mut u32 {
        match state {
            StockState::Sellable => &mut self.sellable,
            StockState::Damaged => &mut self.damaged,
            StockState::QualityControl => &mut self.quality_control,
        }
    }
}

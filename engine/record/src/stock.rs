//! Movements of stock.

use bincode::{BorrowDecode, Encode};
use serde::Serialize;

/// Where a unit on hand stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub enum StateV1 {
    /// Can be claimed and shipped.
    Sellable,
    /// Broken.
    Damaged,
    /// Not judged yet.
    QualityControl,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub enum MovementV1 {
    /// Goods came in.
    Receive,
    /// A difference.
    Adjust,
    /// A compare-and-set; `expected` is what the caller believed.
    Set {
        /// Units believed.
        expected: u32,
    },
    /// Another state, same place.
    Move,
}

/// One location's stock of one SKU after a movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct LevelV1 {
    /// Units that can be sold.
    pub sellable: u32,
    /// Units that are broken.
    pub damaged: u32,
    /// Units not judged yet.
    pub quality_control: u32,
    /// Units claimed by orders.
    pub committed: u32,
}

/// One claim that lost its goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct ShortedV1 {
    /// Whose.
    pub order: u64,
    /// Which of its demands, from 0.
    pub demand: u16,
    /// How many units.
    pub quantity: u32,
}

/// Body of [`crate::Kind::StockMoved`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct StockMovedV1<'a> {
    /// What was asked for.
    pub movement: MovementV1,
    /// Of what.
    pub sku: u32,
    /// Where.
    pub location: u16,
    /// The state the units left; `None` if they came from outside.
    pub from: Option<StateV1>,
    /// The state the units came into; `None` if they are gone.
    pub to: Option<StateV1>,
    /// How many.
    pub quantity: u32,
    /// How many decimals the SKU's quantities have.
    pub decimals: u8,
    /// Why: a reason code.
    pub reason: &'a str,
    /// The caller's document.
    pub reference: Option<&'a str>,
    /// Claims that the loss took.
    pub shorts: Vec<ShortedV1>,
    /// The stock afterwards.
    pub after: LevelV1,
}

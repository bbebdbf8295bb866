//! The business "no": an answer with the numbers that explain it, and not an error. One variant per cause.

use crate::event::Routed;
use crate::id::{HoldId, LocationNumber, OrderId, SkuNumber};
use crate::kit::KitFault;
use crate::sku::StockState;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Why a command was refused. Nothing has changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rejection {
    /// Stock cannot serve the order, and its policy is all or nothing.
    InsufficientStock {
        /// Every line that could not be served, in the order of the lines.
        shortfalls: Vec<Shortfall>,
        /// Which rules decided, and why so, if the channel has a routing profile.
        routed: Option<Box<Routed>>,
    },
    /// More units of a SKU would wait than may.
    BackorderLimit {
        /// Which SKU: the first one, by number.
        sku: SkuNumber,
        /// The limit.
        limit: u32,
        /// Units of it that wait already, accepted without stock.
        waiting: u64,
        /// Units of it that would wait of this order.
        asked: u64,
    },
    /// An order without lines.
    NoLines,
    /// More lines than an order may have.
    TooManyLines {
        /// How many it has.
        lines: usize,
        /// The limit.
        max: usize,
    },
    /// A quantity of 0 or above the limit.
    QuantityOutOfRange {
        /// Which line or place in the list, from 0.
        index: usize,
        /// What was asked.
        quantity: u64,
        /// The limit.
        max: u32,
    },
    /// More units of one state at one location than can be counted.
    LevelOverflow {
        /// What is there.
        current: u32,
        /// What was to be added.
        added: u64,
        /// The limit.
        max: u32,
    },
    /// Fewer units in a state than were to leave it. For `sellable` in a move, only unclaimed units count.
    NotEnough {
        /// Which state.
        state: StockState,
        /// What was asked.
        requested: u64,
        /// What could leave.
        available: u32,
    },
    /// The stock is not what the caller believes.
    SetMismatch {
        /// What the caller believes.
        expected: u32,
        /// What is there.
        actual: u32,
    },
    /// A move from a state into itself.
    SameState {
        /// Which state.
        state: StockState,
    },
    /// More decimals than a SKU may have.
    TooManyDecimals {
        /// What was asked.
        decimals: u8,
        /// The limit.
        max: u8,
    },
    /// Stock has moved or was ordered, so the decimals cannot change.
    DecimalsFixed {
        /// What they are.
        decimals: u8,
    },
    /// All numbers of a kind are given.
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: u32,
    },
    /// More locations than may serve one channel.
    TooManyLocations {
        /// How many were named.
        locations: usize,
        /// The limit.
        max: usize,
    },
    /// More claims in one step than one record can hold.
    TooManyClaims {
        /// How many it would be.
        claims: usize,
        /// The limit.
        max: usize,
    },
    /// A location is named twice for one channel or one SKU.
    DuplicateLocation {
        /// Which.
        location: LocationNumber,
    },
    /// A channel is named twice for one SKU.
    DuplicateChannel {
        /// Which place in the list, from 0.
        index: usize,
    },
    /// A percentage above 100, or more units than one movement may name.
    InvalidAmount {
        /// Which member of the policy.
        member: &'static str,
        /// The limit of what it is: 100, or units.
        max: u32,
    },
    /// A channel's pool and floor of a SKU that are more than there is for it.
    PromiseExceedsStock {
        /// Which place in the list of channels, from 0.
        index: usize,
        /// Units of its pool and its floor.
        promised: u64,
        /// Units that there are for them, after the pools and floors of channels of a better rank.
        available: u64,
    },
    /// Fewer units are dedicated to a channel than were used of its pool.
    DedicatedBelowUsed {
        /// Which place in the list of channels, from 0.
        index: usize,
        /// What was asked.
        dedicated: u32,
        /// Units of the pool that live claims and holds have, or that are gone: shipped, or lost while they were claimed.
        used: u64,
    },
    /// A channel is to lose locations, and those it keeps have too few units for what buyers hold of a SKU and what it is
    /// granted.
    HoldsLackUnits {
        /// Which SKU: the first one, by number.
        sku: SkuNumber,
        /// Units of it that are held for orders of the channel, or kept of its grant.
        held: u64,
        /// Units that there would be for them, beside what is held for and granted to other channels.
        available: u64,
    },
    /// The order is not among the open ones.
    OrderNotOpen {
        /// Which.
        order: OrderId,
    },
    /// The order has no such line.
    UnknownLine {
        /// Which place in the list, from 0.
        index: usize,
    },
    /// A line is named twice.
    DuplicateLine {
        /// Which place in the list, from 0.
        index: usize,
    },
    /// More units to cancel than are open.
    NotOpen {
        /// Which line, from 0.
        line: u16,
        /// What was asked.
        requested: u32,
        /// What is open.
        open: u32,
    },
    /// More units to ship than the order has claimed at that location.
    NotAllocated {
        /// Which line, from 0.
        line: u16,
        /// What was asked.
        requested: u32,
        /// What is claimed there.
        allocated: u32,
    },
    /// The order ships complete, and something of it waits for stock.
    Incomplete {
        /// Units of it that are allocated, over all lines; of kits those of their parts.
        allocated: u64,
        /// Units of it that wait, likewise.
        waiting: u64,
    },
    /// The hold is not live: it has expired, was given back or confirmed.
    HoldEnded {
        /// Which.
        hold: HoldId,
    },
    /// A hold that was extended as often as it may be.
    TooManyExtensions {
        /// The limit.
        max: u8,
    },
    /// As many live holds as a customer or a key may have.
    TooManyHolds {
        /// Whose: `customer` or `key`.
        what: &'static str,
        /// How many there are.
        live: u32,
        /// The limit.
        max: u32,
    },
    /// A channel is to be told a total below what it has sold already.
    GrantBelowSold {
        /// The total that was asked.
        granted: u64,
        /// Units that it has sold of the SKU since it was first granted some.
        sold: u64,
    },
    /// A channel is to be told of more units than can be kept for it.
    GrantExceedsStock {
        /// Units that would have to be kept.
        requested: u64,
        /// Units that the channel could sell if it had no grant.
        available: u64,
    },
    /// What is kept of a channel's grants is to change while it may sell some.
    GrantsLive {
        /// SKUs of which it may.
        grants: u32,
    },
    /// The channel was never granted units of the SKU.
    NotGranted,
    /// A channel acknowledges what it was not told yet.
    UnknownRevision {
        /// What it names.
        revision: u64,
        /// The last that it was told.
        latest: u64,
    },
    /// A channel's feed is said to have passed a time that is far from now, which nothing could take back. The core has no
    /// clock: the shell refuses it.
    WatermarkAhead {
        /// The time that is said, in milliseconds since 1970-01-01 UTC.
        at: u64,
        /// The latest one that is believed.
        latest: u64,
    },
    /// Something is wrong with a kit, or with what is asked of one.
    Kit(KitFault),
    /// Nothing waits for this SKU, or nothing of the channel's grants is to be freed. Only the shell asks for this.
    NothingWaits,
}

impl From<KitFault> for Rejection {
    fn from(fault: KitFault) -> Self {
        Self::Kit(fault)
    }
}

/// One line that stock could not serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shortfall {
    /// Which line, from 0.
    pub line: u16,
    /// What it asked.
    pub requested: u32,
    /// What the channel's locations had left for it, after the lines before it; of a kit, whole ones.
    pub available: u32,
}

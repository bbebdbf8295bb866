//! Holds: units that are kept for a buyer until a deadline, before there is an order.
//!
//! A hold has no location: it is a row of what is promised, before everything else ([`crate::promise`]), and an order
//! that confirms it is planned like any other. Its deadline is the shell's; the shell ends what is due before it asks
//! for anything else, so that nothing here compares times with a clock.

use crate::id::{ChannelNumber, HoldId, SkuNumber};
use alloc::vec::Vec;

/// The most often that a hold is extended: a cart that is kept alive for ever keeps stock from buyers.
pub const EXTENSIONS_MAX: u8 = 10;

/// Live holds of one customer: a person has a few carts, somebody who starves a sale many.
pub const HOLDS_PER_CUSTOMER_MAX: u32 = 20;

/// Live holds that one key made: a flash sale of a whole shop front.
pub const HOLDS_PER_KEY_MAX: u32 = 100_000;

/// Holds that end in one record: some ten kilobytes of it.
pub const ENDED_TOGETHER_MAX: usize = 1_024;

/// Units of SKUs that they keep, counted as rows, after which no further hold ends in the same record: about a
/// millisecond.
pub const ENDED_ROWS_MAX: usize = 4_096;

/// Whose holds are counted together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Holder {
    /// A customer, by a keyed hash of what the channel calls them.
    Customer([u8; 16]),
    /// A key.
    Key(u32),
}

/// A live hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    /// For an order of which channel.
    pub channel: ChannelNumber,
    /// When it ends, in milliseconds since 1970-01-01 UTC.
    pub deadline: u64,
    /// How often it was extended.
    pub extensions: u8,
    /// For which customer, if the channel says so.
    pub customer: Option<[u8; 16]>,
    /// Which key made it; 0 = the system.
    pub key: u32,
    /// Units of each SKU, each once, in the order of SKU numbers.
    pub units: Vec<(SkuNumber, u32)>,
}

impl Hold {
    /// Whose limits it counts for.
    pub fn holders(&self) -> impl Iterator<Item = Holder> {
        self.customer.map(Holder::Customer).into_iter().chain([Holder::Key(self.key)])
    }

    /// Units that it keeps of a SKU.
    #[must_use]
    pub fn units_of(&self, sku: SkuNumber) -> u32 {
        let found = self.units.binary_search_by_key(&sku, |(sku, _)| *sku);
        found.map_or(0, |place| self.units[place].1)
    }
}

/// Why a hold ended without an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndCause {
    /// It was given back.
    Released,
    /// Its deadline has passed.
    Expired,
}

/// A hold's name for messages.
impl HoldId {
    /// What stands for it in lists of orders' ids: both are LSNs.
    #[must_use]
    pub fn order(self) -> crate::id::OrderId {
        crate::id::OrderId(self.0)
    }
}

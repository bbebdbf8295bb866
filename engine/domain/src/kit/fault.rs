//! What is wrong with a kit, or with what is asked of one.

use crate::id::SkuNumber;
use crate::quantity::QUANTITY_MAX;
use alloc::vec::Vec;

/// Why something about a kit was refused. Nothing has changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KitFault {
    /// A kit would contain itself.
    Cycle {
        /// From the kit down to itself.
        path: Vec<SkuNumber>,
    },
    /// Too many kits within kits.
    TooDeep {
        /// From the outermost kit down to the one that is too deep.
        path: Vec<SkuNumber>,
        /// The limit.
        max: usize,
    },
    /// More components than one kit may have.
    TooManyComponents {
        /// How many there are.
        components: usize,
        /// The limit.
        max: usize,
    },
    /// A kit that is taken apart wholly has more components than it may have.
    TooManyParts {
        /// Which kit.
        kit: SkuNumber,
        /// The limit.
        max: usize,
    },
    /// More kits contain the one that changes than may be looked at in one step.
    TooManyAbove {
        /// The limit.
        max: usize,
    },
    /// A kit needs more units of a SKU than a line may name.
    TooManyUnits {
        /// Of which SKU.
        component: SkuNumber,
        /// How many units one kit needs.
        units: u64,
        /// The limit.
        max: u32,
    },
    /// A component of 0 units or above the limit.
    ComponentOutOfRange {
        /// Which place in the list, from 0.
        index: usize,
        /// What was asked.
        quantity: u32,
        /// The limit.
        max: u32,
    },
    /// A component is named twice.
    DuplicateComponent {
        /// Which place in the list, from 0.
        index: usize,
    },
    /// A kit is counted whole.
    HasDecimals {
        /// What was asked.
        decimals: u8,
    },
    /// Something of stock was stated for a kit, which has none: it is stated for the components.
    HasTerms,
    /// A SKU that has stock, or for which somebody waits or holds units, cannot become a kit.
    HasStock {
        /// Units on hand in any state.
        on_hand: u64,
        /// Units that orders wait for.
        waiting: u64,
        /// Units that are held for buyers, or granted to channels.
        held: u64,
    },
    /// A kit has no stock to move.
    NoStock,
    /// Kits cannot be held.
    NotHoldable {
        /// Which line, from 0.
        index: usize,
    },
    /// An order needs more different things than one step can claim.
    TooManyDemands {
        /// What its lines come to, taken apart.
        demands: usize,
        /// The limit.
        max: usize,
    },
    /// A line needs more units of a part than a line may name.
    LineTooLarge {
        /// Which line, from 0.
        index: usize,
        /// Of which SKU.
        component: SkuNumber,
        /// How many units.
        units: u64,
        /// The limit.
        max: u32,
    },
    /// The line is no kit, or has no such part.
    UnknownComponent {
        /// Which place in the list, from 0.
        index: usize,
    },
}

/// Whether a line may name so many units.
pub(super) fn check_units(component: SkuNumber, units: u64) -> Result<(), KitFault> {
    if units > u64::from(QUANTITY_MAX) {
        return Err(KitFault::TooManyUnits { component, units, max: QUANTITY_MAX });
    }
    Ok(())
}

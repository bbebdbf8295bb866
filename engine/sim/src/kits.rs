//! Kits as merchants of the simulation make them, and what is ordered of them.

use crate::dice::Dice;
use crate::wish::{CHANNELS, LOCATIONS, SKUS, Wish};
use onhand_engine::domain::order::{Agreed, Policy};
use onhand_engine::snapshots::Lsn;

/// Kits of a merchant; their numbers in wishes begin at [`FIRST`]. Which number an engine gives them, it says.
pub(crate) const KITS: u32 = 2;

/// See [`KITS`].
pub(crate) const FIRST: u32 = 1_000;

/// The code of a kit.
pub(crate) fn kit_code(kit: u32) -> String {
    format!("kit {kit}")
}

impl Wish {
    /// Another recipe, an order of kits that are there, or what becomes of one in part.
    pub(crate) fn kit(dice: &mut Dice, number: u64, known: &[u32], orders: &[Lsn]) -> Self {
        match dice.below(10) {
            0..2 => Self::recipe(dice, known),
            _ if known.is_empty() => Self::recipe(dice, known),
            2..4 if !orders.is_empty() => Self::ShipPart {
                order: orders[dice.place(orders.len())],
                location: u16::try_from(dice.place(usize::from(LOCATIONS))).unwrap_or(0),
                line: u16::try_from(dice.place(2)).unwrap_or(0),
                sku: dice.small(SKUS),
                quantity: 1 + dice.small(3),
            },
            _ => {
                let any = |dice: &mut Dice| match dice.below(3) {
                    0 => (dice.small(SKUS), 1 + dice.small(4)),
                    _ => (known[dice.place(known.len())], 1 + dice.small(3)),
                };
                let lines = (0..1 + dice.small(3)).map(|_| any(dice)).collect();
                let policies = [Some(Policy::Reject), Some(Policy::Backorder), Some(Policy::Imposed), None];
                let policy = policies[dice.place(policies.len())];
                let channel = u16::try_from(dice.place(usize::from(CHANNELS))).unwrap_or(0);
                let external = format!("kits {number}");
                Self::Order { external, channel, policy, agreed: Agreed::NONE, lines, person: None }
            }
        }
    }

    /// One to three components, of which one may be a kit, the very one even; now and then none.
    fn recipe(dice: &mut Dice, known: &[u32]) -> Self {
        let kit = FIRST + dice.small(KITS);
        let mut components: Vec<(u32, u32)> = (0..SKUS)
            .filter(|_| dice.below(3) == 0)
            .map(|sku| (sku, 1 + u32::from(sku.is_multiple_of(2))))
            .collect();
        if dice.below(4) == 0 && !known.is_empty() {
            components.push((known[dice.place(known.len())], 1));
        }
        if components.is_empty() && dice.below(4) > 0 {
            components.push((dice.small(SKUS), 2));
        }
        Self::Kit { kit, components }
    }
}

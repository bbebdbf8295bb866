//! Kits in the words of the tables: what they are made of, what leaves of them, and why not.

use super::commands::number;
use super::{Fallible, Run, Stage};
use onhand_domain::SkuNumber;
use onhand_domain::command::ShipLine;
use onhand_domain::kit::{Component, KitFault};

impl<S: Stage> Run<S> {
    /// `MUG 2, CUP 1`.
    pub(super) fn components(&self, words: &[&str]) -> Fallible<Vec<Component>> {
        let pair = |words: &[&str]| Ok((self.sku(words[0])?, number(words[1].trim_end_matches(','))?));
        let (pairs, rest) = words.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(format!("not components: {words:?}"));
        }
        pairs.iter().map(|words| pair(words)).collect()
    }

    /// `line 2 5, line 1 MUG 3`, counted from 1; or just `5` or `MUG 3` of the only line.
    pub(super) fn ship_list(&self, words: &[&str]) -> Fallible<Vec<ShipLine>> {
        let text = words.join(" ");
        let parts = text.split(',').map(|part| part.split_whitespace().collect::<Vec<_>>());
        parts.filter(|part| !part.is_empty()).map(|part| self.ship_line(&part)).collect()
    }

    fn ship_line(&self, words: &[&str]) -> Fallible<ShipLine> {
        let (line, rest) = match words {
            ["line", line, rest @ ..] => (number::<u16>(line)?.wrapping_sub(1), rest),
            rest => (0, rest),
        };
        match rest {
            [quantity] => Ok(ShipLine::whole(line, number(quantity)?)),
            [sku, quantity] => {
                let component = Some(self.sku(sku)?);
                Ok(ShipLine { line, component, quantity: number(quantity)? })
            }
            _ => Err(format!("not a line and a quantity: {words:?}")),
        }
    }

    /// Why something about a kit was refused; places are counted from 1.
    pub(super) fn kit_refused(&self, fault: &KitFault) -> String {
        let path =
            |path: &[SkuNumber]| path.iter().map(|sku| self.sku_name(*sku)).collect::<Vec<_>>().join(" ");
        match fault {
            KitFault::Cycle { path: cycle } => format!("kit_cycle {}", path(cycle)),
            KitFault::TooDeep { path: deep, max } => format!("kit_too_deep {} max {max}", path(deep)),
            KitFault::TooManyComponents { components, max } => {
                format!("too_many_components {components} max {max}")
            }
            KitFault::TooManyParts { kit, max } => {
                format!("too_many_parts {} max {max}", self.sku_name(*kit))
            }
            KitFault::TooManyAbove { max } => format!("too_many_above max {max}"),
            KitFault::TooManyUnits { component, units, max } => {
                format!("too_many_units {} {units} max {max}", self.sku_name(*component))
            }
            KitFault::ComponentOutOfRange { index, quantity, max } => {
                format!("component_out_of_range place {} asked {quantity} max {max}", index + 1)
            }
            KitFault::DuplicateComponent { index } => format!("duplicate_component place {}", index + 1),
            KitFault::HasDecimals { decimals } => format!("kit_has_decimals {decimals}"),
            KitFault::HasTerms => "kit_has_terms".to_owned(),
            KitFault::HasStock { on_hand, waiting, held } => {
                format!("kit_has_stock on_hand {on_hand} waiting {waiting} held {held}")
            }
            KitFault::NoStock => "kit_has_no_stock".to_owned(),
            KitFault::NotHoldable { index } => format!("kit_not_holdable place {}", index + 1),
            KitFault::TooManyDemands { demands, max } => format!("too_many_demands {demands} max {max}"),
            KitFault::LineTooLarge { index, component, units, max } => {
                let component = self.sku_name(*component);
                format!("line_too_large place {} {component} {units} max {max}", index + 1)
            }
            KitFault::UnknownComponent { index } => format!("unknown_component place {}", index + 1),
        }
    }
}

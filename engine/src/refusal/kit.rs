//! What is wrong with a kit, or with what is asked of one, in words.

use super::{Refusal, number};
use crate::directory::Directory;
use onhand_domain::SkuNumber;
use onhand_domain::kit::KitFault;

/// What a fault is called outside.
pub(super) fn refusal_of(fault: &KitFault, directory: &Directory) -> Refusal {
    match fault {
        KitFault::Cycle { .. }
        | KitFault::TooDeep { .. }
        | KitFault::TooManyParts { .. }
        | KitFault::TooManyAbove { .. }
        | KitFault::TooManyUnits { .. }
        | KitFault::HasStock { .. }
        | KitFault::NoStock => conflict(fault, directory),
        KitFault::TooManyComponents { .. }
        | KitFault::ComponentOutOfRange { .. }
        | KitFault::DuplicateComponent { .. }
        | KitFault::HasDecimals { .. }
        | KitFault::HasTerms
        | KitFault::NotHoldable { .. }
        | KitFault::TooManyDemands { .. }
        | KitFault::LineTooLarge { .. }
        | KitFault::UnknownComponent { .. } => unprocessable(fault, directory),
    }
}

/// The code of a SKU; one that the refused request would have made has none yet.
fn named(directory: &Directory, sku: SkuNumber) -> String {
    directory.sku_code(sku).map_or_else(|| "the new sku".to_owned(), |(code, _)| code.into())
}

fn path(directory: &Directory, skus: &[SkuNumber]) -> String {
    let names: Vec<String> = skus.iter().map(|sku| named(directory, *sku)).collect();
    names.join(" > ")
}

fn conflict(fault: &KitFault, directory: &Directory) -> Refusal {
    match fault {
        KitFault::Cycle { path: cycle } => {
            let detail = format!("the kit would contain itself: {}", path(directory, cycle));
            Refusal::new(409, "kit_cycle", detail, Vec::new())
        }
        KitFault::TooDeep { path: deep, max } => Refusal::new(
            409,
            "kit_too_deep",
            format!("{} kits within kits, at most {max}: {}", deep.len(), path(directory, deep)),
            vec![("depth", number(deep.len() as u64)), ("max", number(*max as u64))],
        ),
        KitFault::TooManyParts { kit, max } => Refusal::new(
            409,
            "kit_too_large",
            format!("{}, taken apart wholly, would have more than {max} components", named(directory, *kit)),
            vec![("max", number(*max as u64))],
        ),
        KitFault::TooManyAbove { max } => Refusal::new(
            409,
            "in_too_many_kits",
            format!("more than {max} kits contain it, so what it is made of cannot change"),
            vec![("max", number(*max as u64))],
        ),
        KitFault::TooManyUnits { component, units, max } => Refusal::new(
            409,
            "kit_needs_too_many",
            format!("one kit would need {units} units of {}, at most {max}", named(directory, *component)),
            vec![("units", number(*units)), ("max", number((*max).into()))],
        ),
        KitFault::HasStock { on_hand, waiting, held } => Refusal::new(
            409,
            "kit_has_stock",
            format!(
                "a kit has no stock of its own; {on_hand} units are on hand, orders wait for {waiting}, buyers hold {held}"
            ),
            vec![("on_hand", number(*on_hand)), ("waiting", number(*waiting)), ("held", number(*held))],
        ),
        _ => Refusal::new(
            409,
            "kit_has_no_stock",
            "a kit has no stock; its components have".into(),
            Vec::new(),
        ),
    }
}

fn unprocessable(fault: &KitFault, directory: &Directory) -> Refusal {
    let invalid =
        |code, detail: String, pointer: String| Refusal::new(422, code, detail, Vec::new()).at(pointer);
    match fault {
        KitFault::TooManyComponents { components, max } => invalid(
            "too_many",
            format!("{components} components, at most {max} are allowed"),
            "/kit/components".into(),
        ),
        KitFault::ComponentOutOfRange { index, quantity, max } => invalid(
            "quantity_out_of_range",
            format!("quantity {quantity} is not between 1 and {max}"),
            format!("/kit/components/{index}/quantity"),
        ),
        KitFault::DuplicateComponent { index } => invalid(
            "duplicate_component",
            "the component is named twice".into(),
            format!("/kit/components/{index}/sku"),
        ),
        KitFault::HasDecimals { decimals } => invalid(
            "kit_has_decimals",
            format!("kits are counted whole, not with {decimals} decimals"),
            "/decimals".into(),
        ),
        KitFault::HasTerms => invalid(
            "kit_has_terms",
            "a kit has no stock to keep: safety stock and channel policies are stated for its components"
                .into(),
            "/kit".into(),
        ),
        KitFault::NotHoldable { index } => invalid(
            "kit_not_holdable",
            "kits cannot be held; hold their components".into(),
            format!("/lines/{index}/sku"),
        ),
        KitFault::TooManyDemands { demands, max } => invalid(
            "too_many_components",
            format!("the lines need {demands} components in all, at most {max} are allowed"),
            "/lines".into(),
        ),
        KitFault::LineTooLarge { index, component, units, max } => invalid(
            "quantity_out_of_range",
            format!("the line needs {units} units of {}, at most {max}", named(directory, *component)),
            format!("/lines/{index}/quantity"),
        ),
        _ => {
            let index = if let KitFault::UnknownComponent { index } = fault { *index } else { 0 };
            let detail = "the line is no kit, or has no such component when it is taken apart wholly";
            invalid("unknown_component", detail.into(), format!("/lines/{index}/component"))
        }
    }
}

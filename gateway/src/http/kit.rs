//! Kits as requests have them: what a SKU is made of, and which parts of a line leave.

use crate::body::{Amount, Check};
use crate::http::problem::shown;
use crate::member::{Name, Object};
use onhand_engine::directory::{Directory, SkuName};
use onhand_engine::domain::kit::{COMPONENTS_MAX, Component};
use serde::Deserialize;

/// What a kit can be. Others, with stock of their own, are not built yet.
pub(super) const KIT_KINDS: [&str; 1] = ["virtual"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KitBody<'a> {
    kind: String,
    #[serde(borrow)]
    components: Vec<Object<ComponentBody<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ComponentBody<'a> {
    #[serde(borrow)]
    sku: Name<'a>,
    #[serde(borrow)]
    quantity: Amount<'a>,
}

/// The components of a kit, in their own smallest units.
pub(super) fn components(check: &mut Check, directory: &Directory, kit: &KitBody<'_>) -> Vec<Component> {
    if !KIT_KINDS.contains(&&*kit.kind) {
        let detail = format!("{} is not supported; {} is", shown(&kit.kind), KIT_KINDS.join(", "));
        check.wrong("/kit/kind", "unsupported_kit", detail);
    }
    if kit.components.is_empty() {
        check.wrong("/kit/components", "no_components", "names no component");
    }
    if kit.components.len() > COMPONENTS_MAX {
        let detail = format!("{} components, at most {COMPONENTS_MAX} are allowed", kit.components.len());
        check.wrong("/kit/components", "too_many", detail);
        return Vec::new();
    }
    let mut components = Vec::with_capacity(kit.components.len());
    for (place, row) in kit.components.iter().enumerate() {
        let pointer = |member: &str| format!("/kit/components/{place}/{member}");
        let Some(SkuName { number, decimals }) = directory.sku(&row.sku) else {
            check.wrong(pointer("sku"), "unknown_sku", format!("there is no sku {}", shown(&row.sku)));
            continue;
        };
        if let Some(units) = check.quantity(|| pointer("quantity"), &row.quantity, decimals, 1) {
            components.push((number, units));
        }
    }
    components
}

//! Kits: what SKUs are made of, and that orders are made of just that.

use super::Page;
use crate::report::Invariant;
use onhand_record::kit::{KitLineV1, SkuKitV1};
use onhand_record::order::OrderAskedV1;

impl Page<'_> {
    /// A kit is made of what there is, contains itself nowhere, passes no limit, and has no stock.
    pub(super) fn kit(&mut self, sku: u32, kit: SkuKitV1) {
        let components = kit.components;
        let is_list = self.ledger.are_components(&components);
        self.findings
            .check(Invariant::J4, is_list, || format!("these are no components of a kit: {components:?}"));
        if components.is_empty() && self.ledger.components_of(sku).is_none() {
            return;
        }
        let has_any = !components.is_empty() && self.ledger.has_any(sku);
        self.findings.check(Invariant::I6, !has_any, || format!("sku {sku} becomes a kit and has stock"));
        self.ledger.put_components(sku, components);
        let above = self.ledger.kits_above(sku);
        let broken = above.into_iter().chain([sku]).find(|kit| self.ledger.taken_apart(*kit).is_none());
        self.findings.check(Invariant::J4, broken.is_none(), || {
            format!("kit {broken:?} contains itself, is too deep, or has too many components")
        });
    }

    /// The lines of an order that are kits, as the books take them apart.
    pub(super) fn kit_lines(&self, asked: &OrderAskedV1<'_>) -> Vec<KitLineV1> {
        let kit = |(line, sku): (u16, u32)| {
            self.ledger.components_of(sku)?;
            let parts = self.ledger.taken_apart(sku)?.into_iter();
            // Nothing is taken apart into more units than 32 bits hold.
            let parts = parts.map(|(sku, units)| (sku, u32::try_from(units).unwrap_or(u32::MAX)));
            Some(KitLineV1 { line, parts: parts.collect() })
        };
        (0_u16..).zip(asked.lines.iter().map(|line| line.sku)).filter_map(kit).collect()
    }

    /// The kits of an order are its lines that are kits, made of what they were made of at that moment.
    pub(super) fn check_kit_lines(&mut self, asked: &OrderAskedV1<'_>, stated: &[KitLineV1]) {
        let due = self.kit_lines(asked);
        self.findings.check(Invariant::J4, due == stated, || {
            format!("its kits are taken apart into {stated:?}, {due:?} were due")
        });
    }
}

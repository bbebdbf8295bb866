//! Kits: from event to record and back.

use onhand_domain::event::KitLine;
use onhand_domain::kit::Component;
use onhand_domain::order::{OrderPicture, Part, PartPicture};
use onhand_domain::{LocationNumber, SkuNumber};
use onhand_record::kit::{KitLineV1, KitPictureV1, PartPictureV1};

/// Components as a record has them.
pub(crate) fn components_record(components: &[Component]) -> Vec<(u32, u32)> {
    components.iter().map(|(sku, units)| (sku.0, *units)).collect()
}

/// A record's components.
pub(crate) fn components_of(record: &[(u32, u32)]) -> Vec<Component> {
    record.iter().map(|(sku, units)| (SkuNumber(*sku), *units)).collect()
}

/// The lines of an order that are kits, as a record has them.
pub(super) fn lines_record(kits: &[KitLine]) -> Vec<KitLineV1> {
    let line = |kit: &KitLine| KitLineV1 { line: kit.line, parts: components_record(&kit.parts) };
    kits.iter().map(line).collect()
}

/// A record's lines that are kits.
#[must_use]
pub fn kit_lines_of(record: &[KitLineV1]) -> Vec<KitLine> {
    let line = |kit: &KitLineV1| KitLine { line: kit.line, parts: components_of(&kit.parts).into() };
    record.iter().map(line).collect()
}

/// The kits of a picture, as a record has them.
pub(super) fn kits_record(picture: &OrderPicture) -> Vec<KitPictureV1> {
    let kits = (0_u16..).zip(&picture.lines).filter(|(_, line)| !line.components.is_empty());
    let kit = |(line, row): (u16, &onhand_domain::order::LinePicture)| KitPictureV1 {
        line,
        parts: row.components.iter().map(part_record).collect(),
    };
    kits.map(kit).collect()
}

fn part_record(picture: &PartPicture) -> PartPictureV1 {
    PartPictureV1 {
        sku: picture.sku.0,
        per_kit: picture.part.per_kit,
        shipped: picture.part.shipped,
        backordered: picture.backordered,
        short: picture.short,
        allocated: picture.allocated.iter().map(|(location, units)| (location.0, *units)).collect(),
    }
}

/// Adds a record's kits to the picture of its lines.
pub(super) fn add_kits(picture: &mut OrderPicture, kits: &[KitPictureV1]) {
    for KitPictureV1 { line, parts } in kits {
        if let Some(line) = picture.lines.get_mut(usize::from(*line)) {
            line.components = parts.iter().map(part_of).collect();
        }
    }
}

fn part_of(record: &PartPictureV1) -> PartPicture {
    PartPicture {
        sku: SkuNumber(record.sku),
        part: Part { per_kit: record.per_kit, shipped: record.shipped },
        backordered: record.backordered,
        short: record.short,
        allocated: record
            .allocated
            .iter()
            .map(|(location, units)| (LocationNumber(*location), *units))
            .collect(),
    }
}

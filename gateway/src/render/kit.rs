//! Kits: what a SKU is made of, and how the parts of a line stand.

use super::{Decided, Units, json};
use onhand_engine::directory::{Directory, View};
use onhand_engine::domain::SkuNumber;
use onhand_engine::domain::event::{OrderAccepted, OrderedLines};
use onhand_engine::domain::id::{ChannelNumber, OrderId};
use onhand_engine::domain::order::{LinePicture, Order, OrderPicture, PartPicture};
use onhand_engine::record::kit::SkuKitV1;
use onhand_engine::record::order::OrderAskedV1;
use serde::Serialize;

/// What a kit is made of, as shown.
#[derive(Debug, Serialize)]
pub(super) struct KitView {
    kind: &'static str,
    components: Vec<ComponentView>,
}

#[derive(Debug, Serialize)]
struct ComponentView {
    sku: String,
    quantity: Units,
}

impl KitView {
    /// `None` of a SKU that is no kit. The decimals of a component are fixed, so they are those of now.
    pub(super) fn of(directory: &Directory, kit: &SkuKitV1) -> Option<Self> {
        let component = |(sku, units): &(u32, u32)| {
            let (sku, decimals) = directory.sku_code(SkuNumber(*sku)).unwrap_or_default();
            ComponentView { sku: sku.into(), quantity: Units { units: (*units).into(), decimals } }
        };
        let components: Vec<ComponentView> = kit.components.iter().map(component).collect();
        (!components.is_empty()).then_some(Self { kind: "virtual", components })
    }
}

/// How the lines of an order with kits stand when it is accepted.
pub(super) fn accepted_picture(
    asked: &OrderAskedV1<'_>,
    (policy, kits, claims): Decided<'_>,
) -> OrderPicture {
    let accepted = OrderAccepted {
        channel: ChannelNumber(asked.channel),
        policy,
        agreed: None,
        lines: asked.lines.iter().map(|line| (SkuNumber(line.sku), line.quantity)).collect::<OrderedLines>(),
        kits: kits.to_vec(),
        claims: claims.into(),
        hold: None,
        routed: None,
    };
    OrderPicture::of(&Order::accepted(OrderId(0), &accepted))
}

/// Appends what a line says beyond others if it is a kit.
pub(super) fn write(line: &LinePicture, directory: &Directory, names: &View<'_>, out: &mut Vec<u8>) {
    if line.components.is_empty() {
        return;
    }
    let at_one_place: u32 = line.allocated.iter().map(|(_, kits)| kits).sum();
    let missing = line.backordered + line.short + at_one_place;
    out.extend_from_slice(br#","allocated_apart":"#);
    json::number(out, line.line.open().saturating_sub(missing).into());
    out.extend_from_slice(br#","components":["#);
    for (place, part) in line.components.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_part(part, directory, names, out);
    }
    out.push(b']');
}

fn write_part(part: &PartPicture, directory: &Directory, names: &View<'_>, out: &mut Vec<u8>) {
    let (code, decimals) = directory.sku_code(part.sku).unwrap_or_default();
    let member = |out: &mut Vec<u8>, name: &[u8], units: u32| {
        out.extend_from_slice(name);
        json::units(out, Units { units: units.into(), decimals });
    };
    out.extend_from_slice(br#"{"sku":"#);
    json::text(out, &code);
    member(out, br#","quantity":"#, part.part.per_kit);
    out.extend_from_slice(br#","allocated":["#);
    for (place, (location, units)) in part.allocated.iter().enumerate() {
        out.extend_from_slice(if place > 0 { br#",{"location":"# } else { br#"{"location":"# });
        json::text(out, names.location_code(*location));
        member(out, br#","quantity":"#, *units);
        out.push(b'}');
    }
    member(out, br#"],"backordered":"#, part.backordered);
    member(out, br#","short":"#, part.short);
    member(out, br#","shipped":"#, part.part.shipped);
    out.push(b'}');
}

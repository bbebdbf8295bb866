//! Kits that contain themselves, orders that are made of something else, and parts that do not go together: the audit must
//! name it, and must not name what is right.
//!
//! Five mugs (0) and two cups (1) lie at `main`, which serves `web`; a pair (2) is two mugs and a cup.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::pairs::{PAIR, pair, pairs, put_kit, shop};
use common::{Writer, level, received};
use onhand_record::header::{VERSION_EXTENDED, VERSION_KITS};
use onhand_record::kit::{KitLineV1, KitPictureV1, PartPictureV1};
use onhand_record::order::{
    BacklogFilledV1, ClaimV1, FilledV1, LinePictureV1, OrderAcceptedV1, OrderAskedV1, OrderCancelledV1,
    OrderRefusedV1, OrderShippedV1, ReleasedV1, ShortfallV1, SourceV1, WaitingV1, encode_kits,
};
use onhand_record::routing::OrderDetailsV1;
use onhand_record::rules::PolicyV1;
use onhand_record::stock::StockMovedV1;
use onhand_record::{Kind, encode_into};
use onhand_verify::Invariant;

/// So many pairs, with these units of mugs and cups at `main`.
fn accept(log: &mut Writer, quantity: u32, (mugs, cups): (u32, u32), kits: &[KitLineV1]) -> u64 {
    let claims = [(0, mugs), (1, cups)].map(|(demand, quantity)| ClaimV1 { demand, location: 0, quantity });
    let claims = claims.into_iter().filter(|claim| claim.quantity > 0).collect();
    let accepted = OrderAcceptedV1 { policy: PolicyV1::Backorder, claims };
    log.add_version(Kind::OrderAccepted, VERSION_KITS, None, &|out| {
        encode_into(&pairs(quantity), out).unwrap();
        encode_into(&accepted, out).unwrap();
        encode_kits(&OrderDetailsV1::default(), kits, out).unwrap();
    });
    log.last()
}

/// The only line of an order of three pairs, two of them whole at `main` and one waiting, as far as they did not go.
fn line(cancelled: u32, shipped: u32, backordered: u32, whole: u32) -> Vec<LinePictureV1> {
    let allocated = if whole > 0 { vec![(0, whole)] } else { Vec::new() };
    vec![LinePictureV1 { ordered: 3, cancelled, shipped, returned: 0, backordered, short: 0, allocated }]
}

/// Its parts: what has left, what waits and what is kept of each.
fn parts(mugs: [u32; 3], cups: [u32; 3]) -> Vec<KitPictureV1> {
    let part = |sku, per_kit, [shipped, backordered, kept]: [u32; 3]| PartPictureV1 {
        sku,
        per_kit,
        shipped,
        backordered,
        short: 0,
        allocated: if kept > 0 { vec![(0, kept)] } else { Vec::new() },
    };
    vec![KitPictureV1 { line: 0, parts: vec![part(0, 2, mugs), part(1, 1, cups)] }]
}

fn ship(
    log: &mut Writer,
    lines: Vec<(u16, u32)>,
    claims: Vec<(u16, u32)>,
    after: (Vec<LinePictureV1>, Vec<KitPictureV1>),
) {
    let order = log.last();
    let shipped = OrderShippedV1 { order, location: 0, lines, claims, tracking_number: None, after: after.0 };
    log.add_version(Kind::OrderShipped, VERSION_EXTENDED, None, &|out| {
        encode_into(&shipped, out).unwrap();
        encode_into(&after.1, out).unwrap();
    });
}

#[test]
fn what_is_right_holds() {
    let waits = shop().and(|log| accept(log, 3, (4, 2), &pair()));
    waits.holds("two pairs, and one that waits");
    let one = (line(0, 1, 1, 1), parts([2, 2, 2], [1, 1, 1]));
    waits.and(|log| ship(log, vec![(0, 1)], vec![(0, 2), (1, 1)], one)).holds("one leaves");
    let mugs = (line(0, 0, 1, 1), parts([2, 2, 2], [0, 1, 2]));
    waits.and(|log| ship(log, vec![], vec![(0, 2)], mugs)).holds("the mugs of one leave");
    let cancelled = waits.and(|log| {
        let released = vec![
            ReleasedV1 { demand: 0, source: SourceV1::Backordered, quantity: 2 },
            ReleasedV1 { demand: 1, source: SourceV1::Backordered, quantity: 1 },
        ];
        let (order, lines, after) = (log.last(), vec![(0, 1)], line(1, 0, 0, 2));
        let cancelled = OrderCancelledV1 { order, lines, released, reason: None, after };
        log.add_version(Kind::OrderCancelled, VERSION_EXTENDED, None, &|out| {
            encode_into(&cancelled, out).unwrap();
            encode_into(&parts([0, 0, 4], [0, 0, 2]), out).unwrap();
        });
    });
    cancelled.holds("the one that waits is not wanted");
}

#[test]
fn an_order_is_made_of_what_its_kit_is_made_of() {
    let of = |parts: &[(u32, u32)]| vec![KitLineV1 { line: 0, parts: parts.to_vec() }];
    let made_of = |parts: &[(u32, u32)]| shop().and(|log| accept(log, 1, (2, 1), &of(parts)));
    made_of(&[(0, 2), (1, 2)]).breaks("another quantity", Invariant::J4);
    made_of(&[(0, 2)]).breaks("a part is missing", Invariant::J4);
    shop().and(|log| accept(log, 1, (0, 0), &[])).breaks("it is no kit", Invariant::J4);
    made_of(&[(0, 0), (1, 1)]).breaks("a part of which a kit needs none", Invariant::J4);
    let later = shop().and(|log| put_kit(log, PAIR, &[(0, 1)]));
    later.and(|log| accept(log, 1, (2, 1), &pair())).breaks("what it was made of before", Invariant::J4);
}

#[test]
fn kits_are_given_whole() {
    shop().and(|log| accept(log, 3, (5, 2), &pair())).breaks("a mug without its cup", Invariant::I4);
    shop().and(|log| accept(log, 3, (2, 2), &pair())).breaks("a cup without its mugs", Invariant::I4);
    shop().and(|log| accept(log, 3, (2, 1), &pair())).breaks("one that could be whole waits", Invariant::I10);
    let waits = shop().and(|log| accept(log, 3, (4, 2), &pair()));
    let (cups, three) = (StockMovedV1 { sku: 1, ..received(1, level(3, 0, 2)) }, received(1, level(6, 0, 4)));
    let stocked = waits.and(|log| log.stock(&cups)).and(|log| log.stock(&three));
    let order = waits.last();
    let fill = |demand, quantity| {
        let waiting = WaitingV1 { is_short: false, order, demand };
        FilledV1 { waiting, location: 0, quantity }
    };
    let filled = |fills: Vec<FilledV1>| {
        let filled = BacklogFilledV1 { sku: 1, fills, next: None };
        stocked.and(|log| log.add(Kind::BacklogFilled, None, &|out| encode_into(&filled, out).unwrap()))
    };
    filled(vec![fill(0, 2), fill(1, 1)]).holds("both parts come");
    filled(vec![fill(1, 1)]).breaks("one comes alone", Invariant::I4);
}

#[test]
fn a_kit_has_left_when_all_of_it_has() {
    let waits = shop().and(|log| accept(log, 3, (4, 2), &pair()));
    let early = (line(0, 1, 1, 1), parts([2, 2, 2], [0, 1, 2]));
    waits.and(|log| ship(log, vec![(0, 1)], vec![(0, 2)], early)).breaks("its cup is there", Invariant::I4);
    let late = (line(0, 0, 1, 1), parts([2, 2, 2], [1, 1, 1]));
    waits.and(|log| ship(log, vec![], vec![(0, 2), (1, 1)], late)).breaks("it has left", Invariant::I4);
    let wrong = (line(0, 1, 1, 1), parts([2, 2, 2], [1, 1, 2]));
    waits
        .and(|log| ship(log, vec![(0, 1)], vec![(0, 2), (1, 1)], wrong))
        .breaks("another picture", Invariant::I3);
    let bare = (line(0, 1, 1, 1), Vec::new());
    waits.and(|log| ship(log, vec![(0, 1)], vec![(0, 2), (1, 1)], bare)).breaks("no picture", Invariant::I3);
}

#[test]
fn kits_are_kits() {
    let made = |what, sku, components: &[(u32, u32)], invariant| {
        shop().and(|log| put_kit(log, sku, components)).breaks(what, invariant);
    };
    made("it contains itself", PAIR, &[(PAIR, 1)], Invariant::J4);
    made("a component twice", PAIR, &[(0, 1), (0, 1)], Invariant::J4);
    made("none of a component", PAIR, &[(0, 0)], Invariant::J4);
    made("a component that is not there", PAIR, &[(7, 1)], Invariant::J4);
    made("more units than there may be", PAIR, &[(0, 1_000_000_001)], Invariant::J4);
    made("it has stock", 0, &[(1, 1)], Invariant::I6);
    let pairs = StockMovedV1 { sku: PAIR, ..received(1, level(1, 0, 0)) };
    shop().and(|log| log.stock(&pairs)).breaks("stock of a kit", Invariant::I6);
}

#[test]
fn a_refusal_of_kits_must_be_one() {
    let refuse = |requested, available| {
        let order = OrderAskedV1 { policy: None, ..pairs(requested) };
        let refused = OrderRefusedV1 { shortfalls: vec![ShortfallV1 { line: 0, requested, available }] };
        shop().and(|log| log.refuse_as(Some(1), &order, &refused))
    };
    refuse(3, 2).holds("there are two");
    refuse(3, 3).breaks("as many as were asked", Invariant::I3);
    refuse(4, 3).breaks("more than there are", Invariant::I3);
    refuse(2, 1).breaks("all of it was there", Invariant::I10);
}

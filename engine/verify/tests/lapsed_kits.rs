//! Kits of which something is missing when their date has come: the audit must name it if others go, or fewer, and must not name
//! what is right.
//!
//! Of four pairs two are whole at `main`, and two wait.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::pairs::{pair, pairs, shop};
use common::{Writer, level, lost};
use onhand_record::agreed::{AgreedV1, LapsedV1};
use onhand_record::header::{VERSION_AGREED, VERSION_EXTENDED, VERSION_LAPSED};
use onhand_record::kit::{KitPictureV1, PartPictureV1, encode_lapsed};
use onhand_record::order::{
    ClaimV1, LinePictureV1, OrderAcceptedV1, OrderCancelledV1, OrderShippedV1, ReleasedV1, SourceV1,
    encode_agreed,
};
use onhand_record::routing::OrderDetailsV1;
use onhand_record::rules::PolicyV1;
use onhand_record::stock::{ShortedV1, StockMovedV1};
use onhand_record::{Kind, encode_into};
use onhand_verify::Invariant;

use SourceV1::{Backordered, Claimed, Short};

const ORDERED: u32 = 4;
/// When the log that stands in a test is at its end.
const NOW: u64 = 1;
/// The demands of the order.
const MUGS: u16 = 0;
const CUPS: u16 = 1;

fn waits() -> Writer {
    let mut log = shop();
    let claims = [(MUGS, 4), (CUPS, 2)].map(|(demand, quantity)| ClaimV1 { demand, location: 0, quantity });
    let accepted = OrderAcceptedV1 { policy: PolicyV1::Backorder, claims: claims.to_vec() };
    log.add_version(Kind::OrderAccepted, VERSION_AGREED, None, &|out| {
        encode_into(&pairs(ORDERED), out).unwrap();
        encode_into(&accepted, out).unwrap();
        encode_agreed(&OrderDetailsV1::default(), &pair(), &[AgreedV1::CancelAfter(NOW)], out).unwrap();
    });
    log
}

/// The order as it stands: pairs that are cancelled, wait, lack a part, and lie whole at `main`; of each part units that have
/// left, wait, are short, and are kept.
fn after(
    [cancelled, backordered, short, whole]: [u32; 4],
    mugs: [u32; 4],
    cups: [u32; 4],
) -> (Vec<LinePictureV1>, Vec<KitPictureV1>) {
    let kept = |units: u32| if units > 0 { vec![(0, units)] } else { Vec::new() };
    let (shipped, returned, allocated) = (0, 0, kept(whole));
    let line =
        LinePictureV1 { ordered: ORDERED, cancelled, shipped, returned, backordered, short, allocated };
    let part = |sku, per_kit, [shipped, backordered, short, units]: [u32; 4]| PartPictureV1 {
        sku,
        per_kit,
        shipped,
        backordered,
        short,
        allocated: kept(units),
    };
    (vec![line], vec![KitPictureV1 { line: 0, parts: vec![part(0, 2, mugs), part(1, 1, cups)] }])
}

type After = (Vec<LinePictureV1>, Vec<KitPictureV1>);

/// So many pairs go by their date, and of their parts what is named.
fn lapse(log: &Writer, pairs: u32, released: &[(u16, SourceV1, u32)], after: &After) -> Writer {
    let order = waits().last();
    let release = |(demand, source, quantity): &(u16, SourceV1, u32)| ReleasedV1 {
        demand: *demand,
        source: *source,
        quantity: *quantity,
    };
    let (lines, released) = (vec![(0, pairs)], released.iter().map(release).collect());
    let cancelled = OrderCancelledV1 { order, lines, released, reason: None, after: after.0.clone() };
    log.and(|log| {
        log.add_version(Kind::OrderCancelled, VERSION_LAPSED, None, &|out| {
            encode_into(&cancelled, out).unwrap();
            encode_lapsed(&after.1, LapsedV1 { cancel_after: NOW }, out).unwrap();
        });
    })
}

/// The mugs of one pair have left.
fn begun() -> Writer {
    let mut log = waits();
    let after = after([0, 2, 0, 1], [2, 4, 0, 2], [0, 2, 0, 2]);
    let (order, claims) = (log.last(), vec![(MUGS, 2)]);
    let shipped = OrderShippedV1 {
        order,
        location: 0,
        lines: Vec::new(),
        claims,
        tracking_number: None,
        after: after.0,
    };
    log.add_version(Kind::OrderShipped, VERSION_EXTENDED, None, &|out| {
        encode_into(&shipped, out).unwrap();
        encode_into(&after.1, out).unwrap();
    });
    log
}

#[test]
fn those_that_wait_go_and_whole_ones_stay() {
    let log = waits();
    let two = after([2, 0, 0, 2], [0, 0, 0, 4], [0, 0, 0, 2]);
    lapse(&log, 2, &[(MUGS, Backordered, 4), (CUPS, Backordered, 2)], &two).holds("the two that wait");
    let three = after([3, 0, 0, 1], [0, 0, 0, 2], [0, 0, 0, 1]);
    let released =
        [(MUGS, Backordered, 4), (MUGS, Claimed(0), 2), (CUPS, Backordered, 2), (CUPS, Claimed(0), 1)];
    lapse(&log, 3, &released, &three).breaks("a whole one, too", Invariant::I11);
    let one = after([1, 1, 0, 2], [0, 2, 0, 4], [0, 1, 0, 2]);
    let released = [(MUGS, Backordered, 2), (CUPS, Backordered, 1)];
    lapse(&log, 1, &released, &one).breaks("one of two", Invariant::I11);
}

#[test]
fn those_that_wait_go_beside_one_that_has_begun() {
    let log = begun();
    let two = after([2, 0, 0, 1], [2, 0, 0, 2], [0, 0, 0, 2]);
    lapse(&log, 2, &[(MUGS, Backordered, 4), (CUPS, Backordered, 2)], &two).holds("the two that wait");
    let one = after([1, 1, 0, 1], [2, 2, 0, 2], [0, 1, 0, 2]);
    let released = [(MUGS, Backordered, 2), (CUPS, Backordered, 1)];
    lapse(&log, 1, &released, &one).breaks("one of two", Invariant::I11);
}

#[test]
fn those_that_lack_a_part_go_with_what_they_have_and_one_that_has_begun_stays() {
    let mut log = begun();
    let shorts = vec![ShortedV1 { order: waits().last(), demand: CUPS, quantity: 2 }];
    log.stock(&StockMovedV1 { sku: 1, shorts, ..lost(2, &[], level(0, 0, 0)) });
    let all_but_one = after([3, 0, 1, 0], [2, 0, 0, 0], [0, 0, 1, 0]);
    let released = [(MUGS, Backordered, 4), (MUGS, Claimed(0), 2), (CUPS, Backordered, 2), (CUPS, Short, 1)];
    lapse(&log, 3, &released, &all_but_one).holds("all but the one that has begun");
    let two = after([2, 0, 2, 0], [2, 0, 0, 2], [0, 0, 2, 0]);
    let released = [(MUGS, Backordered, 4), (CUPS, Backordered, 2)];
    lapse(&log, 2, &released, &two).breaks("one that lacks its cup stays", Invariant::I11);
    let all = after([4, 0, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0]);
    let released = [(MUGS, Backordered, 4), (MUGS, Claimed(0), 2), (CUPS, Backordered, 2), (CUPS, Short, 2)];
    lapse(&log, 4, &released, &all).breaks("the one that has begun, too", Invariant::I11);
}

//! Orders that ship complete, and leave in part all the same, or lapse before their dates: the audit must name it, and must
//! not name what is right.
//!
//! `web` is served by `main`, where three mugs lie.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Writer, asked, backorder, filled, level, patient};
use onhand_record::agreed::{AgreedV1, LapsedV1};
use onhand_record::header::{VERSION_AGREED, VERSION_LAPSED, VERSION_ROUTED};
use onhand_record::kit::encode_lapsed;
use onhand_record::order::{
    ClaimV1, LinePictureV1, OrderAcceptedV1, OrderAskedV1, OrderCancelledV1, OrderShippedV1, ReleasedV1,
    SourceV1, encode_agreed, encode_details, version_with,
};
use onhand_record::routing::{ChannelRoutingV1, OrderDetailsV1};
use onhand_record::rules::{ChannelPutV1, ChannelTermsV1, PolicyV1, channel_version, encode_channel};
use onhand_record::{Kind, encode_into};
use onhand_verify::Invariant;

const WEB: u16 = 0;
/// When the log that stands in a test is at its end.
const NOW: u64 = 1;

fn three() -> Writer {
    let mut log = Writer::shop();
    log.receive(3, level(3, 0, 0));
    log
}

/// So many mugs, all at once.
fn whole(external_id: &str, quantity: u32) -> OrderAskedV1<'_> {
    OrderAskedV1 { policy: Some(PolicyV1::ShipComplete), ..asked(external_id, quantity) }
}

/// The order is accepted under a policy with the three mugs of `main`; its id.
fn place(log: &mut Writer, asked: &OrderAskedV1<'_>, policy: PolicyV1, agreed: &[AgreedV1]) -> u64 {
    let details = OrderDetailsV1::default();
    let claims = vec![ClaimV1 { demand: 0, location: 0, quantity: 3 }];
    let accepted = OrderAcceptedV1 { policy, claims };
    let version = if agreed.is_empty() { version_with(policy, &details) } else { VERSION_AGREED };
    log.add_version(Kind::OrderAccepted, version, None, &|out| {
        encode_into(asked, out).unwrap();
        encode_into(&accepted, out).unwrap();
        match agreed {
            [] => encode_details(policy, &details, out).unwrap(),
            agreed => encode_agreed(&details, &[], agreed, out).unwrap(),
        }
    });
    log.last()
}

/// An order of five mugs, of which two wait.
fn waits(agreed: &[AgreedV1]) -> (Writer, u64) {
    let mut log = three();
    let order = place(&mut log, &whole("1", 5), PolicyV1::ShipComplete, agreed);
    (log, order)
}

/// Five mugs as they stand: cancelled, shipped, waiting and kept.
fn five([cancelled, shipped, backordered, kept]: [u32; 4]) -> Vec<LinePictureV1> {
    let allocated = if kept > 0 { vec![(0, kept)] } else { vec![] };
    vec![LinePictureV1 { ordered: 5, cancelled, shipped, returned: 0, backordered, short: 0, allocated }]
}

fn ship(log: &mut Writer, order: u64, quantity: u32, after: [u32; 4]) {
    let (lines, claims) = (vec![(0, quantity)], vec![(0, quantity)]);
    let after = five(after);
    log.ship(&OrderShippedV1 { order, location: 0, lines, claims, tracking_number: None, after });
}

#[test]
fn nothing_leaves_of_what_waits() {
    let (log, order) = waits(&[]);
    log.holds("it waits");
    log.and(|log| ship(log, order, 1, [0, 1, 2, 2])).breaks("one of three leaves", Invariant::I11);
    log.and(|log| ship(log, order, 3, [0, 3, 2, 0])).breaks("all that is there leaves", Invariant::I11);
    let filled = log.and(|log| {
        log.receive(2, level(5, 0, 3));
        log.fill(&[filled(backorder(order), 2)], None);
    });
    filled.and(|log| ship(log, order, 1, [0, 1, 0, 4])).holds("one of five that are there");
}

#[test]
fn what_is_cancelled_waits_no_more() {
    let (log, order) = waits(&[]);
    let released = vec![ReleasedV1 { demand: 0, source: SourceV1::Backordered, quantity: 2 }];
    let cancelled =
        OrderCancelledV1 { order, lines: vec![(0, 2)], released, reason: None, after: five([2, 0, 0, 3]) };
    let rest = log.and(|log| log.cancel(&cancelled));
    rest.and(|log| ship(log, order, 3, [2, 3, 0, 0])).holds("what is left of it");
}

#[test]
fn a_date_allows_it_from_its_moment_on() {
    let until = |date: u64| {
        let (log, order) = waits(&[AgreedV1::CompleteBy(date)]);
        log.and(|log| ship(log, order, 1, [0, 1, 2, 2]))
    };
    until(NOW).holds("the date has come");
    until(NOW + 1).breaks("a millisecond before", Invariant::I11);
}

#[test]
fn a_date_is_for_what_ships_complete_and_stands_once() {
    let (log, date) = (three(), AgreedV1::CompleteBy(9));
    let agreed = |asked: &OrderAskedV1<'_>, policy, agreed: &[AgreedV1]| {
        log.and(|log| place(log, asked, policy, agreed))
    };
    agreed(&whole("1", 5), PolicyV1::ShipComplete, &[date]).holds("once");
    agreed(&whole("1", 5), PolicyV1::ShipComplete, &[date, date]).breaks("twice", Invariant::I11);
    agreed(&patient("1", 5), PolicyV1::Backorder, &[date]).breaks("of one that only waits", Invariant::I11);
}

#[test]
fn the_policy_is_due_as_any_other_and_no_old_release_knows_it() {
    let mut log = three();
    let put = ChannelPutV1 {
        channel: WEB,
        is_new: false,
        code: "web",
        kind: "api",
        locations: vec![0],
        policy: PolicyV1::ShipComplete,
    };
    let (terms, routing) = (ChannelTermsV1::default(), ChannelRoutingV1::default());
    assert_eq!(channel_version(put.policy, &terms, routing), VERSION_ROUTED);
    log.add_version(Kind::ChannelPut, VERSION_ROUTED, None, &|out| {
        encode_channel(&put, &terms, routing, out).unwrap();
    });
    let plain = asked("1", 5);
    log.and(|log| place(log, &plain, PolicyV1::ShipComplete, &[])).holds("by the channel");
    log.and(|log| place(log, &plain, PolicyV1::Backorder, &[])).breaks("it only waits", Invariant::I4);
    three().and(|log| place(log, &plain, PolicyV1::ShipComplete, &[])).breaks("by nobody", Invariant::I4);
    three().and(|log| log.accept(None, &whole("1", 3), &[(0, 3)])).breaks("in an old version", Invariant::J4);
}

/// Units of the order's line are let go by a date.
fn lapse(log: &mut Writer, order: u64, date: u64, released: &[(SourceV1, u32)], after: [u32; 4]) {
    let release =
        |(source, quantity): &(SourceV1, u32)| ReleasedV1 { demand: 0, source: *source, quantity: *quantity };
    let released: Vec<ReleasedV1> = released.iter().map(release).collect();
    let lines = vec![(0, released.iter().map(|part| part.quantity).sum())];
    let cancelled = OrderCancelledV1 { order, lines, released, reason: None, after: five(after) };
    log.add_version(Kind::OrderCancelled, VERSION_LAPSED, None, &|out| {
        encode_into(&cancelled, out).unwrap();
        encode_lapsed(&[], LapsedV1 { cancel_after: date }, out).unwrap();
    });
}

#[test]
fn what_waits_is_cancelled_by_its_date_and_nothing_else() {
    use SourceV1::{Backordered, Claimed};
    let waits = |dates: &[u64]| {
        let terms: Vec<AgreedV1> = dates.iter().copied().map(AgreedV1::CancelAfter).collect();
        let mut log = three();
        let order = place(&mut log, &patient("1", 5), PolicyV1::Backorder, &terms);
        (log, order)
    };
    let (log, order) = waits(&[NOW]);
    let lapses = |released: &[(SourceV1, u32)], after| log.and(|log| lapse(log, order, NOW, released, after));
    let rest = lapses(&[(Backordered, 2)], [2, 0, 0, 3]);
    rest.holds("the two that wait");
    rest.and(|log| ship(log, order, 3, [2, 3, 0, 0])).holds("what it has stays and leaves");
    lapses(&[(Backordered, 1)], [1, 0, 1, 3]).breaks("one of two", Invariant::I11);
    lapses(&[(Backordered, 2), (Claimed(0), 1)], [3, 0, 0, 2]).breaks("what it has, too", Invariant::I11);
    let early = |dates: &[u64], date| {
        let (log, order) = waits(dates);
        log.and(|log| lapse(log, order, date, &[(Backordered, 2)], [2, 0, 0, 3]))
    };
    early(&[NOW + 1], NOW + 1).breaks("a millisecond before", Invariant::I11);
    early(&[NOW + 1], NOW).breaks("by another date", Invariant::I11);
    early(&[], NOW).breaks("without any", Invariant::I11);
}

/// One fact's hash, as `docs/FORMATS.md` has it, once more.
fn fact(words: &[u64]) -> u64 {
    words.iter().fold(0, |hash, word| {
        let state = (hash ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15_u64);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

#[test]
fn what_is_agreed_of_open_orders_stands_in_the_digest_of_a_stop() {
    const MERCHANT: u64 = 1;
    let (plain, order) = waits(&[]);
    let (dated, _) = waits(&[AgreedV1::CompleteBy(5), AgreedV1::CancelAfter(9)]);
    let without = plain.holds("nothing is agreed").digest;
    let facts = [fact(&[12, MERCHANT, order, 1, 5]), fact(&[12, MERCHANT, order, 2, 9])];
    let with = facts.into_iter().fold(without, u64::wrapping_add);
    plain.and(|log| log.close(without)).holds("a stop without");
    dated.and(|log| log.close(with)).holds("a stop with both dates");
    dated.and(|log| log.close(without)).breaks("without its dates", Invariant::J3);
    dated.and(|log| log.close(without.wrapping_add(facts[0]))).breaks("without one of them", Invariant::J3);
}

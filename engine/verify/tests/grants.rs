//! Grants that exceed the stock, are freed too early, or count other sales than there were: the audit must name it, and
//! must not name what is right.
//!
//! `web` is served by `main`, where five mugs lie; `pos` by `shop` and then by `main`, and sells from its own copy.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::pairs::{pair, pairs, shop};
use common::{Writer, asked, broken, level, lost};
use onhand_record::grant::{
    ExposurePutV1, FeedPassedV1, GrantAcknowledgedV1, GrantSetV1, GrantsFreedV1, ModeV1,
};
use onhand_record::header::VERSION_KITS;
use onhand_record::hold::{EndCauseV1, HeldLineV1, HoldPlacedV1, HoldsEndedV1};
use onhand_record::order::{ClaimV1, OrderAcceptedV1, OrderAskedV1, encode_kits};
use onhand_record::routing::OrderDetailsV1;
use onhand_record::rules::{ChannelPutV1, PolicyV1, SkuChannelTermsV1, SkuTermsV1, StockPolicyV1};
use onhand_record::{Kind, encode_into};
use onhand_verify::Invariant;

const POS: u16 = 1;
const LAG: u64 = 100;

fn five() -> Writer {
    let mut log = Writer::shop();
    log.receive(5, level(5, 0, 0));
    log
}

fn expose(log: &mut Writer, mode: ModeV1) {
    let put = ExposurePutV1 { channel: POS, mode, max_lag_ms: LAG };
    log.add(Kind::ExposurePut, None, &|out| encode_into(&put, out).unwrap());
}

/// Another total of mugs, of which so many are sold and so many taken; its revision.
fn grant(log: &mut Writer, granted: u64, sold: u64, taken: u64) -> u64 {
    let set = GrantSetV1 { sku: 0, decimals: 0, channel: POS, granted, sold, taken };
    log.add(Kind::GrantSet, None, &|out| encode_into(&set, out).unwrap());
    log.last()
}

fn acknowledge(log: &mut Writer, revision: u64, at: u64, units: u64) {
    let acknowledged = GrantAcknowledgedV1 { sku: 0, decimals: 0, channel: POS, revision, at, units };
    log.add(Kind::GrantAcknowledged, None, &|out| encode_into(&acknowledged, out).unwrap());
}

fn pass(log: &mut Writer, at: u64) {
    log.add(Kind::FeedPassed, None, &|out| encode_into(&FeedPassedV1 { channel: POS, at }, out).unwrap());
}

fn free(log: &mut Writer, until: u64, units: u64) {
    let freed = GrantsFreedV1 { channel: POS, until, freed: vec![(0, units)] };
    log.add(Kind::GrantsFreed, None, &|out| encode_into(&freed, out).unwrap());
}

/// An order of the channel with the grant.
fn sold(name: &str, quantity: u32) -> OrderAskedV1<'_> {
    OrderAskedV1 { channel: POS, ..asked(name, quantity) }
}

#[test]
fn no_more_is_granted_than_can_be_kept() {
    five().and(|log| grant(log, 5, 0, 5)).holds("all of it");
    five().and(|log| grant(log, 6, 0, 6)).breaks("one more", Invariant::I9);
    five().and(|log| grant(log, 5, 0, 4)).breaks("less is said to be taken", Invariant::I3);
    let three = five().and(|log| grant(log, 3, 0, 3));
    three.and(|log| log.accept(None, &asked("1", 2), &[(0, 2)])).holds("an order beside it");
    three.and(|log| log.accept(None, &asked("1", 3), &[(0, 3)])).breaks("an order of it", Invariant::I9);
    three.and(|log| log.stock(&broken(2, level(3, 2, 0)))).holds("mugs that break beside it");
    three.and(|log| log.stock(&broken(3, level(2, 3, 0)))).breaks("a move of its mugs", Invariant::I9);
    three.and(|log| log.stock(&lost(3, &[], level(2, 0, 0)))).holds("a loss of its mugs");
}

#[test]
fn what_is_sold_is_no_longer_granted() {
    let sold_two = five().and(|log| {
        grant(log, 3, 0, 3);
        log.accept(None, &sold("1", 2), &[(0, 2)])
    });
    sold_two.and(|log| log.accept(None, &asked("2", 2), &[(0, 2)])).holds("the rest is anybody's");
    sold_two.and(|log| log.accept(None, &asked("2", 3), &[(0, 3)])).breaks("not the last", Invariant::I9);
    sold_two.and(|log| grant(log, 4, 2, 2)).holds("another total");
    sold_two.and(|log| grant(log, 4, 0, 4)).breaks("as if nothing were sold", Invariant::I3);
    sold_two.and(|log| grant(log, 1, 2, 0)).breaks("less than was sold", Invariant::I3);
}

#[test]
fn what_is_lowered_is_kept_until_the_channel_cannot_sell_it() {
    let mut revision = 0;
    let lowered = five().and(|log| {
        expose(log, ModeV1::Escrow);
        grant(log, 4, 0, 4);
        revision = grant(log, 1, 0, 4);
    });
    let four = |log: &mut Writer| log.accept(None, &asked("1", 4), &[(0, 4)]);
    lowered.and(four).breaks("units that it may sell still", Invariant::I9);
    lowered.and(|log| acknowledge(log, revision + 1, 10, 0)).breaks("what it was not told", Invariant::I9);
    lowered.and(|log| acknowledge(log, revision, 10, 2)).breaks("other units", Invariant::I9);
    let acknowledged = lowered.and(|log| acknowledge(log, revision, 10, 3));
    acknowledged.and(|log| free(log, 10, 3)).breaks("before the feed has come so far", Invariant::I9);
    acknowledged
        .and(|log| {
            pass(log, LAG + 9);
            free(log, 9, 3);
        })
        .breaks("a moment too early", Invariant::I9);
    let passed = acknowledged.and(|log| pass(log, LAG + 10));
    passed.and(|log| pass(log, LAG)).breaks("a feed that goes backwards", Invariant::I9);
    passed.and(|log| free(log, 10, 2)).breaks("not all of it", Invariant::I9);
    let freed = passed.and(|log| free(log, 10, 3));
    freed.and(four).holds("they are anybody's");
    freed.and(|log| free(log, 10, 3)).breaks("freed twice", Invariant::I9);
}

#[test]
fn modes_change_while_nothing_can_be_sold() {
    let granted = |mode| {
        five().and(|log| {
            expose(log, mode);
            grant(log, 10, 0, 10);
        })
    };
    granted(ModeV1::Escrow).breaks("ten of five", Invariant::I9);
    let overlap = granted(ModeV1::Overlap(200));
    overlap.holds("twice as many");
    overlap.and(|log| log.accept(None, &asked("1", 1), &[(0, 1)])).breaks("half is kept", Invariant::I9);
    let mirror = granted(ModeV1::Mirror);
    mirror.and(|log| log.accept(None, &asked("1", 5), &[(0, 5)])).holds("nothing is kept");
    mirror.and(|log| expose(log, ModeV1::Escrow)).breaks("what it may sell is kept at once", Invariant::I9);
}

#[test]
fn an_order_that_the_feed_had_passed_is_imposed() {
    let passed = five().and(|log| {
        expose(log, ModeV1::Escrow);
        pass(log, LAG + 10);
    });
    let at = |at| OrderAskedV1 { placed_at: Some(at), ..sold("1", 1) };
    passed.and(|log| log.accept(None, &at(11), &[(0, 1)])).holds("one that comes in time");
    passed.and(|log| log.accept(None, &at(10), &[(0, 1)])).breaks("one that comes late", Invariant::I4);
}

/// Two mugs are held for a buyer of the channel with the grant; its record.
fn hold(log: &mut Writer) -> u64 {
    let line = HeldLineV1 { id: "a", sku: 0, decimals: 0, quantity: 2 };
    let held = HoldPlacedV1 { channel: POS, deadline: 1_000, customer: None, lines: vec![line] };
    log.add(Kind::HoldPlaced, None, &|out| encode_into(&held, out).unwrap());
    log.last()
}

fn release(log: &mut Writer, hold: u64) {
    let ended = HoldsEndedV1 { holds: vec![hold], cause: EndCauseV1::Released };
    log.add(Kind::HoldsEnded, None, &|out| encode_into(&ended, out).unwrap());
}

#[test]
fn what_was_held_and_not_ordered_was_not_sold() {
    let mut held = 0;
    let granted = five().and(|log| {
        grant(log, 3, 0, 3);
        held = hold(log);
    });
    granted.and(|log| grant(log, 4, 2, 2)).holds("a hold has sold what it keeps");
    granted.and(|log| grant(log, 4, 0, 4)).breaks("it has not", Invariant::I3);
    let released = granted.and(|log| release(log, held));
    released.and(|log| grant(log, 4, 0, 4)).holds("once it ends it has not");
    released.and(|log| grant(log, 4, 2, 2)).breaks("it still has", Invariant::I3);
    released.and(|log| log.accept(None, &asked("1", 3), &[(0, 3)])).breaks("its units", Invariant::I9);
    // A hold from before the grant has sold nothing of it.
    let earlier = five().and(|log| {
        let held = hold(log);
        grant(log, 3, 0, 3);
        release(log, held);
        grant(log, 2, 0, 3);
    });
    earlier.holds("nothing of it was sold");
}

/// What is kept in part is a share of what nobody is promised: a pool comes before it.
#[test]
fn a_share_comes_after_what_is_promised() {
    let shared = five().and(|log| {
        let policy = StockPolicyV1 { floor: 3, ..StockPolicyV1::default() };
        let channels = vec![SkuChannelTermsV1 { channel: 0, policy, dedicated: 0 }];
        log.put_terms(&SkuTermsV1 { channels, ..SkuTermsV1::default() });
        expose(log, ModeV1::Overlap(200));
        grant(log, 4, 0, 4);
    });
    shared.and(|log| log.accept(None, &sold("1", 2), &[(0, 2)])).holds("its share");
    shared.and(|log| log.accept(None, &sold("1", 3), &[(0, 3)])).breaks("a unit of the floor", Invariant::I9);
}

/// A kit of the channel with the grant confirms a hold of its part: that is sold with it.
#[test]
fn kits_confirm_what_is_held_of_their_parts() {
    let confirmed = shop().and(|log| {
        grant(log, 3, 0, 3);
        let details = OrderDetailsV1 { hold: Some(hold(log)), ..OrderDetailsV1::default() };
        let claims = [(0, 2), (1, 1)].map(|(demand, quantity)| ClaimV1 { demand, location: 0, quantity });
        let accepted = OrderAcceptedV1 { policy: PolicyV1::Backorder, claims: claims.to_vec() };
        let asked = OrderAskedV1 { channel: POS, ..pairs(1) };
        log.add_version(Kind::OrderAccepted, VERSION_KITS, None, &|out| {
            encode_into(&asked, out).unwrap();
            encode_into(&accepted, out).unwrap();
            encode_kits(&details, &pair(), out).unwrap();
        });
    });
    confirmed.and(|log| grant(log, 3, 2, 1)).holds("two were sold");
    confirmed.and(|log| grant(log, 3, 0, 3)).breaks("none were", Invariant::I3);
}

/// A channel keeps what backs its grants, whatever others are granted in part.
#[test]
fn a_channel_does_not_leave_its_grants_behind() {
    let moved = |log: &mut Writer| {
        let put = ChannelPutV1 {
            channel: POS,
            is_new: false,
            code: "pos",
            kind: "api",
            locations: vec![1],
            policy: PolicyV1::Reject,
        };
        log.add(Kind::ChannelPut, None, &|out| encode_into(&put, out).unwrap());
    };
    five().and(moved).holds("nothing is granted");
    five().and(|log| grant(log, 3, 0, 3)).and(moved).breaks("three are", Invariant::I9);
}

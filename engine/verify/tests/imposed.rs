//! Imposed orders that take what others are promised, or less than there is, and stock that goes to a channel whose turn
//! it is not: the audit must name it, and must not name what is right.
//!
//! `web` is served by `main`, where five mugs lie; `pos` by `shop` and then by `main`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Writer, asked, backorder, filled, level, lost, patient, short};
use onhand_record::header::VERSION_ROUTED;
use onhand_record::hold::{HeldLineV1, HoldPlacedV1};
use onhand_record::order::{ClaimV1, OrderAcceptedV1, OrderAskedV1, encode_details, version_with};
use onhand_record::routing::{ChannelRoutingV1, OrderDetailsV1};
use onhand_record::rules::{
    ChannelPutV1, ChannelTermsV1, PolicyV1, PoolV1, SkuChannelTermsV1, SkuTermsV1, StockPolicyV1,
    channel_version, encode_channel,
};
use onhand_record::{Kind, VERSION, encode_into};
use onhand_verify::Invariant;

const WEB: u16 = 0;
const POS: u16 = 1;

fn five() -> Writer {
    let mut log = Writer::shop();
    log.receive(5, level(5, 0, 0));
    log
}

/// So many mugs that a channel has sold.
fn sold(channel: u16, external_id: &str, quantity: u32) -> OrderAskedV1<'_> {
    OrderAskedV1 { channel, policy: Some(PolicyV1::Imposed), ..asked(external_id, quantity) }
}

/// The order is accepted, with so many of the mugs of `main`; its id.
fn impose(log: &mut Writer, asked: &OrderAskedV1<'_>, claimed: u32) -> u64 {
    let (policy, details) = (PolicyV1::Imposed, OrderDetailsV1::default());
    let claim = (claimed > 0).then_some(ClaimV1 { demand: 0, location: 0, quantity: claimed });
    let accepted = OrderAcceptedV1 { policy, claims: claim.into_iter().collect() };
    log.add_version(Kind::OrderAccepted, version_with(policy, &details), None, &|out| {
        encode_into(asked, out).unwrap();
        encode_into(&accepted, out).unwrap();
        encode_details(policy, &details, out).unwrap();
    });
    log.last()
}

fn put_channel(log: &mut Writer, channel: u16, policy: PolicyV1, terms: ChannelTermsV1) {
    let (code, locations) = if channel == WEB { ("web", vec![0]) } else { ("pos", vec![1, 0]) };
    let put = ChannelPutV1 { channel, is_new: false, code, kind: "api", locations, policy };
    let routing = ChannelRoutingV1::default();
    log.add_version(Kind::ChannelPut, channel_version(policy, &terms, routing), None, &|out| {
        encode_channel(&put, &terms, routing, out).unwrap();
    });
}

fn rank(log: &mut Writer, channel: u16, rank: u16) {
    put_channel(log, channel, PolicyV1::Reject, ChannelTermsV1 { rank, ..ChannelTermsV1::default() });
}

fn hold(log: &mut Writer, channel: u16, quantity: u32) {
    let lines = vec![HeldLineV1 { id: "a", sku: 0, decimals: 0, quantity }];
    let placed = HoldPlacedV1 { channel, deadline: 900_000, customer: None, lines };
    log.add(Kind::HoldPlaced, None, &|out| encode_into(&placed, out).unwrap());
}

#[test]
fn what_is_there_is_given_and_the_rest_is_short() {
    let take = |claimed| five().and(|log| impose(log, &sold(WEB, "1", 7), claimed));
    let report = take(5).holds("all that is there");
    assert_eq!((report.totals.units_short, report.totals.orders_imposed), (2, 1));
    take(4).breaks("one is kept back", Invariant::I10);
    take(6).breaks("one more than there is", Invariant::I3);
    let refused = five().and(|log| log.refuse(Some(1), &sold(WEB, "1", 7), 5));
    refused.breaks("refused all the same", Invariant::I4);
    let log = five();
    log.and(|log| log.accept(None, &sold(WEB, "1", 5), &[(0, 5)])).breaks("in an old version", Invariant::J4);
    let (code, locations, policy) = ("web", vec![0], PolicyV1::Imposed);
    let put = ChannelPutV1 { channel: WEB, is_new: false, code, kind: "api", locations, policy };
    let old = log.and(|log| log.add(Kind::ChannelPut, None, &|out| encode_into(&put, out).unwrap()));
    old.breaks("a channel in an old version", Invariant::J4);
}

#[test]
fn what_a_channel_imposes_is_not_refused_and_what_it_does_not_is_not_imposed() {
    let imposes = five().and(|log| put_channel(log, WEB, PolicyV1::Imposed, ChannelTermsV1::default()));
    let plain = asked("1", 7);
    imposes.and(|log| impose(log, &plain, 5)).holds("by the channel");
    imposes.and(|log| log.refuse(Some(1), &plain, 5)).breaks("refused", Invariant::I4);
    five().and(|log| impose(log, &plain, 5)).breaks("by nobody", Invariant::I4);
}

#[test]
fn holds_pools_and_floors_of_others_stay() {
    let take = |log: &Writer, claimed| log.and(|log| impose(log, &sold(WEB, "1", 7), claimed));
    let held = five().and(|log| hold(log, POS, 2));
    take(&held, 3).holds("what is not held");
    take(&held, 4).breaks("a unit that is held", Invariant::I9);
    let floor = |floor| StockPolicyV1 { floor, ..StockPolicyV1::default() };
    let dedicated = SkuChannelTermsV1 { channel: POS, policy: floor(1), dedicated: 2 };
    let pool = PoolV1 { channel: POS, since: 0, left: 2, charged: 0, claimed: 0 };
    let terms = SkuTermsV1 { channels: vec![dedicated], pools: vec![pool], ..SkuTermsV1::default() };
    let promised = five().and(|log| log.put_terms(&terms));
    take(&promised, 2).holds("beside a pool and a floor");
    take(&promised, 3).breaks("a unit of the floor", Invariant::I9);
    // The same holds of what comes later, and of nobody whose claim was lost.
    let mut later = take(&promised, 2);
    let imposed = later.last();
    later.receive(1, level(6, 0, 2));
    later.and(|log| log.fill(&[filled(short(imposed), 1)], None)).holds("what came");
    later.and(|log| log.fill(&[filled(short(imposed), 2)], None)).breaks("a unit more", Invariant::I9);
    let mut robbed = promised.and(|log| log.accept(None, &asked("1", 2), &[(0, 2)]));
    let order = robbed.last();
    robbed.stock(&lost(5, &[(order, 2)], level(0, 0, 0)));
    robbed.receive(2, level(2, 0, 0));
    robbed.and(|log| log.fill(&[filled(short(order), 2)], None)).holds("goods that it had been promised");
}

#[test]
fn nothing_is_hidden_from_what_is_sold() {
    let safe = SkuTermsV1 { safety_stock: Some(2), ..SkuTermsV1::default() };
    let log = five().and(|log| log.put_terms(&safe));
    log.and(|log| impose(log, &sold(WEB, "1", 7), 5)).holds("safety stock");
    log.and(|log| impose(log, &sold(WEB, "1", 7), 3)).breaks("safety stock is kept from it", Invariant::I10);
    log.and(|log| log.accept(None, &patient("1", 7), &[(0, 5)]))
        .breaks("it is not from others", Invariant::I3);
}

#[test]
fn who_comes_first_is_served_first() {
    let mut log = Writer::shop();
    let web = impose(&mut log, &sold(WEB, "1", 1), 0);
    let pos = impose(&mut log, &sold(POS, "2", 1), 0);
    let patient = log.accept(None, &patient("3", 1), &[]);
    log.receive(1, level(1, 0, 0));
    let fill = |log: &Writer, turn| log.and(|log| log.fill(&[filled(turn, 1)], None));
    fill(&log, short(web)).holds("by acceptance");
    fill(&log, short(pos)).breaks("the younger one", Invariant::I10);
    fill(&log, backorder(patient)).breaks("one that only waits", Invariant::I10);
    let ranked = log.and(|log| rank(log, POS, 1));
    fill(&ranked, short(pos)).holds("the better rank");
    fill(&ranked, short(web)).breaks("the worse rank", Invariant::I10);
    let two = ranked.and(|log| log.receive(1, level(2, 0, 0)));
    let both = |turns: [u64; 2]| two.and(|log| log.fill(&turns.map(|turn| filled(short(turn), 1)), None));
    both([pos, web]).holds("one after the other");
    both([web, pos]).breaks("the other way round", Invariant::I10);
    let goes_on = |from, next| two.and(|log| log.fill(&[filled(short(from), 1)], Some(short(next))));
    goes_on(pos, web).holds("a pass that goes on");
    goes_on(web, pos).breaks("a pass that goes back", Invariant::I10);
}

#[test]
fn who_comes_last_loses_first() {
    let mut log = five();
    let pos = log.accept(None, &OrderAskedV1 { channel: POS, ..asked("1", 2) }, &[(0, 2)]);
    let web = log.accept(None, &asked("2", 2), &[(0, 2)]);
    let lose = |log: &Writer, order| log.and(|log| log.stock(&lost(2, &[(order, 1)], level(3, 0, 3))));
    lose(&log, web).holds("the younger one");
    lose(&log, pos).breaks("the older one", Invariant::I10);
    let ranked = log.and(|log| rank(log, POS, 900));
    lose(&ranked, pos).holds("the worse rank");
    lose(&ranked, web).breaks("the better rank", Invariant::I10);
}

#[test]
fn the_version_says_what_is_imposed() {
    let (terms, routing) = (ChannelTermsV1::default(), ChannelRoutingV1::default());
    let details = OrderDetailsV1::default();
    for (policy, version) in
        [(PolicyV1::Reject, VERSION), (PolicyV1::Backorder, VERSION), (PolicyV1::Imposed, VERSION_ROUTED)]
    {
        assert_eq!(version_with(policy, &details), version);
        assert_eq!(channel_version(policy, &terms, routing), version);
    }
}

//! Routing profiles and what they said of orders: the audit must hold it against the claims and the versions, and must not
//! name what is right.
//!
//! `pos` is served by `shop` (1) and then by `main` (0), where five mugs lie; it has the profile `eu`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Writer, asked, level};
use onhand_record::encode_into;
use onhand_record::header::{Kind, VERSION, VERSION_ROUTED};
use onhand_record::order::{
    ClaimV1, OrderAcceptedV1, OrderAskedV1, OrderRefusedV1, ShortfallV1, encode_details, version_with,
};
use onhand_record::routing::{ChannelRoutingV1, FormatV1, OrderDetailsV1, RoutedV1, RoutingProfilePutV1};
use onhand_record::rules::{ChannelPutV1, ChannelTermsV1, PolicyV1, encode_channel};
use onhand_verify::Invariant;

const POS: u16 = 1;

/// An explanation of version 2: what decided, nothing left out, and locations with their reasons.
fn said(decided: u8, places: &[(u8, u8)]) -> Vec<u8> {
    let mut bytes = vec![1, 2, decided, 1, 0];
    places.iter().for_each(|(location, reason)| bytes.extend([*location, *reason, 0]));
    bytes
}

/// Chosen, and without stock.
const CHOSEN: u8 = 0;
const NO_STOCK: u8 = 3;

fn put_profile(log: &mut Writer, profile: u16, is_new: bool, version: u32, text: &str) {
    let (code, format) = (if profile == 0 { "eu" } else { "us" }, FormatV1::Toml);
    let put = RoutingProfilePutV1 { profile, is_new, code, version, format, text };
    log.add(Kind::RoutingProfilePut, None, &|out| encode_into(&put, out).unwrap());
}

fn route(log: &mut Writer, profile: u16) {
    let (code, kind, locations) = ("pos", "api", vec![1, 0]);
    let put = ChannelPutV1 { channel: POS, is_new: false, code, kind, locations, policy: PolicyV1::Reject };
    let (terms, routing) = (ChannelTermsV1::default(), ChannelRoutingV1 { profile: Some(profile) });
    log.add_version(Kind::ChannelPut, VERSION_ROUTED, None, &|out| {
        encode_channel(&put, &terms, routing, out).unwrap();
    });
}

fn shop() -> Writer {
    let mut log = Writer::shop();
    log.receive(5, level(5, 0, 0));
    put_profile(&mut log, 0, true, 1, "");
    put_profile(&mut log, 0, false, 2, "");
    route(&mut log, 0);
    log
}

/// Two mugs of `main`, for an order of so many, and what is said of it.
fn accept(log: &mut Writer, quantity: u32, details: &OrderDetailsV1<'_>) {
    let policy = PolicyV1::Backorder;
    let order = OrderAskedV1 { channel: POS, policy: Some(policy), ..asked("1", quantity) };
    let claims = vec![ClaimV1 { demand: 0, location: 0, quantity: 2 }];
    log.add_version(Kind::OrderAccepted, version_with(policy, details), None, &|out| {
        encode_into(&order, out).unwrap();
        encode_into(&OrderAcceptedV1 { policy, claims: claims.clone() }, out).unwrap();
        encode_details(policy, details, out).unwrap();
    });
}

fn routed(explanation: &[u8], within: Option<Vec<u16>>) -> OrderDetailsV1<'_> {
    let routed = Some(RoutedV1 { profile: 0, explanation, within });
    OrderDetailsV1 { routed, ..OrderDetailsV1::default() }
}

fn check(what: &str, explanation: &[u8], within: Option<Vec<u16>>, broken: Option<Invariant>) {
    let log = shop().and(|log| accept(log, 3, &routed(explanation, within)));
    match broken {
        None => assert_eq!(log.holds(what).totals.orders_routed, 1),
        Some(invariant) => log.breaks(what, invariant),
    }
}

#[test]
fn what_is_right_holds() {
    check("a plan", &said(2, &[(0, CHOSEN), (1, NO_STOCK)]), None, None);
    check("a plan within one location", &said(10, &[(0, CHOSEN)]), Some(vec![0]), None);
    // Of more locations than fit, those that serve stand first.
    check("a list cut short", &[1, 2, 2, 1, 7, 0, CHOSEN, 0], None, None);
}

#[test]
fn an_explanation_is_held_against_the_claims() {
    let both = [(0, CHOSEN), (1, CHOSEN)];
    check("one serves that does not", &said(2, &both), None, Some(Invariant::I5));
    check("nobody serves", &said(2, &[(1, NO_STOCK)]), None, Some(Invariant::I5));
    let main = said(2, &[(0, CHOSEN)]);
    check("one serves that may not", &main, Some(vec![1]), Some(Invariant::I5));
    check("one may that is not the channel's", &main, Some(vec![0, 7]), Some(Invariant::J4));
    check("in no order", &main, Some(vec![1, 0]), Some(Invariant::J4));
    for reject in [3, 11] {
        check("it is refused", &said(reject, &[(0, CHOSEN)]), None, Some(Invariant::I4));
    }
    check("a hold that it does not confirm", &said(8, &[]), None, Some(Invariant::J4));
    for garbage in [&[][..], &[2, 2, 2, 1, 0], &[1, 2, 2, 1], &[1, 2, 2, 1, 0, 0], &[0xFF; 301]] {
        check("no explanation", garbage, None, Some(Invariant::J4));
    }
}

#[test]
fn the_newest_version_of_the_channels_profile_decides() {
    let explanation = said(2, &[(0, CHOSEN)]);
    let log = shop();
    let later = log.and(|log| put_profile(log, 0, false, 3, ""));
    later.and(|log| accept(log, 3, &routed(&explanation, None))).breaks("an older one", Invariant::J4);
    let details = OrderDetailsV1::default();
    log.and(|log| accept(log, 3, &details)).breaks("none decided", Invariant::J4);
    let other = RoutedV1 { profile: 1, explanation: &explanation, within: None };
    let other = OrderDetailsV1 { routed: Some(other), ..OrderDetailsV1::default() };
    log.and(|log| accept(log, 3, &other)).breaks("another one", Invariant::J4);
}

#[test]
fn versions_are_counted_and_names_given_once() {
    let log = shop();
    log.and(|log| put_profile(log, 1, true, 1, "")).holds("another profile");
    log.and(|log| put_profile(log, 0, false, 4, "")).breaks("a version left out", Invariant::J4);
    log.and(|log| put_profile(log, 0, false, 2, "")).breaks("a version twice", Invariant::J4);
    log.and(|log| put_profile(log, 2, true, 1, "")).breaks("a number left out", Invariant::J4);
    log.and(|log| put_profile(log, 1, true, 2, "")).breaks("a new one of version 2", Invariant::J4);
    log.and(|log| put_profile(log, 0, false, 3, &"#".repeat((64 << 10) + 1))).breaks("long", Invariant::J4);
    log.and(|log| route(log, 1)).breaks("a profile that is not there", Invariant::J4);
}

#[test]
fn a_refusal_says_which_rules_it_rests_on() {
    let order = OrderAskedV1 { channel: POS, ..asked("1", 9) };
    let refuse = |explanation: &[u8]| {
        let details = routed(explanation, None);
        let shortfalls = vec![ShortfallV1 { line: 0, requested: 9, available: 2 }];
        shop().and(|log| {
            log.add_version(Kind::OrderRefused, version_with(PolicyV1::Reject, &details), Some(1), &|out| {
                encode_into(&order, out).unwrap();
                encode_into(&OrderRefusedV1 { shortfalls: shortfalls.clone() }, out).unwrap();
                encode_details(PolicyV1::Reject, &details, out).unwrap();
            });
        })
    };
    // Rules may leave units where they are.
    refuse(&said(3, &[(0, CHOSEN)])).holds("two of five are offered");
    refuse(&[9]).breaks("no explanation", Invariant::J4);
    let plain = shop().and(|log| {
        log.add_version(Kind::OrderRefused, VERSION, Some(1), &|out| {
            encode_into(&order, out).unwrap();
            let shortfalls = vec![ShortfallV1 { line: 0, requested: 9, available: 5 }];
            encode_into(&OrderRefusedV1 { shortfalls }, out).unwrap();
        });
    });
    plain.breaks("none decided", Invariant::J4);
}

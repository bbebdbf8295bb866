//! Holds that keep what is not there, end twice or too early, or are left without units: the audit must name it, and must
//! not name what is right.
//!
//! `web` is served by `main`, where five mugs lie; `pos` by `shop` and then by `main`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Writer, asked, level, lost};
use onhand_record::hold::{EndCauseV1, HeldLineV1, HoldExtendedV1, HoldPlacedV1, HoldsEndedV1};
use onhand_record::rules::{ChannelPutV1, PolicyV1};
use onhand_record::{Kind, encode_into};
use onhand_verify::Invariant;

const WEB: u16 = 0;
const POS: u16 = 1;
const DEADLINE: u64 = 900_000;

fn five() -> Writer {
    let mut log = Writer::shop();
    log.receive(5, level(5, 0, 0));
    log
}

/// Mugs for a buyer; the hold's id.
fn hold(log: &mut Writer, channel: u16, quantity: u32) -> u64 {
    let lines = vec![HeldLineV1 { id: "a", sku: 0, decimals: 0, quantity }];
    let placed = HoldPlacedV1 { channel, deadline: DEADLINE, customer: None, lines };
    log.add(Kind::HoldPlaced, None, &|out| encode_into(&placed, out).unwrap());
    log.last()
}

fn end(log: &mut Writer, hold: u64, cause: EndCauseV1) {
    let ended = HoldsEndedV1 { holds: vec![hold], cause };
    log.add(Kind::HoldsEnded, None, &|out| encode_into(&ended, out).unwrap());
}

fn extend(log: &mut Writer, hold: u64, deadline: u64) {
    let extended = HoldExtendedV1 { hold, deadline };
    log.add(Kind::HoldExtended, None, &|out| encode_into(&extended, out).unwrap());
}

/// The web shop is served by other locations from here on.
fn serve_web(log: &mut Writer, locations: &[u16]) {
    let (is_new, code, kind, policy) = (false, "web", "api", PolicyV1::Reject);
    let put = ChannelPutV1 { channel: WEB, is_new, code, kind, locations: locations.to_vec(), policy };
    log.add(Kind::ChannelPut, None, &|out| encode_into(&put, out).unwrap());
}

#[test]
fn no_more_is_held_than_is_there() {
    five().and(|log| hold(log, WEB, 5)).holds("all of it");
    five().and(|log| hold(log, WEB, 6)).breaks("one more", Invariant::I9);
    let three = five().and(|log| hold(log, POS, 3));
    three.and(|log| hold(log, WEB, 2)).holds("beside another one");
    three.and(|log| hold(log, WEB, 3)).breaks("what another one has", Invariant::I9);
    three.and(|log| log.accept(None, &asked("1", 2), &[(0, 2)])).holds("an order beside it");
    three.and(|log| log.accept(None, &asked("1", 3), &[(0, 3)])).breaks("an order of it", Invariant::I9);
}

#[test]
fn a_hold_ends_once_and_not_before_its_time() {
    let mut log = five();
    let held = hold(&mut log, WEB, 5);
    let over = log.and(|log| end(log, held, EndCauseV1::Released));
    over.holds("given back");
    over.and(|log| end(log, held, EndCauseV1::Released)).breaks("given back twice", Invariant::I5);
    over.and(|log| hold(log, POS, 5)).holds("it is there for others");
    for (at, is_due) in [(DEADLINE - 1, false), (DEADLINE, true)] {
        let expired = log.and(|log| {
            log.at = at;
            end(log, held, EndCauseV1::Expired);
        });
        match is_due {
            true => drop(expired.holds("at its deadline")),
            false => expired.breaks("before its deadline", Invariant::I5),
        }
    }
    let often = log.and(|log| (0..10).for_each(|_| extend(log, held, DEADLINE)));
    often.holds("ten times as long");
    often.and(|log| extend(log, held, DEADLINE)).breaks("eleven times", Invariant::I5);
    log.and(|log| extend(log, held, DEADLINE - 1)).breaks("for less time", Invariant::I5);
}

#[test]
fn a_channel_keeps_locations_that_its_holds_need() {
    let mut log = five();
    hold(&mut log, WEB, 4);
    log.and(|log| serve_web(log, &[1, 0])).holds("more locations");
    log.and(|log| serve_web(log, &[1])).breaks("none that has a mug", Invariant::I9);
    let also = log.and(|log| serve_web(log, &[1, 0]));
    also.and(|log| serve_web(log, &[0])).holds("one that has none is left out");
    also.and(|log| serve_web(log, &[1])).breaks("one that has all is left out", Invariant::I9);
    // What a loss has taken already, no location has.
    let robbed = also.and(|log| log.stock(&lost(3, &[], level(2, 0, 0))));
    robbed.and(|log| serve_web(log, &[1])).breaks("two are there still", Invariant::I9);
    let empty = also.and(|log| log.stock(&lost(5, &[], level(0, 0, 0))));
    empty.and(|log| serve_web(log, &[1])).holds("nothing is there");
}

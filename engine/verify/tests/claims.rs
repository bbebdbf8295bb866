//! An order that has as many claims as it may is passed by where it would need another one: the audit must not name it, and must
//! name it if there is room.
//!
//! A thousand lines of mugs have a unit each at each of fifty locations, and of the first one more waits. A mug comes to one
//! location more, and a later order gets it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Writer, asked, backorder, level, patient, received};
use onhand_record::order::{ClaimV1, FilledV1, LineAskedV1, OrderAcceptedV1, OrderAskedV1};
use onhand_record::rules::PolicyV1;
use onhand_record::stock::StockMovedV1;
use onhand_verify::Invariant;
use std::collections::BTreeMap;

const LINES: u16 = 1_000;
const LOCATIONS: u16 = 50;
/// Where nobody has a claim.
const EMPTY: u16 = LOCATIONS;

fn receive(log: &mut Writer, location: u16, quantity: u32) {
    log.stock(&StockMovedV1 { location, ..received(quantity, level(quantity, 0, 0)) });
}

/// The last line has so many claims less, and more units at the first location instead.
fn claims(spare: u16) -> Vec<ClaimV1> {
    let claim = |demand, location, quantity| ClaimV1 { demand, location, quantity };
    let of_line = |line| {
        let spare = if line + 1 == LINES { spare } else { 0 };
        let quantity = move |location| if location == 0 { 1 + u32::from(spare) } else { 1 };
        (0..LOCATIONS - spare).map(move |location| claim(line, location, quantity(location)))
    };
    (0..LINES).flat_map(of_line).collect()
}

/// The later order has got its mug.
fn passed_by(spare: u16) -> Writer {
    let mut log = Writer::new();
    log.create_merchant(1, "acme");
    let codes: Vec<String> = (0..=EMPTY).map(|location| format!("L{location}")).collect();
    (0..).zip(&codes).for_each(|(location, code)| log.put_location(location, code));
    log.put_channel(0, "web", &(0..=EMPTY).collect::<Vec<u16>>());
    log.put_sku(0, true, "MUG", 0);
    let claims = claims(spare);
    let mut units: BTreeMap<u16, u32> = BTreeMap::new();
    claims.iter().for_each(|claim| *units.entry(claim.location).or_default() += claim.quantity);
    units.into_iter().for_each(|(location, units)| receive(&mut log, location, units));
    let line = |line| {
        let quantity = u32::from(LOCATIONS) + u32::from(line == 0);
        LineAskedV1 { id: "a", sku: 0, decimals: 0, quantity, unit_price: None }
    };
    let (policy, lines) = (PolicyV1::Backorder, (0..LINES).map(line).collect());
    let large = OrderAskedV1 { policy: Some(policy), lines, ..asked("1", 1) };
    log.accept_as(None, &large, &OrderAcceptedV1 { policy, claims });
    let later = log.accept(None, &patient("2", 1), &[]);
    receive(&mut log, EMPTY, 1);
    log.holds("both wait");
    log.and(|log| log.fill(&[FilledV1 { waiting: backorder(later), location: EMPTY, quantity: 1 }], None))
}

#[test]
fn an_order_without_room_for_a_claim_may_be_passed_by() {
    passed_by(0).holds("it has as many as it may");
    passed_by(1).breaks("it has room for one", Invariant::I10);
}

//! Orders that let more units wait than may: the audit must name it, and must not name what is right.
//!
//! `web` is served by `main`, where three mugs lie; at most two more may wait.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Writer, asked, backorder, filled, level, patient};
use onhand_record::header::VERSION_ROUTED;
use onhand_record::kit::SkuKitV1;
use onhand_record::order::{OrderAcceptedV1, OrderAskedV1, encode_details};
use onhand_record::routing::OrderDetailsV1;
use onhand_record::rules::{PolicyV1, SkuLimitsV1, SkuPutV1, SkuTermsV1, encode_sku, sku_version};
use onhand_record::{Kind, encode_into};
use onhand_verify::Invariant;

fn limit(log: &mut Writer, backorder_limit: Option<u32>) {
    let (title, unit, gtin, tags) = (None, None, None, Vec::new());
    let put = SkuPutV1 { sku: 0, is_new: false, code: "MUG", title, unit, decimals: 0, gtin, tags };
    let (terms, kit, limits) = (SkuTermsV1::default(), SkuKitV1::default(), SkuLimitsV1 { backorder_limit });
    log.add_version(Kind::SkuPut, sku_version(&terms, &kit, limits), None, &|out| {
        encode_sku(&put, &terms, &kit, limits, out).unwrap();
    });
}

fn shop() -> Writer {
    let mut log = Writer::shop();
    log.receive(3, level(3, 0, 0));
    limit(&mut log, Some(2));
    log
}

#[test]
fn what_waits_is_counted_over_all_orders() {
    let first = shop().and(|log| log.accept(None, &patient("1", 4), &[(0, 3)]));
    first.holds("one waits");
    let second = |log: &mut Writer, quantity| log.accept(None, &patient("2", quantity), &[]);
    first.and(|log| second(log, 1)).holds("another one");
    first.and(|log| second(log, 2)).breaks("three wait", Invariant::I12);
    shop().and(|log| log.accept(None, &patient("1", 6), &[(0, 3)])).breaks("of one order", Invariant::I12);
}

#[test]
fn who_gets_goods_waits_no_more_and_a_limit_counts_from_its_record_on() {
    let mut log = shop();
    let order = log.accept(None, &patient("1", 5), &[(0, 3)]);
    let served = log.and(|log| {
        log.receive(2, level(5, 0, 3));
        log.fill(&[filled(backorder(order), 2)], None);
    });
    served.and(|log| log.accept(None, &patient("2", 2), &[])).holds("others may wait");
    let lowered = log.and(|log| limit(log, Some(0)));
    lowered.holds("what waits may");
    lowered.and(|log| log.accept(None, &patient("2", 1), &[])).breaks("nobody else may", Invariant::I12);
    let lifted = log.and(|log| limit(log, None));
    lifted.and(|log| log.accept(None, &patient("2", 9), &[])).holds("any number");
}

#[test]
fn what_is_sold_already_is_not_limited() {
    let sold = OrderAskedV1 { policy: Some(PolicyV1::Imposed), ..asked("1", 3) };
    let accepted = OrderAcceptedV1 { policy: PolicyV1::Imposed, claims: vec![] };
    let mut log = Writer::shop();
    limit(&mut log, Some(0));
    log.add_version(Kind::OrderAccepted, VERSION_ROUTED, None, &|out| {
        encode_into(&sold, out).unwrap();
        encode_into(&accepted, out).unwrap();
        encode_details(PolicyV1::Imposed, &OrderDetailsV1::default(), out).unwrap();
    });
    log.holds("three are short");
}

//! What one channel is promised and another one gets: the audit must name it, and must not name what is right.
//!
//! `web` is served by `main`, `pos` by `shop` and then by `main`; the mugs lie at `main`.

mod common;

use common::{Writer, asked, backorder, filled, level, patient};
use onhand_record::order::{LinePictureV1, OrderAskedV1, OrderCancelledV1, ReleasedV1, SourceV1};
use onhand_record::rules::{AmountV1, PoolV1, SkuChannelTermsV1, SkuTermsV1, StockPolicyV1};
use onhand_verify::Invariant;

const WEB: u16 = 0;
const POS: u16 = 1;

/// Terms of one channel; a pool holds what is dedicated.
fn terms(channel: u16, policy: StockPolicyV1, dedicated: u32) -> SkuTermsV1 {
    let pool = PoolV1 { channel, since: 0, left: dedicated.into(), charged: 0, claimed: 0 };
    SkuTermsV1 {
        channels: vec![SkuChannelTermsV1 { channel, policy, dedicated }],
        pools: if dedicated > 0 { vec![pool] } else { Vec::new() },
        ..SkuTermsV1::default()
    }
}

fn floor(floor: u32) -> StockPolicyV1 {
    StockPolicyV1 { floor, ..StockPolicyV1::default() }
}

/// Five mugs, and these terms.
fn five(terms: &SkuTermsV1) -> Writer {
    let mut log = Writer::shop();
    log.receive(5, level(5, 0, 0));
    log.put_terms(terms);
    log
}

#[test]
fn what_another_channel_is_promised_is_claimed() {
    for (what, terms) in
        [("a floor", terms(POS, floor(3), 0)), ("a pool", terms(POS, StockPolicyV1::default(), 3))]
    {
        let log = five(&terms);
        log.and(|log| log.accept(None, &asked("1", 2), &[(0, 2)])).holds(what);
        log.and(|log| log.accept(None, &asked("1", 3), &[(0, 3)])).breaks(what, Invariant::I9);
        // The channel that it is promised to may have all.
        let order = OrderAskedV1 { channel: POS, ..asked("1", 5) };
        log.and(|log| log.accept(None, &order, &[(0, 5)])).holds(what);
    }
}

#[test]
fn who_waits_gets_what_another_channel_is_promised() {
    let log = five(&terms(POS, floor(5), 0)).and(|log| {
        log.accept(None, &patient("1", 2), &[]);
    });
    let order = log.last();
    let more = log.and(|log| log.receive(1, level(6, 0, 0)));
    more.and(|log| log.fill(&[filled(backorder(order), 1)], None)).holds("one is nobody's");
    more.and(|log| log.fill(&[filled(backorder(order), 2)], None)).breaks("two are not", Invariant::I9);
}

#[test]
fn more_or_less_is_sold_than_the_policy_says() {
    let buffer = StockPolicyV1 { buffer: AmountV1::Units(2), ..StockPolicyV1::default() };
    let ceiling = StockPolicyV1 { ceiling: Some(AmountV1::Percent(60)), ..StockPolicyV1::default() };
    for (what, policy) in [("a buffer", buffer), ("a ceiling", ceiling)] {
        let log = five(&terms(WEB, policy, 0));
        log.and(|log| log.accept(None, &asked("1", 3), &[(0, 3)])).holds(what);
        log.and(|log| log.accept(None, &asked("1", 4), &[(0, 4)])).breaks(what, Invariant::I3);
        log.and(|log| log.refuse(Some(1), &asked("1", 4), 3)).holds(what);
        log.and(|log| log.refuse(Some(1), &asked("1", 3), 2)).breaks(what, Invariant::I10);
    }
    let log = five(&SkuTermsV1 { safety_stock: Some(2), ..SkuTermsV1::default() });
    log.and(|log| log.accept(None, &asked("1", 3), &[(0, 3)])).holds("safety stock");
    log.and(|log| log.accept(None, &asked("1", 4), &[(0, 4)])).breaks("safety stock", Invariant::I3);
}

#[test]
fn pools_are_what_terms_and_claims_make_them() {
    let own = terms(WEB, StockPolicyV1::default(), 3);
    let pool = |left, charged, claimed| {
        let pool = PoolV1 { channel: WEB, since: 9, left, charged, claimed };
        SkuTermsV1 { pools: vec![pool], ..own.clone() }
    };
    let log = five(&own);
    log.and(|log| log.put_terms(&pool(3, 0, 0))).holds("the same again");
    log.and(|log| log.put_terms(&pool(4, 0, 0))).breaks("a pool that grew by itself", Invariant::I9);
    log.and(|log| log.put_terms(&terms(WEB, StockPolicyV1::default(), 3)))
        .breaks("a pool that is made again", Invariant::I9);
    let sold = log.and(|log| log.accept(None, &asked("1", 4), &[(0, 4)]));
    let order = sold.last();
    sold.and(|log| log.put_terms(&pool(0, 3, 4))).holds("four claimed, three of them from the pool");
    let stated = |dedicated: u32, left: u64| {
        let policy = StockPolicyV1::default();
        let pools = vec![PoolV1 { channel: WEB, since: 9, left, charged: 3, claimed: 4 }];
        SkuTermsV1 {
            channels: vec![SkuChannelTermsV1 { channel: WEB, policy, dedicated }],
            pools,
            ..own.clone()
        }
    };
    sold.and(|log| log.put_terms(&stated(4, 1))).holds("one more in all");
    sold.and(|log| log.put_terms(&stated(2, 0))).breaks("less than is used", Invariant::I9);
    sold.and(|log| log.put_terms(&pool(3, 0, 4))).breaks("claims took nothing from it", Invariant::I9);
    let back = sold.and(|log| {
        let line = LinePictureV1 {
            ordered: 4,
            cancelled: 2,
            shipped: 0,
            returned: 0,
            backordered: 0,
            short: 0,
            allocated: vec![(0, 2)],
        };
        let released = vec![ReleasedV1 { demand: 0, source: SourceV1::Claimed(0), quantity: 2 }];
        log.cancel(&OrderCancelledV1 {
            order,
            lines: vec![(0, 2)],
            released,
            reason: None,
            after: vec![line],
        });
    });
    back.and(|log| log.put_terms(&pool(1, 2, 2))).holds("one of two goes back to the pool");
    back.and(|log| log.put_terms(&pool(2, 1, 2))).breaks("both go back to it", Invariant::I9);
}

#[test]
fn terms_name_what_is_there() {
    let mut log = Writer::shop();
    log.receive(5, level(5, 0, 0));
    let bent = |what, terms: &SkuTermsV1| log.and(|log| log.put_terms(terms)).breaks(what, Invariant::J4);
    bent("a channel that is not there", &terms(2, floor(1), 0));
    let safety = |safety_stock_at| SkuTermsV1 { safety_stock_at, ..SkuTermsV1::default() };
    bent("a location that is not there", &safety(vec![(2, 1)]));
    bent("a location twice", &safety(vec![(0, 1), (0, 2)]));
    bent("locations out of order", &safety(vec![(1, 1), (0, 2)]));
    let part = StockPolicyV1 { buffer: AmountV1::Percent(101), ..StockPolicyV1::default() };
    bent("a part of more than the whole", &terms(WEB, part, 0));
}

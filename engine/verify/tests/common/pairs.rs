//! A shop with five mugs (0) and two cups (1) at `main`, which serves `web`; a pair (2) is two mugs and a cup.

use super::{Writer, asked, level, received};
use onhand_record::Kind;
use onhand_record::kit::{KitLineV1, SkuKitV1};
use onhand_record::order::{LineAskedV1, OrderAskedV1};
use onhand_record::rules::{PolicyV1, SkuLimitsV1, SkuPutV1, SkuTermsV1, encode_sku, sku_version};
use onhand_record::stock::StockMovedV1;

pub const PAIR: u32 = 2;

pub fn put_kit(log: &mut Writer, sku: u32, components: &[(u32, u32)]) {
    let (title, unit, gtin, tags) = (None, None, None, Vec::new());
    let (is_new, code) = (sku == PAIR && log.last() < 11, ["MUG", "CUP", "PAIR"][sku as usize]);
    let put = SkuPutV1 { sku, is_new, code, title, unit, decimals: 0, gtin, tags };
    let (terms, kit) = (SkuTermsV1::default(), SkuKitV1 { components: components.to_vec() });
    log.add_version(Kind::SkuPut, sku_version(&terms, &kit, SkuLimitsV1::default()), None, &|out| {
        encode_sku(&put, &terms, &kit, SkuLimitsV1::default(), out).unwrap();
    });
}

/// Records 1 to 11.
pub fn shop() -> Writer {
    let mut log = Writer::shop();
    log.put_sku(1, true, "CUP", 0);
    log.receive(5, level(5, 0, 0));
    let cups = StockMovedV1 { sku: 1, ..received(2, level(2, 0, 0)) };
    log.stock(&cups);
    put_kit(&mut log, PAIR, &[(0, 2), (1, 1)]);
    log
}

pub fn pairs(quantity: u32) -> OrderAskedV1<'static> {
    let line = LineAskedV1 { id: "1", sku: PAIR, decimals: 0, quantity, unit_price: None };
    OrderAskedV1 { policy: Some(PolicyV1::Backorder), lines: vec![line], ..asked("1", 1) }
}

pub fn pair() -> Vec<KitLineV1> {
    vec![KitLineV1 { line: 0, parts: vec![(0, 2), (1, 1)] }]
}

//! Steps of an HTTP worker: bodies, names, answers.

use super::{SKUS, each_round};
use crate::shop::Shop;
use onhand_benches::asks::{self, Spread, external_id, sku_code};
use onhand_engine::ask::{Answer, Ask};
use onhand_engine::domain::SkuNumber;
use onhand_gateway::http::counting::read_order;
use onhand_gateway::render::accepted_into;
use std::any::Any;
use std::hint::black_box;
use std::path::Path;

/// Orders that come in turn.
const ORDERS: u64 = 256;

/// An order as a channel writes it down.
pub(super) fn body(number: u64, lines: &[(SkuNumber, u32)]) -> String {
    let lines: Vec<String> = (1..)
        .zip(lines)
        .map(|(id, (sku, quantity))| {
            let sku = sku_code(sku.0);
            format!(r#"{{"id":"{id}","sku":"{sku}","quantity":{quantity},"unit_price":"4.25"}}"#)
        })
        .collect();
    let (id, lines) = (external_id(number), lines.join(","));
    format!(r#"{{"external_id":"{id}","channel":"web","lines":[{lines}]}}"#)
}

fn read(home: &Path, rounds: u64, lines: u32) -> Box<dyn Any> {
    let shop = Shop::open(home);
    let mut spread = Spread::over(SKUS, 0);
    let bodies: Vec<String> = (0..ORDERS).map(|number| body(number, &spread.lines(lines))).collect();
    let fingerprints = shop.handle.fingerprints();
    each_round(rounds, &bodies, |body| {
        let ask = read_order(&shop.directory, fingerprints, black_box(body.as_bytes()));
        let Ok(Ask::PlaceOrder(order)) = ask else { panic!("it is an order") };
        assert!(black_box(order).lines.len() == lines as usize, "all lines are read");
    });
    Box::new((shop, bodies))
}

pub(super) fn read_1_line(home: &Path, rounds: u64) -> Box<dyn Any> {
    read(home, rounds, 1)
}

pub(super) fn read_3_lines(home: &Path, rounds: u64) -> Box<dyn Any> {
    read(home, rounds, 3)
}

pub(super) fn names(home: &Path, rounds: u64) -> Box<dyn Any> {
    let shop = Shop::open(home);
    let codes: Vec<String> = (0..SKUS).map(sku_code).collect();
    each_round(rounds, &codes, |code| {
        let names = shop.directory.view();
        assert!(names.channel(black_box("web")).is_some(), "the channel has a number");
        assert!(names.sku(black_box(code)).is_some(), "the SKU has a number");
    });
    Box::new((shop, codes))
}

pub(super) fn answer(home: &Path, rounds: u64) -> Box<dyn Any> {
    let shop = Shop::open(home);
    let (mut spread, fingerprints) = (Spread::over(SKUS, 0), shop.handle.fingerprints());
    let order = |number| {
        Ask::PlaceOrder(asks::order(fingerprints, shop.merchant, &external_id(number), &spread.lines(1)))
    };
    shop.submit((0..ORDERS).map(order).collect());
    shop.step();
    let answers: Vec<Answer> = shop.answers().collect();
    let mut out = Vec::new();
    each_round(rounds, &answers, |answer| {
        let Answer::Accepted { lsn, asked, policy, kits, claims } = black_box(answer) else {
            panic!("accepted")
        };
        out.clear();
        let written = accepted_into(&shop.directory, *lsn, asked, (*policy, kits, claims), &mut out);
        assert!(written.is_ok(), "the record reads");
        black_box(&out);
    });
    Box::new((shop, answers, out))
}

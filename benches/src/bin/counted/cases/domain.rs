//! Deciding, and letting it happen.

use super::{SKUS, each_round};
use onhand_benches::asks::Spread;
use onhand_engine::domain::command::{PlaceOrder, PutChannel, PutLocation, PutSku, Receive};
use onhand_engine::domain::order::{Agreed, Policy};
use onhand_engine::domain::sku::StockState;
use onhand_engine::domain::{
    ChannelNumber, Command, Event, LocationNumber, MerchantState, OrderId, SkuNumber,
};
use std::any::Any;
use std::hint::black_box;
use std::path::Path;

/// Orders that come in turn.
const ORDERS: usize = 1_024;

/// A merchant's state with two locations, one channel and more stock than is asked for.
pub(super) fn state() -> MerchantState {
    let mut state = MerchantState::default();
    let mut number = 0;
    let mut apply = |command: &Command<'_>| {
        number += 1;
        let event = state.decide(command).expect("set-up");
        state.evolve(OrderId(number), &event);
    };
    apply(&Command::PutLocation(PutLocation::plain(None)));
    apply(&Command::PutLocation(PutLocation::plain(None)));
    let locations = [LocationNumber(0), LocationNumber(1)];
    apply(&Command::PutChannel(PutChannel::plain(None, &locations, Policy::Reject)));
    for sku in (0..SKUS).map(SkuNumber) {
        apply(&Command::PutSku(PutSku::plain(None, 0)));
        for location in locations {
            let (state, quantity) = (StockState::Sellable, 100_000_000);
            apply(&Command::Receive(Receive { sku, location, state, quantity }));
        }
    }
    state
}

/// Decides on an order.
pub(super) fn decide(state: &MerchantState, lines: &[(SkuNumber, u32)]) -> Event {
    let (channel, agreed) = (ChannelNumber(0), Agreed::NONE);
    let place = PlaceOrder { channel, policy: None, agreed, lines, hold: None, route: None };
    state.decide(&Command::PlaceOrder(place)).expect("stock is there")
}

fn turn(rounds: u64, lines: u32) -> Box<dyn Any> {
    let mut state = state();
    let mut spread = Spread::over(SKUS, 0);
    let orders: Vec<Vec<(SkuNumber, u32)>> = (0..ORDERS).map(|_| spread.lines(lines)).collect();
    let mut order = 1_000_000;
    each_round(rounds, &orders, |lines| {
        order += 1;
        let event = decide(&state, black_box(lines));
        state.evolve(OrderId(order), black_box(&event));
    });
    assert!(state.open_orders() as u64 == rounds, "every order is open");
    Box::new((state, orders))
}

pub(super) fn turn_1_line(_: &Path, rounds: u64) -> Box<dyn Any> {
    turn(rounds, 1)
}

pub(super) fn turn_3_lines(_: &Path, rounds: u64) -> Box<dyn Any> {
    turn(rounds, 3)
}

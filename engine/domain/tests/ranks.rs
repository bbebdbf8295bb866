//! What comes between two turns of a pass: another rank, a new short, a demand that goes. A table of scenarios always
//! serves all who wait before its next line.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use onhand_domain::command::{CancelOrder, PlaceOrder, PutChannel, PutLocation, PutSku, Receive};
use onhand_domain::event::BacklogFilled;
use onhand_domain::merchant::FILL_DEMANDS_MAX;
use onhand_domain::order::{Agreed, Policy};
use onhand_domain::sku::StockState;
use onhand_domain::{ChannelNumber, Command, Event, LocationNumber, MerchantState, OrderId, SkuNumber};

const MUG: SkuNumber = SkuNumber(0);
const DTC: u16 = 0;
const VIP: u16 = 1;
/// Orders, of which one turn looks at all but a few.
const MANY: u64 = FILL_DEMANDS_MAX as u64 + 6;

/// A merchant without a mug, whose channel `DTC` is served by location 0 and `VIP` by both.
struct Shop {
    state: MerchantState,
    events: u64,
}

impl Shop {
    fn new() -> Self {
        let mut shop = Self { state: MerchantState::default(), events: 0 };
        for _ in 0..2 {
            shop.run(&Command::PutLocation(PutLocation::plain(None)));
        }
        shop.put_channel(None, &[0], 100);
        shop.put_channel(None, &[0, 1], 100);
        shop.run(&Command::PutSku(PutSku::plain(None, 0)));
        shop
    }

    fn run(&mut self, command: &Command<'_>) -> OrderId {
        let event = self.state.decide(command).unwrap();
        self.happen(&event)
    }

    fn happen(&mut self, event: &Event) -> OrderId {
        self.events += 1;
        self.state.evolve(OrderId(self.events), event);
        self.state.check().unwrap();
        OrderId(self.events)
    }

    fn put_channel(&mut self, channel: Option<u16>, locations: &[u16], rank: u16) {
        let locations: Vec<LocationNumber> = locations.iter().copied().map(LocationNumber).collect();
        let plain = PutChannel::plain(channel.map(ChannelNumber), &locations, Policy::Reject);
        self.run(&Command::PutChannel(PutChannel { rank, ..plain }));
    }

    fn order(&mut self, channel: u16, quantity: u32, policy: Policy) -> OrderId {
        let (channel, policy, lines) = (ChannelNumber(channel), Some(policy), &[(MUG, quantity)][..]);
        self.run(&Command::PlaceOrder(PlaceOrder {
            channel,
            policy,
            agreed: Agreed::NONE,
            lines,
            hold: None,
            route: None,
        }))
    }

    fn receive(&mut self, location: u16, quantity: u32) {
        let (location, state) = (LocationNumber(location), StockState::Sellable);
        self.run(&Command::Receive(Receive { sku: MUG, location, state, quantity }));
    }

    /// One turn of the pass: who got something, and whether there is another turn.
    fn turn(&mut self) -> (Vec<OrderId>, bool) {
        let work = self.state.next_work().unwrap();
        let event = self.state.decide(&work).unwrap();
        self.happen(&event);
        let Event::BacklogFilled(BacklogFilled { fills, next, .. }) = event else { panic!("it fills") };
        (fills.iter().map(|fill| fill.order).collect(), next.is_some())
    }
}

#[test]
fn another_rank_counts_from_the_next_turn_on_and_takes_nothing() {
    let mut shop = Shop::new();
    let orders: Vec<OrderId> = (0..MANY).map(|_| shop.order(DTC, 1, Policy::Imposed)).collect();
    let vip = shop.order(VIP, 1, Policy::Imposed);
    shop.receive(0, u32::try_from(FILL_DEMANDS_MAX).unwrap() + 2);
    assert_eq!(shop.turn(), (orders[..FILL_DEMANDS_MAX].to_vec(), true));
    shop.put_channel(Some(VIP), &[0, 1], 1);
    assert_eq!(shop.turn(), (vec![vip, orders[FILL_DEMANDS_MAX]], false));
    assert_eq!(shop.state.short_units(), MANY - FILL_DEMANDS_MAX as u64 - 1);
}

#[test]
fn a_new_short_is_not_passed_by() {
    let mut shop = Shop::new();
    for _ in 0..MANY {
        shop.order(DTC, 1, Policy::Backorder);
    }
    // Nobody of them is served by location 1.
    shop.receive(1, 1);
    assert_eq!(shop.turn(), (vec![], true));
    let vip = shop.order(VIP, 2, Policy::Imposed);
    assert_eq!(shop.state.short_units(), 2, "what comes is for those who wait, as far as anybody knows");
    assert_eq!(shop.turn(), (vec![vip], false));
    assert_eq!(shop.state.short_units(), 1);
}

#[test]
fn a_pass_is_not_held_up_by_those_who_come_behind_it() {
    let mut shop = Shop::new();
    for _ in 0..MANY {
        shop.order(DTC, 1, Policy::Imposed);
    }
    let vip = shop.order(VIP, 1, Policy::Imposed);
    // Nobody before them is served by location 1.
    shop.receive(1, 1);
    assert_eq!(shop.turn(), (vec![], true));
    shop.order(DTC, 1, Policy::Imposed);
    assert_eq!(shop.turn(), (vec![vip], false));
}

#[test]
fn a_pass_whose_next_demand_has_gone_begins_anew() {
    let mut shop = Shop::new();
    let orders: Vec<OrderId> = (0..MANY).map(|_| shop.order(DTC, 1, Policy::Imposed)).collect();
    shop.receive(0, u32::try_from(FILL_DEMANDS_MAX).unwrap() + 2);
    assert_eq!(shop.turn(), (orders[..FILL_DEMANDS_MAX].to_vec(), true));
    let next = orders[FILL_DEMANDS_MAX];
    shop.run(&Command::CancelOrder(CancelOrder { order: next, lines: None }));
    assert_eq!(shop.turn(), (orders[FILL_DEMANDS_MAX + 1..FILL_DEMANDS_MAX + 3].to_vec(), false));
}

//! What went wrong elsewhere, in public: each test is a thread of another system, told in this one's numbers.
//! Threads about returns and feeds of channels come with those things; those about kits and holds are in the tables.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on fails")]

use onhand_domain::command::{
    Adjust, CancelOrder, Move, PlaceOrder, PutChannel, PutLocation, PutSku, Receive, ShipLine, ShipOrder,
};
use onhand_domain::digest::digest;
use onhand_domain::order::{Agreed, OrderPicture, Policy};
use onhand_domain::rejection::Shortfall;
use onhand_domain::sku::StockState;
use onhand_domain::{ChannelNumber, LocationNumber, MerchantNumber, OrderId, SkuNumber};
use onhand_domain::{Command, Event, MerchantState, Rejection};
use std::panic::{AssertUnwindSafe, catch_unwind};

const HERE: u16 = 0;
const THERE: u16 = 1;
const MUG: u32 = 0;
const CUP: u32 = 1;

/// One merchant who is asked one thing after the other, and checked after each.
#[derive(Default)]
struct Shop {
    state: MerchantState,
    events: u64,
}

impl Shop {
    /// Channels with their locations, and `stock[sku][location]`.
    fn new(channels: &[&[u16]], stock: &[&[u32]]) -> Self {
        let mut shop = Self::default();
        for _ in 0..3 {
            shop.run(&Command::PutLocation(PutLocation::plain(None))).unwrap();
        }
        for locations in channels {
            let locations: Vec<LocationNumber> = locations.iter().copied().map(LocationNumber).collect();
            let (locations, policy) = (&locations[..], Policy::Reject);
            shop.run(&Command::PutChannel(PutChannel::plain(None, locations, policy))).unwrap();
        }
        for (sku, levels) in (0_u32..).zip(stock) {
            shop.run(&Command::PutSku(PutSku::plain(None, 0))).unwrap();
            for (location, quantity) in (0_u16..).zip(*levels).filter(|(_, quantity)| **quantity > 0) {
                let (sku, location) = (SkuNumber(sku), LocationNumber(location));
                let (state, quantity) = (StockState::Sellable, *quantity);
                shop.run(&Command::Receive(Receive { sku, location, state, quantity })).unwrap();
            }
        }
        shop
    }

    /// One mug shop with one channel and one location.
    fn mugs(quantity: u32) -> Self {
        Self::new(&[&[HERE]], &[&[quantity]])
    }

    fn happen(&mut self, event: &Event) -> OrderId {
        self.events += 1;
        self.state.evolve(OrderId(self.events), event);
        self.state.check().unwrap();
        OrderId(self.events)
    }

    fn run(&mut self, command: &Command<'_>) -> Result<OrderId, Rejection> {
        let event = self.state.decide(command)?;
        let id = self.happen(&event);
        while let Some(work) = self.state.next_work() {
            let event = self.state.decide(&work).unwrap();
            self.happen(&event);
        }
        Ok(id)
    }

    fn order(&mut self, channel: u16, lines: &[(u32, u32)], policy: Policy) -> Result<OrderId, Rejection> {
        let lines: Vec<_> = lines.iter().map(|(sku, quantity)| (SkuNumber(*sku), *quantity)).collect();
        let (channel, policy, lines) = (ChannelNumber(channel), Some(policy), &lines[..]);
        self.run(&Command::PlaceOrder(PlaceOrder {
            channel,
            policy,
            agreed: Agreed::NONE,
            lines,
            hold: None,
            route: None,
        }))
    }

    /// An order of the first channel, all or nothing.
    fn buy(&mut self, lines: &[(u32, u32)]) -> Result<OrderId, Rejection> {
        self.order(0, lines, Policy::Reject)
    }

    fn cancel(&mut self, order: OrderId, lines: Option<&[(u16, u32)]>) -> Result<(), Rejection> {
        self.run(&Command::CancelOrder(CancelOrder { order, lines })).map(|_| ())
    }

    fn ship(&mut self, order: OrderId, quantity: u32) -> Result<(), Rejection> {
        let (location, lines) = (LocationNumber(HERE), &[ShipLine::whole(0, quantity)]);
        self.run(&Command::ShipOrder(ShipOrder { order, location, lines, at: 0 })).map(|_| ())
    }

    fn adjust(&mut self, sku: u32, location: u16, delta: i64) -> Result<(), Rejection> {
        let (sku, location, state) = (SkuNumber(sku), LocationNumber(location), StockState::Sellable);
        self.run(&Command::Adjust(Adjust { sku, location, state, delta })).map(|_| ())
    }

    /// What is sellable at a location, and what of it is claimed.
    fn at(&self, sku: u32, location: u16) -> (u32, u32) {
        let level = self.state.sku(SkuNumber(sku)).unwrap().level(LocationNumber(location));
        (level.sellable(), level.committed())
    }

    /// What is open of a line, and of that: claimed, backordered, short.
    fn line(&self, order: OrderId, line: usize) -> [u32; 4] {
        let picture = OrderPicture::of(&self.state.order(order).unwrap());
        let line = &picture.lines[line];
        let claimed = line.allocated.iter().map(|(_, quantity)| quantity).sum();
        [line.line.open(), claimed, line.backordered, line.short]
    }
}

fn lacks(line: u16, requested: u32, available: u32) -> Rejection {
    Rejection::InsufficientStock { shortfalls: vec![Shortfall { line, requested, available }], routed: None }
}

// magento/magento2 #6363: eighteen frontends brought the stock to -14.
#[test]
fn eighteen_buyers_of_four_mugs() {
    let mut shop = Shop::mugs(4);
    let answers: Vec<_> = (0..18).map(|_| shop.buy(&[(MUG, 1)])).collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 4);
    assert!(answers[4..].iter().all(|answer| *answer == Err(lacks(0, 1, 0))));
    assert_eq!(shop.at(MUG, HERE), (4, 4));
}

// woocommerce #27953, nopCommerce #8085: what a channel has sold beyond the stock makes a negative number.
#[test]
fn eighteen_buyers_of_four_mugs_whom_a_marketplace_has_sold_them_to() {
    let mut shop = Shop::mugs(4);
    let orders: Vec<_> = (0..18).map(|_| shop.order(0, &[(MUG, 1)], Policy::Imposed).unwrap()).collect();
    assert_eq!(shop.at(MUG, HERE), (4, 4));
    assert!(orders[..4].iter().all(|order| shop.line(*order, 0) == [1, 1, 0, 0]));
    assert!(orders[4..].iter().all(|order| shop.line(*order, 0) == [1, 0, 0, 1]));
    assert_eq!(shop.state.short_units(), 14);
    assert_eq!(shop.buy(&[(MUG, 1)]), Err(lacks(0, 1, 0)));
    shop.adjust(MUG, HERE, 13).unwrap();
    assert_eq!((shop.at(MUG, HERE), shop.state.short_units()), ((17, 17), 1));
    assert_eq!(shop.line(orders[17], 0), [1, 0, 0, 1]);
}

// medusa #16500: an order cannot be fulfilled once the reservations of others exhaust what is available.
#[test]
fn what_others_are_short_of_is_no_obstacle_to_a_shipment() {
    let mut shop = Shop::mugs(2);
    let served = shop.order(0, &[(MUG, 2)], Policy::Imposed).unwrap();
    let short = shop.order(0, &[(MUG, 5)], Policy::Imposed).unwrap();
    shop.ship(served, 2).unwrap();
    assert_eq!((shop.at(MUG, HERE), shop.line(short, 0)), ((0, 0), [5, 0, 0, 5]));
    // vendure #1198: to cancel while units are short gives back what was kept, and nothing that was not.
    shop.adjust(MUG, HERE, 3).unwrap();
    shop.cancel(short, Some(&[(0, 3)])).unwrap();
    assert_eq!((shop.at(MUG, HERE), shop.line(short, 0)), ((3, 2), [2, 2, 0, 0]));
}

// magento/inventory #2722, #3072: two reads before two appends sell the same unit twice.
#[test]
fn what_was_decided_before_another_order_cannot_happen_after_it() {
    let mut shop = Shop::mugs(1);
    let (channel, lines) = (ChannelNumber(0), &[(SkuNumber(MUG), 1)][..]);
    let order = Command::PlaceOrder(PlaceOrder {
        channel,
        policy: None,
        agreed: Agreed::NONE,
        lines,
        hold: None,
        route: None,
    });
    let first = shop.state.decide(&order).unwrap();
    let second = shop.state.decide(&order).unwrap();
    shop.happen(&first);
    assert_eq!(shop.state.decide(&order), Err(lacks(0, 1, 0)));
    let stale = catch_unwind(AssertUnwindSafe(|| shop.state.clone().evolve(OrderId(99), &second)));
    // Loud, and not an oversale.
    assert!(stale.unwrap_err().downcast_ref::<&str>().unwrap().starts_with("I2: "));
    assert_eq!(shop.at(MUG, HERE), (1, 1));
}

// magento/inventory #2727: reservations per channel over shared sources sell the shared one twice.
#[test]
fn channels_with_overlapping_locations_sell_each_unit_once() {
    let mut shop = Shop::new(&[&[0, 1], &[1, 2]], &[&[2, 3, 2]]);
    shop.order(0, &[(MUG, 5)], Policy::Reject).unwrap();
    assert_eq!(shop.order(1, &[(MUG, 3)], Policy::Reject), Err(lacks(0, 3, 2)));
    shop.order(1, &[(MUG, 2)], Policy::Reject).unwrap();
    assert_eq!(shop.order(0, &[(MUG, 1)], Policy::Reject), Err(lacks(0, 1, 0)));
    assert_eq!([shop.at(MUG, 0), shop.at(MUG, 1), shop.at(MUG, 2)], [(2, 2), (3, 3), (2, 2)]);
}

// magento/inventory #3165: users ask for a way out of negative numbers. There is no way in.
#[test]
fn a_loss_makes_shorts_and_never_a_negative_number() {
    let mut shop = Shop::mugs(5);
    let order = shop.buy(&[(MUG, 4)]).unwrap();
    let refused = Rejection::NotEnough { state: StockState::Sellable, requested: 6, available: 5 };
    assert_eq!(shop.adjust(MUG, HERE, -6), Err(refused));
    shop.adjust(MUG, HERE, -5).unwrap();
    assert_eq!(shop.at(MUG, HERE), (0, 0));
    assert_eq!(shop.line(order, 0), [4, 0, 0, 4]);
}

// magento/inventory #1881: after a partial shipment a cancellation gave back all that was ordered.
#[test]
fn a_cancellation_gives_back_only_what_is_open() {
    let mut shop = Shop::mugs(10);
    let order = shop.buy(&[(MUG, 5)]).unwrap();
    shop.ship(order, 2).unwrap();
    assert_eq!(shop.at(MUG, HERE), (8, 3));
    shop.cancel(order, None).unwrap();
    assert_eq!(shop.at(MUG, HERE), (8, 0));
}

// magento/inventory PR #2420: a repeated shipment was compensated twice. Keys stop the repetition before it comes
// here; here the order's own claims do.
#[test]
fn a_repeated_shipment_does_nothing() {
    let mut shop = Shop::mugs(10);
    let (order, other) = (shop.buy(&[(MUG, 5)]).unwrap(), shop.buy(&[(MUG, 4)]).unwrap());
    shop.ship(order, 3).unwrap();
    let refused = Rejection::NotAllocated { line: 0, requested: 3, allocated: 2 };
    assert_eq!(shop.ship(order, 3), Err(refused));
    shop.ship(order, 2).unwrap();
    assert_eq!(shop.ship(order, 2), Err(Rejection::OrderNotOpen { order }));
    assert_eq!(shop.at(MUG, HERE), (5, 4));
    assert_eq!(shop.line(other, 0), [4, 4, 0, 0]);
}

// medusajs/medusa #16502: two lines that share an item were checked one by one.
#[test]
fn two_lines_of_one_sku_need_their_sum() {
    let mut shop = Shop::mugs(5);
    assert_eq!(shop.buy(&[(MUG, 3), (MUG, 3)]), Err(lacks(1, 3, 2)));
    assert_eq!(shop.at(MUG, HERE), (5, 0));
    shop.buy(&[(MUG, 3), (MUG, 2)]).unwrap();
    assert_eq!(shop.at(MUG, HERE), (5, 5));
}

// medusajs/medusa #16569: a reserved_quantity beside its reservations no longer was their sum.
#[test]
fn the_counter_is_the_sum_of_the_claims() {
    let mut shop = Shop::new(&[&[HERE, THERE]], &[&[7, 5]]);
    let orders = [4, 3, 5, 2].map(|quantity| shop.order(0, &[(MUG, quantity)], Policy::Backorder).unwrap());
    shop.cancel(orders[0], Some(&[(0, 2)])).unwrap();
    shop.adjust(MUG, THERE, -2).unwrap();
    shop.ship(orders[1], 1).unwrap();
    for location in [HERE, THERE] {
        let claims = shop.state.orders().map(|order| order.claimed(0, LocationNumber(location)));
        assert_eq!(shop.at(MUG, location).1, claims.sum::<u32>());
    }
    // 12 came, 2 were lost, 1 left; 14 were ordered, 2 cancelled, 1 left: two wait.
    assert_eq!([shop.at(MUG, HERE), shop.at(MUG, THERE)], [(6, 6), (3, 3)]);
    assert_eq!(orders.map(|order| shop.line(order, 0)[0]).iter().sum::<u32>(), 11);
}

// medusajs/medusa #16825: an order without its reservations stayed behind.
#[test]
fn a_refused_order_leaves_nothing_behind() {
    let mut shop = Shop::new(&[&[HERE]], &[&[5], &[1]]);
    let before = digest(MerchantNumber(0), &shop.state);
    assert_eq!(shop.buy(&[(MUG, 2), (CUP, 2)]), Err(lacks(1, 2, 1)));
    assert_eq!((shop.at(MUG, HERE), shop.at(CUP, HERE)), ((5, 0), (1, 0)));
    assert_eq!(shop.state.open_orders(), 0);
    assert_eq!(digest(MerchantNumber(0), &shop.state), before);
}

// medusajs/medusa #13625, #12401; odoo/odoo #62139: a release that came twice, or after the goods were lost, made
// the reserved number negative or could not be made at all.
#[test]
fn a_release_happens_once_and_always_can() {
    let mut shop = Shop::mugs(5);
    let order = shop.buy(&[(MUG, 5)]).unwrap();
    shop.adjust(MUG, HERE, -3).unwrap();
    assert_eq!(shop.line(order, 0), [5, 2, 0, 3]);
    shop.cancel(order, None).unwrap();
    assert_eq!(shop.cancel(order, None), Err(Rejection::OrderNotOpen { order }));
    assert_eq!(shop.at(MUG, HERE), (2, 0));
    assert!(shop.state.sku(SkuNumber(MUG)).unwrap().backlog().is_none());
}

// medusajs/medusa #6500: an order that had reserved the last units could not be fulfilled, since none were free.
#[test]
fn an_order_ships_from_its_own_claims() {
    let mut shop = Shop::mugs(5);
    let order = shop.buy(&[(MUG, 5)]).unwrap();
    let late = shop.order(0, &[(MUG, 1)], Policy::Backorder).unwrap();
    let refused = Rejection::NotAllocated { line: 0, requested: 1, allocated: 0 };
    assert_eq!(shop.ship(late, 1), Err(refused), "they lie there, and are another's");
    shop.ship(order, 5).unwrap();
    assert_eq!(shop.at(MUG, HERE), (0, 0));
    assert_eq!(shop.line(late, 0), [1, 0, 1, 0]);
}

// inventree/InvenTree PR #12478: twice five allocated from five, also by other paths than sales.
#[test]
fn five_units_are_given_once_by_whatever_path() {
    let mut shop = Shop::mugs(5);
    shop.buy(&[(MUG, 5)]).unwrap();
    assert_eq!(shop.buy(&[(MUG, 5)]), Err(lacks(0, 5, 0)));
    let (sku, location, quantity) = (SkuNumber(MUG), LocationNumber(HERE), 1);
    let (from, to) = (StockState::Sellable, StockState::QualityControl);
    let refused = Rejection::NotEnough { state: from, requested: 1, available: 0 };
    assert_eq!(shop.run(&Command::Move(Move { sku, location, from, to, quantity })), Err(refused));
    assert_eq!(shop.at(MUG, HERE), (5, 5));
}

// inventree/InvenTree #7285: the same part twice in one list was allocated twice.
#[test]
fn one_sku_on_many_lines_never_gets_more_than_there_is() {
    let mut shop = Shop::new(&[&[HERE, THERE]], &[&[4, 1], &[1, 0]]);
    let lines = [(MUG, 3), (CUP, 1), (MUG, 3), (MUG, 3)];
    let order = shop.order(0, &lines, Policy::Backorder).unwrap();
    assert_eq!([shop.at(MUG, HERE), shop.at(MUG, THERE)], [(4, 4), (1, 1)]);
    let rows = [[3, 3, 0, 0], [1, 1, 0, 0], [3, 2, 1, 0], [3, 0, 3, 0]];
    assert_eq!([0, 1, 2, 3].map(|line| shop.line(order, line)), rows);
}

// solidusio/solidus #3020: one function said yes at the cart and another one no at the end.
#[test]
fn what_a_refusal_says_is_available_can_be_ordered() {
    for split in 0..=6 {
        let stock: &[&[u32]] = &[&[split, 6 - split]];
        for quantity in 1..=8 {
            let mut shop = Shop::new(&[&[HERE, THERE]], stock);
            let rest = match shop.buy(&[(MUG, quantity)]) {
                Ok(_) => 6 - quantity,
                Err(refused) => {
                    assert_eq!(refused, lacks(0, quantity, 6), "{stock:?}");
                    6
                }
            };
            assert!(rest == 0 || shop.buy(&[(MUG, rest)]).is_ok(), "{quantity} of {stock:?}");
            let claimed = shop.at(MUG, HERE).1 + shop.at(MUG, THERE).1;
            assert_eq!(claimed, 6, "{quantity} of {stock:?}");
        }
    }
}

// vendurehq/vendure #1198, #1250; medusajs/medusa #11703, #12796: a cancellation while stock was short gave back
// units that nobody had.
#[test]
fn a_cancellation_while_short_gives_back_exactly_what_was_kept() {
    let mut shop = Shop::mugs(6);
    let (first, second) = (shop.buy(&[(MUG, 3)]).unwrap(), shop.buy(&[(MUG, 3)]).unwrap());
    shop.adjust(MUG, HERE, -4).unwrap();
    assert_eq!((shop.line(first, 0), shop.line(second, 0)), ([3, 2, 0, 1], [3, 0, 0, 3]));
    shop.cancel(second, None).unwrap();
    assert_eq!((shop.at(MUG, HERE), shop.line(first, 0)), ((2, 2), [3, 2, 0, 1]));
    shop.cancel(first, Some(&[(0, 2)])).unwrap();
    assert_eq!((shop.at(MUG, HERE), shop.line(first, 0)), ((2, 1), [1, 1, 0, 0]));
}

// PrestaShop/PrestaShop #16869: a partial refund and then a cancellation gave back more than was ordered.
#[test]
fn shipped_and_cancelled_never_exceed_ordered() {
    let mut shop = Shop::mugs(5);
    let order = shop.buy(&[(MUG, 5)]).unwrap();
    shop.ship(order, 2).unwrap();
    shop.cancel(order, Some(&[(0, 2)])).unwrap();
    let too_many = Rejection::NotOpen { line: 0, requested: 2, open: 1 };
    assert_eq!(shop.cancel(order, Some(&[(0, 2)])), Err(too_many));
    let too_many = Rejection::NotAllocated { line: 0, requested: 2, allocated: 1 };
    assert_eq!(shop.ship(order, 2), Err(too_many));
    let line = shop.state.order(order).unwrap().lines[0];
    assert_eq!((line.ordered, line.shipped, line.cancelled, line.open()), (5, 2, 2, 1));
    assert_eq!(shop.at(MUG, HERE), (3, 1));
}

// shopware/shopware #3524: an edit of many orders at once deadlocked on their stock.
#[test]
fn a_bulk_edit_is_many_small_commands() {
    let mut shop = Shop::new(&[&[HERE]], &[&[600], &[600]]);
    // Every other order names the SKUs the other way round: where locks are taken by line, this is the deadlock.
    let lines =
        |number: usize| if number.is_multiple_of(2) { [(MUG, 2), (CUP, 2)] } else { [(CUP, 2), (MUG, 2)] };
    let orders: Vec<_> = (0..300).map(|number| shop.buy(&lines(number)).unwrap()).collect();
    let waiting = shop.order(0, &[(CUP, 100), (MUG, 100)], Policy::Backorder).unwrap();
    for (order, done) in orders.iter().zip(1_u32..) {
        shop.cancel(*order, Some(&[(0, 1), (1, 1)])).unwrap();
        let served = done.min(100);
        assert_eq!(shop.line(waiting, 0), [100, served, 100 - served, 0]);
        assert_eq!(shop.line(waiting, 1), [100, served, 100 - served, 0]);
    }
    assert_eq!((shop.at(MUG, HERE), shop.at(CUP, HERE)), ((600, 400), (600, 400)));
}

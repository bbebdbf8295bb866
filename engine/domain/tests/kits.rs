//! Orders of kits under whatever happens: the state never contradicts itself, replays to the same digest, and leaves nobody
//! waiting for a kit of which all is there.
//!
//! One channel is served by two locations. Three SKUs have stock, two kits share them, and one of these contains the other.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on fails")]

use onhand_domain::command::{
    Adjust, CancelOrder, PlaceOrder, PutChannel, PutLocation, PutSku, Receive, ShipLine, ShipOrder,
};
use onhand_domain::digest::digest;
use onhand_domain::kit::Component;
use onhand_domain::order::{Agreed, Order, Policy};
use onhand_domain::sku::StockState;
use onhand_domain::{
    ChannelNumber, Command, Event, LocationNumber, MerchantNumber, MerchantState, OrderId, SkuNumber,
};
use proptest::prelude::*;

const PLAIN: u32 = 3;
const KITS: [u32; 2] = [PLAIN, PLAIN + 1];
const LOCATIONS: u16 = 2;

#[derive(Debug, Clone)]
enum Step {
    Receive(u32, u16, u32),
    Lose(u32, u16, u32),
    Order(Vec<(u32, u32)>, bool),
    Cancel(usize, Option<(u16, u32)>),
    Ship(usize, u16, Vec<ShipLine>),
    Recipe(usize, Vec<(u32, u32)>),
}

fn step() -> impl Strategy<Value = Step> {
    let sku = 0..PLAIN;
    let location = 0..LOCATIONS;
    let component = prop::option::weighted(0.4, 0..PLAIN);
    let line = (0..3_u16, component, 1..4_u32).prop_map(|(line, component, quantity)| ShipLine {
        line,
        component: component.map(SkuNumber),
        quantity,
    });
    prop_oneof![
        4 => (sku.clone(), location.clone(), 1..6_u32).prop_map(|(sku, at, units)| Step::Receive(sku, at, units)),
        1 => (sku, location.clone(), 1..4_u32).prop_map(|(sku, at, units)| Step::Lose(sku, at, units)),
        4 => (prop::collection::vec((0..PLAIN + 2, 1..4_u32), 1..4), any::<bool>())
            .prop_map(|(lines, rejects)| Step::Order(lines, rejects)),
        2 => (0..40_usize, prop::option::of((0..3_u16, 1..3_u32))).prop_map(|(order, line)| Step::Cancel(order, line)),
        3 => (0..40_usize, location, prop::collection::vec(line, 1..3))
            .prop_map(|(order, at, lines)| Step::Ship(order, at, lines)),
        1 => (0..2_usize, prop::collection::vec((0..PLAIN + 2, 1..3_u32), 0..4))
            .prop_map(|(kit, components)| Step::Recipe(kit, components)),
    ]
}

/// A shop, and all that happened in it.
#[derive(Default)]
struct Shop {
    state: MerchantState,
    events: Vec<Event>,
}

impl Shop {
    fn open() -> Self {
        let mut shop = Self::default();
        for _ in 0..LOCATIONS {
            shop.run(&Command::PutLocation(PutLocation::plain(None)));
        }
        let locations = [LocationNumber(0), LocationNumber(1)];
        shop.run(&Command::PutChannel(PutChannel::plain(None, &locations, Policy::Reject)));
        for _ in 0..PLAIN + 2 {
            shop.run(&Command::PutSku(PutSku::plain(None, 0)));
        }
        shop.put(KITS[0], &[(0, 2), (1, 1)]);
        shop.put(KITS[1], &[(KITS[0], 1), (2, 1)]);
        shop
    }

    fn put(&mut self, kit: u32, components: &[(u32, u32)]) {
        let components: Vec<Component> =
            components.iter().map(|(sku, units)| (SkuNumber(*sku), *units)).collect();
        let put = PutSku { components: &components, ..PutSku::plain(Some(SkuNumber(kit)), 0) };
        self.run(&Command::PutSku(put));
    }

    /// Runs a command, if it is taken, and lets those who wait be served.
    fn run(&mut self, command: &Command<'_>) {
        if let Ok(event) = self.state.decide(command) {
            self.happen(event);
        }
        while let Some(work) = self.state.next_work() {
            let event = self.state.decide(&work).unwrap();
            self.happen(event);
        }
        self.state.check().unwrap();
    }

    fn happen(&mut self, event: Event) {
        self.events.push(event);
        self.state.evolve(OrderId(self.events.len() as u64), self.events.last().unwrap());
    }

    /// One of the open orders, the oldest being the first.
    fn order(&self, place: usize) -> Option<Order> {
        let mut orders: Vec<Order> = self.state.orders().collect();
        orders.sort_unstable_by_key(|order| order.id);
        let count = orders.len().max(1);
        orders.into_iter().nth(place % count)
    }

    fn step(&mut self, step: &Step) {
        let state = StockState::Sellable;
        match step {
            Step::Receive(sku, at, quantity) => {
                let (sku, location, quantity) = (SkuNumber(*sku), LocationNumber(*at), *quantity);
                self.run(&Command::Receive(Receive { sku, location, state, quantity }));
            }
            Step::Lose(sku, at, units) => {
                let (sku, location, delta) = (SkuNumber(*sku), LocationNumber(*at), -i64::from(*units));
                self.run(&Command::Adjust(Adjust { sku, location, state, delta }));
            }
            Step::Order(lines, rejects) => {
                let lines: Vec<(SkuNumber, u32)> =
                    lines.iter().map(|(sku, quantity)| (SkuNumber(*sku), *quantity)).collect();
                let policy = Some(if *rejects { Policy::Reject } else { Policy::Backorder });
                let (channel, hold, route) = (ChannelNumber(0), None, None);
                let agreed = Agreed::NONE;
                let place = PlaceOrder { channel, policy, agreed, lines: &lines, hold, route };
                self.run(&Command::PlaceOrder(place));
            }
            Step::Cancel(place, line) => {
                let lines = line.map(|line| [line]);
                if let Some(order) = self.order(*place) {
                    let (order, lines) = (order.id, lines.as_ref().map(|lines| &lines[..]));
                    self.run(&Command::CancelOrder(CancelOrder { order, lines }));
                }
            }
            Step::Ship(place, at, lines) => {
                if let Some(order) = self.order(*place) {
                    let (order, location) = (order.id, LocationNumber(*at));
                    self.run(&Command::ShipOrder(ShipOrder { order, location, lines, at: 0 }));
                }
            }
            Step::Recipe(kit, components) => self.put(KITS[*kit], components),
        }
    }

    fn unclaimed(&self, sku: SkuNumber) -> u32 {
        let actor = self.state.sku(sku).unwrap();
        (0..LOCATIONS).map(|location| actor.unclaimed(LocationNumber(location))).sum()
    }

    /// A line that waits for something of which there is enough for one unit of it.
    fn neglected(&self) -> Option<(OrderId, u16)> {
        self.state.orders().find_map(|order| {
            let is_neglected = |line: &u16| {
                let demands: Vec<_> = order.demands_of(*line).map(|(_, demand)| *demand).collect();
                demands.iter().any(|demand| demand.backordered > 0)
                    && demands.iter().all(|demand| self.unclaimed(demand.sku) >= demand.per_unit())
            };
            let lines = u16::try_from(order.lines.len()).unwrap();
            (0..lines).find(is_neglected).map(|line| (order.id, line))
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn kits_go_together_whatever_happens(steps in prop::collection::vec(step(), 1..60)) {
        let mut shop = Shop::open();
        for step in &steps {
            shop.step(step);
            prop_assert_eq!(shop.neglected(), None, "{:?}", step);
        }
        let mut again = MerchantState::default();
        for (id, event) in (1..).zip(&shop.events) {
            again.evolve(OrderId(id), event);
        }
        let of = |state: &MerchantState| digest(MerchantNumber(1), state);
        prop_assert_eq!(of(&again), of(&shop.state));
    }
}

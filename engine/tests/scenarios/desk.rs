//! One merchant's desk at a running engine: what a table runs on here.
//!
//! Every command goes through the handle under a key of its own, and what happened is read from the log, where the
//! system's own work stands too. What the state is, is asked of the shard.

use crate::common::{Client, cancel_ask, channel_ask, copy_of, location_ask, sku_ask, stock_ask};
use crate::table::{Fallible, Stage};
use onhand_domain::command::{
    Adjust, CancelOrder, ExtendHold, Move, PlaceHold, PlaceOrder, PutChannel, PutLocation, PutSku, Receive,
    Set, ShipOrder,
};
use onhand_domain::order::Order;
use onhand_domain::rejection::Shortfall;
use onhand_domain::sku::Level;
use onhand_domain::{ChannelNumber, Command, Event, LocationNumber, OrderId, Rejection, SkuNumber};
use onhand_engine::Engine;
use onhand_engine::ask::{
    Answer, Ask, ChannelAsk, ExtendAsk, HoldAsk, LocationAsk, Movement, OrderAsk, OrderRead, ShipAsk, SkuAsk,
};
use onhand_engine::record::admin::CommandRefusedV1;
use onhand_engine::record::order::{OrderRefusedV1, ShortfallV1, decode_refused};
use onhand_engine::record::{Header, Kind, decode};
use onhand_engine::refusal::refusal_of;
use onhand_engine::snapshots::Lsn;
use onhand_engine::translate::decode_event;

/// What was asked under a key, and the record that answers it.
struct Answered {
    key: String,
    ask: Ask,
    lsn: Lsn,
    record: Vec<u8>,
}

/// See the module.
pub(crate) struct Desk {
    client: Client,
    merchant: String,
    answered: Vec<Answered>,
    orders: Vec<OrderId>,
    asked: usize,
}

impl Desk {
    pub(crate) fn at(engine: &Engine, merchant: &str) -> Self {
        let (client, merchant) = (Client::of(engine, merchant), merchant.to_owned());
        Self { client, merchant, answered: Vec::new(), orders: Vec::new(), asked: 0 }
    }

    /// Asks everything again of an engine that was started again: it says that it knows the key, and by which record,
    /// and that is what it was.
    pub(crate) fn ask_again(&self, engine: &Engine) {
        let client = Client::of(engine, &self.merchant);
        for Answered { key, ask, lsn, record } in &self.answered {
            match client.ask_with(copy_of(ask), Some(key)) {
                Answer::Repeats { lsn: again, by_key: true, .. } => assert_eq!(again, *lsn, "{key}: {ask:?}"),
                other => panic!("{key}: {ask:?}: {other:?}"),
            }
            assert_eq!(client.handle.read(*lsn).unwrap(), *record, "{key}: {ask:?}");
        }
    }

    /// Everything that a merchant can see, as any merchant sees it who did the same: orders by their place.
    pub(crate) fn picture(&self, engine: &Engine) -> String {
        let client = Client::of(engine, &self.merchant);
        let mut picture = String::new();
        for (order, place) in client.orders(&self.orders).0.iter().zip(1..) {
            picture += &match order {
                OrderRead::Open(order) => {
                    let Order { channel, policy, lines, demands, claims, .. } = &**order;
                    format!("{place}: {channel:?} {policy:?} {lines:?} {demands:?} {claims:?}\n")
                }
                OrderRead::Closed(lsn) => format!("{place}: {:?}\n", self.event(&client, *lsn).map(after)),
                OrderRead::Absent => format!("{place}: forgotten\n"),
            };
        }
        let mut stock: Vec<_> = (0..).map(SkuNumber).map_while(|sku| client.find_stock(sku)).collect();
        // Which record made a pool depends on who trades beside.
        stock.iter_mut().flat_map(|stock| &mut stock.pools).for_each(|pool| pool.since = OrderId(0));
        picture + &stock.iter().map(|stock| format!("{stock:?}\n")).collect::<String>()
    }

    fn ask(&mut self, ask: Ask) -> Result<Lsn, Rejection> {
        self.asked += 1;
        let key = format!("{} {}", self.merchant, self.asked);
        let answer = self.client.ask_with(copy_of(&ask), Some(&key));
        let lsn = match &answer {
            Answer::Recorded { lsn, .. } | Answer::Accepted { lsn, .. } => *lsn,
            Answer::Refused { lsn, .. } => *lsn,
            // What is wrong with the request itself is not remembered.
            Answer::Rejected { rejection, .. } => return Err(rejection.clone()),
            other => panic!("{ask:?}: {other:?}"),
        };
        let record = self.client.handle.read(lsn).unwrap();
        assert_is_of(&answer, &record);
        let rejection = self.why_not(&answer, &ask);
        self.answered.push(Answered { key, ask, lsn, record });
        rejection.map_or(Ok(lsn), Err)
    }

    /// Why an answer is a "no", if it is one. The record of a command that was refused has it in words, so it is asked
    /// for again without a key: nothing has changed.
    fn why_not(&self, answer: &Answer, ask: &Ask) -> Option<Rejection> {
        let record = match answer {
            Answer::Refused { refused, .. } => return Some(insufficient(refused)),
            Answer::Recorded { record, .. } => record,
            _ => return None,
        };
        let (header, body) = Header::decode(record).unwrap();
        if header.kind != Kind::CommandRefused {
            return None;
        }
        let Answer::Rejected { rejection, .. } = self.client.ask(copy_of(ask)) else {
            panic!("{ask:?} was refused under a key, and is not without one");
        };
        let (refused, why): (CommandRefusedV1<'_>, _) =
            (decode(body).unwrap(), refusal_of(&rejection, &self.client.directory));
        assert_eq!((refused.status, refused.code, refused.detail), (why.status, why.code, &*why.detail));
        assert_eq!(refused.numbers, why.numbers, "{ask:?}");
        Some(rejection)
    }

    /// The event of a record, if it is this merchant's.
    fn event(&self, client: &Client, lsn: Lsn) -> Option<Event> {
        let record = client.handle.read(lsn).unwrap();
        let (header, body) = Header::decode(&record).unwrap();
        if header.merchant != client.merchant.0 {
            return None;
        }
        decode_event(&header, body).unwrap().and_then(|told| told.event().cloned())
    }

    /// What is asked by a command that names a thing.
    fn ask_of(&self, command: &Command<'_>, name: &str) -> Ask {
        let stock = |sku, location, movement| stock_ask(sku, location, movement);
        match *command {
            Command::PutLocation(PutLocation { safety_stock, .. }) => {
                let Ask::PutLocation(ask) = location_ask(name) else { unreachable!("it is one") };
                Ask::PutLocation(Box::new(LocationAsk { safety_stock, ..*ask }))
            }
            Command::PutChannel(PutChannel { locations, policy, stock_policy, rank, profile, .. }) => {
                let Ask::PutChannel(ask) = channel_ask(name, locations, policy) else {
                    unreachable!("it is one")
                };
                Ask::PutChannel(Box::new(ChannelAsk { stock_policy, rank, profile, ..*ask }))
            }
            Command::PutSku(PutSku { decimals, terms, components, .. }) => {
                let Ask::PutSku(ask) = sku_ask(name, decimals) else { unreachable!("it is one") };
                let (terms, components) = (terms.clone(), components.to_vec());
                Ask::PutSku(Box::new(SkuAsk { terms, components, ..*ask }))
            }
            Command::PutProfile(_) => unreachable!("the tables have no profiles"),
            Command::Receive(Receive { sku, location, state, quantity }) => {
                stock(sku, location, Movement::Receive { state, quantity })
            }
            Command::Adjust(Adjust { sku, location, state, delta }) => {
                stock(sku, location, Movement::Adjust { state, delta })
            }
            Command::Set(Set { sku, location, expected, new }) => {
                stock(sku, location, Movement::Set { expected, new })
            }
            Command::Move(Move { sku, location, from, to, quantity }) => {
                stock(sku, location, Movement::Move { from, to, quantity })
            }
            Command::PlaceOrder(PlaceOrder { channel, policy, agreed, lines, hold, .. }) => {
                let Ask::PlaceOrder(ask) = self.client.order_ask(channel, name, policy, lines) else {
                    unreachable!("it is one")
                };
                Ask::PlaceOrder(OrderAsk { hold, agreed, ..ask })
            }
            Command::PlaceHold(PlaceHold { channel, deadline, customer, lines, .. }) => {
                let ids = (0..lines.len()).map(|line| (line.to_string(), 0)).collect();
                let (ttl_ms, lines) = (deadline, lines.into());
                Ask::PlaceHold(Box::new(HoldAsk { channel, ttl_ms, customer, lines, ids }))
            }
            Command::ExtendHold(ExtendHold { hold, deadline }) => {
                Ask::ExtendHold(ExtendAsk { hold, ttl_ms: deadline })
            }
            Command::ReleaseHold(hold) => Ask::ReleaseHold(hold),
            Command::CancelOrder(CancelOrder { order, lines }) => cancel_ask(order, lines.map(<[_]>::to_vec)),
            Command::ShipOrder(ShipOrder { order, location, lines, .. }) => {
                let lines = lines.to_vec();
                Ask::ShipOrder(ShipAsk { order, location, lines, tracking_number: None })
            }
            Command::PutExposure(put) => Ask::PutExposure(put),
            Command::SetGrant(set) => Ask::SetGrant(set),
            Command::AcknowledgeGrant(acknowledge) => Ask::AcknowledgeGrant(acknowledge),
            Command::PassFeed(pass) => Ask::PassFeed(pass),
            Command::FillBacklog(_) | Command::FreeGrants(_) => panic!("only the shell asks for this"),
        }
    }
}

impl Stage for Desk {
    fn carry_out(&mut self, command: &Command<'_>, name: &str) -> Result<Vec<(OrderId, Event)>, Rejection> {
        let lsn = self.ask(self.ask_of(command, name))?;
        // A read comes behind the system's own work, and is answered when that is durable.
        let last = self.client.orders(&[]).1;
        let events =
            (lsn.0..=last.0).filter_map(|lsn| Some((OrderId(lsn), self.event(&self.client, Lsn(lsn))?)));
        let events: Vec<_> = events.collect();
        let accepted = events.iter().filter(|(_, event)| matches!(event, Event::OrderAccepted(_)));
        self.orders.extend(accepted.map(|(order, _)| *order));
        Ok(events)
    }

    fn stock(&self, sku: SkuNumber) -> (Vec<Level>, u64) {
        let stock = self.client.stock(sku);
        (stock.levels, stock.backordered + stock.short)
    }

    fn promise(&self, sku: SkuNumber, channel: ChannelNumber) -> u64 {
        self.client.promise(sku, channel)
    }

    fn order(&self, order: OrderId) -> Option<Order> {
        match self.client.orders(&[order]).0.remove(0) {
            OrderRead::Open(order) => Some(*order),
            OrderRead::Closed(_) => None,
            OrderRead::Absent => panic!("{order:?} was forgotten"),
        }
    }

    fn open_orders(&self) -> usize {
        self.orders.iter().filter(|order| self.order(**order).is_some()).count()
    }

    /// What stock says is claimed and waits is what the orders say.
    fn check(&self) -> Fallible<()> {
        let orders: Vec<Order> = self.orders.iter().filter_map(|order| self.order(*order)).collect();
        for sku in (0..).map(SkuNumber) {
            let Some(stock) = self.client.find_stock(sku) else { return Ok(()) };
            let of_orders = (claims_of(&orders, sku, &stock.levels), waiting_of(&orders, sku));
            let committed: Vec<u64> = stock.levels.iter().map(|level| level.committed().into()).collect();
            let of_stock = (committed, (stock.backordered, stock.short));
            if of_stock != of_orders {
                return Err(format!("stock says {of_stock:?}, orders say {of_orders:?} of {sku:?}"));
            }
        }
        Ok(())
    }
}

/// Units of a SKU that orders have claimed at each of these locations.
fn claims_of(orders: &[Order], sku: SkuNumber, levels: &[Level]) -> Vec<u64> {
    let at = |location: LocationNumber| {
        let claims = orders.iter().flat_map(|order| order.claims.iter().map(move |claim| (order, claim)));
        let here = claims.filter(|(order, claim)| {
            claim.location == location && order.demands[usize::from(claim.demand)].sku == sku
        });
        here.map(|(_, claim)| u64::from(claim.quantity)).sum()
    };
    levels.iter().map(|level| at(level.location())).collect()
}

/// Units of a SKU that orders wait for: accepted without stock, and lost.
fn waiting_of(orders: &[Order], sku: SkuNumber) -> (u64, u64) {
    let demands = orders.iter().flat_map(|order| &order.demands).filter(|demand| demand.sku == sku);
    demands.fold((0, 0), |(backordered, short), demand| {
        (backordered + u64::from(demand.backordered), short + u64::from(demand.short))
    })
}

fn insufficient(refused: &OrderRefusedV1) -> Rejection {
    let row = |row: &ShortfallV1| {
        let ShortfallV1 { line, requested, available } = *row;
        Shortfall { line, requested, available }
    };
    Rejection::InsufficientStock { shortfalls: refused.shortfalls.iter().map(row).collect(), routed: None }
}

/// An answer says what its record says.
fn assert_is_of(answer: &Answer, record: &[u8]) {
    let (header, body) = Header::decode(record).unwrap();
    match answer {
        Answer::Recorded { record: told, .. } => assert_eq!(told, record),
        Answer::Accepted { policy, kits, claims, .. } => {
            let told = decode_event(&header, body).unwrap().unwrap();
            let Some(Event::OrderAccepted(accepted)) = told.event() else { panic!("{record:?}") };
            assert_eq!((accepted.policy, &accepted.kits, &accepted.claims), (*policy, kits, claims));
        }
        Answer::Refused { refused, .. } => {
            assert_eq!(decode_refused(header.version, body).unwrap().1, *refused)
        }
        other => panic!("{other:?}"),
    }
}

/// The lines of an order after the event that closed it.
fn after(event: Event) -> String {
    match event {
        Event::OrderCancelled(event) => format!("{:?}", event.after),
        Event::OrderShipped(event) => format!("{:?}", event.after),
        other => panic!("{other:?} closes no order"),
    }
}

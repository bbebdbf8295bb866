//! A shop in Berlin and Munich whose log is lived through again.

use super::common::{Client, accepted, channel_ask, config, location_ask, recorded, sku_ask, stock_ask};
use onhand_engine::ask::{
    Answer, Ask, ChannelAsk, ExtendAsk, HoldAsk, LocationAsk, Movement, OrderAsk, ProfileAsk, SkuAsk,
};
use onhand_engine::clock::{Clock, ManualClock};
use onhand_engine::domain::command::Confirm;
use onhand_engine::domain::event::{NewClaims, OrderedLines};
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::sku::{StockState, Terms};
use onhand_engine::domain::table::spread;
use onhand_engine::domain::{ChannelNumber, HoldId, LocationNumber, SkuNumber};
use onhand_engine::record::encode_into;
use onhand_engine::record::order::{OrderAskedV1, ShipToV1, decode_asked};
use onhand_engine::routing::Format;
use onhand_engine::secrets::Fingerprints;
use onhand_engine::simulate::{NewProfile, Question};
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::{Engine, OnFailure};
use std::sync::{Arc, LazyLock};

pub(super) const BERLIN: LocationNumber = LocationNumber(0);
pub(super) const MUNICH: LocationNumber = LocationNumber(1);
pub(super) const WEB: ChannelNumber = ChannelNumber(0);
const MUG: SkuNumber = SkuNumber(0);

const START_MS: u64 = 1_700_000_000_000;

/// The rules that the busy shop has from the beginning.
pub(super) const RULES: &str = r#"
[[strategies]]
name = "large orders from Munich"
when = { lines = "any", is = { fact = "quantity", ge = 4 } }
rank = [{ by = "fewest_shipments" }, { by = "priority", list = ["munich"] }]

[[strategies]]
rank = [{ by = "nearest" }]
"#;

/// Rules to try on the one channel.
pub(super) fn on_web(text: &str) -> Question<'_> {
    static CHANNELS: LazyLock<[String; 1]> = LazyLock::new(|| ["web".to_owned()]);
    let profile = NewProfile { name: "new.toml", text, format: Format::Toml, channels: &*CHANNELS };
    Question { profile: Some(profile), differences: 10, ..Question::default() }
}

pub(super) struct Shop {
    pub(super) client: Client,
    engine: Engine,
    clock: Arc<ManualClock>,
}

impl Shop {
    /// So many mugs at each of the two locations, for a channel without rules.
    pub(super) fn open(storage: &SimStorage, units: u32) -> Self {
        let shop = Self::start(storage, 1);
        shop.found(units, None);
        shop
    }

    /// The same after a start.
    pub(super) fn again(storage: &SimStorage) -> Self {
        Self::start(storage, 1)
    }

    fn start(storage: &SimStorage, shards: usize) -> Self {
        let clock = Arc::new(ManualClock::at(START_MS));
        let on_failure: OnFailure = Arc::new(|failure| panic!("{failure}"));
        let (disk, key) = (Disk::simulated(storage), Fingerprints::with_key([3; 32]));
        let engine = Engine::start(disk, key, Arc::clone(&clock) as _, &config(shards), on_failure).unwrap();
        Self { client: Client::of(&engine, "acme"), engine, clock }
    }

    fn found(&self, units: u32, rules: Option<&str>) {
        for (code, postal_code) in [("berlin", "10115"), ("munich", "80331")] {
            let Ask::PutLocation(ask) = location_ask(code) else { panic!("it is one") };
            let postal_code = Some(postal_code.to_owned());
            recorded(&self.client.ask(Ask::PutLocation(Box::new(LocationAsk { postal_code, ..*ask }))));
        }
        let profile = rules.map(|text| {
            let (code, format) = ("rules".to_owned(), Format::Toml);
            let rules = self.client.directory.read_profile(text, format).unwrap();
            let ask = ProfileAsk { code, format, text: text.into(), rules };
            recorded(&self.client.ask(Ask::PutProfile(Box::new(ask))));
            self.client.directory.profile("rules").unwrap()
        });
        let Ask::PutChannel(ask) = channel_ask("web", &[BERLIN, MUNICH], Policy::Reject) else {
            panic!("it is one")
        };
        recorded(&self.client.ask(Ask::PutChannel(Box::new(ChannelAsk { profile, ..*ask }))));
        assert_eq!(self.client.sku("MUG"), MUG);
        self.receive(BERLIN, units);
        self.receive(MUNICH, units);
    }

    /// Stops it in good order.
    pub(super) fn end(self) {
        assert!(self.engine.stop().is_some());
    }

    /// So much time goes by.
    pub(super) fn pass(&self, ms: u64) {
        self.clock.set(self.clock.now_ms() + ms);
    }

    pub(super) fn lines(&self, units: u32) -> OrderedLines {
        [(MUG, units)].into_iter().collect()
    }

    /// An order for so many mugs that go to Munich.
    pub(super) fn ask(&self, external_id: &str, policy: Option<Policy>, units: u32) -> Ask {
        self.to(external_id, policy, &[(MUG, units)], Some("80333"))
    }

    /// The same, placed under a key, so that a refusal is in the log.
    pub(super) fn order(&self, external_id: &str, policy: Option<Policy>, units: u32) -> Answer {
        self.client.ask_with(self.ask(external_id, policy, units), Some(external_id))
    }

    fn to(
        &self,
        external_id: &str,
        policy: Option<Policy>,
        lines: &[(SkuNumber, u32)],
        postal_code: Option<&str>,
    ) -> Ask {
        let Ask::PlaceOrder(ask) = self.client.order_ask(WEB, external_id, policy, lines) else {
            panic!("it is one")
        };
        let asked = decode_asked(&ask.asked).unwrap();
        let ship_to =
            postal_code.map(|code| ShipToV1 { country: "DE", region: None, postal_code: Some(code) });
        let mut bytes = Vec::new();
        encode_into(&OrderAskedV1 { ship_to, ..asked }, &mut bytes).unwrap();
        Ask::PlaceOrder(OrderAsk { asked: bytes, ..ask })
    }

    pub(super) fn receive(&self, location: LocationNumber, quantity: u32) -> Lsn {
        self.client.receive(MUG, location, quantity)
    }

    /// Mugs are gone.
    pub(super) fn lose(&self, location: LocationNumber, units: u32) {
        let movement = Movement::Adjust { state: StockState::Sellable, delta: -i64::from(units) };
        self.client.move_stock(MUG, location, movement);
    }

    /// Mugs are broken.
    pub(super) fn damage(&self, location: LocationNumber, quantity: u32) {
        let (from, to) = (StockState::Sellable, StockState::Damaged);
        self.client.move_stock(MUG, location, Movement::Move { from, to, quantity });
    }
}

/// Mugs at both locations, claimed or not.
pub(super) fn stock_of(storage: &SimStorage) -> [u32; 2] {
    let shop = Shop::again(&storage.fork());
    let stock = shop.client.stock(MUG);
    shop.end();
    [stock.levels[0].sellable(), stock.levels[1].sellable()]
}

/// A stream of numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        u32::try_from(spread(self.0) % u64::from(end)).unwrap()
    }
}

/// Some hundred orders, holds, confirmations, shipments, cancellations, losses, counts and changes of rules; how many
/// orders are in the log.
pub(super) fn many_things_happen(storage: &SimStorage, shards: usize) -> u64 {
    let shop = Shop::start(storage, shards);
    shop.found(40, Some(RULES));
    let Ask::PutSku(ask) = sku_ask("CUP", 0) else { panic!("it is one") };
    recorded(&shop.client.ask(Ask::PutSku(ask)));
    let mut day = Day { shop, dice: Dice(1), orders: Vec::new(), holds: Vec::new(), in_log: 0 };
    for number in 0..1_200 {
        day.something(number);
        day.shop.pass(500);
    }
    let Day { shop, in_log, .. } = day;
    shop.end();
    in_log
}

struct Day {
    shop: Shop,
    dice: Dice,
    /// Accepted ones, with what was claimed where.
    orders: Vec<(Lsn, NewClaims)>,
    holds: Vec<HoldId>,
    in_log: u64,
}

impl Day {
    fn something(&mut self, number: u32) {
        match self.dice.below(20) {
            0..9 => self.order(number, None),
            9..11 => self.hold(),
            11 => {
                let hold = self.one_hold();
                self.order(number, hold.map(|hold| Confirm { hold, or_reserve: true }));
            }
            12 => self.end_hold(),
            13 => self.ship(),
            14 => self.cancel(),
            15 => self.restate(),
            _ => self.stock(),
        }
    }

    fn place(&mut self) -> (SkuNumber, LocationNumber) {
        (SkuNumber(self.dice.below(2)), LocationNumber(u16::try_from(self.dice.below(2)).unwrap()))
    }

    fn lines(&mut self) -> Vec<(SkuNumber, u32)> {
        (0..1 + self.dice.below(2)).map(|_| (SkuNumber(self.dice.below(2)), 1 + self.dice.below(6))).collect()
    }

    fn order(&mut self, number: u32, hold: Option<Confirm>) {
        let policy = [None, Some(Policy::Reject), Some(Policy::Backorder)][self.dice.below(3) as usize];
        let to = [None, Some("80333"), Some("10117")][self.dice.below(3) as usize];
        let (id, lines) = (number.to_string(), self.lines());
        let Ask::PlaceOrder(ask) = self.shop.to(&id, policy, &lines, to) else { panic!("it is one") };
        let answer = self.shop.client.ask_with(Ask::PlaceOrder(OrderAsk { hold, ..ask }), Some(&id));
        match answer {
            Answer::Refused { .. } => self.in_log += 1,
            answer => {
                self.in_log += 1;
                self.orders.push(accepted(answer));
            }
        }
    }

    fn hold(&mut self) {
        let lines = self.lines();
        let ids = (1..=lines.len()).map(|line| (line.to_string(), 0)).collect();
        let ttl_ms = u64::from(self.dice.below(60_000));
        let ask = HoldAsk { channel: WEB, ttl_ms, customer: None, lines: lines.into(), ids };
        if let Answer::Recorded { lsn, .. } = self.shop.client.ask(Ask::PlaceHold(Box::new(ask))) {
            self.holds.push(HoldId(lsn.0));
        }
    }

    fn one_hold(&mut self) -> Option<HoldId> {
        let count = u32::try_from(self.holds.len()).unwrap();
        (count > 0).then(|| self.holds[self.dice.below(count) as usize])
    }

    fn end_hold(&mut self) {
        let Some(hold) = self.one_hold() else { return };
        let ask = match self.dice.below(2) {
            0 => Ask::ReleaseHold(hold),
            _ => Ask::ExtendHold(ExtendAsk { hold, ttl_ms: 30_000 }),
        };
        drop(self.shop.client.ask(ask));
    }

    fn ship(&mut self) {
        let Some((order, claims)) = self.orders.pop() else { return };
        for (line, location, units) in claims {
            drop(self.shop.client.ship(order, location, vec![(line, units)]));
        }
    }

    fn cancel(&mut self) {
        let count = u32::try_from(self.orders.len()).unwrap();
        if count == 0 {
            return;
        }
        let (order, _) = self.orders[self.dice.below(count) as usize];
        let lines = (self.dice.below(2) == 0).then(|| vec![(0, 1)]);
        drop(self.shop.client.cancel(order, lines));
    }

    fn restate(&mut self) {
        let safety_stock = Some(self.dice.below(3));
        let Ask::PutSku(ask) = sku_ask("MUG", 0) else { panic!("it is one") };
        let terms = Terms { safety_stock, ..Terms::NONE };
        recorded(&self.shop.client.ask(Ask::PutSku(Box::new(SkuAsk { terms, ..*ask }))));
    }

    fn stock(&mut self) {
        let ((sku, location), quantity) = (self.place(), 1 + self.dice.below(9));
        let (sellable, damaged) = (StockState::Sellable, StockState::Damaged);
        let movement = match self.dice.below(5) {
            0 => Movement::Adjust { state: sellable, delta: -i64::from(quantity) },
            1 => Movement::Move { from: sellable, to: damaged, quantity },
            2 => Movement::Set { expected: 0, new: quantity },
            _ => Movement::Receive { state: sellable, quantity: 4 * quantity },
        };
        drop(self.shop.client.ask(stock_ask(sku, location, movement)));
    }
}

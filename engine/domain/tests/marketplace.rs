//! A marketplace that sells from its own copy: it hears late, twice and out of order, its orders come as late, and now and
//! then it is away for an hour, in which it goes on selling. Some of its buyers fill a basket first, which is held for them
//! for less time than some of them need; some then want less of it, or nothing, and some cancel what they have bought. The
//! same days under each mode, side by side:
//! `cargo test -p onhand-domain --test marketplace -- --nocapture` prints what each costs and risks.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on fails")]

use onhand_domain::command::{
    AcknowledgeGrant, CancelOrder, Confirm, PassFeed, PlaceHold, PlaceOrder, PutChannel, PutExposure,
    PutLocation, PutSku, Receive, SetGrant,
};
use onhand_domain::grant::{Grant, Mode};
use onhand_domain::order::{Agreed, Policy};
use onhand_domain::sku::StockState;
use onhand_domain::table::spread;
use onhand_domain::{
    ChannelNumber, Command, Event, HoldId, LocationNumber, MerchantState, OrderId, Rejection, SkuNumber,
};
use std::collections::{BTreeMap, BTreeSet};

const MUG: SkuNumber = SkuNumber(0);
const HERE: LocationNumber = LocationNumber(0);
const MARKET: ChannelNumber = ChannelNumber(0);
const WEB: ChannelNumber = ChannelNumber(1);

/// What is seen of a day: minutes, and how many days.
const MINUTES: u64 = 24 * 60;
const DAYS: u64 = 40;
/// The longest that a message is on its way, in minutes; and how long the marketplace is away.
const LATE: u64 = 25;
const AWAY: u64 = 60;
/// How long a basket is held, and the longest that a buyer looks at it, in minutes.
const HELD: u64 = 30;
const LOOKS: u64 = 60;
/// The marketplace's clock is that of nobody else.
const ITS_CLOCK: u64 = 1_000_000;

/// What is on its way, either way.
#[derive(Clone, Copy)]
enum Message {
    /// A total that the marketplace is to go by.
    Total { revision: u64, total: u64 },
    /// It goes by it from then on.
    Acknowledged { revision: u64, at: u64 },
    /// A basket is filled, or has been bought at once.
    Filled { number: u64, units: u32 },
    /// So much of it is sold.
    Sold { number: u64, units: u32 },
}

/// What came of a day.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
struct Outcome {
    /// Units that the marketplace and the shop have sold.
    market: u64,
    web: u64,
    /// Units that the marketplace has sold and nobody has.
    short: u64,
    /// Buyers who were turned away from either while units lay there that nobody had bought.
    turned_away: u64,
}

struct Day {
    state: MerchantState,
    records: u64,
    /// The record of the last order or hold.
    named: u64,
    dice: u64,
    minute: u64,
    away_from: u64,
    /// What is on its way, and when it comes.
    under_way: Vec<(u64, Message)>,
    /// What the marketplace knows: the last total, its number, and what it has sold or lies in a basket.
    total: u64,
    revision: u64,
    sold: u64,
    baskets: u64,
    /// Baskets that somebody looks at, until when, and the units in them.
    looked_at: BTreeMap<u64, (u64, u32)>,
    /// Units that buyers have left, and when they are offered again.
    left: Vec<(u64, u64)>,
    /// Units of baskets and orders that have not come in as orders.
    unheard: BTreeMap<u64, u32>,
    /// Its orders that have come in: each once, however often it was told.
    heard: BTreeSet<u64>,
    /// What is held for its baskets.
    holds: BTreeMap<u64, HoldId>,
    /// Its orders that may be cancelled.
    orders: Vec<OrderId>,
    outcome: Outcome,
}

impl Day {
    fn new(mode: Mode, day: u64) -> Self {
        let mut new = Self {
            state: MerchantState::default(),
            records: 0,
            named: 0,
            dice: spread(day),
            minute: 0,
            away_from: 0,
            under_way: Vec::new(),
            total: 0,
            revision: 0,
            sold: 0,
            baskets: 0,
            looked_at: BTreeMap::new(),
            left: Vec::new(),
            unheard: BTreeMap::new(),
            heard: BTreeSet::new(),
            holds: BTreeMap::new(),
            orders: Vec::new(),
            outcome: Outcome::default(),
        };
        new.away_from = 200 + new.roll(900);
        new.run(&Command::PutLocation(PutLocation::plain(None))).unwrap();
        new.run(&Command::PutSku(PutSku::plain(None, 0))).unwrap();
        for policy in [Policy::Imposed, Policy::Reject] {
            new.run(&Command::PutChannel(PutChannel::plain(None, &[HERE], policy))).unwrap();
        }
        // A basket takes units off the copy before its order is one.
        let (channel, max_lag_ms) = (MARKET, LATE + AWAY + LOOKS);
        new.run(&Command::PutExposure(PutExposure { channel, mode, max_lag_ms })).unwrap();
        new
    }

    fn roll(&mut self, below: u64) -> u64 {
        self.dice = spread(self.dice);
        self.dice % below
    }

    fn run(&mut self, command: &Command<'_>) -> Result<Event, Rejection> {
        let event = self.state.decide(command)?;
        self.happen(&event);
        while let Some(work) = self.state.next_work() {
            let event = self.state.decide(&work).unwrap();
            self.happen(&event);
        }
        Ok(event)
    }

    fn happen(&mut self, event: &Event) {
        self.records += 1;
        if matches!(event, Event::OrderAccepted(_) | Event::HoldPlaced(_)) {
            self.named = self.records;
        }
        self.state.evolve(OrderId(self.records), event);
        self.state.check().unwrap();
    }

    fn is_away(&self) -> bool {
        (self.away_from..self.away_from + AWAY).contains(&self.minute)
    }

    /// A message goes off; one in six comes twice. While the marketplace is away none arrives.
    fn send(&mut self, message: Message) {
        let copies = if self.roll(6) == 0 { 2 } else { 1 };
        for _ in 0..copies {
            let mut comes = self.minute + self.roll(LATE);
            if (self.away_from..self.away_from + AWAY).contains(&comes) {
                comes = self.away_from + AWAY;
            }
            self.under_way.push((comes, message));
        }
    }

    fn copy(&self) -> u64 {
        self.total.saturating_sub(self.sold)
    }

    /// Units that lie there and that nobody has bought.
    fn unsold(&self) -> u64 {
        let unclaimed = u64::from(self.state.sku(MUG).unwrap().unclaimed(HERE));
        unclaimed.saturating_sub(self.unheard.values().map(|units| u64::from(*units)).sum())
    }

    fn order(
        &mut self,
        channel: ChannelNumber,
        units: u32,
        hold: Option<HoldId>,
    ) -> Result<Event, Rejection> {
        let (policy, lines, route) = (None, &[(MUG, units)][..], None);
        let hold = hold.map(|hold| Confirm { hold, or_reserve: true });
        self.run(&Command::PlaceOrder(PlaceOrder {
            channel,
            policy,
            agreed: Agreed::default(),
            lines,
            hold,
            route,
        }))
    }

    fn grant_of_market(&self) -> Option<&Grant> {
        self.state.sku(MUG).and_then(|actor| actor.grant(MARKET))
    }

    fn arrive(&mut self, message: Message) {
        match message {
            Message::Total { revision, total } if revision > self.revision => {
                (self.revision, self.total) = (revision, total);
                self.send(Message::Acknowledged { revision, at: ITS_CLOCK + self.minute });
            }
            Message::Total { .. } => {}
            Message::Acknowledged { revision, at } => {
                let acknowledge = AcknowledgeGrant { sku: MUG, channel: MARKET, revision, at };
                self.run(&Command::AcknowledgeGrant(acknowledge)).unwrap();
            }
            Message::Filled { number, units } => {
                // One that comes behind its order, or twice, is none.
                if !self.heard.contains(&number) && !self.holds.contains_key(&number) {
                    let (deadline, lines) = (self.minute + HELD, &[(MUG, units)][..]);
                    let hold = PlaceHold { channel: MARKET, deadline, customer: None, key: 1, lines };
                    if self.run(&Command::PlaceHold(hold)).is_ok() {
                        self.holds.insert(number, HoldId(self.named));
                    }
                }
            }
            Message::Sold { number, units } => {
                if self.heard.insert(number) {
                    let hold = self.holds.get(&number).copied();
                    let event = self.order(MARKET, units, hold).unwrap();
                    let Event::OrderAccepted(accepted) = event else { panic!("{event:?}") };
                    let claimed: u32 = accepted.claims.iter().map(|claim| claim.2).sum();
                    self.outcome.short += u64::from(units - claimed);
                    self.unheard.remove(&number);
                    self.orders.push(OrderId(self.named));
                }
            }
        }
    }

    /// A buyer of the marketplace takes units of what its copy shows, and mostly has sold them at once.
    fn fill_basket(&mut self) {
        let most = self.copy();
        if most == 0 {
            self.outcome.turned_away += u64::from(self.unsold() > 0);
            return;
        }
        let (number, units) = (self.baskets, if self.roll(3) == 0 { most.min(2) } else { 1 });
        let in_basket = u32::try_from(units).unwrap();
        self.baskets += 1;
        self.sold += units;
        self.unheard.insert(number, in_basket);
        if self.roll(3) == 0 {
            let until = self.minute + self.roll(LOOKS);
            self.looked_at.insert(number, (until, in_basket));
            self.send(Message::Filled { number, units: in_basket });
        } else {
            self.outcome.market += units;
            self.send(Message::Sold { number, units: in_basket });
        }
    }

    /// Buyers who have looked long enough take it all, or one, or nothing. What they leave the copy shows again once no
    /// hold of it can live.
    fn look(&mut self) {
        let now = self.minute;
        let (again, left) = std::mem::take(&mut self.left).into_iter().partition(|(at, _)| *at <= now);
        self.left = left;
        let again: Vec<(u64, u64)> = again;
        self.sold -= again.iter().map(|(_, units)| units).sum::<u64>();
        let (done, looked_at) =
            std::mem::take(&mut self.looked_at).into_iter().partition(|(_, (until, _))| *until <= now);
        self.looked_at = looked_at;
        let done: BTreeMap<u64, (u64, u32)> = done;
        for (number, (_, units)) in done {
            let bought = [units, units, 1, 0][usize::try_from(self.roll(4)).unwrap()];
            self.left.push((now + LATE + AWAY + HELD, u64::from(units - bought)));
            if bought == 0 {
                self.unheard.remove(&number);
            } else {
                self.unheard.insert(number, bought);
                self.outcome.market += u64::from(bought);
                self.send(Message::Sold { number, units: bought });
            }
        }
    }

    /// Now and then a buyer cancels: the goods are anybody's, and the copy does not show them.
    fn cancel_one(&mut self) {
        if let Some(order) = self.orders.pop()
            && self.roll(8) == 0
        {
            self.run(&Command::CancelOrder(CancelOrder { order, lines: None })).unwrap();
        }
    }

    /// What is held too long is held no more.
    fn expire(&mut self) {
        while let Some(event) = self.state.due(self.minute) {
            self.happen(&event);
        }
    }

    /// Tells the marketplace what it may sell: in escrow half of what there is, else as many as its mode allows.
    fn publish(&mut self, mode: Mode) {
        let there = self.state.promise(MUG, MARKET).total();
        let left = match mode {
            Mode::Escrow => there.div_ceil(2),
            Mode::Overlap(hundredths) => there.div_ceil(2) * u64::from(hundredths) / 100,
            Mode::Mirror => there,
        };
        let known = self.grant_of_market().map_or(0, |grant| grant.sold);
        let tell =
            |left: u64| Command::SetGrant(SetGrant { sku: MUG, channel: MARKET, granted: known + left });
        let told = match self.run(&tell(left)) {
            // What was lowered is kept still, and what can be kept with it is said.
            Err(Rejection::GrantExceedsStock { .. }) => return,
            told => told.unwrap(),
        };
        let Event::GrantSet(set) = told else { panic!("{told:?}") };
        self.send(Message::Total { revision: self.told(), total: set.granted });
    }

    /// The number of what the marketplace was told last.
    fn told(&self) -> u64 {
        self.grant_of_market().unwrap().revision
    }

    fn minute(&mut self, mode: Mode) {
        if self.minute.is_multiple_of(240) {
            let (state, quantity) = (StockState::Sellable, 12);
            self.run(&Command::Receive(Receive { sku: MUG, location: HERE, state, quantity })).unwrap();
        }
        let now = self.minute;
        let (come, under_way) = self.under_way.iter().partition(|(comes, _)| *comes <= now);
        self.under_way = under_way;
        let come: Vec<(u64, Message)> = come;
        self.expire();
        for (_, message) in come {
            self.arrive(message);
        }
        self.cancel_one();
        self.look();
        if !self.is_away() {
            let pass = PassFeed { channel: MARKET, at: ITS_CLOCK + now };
            self.run(&Command::PassFeed(pass)).unwrap();
            if now.is_multiple_of(15) {
                self.publish(mode);
            }
        }
        if self.roll(30) == 0 {
            match self.order(WEB, 1, None) {
                Ok(_) => self.outcome.web += 1,
                Err(_) => self.outcome.turned_away += u64::from(self.unsold() > 0),
            }
        }
        if self.roll(30) == 0 {
            self.fill_basket();
        }
        self.minute += 1;
    }

    /// What the marketplace may have sold and may still sell is taken, or held for its buyers, in every mode.
    fn check(&self) {
        let held: u64 = self.state.sku(MUG).unwrap().held().iter().map(|(_, units)| units).sum();
        let taken = held + self.grant_of_market().map_or(0, Grant::taken);
        let unheard: u64 = self.unheard.values().map(|units| u64::from(*units)).sum();
        assert!(
            unheard + self.copy() <= taken,
            "minute {}: {unheard} unheard, copy {}",
            self.minute,
            self.copy()
        );
    }
}

fn live(mode: Mode, day: u64) -> Outcome {
    let mut this = Day::new(mode, day);
    for _ in 0..MINUTES {
        this.minute(mode);
        this.check();
    }
    this.outcome
}

#[test]
fn escrow_never_oversells_and_what_the_others_cost() {
    let modes = [Mode::Escrow, Mode::Overlap(150), Mode::Mirror];
    let outcomes = modes.map(|mode| {
        let mut all = Outcome::default();
        for day in 0..DAYS {
            let Outcome { market, web, short, turned_away } = live(mode, day);
            assert!(mode != Mode::Escrow || short == 0, "day {day}: {short} units are short in escrow");
            all.market += market;
            all.web += web;
            all.short += short;
            all.turned_away += turned_away;
        }
        all
    });
    println!("| mode | marketplace sold | shop sold | short | turned away beside unsold units |");
    println!("|---|---:|---:|---:|---:|");
    for (mode, Outcome { market, web, short, turned_away }) in modes.iter().zip(outcomes) {
        println!("| {mode:?} | {market} | {web} | {short} | {turned_away} |");
    }
    let [escrow, overlap, mirror] = outcomes;
    assert!(escrow.market > 0 && escrow.web > 0);
    assert!(overlap.short > 0 && mirror.short > 0, "what a copy risks is to be seen: {outcomes:?}");
    assert!(escrow.turned_away > mirror.turned_away, "and what it saves: {outcomes:?}");
}

#[test]
fn a_total_that_is_told_again_changes_nothing() {
    let mut day = Day::new(Mode::Escrow, 1);
    let receive = Receive { sku: MUG, location: HERE, state: StockState::Sellable, quantity: 10 };
    day.run(&Command::Receive(receive)).unwrap();
    let tell = |granted| Command::SetGrant(SetGrant { sku: MUG, channel: MARKET, granted });
    for granted in [6, 6] {
        day.run(&tell(granted)).unwrap();
        let taken = day.state.sku(MUG).unwrap().grant(MARKET).unwrap().taken();
        assert_eq!((taken, day.state.promise(MUG, WEB).total()), (6, 4));
    }
    let refused = Rejection::GrantExceedsStock { requested: 11, available: 10 };
    assert_eq!(day.run(&tell(11)), Err(refused));
    day.order(MARKET, 1, None).unwrap();
    day.order(MARKET, 1, None).unwrap();
    assert_eq!(day.run(&tell(1)), Err(Rejection::GrantBelowSold { granted: 1, sold: 2 }));
    assert_eq!((day.state.promise(MUG, MARKET).total(), day.state.promise(MUG, WEB).total()), (8, 4));
}

/// What a buyer held and did not order is the marketplace's to sell again, and an order that comes late finds it.
#[test]
fn what_was_held_and_not_ordered_is_granted_still() {
    let started = || {
        let mut day = Day::new(Mode::Escrow, 1);
        let receive = Receive { sku: MUG, location: HERE, state: StockState::Sellable, quantity: 10 };
        day.run(&Command::Receive(receive)).unwrap();
        day
    };
    let place = PlaceHold { channel: MARKET, deadline: 30, customer: None, key: 1, lines: &[(MUG, 4)] };
    let grant = Command::SetGrant(SetGrant { sku: MUG, channel: MARKET, granted: 10 });
    let books = |day: &Day| {
        let grant = day.grant_of_market().unwrap();
        let offered = [MARKET, WEB].map(|channel| day.state.promise(MUG, channel).total());
        (grant.sold, grant.taken(), offered)
    };
    let mut day = started();
    day.run(&grant).unwrap();
    day.run(&Command::PlaceHold(place)).unwrap();
    assert_eq!(books(&day), (4, 6, [6, 0]));
    (day.minute, day.outcome) = (30, Outcome::default());
    day.expire();
    assert_eq!(books(&day), (0, 10, [10, 0]), "nothing of it was sold");
    let hold = Some(HoldId(day.named));
    day.order(MARKET, 4, hold).unwrap();
    assert_eq!(books(&day), (4, 6, [6, 0]), "an order that comes late sells it once");
    // One of which an order takes a part.
    day.run(&Command::PlaceHold(place)).unwrap();
    let hold = Some(HoldId(day.named));
    day.order(MARKET, 1, hold).unwrap();
    assert_eq!(books(&day), (5, 5, [5, 0]));
    // A hold of before the first grant has sold nothing of it.
    let mut day = started();
    day.run(&Command::PlaceHold(place)).unwrap();
    let hold = day.named;
    day.run(&Command::SetGrant(SetGrant { sku: MUG, channel: MARKET, granted: 6 })).unwrap();
    assert_eq!(books(&day), (0, 6, [6, 0]));
    day.run(&Command::ReleaseHold(HoldId(hold))).unwrap();
    assert_eq!(books(&day), (0, 6, [10, 4]));
}

/// Kits have no grant of their own: what is held of a part is theirs first, and sold with them; a line of the part sells of
/// the grant what is left.
#[test]
fn kits_confirm_what_is_held_of_their_parts() {
    const PAIR: SkuNumber = SkuNumber(1);
    for (lines, sold) in [
        (&[(PAIR, 2)][..], 4),
        (&[(PAIR, 1)], 2),
        (&[(PAIR, 2), (MUG, 2)], 6),
        (&[(MUG, 3), (PAIR, 1)], 5),
        (&[(MUG, 3)], 3),
    ] {
        let mut day = Day::new(Mode::Escrow, 1);
        let pair = PutSku { components: &[(MUG, 2)], ..PutSku::plain(None, 0) };
        day.run(&Command::PutSku(pair)).unwrap();
        let receive = Receive { sku: MUG, location: HERE, state: StockState::Sellable, quantity: 10 };
        day.run(&Command::Receive(receive)).unwrap();
        day.run(&Command::SetGrant(SetGrant { sku: MUG, channel: MARKET, granted: 10 })).unwrap();
        let hold = PlaceHold { channel: MARKET, deadline: 30, customer: None, key: 1, lines: &[(MUG, 4)] };
        day.run(&Command::PlaceHold(hold)).unwrap();
        let hold = Some(Confirm { hold: HoldId(day.named), or_reserve: false });
        let (channel, policy, agreed, route) = (MARKET, None, Agreed::default(), None);
        let order = PlaceOrder { channel, policy, agreed, lines, hold, route };
        let Event::OrderAccepted(accepted) = day.run(&Command::PlaceOrder(order)).unwrap() else {
            panic!("{lines:?}")
        };
        let claimed: u32 = accepted.claims.iter().map(|claim| claim.2).sum();
        let grant = day.grant_of_market().unwrap();
        assert_eq!(
            (claimed, grant.sold, grant.taken()),
            (u32::try_from(sold).unwrap(), sold, 10 - sold),
            "{lines:?}"
        );
    }
}

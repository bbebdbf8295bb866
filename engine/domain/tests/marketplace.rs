//! A marketplace that sells from its own copy: it hears late, twice and out of order, its orders come as late, and now and
//! then it is away for an hour, in which it goes on selling. The same days under each mode, side by side:
//! `cargo test -p onhand-domain --test marketplace -- --nocapture` prints what each costs and risks.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on fails")]

use onhand_domain::command::{
    AcknowledgeGrant, PassFeed, PlaceOrder, PutChannel, PutExposure, PutLocation, PutSku, Receive, SetGrant,
};
use onhand_domain::grant::Mode;
use onhand_domain::order::{Agreed, Policy};
use onhand_domain::sku::StockState;
use onhand_domain::table::spread;
use onhand_domain::{
    ChannelNumber, Command, Event, LocationNumber, MerchantState, OrderId, Rejection, SkuNumber,
};
use std::collections::BTreeSet;

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
/// The marketplace's clock is that of nobody else.
const ITS_CLOCK: u64 = 1_000_000;

/// What is on its way, either way.
#[derive(Clone, Copy)]
enum Message {
    /// A total that the marketplace is to go by.
    Total { revision: u64, total: u64 },
    /// It goes by it from then on.
    Acknowledged { revision: u64, at: u64 },
    /// It has sold one.
    Sold { number: u64 },
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
    dice: u64,
    minute: u64,
    away_from: u64,
    /// What is on its way, and when it comes.
    under_way: Vec<(u64, Message)>,
    /// What the marketplace knows: the last total, its number, and what it has sold.
    total: u64,
    revision: u64,
    sold: u64,
    /// Its orders that have come in: each once, however often it was told.
    heard: BTreeSet<u64>,
    outcome: Outcome,
}

impl Day {
    fn new(mode: Mode, day: u64) -> Self {
        let mut new = Self {
            state: MerchantState::default(),
            records: 0,
            dice: spread(day),
            minute: 0,
            away_from: 0,
            under_way: Vec::new(),
            total: 0,
            revision: 0,
            sold: 0,
            heard: BTreeSet::new(),
            outcome: Outcome::default(),
        };
        new.away_from = 200 + new.roll(900);
        new.run(&Command::PutLocation(PutLocation::plain(None))).unwrap();
        new.run(&Command::PutSku(PutSku::plain(None, 0))).unwrap();
        for policy in [Policy::Imposed, Policy::Reject] {
            new.run(&Command::PutChannel(PutChannel::plain(None, &[HERE], policy))).unwrap();
        }
        let (channel, max_lag_ms) = (MARKET, LATE + AWAY);
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
        unclaimed.saturating_sub(self.sold - self.heard.len() as u64)
    }

    fn order(&mut self, channel: ChannelNumber) -> Result<Event, Rejection> {
        let (policy, lines, hold, route) = (None, &[(MUG, 1)][..], None, None);
        self.run(&Command::PlaceOrder(PlaceOrder {
            channel,
            policy,
            agreed: Agreed::default(),
            lines,
            hold,
            route,
        }))
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
            Message::Sold { number } => {
                if self.heard.insert(number) {
                    let event = self.order(MARKET).unwrap();
                    let Event::OrderAccepted(accepted) = event else { panic!("{event:?}") };
                    self.outcome.short += u64::from(accepted.claims.is_empty());
                }
            }
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
        let heard = self.heard.len() as u64;
        let tell =
            |left: u64| Command::SetGrant(SetGrant { sku: MUG, channel: MARKET, granted: heard + left });
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
        self.state.sku(MUG).and_then(|actor| actor.grant(MARKET)).unwrap().revision
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
        for (_, message) in come {
            self.arrive(message);
        }
        if !self.is_away() {
            let pass = PassFeed { channel: MARKET, at: ITS_CLOCK + now };
            self.run(&Command::PassFeed(pass)).unwrap();
            if now.is_multiple_of(15) {
                self.publish(mode);
            }
        }
        if self.roll(30) == 0 {
            match self.order(WEB) {
                Ok(_) => self.outcome.web += 1,
                Err(_) => self.outcome.turned_away += u64::from(self.unsold() > 0),
            }
        }
        if self.roll(30) == 0 {
            if self.copy() > 0 {
                self.sold += 1;
                self.outcome.market += 1;
                self.send(Message::Sold { number: self.sold });
            } else {
                self.outcome.turned_away += u64::from(self.unsold() > 0);
            }
        }
        self.minute += 1;
    }

    /// What the marketplace may have sold and may still sell is taken, in every mode.
    fn check(&self) {
        let taken =
            self.state.sku(MUG).and_then(|actor| actor.grant(MARKET)).map_or(0, |grant| grant.taken());
        let unheard = self.sold - self.heard.len() as u64;
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
    day.order(MARKET).unwrap();
    day.order(MARKET).unwrap();
    assert_eq!(day.run(&tell(1)), Err(Rejection::GrantBelowSold { granted: 1, sold: 2 }));
    assert_eq!((day.state.promise(MUG, MARKET).total(), day.state.promise(MUG, WEB).total()), (8, 4));
}

//! Clients: what they asked, what they were told, and what they do not know.

use crate::bulk::{Body, Passed};
use crate::dice::Dice;
use crate::grants;
use crate::people::People;
use crate::resolve::{Outcome, outcome};
use crate::shop::Shop;
use crate::wish::Wish;
use onhand_engine::Ticket;
use onhand_engine::ask::{Answer, Submission};
use onhand_engine::record::{Header, Kind};
use onhand_engine::snapshots::Lsn;

/// What a client was told, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) lsn: Lsn,
    /// Hash of the record that the answer rests on.
    pub(crate) record: [u8; 32],
    is_same: bool,
}

/// One request, under one key, however often it is sent.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) wish: Wish,
    /// Orders may go without one: their external id is enough.
    key: Option<String>,
    /// Sent, and nothing heard yet.
    pub(crate) under_way: u32,
    pub(crate) told: Option<Told>,
    /// A "no" that nothing remembers was the answer: the next one may be another.
    pub(crate) refused: bool,
}

impl Request {
    pub(crate) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// As it is sent to an engine; `None` if it cannot be sent now.
    pub(crate) fn submission(&self, shop: &Shop) -> Option<Submission> {
        let key = self.key.as_ref().map(|key| shop.key(key));
        Some(shop.submission(self.wish.ask(shop)?, key, self.wish.fingerprint()))
    }

    fn identity(&self, shop: &Shop) -> Identity {
        (self.key.as_ref().map(|key| shop.key(key)), Some(self.wish.fingerprint()))
    }

    fn is_unknown(&self) -> bool {
        self.told.is_none() && !self.refused && self.under_way == 0
    }
}

/// What stands in the header of the record that decides a request: the hash of its key, and its fingerprint.
pub(crate) type Identity = (Option<[u8; 16]>, Option<[u8; 16]>);

/// A body that was sent.
pub(crate) struct Sending {
    /// What stands in the header of its records.
    pub(crate) id: [u8; 16],
    /// Its lines, in their order.
    pub(crate) lines: Vec<Identity>,
}

/// Tickets from here on are of those that tell a shard that a body has ended.
const PASSES: Ticket = 1 << 62;

/// How often something new that is wanted comes with a change of what is kept, of ten thousand.
const RULES: u64 = 600;

/// How often it comes with something that is wanted of a kit, of ten thousand.
const KITS: u64 = 1_500;

/// How often it comes with something of what channels sell from their own copy, of ten thousand.
const GRANTS: u64 = 2_000;
/// How often it comes with something that is wanted of an order of which something is agreed, of ten thousand.
const WHOLE: u64 = 1_500;

/// The most lines of a body: some batches.
const BODY_LINES_MAX: usize = 150;

/// The clients of one merchant.
pub(crate) struct Clients {
    pub(crate) requests: Vec<Request>,
    /// What bulk bodies consist of: places of requests.
    bodies: Vec<Vec<usize>>,
    /// Each time that a body was sent.
    pub(crate) sendings: Vec<Sending>,
    /// The sendings that are under way.
    on_their_way: Vec<Body>,
    /// What a shard is told of them when they have ended.
    passed: Vec<Passed>,
    /// Whom orders are for; from these dice, if orders are for anybody.
    pub(crate) people: People,
    names: Option<Dice>,
    /// What is kept of stock, for whom, changes by these, if it does.
    rules: Option<Dice>,
    /// Kits are made and ordered by these, if they are.
    kits: Option<Dice>,
    /// Orders of which something is agreed are placed by these, if they are.
    whole: Option<Dice>,
    /// Those that were accepted, and whether nothing of them waits from some date on.
    pub(crate) whole_orders: Vec<Lsn>,
    pub(crate) dated: Vec<bool>,
    /// Kits that are there, as far as clients know.
    known_kits: Vec<u32>,
    /// Orders that were accepted, as far as clients know.
    orders: Vec<Lsn>,
    /// Holds that were placed.
    holds: Vec<Lsn>,
    /// Channels sell from their own copy by these, if they do.
    grants: Option<Dice>,
    /// What they were told, as far as clients know.
    told_grants: Vec<grants::Told>,
}

/// What some merchants have, and by which dice.
#[derive(Default)]
pub(crate) struct Apart {
    /// What is kept of stock, for whom.
    pub(crate) rules: Option<Dice>,
    pub(crate) kits: Option<Dice>,
    pub(crate) grants: Option<Dice>,
    /// Orders of which something is agreed.
    pub(crate) whole: Option<Dice>,
}

impl Clients {
    pub(crate) fn new(names: Option<Dice>, Apart { rules, kits, grants, whole }: Apart) -> Self {
        Self {
            requests: Vec::new(),
            bodies: Vec::new(),
            sendings: Vec::new(),
            on_their_way: Vec::new(),
            passed: Vec::new(),
            people: People::default(),
            names,
            rules,
            kits,
            whole,
            whole_orders: Vec::new(),
            dated: Vec::new(),
            known_kits: Vec::new(),
            orders: Vec::new(),
            holds: Vec::new(),
            grants,
            told_grants: Vec::new(),
        }
    }

    /// Wants something new and asks for it.
    pub(crate) fn want(&mut self, dice: &mut Dice, shop: &Shop, text_bytes: usize) {
        let number = self.requests.len() as u64;
        let mut wish = Wish::any(dice, number, &self.orders, text_bytes);
        wish.name(self.person(shop, number));
        let is_order = matches!(wish, Wish::Order { .. });
        let key = (!is_order || dice.chance(7_000)).then(|| format!("key {number}"));
        self.requests.push(Request { wish, key, under_way: 0, told: None, refused: false });
        self.send(shop, self.requests.len() - 1);
        self.want_rule(shop);
        self.want_kit(shop);
        self.want_grant(shop);
        self.want_whole(shop);
    }

    /// Now and then something else is kept.
    fn want_rule(&mut self, shop: &Shop) {
        let Some(dice) = &mut self.rules else { return };
        if !dice.chance(RULES) {
            return;
        }
        let number = self.requests.len();
        let wish = Wish::rule(dice, number as u64, &self.holds);
        let key = Some(format!("rule {number}"));
        self.requests.push(Request { wish, key, under_way: 0, told: None, refused: false });
        self.send(shop, self.requests.len() - 1);
    }

    /// Now and then something is wanted of a kit.
    fn want_kit(&mut self, shop: &Shop) {
        let Some(dice) = &mut self.kits else { return };
        if !dice.chance(KITS) {
            return;
        }
        let number = self.requests.len();
        let wish = Wish::kit(dice, number as u64, &self.known_kits, &self.orders);
        let key = Some(format!("kit {number}"));
        self.requests.push(Request { wish, key, under_way: 0, told: None, refused: false });
        self.send(shop, self.requests.len() - 1);
    }

    /// Now and then a channel is told what it may sell, or says something of it.
    fn want_grant(&mut self, shop: &Shop) {
        let Some(dice) = &mut self.grants else { return };
        if !dice.chance(GRANTS) {
            return;
        }
        let number = self.requests.len();
        let wish = Wish::grant(dice, number as u64, &self.told_grants);
        let key = Some(format!("grant {number}"));
        self.requests.push(Request { wish, key, under_way: 0, told: None, refused: false });
        self.send(shop, self.requests.len() - 1);
    }

    /// Now and then something is wanted of an order of which something is agreed.
    fn want_whole(&mut self, shop: &Shop) {
        let Some(dice) = &mut self.whole else { return };
        if !dice.chance(WHOLE) {
            return;
        }
        let number = self.requests.len();
        let wish = Wish::whole(dice, number as u64, &self.whole_orders);
        let key = Some(format!("whole {number}"));
        self.requests.push(Request { wish, key, under_way: 0, told: None, refused: false });
        self.send(shop, self.requests.len() - 1);
    }

    /// Sends a request, for the first time or again.
    pub(crate) fn send(&mut self, shop: &Shop, place: usize) {
        if let Some(submission) = self.requests[place].submission(shop) {
            self.send_as(shop, place, submission);
        }
    }

    fn send_as(&mut self, shop: &Shop, place: usize, submission: Submission) {
        if shop.send(place as u64, submission) {
            self.requests[place].under_way += 1;
        }
    }

    /// Wants a body of new things, all orders or all movements, and begins to send it.
    pub(crate) fn want_body(&mut self, dice: &mut Dice, shop: &Shop, text_bytes: usize) {
        let are_orders = dice.chance(5_000);
        let have_keys = !are_orders || dice.chance(7_000);
        let first = self.requests.len();
        let count = 2 + if dice.chance(2_000) { dice.place(BODY_LINES_MAX) } else { dice.place(12) };
        for number in first as u64..(first + count) as u64 {
            let mut wish = if are_orders { Wish::order(dice, number) } else { Wish::stock(dice, text_bytes) };
            wish.name(self.person(shop, number));
            let key = have_keys.then(|| format!("key {number}"));
            self.requests.push(Request { wish, key, under_way: 0, told: None, refused: false });
        }
        self.bodies.push((first..first + count).collect());
        self.send_body(shop, self.bodies.len() - 1);
    }

    /// Whom a new order is for, if somebody.
    fn person(&mut self, shop: &Shop, number: u64) -> Option<String> {
        let dice = self.names.as_mut()?;
        let text = || format!("customer {number} of {}", shop.merchant().0);
        dice.chance(5_000).then(|| text() + &" ".repeat(dice.place(200)))
    }

    /// Begins to send a body, for the first time or again.
    fn send_body(&mut self, shop: &Shop, body: usize) {
        let mut id = [2; 16];
        id[4..8].copy_from_slice(&shop.merchant().0.to_le_bytes());
        id[8..].copy_from_slice(&(self.sendings.len() as u64).to_le_bytes());
        let lines = self.bodies[body].iter().map(|place| self.requests[*place].identity(shop)).collect();
        self.sendings.push(Sending { id, lines });
        for place in &self.bodies[body] {
            self.requests[*place].under_way += 1;
        }
        self.on_their_way.push(Body::new(id, &self.bodies[body]));
    }

    /// Begins to send one of the bodies again that have a line of which the outcome is not known, or any.
    pub(crate) fn send_body_again(&mut self, dice: &mut Dice, shop: &Shop) {
        let unknown = self.unknown_bodies();
        if !unknown.is_empty() {
            self.send_body(shop, unknown[dice.place(unknown.len())]);
        } else if !self.bodies.is_empty() {
            self.send_body(shop, dice.place(self.bodies.len()));
        }
    }

    /// Begins to send all of the bodies again that have a line of which the outcome is not known.
    pub(crate) fn send_unknown_bodies(&mut self, shop: &Shop) {
        for body in self.unknown_bodies() {
            self.send_body(shop, body);
        }
    }

    fn unknown_bodies(&self) -> Vec<usize> {
        let is_unknown =
            |body: &&usize| self.bodies[**body].iter().any(|place| self.requests[*place].is_unknown());
        (0..self.bodies.len()).collect::<Vec<_>>().iter().filter(is_unknown).copied().collect()
    }

    /// Lines of bodies enter; now and then a sender gives up.
    pub(crate) fn go_on(&mut self, dice: &mut Dice, shop: &Shop, giving_up: u64) {
        for mut body in std::mem::take(&mut self.on_their_way) {
            if dice.chance(giving_up) {
                self.end_body(shop, body);
                continue;
            }
            if dice.chance(5_000) {
                body.enter(dice, shop, &self.requests);
            }
            self.on_their_way.push(body);
        }
    }

    fn end_body(&mut self, shop: &Shop, body: Body) {
        for place in body.open_lines() {
            self.requests[place].under_way -= 1;
        }
        if let Some(passed) = body.end(shop) {
            shop.pass(PASSES + self.passed.len() as u64, &passed);
            self.passed.push(passed);
        }
    }

    /// Hears what was answered.
    pub(crate) fn hear(&mut self, shop: &Shop) {
        for (ticket, answer) in shop.answers() {
            if let Some(passed) = ticket.checked_sub(PASSES) {
                self.hear_passed(shop, passed, &answer);
                continue;
            }
            let Ok(place) = usize::try_from(ticket) else { continue };
            let outcome = outcome(shop, self.requests[place].has_key(), answer);
            self.hear_one(shop, place, outcome);
        }
        for mut body in std::mem::take(&mut self.on_their_way) {
            for (place, outcome) in body.hear(shop, &self.requests) {
                self.hear_one(shop, place, outcome);
            }
            if body.is_over() {
                self.end_body(shop, body);
            } else {
                self.on_their_way.push(body);
            }
        }
    }

    /// A shard that had no room to be told that a body has ended is told again.
    fn hear_passed(&self, shop: &Shop, number: u64, answer: &Answer) {
        let passed = usize::try_from(number).ok().and_then(|number| self.passed.get(number));
        if let (Answer::Busy, Some(passed)) = (answer, passed) {
            shop.pass(PASSES + number, passed);
        }
    }

    fn hear_one(&mut self, shop: &Shop, place: usize, outcome: Outcome) {
        self.requests[place].under_way -= 1;
        match outcome {
            Outcome::Settled { lsn, record, is_same } => self.tell(place, lsn, &record, is_same),
            Outcome::Refused => self.refuse(place),
            // Whatever body it came in, from here on it goes alone.
            Outcome::Send(submission) => self.send_as(shop, place, Submission { stage: 0, ..*submission }),
            // It is sent again when somebody thinks of it.
            Outcome::Again | Outcome::Unreadable => {}
        }
    }

    fn tell(&mut self, place: usize, lsn: Lsn, record: &[u8], is_same: bool) {
        let number = self.requests.len() as u64;
        let request = &mut self.requests[place];
        let told = Told { lsn, record: *blake3::hash(record).as_bytes(), is_same };
        if let Some(before) = &request.told {
            assert_eq!(*before, told, "{request:?} was answered otherwise before");
        }
        if request.told.is_none() && is_same && matches!(request.wish, Wish::Order { .. }) {
            self.orders.push(lsn);
            if request.wish.is_agreed() {
                self.whole_orders.push(lsn);
                self.dated.push(request.wish.lapses());
            }
        }
        let kind = Header::decode(record).map(|(header, _)| header.kind);
        if let (Wish::Kit { kit, .. }, Ok(Kind::SkuPut)) = (&request.wish, &kind)
            && !self.known_kits.contains(kit)
        {
            self.known_kits.push(*kit);
        }
        if request.told.is_none() && kind == Ok(Kind::HoldPlaced) {
            self.holds.push(lsn);
        }
        if request.told.is_none() {
            self.told_grants.extend(grants::Told::of(lsn, record, number));
        }
        let person = request.wish.person().filter(|_| is_same);
        if let Some(text) = person {
            self.people.enter(lsn, record, text);
        }
        request.told = Some(told);
    }

    fn refuse(&mut self, place: usize) {
        let request = &mut self.requests[place];
        assert!(request.told.is_none(), "{request:?} was answered before, and is refused now");
        request.refused = true;
    }

    /// Whatever is under way will not be heard of: the engine is gone.
    pub(crate) fn lose_connection(&mut self) {
        self.on_their_way.clear();
        self.passed.clear();
        for request in &mut self.requests {
            request.under_way = 0;
        }
    }

    /// Whether every request has its answer.
    pub(crate) fn is_content(&self) -> bool {
        self.requests.iter().all(|request| request.told.is_some() || request.refused)
    }

    /// Requests of which the outcome is not known.
    pub(crate) fn unknown(&self) -> Vec<usize> {
        (0..self.requests.len()).filter(|place| self.requests[*place].is_unknown()).collect()
    }
}

//! One run: a seed, a disk, a clock, clients, and an engine that comes and goes.

use crate::between::{Interleaved, Who};
use crate::client::{Apart, Clients};
use crate::dice::Dice;
use crate::later::random;
use crate::oracle::judge;
use crate::room::Room;
use crate::shop::Shop;
use crate::swarm::Swarm;
use crate::tally::Tally;
use crate::what_if::try_what_if;
use onhand_engine::EngineConfig;
use onhand_engine::clock::{Clock, ManualClock};
use onhand_engine::config::QueueLimits;
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::log::SEGMENT_BYTES_MIN;
use onhand_engine::snapshots::storage::{Crash, Fault, OpKind, SimStorage};
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::stepped::SteppedEngine;
use std::sync::Arc;

pub(crate) const MERCHANTS: [&str; 3] = ["acme", "bolt", "core"];
/// When a run begins, in milliseconds since 1970-01-01 UTC.
pub(crate) const START_MS: u64 = 1_780_000_000_000;
/// What tells the dice for what came later from those of another seed.
const WIDER: u64 = 0x5749_4445_5200_0001;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Steps between two looks of the oracle at a running disk.
const LOOK_EVERY: u64 = 4_000;

/// Steps for which the clock may stand still.
const STILL_MAX: u64 = 400;

/// Calls to the disk in which a fault comes at the rate 1, at the latest: a run has some thousand.
const OPS: u64 = 12_000;

/// Stops an engine in order.
fn stopped(engine: Arc<SteppedEngine>) -> Option<u64> {
    Arc::into_inner(engine).unwrap_or_else(|| panic!("somebody else has the engine")).stop()
}

pub(crate) struct World {
    pub(crate) dice: Dice,
    /// Chooses what came later, see [`Swarm::wider`].
    pub(crate) wider: Dice,
    pub(crate) swarm: Swarm,
    pub(crate) disk: SimStorage,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) clients: Vec<Clients>,
    pub(crate) tally: Tally,
    pub(crate) room: Room,
    /// Steps for which the clock still stands.
    still: u64,
}

/// A run of the engine, from a start to its end.
pub(crate) struct Life {
    pub(crate) engine: Arc<SteppedEngine>,
    /// What happens inside calls to the disk.
    pub(crate) interleaved: Interleaved,
    /// How many calls to the disk had failed before it began.
    errors: u64,
    pub(crate) shops: Vec<Shop>,
}

/// How a life ends.
enum End {
    PowerLoss,
    Kill,
    CleanStop,
}

/// Lives what a seed says.
///
/// # Panics
/// If something does not hold: that is a finding, and the seed finds it again.
#[must_use]
pub fn run(seed: u64) -> Tally {
    let mut wider = Dice::new(seed.rotate_left(32) ^ WIDER);
    let mut dice = Dice::new(seed);
    let swarm = Swarm::of(&mut dice).wider(&mut wider);
    World::of(dice, wider, swarm).whole()
}

/// Lives what a seed says without what [`Swarm::wider`] adds: seeds that found something before that find it again.
///
/// # Panics
/// As [`run`].
#[must_use]
pub fn run_plain(seed: u64) -> Tally {
    let mut dice = Dice::new(seed);
    let swarm = Swarm::of(&mut dice);
    World::of(dice, Dice::new(WIDER), swarm).whole()
}

/// Which call to the disk fails: the one before which so many were made.
#[derive(Debug, Clone, Copy)]
pub enum Failing {
    /// In the first start, on an empty disk: reading, writing, syncing, changing names.
    FirstStart(u64),
    /// The same from there on.
    Call(u64),
    /// In the first start: opening, listing, asking for a name, a length or free room.
    FirstLook(u64),
    /// The same from there on.
    Look(u64),
}

/// Lives a short day in which one call to the disk fails. `None` if the day has no such call.
///
/// # Panics
/// If something does not hold: that is a finding.
#[must_use]
pub fn run_failing(seed: u64, failing: Failing, errno: i32) -> Option<Tally> {
    let mut world = World::of(Dice::new(seed), Dice::new(WIDER), Swarm::short_day());
    let is_first = matches!(failing, Failing::FirstStart(_) | Failing::FirstLook(_));
    if !is_first {
        world.found();
    }
    let (disk, looks) = (&world.disk, world.disk.ops_of(OpKind::Look));
    match failing {
        Failing::FirstStart(number) | Failing::Call(number) => {
            disk.fail_at(Fault { at: disk.ops() + number, errno });
        }
        Failing::FirstLook(number) | Failing::Look(number) => {
            disk.fail_nth(OpKind::Look, looks + number, errno);
        }
    }
    if is_first {
        world.found_among_errors();
    }
    world.live_on();
    let tally = world.calm();
    (tally.disk_errors > 0).then_some(tally)
}

/// Dice for what is kept of stock, for whom, in a third of the runs. They are apart from all others, so that whatever does
/// not have them goes the way it went before.
fn rules(wider: &Dice) -> Option<Dice> {
    const APART: u64 = 0x72_75_6c_65_73;
    let mut dice = Dice::new(wider.clone().roll() ^ APART);
    (dice.below(3) == 0).then_some(dice)
}

/// Dice for kits, in a third of the runs; apart from all others, likewise.
fn kits(wider: &Dice) -> Option<Dice> {
    const APART: u64 = 0x6b_69_74_73;
    let mut dice = Dice::new(wider.clone().roll() ^ APART);
    (dice.below(3) == 0).then_some(dice)
}

/// Dice for channels that sell from their own copy, in a third of the runs; apart from all others, likewise.
fn grants(wider: &Dice) -> Option<Dice> {
    const APART: u64 = 0x67_72_61_6e_74_73;
    let mut dice = Dice::new(wider.clone().roll() ^ APART);
    (dice.below(3) == 0).then_some(dice)
}

/// Dice for orders of which something is agreed, in a third of the runs; apart from all others, likewise.
fn whole(wider: &Dice) -> Option<Dice> {
    const APART: u64 = 0x77_68_6f_6c_65;
    let mut dice = Dice::new(wider.clone().roll() ^ APART);
    (dice.below(3) == 0).then_some(dice)
}

impl World {
    fn of(dice: Dice, mut wider: Dice, swarm: Swarm) -> Self {
        let (mut rules, mut kits) = (rules(&wider), kits(&wider));
        let (mut grants, mut whole) = (grants(&wider), whole(&wider));
        let mut names = || (swarm.erasures > 0).then(|| Dice::new(wider.roll()));
        let mut apart = || Apart {
            rules: rules.as_mut().map(Dice::split),
            kits: kits.as_mut().map(Dice::split),
            grants: grants.as_mut().map(Dice::split),
            whole: whole.as_mut().map(Dice::split),
        };
        let clients = MERCHANTS.iter().map(|_| Clients::new(names(), apart())).collect();
        let clock = Arc::new(ManualClock::at(START_MS));
        let (disk, tally) = (SimStorage::default(), Tally::default());
        Self { dice, wider, swarm, disk, clock, clients, tally, room: Room::default(), still: 0 }
    }

    fn whole(mut self) -> Tally {
        self.found();
        self.limit_disk();
        self.live_on();
        if self.is_astray() {
            return self.recognise();
        }
        let disk = self.disk.clone();
        let mut tally = self.calm();
        // Its own dice: a seed says what it said before.
        let mut dice = Dice::new(tally.digest);
        (tally.decided_anew, tally.differing) = try_what_if(&disk, Lsn(tally.records), &mut dice);
        tally
    }

    fn live_on(&mut self) {
        while self.tally.steps < self.swarm.steps && !self.is_astray() {
            self.live();
        }
    }

    pub(crate) fn config(&mut self) -> EngineConfig {
        let shards = if self.tally.steps == 0 { self.swarm.shards } else { 1 + self.dice.place(5) };
        let queues = QueueLimits { merchant_max: 64, total_max: 160 };
        let (snapshot_segments, disk) = (self.swarm.snapshot_segments, self.swarm.marks);
        EngineConfig { shards, segment_bytes: SEGMENT_BYTES_MIN, snapshot_segments, queues, disk }
    }

    pub(crate) fn start(&mut self) -> Option<Life> {
        let config = self.config();
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let fingerprints = Fingerprints::with_key([7; 32]);
        let random = random(self.wider.roll());
        let disk = Disk::simulated(&self.disk);
        let started = SteppedEngine::start_with(disk, fingerprints, clock, random, &config);
        match started {
            Ok(engine) => {
                let shops = MERCHANTS
                    .iter()
                    .map(|name| Shop::open(engine.handle(), name))
                    .collect::<Option<Vec<_>>>();
                let errors = self.tally.disk_errors;
                let life = shops.map(|shops| self.begin(engine, shops, errors));
                assert!(
                    life.is_some() || self.is_disturbed(),
                    "a merchant cannot be made on a disk that is well"
                );
                life
            }
            Err(error) => {
                assert!(self.is_disturbed(), "a start on a disk that is well: {error}");
                None
            }
        }
    }

    fn begin(&mut self, engine: SteppedEngine, shops: Vec<Shop>, errors: u64) -> Life {
        self.room.is_squeezed = false;
        let engine = Arc::new(engine);
        let dice = Dice::new(self.dice.roll());
        let interleaved = Interleaved::begin(&engine, &self.disk, dice, self.swarm.between);
        Life { engine, interleaved, errors, shops }
    }

    /// Whether the disk gave reason to fail.
    pub(crate) fn is_disturbed(&self) -> bool {
        self.disk.is_off() || self.disk.has_failed() || self.is_astray()
    }

    /// Whether a write went to a wrong place.
    pub(crate) fn is_astray(&self) -> bool {
        self.disk.astray().is_some()
    }

    /// The same after a first start that a call to the disk may have ended.
    fn found_among_errors(&mut self) {
        match self.start() {
            Some(life) => {
                self.tally.disk_errors += u64::from(self.disk.has_failed());
                self.disk.heal();
                // It ends as it can: what is left then is looked at by the next start.
                let _digest = self.stop(life);
                self.disk.restart();
            }
            None => {
                self.tally.failed_starts += 1;
                self.end_without_life();
            }
        }
        self.found();
    }

    /// Makes the merchants and what they sell, without faults.
    fn found(&mut self) {
        let Some(life) = self.start() else { panic!("a first start fails") };
        for shop in &life.shops {
            for (ticket, ask) in (0..).zip(Shop::catalogue()) {
                assert!(shop.send(ticket, shop.submission(ask, None, [0; 16])), "no room for a catalogue");
            }
        }
        while (0..life.engine.shards()).any(|shard| life.engine.shard_step(shard)) || life.engine.log_step() {
        }
        assert!(self.stop(life).is_some(), "a first stop fails");
    }

    /// From a start to the end of the engine, whatever ends it.
    fn live(&mut self) {
        // A start may fail as anything may; but a disk that never lets one come to its end says nothing.
        if self.dice.chance(5_000) {
            self.arm();
        }
        self.share_while_down();
        let started = self.start();
        let Some(life) = started else {
            self.tally.steps += 1;
            self.tally.failed_starts += 1;
            return self.end_without_life();
        };
        self.arm();
        let end = loop {
            self.tally.steps += 1;
            if let Some(end) = self.step(&life) {
                break end;
            }
        };
        self.end(life, end);
    }

    fn end_without_life(&mut self) {
        if self.disk.is_off() {
            return self.lose_power();
        }
        self.tally.disk_errors += 1;
        self.disk.heal();
        self.disk.restart();
    }

    /// One thing happens. `Some` if it ends the engine.
    fn step(&mut self, life: &Life) -> Option<End> {
        self.tick();
        self.act(life);
        self.send_bodies(life);
        self.share_disk();
        self.care_for_people(life);
        for (clients, shop) in self.clients.iter_mut().zip(&life.shops) {
            clients.hear(shop);
        }
        if self.disk.is_off() {
            return Some(End::PowerLoss);
        }
        if self.disk.has_failed() {
            self.tally.disk_errors += 1;
            self.disk.heal();
            self.arm();
        }
        if life.engine.has_failed() {
            let is_well = self.tally.disk_errors == life.errors && !self.is_astray();
            assert!(!is_well || self.may_lack_a_segment(), "the log failed on a disk that is well");
            self.tally.failed_logs += 1;
            self.tally.full_logs += u64::from(is_well);
            return Some(if self.dice.chance(5_000) { End::PowerLoss } else { End::Kill });
        }
        let is_over = self.tally.steps >= self.swarm.steps;
        match () {
            () if self.dice.chance(self.swarm.kill) => Some(End::Kill),
            () if is_over || self.dice.chance(self.swarm.clean_stop) => Some(End::CleanStop),
            () => None,
        }
    }

    /// Clients, the engine's parts, one of them at a time.
    fn act(&mut self, life: &Life) {
        let place = self.dice.place(self.clients.len());
        let (clients, shop) = (&mut self.clients[place], &life.shops[place]);
        match self.dice.below(100) {
            0..35 => clients.want(&mut self.dice, shop, self.swarm.text_bytes),
            35..45 => {
                let unknown = clients.unknown();
                if !unknown.is_empty() {
                    clients.send(shop, unknown[self.dice.place(unknown.len())]);
                }
            }
            45..50 => self.send_once_more(place, shop),
            50..70 => drop(life.engine.shard_step(self.dice.place(life.engine.shards()))),
            70..88 => drop(life.interleaved.during(Who::All, || life.engine.log_step())),
            // What of these fails is tried again by the next one.
            88..92 => {
                let made = life.interleaved.during(Who::Shards, || life.engine.spare_step());
                self.judge_level(life, &made);
            }
            92..97 => drop(life.interleaved.during(Who::All, || life.engine.keeper_step())),
            97 => life.engine.clock_step(),
            98 => drop(life.interleaved.during(Who::All, || life.engine.trash_step())),
            _ => drop(life.interleaved.during(Who::All, || life.engine.customer_step())),
        }
        if self.tally.steps.is_multiple_of(LOOK_EVERY) && !self.disk.is_off() && !self.is_astray() {
            judge(&self.disk.fork(), &self.clients);
        }
    }

    /// Something is sent that was answered already, or is under way.
    fn send_once_more(&mut self, place: usize, shop: &Shop) {
        let clients = &mut self.clients[place];
        if clients.requests.is_empty() {
            return;
        }
        let request = self.dice.place(clients.requests.len());
        let is_under_way = clients.requests[request].under_way > 0;
        let chance = if is_under_way { self.swarm.impatience } else { self.swarm.repeats };
        if self.dice.chance(chance * 10) {
            clients.send(shop, request);
        }
    }

    fn tick(&mut self) {
        if self.swarm.stillness > 0 && self.still == 0 && self.wider.chance(self.swarm.stillness) {
            self.tally.stills += 1;
            self.still = 1 + self.wider.below(STILL_MAX);
        }
        let passed = if self.still > 0 { 0 } else { self.dice.below(60) };
        self.still = self.still.saturating_sub(1);
        self.tally.clock_ms += passed;
        let mut now = self.clock.now_ms() + passed;
        if self.dice.chance(self.swarm.clock_jumps) {
            self.tally.clock_jumps += 1;
            let far = self.dice.below(90 * 24 * 3_600_000);
            let back = self.dice.chance(5_000);
            now = if back { now.saturating_sub(far) } else { now + far };
        }
        self.clock.set(now);
    }

    /// Chooses what goes wrong with the disk next, if something does.
    fn arm(&mut self) {
        let ops = self.disk.ops();
        if let Some(until) = OPS.checked_div(self.swarm.power_loss) {
            self.disk.die_at(ops + self.dice.below(until));
        }
        if let Some(until) = OPS.checked_div(self.swarm.misdirected).filter(|_| !self.is_astray()) {
            self.disk.misdirect_at(ops + self.dice.below(until), self.dice.roll());
        }
        if let Some(until) = OPS.checked_div(self.swarm.disk_errors) {
            let errno = if self.dice.chance(5_000) { EIO } else { ENOSPC };
            self.disk.fail_at(Fault { at: ops + self.dice.below(until), errno });
        }
        if let Some(until) = OPS.checked_div(self.swarm.look_errors) {
            let looks = self.disk.ops_of(OpKind::Look);
            self.disk.fail_nth(OpKind::Look, looks + self.wider.below(until), EIO);
        }
    }

    fn end(&mut self, life: Life, end: End) {
        let Life { engine, interleaved, shops, .. } = life;
        self.tally.between += interleaved.count();
        drop(interleaved);
        match end {
            End::CleanStop => {
                self.tally.clean_stops += 1;
                let digest = stopped(engine);
                for (clients, shop) in self.clients.iter_mut().zip(&shops) {
                    clients.hear(shop);
                }
                self.part(shops);
                if self.disk.is_off() {
                    return self.lose_power();
                }
                let is_disturbed = self.is_disturbed();
                self.tally.disk_errors += u64::from(is_disturbed);
                self.disk.heal();
                self.disk.restart();
                assert!(
                    digest.is_some() || is_disturbed || self.may_lack_a_segment(),
                    "a stop on a disk that is well gives no digest"
                );
                self.look(digest);
            }
            End::Kill => {
                self.tally.kills += 1;
                drop(engine);
                self.part(shops);
                self.disk.heal();
                self.disk.restart();
                self.look(None);
            }
            End::PowerLoss => {
                drop(engine);
                self.part(shops);
                self.lose_power();
            }
        }
    }

    pub(crate) fn stop(&mut self, life: Life) -> Option<u64> {
        self.tally.between += life.interleaved.count();
        drop(life.interleaved);
        stopped(life.engine)
    }

    fn part(&mut self, shops: Vec<Shop>) {
        self.tally.refused_as_full += shops.iter().map(Shop::refused_as_full).sum::<u64>();
        drop(shops);
        self.clients.iter_mut().for_each(Clients::lose_connection);
    }

    fn lose_power(&mut self) {
        self.tally.power_losses += 1;
        let crash = match self.dice.below(10) {
            0 => Crash::LoseAll,
            1 => Crash::KeepAll,
            _ => Crash::Torn(self.dice.roll()),
        };
        self.disk.crash(crash);
        self.look(None);
    }
}

//! The end of a run: the faults have stopped, and what clients were not told they are told now.

use crate::between::Who;
use crate::client::Request;
use crate::oracle::judge;
use crate::people::People;
use crate::swarm::Swarm;
use crate::tally::Tally;
use crate::whole::{DATES_MS, ask_for, judge_dates};
use crate::wish::{HOLD_MS_MAX, SKUS, Wish};
use crate::world::{Life, START_MS, World};
use onhand_engine::SpaceLevel;
use onhand_engine::clock::Clock;
use onhand_engine::snapshots::storage::OpKind;

/// Steps after the faults have stopped by which every request must be answered.
const CALM_STEPS: u64 = 200_000;

impl World {
    /// The faults have stopped: every request gets its answer, and all of it can be read.
    pub(crate) fn calm(mut self) -> Tally {
        self.disk.heal();
        self.disk.restart();
        let [power_loss, kill, clean_stop, disk_errors, look_errors] = [0; 5];
        let [misdirected, clock_jumps, giving_up] = [0; 3];
        self.swarm = Swarm {
            power_loss,
            kill,
            clean_stop,
            disk_errors,
            look_errors,
            misdirected,
            clock_jumps,
            giving_up,
            ..self.swarm
        };
        self.disk.go_straight();
        let Some(life) = self.start() else { panic!("a start after the faults have stopped fails") };
        // It has started on whatever room there was, and must go on by itself once there is more.
        self.make_room();
        for _ in 0..CALM_STEPS {
            // Who wants nothing more may be content before the engine has looked at the disk again.
            let has_room = life.engine.handle().space() == SpaceLevel::Enough;
            if has_room && self.clients.iter().all(|clients| clients.is_content()) {
                break;
            }
            self.settle(&life);
        }
        let content = self.clients.iter().all(|clients| clients.is_content());
        assert_eq!(life.engine.handle().space(), SpaceLevel::Enough, "there is room");
        assert!(content, "after {CALM_STEPS} steps without faults some request has no answer");
        self.read_people(&life.engine);
        self.judge_rest(&life);
        self.tally.sealed = life.engine.sealed();
        let digest = self.stop(life);
        assert!(digest.is_some(), "a last stop fails");
        let report = judge(&self.disk, &self.clients);
        let sendings = self.clients.iter().flat_map(|clients| &clients.sendings);
        self.tally.bodies = sendings.clone().count() as u64;
        self.tally.lines = sendings.map(|sending| sending.lines.len() as u64).sum();
        let requests = self.clients.iter().flat_map(|clients| &clients.requests);
        let people = self.clients.iter().map(|clients| &clients.people);
        self.tally.people = people.clone().map(People::count).sum();
        self.tally.erased = people.map(|people| people.erased).sum();
        self.tally.requests = requests.clone().count() as u64;
        let is_order = |request: &&Request| matches!(request.wish, Wish::Order { .. });
        let is_rule = |request: &&Request| {
            matches!(
                request.wish,
                Wish::Safety { .. } | Wish::Channel { .. } | Wish::Terms { .. } | Wish::Profile { .. }
            )
        };
        let is_hold = |request: &&Request| {
            matches!(
                request.wish,
                Wish::Hold { .. } | Wish::Extend { .. } | Wish::Release { .. } | Wish::Confirm { .. }
            )
        };
        let is_kit = |request: &&Request| match &request.wish {
            Wish::Kit { .. } | Wish::ShipPart { .. } => true,
            Wish::Order { lines, .. } => lines.iter().any(|(sku, _)| *sku >= SKUS),
            _ => false,
        };
        let is_grant = |request: &&Request| {
            matches!(
                request.wish,
                Wish::Expose { .. } | Wish::Grant { .. } | Wish::Acknowledge { .. } | Wish::Pass { .. }
            )
        };
        self.tally.grants = requests.clone().filter(is_grant).count() as u64;
        self.tally.whole = requests.clone().filter(|request| request.wish.is_agreed()).count() as u64;
        self.tally.kits = requests.clone().filter(is_kit).count() as u64;
        self.tally.holds = requests.clone().filter(is_hold).count() as u64;
        self.tally.orders = requests.clone().filter(is_order).count() as u64;
        self.tally.rules = requests.clone().filter(is_rule).count() as u64;
        let kinds = [OpKind::Read, OpKind::Write, OpKind::Sync, OpKind::Name, OpKind::Look];
        self.tally.failed_calls = kinds.map(|kind| self.disk.failures_of(kind));
        self.tally.torn = self.disk.torn();
        self.tally.answered = requests.filter(|request| request.told.is_some()).count() as u64;
        self.tally.records = report.totals.records;
        self.tally.routed = report.totals.orders_routed;
        self.tally.imposed = report.totals.orders_imposed;
        self.tally.short = report.totals.units_short;
        self.tally.digest = report.digest;
        self.tally
    }

    /// Once the engine has come to rest, nothing was left for somebody to ask for: a read of every merchant makes no record.
    /// All holds have expired by then, and who waits has their units; and what waited until a date waits no more.
    fn judge_rest(&self, life: &Life) {
        let handle = life.engine.handle();
        self.clock.set((self.clock.now_ms() + HOLD_MS_MAX).max(START_MS + DATES_MS));
        handle.confirm_clock();
        let rest = || {
            while (0..life.engine.shards()).any(|shard| life.engine.shard_step(shard))
                || life.engine.log_step()
            {}
        };
        rest();
        let last = handle.durable();
        for (shop, clients) in life.shops.iter().zip(&self.clients) {
            // Somebody may have left before the answer to their read came.
            drop(shop.answers());
            assert!(ask_for(shop, &clients.whole_orders), "no room for a read");
        }
        rest();
        assert_eq!(handle.durable(), last, "something was left until somebody asked");
        for (shop, clients) in life.shops.iter().zip(&self.clients) {
            let answers = shop.answers();
            assert_eq!(answers.len(), 1, "a read has no answer");
            answers.iter().for_each(|(_, answer)| judge_dates(&clients.dated, answer));
        }
    }

    fn settle(&mut self, life: &Life) {
        for (clients, shop) in self.clients.iter_mut().zip(&life.shops) {
            clients.send_unknown_bodies(shop);
            clients.go_on(&mut self.wider, shop, self.swarm.giving_up);
            for place in clients.unknown().into_iter().take(8) {
                clients.send(shop, place);
            }
        }
        for shard in 0..life.engine.shards() {
            life.engine.shard_step(shard);
        }
        let Life { engine, interleaved, .. } = life;
        interleaved.during(Who::All, || engine.log_step());
        let spare = interleaved.during(Who::Shards, || engine.spare_step()).is_ok();
        let keeper = interleaved.during(Who::All, || engine.keeper_step()).is_ok();
        let keys = interleaved.during(Who::All, || engine.customer_step()).is_ok();
        assert!(spare && keeper && keys, "work behind the path fails on a disk that is well");
        for (clients, shop) in self.clients.iter_mut().zip(&life.shops) {
            clients.hear(shop);
        }
    }
}

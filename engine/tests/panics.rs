//! A panic in `decide` is one failed request; a panic in `evolve` is a merchant that answers nothing before its state is
//! built again from the log. Others go on either way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Client, SHARDS, accepted, config, copy_of, start};
use onhand_engine::ask::{Answer, Ask, HoldAsk};
use onhand_engine::clock::{Clock, ManualClock};
use onhand_engine::domain::order::Policy;
use onhand_engine::domain::planted::{Bug, plant};
use onhand_engine::domain::{ChannelNumber, SkuNumber};
use onhand_engine::keys::Known;
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Disk;
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::stepped::SteppedEngine;
use std::sync::Arc;

const WEB: ChannelNumber = ChannelNumber(0);
const MUG: SkuNumber = SkuNumber(0);

const START_MS: u64 = 1_700_000_000_000;

/// A shop on a disk, and an engine that goes on only by its steps: what is between two of them can be looked at.
fn opened(disk: &SimStorage, shards: usize, clock: &Arc<ManualClock>) -> SteppedEngine {
    let engine = start(disk, shards);
    for name in ["sick", "well"] {
        let (_, web, mug) = Client::of(&engine, name).stocked(5);
        assert_eq!((web, mug), (WEB, MUG));
    }
    assert!(engine.stop().is_some());
    let (disk, clock) = (Disk::simulated(disk), Arc::clone(clock) as Arc<dyn Clock>);
    SteppedEngine::start(disk, Fingerprints::with_key([3; 32]), clock, &config(shards)).unwrap()
}

/// Asks, and lets the shards and the log go on until there is an answer.
fn ask(engine: &SteppedEngine, client: &Client, ask: Ask, key: Option<&str>) -> Answer {
    client.send(ask, key, Known::default());
    loop {
        let worked = (0..engine.shards()).filter(|shard| engine.shard_step(*shard)).count() > 0;
        let written = engine.log_step();
        match client.answer() {
            Some(answer) => return answer,
            None => assert!(worked || written, "nobody answers"),
        }
    }
}

fn order(client: &Client, id: &str) -> Ask {
    client.order_ask(WEB, id, Some(Policy::Reject), &[(MUG, 2)])
}

/// One test, since one bug is planted at a time in the whole process.
#[test]
fn a_panic_in_a_rule_harms_nobody_else_and_nothing_that_was_recorded() {
    for shards in SHARDS {
        a_panic_in_decide_is_one_failed_request(shards);
        a_panic_in_evolve_is_a_merchant_that_answers_nothing_before_it_is_built_again(shards);
        a_panic_where_a_hold_expires_ends_it_once(shards);
    }
}

fn a_panic_in_decide_is_one_failed_request(shards: usize) {
    let disk = SimStorage::default();
    let engine = opened(&disk, shards, &Arc::new(ManualClock::at(START_MS)));
    let client = Client::on(engine.handle(), "sick");
    let last = engine.handle().durable();
    plant(Bug::PanicInDecide);
    assert!(matches!(ask(&engine, &client, order(&client, "1001"), Some("key")), Answer::Failed));
    assert_eq!(engine.handle().durable(), last, "it writes nothing");
    accepted(ask(&engine, &client, order(&client, "1001"), Some("key")));
    drop(client);
    let digest = engine.stop();
    assert!(digest.is_some());
    assert_eq!(start(&disk, 1).stop(), digest, "and changes nothing");
}

fn a_panic_in_evolve_is_a_merchant_that_answers_nothing_before_it_is_built_again(shards: usize) {
    let disk = SimStorage::default();
    let engine = opened(&disk, shards, &Arc::new(ManualClock::at(START_MS)));
    let [sick, well] = ["sick", "well"].map(|name| Client::on(engine.handle(), name));
    plant(Bug::PanicInEvolve);
    let first = order(&sick, "1001");
    for request in [copy_of(&first), copy_of(&first), order(&sick, "1002")] {
        assert!(matches!(ask(&engine, &sick, request, Some("key")), Answer::Poisoned));
    }
    accepted(ask(&engine, &well, order(&well, "1001"), None));
    engine.handle().tidy().unwrap();
    let repeated = ask(&engine, &sick, first, Some("key"));
    assert!(matches!(repeated, Answer::Repeats { by_key: true, .. }), "it was recorded: {repeated:?}");
    accepted(ask(&engine, &sick, order(&sick, "1002"), None));
    let refused = ask(&engine, &sick, order(&sick, "1003"), None);
    assert!(matches!(refused, Answer::Refused { .. }), "of five units four are claimed: {refused:?}");
    drop((sick, well));
    let digest = engine.stop();
    assert!(digest.is_some());
    assert_eq!(start(&disk, 1).stop(), digest, "each order happened once");
}

fn a_panic_where_a_hold_expires_ends_it_once(shards: usize) {
    let disk = SimStorage::default();
    let clock = Arc::new(ManualClock::at(START_MS));
    let engine = opened(&disk, shards, &clock);
    let sick = Client::on(engine.handle(), "sick");
    let (lines, ids) = ([(MUG, 5)].into_iter().collect(), vec![("1".to_owned(), 0)]);
    let hold = HoldAsk { channel: WEB, ttl_ms: 1_000, customer: None, lines, ids };
    let held = ask(&engine, &sick, Ask::PlaceHold(Box::new(hold)), None);
    assert!(matches!(held, Answer::Recorded { .. }), "{held:?}");
    clock.set(START_MS + 2_000);
    plant(Bug::PanicInEvolve);
    let refused = ask(&engine, &sick, order(&sick, "1001"), None);
    assert!(
        matches!(refused, Answer::Poisoned),
        "nothing is decided where a hold's end was not done: {refused:?}"
    );
    engine.handle().tidy().unwrap();
    accepted(ask(&engine, &sick, order(&sick, "1001"), None));
    drop(sick);
    let digest = engine.stop();
    assert!(digest.is_some());
    assert_eq!(start(&disk, 1).stop(), digest, "and it ended once");
}

//! Every scenario table of the domain through a running engine, with 1, 2 and 5 shards.
//!
//! Five merchants do the same in lockstep, so that several shards take part and records still come in one order: the
//! digest, into which the ids of orders go, must then be the same whatever the number of shards, live, after a stop
//! and after a crash.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;
#[path = "scenarios/desk.rs"]
mod desk;
#[path = "../domain/tests/scenarios/table.rs"]
mod table;

use common::{SHARDS, one_on_each_shard, recovered, start};
use desk::Desk;
use onhand_engine::Engine;
use onhand_engine::domain::table::spread;
use onhand_engine::snapshots::storage::{Crash, SimStorage};
use onhand_verify::{Ignore, audit_storage};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use table::{Fallible, Run, tables};

/// How many merchants do the same.
const MERCHANTS: usize = 5;

fn all_tables() -> BTreeMap<String, String> {
    tables(&Path::new(env!("CARGO_MANIFEST_DIR")).join("domain/tests/scenarios"))
}

/// One line after the other, of each of them by each merchant in turn; says how many steps were taken.
fn in_lockstep(file: &str, text: &str, engine: &Engine) -> Fallible<(Vec<Desk>, usize)> {
    let merchants = one_on_each_shard(&engine.handle());
    let mut runs: Vec<_> = merchants.iter().map(|merchant| Run::on(Desk::at(engine, merchant))).collect();
    let mut steps = 0;
    for (line, number) in text.lines().zip(1..) {
        for (run, merchant) in runs.iter_mut().zip(&merchants) {
            let ran = run.line(line).map_err(|wrong| format!("{file}:{number}: {merchant}: {wrong}"))?;
            steps += usize::from(ran);
        }
    }
    Ok((runs.into_iter().map(|run| run.stage).collect(), steps))
}

/// Each merchant by itself, all at once.
fn at_once(file: &str, text: &str, engine: &Engine) -> Fallible<Vec<Desk>> {
    let alone = |merchant: &str| {
        let mut run = Run::on(Desk::at(engine, merchant));
        for (line, number) in text.lines().zip(1..) {
            run.line(line).map_err(|wrong| format!("{file}:{number}: {merchant}: {wrong}"))?;
        }
        Ok(run.stage)
    };
    let merchants = one_on_each_shard(&engine.handle());
    std::thread::scope(|scope| {
        let threads: Vec<_> = merchants.iter().map(|merchant| scope.spawn(move || alone(merchant))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// What every merchant sees: they did the same, so it is the same.
fn picture(file: &str, desks: &[Desk], engine: &Engine) -> String {
    let pictures: BTreeSet<String> = desks.iter().map(|desk| desk.picture(engine)).collect();
    assert_eq!(pictures.len(), 1, "{file}: {pictures:#?}");
    pictures.into_iter().next().unwrap()
}

/// Stops the engine, and starts it again with every number of shards, after the stop and after a crash in its stead:
/// each knows all that was answered, and none of it happens again. Returns the digest.
fn comes_back(file: &str, desks: &[Desk], storage: &SimStorage, engine: Engine) -> Option<u64> {
    let before = picture(file, desks, &engine);
    let crashed = storage.fork();
    crashed.crash(Crash::LoseAll);
    let digest = engine.stop();
    for (disk, how) in [(storage, "a stop"), (&crashed, "a crash")] {
        let again = recovered(disk, |engine| {
            assert_eq!(picture(file, desks, engine), before, "{file} after {how}");
            desks.iter().for_each(|desk| desk.ask_again(engine));
        });
        assert_eq!(again, digest, "{file} after {how}");
        let report = audit_storage(disk, file, &mut Ignore).unwrap();
        assert!(report.holds() && Some(report.digest) == digest, "{file} after {how}\n{report}");
    }
    digest
}

#[test]
fn every_table_holds_and_ends_in_the_same_digest() {
    let (mut count, mut steps, mut empty, mut digests) = (0, 0, 0, BTreeSet::new());
    for (file, text) in all_tables() {
        let ran = SHARDS.map(|shards| {
            let storage = SimStorage::default();
            let engine = start(&storage, shards);
            let (desks, steps) = in_lockstep(&file, &text, &engine).unwrap_or_else(|wrong| panic!("{wrong}"));
            (comes_back(&file, &desks, &storage, engine), steps)
        });
        assert_eq!(ran, [ran[0]; 3], "{file}: digests and steps with {SHARDS:?} shards");
        count += 1;
        steps += ran[0].1;
        // Of goods that have all left and orders that are all closed the digest says nothing.
        empty += usize::from(ran[0].0 == Some(0));
        digests.extend(ran[0].0.filter(|digest| *digest != 0));
    }
    assert!(count >= 19 && steps >= 200 * MERCHANTS, "{count} tables, {steps} steps: some are gone");
    assert!(empty <= 2, "{empty} tables end with nothing");
    assert_eq!(digests.len() + empty, count, "two tables end in one digest: it says too little");
}

/// Who trades at once with others is none the wiser. Which record comes first differs from run to run, and so does the
/// digest; what each merchant sees does not.
#[test]
fn every_table_holds_while_others_trade() {
    for (file, text) in all_tables() {
        let pictures = SHARDS.map(|shards| {
            let storage = SimStorage::default();
            let engine = start(&storage, shards);
            let desks = at_once(&file, &text, &engine).unwrap_or_else(|wrong| panic!("{wrong}"));
            let picture = picture(&file, &desks, &engine);
            comes_back(&file, &desks, &storage, engine);
            picture
        });
        assert!(pictures.iter().all(|picture| *picture == pictures[0]), "{file}: {pictures:#?}");
    }
}

#[test]
fn the_merchants_are_on_all_shards() {
    for shards in SHARDS {
        let engine = start(&SimStorage::default(), shards);
        let handle = engine.handle();
        let names = one_on_each_shard(&handle);
        let numbers = names.iter().map(|name| handle.registry().merchant(name).unwrap().0);
        let used: BTreeSet<u64> = numbers.map(|number| spread(number.into()) % shards as u64).collect();
        assert_eq!((names.len(), used.len()), (MERCHANTS, shards));
        engine.stop();
    }
}

#[test]
fn a_wrong_table_fails() {
    let start_of_it = "location main\nchannel web main\nstock MUG main 10\norder O1 MUG 4\n";
    for (line, error) in [
        ("order O2 MUG 7 -> rejected insufficient_stock MUG asked 7 available 5", "asked 7 available 6"),
        ("order O2 MUG 6 -> ok", "got: allocated MUG main 6"),
        ("cancel O1 5 -> rejected not_open line 1 asked 5 open 5", "asked 5 open 4"),
        ("set MUG main from 9 to 12", "got: rejected set_mismatch expected 9 actual 10"),
        ("adjust MUG main -7 -> ok", "got: O1 short MUG main 1"),
        ("ship O1 main 4 | open_orders 1", "got: open_orders 0"),
        ("ship O1 main 4 | status O1 cancelled", "got: status O1 shipped"),
        ("receive MUG main 1 | available MUG 8", "got: available MUG 7"),
        ("receive MUG main 0", "got: rejected quantity_out_of_range place 1 asked 0"),
    ] {
        let engine = start(&SimStorage::default(), 2);
        let got = in_lockstep("wrong.scn", &format!("{start_of_it}{line}"), &engine).map(|_| ()).unwrap_err();
        assert!(got.starts_with("wrong.scn:5: merchant-1: ") && got.contains(error), "{line}\n{got}");
        engine.stop();
    }
}

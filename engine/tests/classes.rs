//! What goes first when a shard has many things of one merchant to do, and what is refused first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use common::{cancel_ask, config, location_ask, ship_ask};
use onhand_engine::ask::{Answer, Ask, Submission};
use onhand_engine::clock::ManualClock;
use onhand_engine::directory::Directory;
use onhand_engine::domain::{LocationNumber, OrderId};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::Disk;
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::stepped::SteppedEngine;
use onhand_engine::{Busy, Class, Handle, Inbox, Item, Ticket};
use std::sync::Arc;

fn engine(storage: &SimStorage) -> SteppedEngine {
    let clock = Arc::new(ManualClock::at(1_780_000_000_000));
    let fingerprints = Fingerprints::with_key([1; 32]);
    SteppedEngine::start(Disk::simulated(storage), fingerprints, clock, &config(1)).unwrap()
}

fn send(
    handle: &Handle,
    directory: &Arc<Directory>,
    inbox: &Arc<Inbox>,
    ticket: Ticket,
    stage: u32,
    ask: Ask,
) {
    let (names, request, idempotency, fingerprint) = (directory.names(), [1; 16], None, None);
    let known = None;
    let submission = Submission { names, actor: 0, stage, request, idempotency, fingerprint, known, ask };
    handle.admit(directory, submission.class()).unwrap();
    handle.submit(inbox, directory, vec![Item::new(ticket, submission)]);
}

#[test]
fn cancellations_and_shipments_go_before_orders_and_orders_before_bulk() {
    let engine = engine(&SimStorage::default());
    let handle = engine.handle();
    let directory = handle.directory(handle.create_merchant("acme").unwrap()).unwrap();
    let inbox = Arc::<Inbox>::default();
    let change = |ticket| {
        let (order, main) = (OrderId(1), LocationNumber(0));
        if ticket == 4 { cancel_ask(order, None) } else { ship_ask(order, main, vec![(0, 1)]) }
    };
    for (ticket, stage) in [(0, 1), (1, 1), (2, 0), (3, 0)] {
        send(&handle, &directory, &inbox, ticket, stage, location_ask(&format!("L{ticket}")));
    }
    for ticket in [4, 5] {
        send(&handle, &directory, &inbox, ticket, 0, change(ticket));
    }
    assert!(engine.shard_step(0) && engine.log_step());
    let answers: Vec<(Ticket, Answer)> = inbox.take().collect();
    assert_eq!(answers.iter().map(|(ticket, _)| *ticket).collect::<Vec<_>>(), [4, 5, 2, 3, 0, 1]);
    let lsn = |place: usize| match &answers[place].1 {
        Answer::Recorded { lsn, .. } => lsn.0,
        other => panic!("{other:?}"),
    };
    assert!(matches!(answers[0].1, Answer::Rejected { .. }), "there is no such order");
    assert!(lsn(2) < lsn(3) && lsn(3) < lsn(4) && lsn(4) < lsn(5), "and so they stand in the log");
}

#[test]
fn when_the_queues_fill_up_bulk_is_refused_first_then_orders_then_the_rest() {
    let engine = engine(&SimStorage::default());
    let handle = engine.handle();
    let directory = handle.directory(handle.create_merchant("acme").unwrap()).unwrap();
    let mut admitted = 0;
    for (class, max) in [(Class::Bulk, 50), (Class::Order, 90), (Class::Change, 100)] {
        let refused = loop {
            match handle.admit(&directory, class) {
                Ok(()) => admitted += 1,
                Err(busy) => break busy,
            }
        };
        assert_eq!((admitted, refused), (max, Busy::Merchant { max }), "{class:?}");
    }
}

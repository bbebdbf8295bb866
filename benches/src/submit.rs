//! From an ask to the engine, as an HTTP worker does it.

use onhand_engine::ask::{Ask, Submission};
use onhand_engine::directory::Directory;
use onhand_engine::keys::{Findings, Known};
use onhand_engine::{Handle, Inbox, Item, Ticket};
use std::sync::Arc;

/// The way of one merchant's submissions. Clones share it.
#[derive(Clone)]
pub struct Submitter {
    handle: Handle,
    directory: Arc<Directory>,
}

impl Submitter {
    pub(crate) fn new(handle: Handle, directory: Arc<Directory>) -> Self {
        Self { handle, directory }
    }

    /// An ask that was admitted, with its idempotency key.
    #[must_use]
    pub fn item(&self, ticket: Ticket, ask: Ask, idempotency: Option<[u8; 16]>) -> Item {
        self.handle.admit(&self.directory, ask.class()).expect("room");
        let submission = Submission {
            names: self.directory.names(),
            actor: 0,
            stage: 0,
            request: [1; 16],
            idempotency,
            fingerprint: Some([2; 16]),
            known: None,
            ask,
        };
        Item::new(ticket, submission)
    }

    /// What a filter of the index could not rule out: all are new here, so each comes again.
    #[must_use]
    pub fn look_up(&self, ticket: Ticket, hash: u64, submission: Submission) -> Item {
        let runs = self.handle.index().runs();
        assert!(runs.find(hash).expect("the index").is_empty(), "everything is new");
        let findings = Findings { searched: runs.covered().0, ..Findings::default() };
        let known = Some(Box::new(Known { key: findings.clone(), external: findings }));
        self.handle.admit_always(&self.directory);
        Item::new(ticket, Submission { known, ..submission })
    }

    /// Sends what was admitted.
    pub fn send(&self, inbox: &Arc<Inbox>, items: Vec<Item>) {
        if !items.is_empty() {
            self.handle.submit(inbox, &self.directory, items);
        }
    }
}

//! What was asked and what came of it: the one side of the check that no server has a part in.

use serde_json::Value;

/// Something that is asked of the server, and can be asked again: the same name is the same `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Units come in.
    Receive { sku: usize, quantity: u64 },
    /// An order: SKU and quantity of each line, each SKU at most once.
    Order { lines: Vec<(usize, u64)>, backorder: bool },
    /// All that is open of an order is cancelled.
    Cancel { order: Known },
    /// Units of a line leave the building.
    Ship { order: Known, line: usize, quantity: u64 },
    /// The stock of a SKU is read.
    ReadStock { sku: usize },
    /// An order is read.
    ReadOrder { order: Known },
}

/// An accepted order, as the answer named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// The LSN that accepted it.
    pub(crate) lsn: u64,
    /// Its id.
    pub(crate) id: String,
}

impl Ask {
    /// Reads change nothing, and are not asked again.
    pub(crate) fn is_read(&self) -> bool {
        matches!(self, Self::ReadStock { .. } | Self::ReadOrder { .. })
    }
}

/// An answer that decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// When it had come.
    pub(crate) at: u64,
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Value,
}

impl Told {
    /// The place in the log that the answer rests on.
    pub(crate) fn lsn(&self) -> Option<u64> {
        self.body["lsn"].as_u64()
    }
}

/// One wish of a client, from its first request to its last answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Op {
    /// Its `Idempotency-Key`, and what its record is found by.
    pub(crate) name: String,
    /// What was asked.
    pub(crate) ask: Ask,
    /// When the first request was sent.
    pub(crate) begun: u64,
    /// The answers; more than one if it was asked again.
    pub(crate) told: Vec<Told>,
    /// A request ended without an answer that decides.
    pub(crate) unknown: bool,
    /// What the server said then, if it said something: status and code.
    pub(crate) trouble: Option<String>,
    /// What has had no effect by then has none: the process it was sent to is dead.
    pub(crate) until: Option<u64>,
    /// It is never asked again, to have some that stay unknown.
    pub(crate) left: bool,
}

impl Op {
    /// Whether nobody knows what became of it.
    pub(crate) fn is_open(&self) -> bool {
        self.unknown && self.told.is_empty()
    }
}

/// A history in the order in which things were begun.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// All of it.
    pub(crate) ops: Vec<Op>,
}

impl History {
    /// Something is about to be sent. Returns its place.
    pub(crate) fn begin(&mut self, name: String, ask: Ask, now: u64, left: bool) -> usize {
        self.ops.push(Op {
            name,
            ask,
            begun: now,
            told: Vec::new(),
            unknown: false,
            trouble: None,
            until: None,
            left,
        });
        self.ops.len() - 1
    }

    /// An answer has come.
    pub(crate) fn told(&mut self, place: usize, told: Told) {
        self.ops[place].told.push(told);
    }

    /// No answer will come, or one that does not decide.
    pub(crate) fn lost(&mut self, place: usize, trouble: Option<String>) {
        self.ops[place].unknown = true;
        self.ops[place].trouble = trouble;
        self.ops[place].until = None;
    }

    /// The process is dead: what was sent to it and has no answer happened before now, or never.
    pub(crate) fn dead(&mut self, now: u64) {
        for op in self.ops.iter_mut().filter(|op| op.is_open()) {
            op.until.get_or_insert(now);
        }
    }
}

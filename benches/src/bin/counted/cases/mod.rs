//! The cases: what is done in each, and how often.
//!
//! A case makes what it needs ready, the same whatever the number of rounds, and then does its rounds. What a round
//! takes is the difference of two runs, so neither the start of the process nor the making ready is in it. Inputs are
//! the same in each run.

mod domain;
mod engine;
mod gateway;
mod http;
mod log;

use std::any::Any;
use std::path::Path;

/// One step of an order.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What one operation is, in words for the page.
    pub(crate) what: &'static str,
    /// Operations of one round.
    pub(crate) each: u64,
    /// Rounds that are counted, besides [`BEFORE`].
    pub(crate) rounds: u64,
    /// Does so many rounds, in a directory of its own if it needs one, and hands out what it made.
    pub(crate) run: fn(&Path, u64) -> Box<dyn Any>,
}

/// Rounds of the run that is taken off: the first ones make buffers, and what is made on its first use.
pub(crate) const BEFORE: u64 = 3;

/// SKUs of every catalogue: enough that codes and rows differ from order to order, and made ready in a moment even under
/// Valgrind.
pub(crate) const SKUS: u32 = 256;

/// Orders of a group commit, and requests that are under way at once.
const GROUP: u64 = 64;

/// Rounds are so many that a table or a buffer that grows now and then has its share in each, and so few that a case
/// takes a second or two under Valgrind.
pub(crate) const CASES: [Case; 15] = [
    Case {
        name: "read_1_line",
        what: "the body of an order of one line becomes what a shard is asked (gateway)",
        each: 1,
        rounds: 2_000,
        run: gateway::read_1_line,
    },
    Case {
        name: "read_3_lines",
        what: "the same of three lines",
        each: 1,
        rounds: 1_000,
        run: gateway::read_3_lines,
    },
    Case {
        name: "names",
        what: "the codes of a channel and a SKU become numbers",
        each: 1,
        rounds: 20_000,
        run: gateway::names,
    },
    Case {
        name: "keyed_hashes",
        what: "external id and fingerprint of an order",
        each: 1,
        rounds: 5_000,
        run: engine::keyed_hashes,
    },
    Case {
        name: "seen_keys",
        what: "a key is looked up in the table of those that were seen, and added",
        each: 1,
        rounds: 40_000,
        run: engine::seen_keys,
    },
    Case {
        name: "index_filter",
        what: "the filters of four runs of the index are asked for a key",
        each: 1,
        rounds: 20_000,
        run: engine::index_filter,
    },
    Case {
        name: "turn_1_line",
        what: "an order of one line is decided and happens (domain)",
        each: 1,
        rounds: 10_000,
        run: domain::turn_1_line,
    },
    Case {
        name: "turn_3_lines",
        what: "the same of three lines",
        each: 1,
        rounds: 5_000,
        run: domain::turn_3_lines,
    },
    Case {
        name: "record",
        what: "the record of an accepted order is encoded",
        each: 1,
        rounds: 10_000,
        run: engine::record,
    },
    Case {
        name: "log_append",
        what: "a record is appended to the log's buffer",
        each: 1,
        rounds: 20_000,
        run: log::append,
    },
    Case {
        name: "log_frame",
        what: "a frame of 64 records gets its checksum and its link in the chain, each record",
        each: GROUP,
        rounds: 500,
        run: log::frame,
    },
    Case {
        name: "answer",
        what: "the answer to an accepted order is written",
        each: 1,
        rounds: 5_000,
        run: gateway::answer,
    },
    Case {
        name: "path",
        what: "an order of one line, from submission to durable answer, 64 at once (engine)",
        each: GROUP,
        rounds: 60,
        run: engine::path,
    },
    Case {
        name: "http_order",
        what: "the same from request to response, without the socket",
        each: GROUP,
        rounds: 20,
        run: http::orders,
    },
    Case {
        name: "http_bulk_line",
        what: "a line of a bulk body of 1,024, from body to answer, without the socket",
        each: http::BULK_LINES,
        rounds: 2,
        run: http::bulk,
    },
];

impl Case {
    /// Rounds of the longer run.
    pub(crate) fn rounds_max(&self) -> u64 {
        BEFORE + self.rounds
    }
}

/// The rounds that a case prepares for, whatever it is told to do.
fn rounds_max_of(name: &str) -> u64 {
    CASES.iter().find(|case| case.name == name).map_or(BEFORE, Case::rounds_max)
}

/// Does something for each round, with one of the inputs after the other, from the first again when there are no more.
fn each_round<T>(rounds: u64, inputs: &[T], mut act: impl FnMut(&T)) {
    for (_, input) in (0..rounds).zip(inputs.iter().cycle()) {
        act(input);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn cases_have_names_of_their_own() {
        let names: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), CASES.len());
    }

    /// Each checks what it does as it goes.
    #[test]
    fn every_case_runs() {
        for case in &CASES {
            let home = tempfile::tempdir().unwrap();
            let made = (case.run)(home.path(), BEFORE);
            drop(made);
        }
    }
}

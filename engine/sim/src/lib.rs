//! The production code, on a simulated disk and clock, in an order that a seed chooses.
//!
//! Everything an engine does runs here in one thread, a step at a time: shards, log, spare segments, keeper, recovery,
//! the audit; the disk loses what was not synced, tears and fails, the clock jumps, the process ends in the middle, and
//! clients send again what they got no answer for. A seed says what happens and when, and the same seed says the same
//! again. What must hold whatever happens is in [`oracle`].

mod between;
mod bulk;
mod calm;
mod client;
pub mod dice;
mod grants;
mod kits;
mod later;
mod looks;
mod oracle;
mod people;
mod resolve;
mod room;
mod routing;
mod shop;
pub mod swarm;
mod tally;
mod what_if;
mod whole;
mod wish;
mod world;

pub use tally::Tally;
pub use world::{Failing, run, run_failing, run_plain};

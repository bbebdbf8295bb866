//! Everything that reads bytes which somebody else may have written, given bytes that nobody should write.
//!
//! A *target* is a function of bytes that calls the production code and panics if a promise does not hold. What must
//! hold in each: no panic, no memory beyond the limit of the process, and what is read is read the same again. The
//! targets are the same in two builds: `.ci/fuzz` runs them under libFuzzer, which looks for inputs that reach new
//! code, and `cargo test` replays the inputs in `corpus/` and `regressions/`.
//!
//! Checksums keep changed bytes away from the code behind them, so [`repair`] makes them right again where an input
//! asks for it.

mod chunks;
mod history;
mod http;
mod log;
mod record;
mod repair;
mod routing;
mod rows;
pub mod seeds;
mod texts;

/// A function of bytes that panics if a promise does not hold.
pub type Target = fn(&[u8]);

/// All targets by name; each has a directory of its name in `corpus/`.
pub const TARGETS: [(&str, Target); 14] = [
    ("segment", log::segment),
    ("archive", log::archive),
    ("record", record::record),
    ("history", history::history),
    ("rows", rows::rows),
    ("chunk_set", chunks::chunk_set),
    ("index_run", chunks::index_run),
    ("order", http::order),
    ("body", http::body),
    ("query", http::query),
    ("request", http::request),
    ("customer", texts::customer),
    ("text", texts::text),
    ("profile", routing::profile),
];

/// The longest input that is tried: several frames, or an order of some hundred lines.
pub const INPUT_BYTES_MAX: usize = 64 << 10;

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

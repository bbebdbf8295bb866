//! The load harness. Not built yet: the README does not name it.
//!
//! The other files of this folder are a beginning that is not wired in and not compiled: schedule, workload,
//! wire, meters, ledger, replay; `wiring.rs` is the `main` they are meant for. Connecting them needs clap, csv, flate2, hdrhistogram, httparse, indicatif,
//! jiff, parking_lot, percent-encoding, rustix, thiserror and tokio among the dependencies.
fn main() {}

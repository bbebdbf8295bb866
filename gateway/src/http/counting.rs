//! A door to a step of a request that nobody but a worker has a use for, so that its instructions can be counted by
//! themselves (`benches/instructions`).

use super::order_body;
use crate::http::problem::Problem;
use onhand_engine::ask::Ask;
use onhand_engine::directory::Directory;
use onhand_engine::secrets::Fingerprints;

/// Reads the body of an order, or a line of a bulk body, into what a shard is asked. Personal data in it is left out.
///
/// # Errors
/// What the caller would be told.
pub fn read_order(directory: &Directory, fingerprints: &Fingerprints, body: &[u8]) -> Result<Ask, Problem> {
    order_body::read_order(directory, fingerprints, body).map(|asked| asked.ask)
}

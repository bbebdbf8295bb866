//! Who else wants to see what the audit reads.

use onhand_record::Kind;
use onhand_record::order::{LinePictureV1, OrderAcceptedV1, OrderAskedV1};
use onhand_snapshots::Lsn;

/// An accepted order, with its names.
#[derive(Debug)]
pub struct AcceptedFact<'a> {
    /// Whose.
    pub merchant: u32,
    /// The channel's code.
    pub channel: &'a str,
    /// The order's id.
    pub order: Lsn,
    /// What was asked.
    pub asked: &'a OrderAskedV1<'a>,
    /// What was decided.
    pub accepted: &'a OrderAcceptedV1,
}

/// Sees what the audit reads, for comparisons with what clients were told.
pub trait Observer {
    /// An order was accepted.
    fn accepted(&mut self, _fact: &AcceptedFact<'_>) {}

    /// An order was refused under a key.
    fn refused(&mut self, _merchant: u32, _channel: &str, _asked: &OrderAskedV1<'_>) {}

    /// Stock was moved.
    fn moved(&mut self) {}

    /// An order was cancelled or shipped in part or whole; `lines` is what stands afterwards.
    fn changed(&mut self, _order: Lsn, _kind: Kind, _lines: &[LinePictureV1]) {}
}

/// An observer that wants to know nothing.
#[derive(Debug, Default)]
pub struct Ignore;

impl Observer for Ignore {}

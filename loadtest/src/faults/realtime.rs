//! What was over before something else began stands before it.

use crate::faults::history::{Op, Told};

/// Something with a place in the order, and the time in which it took that place.
struct Span<'a> {
    op: &'a Op,
    begun: u64,
    /// None: it may have happened at any later time.
    ended: Option<u64>,
    lsn: u64,
}

/// Holds the places that ops have in the order against the times at which they were asked and answered.
pub(crate) fn check(ops: &[Op], effects: &[Option<u64>], faults: &mut Vec<String>) {
    let mut spans: Vec<Span<'_>> =
        ops.iter().zip(effects).filter_map(|(op, lsn)| span(op, (*lsn)?)).collect();
    spans.sort_by_key(|span| span.begun);
    let mut ends: Vec<(u64, u64, &Op)> =
        spans.iter().filter_map(|span| Some((span.ended?, span.lsn, span.op))).collect();
    ends.sort_by_key(|end| end.0);
    let mut ends = ends.into_iter().peekable();
    // The furthest place of all that was over.
    let mut over: Option<(u64, &Op)> = None;
    for span in spans {
        while let Some((_, lsn, op)) = ends.next_if(|end| end.0 < span.begun) {
            if over.is_none_or(|over| over.0 < lsn) {
                over = Some((lsn, op));
            }
        }
        // A read has the place of the record it still sees; everything else has one of its own.
        let Some((lsn, before)) = over else { continue };
        if span.lsn < lsn || (span.lsn == lsn && !span.op.ask.is_read()) {
            faults.push(format!(
                "{} stands at LSN {}, before {} at {lsn}, which was over when it began",
                span.op.name, span.lsn, before.name
            ));
        }
    }
}

fn span(op: &Op, lsn: u64) -> Option<Span<'_>> {
    let ended = op.told.iter().map(|told: &Told| told.at).min().or(op.until);
    Some(Span { op, begun: op.begun, ended, lsn })
}

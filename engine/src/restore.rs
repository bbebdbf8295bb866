//! The log of a copy: the same records, written anew under an identity of its own.
//!
//! Every segment and every frame of the copy says that it belongs to the copy, so none of them is ever taken for one
//! of the log that it came from, nor the other way round. The records stay byte for byte what they were, and keep
//! their LSNs; behind the last one stands a record that opens the log under its new identity, as the first record
//! did under the first one.

use crate::parts::opening_record;
use onhand_record::{EncodeError, newer};
use onhand_snapshots::Lsn;
use onhand_snapshots::log::{
    AppendError, Appender, Log, LogOptions, LogWriter, OpenError, Opened, Stepped, Stop, WriteError, scan,
};
use onhand_snapshots::storage::Storage;
use std::sync::Arc;

/// Why the log of a copy is not written. A part of it may stand.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The log cannot be read, or the new one cannot be created.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The new log failed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The new log takes a record no more: a defect.
    #[error("a record cannot be written: {0}")]
    Append(#[from] AppendError),
    /// The record that opens the new log cannot be written: a defect.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The log ends before the record that was asked for.
    #[error("the log ends at record {last}, record {wanted} was asked for")]
    Short {
        /// The last record that is there.
        last: Lsn,
        /// The record that was to be the last one.
        wanted: Lsn,
    },
}

/// Writes the records of a log up to `last` into a directory that has no log, as the log of another `cluster`; then
/// one that opens it, at `now_ms` (milliseconds since 1970-01-01 UTC). When this returns, the records are durable.
/// Returns the LSN of the record that opens it.
///
/// Records that stood in many small frames stand in few large ones then; nothing depends on that.
///
/// # Errors
/// [`RestoreError`].
pub fn write_copy(
    from: &dyn Storage,
    to: Arc<dyn Storage>,
    last: Lsn,
    options: LogOptions,
    now_ms: u64,
) -> Result<Lsn, RestoreError> {
    let opened = Log::open(to, options, Lsn(1), &mut |_, _| Ok(()))?;
    let mut copy = Copy::new(opened);
    let mut failed = None;
    let read = scan(from, Lsn(1), &mut |lsn, record| {
        if let Some(what) = newer(record).filter(|_| lsn <= last) {
            return Err(Stop::Newer(what));
        }
        // What comes after it is passed over: the reader has no other way to stop but an error.
        let taken = if lsn > last { Err(None) } else { copy.take(record).map_err(Some) };
        taken.map_err(|error| {
            failed = Some(error);
            String::from("enough was read").into()
        })
    });
    match failed {
        Some(Some(error)) => return Err(error),
        Some(None) => {}
        // What is wrong behind the last record that is wanted is not looked at.
        None if copy.appender.last() >= last => {}
        None => drop(read?),
    }
    let found = copy.appender.last();
    if found < last {
        return Err(RestoreError::Short { last: found, wanted: last });
    }
    copy.take(&opening_record(options.cluster, copy.epoch, now_ms)?)?;
    copy.finish()
}

struct Copy {
    appender: Appender,
    writer: LogWriter,
    epoch: u64,
}

impl Copy {
    fn new(opened: Opened) -> Self {
        Self { appender: opened.appender, writer: opened.writer, epoch: opened.report.epoch }
    }

    fn take(&mut self, record: &[u8]) -> Result<(), RestoreError> {
        match self.appender.append(&[record]) {
            // As much waits as may: the oldest is written, and there is room.
            Err(AppendError::Full { .. }) => {
                self.writer.step()?;
                self.appender.append(&[record])?;
            }
            appended => drop(appended?),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Lsn, RestoreError> {
        self.appender.close();
        while self.writer.step()? != Stepped::Closed {}
        Ok(self.appender.durable())
    }
}

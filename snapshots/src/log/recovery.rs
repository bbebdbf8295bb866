//! Reading the log back, and telling a torn end from damage.
//!
//! A crash may leave the last frame written in part, in any of its sectors: nobody was told that it is
//! durable, and it may be cut off. Because no sector of a frame is ever all zero, and a segment was all zero
//! before, a frame written in part has a sector that is all zero. Anything else that does not check is
//! damage to something that may have been promised: then nothing is changed and the log is refused.
//!
//! Reading changes nothing. Whoever holds the directory's lock reads what stands still; whoever does not
//! ([`scan`]) may read beside a server that goes on writing and archiving, and looks again before it calls
//! something damage.

use super::catalog::{Form, Segments};
use super::frame::ChainHash;
use super::segment::{ARCHIVE_SUFFIX, LOG_DIR, first_of};
use super::segment_reader::SegmentReader;
use crate::lsn::Lsn;
use crate::storage::Storage;
use std::collections::BTreeMap;
use std::io;

/// Why a log is not opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk says no.
    #[error("{path}: {source}")]
    Io {
        /// Which file or directory.
        path: String,
        /// What it says.
        source: io::Error,
    },
    /// The log is damaged where records may have been promised.
    #[error("{file} is damaged at offset {offset}: {what}; the last good record is {last_good}")]
    Corrupt {
        /// Which segment.
        file: String,
        /// Where in it, in bytes.
        offset: u64,
        /// The last record before the damage.
        last_good: Lsn,
        /// The last record that the segment has to hold, if the next one tells.
        to: Option<Lsn>,
        /// What does not check.
        what: String,
    },
    /// A block of an archived segment is damaged.
    #[error("{file} is damaged at offset {offset}, in the block of records {from} to {to}: {what}")]
    DamagedBlock {
        /// Which archive.
        file: String,
        /// Where the block begins in it, in bytes.
        offset: u64,
        /// The first record that is, at least in part, in the block.
        from: Lsn,
        /// The last one.
        to: Lsn,
        /// Which block, and what does not check.
        what: String,
    },
    /// Records are missing between two segments.
    #[error(
        "records {from} to {to} are missing at {file}: a segment was deleted or renamed, or an older copy was put back"
    )]
    Missing {
        /// The segment after the gap, or before it where nothing but its end was looked at.
        file: String,
        /// First missing record.
        from: Lsn,
        /// Last missing record.
        to: Lsn,
    },
    /// The segment belongs to another journal, or to another place in this one.
    #[error("{file} does not continue the log: {what}")]
    Foreign {
        /// Which segment.
        file: String,
        /// The record with which it should begin, by its name.
        from: Lsn,
        /// The last record that should stand there, if the next segment tells.
        to: Option<Lsn>,
        /// What does not fit.
        what: String,
    },
    /// A newer release wrote this.
    #[error("{file} was written by a newer release: {what}")]
    Newer {
        /// Which segment.
        file: String,
        /// What was found, and what this release knows.
        what: String,
    },
    /// Whoever reads the records cannot go on.
    #[error("record {lsn} cannot be used: {what}")]
    Visitor {
        /// Which record.
        lsn: Lsn,
        /// Why.
        what: String,
    },
    /// The log can be read, and whoever owns it does not take it.
    #[error("{what}")]
    Refused {
        /// Why, in the owner's words.
        what: String,
    },
    /// Segments of this size could not be archived.
    #[error("segments of {bytes} bytes are too large; at most {max}")]
    SegmentBytes {
        /// The size asked for.
        bytes: u64,
        /// The limit.
        max: u64,
    },
}

impl OpenError {
    /// The file in which something is wrong, and where in it, in bytes, if it is not the file as a whole.
    #[must_use]
    pub fn place(&self) -> Option<(&str, Option<u64>)> {
        match self {
            Self::Corrupt { file, offset, .. } | Self::DamagedBlock { file, offset, .. } => {
                Some((file, Some(*offset)))
            }
            Self::Missing { file, .. } | Self::Foreign { file, .. } | Self::Newer { file, .. } => {
                Some((file, None))
            }
            Self::Io { path, .. } => Some((path, None)),
            Self::Visitor { .. } | Self::Refused { .. } | Self::SegmentBytes { .. } => None,
        }
    }

    /// The records that a refused log is short of, or may be: the first and the last, which is not known at the end of
    /// the log. `None` if the log was not refused for what stands in it. Where no record is affected, the first is
    /// behind the last.
    #[must_use]
    pub fn records(&self) -> Option<(Lsn, Option<Lsn>)> {
        match self {
            Self::Corrupt { last_good, to, .. } => Some((last_good.next(), *to)),
            Self::DamagedBlock { from, to, .. } | Self::Missing { from, to, .. } => Some((*from, Some(*to))),
            Self::Foreign { from, to, .. } => Some((*from, *to)),
            Self::Visitor { lsn, .. } => Some((*lsn, None)),
            Self::Io { .. } | Self::Newer { .. } | Self::Refused { .. } | Self::SegmentBytes { .. } => None,
        }
    }
}

/// A frame that a crash left written in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// In which segment.
    pub file: String,
    /// Where it begins.
    pub offset: u64,
    /// How many bytes of the segment it may reach over.
    pub bytes: usize,
    /// The last record before it.
    pub last_good: Lsn,
}

/// What reading the whole log found.
pub struct Scan {
    /// Where every frame is.
    pub(super) segments: Segments,
    /// Identity of the journal, if there is a log at all.
    pub cluster: Option<[u8; 16]>,
    /// The highest epoch seen.
    pub(super) epoch: u64,
    /// The last record.
    pub last: Lsn,
    /// Hash of the last frame.
    pub(super) hash: Option<ChainHash>,
    /// Where the next frame goes in the last segment.
    pub(super) end: u64,
    /// A frame written in part, if there is one.
    pub torn: Option<Torn>,
}

/// Why whoever takes the records stops the reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The record cannot be used, or is enough: in words.
    Record(String),
    /// It says something that only a newer release knows: what was found, and what this one knows.
    Newer(String),
}

impl From<String> for Stop {
    fn from(what: String) -> Self {
        Self::Record(what)
    }
}

/// Takes each record; an `Err` stops the reading.
pub type Visitor<'a> = dyn FnMut(Lsn, &[u8]) -> Result<(), Stop> + 'a;

/// Whether the log stands still while it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// The reader holds the lock.
    Nobody,
    /// A server may append, begin segments and archive them meanwhile.
    Writer,
}

/// Reads the log, checks it, and hands out the records from `from` on. Changes nothing, needs no lock, and
/// reads up to the last good frame beside a server that goes on writing. Of segments that end before `from`
/// only the headers of the segment and of its frames are read, or its tables; `Lsn(1)` checks every frame.
///
/// # Errors
/// [`OpenError`], naming the file and what to do.
pub fn scan(storage: &dyn Storage, from: Lsn, visit: &mut Visitor<'_>) -> Result<Scan, OpenError> {
    read_all(storage, from, visit, Beside::Writer)
}

/// See [`scan`].
pub(super) fn read_all(
    storage: &dyn Storage,
    from: Lsn,
    visit: &mut Visitor<'_>,
    beside: Beside,
) -> Result<Scan, OpenError> {
    let mut scan = Scan {
        segments: Segments::default(),
        cluster: None,
        epoch: 0,
        last: Lsn::ZERO,
        hash: Some([0; 32]),
        end: 0,
        torn: None,
    };
    let mut files = list(storage)?;
    let mut listed_again = None;
    while let Some((first, form)) = files.pop_first() {
        let next = files.first_key_value().map(|(next, _)| *next);
        let mut reader = match SegmentReader::open(storage, (first, form), next, &scan, beside) {
            Ok(reader) => reader,
            Err(error) if beside == Beside::Writer && may_have_moved(&error) => {
                let due = scan.last.next();
                files = list(storage)?.split_off(&due);
                // Once for each segment: what is not there now either is missing.
                if listed_again.replace(due) == Some(due) || !files.contains_key(&due) {
                    return Err(error);
                }
                continue;
            }
            Err(error) => return Err(error),
        };
        match next {
            Some(next) if next <= from => reader.pass_over(&mut scan, next)?,
            _ => reader.read(&mut scan, from, visit)?,
        }
    }
    Ok(scan)
}

/// Whether a segment may have been archived between the listing of the directory and now.
fn may_have_moved(error: &OpenError) -> bool {
    match error {
        OpenError::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
        // A listing may see neither the raw file, which is gone, nor the archive, which came while it read.
        OpenError::Missing { .. } => true,
        OpenError::Corrupt { .. }
        | OpenError::DamagedBlock { .. }
        | OpenError::Foreign { .. }
        | OpenError::Newer { .. }
        | OpenError::Visitor { .. }
        | OpenError::Refused { .. }
        | OpenError::SegmentBytes { .. } => false,
    }
}

/// The segments by first record. Where a raw file and its archive both stand (a crash between the two steps
/// of archiving), the raw one counts and is archived again.
pub(super) fn list(storage: &dyn Storage) -> Result<BTreeMap<Lsn, Form>, OpenError> {
    let names = storage.list(LOG_DIR).map_err(|source| OpenError::Io { path: LOG_DIR.into(), source })?;
    let mut forms = BTreeMap::new();
    for name in names {
        let Some(first) = first_of(&name) else { continue };
        let form = if name.ends_with(ARCHIVE_SUFFIX) { Form::Archived } else { Form::Raw };
        let entry = forms.entry(first).or_insert(form);
        if form == Form::Raw {
            *entry = form;
        }
    }
    Ok(forms)
}

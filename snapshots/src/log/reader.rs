//! Reading durable records while the log goes on.

use super::catalog::{Catalog, Place, PlaceError};
use super::frame::records;
use crate::lsn::Lsn;
use std::sync::Arc;

/// Reads durable records by LSN. Clones share the table of frames.
#[derive(Clone)]
pub struct LogReader {
    catalog: Arc<Catalog>,
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such record, or it is not durable yet.
    #[error("record {0} is not in the log")]
    NotThere(Lsn),
    /// The disk or the frame says no.
    #[error(transparent)]
    Place(#[from] PlaceError),
}

impl LogReader {
    pub(super) fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog }
    }

    /// How many segments that are written no more have records behind this one.
    #[must_use]
    pub fn sealed_behind(&self, lsn: Lsn) -> usize {
        self.catalog.sealed().iter().filter(|(_, next)| next.0 > lsn.0 + 1).count()
    }

    /// One record.
    ///
    /// # Errors
    /// [`ReadError::NotThere`] if it is not durable.
    pub fn read(&self, lsn: Lsn) -> Result<Vec<u8>, ReadError> {
        let place = self.catalog.find(lsn)?.ok_or(ReadError::NotThere(lsn))?;
        let mut buffer = Vec::new();
        let header = place.read(&mut buffer)?;
        let row = usize::try_from(lsn.0 - header.first.0).map_err(|_| ReadError::NotThere(lsn))?;
        match records(&header, &buffer).nth(row) {
            Some(Ok(record)) => Ok(record.to_vec()),
            Some(Err(error)) => Err(PlaceError::from(error).into()),
            None => Err(ReadError::NotThere(lsn)),
        }
    }

    /// Records before an LSN, the newest first, until `visit` says `false` or `bytes_max` bytes of frames
    /// were read. Returns the LSN to go on before; `Lsn(1)` when there is nothing more.
    ///
    /// # Errors
    /// [`ReadError`] if a frame cannot be read.
    pub fn scan_back(
        &self,
        before: Lsn,
        bytes_max: usize,
        visit: &mut dyn FnMut(Lsn, &[u8]) -> bool,
    ) -> Result<Lsn, ReadError> {
        let mut before = before;
        let mut bytes = 0;
        let mut buffer = Vec::new();
        while before > Lsn(1) && bytes < bytes_max {
            let Some(place) = self.catalog.find(Lsn(before.0 - 1))? else { return Ok(Lsn(1)) };
            let header = place.read(&mut buffer)?;
            bytes += header.stored_bytes();
            let rows: Result<Vec<&[u8]>, _> = records(&header, &buffer).collect();
            let rows = rows.map_err(PlaceError::from)?;
            for (lsn, record) in (header.first.0..=header.last().0).rev().zip(rows.into_iter().rev()) {
                if lsn < before.0 {
                    before = Lsn(lsn);
                    if !visit(before, record) {
                        return Ok(before);
                    }
                }
            }
        }
        Ok(before)
    }

    /// Records from an LSN on, oldest first, until `visit` says `false` or the durable end is reached.
    ///
    /// # Errors
    /// [`ReadError`] if a frame cannot be read.
    pub fn scan_from(&self, from: Lsn, visit: &mut dyn FnMut(Lsn, &[u8]) -> bool) -> Result<(), ReadError> {
        let mut buffer = Vec::new();
        let mut next: Option<Place> = self.catalog.find(from)?;
        while let Some(place) = next {
            let header = place.read(&mut buffer)?;
            for (lsn, record) in (header.first.0..).zip(records(&header, &buffer)) {
                let record = record.map_err(PlaceError::from)?;
                if lsn >= from.0 && !visit(Lsn(lsn), record) {
                    return Ok(());
                }
            }
            let after = header.last().next();
            next = self.catalog.find(after)?.filter(|found| found.first == after);
        }
        Ok(())
    }
}

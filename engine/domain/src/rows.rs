//! Rows in chunks: a slab whose growth never moves what it holds, and which can be frozen.
//!
//! A `Vec` that doubles copies everything it holds at once and stalls its owner; here a new chunk is all
//! that growth costs. [`Rows::freeze`] shares the chunks: whoever writes first copies the one chunk it
//! writes to, so a snapshot reads a consistent picture while the owner goes on. A chunk that nobody else
//! reads is, from the next write on, the owner's alone, without a counter that every write would have to ask.

use alloc::sync::Arc;
use alloc::vec::Vec;

/// Rows per chunk. A first write after a freeze copies one chunk: 512 rows of 64 bytes are 32 KB, a few
/// microseconds, so that a batch that touches many chunks right after a snapshot began is not held up.
pub const CHUNK_ROWS: usize = 512;

const SHIFT: u32 = CHUNK_ROWS.trailing_zeros();

/// The rows of one chunk.
type ChunkRows<T> = Vec<Option<T>>;

#[derive(Clone, Debug)]
enum Chunk<T> {
    Own(ChunkRows<T>),
    /// A picture of it was taken, and may still be read.
    Shared(Arc<ChunkRows<T>>),
}

impl<T: Clone> Chunk<T> {
    fn rows(&self) -> &ChunkRows<T> {
        match self {
            Self::Own(rows) => rows,
            Self::Shared(rows) => rows,
        }
    }

    /// To be written to; copied first if a picture of it may still be read.
    fn own(&mut self) -> &mut ChunkRows<T> {
        if let Self::Shared(_) = self
            && let Self::Shared(rows) = core::mem::replace(self, Self::Own(Vec::new()))
        {
            *self = Self::Own(Arc::unwrap_or_clone(rows));
        }
        match self {
            Self::Own(rows) => rows,
            Self::Shared(_) => unreachable!("it was just made the owner's"),
        }
    }

    fn share(&mut self) {
        if let Self::Own(rows) = self {
            *self = Self::Shared(Arc::new(core::mem::take(rows)));
        }
    }

    fn shared(&self) -> Option<Arc<ChunkRows<T>>> {
        match self {
            Self::Own(_) => None,
            Self::Shared(rows) => Some(Arc::clone(rows)),
        }
    }
}

/// A chunked table of rows with stable numbers; freed rows are used again, newest first.
#[derive(Clone, Debug)]
pub struct Rows<T> {
    chunks: Vec<Chunk<T>>,
    free: Vec<u32>,
    len: u32,
}

/// A picture of [`Rows`] at one moment, to be read elsewhere.
#[derive(Clone, Debug)]
pub struct FrozenRows<T> {
    chunks: Vec<Arc<ChunkRows<T>>>,
}

impl<T: Clone> Default for Rows<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Rows<T> {
    /// How many rows are in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether no row is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts a row into a free place and returns its number.
    ///
    /// # Panics
    /// At 2^32 rows, which is beyond any memory this runs in.
    pub fn insert(&mut self, row: T) -> u32 {
        self.len = self.len.checked_add(1).unwrap_or_else(|| panic!("more than 2^32 rows"));
        if let Some(number) = self.free.pop() {
            let place = self.place_mut(number);
            debug_assert!(place.is_none(), "a free row is empty");
            *place = Some(row);
            return number;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.rows().len() == CHUNK_ROWS) {
            // The first chunk grows with what it holds, since most merchants of many are small; in those behind it,
            // growing would only copy rows.
            let capacity = if self.chunks.is_empty() { 0 } else { CHUNK_ROWS };
            self.chunks.push(Chunk::Own(Vec::with_capacity(capacity)));
        }
        let chunk_count = self.chunks.len();
        let Some(chunk) = self.chunks.last_mut() else { unreachable!("a chunk was just pushed") };
        let chunk = chunk.own();
        if chunk_count > 1 {
            // A copy has room for no more than it holds.
            chunk.reserve_exact(CHUNK_ROWS - chunk.len());
        }
        chunk.push(Some(row));
        let number = (chunk_count - 1) * CHUNK_ROWS + chunk.len() - 1;
        u32::try_from(number).unwrap_or_else(|_| panic!("more than 2^32 rows"))
    }

    /// The row of this number, if it is in use.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&T> {
        let (chunk, offset) = split(number);
        self.chunks.get(chunk)?.rows().get(offset)?.as_ref()
    }

    /// The row of this number to be changed, if it is in use.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let (chunk, offset) = split(number);
        self.chunks.get_mut(chunk)?.own().get_mut(offset)?.as_mut()
    }

    /// Takes a row out; its number will be used again.
    pub fn remove(&mut self, number: u32) -> Option<T> {
        let (chunk, offset) = split(number);
        let row = self.chunks.get_mut(chunk)?.own().get_mut(offset)?.take()?;
        self.free.push(number);
        self.len -= 1;
        Some(row)
    }

    /// All rows in use, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        numbered(self.chunks.iter().map(Chunk::rows))
    }

    /// A picture of this moment. Costs a counter for each chunk, some tens of nanoseconds; later writes copy the chunk
    /// they touch.
    #[must_use]
    pub fn freeze(&mut self) -> FrozenRows<T> {
        self.chunks.iter_mut().for_each(Chunk::share);
        FrozenRows { chunks: self.chunks.iter().filter_map(Chunk::shared).collect() }
    }

    /// A picture of this moment, if nothing was written since the last one.
    #[must_use]
    pub fn frozen(&self) -> Option<FrozenRows<T>> {
        Some(FrozenRows { chunks: self.chunks.iter().map(Chunk::shared).collect::<Option<_>>()? })
    }

    fn place_mut(&mut self, number: u32) -> &mut Option<T> {
        let (chunk, offset) = split(number);
        &mut self.chunks[chunk].own()[offset]
    }
}

impl<T> FrozenRows<T> {
    /// All rows in use, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        numbered(self.chunks.iter().map(|chunk| &**chunk))
    }
}

fn split(number: u32) -> (usize, usize) {
    ((number >> SHIFT) as usize, number as usize & (CHUNK_ROWS - 1))
}

fn numbered<'a, T: 'a>(chunks: impl Iterator<Item = &'a ChunkRows<T>>) -> impl Iterator<Item = (u32, &'a T)> {
    chunks.enumerate().flat_map(|(chunk, rows)| rows_of(chunk, rows))
}

fn rows_of<T>(chunk: usize, rows: &[Option<T>]) -> impl Iterator<Item = (u32, &T)> {
    let numbers = (chunk * CHUNK_ROWS..).map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    numbers.zip(rows).filter_map(|(number, row)| row.as_ref().map(|row| (number, row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stable_and_freed_ones_are_used_again() {
        let mut rows = Rows::default();
        let numbers: Vec<u32> = (0..10_000_u64).map(|value| rows.insert(value)).collect();
        assert_eq!(rows.len(), 10_000);
        assert!(numbers.iter().zip(0..).all(|(number, value)| rows.get(*number) == Some(&value)));
        assert_eq!(rows.remove(5_000), Some(5_000));
        assert_eq!(rows.get(5_000), None);
        assert_eq!(rows.remove(5_000), None);
        assert_eq!(rows.len(), 9_999);
        assert_eq!(rows.insert(7), 5_000);
        assert_eq!(rows.get(10_000), None);
        assert_eq!(rows.iter().count(), 10_000);
    }

    #[test]
    fn a_frozen_picture_does_not_move() {
        let mut rows = Rows::default();
        for value in 0..5_000_u64 {
            rows.insert(value);
        }
        let picture = rows.freeze();
        for number in 0..5_000 {
            if let Some(row) = rows.get_mut(number) {
                *row += 1;
            }
        }
        rows.remove(3);
        rows.insert(99);
        rows.insert(100);
        assert!(rows.frozen().is_none());
        let again = rows.freeze();
        assert!(rows.frozen().is_some_and(|frozen| frozen.iter().eq(again.iter())));
        assert!(picture.iter().all(|(number, row)| u64::from(number) == *row));
        assert_eq!(picture.iter().count(), 5_000);
        drop(picture);
        rows.remove(0);
        assert_eq!(again.iter().next(), Some((0, &1)));
        assert_eq!((again.iter().count(), rows.iter().count()), (5_001, 5_000));
    }

    #[test]
    fn a_copied_chunk_grows_no_further_than_a_chunk() {
        let mut rows = Rows::default();
        let count = u64::try_from(CHUNK_ROWS + 300).unwrap();
        for value in 0..count {
            rows.insert(value);
        }
        let picture = rows.freeze();
        rows.insert(count);
        let Chunk::Own(last) = &rows.chunks[1] else { panic!("not copied") };
        assert_eq!((last.len(), last.capacity()), (301, CHUNK_ROWS));
        assert_eq!(picture.iter().count(), CHUNK_ROWS + 300);
    }

    #[test]
    fn a_chunk_is_copied_only_while_a_picture_of_it_may_be_read() {
        let mut rows = Rows::default();
        let first = rows.insert(7);
        let place = |rows: &Rows<i32>| rows.chunks[0].rows().as_ptr();
        let before = place(&rows);
        let picture = rows.freeze();
        assert_eq!(place(&rows), before);
        drop(picture);
        assert!(rows.get_mut(first).is_some());
        assert_eq!(place(&rows), before);
        let picture = rows.freeze();
        assert!(rows.get_mut(first).is_some());
        assert_ne!(place(&rows), before);
        drop(picture);
    }
}

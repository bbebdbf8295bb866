//! Who else is promised units, and where those units are kept: the rest is free.
//!
//! Others are promised a number of units at any of their locations (a channel's pool or floor). For one reader each
//! such *row* gets a place where its units are kept, such that earlier rows get as much as can be, and the reader's own
//! locations lose as little as can be. With sets of locations that overlap no total can say that: it is a flow from
//! rows to locations, and a unit that is kept here may have to move there so that another row, or the reader, gets one
//! (Hall's condition; Ford and Fulkerson's augmenting paths).

use crate::id::LocationNumber;
use alloc::vec;
use alloc::vec::Vec;

/// Units promised to somebody at any of some locations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row<'a> {
    /// Where the units may lie.
    pub locations: &'a [LocationNumber],
    /// How many.
    pub quantity: u64,
}

/// Units at a location that may be promised to somebody. Units that are used last may stand as a second place there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Where.
    pub location: LocationNumber,
    /// How many.
    pub units: u64,
}

/// Where the units of each row are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spread {
    /// Units by row and place.
    kept: Vec<Vec<u64>>,
    /// Units of each place that no row has.
    left: Vec<u64>,
}

impl Spread {
    /// Keeps the units of `rows`, earlier rows first, at `places`, earlier places first: a later place is used only as
    /// far as rows could not have as many units without it.
    #[must_use]
    pub fn of(rows: &[Row<'_>], places: &[Place]) -> Self {
        let reach = Reach::of(rows, places);
        let mut spread = Self {
            kept: vec![vec![0; places.len()]; rows.len()],
            left: places.iter().map(|place| place.units).collect(),
        };
        for (row, wanted) in rows.iter().enumerate() {
            let mut open = wanted.quantity;
            while open > 0
                && let Some(path) = spread.path(&reach, row)
            {
                open -= spread.push(&path, open);
            }
        }
        spread
    }

    /// Units that a row got.
    #[must_use]
    pub fn served(&self, row: usize) -> u64 {
        self.kept[row].iter().sum()
    }

    /// Units of a row at a place.
    #[must_use]
    pub fn kept(&self, row: usize, place: usize) -> u64 {
        self.kept[row][place]
    }

    /// Units of a place that no row has.
    #[must_use]
    pub fn left(&self, place: usize) -> u64 {
        self.left[place]
    }

    /// The way to the first place that has units left and that `from` can use: directly, or by moving what other rows
    /// keep.
    fn path(&self, reach: &Reach, from: usize) -> Option<Path> {
        let mut found: Option<(usize, usize)> = None;
        // How each row was come to: the row before it, and the place whose units change hands.
        let mut before: Vec<Option<(usize, usize)>> = vec![None; self.kept.len()];
        let mut queue = vec![from];
        let mut next = 0;
        while let Some(row) = queue.get(next).copied() {
            next += 1;
            for place in reach.places(row) {
                if self.left[place] > 0 {
                    if found.is_none_or(|(_, best)| place < best) {
                        found = Some((row, place));
                    }
                    // What comes after it is used later, by this row and by those that would have to move.
                    break;
                }
                for (other, come_to) in before.iter_mut().enumerate() {
                    if other != from && come_to.is_none() && self.kept[other][place] > 0 {
                        *come_to = Some((row, place));
                        queue.push(other);
                    }
                }
            }
        }
        let (last, place) = found?;
        let mut moves = Vec::new();
        let mut row = last;
        while row != from
            && let Some((earlier, place)) = before[row]
        {
            moves.push(Move { from: row, to: earlier, place });
            row = earlier;
        }
        Some(Path { moves, row: last, place })
    }

    /// Sends as many units along a path as go, `most` at the most; how many that were.
    fn push(&mut self, path: &Path, most: u64) -> u64 {
        let movable = path.moves.iter().map(|step| self.kept[step.from][step.place]).min();
        let units = most.min(self.left[path.place]).min(movable.unwrap_or(u64::MAX));
        for step in &path.moves {
            self.kept[step.from][step.place] -= units;
            self.kept[step.to][step.place] += units;
        }
        self.kept[path.row][path.place] += units;
        self.left[path.place] -= units;
        units
    }
}

/// Units that a row gives up at a place to another one.
struct Move {
    from: usize,
    to: usize,
    place: usize,
}

/// A row takes units at a place that has some left, after others have moved.
struct Path {
    moves: Vec<Move>,
    row: usize,
    place: usize,
}

/// Which places each row can use.
struct Reach(Vec<Vec<usize>>);

impl Reach {
    fn of(rows: &[Row<'_>], places: &[Place]) -> Self {
        let mut by_location: Vec<(LocationNumber, usize)> =
            places.iter().enumerate().map(|(place, row)| (row.location, place)).collect();
        by_location.sort_unstable();
        let find = |location: &LocationNumber| {
            let location = *location;
            let from = by_location.partition_point(|(other, _)| *other < location);
            let here = by_location[from..].iter().take_while(move |(other, _)| *other == location);
            here.map(|(_, place)| *place)
        };
        let places_of = |row: &Row<'_>| {
            let mut places: Vec<usize> = row.locations.iter().flat_map(find).collect();
            places.sort_unstable();
            places
        };
        Self(rows.iter().map(places_of).collect())
    }

    fn places(&self, row: usize) -> impl Iterator<Item = usize> {
        self.0[row].iter().copied()
    }
}

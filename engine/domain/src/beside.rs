//! What only some orders have, beside their rows: a table by order that can be frozen.
//!
//! Orders that were accepted one after the other share a piece. [`Beside::freeze`] shares the pieces: whoever writes first
//! copies the one piece it writes to, as [`rows`](crate::rows) do, so a picture costs a counter for each piece and not a
//! copy of all of them.

use crate::id::OrderId;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Numbers of orders that share a piece. A first write after a freeze copies a piece: at 40 bytes a row 10 KB at the most.
const PIECE_ORDERS: u64 = 256;

/// The rows of a piece, in the order of their orders.
type Piece<T> = Arc<Vec<(OrderId, T)>>;

/// See the module.
#[derive(Clone, Debug)]
pub struct Beside<T> {
    /// By the first numbers that they are for; none is empty.
    pieces: BTreeMap<u64, Piece<T>>,
}

/// A picture of [`Beside`] at one moment, to be read elsewhere.
#[derive(Clone, Debug)]
pub struct FrozenBeside<T> {
    pieces: Vec<Piece<T>>,
}

impl<T> Default for Beside<T> {
    fn default() -> Self {
        Self { pieces: BTreeMap::new() }
    }
}

impl<T: Clone> Beside<T> {
    /// Whether no order has anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// What an order has.
    #[must_use]
    pub fn get(&self, order: OrderId) -> Option<&T> {
        let piece = self.pieces.get(&piece_of(order))?;
        let place = place_in(piece, order).ok()?;
        Some(&piece[place].1)
    }

    /// Gives an order something, in the place of what it had.
    pub fn insert(&mut self, order: OrderId, value: T) {
        let piece = Arc::make_mut(self.pieces.entry(piece_of(order)).or_default());
        match place_in(piece, order) {
            Ok(place) => piece[place].1 = value,
            Err(place) => piece.insert(place, (order, value)),
        }
    }

    /// Takes from an order what it has.
    pub fn remove(&mut self, order: OrderId) {
        let Some(piece) = self.pieces.get_mut(&piece_of(order)) else { return };
        let Ok(place) = place_in(piece, order) else { return };
        let piece = Arc::make_mut(piece);
        piece.remove(place);
        if piece.is_empty() {
            self.pieces.remove(&piece_of(order));
        }
    }

    /// What orders have, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (OrderId, &T)> {
        rows_of(self.pieces.values())
    }

    /// A picture of this moment. Costs a counter for each piece; later writes copy the piece they touch.
    #[must_use]
    pub fn freeze(&self) -> FrozenBeside<T> {
        FrozenBeside { pieces: self.pieces.values().map(Arc::clone).collect() }
    }
}

impl<T> FrozenBeside<T> {
    /// What orders had, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (OrderId, &T)> {
        rows_of(self.pieces.iter())
    }
}

fn piece_of(order: OrderId) -> u64 {
    order.0 / PIECE_ORDERS
}

fn place_in<T>(piece: &[(OrderId, T)], order: OrderId) -> Result<usize, usize> {
    piece.binary_search_by_key(&order, |(of, _)| *of)
}

fn rows_of<'a, T: 'a>(pieces: impl Iterator<Item = &'a Piece<T>>) -> impl Iterator<Item = (OrderId, &'a T)> {
    pieces.flat_map(|piece| piece.iter()).map(|(order, value)| (*order, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows<'a>(rows: impl Iterator<Item = (OrderId, &'a u8)>) -> Vec<(u64, u8)> {
        rows.map(|(order, value)| (order.0, *value)).collect()
    }

    proptest! {
        /// Whatever is written, it is what an ordered map is, and pictures stay what that was when they were taken.
        #[test]
        fn it_is_an_ordered_map_and_a_picture_does_not_move(
            steps in prop::collection::vec((0..600_u64, prop::option::of(any::<u8>()), prop::bool::weighted(0.1)), 0..300),
        ) {
            let (mut beside, mut map) = (Beside::default(), BTreeMap::new());
            let mut pictures = Vec::new();
            for (order, value, is_frozen) in steps {
                match value {
                    Some(value) => {
                        beside.insert(OrderId(order), value);
                        map.insert(order, value);
                    }
                    None => {
                        beside.remove(OrderId(order));
                        map.remove(&order);
                    }
                }
                prop_assert_eq!(beside.get(OrderId(order)), map.get(&order));
                prop_assert_eq!(beside.is_empty(), map.is_empty());
                if is_frozen {
                    pictures.push((beside.freeze(), map.clone()));
                }
            }
            prop_assert_eq!(rows(beside.iter()), map.into_iter().collect::<Vec<_>>());
            for (picture, map) in pictures {
                prop_assert_eq!(rows(picture.iter()), map.into_iter().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_picture_shares_what_is_not_written_to() {
        let mut beside = Beside::default();
        (0..2 * PIECE_ORDERS).for_each(|order| beside.insert(OrderId(order), 0_u8));
        let picture = beside.freeze();
        beside.insert(OrderId(0), 1);
        let shared =
            picture.pieces.iter().zip(beside.pieces.values()).map(|(one, other)| Arc::ptr_eq(one, other));
        assert_eq!(shared.collect::<Vec<_>>(), [false, true]);
    }
}

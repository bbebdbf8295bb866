//! Tags of SKUs. Few sets of tags serve many SKUs: each set is kept once, and a SKU has its number.

use super::symbols::Symbols;
use foldhash::quality::RandomState;
use hashbrown::HashMap;
use onhand_domain::routing::profile::Symbol;
use std::sync::Arc;

/// The number of the set without tags.
pub(crate) const NONE: u32 = 0;

/// All sets that SKUs of one merchant have had.
#[derive(Debug, Default)]
pub(crate) struct TagSets {
    /// The sets from number 1 on, each ascending.
    sets: Vec<Arc<[Symbol]>>,
    numbers: HashMap<Arc<[Symbol]>, u32, RandomState>,
}

impl TagSets {
    /// The number of the set of these words.
    pub(crate) fn number(&mut self, words: &[&str], symbols: &mut Symbols) -> u32 {
        let mut set: Vec<Symbol> = words.iter().map(|word| symbols.make(word)).collect();
        set.sort_unstable();
        set.dedup();
        if set.is_empty() {
            return NONE;
        }
        if let Some(number) = self.numbers.get(&*set) {
            return *number;
        }
        let set: Arc<[Symbol]> = set.into();
        self.sets.push(Arc::clone(&set));
        // Before the numbers end, memory does.
        let number = u32::try_from(self.sets.len()).unwrap_or(NONE);
        self.numbers.insert(set, number);
        number
    }

    /// The set of a number, ascending.
    pub(crate) fn set(&self, number: u32) -> &[Symbol] {
        set_of(&self.sets, number)
    }

    /// All sets, from number 1 on.
    pub(crate) fn sets(&self) -> &[Arc<[Symbol]>] {
        &self.sets
    }
}

/// The set of a number among sets from number 1 on.
pub(crate) fn set_of(sets: &[Arc<[Symbol]>], number: u32) -> &[Symbol] {
    let place = (number as usize).checked_sub(1);
    place.and_then(|place| sets.get(place)).map_or(&[], |set| set)
}

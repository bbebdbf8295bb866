//! Words that rules compare, as numbers: countries, tags, kinds. The same word is the same number as long as the process
//! lives; the log and the snapshots hold words alone.

use foldhash::quality::RandomState;
use hashbrown::HashMap;
use onhand_domain::routing::profile::Symbol;
use std::sync::Arc;

/// Stands for every word that no rule, no tag and no location has: it is equal to none of theirs.
pub(crate) const OTHER: Symbol = Symbol(u32::MAX);

/// The words of one merchant.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    words: Vec<Arc<str>>,
    by_word: HashMap<Arc<str>, u32, RandomState>,
}

impl Symbols {
    /// The number of a word; [`OTHER`] if it has none.
    pub(crate) fn find(&self, word: &str) -> Symbol {
        self.known(word).unwrap_or(OTHER)
    }

    /// The number of a word that has one.
    pub(crate) fn known(&self, word: &str) -> Option<Symbol> {
        self.by_word.get(word).copied().map(Symbol)
    }

    /// The number of a word, a new one if it has none.
    pub(crate) fn make(&mut self, word: &str) -> Symbol {
        if let Some(known) = self.known(word) {
            return known;
        }
        // Before the numbers end, memory does.
        let Ok(number) = u32::try_from(self.words.len()) else { return OTHER };
        let word: Arc<str> = word.into();
        self.words.push(Arc::clone(&word));
        self.by_word.insert(word, number);
        Symbol(number)
    }

    /// How many words there are.
    pub(crate) fn count(&self) -> usize {
        self.words.len()
    }

    /// The words, by number.
    pub(crate) fn words(&self) -> &[Arc<str>] {
        &self.words
    }
}

//! What a routing profile may name, while one is read.

use super::{Directory, Symbols};
use crate::routing::Names;
use onhand_domain::routing::profile::Symbol;
use onhand_domain::{ChannelNumber, LocationNumber, SkuNumber};

/// The names there are, and the words that a text brings. Reading a text takes milliseconds, so each name is looked up by
/// itself: whoever has one to write waits for a look-up and no longer.
pub(super) struct ProfileWords<'a> {
    directory: &'a Directory,
    /// How many words there were before; what others bring meanwhile is not seen.
    before: usize,
    /// Those that nobody had brought before.
    new: Symbols,
}

impl<'a> ProfileWords<'a> {
    pub(super) fn over(directory: &'a Directory) -> Self {
        let before = directory.codes.read().symbols.count();
        Self { directory, before, new: Symbols::default() }
    }

    /// How many words there were, and those that have the numbers behind them.
    pub(super) fn new_words(self) -> (usize, Symbols) {
        (self.before, self.new)
    }
}

impl Names for ProfileWords<'_> {
    fn location(&self, code: &str) -> Option<LocationNumber> {
        self.directory.location(code)
    }

    fn channel(&self, code: &str) -> Option<ChannelNumber> {
        self.directory.channel(code)
    }

    fn sku(&self, code: &str) -> Option<SkuNumber> {
        self.directory.sku(code).map(|name| name.number)
    }

    fn symbol(&mut self, word: &str) -> Symbol {
        let known = self.directory.codes.read().symbols.known(word);
        if let Some(known) = known.filter(|known| (known.0 as usize) < self.before) {
            return known;
        }
        // They will stand behind those there were. Before the numbers end, memory does.
        let before = u32::try_from(self.before).unwrap_or(u32::MAX);
        Symbol(self.new.make(word).0.saturating_add(before))
    }

    fn location_count(&self) -> u16 {
        u16::try_from(self.directory.location_count()).unwrap_or(u16::MAX)
    }
}

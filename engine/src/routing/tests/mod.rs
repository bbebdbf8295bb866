//! Good profiles in both formats, a table of bad ones, and texts that nobody would write.

mod bad;
mod good;
mod hostile;
mod page;

use super::{Format, Names, TextError, read};
use onhand_domain::routing::profile::{Profile, Symbol};
use onhand_domain::{ChannelNumber, LocationNumber, SkuNumber};

/// A merchant with some locations, channels and SKUs; it remembers words in the order in which they came.
#[derive(Default)]
struct Shop {
    words: Vec<String>,
}

const LOCATIONS: [&str; 5] = ["berlin", "munich", "shop-1", "main", "3pl"];
const CHANNELS: [&str; 3] = ["web", "pos", "wholesale"];
const SKUS: [&str; 2] = ["MUG", "TEA"];

fn number(place: Option<usize>) -> Option<u16> {
    place.and_then(|place| u16::try_from(place).ok())
}

impl Names for Shop {
    fn location(&self, code: &str) -> Option<LocationNumber> {
        number(LOCATIONS.iter().position(|known| *known == code)).map(LocationNumber)
    }

    fn channel(&self, code: &str) -> Option<ChannelNumber> {
        number(CHANNELS.iter().position(|known| *known == code)).map(ChannelNumber)
    }

    fn sku(&self, code: &str) -> Option<SkuNumber> {
        let place = SKUS.iter().position(|known| *known == code)?;
        u32::try_from(place).ok().map(SkuNumber)
    }

    fn symbol(&mut self, word: &str) -> Symbol {
        let known = self.words.iter().position(|known| known == word);
        let place = known.unwrap_or_else(|| {
            self.words.push(word.to_owned());
            self.words.len() - 1
        });
        Symbol(u32::try_from(place).unwrap())
    }

    fn location_count(&self) -> u16 {
        u16::try_from(LOCATIONS.len()).unwrap()
    }
}

fn read_new(text: &str, format: Format) -> Result<Profile, TextError> {
    read(text, format, 1, &mut Shop::default())
}

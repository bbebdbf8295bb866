//! What a merchant writes: routing profiles.

use onhand_engine::domain::routing::profile::{Symbol, check};
use onhand_engine::domain::{ChannelNumber, LocationNumber, SkuNumber};
use onhand_engine::routing::{CODES, Format, Names, read, reread, titles};

/// Locations of a merchant who has the names of the seeds.
const LOCATIONS: [&str; 3] = ["berlin", "munich", "shop-1"];

/// Gives each word a number, and each new one the next.
#[derive(Default)]
struct Shop {
    words: Vec<String>,
}

impl Names for Shop {
    fn location(&self, code: &str) -> Option<LocationNumber> {
        (0..).zip(LOCATIONS).find(|(_, known)| *known == code).map(|(number, _)| LocationNumber(number))
    }

    fn channel(&self, code: &str) -> Option<ChannelNumber> {
        matches!(code, "web" | "pos").then(|| ChannelNumber(u16::from(code == "pos")))
    }

    fn sku(&self, code: &str) -> Option<SkuNumber> {
        matches!(code, "MUG" | "TEA").then(|| SkuNumber(u32::from(code == "TEA")))
    }

    fn symbol(&mut self, word: &str) -> Symbol {
        let known = self.words.iter().position(|known| known == word);
        let place = known.unwrap_or_else(|| {
            self.words.push(word.to_owned());
            self.words.len() - 1
        });
        Symbol(u32::try_from(place).unwrap_or(u32::MAX))
    }

    fn location_count(&self) -> u16 {
        3
    }
}

/// The first byte says which format: an even one TOML, an odd one JSON.
pub(crate) fn profile(input: &[u8]) {
    let Some((which, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let format = if which % 2 == 0 { Format::Toml } else { Format::Json };
    let titles = titles(text, format);
    match read(text, format, 1, &mut Shop::default()) {
        Ok(profile) => {
            assert_eq!(check(&profile, 3), Ok(()), "what is read was checked");
            assert_eq!(
                reread(text, format, 1, &mut Shop::default()).as_ref(),
                Ok(&profile),
                "and is read again"
            );
            assert_eq!(
                titles.strategies.len(),
                profile.strategies.len(),
                "each strategy is called something"
            );
        }
        Err(error) => {
            let line = text.split('\n').nth(error.line as usize - 1).map(|line| line.chars().count());
            assert!(
                line.is_some_and(|count| error.column as usize <= count + 1),
                "it leads into the text: {error}"
            );
            assert!(CODES.iter().any(|(code, _)| *code == error.code), "{}: no such code", error.code);
            assert!(error.pointer.is_empty() || error.pointer.starts_with('/'), "{}", error.pointer);
        }
    }
}

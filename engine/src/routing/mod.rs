//! Routing profiles as text: what a merchant writes becomes what the core plans by, or an error that names the line
//! and the field.
//!
//! A text of either format becomes one small [`tree`] that remembers where everything stands; one reader goes over it
//! ([`profile`], then `conditions`, `filters`, `ranks`, `rates`) and turns words into numbers; the core checks whether
//! the result can mean what it says, and [`places`] finds the element of the text that the core's finding is about.
//! The language, for those who write it: docs/ROUTING.md.

mod conditions;
mod error;
mod facts;
mod filters;
mod json;
mod measures;
mod places;
mod profile;
mod ranks;
mod rates;
mod shape;
mod suggest;
mod supplied;
mod titles;
mod toml;
mod tree;
mod values;

#[cfg(test)]
mod tests;

use onhand_domain::routing::profile::{Profile, Symbol, check};
use onhand_domain::{ChannelNumber, LocationNumber, SkuNumber};
use profile::Reader;
use supplied::NOT_SUPPLIED;

pub use error::{CODES, TextError};
pub use facts::LOCATION_KINDS;
pub use measures::Measure;
pub use shape::WORD_BYTES_MAX;
pub(crate) use titles::currencies;
pub use titles::{Titles, titles};
pub use tree::{DEPTH_MAX, PROFILE_BYTES_MAX};

/// How a profile is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// TOML 1.1.
    Toml,
    /// JSON (RFC 8259), each member of an object once.
    Json,
}

/// What a profile may name. Words come as they stand in the text: an implementation brings them into the form in
/// which it keeps its own.
pub trait Names {
    /// The location of a code.
    fn location(&self, code: &str) -> Option<LocationNumber>;

    /// The channel of a code.
    fn channel(&self, code: &str) -> Option<ChannelNumber>;

    /// The SKU of a code.
    fn sku(&self, code: &str) -> Option<SkuNumber>;

    /// The symbol of a word; the same word, the same symbol. May make a new one, also for a profile that is then
    /// refused.
    fn symbol(&mut self, word: &str) -> Symbol;

    /// How many locations there are; they are numbered from 0.
    fn location_count(&self) -> u16;
}

/// Reads and checks a profile that is put now; `version` is what its explanations will name.
///
/// # Errors
/// The first thing that is wrong: the text as such, then what it names and compares, then what the core proves.
pub fn read(text: &str, format: Format, version: u32, names: &mut impl Names) -> Result<Profile, TextError> {
    let tree = tree::parse(text, format)?;
    let profile = Reader::new(names, &NOT_SUPPLIED).profile(tree.root(), version)?;
    match check(&profile, names.location_count()) {
        Ok(()) => Ok(profile),
        Err(error) => Err(places::refused(tree.root(), &profile, names, &error)),
    }
}

/// Reads a stored profile, which was checked when it was put: the core's check is not asked again, as that of a later
/// release may refuse more.
///
/// # Errors
/// As [`read`], but for what the core proves.
pub fn reread(
    text: &str,
    format: Format,
    version: u32,
    names: &mut impl Names,
) -> Result<Profile, TextError> {
    let tree = tree::parse(text, format)?;
    Reader::new(names, &NOT_SUPPLIED).profile(tree.root(), version)
}

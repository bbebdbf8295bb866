//! Where a postal code, a region or a country is.

use super::code::{Code, Writing};
use super::file::{self, Damaged};
use super::place::Place;
use std::sync::OnceLock;

/// The table that comes with the binary.
static BUNDLED: &[u8] = include_bytes!("../../data/places.bin.gz");

/// How exactly a destination was found, the most exact first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// The middle of the postal code, as far as the table tells them apart: the outward part of a British code, the
    /// first three characters of a Canadian one.
    PostalCode,
    /// The mean of all codes that begin as this one does: it is not in the table, but its neighbours are.
    Prefix,
    /// The mean of the places in the region.
    Region,
    /// The mean of the country's codes, or its principal town where the table has none.
    Country,
}

/// A place, and how exactly it stands for what was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// Where.
    pub place: Place,
    /// How exactly.
    pub precision: Precision,
}

/// Names of one kind in one country, and their places: keys (see [`Code::key`]) in order.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) keys: Box<[u32]>,
    pub(super) places: Box<[Place]>,
}

impl Part {
    fn find(&self, code: Code) -> Option<Place> {
        let at = self.keys.binary_search(&code.key()).ok()?;
        self.places.get(at).copied()
    }
}

/// What is known of a country.
#[derive(Debug)]
pub(super) struct Country {
    /// ISO 3166-1 alpha-2.
    pub(super) name: [u8; 2],
    pub(super) writing: Writing,
    pub(super) place: Place,
    pub(super) codes: Part,
    pub(super) prefixes: Part,
    pub(super) regions: Part,
}

impl Country {
    fn by_code(&self, written: &str) -> Option<Located> {
        let code = self.writing.code(written)?;
        if let Some(place) = self.codes.find(code) {
            return Some(Located { place, precision: Precision::PostalCode });
        }
        let mut prefixes = std::iter::successors(Some(code), |code| self.writing.shorter(*code));
        let place = prefixes.find_map(|prefix| self.prefixes.find(prefix))?;
        Some(Located { place, precision: Precision::Prefix })
    }

    /// A region by its code in ISO 3166-2, with the country before it or without.
    fn by_region(&self, written: &str) -> Option<Located> {
        let written = written.trim();
        let code = written.split_once('-').map_or(written, |(country, region)| {
            if country.as_bytes().eq_ignore_ascii_case(&self.name) { region } else { written }
        });
        let place = self.regions.find(Code::of(code.bytes())?)?;
        Some(Located { place, precision: Precision::Region })
    }
}

/// The table of places.
#[derive(Debug)]
pub struct Places(pub(super) Vec<Country>);

impl Places {
    /// The table that comes with the binary, read at the first call. A server calls this when it starts, so that no
    /// order waits for it.
    ///
    /// # Errors
    /// It is damaged: whoever built the binary did so with a broken file.
    pub fn bundled() -> Result<&'static Self, Damaged> {
        static PLACES: OnceLock<Result<Places, Damaged>> = OnceLock::new();
        PLACES.get_or_init(|| Self::read(BUNDLED)).as_ref().map_err(|damaged| *damaged)
    }

    /// A table from the bytes of a file ([`file`]).
    ///
    /// # Errors
    /// What is wrong with it; nothing of it is used then.
    pub fn read(file: &[u8]) -> Result<Self, Damaged> {
        file::read(file).map(Self)
    }

    /// Where this is, as exactly as the table knows: the postal code, else the longest beginning of it that says
    /// where it is, else the region, else the country. Case, spaces and hyphens do not matter, nor does what a
    /// code has behind the part that the table knows. What is missing or unheard of is passed over; `None` only if
    /// the country is no code of ISO 3166-1 alpha-2.
    #[must_use]
    pub fn locate(&self, country: &str, region: Option<&str>, postal_code: Option<&str>) -> Option<Located> {
        let country = self.country(country)?;
        let by_code = postal_code.and_then(|code| country.by_code(code));
        let by_region = || region.and_then(|region| country.by_region(region));
        let itself = Located { place: country.place, precision: Precision::Country };
        Some(by_code.or_else(by_region).unwrap_or(itself))
    }

    fn country(&self, written: &str) -> Option<&Country> {
        let name: [u8; 2] = written.trim().as_bytes().try_into().ok()?;
        let name = name.map(|letter| letter.to_ascii_uppercase());
        let at = self.0.binary_search_by_key(&name, |country| country.name).ok()?;
        self.0.get(at)
    }
}

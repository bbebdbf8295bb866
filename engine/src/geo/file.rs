//! The file of the table: how it is written, and what is checked when it is read.
//!
//! It is gzip, so a damaged byte shows in its checksum; what it must be all the same is checked too, since a file
//! can also be made wrong. Inside:
//!
//! ```text
//! file    = "OHPLACE1" number country*       number of countries, sorted by their codes
//! country = letter letter kind whole kept    ISO 3166-1 alpha-2; three bytes: how codes are written
//!           list list list list              the country itself, codes, prefixes, regions
//! list    = number key* latitude* longitude* number of entries, then three columns of as many
//! ```
//! `kind` is 0 for digits, 1 for ZIP, 2 for a letter and a digit, 3 for
//! British; `whole` and `kept` count the characters of a
//! code and those that the table has. A number is unsigned LEB128 of at most five bytes. A key is the difference to the
//! key before it (to 0, the first), so at least 1, except that the country itself is one entry whose key is 0; as a
//! number it has a name's six characters as digits to the base of 37: 0 none, then 0 to 9, then A to Z. A latitude or
//! longitude is the difference to the one before it in 1/200 degree, zigzag (0, -1, 1, -2 … are 0, 1, 2, 3 …).
//! `engine/data/make-places` writes it.

use super::code::{CHARACTERS_MAX, Kind, Writing};
use super::place::Place;
use super::places::{Country, Part};
use flate2::bufread::GzDecoder;
use std::fmt;
use std::io::Read;

/// What the file begins with: what it is, and the version of its format.
const MAGIC: [u8; 8] = *b"OHPLACE1";

/// Bytes inside that are read at the most. The table has 1.4 million; a file that was made to unpack without end
/// does not take the memory.
const BYTES_MAX: u64 = 16 << 20;

/// Millionths of a degree of a step.
const STEP_E6: i32 = 5_000;

/// Bytes of an entry at the least: one in each column. No list is believed to have more entries than fit.
const ENTRY_BYTES_MIN: usize = 3;

/// Why a table of places can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damaged {
    /// It is no gzip file, or its checksum does not fit.
    Packing,
    /// It unpacks to more than 16 MiB.
    TooLarge,
    /// It is another file, or has another version of the format.
    Format,
    /// It ends in the middle, or goes on behind its end.
    Length,
    /// A number has more than 32 bits.
    Number,
    /// Countries or keys are not in order, each once.
    Order,
    /// A country has a name or a way to write codes that there is not, or no place.
    Country,
    /// A place is not on the earth.
    Place,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Packing => "the table of places is no gzip file, or its checksum does not fit",
            Self::TooLarge => "the table of places unpacks to more than 16 MiB",
            Self::Format => "this is no table of places, or one of another version",
            Self::Length => "the table of places ends in the middle, or goes on behind its end",
            Self::Number => "a number in the table of places has more than 32 bits",
            Self::Order => "countries or codes in the table of places are not in order",
            Self::Country => "a country in the table of places has a wrong name, place or way to write codes",
            Self::Place => "a place in the table of places is not on the earth",
        })
    }
}

impl std::error::Error for Damaged {}

/// The countries of a file, sorted.
pub(super) fn read(file: &[u8]) -> Result<Vec<Country>, Damaged> {
    parse(&unpack(file)?)
}

fn unpack(file: &[u8]) -> Result<Vec<u8>, Damaged> {
    let mut bytes = Vec::new();
    let mut packed = GzDecoder::new(file);
    packed.by_ref().take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|_| Damaged::Packing)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > BYTES_MAX) {
        return Err(Damaged::TooLarge);
    }
    if packed.into_inner().is_empty() { Ok(bytes) } else { Err(Damaged::Length) }
}

/// What is inside.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Country>, Damaged> {
    let mut rest = Rest(bytes.strip_prefix(&MAGIC).ok_or(Damaged::Format)?);
    let mut countries: Vec<Country> = Vec::new();
    for _ in 0..rest.number()? {
        let country = rest.country()?;
        if countries.last().is_some_and(|before| before.name >= country.name) {
            return Err(Damaged::Order);
        }
        countries.push(country);
    }
    if rest.0.is_empty() { Ok(countries) } else { Err(Damaged::Length) }
}

/// What was not read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn byte(&mut self) -> Result<u8, Damaged> {
        let (first, rest) = self.0.split_first().ok_or(Damaged::Length)?;
        self.0 = rest;
        Ok(*first)
    }

    /// Seven bits a byte, the lowest first; the highest bit says that there are more.
    fn number(&mut self) -> Result<u32, Damaged> {
        let mut number = 0;
        for shift in (0..u32::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(number).map_err(|_| Damaged::Number);
            }
        }
        Err(Damaged::Number)
    }

    fn difference(&mut self) -> Result<i32, Damaged> {
        let number = self.number()?;
        let size = i32::try_from(number >> 1).map_err(|_| Damaged::Number)?;
        Ok(if number & 1 == 0 { size } else { -size - 1 })
    }

    fn country(&mut self) -> Result<Country, Damaged> {
        let name = [self.byte()?, self.byte()?];
        let writing = self.writing()?;
        if !name.iter().all(u8::is_ascii_uppercase) {
            return Err(Damaged::Country);
        }
        let itself = self.list()?;
        let ([0], [place]) = (&*itself.keys, &*itself.places) else {
            return Err(Damaged::Country);
        };
        let (codes, prefixes, regions) = (self.part()?, self.part()?, self.part()?);
        Ok(Country { name, writing, place: *place, codes, prefixes, regions })
    }

    fn writing(&mut self) -> Result<Writing, Damaged> {
        let kind = match self.byte()? {
            0 => Kind::Digits,
            1 => Kind::Zip,
            2 => Kind::LetterDigit,
            3 => Kind::British,
            _ => return Err(Damaged::Country),
        };
        let (whole, kept) = (self.byte()?.into(), self.byte()?.into());
        let fits = kept <= whole && kept <= CHARACTERS_MAX;
        if fits { Ok(Writing { kind, whole, kept }) } else { Err(Damaged::Country) }
    }

    /// A list in which no key is 0, since that is no name.
    fn part(&mut self) -> Result<Part, Damaged> {
        let part = self.list()?;
        if part.keys.first() == Some(&0) { Err(Damaged::Order) } else { Ok(part) }
    }

    fn list(&mut self) -> Result<Part, Damaged> {
        let count = usize::try_from(self.number()?).map_err(|_| Damaged::Number)?;
        if count > self.0.len() / ENTRY_BYTES_MIN {
            return Err(Damaged::Length);
        }
        let keys = self.keys(count)?;
        let latitudes = self.coordinates(count)?;
        let longitudes = self.coordinates(count)?;
        let places = latitudes.into_iter().zip(longitudes);
        let places: Option<_> = places.map(|(latitude, longitude)| Place::new(latitude, longitude)).collect();
        Ok(Part { keys, places: places.ok_or(Damaged::Place)? })
    }

    fn keys(&mut self, count: usize) -> Result<Box<[u32]>, Damaged> {
        let mut keys: Vec<u32> = Vec::with_capacity(count);
        for _ in 0..count {
            let (before, more) = (keys.last().copied(), self.number()?);
            if before.is_some() && more == 0 {
                return Err(Damaged::Order);
            }
            keys.push(before.unwrap_or(0).checked_add(more).ok_or(Damaged::Number)?);
        }
        Ok(keys.into())
    }

    /// A column of latitudes or longitudes, in millionths of a degree.
    fn coordinates(&mut self, count: usize) -> Result<Vec<i32>, Damaged> {
        let mut steps: i32 = 0;
        let mut column = Vec::with_capacity(count);
        for _ in 0..count {
            steps = steps.checked_add(self.difference()?).ok_or(Damaged::Place)?;
            column.push(steps.checked_mul(STEP_E6).ok_or(Damaged::Place)?);
        }
        Ok(column)
    }
}

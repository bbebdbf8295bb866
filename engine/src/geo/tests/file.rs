//! Files that are damaged, or were made wrong: an error that says which, and never a panic.

use super::super::Precision::{self, Country, PostalCode, Prefix, Region};
use super::super::file::{parse, read};
use super::super::{Damaged, Place, Places};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{Read, Write};

static BUNDLED: &[u8] = include_bytes!("../../../data/places.bin.gz");

/// Keys of the names 12, 1 and A.
const KEYS: [u32; 3] = [144_310_397, 138_687_914, 762_783_527];

/// Steps to 1 degree north and 2 degrees east, zigzag.
const NORTH: u32 = 2 * 200;
const EAST: u32 = 2 * 400;

fn number(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7F {
        bytes.push((number & 0x7F | 0x80).try_into().unwrap());
        number >>= 7;
    }
    bytes.push(number.try_into().unwrap());
    bytes
}

/// A list of entries: key, latitude and longitude, as differences.
fn list(entries: &[[u32; 3]]) -> Vec<u8> {
    let column = |at: usize| entries.iter().flat_map(move |entry| number(entry[at]));
    let count = number(entries.len().try_into().unwrap());
    count.into_iter().chain(column(0)).chain(column(1)).chain(column(2)).collect()
}

/// A country at 1 degree north and 2 degrees east. Its codes have two digits; 12 is one step south of it, what begins
/// with 1 one step north, and region A where it is. Its head, itself, its codes, prefixes and regions.
fn atlantis() -> [Vec<u8>; 5] {
    [
        b"XA\0\x02\x02".to_vec(),
        list(&[[0, NORTH, EAST]]),
        list(&[[KEYS[0], NORTH - 2, EAST]]),
        list(&[[KEYS[1], NORTH + 2, EAST]]),
        list(&[[KEYS[2], NORTH, EAST]]),
    ]
}

/// The inside of a file that says it has so many countries.
fn file_of(count: u8, countries: &[[Vec<u8>; 5]]) -> Vec<u8> {
    [b"OHPLACE1".to_vec(), vec![count], countries.concat().concat()].concat()
}

/// Atlantis alone, with one of its parts exchanged.
fn with(part: usize, bytes: &[u8]) -> Vec<u8> {
    let mut country = atlantis();
    country[part] = bytes.to_vec();
    file_of(1, &[country])
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut file = GzEncoder::new(Vec::new(), Compression::fast());
    file.write_all(bytes).unwrap();
    file.finish().unwrap()
}

#[test]
fn a_file_is_read_as_it_is_described() {
    let places = Places::read(&packed(&file_of(1, &[atlantis()]))).unwrap();
    let rows: [(Option<&str>, Option<&str>, i32, Precision); 4] = [
        (None, Some("12"), 995_000, PostalCode),
        (None, Some("13"), 1_005_000, Prefix),
        (Some("a"), Some("23"), 1_000_000, Region),
        (None, None, 1_000_000, Country),
    ];
    for (region, code, latitude_e6, precision) in rows {
        let found = places.locate("XA", region, code).unwrap();
        assert_eq!((found.place, found.precision), (Place::new(latitude_e6, 2_000_000).unwrap(), precision));
    }
}

#[test]
fn what_is_wrong_inside_is_named() {
    let mut other = atlantis();
    other[0][1] = b'B';
    let rows: Vec<(&str, Vec<u8>, Damaged)> = vec![
        ("nothing", Vec::new(), Damaged::Format),
        ("another version", b"OHPLACE2\0".to_vec(), Damaged::Format),
        ("no number", b"OHPLACE1".to_vec(), Damaged::Length),
        ("fewer countries", file_of(2, &[atlantis()]), Damaged::Length),
        ("more countries", file_of(1, &[atlantis(), other.clone()]), Damaged::Length),
        ("a country twice", file_of(2, &[atlantis(), atlantis()]), Damaged::Order),
        ("countries out of order", file_of(2, &[other, atlantis()]), Damaged::Order),
        ("a small letter", with(0, b"Xa\0\x02\x02"), Damaged::Country),
        ("an unknown way to write", with(0, b"XA\x04\x02\x02"), Damaged::Country),
        ("more kept than there is", with(0, b"XA\0\x02\x03"), Damaged::Country),
        ("more kept than fits", with(0, b"XA\0\x07\x07"), Damaged::Country),
        ("no place", with(1, &list(&[])), Damaged::Country),
        ("two places", with(1, &list(&[[0, NORTH, EAST], [1, 0, 0]])), Damaged::Country),
        ("a place with a name", with(1, &list(&[[1, NORTH, EAST]])), Damaged::Country),
        ("a code without a name", with(2, &list(&[[0, NORTH, EAST]])), Damaged::Order),
        ("a code twice", with(2, &list(&[[KEYS[0], 0, 0], [0, 0, 0]])), Damaged::Order),
        ("a key beyond 32 bits", with(2, &list(&[[KEYS[0], 0, 0], [u32::MAX, 0, 0]])), Damaged::Number),
        ("a number beyond 32 bits", with(2, &[0xFF, 0xFF, 0xFF, 0xFF, 0x1F]), Damaged::Number),
        ("a number without end", with(2, &[0xFF; 9]), Damaged::Number),
        ("more entries than bytes", with(4, &number(u32::MAX)), Damaged::Length),
        ("beyond the pole", with(2, &list(&[[KEYS[0], 2 * 18_001, 0]])), Damaged::Place),
        ("beyond the date line", with(2, &list(&[[KEYS[0], 0, 2 * 36_000 + 1]])), Damaged::Place),
        ("far beyond it", with(2, &list(&[[KEYS[0], u32::MAX, 0]])), Damaged::Place),
        ("further than counts", with(2, &list(&[[KEYS[0], 199_999, 0], [1, u32::MAX, 0]])), Damaged::Place),
    ];
    for (name, bytes, damaged) in rows {
        assert_eq!(parse(&bytes).err(), Some(damaged), "{name}");
        assert_eq!(Places::read(&packed(&bytes)).err(), Some(damaged), "{name}, packed");
    }
}

#[test]
fn any_byte_may_be_any_other_and_the_file_may_end_anywhere() {
    let whole = file_of(1, &[atlantis()]);
    let mut refused = 0;
    for at in 0..whole.len() {
        assert!(parse(&whole[..at]).is_err(), "cut at {at}");
        for flip in 1..=0xFF {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            refused += u32::from(parse(&bytes).is_err());
        }
    }
    // Another name or place is as good as this one, as far as anything inside tells.
    assert!(refused > 5_000, "{refused}");
}

#[test]
fn damage_to_the_packing_shows() {
    // The ten bytes of a header hold a time and a system, which say nothing of what is inside.
    for at in (10..BUNDLED.len()).step_by(BUNDLED.len() / 40) {
        let mut file = BUNDLED.to_vec();
        file[at] ^= 1;
        assert_eq!(read(&file).err(), Some(Damaged::Packing), "byte {at}");
        assert_eq!(read(&BUNDLED[..at]).err(), Some(Damaged::Packing), "cut at {at}");
    }
    let rows: [(&str, Vec<u8>, Damaged); 4] = [
        ("no file", Vec::new(), Damaged::Packing),
        ("not packed", file_of(1, &[atlantis()]), Damaged::Packing),
        ("something behind it", [BUNDLED, &[0]].concat(), Damaged::Length),
        ("unpacks without end", packed(&vec![0; (16 << 20) + 1]), Damaged::TooLarge),
    ];
    for (name, file, damaged) in rows {
        assert_eq!(Places::read(&file).err(), Some(damaged), "{name}");
    }
}

#[test]
fn the_limit_leaves_the_table_room_to_grow() {
    let mut bytes = Vec::new();
    GzDecoder::new(BUNDLED).read_to_end(&mut bytes).unwrap();
    assert!((1 << 20..16 << 18).contains(&bytes.len()), "{} bytes", bytes.len());
}

#[test]
fn every_damage_says_something_else() {
    use Damaged::{Country, Format, Length, Number, Order, Packing, Place, TooLarge};
    let all = [Packing, TooLarge, Format, Length, Number, Order, Country, Place];
    let texts: std::collections::BTreeSet<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), all.len(), "{texts:?}");
}

//! Where codes are: of several countries, as people write them, well and badly.

use super::super::Precision::{self, Country, PostalCode, Prefix, Region};
use super::super::distance_m;
use super::{bundled, place};

/// A row: country, region, code; latitude and longitude in hundredths of a degree, how many kilometres the answer
/// may be off, and how exactly it is found.
type Row = (&'static str, &'static str, &'static str, i32, i32, u32, Precision);

/// Codes that are there, in places whose coordinates are known from elsewhere.
const CODES: [Row; 32] = [
    ("US", "", "10001", 4075, -7400, 2, PostalCode),
    ("US", "", "90001", 3397, -11825, 3, PostalCode),
    ("US", "", "99501", 6122, -14988, 5, PostalCode),
    ("US", "", "96813", 2131, -15786, 5, PostalCode),
    ("US", "", "00601", 1818, -6675, 10, PostalCode),
    ("PR", "", "00601", 1818, -6675, 10, PostalCode),
    ("GB", "", "SW1A", 5150, -13, 2, PostalCode),
    ("GB", "", "M1", 5348, -224, 2, PostalCode),
    ("GB", "", "EH1", 5595, -319, 2, PostalCode),
    ("GB", "", "BT1", 5460, -593, 2, PostalCode),
    ("GB", "", "JE2", 4919, -211, 3, PostalCode),
    ("JE", "", "JE2", 4919, -211, 3, PostalCode),
    ("DE", "", "10115", 5253, 1338, 2, PostalCode),
    ("DE", "", "80331", 4814, 1157, 2, PostalCode),
    ("DE", "", "01067", 5106, 1372, 4, PostalCode),
    ("FR", "", "75001", 4886, 234, 2, PostalCode),
    ("FR", "", "13001", 4330, 538, 3, PostalCode),
    ("FR", "", "97400", -2088, 5545, 5, PostalCode),
    ("RE", "", "97400", -2088, 5545, 5, PostalCode),
    ("AU", "", "2000", -3387, 15121, 3, PostalCode),
    ("AT", "", "1010", 4821, 1637, 3, PostalCode),
    ("BE", "", "1000", 5085, 435, 3, PostalCode),
    ("CA", "", "M5V", 4364, -7940, 3, PostalCode),
    ("CH", "", "8001", 4737, 854, 3, PostalCode),
    ("ES", "", "28001", 4042, -369, 3, PostalCode),
    ("IE", "", "D02", 5334, -626, 3, PostalCode),
    ("IT", "", "00184", 4190, 1249, 4, PostalCode),
    ("NL", "", "1012", 5237, 490, 3, PostalCode),
    ("PL", "", "00-002", 5223, 2101, 5, PostalCode),
    ("PT", "", "1000", 3872, -914, 5, PostalCode),
    ("SE", "", "111 20", 5933, 1807, 5, PostalCode),
    ("BR", "", "01000-000", -2355, -4664, 10, PostalCode),
];

/// The same codes, as people write them.
const WRITTEN: [Row; 24] = [
    ("us", "", "10001-0001", 4075, -7400, 2, PostalCode),
    ("US", "", "100010001", 4075, -7400, 2, PostalCode),
    ("US", "", " 10001 ", 4075, -7400, 2, PostalCode),
    ("US", "", "NY 10001", 4075, -7400, 2, PostalCode),
    ("GB", "", "SW1A 1AA", 5150, -13, 2, PostalCode),
    ("gb", "", "sw1a1aa", 5150, -13, 2, PostalCode),
    ("GB", "", "SW1A-1AA", 5150, -13, 2, PostalCode),
    ("GB", "", "SW1A 1", 5150, -13, 2, PostalCode),
    ("GB", "", "M1 1AE", 5348, -224, 2, PostalCode),
    ("GB", "", "M11AE", 5348, -224, 2, PostalCode),
    ("DE", "", "D-10115", 5253, 1338, 2, PostalCode),
    ("DE", "", "DE 10115", 5253, 1338, 2, PostalCode),
    ("DE", "", "10115 Berlin", 5253, 1338, 2, PostalCode),
    ("FR", "", "F-75001", 4886, 234, 2, PostalCode),
    ("FR", "", "75 001", 4886, 234, 2, PostalCode),
    ("FR", "", "75001 CEDEX 01", 4886, 234, 2, PostalCode),
    ("CA", "", "m5v 3l9", 4364, -7940, 3, PostalCode),
    ("CA", "", "M5V3L9", 4364, -7940, 3, PostalCode),
    ("CH", "", "CH-8001", 4737, 854, 3, PostalCode),
    ("IE", "", "D02 X285", 5334, -626, 3, PostalCode),
    ("NL", "", "1012 AB", 5237, 490, 3, PostalCode),
    ("NL", "", "1012ab", 5237, 490, 3, PostalCode),
    ("PT", "", "1000-205", 3872, -914, 5, PostalCode),
    ("SE", "", "SE-111 20", 5933, 1807, 5, PostalCode),
];

/// Codes that are not there: their neighbours are.
const PREFIXES: [Row; 9] = [
    ("US", "", "10099", 4076, -7398, 10, Prefix),
    ("US", "CA", "90000", 3397, -11825, 30, Prefix),
    ("GB", "", "M97 1AA", 5348, -228, 10, Prefix),
    ("GB", "", "SW99", 5148, -16, 10, Prefix),
    ("GB", "", "EH", 5592, -325, 15, Prefix),
    ("DE", "", "10100", 5252, 1340, 10, Prefix),
    ("FR", "", "75300", 4886, 234, 5, Prefix),
    ("FR", "", "97138", 1619, -6156, 20, Prefix),
    ("CA", "", "M0Z 1A1", 4370, -7940, 10, Prefix),
];

/// What says nothing of a place falls back to the region, or the country.
const FALLBACKS: [Row; 30] = [
    ("US", "CA", "", 3580, -11930, 100, Region),
    ("US", "us-ca", "", 3580, -11930, 100, Region),
    ("US", "CA", "not a code", 3580, -11930, 100, Region),
    ("US", "PR", "", 1831, -6633, 20, Region),
    ("GB", "SCT", "", 5682, -398, 20, Region),
    ("DE", "BE", "", 5251, 1339, 5, Region),
    ("CA", "QC", "Montreal", 4610, -7280, 80, Region),
    ("AU", "NSW", "2", -3293, 15048, 20, Region),
    // No region of that name, or of a country whose regions are not known.
    ("US", "ZZ", "", 3996, -9056, 20, Country),
    ("US", "DE-BE", "", 3996, -9056, 20, Country),
    ("FR", "IDF", "", 4713, 276, 20, Country),
    // Too short: 2134 is Boston's 02134 after a table program took it for a number, and not Maryland.
    ("US", "", "2134", 3996, -9056, 20, Country),
    ("US", "", "123456", 3996, -9056, 20, Country),
    ("US", "", "SW1A 1AA", 3996, -9056, 20, Country),
    ("DE", "", "1011", 5063, 991, 20, Country),
    ("DE", "", "１０１１５", 5063, 991, 20, Country),
    ("DE", "", "-", 5063, 991, 20, Country),
    ("DE", "", "\0\u{7F}", 5063, 991, 20, Country),
    // Codes that begin with 97 lie on three oceans.
    ("FR", "", "97999", 4713, 276, 20, Country),
    // B is Birmingham; BX is no place at all, and a word no code.
    ("GB", "", "BX9 1AA", 5303, -199, 20, Country),
    ("GB", "", "LONDON", 5303, -199, 20, Country),
    ("GB", "", "1", 5303, -199, 20, Country),
    ("CA", "", "TORONTO", 4868, -8441, 20, Country),
    // The table has no codes of these.
    ("JP", "", "100-0001", 3566, 13974, 5, Country),
    ("GR", "", "105 57", 3797, 2372, 5, Country),
    ("MT", "", "VLT 1117", 3590, 1451, 10, Country),
    ("KE", "", "", -60, 3670, 200, Country),
    ("VA", "", "00120", 4190, 1245, 3, Country),
    ("AQ", "", "", -7785, 16660, 20, Country),
    ("fj", "", "", -1813, 17842, 20, Country),
];

fn check(rows: &[Row]) {
    for &(country, region, code, latitude, longitude, kilometres, precision) in rows {
        let name = format!("{country} {region} {code}");
        let given = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        let found = bundled().locate(country, given(region), given(code)).expect(&name);
        assert_eq!(found.precision, precision, "{name}: {found:?}");
        let off = distance_m(found.place, place(latitude, longitude));
        assert!(off <= kilometres * 1_000, "{name}: {found:?} is {off} m off");
    }
}

#[test]
fn codes_are_found_where_they_are() {
    check(&CODES);
}

#[test]
fn codes_are_read_as_people_write_them() {
    check(&WRITTEN);
}

#[test]
fn an_unknown_code_is_where_its_neighbours_are() {
    check(&PREFIXES);
}

#[test]
fn what_is_no_code_says_the_region_or_the_country() {
    check(&FALLBACKS);
}

#[test]
fn an_unknown_country_is_nowhere() {
    for country in ["", "X", "XX", "ZZ", "UK", "DEU", "D\0", "ß", "日本", "   "] {
        assert_eq!(bundled().locate(country, Some("BE"), Some("10115")), None, "{country:?}");
    }
}

/// Two codes, and the kilometres between the towns.
const APART: [([&str; 2], [&str; 2], u32, u32); 5] = [
    (["DE", "10115"], ["DE", "80331"], 504, 5),
    (["GB", "SW1A 1AA"], ["FR", "75001"], 342, 5),
    (["US", "10001"], ["US", "90012"], 3_940, 10),
    (["GB", "EH1 1YZ"], ["GB", "SW1A 1AA"], 534, 5),
    (["FR", "13001"], ["FR", "69001"], 277, 5),
];

#[test]
fn towns_are_as_far_apart_as_they_are() {
    for (from, to, kilometres, tolerance) in APART {
        let [one, other] =
            [from, to].map(|[country, code]| bundled().locate(country, None, Some(code)).unwrap().place);
        let metres = distance_m(one, other);
        assert!(metres.abs_diff(kilometres * 1_000) <= tolerance * 1_000, "{from:?} {to:?}: {metres} m");
    }
}

/// Countries, and how many codes the table has of each at the least.
const COUNTS: [(&str, usize); 4] = [("US", 41_000), ("DE", 8_000), ("FR", 6_000), ("GB", 2_900)];

#[test]
fn the_table_is_whole_and_takes_the_memory_that_is_claimed() {
    let places = bundled();
    for (name, least) in COUNTS {
        let country = places.0.iter().find(|country| country.name == *name.as_bytes()).unwrap();
        assert!(country.codes.keys.len() >= least, "{name}: {}", country.codes.keys.len());
    }
    assert!(places.0.len() >= 245, "{} countries", places.0.len());
    let parts = places.0.iter().flat_map(|country| [&country.codes, &country.prefixes, &country.regions]);
    let bytes: usize = parts.map(|part| size_of_val(&*part.keys) + size_of_val(&*part.places)).sum();
    assert!((4_000_000..5_000_000).contains(&bytes), "{bytes} bytes");
}

//! Distances against those that are known, and against the formula in `f64`.
#![allow(clippy::float_arithmetic, reason = "the exact arithmetic is compared with that of the formula")]

use super::super::{Place, distance_m};

/// Name, two places in millionths of a degree, and the kilometres between them on the ellipsoid (WGS 84).
const KNOWN: [(&str, [i32; 4], u32); 12] = [
    ("Berlin to Munich", [52_520_000, 13_405_000, 48_137_000, 11_575_000], 504),
    ("London to Paris", [51_507_400, -127_800, 48_856_600, 2_352_200], 344),
    ("New York to Los Angeles", [40_712_800, -74_006_000, 34_052_200, -118_243_700], 3_944),
    ("Sydney to Santiago, over the Pacific", [-33_868_800, 151_209_300, -33_448_900, -70_669_300], 11_369),
    ("Auckland to Honolulu, over the date line", [-36_848_500, 174_763_300, 21_306_900, -157_858_300], 7_050),
    (
        "Fiji, from one side of the date line to the other",
        [-16_800_000, 179_900_000, -16_800_000, -179_900_000],
        21,
    ),
    ("Tokyo to London", [35_676_200, 139_650_300, 51_507_400, -127_800], 9_582),
    ("Quito to Nairobi, along the equator", [-180_700, -78_467_800, -1_292_100, 36_821_900], 12_833),
    ("Oslo to Cape Town, along a meridian", [59_913_900, 10_752_200, -33_924_900, 18_424_100], 10_424),
    ("pole to pole", [90_000_000, 0, -90_000_000, 0], 20_004),
    ("the pole from everywhere", [90_000_000, 17_000_000, 0, -120_000_000], 10_002),
    ("Manchester to Leeds", [53_480_800, -2_242_600, 53_800_800, -1_549_100], 58),
];

fn pair([a, b, c, d]: [i32; 4]) -> (Place, Place) {
    (Place::new(a, b).unwrap(), Place::new(c, d).unwrap())
}

#[test]
fn known_distances_are_met_as_well_as_a_sphere_can() {
    for (name, places, kilometres) in KNOWN {
        let (from, to) = pair(places);
        let metres = distance_m(from, to);
        // 0.56 % for the sphere, half a kilometre for how the row is written.
        let tolerance = kilometres * 56 / 10 + 500;
        assert!(metres.abs_diff(kilometres * 1_000) <= tolerance, "{name}: {metres} m");
    }
}

/// Two places, and the metres to the last: these stay what they are, on every machine.
const EXACT: [([i32; 4], u32); 8] = [
    ([0, 0, 0, 0], 0),
    ([0, 0, 0, 1], 0),
    ([0, 0, 0, 9], 1),
    ([0, 0, 1_000_000, 0], 111_195),
    ([0, 0, 0, 90_000_000], 10_007_557),
    ([0, 0, 0, 180_000_000], 20_015_114),
    ([45_000_000, 180_000_000, 45_000_000, -180_000_000], 0),
    ([52_520_000, 13_405_000, 48_137_000, 11_575_000], 504_339),
];

#[test]
fn metres_are_the_same_everywhere() {
    for (places, metres) in EXACT {
        let (from, to) = pair(places);
        assert_eq!(distance_m(from, to), metres, "{places:?}");
    }
}

/// The formula in floating point; by the arc tangent, which stays exact on the other side of the earth.
fn by_floats(from: Place, to: Place) -> f64 {
    let radians = |degrees_e6: i32| (f64::from(degrees_e6) / 1e6).to_radians();
    let (north, south) = (radians(from.latitude_e6()), radians(to.latitude_e6()));
    let up = ((south - north) / 2.0).sin();
    let along = ((radians(to.longitude_e6()) - radians(from.longitude_e6())) / 2.0).sin();
    let haversine = up * up + north.cos() * south.cos() * along * along;
    2.0 * 6_371_008.8 * haversine.sqrt().atan2((1.0 - haversine).max(0.0).sqrt())
}

/// Numbers without a pattern (Knuth's MMIX generator), the same in each run.
struct Dice(u64);

impl Dice {
    /// From -limit to limit.
    fn draw(&mut self, limit: i32) -> i32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let span = u64::from(limit.unsigned_abs()) * 2 + 1;
        i32::try_from((self.0 >> 32) % span).unwrap() - limit
    }

    fn place(&mut self) -> Place {
        Place::new(self.draw(90_000_000), self.draw(180_000_000)).unwrap()
    }

    /// A place not further than this from another in both directions, or from the one on the other side of the earth.
    fn near(&mut self, place: Place, reach_e6: i32, is_opposite: bool) -> Place {
        let sign = if is_opposite { -1 } else { 1 };
        let latitude = (place.latitude_e6() * sign + self.draw(reach_e6)).clamp(-90_000_000, 90_000_000);
        let turned = if is_opposite { 180_000_000 } else { 0 };
        let longitude = place.longitude_e6() + turned + self.draw(reach_e6) + 180_000_000;
        Place::new(latitude, longitude.rem_euclid(360_000_000) - 180_000_000).unwrap()
    }
}

#[test]
fn the_result_is_within_a_metre_of_the_formula() {
    let mut dice = Dice(1);
    for round in 0..40_000 {
        let from = dice.place();
        let reach_e6 = [10, 1_000, 100_000, 10_000_000][round % 4];
        let others = [dice.place(), dice.near(from, reach_e6, false), dice.near(from, reach_e6, true)];
        for to in others {
            let (metres, formula) = (distance_m(from, to), by_floats(from, to));
            assert!((f64::from(metres) - formula).abs() < 1.0, "{from:?} {to:?}: {metres}, {formula}");
            assert_eq!(metres, distance_m(to, from), "{from:?} {to:?}: the way back");
        }
    }
}

#[test]
fn there_is_no_place_beyond_a_pole_or_the_date_line() {
    let beyond =
        [(90_000_001, 0), (-90_000_001, 0), (0, 180_000_001), (0, -180_000_001), (i32::MIN, i32::MAX)];
    for (latitude, longitude) in beyond {
        assert_eq!(Place::new(latitude, longitude), None, "{latitude} {longitude}");
    }
    assert!(Place::new(-90_000_000, 180_000_000).is_some());
}

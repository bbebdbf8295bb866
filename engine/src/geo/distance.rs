//! How far it is from one place to another.
//!
//! The haversine formula (R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (2), 1984, p. 159) on a
//! sphere of the earth's mean radius R1 = 6,371,008.8 m (H. Moritz, "Geodetic Reference System 1980", Journal of
//! Geodesy 74, 2000). The earth is flatter than that: true distances differ by up to 0.56 %.
//!
//! Sines of `f64` differ in their last bits from one platform's library to the other's, and a rounded metre may
//! follow them. So everything here is integers: angles in radians and ratios alike are multiples of 2^-62, sines and
//! arc sines are sums of their power series until a term is nothing. The result is within a metre of the
//! formula's (`tests/distance.rs` compares it with `f64`).

use super::place::{LATITUDE_MAX_E6, Place};

/// Binary digits behind the point. With 62 the largest products of two sums, below 4, still fit into 64 bits.
const DIGITS: u32 = 62;

/// 1.
const ONE: u64 = 1 << DIGITS;

/// π.
const PI: u64 = 14_488_038_916_154_245_684;

/// A full turn in millionths of a degree.
const TURN_E6: u32 = 360_000_000;

/// Twice the earth's mean radius, in tenths of a metre.
const DIAMETER_DM: u128 = 127_420_176;

/// The great-circle distance in whole metres, rounded; 20,015,114 at the most. The same on every machine, and the
/// same in both directions.
#[must_use]
pub fn distance_m(from: Place, to: Place) -> u32 {
    let half_sine = root(haversine(from, to));
    let tenths = (DIAMETER_DM * u128::from(arc_sine(half_sine))) >> DIGITS;
    u32::try_from((tenths + 5) / 10).unwrap_or(u32::MAX)
}

/// The square of the sine of half the angle between two places.
fn haversine(from: Place, to: Place) -> u64 {
    let north = from.latitude_e6().abs_diff(to.latitude_e6());
    let east = from.longitude_e6().abs_diff(to.longitude_e6());
    let east = east.min(TURN_E6 - east);
    let shrunk = product(cosine(from.latitude_e6()), cosine(to.latitude_e6()));
    let (north, east) = (sine_of_half(north), sine_of_half(east));
    (product(north, north) + product(shrunk, product(east, east))).min(ONE)
}

/// The cosine of a latitude: the sine of what is missing to the pole.
fn cosine(latitude_e6: i32) -> u64 {
    sine_of_half(2 * LATITUDE_MAX_E6.unsigned_abs().saturating_sub(latitude_e6.unsigned_abs()))
}

/// The sine of half an angle in millionths of a degree, up to half a turn.
fn sine_of_half(angle_e6: u32) -> u64 {
    let half = u128::from(PI) * u128::from(angle_e6) / u128::from(TURN_E6);
    sine(u64::try_from(half).unwrap_or(PI / 2))
}

/// The sine of an angle up to π/2: x - x³/3! + x⁵/5! - …
fn sine(angle: u64) -> u64 {
    let square = product(angle, angle);
    let (mut added, mut taken, mut term, mut power) = (0, 0, angle, 1);
    while term > 0 {
        let sum = if power % 4 == 1 { &mut added } else { &mut taken };
        *sum += term;
        term = product(term, square) / ((power + 1) * (power + 2));
        power += 2;
    }
    added.saturating_sub(taken).min(ONE)
}

/// The angle up to π/2 that has this sine. Beyond a half, where the series takes long, by the angle that is
/// missing to π/2: twice that with the sine √((1 - x) / 2).
fn arc_sine(sine: u64) -> u64 {
    if sine <= ONE / 2 {
        return arc_sine_of_small(sine);
    }
    let missing = arc_sine_of_small(root((ONE - sine.min(ONE)) / 2));
    PI / 2 - 2 * missing
}

/// The same up to a half: x + 1/2 · x³/3 + 1·3/2·4 · x⁵/5 + …
fn arc_sine_of_small(sine: u64) -> u64 {
    let square = product(sine, sine);
    let (mut sum, mut term, mut power) = (0, sine, 1);
    while term > 0 {
        sum += term / power;
        term = product(term, square) * power / (power + 1);
        power += 2;
    }
    sum
}

/// The product of two numbers below 2, or of any whose product is below 4.
fn product(one: u64, other: u64) -> u64 {
    u64::try_from((u128::from(one) * u128::from(other)) >> DIGITS).unwrap_or(u64::MAX)
}

/// The square root of a number up to 1.
fn root(square: u64) -> u64 {
    u64::try_from((u128::from(square) << DIGITS).isqrt()).unwrap_or(u64::MAX)
}

//! A point on the earth.

/// Millionths of a degree from the equator to a pole.
pub(super) const LATITUDE_MAX_E6: i32 = 90_000_000;

/// Millionths of a degree from Greenwich to the other side.
pub(super) const LONGITUDE_MAX_E6: i32 = 180_000_000;

/// A point on the earth (WGS 84), in millionths of a degree: steps of 11 cm at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    latitude_e6: i32,
    longitude_e6: i32,
}

impl Place {
    /// The point at so many millionths of a degree north and east; south and west are negative. `None` if there
    /// is no such point: beyond 90 degrees of latitude or 180 of longitude.
    #[must_use]
    pub fn new(latitude_e6: i32, longitude_e6: i32) -> Option<Self> {
        let latitudes = -LATITUDE_MAX_E6..=LATITUDE_MAX_E6;
        let longitudes = -LONGITUDE_MAX_E6..=LONGITUDE_MAX_E6;
        let is_one = latitudes.contains(&latitude_e6) && longitudes.contains(&longitude_e6);
        is_one.then_some(Self { latitude_e6, longitude_e6 })
    }

    /// Millionths of a degree north of the equator, -90,000,000 to 90,000,000.
    #[must_use]
    pub fn latitude_e6(self) -> i32 {
        self.latitude_e6
    }

    /// Millionths of a degree east of Greenwich, -180,000,000 to 180,000,000.
    #[must_use]
    pub fn longitude_e6(self) -> i32 {
        self.longitude_e6
    }
}

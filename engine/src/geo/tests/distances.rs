//! The memory of distances: what it says is what is worked out, whoever asks and however often.

use super::super::distances::{SITES_KEPT_MAX, SLOTS};
use super::super::{Distances, Metres, Place, Sites, distance_m};
use super::{bundled, place};
use std::sync::Arc;

/// Berlin, a place that is not known, Munich.
fn sites() -> Sites {
    Sites::new([Some(place(5252, 1340)), None, Some(place(4814, 1157))])
}

/// Places on a grid that is wider than the memory.
fn destinations() -> impl Iterator<Item = Place> {
    let wide = i32::try_from(SLOTS / 80 + 1).unwrap();
    (-40..60).flat_map(move |latitude| (0..wide).map(move |longitude| place(latitude * 100, longitude * 10)))
}

fn is_same(one: &Metres, other: &Metres) -> bool {
    Arc::ptr_eq(&one.0, &other.0)
}

#[test]
fn a_location_has_its_distance_and_an_unknown_one_has_none() {
    let (distances, hamburg) = (Distances::new(), place(5355, 1000));
    let metres = distances.to(&sites(), hamburg);
    let expected =
        [Some(distance_m(place(5252, 1340), hamburg)), None, Some(distance_m(place(4814, 1157), hamburg))];
    for (location, expected) in expected.into_iter().chain([None, None]).enumerate() {
        assert_eq!(metres.to(location), expected, "{location}");
    }
    assert!(metres.to(0) < metres.to(2), "Berlin is nearer to Hamburg than Munich");
}

#[test]
fn what_was_worked_out_is_not_worked_out_again() {
    let (distances, sites) = (Distances::new(), sites());
    let (hamburg, cologne) = (place(5355, 1000), place(5094, 696));
    let first = distances.to(&sites, hamburg);
    let other = distances.to(&sites, cologne);
    assert!(is_same(&first, &distances.to(&sites, hamburg)));
    assert!(is_same(&other, &distances.to(&sites, cologne)));
    assert_ne!(first, other);
}

#[test]
fn a_changed_location_has_its_new_distance() {
    let (distances, hamburg) = (Distances::new(), place(5355, 1000));
    let before = distances.to(&sites(), hamburg);
    let moved = Sites::new([Some(hamburg), None, Some(place(4814, 1157))]);
    let after = distances.to(&moved, hamburg);
    assert_eq!((after.to(0), after.to(2)), (Some(0), before.to(2)));
}

#[test]
fn more_destinations_than_slots_are_still_right() {
    let (distances, sites) = (Distances::new(), sites());
    assert!(destinations().count() > SLOTS);
    for _ in 0..2 {
        for destination in destinations() {
            let metres = distances.to(&sites, destination);
            assert_eq!(metres.to(0), Some(distance_m(place(5252, 1340), destination)), "{destination:?}");
        }
    }
}

#[test]
fn slots_are_all_used() {
    let (distances, sites) = (Distances::new(), sites());
    let first: Vec<Metres> = destinations().map(|destination| distances.to(&sites, destination)).collect();
    let again = destinations().map(|destination| distances.to(&sites, destination));
    // As many destinations as 1.25 slots, thrown evenly, fill 71 % of them; a bad mix would fill far less.
    let used = distances.0.iter().filter(|slot| slot.lock().is_some()).count();
    assert!(used * 100 > SLOTS * 65, "{used} of {SLOTS}");
    assert!(first.iter().zip(again).all(|(before, now)| *before == now));
}

#[test]
fn more_locations_than_are_remembered_are_worked_out_each_time() {
    let (distances, hamburg) = (Distances::new(), place(5355, 1000));
    for (count, is_kept) in [(0, true), (SITES_KEPT_MAX, true), (SITES_KEPT_MAX + 1, false)] {
        let sites = Sites::new((0..count).map(|_| Some(place(5252, 1340))));
        let (first, again) = (distances.to(&sites, hamburg), distances.to(&sites, hamburg));
        assert_eq!(first, again, "{count}");
        assert_eq!(is_same(&first, &again), is_kept, "{count}");
        assert_eq!(again.to(count), None, "{count}");
    }
}

#[test]
fn workers_find_the_same_at_once() {
    let (distances, sites) = (Distances::new(), [sites(), sites(), sites()]);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (distances, sites) = (&distances, &sites);
            scope.spawn(move || {
                for (round, destination) in destinations().take(4_000).enumerate() {
                    let metres = distances.to(&sites[(round + worker) % 3], destination);
                    let expected = distance_m(place(4814, 1157), destination);
                    assert_eq!(metres.to(2), Some(expected), "{destination:?}");
                }
            });
        }
    });
}

#[test]
fn a_postal_code_leads_to_the_nearest_location() {
    let locate = |country, code| bundled().locate(country, None, Some(code)).unwrap().place;
    let codes = [("DE", "10115"), ("FR", "75001"), ("US", "60601"), ("GB", "M1 1AE")];
    let sites = Sites::new(codes.map(|(country, code)| Some(locate(country, code))));
    let distances = Distances::new();
    let rows = [
        ("PL", "00-002", 0),
        ("BE", "1000", 1),
        ("CA", "M5V 3L9", 2),
        ("GB", "LS1 4DY", 3),
        ("DE", "50667", 1),
    ];
    for (country, code, nearest) in rows {
        let metres = distances.to(&sites, locate(country, code));
        let found = (0..codes.len()).min_by_key(|location| metres.to(*location)).unwrap();
        assert_eq!(found, nearest, "{country} {code}: {metres:?}");
    }
}

/// Some of a merchant's locations are as far as they are among all, be they remembered or not.
#[test]
fn some_locations_are_as_far_as_all_of_them_say() {
    let (here, there) = (place(5252, 1340), place(4814, 1158));
    for count in [SITES_KEPT_MAX, SITES_KEPT_MAX + 1] {
        let sites = Sites::new((0..count).map(|number| [Some(here), None, Some(there)][number % 3]));
        let found = Distances::new().to_some(&sites, here, [2, 0, 1, count].into_iter());
        assert_eq!(found, [Some(distance_m(there, here)), Some(0), None, None], "{count}");
    }
}

//! What an explanation says, by what stands in its record.

use super::*;
use onhand_engine::domain::LocationNumber;
use onhand_engine::domain::money::Currency;
use onhand_engine::domain::routing::profile::{By, Decision};

const NAMES: [&str; 4] = ["munich", "berlin", "hamburg", "shop"];

fn by(by: &'static str) -> Measure {
    Measure { by, band: None, currency: None }
}

/// The profile `eu`: one strategy with these ranks, one fallback without any.
fn naming(ranks: &[Measure]) -> Naming {
    let titles = Titles {
        strategies: vec!["near".to_owned()],
        fallbacks: vec!["anywhere".to_owned()],
        strategy_ranks: vec![ranks.to_vec()],
        fallback_ranks: vec![vec![by("fewest_shipments")]],
        ..Titles::default()
    };
    Naming { profile: "eu".to_owned(), titles }
}

/// The locations of [`NAMES`] in their order, with these reasons and scores.
fn told(ranks: &[Measure], decision: Decision, rows: &[(Reason, u64)]) -> ExplanationView {
    let verdict = |(number, (reason, score)): (u16, &(Reason, u64))| Verdict {
        location: LocationNumber(number),
        reason: *reason,
        score: *score,
    };
    let places = (0..).zip(rows).map(verdict).collect();
    let explanation = Explanation { version: 3, decision, is_cut_short: false, places, left_out: 0 };
    view(&naming(ranks), &explanation, name_of)
}

fn name_of(verdict: &Verdict) -> String {
    NAMES[usize::from(verdict.location.0)].to_owned()
}

fn words(view: &ExplanationView) -> Vec<&str> {
    view.routed.iter().flat_map(|routed| &routed.locations).map(|location| &*location.words).collect()
}

const UNKNOWN_SCORE: u64 = UNKNOWN.unsigned_abs();

#[test]
fn a_location_is_compared_with_the_only_one_that_serves() {
    let euro = Measure { currency: Currency::parse("EUR"), ..by("landed_cost") };
    let cases: [(Measure, u64, u64, &str, &str); 6] = [
        (by("nearest"), 800, 12_800, "munich: serves, 800 m away", "berlin: 12 km farther than munich"),
        (by("nearest"), 1_250, 504_000, "munich: serves, 1.2 km away", "berlin: 502 km farther than munich"),
        (
            by("priority"),
            0,
            1,
            "munich: serves, place 1 in the order of preference",
            "berlin: behind munich in the order of preference",
        ),
        (
            euro,
            390,
            490,
            "munich: serves, a shipment costs 3.90 EUR",
            "berlin: a shipment costs 1.00 EUR more than from munich",
        ),
        (
            by("most_stock"),
            0,
            7,
            "munich: serves, the most in stock",
            "berlin: 7 units fewer in stock than munich",
        ),
        (by("cost"), 30, 40, "munich: serves, a cost of 30", "berlin: a cost of 40, and munich has 30"),
    ];
    for (measure, best, other, first, second) in cases {
        let rows = [(Reason::Chosen, best), (Reason::Outranked(0), other)];
        let view = told(&[measure], Decision::Strategy(0), &rows);
        assert_eq!(words(&view), [first, second]);
        assert_eq!(
            view.words,
            "'near', a strategy of the routing profile 'eu' (version 3), serves the whole order from munich."
        );
    }
}

#[test]
fn where_no_number_can_be_compared_it_is_told_by_itself() {
    let band = Measure { band: Some(50_000), ..by("nearest") };
    let rows = [
        (Reason::Chosen, 0),
        (Reason::Outranked(0), 1),
        (Reason::Outranked(1), 4),
        (Reason::Outranked(1), UNKNOWN_SCORE),
    ];
    let view = told(&[band, by("most_stock")], Decision::Strategy(0), &rows);
    assert_eq!(
        words(&view),
        [
            "munich: serves, between 0 m and 50 km away",
            "berlin: between 50 km and 100 km away, which decided",
            "hamburg: 4 units fewer in stock than the location with the most, which decided",
            "shop: what the rank 'most_stock' asks for is not known of it",
        ]
    );
    let routed = view.routed.unwrap();
    let numbers = routed.locations.iter().map(|location| (location.rank, location.score, location.unit));
    assert_eq!(
        numbers.collect::<Vec<_>>(),
        [
            (Some("nearest"), Some(0), Some("bands")),
            (Some("nearest"), Some(1), Some("bands")),
            (Some("most_stock"), Some(4), Some("units_fewer")),
            (Some("most_stock"), None, None),
        ]
    );
}

#[test]
fn what_bars_a_location_is_said() {
    let cases = [
        (Reason::Unneeded, 1, "equal under all ranks, and not needed", None),
        (Reason::NotEnough, 2, "has only 2 smallest units of the order for this", Some("units")),
        (Reason::NoStock, 0, "has nothing of the order", None),
        (Reason::Barred(Barrier::NotIncluded), 0, "is not included by the rules", None),
        (Reason::Barred(Barrier::Excluded), 0, "is excluded by the rules", None),
        (Reason::Barred(Barrier::KeptFree), 0, "what it has must stay free there", None),
        (
            Reason::Barred(Barrier::TooFar),
            412_000,
            "412 km away, farther than the rules allow",
            Some("metres"),
        ),
        (Reason::Barred(Barrier::TooFar), 0, "how far it is is not known", None),
        (Reason::Barred(Barrier::Incapable), 0, "cannot handle the order", None),
        (Reason::Barred(Barrier::WrongKind), 0, "is of a kind that may not serve", None),
        (Reason::Barred(Barrier::CutOffPassed), 0, "its cut-off has passed", None),
        (Reason::Barred(Barrier::NoCapacity), 3, "can take only 3 more orders today", Some("orders")),
        (Reason::Barred(Barrier::NoCapacity), 0, "can take no more orders today", None),
    ];
    for (reason, score, said, unit) in cases {
        let view = told(&[by("nearest")], Decision::Fallback(0), &[(Reason::Chosen, 1), (reason, score)]);
        assert_eq!(words(&view)[1], format!("berlin: {said}"));
        let routed = view.routed.unwrap();
        let told = routed.locations[1].unit.filter(|_| reason != Reason::Unneeded);
        assert_eq!(told, unit, "{reason:?}");
    }
}

/// What decided, the reasons and scores of the locations, and the sentence.
type Said<'a> = (Decision, &'a [(Reason, u64)], &'a str);

#[test]
fn a_sentence_says_what_decided() {
    let chosen = [(Reason::Chosen, 1), (Reason::Chosen, 1)];
    let cases: [Said<'_>; 7] = [
        (
            Decision::Fallback(0),
            &chosen,
            "'anywhere', a fallback of the routing profile 'eu' (version 3), serves the whole order from munich and berlin.",
        ),
        (
            Decision::Defaults,
            &chosen[..1],
            "The defaults of the routing profile 'eu' (version 3) serve the whole order from munich.",
        ),
        (
            Decision::Backorder(By::Fallback(0)),
            &chosen[..1],
            "Nothing in the routing profile 'eu' (version 3) serves the whole order; as its fallback 'anywhere' says, what is there comes from munich, and the rest waits.",
        ),
        (
            Decision::Backorder(By::Defaults),
            &chosen,
            "Nothing in the routing profile 'eu' (version 3) serves the whole order; as its default says, what is there comes from munich and berlin, and the rest waits.",
        ),
        (
            Decision::Backorder(By::Strategy(0)),
            &[],
            "Nothing in the routing profile 'eu' (version 3) serves any of the order now, and all of it waits.",
        ),
        (
            Decision::Reject(By::Strategy(0)),
            &chosen[..1],
            "Nothing in the routing profile 'eu' (version 3) serves the whole order, so it is refused.",
        ),
        (
            Decision::Held,
            &[],
            "The order confirms a hold, or its channel is granted all of it, and the rules of the routing profile 'eu' (version 3) would not serve all of it, so the channel's locations serve it as without rules.",
        ),
    ];
    for (decision, rows, said) in cases {
        assert_eq!(told(&[by("nearest")], decision, rows).words, said);
    }
}

#[test]
fn what_was_cut_short_says_no_more_than_it_knows() {
    let places = vec![Verdict { location: LocationNumber(0), reason: Reason::Chosen, score: 9 }];
    let decision = Decision::Backorder(By::Strategy(0));
    let explanation = Explanation { version: 1, decision, is_cut_short: true, places, left_out: 2 };
    let view = view(&naming(&[by("nearest")]), &explanation, name_of);
    assert!(view.words.ends_with("the rest waits; the search for a plan was cut short."), "{}", view.words);
    assert_eq!(words(&view), ["munich: serves"]);
    let routed = view.routed.unwrap();
    assert_eq!((routed.locations[0].unit, routed.left_out), (None, 2));
}

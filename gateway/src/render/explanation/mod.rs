//! Why an order went where it went, for programs and for people: the explanation of its record, and what the version of
//! the profile that it names calls its parts. Both never change, so neither does this.

mod measure;
pub(crate) mod reasons;
#[cfg(test)]
mod tests;
mod words;

use measure::unit;
use onhand_engine::directory::Directory;
use onhand_engine::domain::routing::profile::{Barrier, Explanation, Reason, UNKNOWN, Verdict};
use onhand_engine::routing::{Measure, Titles};
use reasons::{Decided, rank_of, reason_code};
use serde::Serialize;
use words::{UNROUTED, Whole, of_location};

/// What rules rank by that say nothing else.
const PLAIN: Measure = Measure { by: "fewest_shipments", band: None, currency: None };

/// What a version of a profile is called, and its parts.
pub(crate) struct Naming {
    pub(crate) profile: String,
    pub(crate) titles: Titles,
}

/// An explanation as shown.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ExplanationView {
    profile: Option<String>,
    #[serde(flatten)]
    routed: Option<RoutedView>,
    words: String,
}

impl ExplanationView {
    /// The sentence about the whole order.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// What it says of the location of a code, if it says something.
    pub(crate) fn words_of(&self, code: &str) -> Option<&str> {
        let mut locations = self.routed.iter().flat_map(|routed| &routed.locations);
        locations.find(|location| location.code == code).map(|location| &*location.words)
    }
}

/// What a profile said.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct RoutedView {
    version: u32,
    decision: DecisionView,
    is_cut_short: bool,
    locations: Vec<LocationView>,
    left_out: u32,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct DecisionView {
    by: &'static str,
    name: Option<String>,
    outcome: &'static str,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct LocationView {
    code: String,
    reason: &'static str,
    rank: Option<&'static str>,
    score: Option<u64>,
    unit: Option<&'static str>,
    words: String,
}

/// One location of an explanation, with what its number counts.
struct Place<'a> {
    code: String,
    reason: Reason,
    /// `None` where there is no number, or what it would say is not known.
    score: Option<u64>,
    measure: Option<&'a Measure>,
}

/// The explanation of an order whose channel has no profile.
pub(crate) fn unrouted() -> ExplanationView {
    ExplanationView { profile: None, routed: None, words: UNROUTED.to_owned() }
}

/// The explanation of an order by a profile.
pub(crate) fn explained(
    directory: &Directory,
    naming: &Naming,
    explanation: &Explanation,
) -> ExplanationView {
    let names = directory.view();
    view(naming, explanation, |verdict| names.location_code(verdict.location).to_owned())
}

fn view(naming: &Naming, explanation: &Explanation, code: impl Fn(&Verdict) -> String) -> ExplanationView {
    let Explanation { version, decision, is_cut_short, left_out, .. } = *explanation;
    let decided = Decided::of(decision);
    let (name, measures) = part(&naming.titles, decided);
    // A plan that was cut short may have been compared by something else than what the rules say.
    let measures = if is_cut_short { &[] } else { measures };
    let verdicts = explanation.places.iter();
    let places: Vec<Place<'_>> = verdicts.map(|verdict| place(code(verdict), verdict, measures)).collect();
    let serving: Vec<&Place<'_>> = places.iter().filter(|place| place.reason == Reason::Chosen).collect();
    let sole = match serving[..] {
        [sole] => sole.score.map(|score| (&*sole.code, score)),
        _ => None,
    };
    let serving: Vec<&str> = serving.iter().map(|place| &*place.code).collect();
    let whole = Whole { profile: &naming.profile, version, decided, name, is_cut_short };
    let words = whole.words(&serving);
    let locations = places.iter().map(|place| location(place, decided, sole)).collect();
    let decision = DecisionView { by: decided.by, name: name.map(str::to_owned), outcome: decided.outcome };
    let routed = RoutedView { version, decision, is_cut_short, locations, left_out };
    ExplanationView { profile: Some(naming.profile.clone()), routed: Some(routed), words }
}

/// What the rules that decided are called, and what they rank by.
fn part(titles: &Titles, decided: Decided) -> (Option<&str>, &[Measure]) {
    let (names, ranks) = match decided.by {
        "strategy" => (&titles.strategies, &titles.strategy_ranks),
        "fallback" => (&titles.fallbacks, &titles.fallback_ranks),
        _ => return (None, &[PLAIN]),
    };
    let number = decided.number.map_or(usize::MAX, usize::from);
    (names.get(number).map(String::as_str), ranks.get(number).map_or(&[], Vec::as_slice))
}

fn place<'a>(code: String, verdict: &Verdict, measures: &'a [Measure]) -> Place<'a> {
    let measure = rank_of(verdict.reason).and_then(|rank| measures.get(usize::from(rank)));
    let score = Some(verdict.score).filter(|score| match verdict.reason {
        Reason::Chosen | Reason::Unneeded | Reason::Outranked(_) => i64::try_from(*score) != Ok(UNKNOWN),
        Reason::NotEnough => true,
        // No location is too far at its own door, and none lacks room that has some: there 0 is not known.
        Reason::Barred(Barrier::TooFar | Barrier::NoCapacity) => *score > 0,
        Reason::NoStock | Reason::Barred(_) => false,
    });
    Place { code, reason: verdict.reason, score, measure }
}

fn location(place: &Place<'_>, decided: Decided, sole: Option<(&str, u64)>) -> LocationView {
    let unit = match place.reason {
        Reason::NotEnough => Some("units"),
        Reason::Barred(Barrier::TooFar) => Some("metres"),
        Reason::Barred(Barrier::NoCapacity) => Some("orders"),
        _ => place.measure.map(unit),
    };
    LocationView {
        code: place.code.clone(),
        reason: reason_code(place.reason),
        rank: place.measure.map(|measure| measure.by),
        score: place.score,
        unit: unit.filter(|_| place.score.is_some()),
        words: of_location(place, decided, sole),
    }
}

//! An explanation in sentences that whoever plans the goods understands.

use super::Place;
use super::measure::{behind, length, told};
use super::reasons::Decided;
use onhand_engine::domain::routing::profile::{Barrier, Reason};

/// Locations that a sentence names; the others are counted. It stays one that can be read.
const NAMED_MAX: usize = 5;

/// Of an order whose channel had no profile.
pub(super) const UNROUTED: &str = "The channel had no routing profile, so the order was served by the first of the channel's locations that can serve the whole order, else by the fewest that can.";

/// What the sentence about the whole order speaks of.
pub(super) struct Whole<'a> {
    pub(super) profile: &'a str,
    pub(super) version: u32,
    pub(super) decided: Decided,
    /// What the strategy or fallback is called.
    pub(super) name: Option<&'a str>,
    pub(super) is_cut_short: bool,
}

impl Whole<'_> {
    /// What decided, and who serves.
    pub(super) fn words(&self, serving: &[&str]) -> String {
        let Self { profile, version, decided, .. } = *self;
        let profile = format!("the routing profile '{profile}' (version {version})");
        let (rules, from) = (self.rules(), listed(serving));
        let mut words = match (decided.by, decided.outcome, serving.is_empty()) {
            ("hold", ..) => format!(
                "The order confirms a hold, or its channel is granted all of it, and the rules of {profile} would not serve all of it, so the channel's locations serve it as without rules"
            ),
            ("defaults", "full", _) => format!("The defaults of {profile} serve the whole order from {from}"),
            (by, "full", _) => {
                format!(
                    "'{}', a {by} of {profile}, serves the whole order from {from}",
                    self.name.unwrap_or(by)
                )
            }
            (_, "backordered", true) => {
                format!("Nothing in {profile} serves any of the order now, and all of it waits")
            }
            (_, "backordered", false) => format!(
                "Nothing in {profile} serves the whole order; as {rules} says, what is there comes from {from}, and the rest waits"
            ),
            _ => format!("Nothing in {profile} serves the whole order, so it is refused"),
        };
        if self.is_cut_short {
            words.push_str("; the search for a plan was cut short");
        }
        words.push('.');
        words
    }

    fn rules(&self) -> String {
        match self.name {
            Some(name) => format!("its {} '{name}'", self.decided.by),
            None => "its default".to_owned(),
        }
    }
}

/// Codes as a sentence lists them.
fn listed(codes: &[&str]) -> String {
    let named = &codes[..codes.len().min(NAMED_MAX)];
    match (named, codes.len() - named.len()) {
        ([], _) => "no location".to_owned(),
        ([one], 0) => (*one).to_owned(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
        (_, more) => format!("{} and {more} more", named.join(", ")),
    }
}

/// What became of one location. `sole` is the only one that serves, and its number under the first rank.
pub(super) fn of_location(place: &Place<'_>, decided: Decided, sole: Option<(&str, u64)>) -> String {
    let said = match place.reason {
        Reason::Chosen => {
            let serves = if decided.outcome == "refused" { "could serve a part" } else { "serves" };
            with_number(serves, place)
        }
        Reason::Unneeded => "equal under all ranks, and not needed".to_owned(),
        Reason::Outranked(rank) => outranked(place, sole.filter(|_| rank == 0)),
        Reason::NotEnough => match place.score {
            Some(units) => format!("has only {units} smallest units of the order for this"),
            None => "has too little of the order".to_owned(),
        },
        Reason::NoStock => "has nothing of the order".to_owned(),
        Reason::Barred(barrier) => barred(barrier, place.score),
    };
    format!("{}: {said}", place.code)
}

fn with_number(serves: &str, place: &Place<'_>) -> String {
    let number = place.measure.zip(place.score).and_then(|(measure, score)| told(measure, score));
    number.map_or_else(|| serves.to_owned(), |number| format!("{serves}, {number}"))
}

fn outranked(place: &Place<'_>, sole: Option<(&str, u64)>) -> String {
    let Some(measure) = place.measure else { return "comes behind under a rank".to_owned() };
    let Some(score) = place.score else {
        return format!("what the rank '{}' asks for is not known of it", measure.by);
    };
    let compared = sole.and_then(|sole| behind(measure, score, sole));
    compared
        .or_else(|| told(measure, score).map(|number| format!("{number}, which decided")))
        .unwrap_or_else(|| format!("comes behind under the rank '{}'", measure.by))
}

fn barred(barrier: Barrier, score: Option<u64>) -> String {
    let word = match (barrier, score) {
        (Barrier::NotIncluded, _) => "is not included by the rules",
        (Barrier::Excluded, _) => "is excluded by the rules",
        (Barrier::KeptFree, _) => "what it has must stay free there",
        (Barrier::TooFar, Some(metres)) => {
            return format!("{} away, farther than the rules allow", length(metres));
        }
        (Barrier::TooFar, None) => "how far it is is not known",
        (Barrier::Incapable, _) => "cannot handle the order",
        (Barrier::WrongKind, _) => "is of a kind that may not serve",
        (Barrier::CutOffPassed, _) => "its cut-off has passed",
        (Barrier::NoCapacity, Some(orders)) => {
            return format!("can take only {orders} more orders today");
        }
        (Barrier::NoCapacity, None) => "can take no more orders today",
    };
    word.to_owned()
}

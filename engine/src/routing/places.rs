//! Which element of the text a finding of the core is about, and how it is put in words.

use super::Names;
use super::error::{TextError, code};
use super::filters::written;
use super::titles::title;
use super::tree::Node;
use onhand_domain::LocationNumber;
use onhand_domain::routing::profile::{
    Cause, Field, LIST_MAX, Profile, ProfileError, RATE_MAX, RateRow, Section,
};

/// Operators that take a list.
const LISTS: [&str; 5] = ["in", "not_in", "has_any", "has_all", "has_none"];

/// The error of the text for what the core found in the profile that was read from it.
pub(super) fn refused(
    root: Node<'_>,
    profile: &Profile,
    names: &impl Names,
    error: &ProfileError,
) -> TextError {
    let section = section(root, error.section);
    let node = match &error.field {
        Field::Whole => whole(section, error.cause),
        Field::Strategies => member(section, "strategies"),
        Field::Fallbacks => member(section, "fallbacks"),
        Field::RateCards => member(section, "rate_cards"),
        Field::When(path) => in_condition(part(member(section, "when"), path), error.cause),
        Field::Filters => member(section, "keep_free"),
        Field::Filter(number) => in_filter(section, *number, error.cause),
        Field::Ranking => ranking(section),
        Field::Rank(number) => in_rank(item(ranking(section), *number), error.cause),
        Field::MaxSplit => member(section, "max_split"),
        Field::Rate(location) => in_rate(section, profile, error, *location, names),
    };
    let (code, detail) = words(root, error);
    node.wrong(code, detail)
}

/// A member, or what should have it.
fn member<'t>(node: Node<'t>, name: &str) -> Node<'t> {
    node.find(name).unwrap_or(node)
}

/// The first of some members that is there.
fn first<'t>(node: Node<'t>, names: &[&str]) -> Node<'t> {
    names.iter().find_map(|name| node.find(name)).unwrap_or(node)
}

fn item(node: Node<'_>, number: usize) -> Node<'_> {
    node.children().nth(number).unwrap_or(node)
}

fn section(root: Node<'_>, section: Section) -> Node<'_> {
    match section {
        Section::Profile => root,
        Section::Defaults => member(root, "defaults"),
        Section::Strategy(number) => item(member(root, "strategies"), number),
        Section::Fallback(number) => item(member(root, "fallbacks"), number),
        Section::RateCard(number) => item(member(root, "rate_cards"), number),
    }
}

fn whole(section: Node<'_>, cause: Cause) -> Node<'_> {
    match cause {
        Cause::Empty | Cause::TooMany { .. } => member(section, "rates"),
        _ => section,
    }
}

/// The part of a condition at a path: the text has the same parts.
fn part<'t>(mut node: Node<'t>, path: &[u16]) -> Node<'t> {
    for number in path {
        node = match node.find("not").or_else(|| node.find("is")) {
            Some(inner) => inner,
            None => item(first(node, &["all", "any"]), usize::from(*number)),
        };
    }
    node
}

/// What of a condition is wrong.
fn in_condition(node: Node<'_>, cause: Cause) -> Node<'_> {
    match cause {
        Cause::Empty => first(first(node, &["all", "any", "lines"]), &LISTS),
        Cause::TooMany { max: LIST_MAX, .. } => first(first(node, &["lines"]), &LISTS),
        Cause::NoLine => member(node, "fact"),
        Cause::LinesInLines => member(node, "lines"),
        _ => node,
    }
}

fn in_filter(strategy: Node<'_>, number: usize, cause: Cause) -> Node<'_> {
    let node = written(strategy).get(number).map_or(strategy, |(node, _)| *node);
    match cause {
        Cause::Empty => member(node, "at"),
        Cause::Zero => member(node, "units"),
        _ => node,
    }
}

fn ranking(strategy: Node<'_>) -> Node<'_> {
    first(strategy, &["rank", "cost"])
}

fn in_rank(node: Node<'_>, cause: Cause) -> Node<'_> {
    match cause {
        Cause::Zero | Cause::OutOfRange { .. } => first(node, &["band", "weight"]),
        Cause::SeveralRateCards => member(node, "rate_card"),
        Cause::Empty => member(node, "list"),
        _ => node,
    }
}

/// The core names a rate by its location, and keeps those of one location in the order of the text; so the first of
/// them that is wrong in this way is the one.
fn in_rate<'t>(
    card: Node<'t>,
    profile: &Profile,
    error: &ProfileError,
    location: LocationNumber,
    names: &impl Names,
) -> Node<'t> {
    let Section::RateCard(number) = error.section else { return card };
    let rows = profile.rate_cards.get(number).map_or(&[][..], |card| card.rows());
    let rows = rows.iter().filter(|row| row.location == location);
    let is_there = |from: Node<'_>| from.text().ok().and_then(|code| names.location(code)) == Some(location);
    let written = member(card, "rates").children();
    let written = written.filter(|rate| rate.find("from").is_some_and(is_there));
    let mut wrong =
        rows.zip(written).filter_map(|(row, rate)| Some(member(rate, wrong_member(row, error.cause)?)));
    wrong.next().unwrap_or(card)
}

/// What of a rate is wrong in this way.
fn wrong_member(row: &RateRow, cause: Cause) -> Option<&'static str> {
    let is_beyond = |amount: i64| !(0..=RATE_MAX).contains(&amount);
    match cause {
        Cause::OutOfRange { .. } if is_beyond(row.rate.shipment) => Some("shipment"),
        Cause::OutOfRange { .. } if is_beyond(row.rate.per_kilogram) => Some("per_kilogram"),
        Cause::NeverHolds if row.postal.is_some_and(|(first, last)| first > last) => Some("postal_to"),
        Cause::UnknownLocation(_) => Some("from"),
        _ => None,
    }
}

/// The code and the sentence of a finding.
fn words(root: Node<'_>, error: &ProfileError) -> (&'static str, String) {
    match error.cause {
        Cause::Empty => (code::EMPTY, "this list is empty".into()),
        Cause::TooMany { count, max } if matches!(error.field, Field::When(_)) && max != LIST_MAX => {
            (code::TOO_MANY, format!("the condition has part {count} here; there may be {max}"))
        }
        Cause::TooMany { count, max } => {
            (code::TOO_MANY, format!("this list has {count} entries; there may be {max}"))
        }
        Cause::TooDeep { max } => (
            code::TOO_DEEP,
            format!("conditions may stand inside each other {max} levels deep, and this is the next"),
        ),
        Cause::LinesInLines => (code::TOO_DEEP, "`lines` cannot stand inside of `lines`".into()),
        Cause::Zero if error.field == Field::Ranking => {
            (code::OUT_OF_RANGE, "all weights are 0; at least one must be 1 or more".into())
        }
        Cause::Zero => (code::OUT_OF_RANGE, "this is 0; it must be at least 1".into()),
        Cause::OutOfRange { max } => (code::OUT_OF_RANGE, out_of_range(error, max)),
        Cause::UnknownLocation(_) => (code::UNKNOWN_LOCATION, "there is no such location".into()),
        Cause::DuplicateLocation(_) => (code::DUPLICATE, "a location stands here twice".into()),
        Cause::Duplicate => (code::DUPLICATE, "this stands in the list twice".into()),
        Cause::UnknownRateCard(_) => (code::UNKNOWN_RATE_CARD, "there is no such rate card".into()),
        Cause::SeveralRateCards => {
            let detail = "a strategy asks one rate card; another stands before this one";
            (code::CONTRADICTION, detail.into())
        }
        Cause::WrongOperator => (code::WRONG_OPERATOR, "this cannot be compared so".into()),
        Cause::NoLine => {
            let detail = "this is a fact of a line; ask it inside of `lines = …, is = {…}`";
            (code::UNKNOWN_FACT, detail.into())
        }
        Cause::NeverHolds => (code::CONTRADICTION, never_holds(error).into()),
        Cause::NoneCanPass => {
            (code::CONTRADICTION, "no location can pass this filter together with the others".into())
        }
        Cause::NeverDecides => {
            (code::NEVER_DECIDES, "this rank never decides: what it compares is equal by then".into())
        }
        Cause::Unreachable { by } => (code::UNREACHABLE, unreachable(root, error.section, by)),
    }
}

fn out_of_range(error: &ProfileError, max: i64) -> String {
    match error.field {
        Field::Rate(_) => format!("this is above the limit of {max} minor units"),
        _ => format!("this is above the limit of {max}"),
    }
}

fn never_holds(error: &ProfileError) -> &'static str {
    match &error.field {
        Field::Rate(_) => "this range of postal codes ends before it begins",
        _ => "this never holds, for what it says or for what stands beside it in the same `all`",
    }
}

fn unreachable(root: Node<'_>, of: Section, by: Section) -> String {
    let line = section(root, by).line();
    format!(
        "{} is never tried: {} (line {line}) is taken whenever it could be",
        called(root, of),
        called(root, by)
    )
}

/// What a strategy or a fallback is called.
fn called(root: Node<'_>, of: Section) -> String {
    let (what, number) = match of {
        Section::Strategy(number) => ("strategy", number),
        Section::Fallback(number) => ("fallback", number),
        // Nothing else is tried.
        Section::Profile | Section::Defaults | Section::RateCard(_) => return "it".into(),
    };
    format!("`{}`", title(section(root, of), what, number))
}

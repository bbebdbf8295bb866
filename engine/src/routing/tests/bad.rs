//! Each way to be wrong: where it is found, by which code, and what is said.

use super::super::error::CODES;
use super::super::{Format, PROFILE_BYTES_MAX, TextError, WORD_BYTES_MAX};
use super::{Shop, read_new};
use crate::routing::{places, tree};
use onhand_domain::LocationNumber;
use onhand_domain::routing::profile::{
    Cause, FALLBACKS_MAX, FILTERS_MAX, Field, LIST_MAX, ProfileError, RANKS_MAX, RATE_CARDS_MAX,
    STRATEGIES_MAX, Section,
};
use std::collections::BTreeSet;

/// A text, and how it is refused.
struct Case<'a> {
    format: Format,
    line: u32,
    pointer: &'a str,
    code: &'a str,
    part: &'a str,
    text: String,
}

/// The cases of the table.
fn cases() -> Vec<Case<'static>> {
    let table = include_str!("bad.txt");
    let case = |case: &'static str| {
        let (head, text) = case.split_once('\n').unwrap();
        let (place, part) = head.split_once(": ").unwrap();
        let [format, line, pointer, code] = place.splitn(4, ' ').collect::<Vec<_>>()[..] else {
            panic!("{head}")
        };
        let format = if format == "toml" { Format::Toml } else { Format::Json };
        let (line, pointer) = (line.parse().unwrap(), if pointer == "\"\"" { "" } else { pointer });
        Case { format, line, pointer, code, part, text: text.to_owned() }
    };
    table.split("\n= ").skip(1).map(case).collect()
}

/// Cases that are too large to be written out.
fn large() -> Vec<Case<'static>> {
    let toml =
        |line, pointer, code, part, text| Case { format: Format::Toml, line, pointer, code, part, text };
    let many = |count: usize, one: &dyn Fn(usize) -> String| -> String { (0..count).map(one).collect() };
    let strategy =
        |number: usize| format!("[[strategies]]\nwhen = {{ fact = 'region', eq = 'r{number}' }}\n");
    let fallback = |number: usize| format!("[[fallbacks]]\nwhen = {{ fact = 'region', eq = 'r{number}' }}\n");
    let card = |number: usize| {
        format!(
            "[[rate_cards]]\nname = '{number}'\ncurrency = 'EUR'\nrates = [{{ from = 'main', shipment = '1' }}]\n"
        )
    };
    let words = |count| many(count, &|number| format!("'w{number}', "));
    let parts = many(64, &|number| format!("{{ fact = 'region', ne = 'r{number}' }}, "));
    let ranks = many(RANKS_MAX + 1, &|number| format!("{{ by = 'nearest', band = {} }}, ", 99 - number));
    let kept = many(FILTERS_MAX + 1, &|number| format!("{}, ", number + 1));
    vec![
        toml(
            1,
            "",
            "profile_too_large",
            "the profile has 65537 bytes; there may be 65536",
            "#".repeat(PROFILE_BYTES_MAX + 1),
        ),
        toml(
            1,
            "/strategies",
            "too_many",
            "this list has 65 entries; there may be 64",
            many(STRATEGIES_MAX + 1, &strategy),
        ),
        toml(
            2,
            "/fallbacks",
            "too_many",
            "this list has 17 entries; there may be 16",
            format!("[[strategies]]\n{}", many(FALLBACKS_MAX + 1, &fallback)),
        ),
        toml(
            2,
            "/rate_cards",
            "too_many",
            "this list has 17 entries; there may be 16",
            format!("[[strategies]]\n{}", many(RATE_CARDS_MAX + 1, &card)),
        ),
        toml(
            2,
            "/strategies/0/when/in",
            "too_many",
            "this list has 257 entries; there may be 256",
            format!("[[strategies]]\nwhen = {{ fact = 'region', in = [{}] }}", words(LIST_MAX + 1)),
        ),
        toml(
            2,
            "/strategies/0/when/any/63",
            "too_many",
            "the condition has part 65 here; there may be 64",
            format!("[[strategies]]\nwhen = {{ any = [{parts}] }}"),
        ),
        toml(
            2,
            "/strategies/0/rank",
            "too_many",
            "this list has 9 entries; there may be 8",
            format!("[[strategies]]\nrank = [{ranks}]"),
        ),
        toml(
            2,
            "/strategies/0/keep_free",
            "too_many",
            "this list has 17 entries; there may be 16",
            format!("[[strategies]]\nkeep_free = [{kept}]"),
        ),
        toml(
            2,
            "/strategies/0/name",
            "out_of_range",
            "this text has 65 bytes; there may be 64",
            format!("[[strategies]]\nname = '{}'", "x".repeat(WORD_BYTES_MAX + 1)),
        ),
        toml(1, "", "too_deep", "the text nests deeper than 32", format!("a = {}", "[".repeat(33))),
        toml(1, "", "too_deep", "the text nests deeper than 32", format!("{}a = 1", "a.".repeat(33))),
        Case {
            format: Format::Json,
            line: 1,
            pointer: "/strategies/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0",
            code: "too_deep",
            part: "the text nests deeper than 32 tables and lists",
            text: format!("{{\"strategies\":{}{}}}", "[".repeat(33), "]".repeat(33)),
        },
    ]
}

#[test]
fn what_is_wrong_is_found_where_it_stands() {
    let all: Vec<Case<'_>> = cases().into_iter().chain(large()).collect();
    assert!(all.len() > 120, "{} cases", all.len());
    let mut wrong = Vec::new();
    for Case { format, line, pointer, code, part, text } in &all {
        let shown = &text[..text.len().min(400)];
        let error = read_new(text, *format).expect_err(shown);
        let is_right = (error.line, &*error.pointer, error.code) == (*line, *pointer, *code);
        if !is_right || !error.detail.contains(part) || error.detail.len() > 400 {
            wrong.push(format!("{} at {}: {error}\n{shown}", error.code, error.pointer));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let tried: BTreeSet<&str> = all.iter().map(|case| case.code).collect();
    assert_eq!(tried, CODES.iter().map(|(code, _)| *code).collect(), "each code, and no other");
}

#[test]
fn a_column_is_that_of_the_element() {
    for (text, format, column) in [
        ("[[strategies]]\n  wen = 1", Format::Toml, 3),
        ("[[strategies]]\nname = 1", Format::Toml, 8),
        ("[[strategies]]\nwhen = { fact = \"région\", eq = \"é\" }", Format::Toml, 17),
        ("[[strategies]]\nwhen = { fact = \"kind\", location = \"é\" }", Format::Toml, 36),
        ("[[strategies]]\nwhen = { fact = \"region\", not_in = [\"é\", \"é\"] }", Format::Toml, 42),
        ("{ \"strategies\":\n[{}, { \"nam\": 1 }] }", Format::Json, 8),
        ("{ \"strategies\":\n[{}, { \"name\": 1 }] }", Format::Json, 16),
        ("{ \"strategies\":\n[{}, nul] }", Format::Json, 9),
    ] {
        let error = read_new(text, format).unwrap_err();
        assert_eq!((error.line, error.column), (2, column), "{error}\n{text}");
    }
}

/// Whatever the core says of a section, also what the reader finds before it, there is a place for it in the text.
#[test]
fn every_finding_of_the_core_has_a_place() {
    let text = include_str!("good.toml");
    let tree = tree::parse(text, Format::Toml).unwrap();
    let profile = read_new(text, Format::Toml).unwrap();
    let refused = |section, field: Field, cause| -> TextError {
        let error = ProfileError { section, field, cause };
        places::refused(tree.root(), &profile, &Shop::default(), &error)
    };
    let here = LocationNumber(0);
    let first = Section::Strategy(0);
    for (section, field, cause, pointer, code) in [
        (first, Field::Filter(0), Cause::UnknownLocation(here), "/strategies/0/include", "unknown_location"),
        (first, Field::Filter(3), Cause::DuplicateLocation(here), "/strategies/0/keep_free/1", "duplicate"),
        (first, Field::Filter(5), Cause::Duplicate, "/strategies/0/kinds", "duplicate"),
        (first, Field::Rank(3), Cause::UnknownRateCard(7), "/strategies/0/rank/3", "unknown_rate_card"),
        (
            first,
            Field::When(vec![1, 0]),
            Cause::WrongOperator,
            "/strategies/0/when/all/1/not",
            "wrong_operator",
        ),
        (
            first,
            Field::When(vec![2, 2, 0, 1]),
            Cause::NeverHolds,
            "/strategies/0/when/all/2/any/2/is/all/1",
            "contradiction",
        ),
        (
            Section::RateCard(0),
            Field::Rate(here),
            Cause::UnknownLocation(here),
            "/rate_cards/0/rates/1/from",
            "unknown_location",
        ),
        (
            Section::RateCard(0),
            Field::Whole,
            Cause::TooMany { count: 5_000, max: 4_096 },
            "/rate_cards/0/rates",
            "too_many",
        ),
        // What is not there.
        (first, Field::When(vec![9, 9]), Cause::NeverHolds, "/strategies/0/when/all", "contradiction"),
        (first, Field::Filter(99), Cause::Zero, "/strategies/0", "out_of_range"),
        (Section::Fallback(0), Field::MaxSplit, Cause::Zero, "/fallbacks/0", "out_of_range"),
        (
            Section::Fallback(7),
            Field::Whole,
            Cause::Unreachable { by: Section::Profile },
            "/fallbacks",
            "unreachable_strategy",
        ),
    ] {
        let error = refused(section, field.clone(), cause);
        assert_eq!(
            (&*error.pointer, error.code),
            (pointer, code),
            "{section:?} {field:?} {cause:?}: {error}"
        );
    }
}

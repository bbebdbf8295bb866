//! The page for those who write profiles, docs/ROUTING.md, says what the reader does.

use super::super::conditions::OPERATORS;
use super::super::error::CODES;
use super::super::facts::FACTS;
use super::super::filters::FILTERS;
use super::super::ranks::OBJECTIVES;
use super::super::supplied::NOT_SUPPLIED;
use super::super::{DEPTH_MAX, Format, PROFILE_BYTES_MAX, WORD_BYTES_MAX};
use super::read_new;
use onhand_domain::routing::profile::{
    BAND_MAX, CONDITION_DEPTH_MAX, CONDITION_NODES_MAX, FALLBACKS_MAX, FILTERS_MAX, LIST_MAX,
    POSTAL_CHARACTERS_MAX, RANKS_MAX, RATE_CARDS_MAX, RATE_MAX, RATE_ROWS_MAX, STRATEGIES_MAX, WEIGHT_MAX,
};
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../../docs/ROUTING.md");

/// A section of the page, by its heading.
fn section(heading: &str) -> &'static str {
    let start = format!("\n## {heading}\n");
    let from = PAGE.split_once(&start).unwrap_or_else(|| panic!("no section {heading}")).1;
    from.split("\n## ").next().unwrap()
}

/// First cells of the tables of a section, without their backquotes, each with the rest of its row.
fn rows(heading: &str) -> Vec<(&'static str, &'static str)> {
    let rows = section(heading).lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.collect()
}

/// Names of a table, and those of the code.
fn same(heading: &str, known: impl Iterator<Item = &'static str>) {
    let told: BTreeSet<&str> = rows(heading).into_iter().map(|(name, _)| name).collect();
    assert_eq!(told, known.collect(), "{heading}");
}

#[test]
fn every_word_of_the_language_is_in_the_page() {
    same("Facts", FACTS.iter().map(|(name, _)| *name));
    same("Operators", OPERATORS.iter().map(|(name, _)| *name));
    same("Filters", FILTERS.iter().map(|(name, _)| *name));
    same("Objectives", OBJECTIVES.into_iter());
    let mut told = BTreeSet::new();
    for heading in ["Facts", "Filters", "Objectives", "Rate cards"] {
        for (name, row) in rows(heading) {
            assert_eq!(row.contains("not yet"), NOT_SUPPLIED.contains(&name), "{heading}: {name}");
            told.insert(name);
        }
    }
    assert!(NOT_SUPPLIED.iter().all(|name| told.contains(name)), "{told:?}");
}

#[test]
fn every_code_is_in_the_page_with_its_meaning() {
    let told: Vec<(&str, &str)> =
        rows("Errors").into_iter().map(|(code, row)| (code, row.trim_matches([' ', '|']))).collect();
    assert_eq!(told, CODES);
}

#[test]
fn every_limit_is_in_the_page() {
    let grouped = |number: i64| {
        let digits: Vec<char> = number.to_string().chars().rev().collect();
        let groups: Vec<String> = digits.chunks(3).map(|group| group.iter().collect()).collect();
        groups.join(",").chars().rev().collect::<String>()
    };
    let told: Vec<(&str, &str)> = section("Limits")
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.trim_end_matches(" |").split_once(" | "))
        .filter(|(_, limit)| limit.starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    let size = |limit: usize| i64::try_from(limit).unwrap();
    let expect = [
        size(PROFILE_BYTES_MAX),
        size(DEPTH_MAX),
        size(WORD_BYTES_MAX),
        size(STRATEGIES_MAX),
        size(FALLBACKS_MAX),
        size(CONDITION_NODES_MAX),
        size(CONDITION_DEPTH_MAX),
        size(LIST_MAX),
        size(FILTERS_MAX),
        size(RANKS_MAX),
        i64::from(BAND_MAX),
        i64::from(WEIGHT_MAX),
        size(POSTAL_CHARACTERS_MAX),
        size(RATE_CARDS_MAX),
        size(RATE_ROWS_MAX),
        RATE_MAX,
    ];
    let limits: Vec<&str> = told.iter().map(|(_, limit)| limit.split(' ').next().unwrap()).collect();
    assert_eq!(limits, expect.map(grouped), "{told:#?}");
}

#[test]
fn the_profiles_of_the_page_are_right() {
    let mut blocks = PAGE.split("\n```").skip(1).step_by(2);
    let profiles: Vec<&str> = blocks.by_ref().filter_map(|block| block.strip_prefix("toml\n")).collect();
    assert_eq!(profiles.len(), 4, "the first sight of one, and three that are worked out");
    for text in profiles {
        let profile = read_new(text, Format::Toml).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert!(!profile.strategies.is_empty());
    }
    let json: Vec<&str> =
        PAGE.split("\n```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("json\n")).collect();
    let [text] = json[..] else { panic!("{} texts in JSON", json.len()) };
    read_new(text, Format::Json).unwrap_or_else(|error| panic!("{error}\n{text}"));
}

/// The answer to a profile that is wrong, as the page shows it.
#[test]
fn the_error_of_the_page_is_the_one_that_comes() {
    let block = section("Errors").split("\n```").nth(1).unwrap();
    let text = block.strip_prefix("text\n").unwrap();
    let (profile, told) = text.split_once("\n\n").unwrap();
    let error = read_new(profile, Format::Toml).unwrap_err();
    let shown = format!("{} at {}: {}", error.code, error.pointer, error);
    assert_eq!(shown, told.trim());
}

//! Texts that nobody would write: cut off, changed, nested. They are refused, or read, and nothing else happens.

use super::super::{Format, PROFILE_BYTES_MAX, titles};
use super::read_new;

const GOOD: &str = include_str!("good.toml");
const GOOD_JSON: &str = include_str!("good.json");

/// Reads a text in both formats. An error leads into the text.
fn try_both(text: &str) {
    for format in [Format::Toml, Format::Json] {
        let called = titles(text, format).strategies.len();
        match read_new(text, format) {
            Ok(profile) => assert_eq!(called, profile.strategies.len(), "{text}"),
            Err(error) => {
                let line = text.split('\n').nth(error.line as usize - 1);
                let last = line.map(|line| line.chars().count() + 1);
                assert!(last.is_some_and(|last| (1..=last).contains(&(error.column as usize))), "{error}");
                assert!(!error.detail.is_empty() && error.detail.len() < 700, "{error}");
            }
        }
    }
}

#[test]
fn a_text_may_end_anywhere() {
    for text in [GOOD, GOOD_JSON] {
        for end in 0..text.len() {
            try_both(&text[..end]);
        }
    }
}

/// Each byte once replaced by one that means something in one of the formats.
#[test]
fn any_byte_may_be_another() {
    for (text, step) in [(GOOD, 3), (GOOD_JSON, 5)] {
        for (number, at) in (0..text.len()).step_by(step).enumerate() {
            let other =
                ["\"", "}", "]", "{", "[", ".", "\\", "\n", "=", ",", "#", "é", "9", "\0"][number % 14];
            let changed = [&text[..at], other, &text[at + 1..]].concat();
            try_both(&changed);
        }
    }
}

/// What would overflow a stack, or take long, if it were not bounded.
#[test]
fn a_text_may_nest_and_repeat_as_it_likes() {
    let cut = |mut text: String| {
        text.truncate(PROFILE_BYTES_MAX);
        text
    };
    let full = |one: &str| cut(one.repeat(PROFILE_BYTES_MAX.div_ceil(one.len())));
    let dots = "a.".repeat(78);
    for text in [
        full("["),
        full("{"),
        full("{a={"),
        // Each table of 80 that the parser allows inside each other begins 79 more by its dotted name.
        cut(format!("x={}", full(&format!("{{{dots}a=")))),
        format!("x={}1{}", format!("{{{dots}a=").repeat(79), "}".repeat(79)),
        format!("[{dots}b]\n{dots}c={{{dots}d=1}}"),
        format!("{dots}a=[{dots}]"),
        full("a."),
        full("'."),
        full("[a]\n"),
        full("[[a]]\n"),
        full("\"\":1,"),
        format!("[{}1]", "1,".repeat(30_000)),
        cut(format!("{{\"strategies\":[{{\"when\":{}", full("{\"not\":"))),
        format!(
            "{{{}}}",
            (0..6_000).map(|n| format!("\"{n}\":1,")).collect::<String>().trim_end_matches(',')
        ),
        format!("strategies = [{{ include = [{}] }}]", "'main',".repeat(8_000)),
        "\u{feff}[[strategies]]".to_owned(),
        "\r\n\r\n".to_owned(),
        String::new(),
    ] {
        try_both(&text);
    }
}

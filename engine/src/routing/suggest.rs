//! Which known word somebody may have meant.

use std::borrow::Cow;

/// Characters of a word of the text that an error repeats, and the longest word that is compared: the longest that the
/// language has is shorter.
const SHOWN_CHARS_MAX: usize = 64;

/// A word of the text as an error repeats it: no longer than it must be to be recognised.
pub(super) fn shown(word: &str) -> Cow<'_, str> {
    match word.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &word[..end])),
        None => Cow::Borrowed(word),
    }
}

/// The known word that takes the fewest changes of a character, if these are at most a third of it, or one.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > SHOWN_CHARS_MAX {
        return None;
    }
    let by_distance = |known: &'a str| (changes(word, known), known);
    let (distance, nearest) = known.into_iter().map(by_distance).min_by_key(|(distance, _)| *distance)?;
    (distance <= (nearest.chars().count() / 3).max(1)).then_some(nearest)
}

/// Characters to insert, remove or exchange, and neighbours to swap, until one word is the other: the distance of
/// Damerau and Levenshtein in its restricted form, optimal string alignment.
fn changes(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    let mut above_that = above.clone();
    let mut before = None;
    for (place, character) in one.chars().enumerate() {
        let mut row = vec![place + 1];
        for (column, against) in other.iter().enumerate() {
            let exchanged = above[column] + usize::from(character != *against);
            let mut least = exchanged.min(above[column + 1] + 1).min(row[column] + 1);
            if column > 0 && before == Some(*against) && other[column - 1] == character {
                least = least.min(above_that[column - 1] + 1);
            }
            row.push(least);
        }
        (above_that, above, before) = (above, row, Some(character));
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near() {
        let known = ["country", "currency", "channel", "in"];
        for (word, expect) in [
            ("contry", Some("country")),
            ("Country", Some("country")),
            ("chanel", Some("channel")),
            ("curency", Some("currency")),
            ("is", Some("in")),
            ("ni", Some("in")),
            ("chnanle", Some("channel")),
            ("weight", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expect, "{word}");
        }
        assert_eq!(nearest(&"c".repeat(65), known), None);
    }

    #[test]
    fn a_long_word_is_cut() {
        assert_eq!(shown("short"), "short");
        let long = "é".repeat(65);
        assert_eq!(shown(&long), format!("{}…", "é".repeat(64)));
    }
}

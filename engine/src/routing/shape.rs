//! What a member takes: tables of known members, texts, whole numbers, lists.

use super::error::{TextError, code};
use super::suggest::{nearest, shown};
use super::tree::{Node, Value};
use std::collections::BTreeSet;

/// Bytes of a name, a tag or any other word, as of a code elsewhere in the API.
pub const WORD_BYTES_MAX: usize = 64;

impl<'t> Node<'t> {
    /// Looks whether this is a table that has only such members.
    pub(super) fn members(self, known: &[&str]) -> Result<(), TextError> {
        if !matches!(self.value(), Value::Table(_)) {
            return Err(self.is_no("a table"));
        }
        match self.children().find(|member| !known.contains(&member.name())) {
            Some(member) => Err(member.wrong_name(code::UNKNOWN_MEMBER, unknown(member.name(), known))),
            None => Ok(()),
        }
    }

    /// A member that must be there.
    pub(super) fn need(self, name: &str) -> Result<Node<'t>, TextError> {
        self.find(name).ok_or_else(|| self.wrong(code::MISSING_MEMBER, format!("`{name}` is missing here")))
    }

    /// The items of a list.
    pub(super) fn items(self) -> Result<impl Iterator<Item = Node<'t>>, TextError> {
        match self.value() {
            Value::List(_) => Ok(self.children()),
            _ => Err(self.is_no("a list")),
        }
    }

    /// The items of a list that need not be there.
    pub(super) fn items_of(self, name: &str) -> Result<Vec<Node<'t>>, TextError> {
        self.find(name).map_or(Ok(Vec::new()), |list| list.items().map(Iterator::collect))
    }

    /// A text of any form.
    pub(super) fn text(self) -> Result<&'t str, TextError> {
        match self.value() {
            Value::Text(text) => Ok(text),
            _ => Err(self.is_no("a text in quotes")),
        }
    }

    /// A name, a code or a tag.
    pub(super) fn word(self) -> Result<&'t str, TextError> {
        let text = self.text()?;
        if text.is_empty() {
            return Err(self.wrong(code::EMPTY, "this text is empty"));
        }
        if text.len() > WORD_BYTES_MAX {
            let detail = format!("this text has {} bytes; there may be {WORD_BYTES_MAX}", text.len());
            return Err(self.wrong(code::OUT_OF_RANGE, detail));
        }
        if text.chars().any(char::is_control) {
            return Err(self.wrong(code::WRONG_TYPE, "this text contains a control character"));
        }
        Ok(text)
    }

    /// One of some words, by its place among them.
    pub(super) fn one_of(self, words: &[&str]) -> Result<usize, TextError> {
        let text = self.text()?;
        words.iter().position(|word| *word == text).ok_or_else(|| {
            let detail = format!("`{}` is none of {}", shown(text), words.join(", "));
            self.wrong(code::WRONG_TYPE, detail)
        })
    }

    /// A whole number of any size.
    pub(super) fn whole(self) -> Result<i64, TextError> {
        match self.value() {
            Value::Whole(number) => Ok(*number),
            _ => Err(self.is_no("a whole number")),
        }
    }

    /// A whole number from 0 to a limit, which its type does not pass.
    pub(super) fn up_to<T: TryFrom<i64> + Copy + Into<i64>>(self, max: T) -> Result<T, TextError> {
        let (number, limit) = (self.whole()?, max.into());
        let in_range = Some(number).filter(|number| (0..=limit).contains(number));
        in_range
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| self.wrong(code::OUT_OF_RANGE, format!("{number} is not between 0 and {limit}")))
    }

    pub(super) fn flag(self) -> Result<bool, TextError> {
        match self.value() {
            Value::Flag(flag) => Ok(*flag),
            _ => Err(self.is_no("true or false")),
        }
    }

    /// The error that this is something else.
    pub(super) fn is_no(self, wanted: &str) -> TextError {
        let found = match self.value() {
            Value::Text(_) => "a text",
            Value::Whole(_) => "a whole number",
            Value::Flag(_) => "true or false",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Other(what) => what,
        };
        self.wrong(code::WRONG_TYPE, format!("this must be {wanted}, and is {found}"))
    }

    /// A list without an item twice.
    pub(super) fn distinct<T: Ord + Copy>(
        self,
        mut read: impl FnMut(Node<'t>) -> Result<T, TextError>,
    ) -> Result<Vec<T>, TextError> {
        let (mut values, mut seen) = (Vec::new(), BTreeSet::new());
        for item in self.items()? {
            let value = read(item)?;
            if !seen.insert(value) {
                return Err(item.wrong(code::DUPLICATE, "this stands in the list twice"));
            }
            values.push(value);
        }
        Ok(values)
    }
}

/// That a word is none of those that are known, and which may have been meant.
pub(super) fn unknown(word: &str, known: &[&str]) -> String {
    let word_shown = shown(word);
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("there is no `{word_shown}` here; the nearest is `{near}`"),
        None => format!("there is no `{word_shown}` here; there are {}", known.join(", ")),
    }
}

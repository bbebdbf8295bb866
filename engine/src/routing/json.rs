//! JSON into a tree.
//!
//! The parser hands out each value as the part of the text it stands in, which tells where that is; the whole text is
//! looked through once for each level of nesting, which [`DEPTH_MAX`](super::DEPTH_MAX) bounds.

use super::error::{TextError, code};
use super::tree::{Tree, Value};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

pub(super) fn parse(text: &str) -> Result<Tree<'_>, TextError> {
    let whole: &RawValue = serde_json::from_str(text).map_err(|error| refused(text, 0, &error))?;
    let mut tree = Tree::new(text, offset(text, whole));
    Parser { text }.add(&mut tree, Tree::ROOT, whole)?;
    Ok(tree)
}

/// The byte of the text at which a part of it begins.
fn offset(text: &str, part: &RawValue) -> usize {
    part.get().as_ptr().addr() - text.as_ptr().addr()
}

/// What the parser says of a part that begins at a byte: it counts lines and bytes of a line from 1.
fn refused(text: &str, from: usize, error: &serde_json::Error) -> TextError {
    let lines = text[from..].split_inclusive('\n').take(error.line().saturating_sub(1));
    let at = from + lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(&*message, |(message, _)| message);
    TextError::new(text, at, String::new(), code::MALFORMED, format!("this is no JSON: {message}"))
}

/// Names and values of an object, in their order, those that stand twice too.
struct Members<'t>(Vec<(&'t RawValue, &'t RawValue)>);

impl<'t> Deserialize<'t> for Members<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'t> Visitor<'t> for MembersVisitor {
            type Value = Members<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

struct Parser<'t> {
    text: &'t str,
}

impl<'t> Parser<'t> {
    fn read<T: Deserialize<'t>>(&self, part: &'t RawValue) -> Result<T, TextError> {
        serde_json::from_str(part.get()).map_err(|error| refused(self.text, offset(self.text, part), &error))
    }

    fn string(&self, part: &'t RawValue) -> Result<Cow<'t, str>, TextError> {
        // What has no escape is the text itself.
        let inner = part.get().strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
        match inner.filter(|inner| !inner.contains('\\')) {
            Some(inner) => Ok(Cow::Borrowed(inner)),
            None => self.read(part).map(Cow::Owned),
        }
    }

    fn add(&self, tree: &mut Tree<'t>, id: usize, part: &'t RawValue) -> Result<(), TextError> {
        let value = match part.get().as_bytes() {
            [b'{', ..] => self.table(tree, id, part)?,
            [b'[', ..] => self.list(tree, id, part)?,
            [b'"', ..] => Value::Text(self.string(part)?),
            b"true" => Value::Flag(true),
            b"false" => Value::Flag(false),
            b"null" => Value::Other("null"),
            number if number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => {
                Value::Other("a number with a fraction or an exponent")
            }
            _ => match part.get().parse() {
                Ok(number) => Value::Whole(number),
                Err(_) => Value::Other("a number beyond 64 bits"),
            },
        };
        tree.set(id, value);
        Ok(())
    }

    fn table(&self, tree: &mut Tree<'t>, id: usize, part: &'t RawValue) -> Result<Value<'t>, TextError> {
        let Members(members) = self.read(part)?;
        let (mut ids, mut names) = (Vec::with_capacity(members.len()), BTreeSet::new());
        for (name, value) in members {
            let (text, name_at) = (self.string(name)?, offset(self.text, name));
            if !names.insert(text.clone()) {
                return Err(tree.twice(id, &text, name_at));
            }
            let member = tree.member(id, text, name_at, offset(self.text, value))?;
            self.add(tree, member, value)?;
            ids.push(member);
        }
        Ok(Value::Table(ids))
    }

    fn list(&self, tree: &mut Tree<'t>, id: usize, part: &'t RawValue) -> Result<Value<'t>, TextError> {
        let mut ids = Vec::new();
        for (number, value) in self.read::<Vec<&RawValue>>(part)?.into_iter().enumerate() {
            let item = tree.item(id, number, offset(self.text, value))?;
            self.add(tree, item, value)?;
            ids.push(item);
        }
        Ok(Value::List(ids))
    }
}

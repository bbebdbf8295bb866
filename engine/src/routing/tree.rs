//! A profile's text as a tree that remembers where everything stands: the same for both formats.
//!
//! The nodes lie in one list and name each other by their places in it, so a tree of any depth is freed without
//! recursion, and the way from a node to the root is its JSON pointer.

use super::error::{TextError, code, line_and_column};
use super::suggest::shown;
use super::{Format, json, toml};
use std::borrow::Cow;

/// Bytes of a profile's text. A put is one record of the log, and a frame of the log has room for eight such; a profile
/// of twenty strategies with a hundred rates has some 15 KB.
pub const PROFILE_BYTES_MAX: usize = 64 << 10;

/// Tables and lists inside each other. The deepest that means anything is a list of values in a condition of eight
/// levels: 20.
pub const DEPTH_MAX: usize = 32;

/// Where a node is in the one above it.
enum Step<'t> {
    Root,
    Member(Cow<'t, str>),
    Item(usize),
}

/// What stands at a node; lists and tables name their nodes.
pub(super) enum Value<'t> {
    Text(Cow<'t, str>),
    Whole(i64),
    Flag(bool),
    List(Vec<usize>),
    Table(Vec<usize>),
    /// Something that no member takes, by what it is.
    Other(&'static str),
}

struct Row<'t> {
    /// The node above; the root's is itself.
    up: usize,
    depth: usize,
    step: Step<'t>,
    /// The byte at which the value begins.
    at: usize,
    /// The byte at which its name begins; where there is none, its value.
    name_at: usize,
    value: Value<'t>,
}

/// A text that was parsed.
pub(super) struct Tree<'t> {
    text: &'t str,
    rows: Vec<Row<'t>>,
}

/// A place in a tree.
#[derive(Clone, Copy)]
pub(super) struct Node<'t> {
    tree: &'t Tree<'t>,
    id: usize,
}

/// Parses a text of either format.
pub(super) fn parse(text: &str, format: Format) -> Result<Tree<'_>, TextError> {
    if text.len() > PROFILE_BYTES_MAX {
        let detail = format!("the profile has {} bytes; there may be {PROFILE_BYTES_MAX}", text.len());
        return Err(TextError::new(text, 0, String::new(), code::TOO_LARGE, detail));
    }
    match format {
        Format::Toml => toml::parse(text),
        Format::Json => json::parse(text),
    }
}

impl<'t> Tree<'t> {
    /// The place of the root in every tree.
    pub(super) const ROOT: usize = 0;

    /// A tree with a root that nothing is said of yet; it begins at a byte.
    pub(super) fn new(text: &'t str, at: usize) -> Self {
        let value = Value::Other("nothing");
        let root = Row { up: Self::ROOT, depth: 0, step: Step::Root, at, name_at: at, value };
        Self { text, rows: vec![root] }
    }

    /// Adds a member, whose name and value begin at these bytes.
    pub(super) fn member(
        &mut self,
        up: usize,
        name: Cow<'t, str>,
        name_at: usize,
        at: usize,
    ) -> Result<usize, TextError> {
        self.add(up, Step::Member(name), name_at, at)
    }

    /// Adds an item of a list, which begins at a byte.
    pub(super) fn item(&mut self, up: usize, number: usize, at: usize) -> Result<usize, TextError> {
        self.add(up, Step::Item(number), at, at)
    }

    /// Adds a node, whose value is still to be said. Whoever goes down a text asks this before it goes deeper, so no
    /// text makes it go too deep.
    fn add(&mut self, up: usize, step: Step<'t>, name_at: usize, at: usize) -> Result<usize, TextError> {
        let depth = self.rows[up].depth + 1;
        if depth > DEPTH_MAX {
            let detail = format!("the text nests deeper than {DEPTH_MAX} tables and lists");
            return Err(TextError::new(self.text, name_at, self.pointer(up), code::TOO_DEEP, detail));
        }
        self.rows.push(Row { up, depth, step, at, name_at, value: Value::Other("nothing") });
        Ok(self.rows.len() - 1)
    }

    /// Says what stands at a node.
    pub(super) fn set(&mut self, id: usize, value: Value<'t>) {
        self.rows[id].value = value;
    }

    /// An error at a name that stands in a table already.
    pub(super) fn twice(&self, up: usize, name: &str, name_at: usize) -> TextError {
        let pointer = format!("{}/{}", self.pointer(up), escaped(name));
        let detail = format!("`{}` stands here twice", shown(name));
        TextError::new(self.text, name_at, pointer, code::DUPLICATE, detail)
    }

    /// The root, once all is said.
    pub(super) fn root(&self) -> Node<'_> {
        Node { tree: self, id: Self::ROOT }
    }

    fn pointer(&self, id: usize) -> String {
        let mut steps = Vec::new();
        let mut row = &self.rows[id];
        loop {
            match &row.step {
                Step::Root => break,
                Step::Member(name) => steps.push(format!("/{}", escaped(name))),
                Step::Item(number) => steps.push(format!("/{number}")),
            }
            row = &self.rows[row.up];
        }
        steps.reverse();
        steps.concat()
    }
}

/// A name as a JSON pointer has it.
fn escaped(name: &str) -> String {
    shown(name).replace('~', "~0").replace('/', "~1")
}

impl<'t> Node<'t> {
    fn row(self) -> &'t Row<'t> {
        &self.tree.rows[self.id]
    }

    pub(super) fn value(self) -> &'t Value<'t> {
        &self.row().value
    }

    /// The name of a member; empty for the root and for an item.
    pub(super) fn name(self) -> &'t str {
        match &self.row().step {
            Step::Member(name) => name,
            Step::Root | Step::Item(_) => "",
        }
    }

    /// The line on which its value begins.
    pub(super) fn line(self) -> u32 {
        line_and_column(self.tree.text, self.row().at).0
    }

    /// The nodes of a table or a list, in the order of the text; none of anything else.
    pub(super) fn children(self) -> impl Iterator<Item = Node<'t>> {
        let ids = match self.value() {
            Value::List(ids) | Value::Table(ids) => &ids[..],
            _ => &[],
        };
        ids.iter().map(move |id| Node { tree: self.tree, id: *id })
    }

    /// A member of a table, if it is there; none of anything else.
    pub(super) fn find(self, name: &str) -> Option<Node<'t>> {
        self.children().find(|child| matches!(&child.row().step, Step::Member(found) if found == name))
    }

    /// An error about the value.
    pub(super) fn wrong(self, code: &'static str, detail: impl Into<String>) -> TextError {
        let pointer = self.tree.pointer(self.id);
        TextError::new(self.tree.text, self.row().at, pointer, code, detail)
    }

    /// An error about the name.
    pub(super) fn wrong_name(self, code: &'static str, detail: impl Into<String>) -> TextError {
        let pointer = self.tree.pointer(self.id);
        TextError::new(self.tree.text, self.row().name_at, pointer, code, detail)
    }
}

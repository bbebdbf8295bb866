//! TOML into a tree.
//!
//! The parser bounds brackets and the parts of a dotted name at 80 each, which together allow 6,400 tables inside each
//! other: half a megabyte of stack to free them, a quarter of what a worker has. So the text's tokens are looked through
//! first, with the same lexer, and a text that nests too deep is never parsed.

use super::error::{TextError, code};
use super::tree::{DEPTH_MAX, Tree, Value};
use ::toml::Spanned;
use ::toml::de::{DeArray, DeTable, DeValue};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

pub(super) fn parse(text: &str) -> Result<Tree<'_>, TextError> {
    check_depth(text)?;
    let document = DeTable::parse(text).map_err(|error| refused(text, &error))?;
    let mut tree = Tree::new(text, 0);
    add_table(&mut tree, Tree::ROOT, document.into_inner())?;
    Ok(tree)
}

/// What the parser says. It keeps no path, so there is no pointer.
fn refused(text: &str, error: &::toml::de::Error) -> TextError {
    let at = error.span().map_or(0, |span| span.start);
    let is_duplicate = error.message().starts_with("duplicate key");
    let code = if is_duplicate { code::DUPLICATE } else { code::MALFORMED };
    TextError::new(text, at, String::new(), code, format!("this is no TOML: {}", error.message()))
}

/// Brackets that are open at once, each with the dots of the name before it. A header is closed again before what
/// stands below it begins, so a tree may be twice as deep as this lets through, and [`Tree`] looks again.
fn check_depth(text: &str) -> Result<(), TextError> {
    let (mut open, mut depth, mut dots) = (Vec::new(), 0, 0);
    for token in Source::new(text).lex() {
        match token.kind() {
            TokenKind::Dot => dots += 1,
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                open.push(dots + 1);
                depth += dots + 1;
                dots = 0;
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                depth -= open.pop().unwrap_or(0);
                dots = 0;
            }
            TokenKind::Comma | TokenKind::Newline => dots = 0,
            _ => {}
        }
        if depth + dots > DEPTH_MAX {
            let detail = format!("the text nests deeper than {DEPTH_MAX} tables and lists");
            return Err(TextError::new(text, token.span().start(), String::new(), code::TOO_DEEP, detail));
        }
    }
    Ok(())
}

fn add_table<'t>(tree: &mut Tree<'t>, id: usize, table: DeTable<'t>) -> Result<(), TextError> {
    // They come sorted by name.
    let mut members: Vec<_> = table.into_iter().collect();
    members.sort_by_key(|(name, _)| name.span().start);
    let mut ids = Vec::with_capacity(members.len());
    for (name, value) in members {
        let name_at = name.span().start;
        let member = tree.member(id, name.into_inner(), name_at, value.span().start)?;
        add(tree, member, value)?;
        ids.push(member);
    }
    tree.set(id, Value::Table(ids));
    Ok(())
}

fn add_list<'t>(tree: &mut Tree<'t>, id: usize, list: DeArray<'t>) -> Result<(), TextError> {
    let mut ids = Vec::with_capacity(list.len());
    for (number, value) in list.into_iter().enumerate() {
        let item = tree.item(id, number, value.span().start)?;
        add(tree, item, value)?;
        ids.push(item);
    }
    tree.set(id, Value::List(ids));
    Ok(())
}

fn add<'t>(tree: &mut Tree<'t>, id: usize, value: Spanned<DeValue<'t>>) -> Result<(), TextError> {
    let value = match value.into_inner() {
        DeValue::Table(table) => return add_table(tree, id, table),
        DeValue::Array(list) => return add_list(tree, id, list),
        DeValue::String(text) => Value::Text(text),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Whole(number),
            Err(_) => Value::Other("a number beyond 64 bits"),
        },
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Float(_) => Value::Other("a number with a fraction or an exponent"),
        DeValue::Datetime(_) => Value::Other("a date or time without quotes"),
    };
    tree.set(id, value);
    Ok(())
}

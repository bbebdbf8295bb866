//! The answer that almost every order gets, recognised at a glance: accepted, plainly written, and what was asked.
//!
//! ```text
//! text ─▶ fit ─▶ Some: it is accepted and fits, its promises are written down
//!          └──▶ None: nothing is said; answer.rs reads it again with serde_json and judges it
//! ```
//! So this file can only agree, never complain: a server that writes its JSON in another way is judged by the same
//! rules and costs the harness more. Members may come in any order, and unread ones are passed over. Every check of
//! [`answer::promises`](crate::answer::promises) is made here too, and a test holds the two against each other.

use crate::answer::Promise;
use crate::books::ACCEPTED;
use crate::names::Names;
use crate::plain::Plain;
use crate::workload::{Line, Order};

/// What an answer has to fit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The order's number.
    pub(crate) number: u64,
    /// What it said.
    pub(crate) order: &'a Order,
    /// What things are called.
    pub(crate) names: &'a Names,
}

/// Reads a line of a bulk answer from the start of `text`: its place in the answer, then the order's id, then what
/// stands behind it. The promises are in `out`.
pub(crate) fn line<'a>(
    text: &'a [u8],
    place: u64,
    asked: &Asked<'_>,
    out: &mut Vec<Promise>,
) -> Option<(&'a [u8], &'a [u8])> {
    let mut plain = Plain::new(text);
    let (mut line, mut status, mut id) = (None, None, None);
    plain.expect(b"{")?;
    loop {
        if plain.take(br#""line":"#) {
            once(&mut line, plain.number()?)?;
        } else if plain.take(br#""status":"#) {
            once(&mut status, plain.number()?)?;
        } else if plain.take(br#""body":"#) {
            once(&mut id, read_order(&mut plain, asked, out)?)?;
        } else {
            plain.skip_member()?;
        }
        if !plain.more(b'}')? {
            break;
        }
    }
    if line != Some(place) || status != Some(u64::from(ACCEPTED)) {
        return None;
    }
    Some((id?, plain.rest()))
}

/// Reads an order that is the whole of `text`, and returns its id. The promises are in `out`.
pub(crate) fn order<'a>(text: &'a [u8], asked: &Asked<'_>, out: &mut Vec<Promise>) -> Option<&'a [u8]> {
    let mut plain = Plain::new(text);
    let id = read_order(&mut plain, asked, out)?;
    plain.rest().is_empty().then_some(id)
}

fn read_order<'a>(plain: &mut Plain<'a>, asked: &Asked<'_>, out: &mut Vec<Promise>) -> Option<&'a [u8]> {
    out.clear();
    let (mut id, mut external_id, mut lines) = (None, None, None);
    plain.expect(b"{")?;
    loop {
        if plain.take(br#""id":"#) {
            once(&mut id, plain.text()?)?;
        } else if plain.take(br#""external_id":"#) {
            asked.names.read_order(asked.number, plain)?;
            once(&mut external_id, ())?;
        } else if plain.take(br#""lines":"#) {
            once(&mut lines, read_lines(plain, asked, out)?)?;
        } else if plain.take(br#""code":"#) {
            // A problem's; no order has it.
            return None;
        } else {
            plain.skip_member()?;
        }
        if !plain.more(b'}')? {
            break;
        }
    }
    external_id?;
    lines?;
    id.filter(|id| !id.is_empty())
}

fn read_lines(plain: &mut Plain<'_>, asked: &Asked<'_>, out: &mut Vec<Promise>) -> Option<()> {
    plain.expect(b"[")?;
    let lines = &asked.order.lines;
    for (line, id) in lines.iter().zip(1_u64..) {
        read_line(plain, line, id, asked.names, out)?;
        let has_more = plain.more(b']')?;
        if has_more != (id < lines.len() as u64) {
            return None;
        }
    }
    (!lines.is_empty()).then_some(())
}

fn read_line(
    plain: &mut Plain<'_>,
    asked: &Line,
    number: u64,
    names: &Names,
    out: &mut Vec<Promise>,
) -> Option<()> {
    let (mut id, mut sku, mut ordered, mut allocated, mut backordered) = (None, None, None, None, None);
    plain.expect(b"{")?;
    loop {
        if plain.take(br#""id":"#) {
            plain.expect(b"\"")?;
            once(&mut id, plain.number()?)?;
            plain.expect(b"\"")?;
        } else if plain.take(br#""sku":"#) {
            names.read_sku(asked.sku, plain)?;
            once(&mut sku, ())?;
        } else if plain.take(br#""ordered":"#) {
            once(&mut ordered, plain.number()?)?;
        } else if plain.take(br#""allocated":"#) {
            once(&mut allocated, read_allocations(plain, asked.sku, names, out)?)?;
        } else if plain.take(br#""backordered":"#) {
            once(&mut backordered, plain.number()?)?;
        } else {
            plain.skip_member()?;
        }
        if !plain.more(b'}')? {
            break;
        }
    }
    sku?;
    let backordered = backordered.unwrap_or(0);
    if backordered > 0 {
        out.push(Promise { sku: asked.sku, location: None, quantity: backordered });
    }
    let promised = backordered.checked_add(allocated.unwrap_or(0))?;
    let quantity = u64::from(asked.quantity);
    (id == Some(number) && ordered == Some(quantity) && promised == quantity).then_some(())
}

/// Reads a list of allocations and returns their sum.
fn read_allocations(plain: &mut Plain<'_>, sku: u32, names: &Names, out: &mut Vec<Promise>) -> Option<u64> {
    plain.expect(b"[")?;
    if plain.take(b"]") {
        return Some(0);
    }
    let mut sum = 0_u64;
    loop {
        let (mut location, mut quantity) = (None, None);
        plain.expect(b"{")?;
        loop {
            if plain.take(br#""location":"#) {
                once(&mut location, names.read_location(plain)?)?;
            } else if plain.take(br#""quantity":"#) {
                once(&mut quantity, plain.number()?)?;
            } else {
                plain.skip_member()?;
            }
            if !plain.more(b'}')? {
                break;
            }
        }
        let quantity = quantity?;
        out.push(Promise { sku, location: Some(location?), quantity });
        sum = sum.checked_add(quantity)?;
        if !plain.more(b']')? {
            return Some(sum);
        }
    }
}

/// Fills a place that must be empty: which of two members of one name counts is for serde_json to say.
#[inline(always)]
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    match place.replace(value) {
        None => Some(()),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests;

//! The words of the tables for what happened, why not, and what is true.

use super::commands::{number, place};
use super::{Fallible, Run, Stage};
use onhand_domain::order::{Demand, Order, OrderPicture, Source};
use onhand_domain::sku::{Class, Level, StockState};
use onhand_domain::{ChannelNumber, Command, Event, LocationNumber, OrderId, Rejection, SkuNumber};

fn state_word(state: StockState) -> &'static str {
    match state {
        StockState::Sellable => "sellable",
        StockState::Damaged => "damaged",
        StockState::QualityControl => "quality_control",
    }
}

/// Which line, if the order has more than one.
fn prefix(order: &Order, demand: u16) -> String {
    let line = order.demands[usize::from(demand)].line + 1;
    if order.lines.len() > 1 { format!("line {line} ") } else { String::new() }
}

impl<S: Stage> Run<S> {
    pub(super) fn sku_name(&self, sku: SkuNumber) -> &str {
        // One that a refused command would have made has no name.
        self.skus.get(sku.row()).map_or("it", String::as_str)
    }

    fn location_name(&self, location: LocationNumber) -> &str {
        &self.locations[location.row()]
    }

    fn order_name(&self, order: OrderId) -> &str {
        self.orders.iter().find(|(_, known)| known.id == order).unwrap().0
    }

    /// What a demand of an order is for, after which line it is if there are more: neither ever changes.
    fn of(&self, order: OrderId, demand: u16, what: &str) -> String {
        let order = self.orders.values().find(|known| known.id == order).unwrap();
        let sku = self.sku_name(order.demands[usize::from(demand)].sku);
        format!("{}{what} {sku}", prefix(order, demand))
    }

    /// What an order got: first what is kept for it, then what waits.
    pub(super) fn accepted(&self, order: &Order) -> Vec<String> {
        let sku = |demand: u16| self.sku_name(order.demands[usize::from(demand)].sku);
        let kept = order.claims.iter().map(|claim| {
            let (line, location) = (prefix(order, claim.demand), self.location_name(claim.location));
            format!("{line}allocated {} {location} {}", sku(claim.demand), claim.quantity)
        });
        let classes = |(number, demand): (u16, &Demand)| {
            let classes = [("backordered", demand.backordered), ("short", demand.short)];
            classes.into_iter().filter(|(_, units)| *units > 0).map(move |class| (number, class))
        };
        let waits = (0_u16..).zip(&order.demands).flat_map(classes).map(|(number, (word, units))| {
            format!("{}{word} {} {units}", prefix(order, number), sku(number))
        });
        kept.chain(waits).collect()
    }

    /// What another event changed.
    pub(super) fn tell(&self, event: &Event) -> Vec<String> {
        let of = |order: OrderId, demand: u16, what: &str| self.of(order, demand, what);
        match event {
            Event::StockMoved(event) => {
                let location = self.location_name(event.location);
                let short = |short: &onhand_domain::event::Shorted| {
                    let what = of(short.order, short.demand, "short");
                    format!("{} {what} {location} {}", self.order_name(short.order), short.quantity)
                };
                event.shorts.iter().map(short).collect()
            }
            Event::BacklogFilled(event) => {
                let fill = |fill: &onhand_domain::event::Filled| {
                    let what = of(fill.order, fill.demand, "allocated");
                    let (order, location) = (self.order_name(fill.order), self.location_name(fill.location));
                    let was = if fill.class == Class::Short { " of its short" } else { "" };
                    format!("{order} {what} {location} {}{was}", fill.quantity)
                };
                event.fills.iter().map(fill).collect()
            }
            Event::OrderCancelled(event) => {
                let released = |part: &onhand_domain::order::Released| {
                    let (id, demand, quantity) = (event.order, part.demand, part.quantity);
                    match part.source {
                        Source::Backordered => {
                            format!("{} {quantity}", of(id, demand, "dropped backordered"))
                        }
                        Source::Short => format!("{} {quantity}", of(id, demand, "dropped short")),
                        Source::Claimed(location) => {
                            let location = self.location_name(location);
                            format!("{} {location} {quantity}", of(id, demand, "released"))
                        }
                    }
                };
                event.released.iter().map(released).collect()
            }
            Event::OrderShipped(event) => {
                let location = self.location_name(event.location);
                let line = |(demand, quantity): &(u16, u32)| {
                    format!("{} {location} {quantity}", of(event.order, *demand, "shipped"))
                };
                event.claims.iter().map(line).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Why a command was refused, with its numbers; lines and places are counted from 1.
    pub(super) fn refused(&self, rejection: &Rejection, command: &Command<'_>) -> Vec<String> {
        let text = match rejection {
            Rejection::InsufficientStock { shortfalls, .. } => {
                let lines = match command {
                    Command::PlaceOrder(order) => order.lines,
                    Command::PlaceHold(hold) => hold.lines,
                    _ => panic!("no order lacks stock"),
                };
                let row = |row: &onhand_domain::rejection::Shortfall| {
                    let line = row.line + 1;
                    let line = if lines.len() > 1 { format!("line {line} ") } else { String::new() };
                    let sku = self.sku_name(lines[usize::from(row.line)].0);
                    let (asked, available) = (row.requested, row.available);
                    format!("rejected insufficient_stock {line}{sku} asked {asked} available {available}")
                };
                return shortfalls.iter().map(row).collect();
            }
            Rejection::BackorderLimit { sku, limit, waiting, asked } => {
                format!("backorder_limit {} {limit} waiting {waiting} asked {asked}", self.sku_name(*sku))
            }
            Rejection::NoLines => "no_lines".to_owned(),
            Rejection::TooManyLines { lines, max } => format!("too_many_lines {lines} max {max}"),
            Rejection::QuantityOutOfRange { index, quantity, max } => {
                format!("quantity_out_of_range place {} asked {quantity} max {max}", index + 1)
            }
            Rejection::LevelOverflow { current, added, max } => {
                format!("level_overflow current {current} added {added} max {max}")
            }
            Rejection::NotEnough { state, requested, available } => {
                format!("not_enough {} asked {requested} available {available}", state_word(*state))
            }
            Rejection::SetMismatch { expected, actual } => {
                format!("set_mismatch expected {expected} actual {actual}")
            }
            Rejection::SameState { state } => format!("same_state {}", state_word(*state)),
            Rejection::TooManyDecimals { decimals, max } => format!("too_many_decimals {decimals} max {max}"),
            Rejection::DecimalsFixed { decimals } => format!("decimals_fixed {decimals}"),
            Rejection::TooMany { what, max } => format!("too_many {what} max {max}"),
            Rejection::TooManyLocations { locations, max } => {
                format!("too_many_locations {locations} max {max}")
            }
            Rejection::TooManyClaims { claims, max } => format!("too_many_claims {claims} max {max}"),
            Rejection::DuplicateLocation { location } => {
                format!("duplicate_location {}", self.location_name(*location))
            }
            Rejection::DuplicateChannel { index } => format!("duplicate_channel place {}", index + 1),
            Rejection::InvalidAmount { member, max } => format!("invalid_amount {member} max {max}"),
            Rejection::PromiseExceedsStock { index, promised, available } => {
                format!("promise_exceeds_stock place {} promised {promised} available {available}", index + 1)
            }
            Rejection::DedicatedBelowUsed { index, dedicated, used } => {
                format!("dedicated_below_used place {} asked {dedicated} used {used}", index + 1)
            }
            Rejection::HoldsLackUnits { sku, held, available } => {
                format!("holds_lack_units {} held {held} available {available}", self.sku_name(*sku))
            }
            Rejection::OrderNotOpen { order } => format!("order_not_open {}", self.order_name(*order)),
            Rejection::UnknownLine { index } => format!("unknown_line place {}", index + 1),
            Rejection::DuplicateLine { index } => format!("duplicate_line place {}", index + 1),
            Rejection::NotOpen { line, requested, open } => {
                format!("not_open line {} asked {requested} open {open}", line + 1)
            }
            Rejection::NotAllocated { line, requested, allocated } => {
                format!("not_allocated line {} asked {requested} allocated {allocated}", line + 1)
            }
            Rejection::Incomplete { allocated, waiting } => {
                format!("incomplete allocated {allocated} waiting {waiting}")
            }
            Rejection::HoldEnded { hold } => {
                let name = self.holds.iter().find(|(_, known)| *known == hold).unwrap().0;
                format!("hold_ended {name}")
            }
            Rejection::TooManyExtensions { max } => format!("too_many_extensions max {max}"),
            Rejection::TooManyHolds { what, live, max } => format!("too_many_holds {what} {live} max {max}"),
            Rejection::GrantBelowSold { granted, sold } => {
                format!("grant_below_sold asked {granted} sold {sold}")
            }
            Rejection::GrantExceedsStock { requested, available } => {
                format!("grant_exceeds_stock asked {requested} available {available}")
            }
            Rejection::GrantsLive { grants } => format!("grants_live {grants}"),
            Rejection::NotGranted => "not_granted".to_owned(),
            Rejection::UnknownRevision { revision, latest } => {
                format!("unknown_revision asked {revision} latest {latest}")
            }
            Rejection::WatermarkAhead { at, latest } => format!("watermark_ahead {at} latest {latest}"),
            Rejection::Kit(fault) => self.kit_refused(fault),
            Rejection::NothingWaits => "nothing_waits".to_owned(),
        };
        vec![format!("rejected {text}")]
    }

    /// The fact that a table states, with the number that is true.
    pub(super) fn look(&self, words: &[&str]) -> Fallible<String> {
        let Some((_, asked)) = words.split_last() else { return Err("not a fact".to_owned()) };
        let told = match asked {
            ["status", order] => {
                let id = self.order(order)?;
                let open = self.stage.order(id).map(|order| OrderPicture::of(&order).status().as_str());
                open.or(self.called.get(&id).copied()).unwrap().to_owned()
            }
            ["open_orders"] => self.stage.open_orders().to_string(),
            ["promised", sku, channel] => {
                let channel = ChannelNumber(place(&self.channels, channel)?);
                self.stage.promise(self.sku(sku)?, channel).to_string()
            }
            ["waiting", sku] => self.stage.stock(self.sku(sku)?).1.to_string(),
            [what, first, rest @ ..] if self.orders.contains_key(*first) => {
                self.of_order(what, self.order(first)?, rest)?.to_string()
            }
            [what, sku, rest @ ..] if rest.len() < 2 => {
                let levels = self.stage.stock(self.sku(sku)?).0;
                let only = rest.first().map(|name| self.location(name)).transpose()?;
                of_stock(what, &levels, only).ok_or(format!("not a fact: {:?}", words.join(" ")))?.to_string()
            }
            _ => return Err(format!("not a fact: {:?}", words.join(" "))),
        };
        Ok(format!("{} {told}", asked.join(" ")))
    }

    /// A number of an order, of one line or of all of them.
    fn of_order(&self, what: &str, id: OrderId, rest: &[&str]) -> Fallible<u64> {
        let only = match rest {
            [] => None,
            ["line", line] => Some(number::<usize>(line)?),
            _ => return Err(format!("not a line: {rest:?}")),
        };
        let order = self.stage.order(id).ok_or("the order is closed; ask for its status")?;
        let lines = (1..)
            .zip(OrderPicture::of(&order).lines)
            .filter(|(line, _)| only.is_none_or(|only| *line == only));
        let mut sum = 0;
        for (_, line) in lines {
            sum += u64::from(match what {
                "ordered" => line.line.ordered,
                "open" => line.line.open(),
                "shipped" => line.line.shipped,
                "cancelled" => line.line.cancelled,
                "backordered" => line.backordered,
                "short" => line.short,
                "allocated" => line.allocated.iter().map(|(_, quantity)| quantity).sum(),
                _ => return Err(format!("not a fact: {what:?}")),
            });
        }
        Ok(sum)
    }
}

/// A number of a SKU, at one location or at all of them.
fn of_stock(what: &str, levels: &[Level], only: Option<LocationNumber>) -> Option<u64> {
    let number: fn(&Level) -> u64 = match what {
        "available" => |level| level.unclaimed().into(),
        "claimed" => |level| level.committed().into(),
        "on_hand" => Level::on_hand,
        "sellable" => |level| level.sellable().into(),
        "damaged" => |level| level.damaged().into(),
        "quality_control" => |level| level.quality_control().into(),
        _ => return None,
    };
    let is_asked = |level: &&Level| only.is_none_or(|only| level.location() == only);
    Some(levels.iter().filter(is_asked).map(number).sum())
}

//! Alarms of channels that sell from their own copy: a loss has taken what one may still sell, or an order comes that its
//! feed had passed.

use crate::ask::Ask;
use crate::metrics::{GRANT_EXPOSED_UNITS, LATE_ORDERS};
use crate::turn::Merchant;
use ::metrics::counter;
use onhand_domain::command::PassFeed;
use onhand_domain::grant::AHEAD_MAX_MS;
use onhand_domain::{Command, Event, Rejection, SkuNumber};

impl Merchant {
    /// Units of grants in escrow that are exposed before goods of their SKU are lost; nothing is looked up for anything
    /// else that happens.
    pub(crate) fn exposed_by(&self, event: &Event) -> u64 {
        lost(event).map_or(0, |sku| self.exposed_units(sku))
    }

    /// Tells of those that were lost: they may be sold, and nothing keeps them any more.
    pub(crate) fn tell_exposed(&self, event: &Event, before: u64) {
        let Some(sku) = lost(event).filter(|_| !self.poisoned) else { return };
        let units = self.exposed_units(sku).saturating_sub(before);
        if units > 0 {
            counter!(GRANT_EXPOSED_UNITS).increment(units);
            let merchant = self.number.0;
            tracing::warn!(
                merchant,
                sku = sku.0,
                units,
                alarm = "grant_exposed",
                "a loss has taken granted units"
            );
        }
    }

    /// Tells of an order that should have been heard of before.
    pub(crate) fn tell_if_late(&self, ask: &Ask) {
        let Ask::PlaceOrder(order) = ask else { return };
        if self.is_late(order) {
            counter!(LATE_ORDERS).increment(1);
            let (merchant, channel) = (self.number.0, order.channel.0);
            tracing::warn!(
                merchant,
                channel,
                alarm = "order_late",
                "an order came after its feed had passed it"
            );
        }
    }

    /// A time that a feed is said to have passed is believed if the channel's clock may show it.
    pub(crate) fn decide_pass(&self, pass: PassFeed, now_ms: u64) -> Result<Event, Rejection> {
        let (at, latest) = (pass.at, now_ms.saturating_add(AHEAD_MAX_MS));
        if at > latest {
            return Err(Rejection::WatermarkAhead { at, latest });
        }
        self.state.decide(&Command::PassFeed(pass))
    }

    fn exposed_units(&self, sku: SkuNumber) -> u64 {
        let Some(actor) = self.state.sku(sku) else { return 0 };
        if actor.grants().is_empty() { 0 } else { self.state.exposed_in_escrow(actor) }
    }
}

/// The SKU of which an event loses goods.
fn lost(event: &Event) -> Option<SkuNumber> {
    match event {
        Event::StockMoved(moved) if moved.to.is_none() => Some(moved.sku),
        _ => None,
    }
}

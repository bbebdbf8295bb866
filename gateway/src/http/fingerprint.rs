//! What a request asks, in one form however it was written down: a repeat with other blanks, another order of
//! members, or a path that is encoded otherwise is the same request. Fingerprints are taken of this form and stand
//! in the log, so it must not change.

use onhand_engine::ask::{Ask, Movement, OrderSaid};
use onhand_engine::domain::command::{RANK, ShipLine};
use onhand_engine::domain::grant::Mode;
use onhand_engine::domain::order::{Agreed, Policy};
use onhand_engine::domain::promise::{Amount, StockPolicy};
use onhand_engine::domain::sku::{StockState, Terms};
use onhand_engine::routing::Format;

/// The word of what is asked, and the rest of it.
pub(super) fn canonical(ask: &Ask) -> (&'static str, Vec<u8>) {
    let mut form = Form::default();
    let word = match ask {
        Ask::PutLocation(ask) => {
            form.text(&ask.code).text(&ask.kind).text(&ask.country);
            form.maybe(ask.region.as_deref()).maybe(ask.postal_code.as_deref()).number(ask.priority);
            if ask.safety_stock > 0 {
                form.later().number(ask.safety_stock);
            }
            "location"
        }
        Ask::PutChannel(ask) => {
            form.text(&ask.code).text(&ask.kind).text(match ask.policy {
                Policy::Reject => "reject",
                Policy::Backorder => "backorder",
                Policy::Imposed => "imposed",
                Policy::ShipComplete => "ship_complete",
            });
            for location in &ask.locations {
                form.number(location.0);
            }
            if (ask.stock_policy, ask.rank) != (StockPolicy::SHARED, RANK) {
                stock_policy(form.later(), &ask.stock_policy).number(ask.rank);
            }
            if let Some(profile) = ask.profile {
                form.later().number(profile.0);
            }
            "channel"
        }
        Ask::PutSku(ask) => {
            form.text(&ask.code).maybe(ask.title.as_deref()).maybe(ask.unit.as_deref());
            form.number(ask.decimals).maybe(ask.gtin.as_deref());
            for tag in &ask.tags {
                form.text(tag);
            }
            if !ask.terms.is_empty() {
                terms(form.later(), &ask.terms);
            }
            if !ask.components.is_empty() {
                form.later().text("kit");
                for (sku, units) in &ask.components {
                    form.number(sku.0).number(*units);
                }
            }
            "sku"
        }
        Ask::PutProfile(ask) => {
            form.text(&ask.code).number(u8::from(ask.format == Format::Json)).text(&ask.text);
            "routing_profile"
        }
        Ask::MoveStock(ask) => {
            form.number(ask.sku.0).number(ask.location.0);
            movement(&mut form, &ask.movement);
            form.text(&ask.reason).maybe(ask.reference.as_deref());
            "movement"
        }
        Ask::PlaceOrder(ask) => {
            form.bytes(&ask.asked);
            "order"
        }
        Ask::PlaceHold(ask) => {
            form.number(ask.channel.0).number(ask.ttl_ms).bytes(&ask.customer.unwrap_or_default());
            for ((sku, quantity), (id, _)) in ask.lines.iter().zip(&ask.ids) {
                form.text(id).number(sku.0).number(*quantity);
            }
            "hold"
        }
        Ask::ExtendHold(ask) => {
            form.number(ask.hold.0).number(ask.ttl_ms);
            "extend"
        }
        Ask::ReleaseHold(hold) => {
            form.number(hold.0);
            "release"
        }
        Ask::PutExposure(put) => {
            form.number(put.channel.0).number(put.max_lag_ms);
            match put.mode {
                Mode::Escrow => form.text("escrow"),
                Mode::Overlap(hundredths) => form.text("overlap").number(hundredths),
                Mode::Mirror => form.text("mirror"),
            };
            "exposure"
        }
        Ask::SetGrant(set) => {
            form.number(set.sku.0).number(set.channel.0).number(set.granted);
            "grant"
        }
        Ask::AcknowledgeGrant(ask) => {
            form.number(ask.sku.0).number(ask.channel.0).number(ask.revision).number(ask.at);
            "acknowledge"
        }
        Ask::PassFeed(pass) => {
            form.number(pass.channel.0).number(pass.at);
            "watermark"
        }
        Ask::CancelOrder(ask) => {
            form.number(ask.order.0).maybe(ask.reason.as_deref());
            form.number(u8::from(ask.lines.is_some()));
            lines(&mut form, ask.lines.as_deref().unwrap_or_default());
            "cancel"
        }
        Ask::ShipOrder(ask) => {
            form.number(ask.order.0).number(ask.location.0).maybe(ask.tracking_number.as_deref());
            for ShipLine { line, component, quantity } in &ask.lines {
                form.number(*line).number(*quantity);
                if let Some(component) = component {
                    form.later().number(component.0);
                }
            }
            "fulfillment"
        }
        // A repeat keeps the fingerprint that its order came with, and reads leave no record.
        Ask::AnswerRepeat(_) | Ask::Read(_) => "none",
    };
    (word, form.0)
}

/// The form of an order that says something of itself for rules to ask. It begins as no order does that says nothing.
pub(super) fn order_saying(hold: &[u8], asked: &[u8], customer: Option<&[u8]>, said: &OrderSaid) -> Vec<u8> {
    let OrderSaid { priority, tags, customer_tier, is_b2b, ship_method, payment_risk } = said;
    let number = |number: Option<i128>| number.unwrap_or(i128::MIN);
    let mut form = Form::default();
    form.later().bytes(hold).bytes(asked).bytes(customer.unwrap_or_default());
    form.number(number(priority.map(i128::from))).number(tags.len() as u64);
    for tag in tags {
        form.text(tag);
    }
    form.maybe(customer_tier.as_deref()).maybe(ship_method.as_deref());
    form.number(number(is_b2b.map(i128::from))).number(number(payment_risk.map(i128::from)));
    form.0
}

/// The form of an order of which something is agreed beyond its policy, made of [what it says of itself](order_saying). It
/// begins as no other order does.
pub(super) fn order_agreeing(said: &[u8], agreed: Agreed) -> Vec<u8> {
    let Agreed { complete_by, cancel_after } = agreed;
    let date = |date: Option<u64>| date.map_or(-1, i128::from);
    let mut form = Form::default();
    form.later().later().bytes(said).number(date(complete_by)).number(date(cancel_after));
    form.0
}

fn terms(form: &mut Form, terms: &Terms) {
    form.number(terms.safety_stock.map_or(-1, i64::from)).number(terms.safety_stock_at.len() as u64);
    for (location, units) in &terms.safety_stock_at {
        form.number(location.0).number(*units);
    }
    for terms in &terms.channels {
        stock_policy(form.number(terms.channel.0), &terms.policy).number(terms.dedicated);
    }
    if let Some(limit) = terms.backorder_limit {
        form.later().number(limit);
    }
}

fn stock_policy<'a>(form: &'a mut Form, policy: &StockPolicy) -> &'a mut Form {
    let amount = |form: &mut Form, amount: Option<Amount>| {
        match amount {
            None => form.number(0),
            Some(Amount::Units(units)) => form.number(1).number(units),
            Some(Amount::Percent(percent)) => form.number(2).number(percent),
        };
    };
    amount(form, policy.ceiling);
    amount(form, Some(policy.buffer));
    form.number(policy.floor)
}

fn movement(form: &mut Form, movement: &Movement) {
    match movement {
        Movement::Receive { state, quantity } => {
            form.text("receive").text(state_word(*state)).number(*quantity)
        }
        Movement::Adjust { state, delta } => form.text("adjust").text(state_word(*state)).number(*delta),
        Movement::Set { expected, new } => form.text("set").number(*expected).number(*new),
        Movement::Move { from, to, quantity } => {
            form.text("move").text(state_word(*from)).text(state_word(*to)).number(*quantity)
        }
    };
}

fn state_word(state: StockState) -> &'static str {
    onhand_engine::refusal::state_word(state)
}

fn lines(form: &mut Form, lines: &[(u16, u32)]) {
    for (line, quantity) in lines {
        form.number(*line).number(*quantity);
    }
}

/// Parts one behind the other, each with its length, so that no two sequences of parts look alike.
#[derive(Default)]
struct Form(Vec<u8>);

impl Form {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// What follows came in a later release. It is there only if it says something, so that the form of a request without
    /// it is as it was; no length and no number looks like its beginning.
    fn later(&mut self) -> &mut Self {
        self.0.extend_from_slice(&[0xFF; 8]);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn maybe(&mut self, text: Option<&str>) -> &mut Self {
        self.0.push(u8::from(text.is_some()));
        match text {
            Some(text) => self.text(text),
            None => self,
        }
    }

    fn number(&mut self, number: impl Into<i128>) -> &mut Self {
        self.0.extend_from_slice(&number.into().to_le_bytes());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onhand_engine::ask::{CancelAsk, ChannelAsk, SkuAsk};
    use onhand_engine::domain::sku::ChannelTerms;
    use onhand_engine::domain::{ChannelNumber, LocationNumber, OrderId};

    #[test]
    fn what_is_kept_looks_different() {
        let sku = |terms| {
            let code = "MUG".to_owned();
            let (title, unit, gtin, tags) = (None, None, None, vec!["terms".to_owned()]);
            canonical(&Ask::PutSku(Box::new(SkuAsk {
                code,
                title,
                unit,
                decimals: 0,
                gtin,
                tags,
                terms,
                components: Vec::new(),
            })))
        };
        let channel = |ceiling, buffer, floor, rank| {
            let (code, kind, locations) = ("web".into(), "api".into(), vec![LocationNumber(5)]);
            let (policy, stock_policy) = (Policy::Reject, StockPolicy { ceiling, buffer, floor });
            canonical(&Ask::PutChannel(Box::new(ChannelAsk {
                code,
                kind,
                locations,
                policy,
                stock_policy,
                rank,
                profile: None,
            })))
        };
        let safety = |safety_stock, safety_stock_at| Terms { safety_stock, safety_stock_at, ..Terms::NONE };
        let own = |policy, dedicated| {
            let channels = vec![ChannelTerms { channel: ChannelNumber(0), policy, dedicated }];
            Terms { channels, ..Terms::NONE }
        };
        let (units, percent) = (Amount::Units(5), Amount::Percent(5));
        let floor = StockPolicy { floor: 1, ..StockPolicy::SHARED };
        let forms = [
            sku(Terms::NONE),
            sku(safety(Some(0), vec![])),
            sku(safety(Some(1), vec![])),
            sku(safety(None, vec![(LocationNumber(0), 1)])),
            sku(safety(None, vec![(LocationNumber(1), 1)])),
            sku(Terms { backorder_limit: Some(0), ..Terms::NONE }),
            sku(Terms { backorder_limit: Some(1), ..Terms::NONE }),
            sku(own(StockPolicy::SHARED, 0)),
            sku(own(StockPolicy::SHARED, 1)),
            sku(own(floor, 0)),
            channel(None, Amount::NONE, 0, RANK),
            channel(None, Amount::NONE, 0, 1),
            channel(None, Amount::NONE, 1, RANK),
            channel(None, units, 0, RANK),
            channel(None, percent, 0, RANK),
            channel(Some(units), Amount::NONE, 0, RANK),
            channel(Some(percent), Amount::NONE, 0, RANK),
        ];
        for (place, form) in forms.iter().enumerate() {
            assert!(!forms[..place].contains(form), "{place}");
        }
    }

    #[test]
    fn what_an_order_says_of_itself_looks_different() {
        let said = |change: &dyn Fn(&mut OrderSaid)| {
            let mut said = OrderSaid::default();
            change(&mut said);
            order_saying(b"", b"asked", None, &said)
        };
        let word = |word: &str| Some(word.to_owned());
        let until = |date| Agreed { complete_by: Some(date), ..Agreed::NONE };
        let forms = [
            b"asked".to_vec(),
            said(&|_| ()),
            said(&|said| said.priority = Some(0)),
            said(&|said| said.priority = Some(1)),
            said(&|said| said.tags = vec!["ab".into()]),
            said(&|said| said.tags = vec!["a".into(), "b".into()]),
            said(&|said| said.customer_tier = word("ab")),
            said(&|said| said.ship_method = word("ab")),
            said(&|said| said.is_b2b = Some(false)),
            said(&|said| said.is_b2b = Some(true)),
            said(&|said| said.payment_risk = Some(0)),
            said(&|said| said.payment_risk = Some(1)),
            order_saying(b"", b"aske", Some(b"d"), &OrderSaid::default()),
            order_saying(b"a", b"sked", None, &OrderSaid::default()),
            order_agreeing(&said(&|_| ()), until(0)),
            order_agreeing(&said(&|_| ()), until(1)),
            order_agreeing(&said(&|_| ()), Agreed { cancel_after: Some(1), ..Agreed::NONE }),
            order_agreeing(&said(&|_| ()), Agreed { cancel_after: Some(1), ..until(1) }),
            order_agreeing(&said(&|said| said.priority = Some(0)), until(1)),
        ];
        for (place, form) in forms.iter().enumerate() {
            assert!(!forms[..place].contains(form), "{place}");
        }
    }

    #[test]
    fn what_differs_looks_different() {
        let cancel = |lines, reason: Option<&str>| {
            let reason = reason.map(str::to_owned);
            canonical(&Ask::CancelOrder(CancelAsk { order: OrderId(7), lines, reason }))
        };
        let forms = [
            cancel(None, None),
            cancel(None, Some("")),
            cancel(Some(vec![]), None),
            cancel(Some(vec![(1, 2)]), None),
            cancel(Some(vec![(2, 1)]), None),
        ];
        for (place, form) in forms.iter().enumerate() {
            assert!(!forms[..place].contains(form), "{place}");
        }
    }
}

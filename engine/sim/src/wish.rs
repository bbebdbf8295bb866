//! What clients want, apart from the engine that they ask: it can be asked again, of another one.

use crate::dice::Dice;
use crate::routing::{PROFILES, profile_text, ship_to};
use crate::shop::Shop;
use onhand_engine::ask::{Ask, CancelAsk, ExtendAsk, HoldAsk, Movement, OrderAsk, ShipAsk, StockAsk};
use onhand_engine::customer::Sealed;
use onhand_engine::domain::command::{AcknowledgeGrant, Confirm, PassFeed, PutExposure, SetGrant, ShipLine};
use onhand_engine::domain::grant::Mode;
use onhand_engine::domain::order::{Agreed, Policy};
use onhand_engine::domain::promise::{Amount, StockPolicy};
use onhand_engine::domain::sku::{ChannelTerms, StockState, Terms};
use onhand_engine::domain::{ChannelNumber, HoldId, LocationNumber, OrderId, SkuNumber};
use onhand_engine::record::encode_into;
use onhand_engine::record::order::{LineAskedV1, OrderAskedV1, SealedV1};
use onhand_engine::snapshots::Lsn;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    Stock {
        sku: u32,
        location: u16,
        movement: Movement,
        reference: String,
    },
    Order {
        external: String,
        channel: u16,
        policy: Option<Policy>,
        /// From when on it may be split, if it ships complete, and from when on nothing of it waits.
        agreed: Agreed,
        lines: Vec<(u32, u32)>,
        person: Option<String>,
    },
    Cancel {
        order: Lsn,
        lines: Option<Vec<(u16, u32)>>,
    },
    Ship {
        order: Lsn,
        location: u16,
        lines: Vec<(u16, u32)>,
    },
    /// Units of a location that are promised to nobody.
    Safety {
        location: u16,
        units: u32,
    },
    /// What becomes of orders that name no policy, how much a channel may sell, who comes first, and how many of its
    /// locations serve it.
    Channel {
        channel: u16,
        policy: Policy,
        stock_policy: StockPolicy,
        rank: u16,
        locations: usize,
        profile: Option<u16>,
    },
    /// By what orders are routed.
    Profile {
        profile: u16,
        text: String,
    },
    /// What is stated for one SKU alone.
    Terms {
        sku: u32,
        terms: Terms,
    },
    /// Units for a buyer.
    Hold {
        channel: u16,
        ttl_ms: u64,
        customer: u8,
        lines: Vec<(u32, u32)>,
    },
    Extend {
        hold: Lsn,
        ttl_ms: u64,
    },
    Release {
        hold: Lsn,
    },
    /// What a kit is made of.
    Kit {
        kit: u32,
        components: Vec<(u32, u32)>,
    },
    /// One part of a kit leaves.
    ShipPart {
        order: Lsn,
        location: u16,
        line: u16,
        sku: u32,
        quantity: u32,
    },
    /// How a channel is exposed.
    Expose {
        channel: u16,
        mode: Mode,
        max_lag_ms: u64,
    },
    /// What it may sell of a SKU from its own copy.
    Grant {
        sku: u32,
        channel: u16,
        granted: u64,
    },
    /// It goes by what it was told.
    Acknowledge {
        sku: u32,
        channel: u16,
        revision: Lsn,
        at: u64,
    },
    /// Its feed has come so far.
    Pass {
        channel: u16,
        at: u64,
    },
    /// The order that a hold was for.
    Confirm {
        hold: Lsn,
        or_reserve: bool,
        external: String,
        channel: u16,
        lines: Vec<(u32, u32)>,
    },
}

pub(crate) const SKUS: u32 = 5;
pub(crate) const LOCATIONS: u16 = 3;
pub(crate) const CHANNELS: u16 = 2;

/// A hold is for less than this, placed or extended.
pub(crate) const HOLD_MS_MAX: u64 = 60_000;

/// The most lines of an order: more than fit into a row in memory.
const LINES_MAX: u32 = 7;

impl Wish {
    /// Something to want: a shop is short of stock most of the time.
    pub(crate) fn any(dice: &mut Dice, number: u64, orders: &[Lsn], text_bytes: usize) -> Self {
        match dice.below(100) {
            0..25 => Self::stock(dice, text_bytes),
            25..75 => Self::order(dice, number),
            75..85 if !orders.is_empty() => {
                let order = orders[dice.place(orders.len())];
                let lines = (dice.below(2) == 0).then(|| some_lines(dice));
                Self::Cancel { order, lines }
            }
            85.. if !orders.is_empty() => {
                let order = orders[dice.place(orders.len())];
                let location = u16::try_from(dice.place(usize::from(LOCATIONS))).unwrap_or(0);
                Self::Ship { order, location, lines: some_lines(dice) }
            }
            _ => Self::stock(dice, text_bytes),
        }
    }

    pub(crate) fn stock(dice: &mut Dice, text_bytes: usize) -> Self {
        let state = |dice: &mut Dice| match dice.below(4) {
            0 => StockState::Damaged,
            1 => StockState::QualityControl,
            _ => StockState::Sellable,
        };
        let movement = match dice.below(10) {
            0..6 => Movement::Receive { state: state(dice), quantity: 1 + dice.small(30) },
            6..8 => Movement::Adjust { state: state(dice), delta: i64::from(dice.small(30)) - 20 },
            8 => Movement::Set { expected: dice.small(5), new: dice.small(20) },
            _ => Movement::Move { from: state(dice), to: state(dice), quantity: 1 + dice.small(5) },
        };
        let location = u16::try_from(dice.place(usize::from(LOCATIONS))).unwrap_or(0);
        Self::Stock {
            sku: dice.small(SKUS),
            location,
            movement,
            reference: "r".repeat(dice.place(text_bytes)),
        }
    }

    pub(crate) fn order(dice: &mut Dice, number: u64) -> Self {
        let lines = (0..1 + dice.small(LINES_MAX)).map(|_| (dice.small(SKUS), 1 + dice.small(6))).collect();
        let policy = [None, Some(Policy::Reject), Some(Policy::Backorder)][dice.place(3)];
        let channel = u16::try_from(dice.place(usize::from(CHANNELS))).unwrap_or(0);
        // Now and then an order that was placed comes once more.
        let number = if dice.chance(300) { dice.below(number + 1) } else { number };
        let external = format!("{number}");
        Self::Order { external, channel, policy, agreed: Agreed::NONE, lines, person: None }
    }

    /// An order that its channel has sold already.
    fn imposed(dice: &mut Dice, number: u64) -> Self {
        Self::Order {
            external: format!("imposed {number}"),
            channel: u16::try_from(dice.place(usize::from(CHANNELS))).unwrap_or(0),
            policy: Some(Policy::Imposed),
            agreed: Agreed::NONE,
            lines: some_units(dice),
            person: None,
        }
    }

    /// Something to keep, for somebody, what becomes of it, or an order that does not ask what is kept.
    pub(crate) fn rule(dice: &mut Dice, number: u64, holds: &[Lsn]) -> Self {
        match dice.below(12) {
            0..3 => Self::policy(dice),
            10.. => Self::imposed(dice, number),
            3..6 => Self::Hold {
                channel: u16::try_from(dice.place(usize::from(CHANNELS))).unwrap_or(0),
                // From no time at all to some hundred answers.
                ttl_ms: dice.below(HOLD_MS_MAX),
                customer: u8::try_from(dice.below(4)).unwrap_or(0),
                lines: some_units(dice),
            },
            _ if holds.is_empty() => Self::policy(dice),
            choice => {
                let hold = holds[dice.place(holds.len())];
                match choice {
                    6 => Self::Extend { hold, ttl_ms: dice.below(HOLD_MS_MAX) },
                    7 => Self::Release { hold },
                    _ => Self::Confirm {
                        hold,
                        or_reserve: dice.below(2) == 0,
                        external: format!("confirmed {number}"),
                        channel: u16::try_from(dice.place(usize::from(CHANNELS))).unwrap_or(0),
                        lines: some_units(dice),
                    },
                }
            }
        }
    }

    fn policy(dice: &mut Dice) -> Self {
        let location = |dice: &mut Dice| u16::try_from(dice.place(usize::from(LOCATIONS))).unwrap_or(0);
        match dice.below(7) {
            6 => {
                let profile = u16::try_from(dice.place(usize::from(PROFILES))).unwrap_or(0);
                Self::Profile { profile, text: profile_text(dice) }
            }
            0 => Self::Safety { location: location(dice), units: dice.small(3) },
            1 | 2 => {
                let channel = u16::try_from(dice.place(usize::from(CHANNELS))).unwrap_or(0);
                let rank = u16::try_from(1 + dice.place(3)).unwrap_or(1);
                let profile = u16::try_from(dice.place(usize::from(PROFILES) + 1)).unwrap_or(0);
                let profile = Some(profile).filter(|profile| *profile < PROFILES);
                let locations = 1 + dice.place(usize::from(LOCATIONS));
                let policy = [Policy::Reject, Policy::Backorder, Policy::Imposed][dice.place(3)];
                let stock_policy = stock_policy(dice);
                Self::Channel { channel, policy, stock_policy, rank, locations, profile }
            }
            _ => {
                let mut terms = Terms::NONE;
                terms.safety_stock = (dice.below(3) == 0).then(|| dice.small(3));
                if dice.below(3) == 0 {
                    terms.safety_stock_at.push((LocationNumber(location(dice)), dice.small(4)));
                }
                for channel in (0..CHANNELS).map(ChannelNumber) {
                    if dice.below(2) == 0 {
                        let (policy, dedicated) = (stock_policy(dice), dice.small(6));
                        terms.channels.push(ChannelTerms { channel, policy, dedicated });
                    }
                }
                Self::Terms { sku: dice.small(SKUS), terms }
            }
        }
    }

    /// An order is for this person.
    pub(crate) fn name(&mut self, name: Option<String>) {
        if let Self::Order { person, .. } = self {
            *person = name;
        }
    }

    /// Whom it is for.
    pub(crate) fn person(&self) -> Option<&str> {
        if let Self::Order { person, .. } = self { person.as_deref() } else { None }
    }

    /// As it is asked of an engine; `None` if there is no key for the personal data in it just now.
    pub(crate) fn ask(&self, shop: &Shop) -> Option<Ask> {
        Some(match self {
            Self::Stock { sku, location, movement, reference } => {
                let (sku, location) = (SkuNumber(*sku), LocationNumber(*location));
                let (movement, reason, reference) = (*movement, "received".into(), Some(reference.clone()));
                Ask::MoveStock(StockAsk { sku, location, movement, reason, reference })
            }
            Self::Hold { channel, ttl_ms, customer, lines } => {
                let customer = (*customer > 0).then_some([*customer; 16]);
                let ids = (1..=lines.len()).map(|line| (line.to_string(), 0)).collect();
                let (channel, ttl_ms) = (ChannelNumber(*channel), *ttl_ms);
                let lines = lines.iter().map(|(sku, quantity)| (SkuNumber(*sku), *quantity)).collect();
                Ask::PlaceHold(Box::new(HoldAsk { channel, ttl_ms, customer, lines, ids }))
            }
            Self::Extend { hold, ttl_ms } => {
                Ask::ExtendHold(ExtendAsk { hold: HoldId(hold.0), ttl_ms: *ttl_ms })
            }
            Self::Release { hold } => Ask::ReleaseHold(HoldId(hold.0)),
            Self::Confirm { hold, or_reserve, external, channel, lines } => {
                let asked = encoded(external, *channel, None, lines, None);
                let external = shop.handle().fingerprints().external(shop.merchant(), *channel, external);
                let lines = lines.iter().map(|(sku, quantity)| (SkuNumber(*sku), *quantity)).collect();
                let hold = Some(Confirm { hold: HoldId(hold.0), or_reserve: *or_reserve });
                let channel = ChannelNumber(*channel);
                Ask::PlaceOrder(OrderAsk {
                    channel,
                    external,
                    policy: None,
                    agreed: Agreed::NONE,
                    lines,
                    asked,
                    hold,
                    said: None,
                })
            }
            Self::Order { external, channel, policy, agreed, lines, person } => {
                let sealed = match person {
                    Some(text) => Some(shop.seal(text)?),
                    None => None,
                };
                let lines = shop.numbered(lines)?;
                let asked = encoded(external, *channel, *policy, &lines, sealed.as_ref());
                let external = shop.handle().fingerprints().external(shop.merchant(), *channel, external);
                let lines = lines.iter().map(|(sku, quantity)| (SkuNumber(*sku), *quantity)).collect();
                Ask::PlaceOrder(OrderAsk {
                    channel: ChannelNumber(*channel),
                    external,
                    policy: *policy,
                    agreed: *agreed,
                    lines,
                    asked,
                    hold: None,
                    said: None,
                })
            }
            Self::Kit { kit, components } => shop.kit(*kit, components)?,
            Self::Expose { channel, mode, max_lag_ms } => {
                let (channel, mode, max_lag_ms) = (ChannelNumber(*channel), *mode, *max_lag_ms);
                Ask::PutExposure(PutExposure { channel, mode, max_lag_ms })
            }
            Self::Grant { sku, channel, granted } => {
                let (sku, channel, granted) = (SkuNumber(*sku), ChannelNumber(*channel), *granted);
                Ask::SetGrant(SetGrant { sku, channel, granted })
            }
            Self::Acknowledge { sku, channel, revision, at } => {
                let (sku, channel) = (SkuNumber(*sku), ChannelNumber(*channel));
                Ask::AcknowledgeGrant(AcknowledgeGrant { sku, channel, revision: revision.0, at: *at })
            }
            Self::Pass { channel, at } => {
                Ask::PassFeed(PassFeed { channel: ChannelNumber(*channel), at: *at })
            }
            Self::ShipPart { order, location, line, sku, quantity } => {
                let (line, component, quantity) = (*line, Some(SkuNumber(*sku)), *quantity);
                Ask::ShipOrder(ShipAsk {
                    order: OrderId(order.0),
                    location: LocationNumber(*location),
                    lines: vec![ShipLine { line, component, quantity }],
                    tracking_number: None,
                })
            }
            Self::Safety { location, units } => Shop::location(*location, *units),
            Self::Channel { channel, policy, stock_policy, rank, locations, profile } => {
                shop.routed(*channel, *policy, *stock_policy, *rank, *locations, *profile)
            }
            Self::Profile { profile, text } => shop.profile(*profile, text),
            Self::Terms { sku, terms } => Shop::sku(*sku, terms.clone()),
            Self::Cancel { order, lines } => {
                Ask::CancelOrder(CancelAsk { order: OrderId(order.0), lines: lines.clone(), reason: None })
            }
            Self::Ship { order, location, lines } => Ask::ShipOrder(ShipAsk {
                order: OrderId(order.0),
                location: LocationNumber(*location),
                lines: lines.iter().map(|(line, quantity)| ShipLine::whole(*line, *quantity)).collect(),
                tracking_number: None,
            }),
        })
    }

    /// What tells one request from another under the same key.
    pub(crate) fn fingerprint(&self) -> [u8; 16] {
        let hash = blake3::hash(format!("{self:?}").as_bytes());
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&hash.as_bytes()[..16]);
        fingerprint
    }
}

fn some_units(dice: &mut Dice) -> Vec<(u32, u32)> {
    (0..1 + dice.small(2)).map(|_| (dice.small(SKUS), 1 + dice.small(4))).collect()
}

fn stock_policy(dice: &mut Dice) -> StockPolicy {
    let amount = |dice: &mut Dice| match dice.below(2) {
        0 => Amount::Units(dice.small(8)),
        _ => Amount::Percent(u8::try_from(dice.below(101)).unwrap_or(100)),
    };
    StockPolicy {
        ceiling: (dice.below(4) == 0).then(|| amount(dice)),
        buffer: if dice.below(3) == 0 { amount(dice) } else { Amount::NONE },
        floor: if dice.below(2) == 0 { dice.small(5) } else { 0 },
    }
}

fn some_lines(dice: &mut Dice) -> Vec<(u16, u32)> {
    let first = u16::try_from(dice.place(3)).unwrap_or(0);
    (first..=first + u16::try_from(dice.place(2)).unwrap_or(0))
        .map(|line| (line, 1 + dice.small(4)))
        .collect()
}

fn encoded(
    external: &str,
    channel: u16,
    policy: Option<Policy>,
    lines: &[(u32, u32)],
    sealed: Option<&Sealed>,
) -> Vec<u8> {
    let ids: Vec<String> = (1..=lines.len()).map(|line| line.to_string()).collect();
    let line = |(id, (sku, quantity))| {
        let (id, sku, quantity): (&String, &u32, &u32) = (id, sku, quantity);
        LineAskedV1 { id, sku: *sku, decimals: 0, quantity: *quantity, unit_price: None }
    };
    let asked = OrderAskedV1 {
        external_id: external,
        channel,
        policy: policy.map(onhand_engine::translate::policy_record),
        placed_at: None,
        currency: Some(*b"EUR"),
        ship_to: ship_to(external),
        customer: sealed.map(|Sealed { key, ciphertext }| SealedV1 { key: *key, ciphertext }),
        lines: ids.iter().zip(lines.iter().map(|(sku, quantity)| (sku, quantity))).map(line).collect(),
    };
    let mut bytes = Vec::new();
    encode_into(&asked, &mut bytes).unwrap_or_else(|error| panic!("an order cannot be encoded: {error}"));
    bytes
}

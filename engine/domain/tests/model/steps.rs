//! What is tried: commands of few SKUs, few locations and little stock, drawn at random.

use crate::{LOCATIONS, SKUS};
use onhand_domain::command::{Adjust, Move, RANK, Receive, Set};
use onhand_domain::grant::{LAG_MS, Mode};
use onhand_domain::order::Policy;
use onhand_domain::promise::{Amount, StockPolicy};
use onhand_domain::sku::{ChannelTerms, StockState, Terms};
use onhand_domain::{ChannelNumber, LocationNumber, SkuNumber};
use proptest::prelude::*;

/// A command before it is known which orders there are.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Receive(Receive),
    Adjust(Adjust),
    /// The stock is `new`; what is believed is wrong by so much.
    Set(Set),
    Move(Move),
    Channel(u16, Vec<LocationNumber>, Policy, StockPolicy, u16),
    /// Safety stock of a location.
    Location(u16, u32),
    Sku(SkuNumber, Terms),
    /// Other units are dedicated to a channel, most often to one that has a pool, counted round; the terms stay as they are.
    Dedicate(usize, SkuNumber, u16, u32),
    /// From how many events later on it may be split, and nothing of it waits, if that is said.
    Order(u16, Option<Policy>, [Option<u64>; 2], Vec<(SkuNumber, u32)>),
    /// For a customer, if one is named.
    Hold(u16, Option<u8>, Vec<(SkuNumber, u32)>),
    /// Of the holds that ever were, counted round: the order, and whether it may be one like any other.
    Confirm(usize, bool, u16, Vec<(SkuNumber, u32)>),
    Extend(usize),
    Release(usize),
    /// All holds that were placed so long ago end.
    Expire(u64),
    /// Of the open orders, counted round.
    Cancel(usize, Option<Vec<(u16, u32)>>),
    Ship(usize, LocationNumber, Vec<(u16, u32)>),
    /// All that an order has at a location.
    ShipAll(usize, LocationNumber),
    /// How a channel is exposed, and the lag of its feed.
    Expose(u16, Mode, u64),
    /// A channel, most often one that was granted some, counted round, is told this many units beyond what it has sold; one
    /// fewer than it has sold, if none.
    Grant(usize, SkuNumber, u16, Option<u64>),
    /// Of the grants, counted round: what was told so many records ago at the least is acknowledged, as of a time.
    Acknowledge(usize, u64, u64),
    /// The feed of a channel has passed a time: of the grants, counted round.
    Pass(usize, u64),
}

impl Step {
    /// What it is for a merchant that keeps nothing for anybody; some steps then are none.
    pub(super) fn plain(&self) -> Option<Self> {
        match self {
            Self::Location(..) | Self::Sku(..) | Self::Dedicate(..) | Self::Hold(..) => None,
            Self::Confirm(..) | Self::Extend(_) | Self::Release(_) | Self::Expire(_) => None,
            Self::Expose(..) | Self::Grant(..) | Self::Acknowledge(..) | Self::Pass(..) => None,
            Self::Channel(channel, locations, policy, ..) => {
                Some(Self::Channel(*channel, locations.clone(), *policy, StockPolicy::SHARED, RANK))
            }
            step => Some(step.clone()),
        }
    }
}

/// A list of some; now and then of none.
fn few<S: Strategy + Clone>(element: S, max: usize) -> impl Strategy<Value = Vec<S::Value>> + Clone
where
    S::Value: Clone,
{
    prop_oneof![12 => prop::collection::vec(element, 1..=max), 1 => Just(Vec::new())]
}

fn stock_policy() -> impl Strategy<Value = StockPolicy> + Clone {
    let amount = || {
        let percent = prop_oneof![Just(10_u8), Just(34), Just(50), Just(100)].prop_map(Amount::Percent);
        prop_oneof![2 => (1_u32..6).prop_map(Amount::Units), 1 => percent]
    };
    let kept = (prop::option::weighted(0.3, amount()), prop::option::weighted(0.3, amount()), 0_u32..4);
    let kept = kept.prop_map(|(ceiling, buffer, floor)| {
        let buffer = buffer.unwrap_or(Amount::NONE);
        StockPolicy { ceiling, buffer, floor }
    });
    prop_oneof![1 => Just(StockPolicy::SHARED), 1 => kept]
}

fn terms() -> impl Strategy<Value = Terms> + Clone {
    let channel = (stock_policy(), 0_u32..5);
    let channels = prop::collection::btree_map(0_u16..3, channel, 0..3);
    let safety_at = prop::collection::btree_map(0_u16..LOCATIONS, 0_u32..3, 0..2);
    let limit = prop::option::weighted(0.3, 0_u32..6);
    let kept = (prop::option::weighted(0.3, 0_u32..3), safety_at, channels, limit);
    let kept = kept.prop_map(|(safety_stock, safety_at, channels, backorder_limit)| Terms {
        backorder_limit,
        safety_stock,
        safety_stock_at: safety_at.into_iter().map(|(at, units)| (LocationNumber(at), units)).collect(),
        channels: channels
            .into_iter()
            .rev()
            .map(|(channel, (policy, dedicated))| {
                let channel = ChannelNumber(channel);
                ChannelTerms { channel, policy, dedicated }
            })
            .collect(),
    });
    prop_oneof![1 => Just(Terms::NONE), 3 => kept]
}

/// Steps of a merchant that keeps units for somebody, or of one that does not.
pub(super) fn steps(keeps: bool) -> impl Strategy<Value = Vec<(Step, bool)>> {
    let sku = || (0..SKUS).prop_map(SkuNumber);
    let location = || (0..LOCATIONS).prop_map(LocationNumber);
    let state = || prop_oneof![4 => Just(StockState::Sellable), 1 => Just(StockState::Damaged), 1 => Just(StockState::QualityControl)];
    let policy = || {
        prop_oneof![
            2 => Just(Policy::Reject), 2 => Just(Policy::Backorder), 1 => Just(Policy::Imposed),
            1 => Just(Policy::ShipComplete)
        ]
    };
    // Nothing at all is asked now and then.
    let quantity = |max: u32| prop_oneof![30 => 1..=max, 1 => Just(0)];
    let line = prop_oneof![6 => Just(0_u16), 4 => Just(1), 1 => Just(2)];
    let lines = few((line, quantity(3)), 2);
    let receive = (sku(), location(), state(), quantity(6)).prop_map(|(sku, location, state, quantity)| {
        Step::Receive(Receive { sku, location, state, quantity })
    });
    let adjust = (sku(), location(), state(), -5_i64..=3)
        .prop_map(|(sku, location, state, delta)| Step::Adjust(Adjust { sku, location, state, delta }));
    let set = (sku(), location(), prop_oneof![5 => Just(0_u32), 1 => Just(1)], 0_u32..7)
        .prop_map(|(sku, location, expected, new)| Step::Set(Set { sku, location, expected, new }));
    let movement =
        (sku(), location(), state(), state(), quantity(3)).prop_map(|(sku, location, from, to, quantity)| {
            Step::Move(Move { sku, location, from, to, quantity })
        });
    let channel = (0_u16..3, prop::collection::vec(location(), 0..4), policy(), stock_policy(), 1_u16..4)
        .prop_map(|(channel, locations, policy, stock, rank)| {
            Step::Channel(channel, locations, policy, stock, rank)
        });
    let safety = (0_u16..LOCATIONS, 0_u32..3).prop_map(|(location, safety)| Step::Location(location, safety));
    let terms = (sku(), terms()).prop_map(|(sku, terms)| Step::Sku(sku, terms));
    let dedicate = (any::<usize>(), sku(), 0_u16..3, 0_u32..4)
        .prop_map(|(number, sku, channel, units)| Step::Dedicate(number, sku, channel, units));
    let date = |weight| prop::option::weighted(weight, 0_u64..12);
    let dates = (date(0.5), date(0.25)).prop_map(|(complete_by, cancel_after)| [complete_by, cancel_after]);
    let order = (0_u16..3, prop::option::of(policy()), dates, few((sku(), quantity(5)), 3))
        .prop_map(|(channel, policy, dates, lines)| Step::Order(channel, policy, dates, lines));
    let hold_lines = || few((sku(), quantity(3)), 2);
    let hold = (0_u16..3, prop::option::of(0_u8..2), hold_lines())
        .prop_map(|(channel, customer, lines)| Step::Hold(channel, customer, lines));
    let confirm = (any::<usize>(), any::<bool>(), 0_u16..3, hold_lines())
        .prop_map(|(number, or_reserve, channel, lines)| Step::Confirm(number, or_reserve, channel, lines));
    let extend = any::<usize>().prop_map(Step::Extend);
    let release = any::<usize>().prop_map(Step::Release);
    let expire = (0_u64..20).prop_map(Step::Expire);
    let cancel = (any::<usize>(), prop::option::weighted(0.7, lines.clone()))
        .prop_map(|(order, lines)| Step::Cancel(order, lines));
    let ship = (any::<usize>(), location(), lines)
        .prop_map(|(order, location, lines)| Step::Ship(order, location, lines));
    let ship_all = (any::<usize>(), location()).prop_map(|(order, location)| Step::ShipAll(order, location));
    let mode = prop_oneof![6 => Just(Mode::Escrow), 2 => Just(Mode::Overlap(250)), 1 => Just(Mode::Mirror)];
    let expose = (0_u16..3, mode, 0_u64..3).prop_map(|(channel, mode, lag)| Step::Expose(channel, mode, lag));
    let left = prop_oneof![8 => (0_u64..4).prop_map(Some), 2 => (4_u64..7).prop_map(Some), 1 => Just(None)];
    let grant = (any::<usize>(), sku(), 0_u16..3, left)
        .prop_map(|(number, sku, channel, left)| Step::Grant(number, sku, channel, left));
    let ago = prop_oneof![6 => Just(1_u64), 3 => 2_u64..8, 1 => Just(0)];
    let acknowledge =
        (any::<usize>(), ago, 1_u64..40).prop_map(|(number, ago, at)| Step::Acknowledge(number, ago, at));
    // Beyond the lag of a channel of which nothing was stated, too.
    let at = prop_oneof![1 => 1_u64..45, 1 => LAG_MS + 1..LAG_MS + 45];
    let pass = (any::<usize>(), at).prop_map(|(number, at)| Step::Pass(number, at));
    let granting = prop_oneof![1 => expose, 6 => grant, 4 => acknowledge, 4 => pass];
    let step = prop_oneof![
        5 => receive, 4 => adjust, 2 => set, 3 => movement, 2 => channel,
        9 => order, 4 => cancel, 2 => ship, 3 => ship_all, 1 => safety, 2 => terms, 4 => dedicate,
        5 => hold, 4 => confirm, 1 => extend, 1 => release, 4 => expire
    ];
    let step = if keeps { prop_oneof![6 => step, 2 => granting].boxed() } else { step.boxed() };
    // Now and then the next command comes before those who wait were asked.
    prop::collection::vec((step, prop::bool::weighted(0.75)), 20..100)
}

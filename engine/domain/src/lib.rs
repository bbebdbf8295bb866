//! The rules of stock, claims and orders.
//!
//! Everything here is a pure function of what it is handed: no I/O, no clock, no randomness, no floating
//! point, and nothing whose result depends on the order of a hash table. The shell around it brings time,
//! numbers and names; it turns names into numbers before it asks, and writes down what is decided before
//! it lets it count.
//!
//! Reading order: [`command`] (wishes), [`event`] (facts), [`rejection`] (business refusals), [`merchant`]
//! (decide and evolve), [`sku`] (one actor's state), [`promise`] (what a channel may sell of it),
//! [`grant`] (what it sells from its own copy), [`kit`], [`order`], [`routing`].
//!
//! The invariants (`docs/INVARIANTS.md`) that this crate keeps: I1 no number is negative; I2 claims never
//! exceed sellable; I3 counters equal the claims behind them; I4 per line shipped + cancelled + open =
//! ordered; I5 each claim ends once; I6 stock changes only by a named movement.
#![no_std]

extern crate alloc;

pub mod beside;
pub mod command;
pub mod digest;
pub mod event;
pub mod grant;
pub mod hold;
pub mod id;
pub mod kit;
pub mod merchant;
pub mod money;
pub mod order;
pub mod planted;
pub mod promise;
pub mod quantity;
pub mod rejection;
pub mod routing;
pub mod rows;
pub mod sku;
pub mod table;

pub use command::Command;
pub use event::Event;
pub use id::{ChannelNumber, HoldId, LocationNumber, MerchantNumber, OrderId, ProfileNumber, SkuNumber};
pub use merchant::MerchantState;
pub use rejection::Rejection;

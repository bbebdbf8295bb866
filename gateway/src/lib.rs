//! The gateway: bytes and HTTP on one side, submissions and answers on the other.
//!
//! A request goes through [`auth`] (who is it, may it), a body in [`body`] (is it what it should be),
//! [`intake`] (a few messages a turn to the shards) and back through [`render`] (an answer made of the record
//! alone). [`http`] has the routes, [`cli`] the commands, [`demo`] the main job on real orders.

pub mod auth;
pub mod body;
pub mod cli;
pub mod demo;
pub mod http;
pub mod ids;
pub mod intake;
pub mod member;
pub mod metrics;
pub mod render;
pub mod repeat;

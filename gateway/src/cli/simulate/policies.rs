//! Policies to try, as a file says them: tables of channels and SKUs with the members that their bodies have over HTTP.

use crate::body::{Amount, Check, parse};
use crate::http::catalogue::policy_of;
use crate::http::problem::{Problem, shown};
use crate::http::terms::{ChannelTermsBody, SafetyBody, StockPolicyBody, TermsBody, stock_policy, terms};
use crate::ids::composed;
use crate::member::Object;
use onhand_engine::directory::{Directory, SkuName};
use onhand_engine::simulate::{NewChannel, NewPolicies, NewTerms};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The longest file: some hundred thousand SKUs.
pub(super) const POLICY_BYTES_MAX: usize = 16 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    #[serde(borrow, default)]
    channels: BTreeMap<String, Object<ChannelTable<'a>>>,
    #[serde(borrow, default)]
    skus: BTreeMap<String, Object<SkuTable<'a>>>,
}

/// What of `PUT /v1/channels/{code}` is a policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelTable<'a> {
    policy: Option<String>,
    #[serde(borrow)]
    stock_policy: Option<Object<StockPolicyBody<'a>>>,
    scarcity_rank: Option<u16>,
}

/// What of `PUT /v1/skus/{sku}` is one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SkuTable<'a> {
    #[serde(borrow)]
    safety_stock: Option<Amount<'a>>,
    #[serde(borrow)]
    safety_stock_at: Option<Vec<Object<SafetyBody<'a>>>>,
    #[serde(borrow)]
    channel_policies: Option<Vec<Object<ChannelTermsBody<'a>>>>,
    #[serde(borrow)]
    backorder_limit: Option<Amount<'a>>,
}

/// Reads policies written in TOML.
pub(super) fn read_toml(directory: &Directory, text: &str) -> Result<NewPolicies, String> {
    let value: serde_json::Value =
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    read_json(directory, &value.to_string())
}

/// The same in JSON.
pub(super) fn read_json(directory: &Directory, text: &str) -> Result<NewPolicies, String> {
    read(directory, text).map_err(|problem| in_words(&problem))
}

fn read(directory: &Directory, text: &str) -> Result<NewPolicies, Problem> {
    let file: File<'_> = parse(text.as_bytes())?;
    let mut policies = NewPolicies::default();
    for (code, table) in &file.channels {
        let pointer = format!("/channels/{code}");
        let found = directory.channel(&composed(code));
        let channel = found.ok_or_else(|| unknown("unknown_channel", "channel", &pointer, code))?;
        let read = channel_of(table).map_err(|problem| problem.under(&pointer))?;
        if policies.channels.insert(channel, read).is_some() {
            return Err(twice(&pointer, code));
        }
    }
    for (code, table) in &file.skus {
        let pointer = format!("/skus/{code}");
        let found = directory.sku(&composed(code));
        let name = found.ok_or_else(|| unknown("unknown_sku", "sku", &pointer, code))?;
        let read = terms_of(directory, &name, table).map_err(|problem| problem.under(&pointer))?;
        if policies.skus.insert(name.number, read).is_some() {
            return Err(twice(&pointer, code));
        }
    }
    if policies == NewPolicies::default() {
        let mut check = Check::default();
        check.wrong("", "empty", "it names no channel and no sku, so there is nothing to try");
        check.finish()?;
    }
    Ok(policies)
}

fn channel_of(table: &ChannelTable<'_>) -> Result<NewChannel, Problem> {
    let mut check = Check::default();
    let policy = table.policy.as_deref().and_then(|word| policy_of(&mut check, word));
    let stated = table.stock_policy.as_ref();
    // As over HTTP: for all SKUs, in the smallest units.
    let stock_policy = stated.map(|stated| stock_policy(&mut check, "/stock_policy", stated, 0));
    check.finish()?;
    Ok(NewChannel { policy, stock_policy, rank: table.scarcity_rank })
}

fn terms_of(directory: &Directory, name: &SkuName, table: &SkuTable<'_>) -> Result<NewTerms, Problem> {
    let SkuTable { safety_stock, safety_stock_at, channel_policies, backorder_limit } = table;
    let mut check = Check::default();
    let body = TermsBody {
        safety_stock: safety_stock.as_ref(),
        safety_stock_at: safety_stock_at.as_deref().unwrap_or_default(),
        channel_policies: channel_policies.as_deref().unwrap_or_default(),
        backorder_limit: backorder_limit.as_ref(),
    };
    let read = terms(&mut check, directory, &body, name.decimals);
    check.finish()?;
    Ok(NewTerms {
        safety_stock: read.safety_stock,
        safety_stock_at: safety_stock_at.as_ref().map(|_| read.safety_stock_at),
        channels: channel_policies.as_ref().map(|_| read.channels),
        backorder_limit: read.backorder_limit,
    })
}

fn unknown(code: &'static str, what: &str, pointer: &str, name: &str) -> Problem {
    let mut check = Check::default();
    check.wrong(pointer, code, format!("there is no {what} {}", shown(name)));
    check.finish().err().unwrap_or_else(Problem::internal)
}

fn twice(pointer: &str, name: &str) -> Problem {
    let mut check = Check::default();
    check.wrong(pointer, "duplicate", format!("{} stands twice", shown(name)));
    check.finish().err().unwrap_or_else(Problem::internal)
}

/// What is wrong, and where in the file.
fn in_words(problem: &Problem) -> String {
    let errors = problem.errors.iter().map(|error| match error.pointer.is_empty() {
        true => error.detail.clone(),
        false => format!("{}: {}", error.pointer, error.detail),
    });
    let errors: Vec<String> = errors.collect();
    if errors.is_empty() { problem.detail.clone() } else { errors.join("; ") }
}

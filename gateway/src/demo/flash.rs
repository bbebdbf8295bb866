//! A flash sale behind the story: three channels at once for the last units of one SKU, each under its own stock policy,
//! and then an order that one location cannot serve, with the reason for where it went.

use super::client::{Answer, Client};
use super::interrupt::Interrupts;
use super::run::Told;
use super::server::Address;
use super::story::Order;
use anyhow::{bail, ensure};
use comfy_table::{CellAlignment, Table, presets};
use hyper::Method;
use serde_json::{Value, json};
use std::fmt::Write;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

/// What is sold.
const SKU: &str = "FLASH-LAMP";

/// Units of it.
const UNITS: u64 = 60;

/// All goods of the sale, where they lie, and how many: two of them never at the same location.
const GOODS: [(&str, &str, u64); 3] =
    [(SKU, "warehouse", UNITS), ("FLASH-BASE", "warehouse", 5), ("FLASH-SHADE", "third-party", 5)];

/// Orders of each channel, of one unit each: together twice what is there.
const ORDERS: usize = 40;

/// Connections of each channel.
const CONNECTIONS: usize = 8;

/// Channel, its stock policy, and what that means.
const CHANNELS: [(&str, &str, &str); 3] = [
    ("shopify", "{}", "shared: first come, first served"),
    ("amazon", r#"{"ceiling": 25}"#, "ceiling: never shown more than 25"),
    ("pos", r#"{"floor": 15}"#, "floor: 15 that no other channel gets"),
];

/// The rules for the order that is split.
const PROFILE: &str = r#"# Whole orders from where one location has everything, else from as few as possible.
[defaults]
max_split = 2

[[strategies]]
name = "whole from the warehouse"
include = ["warehouse"]
max_split = 1

[[strategies]]
name = "as few parcels as possible"
rank = [{ by = "fewest_shipments" }, { by = "most_stock" }]
"#;

/// What happened.
pub(super) struct Sale {
    /// The orders, and what was told of them, for the same judgement as all others.
    pub(super) orders: Vec<Order>,
    pub(super) told: Vec<Told>,
    /// Movements of stock that it took.
    pub(super) movements: usize,
    /// What to print.
    pub(super) text: String,
}

/// Plays it, until the end or until it is interrupted.
pub(super) fn play(
    runtime: &Runtime,
    interrupts: &mut Interrupts,
    address: &Address,
    key: &str,
) -> anyhow::Result<Sale> {
    LocalSet::new().block_on(runtime, async {
        tokio::select! {
            sold = sell(address, key) => sold,
            () = interrupts.heard() => bail!("interrupted"),
        }
    })
}

async fn sell(address: &Address, key: &str) -> anyhow::Result<Sale> {
    let mut desk = Client::new(address.clone(), key);
    set_up(&mut desk).await?;
    let rivals =
        CHANNELS.iter().flat_map(|(channel, ..)| (0..CONNECTIONS).map(move |place| (*channel, place)));
    let rivals: Vec<_> = rivals
        .map(|(channel, place)| {
            tokio::task::spawn_local(buy(Client::new(address.clone(), key), channel, place))
        })
        .collect();
    let mut sold = Vec::new();
    for rival in rivals {
        sold.extend(rival.await?);
    }
    let mut text = table(&sold);
    let split = split(&mut desk).await?;
    text.push_str(&split.1);
    sold.push(split.0);
    let (orders, told) = sold.into_iter().unzip();
    Ok(Sale { orders, told, movements: GOODS.len(), text })
}

async fn done(client: &mut Client, method: Method, path: &str, body: &str) -> anyhow::Result<Value> {
    let key = format!("sale {method} {path} {}", body.len());
    let answer = client.send(method, path, Some(&key), body.as_bytes()).await;
    ensure!(answer.status < 300, "{path}: {}", answer.json());
    Ok(answer.json())
}

async fn set_up(desk: &mut Client) -> anyhow::Result<()> {
    let policy = |(channel, policy, _): &(&str, &str, &str)| {
        let mut policy: Value = serde_json::from_str(policy).unwrap_or_default();
        policy["channel"] = (*channel).into();
        policy
    };
    for (sku, location, quantity) in GOODS {
        let path = format!("/v1/skus/{sku}");
        done(desk, Method::PUT, &path, r#"{"title": "Goods of the flash sale"}"#).await?;
        receive(desk, sku, location, quantity).await?;
    }
    // What is promised must be there, so it comes after the goods.
    let policies: Vec<Value> = CHANNELS.iter().map(policy).collect();
    let body = json!({ "title": "Goods of the flash sale", "channel_policies": policies }).to_string();
    done(desk, Method::PUT, &format!("/v1/skus/{SKU}"), &body).await?;
    Ok(())
}

async fn receive(desk: &mut Client, sku: &str, location: &str, quantity: u64) -> anyhow::Result<()> {
    let body = json!({
        "type": "receive", "sku": sku, "location": location, "quantity": quantity, "reason": "received",
        "reference": format!("sale-{quantity}"),
    });
    done(desk, Method::POST, "/v1/stock/movements", &body.to_string()).await.map(drop)
}

fn order(channel: &'static str, external_id: String, lines: &[(&str, u64)]) -> Order {
    let line = |(id, (sku, quantity)): (usize, &(&str, u64))| json!({ "id": id.to_string(), "sku": sku, "quantity": quantity });
    let lines: Vec<Value> = (1..).zip(lines).map(line).collect();
    let body = json!({
        "external_id": external_id, "channel": channel, "lines": lines,
        "ship_to": { "country": "GB", "postal_code": "M1 1AE" },
    });
    Order { channel, external_id, body }
}

async fn place(client: &mut Client, order: &Order) -> Answer {
    let key = format!("sale-{}-{}", order.channel, order.external_id);
    client.send(Method::POST, "/v1/orders", Some(&key), order.body.to_string().as_bytes()).await
}

/// One connection of a channel: its part of the channel's orders, one after the other.
async fn buy(mut client: Client, channel: &'static str, place_of: usize) -> Vec<(Order, Told)> {
    let mut sold = Vec::new();
    for number in (place_of..ORDERS).step_by(CONNECTIONS) {
        let order = order(channel, format!("flash-{number}"), &[(SKU, 1)]);
        let placed = Some(place(&mut client, &order).await);
        sold.push((order, Told { placed, ..Told::default() }));
    }
    sold
}

fn table(sold: &[(Order, Told)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["channel", "stock policy", "orders", "sold", "refused"]);
    let mut total = 0;
    for (channel, _, policy) in CHANNELS {
        let of_channel = || sold.iter().filter(|(order, _)| order.channel == channel);
        let is_sold = |told: &Told| told.placed.as_ref().is_some_and(|answer| answer.status == 201);
        let (orders, count) = (of_channel().count(), of_channel().filter(|(_, told)| is_sold(told)).count());
        total += count;
        let numbers = [orders, count, orders - count].map(|number| number.to_string());
        table.add_row([channel.to_owned(), policy.to_owned()].into_iter().chain(numbers));
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("A flash sale: three channels at once for {UNITS} units of {SKU}, {total} sold\n\n{table}\n")
}

/// An order that no location can serve alone, and why it went where it went.
async fn split(desk: &mut Client) -> anyhow::Result<((Order, Told), String)> {
    let path = "/v1/routing/profiles/few-parcels";
    let answer = desk.send_as(Method::PUT, path, None, "application/toml", PROFILE.as_bytes()).await;
    ensure!(answer.status < 300, "{path}: {}", answer.json());
    let channel = json!({
        "kind": "woocommerce", "policy": "reject", "locations": ["warehouse", "third-party"],
        "routing_profile": "few-parcels",
    });
    done(desk, Method::PUT, "/v1/channels/woocommerce", &channel.to_string()).await?;
    let lines: &[(&str, u64)] = &[("FLASH-BASE", 1), ("FLASH-SHADE", 2)];
    let order = order("woocommerce", "flash-split".to_owned(), lines);
    let answer = place(desk, &order).await;
    let mut text = format!("\nAn order of {} lines under the routing profile few-parcels\n\n", lines.len());
    let mut say = |line: String| {
        // Writing into a String cannot fail.
        let written = writeln!(text, "{line}");
        debug_assert!(written.is_ok());
    };
    let placed = answer.json();
    for line in placed["lines"].as_array().into_iter().flatten() {
        for part in line["allocated"].as_array().into_iter().flatten() {
            say(format!(
                "  {} x {} from {}",
                part["quantity"],
                text_of(&line["sku"]),
                text_of(&part["location"])
            ));
        }
    }
    let id = text_of(&placed["id"]).to_owned();
    let said = desk.send(Method::GET, &format!("/v1/orders/{id}/explanation"), None, &[]).await.json();
    say(format!("\n  why: {}", text_of(&said["words"])));
    for place in said["locations"].as_array().into_iter().flatten() {
        say(format!("  {}", text_of(&place["words"])));
    }
    Ok(((order, Told { placed: Some(answer), ..Told::default() }), text))
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

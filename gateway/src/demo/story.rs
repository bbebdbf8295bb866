//! What happens in the demo: real orders, as their channels would send them.

use anyhow::Context;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

static ORDERS: &[u8] = include_bytes!("../../data/orders.csv.gz");
static TITLES: &[u8] = include_bytes!("../../data/titles.csv.gz");

/// Codes that are charges and no goods; so are those that begin with `gift_0001`.
const CHARGES: [&str; 12] =
    ["POST", "DOT", "D", "M", "m", "S", "B", "CRUK", "C2", "PADS", "BANK CHARGES", "AMAZONFEE"];

/// Orders of this many units and more are wholesale.
const WHOLESALE_UNITS: i64 = 500;

/// Channel, kind, policy, and the locations that serve it, the preferred one first.
pub(super) const CHANNELS: [(&str, &str, &str, &[&str]); 5] = [
    ("shopify", "shopify", "reject", &["warehouse", "third-party"]),
    ("woocommerce", "woocommerce", "reject", &["warehouse", "third-party"]),
    ("amazon", "amazon", "reject", &["third-party", "warehouse"]),
    ("wholesale", "wholesale", "backorder", &["warehouse"]),
    ("pos", "pos", "reject", &["shop", "warehouse"]),
];

/// Location and kind.
pub(super) const LOCATIONS: [(&str, &str); 3] =
    [("warehouse", "warehouse"), ("shop", "shop"), ("third-party", "3pl")];

/// ISO 3166-1 of the data's country names.
const COUNTRIES: [(&str, &str); 24] = [
    ("United Kingdom", "GB"),
    ("France", "FR"),
    ("EIRE", "IE"),
    ("Germany", "DE"),
    ("Spain", "ES"),
    ("Belgium", "BE"),
    ("Netherlands", "NL"),
    ("Switzerland", "CH"),
    ("Italy", "IT"),
    ("Cyprus", "CY"),
    ("Sweden", "SE"),
    ("Poland", "PL"),
    ("Channel Islands", "JE"),
    ("Portugal", "PT"),
    ("Austria", "AT"),
    ("Norway", "NO"),
    ("Denmark", "DK"),
    ("Finland", "FI"),
    ("Australia", "AU"),
    ("Japan", "JP"),
    ("Malta", "MT"),
    ("Czech Republic", "CZ"),
    ("Hong Kong", "HK"),
    ("Unspecified", "GB"),
];

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "InvoiceNo")]
    invoice: String,
    #[serde(rename = "StockCode")]
    code: String,
    #[serde(rename = "Quantity")]
    quantity: i64,
    #[serde(rename = "InvoiceDate")]
    date: String,
    #[serde(rename = "UnitPrice")]
    price: String,
    #[serde(rename = "CustomerID")]
    customer: String,
    #[serde(rename = "Country")]
    country: String,
}

/// By customer and code: order, line id and open quantity of each sale, what a cancellation can find.
type Sold<'a> = HashMap<(&'a str, &'a str), Vec<(usize, String, i64)>>;

/// One order as its channel sends it.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) channel: &'static str,
    pub(super) external_id: String,
    pub(super) body: Value,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// An order, by its place in [`Story::orders`].
    Order(usize),
    /// A line of an earlier order is cancelled.
    Cancel { order: usize, line: String, quantity: i64 },
    /// Stock moves: a write-off, or goods that come in.
    Move(Value),
}

/// The whole of it.
pub(super) struct Story {
    /// Code and title.
    pub(super) skus: Vec<(String, String)>,
    /// What lies where at the beginning.
    pub(super) opening: Vec<Value>,
    pub(super) orders: Vec<Order>,
    pub(super) steps: Vec<Step>,
    /// Lines of cancellation invoices without a known unshipped sale: the work on returns will take them.
    pub(super) returns_left: usize,
}

impl Story {
    /// Reads the bundled slice.
    pub(super) fn load() -> anyhow::Result<Self> {
        let mut titles: HashMap<String, String> = HashMap::new();
        for row in csv::Reader::from_reader(GzDecoder::new(TITLES)).deserialize() {
            let (code, title): (String, String) = row.context("the bundled titles")?;
            titles.insert(code, title);
        }
        let mut invoices: Vec<Vec<Row>> = Vec::new();
        for row in csv::Reader::from_reader(GzDecoder::new(ORDERS)).deserialize() {
            let row: Row = row.context("the bundled orders")?;
            if CHARGES.contains(&&*row.code) || row.code.starts_with("gift_0001") {
                continue;
            }
            match invoices
                .last_mut()
                .filter(|invoice| invoice.iter().any(|first| first.invoice == row.invoice))
            {
                Some(invoice) => invoice.push(row),
                None => invoices.push(vec![row]),
            }
        }
        Ok(Self::tell(&invoices, &titles))
    }

    fn tell(invoices: &[Vec<Row>], titles: &HashMap<String, String>) -> Self {
        let mut demand: BTreeMap<&str, i64> = BTreeMap::new();
        for row in invoices.iter().flatten() {
            *demand.entry(&row.code).or_default() += row.quantity.max(0);
        }
        let (mut orders, mut steps, mut returns_left) = (Vec::new(), Vec::new(), 0);
        let mut sold = Sold::new();
        for (place, invoice) in invoices.iter().enumerate() {
            if place == invoices.len() / 2 {
                steps.extend(demand.iter().filter_map(|(code, units)| restock(code, *units)).map(Step::Move));
            }
            let Some(first) = invoice.first() else { continue };
            if first.invoice.starts_with('C') {
                for row in invoice {
                    match find_sale(&mut sold, row) {
                        Some((order, line)) => {
                            steps.push(Step::Cancel { order, line, quantity: -row.quantity })
                        }
                        None => returns_left += 1,
                    }
                }
                continue;
            }
            for row in invoice.iter().filter(|row| row.quantity < 0) {
                steps.push(Step::Move(json!({
                    "type": "adjust", "sku": row.code, "location": "warehouse", "delta": row.quantity,
                    "reason": "shrinkage", "reference": row.invoice,
                })));
            }
            let lines: Vec<(String, &Row)> = (1..)
                .map(|id: usize| id.to_string())
                .zip(invoice.iter().filter(|row| row.quantity > 0))
                .collect();
            if lines.is_empty() {
                continue;
            }
            for (id, row) in lines.iter().filter(|(_, row)| !row.customer.is_empty()) {
                let key = (&*row.customer, &*row.code);
                sold.entry(key).or_default().push((orders.len(), id.clone(), row.quantity));
            }
            steps.push(Step::Order(orders.len()));
            orders.push(order_of(first, &lines));
        }
        let title = |code: &&str| titles.get(*code).cloned().unwrap_or_default();
        let skus = demand.keys().map(|code| ((*code).to_owned(), title(code))).collect();
        let opening = demand.iter().flat_map(|(code, units)| opening(code, *units)).collect();
        Self { skus, opening, orders, steps, returns_left }
    }
}

fn order_of(first: &Row, lines: &[(String, &Row)]) -> Order {
    let units: i64 = lines.iter().map(|(_, row)| row.quantity).sum();
    let channel = if first.country != "United Kingdom" {
        "amazon"
    } else if units >= WHOLESALE_UNITS {
        "wholesale"
    } else if first.customer.is_empty() {
        "pos"
    } else if hash(&first.invoice).is_multiple_of(2) {
        "shopify"
    } else {
        "woocommerce"
    };
    let country = COUNTRIES.iter().find(|(name, _)| *name == first.country).map_or("GB", |(_, code)| code);
    let lines: Vec<Value> = lines
        .iter()
        .map(|(id, row)| json!({ "id": id, "sku": row.code, "quantity": row.quantity, "unit_price": row.price }))
        .collect();
    let body = json!({
        "external_id": first.invoice, "channel": channel, "placed_at": format!("{}:00Z", first.date),
        "currency": "GBP", "ship_to": { "country": country }, "lines": lines,
    });
    Order { channel, external_id: first.invoice.clone(), body }
}

/// The earlier sale that a cancellation line means: same customer, same code, enough of it left.
fn find_sale<'a>(sold: &mut Sold<'a>, row: &'a Row) -> Option<(usize, String)> {
    let sales = sold.get_mut(&(&*row.customer, &*row.code))?;
    let sale = sales.iter_mut().rev().find(|(_, _, open)| *open >= -row.quantity)?;
    sale.2 += row.quantity;
    Some((sale.0, sale.1.clone()))
}

/// FNV-1a: stable over releases and machines.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// Whether there is less of a SKU than will be wanted: three in ten.
fn is_scarce(code: &str) -> bool {
    hash(code) % 10 < 3
}

/// Opening stock: six tenths of what will be wanted of scarce goods, plenty of the others; most of it in the
/// warehouse.
fn opening(code: &str, demand: i64) -> Vec<Value> {
    let units = if is_scarce(code) { demand * 6 / 10 } else { demand * 13 / 10 + 20 };
    let (shop, third_party) = (units / 8, units / 5);
    let parts = [("warehouse", units - shop - third_party), ("shop", shop), ("third-party", third_party)];
    let parts = parts.into_iter().filter(|(_, quantity)| *quantity > 0);
    parts.map(|(location, quantity)| receipt(code, location, quantity, "opening")).collect()
}

/// Half-way, some of what is scarce comes in: backorders fill.
fn restock(code: &str, demand: i64) -> Option<Value> {
    let quantity = demand * 2 / 10;
    (is_scarce(code) && quantity > 0).then(|| receipt(code, "warehouse", quantity, "restock"))
}

fn receipt(code: &str, location: &str, quantity: i64, reference: &str) -> Value {
    json!({ "type": "receive", "sku": code, "location": location, "quantity": quantity, "reference": reference })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slice_has_everything_the_demo_shows() {
        let story = Story::load().unwrap();
        assert!(story.orders.len() > 1_500, "{}", story.orders.len());
        for (channel, ..) in CHANNELS {
            assert!(story.orders.iter().filter(|order| order.channel == channel).count() > 50, "{channel}");
        }
        let count = |wanted: fn(&Step) -> bool| story.steps.iter().filter(|step| wanted(step)).count();
        assert!(count(|step| matches!(step, Step::Cancel { .. })) > 100);
        assert!(count(|step| matches!(step, Step::Move(_))) > 100);
        assert!(story.returns_left > 0);
        assert!(story.skus.iter().all(|(code, _)| !CHARGES.contains(&&**code)));
        let codes: Vec<&str> = story.skus.iter().map(|(code, _)| &**code).collect();
        assert!(codes.contains(&"85123A") && codes.contains(&"85123a"), "case tells two SKUs apart");
        let ids: std::collections::HashSet<&str> =
            story.orders.iter().map(|order| &*order.external_id).collect();
        assert_eq!(ids.len(), story.orders.len());
    }
}

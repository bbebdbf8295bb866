//! What is asked of an engine in a measurement: a catalogue, and orders from it.

use onhand_engine::ask::{Ask, ChannelAsk, LocationAsk, Movement, OrderAsk, SkuAsk, StockAsk};
use onhand_engine::domain::command::RANK;
use onhand_engine::domain::order::{Agreed, Policy};
use onhand_engine::domain::promise::StockPolicy;
use onhand_engine::domain::sku::{StockState, Terms};
use onhand_engine::domain::{ChannelNumber, LocationNumber, MerchantNumber, SkuNumber};
use onhand_engine::record::encode_into;
use onhand_engine::record::order::{LineAskedV1, OrderAskedV1};
use onhand_engine::secrets::Fingerprints;

/// Two locations.
#[must_use]
pub fn locations() -> [Ask; 2] {
    let location = |code: &str| LocationAsk {
        code: code.into(),
        kind: "warehouse".into(),
        country: "DE".into(),
        region: None,
        postal_code: None,
        priority: 1,
        safety_stock: 0,
    };
    ["main", "east"].map(|code| Ask::PutLocation(Box::new(location(code))))
}

/// A channel that both locations serve.
#[must_use]
pub fn channel() -> Ask {
    let locations = vec![LocationNumber(0), LocationNumber(1)];
    let (kind, policy) = ("api".into(), Policy::Reject);
    Ask::PutChannel(Box::new(ChannelAsk {
        stock_policy: StockPolicy::SHARED,
        rank: RANK,
        profile: None,
        code: "web".into(),
        kind,
        locations,
        policy,
    }))
}

/// The code of a SKU.
#[must_use]
pub fn sku_code(number: u32) -> String {
    format!("SKU-{number:08}")
}

/// So many SKUs.
pub fn skus(count: u32) -> impl Iterator<Item = Ask> {
    (0..count).map(|number| {
        let code = sku_code(number);
        let (title, unit, gtin) = (Some(format!("Article number {number}")), None, None);
        Ask::PutSku(Box::new(SkuAsk {
            code,
            title,
            unit,
            decimals: 0,
            gtin,
            tags: Vec::new(),
            terms: Terms::NONE,
            components: Vec::new(),
        }))
    })
}

/// So many units of each SKU at each location.
pub fn receipts(skus: u32, units: u32) -> impl Iterator<Item = Ask> {
    (0..skus).flat_map(move |sku| {
        [0, 1].map(|location| {
            let movement = Movement::Receive { state: StockState::Sellable, quantity: units };
            let (sku, location) = (SkuNumber(sku), LocationNumber(location));
            Ask::MoveStock(StockAsk { sku, location, movement, reason: "received".into(), reference: None })
        })
    })
}

/// The channel's own number for its order.
#[must_use]
pub fn external_id(number: u64) -> String {
    format!("order-{number:012}")
}

/// SKUs, always the same ones, spread evenly.
pub struct Spread {
    skus: u32,
    state: u64,
}

impl Spread {
    /// Over so many SKUs, beginning somewhere.
    #[must_use]
    pub fn over(skus: u32, from: u64) -> Self {
        Self { skus, state: from }
    }

    /// One unit each of so many SKUs.
    pub fn lines(&mut self, count: u32) -> Vec<(SkuNumber, u32)> {
        (0..count)
            .map(|_| {
                self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let sku = u32::try_from((self.state >> 33) % u64::from(self.skus)).unwrap_or(0);
                (SkuNumber(sku), 1)
            })
            .collect()
    }
}

/// An order as a worker hands it to the shard, of up to four lines.
#[must_use]
pub fn order(
    fingerprints: &Fingerprints,
    merchant: MerchantNumber,
    external_id: &str,
    lines: &[(SkuNumber, u32)],
) -> OrderAsk {
    const IDS: [&str; 4] = ["1", "2", "3", "4"];
    let line = |(id, (sku, quantity)): (&&'static str, &(SkuNumber, u32))| LineAskedV1 {
        id,
        sku: sku.0,
        decimals: 0,
        quantity: *quantity,
        unit_price: Some(4_250_000),
    };
    let asked = OrderAskedV1 {
        external_id,
        channel: 0,
        policy: None,
        placed_at: None,
        currency: None,
        ship_to: None,
        customer: None,
        lines: IDS.iter().zip(lines).map(line).collect(),
    };
    let mut bytes = Vec::new();
    encode_into(&asked, &mut bytes).expect("an order");
    let external = fingerprints.external(merchant, 0, external_id);
    OrderAsk {
        channel: ChannelNumber(0),
        external,
        policy: None,
        agreed: Agreed::NONE,
        lines: lines.into(),
        asked: bytes,
        hold: None,
        said: None,
    }
}

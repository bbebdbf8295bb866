//! Orders to be placed: over uniformly random SKUs, the same ones each time.

use onhand_engine::ask::{Ask, OrderAsk};
use onhand_engine::domain::order::Agreed;
use onhand_engine::domain::{ChannelNumber, MerchantNumber, SkuNumber};
use onhand_engine::record::encode_into;
use onhand_engine::record::order::{LineAskedV1, OrderAskedV1};
use onhand_engine::secrets::Fingerprints;

/// Ids of an order's lines, and so how many it may have.
const IDS: [&str; 4] = ["1", "2", "3", "4"];

/// Makes one order after the other, each with an external id of its own.
#[derive(Clone)]
pub struct Orders {
    fingerprints: Fingerprints,
    merchant: MerchantNumber,
    next_external: u64,
    /// State of the generator of SKUs.
    spread: u64,
}

impl Orders {
    pub(crate) fn new(fingerprints: Fingerprints, merchant: MerchantNumber) -> Self {
        Self { fingerprints, merchant, next_external: 0, spread: 0 }
    }

    /// Goes on behind the first `count` external ids.
    pub fn skip(&mut self, count: u64) {
        (self.next_external, self.spread) = (count, count);
    }

    /// An order of so many lines over `skus` SKUs.
    pub fn next(&mut self, lines: u32, skus: u32) -> Ask {
        self.next_external += 1;
        let external_id = format!("order-{:012}", self.next_external);
        let lines: Vec<(SkuNumber, u32)> = (0..lines).map(|_| (self.next_sku(skus), 1)).collect();
        self.order(&external_id, &lines)
    }

    fn next_sku(&mut self, skus: u32) -> SkuNumber {
        self.spread = self.spread.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        SkuNumber(u32::try_from((self.spread >> 33) % u64::from(skus)).unwrap_or(0))
    }

    fn order(&self, external_id: &str, lines: &[(SkuNumber, u32)]) -> Ask {
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
        let external = self.fingerprints.external(self.merchant, 0, external_id);
        Ask::PlaceOrder(OrderAsk {
            channel: ChannelNumber(0),
            external,
            policy: None,
            agreed: Agreed::NONE,
            lines: lines.into(),
            asked: bytes,
            hold: None,
            said: None,
        })
    }
}

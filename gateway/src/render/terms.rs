//! What locations, channels and SKUs keep of stock, for whom, as shown: what is not stated is left out.

use super::Units;
use onhand_engine::directory::Directory;
use onhand_engine::domain::{ChannelNumber, LocationNumber};
use onhand_engine::record::rules::{
    AmountV1, ChannelTermsV1, SkuChannelTermsV1, SkuLimitsV1, SkuTermsV1, StockPolicyV1,
};
use serde::{Serialize, Serializer};

/// Units, or a percentage like `"10%"`.
#[derive(Debug)]
struct Amount {
    amount: AmountV1,
    decimals: u8,
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.amount {
            AmountV1::Units(units) => {
                Units { units: units.into(), decimals: self.decimals }.serialize(serializer)
            }
            AmountV1::Percent(percent) => serializer.collect_str(&format_args!("{percent}%")),
        }
    }
}

/// A stock policy.
#[derive(Debug, Serialize)]
pub(super) struct StockPolicyView {
    #[serde(skip_serializing_if = "Option::is_none")]
    ceiling: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buffer: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<Units>,
}

impl StockPolicyView {
    fn of(policy: &StockPolicyV1, decimals: u8) -> Self {
        let amount = |amount: AmountV1| Amount { amount, decimals };
        Self {
            ceiling: policy.ceiling.map(amount),
            buffer: (policy.buffer != AmountV1::default()).then(|| amount(policy.buffer)),
            floor: (policy.floor > 0).then(|| Units { units: policy.floor.into(), decimals }),
        }
    }

    /// The policy of a channel; its units are the smallest of each SKU.
    pub(super) fn of_channel(terms: &ChannelTermsV1) -> Option<Self> {
        (terms.stock_policy != StockPolicyV1::default()).then(|| Self::of(&terms.stock_policy, 0))
    }
}

/// Safety stock of one SKU at one location.
#[derive(Debug, Serialize)]
struct SafetyView {
    location: String,
    quantity: Units,
}

/// Terms of one SKU for one channel.
#[derive(Debug, Serialize)]
struct ChannelTermsView {
    channel: String,
    #[serde(flatten)]
    policy: StockPolicyView,
    #[serde(skip_serializing_if = "Option::is_none")]
    dedicated: Option<Units>,
}

/// Terms of one SKU.
#[derive(Debug, Serialize)]
pub(super) struct TermsView {
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_stock: Option<Units>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    safety_stock_at: Vec<SafetyView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    channel_policies: Vec<ChannelTermsView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backorder_limit: Option<Units>,
}

impl TermsView {
    pub(super) fn of(
        directory: &Directory,
        terms: &SkuTermsV1,
        SkuLimitsV1 { backorder_limit }: SkuLimitsV1,
        decimals: u8,
    ) -> Self {
        let units = |units: u32| Units { units: units.into(), decimals };
        let safety = |(location, quantity): &(u16, u32)| SafetyView {
            location: directory.with_location_code(LocationNumber(*location), str::to_owned),
            quantity: units(*quantity),
        };
        let channel = |terms: &SkuChannelTermsV1| ChannelTermsView {
            channel: directory.with_channel_code(ChannelNumber(terms.channel), str::to_owned),
            policy: StockPolicyView::of(&terms.policy, decimals),
            dedicated: (terms.dedicated > 0).then(|| units(terms.dedicated)),
        };
        Self {
            safety_stock: terms.safety_stock.map(units),
            safety_stock_at: terms.safety_stock_at.iter().map(safety).collect(),
            channel_policies: terms.channels.iter().map(channel).collect(),
            backorder_limit: backorder_limit.map(units),
        }
    }
}

//! What an order says of itself for routing rules to ask, and for nothing else.

use crate::body::Check;
use crate::member::Name;
use onhand_engine::ask::OrderSaid;
use std::borrow::Cow;

/// Tags of one order: more than channels set, and few enough to stand in every record.
pub(super) const ORDER_TAGS_MAX: usize = 20;

/// The highest payment risk, as fraud scores are told: 0 is none.
pub(super) const RISK_MAX: u8 = 100;

/// These members of an order's body.
pub(super) struct SaidBody<'b, 'a> {
    pub(super) tags: &'b [Name<'a>],
    pub(super) priority: Option<i32>,
    pub(super) customer_tier: Option<&'b str>,
    pub(super) ship_method: Option<&'b str>,
    pub(super) is_b2b: Option<bool>,
    pub(super) payment_risk: Option<u8>,
}

impl SaidBody<'_, '_> {
    /// As most orders do.
    #[inline]
    fn is_nothing(&self) -> bool {
        let Self { tags, priority, customer_tier, ship_method, is_b2b, payment_risk } = self;
        tags.is_empty()
            && priority.is_none()
            && customer_tier.is_none()
            && ship_method.is_none()
            && is_b2b.is_none()
            && payment_risk.is_none()
    }

    /// What is said, if anything is.
    pub(super) fn checked(&self, check: &mut Check) -> Option<OrderSaid> {
        if self.is_nothing() {
            return None;
        }
        if self.tags.len() > ORDER_TAGS_MAX {
            check.wrong("/tags", "too_many", format!("at most {ORDER_TAGS_MAX} tags"));
            return None;
        }
        let tags = self.tags.iter().enumerate();
        let tags =
            tags.filter_map(|(place, tag)| check.code(|| format!("/tags/{place}"), tag).map(Cow::into_owned));
        let tags = tags.collect();
        let mut code = |pointer: &str, word: Option<&str>| {
            word.and_then(|word| check.code(|| pointer.into(), word).map(Cow::into_owned))
        };
        let customer_tier = code("/customer_tier", self.customer_tier);
        let ship_method = code("/ship_method", self.ship_method);
        if self.payment_risk.is_some_and(|risk| risk > RISK_MAX) {
            check.wrong("/payment_risk", "invalid_value", format!("must be between 0 and {RISK_MAX}"));
        }
        let Self { priority, is_b2b, payment_risk, .. } = *self;
        let said = OrderSaid { priority, tags, customer_tier, is_b2b, ship_method, payment_risk };
        (said != OrderSaid::default()).then_some(said)
    }
}

//! Routing profiles and what they said of orders: from event to record and back.

use super::{agreed_record, kits, policy_record};
use crate::ask::{OrderAsk, OrderSaid, ProfileAsk};
use crate::routing::Format;
use onhand_domain::event::{KitLine, OrderAccepted, ProfilePut, Routed};
use onhand_domain::order::{Agreed, Policy};
use onhand_domain::routing::profile::Explanation;
use onhand_domain::{HoldId, LocationNumber, ProfileNumber};
use onhand_record::header::{VERSION_AGREED, VERSION_KITS};
use onhand_record::order::{encode_agreed, encode_details, encode_kits, version_with};
use onhand_record::routing::{FormatV1, OrderDetailsV1, OrderSaidV1, RoutedV1, RoutingProfilePutV1};
use onhand_record::rules::PolicyV1;
use onhand_record::{DecodeError, EncodeError, VERSION, encode_into};

pub(super) fn encode_profile(
    put: &ProfilePut,
    ask: &ProfileAsk,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let body = RoutingProfilePutV1 {
        profile: put.profile.0,
        is_new: put.is_new,
        code: &ask.code,
        version: put.rules.version,
        format: format_record(ask.format),
        text: &ask.text,
    };
    encode_into(&body, out)
}

/// How a text is written, as a record says it.
pub(crate) fn format_record(format: Format) -> FormatV1 {
    match format {
        Format::Toml => FormatV1::Toml,
        Format::Json => FormatV1::Json,
    }
}

/// How a text is written.
pub(crate) fn format_of(record: FormatV1) -> Format {
    match record {
        FormatV1::Toml => Format::Toml,
        FormatV1::Json => Format::Json,
    }
}

/// What the record of an order ends with.
pub(crate) struct OrderEnd<'a> {
    policy: Policy,
    hold: Option<HoldId>,
    said: Option<&'a OrderSaid>,
    routed: Option<(&'a Routed, Vec<u8>)>,
    kits: &'a [KitLine],
    agreed: Agreed,
}

impl<'a> OrderEnd<'a> {
    /// Of an accepted order; most end with nothing: no hold, no word beyond the usual ones, no profile, no later policy and
    /// nothing agreed beyond it.
    #[inline]
    pub(crate) fn of_accepted(accepted: &'a OrderAccepted, ask: &'a OrderAsk) -> Option<Self> {
        let OrderAccepted { policy, hold, .. } = *accepted;
        let has_some = hold.is_some() || accepted.routed.is_some() || ask.said.is_some() || is_later(policy);
        (has_some || !accepted.kits.is_empty() || accepted.agreed.is_some()).then(|| {
            let (routed, agreed) = (accepted.routed.as_deref(), Agreed::of(accepted.agreed.as_deref()));
            Self { kits: &accepted.kits, agreed, ..Self::of(policy, hold, routed, ask) }
        })
    }

    /// Of a refused order.
    pub(crate) fn of_refused(hold: Option<HoldId>, routed: Option<&'a Routed>, ask: &'a OrderAsk) -> Self {
        Self::of(Policy::Reject, hold, routed, ask)
    }

    fn of(policy: Policy, hold: Option<HoldId>, routed: Option<&'a Routed>, ask: &'a OrderAsk) -> Self {
        let routed = routed.map(|routed| (routed, routed.explanation.encode()));
        Self { policy, hold, said: ask.said.as_deref(), routed, kits: &[], agreed: Agreed::NONE }
    }

    /// Whether there is nothing to write.
    fn is_nothing(&self) -> bool {
        let Self { policy, hold, said, routed, .. } = self;
        hold.is_none() && said.is_none() && routed.is_none() && !is_later(*policy)
    }

    fn with<R>(&self, use_it: impl FnOnce(PolicyV1, &OrderDetailsV1<'_>) -> R) -> R {
        let (policy, routed) = (policy_record(self.policy), self.routed.as_ref());
        let details = OrderDetailsV1 {
            hold: self.hold.map(|hold| hold.0),
            said: self.said.map(said_record).unwrap_or_default(),
            routed: routed.map(|(routed, explanation)| routed_record(routed, explanation)),
        };
        use_it(policy, &details)
    }

    /// The version of the record.
    pub(crate) fn version(&self) -> u8 {
        match (self.kits, self.is_nothing()) {
            _ if self.agreed != Agreed::NONE => VERSION_AGREED,
            ([_, ..], _) => VERSION_KITS,
            (_, true) => VERSION,
            (_, false) => self.with(version_with),
        }
    }

    /// Appends it to the record.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let kits = || kits::lines_record(self.kits);
        match (self.kits, self.is_nothing()) {
            _ if self.agreed != Agreed::NONE => {
                self.with(|_, details| encode_agreed(details, &kits(), &agreed_record(self.agreed), out))
            }
            ([_, ..], _) => self.with(|_, details| encode_kits(details, &kits(), out)),
            (_, true) => Ok(()),
            (_, false) => self.with(|policy, details| encode_details(policy, details, out)),
        }
    }
}

/// Whether releases before this one do not know a policy.
fn is_later(policy: Policy) -> bool {
    policy_record(policy).is_later()
}

fn routed_record<'a>(routed: &Routed, explanation: &'a [u8]) -> RoutedV1<'a> {
    let within = routed.within.as_ref();
    let within = within.map(|within| within.iter().map(|location| location.0).collect());
    RoutedV1 { profile: routed.profile.0, explanation, within }
}

fn said_record(said: &OrderSaid) -> OrderSaidV1<'_> {
    let OrderSaid { priority, tags, customer_tier, is_b2b, ship_method, payment_risk } = said;
    OrderSaidV1 {
        priority: *priority,
        tags: tags.iter().map(String::as_str).collect(),
        customer_tier: customer_tier.as_deref(),
        is_b2b: *is_b2b,
        ship_method: ship_method.as_deref(),
        payment_risk: *payment_risk,
    }
}

/// What an order says of itself, as a record has it; `None` if it is nothing.
pub(crate) fn said_of(record: &OrderSaidV1<'_>) -> Option<OrderSaid> {
    let OrderSaidV1 { priority, ref tags, customer_tier, is_b2b, ship_method, payment_risk } = *record;
    (*record != OrderSaidV1::default()).then(|| OrderSaid {
        priority,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        customer_tier: customer_tier.map(str::to_owned),
        is_b2b,
        ship_method: ship_method.map(str::to_owned),
        payment_risk,
    })
}

/// What a profile said, as a record has it.
pub(crate) fn routed_of(details: &OrderDetailsV1<'_>) -> Result<Option<Box<Routed>>, DecodeError> {
    let Some(RoutedV1 { profile, explanation, within }) = &details.routed else { return Ok(None) };
    let explanation = Explanation::decode(explanation)
        .map_err(|error| DecodeError::Malformed(format!("its explanation is none: {error:?}")))?;
    let within = within.as_ref().map(|within| within.iter().copied().map(LocationNumber).collect());
    Ok(Some(Box::new(Routed { profile: ProfileNumber(*profile), explanation, within })))
}

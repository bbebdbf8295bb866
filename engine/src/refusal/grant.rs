//! What is refused of exposure grants.

use super::{Refusal, number};
use onhand_domain::Rejection;

/// What a rejection of a grant is called outside.
pub(super) fn refusal_of(rejection: &Rejection) -> Refusal {
    match rejection {
        Rejection::GrantBelowSold { granted, sold } => Refusal::new(
            409,
            "grant_below_sold",
            format!("{granted} units were to be granted in all, the channel has sold {sold}"),
            vec![("granted", number(*granted)), ("sold", number(*sold))],
        ),
        Rejection::GrantExceedsStock { requested, available } => Refusal::new(
            409,
            "grant_exceeds_stock",
            format!("{requested} units would have to be kept for the channel, {available} can be"),
            vec![("requested", number(*requested)), ("available", number(*available))],
        ),
        Rejection::GrantsLive { grants } => Refusal::new(
            409,
            "grants_live",
            format!(
                "the channel may sell what it is granted of {grants} skus; its mode stays until it may not"
            ),
            vec![("grants", i64::from(*grants))],
        ),
        Rejection::UnknownRevision { revision, latest } => Refusal::new(
            409,
            "unknown_revision",
            format!("revision {revision} was not told yet, the last one is {latest}"),
            vec![("revision", number(*revision)), ("latest", number(*latest))],
        ),
        Rejection::WatermarkAhead { at, latest } => Refusal::new(
            422,
            "watermark_ahead",
            format!("{at} ms since 1970 is more than a day from now; no feed has passed more than {latest}"),
            vec![("max", number(*latest))],
        )
        .at("/at".into()),
        _ => Refusal::new(
            409,
            "not_granted",
            "the channel was never granted units of the sku".into(),
            Vec::new(),
        ),
    }
}

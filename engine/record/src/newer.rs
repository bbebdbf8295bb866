//! What only a newer release can have written. Whoever reads a log from one end to the other asks this of every record
//! before anything else: a log that is understood in part is not understood.

use crate::admin::{FEATURE_LEVEL, LogOpenedV1};
use crate::{Header, Kind, decode};

/// What a record has that this release does not know, beside what it knows; `None` if there is no such thing.
#[must_use]
pub fn newer(record: &[u8]) -> Option<String> {
    match Header::decode(record) {
        Err(error) => error.is_newer().then(|| error.to_string()),
        Ok((Header { kind: Kind::LogOpened, .. }, body)) => {
            let LogOpenedV1 { feature_level, .. } = decode(body).ok()?;
            (feature_level > FEATURE_LEVEL)
                .then(|| format!("feature level {feature_level}, this release knows {FEATURE_LEVEL}"))
        }
        Ok(_) => None,
    }
}

//! From the log to a state that may be trusted: replay every record, check every invariant, compare the
//! digest that a clean stop wrote. Only then are the doors opened.

use crate::actor::ShardState;
use crate::ask::OrderAsk;
use crate::directory::Directories;
use crate::keys::KeyKind;
use crate::registry::{Key, Registry, Scopes};
use crate::secrets::Fingerprints;
use crate::translate::decode_event;
use crate::turn::remember_closed;
use onhand_domain::{Event, MerchantNumber};
use onhand_record::admin::{KeyCreatedV1, KeyRevokedV1, LogClosedV1, MerchantCreatedV1};
use onhand_record::{Header, Kind, decode};
use onhand_snapshots::Lsn;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Which shard a merchant lives on.
#[must_use]
pub(crate) fn shard_of(merchant: MerchantNumber, shards: usize) -> usize {
    let hash = onhand_domain::table::spread(u64::from(merchant.0));
    usize::try_from(hash % (shards.max(1) as u64)).unwrap_or(0)
}

/// Rebuilds shards from records, in the order of the log.
pub(crate) struct Replay<'a> {
    pub(crate) states: &'a mut [ShardState],
    pub(crate) directories: &'a Directories,
    pub(crate) registry: &'a Registry,
    pub(crate) fingerprints: &'a Fingerprints,
    /// Digest of the last clean stop, if it is the last record.
    pub(crate) closing_digest: Option<u64>,
}

impl Replay<'_> {
    /// One record.
    pub(crate) fn record(&mut self, lsn: Lsn, bytes: &[u8]) -> Result<(), String> {
        let (header, body) = Header::decode(bytes).map_err(|error| error.to_string())?;
        self.closing_digest = None;
        let merchant = MerchantNumber(header.merchant);
        match header.kind {
            Kind::LogOpened => Ok(()),
            Kind::LogClosed => {
                let closed: LogClosedV1 = decode(body).map_err(|error| error.to_string())?;
                self.closing_digest = Some(closed.digest);
                Ok(())
            }
            Kind::MerchantCreated => {
                let created: MerchantCreatedV1<'_> = decode(body).map_err(|error| error.to_string())?;
                self.registry.add_merchant(created.name, merchant);
                self.directories.create(merchant);
                Ok(())
            }
            Kind::KeyCreated => {
                let created: KeyCreatedV1 = decode(body).map_err(|error| error.to_string())?;
                let scopes = Scopes(created.scopes);
                let key = Key { number: created.key, merchant, scopes, is_revoked: false };
                self.registry.add_key(created.secret_hash, key);
                Ok(())
            }
            Kind::KeyRevoked => {
                let revoked: KeyRevokedV1 = decode(body).map_err(|error| error.to_string())?;
                self.registry.revoke(revoked.key);
                Ok(())
            }
            Kind::LocationPut
            | Kind::ChannelPut
            | Kind::SkuPut
            | Kind::StockMoved
            | Kind::OrderAccepted
            | Kind::OrderRefused
            | Kind::OrderCancelled
            | Kind::OrderShipped
            | Kind::BacklogFilled
            | Kind::CommandRefused => self.merchant_record(lsn, &header, body),
        }
    }

    fn merchant_record(&mut self, lsn: Lsn, header: &Header, body: &[u8]) -> Result<(), String> {
        let number = MerchantNumber(header.merchant);
        let directory =
            self.directories.get(number).ok_or_else(|| format!("merchant {number} was never created"))?;
        let count = self.states.len();
        let (merchant, keys) = self.states[shard_of(number, count)].merchant(&directory);
        merchant.at = merchant.at.max(header.at);
        if let Some(key) = &header.idempotency {
            keys.insert(number, KeyKind::Idempotency, key, lsn);
        }
        let told = decode_event(header.kind, body).map_err(|error| error.to_string())?;
        let Some(told) = told else { return Ok(()) };
        if let Event::OrderAccepted(accepted) = &told.event {
            let external_id = OrderAsk::external_id(body).map_err(|error| error.to_string())?;
            let external = self.fingerprints.external(number, accepted.channel.0, external_id);
            keys.insert(number, KeyKind::External, &external, lsn);
        }
        remember_closed(number, &told.event, lsn, keys);
        let applied = catch_unwind(AssertUnwindSafe(|| merchant.apply(lsn, &told.event, told.code)));
        applied.map_err(|_| format!("it contradicts the state of merchant {number} before it"))
    }
}

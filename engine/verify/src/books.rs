//! Entering records, one after the other: whose each is, and who checks it.

use crate::findings::Findings;
use crate::ledger::Ledger;
use crate::observer::Observer;
use crate::page::Page;
use crate::registry::Registry;
use crate::report::{AuditReport, Invariant, Totals};
use onhand_record::admin::{LogClosedV1, LogOpenedV1};
use onhand_record::{DecodeError, Header, Kind, decode};
use onhand_snapshots::Lsn;
use std::collections::{BTreeMap, HashSet};

/// See the module.
pub(crate) struct Books {
    /// Of the log, and of those that it is a copy of.
    identities: HashSet<[u8; 16]>,
    registry: Registry,
    ledgers: BTreeMap<u32, Ledger>,
    findings: Findings,
    totals: Totals,
}

impl Books {
    /// Books with nothing in them.
    pub(crate) fn new() -> Self {
        Self {
            identities: HashSet::new(),
            registry: Registry::default(),
            ledgers: BTreeMap::new(),
            findings: Findings::new(),
            totals: Totals::default(),
        }
    }

    /// One record.
    pub(crate) fn enter(&mut self, lsn: Lsn, record: &[u8], observer: &mut dyn Observer) {
        let due = self.findings.lsn.next();
        self.findings.lsn = lsn;
        self.totals.records += 1;
        self.findings.check(Invariant::J4, lsn == due, || format!("record {due} was due"));
        let entered = Header::decode(record).and_then(|(header, body)| {
            let opens = header.kind == Kind::LogOpened;
            self.findings.check(Invariant::J4, opens || due != Lsn(1), || {
                "the first record does not open the log".into()
            });
            self.enter_body(&header, body, observer)
        });
        let error = entered.err();
        self.findings.check(Invariant::J4, error.is_none(), || {
            error.map_or_else(String::new, |error| error.to_string())
        });
    }

    fn enter_body(
        &mut self,
        header: &Header,
        body: &[u8],
        observer: &mut dyn Observer,
    ) -> Result<(), DecodeError> {
        let merchant = header.merchant;
        match header.kind {
            Kind::LogOpened => {
                self.opened(&decode(body)?);
                Ok(())
            }
            Kind::LogClosed => {
                self.closed(&decode(body)?);
                Ok(())
            }
            Kind::MerchantCreated => {
                if self.registry.merchant_created(merchant, &decode(body)?, &mut self.findings) {
                    self.ledgers.insert(merchant, Ledger::default());
                }
                Ok(())
            }
            Kind::KeyCreated => {
                self.registry.key_created(merchant, &decode(body)?, &mut self.findings);
                Ok(())
            }
            Kind::KeyRevoked => {
                self.registry.key_revoked(merchant, &decode(body)?, &mut self.findings);
                Ok(())
            }
            Kind::LocationPut
            | Kind::ChannelPut
            | Kind::SkuPut
            | Kind::RoutingProfilePut
            | Kind::StockMoved
            | Kind::OrderAccepted
            | Kind::OrderRefused
            | Kind::OrderCancelled
            | Kind::OrderShipped
            | Kind::BacklogFilled
            | Kind::CommandRefused
            | Kind::RepeatAnswered
            | Kind::HoldPlaced
            | Kind::HoldExtended
            | Kind::HoldsEnded
            | Kind::ExposurePut
            | Kind::GrantSet
            | Kind::GrantAcknowledged
            | Kind::FeedPassed
            | Kind::GrantsFreed => self.enter_merchants(header, body, observer),
        }
    }

    /// A record of a merchant's shard.
    fn enter_merchants(
        &mut self,
        header: &Header,
        body: &[u8],
        observer: &mut dyn Observer,
    ) -> Result<(), DecodeError> {
        let Header { merchant, actor, .. } = *header;
        let ledger = self.ledgers.get_mut(&merchant);
        self.findings
            .check(Invariant::J4, ledger.is_some(), || format!("merchant {merchant} was never created"));
        let Some(ledger) = ledger else { return Ok(()) };
        let may_act = self.registry.may_act(actor, merchant);
        self.findings
            .check(Invariant::J4, may_act, || format!("key {actor} was never given to merchant {merchant}"));
        let mut page = Page { merchant, ledger, findings: &mut self.findings, totals: &mut self.totals };
        page.header(header);
        page.body(header, body, observer)
    }

    /// A log is opened by its first record; and again where it is a copy that was restored, under another identity.
    fn opened(&mut self, opened: &LogOpenedV1) {
        let is_new = self.identities.insert(opened.cluster);
        self.findings.check(Invariant::J4, is_new, || {
            "the log was opened under this identity before; only a restored copy is opened again".into()
        });
    }

    fn closed(&mut self, closed: &LogClosedV1) {
        let digest = self.digest();
        self.findings.check(Invariant::J3, digest == closed.digest, || {
            format!("the stop wrote digest {:016x}, the log says {digest:016x}", closed.digest)
        });
    }

    fn digest(&self) -> u64 {
        let digests = self.ledgers.iter().map(|(merchant, ledger)| ledger.digest(*merchant));
        digests.fold(0, u64::wrapping_add)
    }

    /// The report.
    pub(crate) fn close(mut self, last: Lsn, torn: Option<String>) -> AuditReport {
        for ledger in self.ledgers.values() {
            self.totals.orders_open += ledger.orders.len() as u64;
            for demand in ledger.orders.values().flat_map(|order| &order.demands) {
                self.totals.units_backordered += u64::try_from(demand.backordered).unwrap_or(0);
                self.totals.units_short += u64::try_from(demand.short).unwrap_or(0);
            }
        }
        let (digest, totals) = (self.digest(), self.totals);
        let (outcomes, tightest) = self.findings.close();
        AuditReport { outcomes, tightest, totals, digest, last, torn }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observer::Ignore;
    use onhand_record::encode_into;

    /// The log finds a gap before the audit does; that the audit would find one too, only this shows.
    #[test]
    fn a_record_that_is_left_out_is_named() {
        let mut books = Books::new();
        let header = Header {
            kind: Kind::LogClosed,
            version: 1,
            merchant: 0,
            at: 1,
            actor: 0,
            request: [0; 16],
            idempotency: None,
            fingerprint: None,
        };
        let record = |kind, body: &dyn Fn(&mut Vec<u8>)| {
            let mut record = Vec::new();
            Header { kind, ..header }.encode_into(&mut record);
            body(&mut record);
            record
        };
        let opened = LogOpenedV1 { cluster: [1; 16], epoch: 1, feature_level: 1 };
        let closed = LogClosedV1 { digest: 0 };
        let opened = record(Kind::LogOpened, &|out| encode_into(&opened, out).unwrap());
        let closed = record(Kind::LogClosed, &|out| encode_into(&closed, out).unwrap());
        for (lsn, record) in [(1, &opened), (2, &closed), (4, &closed), (5, &closed)] {
            books.enter(Lsn(lsn), record, &mut Ignore);
        }
        let report = books.close(Lsn(5), None);
        let broken: Vec<_> =
            report.outcomes.iter().filter_map(|outcome| outcome.first_failure.clone()).collect();
        assert_eq!(broken, [(Lsn(4), "record 3 was due".to_owned())]);
    }
}

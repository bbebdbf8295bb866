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
use std::collections::BTreeMap;

/// See the module.
pub(crate) struct Books {
    registry: Registry,
    ledgers: BTreeMap<u32, Ledger>,
    findings: Findings,
    totals: Totals,
}

impl Books {
    /// Books with nothing in them.
    pub(crate) fn new() -> Self {
        Self {
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
            self.findings.check(Invariant::J4, opens == (due == Lsn(1)), || {
                "the record that opens the log stands first and only there".into()
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
            Kind::LogOpened => decode::<LogOpenedV1>(body).map(drop),
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
            | Kind::StockMoved
            | Kind::OrderAccepted
            | Kind::OrderRefused
            | Kind::OrderCancelled
            | Kind::OrderShipped
            | Kind::BacklogFilled
            | Kind::CommandRefused => self.enter_merchants(header, body, observer),
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
        page.body(header.kind, body, observer)
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
            for line in ledger.orders.values().flat_map(|order| &order.lines) {
                self.totals.units_backordered += u64::try_from(line.backordered).unwrap_or(0);
                self.totals.units_short += u64::try_from(line.short).unwrap_or(0);
            }
        }
        let (digest, totals) = (self.digest(), self.totals);
        let (outcomes, tightest) = self.findings.close();
        AuditReport { outcomes, tightest, totals, digest, last, torn }
    }
}

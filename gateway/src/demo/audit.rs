//! The clients' own list of answers against the log as the audit reads it. The server's word counts nowhere.

use super::run::{Heard, Told};
use super::story::{Order, Story};
use crate::ids;
use onhand_engine::domain::OrderId;
use onhand_engine::record::Kind;
use onhand_engine::record::order::{LinePictureV1, OrderAskedV1};
use onhand_engine::snapshots::Lsn;
use onhand_verify::{AcceptedFact, AuditReport, Invariant, Observer, audit};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

/// The one refusal that the story explains.
pub(super) const REFUSAL: &str = "insufficient_stock";

/// One accepted order as the log has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Logged {
    pub(super) id: String,
    /// Line id and units ordered.
    pub(super) lines: Vec<(String, u64)>,
    /// Units claimed at acceptance.
    pub(super) claimed: u64,
    /// Records that accepted this external id.
    pub(super) times: u32,
    /// Records that changed it.
    pub(super) changes: usize,
}

/// What the log says.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) orders: HashMap<(String, String), Logged>,
    /// Records that refused an order, by channel and external id.
    pub(super) refused: HashMap<(String, String), u32>,
    by_lsn: HashMap<Lsn, (String, String)>,
    /// Movements of stock.
    pub(super) movements: usize,
}

impl Observer for Log {
    fn accepted(&mut self, fact: &AcceptedFact<'_>) {
        let name = (fact.channel.to_owned(), fact.asked.external_id.to_owned());
        let logged = self.orders.entry(name.clone()).or_default();
        logged.times += 1;
        logged.id = ids::order_text(OrderId(fact.order.0));
        logged.lines =
            fact.asked.lines.iter().map(|line| (line.id.to_owned(), u64::from(line.quantity))).collect();
        logged.claimed = fact.accepted.claims.iter().map(|claim| u64::from(claim.quantity)).sum();
        self.by_lsn.insert(fact.order, name);
    }

    fn refused(&mut self, _merchant: u32, channel: &str, asked: &OrderAskedV1<'_>) {
        *self.refused.entry((channel.to_owned(), asked.external_id.to_owned())).or_default() += 1;
    }

    fn changed(&mut self, order: Lsn, _kind: Kind, _lines: &[LinePictureV1]) {
        if let Some(logged) = self.by_lsn.get(&order).and_then(|name| self.orders.get_mut(name)) {
            logged.changes += 1;
        }
    }

    fn moved(&mut self) {
        self.movements += 1;
    }
}

/// What did not agree.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Places where claims exceeded stock.
    pub(super) oversold: u64,
    /// Answers that the log does not bear out.
    pub(super) lost: u64,
    /// Requests that took effect more often than they were made.
    pub(super) applied_twice: u64,
    /// Second deliveries that got another answer than the first.
    pub(super) contradicted: u64,
    /// Answers that are neither a success nor a refusal that the story explains.
    pub(super) failed: u64,
    /// The first disagreement found, in words.
    pub(super) example: Option<String>,
}

impl Verdict {
    /// Whether every promise held.
    pub(super) fn is_clean(&self) -> bool {
        self.oversold + self.lost + self.applied_twice + self.contradicted + self.failed == 0
    }

    fn failed(&mut self, how: impl FnOnce() -> String) {
        self.failed += 1;
        self.example.get_or_insert_with(how);
    }

    fn lost(&mut self, how: impl FnOnce() -> String) {
        self.lost += 1;
        self.example.get_or_insert_with(how);
    }

    fn twice(&mut self, how: impl FnOnce() -> String) {
        self.applied_twice += 1;
        self.example.get_or_insert_with(how);
    }
}

/// Audits the directory and compares.
pub(super) fn judge(dir: &Path, story: &Story, heard: &Heard) -> anyhow::Result<(AuditReport, Verdict)> {
    let mut log = Log::default();
    let report = audit(dir, &mut log)?;
    let mut verdict = compare(&log, &story.orders, &heard.orders);
    for failure in &heard.failures {
        verdict.failed(|| failure.clone());
    }
    let expected = story.opening.len() + heard.movements;
    match log.movements {
        found if found < expected => {
            verdict.lost(|| format!("{expected} movements were answered, {found} are logged"))
        }
        found if found > expected => {
            verdict.twice(|| format!("{expected} movements were made, {found} are logged"))
        }
        _ => {}
    }
    let oversold = report.outcomes.iter().find(|outcome| outcome.invariant == Invariant::I2);
    verdict.oversold = oversold.map_or(0, |outcome| outcome.failures);
    Ok((report, verdict))
}

/// Each order: what the channel was told, and what the log has.
pub(super) fn compare(log: &Log, orders: &[Order], told: &[Told]) -> Verdict {
    let mut verdict = Verdict::default();
    for (order, told) in orders.iter().zip(told) {
        let name = (order.channel.to_owned(), order.external_id.clone());
        let logged = log.orders.get(&name);
        let external_id = &order.external_id;
        verdict.contradicted += u64::from(told.contradictions);
        let Some(placed) = &told.placed else {
            verdict.lost(|| format!("order {external_id} was never answered"));
            continue;
        };
        let refusals = log.refused.get(&name).copied().unwrap_or(0);
        // Every order of the demo carries a key, so each refusal has its record, and one.
        match (placed.status, logged) {
            (201, Some(logged)) => {
                if logged.times > 1 {
                    verdict.twice(|| format!("order {external_id} was accepted {} times", logged.times));
                }
                if !agrees(&placed.json(), logged) {
                    verdict.lost(|| format!("order {external_id} is logged otherwise than it was answered"));
                }
            }
            (201, None) => verdict.lost(|| format!("order {external_id} was accepted and is not logged")),
            (_, Some(_)) => {
                verdict.twice(|| format!("order {external_id} was refused and is logged as accepted"))
            }
            (_, None) if !placed.is_refusal(REFUSAL) => {
                verdict.failed(|| format!("order {external_id}: {}", placed.json()));
            }
            (_, None) if refusals == 0 => {
                verdict.lost(|| format!("order {external_id} was refused and that is not logged"));
            }
            (_, None) => {}
        }
        let told_refusals = u32::from(placed.is_refusal(REFUSAL));
        if refusals > told_refusals {
            verdict
                .twice(|| format!("order {external_id}: {refusals} refusals logged, {told_refusals} told"));
        }
        for answer in told.changes.iter().filter(|answer| answer.status >= 300) {
            verdict.failed(|| format!("a change of order {external_id}: {}", answer.json()));
        }
        let changes = told.changes.iter().filter(|answer| answer.status < 300).count();
        match logged.map_or(0, |logged| logged.changes) {
            found if found < changes => {
                verdict.lost(|| {
                    format!("order {external_id}: {changes} changes were answered, {found} are logged")
                });
            }
            found if found > changes => {
                verdict.twice(|| {
                    format!("order {external_id}: {changes} changes were made, {found} are logged")
                });
            }
            _ => {}
        }
    }
    let known: usize = log.orders.len();
    let accepted = told.iter().filter(|told| told.placed.as_ref().is_some_and(|it| it.status == 201)).count();
    if known > accepted {
        verdict.twice(|| format!("{known} orders are logged, {accepted} were answered"));
    }
    verdict
}

fn agrees(answer: &Value, logged: &Logged) -> bool {
    let lines: Vec<&Value> = answer["lines"].as_array().into_iter().flatten().collect();
    let told: Vec<(String, u64)> = lines
        .iter()
        .map(|line| {
            (line["id"].as_str().unwrap_or_default().to_owned(), line["ordered"].as_u64().unwrap_or(0))
        })
        .collect();
    let claimed: u64 = lines
        .iter()
        .flat_map(|line| line["allocated"].as_array().into_iter().flatten())
        .map(|part| part["quantity"].as_u64().unwrap_or(0))
        .sum();
    answer["id"] == logged.id.as_str() && told == logged.lines && claimed == logged.claimed
}

#[cfg(test)]
mod tests {
    use super::super::client::Answer;
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    fn order() -> Order {
        Order { channel: "pos", external_id: "7".into(), body: Value::Null }
    }

    fn answer(status: u16, body: &Value) -> Answer {
        let body = body.to_string().into_bytes().into();
        Answer { status, is_repeat: false, body, took: Duration::ZERO, tries: 1 }
    }

    fn accepted(id: &str, quantity: u64) -> Told {
        let parts = json!([{ "location": "main", "quantity": quantity }]);
        let body = json!({ "id": id, "lines": [{ "id": "1", "ordered": 2, "allocated": parts }] });
        Told { placed: Some(answer(201, &body)), ..Told::default() }
    }

    fn log(times: u32, changes: usize) -> Log {
        let lines = vec![("1".to_owned(), 2)];
        let logged = Logged { id: "ord_1".into(), lines, claimed: 2, times, changes };
        Log { orders: HashMap::from([(("pos".into(), "7".into()), logged)]), ..Log::default() }
    }

    fn check(log: &Log, told: Told, lost: u64, applied_twice: u64) {
        let verdict = compare(log, &[order()], &[told]);
        assert_eq!((verdict.lost, verdict.applied_twice), (lost, applied_twice), "{:?}", verdict.example);
    }

    #[test]
    fn agreement_is_clean_and_each_planted_fault_is_found() {
        check(&log(1, 0), accepted("ord_1", 2), 0, 0);
        check(&Log::default(), accepted("ord_1", 2), 1, 0);
        check(&log(1, 0), accepted("ord_2", 2), 1, 0);
        check(&log(1, 0), accepted("ord_1", 1), 1, 0);
        check(&log(2, 0), accepted("ord_1", 2), 0, 1);
        check(&log(1, 1), accepted("ord_1", 2), 0, 1);
        let shipped = Told { changes: vec![answer(201, &json!({}))], ..accepted("ord_1", 2) };
        check(&log(1, 0), shipped, 1, 0);
        let refusal = answer(409, &json!({ "code": REFUSAL }));
        let refused = Told { placed: Some(refusal), ..Told::default() };
        let refusals =
            |times| Log { refused: HashMap::from([(("pos".into(), "7".into()), times)]), ..Log::default() };
        check(&refusals(1), refused.clone(), 0, 0);
        check(&refusals(2), refused.clone(), 0, 1);
        check(&Log::default(), refused.clone(), 1, 0);
        check(&log(1, 0), refused, 0, 2);
        for (status, code) in [(409, "external_id_conflict"), (422, "unknown_sku"), (500, "internal_error")] {
            let failed = Told { placed: Some(answer(status, &json!({ "code": code }))), ..Told::default() };
            assert_eq!(compare(&Log::default(), &[order()], &[failed]).failed, 1, "{code}");
        }
        let late = Told { changes: vec![answer(409, &json!({}))], ..accepted("ord_1", 2) };
        assert_eq!(compare(&log(1, 0), &[order()], &[late]).failed, 1);
        check(&Log::default(), Told::default(), 1, 0);
        let contradicted = Told { contradictions: 1, ..accepted("ord_1", 2) };
        assert_eq!(compare(&log(1, 0), &[order()], &[contradicted]).contradicted, 1);
    }
}

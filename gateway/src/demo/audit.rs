//! The clients' own list of answers against the log as the audit reads it. The server's word counts nowhere.

use super::run::{Heard, Told};
use super::story::{Order, Story};
use crate::ids;
use onhand_engine::domain::OrderId;
use onhand_engine::record::Kind;
use onhand_engine::record::order::LinePictureV1;
use onhand_engine::snapshots::Lsn;
use onhand_verify::{AcceptedFact, AuditReport, Invariant, Observer, audit};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

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
    /// The first disagreement found, in words.
    pub(super) example: Option<String>,
}

impl Verdict {
    /// Whether every promise held.
    pub(super) fn is_clean(&self) -> bool {
        self.oversold + self.lost + self.applied_twice + self.contradicted == 0
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
            (_, None) => {}
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
        let refused = Told { placed: Some(answer(409, &json!({}))), ..Told::default() };
        check(&Log::default(), refused.clone(), 0, 0);
        check(&log(1, 0), refused, 0, 2);
        check(&Log::default(), Told::default(), 1, 0);
        let contradicted = Told { contradictions: 1, ..accepted("ord_1", 2) };
        assert_eq!(compare(&log(1, 0), &[order()], &[contradicted]).contradicted, 1);
    }
}

//! Same key, same answer. The shard only knows that a hash was seen; here the record is read and compared
//! exactly, and what is no repeat after all is sent again. An order that is found by its external id, under a key of
//! its own, is answered once that key is bound to the answer, so that nothing else can be asked under it.

use crate::auth::Caller;
use crate::http::problem::Problem;
use crate::intake::Intake;
use crate::render::conflict_problem;
use actix_web::web;
use onhand_engine::ask::{Answer, Ask, RepeatAsk, Submission};
use onhand_engine::domain::OrderId;
use onhand_engine::keys::Known;
use onhand_engine::record::codec::decode_first;
use onhand_engine::record::order::OrderAskedV1;
use onhand_engine::record::{Header, Kind};
use onhand_engine::snapshots::Lsn;
use std::rc::Rc;

/// How long an `Idempotency-Key` is remembered: 30 days, longer than any client retries. The external id of
/// an accepted order is remembered for ever.
pub const KEY_WINDOW_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// An answer to render.
#[derive(Debug)]
pub enum Settled {
    /// It was decided now.
    First(Answer),
    /// It was decided before, by this record.
    Again {
        /// Where.
        lsn: Lsn,
        /// The record's bytes.
        record: Vec<u8>,
    },
}

/// The earlier record that a request repeats.
struct Earlier {
    lsn: Lsn,
    record: Vec<u8>,
    /// Whether the same was asked; else the key or the external id was used for something else.
    is_same: bool,
}

/// What a record is to a request whose hash it has.
enum Likeness {
    Same,
    /// The same key or external id, but something else was asked.
    Reused,
    /// Only the hash is the same.
    Other,
}

/// Takes an answer and, if it repeats an earlier one, finds that.
///
/// # Errors
/// 422 `idempotency_key_reused`, 409 `external_id_conflict`, or what the engine could not do.
pub async fn settle(intake: &Rc<Intake>, caller: &Caller, answer: Answer) -> Result<Settled, Problem> {
    let mut answer = answer;
    let mut known = Known::default();
    loop {
        let (candidates, by_key, submission) = match answer {
            Answer::Repeats { lsn, by_key, submission } => (vec![lsn], by_key, submission),
            Answer::Perhaps { hash, by_key, submission } => {
                (search(intake, hash, by_key, &mut known).await?, by_key, submission)
            }
            Answer::Rejected { lsn, rejection } => {
                return Err(Problem::from(&rejection).with("lsn", lsn.0));
            }
            Answer::Busy => return Err(Problem::overloaded()),
            Answer::Renamed => return Err(Problem::renamed()),
            Answer::Failed => return Err(Problem::internal()),
            Answer::Poisoned => return Err(Problem::not_ready()),
            first @ (Answer::Recorded { .. }
            | Answer::Accepted { .. }
            | Answer::Refused { .. }
            | Answer::Read { .. }) => return Ok(Settled::First(first)),
        };
        let earlier = find(intake, caller, &submission, (candidates, by_key), &mut known)?;
        let is_bound = by_key || submission.idempotency.is_none();
        let next = match earlier {
            None => *submission,
            Some(earlier) if !is_bound => binding(*submission, &earlier),
            Some(Earlier { lsn, record, is_same: true }) => return Ok(Settled::Again { lsn, record }),
            Some(Earlier { lsn, .. }) => {
                return Err(if by_key { key_reused() } else { conflict_problem(lsn) });
            }
        };
        let pending = intake.resubmit(caller, next, known.clone());
        answer = pending.await.map_err(|_| Problem::not_ready())?;
    }
}

/// The candidate that is not only alike by its hash; those that are no more than that are noted.
fn find(
    intake: &Intake,
    caller: &Caller,
    submission: &Submission,
    (candidates, by_key): (Vec<Lsn>, bool),
    known: &mut Known,
) -> Result<Option<Earlier>, Problem> {
    for lsn in candidates {
        let record = intake.handle().read(lsn).map_err(|_| Problem::internal())?;
        match compare(&record, by_key, caller, submission, intake.handle().trusted_ms())? {
            Likeness::Same => return Ok(Some(Earlier { lsn, record, is_same: true })),
            Likeness::Reused => return Ok(Some(Earlier { lsn, record, is_same: false })),
            Likeness::Other => known.of(by_key).not_repeats.push(lsn),
        }
    }
    Ok(None)
}

/// What binds a request's key to the answer that an accepted order gives it. Its record is that answer.
fn binding(submission: Submission, earlier: &Earlier) -> Submission {
    let repeat = RepeatAsk { order: OrderId(earlier.lsn.0), conflicts: !earlier.is_same };
    Submission { ask: Ask::AnswerRepeat(repeat), ..submission }
}

/// Searches the index off the worker, and notes how far it reached: what is younger, memory has.
async fn search(intake: &Intake, hash: u64, by_key: bool, known: &mut Known) -> Result<Vec<Lsn>, Problem> {
    let handle = intake.handle().clone();
    let find = move || {
        let runs = handle.index().runs();
        runs.find(hash).map(|found| (found, runs.covered()))
    };
    let (found, covered) = web::block(find).await.map_err(|_| Problem::internal())?.map_err(|error| {
        tracing::error!(%error, "the index cannot be read; stop, move the directory index away and start again");
        Problem::internal()
    })?;
    let findings = known.of(by_key);
    findings.searched = covered.0;
    Ok(found.into_iter().filter(|lsn| !findings.not_repeats.contains(lsn)).collect())
}

fn compare(
    record: &[u8],
    by_key: bool,
    caller: &Caller,
    submission: &Submission,
    now_ms: u64,
) -> Result<Likeness, Problem> {
    let (header, body) = Header::decode(record).map_err(|_| Problem::internal())?;
    let is_it = match &submission.ask {
        _ if header.merchant != caller.directory.merchant.0 => false,
        _ if by_key => {
            header.idempotency == submission.idempotency && now_ms.saturating_sub(header.at) <= KEY_WINDOW_MS
        }
        Ask::PlaceOrder(order) if header.kind == Kind::OrderAccepted => {
            let before = decode_first::<OrderAskedV1<'_>>(body).map_err(|_| Problem::internal())?.0;
            let now = decode_first::<OrderAskedV1<'_>>(&order.asked).map_err(|_| Problem::internal())?.0;
            (before.channel, before.external_id) == (now.channel, now.external_id)
        }
        _ => false,
    };
    Ok(match (is_it, header.fingerprint == submission.fingerprint) {
        (true, true) => Likeness::Same,
        (true, false) => Likeness::Reused,
        (false, _) => Likeness::Other,
    })
}

fn key_reused() -> Problem {
    let detail = "the key was used for another request; use a new key for a new request";
    Problem::new(422, "idempotency_key_reused", detail)
}

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
use onhand_engine::keys::Findings;
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

/// What one look at an answer comes to.
pub(crate) enum Step {
    /// It is one to render.
    Settled(Settled),
    /// It repeats nothing after all, or stands behind one that may: to be submitted again.
    Undecided(Box<Submission>),
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
    loop {
        answer = match step(intake, caller, answer).await? {
            Step::Settled(settled) => return Ok(settled),
            Step::Undecided(submission) => ask_again(intake, caller, *submission).await?,
        };
    }
}

/// The same for a line of a bulk body: what is to be decided after all is given back, since its place in the order
/// is not this function's to choose. That a key is bound to an answer decides nothing, and is done at once.
///
/// # Errors
/// As [`settle`].
pub(crate) async fn settle_line(
    intake: &Rc<Intake>,
    caller: &Caller,
    answer: Answer,
) -> Result<Step, Problem> {
    let mut answer = answer;
    loop {
        answer = match step(intake, caller, answer).await? {
            Step::Undecided(submission) if matches!(submission.ask, Ask::AnswerRepeat(_)) => {
                ask_again(intake, caller, *submission).await?
            }
            step => return Ok(step),
        };
    }
}

/// Finds out whether a line that is [`Answer::Perhaps`] repeats an earlier one; it does not keep that one's record.
///
/// # Errors
/// What cannot be read.
pub(crate) async fn locate(intake: &Intake, caller: &Caller, answer: Answer) -> Result<Answer, Problem> {
    let Answer::Perhaps { hash, by_key, mut submission } = answer else { return Ok(answer) };
    let candidates = search(intake, hash, findings(&mut submission, by_key)).await?;
    let earlier = find(intake, caller, &mut submission, (candidates, by_key))?;
    Ok(match earlier {
        Some(Earlier { lsn, .. }) => Answer::Repeats { lsn, by_key, submission },
        None => Answer::Behind { submission },
    })
}

async fn ask_again(
    intake: &Rc<Intake>,
    caller: &Caller,
    mut submission: Submission,
) -> Result<Answer, Problem> {
    // Whatever body it came in, from here on it goes alone.
    submission.stage = 0;
    intake.resubmit(caller, submission).await.map_err(|_| Problem::not_ready())
}

async fn step(intake: &Intake, caller: &Caller, answer: Answer) -> Result<Step, Problem> {
    let (candidates, by_key, mut submission) = match answer {
        Answer::Repeats { lsn, by_key, submission } => (vec![lsn], by_key, submission),
        Answer::Perhaps { hash, by_key, mut submission } => {
            (search(intake, hash, findings(&mut submission, by_key)).await?, by_key, submission)
        }
        Answer::Behind { submission } => return Ok(Step::Undecided(submission)),
        Answer::Rejected { lsn, rejection } => {
            return Err(Problem::refused(&rejection, &caller.directory)
                .naming(&caller.directory)
                .with("lsn", lsn.0));
        }
        Answer::Busy => return Err(Problem::overloaded()),
        Answer::NoRoom => return Err(Problem::log_full()),
        Answer::Renamed => return Err(Problem::renamed()),
        Answer::Failed => return Err(Problem::internal()),
        Answer::Poisoned => return Err(Problem::not_ready()),
        first @ (Answer::Recorded { .. }
        | Answer::Accepted { .. }
        | Answer::Refused { .. }
        | Answer::Read { .. }) => return Ok(Step::Settled(Settled::First(first))),
    };
    let earlier = find(intake, caller, &mut submission, (candidates, by_key))?;
    let is_bound = by_key || submission.idempotency.is_none();
    match earlier {
        None => Ok(Step::Undecided(submission)),
        Some(earlier) if !is_bound => {
            submission.ask = binding(&earlier);
            Ok(Step::Undecided(submission))
        }
        Some(Earlier { lsn, record, is_same: true }) => Ok(Step::Settled(Settled::Again { lsn, record })),
        Some(Earlier { lsn, .. }) => Err(if by_key { key_reused() } else { conflict_problem(lsn) }),
    }
}

/// What is known of a request's key, or else of its external id.
fn findings(submission: &mut Submission, by_key: bool) -> &mut Findings {
    submission.known.get_or_insert_default().of(by_key)
}

/// The candidate that is not only alike by its hash; those that are no more than that are noted.
fn find(
    intake: &Intake,
    caller: &Caller,
    submission: &mut Submission,
    (candidates, by_key): (Vec<Lsn>, bool),
) -> Result<Option<Earlier>, Problem> {
    for lsn in candidates {
        let record = intake.handle().read(lsn).map_err(|error| Problem::unread_record(&error))?;
        match compare(&record, by_key, caller, submission, intake.handle().trusted_ms())? {
            Likeness::Same => return Ok(Some(Earlier { lsn, record, is_same: true })),
            Likeness::Reused => return Ok(Some(Earlier { lsn, record, is_same: false })),
            Likeness::Other => findings(submission, by_key).not_repeats.push(lsn),
        }
    }
    Ok(None)
}

/// What binds a request's key to the answer that an accepted order gives it. Its record is that answer.
fn binding(earlier: &Earlier) -> Ask {
    Ask::AnswerRepeat(RepeatAsk { order: OrderId(earlier.lsn.0), conflicts: !earlier.is_same })
}

/// Searches the index off the worker, and notes how far it reached: what is younger, memory has.
async fn search(intake: &Intake, hash: u64, findings: &mut Findings) -> Result<Vec<Lsn>, Problem> {
    let handle = intake.handle().clone();
    let find = move || {
        let look = || {
            let runs = handle.index().runs();
            runs.find(hash).map(|found| (found, runs.covered()))
        };
        // What failed may have been a matter of the moment, a lack of file handles, say.
        look().or_else(|error| {
            tracing::debug!(%error, "the index is searched again");
            look()
        })
    };
    let searched = web::block(find).await.map_err(|_| Problem::internal())?;
    let (found, covered) = searched.map_err(|error| Problem::unread_index(&error))?;
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

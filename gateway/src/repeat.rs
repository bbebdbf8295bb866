//! Same key, same answer. The shard only knows that a hash was seen; here the record is read and compared
//! exactly, and what is no repeat after all is sent again.

use crate::auth::Caller;
use crate::http::problem::Problem;
use crate::ids;
use crate::intake::{Identity, Intake, Pending};
use onhand_engine::ask::{Answer, Ask};
use onhand_engine::domain::OrderId;
use onhand_engine::record::codec::decode_first;
use onhand_engine::record::order::OrderAskedV1;
use onhand_engine::record::{Header, Kind};
use onhand_engine::snapshots::Lsn;
use std::rc::Rc;

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

/// What a record is to a request whose hash it has.
enum Likeness {
    Same,
    /// The same key or external id, but something else was asked.
    Reused,
    /// Only the hash is the same.
    Other,
}

/// Waits for an answer and, if it repeats an earlier one, finds that.
///
/// # Errors
/// 422 `idempotency_key_reused`, 409 `external_id_conflict`, or what the engine could not do.
pub async fn settle(
    intake: &Rc<Intake>,
    caller: &Caller,
    identity: Identity,
    pending: Pending,
) -> Result<Settled, Problem> {
    let mut pending = pending;
    let mut not_repeats = Vec::new();
    loop {
        let answer = pending.await.map_err(|_| Problem::not_ready())?;
        let (lsn, by_key, ask) = match answer {
            Answer::Repeats { lsn, by_key, ask } => (lsn, by_key, ask),
            Answer::Rejected(rejection) => return Err(Problem::from(&rejection)),
            Answer::Busy => return Err(Problem::overloaded()),
            Answer::Failed => return Err(Problem::internal()),
            Answer::Poisoned => return Err(Problem::not_ready()),
            first @ (Answer::Recorded { .. }
            | Answer::Accepted { .. }
            | Answer::Refused { .. }
            | Answer::Read { .. }) => return Ok(Settled::First(first)),
        };
        let record = intake.handle().read(lsn).map_err(|_| Problem::internal())?;
        match compare(&record, by_key, &identity, &ask)? {
            Likeness::Same => return Ok(Settled::Again { lsn, record }),
            Likeness::Reused => return Err(reused(by_key, lsn)),
            Likeness::Other => {
                not_repeats.push(lsn);
                pending = intake.resubmit(caller, identity, *ask, not_repeats.clone())?;
            }
        }
    }
}

fn compare(record: &[u8], by_key: bool, identity: &Identity, ask: &Ask) -> Result<Likeness, Problem> {
    let (header, body) = Header::decode(record).map_err(|_| Problem::internal())?;
    let is_it = match ask {
        _ if by_key => header.idempotency == identity.idempotency,
        Ask::PlaceOrder(order) if header.kind == Kind::OrderAccepted => {
            let before = decode_first::<OrderAskedV1<'_>>(body).map_err(|_| Problem::internal())?.0;
            let now = decode_first::<OrderAskedV1<'_>>(&order.asked).map_err(|_| Problem::internal())?.0;
            (before.channel, before.external_id) == (now.channel, now.external_id)
        }
        _ => false,
    };
    Ok(match (is_it, header.fingerprint == identity.fingerprint) {
        (true, true) => Likeness::Same,
        (true, false) => Likeness::Reused,
        (false, _) => Likeness::Other,
    })
}

fn reused(by_key: bool, lsn: Lsn) -> Problem {
    if by_key {
        let detail = "the key was used for another request; use a new key for a new request";
        return Problem::new(422, "idempotency_key_reused", detail);
    }
    let order = ids::order_text(OrderId(lsn.0));
    let detail = format!("the channel's order {order} has this external_id and says something else");
    Problem::new(409, "external_id_conflict", detail).with("order_id", order)
}

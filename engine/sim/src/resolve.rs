//! What an answer comes to, as whoever speaks for a client has to find out: an earlier record is read and compared, and
//! where it is something else the request is sent again with what was found out.

use crate::shop::Shop;
use onhand_engine::ask::{Answer, Ask, RepeatAsk, Submission};
use onhand_engine::domain::OrderId;
use onhand_engine::keys::Findings;
use onhand_engine::record::codec::decode_first;
use onhand_engine::record::order::{OrderAskedV1, decode_accepted};
use onhand_engine::record::{Header, Kind};
use onhand_engine::snapshots::Lsn;

/// See the module.
pub(crate) enum Outcome {
    /// The record that answers it, and whether it says that something else was asked under the same key or number.
    Settled { lsn: Lsn, record: Vec<u8>, is_same: bool },
    /// A "no" that nothing remembers.
    Refused,
    /// Nothing was done; it may be sent again.
    Again,
    /// Nothing was done; it is to be sent again like this.
    Send(Box<Submission>),
    /// What is needed to tell cannot be read now.
    Unreadable,
}

/// What an answer comes to, of a request that has a key or has none.
pub(crate) fn outcome(shop: &Shop, has_key: bool, answer: Answer) -> Outcome {
    match answer {
        Answer::Recorded { lsn, record } => Outcome::Settled { lsn, record, is_same: true },
        Answer::Accepted { lsn, claims, .. } => match shop.handle().read(lsn) {
            Ok(record) => {
                let (header, body) = header(&record);
                let (_, accepted) = decode_accepted(header.version, body)
                    .unwrap_or_else(|error| panic!("record {lsn}: {error}"));
                let logged =
                    accepted.claims.iter().map(|claim| (claim.demand, claim.location, claim.quantity));
                let told = claims.iter().map(|(demand, location, quantity)| (*demand, location.0, *quantity));
                assert!(logged.eq(told), "record {lsn} has other claims than were answered");
                Outcome::Settled { lsn, record, is_same: true }
            }
            Err(_) => Outcome::Unreadable,
        },
        Answer::Refused { lsn, .. } if has_key => match shop.handle().read(lsn) {
            Ok(record) => Outcome::Settled { lsn, record, is_same: true },
            Err(_) => Outcome::Unreadable,
        },
        Answer::Refused { .. } | Answer::Rejected { .. } => Outcome::Refused,
        Answer::Repeats { lsn, by_key, submission } => compared(shop, vec![lsn], by_key, submission),
        Answer::Perhaps { hash, by_key, mut submission } => {
            let runs = shop.handle().index().runs();
            let Ok(found) = runs.find(hash) else { return Outcome::Unreadable };
            findings(&mut submission, by_key).searched = runs.covered().0;
            let not = findings(&mut submission, by_key).not_repeats.clone();
            let candidates = found.into_iter().filter(|lsn| !not.contains(lsn)).collect();
            compared(shop, candidates, by_key, submission)
        }
        Answer::NoRoom => {
            shop.note_full();
            Outcome::Again
        }
        Answer::Busy | Answer::Renamed => Outcome::Again,
        wrong @ (Answer::Failed | Answer::Poisoned | Answer::Behind { .. } | Answer::Read { .. }) => {
            panic!("no such answer may come: {wrong:?}")
        }
    }
}

fn findings(submission: &mut Submission, by_key: bool) -> &mut Findings {
    submission.known.get_or_insert_default().of(by_key)
}

fn header(record: &[u8]) -> (Header, &[u8]) {
    Header::decode(record).unwrap_or_else(|error| panic!("a record of the log cannot be read: {error}"))
}

fn compared(shop: &Shop, candidates: Vec<Lsn>, by_key: bool, mut submission: Box<Submission>) -> Outcome {
    for lsn in candidates {
        let Ok(record) = shop.handle().read(lsn) else { return Outcome::Unreadable };
        if !is_it(shop, &record, by_key, &submission) {
            findings(&mut submission, by_key).not_repeats.push(lsn);
            continue;
        }
        let is_same = header(&record).0.fingerprint == submission.fingerprint;
        if by_key || submission.idempotency.is_none() {
            return Outcome::Settled { lsn, record, is_same };
        }
        // An order that came under another key: that key is bound to the answer first.
        submission.ask = Ask::AnswerRepeat(RepeatAsk { order: OrderId(lsn.0), conflicts: !is_same });
        break;
    }
    Outcome::Send(submission)
}

/// Whether a record is the one that a key or an external id means, and not only alike by its hash.
fn is_it(shop: &Shop, record: &[u8], by_key: bool, submission: &Submission) -> bool {
    let (header, body) = header(record);
    if header.merchant != shop.merchant().0 {
        return false;
    }
    if by_key {
        let age = shop.handle().trusted_ms().saturating_sub(header.at);
        return header.idempotency == submission.idempotency && age <= onhand_verify::KEY_WINDOW_MS;
    }
    let Ask::PlaceOrder(order) = &submission.ask else { return false };
    let asked = |bytes| {
        let (asked, _) = decode_first::<OrderAskedV1<'_>>(bytes)
            .unwrap_or_else(|error| panic!("an order cannot be read: {error}"));
        (asked.channel, asked.external_id.to_owned())
    };
    header.kind == Kind::OrderAccepted && asked(body) == asked(&order.asked)
}

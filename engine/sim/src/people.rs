//! The people that orders are for.
//!
//! What must hold: the personal data of an order that was accepted reads as it was sent until it is erased, and never
//! again once that was acknowledged; an erasure without an answer happened or did not. No key opens what another one
//! sealed, and no two orders of the log have one key.

use crate::dice::Dice;
use onhand_engine::Handle;
use onhand_engine::customer::CustomerError;
use onhand_engine::domain::MerchantNumber;
use onhand_engine::record::order::{SealedV1, decode_accepted, decode_refused};
use onhand_engine::record::{Header, Kind};
use onhand_engine::snapshots::Lsn;
use std::collections::BTreeMap;

/// How far the erasure of somebody's data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Erasure {
    NotAsked,
    /// It was asked for, and not answered.
    Unknown,
    Done,
}

/// Whom an order is for.
#[derive(Debug)]
struct Person {
    text: String,
    erasure: Erasure,
}

/// Those of one merchant, by the orders that were accepted for them.
#[derive(Debug, Default)]
pub(crate) struct People {
    by_order: BTreeMap<Lsn, Person>,
    /// How many erasures were acknowledged.
    pub(crate) erased: u64,
}

impl People {
    /// An order for somebody was accepted by this record, if it is one.
    pub(crate) fn enter(&mut self, lsn: Lsn, record: &[u8], text: &str) {
        if Header::decode(record).is_ok_and(|(header, _)| header.kind == Kind::OrderAccepted) {
            let person = Person { text: text.to_owned(), erasure: Erasure::NotAsked };
            self.by_order.entry(lsn).or_insert(person);
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.by_order.len() as u64
    }

    /// Somebody wants the data of an order erased.
    pub(crate) fn erase_one(&mut self, dice: &mut Dice, handle: &Handle) {
        let place = dice.place(self.by_order.len());
        let Some((lsn, person)) = self.by_order.iter_mut().nth(place) else { return };
        let Ok(record) = handle.read(*lsn) else { return };
        let Some((key, _)) = sealed_of(&record) else { panic!("order {lsn} has lost whom it is for") };
        let was_done = person.erasure == Erasure::Done;
        if !was_done {
            person.erasure = Erasure::Unknown;
        }
        if handle.customers().erase(key).is_ok() {
            person.erasure = Erasure::Done;
            self.erased += u64::from(!was_done);
        }
    }

    /// Reads the data of some order, and tries its key on another one's.
    pub(crate) fn read_one(&self, dice: &mut Dice, merchant: MerchantNumber, handle: &Handle) {
        let [one, other] = [0; 2].map(|_| self.by_order.iter().nth(dice.place(self.by_order.len())));
        let (Some(one), Some((other, _))) = (one, other) else { return };
        read(handle, merchant, one);
        let (Ok(record), Ok(another)) = (handle.read(*one.0), handle.read(*other)) else { return };
        let (Some((key, own)), Some((_, text))) = (sealed_of(&record), sealed_of(&another)) else { return };
        if own != text {
            let opened = handle.customers().unseal(merchant, key, &text);
            assert!(
                !matches!(opened, Ok(Some(_))),
                "the key of order {} opens the data of order {other}",
                one.0
            );
        }
    }

    /// Reads the data of every order.
    pub(crate) fn read_all(&self, merchant: MerchantNumber, handle: &Handle) {
        self.by_order.iter().for_each(|one| read(handle, merchant, one));
    }
}

/// Reads the data of an order, which must be what it is to be. A disk that says no says nothing else.
fn read(handle: &Handle, merchant: MerchantNumber, (lsn, person): (&Lsn, &Person)) {
    let Ok(record) = handle.read(*lsn) else { return };
    let Some((key, ciphertext)) = sealed_of(&record) else { panic!("order {lsn} has lost whom it is for") };
    let opened = match handle.customers().unseal(merchant, key, &ciphertext) {
        Ok(opened) => opened,
        Err(CustomerError::Io(_)) => return,
        Err(error) => panic!("the data of order {lsn}: {error}"),
    };
    let is_right = match (&opened, person.erasure) {
        (Some(_), Erasure::Done) | (None, Erasure::NotAsked) => false,
        (None, Erasure::Unknown | Erasure::Done) => true,
        (Some(text), Erasure::NotAsked | Erasure::Unknown) => text == person.text.as_bytes(),
    };
    assert!(is_right, "order {lsn} is for {person:?} under key {key}, and reads {opened:?}");
}

/// The key and the ciphertext of an order's record, accepted or refused.
pub(crate) fn sealed_of(record: &[u8]) -> Option<(u64, Vec<u8>)> {
    let (header, body) = Header::decode(record).ok()?;
    let asked = match header.kind {
        Kind::OrderAccepted => decode_accepted(header.version, body).ok()?.0,
        Kind::OrderRefused => decode_refused(header.version, body).ok()?.0,
        _ => return None,
    };
    let SealedV1 { key, ciphertext } = asked.customer?;
    Some((key, ciphertext.to_owned()))
}

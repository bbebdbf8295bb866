//! An explanation in few bytes, for the record of the order it explains.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | 1, the format |
//! | number | version of the profile |
//! | 1 | what decided: 0 strategy, 1 fallback, 2 backorder and 3 reject by a fallback or the defaults, 8 held, 9 defaults, 10 backorder and 11 reject by a strategy; 4 more if it was cut short |
//! | number | which strategy or fallback, from 1; 0 is none, the defaults |
//! | number | locations that are left out |
//! | to the end | for each location: its number, a byte for the reason, the score as a number |
//!
//! A number is in groups of seven bits, the lowest first, the top bit of a byte saying that more follow
//! (LEB128), in as few bytes as possible. Reasons: 0 chosen, 1 unneeded, 2 not enough, 3 no stock, 16 to 23
//! barred (in the order of [`Barrier`]), 32 to 39 outranked under the rank 0 to 7. What does not fit is counted
//! as left out.

use super::explain::{By, Decision, EXPLAINED_MAX, Explanation, Reason, Verdict};
use super::filter::Barrier;
use super::rank::RANKS_MAX;
use crate::id::LocationNumber;
use alloc::vec::Vec;

/// Bytes of an explanation: it is written with every order, and the largest records must stay small.
pub const EXPLANATION_BYTES_MAX: usize = 300;

/// Bytes before the locations, where every number is as long as it can be.
const HEAD_MAX: usize = 1 + 5 + 1 + 2 + 5;

const FORMAT: u8 = 1;
const CUT_SHORT: u8 = 4;
const BARRED: u8 = 16;
const OUTRANKED: u8 = 32;

/// In the order of their codes.
const BARRIERS: [Barrier; 8] = [
    Barrier::NotIncluded,
    Barrier::Excluded,
    Barrier::KeptFree,
    Barrier::TooFar,
    Barrier::Incapable,
    Barrier::WrongKind,
    Barrier::CutOffPassed,
    Barrier::NoCapacity,
];

/// Why bytes are no explanation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExplanationError {
    /// More bytes than [`EXPLANATION_BYTES_MAX`], or more locations than [`EXPLAINED_MAX`].
    TooLong,
    /// A format that this release does not know.
    UnknownFormat(u8),
    /// They end inside something.
    EndsEarly,
    /// A number that is written in more bytes than it needs, or that is too large for what it says.
    BadNumber,
    /// A code that means nothing.
    UnknownCode(u8),
}

impl Explanation {
    /// The bytes of it, at most [`EXPLANATION_BYTES_MAX`]: as many of its locations as fit, and how many do
    /// not.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (mut rows, mut count) = (Vec::with_capacity(EXPLANATION_BYTES_MAX), 0_u32);
        for verdict in &self.places {
            let before = rows.len();
            write_verdict(&mut rows, verdict);
            if HEAD_MAX + rows.len() > EXPLANATION_BYTES_MAX {
                rows.truncate(before);
                break;
            }
            count += 1;
        }
        let unwritten = u32::try_from(self.places.len()).unwrap_or(u32::MAX).saturating_sub(count);
        let mut bytes = Vec::with_capacity(HEAD_MAX + rows.len());
        let (decided, which) = decision_code(self.decision);
        bytes.push(FORMAT);
        write(&mut bytes, u64::from(self.version));
        bytes.push(decided + if self.is_cut_short { CUT_SHORT } else { 0 });
        write(&mut bytes, which);
        write(&mut bytes, u64::from(self.left_out.saturating_add(unwritten)));
        bytes.extend(rows);
        bytes
    }

    /// Reads the bytes of an explanation, whoever wrote them.
    ///
    /// # Errors
    /// [`ExplanationError`] if they are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, ExplanationError> {
        if bytes.len() > EXPLANATION_BYTES_MAX {
            return Err(ExplanationError::TooLong);
        }
        let mut reader = Reader(bytes);
        match reader.byte()? {
            FORMAT => {}
            format => return Err(ExplanationError::UnknownFormat(format)),
        }
        let version = reader.number()?;
        let code = reader.byte()?;
        let decision =
            decision(code & !CUT_SHORT, reader.number()?).ok_or(ExplanationError::UnknownCode(code))?;
        let (is_cut_short, left_out) = (code & CUT_SHORT != 0, reader.number()?);
        let mut places = Vec::new();
        while !reader.0.is_empty() {
            if places.len() == EXPLAINED_MAX {
                return Err(ExplanationError::TooLong);
            }
            places.push(reader.verdict()?);
        }
        Ok(Self { version, decision, is_cut_short, places, left_out })
    }
}

fn decision_code(decision: Decision) -> (u8, u64) {
    let which = |number: u8| u64::from(number) + 1;
    match decision {
        Decision::Strategy(number) => (0, which(number)),
        Decision::Fallback(number) => (1, which(number)),
        Decision::Backorder(By::Defaults) => (2, 0),
        Decision::Backorder(By::Fallback(number)) => (2, which(number)),
        Decision::Reject(By::Defaults) => (3, 0),
        Decision::Reject(By::Fallback(number)) => (3, which(number)),
        Decision::Held => (8, 0),
        Decision::Defaults => (9, 0),
        Decision::Backorder(By::Strategy(number)) => (10, which(number)),
        Decision::Reject(By::Strategy(number)) => (11, which(number)),
    }
}

fn decision(code: u8, which: u64) -> Option<Decision> {
    let number = match which.checked_sub(1) {
        Some(number) => Some(u8::try_from(number).ok()?),
        None => None,
    };
    match code {
        0 => number.map(Decision::Strategy),
        1 => number.map(Decision::Fallback),
        2 => Some(Decision::Backorder(number.map_or(By::Defaults, By::Fallback))),
        3 => Some(Decision::Reject(number.map_or(By::Defaults, By::Fallback))),
        8 if number.is_none() => Some(Decision::Held),
        9 if number.is_none() => Some(Decision::Defaults),
        10 => number.map(By::Strategy).map(Decision::Backorder),
        11 => number.map(By::Strategy).map(Decision::Reject),
        _ => None,
    }
}

fn reason_code(reason: Reason) -> u8 {
    match reason {
        Reason::Chosen => 0,
        Reason::Unneeded => 1,
        Reason::NotEnough => 2,
        Reason::NoStock => 3,
        Reason::Barred(barrier) => {
            (BARRED..).zip(BARRIERS).find(|(_, known)| *known == barrier).map_or(0, |(code, _)| code)
        }
        Reason::Outranked(rank) => OUTRANKED.saturating_add(rank),
    }
}

fn reason(code: u8) -> Option<Reason> {
    match code {
        0 => Some(Reason::Chosen),
        1 => Some(Reason::Unneeded),
        2 => Some(Reason::NotEnough),
        3 => Some(Reason::NoStock),
        BARRED..OUTRANKED => BARRIERS.get(usize::from(code - BARRED)).copied().map(Reason::Barred),
        OUTRANKED.. => {
            Some(code - OUTRANKED).filter(|rank| usize::from(*rank) < RANKS_MAX).map(Reason::Outranked)
        }
        _ => None,
    }
}

fn write_verdict(bytes: &mut Vec<u8>, verdict: &Verdict) {
    write(bytes, u64::from(verdict.location.0));
    bytes.push(reason_code(verdict.reason));
    write(bytes, verdict.score);
}

fn write(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        if number < 0x80 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
        number >>= 7;
    }
}

/// Bytes that wait to be read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, ExplanationError> {
        let (byte, rest) = self.0.split_first().ok_or(ExplanationError::EndsEarly)?;
        self.0 = rest;
        Ok(*byte)
    }

    /// A number that fits into what is asked for and is written in as few bytes as it needs.
    fn number<T: TryFrom<u64>>(&mut self) -> Result<T, ExplanationError> {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            let group = u64::from(byte & 0x7f);
            let is_too_large = shift > 63 || group << shift >> shift != group;
            if is_too_large || (byte == 0 && shift > 0) {
                return Err(ExplanationError::BadNumber);
            }
            number |= group << shift;
            if byte & 0x80 == 0 {
                return T::try_from(number).map_err(|_| ExplanationError::BadNumber);
            }
            shift += 7;
        }
    }

    fn verdict(&mut self) -> Result<Verdict, ExplanationError> {
        let location = LocationNumber(self.number()?);
        let code = self.byte()?;
        let reason = reason(code).ok_or(ExplanationError::UnknownCode(code))?;
        Ok(Verdict { location, reason, score: self.number()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn explanation(places: Vec<Verdict>) -> Explanation {
        Explanation { version: 7, decision: Decision::Strategy(2), is_cut_short: false, places, left_out: 5 }
    }

    #[test]
    fn the_bytes_are_as_the_table_says() {
        let verdict = |location, reason, score| Verdict { location: LocationNumber(location), reason, score };
        let places = alloc::vec![
            verdict(3, Reason::Chosen, 300),
            verdict(200, Reason::Outranked(1), 0),
            verdict(4, Reason::Barred(Barrier::TooFar), 9),
        ];
        let bytes = explanation(places).encode();
        assert_eq!(bytes, [1, 7, 0, 3, 5, 3, 0, 0xac, 2, 0xc8, 1, 33, 0, 4, 19, 9]);
    }

    #[test]
    fn what_is_no_explanation_is_refused() {
        use ExplanationError::{BadNumber, EndsEarly, TooLong, UnknownCode, UnknownFormat};
        let check = |bytes: &[u8], expect| assert_eq!(Explanation::decode(bytes), Err(expect), "{bytes:?}");
        check(&[], EndsEarly);
        check(&[2], UnknownFormat(2));
        check(&[1, 7, 0, 3], EndsEarly);
        check(&[1, 0x87, 0, 0, 3, 5], BadNumber);
        check(&[1, 0xff, 0xff, 0xff, 0xff, 0x1f, 0, 3, 5], BadNumber);
        check(&[1, 7, 0, 0, 5], UnknownCode(0));
        check(&[1, 7, 8, 3, 5], UnknownCode(8));
        check(&[1, 7, 9, 1, 5], UnknownCode(9));
        check(&[1, 7, 10, 0, 5], UnknownCode(10));
        check(&[1, 7, 16, 0, 5], UnknownCode(16));
        check(&[1, 7, 2, 0x81, 2, 5], UnknownCode(2));
        check(&[1, 7, 0, 3, 5, 1, 4, 0], UnknownCode(4));
        check(&[1, 7, 0, 3, 5, 1, 24, 0], UnknownCode(24));
        check(&[1, 7, 0, 3, 5, 1, 40, 0], UnknownCode(40));
        check(&[1, 7, 0, 3, 5, 1, 0], EndsEarly);
        check(&[1, 7, 0, 3, 5, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], BadNumber);
        check(&[1; EXPLANATION_BYTES_MAX + 1], TooLong);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let long = Verdict { location: LocationNumber(u16::MAX), reason: Reason::NoStock, score: u64::MAX };
        let bytes = explanation(alloc::vec![long; 95]).encode();
        let read = Explanation::decode(&bytes).unwrap();
        // Fourteen bytes each, and fourteen for what stands before them.
        assert_eq!((read.places.len(), read.left_out), (20, 5 + 75));
        assert!(bytes.len() <= EXPLANATION_BYTES_MAX);
    }

    fn by(index: impl Strategy<Value = u8> + Clone) -> impl Strategy<Value = By> {
        prop_oneof![Just(By::Defaults), index.clone().prop_map(By::Strategy), index.prop_map(By::Fallback)]
    }

    fn any_explanation() -> impl Strategy<Value = Explanation> {
        let index = any::<u8>();
        let decision = prop_oneof![
            index.prop_map(Decision::Strategy),
            index.prop_map(Decision::Fallback),
            by(index).prop_map(Decision::Backorder),
            by(index).prop_map(Decision::Reject),
            Just(Decision::Defaults),
            Just(Decision::Held),
        ];
        let reasons: Vec<Reason> = (0..=u8::MAX).filter_map(reason).collect();
        let score = (any::<u64>(), 0..64_u32).prop_map(|(score, shift)| score >> shift);
        let verdict =
            (any::<u16>(), prop::sample::select(reasons), score).prop_map(|(location, reason, score)| {
                Verdict { location: LocationNumber(location), reason, score }
            });
        let places = prop::collection::vec(verdict, 0..=EXPLAINED_MAX);
        (any::<u32>(), decision, any::<bool>(), places, any::<u32>()).prop_map(
            |(version, decision, is_cut_short, places, left_out)| Explanation {
                version,
                decision,
                is_cut_short,
                places,
                left_out,
            },
        )
    }

    fn same_each_time() -> ProptestConfig {
        ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() }
    }

    proptest! {
        #![proptest_config(same_each_time())]

        #[test]
        fn what_is_read_is_what_was_written_as_far_as_it_fits(explanation in any_explanation()) {
            let bytes = explanation.encode();
            prop_assert!(bytes.len() <= EXPLANATION_BYTES_MAX);
            let read = Explanation::decode(&bytes).unwrap();
            let count = read.places.len();
            let unwritten = u32::try_from(explanation.places.len() - count).unwrap();
            let left_out = explanation.left_out.saturating_add(unwritten);
            let places = explanation.places[..count].to_vec();
            prop_assert!(unwritten == 0 || count >= 20);
            prop_assert_eq!(read, Explanation { places, left_out, ..explanation });
        }

        #[test]
        fn any_bytes_are_refused_or_written_again(mut bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(first) = bytes.first_mut() {
                *first = FORMAT;
            }
            if let Ok(read) = Explanation::decode(&bytes) {
                prop_assert_eq!(read.encode(), bytes);
            }
        }
    }
}

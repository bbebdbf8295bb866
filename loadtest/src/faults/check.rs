//! Whether some order of events explains all answers.
//!
//! The log is the witness: its order is tried, and nothing is taken from it on trust. Each record must be possible
//! in the model where it stands and be what one client asked, once; each answer must be what the model says at the
//! LSN it carries; an unknown outcome happened if its record is there; and what was over before something else
//! began stands before it. A log that passes is an order that explains the history. One that does not is a defect of
//! the log or of the answers, even if some other order would do.

use std::collections::{BTreeMap, HashMap};

use crate::faults::history::{Ask, History, Op, Told};
use crate::faults::model::Model;
use crate::faults::record::Record;
use crate::faults::{agreement, realtime};

/// What a check has seen.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// What no order explains, in words.
    pub(crate) faults: Vec<String>,
    /// Orders that were asked for.
    pub(crate) orders: u64,
    /// Outcomes that nobody learnt, and of these those that had their effect.
    pub(crate) unknown: (u64, u64),
    /// Reads.
    pub(crate) reads: u64,
    /// Words of the server that decide nothing: how often one was the last word, and how often it had happened.
    pub(crate) trouble: BTreeMap<String, (u64, u64)>,
}

/// Holds a history against the log of the server it was made with.
pub(crate) fn check(history: &History, log: &[Record]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut check = Check::new(history, &mut verdict.faults);
    for (record, lsn) in log.iter().zip(1..) {
        check.record(lsn, record);
    }
    check.finish(log.len() as u64);
    let effects = check.effects;
    realtime::check(&history.ops, &effects, &mut verdict.faults);
    for (op, effect) in history.ops.iter().zip(&effects) {
        verdict.orders += u64::from(matches!(op.ask, Ask::Order { .. }));
        verdict.reads += u64::from(op.ask.is_read());
        if op.is_open() && !op.ask.is_read() {
            verdict.unknown.0 += 1;
            verdict.unknown.1 += u64::from(effect.is_some());
            if let Some(word) = &op.trouble {
                let (times, happened) = verdict.trouble.entry(word.clone()).or_default();
                *times += 1;
                *happened += u64::from(effect.is_some());
            }
        }
    }
    verdict
}

struct Check<'a> {
    ops: &'a [Op],
    by_name: HashMap<&'a str, usize>,
    /// Who was told that a record is the answer: refused commands have no name in the log.
    by_lsn: HashMap<u64, usize>,
    /// Reads by the LSN they are exact at, the last first.
    reads: Vec<(u64, usize)>,
    /// Where each op stands in the order.
    effects: Vec<Option<u64>>,
    model: Model,
    faults: &'a mut Vec<String>,
}

impl<'a> Check<'a> {
    fn new(history: &'a History, faults: &'a mut Vec<String>) -> Self {
        let ops = &history.ops;
        let by_name = ops.iter().enumerate().map(|(place, op)| (op.name.as_str(), place)).collect();
        let (mut by_lsn, mut reads) = (HashMap::new(), Vec::new());
        for (place, op) in ops.iter().enumerate() {
            same_answers(op, faults);
            match op.told.first().and_then(Told::lsn) {
                Some(lsn) if op.ask.is_read() => reads.push((lsn, place)),
                Some(lsn) => drop(by_lsn.insert(lsn, place)),
                None if op.told.is_empty() => {}
                None => faults.push(format!("{}: an answer that rests on no LSN: {:?}", op.name, op.told[0])),
            }
        }
        reads.sort_unstable_by(|one, other| other.cmp(one));
        let effects = vec![None; ops.len()];
        Self { ops, by_name, by_lsn, reads, effects, model: Model::default(), faults }
    }

    fn record(&mut self, lsn: u64, record: &Record) {
        let named = record.name().map(|name| self.by_name.get(name).copied());
        let place = match named {
            Some(None) => {
                self.faults.push(format!("LSN {lsn} is what nobody asked: {record:?}"));
                None
            }
            Some(place) => place,
            None if matches!(record, Record::CommandRefused { .. }) => self.by_lsn.get(&lsn).copied(),
            None => None,
        };
        if let Err(fault) = self.model.apply(lsn, record) {
            self.faults.push(format!("LSN {lsn}: {fault}: {record:?}"));
        }
        if let Some(place) = place {
            self.effect(place, lsn, record);
        }
        while let Some((_, place)) = self.reads.pop_if(|read| read.0 <= lsn) {
            self.effects[place] = Some(lsn);
            self.agree(place, lsn, record);
        }
    }

    fn effect(&mut self, place: usize, lsn: u64, record: &Record) {
        let op = &self.ops[place];
        if let Some(before) = self.effects[place].replace(lsn) {
            self.faults.push(format!("{} had its effect twice, at LSN {before} and {lsn}", op.name));
        }
        if !op.unknown && op.told.is_empty() {
            self.faults.push(format!("{} was turned away, and had its effect at LSN {lsn}", op.name));
        }
        if let Err(fault) = agreement::with_record(&op.ask, record) {
            self.faults.push(format!("{}, LSN {lsn}: {fault}: {record:?}", op.name));
        }
        self.agree(place, lsn, record);
    }

    /// The answer, if there is one, against the model as it is now.
    fn agree(&mut self, place: usize, lsn: u64, record: &Record) {
        let op = &self.ops[place];
        let Some(told) = op.told.first() else { return };
        if told.lsn() != Some(lsn) {
            self.faults.push(format!("{} stands at LSN {lsn}, its answer says {:?}", op.name, told.lsn()));
        }
        if let Err(fault) = agreement::with_answer(&op.ask, told, record, &mut self.model) {
            self.faults
                .push(format!("{}, LSN {lsn}: {fault}; the answer: {} {}", op.name, told.status, told.body));
        }
    }

    fn finish(&mut self, last: u64) {
        for (op, effect) in self.ops.iter().zip(&self.effects) {
            if let (Some(told), None) = (op.told.first(), effect) {
                let (name, status) = (&op.name, told.status);
                let lsn = told.lsn().unwrap_or_default();
                self.faults.push(format!(
                    "{name} was answered {status} with LSN {lsn}, and the log of {last} records has none of it"
                ));
            }
        }
    }
}

/// Whoever asks again gets the first answer.
fn same_answers(op: &Op, faults: &mut Vec<String>) {
    let Some((first, others)) = op.told.split_first() else { return };
    for other in others {
        if (other.status, &other.body) != (first.status, &first.body) {
            faults.push(format!("{} was answered {first:?}, and when it was asked again {other:?}", op.name));
        }
    }
}

//! A bulk body on its way, as the gateway sends one: its lines enter a few at a time, what the shard hands back undecided
//! is sent again at the next stage, and answers are heard in the order of the lines.
//!
//! A body is sent again whole, under the same keys, and each sending has an id of its own. What bulk promises beside what
//! holds for each line: the lines that one sending decides are decided in their order. Answers are held against that
//! here, the log in [`crate::oracle`].

use crate::client::Request;
use crate::dice::Dice;
use crate::resolve::{Outcome, outcome};
use crate::shop::Shop;
use onhand_engine::ask::{Answer, Ask, Submission};
use onhand_engine::snapshots::Lsn;
use onhand_engine::{Busy, Class, Handle, Inbox, Item};
use std::sync::Arc;

/// Lines that enter at a time, at the most: less than a batch, and more.
const PIECE_MAX: usize = Handle::BATCH_MAX + Handle::BATCH_MAX / 2;

/// One sending of a body.
pub(crate) struct Body {
    /// The id of the sending, which stands in the records of its lines.
    id: [u8; 16],
    /// The places of its requests.
    lines: Vec<(usize, Line)>,
    /// Lines before it have entered.
    entered: usize,
    /// Lines before it are over.
    front: usize,
    gathered: Vec<Item>,
    inbox: Arc<Inbox>,
    /// Lines that were submitted and have no answer.
    under_way: usize,
    /// The stage at which lines are submitted now.
    stage: u32,
    /// The last stage at which some were submitted.
    sent: u32,
    /// The stage at which a line came back that holds the others; 0 if none does.
    held: u32,
    is_paused: bool,
    /// The record that the last decision of this sending rests on.
    decided: Lsn,
}

enum Line {
    /// It has not entered, or has no answer.
    Waiting,
    Answered(Answer),
    /// It was not admitted.
    TurnedAway,
    Over,
}

/// A shard that waits for a body whose rest will not come.
pub(crate) struct Passed {
    pub(crate) id: [u8; 16],
    pub(crate) stage: u32,
}

impl Body {
    /// A sending of these requests.
    pub(crate) fn new(id: [u8; 16], places: &[usize]) -> Self {
        Self {
            id,
            lines: places.iter().map(|place| (*place, Line::Waiting)).collect(),
            entered: 0,
            front: 0,
            gathered: Vec::new(),
            inbox: Arc::default(),
            under_way: 0,
            stage: 1,
            sent: 0,
            held: 0,
            is_paused: false,
            decided: Lsn::ZERO,
        }
    }

    /// Whether every line has its answer.
    pub(crate) fn is_over(&self) -> bool {
        self.front == self.lines.len()
    }

    /// The requests that have no answer yet.
    pub(crate) fn open_lines(&self) -> impl Iterator<Item = usize> {
        self.lines.iter().filter(|(_, line)| !matches!(line, Line::Over)).map(|(place, _)| *place)
    }

    /// Some more lines enter, as many as there is room for.
    pub(crate) fn enter(&mut self, dice: &mut Dice, shop: &Shop, requests: &[Request]) {
        for _ in 0..1 + dice.place(PIECE_MAX) {
            let Some((place, line)) = self.lines.get_mut(self.entered) else { break };
            // Where no key is ready for personal data, the sender waits.
            let Some(submission) = requests[*place].submission(shop) else { break };
            match shop.admit(Class::Bulk) {
                Ok(()) => {
                    let submission = Submission { request: self.id, stage: self.stage, ..submission };
                    self.gathered.push(Item::new(self.entered as u64, submission));
                }
                Err(Busy::Space { .. }) => *line = Line::TurnedAway,
                // A sender is slowed.
                Err(Busy::Merchant { .. } | Busy::Engine { .. }) => break,
            }
            self.entered += 1;
            if self.gathered.len() >= Handle::BATCH_MAX {
                self.submit(shop);
            }
        }
        self.submit(shop);
    }

    fn submit(&mut self, shop: &Shop) {
        if !self.is_paused {
            let items = std::mem::take(&mut self.gathered);
            self.send(shop, items);
        }
    }

    fn send(&mut self, shop: &Shop, items: Vec<Item>) {
        if !items.is_empty() {
            self.under_way += items.len();
            self.sent = self.stage;
            shop.send_to(&self.inbox, items);
        }
    }

    /// What became of lines since the last time, in their order.
    pub(crate) fn hear(&mut self, shop: &Shop, requests: &[Request]) -> Vec<(usize, Outcome)> {
        self.sort_in();
        let mut heard = Vec::new();
        while let Some((place, line)) = self.lines.get(self.front) {
            match line {
                Line::Waiting => break,
                Line::TurnedAway => {
                    heard.push((*place, Outcome::Again));
                    self.lines[self.front].1 = Line::Over;
                }
                Line::Answered(Answer::Behind { .. }) => {
                    if !self.decide_again(shop, requests, &mut heard) {
                        break;
                    }
                }
                Line::Answered(_) => self.settle(self.front, shop, requests, &mut heard),
                Line::Over => self.front += 1,
            }
        }
        heard
    }

    /// Puts what has arrived to its lines.
    fn sort_in(&mut self) {
        for (ticket, answer) in self.inbox.take() {
            self.under_way -= 1;
            match answer {
                Answer::Perhaps { .. } => self.held = self.sent,
                // The shard has seen nothing of it.
                Answer::Busy => {}
                _ if self.sent > self.held => self.held = 0,
                _ => {}
            }
            let line = usize::try_from(ticket).ok().and_then(|line| self.lines.get_mut(line));
            let (_, line) = line.unwrap_or_else(|| panic!("an answer to line {ticket}, which nobody sent"));
            *line = Line::Answered(answer);
        }
    }

    /// Finds out what the answer of a line comes to.
    fn settle(&mut self, line: usize, shop: &Shop, requests: &[Request], heard: &mut Vec<(usize, Outcome)>) {
        let place = self.lines[line].0;
        let Line::Answered(answer) = std::mem::replace(&mut self.lines[line].1, Line::Over) else { return };
        self.judge_order(line, &answer);
        match outcome(shop, requests[place].has_key(), answer) {
            // It repeats nothing after all; its place in the order is kept.
            Outcome::Send(submission) if !matches!(submission.ask, Ask::AnswerRepeat(_)) => {
                self.lines[line].1 = Line::Answered(Answer::Behind { submission });
            }
            outcome => heard.push((place, outcome)),
        }
    }

    /// What a line is answered for the first time rests on more of the log than what the line before it was answered.
    fn judge_order(&mut self, line: usize, answer: &Answer) {
        let (lsn, is_record) = match answer {
            Answer::Recorded { lsn, .. } | Answer::Accepted { lsn, .. } => (*lsn, true),
            Answer::Refused { lsn, .. } | Answer::Rejected { lsn, .. } => (*lsn, false),
            _ => return,
        };
        let is_behind = if is_record { lsn > self.decided } else { lsn >= self.decided };
        assert!(
            is_behind,
            "line {line} of a body was decided at {lsn}, and one before it at {}",
            self.decided
        );
        self.decided = lsn;
    }

    /// Sends again, in their order, the lines that came back undecided, and what was gathered behind them, once all that
    /// was sent has come back; `false` before that.
    fn decide_again(&mut self, shop: &Shop, requests: &[Request], heard: &mut Vec<(usize, Outcome)>) -> bool {
        self.is_paused = true;
        if self.under_way > 0 {
            return false;
        }
        for line in self.front..self.lines.len() {
            if matches!(self.lines[line].1, Line::Answered(Answer::Perhaps { .. })) {
                self.settle(line, shop, requests, heard);
            }
        }
        self.stage += 1;
        let mut items = Vec::new();
        for (ticket, (_, line)) in (0..).zip(&mut self.lines) {
            if let Line::Answered(Answer::Behind { submission }) = line {
                shop.admit_always();
                items.push(Item::new(ticket, *std::mem::replace(submission, Box::new(shop.nothing()))));
                *line = Line::Waiting;
            }
        }
        items.append(&mut self.gathered);
        items.iter_mut().for_each(|item| item.at_stage(self.stage));
        self.is_paused = false;
        self.send(shop, items);
        true
    }

    /// Ends: whoever sent it has all answers, or wants no more of them. What was decided stays. `Some` if a shard may wait
    /// for lines of it.
    pub(crate) fn end(self, shop: &Shop) -> Option<Passed> {
        for _ in self.gathered {
            shop.dismiss();
        }
        let may_wait = self.under_way > 0 || self.held > 0;
        may_wait.then_some(Passed { id: self.id, stage: self.stage + 1 })
    }
}

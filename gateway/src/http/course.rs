//! The lines of one bulk request that are under way, in their order.
//!
//! Tickets are places in that order, so an answer finds its line without a table, and one wake-up serves all
//! answers of a sync. A line that the shard hands back undecided keeps its place: see [`Course::pause`].

use super::Desk;
use super::budget::Budget;
use crate::http::problem::Problem;
use crate::intake::Identity;
use crate::render::Rendered;
use onhand_engine::ask::{Answer, Ask};
use onhand_engine::{Inbox, Item};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Notify;

/// One line on its way.
pub(super) enum Line {
    /// It will be submitted, or was, or somebody looks for what it repeats.
    Waiting,
    Answered(Answer),
    Rendered(Rendered),
    Failed(Box<Problem>),
}

/// What is to be done for the first of the lines.
pub(super) enum Next {
    /// Its answer is there; the line was taken.
    Answered(Answer),
    /// The same, rendered.
    Rendered(Rendered),
    /// It failed; the line was taken.
    Failed(Problem),
    /// It may have been answered before: that is to be looked for.
    Settle,
    /// It was not decided, and is to be submitted again.
    Decide,
    /// Nothing; something will arrive.
    Wait,
    /// Nothing, and no line will follow.
    End,
}

/// How much of one bulk request may be under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Lines.
    pub(super) lines: usize,
    /// Bytes of the body that they had.
    pub(super) bytes: usize,
}

/// See the module. Lives on one thread, between the task that reads lines and the one that writes answers.
pub(super) struct Course {
    window: Window,
    /// What all bodies share.
    budget: Rc<Budget>,
    /// Each with the bytes it had in the body.
    lines: RefCell<VecDeque<(u32, Line)>>,
    /// The sum of those bytes.
    bytes: Cell<usize>,
    /// The ticket of the first of `lines`.
    first: Cell<u64>,
    inbox: Arc<Inbox>,
    gathered: RefCell<Vec<Item>>,
    /// Lines that were submitted and have no answer.
    under_way: Cell<usize>,
    /// The stage at which lines are submitted now.
    stage: Cell<u32>,
    /// The last stage at which some were submitted, and the one at which one came back that holds the others, as long as
    /// the shard has taken none of a later stage.
    sent: Cell<u32>,
    held: Cell<u32>,
    is_paused: Cell<bool>,
    room: Notify,
    /// No line will follow.
    has_ended: Cell<bool>,
    /// Nobody wants the answers any more.
    is_abandoned: Cell<bool>,
}

impl Course {
    /// A course of at most so much, and of what the budget of all has left.
    pub(super) fn new(window: Window, budget: Rc<Budget>) -> Self {
        Self {
            window,
            budget,
            lines: RefCell::default(),
            bytes: Cell::new(0),
            first: Cell::new(0),
            inbox: Arc::default(),
            gathered: RefCell::default(),
            under_way: Cell::new(0),
            stage: Cell::new(1),
            sent: Cell::new(0),
            held: Cell::new(0),
            is_paused: Cell::new(false),
            room: Notify::new(),
            has_ended: Cell::new(false),
            is_abandoned: Cell::new(false),
        }
    }

    /// Whether another line may enter.
    pub(super) fn has_room(&self) -> bool {
        self.has_room_behind(self.lines.borrow().len())
    }

    /// A body always may have one line under way: the room that others leave is not waited for.
    fn has_room_behind(&self, lines: usize) -> bool {
        let is_within = lines < self.window.lines && self.bytes.get() < self.window.bytes;
        is_within && (lines == 0 || !self.budget.is_full())
    }

    /// Whether nobody wants the answers any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.is_abandoned.get()
    }

    /// Waits for room; `false` once nobody wants the answers.
    pub(super) async fn room(&self) -> bool {
        while !self.is_abandoned.get() && !self.has_room() {
            self.room.notified().await;
        }
        !self.is_abandoned.get()
    }

    /// Adds a line of so many bytes that was admitted; it leaves with the next [`Course::submit`].
    pub(super) fn enter(&self, desk: &Desk, bytes: usize, identity: Identity, ask: Ask) {
        let ticket = self.first.get() + self.lines.borrow().len() as u64;
        self.push(bytes, Line::Waiting);
        self.gathered.borrow_mut().push(desk.item(ticket, identity, self.stage.get(), ask));
    }

    /// Adds a line of so many bytes that failed.
    pub(super) fn fail(&self, bytes: usize, problem: Problem) {
        self.push(bytes, Line::Failed(Box::new(problem)));
        self.inbox.wake();
    }

    fn push(&self, bytes: usize, line: Line) {
        self.bytes.set(self.bytes.get() + bytes);
        self.budget.take(1, bytes);
        self.lines.borrow_mut().push_back((u32::try_from(bytes).unwrap_or(u32::MAX), line));
    }

    /// How many lines wait to be submitted.
    pub(super) fn gathered(&self) -> usize {
        self.gathered.borrow().len()
    }

    /// Submits what was gathered, unless lines before it have to be submitted again first. Once nobody wants the
    /// answers it is dropped: a line before it may have been given up undecided.
    pub(super) fn submit(&self, desk: &Desk) {
        if self.is_abandoned.get() {
            for _ in self.gathered.take() {
                desk.intake.handle().dismiss(&desk.caller.directory);
            }
        } else if !self.is_paused.get() {
            self.send(desk, self.gathered.take());
        }
    }

    fn send(&self, desk: &Desk, items: Vec<Item>) {
        if !items.is_empty() {
            self.under_way.set(self.under_way.get() + items.len());
            self.sent.set(self.stage.get());
            desk.intake.handle().submit(&self.inbox, &desk.caller.directory, items);
        }
    }

    /// Says that no line will follow.
    pub(super) fn end(&self) {
        self.has_ended.set(true);
        self.inbox.wake();
    }

    /// Says that nobody wants the answers any more. What was decided stays; its lines are let go.
    pub(super) fn abandon(&self) {
        self.is_abandoned.set(true);
        self.let_go();
        self.room.notify_one();
    }

    fn let_go(&self) {
        let lines = self.lines.take();
        self.budget.give(lines.len(), self.bytes.take());
    }

    /// What is to be done for the next line in order.
    pub(super) fn next(&self) -> Next {
        let mut lines = self.lines.borrow_mut();
        if matches!(lines.front(), None | Some((_, Line::Waiting))) {
            self.sort_in(&mut lines);
        }
        match lines.front() {
            None if self.has_ended.get() => return Next::End,
            None | Some((_, Line::Waiting)) => return Next::Wait,
            Some((_, Line::Answered(Answer::Behind { .. }))) => return Next::Decide,
            Some((_, Line::Answered(answer))) if may_repeat(answer) => return Next::Settle,
            Some((_, Line::Answered(_) | Line::Rendered(_) | Line::Failed(_))) => {}
        }
        let Some((bytes, line)) = lines.pop_front() else { return Next::Wait };
        self.bytes.set(self.bytes.get() - bytes as usize);
        self.budget.give(1, bytes as usize);
        self.first.set(self.first.get() + 1);
        // Whether or not this line was what filled it: others may have left room that nobody was told of.
        if self.has_room_behind(lines.len()) {
            self.room.notify_one();
        }
        match line {
            Line::Answered(answer) => Next::Answered(answer),
            Line::Rendered(rendered) => Next::Rendered(rendered),
            Line::Failed(problem) => Next::Failed(*problem),
            Line::Waiting => Next::Wait,
        }
    }

    /// The answers of up to `max` lines from the first on that may have been given before, as far as the shard can
    /// tell. The lines wait for [`Course::put`].
    pub(super) fn repeats(&self, max: usize) -> Vec<Answer> {
        let mut lines = self.lines.borrow_mut();
        let front = lines.iter_mut().take(max);
        front.map_while(|(_, line)| take_if(line, may_repeat)).collect()
    }

    /// Up to `max` of the lines that are to be looked for in the index, with their places. They wait for
    /// [`Course::put`].
    pub(super) fn to_search(&self, max: usize) -> Vec<(usize, Answer)> {
        let mut lines = self.lines.borrow_mut();
        let to_search = lines.iter_mut().enumerate().filter_map(|(place, (_, line))| {
            Some((place, take_if(line, |answer| matches!(answer, Answer::Perhaps { .. }))?))
        });
        to_search.take(max).collect()
    }

    /// Puts what became of a line in its place, counted from the first.
    pub(super) fn put(&self, place: usize, became: Line) {
        if let Some((_, line)) = self.lines.borrow_mut().get_mut(place) {
            *line = became;
        }
    }

    /// Submits nothing until [`Course::resume`]: lines have come back undecided, and what would be submitted now stands
    /// behind them.
    pub(super) fn pause(&self) {
        self.is_paused.set(true);
    }

    /// Whether everything that was submitted has come back.
    pub(super) fn has_come_back(&self) -> bool {
        self.sort_in(&mut self.lines.borrow_mut());
        self.under_way.get() == 0
    }

    /// Submits all lines that came back undecided, in their order, and what was gathered behind them. Everything that
    /// was submitted must have come back.
    pub(super) fn resume(&self, desk: &Desk) {
        let stage = self.stage.get() + 1;
        self.stage.set(stage);
        let mut items = Vec::new();
        for (ticket, (_, line)) in (self.first.get()..).zip(self.lines.borrow_mut().iter_mut()) {
            let undecided = take_if(line, |answer| matches!(answer, Answer::Behind { .. }));
            if let Some(Answer::Behind { submission }) = undecided {
                desk.intake.handle().admit_always(&desk.caller.directory);
                items.push(Item::new(ticket, *submission));
            }
        }
        items.append(&mut self.gathered.borrow_mut());
        items.iter_mut().for_each(|item| item.at_stage(stage));
        self.is_paused.set(false);
        self.send(desk, items);
    }

    /// The stage to pass so that a shard does not wait for lines of this body; `None` if it does not.
    pub(super) fn stage_to_pass(&self) -> Option<u32> {
        let may_wait = self.under_way.get() > 0 || self.held.get() > 0;
        may_wait.then(|| self.stage.get() + 1)
    }

    /// Waits until something may have changed.
    pub(super) async fn arrived(&self) {
        self.inbox.arrived().await;
    }

    /// Puts what has arrived to its lines.
    fn sort_in(&self, lines: &mut VecDeque<(u32, Line)>) {
        for (ticket, answer) in self.inbox.take() {
            self.under_way.set(self.under_way.get() - 1);
            match answer {
                Answer::Perhaps { .. } => self.held.set(self.sent.get()),
                // The shard has seen nothing of it.
                Answer::Busy => {}
                _ if self.sent.get() > self.held.get() => self.held.set(0),
                _ => {}
            }
            let place = usize::try_from(ticket - self.first.get()).unwrap_or(usize::MAX);
            if let Some((_, line @ Line::Waiting)) = lines.get_mut(place) {
                *line = Line::Answered(answer);
            }
        }
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Whether an answer was given before, as far as the shard can tell.
fn may_repeat(answer: &Answer) -> bool {
    matches!(answer, Answer::Repeats { .. } | Answer::Perhaps { .. })
}

/// Takes the answer of a line, if it is such a one; the line waits then.
fn take_if(line: &mut Line, is_such: impl FnOnce(&Answer) -> bool) -> Option<Answer> {
    if !matches!(line, Line::Answered(answer) if is_such(answer)) {
        return None;
    }
    match std::mem::replace(line, Line::Waiting) {
        Line::Answered(answer) => Some(answer),
        other => {
            *line = other;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    /// Whoever reads the body waits for room that another body took, and hears of it when a line of its own leaves.
    #[test]
    fn room_that_another_body_left_is_noticed() {
        let budget = Rc::new(Budget::new(10_000));
        let window = Window { lines: 100, bytes: 100_000 };
        let (other, course) =
            (Course::new(window, Rc::clone(&budget)), Course::new(window, Rc::clone(&budget)));
        other.fail(10_000, Problem::internal());
        for _ in 0..2 {
            course.fail(1, Problem::internal());
        }
        assert!(!course.has_room());
        let mut room = Box::pin(course.room());
        assert_eq!(room.as_mut().now_or_never(), None);
        drop(other);
        assert!(matches!(course.next(), Next::Failed(_)));
        assert_eq!(room.now_or_never(), Some(true));
    }
}

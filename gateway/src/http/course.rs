//! The lines of one bulk request that are under way, in their order.
//!
//! Tickets are places in that order, so an answer finds its line without a table, and one wake-up serves all
//! answers of a sync.

use super::Desk;
use crate::http::problem::Problem;
use crate::intake::Identity;
use onhand_engine::ask::{Answer, Ask};
use onhand_engine::{Inbox, Item};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Notify;

/// One line on its way.
enum Line {
    /// It was or will be submitted.
    Waiting,
    Answered(Answer),
    Failed(Box<Problem>),
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
    /// Each with the bytes it had in the body.
    lines: RefCell<VecDeque<(u32, Line)>>,
    /// The sum of those bytes.
    bytes: Cell<usize>,
    /// The ticket of the first of `lines`.
    first: Cell<u64>,
    inbox: Arc<Inbox>,
    gathered: RefCell<Vec<Item>>,
    room: Notify,
    /// No line will follow.
    has_ended: Cell<bool>,
    /// Nobody wants the answers any more.
    is_abandoned: Cell<bool>,
}

impl Course {
    /// A course of at most so much.
    pub(super) fn new(window: Window) -> Self {
        Self {
            window,
            lines: RefCell::default(),
            bytes: Cell::new(0),
            first: Cell::new(0),
            inbox: Arc::default(),
            gathered: RefCell::default(),
            room: Notify::new(),
            has_ended: Cell::new(false),
            is_abandoned: Cell::new(false),
        }
    }

    /// Whether another line may enter.
    pub(super) fn has_room(&self) -> bool {
        self.lines.borrow().len() < self.window.lines && self.bytes.get() < self.window.bytes
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
        self.gathered.borrow_mut().push(desk.item(ticket, identity, ask));
    }

    /// Adds a line of so many bytes that failed.
    pub(super) fn fail(&self, bytes: usize, problem: Problem) {
        self.push(bytes, Line::Failed(Box::new(problem)));
        self.inbox.wake();
    }

    fn push(&self, bytes: usize, line: Line) {
        self.bytes.set(self.bytes.get() + bytes);
        self.lines.borrow_mut().push_back((u32::try_from(bytes).unwrap_or(u32::MAX), line));
    }

    /// How many lines wait to be submitted.
    pub(super) fn gathered(&self) -> usize {
        self.gathered.borrow().len()
    }

    /// Submits what was gathered.
    pub(super) fn submit(&self, desk: &Desk) {
        let gathered = self.gathered.take();
        if !gathered.is_empty() {
            desk.intake.handle().submit(&self.inbox, &desk.caller.directory, gathered);
        }
    }

    /// Says that no line will follow.
    pub(super) fn end(&self) {
        self.has_ended.set(true);
        self.inbox.wake();
    }

    /// Whether all lines were taken and none will follow.
    pub(super) fn is_over(&self) -> bool {
        self.has_ended.get() && self.lines.borrow().is_empty()
    }

    /// Says that nobody wants the answers any more. What was decided stays.
    pub(super) fn abandon(&self) {
        self.is_abandoned.set(true);
        self.room.notify_one();
    }

    /// The next line in order, once its answer is there.
    pub(super) fn take(&self) -> Option<Result<Answer, Problem>> {
        let mut lines = self.lines.borrow_mut();
        if matches!(lines.front(), None | Some((_, Line::Waiting))) {
            self.sort_in(&mut lines);
        }
        let (bytes, outcome) = match lines.pop_front()? {
            (bytes, Line::Answered(answer)) => (bytes, Ok(answer)),
            (bytes, Line::Failed(problem)) => (bytes, Err(*problem)),
            waiting @ (_, Line::Waiting) => {
                lines.push_front(waiting);
                return None;
            }
        };
        let was_full = lines.len() + 1 >= self.window.lines || self.bytes.get() >= self.window.bytes;
        self.bytes.set(self.bytes.get() - bytes as usize);
        self.first.set(self.first.get() + 1);
        if was_full {
            self.room.notify_one();
        }
        Some(outcome)
    }

    /// The next line in order, if its answer is there and was given before, as far as the shard can tell.
    pub(super) fn take_repeat(&self) -> Option<Answer> {
        let is_repeat =
            |line: &Line| matches!(line, Line::Answered(Answer::Repeats { .. } | Answer::Perhaps { .. }));
        let is_next = self.lines.borrow().front().is_some_and(|(_, line)| is_repeat(line));
        if is_next { self.take()?.ok() } else { None }
    }

    /// Waits until something may have changed.
    pub(super) async fn arrived(&self) {
        self.inbox.arrived().await;
    }

    /// Puts what has arrived to its lines.
    fn sort_in(&self, lines: &mut VecDeque<(u32, Line)>) {
        for (ticket, answer) in self.inbox.take() {
            let place = usize::try_from(ticket - self.first.get()).unwrap_or(usize::MAX);
            if let Some((_, line @ Line::Waiting)) = lines.get_mut(place) {
                *line = Line::Answered(answer);
            }
        }
    }
}

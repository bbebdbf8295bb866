//! The answers of a bulk body: one a line, in the order of its lines, in pieces as they become durable.

use super::Desk;
use super::course::{Course, Line, Next};
use crate::http::problem::Problem;
use crate::metrics::{Tally, count_broken_off, count_bulk_line, count_refusal};
use crate::render::{Rendered, accepted_into, json, settled};
use crate::repeat::{Step, locate, settle_line};
use actix_web::web::Bytes;
use futures_util::Stream;
use futures_util::future::join_all;
use onhand_engine::ask::Answer;
use onhand_engine::directory::Directory;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc::{self, error::TrySendError};

/// Answers are sent in pieces of about this many bytes, or when nothing more is ready.
const PIECE_BYTES: usize = 32 << 10;

/// Lines that were seen before are looked up so many at a time: each may need a record of its own, and one sync serves
/// all of them.
const TOGETHER_MAX: usize = 64;

/// How long a reader may take nothing. Four pieces and what the sockets hold wait for it by then, so whoever takes no
/// piece for as long as a sender may pause has gone, or means only to keep the lines in memory.
const READER_TIMEOUT: Duration = Duration::from_secs(30);

/// A piece of the answers; `None` behind the last one, so that answers that break off do not pass for all of them.
type Piece = Option<Bytes>;

/// The way from whoever writes the answers to the response: some pieces ahead of the reader.
pub(super) fn pieces() -> (mpsc::Sender<Piece>, Pieces) {
    let (sender, receiver) = mpsc::channel(4);
    (sender, Pieces { receiver, has_ended: false })
}

/// Writes the answers until there are no more, or nobody reads them.
pub(super) async fn write_answers(desk: &Desk, course: &Course, pieces: mpsc::Sender<Piece>) {
    let mut sheet = Sheet::new(pieces);
    loop {
        match course.next() {
            Next::End => break,
            Next::Settle => settle_some(desk, course).await,
            Next::Decide => decide_again(desk, course).await,
            Next::Rendered(rendered) => sheet.write(&rendered),
            Next::Failed(problem) => sheet.write(&refused(&problem)),
            Next::Answered(answer) => match sheet.write_accepted(&desk.caller.directory, &answer) {
                Some(Ok(())) => {}
                Some(Err(problem)) => sheet.write(&refused(&problem)),
                None => sheet.write(&desk.settled(answer).await.unwrap_or_else(|problem| refused(&problem))),
            },
            Next::Wait => {
                // Nothing is ready: send what there is rather than keep it.
                if !sheet.send().await {
                    return;
                }
                course.arrived().await;
            }
        }
        if sheet.piece.len() >= PIECE_BYTES && !sheet.send().await {
            return;
        }
    }
    if sheet.send().await {
        pass(&sheet.pieces, None).await;
    }
}

/// Hands a piece on; `false` once nobody reads.
async fn pass(pieces: &mpsc::Sender<Piece>, piece: Piece) -> bool {
    let piece = match pieces.try_send(piece) {
        Ok(()) => return true,
        Err(TrySendError::Closed(_)) => return false,
        Err(TrySendError::Full(piece)) => piece,
    };
    let Ok(sent) = tokio::time::timeout(READER_TIMEOUT, pieces.send(piece)).await else {
        count_broken_off();
        return false;
    };
    sent.is_ok()
}

fn refused(problem: &Problem) -> Rendered {
    count_refusal(&problem.code);
    Rendered::from(problem)
}

/// Finds the first answers of the lines that have come again, those at the front.
async fn settle_some(desk: &Desk, course: &Course) {
    let answers = course.repeats(TOGETHER_MAX).into_iter();
    let settled = answers.map(|answer| async {
        match settle_line(&desk.intake, &desk.caller, answer).await {
            Ok(Step::Undecided(submission)) => Line::Answered(Answer::Behind { submission }),
            Ok(Step::Settled(found)) => {
                line_of(settled(desk.intake.handle(), &desk.caller.directory, &found))
            }
            Err(problem) => line_of(Err(problem)),
        }
    });
    for (place, line) in join_all(settled).await.into_iter().enumerate() {
        course.put(place, line);
    }
}

fn line_of(outcome: Result<Rendered, Problem>) -> Line {
    match outcome {
        Ok(rendered) => Line::Rendered(rendered),
        Err(problem) => Line::Failed(Box::new(problem)),
    }
}

/// Submits again, in their order, the lines that were not decided because one before them had to be looked for. What
/// repeats an earlier line is found first, so that those that are left can be decided in one go.
async fn decide_again(desk: &Desk, course: &Course) {
    course.pause();
    while !course.has_come_back() {
        course.arrived().await;
    }
    loop {
        let to_search = course.to_search(TOGETHER_MAX);
        if to_search.is_empty() {
            break;
        }
        let located = to_search.into_iter().map(|(place, answer)| async move {
            let located = locate(&desk.intake, &desk.caller, answer).await;
            (place, located.map_or_else(|problem| line_of(Err(problem)), Line::Answered))
        });
        for (place, line) in join_all(located).await {
            course.put(place, line);
        }
    }
    course.resume(desk);
}

/// The piece that is being written.
struct Sheet {
    /// The number of the last line.
    line: u64,
    piece: Vec<u8>,
    tally: Tally,
    pieces: mpsc::Sender<Piece>,
}

impl Sheet {
    fn new(pieces: mpsc::Sender<Piece>) -> Self {
        Self { line: 0, piece: empty_piece(), tally: Tally::default(), pieces }
    }

    fn write(&mut self, rendered: &Rendered) {
        count_bulk_line(rendered.status);
        self.begin(rendered.status);
        self.piece.extend_from_slice(&rendered.body);
        self.piece.extend_from_slice(b"}\n");
    }

    /// Writes the answer to an order that was accepted just now; `None` if it is another answer.
    fn write_accepted(&mut self, directory: &Directory, answer: &Answer) -> Option<Result<(), Problem>> {
        let Answer::Accepted { lsn, asked, policy, kits, claims } = answer else { return None };
        let start = self.piece.len();
        self.begin(201);
        let written = accepted_into(directory, *lsn, asked, (*policy, kits, claims), &mut self.piece);
        Some(match written {
            Ok(outcome) => {
                self.tally.note(outcome);
                self.piece.extend_from_slice(b"}\n");
                Ok(())
            }
            Err(problem) => {
                self.piece.truncate(start);
                self.line -= 1;
                Err(problem)
            }
        })
    }

    /// The answer of the next line up to its body.
    fn begin(&mut self, status: u16) {
        self.line += 1;
        self.piece.extend_from_slice(br#"{"line":"#);
        json::number(&mut self.piece, self.line);
        self.piece.extend_from_slice(br#","status":"#);
        json::number(&mut self.piece, status.into());
        self.piece.extend_from_slice(br#","body":"#);
    }

    /// Sends what is written; `false` once nobody reads.
    async fn send(&mut self) -> bool {
        self.tally.flush();
        if self.piece.is_empty() {
            return true;
        }
        let full = std::mem::replace(&mut self.piece, empty_piece());
        pass(&self.pieces, Some(Bytes::from(full))).await
    }
}

fn empty_piece() -> Vec<u8> {
    Vec::with_capacity(PIECE_BYTES + 1_024)
}

/// The pieces as a response body.
pub(super) struct Pieces {
    receiver: mpsc::Receiver<Piece>,
    has_ended: bool,
}

/// The answers ended before their end; the connection is closed.
#[derive(Debug)]
pub(super) struct BrokenOff;

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("the answers broke off")
    }
}

impl std::error::Error for BrokenOff {}

impl Stream for Pieces {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        self.receiver.poll_recv(context).map(|piece| {
            let piece = piece.map_or(Some(Err(BrokenOff)), |piece| piece.map(Ok));
            self.has_ended = !matches!(piece, Some(Ok(_)));
            piece
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;

    /// The clock of the runtime is set forward as soon as nothing else is left to do.
    fn run(test: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().unwrap().block_on(test);
    }

    #[test]
    fn a_reader_that_takes_nothing_is_not_waited_for_for_ever() {
        run(async {
            let (sender, mut pieces) = pieces();
            for _ in 0..4 {
                assert!(pass(&sender, Some(Bytes::from_static(b"piece"))).await);
            }
            assert!(!pass(&sender, Some(Bytes::from_static(b"too many"))).await);
            drop(sender);
            for _ in 0..4 {
                assert!(matches!(pieces.next().await, Some(Ok(_))));
            }
            // What it finds when it reads at last is no end.
            assert!(matches!(pieces.next().await, Some(Err(BrokenOff))));
            assert!(pieces.next().await.is_none());
        });
    }

    #[test]
    fn a_reader_that_reads_gets_all_of_it() {
        run(async {
            let (sender, mut pieces) = pieces();
            let write = async {
                for _ in 0..9 {
                    assert!(pass(&sender, Some(Bytes::from_static(b"piece"))).await);
                }
                assert!(pass(&sender, None).await);
            };
            let read = async {
                for _ in 0..9 {
                    assert!(matches!(pieces.next().await, Some(Ok(_))));
                }
                assert!(pieces.next().await.is_none());
            };
            futures_util::future::join(write, read).await;
        });
    }
}

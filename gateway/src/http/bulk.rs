//! Bulk: one command a line in, one answer a line out, in the same order, streamed as they become durable.
//!
//! A body of a million lines runs in bounded memory: at most [`WINDOW`] lines are under way; beyond them the
//! sender is slowed, not refused. A bad line fails alone.

use super::customer::seal;
use super::orders::{order_ask, order_identity};
use super::stock::movement_ask;
use super::{BODY_BYTES_MAX, Desk, catalogue, request_id};
use crate::http::problem::Problem;
use crate::intake::{Identity, Pending};
use crate::render::Rendered;
use actix_web::web::{self, Bytes, BytesMut};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{Stream, StreamExt};
use onhand_engine::ask::Ask;
use onhand_engine::registry::Scopes;
use std::io::Write;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

/// Lines under way: four frames' worth of single-line orders; some 2 MB.
const WINDOW: usize = 8_192;

/// Answers are sent in pieces of about this many bytes, or when nothing more is ready.
const PIECE_BYTES: usize = 32 << 10;

/// How long a sender may pause between two pieces of a body.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait before a merchant over its limit is asked again: about one sync.
const SLOW_DOWN: Duration = Duration::from_millis(1);

/// What one line, or one body, asks.
pub(super) struct Asked {
    pub(super) ask: Ask,
    /// Its own key.
    pub(super) key: Option<String>,
    /// Personal data, to be sealed before it is submitted.
    pub(super) customer: Option<Vec<u8>>,
}

impl Asked {
    fn plain((ask, key): (Ask, Option<String>)) -> Self {
        Self { ask, key, customer: None }
    }
}

/// Reads one line.
type ReadLine = fn(&Desk, &[u8]) -> Result<Asked, Problem>;

/// One line on its way.
enum Line {
    Waiting(Identity, Pending),
    Failed(Problem),
}

pub(super) async fn orders(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    start(&request, payload, Scopes::ORDERS_WRITE, false, order_ask)
}

pub(super) async fn movements(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    start(&request, payload, Scopes::STOCK_WRITE, true, |desk, line| {
        movement_ask(&desk.caller.directory, line).map(Asked::plain)
    })
}

pub(super) async fn skus(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    start(&request, payload, Scopes::STOCK_WRITE, false, |_, line| {
        catalogue::sku_line(line).map(Asked::plain)
    })
}

fn start(
    request: &HttpRequest,
    payload: web::Payload,
    scope: Scopes,
    needs_key: bool,
    read: ReadLine,
) -> HttpResponse {
    let desk = match Desk::open(request, scope) {
        Ok(desk) => Rc::new(desk),
        Err(problem) => return problem.to_response(request_id(request).as_deref()),
    };
    let (lines, answers) = mpsc::channel(WINDOW);
    let (pieces, body) = mpsc::channel::<Bytes>(4);
    let route = request.path().to_owned();
    let reader = Reader { desk: Rc::clone(&desk), read, needs_key, route, number: 0, lines };
    actix_web::rt::spawn(reader.run(payload));
    actix_web::rt::spawn(write_answers(desk, answers, pieces));
    let mut response = HttpResponse::Ok();
    if let Some(id) = request_id(request) {
        response.insert_header(("Request-Id", id));
    }
    response.content_type("application/x-ndjson").streaming(Pieces(body))
}

struct Reader {
    desk: Rc<Desk>,
    read: ReadLine,
    needs_key: bool,
    route: String,
    number: u64,
    lines: mpsc::Sender<Line>,
}

impl Reader {
    /// Splits the body into lines until it ends, breaks off or nobody wants the answers any more.
    async fn run(mut self, mut payload: web::Payload) {
        let mut rest = BytesMut::new();
        loop {
            let piece = match tokio::time::timeout(IDLE_TIMEOUT, payload.next()).await {
                Ok(Some(Ok(piece))) => piece,
                Ok(None) => break,
                Ok(Some(Err(_))) | Err(_) => {
                    let problem = Problem::new(400, "body_incomplete", "the body broke off here");
                    drop(self.lines.send(Line::Failed(problem)).await);
                    return;
                }
            };
            rest.extend_from_slice(&piece);
            while let Some(end) = memchr::memchr(b'\n', &rest) {
                let line = rest.split_to(end + 1);
                if !self.take(&line[..end]).await {
                    return;
                }
            }
            if rest.len() > BODY_BYTES_MAX {
                let detail = format!("a line is longer than {BODY_BYTES_MAX} bytes; the rest was not read");
                drop(self.lines.send(Line::Failed(Problem::new(413, "body_too_large", detail))).await);
                return;
            }
        }
        self.take(&rest).await;
    }

    /// Takes one line; `false` once nobody wants its answer.
    async fn take(&mut self, line: &[u8]) -> bool {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.iter().all(u8::is_ascii_whitespace) {
            return true;
        }
        self.number += 1;
        let outcome = match self.prepare(line) {
            Ok((identity, asked)) => self.submit(identity, asked).await.map(|it| (identity, it)),
            Err(problem) => Err(problem),
        };
        let line = match outcome {
            Ok((identity, pending)) => Line::Waiting(identity, pending),
            Err(problem) => Line::Failed(problem),
        };
        self.lines.send(line).await.is_ok()
    }

    async fn submit(&self, identity: Identity, asked: Asked) -> Result<Pending, Problem> {
        let Asked { mut ask, customer, .. } = asked;
        seal(&self.desk, &mut ask, customer).await?;
        self.admit().await?;
        self.desk.submit(identity, ask)
    }

    fn prepare(&self, line: &[u8]) -> Result<(Identity, Asked), Problem> {
        let asked = (self.read)(&self.desk, line)?;
        // A line without a key of its own has the request's key and its number.
        let numbered = || self.desk.idempotency_key.as_ref().map(|key| format!("{key}:{}", self.number));
        let key = asked.key.clone().or_else(numbered);
        if self.needs_key && key.is_none() {
            let detail = "send the member idempotency_key, or the header Idempotency-Key for the whole body";
            return Err(Problem::new(400, "idempotency_key_required", detail));
        }
        let identity = match &asked.ask {
            Ask::PlaceOrder(_) => {
                order_identity(&self.desk, key.as_deref(), &asked.ask, asked.customer.as_deref())
            }
            _ => self.desk.identity(key.as_deref(), &self.route, line),
        };
        Ok((identity, asked))
    }

    /// Waits until the merchant is below its limit: a bulk sender is slowed, not refused.
    async fn admit(&self) -> Result<(), Problem> {
        let directory = &self.desk.caller.directory;
        while self.desk.intake.handle().admit(directory).is_err() {
            tokio::time::sleep(SLOW_DOWN).await;
        }
        // `submit` counts for itself.
        self.desk.intake.handle().dismiss(directory);
        Ok(())
    }
}

/// Renders the answers in the order of their lines.
async fn write_answers(desk: Rc<Desk>, mut lines: mpsc::Receiver<Line>, pieces: mpsc::Sender<Bytes>) {
    let mut number = 0_u64;
    let mut piece = Vec::with_capacity(PIECE_BYTES + 1_024);
    loop {
        let line = match lines.try_recv() {
            Ok(line) => line,
            Err(mpsc::error::TryRecvError::Disconnected) => break,
            Err(mpsc::error::TryRecvError::Empty) => {
                // Nothing is ready: send what there is rather than keep it.
                if !flush(&mut piece, &pieces).await {
                    return;
                }
                match lines.recv().await {
                    Some(line) => line,
                    None => break,
                }
            }
        };
        number += 1;
        let outcome = match line {
            Line::Waiting(identity, pending) => desk.answer(identity, pending).await,
            Line::Failed(problem) => Err(problem),
        };
        let rendered = outcome.unwrap_or_else(|problem| Rendered::from(&problem));
        // Writing into a Vec cannot fail.
        let written = write!(piece, r#"{{"line":{number},"status":{},"body":"#, rendered.status);
        debug_assert!(written.is_ok());
        piece.extend_from_slice(&rendered.body);
        piece.extend_from_slice(b"}\n");
        if piece.len() >= PIECE_BYTES && !flush(&mut piece, &pieces).await {
            return;
        }
    }
    flush(&mut piece, &pieces).await;
}

/// Sends a piece; `false` once nobody reads.
async fn flush(piece: &mut Vec<u8>, pieces: &mpsc::Sender<Bytes>) -> bool {
    if piece.is_empty() {
        return true;
    }
    let full = std::mem::replace(piece, Vec::with_capacity(PIECE_BYTES + 1_024));
    pieces.send(Bytes::from(full)).await.is_ok()
}

/// The pieces as a response body.
struct Pieces(mpsc::Receiver<Bytes>);

impl Stream for Pieces {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|piece| piece.map(Ok))
    }
}

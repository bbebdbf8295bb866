//! Bulk: one command a line in, one answer a line out, in the same order, streamed as they become durable.
//!
//! A body of a million lines runs in bounded memory: at most [`WINDOW`] lines are under way; beyond them the
//! sender is slowed, not refused. A bad line fails alone. What one piece of the body holds goes to the shard as
//! one message, and its answers come back to the request's own inbox. Lines are decided in their order, also those that
//! have to be looked for in the index first.

use super::answers::{pieces, write_answers};
use super::course::{Course, Window};
use super::customer::seal;
use super::fingerprint::canonical;
use super::lines::Lines;
use super::order_body::{order_ask, order_identity};
use super::stock::movement_ask;
use super::{BODY_BYTES_MAX, Desk, catalogue, key, request_id, respond};
use crate::http::problem::Problem;
use crate::intake::Identity;
use crate::metrics::{RouteClass, count_response, measure_request};
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt;
use onhand_engine::ask::Ask;
use onhand_engine::clock::Stopwatch;
use onhand_engine::registry::Scopes;
use onhand_engine::{Busy, Class, Handle};
use std::rc::Rc;
use std::time::Duration;

/// What is under way: four frames' worth of single-line orders, or four hundred of 1,200 lines. An outcome that waits
/// to be read takes no more than its line did and some hundred bytes.
const WINDOW: Window = Window { lines: 8_192, bytes: 16 << 20 };

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

pub(super) async fn orders(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    start(&request, payload, Scopes::ORDERS_WRITE, false, order_ask)
}

pub(super) async fn movements(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    start(&request, payload, Scopes::STOCK_WRITE, true, |desk, line| {
        movement_ask(&desk.caller.directory, line).map(Asked::plain)
    })
}

/// SKUs need no key, as a PUT of one needs none: put twice, they stand as they stood.
pub(super) async fn skus(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    start(&request, payload, Scopes::STOCK_WRITE, false, |desk, line| {
        catalogue::sku_line(&desk.caller.directory, line).map(Asked::plain)
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
        Err(problem) => return respond(request, Err(problem)),
    };
    let has_space = desk.intake.handle().has_space(Class::Bulk).map_err(Problem::from);
    let budget = match has_space.and_then(|()| super::bulk_budget(request)) {
        Ok(budget) => budget,
        Err(problem) => return respond(request, Err(problem)),
    };
    let course = Rc::new(Course::new(WINDOW, budget));
    let (pieces, body) = pieces();
    let reader = Reader { desk: Rc::clone(&desk), read, needs_key, number: 0, course: Rc::clone(&course) };
    let watch = Stopwatch::start();
    let reading = actix_web::rt::spawn(reader.run(payload));
    actix_web::rt::spawn(async move {
        write_answers(&desk, &course, pieces).await;
        // Whoever does not want the answers need not send the rest.
        reading.abort();
        course.abandon();
        course.submit(&desk);
        measure_request(RouteClass::Bulk, watch.elapsed());
        if let Some(stage) = course.stage_to_pass() {
            desk.pass_stage(stage).await;
        }
    });
    count_response(200);
    let mut response = HttpResponse::Ok();
    if let Some(id) = request_id(request) {
        response.insert_header(("Request-Id", id));
    }
    response.content_type("application/x-ndjson").streaming(body)
}

struct Reader {
    desk: Rc<Desk>,
    read: ReadLine,
    needs_key: bool,
    number: u64,
    course: Rc<Course>,
}

impl Reader {
    /// Takes the lines of the body until it ends, breaks off or nobody wants the answers any more.
    async fn run(mut self, payload: web::Payload) {
        if let Err(problem) = self.lines(payload).await {
            self.course.fail(0, problem);
        }
        self.course.submit(&self.desk);
        self.course.end();
    }

    async fn lines(&mut self, mut payload: web::Payload) -> Result<(), Problem> {
        let mut lines = Lines::default();
        while let Some(piece) =
            tokio::time::timeout(IDLE_TIMEOUT, payload.next()).await.map_err(|_| broken_off())?
        {
            lines.push(&piece.map_err(|_| broken_off())?);
            while let Some(line) = lines.next() {
                if !self.take(line).await {
                    return Ok(());
                }
            }
            self.course.submit(&self.desk);
        }
        if let Some(line) = lines.last() {
            self.take(line).await;
        }
        Ok(())
    }

    /// Takes one line; `false` once nobody wants its answer.
    async fn take(&mut self, line: &[u8]) -> bool {
        self.number += 1;
        if !self.course.has_room() {
            // What waits for the answer must be on its way.
            self.course.submit(&self.desk);
            self.course.room().await;
        }
        if self.course.is_abandoned() {
            return false;
        }
        if let Err(problem) = self.enter(line).await {
            self.course.fail(line.len().min(BODY_BYTES_MAX), problem);
        }
        if self.course.gathered() >= Handle::BATCH_MAX {
            self.course.submit(&self.desk);
        }
        true
    }

    async fn enter(&self, line: &[u8]) -> Result<(), Problem> {
        if line.len() > BODY_BYTES_MAX {
            let detail = format!("the line is longer than {BODY_BYTES_MAX} bytes");
            return Err(Problem::new(413, "body_too_large", detail).with("max", BODY_BYTES_MAX));
        }
        let (identity, Asked { mut ask, customer, .. }) = self.prepare(line)?;
        if customer.is_some() {
            seal(&self.desk, &mut ask, customer).await?;
        }
        self.admission().await?;
        self.course.enter(&self.desk, line.len(), identity, ask);
        Ok(())
    }

    fn prepare(&self, line: &[u8]) -> Result<(Identity, Asked), Problem> {
        self.desk.caller.look_again();
        let asked = (self.read)(&self.desk, line)?;
        // A line without a key of its own has the request's key and its number.
        let numbered = || self.desk.idempotency_key.as_ref().map(|key| key::of_line(key, self.number));
        let key = key::of_member(asked.key.as_ref())?.or_else(numbered);
        if self.needs_key && key.is_none() {
            let detail = "send the member idempotency_key, or the header Idempotency-Key for the whole body";
            return Err(Problem::new(400, "idempotency_key_required", detail));
        }
        let identity = match &asked.ask {
            Ask::PlaceOrder(_) => {
                order_identity(&self.desk, key.as_deref(), &asked.ask, asked.customer.as_deref())
            }
            ask => {
                let (word, said) = canonical(ask);
                self.desk.identity(key.as_deref(), word, &said)
            }
        };
        Ok((identity, asked))
    }

    /// Waits until the merchant is below its limit: a bulk sender is slowed, not refused. For a disk that is full nobody
    /// waits.
    async fn admission(&self) -> Result<(), Problem> {
        loop {
            match self.desk.intake.handle().admit(&self.desk.caller.directory, Class::Bulk) {
                Ok(()) => return Ok(()),
                Err(busy @ Busy::Space { .. }) => return Err(busy.into()),
                Err(Busy::Merchant { .. } | Busy::Engine { .. }) => {
                    // What was admitted before must be on its way, or it would be waited for in vain.
                    self.course.submit(&self.desk);
                    tokio::time::sleep(SLOW_DOWN).await;
                }
            }
        }
    }
}

fn broken_off() -> Problem {
    Problem::new(400, "body_incomplete", "the body broke off here")
}

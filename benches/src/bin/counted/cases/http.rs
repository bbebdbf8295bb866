//! Whole requests through the gateway's routes, to the engine and back, in one thread and without sockets.
//!
//! No metrics are kept: whoever begins to keep them first compares two clocks of the machine for as long as it takes to
//! know them, and those instructions are never the same.

use super::gateway::body;
use super::{GROUP, SKUS, rounds_max_of};
use crate::shop::{MERCHANT, Shop};
use actix_web::App;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::rt::System;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::Bytes;
use futures_util::future::{join, join_all};
use onhand_benches::asks::Spread;
use onhand_engine::registry::Scopes;
use onhand_gateway::http::{Shared, worker};
use std::any::Any;
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

/// Lines of a bulk body.
pub(super) const BULK_LINES: u64 = 1_024;

/// What bulk bodies may have under way: more than one has.
const BULK_BYTES: usize = 16 << 20;

/// Requests that begin together in each round, and what must stand in the answer to each, so often.
struct Plan {
    rounds: Vec<Vec<TestRequest>>,
    status: u16,
    holds: &'static str,
    times: u64,
}

pub(super) fn orders(home: &Path, rounds: u64) -> Box<dyn Any> {
    let mut spread = Spread::over(SKUS, 0);
    run(home, rounds, |secret| {
        let mut order = |number| request("/v1/orders", secret, body(number, &spread.lines(1)));
        let group = |round| (round * GROUP..(round + 1) * GROUP).map(&mut order).collect();
        let rounds = (0..rounds_max_of("http_order")).map(group).collect();
        Plan { rounds, status: 201, holds: r#""status":"allocated""#, times: 1 }
    })
}

pub(super) fn bulk(home: &Path, rounds: u64) -> Box<dyn Any> {
    let mut spread = Spread::over(SKUS, 0);
    run(home, rounds, |secret| {
        let bulk = |round| {
            let numbers = round * BULK_LINES..(round + 1) * BULK_LINES;
            let lines = numbers.map(|number| body(number, &spread.lines(1)) + "\n");
            vec![request("/v1/orders/bulk", secret, lines.collect())]
        };
        let rounds = (0..rounds_max_of("http_bulk_line")).map(bulk).collect();
        Plan { rounds, status: 200, holds: r#""status":201"#, times: BULK_LINES }
    })
}

fn request(path: &str, secret: &str, body: String) -> TestRequest {
    let request = TestRequest::post().uri(path).insert_header(("authorization", format!("Bearer {secret}")));
    request.set_payload(body)
}

fn run(home: &Path, rounds: u64, plan: impl FnOnce(&str) -> Plan) -> Box<dyn Any> {
    let shop = Shop::open(home);
    let scopes = Scopes::parse("orders:write").expect("a scope");
    let (_, secret) = shop.handle.create_key(MERCHANT, scopes).expect("a key");
    let Plan { rounds: requests, status, holds, times } = plan(&secret);
    let made_ready = |round: Vec<TestRequest>| round.into_iter().map(TestRequest::to_request).collect();
    let mut requests: Vec<Vec<_>> = requests.into_iter().map(made_ready).collect();
    let shared = Arc::new(Shared::without_metrics());
    shared.open(shop.handle.clone());
    let system = System::new();
    let last = system.block_on(async {
        let service = init_service(App::new().configure(worker(&shared, BULK_BYTES))).await;
        let mut last = Bytes::new();
        for _ in 0..rounds {
            let round = requests.pop().expect("requests were made ready");
            let open = Cell::new(round.len());
            let asked = round.into_iter().map(|request| ask(&service, request, &open));
            let (mut answers, ()) = join(join_all(asked), drive(&shop, &open)).await;
            assert!(answers.iter().all(|answer| answer.0 == status), "every request is answered well");
            last = answers.pop().expect("an answer").1;
        }
        last
    });
    // Once, so that it is in no round.
    let last = String::from_utf8_lossy(&last);
    assert!(last.matches(holds).count() as u64 == times, "{times} times {holds}: {last}");
    Box::new((shop, shared, system, requests))
}

/// One request and all of its answer.
async fn ask<S, R, B>(service: &S, request: R, open: &Cell<usize>) -> (u16, Bytes)
where
    S: Service<R, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let response = call_service(service, request).await;
    let status = response.status().as_u16();
    let answer = to_bytes(response.into_body()).await;
    open.set(open.get() - 1);
    (status, answer.unwrap_or_default())
}

/// Lets shard and log go on after each turn of the worker's loop, until everything was answered.
async fn drive(shop: &Shop, open: &Cell<usize>) {
    while open.get() > 0 {
        tokio::task::yield_now().await;
        shop.step();
    }
}

//! The ceiling of the race: actix-web that reads an order and answers bytes of the same number as Onhand does. It
//! understands and keeps nothing.
//!
//! `echo ADDRESS ANSWER_BYTES`

#![allow(clippy::print_stderr, reason = "a tool of the command line")]

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, post};
use actix_web::{App, HttpResponse, HttpServer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many as Onhand has on two processors.
const WORKERS: usize = 1;

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, bytes] = &arguments[..] else {
        eprintln!("usage: echo ADDRESS ANSWER_BYTES");
        std::process::exit(2);
    };
    let bytes = bytes.parse().map_err(|_| std::io::Error::other(format!("{bytes:?} is no number")))?;
    let answer = Data::new(Bytes::from(vec![b'x'; bytes]));
    let server =
        HttpServer::new(move || App::new().app_data(answer.clone()).route("/v1/orders", post().to(echo)));
    server.workers(WORKERS).tcp_nodelay(true).bind(address)?.run().await
}

async fn echo(answer: Data<Bytes>, order: Bytes) -> HttpResponse {
    let status = if order.is_empty() { StatusCode::BAD_REQUEST } else { StatusCode::CREATED };
    HttpResponse::build(status).content_type("application/json").body(Bytes::clone(&answer))
}

//! What a request costs the harness itself: its own client against hyper's, on a server that does nothing.
//!
//! ```text
//! cargo run --release -p onhand-loadtest --example ceiling -- [SECONDS] [CONNECTIONS]
//! ```
//!
//! A thread answers every request with the same order; another keeps every connection busy. Rounds of the two
//! clients alternate, since a machine's speed drifts; compare the processor time, which leaves the server out.

#![allow(
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::cast_sign_loss,
    reason = "a measurement: it reads clocks, divides and prints"
)]

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

#[allow(dead_code, reason = "the example uses the part that it measures")]
#[path = "../src/client.rs"]
mod client;
#[allow(dead_code, reason = "the example uses the part that it measures")]
#[path = "../src/wire.rs"]
mod wire;

type Failure = Box<dyn Error + Send + Sync>;

const ROUNDS: usize = 3;
const TIMEOUT: Duration = Duration::from_secs(5);
const ORDER: &str = r#"{"external_id":"run-1234567","channel":"run-web","currency":"EUR","ship_to":{"country":"DE"},"lines":[{"id":"1","sku":"run-s4711","quantity":2,"unit_price":"12.50"}]}"#;
const ANSWER: &str = r#"{"id":"ord_01HZX3C9K8Q7R2","external_id":"run-1234567","channel":"run-web","status":"allocated","lsn":4711,"lines":[{"id":"1","sku":"run-s4711","ordered":2,"allocated":[{"location":"run-l0","quantity":2}],"backordered":0,"short":0,"cancelled":0,"shipped":0,"returned":0}]}"#;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let connections: usize = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let address = start_server()?;
    println!("{connections} connections, {seconds} s a round");
    for round in 1..=ROUNDS {
        for (name, hyper) in [("own client", false), ("hyper client", true)] {
            let (requests, wall, cpu) = measure(address, connections, Duration::from_secs(seconds), hyper)?;
            println!(
                "round {round}  {name:<12}  {:>8.0} requests/s  {:>6.2} us of processor a request",
                requests as f64 / wall.as_secs_f64(),
                cpu.as_secs_f64() * 1e6 / requests as f64,
            );
        }
    }
    Ok(())
}

/// Answers every request on every connection with the same bytes. Requests come one at a time.
fn start_server() -> Result<SocketAddr, Failure> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let answer = format!(
        "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{ANSWER}",
        ANSWER.len()
    );
    std::thread::spawn(move || -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(echo(stream, answer.clone()));
            }
        })
    });
    Ok(address)
}

async fn echo(mut stream: TcpStream, answer: String) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut input = Vec::with_capacity(4096);
    while stream.read_buf(&mut input).await? > 0 {
        if input.ends_with(b"]}") {
            input.clear();
            stream.write_all(answer.as_bytes()).await?;
        }
    }
    Ok(())
}

/// Requests answered, time passed, processor time used by the client's thread.
fn measure(
    address: SocketAddr,
    connections: usize,
    length: Duration,
    hyper: bool,
) -> Result<(u64, Duration, Duration), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let (begun, cpu) = (Instant::now(), thread_cpu());
        let end = begun + length;
        let mut tasks = Vec::new();
        for _ in 0..connections {
            tasks.push(tokio::task::spawn_local(async move {
                if hyper { with_hyper(address, end).await } else { with_own(address, end).await }
            }));
        }
        let mut requests = 0;
        for task in tasks {
            requests += task.await??;
        }
        Ok((requests, begun.elapsed(), thread_cpu() - cpu))
    })
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, u32::try_from(time.tv_nsec).unwrap_or(0))
}

async fn with_own(address: SocketAddr, end: Instant) -> Result<u64, Failure> {
    let head = format!(
        "POST /v1/orders HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer key\r\nContent-Type: application/json\r\n"
    );
    let mut connection = client::Connection::open(address).await?;
    let (mut request, mut body, mut count) = (Vec::new(), Vec::new(), 0);
    while Instant::now() < end {
        request.clear();
        body.clear();
        request.extend_from_slice(head.as_bytes());
        request.extend_from_slice(format!("Content-Length: {}\r\n\r\n", ORDER.len()).as_bytes());
        request.extend_from_slice(ORDER.as_bytes());
        let answer =
            connection.exchange(&request, TIMEOUT, &mut |_, bytes| body.extend_from_slice(bytes)).await?;
        assert_eq!((answer.status, body.len()), (201, ANSWER.len()));
        count += 1;
    }
    Ok(count)
}

async fn with_hyper(address: SocketAddr, end: Instant) -> Result<u64, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(connection);
    let (host, mut count) = (address.to_string(), 0);
    while Instant::now() < end {
        let request = hyper::Request::post("/v1/orders")
            .header("host", host.as_str())
            .header("authorization", "Bearer key")
            .header("content-type", "application/json")
            .body(Full::<Bytes>::from(ORDER).map_err(|never: Infallible| match never {}))?;
        let answer = tokio::time::timeout(TIMEOUT, sender.send_request(request)).await??;
        assert_eq!(answer.status(), 201);
        let body = answer.into_body().collect().await?.to_bytes();
        assert_eq!(body.len(), ANSWER.len());
        count += 1;
    }
    Ok(count)
}

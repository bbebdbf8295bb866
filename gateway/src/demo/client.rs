//! The channels' side: requests over HTTP, each with its key, each repeated until it has an answer.

use crate::demo::server::Address;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use onhand_engine::clock::Stopwatch;
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long to wait before a server that is away is tried again.
const AWAY: Duration = Duration::from_millis(5);

/// An answer as a channel keeps it.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) is_repeat: bool,
    pub(super) body: Bytes,
    /// From the first time it was sent to the answer, crashes included.
    pub(super) took: Duration,
    /// How often it was sent before it got an answer.
    pub(super) tries: u32,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether it is the refusal of this code; any other answer that is no success is a failure.
    pub(super) fn is_refusal(&self, code: &str) -> bool {
        self.status == 409 && self.json()["code"] == code
    }
}

/// One connection of a channel, made anew when it breaks.
pub(super) struct Client {
    address: Address,
    key: String,
    sender: Option<(SendRequest<Full<Bytes>>, std::net::SocketAddr)>,
}

impl Client {
    pub(super) fn new(address: Address, key: &str) -> Self {
        Self { address, key: key.to_owned(), sender: None }
    }

    /// Sends a request until it is answered: what became of it is not known before. Answers that ask to come
    /// again (503, 429) are no answers.
    pub(super) async fn send(
        &mut self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: &[u8],
    ) -> Answer {
        self.send_as(method, path, key, "application/json", body).await
    }

    /// The same of a body of another kind.
    pub(super) async fn send_as(
        &mut self,
        method: Method,
        path: &str,
        key: Option<&str>,
        kind: &str,
        body: &[u8],
    ) -> Answer {
        let watch = Stopwatch::start();
        let body = Bytes::copy_from_slice(body);
        let mut tries = 0;
        loop {
            tries += 1;
            match self.once(&method, path, key, kind, body.clone()).await {
                Ok((status, is_repeat, body)) if status != 503 && status != 429 => {
                    return Answer { status, is_repeat, body, took: watch.elapsed(), tries };
                }
                Ok(_) => {}
                Err(_) => self.sender = None,
            }
            tokio::time::sleep(AWAY).await;
        }
    }

    async fn once(
        &mut self,
        method: &Method,
        path: &str,
        key: Option<&str>,
        kind: &str,
        body: Bytes,
    ) -> anyhow::Result<(u16, bool, Bytes)> {
        let server = self.address.get();
        let mut sender = match self.sender.take() {
            Some((sender, connected)) if connected == server => sender,
            _ => {
                let stream = TcpStream::connect(server).await?;
                stream.set_nodelay(true)?;
                let (sender, connection) = handshake(TokioIo::new(stream)).await?;
                // It ends with the connection; what goes wrong shows in the request.
                tokio::task::spawn_local(async move { drop(connection.await) });
                sender
            }
        };
        let mut request = Request::builder().method(method).uri(path).header("host", "onhand");
        request =
            request.header("authorization", format!("Bearer {}", self.key)).header("content-type", kind);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = sender.send_request(request.body(Full::new(body))?).await?;
        let status = answer.status().as_u16();
        let is_repeat = answer.headers().contains_key("idempotent-replayed");
        let body = answer.into_body().collect().await?.to_bytes();
        self.sender = Some((sender, server));
        Ok((status, is_repeat, body))
    }
}

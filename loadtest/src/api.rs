//! Requests outside the measured run: set-up before it and the audit after it.

use std::time::Duration;

use crate::client::{ClientError, Link};
use crate::error::{LoadError, excerpt};
use crate::plan::Target;
use crate::retry::Patience;

/// How long one answer may take; a bulk request may be silent for so long.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// A connection for single requests. Every request made here may be sent twice: they are reads, puts, or keyed.
#[derive(Debug)]
pub(crate) struct Api {
    link: Link,
    target: Target,
    patience: Duration,
}

impl Api {
    /// Prepares requests; `patience` is how long a lost connection is tried again.
    pub(crate) fn new(target: &Target, patience: Duration) -> Self {
        Self { link: Link::new(target.address), target: target.clone(), patience }
    }

    /// Reads a path.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Reply, LoadError> {
        self.call("GET", path, "", b"").await
    }

    /// Puts a JSON object.
    pub(crate) async fn put(&mut self, path: &str, body: &serde_json::Value) -> Result<Reply, LoadError> {
        self.call("PUT", path, "application/json", body.to_string().as_bytes()).await
    }

    /// Posts NDJSON.
    pub(crate) async fn post_lines(&mut self, path: &str, body: &[u8]) -> Result<Reply, LoadError> {
        self.call("POST", path, "application/x-ndjson", body).await
    }

    /// Whether anybody listens: one attempt, no patience. Returns the status.
    pub(crate) async fn knock(&mut self, path: &str) -> Result<u16, LoadError> {
        let request = self.request("GET", path, "", b"");
        let answer = self.link.exchange(&request, TIMEOUT, &mut |_, _| {}).await;
        answer.map(|head| head.status).map_err(|source| failed("GET", path, source))
    }

    async fn call(
        &mut self,
        method: &str,
        path: &str,
        content: &str,
        body: &[u8],
    ) -> Result<Reply, LoadError> {
        let request = self.request(method, path, content, body);
        let mut patience = Patience::new(self.patience);
        loop {
            let mut body = Vec::new();
            match self.link.stream(&request, TIMEOUT, &mut |_, bytes| body.extend_from_slice(bytes)).await {
                // A server that is starting again, or full, is asked again; all else is an answer.
                Ok(head) if matches!(head.status, 429 | 503) => {
                    if !patience.wait().await {
                        return Ok(Reply { status: head.status, body });
                    }
                }
                Ok(head) => return Ok(Reply { status: head.status, body }),
                Err(source) => {
                    if !patience.wait().await {
                        return Err(failed(method, path, source));
                    }
                }
            }
        }
    }

    fn request(&self, method: &str, path: &str, content: &str, body: &[u8]) -> Vec<u8> {
        let Target { host, key, .. } = &self.target;
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n")
                .into_bytes();
        if !content.is_empty() {
            let length = body.len();
            request.extend_from_slice(
                format!("Content-Type: {content}\r\nContent-Length: {length}\r\n").as_bytes(),
            );
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
        request
    }
}

impl Reply {
    /// The reply, if its status is one of these.
    pub(crate) fn expect(self, statuses: &[u16], doing: impl FnOnce() -> String) -> Result<Self, LoadError> {
        if statuses.contains(&self.status) {
            Ok(self)
        } else {
            Err(LoadError::Answer { doing: doing(), status: self.status, body: excerpt(&self.body) })
        }
    }
}

fn failed(method: &str, path: &str, source: ClientError) -> LoadError {
    LoadError::Connection { doing: format!("{method} {path}"), source }
}

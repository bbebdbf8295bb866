//! The real binary, started and asked over HTTP.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test uses a part of it")]

pub mod directory;
pub mod golden;
pub mod inside;
pub mod shop;

use rustix::process::{Pid, Signal};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

pub const BINARY: &str = env!("CARGO_BIN_EXE_onhand");

pub const SCOPES: &str = "orders:write,stock:write,read";
pub const ORDER: &str = r#"{"external_id":"1","channel":"web","lines":[{"id":"1","sku":"MUG","quantity":2,"unit_price":"1.50"},{"id":"2","sku":"TEA","quantity":"0.250"}]}"#;

/// A small shop: two locations, a channel, a SKU by the piece and one by weight.
pub fn stocked(server: &Server, key: &str) {
    stocked_at(server.address(), key);
}

pub fn stocked_at(address: &str, key: &str) {
    let steps = [
        ("PUT", "/v1/locations/main", r#"{"kind":"warehouse","country":"GB"}"#),
        ("PUT", "/v1/locations/east", r#"{"kind":"shop","country":"GB","priority":5}"#),
        ("PUT", "/v1/channels/web", r#"{"kind":"shopify","locations":["main","east"]}"#),
        ("PUT", "/v1/skus/MUG", r#"{"title":"Mug","gtin":"4006381333931"}"#),
        ("PUT", "/v1/skus/TEA", r#"{"decimals":3}"#),
        ("POST", "/v1/stock/movements", r#"{"type":"receive","sku":"MUG","location":"main","quantity":10}"#),
        (
            "POST",
            "/v1/stock/movements",
            r#"{"type":"receive","sku":"TEA","location":"main","quantity":"1.5"}"#,
        ),
    ];
    for (number, (method, path, body)) in steps.iter().enumerate() {
        let idempotency = format!("set-up-{number}");
        let (status, _, answer) = ask(address, method, path, key, &[("idempotency-key", &idempotency)], body);
        assert_eq!(status, 201, "{path}: {answer}");
    }
}

/// Whether an answer has a status, and for a problem its code and the pointer to the first place.
#[track_caller]
pub fn expect(answer: &(u16, String, Value), status: u16, code: &str, pointer: &str) {
    let (got, head, problem) = answer;
    assert_eq!((*got, problem["code"].as_str().unwrap_or_default()), (status, code), "{problem}");
    assert!(head.contains("application/problem+json"), "{head}");
    if !pointer.is_empty() {
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    assert!(problem.to_string().len() < 4_000, "an answer of {} bytes", problem.to_string().len());
}

/// The lines of a bulk answer.
pub fn lines_of(answer: &Value) -> Vec<Value> {
    let lines = answer.as_str().unwrap_or_default().lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn onhand(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().unwrap()
}

/// Status, head and body of an answer.
pub fn ask(
    address: &str,
    method: &str,
    path: &str,
    key: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    // So that a server that hangs fails the test.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: onhand\r\nconnection: close\r\n");
    if !key.is_empty() {
        request.push_str(&format!("authorization: Bearer {key}\r\n"));
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), serde_json::from_str(body).unwrap_or(Value::String(body.to_owned())))
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    address: String,
}

impl Server {
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// With more flags.
    pub fn start_with(data: &Path, flags: &[&str]) -> Self {
        let mut child = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("onhand listening on http://").unwrap().to_owned();
        let server = Self { child, address };
        while server.ask("GET", "/readyz", "", &[], "").0 != 200 {
            std::thread::yield_now();
        }
        server
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// See [`ask`].
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String, Value) {
        ask(&self.address, method, path, key, headers, body)
    }

    /// SIGTERM: it finishes what it has, writes its closing record and ends well.
    pub fn stop(mut self) {
        rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits until a server takes its administrator's commands: the socket is there a moment after the doors are open, and
/// until then such a command would open the directory itself, or try to.
pub fn administered(data: &Path) {
    while UnixStream::connect(data.join("admin.sock")).is_err() {
        std::thread::yield_now();
    }
}

/// A merchant and a key in a new data directory.
pub fn merchant(data: &Path, name: &str, scopes: &str) -> String {
    let data = data.to_str().unwrap();
    let made = onhand(&["merchant", "create", name, "--data", data]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    key(data, name, scopes)
}

pub fn key(data: &str, merchant: &str, scopes: &str) -> String {
    let output = onhand(&["key", "create", "--merchant", merchant, "--scopes", scopes, "--data", data]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

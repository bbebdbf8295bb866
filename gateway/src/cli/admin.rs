//! `onhand merchant` and `onhand key`: through the running server's socket, or on the stopped directory.

use super::backup::refuse_backup;
use super::config::engine_config;
use super::say;
use super::serve::{SOCKET, open};
use anyhow::{Context, bail};
use onhand_engine::Handle;
use onhand_engine::registry::Scopes;
use onhand_engine::snapshots::storage::DirectoryLock;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn create_merchant(data: &Path, name: &str) -> anyhow::Result<ExitCode> {
    let on_stopped = |handle: &Handle| Ok(handle.create_merchant(name)?.to_string());
    say(&run(data, "/admin/merchants", &json!({ "name": name }), on_stopped)?)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn create_key(data: &Path, merchant: &str, scopes: &str) -> anyhow::Result<ExitCode> {
    let unknown = |word| anyhow::anyhow!("{word} is no scope; orders:write, stock:write, read and admin are");
    let parsed = Scopes::parse(scopes).map_err(unknown)?;
    let on_stopped = |handle: &Handle| Ok(handle.create_key(merchant, parsed)?.1);
    let body = json!({ "merchant": merchant, "scopes": scopes });
    say(&run(data, "/admin/keys", &body, on_stopped)?)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn revoke_key(data: &Path, key: u32) -> anyhow::Result<ExitCode> {
    let on_stopped = |handle: &Handle| {
        handle.revoke_key(key)?;
        Ok(key.to_string())
    };
    say(&run(data, "/admin/keys/revoke", &json!({ "key": key }), on_stopped)?)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn confirm_clock(data: &Path) -> anyhow::Result<ExitCode> {
    let socket = UnixStream::connect(data.join(SOCKET));
    let socket = socket.context("no server has this directory: a clock is confirmed to a running one")?;
    say(&ask(socket, "/admin/clock/confirm", &json!({}))?)?;
    Ok(ExitCode::SUCCESS)
}

/// Asks the server that has the directory; without one, opens the directory itself.
fn run(
    data: &Path,
    route: &str,
    body: &Value,
    on_stopped: impl FnOnce(&Handle) -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    if let Ok(stream) = UnixStream::connect(data.join(SOCKET)) {
        return ask(stream, route, body);
    }
    refuse_backup(data)?;
    let opened = open(data, &engine_config(), DirectoryLock::take(data)?)?;
    let answer = on_stopped(&opened.engine.handle());
    opened.engine.stop();
    answer
}

/// One request over the socket. The peer is our own server on the same machine, so the little HTTP that is
/// needed is written out: one request, one answer, the connection closed behind it.
fn ask(mut stream: UnixStream, route: &str, body: &Value) -> anyhow::Result<String> {
    let body = body.to_string();
    let head = format!(
        "POST {route} HTTP/1.1\r\nhost: onhand\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("the server did not answer")?;
    let (head, text) = answer.split_once("\r\n\r\n").context("the server's answer is not HTTP")?;
    if head.split(' ').nth(1) == Some("200") {
        return Ok(text.to_owned());
    }
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    bail!("{}", problem.get("detail").and_then(Value::as_str).unwrap_or("the server refused"))
}

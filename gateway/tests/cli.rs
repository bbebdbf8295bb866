//! The command line: what it refuses, and how its processes end.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{BINARY, ORDER, SCOPES, Server, merchant, onhand, stocked};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn refused(output: &Output, code: i32, said: &str) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.contains(said), "{error}");
}

#[test]
fn what_is_not_there_or_not_known_is_an_error() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().to_str().unwrap();
    refused(&onhand(&["log", "/nonexistent"]), 2, "holds no log");
    refused(&onhand(&["log", path]), 2, "holds no log");
    refused(&onhand(&["verify", path]), 2, "holds no log");
    let unknown = Command::new(BINARY).args(["verify", path]).env("ONHAND_FOO", "1").output().unwrap();
    refused(&unknown, 2, "ONHAND_FOO");
    for (name, value, key) in [
        ("ONHAND_SHARDS", "0", "shards is 0"),
        ("ONHAND_SEGMENT_BYTES", "1", "segment_bytes is 1"),
        ("ONHAND_TOTAL_QUEUE_MAX", "0", "total_queue_max is 0"),
        ("ONHAND_LOG", "onhand=[", "ONHAND_LOG"),
    ] {
        let serve = Command::new(BINARY).args(["serve", "--data", path]).env(name, value).output().unwrap();
        refused(&serve, 2, key);
    }
}

#[test]
fn a_server_that_has_no_lock_does_not_say_that_it_listens() {
    let data = tempfile::tempdir().unwrap();
    let _server = Server::start(data.path());
    let path = data.path().to_str().unwrap();
    let second = onhand(&["serve", "--listen", "127.0.0.1:0", "--data", path]);
    assert_eq!(text(&second.stdout), "");
    refused(&second, 2, "in use");
}

/// A full disk, or a pipe that nobody reads: the server goes on without its log.
#[test]
fn a_server_whose_log_cannot_be_written_serves() {
    let data = tempfile::tempdir().unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(BINARY);
    command.args(["serve", "--end-with-stdin", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
    let ended = command.env("ONHAND_LOG", "debug").stdin(Stdio::null()).stderr(full).output().unwrap();
    assert!(text(&ended.stdout).starts_with("onhand listening on "), "{ended:?}");
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[test]
fn records_name_their_request_and_files_are_their_owners_alone() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &key);
    let order = ORDER.replace("\"lines\"", "\"customer\":{\"name\":\"Ada\"},\"lines\"");
    let (status, head, _) = server.ask("POST", "/v1/orders", &key, &[], &order);
    assert_eq!(status, 201);
    let request = head.lines().find_map(|line| line.strip_prefix("request-id: ")).unwrap();
    let log = text(&onhand(&["log", data.path().to_str().unwrap()]).stdout);
    let records: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found = records.iter().find(|record| record["kind"] == "order_accepted").unwrap();
    assert_eq!(found["request"].as_str().unwrap().to_lowercase(), request);
    assert_eq!(records[0]["request"], Value::Null);
    for file in ["customer.keys", "fingerprint.key", "LOCK"] {
        let mode = std::fs::metadata(data.path().join(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
}

#[test]
fn a_damaged_log_ends_an_audit_with_3_and_says_where() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", SCOPES);
    let server = Server::start(data.path());
    stocked(&server, &key);
    server.kill();
    let directory = data.path().join("log");
    let mut segments: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.sort();
    let segment = segments.iter().find(|path| std::fs::metadata(path).unwrap().len() > 8_192).unwrap();
    let mut bytes = std::fs::read(segment).unwrap();
    let place = bytes.windows(4).position(|part| part == b"acme").unwrap();
    bytes[place] ^= 1;
    std::fs::write(segment, bytes).unwrap();
    let path = data.path().to_str().unwrap();
    let audit = onhand(&["verify", path]);
    refused(&audit, 3, ", offset ");
    let said = text(&audit.stderr);
    assert!(said.contains("records: ") && !said.contains("onhand verify"), "{said}");
    refused(
        &onhand(&["serve", "--listen", "127.0.0.1:0", "--data", path]),
        3,
        &format!("{}, offset ", segment.display()),
    );
    refused(&onhand(&["log", path]), 3, &format!("{}, offset ", segment.display()));
}

#[test]
fn the_administrators_socket_answers_in_problems() {
    let data = tempfile::tempdir().unwrap();
    let _server = Server::start(data.path());
    let socket = data.path().join("admin.sock");
    for (head, body, status) in [
        ("POST /admin/merchants", "nonsense", "400"),
        ("POST /admin/merchants", "{\"nom\":1}", "400"),
        ("POST /admin/keys", "{\"merchant\":\"x\",\"scopes\":\"all\"}", "422"),
        ("POST /admin/keys/revoke", "{\"key\":9}", "409"),
        ("GET /admin/keys", "", "404"),
    ] {
        // It listens a moment after the doors are open.
        let mut stream = loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => break stream,
                Err(_) => std::thread::yield_now(),
            }
        };
        let request = format!(
            "{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head}: {answer}");
        assert!(answer.contains("application/problem+json"), "{head}: {answer}");
    }
}

#[test]
fn a_server_may_end_with_its_stdin() {
    let data = tempfile::tempdir().unwrap();
    let mut child = Command::new(BINARY)
        .args(["serve", "--end-with-stdin", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("onhand listening on "));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

/// Whether some process has this directory's lock.
fn is_served(data: &Path) -> bool {
    let Ok(file) = std::fs::File::open(data.join("LOCK")) else { return false };
    file.try_lock().is_err()
}

#[test]
fn a_demo_that_is_killed_leaves_no_server() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let mut demo = Command::new(BINARY)
        .args(["demo", "--data"])
        .arg(&data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Created by the commands before; the server has it once its socket is there.
    while !data.join("admin.sock").exists() {
        assert!(demo.try_wait().unwrap().is_none(), "the demo ended");
        std::thread::yield_now();
    }
    demo.kill().unwrap();
    demo.wait().unwrap();
    while is_served(&data) {
        std::thread::yield_now();
    }
}

#[test]
fn a_demo_that_is_told_to_end_clears_away_too() {
    for signal in ["-TERM", "-INT"] {
        let root = tempfile::tempdir().unwrap();
        let mut demo = Command::new(BINARY)
            .arg("demo")
            .env("TMPDIR", root.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
        let data = lines.find_map(|line| Some(line.unwrap().strip_prefix("data in ")?.to_owned())).unwrap();
        while !Path::new(&data).join("admin.sock").exists() {
            assert!(demo.try_wait().unwrap().is_none(), "the demo ended");
            std::thread::yield_now();
        }
        let told = Command::new("kill").args([signal, &demo.id().to_string()]).status().unwrap();
        assert!(told.success());
        demo.wait().unwrap();
        assert!(!is_served(Path::new(&data)), "{signal}");
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "{signal}");
    }
}

#[test]
fn a_demo_clears_away_what_it_made() {
    let root = tempfile::tempdir().unwrap();
    let output = Command::new(BINARY).args(["demo", "--exit"]).env("TMPDIR", root.path()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
}

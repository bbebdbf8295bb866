//! The drill: a backup of a server under load is restored, to its end, to a record and to a time, and what was
//! restored is the log up to there, goes on by itself, and is never taken for the original.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{ORDER, SCOPES, Server, administered, ask, lines_of, merchant, onhand, stocked};
use onhand_engine::snapshots::log::frame::{HEADER_BYTES, parse_header};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Segments as small as they may be, and a snapshot for each, so that there are archives soon.
const SMALL: [&str; 4] = ["--segment-bytes", "1056860", "--snapshot-segments", "1"];
/// Clients that send while the backup is taken.
const CLIENTS: u64 = 2;
/// Lines of a bulk body.
const LINES: u64 = 20;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(command: &str, paths: &[&Path], options: &[&str]) -> Output {
    let paths = paths.iter().map(|path| path.to_str().unwrap());
    onhand(&[command].into_iter().chain(paths).chain(options.iter().copied()).collect::<Vec<_>>())
}

#[track_caller]
fn done(output: &Output) -> String {
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    said
}

/// The exit code is this one, the message has all these parts.
#[track_caller]
fn refused(output: &Output, code: i32, parts: &[&str]) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    for part in parts {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

/// A server with small segments that takes the administrator's commands.
fn start(data: &Path) -> Server {
    let server = Server::start_with(data, &SMALL);
    administered(data);
    server
}

/// A server with small segments from the first one on, and a shop.
fn shop(data: &Path) -> (Server, String) {
    let server = start(data);
    let key = merchant(data, "acme", SCOPES);
    stocked(&server, &key);
    (server, key)
}

/// The lines of `onhand log`.
fn log_of(dir: &Path) -> Vec<String> {
    let output = run("log", &[dir], &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

fn field(line: &str, pointer: &str) -> Value {
    serde_json::from_str::<Value>(line).unwrap().pointer(pointer).cloned().unwrap_or_default()
}

/// Every file below a directory: its bytes.
fn image(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(image(&path));
        } else if path.is_file() {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

/// How many files of the log have this suffix.
fn segments(data: &Path, suffix: &str) -> usize {
    let names = fs::read_dir(data.join("log")).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.extension().unwrap() == suffix).count()
}

fn bulk(client: u64, body: u64) -> String {
    let order = |line| {
        let name = format!("{client}-{body}-{line}");
        let lines: Vec<Value> = (0..8)
            .map(|id| json!({ "id": format!("line-{id}"), "sku": "MUG", "quantity": 1 + id % 3 }))
            .collect();
        json!({ "external_id": name, "channel": "web", "policy": "backorder", "idempotency_key": name, "lines": lines })
    };
    (0..LINES).map(|line| order(line).to_string()).collect::<Vec<_>>().join("\n")
}

/// Sends bodies until it is told to stop; each answer is noted with its LSN before the next body.
fn load(address: &str, key: &str, client: u64, durable: &AtomicU64, stop: &AtomicBool) {
    for body in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let (status, _, answer) = ask(address, "POST", "/v1/orders/bulk", key, &[], &bulk(client, body));
        let lines = lines_of(&answer);
        assert_eq!((status, lines.len() as u64), (200, LINES));
        for line in lines {
            assert_eq!(line["status"], 201, "{line}");
            durable.fetch_max(line["body"]["lsn"].as_u64().unwrap(), Ordering::Relaxed);
        }
    }
}

/// Ends the clients, also where the test fails.
struct StopWhenDropped<'a>(&'a AtomicBool);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A record that has others of its frame before and behind it, in the last segment.
fn middle_of_a_frame(dir: &Path) -> u64 {
    let segments = image(&dir.join("log"));
    let (_, bytes) = segments.iter().rfind(|(path, _)| path.extension().unwrap() == "seg").unwrap();
    let mut offset = 4_096;
    loop {
        let frame = parse_header(&bytes[offset..offset + HEADER_BYTES]).unwrap();
        if frame.count > 2 {
            return frame.first.0 + 1;
        }
        offset += frame.stored_bytes();
    }
}

#[test]
fn a_backup_of_a_server_under_load_is_restored_to_wherever_it_should() {
    let top = tempfile::tempdir().unwrap();
    let path = |name: &str| top.path().join(name);
    let (data, backup) = (path("data"), path("backup"));
    let (server, key) = shop(&data);
    let first = server.ask("POST", "/v1/orders", &key, &[("idempotency-key", "first")], ORDER);
    assert_eq!(first.0, 201);
    let (durable, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    // Sealed segments, and a moment of rest in which one of them is archived.
    for body in 0.. {
        if segments(&data, "seg") > 2 {
            break;
        }
        assert_eq!(ask(server.address(), "POST", "/v1/orders/bulk", &key, &[], &bulk(CLIENTS, body)).0, 200);
    }
    while segments(&data, "zst") == 0 {
        std::thread::yield_now();
    }
    let (acknowledged, saved) = std::thread::scope(|scope| {
        let ending = StopWhenDropped(&stop);
        let clients = (0..CLIENTS).map(|client| {
            let (address, key, durable, stop) = (server.address(), &key, &durable, &stop);
            scope.spawn(move || load(address, key, client, durable, stop))
        });
        let clients: Vec<_> = clients.collect();
        let reached = |lsn| {
            while durable.load(Ordering::Relaxed) < lsn {
                assert!(!clients.iter().any(|client| client.is_finished()), "a client gave up");
                std::thread::yield_now();
            }
        };
        reached(1);
        let acknowledged = durable.load(Ordering::Relaxed);
        done(&run("backup", &[&data, &backup], &[]));
        let saved = log_of(&backup);
        // The load goes on all the time, and then some.
        reached(saved.len() as u64 + 1);
        drop(ending);
        (acknowledged, saved)
    });
    server.kill();

    // What is in it is the log, as far as it was acknowledged when the backup was begun, and perhaps further.
    let original = log_of(&data);
    assert!(saved.len() as u64 >= acknowledged && saved.len() < original.len());
    assert!(original.starts_with(&saved));
    assert!(segments(&backup, "zst") > 0 && segments(&backup, "seg") > 0);
    let audited = done(&run("verify", &[&backup], &[]));

    restored_to_the_end(&path("end"), &backup, &saved, &audited);
    let middle = middle_of_a_frame(&backup);
    let copy = path("middle");
    done(&run("restore", &[&backup, &copy], &["--to-lsn", &middle.to_string()]));
    is_prefix(&copy, &original, usize::try_from(middle).unwrap());
    restored_to_a_time(&path("time"), &backup, &saved);

    // The copy goes on by itself: what it was asked before gets the same answer, what is new is done.
    let server = Server::start(&copy);
    let again = server.ask("POST", "/v1/orders", &key, &[("idempotency-key", "first")], ORDER);
    assert_eq!((again.0, &again.2), (first.0, &first.2));
    let other = ORDER.replace("\"external_id\":\"1\"", "\"external_id\":\"other\"");
    let (status, _, answer) = server.ask("POST", "/v1/orders", &key, &[("idempotency-key", "other")], &other);
    assert!(status == 201 || status == 409, "{answer}");
    server.kill();
    assert!(log_of(&copy).len() as u64 > middle + 1);
    done(&run("verify", &[&copy], &[]));
}

/// The copy has the first `count` records of the original, and one that opens it as another log.
#[track_caller]
fn is_prefix(copy: &Path, original: &[String], count: usize) {
    let records = log_of(copy);
    assert!(records[..count] == original[..count]);
    assert_eq!(records.len(), count + 1);
    assert_eq!(field(&records[count], "/kind"), "log_opened");
    assert_ne!(field(&records[count], "/body/cluster"), field(&original[0], "/body/cluster"));
}

fn restored_to_the_end(copy: &Path, backup: &Path, saved: &[String], audited: &str) {
    // An empty directory is as good as none.
    fs::create_dir(copy).unwrap();
    let said = done(&run("restore", &[backup, copy], &[]));
    is_prefix(copy, saved, saved.len());
    let digest = |said: &str| said.split("digest ").nth(1).unwrap()[..16].to_owned();
    assert_eq!(digest(&said), digest(audited));
    assert!(said.contains("every invariant holds") && said.contains("onhand serve --data"), "{said}");
}

fn restored_to_a_time(copy: &Path, backup: &Path, saved: &[String]) {
    let at = |line: &String| field(line, "/at").as_i64().unwrap();
    let middle = at(&saved[saved.len() / 2]);
    let count = saved.iter().position(|line| at(line) > middle).unwrap();
    let time = jiff::Timestamp::from_millisecond(middle).unwrap().to_string();
    done(&run("restore", &[backup, copy], &["--to-time", &time]));
    is_prefix(copy, saved, count);
}

/// Whether a server refuses the directory, with exit code 3 and these words.
#[track_caller]
fn is_not_served(data: &Path, said: &str) {
    let serve = run("serve", &[], &["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
    refused(&serve, 3, &[said]);
}

#[test]
fn files_of_two_copies_do_not_mix() {
    let top = tempfile::tempdir().unwrap();
    let Small { data, backup, .. } = small(top.path());
    let copies = ["one", "two"].map(|name| top.path().join(name));
    copies.iter().for_each(|copy| drop(done(&run("restore", &[&backup, copy], &[]))));
    let [one, two] = &copies;
    for (from, to) in [(&data, one), (one, &data), (one, two)] {
        for name in ["log/00000000000000000001.seg", "fingerprint.key"] {
            let own = fs::read(to.join(name)).unwrap();
            fs::copy(from.join(name), to.join(name)).unwrap();
            is_not_served(to, "fingerprint.key does not belong to this log");
            fs::write(to.join(name), own).unwrap();
        }
    }
    // Behind the log of the copy, the original's next segment.
    let server = start(&data);
    let key = common::key(data.to_str().unwrap(), "acme", SCOPES);
    for body in 0.. {
        if segments(&data, "seg") > 1 {
            break;
        }
        assert_eq!(ask(server.address(), "POST", "/v1/orders/bulk", &key, &[], &bulk(0, body)).0, 200);
    }
    server.kill();
    let segments = image(&data.join("log"));
    let (last, bytes) = segments.iter().rfind(|(path, _)| path.extension().unwrap() == "seg").unwrap();
    let whole = top.path().join("whole");
    done(&run("backup", &[&data, &top.path().join("later")], &[]));
    let next: u64 = last.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let end = (next - 2).to_string();
    done(&run("restore", &[&top.path().join("later"), &whole], &["--to-lsn", &end]));
    fs::write(whole.join("log").join(last.file_name().unwrap()), bytes).unwrap();
    is_not_served(&whole, "it belongs to another journal");
}

/// A small shop with an order that has personal data, stopped, and a backup of it.
struct Small {
    data: PathBuf,
    backup: PathBuf,
    key: String,
    order: String,
}

fn small(top: &Path) -> Small {
    let (data, backup) = (top.join("data"), top.join("backup"));
    let (server, key) = shop(&data);
    let order = ORDER.replace("\"lines\"", "\"customer\":{\"name\":\"Ada\"},\"lines\"");
    let (status, _, answer) = server.ask("POST", "/v1/orders", &key, &[], &order);
    assert_eq!(status, 201, "{answer}");
    server.kill();
    done(&run("backup", &[&data, &backup], &[]));
    Small { data, backup, key, order: answer["id"].as_str().unwrap().to_owned() }
}

#[test]
fn a_flipped_byte_a_missing_file_and_one_too_many_are_refused_by_name() {
    let top = tempfile::tempdir().unwrap();
    let Small { backup, .. } = small(top.path());
    let copy = top.path().join("copy");
    let files = image(&backup);
    assert_eq!(files.len(), 4, "log, two key files and the manifest: {:?}", files.keys());
    let damaged = |file: &Path| {
        let name = file.strip_prefix(&backup).unwrap().to_str().unwrap();
        let before = image(top.path());
        refused(&run("restore", &[&backup, &copy], &[]), 3, &[name, "Nothing was changed", "Next: "]);
        assert!(image(top.path()) == before && !copy.exists());
    };
    for (file, bytes) in &files {
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        for place in [0, used / 2, used, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[place] ^= 0x10;
            fs::write(file, flipped).unwrap();
            damaged(file);
        }
        fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
        damaged(file);
        if !file.ends_with("backup.json") {
            fs::remove_file(file).unwrap();
            damaged(file);
        }
        fs::write(file, bytes).unwrap();
    }
    let extra = backup.join("log/00000000000000000900.seg");
    fs::write(&extra, "").unwrap();
    damaged(&extra);
    fs::remove_file(extra).unwrap();
    done(&run("restore", &[&backup, &copy], &[]));
}

#[test]
fn a_refusal_changes_nothing_and_says_what_to_type() {
    let top = tempfile::tempdir().unwrap();
    let Small { data, backup, .. } = small(top.path());
    let count = log_of(&backup).len();
    let path = |name: &str| top.path().join(name);
    let copy = path("copy");
    let before = image(top.path());
    let end = format!("--to-lsn {count}");
    refused(
        &run("backup", &[&data, &backup], &[]),
        5,
        &["is there already", "Next: onhand backup", "backup.2"],
    );
    refused(&run("backup", &[&backup, &copy], &[]), 5, &["is a backup", "Next: onhand restore"]);
    refused(&run("backup", &[&data, &data.join("x")], &[]), 5, &["would be inside", "Next: onhand backup"]);
    refused(&run("restore", &[&backup, &data], &["--to-lsn", "3"]), 5, &["data.2 --to-lsn 3"]);
    refused(&run("restore", &[&data, &copy], &[]), 5, &["has no backup.json", "Next: onhand backup"]);
    for lsn in [0, count + 1] {
        let lsn = lsn.to_string();
        refused(&run("restore", &[&backup, &copy], &["--to-lsn", &lsn]), 5, &["Next: onhand restore", &end]);
    }
    for (time, next) in
        [("1990-01-01T00:00:00Z", "--to-time 2"), ("2990-01-01T00:00:00+01:00", "a later backup")]
    {
        refused(&run("restore", &[&backup, &copy], &["--to-time", time]), 5, &["Next: onhand restore", next]);
    }
    refused(&run("restore", &[&backup, &copy], &["--to-time", "yesterday"]), 2, &["RFC 3339"]);
    refused(
        &run("restore", &[&backup, &copy], &["--to-lsn", "1", "--to-time", "2026-01-01T00:00:00Z"]),
        2,
        &[],
    );
    refused(&run("backup", &[&path("nothing"), &copy], &[]), 2, &["holds no log"]);
    let served = backup.to_str().unwrap();
    for arguments in [
        &["serve", "--listen", "127.0.0.1:0", "--data", served][..],
        &["merchant", "create", "other", "--data", served],
        &["key", "revoke", "1", "--data", served],
    ] {
        refused(&onhand(arguments), 5, &["is a backup", "Next: onhand restore"]);
    }
    assert!(image(top.path()) == before && !copy.exists());
}

#[test]
fn a_copy_has_the_personal_data_and_is_its_owners_alone() {
    let top = tempfile::tempdir().unwrap();
    let Small { backup, key, order, .. } = small(top.path());
    let copies = [top.path().join("one"), top.path().join("two")];
    for copy in &copies {
        done(&run("restore", &[&backup, copy], &[]));
    }
    for dir in [&backup, &copies[0]] {
        assert_eq!(fs::metadata(dir).unwrap().permissions().mode() & 0o777, 0o700);
        for file in image(dir).keys() {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
    }
    // Two copies of one backup are two logs.
    let openings = copies.each_ref().map(|copy| log_of(copy).last().unwrap().clone());
    assert_ne!(field(&openings[0], "/body/cluster"), field(&openings[1], "/body/cluster"));
    let server = Server::start(&copies[0]);
    let (_, _, order) = server.ask("GET", &format!("/v1/orders/{order}"), &key, &[], "");
    assert_eq!(order["customer"]["name"], "Ada", "{order}");
    server.kill();
    // A copy is backed up and restored like any other.
    let (again, third) = (top.path().join("again"), top.path().join("third"));
    done(&run("backup", &[&copies[0], &again], &[]));
    done(&run("restore", &[&again, &third], &[]));
    done(&run("verify", &[&third], &[]));
}

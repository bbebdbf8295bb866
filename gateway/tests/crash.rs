//! SIGKILL of the real binary, again and again under load, and the history checked against what was answered.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Server, merchant, onhand};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

const CLIENTS: usize = 4;
const ORDERS_EACH: usize = 1_500;
const SKUS: usize = 20;
/// About half of what is asked, so that refusals come too.
const STOCK_EACH: u64 = 450;
/// Lines of a bulk body: several frames are under way when the process dies.
const LINES: usize = 100;
/// Kills come after these parts of all answers, in hundredths.
const KILLS: [usize; 6] = [4, 11, 30, 52, 77, 93];

/// What a client was told of one order: status and body.
type Told = Option<(u64, Value)>;

/// An order that is the same whenever it is sent.
fn order(client: usize, number: usize) -> String {
    let mixed = (client * ORDERS_EACH + number).wrapping_mul(2_654_435_761);
    let line = |place: usize| {
        let (sku, quantity) = ((mixed >> (3 * place)) % SKUS, 1 + (mixed >> (7 * place)) % 4);
        json!({ "id": place.to_string(), "sku": format!("S{sku}"), "quantity": quantity })
    };
    let name = format!("{client}-{number}");
    let lines: Vec<Value> = (0..1 + mixed % 3).map(line).collect();
    json!({ "external_id": name, "channel": "web", "lines": lines, "idempotency_key": name }).to_string()
}

/// Sends orders as one body and hands out each answer as it comes; ends early if the server does.
fn send(address: &str, key: &str, orders: &[String], mut told: impl FnMut(usize, u64, Value)) {
    let body = orders.join("\n");
    let head = format!(
        "POST /v1/orders/bulk HTTP/1.1\r\nhost: onhand\r\nconnection: close\r\nauthorization: Bearer {key}"
    );
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    if write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).is_err() {
        return;
    }
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        // What is no JSON is the head or the length of a chunk; a line that was cut off is no answer.
        let Ok(answer) = serde_json::from_str::<Value>(&line) else { continue };
        if let (Some(place), Some(status)) = (answer["line"].as_u64(), answer["status"].as_u64()) {
            told(usize::try_from(place).unwrap() - 1, status, answer["body"].clone());
        }
    }
}

/// One client's round: everything it has no answer for, until all is answered or the server is gone.
fn client(address: &str, key: &str, number: usize, told: &mut [Told], answers: &AtomicUsize) {
    let open: Vec<usize> = (0..told.len()).filter(|place| told[*place].is_none()).collect();
    for batch in open.chunks(LINES) {
        let orders: Vec<String> = batch.iter().map(|place| order(number, *place)).collect();
        let mut count = 0;
        send(address, key, &orders, |place, status, body| {
            assert!(matches!(status, 201 | 409), "{status}: {body}");
            told[batch[place]] = Some((status, body));
            count += 1;
            answers.fetch_add(1, Ordering::Relaxed);
        });
        if count < batch.len() {
            return;
        }
    }
}

fn stocked(server: &Server, key: &str) {
    let put = |path: &str, body: &str| assert_eq!(server.ask("PUT", path, key, &[], body).0, 201, "{path}");
    put("/v1/locations/main", r#"{"kind":"warehouse","country":"DE"}"#);
    put("/v1/channels/web", r#"{"kind":"api","locations":["main"]}"#);
    for sku in 0..SKUS {
        put(&format!("/v1/skus/S{sku}"), "{}");
        let body = json!({ "type": "receive", "sku": format!("S{sku}"), "location": "main", "quantity": STOCK_EACH });
        let headers = [("idempotency-key", format!("stock-{sku}"))];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(server.ask("POST", "/v1/stock/movements", key, &headers, &body.to_string()).0, 201);
    }
}

/// What the log says of each order: how often it was accepted, and how many units.
fn logged(data: &str) -> BTreeMap<String, (usize, u64)> {
    let output = onhand(&["log", data]);
    assert!(output.status.success());
    let mut orders = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if record["kind"] == "order_accepted" {
            let asked = &record["body"]["asked"];
            let units =
                asked["lines"].as_array().unwrap().iter().map(|line| line["quantity"].as_u64().unwrap());
            let name = asked["external_id"].as_str().unwrap().to_owned();
            let entry = orders.entry(name).or_insert((0, 0));
            *entry = (entry.0 + 1, units.sum());
        }
    }
    orders
}

#[test]
fn six_kills_under_load_lose_nothing_and_repeat_nothing() {
    let data = tempfile::tempdir().unwrap();
    let key = merchant(data.path(), "acme", "orders:write,stock:write,read,admin");
    let mut told: Vec<Vec<Told>> = vec![vec![None; ORDERS_EACH]; CLIENTS];
    let answers = AtomicUsize::new(0);
    let mut server = Server::start(data.path());
    stocked(&server, &key);
    for kill in KILLS {
        let address = server.address().to_owned();
        std::thread::scope(|scope| {
            let clients = told.iter_mut().enumerate().map(|(number, told)| {
                let (address, key, answers) = (&address, &key, &answers);
                scope.spawn(move || client(address, key, number, told, answers))
            });
            let clients: Vec<_> = clients.collect();
            let enough = kill * CLIENTS * ORDERS_EACH / 100;
            while answers.load(Ordering::Relaxed) < enough
                && !clients.iter().all(|client| client.is_finished())
            {
                std::thread::yield_now();
            }
            server.kill();
        });
        server = Server::start(data.path());
    }
    let open = told.iter().flatten().filter(|told| told.is_none()).count();
    assert!(open > 0, "the last kill met nobody");
    for (number, told) in told.iter_mut().enumerate() {
        client(server.address(), &key, number, told, &answers);
    }

    // Every order again: the first answer, word for word.
    for (number, told) in told.iter().enumerate() {
        let orders: Vec<String> = (0..ORDERS_EACH).map(|place| order(number, place)).collect();
        let mut count = 0;
        send(server.address(), &key, &orders, |place, status, body| {
            assert_eq!(told[place], Some((status, body)), "order {number}-{place}");
            count += 1;
        });
        assert_eq!(count, ORDERS_EACH);
    }
    server.kill();

    let data = data.path().to_str().unwrap();
    let verdict = onhand(&["verify", data]);
    assert!(verdict.status.success(), "{}", String::from_utf8_lossy(&verdict.stdout));
    let logged = logged(data);
    let mut accepted = 0;
    for (number, told) in told.iter().enumerate() {
        for (place, told) in told.iter().enumerate() {
            let name = format!("{number}-{place}");
            let times = logged.get(&name).map_or(0, |order| order.0);
            let expected = usize::from(told.as_ref().unwrap().0 == 201);
            assert_eq!(times, expected, "order {name}: {told:?}");
            accepted += expected;
        }
    }
    assert!(accepted > 0 && accepted < CLIENTS * ORDERS_EACH, "stock sufficed for all or none: {accepted}");
    assert_eq!(logged.len(), accepted);
    let units: u64 = logged.values().map(|order| order.1).sum();
    assert!(units <= STOCK_EACH * SKUS as u64, "{units} units sold");
}

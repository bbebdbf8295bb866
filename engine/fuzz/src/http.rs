//! Requests through the gateway's own routes and parsers, to the engine and back, in one thread but the engine's own.

use crate::history::{NOW_MS, config, fingerprints};
use actix_web::App;
use actix_web::body::to_bytes;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};
use actix_web::rt::{System, SystemRunner};
use actix_web::test::{TestRequest, init_service, try_call_service};
use onhand_engine::clock::ManualClock;
use onhand_engine::registry::Scopes;
use onhand_engine::snapshots::log::scan;
use onhand_engine::snapshots::storage::SimStorage;
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_engine::{Engine, OnFailure};
use onhand_gateway::http::{Shared, worker};
use onhand_gateway::metrics;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

/// A request as text: a line with method and path, headers, an empty line, the body.
struct Request {
    method: Method,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

/// Requests of one engine: then another one begins where the first one did, so that memory and log stay small.
const REQUESTS_OF_ENGINE: usize = 200;

/// What bulk bodies may have under way: more than an input has.
const BULK_BYTES: usize = 16 << 20;

/// The longest answer to an input. Answers repeat the caller's own text cut short, but a bulk body has an answer of
/// some hundred bytes for each of its lines, and a line has two bytes at least.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// What a shop is made with, before any input: method, path and body.
const SHOP: [(&str, &str, &str); 8] = [
    ("PUT", "/v1/locations/main", r#"{"kind":"warehouse","country":"GB"}"#),
    ("PUT", "/v1/locations/east", r#"{"kind":"shop","country":"GB","priority":5}"#),
    ("PUT", "/v1/channels/web", r#"{"kind":"shopify","locations":["main","east"]}"#),
    ("PUT", "/v1/skus/MUG", r#"{"title":"Mug","gtin":"4006381333931"}"#),
    ("PUT", "/v1/skus/TEA", r#"{"decimals":3}"#),
    ("POST", "/v1/stock/movements", r#"{"type":"receive","sku":"MUG","location":"main","quantity":10}"#),
    ("POST", "/v1/stock/movements", r#"{"type":"receive","sku":"TEA","location":"main","quantity":"1.5"}"#),
    (
        "POST",
        "/v1/orders",
        r#"{"external_id":"first","channel":"web","customer":{"name":"Ada"},"lines":[{"id":"1","sku":"MUG","quantity":2}]}"#,
    ),
];

/// The id of the order of [`SHOP`]: the log's opening, merchant and key, and seven records come before it.
pub(crate) const FIRST_ORDER: &str = "ord_00000000000002R";

/// A shop on its disk, and who serves it now.
struct Shop {
    image: SimStorage,
    key: HeaderValue,
    open: Option<Open>,
}

type Answered = Pin<Box<dyn Future<Output = u16>>>;

/// An engine and one worker before it.
struct Open {
    engine: Engine,
    system: SystemRunner,
    serve: Box<dyn Fn(TestRequest) -> Answered>,
    requests: usize,
}

thread_local! {
    /// Never dropped: when a process exits, what a runtime needs to end may have ended before it.
    static SHOP_OF_THREAD: RefCell<ManuallyDrop<Option<Shop>>> = const { RefCell::new(ManuallyDrop::new(None)) };
}

fn recorder() -> metrics_exporter_prometheus::PrometheusHandle {
    static RECORDER: OnceLock<metrics_exporter_prometheus::PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| metrics::install().unwrap_or_else(|error| panic!("metrics: {error}"))).clone()
}

fn engine_on(storage: &SimStorage) -> Engine {
    let on_failure: OnFailure = Arc::new(|failure| {
        // On a thread of the engine a panic would be that thread's alone.
        drop(std::io::Write::write_all(&mut std::io::stderr(), format!("{failure}\n").as_bytes()));
        std::process::abort()
    });
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let started = Engine::start(Disk::simulated(storage), fingerprints(), clock, &config(), on_failure);
    started.unwrap_or_else(|error| panic!("the shop opens: {error}"))
}

impl Open {
    fn on(storage: &SimStorage) -> Self {
        let (engine, system) = (engine_on(storage), System::new());
        let shared = Arc::new(Shared::new(recorder()));
        shared.open(engine.handle());
        let service = system.block_on(init_service(App::new().configure(worker(&shared, BULK_BYTES))));
        let service = Rc::new(service);
        let serve = move |request: TestRequest| -> Answered {
            let service = Rc::clone(&service);
            Box::pin(async move {
                match try_call_service(&*service, request.to_request()).await {
                    Ok(response) => checked(response).await,
                    Err(error) => error.as_response_error().status_code().as_u16(),
                }
            })
        };
        Self { engine, system, serve: Box::new(serve), requests: 0 }
    }

    fn ask(&mut self, request: TestRequest) -> u16 {
        self.requests += 1;
        self.system.block_on((self.serve)(request))
    }

    /// Whoever waits goes first, then the engine stops.
    fn close(self) {
        let Self { engine, system, serve, .. } = self;
        drop(serve);
        drop(system);
        engine.stop();
    }
}

impl Shop {
    fn open() -> Self {
        let storage = SimStorage::default();
        let mut open = Open::on(&storage);
        let (handle, scopes) = (open.engine.handle(), Scopes::parse("orders:write,stock:write,read"));
        let scopes = scopes.unwrap_or_else(|error| panic!("the scopes are known: {error}"));
        let created = handle.create_merchant("acme").and_then(|_| handle.create_key("acme", scopes));
        let (_, secret) = created.unwrap_or_else(|error| panic!("a merchant and a key: {error}"));
        let key = HeaderValue::try_from(format!("Bearer {secret}"));
        let key = key.unwrap_or_else(|error| panic!("a key is printable: {error}"));
        for (number, (method, path, body)) in SHOP.into_iter().enumerate() {
            let text = format!("{method} {path}\nidempotency-key: set-up-{number}\n\n{body}");
            let request =
                parse(text.as_bytes()).unwrap_or_else(|| panic!("the shop's own requests are some"));
            assert_eq!(open.ask(request.with(&key)), 201, "{path}");
        }
        drop(handle);
        open.close();
        Self { image: storage, key, open: None }
    }

    /// Asks, and checks the answer; returns its status.
    fn ask(&mut self, request: Request) -> u16 {
        if let Some(old) = self.open.take_if(|open| open.requests >= REQUESTS_OF_ENGINE) {
            old.close();
        }
        let image = &self.image;
        self.open.get_or_insert_with(|| Open::on(&image.fork())).ask(request.with(&self.key))
    }
}

impl Request {
    /// As the server gets it, under a key.
    fn with(self, key: &HeaderValue) -> TestRequest {
        let mut request = TestRequest::default().method(self.method).uri(&self.uri.to_string());
        request = request.insert_header(("authorization", key.clone()));
        for header in self.headers {
            request = request.append_header(header);
        }
        request.set_payload(self.body)
    }
}

async fn checked(response: ServiceResponse) -> u16 {
    let status = response.status().as_u16();
    let is_json = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind == "application/json" || kind == "application/problem+json");
    let is_overload = matches!(status, 429 | 503);
    assert!(status < 500 || is_overload, "an answer of status {status}: a defect of ours");
    let body = to_bytes(response.into_body()).await;
    let body = body.unwrap_or_else(|error| panic!("the answer breaks off: {error}"));
    assert!(body.len() <= ANSWER_BYTES_MAX, "an answer of {} bytes", body.len());
    if is_json && !body.is_empty() {
        let parsed = serde_json::from_slice::<serde_json::Value>(&body);
        assert!(parsed.is_ok(), "an answer that is no JSON: {:?}", String::from_utf8_lossy(&body));
    }
    status
}

/// Reads an input as a request; `None` if HTTP could not carry it.
fn parse(input: &[u8]) -> Option<Request> {
    let (mut lines, mut rest) = (Vec::new(), input);
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or(&[]);
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let (first, headers) = lines.split_first()?;
    let space = first.iter().position(|byte| *byte == b' ')?;
    let method = Method::from_bytes(&first[..space]).ok()?;
    let uri = Uri::try_from(&first[space + 1..]).ok()?;
    let header = |line: &&[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    };
    // Its own key stays: whoever has none is answered before anything is read.
    let headers = headers.iter().filter_map(header).filter(|(name, _)| name != "authorization").collect();
    Some(Request { method, uri, headers, body: rest.to_vec() })
}

fn ask(input: &[u8]) {
    let Some(request) = parse(input) else { return };
    SHOP_OF_THREAD.with_borrow_mut(|shop| shop.get_or_insert_with(Shop::open).ask(request));
}

/// The input is a whole request.
pub(crate) fn request(input: &[u8]) {
    ask(input);
}

/// The input is the body of an order, and a body of lines.
pub(crate) fn order(input: &[u8]) {
    ask(&[b"POST /v1/orders\n\n", input].concat());
    ask(&[b"POST /v1/orders/bulk\nidempotency-key: all\n\n", input].concat());
}

/// Routes that take a JSON body, one of which the first byte of an input chooses.
pub(crate) const BODIES: [&str; 15] = [
    "PUT /v1/skus/NEW",
    "POST /v1/skus/bulk",
    "PUT /v1/channels/shop",
    "PUT /v1/locations/north",
    "POST /v1/stock/movements",
    "POST /v1/stock/movements/bulk",
    "POST /v1/orders/ord_00000000000002R/cancel",
    "POST /v1/orders/ord_00000000000002R/fulfillments",
    "POST /v1/availability",
    "PUT /v1/skus/MUG",
    "PUT /v1/skus/BOX",
    "PUT /v1/channels/web/exposure",
    "POST /v1/channels/web/watermark",
    "PUT /v1/skus/TEA/grants/web",
    "POST /v1/skus/TEA/grants/web/acknowledge",
];

/// The first byte chooses a route, the rest is its body.
pub(crate) fn body(input: &[u8]) {
    let Some((route, body)) = input.split_first() else { return };
    let line = BODIES[usize::from(*route) % BODIES.len()];
    let key = blake3::hash(input).to_hex();
    ask(&[line.as_bytes(), b"\nidempotency-key: ", key.as_bytes(), b"\n\n", body].concat());
}

/// The input is what stands behind `GET /v1/`: a path, and perhaps a query.
pub(crate) fn query(input: &[u8]) {
    ask(&[b"GET /v1/", input].concat());
}

/// The records of the shop's log, as an input of `history` has them.
pub(crate) fn shop_records() -> Vec<u8> {
    let shop = Shop::open();
    let mut out = Vec::new();
    let read = scan(&shop.image, Lsn(1), &mut |_, record| {
        out.extend_from_slice(&u16::try_from(record.len()).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(record);
        Ok(())
    });
    assert!(read.is_ok(), "the shop's log reads");
    out
}

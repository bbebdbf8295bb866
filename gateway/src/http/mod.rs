//! HTTP: the routes on one screen, one file per resource.

mod admin;
mod answers;
mod availability;
mod budget;
mod bulk;
pub(crate) mod catalogue;
pub mod counting;
mod course;
mod customer;
mod description;
mod explanation;
mod fingerprint;
mod grants;
mod hold_lines;
mod holds;
mod key;
mod kit;
mod lines;
mod listener;
mod ops;
mod order_agreed;
mod order_body;
mod order_change;
mod order_said;
mod orders;
mod preview;
pub mod problem;
mod routing;
mod stock;
pub(crate) mod terms;

pub use listener::listen;

use crate::auth::{Caller, caller};
use crate::intake::{Identity, Intake, Pending, submission};
use crate::metrics::{RouteClass, count_refusal, count_response, measure_request};
use crate::render::{self, Rendered};
use crate::repeat::settle;
use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue};
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{App, HttpMessage, HttpRequest, HttpResponse, HttpServer, Route, guard};
use budget::Budget;
use metrics_exporter_prometheus::PrometheusHandle;
use onhand_engine::ask::{Answer, Ask, ReadAsk};
use onhand_engine::clock::Stopwatch;
use onhand_engine::registry::Scopes;
use onhand_engine::{Class, Handle, Item, Ticket};
use problem::{Problem, shown};
use std::cell::OnceCell;
use std::net::TcpListener;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The longest body of a single request: an order of 1,200 lines is some 180 KB.
pub const BODY_BYTES_MAX: usize = 512 << 10;

/// How long a body may take to arrive; a slow sender must not hold a connection for ever.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait for room in a shard's mailbox: it takes some thousand requests in that time.
const MAILBOX_PAUSE: Duration = Duration::from_millis(5);

/// How long a refusal waits at least, and over how much more the refusals are spread: whoever comes again at once, whatever
/// `Retry-After` says, comes a few times a second with each connection and not thousands of times, and not all together.
/// Refusing them took most of the processor from what was accepted.
const REFUSAL_PAUSE_MS: u64 = 100;
const REFUSAL_SPREAD_MS: u64 = 256;

/// Open connections of one worker.
const CONNECTIONS_MAX: usize = 10_000;

/// What all workers share. The engine arrives when its log was replayed.
pub struct Shared {
    engine: OnceLock<Handle>,
    metrics: Option<PrometheusHandle>,
}

impl Shared {
    /// Nothing to serve yet.
    #[must_use]
    pub fn new(metrics: PrometheusHandle) -> Self {
        Self { engine: OnceLock::new(), metrics: Some(metrics) }
    }

    /// The same where nobody keeps metrics, for whoever counts instructions: to begin to keep them is to measure the
    /// machine's clock, for as long as that takes.
    #[must_use]
    pub fn without_metrics() -> Self {
        Self { engine: OnceLock::new(), metrics: None }
    }

    /// The doors open.
    pub fn open(&self, engine: Handle) {
        // Set once by whoever starts the engine.
        drop(self.engine.set(engine));
    }
}

/// What one worker has.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    intake: OnceCell<Rc<Intake>>,
    /// What its bulk bodies may have under way.
    bulk: Rc<Budget>,
}

impl Worker {
    fn intake(&self) -> Result<&Rc<Intake>, Problem> {
        let handle = self.shared.engine.get().ok_or_else(Problem::not_ready)?;
        Ok(self.intake.get_or_init(|| Intake::start(handle.clone())))
    }
}

/// One request with its caller, past the doorman.
pub(crate) struct Desk {
    pub(crate) intake: Rc<Intake>,
    pub(crate) caller: Caller,
    pub(crate) idempotency_key: Option<String>,
    /// The id of this request, in its answer and in the record it leaves.
    request_id: [u8; 16],
}

/// The id of a request and when it came, kept with it for its answer.
struct RequestId([u8; 16], Stopwatch);

impl Desk {
    /// Lets a request in: the engine is ready, the key is good for the scope.
    fn open(request: &HttpRequest, scope: Scopes) -> Result<Self, Problem> {
        let worker = request.app_data::<Rc<Worker>>().ok_or_else(Problem::internal)?;
        let intake = Rc::clone(worker.intake()?);
        let request_id = intake.request_id();
        request.extensions_mut().insert(RequestId(request_id, Stopwatch::start()));
        let caller = caller(request, intake.handle(), scope)?;
        no_stray_query(request)?;
        Ok(Self { intake, caller, idempotency_key: key::of_header(request)?, request_id })
    }

    /// The key that every write but PUT and orders must carry.
    fn require_key(&self) -> Result<(), Problem> {
        let detail = "send the header Idempotency-Key with a value of your own for this request";
        self.idempotency_key
            .as_ref()
            .map(|_| ())
            .ok_or_else(|| Problem::new(400, "idempotency_key_required", detail))
    }

    /// What identifies a request: its key, and what it says.
    fn identity(&self, key: Option<&str>, route: &str, said: &[u8]) -> Identity {
        let fingerprints = self.intake.handle().fingerprints();
        let merchant = self.caller.directory.merchant;
        Identity {
            request: self.request_id,
            idempotency: key.map(|key| fingerprints.idempotency(merchant, key.as_bytes())),
            fingerprint: Some(fingerprints.request(merchant, route, said)),
        }
    }

    /// What is asked as it goes to the engine, for whoever waits at an inbox of its own.
    fn item(&self, ticket: Ticket, identity: Identity, stage: u32, ask: Ask) -> Item {
        Item::new(ticket, submission(&self.caller, identity, stage, ask))
    }

    /// Lets a shard know that of a bulk body nothing of an earlier stage will come any more.
    async fn pass_stage(&self, stage: u32) {
        loop {
            let identity = Identity { request: self.request_id, ..Identity::default() };
            let ask = Ask::Read(ReadAsk::Orders(Vec::new()));
            let pending = self.intake.resubmit(&self.caller, submission(&self.caller, identity, stage, ask));
            match pending.await {
                // The shard's mailbox was full.
                Ok(Answer::Busy) => tokio::time::sleep(MAILBOX_PAUSE).await,
                Ok(_) | Err(_) => return,
            }
        }
    }

    async fn submit(&self, identity: Identity, ask: Ask) -> Result<Pending, Problem> {
        match self.intake.submit(&self.caller, identity, ask) {
            Ok(pending) => Ok(pending),
            Err(problem) => Err(self.refused(problem).await),
        }
    }

    /// Whether something of this class would be admitted now: asked before the body is parsed, a refusal costs little.
    async fn may_submit(&self, class: Class) -> Result<(), Problem> {
        match self.intake.handle().may_admit(&self.caller.directory, class) {
            Ok(()) => Ok(()),
            Err(busy) => Err(self.refused(busy.into()).await),
        }
    }

    /// A refusal, after its pause; the ids of requests are numbered, so their ends spread evenly.
    async fn refused(&self, problem: Problem) -> Problem {
        let spread = u64::from(self.request_id[15]) % REFUSAL_SPREAD_MS;
        tokio::time::sleep(Duration::from_millis(REFUSAL_PAUSE_MS + spread)).await;
        problem
    }

    /// Waits for the answer and renders it.
    async fn answer(&self, pending: Pending) -> Result<Rendered, Problem> {
        self.settled(pending.await.map_err(|_| Problem::not_ready())?).await
    }

    /// Renders an answer that has come; one that was given before is found first.
    async fn settled(&self, answer: Answer) -> Result<Rendered, Problem> {
        let settled = settle(&self.intake, &self.caller, answer).await?;
        render::settled(self.intake.handle(), &self.caller.directory, &settled)
    }

    /// Submits one request and answers it.
    async fn one(&self, ask: Ask) -> Result<Rendered, Problem> {
        let (word, said) = fingerprint::canonical(&ask);
        let identity = self.identity(self.idempotency_key.as_deref(), word, &said);
        let pending = self.submit(identity, ask).await?;
        self.answer(pending).await
    }
}

/// What a bulk body shares with the others of its worker, if there is room for another one.
fn bulk_budget(request: &HttpRequest) -> Result<Rc<Budget>, Problem> {
    let worker = request.app_data::<Rc<Worker>>().ok_or_else(Problem::internal)?;
    if worker.bulk.is_full() {
        return Err(Problem::bulk_overloaded(worker.bulk.max()));
    }
    Ok(Rc::clone(&worker.bulk))
}

/// Whether a path is that of a list in pages. One with a name in it is looked at as it was sent.
fn is_list(request: &HttpRequest) -> bool {
    let sent = request.uri().path();
    let is_versions = || sent.starts_with("/v1/routing/profiles/") && sent.split('/').count() == 6;
    matches!(request.path(), "/v1/orders" | "/v1/stock") || is_versions()
}

/// Lists read their query; elsewhere there is nothing to say in one, and a mistake is worth telling.
fn no_stray_query(request: &HttpRequest) -> Result<(), Problem> {
    let is_page = request.method() != "POST" && is_list(request);
    if is_page || request.query_string().is_empty() {
        return Ok(());
    }
    Err(Problem::new(400, "invalid_query", "this route takes no query parameters"))
}

/// Reads a whole body, within its limits.
async fn read_body(payload: web::Payload) -> Result<Bytes, Problem> {
    read_body_within(payload, BODY_BYTES_MAX).await
}

/// Reads a whole body on a route with a limit of its own.
async fn read_body_within(payload: web::Payload, max: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("the body is longer than {max} bytes");
        Problem::new(413, "body_too_large", detail).with("max", max)
    };
    match tokio::time::timeout(BODY_TIMEOUT, payload.to_bytes_limited(max)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(_))) => Err(Problem::new(400, "body_incomplete", "the body ended early")),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(Problem::new(408, "body_timeout", "the body took too long to arrive")),
    }
}

/// Does on a thread that may wait what takes long: a run of the index that is opened takes some ten milliseconds, a long
/// routing profile one to be read, and the worker has other connections.
async fn off_worker<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    web::block(read).await.map_err(|_| Problem::internal())?
}

/// The id of a request that came as far as a desk.
fn request_id(request: &HttpRequest) -> Option<String> {
    request.extensions().get::<RequestId>().map(|id| crate::ids::request_text(&id.0))
}

/// The response of an outcome.
fn respond(request: &HttpRequest, outcome: Result<Rendered, Problem>) -> HttpResponse {
    let id = request_id(request);
    if let Some(arrived) = request.extensions().get::<RequestId>() {
        let route = RouteClass::of(request.method().as_str(), request.path());
        measure_request(route, arrived.1.elapsed());
    }
    let rendered = match outcome {
        Ok(rendered) => rendered,
        Err(problem) => {
            count_response(problem.status);
            count_refusal(&problem.code);
            return problem.to_response(id.as_deref());
        }
    };
    count_response(rendered.status);
    let status = StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    // An answer that has no body has no type.
    if rendered.status != 204 {
        let is_problem = rendered.status >= 400;
        response.content_type(if is_problem { "application/problem+json" } else { "application/json" });
    }
    if let Some(id) = id {
        response.insert_header((HeaderName::from_static("request-id"), id));
    }
    if rendered.is_repeat {
        response.insert_header((HeaderName::from_static("idempotent-replayed"), "true"));
    }
    response.body(rendered.body)
}

/// A route for GET, and for HEAD: the same answer without its body.
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// What a path that is there answers to a method it does not have.
fn only(methods: &'static str) -> Route {
    web::to(move |request: HttpRequest| async move {
        let detail = format!("{} is not for this path; {methods} are", request.method());
        let mut response = Problem::new(405, "method_not_allowed", shown(&detail)).to_response(None);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        count_response(405);
        response
    })
}

/// All routes of the API.
fn routes(config: &mut ServiceConfig) {
    let at = web::resource::<&str>;
    // Routes are tried in this order, and those with a variable are matched by a regular expression: what is
    // asked most, and needs none, comes first. Handlers read codes from the path as it was sent.
    config
        .service(
            at("/v1/orders")
                .post(orders::place)
                .route(read().to(orders::list))
                .default_service(only("GET, HEAD, POST")),
        )
        .service(at("/v1/orders/bulk").post(bulk::orders).default_service(only("POST")))
        .service(at("/v1/orders/preview").post(preview::ask).default_service(only("POST")))
        .service(at("/v1/availability").post(availability::ask).default_service(only("POST")));
    let named =
        |path, put: Route, get: Route| at(path).route(put).route(get).default_service(only("GET, HEAD, PUT"));
    config
        .service(named(
            "/v1/locations/{code}",
            web::put().to(catalogue::put_location),
            read().to(catalogue::get_location),
        ))
        .service(named(
            "/v1/channels/{code}",
            web::put().to(catalogue::put_channel),
            read().to(catalogue::get_channel),
        ))
        .service(named(
            "/v1/channels/{code}/exposure",
            web::put().to(grants::put_exposure),
            read().to(grants::get_exposure),
        ))
        .service(at("/v1/channels/{code}/watermark").post(grants::pass_feed).default_service(only("POST")))
        // A SKU may be called bulk, or movements.
        .service(
            at("/v1/skus/bulk")
                .post(bulk::skus)
                .put(catalogue::put_sku)
                .route(read().to(catalogue::get_sku))
                .default_service(only("GET, HEAD, POST, PUT")),
        )
        .service(named("/v1/skus/{sku}", web::put().to(catalogue::put_sku), read().to(catalogue::get_sku)))
        .service(named("/v1/skus/{sku}/grants/{channel}", web::put().to(grants::set), read().to(grants::get)))
        .service(
            at("/v1/skus/{sku}/grants/{channel}/acknowledge")
                .post(grants::acknowledge)
                .default_service(only("POST")),
        )
        .service(
            at("/v1/stock/movements")
                .post(stock::movement)
                .route(read().to(stock::get))
                .default_service(only("GET, HEAD, POST")),
        )
        .service(at("/v1/stock/movements/bulk").post(bulk::movements).default_service(only("POST")))
        .service(at("/v1/stock/{sku}").route(read().to(stock::get)).default_service(only("GET, HEAD")))
        .service(at("/v1/stock").route(read().to(stock::list)).default_service(only("GET, HEAD")))
        .service(at("/v1/orders/{id}").route(read().to(orders::get)).default_service(only("GET, HEAD")))
        .service(
            at("/v1/orders/{id}/explanation")
                .route(read().to(explanation::get))
                .default_service(only("GET, HEAD")),
        )
        .service(at("/v1/orders/{id}/customer").delete(customer::erase).default_service(only("DELETE")))
        .service(at("/v1/orders/{id}/cancel").post(order_change::cancel).default_service(only("POST")))
        .service(at("/v1/orders/{id}/fulfillments").post(order_change::fulfill).default_service(only("POST")))
        .service(at("/v1/holds").post(holds::place).default_service(only("POST")))
        .service(
            at("/v1/holds/{id}")
                .route(read().to(holds::get))
                .delete(holds::release)
                .default_service(only("DELETE, GET, HEAD")),
        )
        .service(at("/v1/holds/{id}/extend").post(holds::extend).default_service(only("POST")))
        .service(at("/v1/holds/{id}/confirm").post(holds::confirm).default_service(only("POST")))
        .service(
            at("/v1/routing/profiles").route(read().to(routing::list)).default_service(only("GET, HEAD")),
        )
        .service(named("/v1/routing/profiles/{name}", web::put().to(routing::put), read().to(routing::get)))
        .service(
            at("/v1/routing/profiles/{name}/versions")
                .route(read().to(routing::versions))
                .default_service(only("GET, HEAD")),
        )
        .service(
            at("/v1/routing/profiles/{name}/versions/{version}")
                .route(read().to(routing::version))
                .default_service(only("GET, HEAD")),
        )
        .service(at("/v1/openapi.json").route(read().to(description::get)).default_service(only("GET, HEAD")))
        .service(at("/metrics").route(read().to(ops::metrics)).default_service(only("GET, HEAD")))
        .service(at("/healthz").route(read().to(ops::healthz)).default_service(only("GET, HEAD")))
        .service(at("/readyz").route(read().to(ops::readyz)).default_service(only("GET, HEAD")))
        .default_service(web::to(no_route));
}

/// What one worker of the public server is: all routes, and what it has for itself. Its bulk bodies may have
/// `bulk_bytes` under way.
pub fn worker(shared: &Arc<Shared>, bulk_bytes: usize) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let shared = Arc::clone(shared);
    move |config| {
        let bulk = Rc::new(Budget::new(bulk_bytes));
        config.app_data(Rc::new(Worker { shared, intake: OnceCell::new(), bulk }));
        routes(config);
    }
}

async fn no_route(request: HttpRequest) -> HttpResponse {
    let detail = format!("there is no {} {}", request.method(), request.path());
    count_response(404);
    Problem::new(404, "route_not_found", shown(&detail)).to_response(None)
}

/// Starts the public server on a listener. What bulk bodies may have under way is shared out among the workers.
///
/// # Errors
/// If the listener cannot be used.
pub fn serve(
    listener: TcpListener,
    shared: &Arc<Shared>,
    workers: usize,
    bulk_bytes_max: usize,
) -> std::io::Result<Server> {
    let shared = Arc::clone(shared);
    let bulk_bytes = bulk_bytes_max / workers.max(1);
    let server = HttpServer::new(move || App::new().configure(worker(&shared, bulk_bytes)));
    let server = server
        .workers(workers)
        .max_connections(CONNECTIONS_MAX)
        .client_request_timeout(BODY_TIMEOUT)
        .on_connect(|connection, _| {
            // Without it, an answer that goes out in two writes waits 40 ms for the peer's acknowledgement.
            if let Some(stream) = connection.downcast_ref::<TcpStream>()
                && stream.set_nodelay(true).is_err()
            {
                tracing::debug!("TCP_NODELAY was not taken");
            }
        })
        .shutdown_timeout(30)
        .listen(listener)?;
    Ok(server.run())
}

/// Starts the administrator's server on a Unix socket in the data directory.
///
/// # Errors
/// If the socket cannot be made.
pub fn serve_admin(socket: &Path, shared: &Arc<Shared>) -> std::io::Result<Server> {
    let shared = Arc::clone(shared);
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::from(Arc::clone(&shared))).configure(admin::routes)
    });
    let server = server.workers(1).disable_signals().bind_uds(socket)?;
    std::fs::set_permissions(socket, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(server.run())
}

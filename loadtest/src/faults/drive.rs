//! Clients that ask at the same time and write down what they were told.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::LocalSet;

use crate::client::{ClientError, Link};
use crate::clock::Clock;
use crate::error::LoadError;
use crate::faults::asks;
use crate::faults::history::{Ask, History, Known, Told};
use crate::random::{Random, Stream};

/// Clients at the same time, each with one request under way.
const CLIENTS: u64 = 8;

/// One in so many of those whose outcome is unknown is never asked again.
const LEFT: u64 = 3;

/// A client whose server is full or in trouble waits so long.
const TROUBLE_WAIT: Duration = Duration::from_millis(5);

/// What the clients of a shop know together.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) key: String,
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
    pub(crate) history: History,
    /// Accepted orders and how many lines each has.
    pub(crate) orders: Vec<(Known, usize)>,
    /// Answers that say that nothing was done.
    pub(crate) turned_away: u64,
}

/// What came of one request.
enum Reply {
    /// An answer that decides.
    Decided(u16, Value),
    /// Turned away: nothing was done.
    Full,
    /// Unknown: the connection or the server is in trouble, and may have said which.
    Lost(Option<String>),
    /// It was never sent.
    Gone,
}

/// How long clients go on, and what happens to the server meanwhile.
pub(crate) struct Drive<'a> {
    /// How long an answer may take before its outcome counts as unknown.
    pub(crate) patience: Duration,
    /// Waits, and what is done behind each; the clients stop behind the last.
    pub(crate) steps: Vec<(Duration, Step<'a>)>,
}

/// Something that is done to the server.
pub(crate) type Step<'a> = Box<dyn FnMut() -> Result<(), LoadError> + 'a>;

impl Drive<'_> {
    /// Lets the clients of a shop ask until the steps are done, or no server is left.
    pub(crate) fn run(mut self, books: &Rc<RefCell<Books>>, address: SocketAddr) -> Result<(), LoadError> {
        let is_over = Rc::new(Cell::new(false));
        let clients = LocalSet::new();
        let handles: Vec<_> = (0..CLIENTS)
            .map(|_| {
                clients.spawn_local(client(Rc::clone(books), address, self.patience, Rc::clone(&is_over)))
            })
            .collect();
        runtime()?.block_on(clients.run_until(async {
            for (wait, step) in &mut self.steps {
                let mut left = *wait;
                while !left.is_zero() && !handles.iter().all(tokio::task::JoinHandle::is_finished) {
                    let nap = left.min(Duration::from_millis(5));
                    tokio::time::sleep(nap).await;
                    left -= nap;
                }
                step()?;
            }
            is_over.set(true);
            for handle in handles {
                handle.await.map_err(|_| LoadError::Panic)?;
            }
            Ok(())
        }))
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(LoadError::system("starting a runtime"))
}

async fn client(books: Rc<RefCell<Books>>, address: SocketAddr, patience: Duration, is_over: Rc<Cell<bool>>) {
    let mut link = Link::new(address);
    while !is_over.get() {
        let (place, request) = {
            let mut books = books.borrow_mut();
            let number = books.history.ops.len() as u64;
            let mut random = Random::of(books.seed, Stream::Order, number);
            let ask = asks::next(&mut random, &books.orders);
            let (name, is_left, now) =
                (format!("op-{number}"), random.below(LEFT) == 0, books.clock.now_ns());
            let request = request(&books.key, &name, &ask);
            (books.history.begin(name, ask, now, is_left), request)
        };
        let reply = send(&mut link, &request, patience).await;
        let is_in_trouble = matches!(reply, Reply::Full | Reply::Lost(_));
        if !books.borrow_mut().enter(place, reply) {
            return;
        }
        if is_in_trouble {
            tokio::time::sleep(TROUBLE_WAIT).await;
        }
    }
}

/// Asks for things again under their keys, one after the other, until each has an answer.
pub(crate) fn ask_again(
    books: &Rc<RefCell<Books>>,
    address: SocketAddr,
    places: &[usize],
    patience: Duration,
) -> Result<(), LoadError> {
    runtime()?.block_on(async {
        let mut link = Link::new(address);
        for &place in places {
            let request = {
                let books = books.borrow();
                let op = &books.history.ops[place];
                request(&books.key, &op.name, &op.ask)
            };
            let reply = send(&mut link, &request, patience).await;
            books.borrow_mut().enter(place, reply);
        }
        Ok(())
    })
}

/// Asks for one thing when nothing else goes on. Its status; `None` if it was turned away.
pub(crate) fn ask_now(
    books: &Rc<RefCell<Books>>,
    address: SocketAddr,
    ask: Ask,
    patience: Duration,
) -> Result<Option<u16>, LoadError> {
    let (place, turned_away) = {
        let mut books = books.borrow_mut();
        let (name, now) = (format!("op-{}", books.history.ops.len()), books.clock.now_ns());
        (books.history.begin(name, ask, now, false), books.turned_away)
    };
    ask_again(books, address, &[place], patience)?;
    let books = books.borrow();
    let op = &books.history.ops[place];
    match op.told.first() {
        Some(told) => Ok(Some(told.status)),
        None if books.turned_away > turned_away => Ok(None),
        None => Err(LoadError::Usage(format!("{}: the connection broke off", op.name))),
    }
}

/// Reads things at the end, or when nothing else goes on.
pub(crate) fn ask_once(
    books: &Rc<RefCell<Books>>,
    address: SocketAddr,
    asks: Vec<Ask>,
    patience: Duration,
) -> Result<(), LoadError> {
    let begin = |ask: Ask| {
        let mut books = books.borrow_mut();
        let (name, now) = (format!("op-{}", books.history.ops.len()), books.clock.now_ns());
        books.history.begin(name, ask, now, false)
    };
    for ask in asks {
        let place = begin(ask);
        ask_again(books, address, &[place], patience)?;
    }
    Ok(())
}

impl Books {
    /// Writes down what came of a request. False: there is no server to go on with.
    fn enter(&mut self, place: usize, reply: Reply) -> bool {
        let at = self.clock.now_ns();
        match reply {
            Reply::Decided(status, body) => {
                if let (Ask::Order { lines, .. }, 201, Some(lsn), Some(id)) =
                    (&self.history.ops[place].ask, status, body["lsn"].as_u64(), body["id"].as_str())
                {
                    self.orders.push((Known { lsn, id: id.to_owned() }, lines.len()));
                }
                self.history.told(place, Told { at, status, body });
            }
            Reply::Full => self.turned_away += 1,
            Reply::Lost(trouble) => self.history.lost(place, trouble),
            Reply::Gone => return false,
        }
        true
    }
}

async fn send(link: &mut Link, request: &[u8], patience: Duration) -> Reply {
    if link.open().await.is_err() {
        return Reply::Gone;
    }
    let mut text = Vec::new();
    let head = link.exchange(request, patience, &mut |_, bytes| text.extend_from_slice(bytes)).await;
    let body: Value = serde_json::from_slice(&text).unwrap_or_default();
    match head.map(|head| head.status) {
        Ok(429) => Reply::Full,
        Ok(503) if body["code"] == "overloaded" || body["code"] == "storage_full" => Reply::Full,
        // What else the server says of itself leaves open what became of the request.
        Ok(status @ 500..) => {
            Reply::Lost(Some(format!("{status} {}", body["code"].as_str().unwrap_or_default())))
        }
        Ok(status) => Reply::Decided(status, body),
        Err(ClientError::Io(_) | ClientError::Closed | ClientError::Wire(_) | ClientError::Timeout(_)) => {
            Reply::Lost(None)
        }
    }
}

fn request(key: &str, name: &str, ask: &Ask) -> Vec<u8> {
    let (method, path, body) = asks::request(name, ask);
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: onhand\r\nAuthorization: Bearer {key}\r\n");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    if !body.is_empty() {
        head.push_str(&format!("Idempotency-Key: {name}\r\nContent-Length: {}\r\n", body.len()));
    }
    format!("{head}\r\n{body}").into_bytes()
}

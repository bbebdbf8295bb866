//! Playing the story: many connections, a crash in the middle, everything retried until it is answered.

use super::client::{Answer, Client};
use super::interrupt::Interrupts;
use super::server::{Address, Server};
use super::story::{CHANNELS, LOCATIONS, Order, Step, Story};
use anyhow::{Context, bail, ensure};
use hyper::Method;
use indicatif::ProgressBar;
use onhand_engine::clock::Stopwatch;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

/// Connections of all channels together.
const CONNECTIONS: usize = 32;

/// Every so many-th accepted order is shipped, and every so many-th order is delivered again, as channels do.
const SHIP_EVERY: usize = 5;
const DELIVER_TWICE_EVERY: usize = 10;

/// What a channel was told about one order.
#[derive(Debug, Default, Clone)]
pub(super) struct Told {
    /// The answer to the order itself.
    pub(super) placed: Option<Answer>,
    /// Answers to cancellations and shipments, but those that are left for returns.
    pub(super) changes: Vec<Answer>,
    /// Second deliveries whose answer was not the first one's.
    pub(super) contradictions: u32,
    /// Second deliveries.
    pub(super) second_deliveries: u32,
}

/// Everything that the clients know at the end.
pub(super) struct Heard {
    pub(super) orders: Vec<Told>,
    /// Movements that were answered with success.
    pub(super) movements: usize,
    /// Movements that were refused: a write-off of what is not there.
    pub(super) movements_refused: usize,
    /// Cancellation lines that came too late, or for an order that was refused.
    pub(super) returns_left: usize,
    /// Shipments that were refused because the goods were cancelled or written off while they were packed.
    pub(super) packed_again: usize,
    /// Answers that nothing in the story explains.
    pub(super) failures: Vec<String>,
    /// Requests on their way when the server was killed.
    pub(super) in_flight_at_kill: usize,
    /// Requests that had to be sent again.
    pub(super) retried: usize,
    /// From kill to open doors.
    pub(super) recovery: Duration,
    /// Time of the whole play, the crash included.
    pub(super) took: Duration,
    /// Time of each answered request, those that met the crash left out.
    pub(super) latencies: Vec<Duration>,
}

struct Stage {
    story: Story,
    queue: RefCell<VecDeque<usize>>,
    told: RefCell<Vec<Told>>,
    answered: Cell<usize>,
    in_flight: Cell<usize>,
    retried: Cell<usize>,
    movements: Cell<usize>,
    movements_refused: Cell<usize>,
    returns_left: Cell<usize>,
    packed_again: Cell<usize>,
    failures: RefCell<Vec<String>>,
    latencies: RefCell<Vec<Duration>>,
    bar: ProgressBar,
}

/// Sets up the catalogue, plays the story, kills the server half-way; until the end, or until it is interrupted.
pub(super) fn play(
    runtime: &Runtime,
    interrupts: &mut Interrupts,
    story: Story,
    server: Server,
    key: &str,
    bar: &ProgressBar,
) -> anyhow::Result<(Story, Server, Heard)> {
    let local = LocalSet::new();
    local.block_on(runtime, async {
        tokio::select! {
            played = play_whole(story, server, key, bar) => played,
            () = interrupts.heard() => bail!("interrupted"),
        }
    })
}

async fn play_whole(
    story: Story,
    server: Server,
    key: &str,
    bar: &ProgressBar,
) -> anyhow::Result<(Story, Server, Heard)> {
    set_up(&story, server.address(), key).await?;
    let steps = story.steps.len();
    let stage = Rc::new(Stage {
        queue: RefCell::new((0..steps).collect()),
        told: RefCell::new(vec![Told::default(); story.orders.len()]),
        story,
        answered: Cell::new(0),
        in_flight: Cell::new(0),
        retried: Cell::new(0),
        movements: Cell::new(0),
        movements_refused: Cell::new(0),
        returns_left: Cell::new(0),
        packed_again: Cell::new(0),
        failures: RefCell::default(),
        latencies: RefCell::default(),
        bar: bar.clone(),
    });
    bar.set_length(steps as u64);
    let watch = Stopwatch::start();
    let address = server.address();
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::task::spawn_local(work(Rc::clone(&stage), Client::new(address.clone(), key))))
        .collect();
    let (server, recovery, in_flight_at_kill) = crash(&stage, server, steps / 2).await?;
    for worker in workers {
        worker.await?;
    }
    let took = watch.elapsed();
    let stage = Rc::into_inner(stage).context("a worker still runs")?;
    let heard = Heard {
        orders: stage.told.into_inner(),
        movements: stage.movements.get(),
        movements_refused: stage.movements_refused.get(),
        returns_left: stage.returns_left.get(),
        packed_again: stage.packed_again.get(),
        failures: stage.failures.into_inner(),
        in_flight_at_kill,
        retried: stage.retried.get(),
        recovery,
        took,
        latencies: stage.latencies.into_inner(),
    };
    Ok((stage.story, server, heard))
}

/// Waits until half of the story was answered and requests are on their way; then kills for real.
async fn crash(stage: &Rc<Stage>, server: Server, half: usize) -> anyhow::Result<(Server, Duration, usize)> {
    while stage.answered.get() < half || stage.in_flight.get() == 0 {
        tokio::task::yield_now().await;
    }
    let in_flight = stage.in_flight.get();
    let mut server = server;
    let restarted = tokio::task::spawn_blocking(move || server.kill_and_restart().map(|took| (server, took)));
    let (server, recovery) = restarted.await??;
    Ok((server, recovery, in_flight))
}

async fn set_up(story: &Story, address: Address, key: &str) -> anyhow::Result<()> {
    let mut client = Client::new(address, key);
    for (code, kind) in LOCATIONS {
        let body = json!({ "kind": kind, "country": "GB" }).to_string();
        let answer = client.send(Method::PUT, &format!("/v1/locations/{code}"), None, body.as_bytes()).await;
        ensure!(answer.status < 300, "location {code}: {}", answer.json());
    }
    for (code, kind, policy, locations) in CHANNELS {
        let body = json!({ "kind": kind, "policy": policy, "locations": locations }).to_string();
        let answer = client.send(Method::PUT, &format!("/v1/channels/{code}"), None, body.as_bytes()).await;
        ensure!(answer.status < 300, "channel {code}: {}", answer.json());
    }
    let skus = story.skus.iter().map(|(sku, title)| json!({ "sku": sku, "title": title }));
    bulk(&mut client, "/v1/skus/bulk", "catalogue", &lines(skus)).await?;
    bulk(&mut client, "/v1/stock/movements/bulk", "opening", &lines(story.opening.iter().cloned())).await
}

fn lines(rows: impl Iterator<Item = Value>) -> String {
    rows.map(|row| format!("{row}\n")).collect()
}

async fn bulk(client: &mut Client, path: &str, key: &str, body: &str) -> anyhow::Result<()> {
    let answer = client.send(Method::POST, path, Some(key), body.as_bytes()).await;
    let text = String::from_utf8_lossy(&answer.body);
    let good = text.lines().filter(|line| line.contains(r#""status":201"#)).count();
    let bad = text.lines().find(|line| !line.contains(r#""status":201"#)).unwrap_or("an answer is missing");
    ensure!(good == body.lines().count(), "{path}: {bad}");
    Ok(())
}

/// What of an order is allocated at a location.
fn parcel(order: &Value, location: &str) -> Vec<Value> {
    let lines = order["lines"].as_array().into_iter().flatten();
    let parts = lines.flat_map(|line| {
        let parts = line["allocated"].as_array().into_iter().flatten();
        parts.filter(|part| part["location"] == location).map(move |part| (&line["id"], &part["quantity"]))
    });
    parts.map(|(id, quantity)| json!({ "id": id, "quantity": quantity })).collect()
}

/// One connection: takes the next step until none is left.
async fn work(stage: Rc<Stage>, mut client: Client) {
    loop {
        let Some(number) = stage.queue.borrow_mut().pop_front() else { return };
        match stage.story.steps[number].clone() {
            Step::Order(order) => stage.place(&mut client, order).await,
            Step::Move(movement) => stage.move_stock(&mut client, number, &movement).await,
            Step::Cancel { order, line, quantity } => {
                if stage.told.borrow()[order].placed.is_none() {
                    // The order itself is still on its way: later.
                    stage.queue.borrow_mut().push_back(number);
                    tokio::task::yield_now().await;
                    continue;
                }
                stage.cancel(&mut client, number, order, &line, quantity).await;
            }
        }
        stage.answered.set(stage.answered.get() + 1);
        stage.bar.inc(1);
    }
}

impl Stage {
    async fn send(&self, client: &mut Client, path: &str, key: Option<&str>, body: &Value) -> Answer {
        self.in_flight.set(self.in_flight.get() + 1);
        let answer = client.send(Method::POST, path, key, body.to_string().as_bytes()).await;
        self.in_flight.set(self.in_flight.get() - 1);
        if answer.tries > 1 {
            self.retried.set(self.retried.get() + 1);
        } else {
            self.latencies.borrow_mut().push(answer.took);
        }
        answer
    }

    async fn place(&self, client: &mut Client, number: usize) {
        let Order { body, external_id, .. } = &self.story.orders[number];
        let key = format!("order-{external_id}");
        let answer = self.send(client, "/v1/orders", Some(&key), body).await;
        self.told.borrow_mut()[number].placed = Some(answer.clone());
        if number.is_multiple_of(DELIVER_TWICE_EVERY) {
            let again = self.send(client, "/v1/orders", Some(&key), body).await;
            self.compare(number, &answer, &again);
            if answer.status == 201 {
                // The channel lost its key: the external id still tells that it is the same order.
                let again = self.send(client, "/v1/orders", None, body).await;
                self.compare(number, &answer, &again);
            }
        }
        if number.is_multiple_of(SHIP_EVERY) && answer.status == 201 {
            self.ship(client, number, &answer.json()).await;
        }
    }

    fn compare(&self, number: usize, first: &Answer, again: &Answer) {
        let told = &mut self.told.borrow_mut()[number];
        told.second_deliveries += 1;
        let is_same = first.status == again.status && first.json() == again.json() && again.is_repeat;
        told.contradictions += u32::from(!is_same);
    }

    /// Ships what was allocated, a parcel per location.
    async fn ship(&self, client: &mut Client, number: usize, order: &Value) {
        for location in LOCATIONS.map(|(code, _)| code) {
            self.ship_from(client, number, order, location).await;
        }
    }

    /// Ships what is allocated there. While it was packed the customer may have cancelled some of it, or a write-off
    /// has taken it: then the order is read again, and the parcel packed anew.
    async fn ship_from(&self, client: &mut Client, number: usize, order: &Value, location: &str) {
        let path = format!("/v1/orders/{}", order["id"].as_str().unwrap_or_default());
        let mut lines = parcel(order, location);
        for attempt in 1.. {
            if lines.is_empty() {
                return;
            }
            let key = format!("ship-{number}-{location}-{attempt}");
            let body = json!({ "location": location, "lines": lines });
            let answer = self.send(client, &format!("{path}/fulfillments"), Some(&key), &body).await;
            if !answer.is_refusal("not_allocated") && !answer.is_refusal("order_closed") {
                self.told.borrow_mut()[number].changes.push(answer);
                return;
            }
            self.packed_again.set(self.packed_again.get() + 1);
            lines = parcel(&client.send(Method::GET, &path, None, &[]).await.json(), location);
        }
    }

    async fn cancel(&self, client: &mut Client, step: usize, number: usize, line: &str, quantity: i64) {
        let placed = self.told.borrow()[number].placed.clone();
        let Some(placed) = placed.filter(|placed| placed.status == 201) else {
            self.returns_left.set(self.returns_left.get() + 1);
            return;
        };
        let path = format!("/v1/orders/{}/cancel", placed.json()["id"].as_str().unwrap_or_default());
        let body = json!({ "lines": [{ "id": line, "quantity": quantity }], "reason": "customer" });
        let answer = self.send(client, &path, Some(&format!("cancel-{step}")), &body).await;
        // What was shipped meanwhile cannot be cancelled: it has to come back.
        if answer.is_refusal("not_open") || answer.is_refusal("order_closed") {
            self.returns_left.set(self.returns_left.get() + 1);
            return;
        }
        self.told.borrow_mut()[number].changes.push(answer);
    }

    async fn move_stock(&self, client: &mut Client, step: usize, movement: &Value) {
        let answer = self.send(client, "/v1/stock/movements", Some(&format!("move-{step}")), movement).await;
        let counter = match answer.status {
            ..300 => &self.movements,
            _ if answer.is_refusal("not_enough_stock") => &self.movements_refused,
            _ => {
                self.failures.borrow_mut().push(format!("movement {step}: {}", answer.json()));
                return;
            }
        };
        counter.set(counter.get() + 1);
    }
}

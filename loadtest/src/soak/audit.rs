//! When the load is over: stock and orders against what was acknowledged, then the directory that the server leaves.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde::Deserialize;

use crate::answer::Promise;
use crate::api::Api;
use crate::audit::read_back;
use crate::error::LoadError;
use crate::faults::server::{Server, command};
use crate::ledger::{Fault, Sampled};
use crate::names::segment;
use crate::runtime::runtime;
use crate::soak::books::{Books, Ended, Open};
use crate::soak::traffic::Traffic;

/// Open orders that are read back.
const OPEN_MAX: usize = 1_000;

/// How long a lost connection is tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a server may take to write its closing record.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// Reads stock and orders of the running server; what is not as acknowledged, in words.
pub(crate) fn audit(traffic: &Traffic) -> Result<Vec<String>, LoadError> {
    let books = traffic.books.borrow();
    let (sample, ended) = (open_sample(&books), books.ended().0);
    let read = read_back(&traffic.plan, &sample, &mut |_, _| ())?;
    let mut open = Fault::default();
    for (sampled, state) in sample.iter().zip(&read.orders) {
        match state {
            Err(reason) => open.add(|| format!("{}: {reason}", sampled.id)),
            Ok(state) if state.id != sampled.id || state.promises != sampled.promises => {
                open.add(|| format!("{}: {state:?}", sampled.id));
            }
            Ok(_) => {}
        }
    }
    let closed = runtime()?.block_on(read_ended(traffic, ended))?;
    let parts = [("stock", books.differ(&read)), ("open orders", open), ("orders that ended", closed)];
    let wrong = parts.into_iter().filter(|(_, fault)| fault.count > 0);
    let words = |(what, Fault { count, examples }): (&str, Fault)| {
        format!("{what}: {count} not as acknowledged: {}", examples.join("; "))
    };
    Ok(wrong.map(words).collect())
}

/// Open orders, evenly over their age.
fn open_sample(books: &Books) -> Vec<Sampled> {
    let step = books.open().len().div_ceil(OPEN_MAX).max(1);
    let sampled = |open: &Open| Sampled {
        order: open.number,
        id: open.id.clone(),
        promises: vec![Promise { sku: open.sku, location: Some(0), quantity: u64::from(open.quantity) }],
    };
    books.open().iter().step_by(step).map(sampled).collect()
}

/// An order, as far as it is read here.
#[derive(Deserialize)]
struct Closed {
    id: String,
    status: String,
}

async fn read_ended(traffic: &Traffic, ended: &[Ended]) -> Result<Fault, LoadError> {
    let mut api = Api::new(&traffic.plan.target, PATIENCE);
    let mut fault = Fault::default();
    for Ended { id, status } in ended {
        let reply = api.get(&format!("/v1/orders/{}", segment(id))).await?;
        let closed: Option<Closed> = serde_json::from_slice(&reply.body).ok();
        if !closed.is_some_and(|closed| closed.id == *id && closed.status == *status) {
            fault.add(|| format!("{id} was {status}: {}", String::from_utf8_lossy(&reply.body)));
        }
    }
    Ok(fault)
}

/// Stops the server and audits what it leaves.
pub(crate) fn stop(server: &mut Server, binary: &Path, data: &Path) -> Result<Vec<String>, LoadError> {
    let mut faults = Vec::new();
    server.signal(Signal::TERM)?;
    match server.ended_soon(STOP_PATIENCE)? {
        Some(status) if status.success() => {}
        Some(status) => faults.push(format!("the server ended with {status}")),
        None => {
            faults.push(format!("the server does not stop within {} s", STOP_PATIENCE.as_secs()));
            server.kill()?;
        }
    }
    let (is_whole, text) = command(binary, &["verify", &data.to_string_lossy()])?;
    if !is_whole {
        faults.push(format!("onhand verify: {text}"));
    }
    Ok(faults)
}

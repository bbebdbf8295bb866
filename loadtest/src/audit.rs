//! After the run: reads back what the server now says about the run's stock and orders. Judges nothing.

use std::cell::{Cell, RefCell};
use std::task::Poll;

use serde::Deserialize;

use crate::answer::{self, Answer, Promise};
use crate::api::Api;
use crate::error::{LoadError, excerpt};
use crate::ledger::Sampled;
use crate::names::segment;
use crate::plan::Plan;
use crate::workload::Order;

/// Connections that read at the same time: the audit is not a load test.
const READERS_MAX: u32 = 16;

/// The stock of a SKU at one location. Signed, so that a wrong figure can be read and shown.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shelf {
    /// Units that may be sold.
    pub(crate) sellable: i64,
    /// Units promised to orders.
    pub(crate) committed: i64,
    /// Units on hold.
    pub(crate) reserved: i64,
    /// Units kept back.
    pub(crate) safety_stock: i64,
    /// Units that may still be promised.
    pub(crate) available: i64,
}

/// What the server says about a SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SkuState {
    /// One per location of the run; a location the server does not list holds nothing.
    pub(crate) shelves: Vec<Shelf>,
    /// Units that orders wait for.
    pub(crate) backordered: i64,
    /// Units that were promised and are gone.
    pub(crate) short: i64,
}

/// What the server says about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderState {
    /// Its id.
    pub(crate) id: String,
    /// What it is promised.
    pub(crate) promises: Vec<Promise>,
}

/// What was read back; where something could not be, the reason in words.
#[derive(Debug, Default)]
pub(crate) struct ReadBack {
    /// By SKU.
    pub(crate) skus: Vec<Result<SkuState, String>>,
    /// By place in the sample.
    pub(crate) orders: Vec<Result<OrderState, String>>,
}

#[derive(Debug, Deserialize)]
struct SkuBody {
    sku: String,
    locations: Vec<ShelfBody>,
    #[serde(default)]
    backordered: i64,
    #[serde(default)]
    short: i64,
}

#[derive(Debug, Deserialize)]
struct ShelfBody {
    location: String,
    sellable: i64,
    committed: i64,
    #[serde(default)]
    reserved: i64,
    #[serde(default)]
    safety_stock: i64,
    available: i64,
}

/// Reads every SKU of the run and every sampled order. An error is a server that does not answer.
pub(crate) fn read_back(
    plan: &Plan,
    sample: &[Sampled],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<ReadBack, LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LoadError::system("starting the audit's runtime"))?;
    let mut read = ReadBack::default();
    let total = (plan.stock.len() + sample.len()) as u64;
    runtime.block_on(async {
        let done = Cell::new(0_u64);
        let progress = RefCell::new(progress);
        let step = || {
            done.set(done.get() + 1);
            (progress.borrow_mut())(done.get(), total);
        };
        read.skus = each(plan, plan.stock.len(), async |api, number| {
            let state = read_sku(plan, api, number).await;
            step();
            state
        })
        .await?;
        read.orders = each(plan, sample.len(), async |api, place| {
            let state = read_order(plan, api, &sample[place]).await;
            step();
            state
        })
        .await?;
        Ok(read)
    })
}

/// Reads `count` things over several connections; the results stand in the order of their numbers.
async fn each<T>(
    plan: &Plan,
    count: usize,
    read: impl AsyncFn(&mut Api, usize) -> Result<T, LoadError>,
) -> Result<Vec<T>, LoadError> {
    let next = Cell::new(0);
    let results: RefCell<Vec<Option<T>>> = RefCell::new((0..count).map(|_| None).collect());
    let readers = (0..plan.connections.min(READERS_MAX)).map(|_| async {
        let mut api = Api::new(&plan.target, plan.give_up);
        loop {
            let number = next.replace(next.get() + 1);
            if number >= count {
                return Ok::<(), LoadError>(());
            }
            let result = read(&mut api, number).await?;
            results.borrow_mut()[number] = Some(result);
        }
    });
    join_all(readers).await?;
    Ok(results.into_inner().into_iter().flatten().collect())
}

/// Polls futures side by side until all are done, or one has failed.
async fn join_all<F: Future<Output = Result<(), LoadError>>>(
    futures: impl Iterator<Item = F>,
) -> Result<(), LoadError> {
    let mut open: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        let mut failure = None;
        open.retain_mut(|future| match future.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err(error)) => {
                failure.get_or_insert(error);
                false
            }
        });
        match failure {
            Some(error) => Poll::Ready(Err(error)),
            None if open.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}

async fn read_sku(plan: &Plan, api: &mut Api, number: usize) -> Result<Result<SkuState, String>, LoadError> {
    let name = plan.names.sku(u32::try_from(number).unwrap_or(u32::MAX));
    let reply = api.get(&format!("/v1/stock/{}", segment(&name))).await?;
    if reply.status != 200 {
        return Ok(Err(format!("{} {}", reply.status, excerpt(&reply.body))));
    }
    Ok(sku_state(plan, &name, &reply.body))
}

fn sku_state(plan: &Plan, name: &str, body: &[u8]) -> Result<SkuState, String> {
    let body: SkuBody =
        serde_json::from_slice(body).map_err(|error| format!("{error}: {}", excerpt(body)))?;
    if body.sku != name {
        return Err(format!("the answer is about {:?}", body.sku));
    }
    let mut shelves = vec![Shelf::default(); plan.locations as usize];
    for shelf in body.locations {
        let place = plan.names.location_number(&shelf.location).map(|number| number as usize);
        let Some(place) = place.and_then(|place| shelves.get_mut(place)) else {
            return Err(format!("it has stock at {:?}, which is not of this run", shelf.location));
        };
        if *place != Shelf::default() {
            return Err(format!("it is listed twice at {:?}", shelf.location));
        }
        *place = Shelf {
            sellable: shelf.sellable,
            committed: shelf.committed,
            reserved: shelf.reserved,
            safety_stock: shelf.safety_stock,
            available: shelf.available,
        };
    }
    Ok(SkuState { shelves, backordered: body.backordered, short: body.short })
}

async fn read_order(
    plan: &Plan,
    api: &mut Api,
    sampled: &Sampled,
) -> Result<Result<OrderState, String>, LoadError> {
    let reply = api.get(&format!("/v1/orders/{}", segment(&sampled.id))).await?;
    if reply.status != 200 {
        return Ok(Err(format!("{} {}", reply.status, excerpt(&reply.body))));
    }
    let answer: Answer<'_> = match serde_json::from_slice(&reply.body) {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(format!("{error}: {}", excerpt(&reply.body)))),
    };
    let mut order = Order::default();
    plan.workload.order(sampled.order, &mut order);
    let mut promises = Vec::new();
    let fits = answer::promises(&answer, sampled.order, &order, &plan.names, &mut Vec::new(), &mut promises);
    Ok(fits.map(|()| OrderState { id: answer.id.into_owned(), promises }))
}

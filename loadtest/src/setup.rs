//! Before the run: locations, a channel, SKUs and their stock, all through the API and under the run's name.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::api::Api;
use crate::cli::Policy;
use crate::error::{LoadError, excerpt};
use crate::names::{push_number, segment};
use crate::plan::Plan;
use crate::retry::Patience;
use crate::workload::COUNTRIES;

/// Lines of a bulk request: large enough to be fast, small enough to show progress.
const LINES_PER_REQUEST: u64 = 5_000;

/// How often lines that were turned away or lost are sent again.
const ROUNDS_MAX: usize = 100;

/// How long a server may take until it has read its log.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// How long to wait out a lost connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// A line of a bulk answer, as far as set-up reads it.
#[derive(Debug, Deserialize)]
struct Line {
    line: u64,
    status: u16,
}

/// Makes everything the run needs. `progress` is told what is being made, how many are done, and of how many.
pub(crate) async fn set_up(plan: &Plan, mut progress: impl FnMut(&str, u64, u64)) -> Result<(), LoadError> {
    let mut api = Api::new(&plan.target, PATIENCE);
    wait_until_ready(&mut api).await?;
    let names = &plan.names;
    let first = format!("/v1/skus/{}", segment(&names.sku(0)));
    let found = api.get(&first).await?.expect(&[200, 404], || format!("GET {first}"))?;
    if found.status == 200 {
        return Err(LoadError::RunExists(names.run().to_owned()));
    }
    let locations: Vec<String> = (0..plan.locations).map(|number| names.location(number)).collect();
    for (location, country) in locations.iter().zip(COUNTRIES.iter().cycle()) {
        let path = format!("/v1/locations/{}", segment(location));
        let body = json!({ "kind": "warehouse", "country": country });
        api.put(&path, &body).await?.expect(&[200, 201], || format!("PUT {path}"))?;
    }
    let path = format!("/v1/channels/{}", segment(&names.channel()));
    let policy = match plan.policy {
        Policy::Reject => "reject",
        Policy::Backorder => "backorder",
    };
    let body = json!({ "kind": "api", "locations": locations, "policy": policy });
    api.put(&path, &body).await?.expect(&[200, 201], || format!("PUT {path}"))?;

    let skus = plan.stock.len() as u64;
    bulk(&mut api, "/v1/skus/bulk", skus, "SKUs", &mut progress, &mut |number, out| {
        out.extend_from_slice(br#"{"sku":""#);
        names.push_sku(u32::try_from(number).unwrap_or(u32::MAX), out);
        out.extend_from_slice(br#"","title":"Load test"}"#);
        true
    })
    .await?;
    receive(&mut api, plan, &locations, &mut progress).await
}

async fn receive(
    api: &mut Api,
    plan: &Plan,
    locations: &[String],
    progress: &mut impl FnMut(&str, u64, u64),
) -> Result<(), LoadError> {
    let places = locations.len() as u64;
    let shelves = plan.stock.len() as u64 * places;
    let path = "/v1/stock/movements/bulk";
    bulk(api, path, shelves, "shelves of stock", progress, &mut |number, out| {
        let sku = u32::try_from(number / places).unwrap_or(u32::MAX);
        let location = usize::try_from(number % places).unwrap_or_default();
        let quantity = plan.received(sku as usize, location);
        if quantity == 0 {
            return false;
        }
        out.extend_from_slice(br#"{"type":"receive","sku":""#);
        plan.names.push_sku(sku, out);
        out.extend_from_slice(br#"","location":""#);
        out.extend_from_slice(locations[location].as_bytes());
        out.extend_from_slice(br#"","quantity":"#);
        push_number(quantity, out);
        out.extend_from_slice(br#","reference":"load test","idempotency_key":""#);
        out.extend_from_slice(plan.names.run().as_bytes());
        out.extend_from_slice(b"-receive-");
        push_number(number, out);
        out.extend_from_slice(br#""}"#);
        true
    })
    .await
}

async fn wait_until_ready(api: &mut Api) -> Result<(), LoadError> {
    let mut patience = Patience::new(READY_TIMEOUT);
    while api.knock("/readyz").await? != 200 {
        if !patience.wait().await {
            return Err(LoadError::NotReady(READY_TIMEOUT.as_secs()));
        }
    }
    Ok(())
}

/// Sends lines 0 to `count`, as `render` writes them; false means that there is no such line.
async fn bulk(
    api: &mut Api,
    path: &str,
    count: u64,
    what: &str,
    progress: &mut impl FnMut(&str, u64, u64),
    render: &mut impl FnMut(u64, &mut Vec<u8>) -> bool,
) -> Result<(), LoadError> {
    let mut body = Vec::new();
    for start in (0..count).step_by(usize::try_from(LINES_PER_REQUEST).unwrap_or(1)) {
        progress(what, start, count);
        let mut pending: Vec<u64> = (start..count.min(start + LINES_PER_REQUEST)).collect();
        for round in 0.. {
            body.clear();
            pending.retain(|&number| {
                let rendered = render(number, &mut body);
                if rendered {
                    body.push(b'\n');
                }
                rendered
            });
            if pending.is_empty() {
                break;
            }
            let reply = api.post_lines(path, &body).await?.expect(&[200], || format!("POST {path}"))?;
            let before = pending.len();
            pending = unanswered(&reply.body, &pending, path)?;
            if round >= ROUNDS_MAX && pending.len() == before {
                let doing = format!("POST {path}: {before} lines are turned away again and again");
                return Err(LoadError::Answer { doing, status: reply.status, body: excerpt(&reply.body) });
            }
        }
    }
    progress(what, count, count);
    Ok(())
}

/// The lines of a bulk request that were turned away or got no answer. An answer that is a refusal ends set-up.
fn unanswered(body: &[u8], pending: &[u64], path: &str) -> Result<Vec<u64>, LoadError> {
    let mut open = vec![true; pending.len()];
    for text in body.split(|&byte| byte == b'\n').filter(|text| !text.trim_ascii().is_empty()) {
        let refused =
            |status| LoadError::Answer { doing: format!("POST {path}"), status, body: excerpt(text) };
        let line: Line = serde_json::from_slice(text).map_err(|_| refused(200))?;
        let place = usize::try_from(line.line).ok().and_then(|line| line.checked_sub(1));
        let open = place.and_then(|place| open.get_mut(place)).ok_or_else(|| refused(line.status))?;
        match line.status {
            200 | 201 => *open = false,
            429 | 503 => {}
            status => return Err(refused(status)),
        }
    }
    Ok(pending.iter().zip(open).filter(|(_, open)| *open).map(|(&number, _)| number).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_without_a_yes_are_sent_again() {
        let body = b"{\"line\":1,\"status\":201,\"body\":{}}\n{\"line\":2,\"status\":503,\"body\":{}}\n\n";
        assert_eq!(unanswered(body, &[10, 11, 12], "/x").unwrap(), [11, 12]);
    }

    #[test]
    fn a_no_or_nonsense_ends_set_up() {
        for body in [
            &b"{\"line\":1,\"status\":422,\"body\":{\"code\":\"bad\"}}"[..],
            b"{\"line\":4,\"status\":201}",
            b"{\"line\":0,\"status\":201}",
            b"<html>",
        ] {
            let error = unanswered(body, &[10, 11, 12], "/x").unwrap_err();
            assert!(matches!(error, LoadError::Answer { .. }), "{error}");
        }
    }
}

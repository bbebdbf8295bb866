//! The description of this API (OpenAPI 3.1): files by area under `gateway/openapi/`, put together once.

use crate::http::problem::Problem;
use crate::metrics::{count_refusal, count_response};
use actix_web::HttpResponse;
use actix_web::web::Bytes;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// Each has some of the paths, and what these need.
const PARTS: [&str; 14] = [
    include_str!("../../openapi/document.json"),
    include_str!("../../openapi/common.json"),
    include_str!("../../openapi/problems.json"),
    include_str!("../../openapi/catalogue.json"),
    include_str!("../../openapi/stock.json"),
    include_str!("../../openapi/movements.json"),
    include_str!("../../openapi/orders.json"),
    include_str!("../../openapi/order-changes.json"),
    include_str!("../../openapi/holds.json"),
    include_str!("../../openapi/grants.json"),
    include_str!("../../openapi/routing.json"),
    include_str!("../../openapi/bulk.json"),
    include_str!("../../openapi/bulk-lines.json"),
    include_str!("../../openapi/operations.json"),
];

/// The bytes that are served. `None` if the parts do not fit together: a defect, and a test tells of it.
static DOCUMENT: LazyLock<Option<Bytes>> =
    LazyLock::new(|| document().ok().map(|document| Bytes::from(document.to_string())));

/// The parts as one document.
///
/// # Errors
/// What is no JSON object, or stands in two parts.
fn document() -> Result<Value, String> {
    let mut whole = Map::new();
    for part in PARTS {
        let part: Map<String, Value> = serde_json::from_str(part).map_err(|error| error.to_string())?;
        merge(&mut whole, part)?;
    }
    Ok(Value::Object(whole))
}

/// Adds the members of one object to another; objects that both have are merged.
fn merge(whole: &mut Map<String, Value>, part: Map<String, Value>) -> Result<(), String> {
    for (name, value) in part {
        match (whole.get_mut(&name), value) {
            (None, value) => {
                whole.insert(name, value);
            }
            (Some(Value::Object(there)), Value::Object(more)) => merge(there, more)?,
            (Some(_), _) => return Err(format!("{name} stands in two parts")),
        }
    }
    Ok(())
}

pub(super) async fn get() -> HttpResponse {
    let Some(document) = DOCUMENT.as_ref() else {
        let problem = Problem::internal();
        count_response(problem.status);
        count_refusal(&problem.code);
        return problem.to_response(None);
    };
    count_response(200);
    HttpResponse::Ok().content_type("application/json").body(document.clone())
}

#[cfg(test)]
mod tests;

//! Why an order went where it went: told by its record, whatever became of the order or of the profile since.

use super::orders::{Accepted, order_in_path};
use super::{Desk, off_worker, respond};
use crate::http::problem::Problem;
use crate::ids;
use crate::render::Rendered;
use crate::render::broken;
use crate::render::explanation::{ExplanationView, Naming, explained, unrouted};
use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use onhand_engine::Handle;
use onhand_engine::directory::Directory;
use onhand_engine::domain::routing::profile::Explanation;
use onhand_engine::domain::{OrderId, ProfileNumber};
use onhand_engine::record::routing::{FormatV1, RoutedV1, RoutingProfilePutV1};
use onhand_engine::record::{Header, decode};
use onhand_engine::registry::Scopes;
use onhand_engine::routing::{Format, titles};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
struct OrderExplanation {
    order_id: String,
    #[serde(flatten)]
    explanation: ExplanationView,
    lsn: u64,
}

pub(super) async fn get(request: HttpRequest, path: Path<String>) -> HttpResponse {
    respond(&request, get_one(&request, &path).await)
}

async fn get_one(request: &HttpRequest, id: &str) -> Result<Rendered, Problem> {
    let desk = Desk::open(request, Scopes::READ)?;
    let order = order_in_path(id)?;
    let (handle, directory) = (desk.intake.handle().clone(), Arc::clone(&desk.caller.directory));
    off_worker(move || explain_order(&handle, &directory, order)).await
}

fn explain_order(handle: &Handle, directory: &Directory, order: OrderId) -> Result<Rendered, Problem> {
    let accepted = Accepted::read(handle, directory.merchant, order)?;
    let details = accepted.decode()?.details;
    let explanation = match details.routed {
        Some(RoutedV1 { profile, explanation, .. }) => {
            let explanation = Explanation::decode(explanation).map_err(|error| {
                tracing::error!(?error, "an explanation cannot be read");
                Problem::internal()
            })?;
            explain(handle, directory, ProfileNumber(profile), &explanation)?
        }
        None => unrouted(),
    };
    Rendered::of(200, &OrderExplanation { order_id: ids::order_text(order), explanation, lsn: order.0 })
}

/// An explanation with the names that its version of the profile has. Not for the worker's thread.
pub(super) fn explain(
    handle: &Handle,
    directory: &Directory,
    profile: ProfileNumber,
    explanation: &Explanation,
) -> Result<ExplanationView, Problem> {
    let naming = naming(handle, directory, profile, explanation.version)?;
    Ok(explained(directory, &naming, explanation))
}

fn naming(
    handle: &Handle,
    directory: &Directory,
    profile: ProfileNumber,
    version: u32,
) -> Result<Naming, Problem> {
    let versions = directory.profile_versions(profile);
    let place = usize::try_from(version).ok().and_then(|version| version.checked_sub(1));
    let put = place.and_then(|place| versions.get(place)).ok_or_else(Problem::internal)?;
    let record = handle.read(*put).map_err(|error| Problem::unread_record(&error))?;
    let (_, body) = Header::decode(&record).map_err(broken)?;
    let RoutingProfilePutV1 { code, format, text, .. } = decode(body).map_err(broken)?;
    let format = match format {
        FormatV1::Toml => Format::Toml,
        FormatV1::Json => Format::Json,
    };
    Ok(Naming { profile: code.to_owned(), titles: titles(text, format) })
}

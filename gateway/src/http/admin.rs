//! The administrator's routes, on the Unix socket in the data directory only: whoever may open that socket
//! may do everything.

use super::Shared;
use crate::http::problem::{Problem, shown};
use actix_web::error::InternalError;
use actix_web::web::{self, JsonConfig, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Responder};
use onhand_engine::registry::Scopes;
use onhand_engine::{AdminError, Handle};
use serde::{Deserialize, Serialize};

/// Body of `POST /admin/merchants`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateMerchant {
    /// Its name.
    pub(super) name: String,
}

/// Body of `POST /admin/keys`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateKey {
    /// Whose, by name.
    pub(super) merchant: String,
    /// What it may do, separated by commas.
    pub(super) scopes: String,
}

/// Body of `POST /admin/keys/revoke`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokeKey {
    /// Its number: the part of the secret between the underscores.
    pub(super) key: u32,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    let bodies = JsonConfig::default().error_handler(|error, _| {
        let problem = Problem::new(400, "malformed_json", shown(&error.to_string()));
        InternalError::from_response(error, problem.to_response(None)).into()
    });
    config
        .app_data(bodies)
        .default_service(web::to(no_route))
        .route("/admin/merchants", web::post().to(create_merchant))
        .route("/admin/keys", web::post().to(create_key))
        .route("/admin/keys/revoke", web::post().to(revoke_key))
        .route("/admin/clock/confirm", web::post().to(confirm_clock));
}

async fn no_route(request: HttpRequest) -> HttpResponse {
    let detail = format!("there is no {} {}", request.method(), request.path());
    Problem::new(404, "route_not_found", shown(&detail)).to_response(None)
}

/// Runs an administrator's command off the worker: it waits for the disk.
async fn run(
    shared: &web::Data<Shared>,
    command: impl FnOnce(&Handle) -> Result<String, AdminError> + Send + 'static,
) -> HttpResponse {
    let Some(handle) = shared.engine.get().cloned() else { return Problem::not_ready().to_response(None) };
    match web::block(move || command(&handle)).await {
        Ok(Ok(text)) => HttpResponse::Ok().body(text),
        Ok(Err(error)) => Problem::new(409, "refused", error.to_string()).to_response(None),
        Err(_) => Problem::internal().to_response(None),
    }
}

async fn create_merchant(shared: web::Data<Shared>, body: web::Json<CreateMerchant>) -> impl Responder {
    run(&shared, move |handle| handle.create_merchant(&body.name).map(|number| number.to_string())).await
}

async fn create_key(shared: web::Data<Shared>, body: web::Json<CreateKey>) -> impl Responder {
    match Scopes::parse(&body.scopes) {
        Err(word) => {
            Problem::new(422, "unknown_scope", format!("{} is no scope", shown(&word))).to_response(None)
        }
        Ok(scopes) => {
            run(&shared, move |handle| handle.create_key(&body.merchant, scopes).map(|(_, secret)| secret))
                .await
        }
    }
}

async fn confirm_clock(shared: web::Data<Shared>) -> impl Responder {
    let say = |stood_still| if stood_still { "time goes on" } else { "time was not standing still" };
    run(&shared, move |handle| Ok(say(handle.confirm_clock()).to_owned())).await
}

async fn revoke_key(shared: web::Data<Shared>, body: web::Json<RevokeKey>) -> impl Responder {
    run(&shared, move |handle| handle.revoke_key(body.key).map(|()| body.key.to_string())).await
}

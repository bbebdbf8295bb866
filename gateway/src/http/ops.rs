//! What operators and Prometheus ask.

use super::{Shared, Worker};
use crate::http::problem::Problem;
use actix_web::{HttpRequest, HttpResponse};
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use onhand_engine::metrics::{IN_FLIGHT, LOG_DURABLE_LSN};
use std::rc::Rc;
use std::sync::Arc;

fn shared(request: &HttpRequest) -> Option<&Arc<Shared>> {
    request.app_data::<Rc<Worker>>().map(|worker| &worker.shared)
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows only floating point")]
pub(super) async fn metrics(request: HttpRequest) -> HttpResponse {
    let Some(shared) = shared(&request) else { return Problem::internal().to_response(None) };
    if let Some(engine) = shared.engine.get() {
        gauge!(LOG_DURABLE_LSN).set(engine.durable().0 as f64);
        gauge!(IN_FLIGHT).set(engine.in_flight() as f64);
    }
    let text = shared.metrics.as_ref().map(PrometheusHandle::render).unwrap_or_default();
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text)
}

pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(r#"{"status":"alive"}"#)
}

pub(super) async fn readyz(request: HttpRequest) -> HttpResponse {
    match shared(&request).and_then(|shared| shared.engine.get()) {
        Some(engine) => {
            let body = format!(r#"{{"status":"ready","lsn":{}}}"#, engine.durable());
            HttpResponse::Ok().content_type("application/json").body(body)
        }
        None => Problem::not_ready().to_response(None),
    }
}

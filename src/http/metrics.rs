//! `/metrics`, in Prometheus' text format.

use actix_web::{HttpResponse, http::header};

use super::SharedState;

pub(super) async fn metrics(state: SharedState) -> HttpResponse {
    state.metrics.run_upkeep();
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(state.metrics.render())
}

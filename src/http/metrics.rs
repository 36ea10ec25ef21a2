//! Metrics in the text format of Prometheus: `/metrics`.

use actix_web::{HttpResponse, http::header};

use super::SharedState;
use crate::http::api::{Operation, Tag};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/metrics", metrics)
            .doc(Tag::Operations, "metrics", "Get metrics for Prometheus")
            .returns_text(200, "Prometheus text format.", &["text/plain"]),
    ]
}

pub(super) async fn metrics(state: SharedState) -> HttpResponse {
    state.metrics.run_upkeep();
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(state.metrics.render())
}

//! History of the metrics, and totals of the store.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::sleep;

use crate::{
    store::Store,
    telemetry::{self, History},
};

/// Samples the metrics and saves the totals at intervals, while the hub runs.
pub(super) fn keep_history(store: &Store, metrics: &PrometheusHandle) -> Arc<History> {
    let history = Arc::new(History::default());
    let (kept, sampled) = (Arc::clone(&history), metrics.clone());
    actix_rt::spawn(async move {
        loop {
            kept.sample(&sampled);
            sleep(telemetry::history::INTERVAL).await;
        }
    });
    let (kept, metrics, store) = (Arc::clone(&history), metrics.clone(), store.clone());
    actix_rt::spawn(async move {
        loop {
            sleep(telemetry::history::INTERVAL).await;
            save_totals(&kept, &store, &metrics).await;
        }
    });
    history
}

/// Adds the events of this process to the totals of the store. After a failure the next call
/// retries.
pub(super) async fn save_totals(history: &History, store: &Store, metrics: &PrometheusHandle) {
    let events = history.events_unsaved(metrics);
    if events > 0 && store.add_events(events).await.is_ok() {
        history.events_saved(events);
    }
}

//! Orderly end of an event source.

use std::{future::Future, time::Duration};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Signal that asks a source to stop receiving, and its answer.
#[derive(Debug, Clone, Default)]
pub(super) struct StopSignal {
    requested: CancellationToken,
    stopped: CancellationToken,
}

impl StopSignal {
    /// Asks the source to stop, and waits for at most `limit`.
    pub(super) async fn stop(&self, limit: Duration) {
        self.requested.cancel();
        let _ = timeout(limit, self.stopped.cancelled()).await;
    }

    /// Waits until the source is asked to stop.
    pub(super) async fn requested(&self) {
        self.requested.cancelled().await;
    }

    /// Waits for a future, or until the source is asked to stop: then `None`.
    pub(super) async fn or_stop<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            output = future => Some(output),
            () = self.requested() => None,
        }
    }

    /// Reports that the source has stopped.
    pub(super) fn report_stopped(&self) {
        self.stopped.cancel();
    }
}

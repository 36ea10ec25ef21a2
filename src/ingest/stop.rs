//! Orderly end of an event source.

use std::{fmt::Display, future::Future, time::Duration};

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Delay before the next attempt after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(1);

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

    /// Receives until the source is asked to stop, which `receive` answers with `Ok`; after a
    /// failure again. Then reports that the source has stopped.
    pub(super) async fn keep_receiving<E: Display>(
        &self,
        mut receive: impl AsyncFnMut() -> Result<(), E>,
        report_down: impl Fn(String),
    ) {
        while let Err(error) = receive().await {
            report_down(error.to_string());
            if self.or_stop(sleep(RETRY_AFTER)).await.is_none() {
                break;
            }
        }
        self.report_stopped();
    }

    /// Reports that the source has stopped.
    pub(super) fn report_stopped(&self) {
        self.stopped.cancel();
    }
}

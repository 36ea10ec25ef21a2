//! Durable activity: writes the traces and counts that wait in memory to the store, in the
//! background.
//!
//! An event never waits for it: traces are queued after the commit, written in batches of their
//! own, and dropped when the store is slower. The writer rests at least [`REST`] times as long as a
//! batch took, so it uses a small, fixed share of the store's time.

mod stored;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};

pub use stored::restore;

use crate::{
    domain::notification::Timestamp,
    store::{ActivityCount, ActivityRow, Store, StoreError},
    telemetry::DeliveryTrace,
};

/// Maximum number of events per batch.
const BATCH: usize = 500;

/// Minimum pause between batches.
const INTERVAL: Duration = Duration::from_millis(200);

/// Pause after a batch, as a multiple of the time that it took: at most a twentieth of the store's
/// time is used.
const REST: u32 = 19;

/// Maximum pause between batches.
const INTERVAL_MAX: Duration = Duration::from_secs(10);

/// Maximum time that a reader waits for traces of this hub that are not written yet.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Batch as it is stored.
#[derive(Debug, Default)]
struct Batch {
    rows: Vec<ActivityRow>,
    counts: Vec<ActivityCount>,
}

/// Writer of the activity of this hub.
#[derive(Debug)]
pub struct ActivityWriter {
    trace: Arc<DeliveryTrace>,
    store: Store,
    instance: String,
    /// Batch that is being written: it stays until it certainly is.
    batch: Mutex<Option<Batch>>,
}

impl ActivityWriter {
    /// Creates a writer of what waits in `trace`.
    #[must_use]
    pub fn new(trace: Arc<DeliveryTrace>, store: Store, instance: String) -> Self {
        Self { trace, store, instance, batch: Mutex::default() }
    }

    /// Writes in the background, while the hub runs.
    pub async fn run(&self) {
        loop {
            let began = Instant::now();
            // The next round tries again.
            let _ = self.write_batch().await;
            sleep((began.elapsed() * REST).clamp(INTERVAL, INTERVAL_MAX)).await;
        }
    }

    /// Writes everything that waits now, in bounded time. Traces that are not written yet stay in
    /// the queue.
    pub async fn flush(&self) {
        let _ = timeout(FLUSH_TIMEOUT, async {
            for _ in 0..=self.trace.activity.len() / BATCH {
                if self.write_batch().await.is_err() {
                    break;
                }
            }
        })
        .await;
    }

    /// Writes one batch, and waits for one that is being written.
    async fn write_batch(&self) -> Result<(), StoreError> {
        let mut batch = self.batch.lock().await;
        if batch.is_none() {
            let pending = self.trace.activity.take(BATCH);
            if pending.is_empty() {
                return Ok(());
            }
            let row = |event: &Arc<_>| stored::row(event, &self.instance);
            let count = |((starts_at, outcome), count): (&(Timestamp, &str), &_)| {
                let crate::telemetry::EventCount { events, notifications } = *count;
                ActivityCount {
                    starts_at: *starts_at,
                    outcome: (*outcome).to_owned(),
                    events,
                    notifications,
                }
            };
            *batch = Some(Batch {
                rows: pending.events.iter().map(row).collect(),
                counts: pending.counts.iter().map(count).collect(),
            });
        }
        let Batch { rows, counts } = batch.get_or_insert_default();
        match self.store.write_activity(rows, counts).await {
            Err(error) if error.is_transient() => Err(error),
            written => {
                if let Err(error) = written {
                    // Written again it would fail again.
                    tracing::warn!(%error, "activity: the store refuses a batch; it is dropped");
                }
                *batch = None;
                Ok(())
            }
        }
    }
}

//! Outbox: events that applications write into the hub's PostgreSQL in their own transactions.
//!
//! Rows are locked while they are processed and deleted after the commit. All hubs take rows; each
//! skips those that another one has locked.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, future::LocalBoxFuture, stream::FuturesUnordered};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::{sleep, timeout};

use super::{Consumer, EventSource, Retries, SourceMessage, settle::Finished, stop::StopSignal};
use crate::{
    domain::event::Identity,
    store::{OutboxRow, OutboxWatch, Store, StoreError},
    telemetry::PartState,
};

/// Interval of looks at the table. A notification of PostgreSQL comes first, except when the
/// connection that listens was lost.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Maximum number of rows processed together.
const CHUNK: i64 = 250;

/// Maximum number of rows that are held because they take longer.
const HELD_MAX: usize = 1_000;

/// Time for rows in progress when the hub stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Outbox as an event source.
#[derive(Debug)]
pub struct OutboxSource {
    store: Store,
    stop: StopSignal,
}

impl OutboxSource {
    /// Creates a source that takes rows from a store, which must be PostgreSQL.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, stop: StopSignal::default() }
    }
}

impl EventSource for OutboxSource {
    fn name(&self) -> &'static str {
        "outbox"
    }

    fn retries(&self) -> Retries {
        Retries::default()
    }

    fn run(self: Arc<Self>, consumer: Consumer) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            let mut receiver = Receiver {
                store: &self.store,
                consumer: &consumer,
                held: BTreeSet::new(),
                later: FuturesUnordered::new(),
            };
            let receive = async || {
                if let Some(error) = self.stop.or_stop(receiver.receive()).await {
                    return Err(error);
                }
                // What is not finished in time is taken again.
                let _ = timeout(DRAIN_TIMEOUT, receiver.drain()).await;
                Ok(())
            };
            let down = |reason| consumer.report(PartState::Down(reason));
            self.stop.keep_receiving(receive, down).await;
        })
    }

    fn stop(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(self.stop.stop(DRAIN_TIMEOUT))
    }
}

/// Receiver of rows.
struct Receiver<'a> {
    store: &'a Store,
    consumer: &'a Consumer,
    /// Rows that are in progress without a lock.
    held: BTreeSet<i64>,
    later: FuturesUnordered<LocalBoxFuture<'static, Finished<i64>>>,
}

impl Receiver<'_> {
    /// Receives rows until the store fails.
    async fn receive(&mut self) -> StoreError {
        match self.receive_all().await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn receive_all(&mut self) -> Result<std::convert::Infallible, StoreError> {
        let mut watch = self.store.watch_outbox().await?;
        self.consumer.report(PartState::Ok);
        tracing::info!("outbox: receiving events from the table lonceng_outbox");
        loop {
            while self.held.len() < HELD_MAX && self.take_chunk().await? {}
            self.wait(&mut watch).await?;
        }
    }

    /// Waits for a row, the end of one that is held, or the time of the next look.
    async fn wait(&mut self, watch: &mut OutboxWatch) -> Result<(), StoreError> {
        tokio::select! {
            inserted = watch.inserted() => inserted,
            Some(finished) = self.later.next() => self.delete_held(finished.token).await,
            () = sleep(POLL_INTERVAL) => Ok(()),
        }
    }

    /// Processes a chunk of rows. Returns whether there may be more.
    async fn take_chunk(&mut self) -> Result<bool, StoreError> {
        let held: Vec<i64> = self.held.iter().copied().collect();
        let Some(mut batch) = self.store.take_outbox(&held, CHUNK).await? else {
            return Ok(false);
        };
        let rows = std::mem::take(&mut batch.rows);
        let mut taking_longer: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
        let settled = self.consumer.settle(rows.into_iter().map(convert).collect()).await;
        let finished: Vec<i64> = settled.finished.iter().map(|finished| finished.token).collect();
        for id in &finished {
            taking_longer.remove(id);
        }
        self.held.append(&mut taking_longer);
        self.later.extend(settled.later);
        batch.finish(&finished).await?;
        Ok(true)
    }

    async fn delete_held(&mut self, id: i64) -> Result<(), StoreError> {
        // If this fails the row is taken again, and is then a duplicate.
        self.held.remove(&id);
        self.store.delete_outbox_row(id).await
    }

    /// Finishes the rows that are held, without taking more.
    async fn drain(&mut self) {
        while let Some(finished) = self.later.next().await {
            if self.delete_held(finished.token).await.is_err() {
                return;
            }
        }
    }
}

/// Event as other sources have it: the columns that are set.
#[derive(Serialize)]
struct OutboxEvent<'a> {
    #[serde(rename = "type")]
    name: &'a str,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
}

/// Converts a row: the columns that are set, and `data` nested, so that its fields cannot be taken
/// for columns.
fn convert(row: OutboxRow) -> (SourceMessage, i64) {
    let identity = Identity::outbox(row.id, row.created_us);
    // PostgreSQL has written valid JSON, though perhaps too deep for an event, or with a number
    // that is too large; then the event is rejected.
    let data = RawValue::from_string(row.data).unwrap_or_default();
    let event = OutboxEvent {
        name: &row.name,
        data: &data,
        user_id: row.user_id,
        actor_id: row.actor_id,
        source: row.source,
        event_id: row.event_id,
    };
    // A struct of texts and valid JSON always serializes.
    let payload = serde_json::to_string(&event).unwrap_or_default();
    let headers = row.traceparent.map(|value| ("traceparent".to_owned(), value));
    let message = SourceMessage {
        subject: row.name,
        headers: headers.into_iter().collect(),
        payload: payload.into(),
        identity: Some(identity),
        delivered: 1,
    };
    (message, row.id)
}

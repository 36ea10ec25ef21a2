//! `RabbitMQ` and other AMQP 0-9-1 servers: a durable queue bound to a topic exchange.
//!
//! The server redelivers a message that is not acknowledged at once, and without a limit. So a
//! message is acknowledged when it is finished, and the hub holds it until then; `prefetch` bounds
//! how many.

mod connection;
mod delivery;

use std::{sync::Arc, time::Duration};

use futures_util::{
    StreamExt as _,
    future::{LocalBoxFuture, join_all},
    stream::{FuturesOrdered, FuturesUnordered},
};
use lapin::{
    Acker, Channel, Consumer as Deliveries,
    message::Delivery,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions,
        BasicRejectOptions,
    },
    types::FieldTable,
};
use tokio::time::timeout;

pub use connection::{connect, declare, is_access_refused};

use super::{
    Consumer, EventSource, Retries,
    settle::{Finished, Settled},
    stop::StopSignal,
};
use crate::{config, telemetry::PartState};

/// Maximum number of messages processed together.
const CHUNK: usize = 250;

/// Maximum number of chunks in progress: one is decoded while another is committed.
const CHUNKS_IN_FLIGHT: usize = 4;

/// Time for messages in progress when the hub stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Time limit for closing the connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// `RabbitMQ` as an event source.
#[derive(Debug)]
pub struct AmqpSource {
    config: config::Amqp,
    stop: StopSignal,
}

impl AmqpSource {
    /// Creates the source described by `[amqp]`.
    #[must_use]
    pub fn new(config: config::Amqp) -> Self {
        Self { config, stop: StopSignal::default() }
    }

    /// Connects and receives messages until an error, or until the hub stops.
    async fn receive(&self, consumer: &Consumer) -> Result<(), String> {
        let Some(connection) = self.stop.or_stop(connect(&self.config)).await else {
            return Ok(());
        };
        let connection = connection?;
        let refused = |error: lapin::Error| error.to_string();
        connection::declare(&connection, &self.config).await.map_err(refused)?;
        let channel = connection.create_channel().await.map_err(refused)?;
        let prefetch = self.config.prefetch;
        channel.basic_qos(prefetch, BasicQosOptions::default()).await.map_err(refused)?;
        let (queue, options) = (self.config.queue.as_str().into(), BasicConsumeOptions::default());
        let deliveries = channel
            .basic_consume(queue, "lonceng".into(), options, FieldTable::default())
            .await
            .map_err(refused)?;
        consumer.report(PartState::Ok);
        tracing::info!(
            queue = self.config.queue,
            exchange = self.config.exchange,
            "amqp: receiving events"
        );
        let mut receiver =
            Receiver { consumer, chunks: FuturesOrdered::new(), later: FuturesUnordered::new() };
        let tag = deliveries.tag();
        let Some(error) = self.stop.or_stop(receiver.receive(deliveries)).await else {
            let _ = timeout(CLOSE_TIMEOUT, cancel(&channel, tag)).await;
            // What is not finished in time is delivered again.
            let _ = timeout(DRAIN_TIMEOUT, receiver.drain()).await;
            let _ = timeout(CLOSE_TIMEOUT, connection.close(200, "stopping".into())).await;
            return Ok(());
        };
        // Messages in progress are delivered again on the next connection.
        let _ = timeout(CLOSE_TIMEOUT, connection.close(200, "reconnecting".into())).await;
        Err(error)
    }
}

async fn cancel(channel: &Channel, tag: lapin::types::ShortString) {
    let _ = channel.basic_cancel(tag, BasicCancelOptions::default()).await;
}

impl EventSource for AmqpSource {
    fn name(&self) -> &'static str {
        "amqp"
    }

    fn retries(&self) -> Retries {
        Retries::default()
    }

    fn run(self: Arc<Self>, consumer: Consumer) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            let down = |reason| consumer.report_down(reason, self.config.required);
            self.stop.keep_receiving(async || self.receive(&consumer).await, down).await;
        })
    }

    fn stop(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(self.stop.stop(DRAIN_TIMEOUT + CLOSE_TIMEOUT * 2))
    }
}

/// Receiver of one connection.
struct Receiver<'a> {
    consumer: &'a Consumer,
    chunks: FuturesOrdered<LocalBoxFuture<'static, Settled<Acker>>>,
    later: FuturesUnordered<LocalBoxFuture<'static, Finished<Acker>>>,
}

impl Receiver<'_> {
    /// Receives messages. Returns the reason for which there are no more.
    async fn receive(&mut self, deliveries: Deliveries) -> String {
        let mut chunks = deliveries.ready_chunks(CHUNK);
        loop {
            tokio::select! {
                chunk = chunks.next(), if self.chunks.len() < CHUNKS_IN_FLIGHT => {
                    let Some(chunk) = chunk else {
                        return "the queue was deleted, or the consumer cancelled".to_owned();
                    };
                    if let Some(error) = self.take(chunk) {
                        return error.to_string();
                    }
                }
                Some(settled) = self.chunks.next() => self.settled(settled).await,
                Some(finished) = self.later.next() => acknowledge(vec![finished]).await,
            }
        }
    }

    /// Starts processing messages.
    fn take(&mut self, chunk: Vec<Result<Delivery, lapin::Error>>) -> Option<lapin::Error> {
        let mut messages = Vec::with_capacity(chunk.len());
        let mut failed = None;
        for delivery in chunk {
            match delivery {
                Ok(delivery) => messages.push(delivery::convert(delivery)),
                Err(error) => failed = Some(error),
            }
        }
        if failed.is_none() {
            let consumer = self.consumer.clone();
            self.chunks.push_back(Box::pin(async move { consumer.settle(messages).await }));
        }
        failed
    }

    async fn settled(&mut self, settled: Settled<Acker>) {
        self.later.extend(settled.later);
        acknowledge(settled.finished).await;
    }

    /// Finishes what is in progress, without receiving more.
    async fn drain(&mut self) {
        while let Some(settled) = self.chunks.next().await {
            self.settled(settled).await;
        }
        while let Some(finished) = self.later.next().await {
            acknowledge(vec![finished]).await;
        }
    }
}

/// Acknowledges messages. A lost acknowledgement leads to a redelivery, which is then a duplicate.
async fn acknowledge(finished: Vec<Finished<Acker>>) {
    let acknowledging = finished.into_iter().map(|finished| async move {
        let result = if finished.rejected {
            // The queue's dead-letter exchange, if it has one, gets the message too.
            finished.token.reject(BasicRejectOptions::default()).await
        } else {
            finished.token.ack(BasicAckOptions::default()).await
        };
        if let Err(error) = result {
            tracing::debug!(%error, "amqp: an acknowledgement could not be sent");
        }
    });
    join_all(acknowledging).await;
}

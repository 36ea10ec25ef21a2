//! NATS without JetStream: a queue group. Messages published while no hub listens are lost.

use std::sync::Once;

use futures_util::{StreamExt as _, stream::select_all};
use tokio::time::{sleep, timeout};

use super::{
    ANSWER_TIMEOUT, ConsumerError, DRAIN_TIMEOUT, Subscription, connection::NatsConnection,
    headers, jetstream::is_available,
};
use crate::{
    ingest::{Disposition, Processed, SourceMessage},
    telemetry::PartState,
};

/// Maximum number of messages processed together.
const CHUNK: usize = 250;

/// Logs the warning about a server without JetStream once per process.
static WARNED: Once = Once::new();

/// Receives messages until the connection is lost, or until the hub stops.
pub(super) async fn receive(
    subscription: &Subscription,
    connection: &NatsConnection,
) -> Result<(), ConsumerError> {
    let mut subscriptions = Vec::new();
    for subject in &subscription.config.subjects {
        match connection
            .client
            .queue_subscribe(subject.clone(), subscription.config.queue_group.clone())
            .await
        {
            Ok(subscription) => subscriptions.push(subscription),
            Err(error) => {
                let reason = format!("cannot subscribe to {subject}: {error}");
                return Err(ConsumerError::Refused(reason));
            }
        }
    }
    // The server has the subscriptions when it has answered.
    if let Err(error) = connection.client.flush().await {
        return Err(ConsumerError::Refused(format!("the subscriptions failed: {error}")));
    }
    let reason = "this NATS server has no JetStream: events published while no hub listens are \
    lost, and so are those \
                  that the store cannot take in time; start it with -js";
    let consumer = &subscription.consumer;
    consumer.health.set_silently(consumer.source, PartState::Degraded(reason.to_owned()));
    WARNED.call_once(|| tracing::warn!("nats: {reason}"));
    let mut chunks = select_all(subscriptions).ready_chunks(CHUNK);
    let mut lost = std::pin::pin!(connection.lost());
    loop {
        tokio::select! {
            () = &mut lost => return Err(ConsumerError::Disconnected),
            () = subscription.stop.requested() => break,
            chunk = chunks.next() => match chunk {
                None => return Err(ConsumerError::Disconnected),
                Some(chunk) => process(subscription,
                    chunk.into_iter().map(convert).collect()).await,
            }
        }
    }
    // The answer arrives after everything that the server has sent before it.
    let _ = timeout(ANSWER_TIMEOUT, is_available(&connection.client)).await;
    for ended in chunks.get_mut().iter_mut() {
        // Without a connection nothing more arrives.
        let _ = ended.drain().await;
    }
    // What has arrived is not delivered again.
    let rest = async {
        while let Some(chunk) = chunks.next().await {
            process(subscription, chunk.into_iter().map(convert).collect()).await;
        }
    };
    let _ = timeout(DRAIN_TIMEOUT, rest).await;
    Ok(())
}

fn convert(message: async_nats::Message) -> SourceMessage {
    SourceMessage {
        subject: message.subject.to_string(),
        headers: headers(message.headers.as_ref()),
        payload: message.payload,
        identity: None,
        delivered: 1,
    }
}

/// Processes messages, with retries: this broker does not redeliver. Messages that were committed
/// at the first attempt have no identity, so only the failed ones are tried again.
async fn process(subscription: &Subscription, mut messages: Vec<SourceMessage>) {
    let consumer = &subscription.consumer;
    for delivered in 1..=consumer.retries.max_deliver {
        let processed = consumer.process(&messages).await;
        let mut again = Vec::new();
        for (message, processed) in messages.into_iter().zip(processed) {
            match processed {
                Processed::Done(Disposition::Retry { .. }) => {
                    again.push(SourceMessage { delivered: delivered + 1, ..message });
                }
                Processed::Done(_) => {}
                // A large fan-out retries by itself, chunk by chunk.
                Processed::InProgress(progress) => {
                    let consumer = consumer.clone();
                    actix_rt::spawn(async move {
                        if let Disposition::Retry { .. } = consumer.finish(&message, progress).await
                        {
                            log_lost(1);
                        }
                    });
                }
            }
        }
        messages = again;
        if messages.is_empty() {
            return;
        }
        sleep(consumer.backoff(delivered)).await;
    }
    log_lost(messages.len());
}

fn log_lost(events: usize) {
    tracing::error!(
        events,
        "nats: events lost: the store did not commit them in time, and this server has no JetStream"
    );
}

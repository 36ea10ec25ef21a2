//! NATS without JetStream: a queue group. What is published while no hub listens is lost.

use std::sync::Once;

use futures_util::{StreamExt as _, stream::select_all};
use tokio::time::sleep;

use super::{
    Intake, Interrupted, PART,
    chunk::{Settled, later, verdicts},
    connection::Connection,
    message::{Message, Verdict, headers},
};
use crate::telemetry::PartState;

/// Messages taken through the pipeline together.
const CHUNK: usize = 250;

/// The warning about such a server is logged once, however often it is connected to.
static WARNED: Once = Once::new();

/// Brings messages until the connection is gone.
pub(super) async fn work(intake: &Intake, connection: &Connection) -> Interrupted {
    let mut subscriptions = Vec::new();
    for subject in &intake.config.subjects {
        match connection.client.queue_subscribe(subject.clone(), intake.config.queue_group.clone()).await {
            Ok(subscription) => subscriptions.push(subscription),
            Err(error) => return Interrupted::Refused(format!("cannot subscribe to {subject}: {error}")),
        }
    }
    // The server knows of the subscriptions once it has answered.
    if let Err(error) = connection.client.flush().await {
        return Interrupted::Refused(format!("the subscriptions were not taken: {error}"));
    }
    let reason = "this NATS server has no JetStream: events published while no hub listens are lost, and so are those \
                  that the store cannot take in time; start it with -js";
    intake.health.set_silently(PART, PartState::Degraded(reason.to_owned()));
    WARNED.call_once(|| tracing::warn!("nats: {reason}"));
    let mut chunks = select_all(subscriptions).ready_chunks(CHUNK);
    let mut lost = std::pin::pin!(connection.lost());
    loop {
        tokio::select! {
            () = &mut lost => return Interrupted::Disconnected,
            chunk = chunks.next() => match chunk {
                None => return Interrupted::Disconnected,
                Some(chunk) => settle(intake, chunk.into_iter().map(take).collect()).await,
            }
        }
    }
}

fn take(message: async_nats::Message) -> Message {
    Message {
        subject: message.subject.to_string(),
        headers: headers(message.headers.as_ref()),
        payload: message.payload,
        identity: None,
        delivered: 1,
    }
}

/// Nobody sends these again, so the tries are made here. Those that were stored at the first try have no identity of the
/// broker's; so only the ones that were not go on.
async fn settle(intake: &Intake, mut messages: Vec<Message>) {
    for delivered in 1..=intake.config.max_deliver {
        let settled = verdicts(intake, &messages).await;
        let mut again = Vec::new();
        for (message, settled) in messages.into_iter().zip(settled) {
            match settled {
                Settled::Now(Verdict::Retry { .. }) => again.push(Message { delivered: delivered + 1, ..message }),
                Settled::Now(_) => {}
                // It tries again by itself, piece by piece.
                Settled::Later(told) => {
                    let intake = intake.clone();
                    actix_rt::spawn(async move {
                        if let Verdict::Retry { .. } = later(&intake, &message, told).await {
                            lost(1);
                        }
                    });
                }
            }
        }
        messages = again;
        if messages.is_empty() {
            return;
        }
        sleep(intake.backoff(delivered)).await;
    }
    lost(messages.len());
}

fn lost(events: usize) {
    tracing::error!(events, "events from NATS without JetStream are lost: the store did not take them");
}

//! JetStream: one durable pull consumer shared by all hubs.
//!
//! The consumer has no delivery limit and no backoff list: a list would set the ack wait to its
//! first entry, and the server counts a crash of the hub as a delivery, and would then never
//! deliver the event again. The hub counts failed attempts itself, and gives the delay with each
//! nak.

use std::{collections::BTreeSet, time::Duration};

use async_nats::{
    Client,
    jetstream::{
        self, AckKind, Context,
        consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
        context::AccountErrorKind,
        message::Acker,
        stream,
    },
};
use futures_util::{
    FutureExt as _, StreamExt as _,
    stream::{FuturesOrdered, ReadyChunks},
};
use tokio::{
    sync::watch,
    task::unconstrained,
    time::{Instant, interval, sleep, timeout},
};

use super::{
    ANSWER_TIMEOUT, ConsumerError, DRAIN_TIMEOUT, Subscription, connection::NatsConnection,
    headers, undecodable::reject_undecodable,
};
use crate::{
    domain::event::Identity,
    ingest::{Disposition, Processed, SourceMessage},
    pipeline::Outcome,
    telemetry::{PartState, metric},
};

/// Maximum number of messages per pull.
const PULL: usize = 500;

/// Maximum number of messages processed together.
const CHUNK: usize = 250;

/// Maximum number of chunks in progress: one is decoded while another is committed.
const CHUNKS_IN_FLIGHT: usize = 4;

/// Maximum number of unacknowledged messages of all hubs together.
const MAX_ACK_PENDING: i64 = 10_000;

/// Retention of a stream created by the hub: over a weekend without a hub, and shorter than that of
/// identities.
const STREAM_MAX_AGE: Duration = Duration::from_hours(3 * 24);

/// Time for the messages of the last pull to arrive when the hub stops.
const ARRIVAL_TIME: Duration = Duration::from_millis(200);

/// Interval of checks of the consumer.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Returns whether the server has JetStream.
pub(super) async fn is_available(client: &Client) -> Result<bool, ConsumerError> {
    match jetstream::new(client.clone()).query_account().await {
        Ok(_) => Ok(true),
        Err(error) => match error.kind() {
            AccountErrorKind::JetStreamUnavailable => Ok(false),
            AccountErrorKind::JetStream(refused) if refused.code() == 503 => Ok(false),
            AccountErrorKind::JetStream(_)
            | AccountErrorKind::TimedOut
            | AccountErrorKind::Other => {
                Err(ConsumerError::Refused(format!("JetStream does not answer: {error}")))
            }
        },
    }
}

fn refused(what: &str, error: &impl std::fmt::Display) -> ConsumerError {
    ConsumerError::Refused(format!("{what}: {error}"))
}

/// Opens the stream and starts pulling from the consumer. Both are created if they do not exist.
async fn open(
    subscription: &Subscription,
    client: &Client,
    interrupted: bool,
) -> Result<(stream::Stream, pull::Stream), ConsumerError> {
    let context = jetstream::new(client.clone());
    let stream = stream(subscription, &context).await?;
    let consumer = consumer(subscription, &stream).await?;
    if interrupted {
        let (of, pending) = ((&stream, created_ms(&stream)), consumer.cached_info());
        reject_undecodable(&subscription.consumer, &context, of, pending).await;
    }
    let messages = consumer
        .stream()
        .max_messages_per_batch(PULL)
        .heartbeat(Duration::from_secs(5))
        .expires(Duration::from_secs(30))
        .messages()
        .await
        .map_err(|error| refused("the consumer cannot be pulled from", &error))?;
    Ok((stream, messages))
}

/// Returns the time at which a stream was created, in milliseconds.
fn created_ms(stream: &stream::Stream) -> i64 {
    i64::try_from(stream.cached_info().created.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}

/// Receives messages until an error, or until the hub stops. `interrupted` is true after an error.
pub(super) async fn receive(
    subscription: &Subscription,
    connection: &NatsConnection,
    interrupted: bool,
) -> Result<(), ConsumerError> {
    let opening = open(subscription, &connection.client, interrupted);
    let Some(opened) = subscription.stop.or_stop(opening).await else { return Ok(()) };
    let (stream, messages) = opened?;
    let created_ms = created_ms(&stream);
    subscription.consumer.report(PartState::Ok);
    tracing::info!(
        stream = subscription.config.stream,
        consumer = subscription.config.durable,
        "nats: receiving events from JetStream"
    );

    let mut chunks = messages.ready_chunks(CHUNK);
    let mut in_flight = FuturesOrdered::new();
    let mut check = interval(CHECK_INTERVAL);
    check.tick().await;
    let mut lost = std::pin::pin!(connection.lost());
    loop {
        tokio::select! {
            () = &mut lost => return Err(ConsumerError::Disconnected),
            () = subscription.stop.requested() => break,
            Some(away) = in_flight.next(), if !in_flight.is_empty() => {
                if away {
                    let back = subscription.consumer.wait_for_store();
                    let _ = subscription.stop.or_stop(back).await;
                }
            }
            chunk = chunks.next(), if in_flight.len() < CHUNKS_IN_FLIGHT => {
                let Some(chunk) = chunk else {
                    return Err(ConsumerError::Refused("the consumer was deleted; recreating \
                    it".to_owned()));
                };
                let (good, failed) = split(chunk, created_ms);
                if !good.is_empty() {
                    in_flight.push_back(process(subscription, good));
                }
                if let Some(failed) = failed {
                    return Err(refused("the consumer failed; recreating it", &failed));
                }
            }
            _ = check.tick() => check_consumer(subscription, &stream).await?,
        }
    }
    drain(&connection.client, chunks, in_flight).await;
    Ok(())
}

/// Finishes the chunks in progress, and gives back what was pulled after them: another hub receives
/// it at once instead of after the ack wait.
async fn drain(
    client: &Client,
    mut chunks: ReadyChunks<pull::Stream>,
    mut in_flight: FuturesOrdered<impl Future<Output = bool>>,
) {
    // What is not finished in time is delivered again after the ack wait.
    let finished = async { while in_flight.next().await.is_some() {} };
    let _ = timeout(DRAIN_TIMEOUT, finished).await;
    // The server sends a pull on its own, so no answer tells that all of it has arrived.
    sleep(ARRIVAL_TIME).await;
    let mut rest = Vec::new();
    // The budget of the task would end this too early, and an await would pull again.
    while let Some(Some(chunk)) = unconstrained(chunks.next()).now_or_never() {
        let before = rest.len();
        rest.extend(chunk.into_iter().flatten());
        if rest.len() == before {
            break;
        }
    }
    // The server ends the pull before it takes back the messages, so none of them comes here again.
    drop(chunks);
    for message in rest {
        acknowledge(&message.split().1, AckKind::Nak(None)).await;
    }
    let _ = timeout(ANSWER_TIMEOUT, client.flush()).await;
}

type Pulled = Result<jetstream::Message, pull::MessagesError>;

fn split(
    chunk: Vec<Pulled>,
    created_ms: i64,
) -> (Vec<(SourceMessage, Acker)>, Option<pull::MessagesError>) {
    let mut good = Vec::with_capacity(chunk.len());
    for pulled in chunk {
        match pulled {
            Ok(message) => good.push(convert(message, created_ms)),
            Err(error) => return (good, Some(error)),
        }
    }
    (good, None)
}

fn convert(message: jetstream::Message, created_ms: i64) -> (SourceMessage, Acker) {
    let info = message.info().ok();
    let identity =
        info.as_ref().map(|info| Identity::stream(info.stream, created_ms, info.stream_sequence));
    let delivered = info.as_ref().map_or(1, |info| info.delivered.unsigned_abs());
    let (message, acker) = message.split();
    let message = SourceMessage {
        subject: message.subject.to_string(),
        headers: headers(message.headers.as_ref()),
        payload: message.payload,
        identity,
        delivered,
    };
    (message, acker)
}

/// Processes a chunk and acknowledges its messages. Returns whether the hub as a whole cannot take
/// events now.
async fn process(subscription: &Subscription, pulled: Vec<(SourceMessage, Acker)>) -> bool {
    let (messages, ackers): (Vec<SourceMessage>, Vec<Acker>) = pulled.into_iter().unzip();
    gauge(messages.len());
    let started = Instant::now();
    let mut away = false;
    let count = messages.len();
    let processed = subscription.consumer.process(&messages).await;
    for ((processed, message), acker) in processed.into_iter().zip(messages).zip(ackers) {
        match processed {
            Processed::Done(disposition) => {
                away |= matches!(disposition, Disposition::Retry { unavailable: true, .. });
                carry_out(&acker, disposition).await;
            }
            Processed::InProgress(progress) => {
                actix_rt::spawn(finish_later(subscription.clone(), message, acker, progress));
            }
        }
    }
    tracing::trace!(messages = count, took = ?started.elapsed(), "a chunk is processed");
    away
}

/// Sends progress acks for a large fan-out, and acknowledges it at its end.
async fn finish_later(
    subscription: Subscription,
    message: SourceMessage,
    acker: Acker,
    progress: watch::Receiver<Option<Outcome>>,
) {
    let mut working =
        interval(Duration::from_secs(subscription.config.ack_wait_seconds.max(2)) / 2);
    let mut ended = std::pin::pin!(subscription.consumer.finish(&message, progress));
    loop {
        tokio::select! {
            disposition = &mut ended => return carry_out(&acker, disposition).await,
            _ = working.tick() => acknowledge(&acker, AckKind::Progress).await,
        }
    }
}

async fn carry_out(acker: &Acker, disposition: Disposition) {
    let kind = match disposition {
        Disposition::Ack => AckKind::Ack,
        Disposition::Reject(_) => AckKind::Term,
        Disposition::Retry { after, .. } => AckKind::Nak(Some(after)),
        // The consumer has replaced it.
        Disposition::Failed(_) => AckKind::Nak(None),
    };
    acknowledge(acker, kind).await;
}

/// Sends an acknowledgement. A lost one leads to a redelivery, which is then a duplicate.
async fn acknowledge(acker: &Acker, kind: AckKind) {
    if let Err(error) = acker.ack_with(kind).await {
        tracing::debug!(%error, "nats: an acknowledgement could not be sent");
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most some hundreds")]
fn gauge(messages: usize) {
    metrics::gauge!(metric::QUEUE_LENGTH, "queue" => "subscriber").set(messages as f64);
}

async fn stream(
    subscription: &Subscription,
    context: &Context,
) -> Result<stream::Stream, ConsumerError> {
    let config = &subscription.config;
    let wanted = stream::Config {
        name: config.stream.clone(),
        subjects: config.subjects.clone(),
        description: Some("Events for Lonceng".to_owned()),
        max_age: STREAM_MAX_AGE,
        ..stream::Config::default()
    };
    let stream = context.get_or_create_stream(wanted).await.map_err(|error| {
        ConsumerError::Refused(format!("the stream {}: {error}", config.stream))
    })?;
    let has: BTreeSet<&String> = stream.cached_info().config.subjects.iter().collect();
    let wants: BTreeSet<&String> = config.subjects.iter().collect();
    if has != wants {
        tracing::warn!(
            stream = config.stream, has = ?has, wants = ?wants,
            "nats: the stream has other subjects than nats.subjects; it is left unchanged"
        );
    }
    Ok(stream)
}

async fn consumer(
    subscription: &Subscription,
    stream: &stream::Stream,
) -> Result<PullConsumer, ConsumerError> {
    let config = &subscription.config;
    if let Ok(consumer) = stream.get_consumer::<pull::Config>(&config.durable).await {
        let has = &consumer.cached_info().config;
        if has.ack_wait != Duration::from_secs(config.ack_wait_seconds) || has.max_deliver > 0 {
            tracing::warn!(
                consumer = config.durable, ack_wait = ?has.ack_wait, max_deliver = has.max_deliver,
                "nats: the consumer has other settings than the hub would give it; it is left \
                 unchanged"
            );
        }
        return Ok(consumer);
    }
    let wanted = pull::Config {
        durable_name: Some(config.durable.clone()),
        description: Some("Shared by all hubs".to_owned()),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: Duration::from_secs(config.ack_wait_seconds),
        max_deliver: -1,
        max_ack_pending: MAX_ACK_PENDING,
        ..pull::Config::default()
    };
    stream.create_consumer(wanted).await.map_err(|error| {
        ConsumerError::Refused(format!("the consumer {}: {error}", config.durable))
    })
}

/// Checks the consumer: a paused or deleted one looks idle, and must not be ready.
async fn check_consumer(
    subscription: &Subscription,
    stream: &stream::Stream,
) -> Result<(), ConsumerError> {
    match stream.get_consumer::<pull::Config>(&subscription.config.durable).await {
        Ok(consumer) if consumer.cached_info().config.pause_until.is_some() => {
            subscription.consumer.report(PartState::Degraded("the consumer is paused".to_owned()));
            Ok(())
        }
        Ok(_) => {
            subscription.consumer.report(PartState::Ok);
            Ok(())
        }
        Err(error) => {
            // A pause for the broker, which may only be busy.
            sleep(Duration::from_millis(100)).await;
            Err(ConsumerError::Refused(format!(
                "the consumer was not found; recreating it: {error}"
            )))
        }
    }
}

//! Kafka: a static member of a consumer group.
//!
//! Kafka has no acknowledgement per record, only an offset per partition. [`offsets`] commits it up
//! to the first record that is not finished, so a record that takes long, or on which the hub
//! fails, holds back the commit and not the records after it. What is delivered again after a kill
//! or a rebalance is a duplicate by its identity: topic, partition and offset.

mod client;
mod offsets;
mod positions;
mod record;

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{
    StreamExt as _,
    future::LocalBoxFuture,
    stream::{FuturesOrdered, FuturesUnordered},
};
use krafka::{
    CloseOptions, GroupMembershipOperation, Kafka,
    admin::DescribeClusterOptions,
    consumer::{
        Consumer as Client, ConsumerRebalanceListener, ConsumerRecord, OffsetAndMetadata,
        TopicPartition,
    },
    error::KrafkaError,
};
use tokio::time::{MissedTickBehavior, interval, timeout};

pub use client::connect;

use self::{
    offsets::{Offsets, lock},
    positions::Positions,
    record::TopicIds,
};
use super::{
    Consumer, EventSource, Retries,
    settle::{Finished, Settled},
    stop::StopSignal,
};
use crate::{config, telemetry::PartState};

/// Time limit for a poll without records.
const POLL: Duration = Duration::from_secs(1);

/// Maximum number of records in progress. At the limit the partitions are paused.
const IN_PROGRESS_MAX: usize = 2_000;

/// Interval of checks that a broker answers.
const CHECK_INTERVAL: Duration = Duration::from_secs(3);

/// Time limit for a check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Time for records in progress when the hub stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Time limit for leaving the group.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Kafka as an event source.
#[derive(Debug)]
pub struct KafkaSource {
    config: config::Kafka,
    /// Name of this hub in the group, which stays the same over a restart.
    instance: String,
    stop: StopSignal,
}

impl KafkaSource {
    /// Creates the source described by `[kafka]`.
    #[must_use]
    pub fn new(config: config::Kafka, instance: String) -> Self {
        Self { config, instance, stop: StopSignal::default() }
    }

    /// Joins the group and receives records until an error, or until the hub stops.
    async fn receive(&self, consumer: &Consumer) -> Result<(), KrafkaError> {
        let Some(kafka) = self.stop.or_stop(client::connect(&self.config)).await else {
            return Ok(());
        };
        let kafka = kafka?;
        let offsets = Arc::new(Mutex::new(Offsets::default()));
        let listener = Arc::new(Assignments(Arc::clone(&offsets)));
        let client =
            Arc::new(client::consumer(&kafka, &self.config, &self.instance, listener).await?);
        let positioned = Arc::new(AtomicBool::new(false));
        let mut receiver = Receiver {
            consumer,
            client: Arc::clone(&client),
            offsets,
            topics: TopicIds::default(),
            positions: Positions::default(),
            positioned: Arc::clone(&positioned),
            chunks: FuturesOrdered::new(),
            later: FuturesUnordered::new(),
            paused: false,
        };
        let ended = tokio::select! {
            result = receiver.receive() => result.map(|never| match never {}),
            never = self.watch(&kafka, &client, &positioned, consumer) => match never {},
            () = self.stop.requested() => Ok(()),
        };
        if ended.is_ok() {
            // What is not finished in time is delivered again.
            let _ = timeout(DRAIN_TIMEOUT, receiver.drain()).await;
        }
        let membership = match ended {
            Ok(()) => GroupMembershipOperation::LeaveGroup,
            Err(_) => GroupMembershipOperation::RemainInGroup,
        };
        let options =
            CloseOptions::new().timeout(LEAVE_TIMEOUT).group_membership_operation(membership);
        if let Err(error) = client.close_with(options).await {
            tracing::debug!(%error, "kafka: the group was not left in time");
        }
        ended
    }

    /// Reports the state of the connection, at intervals. The first `Ok` means that the starting
    /// positions are committed.
    async fn watch(
        &self,
        kafka: &Kafka,
        client: &Client,
        positioned: &AtomicBool,
        consumer: &Consumer,
    ) -> Infallible {
        let mut check = interval(CHECK_INTERVAL);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let admin = kafka.admin();
        let mut joined = false;
        loop {
            // The first tick is at once: joining takes a moment, which is no trouble.
            check.tick().await;
            match timeout(CHECK_TIMEOUT, admin.describe_cluster(DescribeClusterOptions::default()))
                .await
            {
                Ok(Ok(_))
                    if client.group_metadata().await.is_some()
                        && (joined || positioned.load(Ordering::Relaxed)) =>
                {
                    if !joined {
                        tracing::info!(
                            group = self.config.group_id, member = self.instance,
                            topics = ?self.config.topics, "kafka: receiving events"
                        );
                    }
                    joined = true;
                    consumer.report(PartState::Ok);
                }
                Ok(Ok(_)) if joined => {
                    let reason = "joining the consumer group again".to_owned();
                    consumer.report_down(reason, self.config.required);
                }
                Ok(Ok(_)) => {}
                Ok(Err(error)) => consumer.report_down(error.to_string(), self.config.required),
                Err(_) => {
                    let reason = "no broker answers".to_owned();
                    consumer.report_down(reason, self.config.required);
                }
            }
        }
    }
}

impl EventSource for KafkaSource {
    fn name(&self) -> &'static str {
        "kafka"
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
        Box::pin(self.stop.stop(DRAIN_TIMEOUT + LEAVE_TIMEOUT))
    }
}

/// Receiver of one membership in the group.
struct Receiver<'a> {
    consumer: &'a Consumer,
    client: Arc<Client>,
    offsets: Arc<Mutex<Offsets>>,
    topics: TopicIds,
    positions: Positions,
    /// True once every partition of this hub has a committed offset.
    positioned: Arc<AtomicBool>,
    chunks: FuturesOrdered<LocalBoxFuture<'static, Settled<offsets::Taken>>>,
    later: FuturesUnordered<LocalBoxFuture<'static, Finished<offsets::Taken>>>,
    paused: bool,
}

impl Receiver<'_> {
    async fn receive(&mut self) -> Result<Infallible, KrafkaError> {
        loop {
            let client = Arc::clone(&self.client);
            // One poll stays in progress while records are processed; polling keeps the membership.
            let mut polling = std::pin::pin!(client.poll(POLL));
            let records = loop {
                tokio::select! {
                    records = &mut polling => break records?,
                    Some(settled) = self.chunks.next() => self.settled(settled).await,
                    Some(finished) = self.later.next() => self.finished(&[finished]).await,
                }
            };
            self.commit_positions(&records).await;
            if !records.is_empty() {
                self.take(records).await?;
            }
            self.pause_or_resume().await;
        }
    }

    /// Commits the starting positions of newly assigned partitions.
    async fn commit_positions(&mut self, records: &[ConsumerRecord]) {
        if self.client.group_metadata().await.is_none() {
            return;
        }
        match self.positions.commit(&self.client, &self.offsets, records).await {
            Ok(complete) => self.positioned.store(complete, Ordering::Relaxed),
            // During a rebalance a commit is refused. The next poll tries again.
            Err(error) => tracing::debug!(%error, "kafka: positions are not committed yet"),
        }
    }

    /// Starts processing records.
    async fn take(&mut self, records: Vec<ConsumerRecord>) -> Result<(), KrafkaError> {
        let mut chunk = Vec::with_capacity(records.len());
        for record in records {
            let changes = {
                let mut offsets = lock(&self.offsets);
                offsets.start_over(&record.topic, record.partition, record.offset);
                offsets.changes()
            };
            let topic_id = self.topics.id_of(&self.client, &record.topic, changes).await?;
            let taken = lock(&self.offsets).take(&record.topic, record.partition, record.offset);
            chunk.push((record::convert(record, topic_id), taken));
        }
        let consumer = self.consumer.clone();
        self.chunks.push_back(Box::pin(async move { consumer.settle(chunk).await }));
        Ok(())
    }

    async fn settled(&mut self, settled: Settled<offsets::Taken>) {
        self.later.extend(settled.later);
        self.finished(&settled.finished).await;
    }

    /// Commits the offsets that finished records have freed.
    async fn finished(&self, finished: &[Finished<offsets::Taken>]) {
        let committable = {
            let mut offsets = lock(&self.offsets);
            for finished in finished {
                offsets.finish(&finished.token);
            }
            offsets.committable()
        };
        if committable.is_empty() {
            return;
        }
        let request: HashMap<TopicPartition, OffsetAndMetadata> = committable
            .iter()
            .map(|((topic, partition), offset)| {
                (TopicPartition::new(&**topic, *partition), OffsetAndMetadata::new(*offset))
            })
            .collect();
        match self.client.commit_offsets(&request).await {
            Ok(()) => lock(&self.offsets).committed(&committable),
            // During a rebalance a commit is refused. The next one, or the next member, repeats it.
            Err(error) => tracing::debug!(%error, "kafka: offsets are not committed yet"),
        }
    }

    /// Pauses all partitions while too many records are in progress.
    async fn pause_or_resume(&mut self) {
        let full = lock(&self.offsets).in_progress() >= IN_PROGRESS_MAX;
        if !full && !self.paused {
            return;
        }
        for (topic, partitions) in self.client.assignment().await {
            if full {
                self.client.pause(&topic, &partitions).await;
            } else {
                self.client.resume(&topic, &partitions).await;
            }
        }
        self.paused = full;
    }

    /// Finishes what is in progress, without receiving more.
    async fn drain(&mut self) {
        while let Some(settled) = self.chunks.next().await {
            self.settled(settled).await;
        }
        while let Some(finished) = self.later.next().await {
            self.finished(&[finished]).await;
        }
    }
}

/// Listener that records changes of the assigned partitions, and forgets those which other members
/// take over.
struct Assignments(Arc<Mutex<Offsets>>);

impl Assignments {
    fn revoke(&self, partitions: &[TopicPartition]) {
        let mut offsets = lock(&self.0);
        for partition in partitions {
            offsets.revoke(&partition.topic, partition.partition);
        }
    }
}

impl ConsumerRebalanceListener for Assignments {
    async fn on_partitions_assigned(&self, partitions: &[TopicPartition]) {
        tracing::debug!(?partitions, "kafka: partitions are assigned");
        lock(&self.0).assign();
    }

    async fn on_partitions_revoked(&self, partitions: &[TopicPartition]) {
        self.revoke(partitions);
    }

    async fn on_partitions_lost(&self, partitions: &[TopicPartition]) {
        self.revoke(partitions);
    }
}

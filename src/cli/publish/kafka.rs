//! Publishing to Kafka.

use anyhow::anyhow;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use krafka::{Record, producer::Acks};
use serde_json::{Map, Value};

use super::{IN_FLIGHT, Publish};
use crate::{
    cli::{Failure, progress::progress},
    config,
    ingest::kafka,
};

impl Publish {
    /// Publishes to the topic of the event. Its key is the user, so that the events of a user keep
    /// their order.
    pub(super) async fn over_kafka(
        &self,
        config: &config::Kafka,
        event: &Map<String, Value>,
    ) -> Result<(), Failure> {
        if !config.is_on() {
            return Err(Failure::Usage(
                "lonceng: no Kafka is configured; set kafka.brokers, or KAFKA_BROKERS=host:9092"
                    .to_owned(),
            ));
        }
        let away = |error: &dyn std::fmt::Display| {
            let brokers = config.brokers.join(", ");
            anyhow!("Kafka at {brokers} did not take the event: {error}; check kafka.brokers")
        };
        let kafka = kafka::connect(config).await.map_err(|error| away(&error))?;
        let producer =
            kafka.producer().acks(Acks::All).build().await.map_err(|error| away(&error))?;
        let payload = bytes::Bytes::from(serde_json::to_vec(event).map_err(anyhow::Error::from)?);
        let topic = self.topic();
        let progress = progress(self.count);
        let mut waiting = FuturesUnordered::new();
        for n in 0..self.count {
            let record =
                Record::new(topic.as_str(), payload.clone()).header("event_id", self.id(n));
            let record = match &self.user {
                Some(user) => record.key(user.clone()),
                None => record,
            };
            waiting.push(producer.enqueue(record).await.map_err(|error| away(&error))?);
            if waiting.len() >= IN_FLIGHT
                && let Some(stored) = waiting.next().await
            {
                let _ = stored.map_err(|error| away(&error))?;
                progress.inc(1);
            }
        }
        while let Some(stored) = waiting.next().await {
            let _ = stored.map_err(|error| away(&error))?;
            progress.inc(1);
        }
        producer.close().await.map_err(|error| away(&error))?;
        progress.finish_and_clear();
        Ok(())
    }
}

//! Records of Kafka as messages of a source.

use std::{collections::HashMap, sync::Arc};

use krafka::{
    consumer::{Consumer as Client, ConsumerRecord},
    error::KrafkaError,
};
use uuid::Uuid;

use crate::{
    domain::event::Identity,
    ingest::{SourceMessage, message::header_name},
};

/// IDs of topics, which distinguish a topic from an earlier one of the same name.
#[derive(Debug, Default)]
pub(super) struct TopicIds(HashMap<Arc<str>, Option<Uuid>>);

impl TopicIds {
    /// Returns the ID of a topic; `None` from a broker that has none (before Kafka 2.8).
    pub(super) async fn id_of(
        &mut self,
        client: &Client,
        topic: &Arc<str>,
    ) -> Result<Option<Uuid>, KrafkaError> {
        if let Some(id) = self.0.get(topic) {
            return Ok(*id);
        }
        let metadata = client.fetch_metadata(Some(topic)).await?;
        let found = metadata.topics.iter().find(|info| info.name == **topic);
        let id = found.map(|info| Uuid::from_bytes(info.topic_id)).filter(|id| !id.is_nil());
        self.0.insert(Arc::clone(topic), id);
        Ok(id)
    }
}

/// Converts a record.
pub(super) fn convert(record: ConsumerRecord, topic_id: Option<Uuid>) -> SourceMessage {
    // Without an ID of the topic, the time tells a record from that of an earlier topic.
    let topic_id = topic_id.map_or_else(|| record.timestamp.to_string(), |id| id.to_string());
    let identity = Identity::record(&record.topic, &topic_id, record.partition, record.offset);
    let headers = record.headers.iter().filter_map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_ref()?).into_owned();
        Some((header_name(name), value))
    });
    SourceMessage {
        subject: record.topic.to_string(),
        headers: headers.collect(),
        payload: record.value.unwrap_or_default(),
        identity: Some(identity),
        delivered: 1,
    }
}

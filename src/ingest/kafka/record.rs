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
pub(super) struct TopicIds {
    /// IDs, valid since the last change of the assigned partitions.
    ids: HashMap<Arc<str>, Option<Uuid>>,
    /// Number of that change, as [`Offsets::changes`](super::offsets::Offsets::changes).
    changes: u64,
}

impl TopicIds {
    /// Returns the ID of a topic; `None` from a broker that has none (before Kafka 2.8). The broker
    /// is asked again after a change of the assigned partitions.
    pub(super) async fn id_of(
        &mut self,
        client: &Client,
        topic: &Arc<str>,
        changes: u64,
    ) -> Result<Option<Uuid>, KrafkaError> {
        if self.changes != changes {
            self.ids.clear();
            self.changes = changes;
        }
        if let Some(id) = self.ids.get(topic) {
            return Ok(*id);
        }
        let metadata = client.fetch_metadata(Some(topic)).await?;
        let found = metadata.topics.iter().find(|info| info.name == **topic);
        let id = found.map(|info| Uuid::from_bytes(info.topic_id)).filter(|id| !id.is_nil());
        self.ids.insert(Arc::clone(topic), id);
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

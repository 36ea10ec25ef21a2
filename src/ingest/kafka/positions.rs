//! Starting positions: committed for every partition of this hub before it reports that it
//! receives.
//!
//! A group without an offset starts at `kafka.start`, and `latest` is a moment: without a commit, a
//! hub that stops before it has finished a record would start after everything that was published
//! meanwhile.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Mutex,
};

use krafka::{
    consumer::{Consumer as Client, ConsumerRecord, OffsetAndMetadata, TopicPartition},
    error::KrafkaError,
};

use super::offsets::{Offsets, lock};

/// Partitions whose position is committed.
#[derive(Debug, Default)]
pub(super) struct Positions(BTreeSet<(String, i32)>);

impl Positions {
    /// Commits the position of each assigned partition that has no committed offset. `records` were
    /// polled and not taken yet; `offsets` has those taken before. Returns whether every assigned
    /// partition has a committed offset; otherwise the next call goes on.
    ///
    /// # Errors
    /// The broker refuses or does not answer, as during a rebalance.
    pub(super) async fn commit(
        &mut self,
        client: &Client,
        offsets: &Mutex<Offsets>,
        records: &[ConsumerRecord],
    ) -> Result<bool, KrafkaError> {
        let assigned: BTreeSet<(String, i32)> = client
            .assignment()
            .await
            .into_iter()
            .flat_map(|(topic, partitions)| {
                partitions.into_iter().map(move |partition| (topic.clone(), partition))
            })
            .collect();
        self.0.retain(|partition| assigned.contains(partition));
        let new: Vec<(String, i32)> = assigned.difference(&self.0).cloned().collect();
        if new.is_empty() {
            return Ok(true);
        }
        let asked: Vec<(&str, i32)> =
            new.iter().map(|(topic, partition)| (topic.as_str(), *partition)).collect();
        let committed = client.committed(&asked).await?;
        let taken = lock(offsets).first_unfinished();
        let (mut ready, mut request) = (Vec::new(), HashMap::new());
        for partition in new {
            if committed.contains_key(&partition) {
                ready.push(partition);
                continue;
            }
            let (topic, number) = (partition.0.as_str(), partition.1);
            let polled = records
                .iter()
                .find(|record| &*record.topic == topic && record.partition == number)
                .map(|record| record.offset);
            // What was polled is not finished, and the position of the client is after it.
            let start = match taken.get(&partition).copied().or(polled) {
                Some(start) => Some(start),
                None => client.position(topic, number).await,
            };
            // The client asks the broker again at its next poll.
            let Some(start) = start else { continue };
            request.insert(TopicPartition::new(topic, number), OffsetAndMetadata::new(start));
            ready.push(partition);
        }
        if !request.is_empty() {
            client.commit_offsets(&request).await?;
        }
        self.0.extend(ready);
        Ok(self.0.len() == assigned.len())
    }
}

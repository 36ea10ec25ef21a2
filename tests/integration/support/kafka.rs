//! Kafka broker of one test, and a client that produces records for tests.
//!
//! The broker is noida-db, which speaks Kafka's protocol (`LONCENG_TEST_NOIDA`). Tests that do not
//! stop it share the one of `scripts/test`, with topics and groups of their own; the others start a
//! private one.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use krafka::{
    Record,
    admin::{AdminClient, CreateTopicsOptions, ListConsumerGroupOffsetsOptions, NewTopic},
    producer::Producer,
};
use tempfile::TempDir;

use super::{
    nats::free_port,
    process,
    wait::{PATIENCE, until},
};

/// Returns the address of the shared broker; `None` where there is none.
pub fn shared_address() -> Option<String> {
    let missing = |_| super::missing("a Kafka broker (LONCENG_TEST_KAFKA)");
    std::env::var("LONCENG_TEST_KAFKA").map_err(missing).ok()
}

/// Private Kafka broker, removed with its data when dropped.
pub struct Kafka {
    child: Option<Child>,
    program: String,
    pub port: u16,
    folder: TempDir,
}

impl Kafka {
    /// Starts a broker; `None` where there is no noida-db.
    pub async fn start() -> Option<Self> {
        let Ok(program) = std::env::var("LONCENG_TEST_NOIDA") else {
            super::missing("noida-db (LONCENG_TEST_NOIDA)");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut broker = Self { child: None, program, port: free_port(), folder };
        broker.run().await;
        Some(broker)
    }

    /// Starts the broker again on the same port, with the data that were saved.
    pub async fn run(&mut self) {
        let log = File::create(self.folder.path().join("log")).expect("a log file");
        let child = Command::new(&self.program)
            .args(["start", "--only", "kafka", "--host", "127.0.0.1"])
            .args(["--kafka-port", &self.port.to_string(), "--data-dir"])
            .arg(self.folder.path().join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("noida-db starts");
        self.child = Some(child);
        let port = self.port;
        until("the Kafka broker listens", PATIENCE, async || {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "noida-db ended: {}", self.log());
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
    }

    /// Stops the broker with SIGTERM, which saves all records and committed offsets.
    pub async fn stop(&mut self) {
        process::terminate(&mut self.child, "the Kafka broker").await;
    }

    /// Kills the broker. It saves once a second: acknowledged records and committed offsets since
    /// the last save are lost, which [`Kafka::saved`] prevents.
    pub fn kill(&mut self) {
        process::kill(&mut self.child);
    }

    /// Stops the broker if it runs, and starts it on the same port with the same data.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    /// Waits until everything acknowledged so far is on disk.
    pub async fn saved(&self) {
        // Each save writes the whole state, so that a topic created now is saved with all before.
        let marker = format!("saved-{}", uuid::Uuid::new_v4());
        self.client().await.create_topic(&marker, 1).await;
        until("the Kafka broker saves", PATIENCE, async || {
            std::fs::read_to_string(self.data_file()).ok()?.contains(&marker).then_some(())
        })
        .await;
    }

    /// Returns a client of this broker.
    pub async fn client(&self) -> KafkaClient {
        KafkaClient::connect(&self.address()).await
    }

    /// Returns the bootstrap address.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the log since the last start.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn data_file(&self) -> PathBuf {
        self.folder.path().join("data").join("kafka.json")
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Client that creates topics, produces records and reads committed offsets.
pub struct KafkaClient {
    admin: AdminClient,
    producer: Producer,
}

impl KafkaClient {
    /// Connects to a broker, which creates unknown topics with one partition.
    pub async fn connect(address: &str) -> Self {
        let kafka = krafka::Kafka::builder(address)
            .client_id("lonceng-test")
            .allow_auto_create_topics(true)
            .connect()
            .await
            .expect("the Kafka broker answers");
        let producer = kafka.producer().build().await.expect("a producer");
        Self { admin: kafka.admin(), producer }
    }

    pub async fn create_topic(&self, name: &str, partitions: i32) {
        let topic = NewTopic::new(name, partitions, 1).expect("a valid topic");
        let created = self.admin.create_topics([topic], CreateTopicsOptions::default()).await;
        for (name, result) in created.expect("the Kafka broker answers") {
            result.unwrap_or_else(|error| panic!("topic {name} cannot be created: {error}"));
        }
    }

    /// Produces a record, and returns its partition and offset once it is acknowledged.
    pub async fn produce(
        &self,
        topic: &str,
        key: &str,
        headers: &[(&str, &str)],
        payload: &[u8],
    ) -> (i32, i64) {
        let record = record(topic, key, headers, payload);
        let sent = self.producer.send(record).await.expect("the record is acknowledged");
        (sent.partition, sent.offset)
    }

    /// Produces records in this order, and returns once all of them are acknowledged.
    pub async fn produce_batch(&self, records: impl IntoIterator<Item = Record>) {
        let mut deliveries = Vec::new();
        for record in records {
            deliveries.push(self.producer.enqueue(record).await.expect("the record is queued"));
        }
        for delivery in deliveries {
            let _ = delivery.await.expect("the record is acknowledged");
        }
    }

    /// Returns the sum of a group's committed offsets over the partitions of a topic: the number of
    /// records that are done with, if the topic was read from its beginning.
    pub async fn committed(&self, group: &str, topic: &str) -> i64 {
        let options = ListConsumerGroupOffsetsOptions::default();
        let offsets = self.admin.list_consumer_group_offsets(group, options).await;
        offsets
            .expect("the Kafka broker answers")
            .into_iter()
            .filter(|(partition, _)| partition.topic == topic)
            .filter_map(|(_, offset)| offset.expect("an offset").offset)
            .sum()
    }
}

/// Returns a record for [`KafkaClient::produce_batch`].
pub fn record(topic: &str, key: &str, headers: &[(&str, &str)], payload: &[u8]) -> Record {
    let record = Record::new(topic, payload.to_vec()).key(key.to_owned());
    headers.iter().fold(record, |record, (name, value)| record.header(*name, (*value).to_owned()))
}

//! Brokers of the conformance suite: each with a topic, exchange or table of its own.

use async_nats::{HeaderMap, jetstream};
use krafka::Record;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::support::{
    hub::{Hub, On},
    kafka::{Kafka, KafkaClient},
    nats::NatsServer,
    rabbitmq::{AmqpClient, RabbitMq, persistent},
};

/// Name of the events of the suite, and code of their type.
pub const SUBJECT: &str = "note.created";

/// Message to publish.
pub struct Publication {
    pub headers: Vec<(&'static str, String)>,
    pub payload: Vec<u8>,
}

impl Publication {
    pub fn event(value: &Value) -> Self {
        Self { headers: Vec::new(), payload: value.to_string().into_bytes() }
    }

    pub fn bytes(payload: &[u8]) -> Self {
        Self { headers: Vec::new(), payload: payload.to_vec() }
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// Broker under test.
pub trait Broker: Sized {
    /// Name of the source in readiness and metrics.
    const NAME: &'static str;
    /// True if the broker is a server that can be stopped without the store.
    const STOPS: bool = true;

    /// Starts the broker; `None` where it is missing.
    async fn start() -> Option<Self>;
    /// Returns the settings of a hub that takes its events from here.
    fn env(&self) -> Vec<(String, String)>;
    /// Publishes messages of the subject [`SUBJECT`], and waits until the broker has stored them.
    async fn publish(&self, messages: Vec<Publication>);
    /// Stops the broker without warning.
    async fn kill(&mut self);
    /// Starts it again.
    async fn run(&mut self);
    /// Returns the kind of store that the hub needs.
    fn store() -> On {
        On::Postgres
    }
    /// Connects to the store of the hub, for a broker that is in it.
    async fn attach(&mut self, _: &Hub) {}
    /// Returns whether a message may be something else than an event of the right shape.
    fn takes_bytes() -> bool {
        true
    }
}

pub struct Nats(NatsServer);

impl Broker for Nats {
    const NAME: &'static str = "nats";

    async fn start() -> Option<Self> {
        Some(Self(NatsServer::start(true).await?))
    }

    fn env(&self) -> Vec<(String, String)> {
        [
            ("LONCENG_NATS__URL", self.0.url()),
            ("LONCENG_NATS__ACK_WAIT_SECONDS", "2".to_owned()),
            ("LONCENG_NATS__SUBJECTS", SUBJECT.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    async fn publish(&self, messages: Vec<Publication>) {
        let context: jetstream::Context = self.0.jetstream().await;
        let mut sent = Vec::new();
        for message in messages {
            let mut headers = HeaderMap::new();
            for (name, value) in &message.headers {
                headers.insert(*name, value.as_str());
            }
            let ack = context.publish_with_headers(SUBJECT, headers, message.payload.into()).await;
            sent.push(ack.expect("it is sent"));
        }
        for ack in sent {
            ack.await.expect("the stream takes it");
        }
    }

    async fn kill(&mut self) {
        self.0.stop();
    }

    async fn run(&mut self) {
        self.0.run().await;
    }
}

/// Kafka broker with a topic of four partitions.
pub struct KafkaBroker(Kafka, String);

impl Broker for KafkaBroker {
    const NAME: &'static str = "kafka";

    async fn start() -> Option<Self> {
        let kafka = Kafka::start().await?;
        kafka.client().await.create_topic(SUBJECT, 4).await;
        Some(Self(kafka, format!("group-{}", Uuid::new_v4().simple())))
    }

    fn env(&self) -> Vec<(String, String)> {
        [
            ("KAFKA_BROKERS", self.0.address()),
            ("KAFKA_GROUP_ID", self.1.clone()),
            ("LONCENG_KAFKA__TOPICS", SUBJECT.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    async fn publish(&self, messages: Vec<Publication>) {
        let client: KafkaClient = self.0.client().await;
        let records = messages.into_iter().enumerate().map(|(n, message)| {
            let record = Record::new(SUBJECT, message.payload).key(n.to_string());
            message
                .headers
                .into_iter()
                .fold(record, |record, (name, value)| record.header(name, value))
        });
        client.produce_batch(records).await;
        self.0.saved().await;
    }

    async fn kill(&mut self) {
        self.0.kill();
    }

    async fn run(&mut self) {
        self.0.run().await;
    }
}

pub struct Rabbit(RabbitMq);

impl Broker for Rabbit {
    const NAME: &'static str = "amqp";

    async fn start() -> Option<Self> {
        Some(Self(RabbitMq::start().await?))
    }

    fn env(&self) -> Vec<(String, String)> {
        vec![("AMQP_URL".to_owned(), self.0.url())]
    }

    async fn publish(&self, messages: Vec<Publication>) {
        let client: AmqpClient = self.0.client().await;
        for message in messages {
            let headers: Vec<(&str, &str)> =
                message.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let id = Uuid::now_v7().to_string();
            let properties = persistent(&headers).with_message_id(id.into());
            client.publish("events", SUBJECT, properties, &message.payload).await;
        }
    }

    async fn kill(&mut self) {
        self.0.kill();
    }

    async fn run(&mut self) {
        self.0.run().await;
    }
}

/// Outbox in the hub's own database.
pub struct Outbox(Option<PgPool>);

impl Broker for Outbox {
    const NAME: &'static str = "outbox";
    const STOPS: bool = false;

    async fn start() -> Option<Self> {
        std::env::var("LONCENG_TEST_POSTGRES").ok().map(|_| Self(None))
    }

    fn env(&self) -> Vec<(String, String)> {
        vec![("LONCENG_OUTBOX__ENABLED".to_owned(), "true".to_owned())]
    }

    async fn attach(&mut self, hub: &Hub) {
        self.0 = Some(PgPool::connect(&hub.store_url).await.expect("PostgreSQL answers"));
    }

    async fn publish(&self, messages: Vec<Publication>) {
        let pool = self.0.as_ref().expect("it is attached");
        let mut transaction = pool.begin().await.expect("a transaction");
        for message in messages {
            let mut event: Value = serde_json::from_slice(&message.payload).expect("an event");
            let mut text = |name: &str| {
                let taken = event.as_object_mut().and_then(|event| event.remove(name));
                taken.and_then(|value| value.as_str().map(str::to_owned))
            };
            let (user, id) = (text("user_id"), text("event_id"));
            let name = text("type").unwrap_or_else(|| SUBJECT.to_owned());
            let header = |wanted: &str| {
                let found = message.headers.iter().find(|(name, _)| *name == wanted);
                found.map(|(_, value)| value.clone())
            };
            sqlx::query(
                "SELECT lonceng_publish($1, $2, user_id => $3, event_id => $4, traceparent => $5)",
            )
            .bind(name)
            .bind(event)
            .bind(user)
            .bind(id.or_else(|| header("event_id")))
            .bind(header("traceparent"))
            .execute(&mut *transaction)
            .await
            .expect("the function exists");
        }
        transaction.commit().await.expect("a commit");
    }

    async fn kill(&mut self) {}

    async fn run(&mut self) {}

    fn takes_bytes() -> bool {
        false
    }
}

/// Drops the database of a hub's store.
pub async fn drop_database(hub: &Hub) {
    let Ok(server) = std::env::var("LONCENG_TEST_POSTGRES") else { return };
    let Some((_, name)) = hub.store_url.rsplit_once('/') else { return };
    let pool = PgPool::connect(&server).await.expect("PostgreSQL answers");
    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    let _ = sqlx::query(AssertSqlSafe(sql)).execute(&pool).await;
}

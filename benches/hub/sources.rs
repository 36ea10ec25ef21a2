//! Events per second from Kafka, RabbitMQ and the outbox, to compare with NATS (`throughput`).

use std::time::Instant;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use krafka::Record;
use lapin::options::BasicPublishOptions;
use sqlx::PgPool;

use crate::{
    USERS, payload, reached,
    support::{
        hub::{Hub, On},
        kafka::Kafka,
        rabbitmq::{RabbitMq, persistent},
    },
    watch,
};

/// Starts a hub with one source, and waits until it receives.
async fn hub_of(on: On, source: &str, env: &[(&str, &str)]) -> Option<Hub> {
    let hub = Hub::start(on, env).await?;
    while hub.get("/health/ready").await.1[source] != "ok" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Some(hub)
}

fn print(source: &str, events: u64, started: Instant) {
    let all = started.elapsed();
    println!(
        "sources     {events} events, {source} → commit → {USERS} WebSockets: {:.0} events/s",
        events as f64 / all.as_secs_f64()
    );
}

/// Kafka with four partitions.
pub async fn kafka(events: u64) {
    let Some(broker) = Kafka::start().await else { return };
    broker.client().await.create_topic("note.created", 4).await;
    let address = broker.address();
    let env = [
        ("KAFKA_BROKERS", address.as_str()),
        ("LONCENG_KAFKA__TOPICS", "note.created"),
        ("LONCENG_KAFKA__START", "earliest"),
    ];
    let Some(hub) = hub_of(On::Sqlite, "kafka", &env).await else { return };
    let watchers = watch(&hub).await;
    let client = broker.client().await;
    let started = Instant::now();
    for first in (0..events).step_by(1_000) {
        let records = (first..first + 1_000)
            .map(|n| Record::new("note.created", payload(n)).key((n % 97).to_string()));
        client.produce_batch(records).await;
    }
    reached(&watchers, events).await;
    print("Kafka", events, started);
}

/// RabbitMQ with a durable classic queue and persistent messages.
pub async fn rabbitmq(events: u64) {
    let Some(server) = RabbitMq::start().await else { return };
    let url = server.url();
    let Some(hub) = hub_of(On::Sqlite, "amqp", &[("AMQP_URL", &url)]).await else { return };
    let watchers = watch(&hub).await;
    let client = server.client().await;
    let started = Instant::now();
    let mut waiting = FuturesUnordered::new();
    for n in 0..events {
        let properties = persistent(&[]).with_message_id(n.to_string().into());
        let (exchange, key) = ("events".into(), "note.created".into());
        let options = BasicPublishOptions::default();
        let sent =
            client.channel.basic_publish(exchange, key, options, &payload(n), properties).await;
        waiting.push(sent.expect("it is sent"));
        if waiting.len() >= 1_000 {
            waiting.next().await.expect("one is pending").expect("it is confirmed");
        }
    }
    while let Some(confirmed) = waiting.next().await {
        confirmed.expect("it is confirmed");
    }
    reached(&watchers, events).await;
    print("RabbitMQ", events, started);
}

/// The outbox, whose rows are written in transactions of 100.
pub async fn outbox(events: u64) {
    let env = [("LONCENG_OUTBOX__ENABLED", "true")];
    let Some(hub) = hub_of(On::Postgres, "outbox", &env).await else { return };
    let watchers = watch(&hub).await;
    let pool = PgPool::connect(&hub.store_url).await.expect("PostgreSQL answers");
    let started = Instant::now();
    for first in (0..events).step_by(100) {
        let rows: Vec<serde_json::Value> = (first..first + 100)
            .map(|n| serde_json::from_slice(&payload(n)).expect("JSON"))
            .collect();
        sqlx::query(
            "SELECT lonceng_publish('note.created', data, user_id => data ->> 'user_id') \
             FROM UNNEST($1) AS new (data)",
        )
        .bind(rows)
        .execute(&pool)
        .await
        .expect("it is written");
    }
    reached(&watchers, events).await;
    print("outbox", events, started);
}

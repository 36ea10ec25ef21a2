//! What is special in each broker.

use std::{process::Output, time::Duration};

use krafka::Record;
use lapin::ExchangeKind;
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;

use crate::{
    feeds::{booked, updated},
    support::{
        hub::Hub,
        kafka::{self, Kafka, KafkaClient},
        rabbitmq::{self, AmqpClient, persistent},
        wait::{PATIENCE, until},
    },
};

/// Returns a name that no other test uses.
fn unique(name: &str) -> String {
    format!("{name}-{}", Uuid::new_v4().simple())
}

pub(super) async fn unread(hub: &Hub, user: &str, count: u64) {
    until(&format!("{user} has {count}"), PATIENCE * 2, async || {
        let (_, body) =
            hub.get(&format!("/api/v1/notifications/unread-count?user_id={user}")).await;
        (body["unread"] == count).then_some(())
    })
    .await;
}

pub(super) async fn receives(hub: &Hub, source: &str) {
    until(&format!("{source} is ok"), PATIENCE * 2, async || {
        (hub.get("/health/ready").await.1[source] == "ok").then_some(())
    })
    .await;
}

pub(super) async fn lonceng(env: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lonceng"))
        .args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml")])
        .args(arguments)
        .envs(env.iter().copied())
        .output()
        .await
        .expect("it runs")
}

pub(super) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned()
}

#[tokio::test]
async fn bookings_from_kafka_reach_the_availability_feed_and_the_bell() {
    let Some(address) = kafka::shared_address() else { return };
    let group = unique("group");
    // The default topics: the broker creates them.
    let hub = Hub::sqlite(&[
        ("KAFKA_BROKERS", &address),
        ("KAFKA_GROUP_ID", &group),
        ("LONCENG_KAFKA__START", "latest"),
    ])
    .await;
    receives(&hub, "kafka").await;
    let client = KafkaClient::connect(&address).await;
    let course = unique("PIANO");
    let mut watcher = hub.watch("availability", &json!({ "course_id": course })).await;
    let first = until("the feed shows a booking", PATIENCE, async || {
        let payload = booked(&course, 3).to_string();
        client.produce("booking.created", &course, &[], payload.as_bytes()).await;
        watcher.within(Duration::from_secs(1)).await
    })
    .await;
    assert_eq!(first, updated(&course, 3));
}

#[tokio::test]
async fn cloud_events_in_the_kafka_binding_are_decoded() {
    let Some(address) = kafka::shared_address() else { return };
    let (group, topic) = (unique("group"), unique("topic"));
    let client = KafkaClient::connect(&address).await;
    client.create_topic(&topic, 2).await;
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", "7"),
        ("ce_source", "/notes"),
        ("ce_type", "note.created"),
        ("ce_userid", "u"),
        ("content-type", "application/json"),
    ];
    for _ in 0..2 {
        client.produce(&topic, "k", &headers, b"{\"title\":\"n\"}").await;
    }
    // A record without a value, which log compaction makes, blocks nothing.
    client.produce_batch([Record::tombstone(topic.as_str(), "k")]).await;
    client
        .produce(
            &topic,
            "k",
            &[],
            b"{\"type\":\"NOTE_CREATED\",\"user_id\":\"last\",\"title\":\"n\"}",
        )
        .await;
    let hub = Hub::sqlite(&[
        ("KAFKA_BROKERS", &address),
        ("KAFKA_GROUP_ID", &group),
        ("LONCENG_KAFKA__TOPICS", &topic),
        ("LONCENG_KAFKA__START", "earliest"),
    ])
    .await;
    unread(&hub, "last", 1).await;
    unread(&hub, "u", 1).await;
    until("all offsets are committed", PATIENCE, async || {
        (client.committed(&group, &topic).await == 4).then_some(())
    })
    .await;
}

/// With the default `start = "latest"`, what was there before is not received, and everything from
/// the first readiness on is.
#[tokio::test]
async fn nothing_is_lost_after_a_start_without_records() {
    let Some(kafka) = Kafka::start().await else { return };
    let (address, group) = (kafka.address(), unique("group"));
    let client = kafka.client().await;
    client.create_topic("note.created", 4).await;
    let publish = async |user: &str, count: usize| {
        let payload = json!({ "user_id": user, "title": "n" }).to_string().into_bytes();
        let record = |n: usize| Record::new("note.created", payload.clone()).key(n.to_string());
        client.produce_batch((0..count).map(record)).await;
    };
    publish("before", 20).await;
    let mut hub = Hub::sqlite(&[
        ("KAFKA_BROKERS", &address),
        ("KAFKA_GROUP_ID", &group),
        ("LONCENG_KAFKA__TOPICS", "note.created"),
    ])
    .await;
    receives(&hub, "kafka").await;
    hub.terminate().await;
    publish("stopped", 20).await;
    hub.run().await;
    unread(&hub, "stopped", 20).await;
    hub.kill();
    publish("killed", 20).await;
    hub.run().await;
    unread(&hub, "killed", 20).await;
    unread(&hub, "before", 0).await;
}

#[tokio::test]
async fn topic_that_is_created_later_is_received() {
    let Some(kafka) = Kafka::start().await else { return };
    let (address, group) = (kafka.address(), unique("group"));
    let hub = Hub::sqlite(&[
        ("KAFKA_BROKERS", &address),
        ("KAFKA_GROUP_ID", &group),
        ("LONCENG_KAFKA__TOPICS", "note.created"),
        ("LONCENG_KAFKA__START", "earliest"),
    ])
    .await;
    receives(&hub, "kafka").await;
    let client = kafka.client().await;
    client.produce("note.created", "k", &[], b"{\"user_id\":\"u\",\"title\":\"n\"}").await;
    unread(&hub, "u", 1).await;
}

#[tokio::test]
async fn publish_command_reaches_the_hub_over_kafka() {
    let Some(address) = kafka::shared_address() else { return };
    let (group, topic) = (unique("group"), unique("topic").replace('-', "."));
    KafkaClient::connect(&address).await.create_topic(&topic, 1).await;
    let code = topic.to_uppercase().replace('.', "_");
    let env = [
        ("KAFKA_BROKERS", address.as_str()),
        ("KAFKA_GROUP_ID", group.as_str()),
        ("LONCENG_KAFKA__TOPICS", topic.as_str()),
        ("LONCENG_KAFKA__START", "earliest"),
    ];
    let hub = Hub::sqlite(&env).await;
    let kind = json!({ "code": code, "display_name": "T", "template": "hello",
        "target_type": "SELF" });
    let path = format!("/api/v1/admin/types/{code}");
    assert_eq!(hub.send("PUT", &path, &[], kind.to_string()).await.0 / 100, 2);
    let output =
        lonceng(&env, &["publish", &topic, "--user", "u", "--kafka", "--count", "20"]).await;
    assert!(output.status.success(), "{}", text(&output));
    assert!(!text(&output).contains("warning"), "{}", text(&output));
    unread(&hub, "u", 20).await;
    let unread_topic = [("KAFKA_BROKERS", address.as_str())];
    let output = lonceng(&unread_topic, &["publish", &topic, "--user", "u", "--kafka"]).await;
    assert!(output.status.success(), "{}", text(&output));
    let warning = format!("does not read the topic {topic}; add it to kafka.topics");
    assert!(text(&output).contains(&warning), "{}", text(&output));

    let output = lonceng(&[], &["publish", &topic, "--user", "u", "--kafka"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let away = [("KAFKA_BROKERS", "127.0.0.1:1")];
    let output = lonceng(&away, &["publish", &topic, "--user", "u", "--kafka"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_eq!(text(&output).lines().count(), 1, "{}", text(&output));
}

#[tokio::test]
async fn sasl_without_a_user_name_is_refused_at_the_start() {
    let env =
        [("KAFKA_BROKERS", "127.0.0.1:9092"), ("LONCENG_KAFKA__SECURITY", "sasl_scram_sha_512")];
    let output = lonceng(&env, &["check"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("kafka.username"), "{}", text(&output));
}

#[tokio::test]
async fn sasl_plain_signs_in() {
    let Some(address) = kafka::shared_address() else { return };
    let (group, topic) = (unique("group"), unique("topic"));
    let client = KafkaClient::connect(&address).await;
    client.create_topic(&topic, 1).await;
    client
        .produce(&topic, "k", &[], b"{\"type\":\"NOTE_CREATED\",\"user_id\":\"u\",\"title\":\"n\"}")
        .await;
    let hub = Hub::sqlite(&[
        ("KAFKA_BROKERS", &address),
        ("KAFKA_GROUP_ID", &group),
        ("LONCENG_KAFKA__TOPICS", &topic),
        ("LONCENG_KAFKA__START", "earliest"),
        ("LONCENG_KAFKA__SECURITY", "sasl_plain"),
        ("LONCENG_KAFKA__USERNAME", "hub"),
        ("LONCENG_KAFKA__PASSWORD", "secret of the broker"),
    ])
    .await;
    unread(&hub, "u", 1).await;
    assert!(!hub.log().contains("secret of the broker"));
}

#[tokio::test]
async fn existing_queue_and_exchange_are_used_as_they_are() {
    let Some(url) = rabbitmq::shared_url() else { return };
    let (queue, exchange) = (unique("queue"), unique("exchange"));
    let client = AmqpClient::connect(&url).await;
    client.declare_exchange(&exchange, ExchangeKind::Fanout).await;
    client.declare_queue(&queue, &[("x-queue-type", "quorum")]).await;
    let hub = Hub::sqlite(&[
        ("AMQP_URL", &url),
        ("LONCENG_AMQP__QUEUE", &queue),
        ("LONCENG_AMQP__EXCHANGE", &exchange),
    ])
    .await;
    receives(&hub, "amqp").await;
    let payload = b"{\"user_id\":\"u\",\"title\":\"n\"}";
    client.publish(&exchange, "note.created", persistent(&[]), payload).await;
    unread(&hub, "u", 1).await;
    until("the log names the missing identity", PATIENCE, async || {
        hub.log().contains("has neither message_id nor event_id").then_some(())
    })
    .await;
}

#[tokio::test]
async fn amqp_identity_is_that_of_the_event_before_that_of_the_message() {
    let Some(url) = rabbitmq::shared_url() else { return };
    let (queue, exchange) = (unique("queue"), unique("exchange"));
    // A URL that ends with a slash means the default virtual host.
    let short = url.replace("/%2f", "/");
    let hub = Hub::sqlite(&[
        ("AMQP_URL", &short),
        ("LONCENG_AMQP__QUEUE", &queue),
        ("LONCENG_AMQP__EXCHANGE", &exchange),
    ])
    .await;
    receives(&hub, "amqp").await;
    let client = AmqpClient::connect(&url).await;
    let publish = async |headers: &[(&str, &str)], id: &str, payload: &Value| {
        let properties = persistent(headers).with_message_id(id.into());
        client.publish(&exchange, "note.created", properties, payload.to_string().as_bytes()).await;
    };
    let note = |user: &str| json!({ "user_id": user, "title": "n" });
    // The same message twice.
    publish(&[], "m-1", &note("a")).await;
    publish(&[], "m-1", &note("a")).await;
    // One event in two messages, and two events in messages of one ID.
    for id in ["m-2", "m-3"] {
        publish(&[("event_id", "e-1")], id, &note("b")).await;
    }
    for id in ["8", "9"] {
        let headers = [
            ("cloudEvents:specversion", "1.0"),
            ("cloudEvents:id", id),
            ("cloudEvents:source", "/notes"),
            ("cloudEvents:type", "note.created"),
        ];
        publish(&headers, "m-4", &note("c")).await;
    }
    publish(&[], "m-5", &note("last")).await;
    unread(&hub, "last", 1).await;
    for (user, count) in [("a", 1), ("b", 1), ("c", 2)] {
        unread(&hub, user, count).await;
    }
    let data = "{\"title\":\"n\"}";
    let arguments =
        ["publish", "NOTE_CREATED", "--user", "d", "--data", data, "--amqp", "--count", "20"];
    let env = [
        ("AMQP_URL", short.as_str()),
        ("LONCENG_AMQP__QUEUE", queue.as_str()),
        ("LONCENG_AMQP__EXCHANGE", exchange.as_str()),
    ];
    let output = lonceng(&env, &arguments).await;
    assert!(output.status.success(), "{}", text(&output));
    unread(&hub, "d", 20).await;
    let other = unique("exchange");
    let unbound = [
        ("AMQP_URL", short.as_str()),
        ("LONCENG_AMQP__QUEUE", queue.as_str()),
        ("LONCENG_AMQP__EXCHANGE", other.as_str()),
        ("LONCENG_AMQP__BINDINGS", "other.#"),
    ];
    let output = lonceng(&unbound, &arguments).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("no queue takes"), "{}", text(&output));
    // The queue takes it, and the hub of this configuration would not.
    let output = lonceng(&[&env[..], &unbound[3..]].concat(), &arguments).await;
    assert!(output.status.success(), "{}", text(&output));
    let warning = "does not read the routing key note.created; add it to amqp.bindings";
    assert!(text(&output).contains(warning), "{}", text(&output));
    unread(&hub, "d", 40).await;
    until("everything is acknowledged", PATIENCE, async || {
        (client.queue_length(&queue).await == 0).then_some(())
    })
    .await;
}

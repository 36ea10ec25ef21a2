//! Events from NATS while the hub or NATS stops: each is stored exactly once, on both stores.

use std::collections::HashSet;

use crate::support::{
    hub::{Hub, On},
    nats::NatsServer,
    wait::{PATIENCE, until},
};
use async_nats::{HeaderMap, jetstream};
use serde_json::{Value, json};

/// Returns a hub that takes its events from `nats`, and asks again soon for what a dead one held.
async fn hub_of(nats: &NatsServer, on: On, more: &[(&str, &str)]) -> Option<Hub> {
    let url = nats.url();
    let mut env =
        vec![("LONCENG_NATS__URL", url.as_str()), ("LONCENG_NATS__ACK_WAIT_SECONDS", "2")];
    env.extend(more);
    let hub = Hub::prepare(on, &env).await?;
    Some(hub)
}

pub(crate) async fn joined(hub: &Hub) {
    until("the hub has joined NATS", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "ok").then_some(())
    })
    .await;
}

pub(crate) fn note(user: &str, n: usize) -> Vec<u8> {
    json!({ "user_id": user, "title": format!("n{n}") }).to_string().into_bytes()
}

/// Publishes, awaiting the stream's answers together.
pub(crate) async fn publish(
    context: &jetstream::Context,
    user: &str,
    numbers: std::ops::Range<usize>,
) {
    let mut sent = Vec::new();
    for n in numbers {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{user}-{n}"));
        let ack = context
            .publish_with_headers("events.note.created", headers, note(user, n).into())
            .await;
        sent.push(ack.expect("it is sent"));
        if sent.len() >= 200 {
            for ack in sent.drain(..) {
                ack.await.expect("the stream takes it");
            }
        }
    }
    for ack in sent {
        ack.await.expect("the stream takes it");
    }
}

/// Waits until the inbox has `count` notifications; then they are exactly n0, n1, … each once, and
/// the history is whole.
pub(crate) async fn exactly(hub: &Hub, user: &str, count: usize) {
    until("every event has arrived", PATIENCE * 4, async || {
        let (_, body) =
            hub.get(&format!("/api/v1/notifications/unread-count?user_id={user}")).await;
        (body["unread"].as_u64() >= Some(count as u64)).then_some(())
    })
    .await;
    let inbox = hub.inbox(user).await;
    let titles: HashSet<String> =
        inbox.iter().map(|item| item["metadata"]["title"].to_string()).collect();
    let mut revisions: Vec<i64> =
        inbox.iter().filter_map(|item| item["revision"].as_i64()).collect();
    revisions.sort_unstable();
    assert_eq!((inbox.len(), titles.len()), (count, count), "each once");
    assert_eq!(revisions, (1..=i64::try_from(count).expect("small")).collect::<Vec<_>>());
}

async fn events_published_while_the_hub_was_stopped_arrive_once(on: On) {
    let Some(nats) = NatsServer::start(true).await else { return };
    let Some(mut hub) = hub_of(&nats, on, &[]).await else { return };
    hub.run().await;
    joined(&hub).await;
    hub.terminate().await;
    publish(&nats.jetstream().await, "u", 0..200).await;
    hub.run().await;
    exactly(&hub, "u", 200).await;
    hub.terminate().await;
    hub.run().await;
    joined(&hub).await;
    exactly(&hub, "u", 200).await;
}

async fn ten_kills_while_five_thousand_events_stream_in(on: On) {
    const EVENTS: usize = 5_000;
    let Some(nats) = NatsServer::start(true).await else { return };
    let Some(mut hub) = hub_of(&nats, on, &[]).await else { return };
    hub.run().await;
    joined(&hub).await;
    let context = nats.jetstream().await;
    let publishing = tokio::spawn(async move { publish(&context, "u", 0..EVENTS).await });
    for kill in 1..=10_u64 {
        // Each kill is a tenth later, so that they are spread over the stream.
        until("the hub works", PATIENCE, async || {
            let (_, body) = hub.get("/api/v1/notifications/unread-count?user_id=u").await;
            (body["unread"].as_u64() >= Some(kill * 20)).then_some(())
        })
        .await;
        hub.kill();
        hub.run().await;
    }
    publishing.await.expect("everything is published");
    exactly(&hub, "u", EVENTS).await;
}

async fn valid_events_are_not_blocked_by_invalid_ones(on: On) {
    let Some(nats) = NatsServer::start(true).await else { return };
    let Some(mut hub) = hub_of(&nats, on, &[("LONCENG_SERVER__MAX_EVENT_BYTES", "1000")]).await
    else {
        return;
    };
    hub.run().await;
    joined(&hub).await;
    let context = nats.jetstream().await;
    let large = json!({ "user_id": "u", "title": "x".repeat(2_000) }).to_string();
    let bad: [(&str, &str, &str, Option<&str>); 8] = [
        ("events.note.created", "{\"user_id\":", "invalid_json", None),
        ("events.note.created", "\u{fffd}\u{0}", "invalid_json", None),
        ("events.note.created", "7", "invalid_field", None),
        ("events.note.created", &large, "too_large", None),
        ("events.note.created", r#"{"title":"nobody's"}"#, "missing_field", Some("user_id")),
        ("events.note.created", r#"{"user_id":"u"}"#, "template", Some("title")),
        (
            "events.refund.requested",
            r#"{"user_id":{"a":1},"amount":5}"#,
            "invalid_field",
            Some("user_id"),
        ),
        (
            "events.x",
            r#"{"specversion":"1.0","source":"s","type":"NOTE_CREATED"}"#,
            "missing_field",
            Some("id"),
        ),
    ];
    for (n, (subject, payload, _, _)) in bad.iter().enumerate() {
        publish(&context, "u", n..n + 1).await;
        context
            .publish(*subject, payload.to_string().into())
            .await
            .expect("sent")
            .await
            .expect("taken");
    }
    publish(&context, "u", bad.len()..bad.len() + 1).await;
    // An event without a type is no error.
    context.publish("events.nobody.knows", "{}".into()).await.expect("sent").await.expect("taken");
    exactly(&hub, "u", bad.len() + 1).await;
    let store = lonceng::store::Store::open(&hub.store_url).await.expect("the store opens");
    let letters = until("all are dead letters", PATIENCE, async || {
        let letters = store.dead_letters(100).await.expect("it lists");
        (letters.len() >= bad.len()).then_some(letters)
    })
    .await;
    assert_eq!(letters.len(), bad.len());
    for (subject, payload, kind, field) in bad {
        let start: String = payload.chars().take(20).collect();
        let found = letters.iter().find(|letter| {
            letter.kind == kind
                && letter.field.as_deref() == field
                && letter.subject.as_deref() == Some(subject)
                && (payload.contains('\0') || letter.payload.starts_with(&start))
        });
        let found = found.unwrap_or_else(|| panic!("no dead letter for {start}: {letters:?}"));
        assert!(field.is_none_or(|field| found.reason.contains(field)), "{}", found.reason);
    }
    // Nothing is retried: the broker has nothing to redeliver.
    until("the consumer is done", PATIENCE, async || {
        let stream = context.get_stream("EVENTS").await.expect("it is there");
        let info = stream.consumer_info("lonceng").await.expect("it is there");
        (info.num_pending == 0 && info.num_ack_pending == 0).then_some(())
    })
    .await;
    store.close().await;
}

macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::On::Sqlite).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::On::Postgres).await; })*
        }
    };
}

on_both!(
    events_published_while_the_hub_was_stopped_arrive_once,
    ten_kills_while_five_thousand_events_stream_in,
    valid_events_are_not_blocked_by_invalid_ones,
);

#[tokio::test]
async fn event_id_deduplicates_across_http_and_nats() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let Some(mut hub) = hub_of(&nats, On::Sqlite, &[]).await else { return };
    hub.run().await;
    joined(&hub).await;
    let context = nats.jetstream().await;
    let client = nats.client().await;
    // For the stream each is another message, so that its own deduplication does not apply.
    let twice = async |subject: &str, headers: &[(&str, &str)], payload: Value| {
        for _ in 0..2 {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, *value);
            }
            client
                .publish_with_headers(subject.to_owned(), map, payload.to_string().into())
                .await
                .expect("sent");
        }
        client.flush().await.expect("NATS answers");
    };
    let cloud = json!({"specversion":"1.0","id":"1","source":"s","type":"note.created",
        "userid":"u","data":{"title":"n0"}});
    twice("events.any", &[("content-type", "application/cloudevents+json")], cloud.clone()).await;
    let binary = [
        ("ce-specversion", "1.0"),
        ("ce-id", "2"),
        ("ce-source", "s"),
        ("ce-type", "NOTE_CREATED"),
        ("ce-userid", "u"),
    ];
    twice("events.any", &binary, json!({"title":"n1"})).await;
    twice("events.note.created", &[], json!({"user_id":"u","title":"n2","event_id":"e2"})).await;
    publish(&context, "u", 3..4).await;
    exactly(&hub, "u", 4).await;
    // Keys deduplicate events of all sources, across a restart.
    hub.kill();
    hub.run().await;
    let keyed = json!({"type":"NOTE_CREATED","user_id":"u","title":"n3"}).to_string();
    let (status, _) =
        hub.send("POST", "/api/v1/events", &[("idempotency-key", "u-3")], keyed).await;
    assert_eq!(status, 202);
    let (status, _) = hub.post("/api/v1/events", &cloud).await;
    assert_eq!(status, 202);
    let (_, body) = hub.get("/api/v1/notifications/unread-count?user_id=u").await;
    assert_eq!(body["unread"], 4);
}

#[tokio::test]
async fn nats_that_starts_later_is_connected_and_logged_once() {
    let Some(mut nats) = NatsServer::prepare(true) else { return };
    let Some(mut hub) = hub_of(&nats, On::Sqlite, &[]).await else { return };
    hub.run().await;
    assert_eq!(hub.get("/health/ready").await.1["nats"], "down");
    nats.run().await;
    joined(&hub).await;
    publish(&nats.jetstream().await, "u", 0..1).await;
    exactly(&hub, "u", 1).await;
    nats.stop();
    until("it is missed", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "down").then_some(())
    })
    .await;
    nats.run().await;
    joined(&hub).await;
    publish(&nats.jetstream().await, "u", 1..2).await;
    exactly(&hub, "u", 2).await;
    let log = hub.log();
    let lines = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(
        (lines("not available, and optional"), lines("nats: down")),
        (1, 1),
        "once for each time: {log}"
    );
    assert!(
        !log.lines().any(|line| line.contains("WARN") && line.contains("optional")),
        "nobody is alarmed: {log}"
    );
}

#[tokio::test]
async fn required_nats_determines_readiness() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let Some(mut hub) = hub_of(&nats, On::Sqlite, &[("LONCENG_NATS__REQUIRED", "true")]).await
    else {
        return;
    };
    hub.run().await;
    drop(nats);
    let (_, body) = until("it notices", PATIENCE, async || {
        Some(hub.get("/health/ready").await).filter(|(status, _)| *status == 503)
    })
    .await;
    assert!(body["detail"].as_str().is_some_and(|detail| detail.starts_with("nats")), "{body}");
}

#[tokio::test]
async fn deleted_consumer_is_recreated() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let Some(mut hub) = hub_of(&nats, On::Sqlite, &[]).await else { return };
    hub.run().await;
    joined(&hub).await;
    let context = nats.jetstream().await;
    publish(&context, "u", 0..3).await;
    exactly(&hub, "u", 3).await;
    let stream = context.get_stream("EVENTS").await.expect("it is there");
    stream.delete_consumer("lonceng").await.expect("it is deleted");
    publish(&context, "u", 3..5).await;
    // The new consumer starts from the beginning; events that were stored are duplicates.
    exactly(&hub, "u", 5).await;
}

#[tokio::test]
async fn deleted_stream_is_recreated() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let Some(mut hub) = hub_of(&nats, On::Sqlite, &[]).await else { return };
    hub.run().await;
    joined(&hub).await;
    let context = nats.jetstream().await;
    publish(&context, "u", 0..3).await;
    exactly(&hub, "u", 3).await;
    context.delete_stream("EVENTS").await.expect("it is deleted");
    until("the hub creates it again", PATIENCE, async || context.get_stream("EVENTS").await.ok())
        .await;
    publish(&context, "u", 3..5).await;
    exactly(&hub, "u", 5).await;
}

#[tokio::test]
async fn existing_stream_with_other_subjects_is_reported_and_left_unchanged() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let context = nats.jetstream().await;
    let config = jetstream::stream::Config {
        name: "EVENTS".to_owned(),
        subjects: vec!["events.>".to_owned()],
        ..jetstream::stream::Config::default()
    };
    context.create_stream(config).await.expect("it is created");
    let Some(mut hub) = hub_of(&nats, On::Sqlite, &[]).await else { return };
    hub.run().await;
    joined(&hub).await;
    publish(&context, "u", 0..3).await;
    exactly(&hub, "u", 3).await;
    assert!(hub.log().contains("other subjects than nats.subjects"), "{}", hub.log());
    let stream = context.get_stream("EVENTS").await.expect("it is there");
    assert_eq!(stream.cached_info().config.subjects, ["events.>"]);
}

#[tokio::test]
async fn queue_group_without_jetstream_delivers_and_logs_losses() {
    let Some(nats) = NatsServer::start(false).await else { return };
    let Some(mut hub) = hub_of(&nats, On::Sqlite, &[]).await else { return };
    hub.run().await;
    until("it has subscribed", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "degraded").then_some(())
    })
    .await;
    let client = nats.client().await;
    for n in 0..3 {
        client.publish("events.note.created", note("u", n).into()).await.expect("sent");
    }
    client.flush().await.expect("NATS answers");
    exactly(&hub, "u", 3).await;
    assert_eq!(hub.log().matches("has no JetStream").count(), 1);
}

//! The WebSocket protocol, against the built hub.

use crate::support::{
    client::Client,
    hub::{Hub, On},
};
use serde_json::{Value, json};

fn note(user: &str, title: &str) -> Value {
    json!({ "type": "NOTE_CREATED", "user_id": user, "title": title })
}

fn message(title: &str) -> String {
    format!("You created a note: \"{title}\"")
}

async fn on_both(test: impl AsyncFn(Hub)) {
    for on in [On::Sqlite, On::Postgres] {
        if let Some(hub) = Hub::start(on, &[]).await {
            test(hub).await;
        }
    }
}

#[tokio::test]
async fn connections_beyond_the_pace_wait_for_their_turn() {
    let hub = Hub::sqlite(&[("LONCENG_SERVER__CONNECTIONS_PER_SECOND", "40")]).await;
    let started = std::time::Instant::now();
    let connect = async |n: usize| {
        let mut client = hub.connect(&format!("u{n}"), "&sync=none").await;
        client.expect("connected").await;
        client
    };
    let clients = futures_util::future::join_all((0..120).map(connect)).await;
    assert_eq!(clients.len(), 120);
    // The first 40 at once, the others at 40 per second.
    assert!(
        started.elapsed() >= std::time::Duration::from_millis(1_900),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn an_event_reaches_every_connection_of_its_user_and_nobody_else() {
    on_both(async |hub| {
        let (mut one, mut two, mut other) =
            (hub.connect("u", "").await, hub.connect("u", "").await, hub.connect("v", "").await);
        let hello = one.expect("connected").await;
        assert_eq!(
            (&hello["revision"], &hello["unread"], &hello["user_id"]),
            (&json!(0), &json!(0), &json!("u"))
        );
        two.expect("connected").await;
        other.expect("connected").await;
        hub.publish(&note("u", "a")).await;
        for client in [&mut one, &mut two] {
            let push = client.expect("notification.push").await;
            assert_eq!(push["message"], message("a"));
            assert_eq!(
                (&push["previous_revision"], &push["revision"], &push["unread"]),
                (&json!(0), &json!(1), &json!(1))
            );
        }
        other.nothing().await;
    })
    .await;
}

#[tokio::test]
async fn connected_has_identity_and_instance_in_both_spellings() {
    let hub = Hub::sqlite(&[("LONCENG_SERVER__INSTANCE_ID", "hub-7")]).await;
    let mut client = hub.connect("7", "&login=alice&role=admin").await;
    let whole = client.next().await.expect("it is open");
    assert_eq!((&whole["type"], &whole["role"]), (&json!("connected"), &json!("admin")));
    assert_eq!(whole["clientId"], whole["data"]["client_id"]);
    let data = &whole["data"];
    assert_eq!(
        (&data["login"], &data["roles"], &data["instance"], &data["heartbeat_seconds"]),
        (&json!("alice"), &json!(["admin"]), &json!("hub-7"), &json!(30))
    );
    assert!(data["server_time"].as_str().is_some_and(|time| time.ends_with('Z')));
}

#[tokio::test]
async fn new_connection_gets_unread_oldest_first_then_live() {
    on_both(async |hub| {
        for n in 0..103 {
            hub.publish(&note("u", &n.to_string())).await;
        }
        let mut client = hub.connect("u", "").await;
        assert_eq!(client.expect("connected").await["revision"], 103);
        for n in 3..103 {
            assert_eq!(
                client.expect("notification.push").await["message"],
                message(&n.to_string())
            );
        }
        hub.publish(&note("u", "live")).await;
        let live = client.expect("notification.push").await;
        assert_eq!(
            (&live["previous_revision"], &live["revision"], &live["unread"]),
            (&json!(103), &json!(104), &json!(104))
        );
    })
    .await;
}

#[tokio::test]
async fn since_returns_exactly_the_missed_changes() {
    on_both(async |hub| {
        for n in 0..250 {
            hub.publish(&note("u", &n.to_string())).await;
        }
        let mut one = hub.connect("u", "&sync=none").await;
        let epoch = one.expect("connected").await["epoch"].as_str().expect("an epoch").to_owned();
        // A mark moves the first one to the end of the history.
        let first = hub.inbox("u").await.last().cloned().expect("it is there");
        one.send(
            &json!({ "type": "notification.read", "notification_id": first["notification_id"] }),
        )
        .await;
        assert_eq!(one.expect("notification.read.ack").await["revision"], 251);
        let mut two = hub.connect("u", &format!("&since={epoch}.0")).await;
        two.expect("connected").await;
        let mut at = 0;
        for _ in 0..249 {
            let push = two.expect("notification.push").await;
            assert_eq!(push["previous_revision"], at);
            at = push["revision"].as_i64().expect("a revision");
        }
        // The client does not know it, although it has been read.
        let last = two.expect("notification.push").await;
        assert_eq!((&last["previous_revision"], &last["revision"]), (&json!(250), &json!(251)));
        assert_eq!((&last["status"], &last["read"]), (&json!("read"), &json!(true)));
        two.nothing().await;
        hub.publish(&note("u", "live")).await;
        assert_eq!(two.expect("notification.push").await["previous_revision"], 251);
    })
    .await;
}

#[tokio::test]
async fn burst_beyond_every_queue_arrives_complete() {
    let hub = Hub::sqlite(&[("LONCENG_SERVER__OUTBOUND_QUEUE", "16")]).await;
    let mut client = hub.connect("u", "").await;
    client.expect("connected").await;
    for burst in 0..3 {
        let batch: Vec<Value> = (0..1_000).map(|n| note("u", &n.to_string())).collect();
        hub.publish(&Value::Array(batch)).await;
        for n in 0..1_000 {
            let push = client.expect("notification.push").await;
            assert_eq!(push["previous_revision"], burst * 1_000 + n);
        }
    }
    client.nothing().await;
}

#[tokio::test]
async fn position_of_another_epoch_is_reset() {
    let hub = Hub::sqlite(&[]).await;
    hub.publish(&note("u", "a")).await;
    for since in ["other.1", "999"] {
        let mut client = hub.connect("u", &format!("&since={since}")).await;
        client.expect("connected").await;
        let reset = client.expect("reset").await;
        assert_eq!((&reset["revision"], &reset["unread"]), (&json!(1), &json!(1)));
        assert_eq!(client.expect("notification.push").await["message"], message("a"));
    }
    assert_eq!(Client::refused(hub.ws("user_id=u&since=x")).await, 400);
}

#[tokio::test]
async fn sync_from_another_epoch_starts_over() {
    let hub = Hub::sqlite(&[]).await;
    hub.publish(&note("u", "a")).await;
    let mut client = hub.connect("u", "&sync=none").await;
    client.expect("connected").await;
    client.send(&json!({ "type": "sync.request", "since": "other.1" })).await;
    assert_eq!(client.expect("reset").await["revision"], 1);
    assert_eq!(client.expect("notification.push").await["message"], message("a"));
    hub.publish(&note("u", "b")).await;
    assert_eq!(client.expect("notification.push").await["previous_revision"], 1);
}

#[tokio::test]
async fn notification_marked_unread_is_sent_to_a_new_connection() {
    let hub = Hub::sqlite(&[]).await;
    hub.publish(&note("u", "a")).await;
    let id = hub.inbox("u").await[0]["notification_id"].as_str().expect("an id").to_owned();
    for mark in ["read", "unread"] {
        assert_eq!(
            hub.post(&format!("/api/v1/notifications/{id}/{mark}?user_id=u"), &Value::Null).await.0,
            200
        );
    }
    let mut fresh = hub.connect("u", "").await;
    fresh.expect("connected").await;
    assert_eq!(fresh.expect("notification.push").await["revision"], 3);
    // A client that knows the notification gets an update, another one a push.
    let mut knows = hub.connect("u", "&since=1").await;
    knows.expect("connected").await;
    assert_eq!(knows.expect("notification.update").await["status"], "unread");
    let mut new = hub.connect("u", "&since=0").await;
    new.expect("connected").await;
    new.expect("notification.push").await;
}

#[tokio::test]
async fn mark_is_acknowledged_and_sent_to_other_connections() {
    on_both(async |hub| {
        let (mut one, mut two) = (hub.connect("u", "").await, hub.connect("u", "").await);
        one.expect("connected").await;
        two.expect("connected").await;
        hub.publish(&note("u", "a")).await;
        let push = one.expect("notification.push").await;
        two.expect("notification.push").await;
        let id = &push["notification_id"];
        one.send(&json!({ "type": "notification.read", "data": { "notification_id": id,
                "stream_id": push["stream_id"] } }))
            .await;
        let ack = one.expect("notification.read.ack").await;
        assert_eq!((&ack["notification_id"], &ack["stream_id"]), (id, &push["stream_id"]));
        assert_eq!(
            (&ack["unread"], &ack["revision"], &ack["previous_revision"]),
            (&json!(0), &json!(2), &json!(1))
        );
        let update = two.expect("notification.update").await;
        assert_eq!(
            (&update["status"], &update["revision"], &update["unread"]),
            (&json!("read"), &json!(2), &json!(0))
        );
        // The same mark again changes nothing and has no revision.
        two.send(&json!({ "type": "notification.read", "notification_id": id })).await;
        assert_eq!(two.expect("notification.read.ack").await["revision"], 2);
        one.nothing().await;
        one.send(&json!({ "type": "notification.archive", "notification_id": id })).await;
        assert_eq!(one.expect("notification.archive.ack").await["revision"], 3);
        assert_eq!(two.expect("notification.update").await["status"], "archived");
    })
    .await;
}

#[tokio::test]
async fn read_all_is_one_message_for_the_others() {
    on_both(async |hub| {
        let (mut one, mut two) = (hub.connect("u", "").await, hub.connect("u", "").await);
        one.expect("connected").await;
        two.expect("connected").await;
        for n in 0..5 {
            hub.publish(&note("u", &n.to_string())).await;
            one.expect("notification.push").await;
            two.expect("notification.push").await;
        }
        one.send(&json!({ "type": "notification.read_all", "up_to_revision": 4 })).await;
        let ack = one.expect("notification.read_all.ack").await;
        assert_eq!(
            (&ack["previous_revision"], &ack["revision"], &ack["unread"]),
            (&json!(5), &json!(9), &json!(1))
        );
        let update = two.expect("notification.update").await;
        assert_eq!((&update["revision"], &update["unread"]), (&json!(9), &json!(1)));
        two.nothing().await;
        two.send(&json!({ "type": "sync.request", "since": 5 })).await;
        let sync = two.next().await.expect("it is open");
        assert_eq!(sync["data"].as_array().map(Vec::len), Some(4));
        assert_eq!((&sync["revision"], &sync["complete"]), (&json!(9), &json!(true)));
    })
    .await;
}

#[tokio::test]
async fn sync_answers_pages_and_the_newest() {
    let hub = Hub::sqlite(&[]).await;
    for n in 0..7 {
        hub.publish(&note("u", &n.to_string())).await;
    }
    let mut client = hub.connect("u", "&sync=none").await;
    client.expect("connected").await;
    client.send(&json!({ "type": "sync.request", "since": 0, "limit": 5 })).await;
    let page = client.next().await.expect("it is open");
    assert_eq!((&page["complete"], &page["revision"]), (&json!(false), &json!(5)));
    client.send(&json!({ "type": "sync.request", "since": 5, "limit": 5 })).await;
    let rest = client.next().await.expect("it is open");
    assert_eq!(
        (&rest["complete"], &rest["revision"], &rest["unread"]),
        (&json!(true), &json!(7), &json!(7))
    );
    client.send(&json!({ "type": "sync.request", "limit": 2 })).await;
    let newest = client.next().await.expect("it is open");
    let messages: Vec<&Value> =
        newest["data"].as_array().expect("a list").iter().map(|item| &item["message"]).collect();
    assert_eq!(messages, [&message("5"), &message("6")]);
}

#[tokio::test]
async fn messages_after_a_sync_continue_from_its_revision() {
    // Above the limit notifications are summarized.
    let hub = Hub::sqlite(&[("LONCENG_LIMITS__PER_USER_PER_MINUTE", "3")]).await;
    let note =
        |n: usize| json!({ "type": "NOTE_CREATED", "user_id": "chain", "title": format!("n{n}") });
    for n in 0..5 {
        hub.publish(&note(n)).await;
    }
    let mut client = hub.connect("chain", "&sync=none").await;
    let first = client.expect("connected").await;
    let mut reached = first["revision"].as_i64().expect("a number");
    let mut follows = |message: &Value| {
        let kind = message["type"].as_str().unwrap_or_default().to_owned();
        let data = if kind == "sync.response" { message } else { &message["data"] };
        if let Some(previous) = data["previous_revision"].as_i64() {
            assert!(previous <= reached, "nothing is skipped: {message}");
            assert_eq!(previous, reached, "nothing is told twice: {message}");
        }
        reached = data["revision"].as_i64().unwrap_or(reached);
        kind
    };
    let epoch = first["epoch"].as_str().expect("text");
    let sync = json!({ "type": "sync.request", "since": format!("{epoch}.0"), "limit": 1_000 });
    // More notifications than may be pushed, a sync while the summary is due, and marks.
    let ids: Vec<Value> =
        hub.inbox("chain").await.iter().map(|item| item["notification_id"].clone()).collect();
    for (round, id) in ids.iter().take(4).enumerate() {
        for n in 0..4 {
            hub.publish(&note(100 * round + n)).await;
        }
        client.send(&sync).await;
        client.send(&json!({ "type": "notification.read", "notification_id": id })).await;
        let mut missing = vec!["sync.response", "notification.read.ack"];
        while !missing.is_empty() {
            let kind = follows(&client.next().await.expect("it is open"));
            missing.retain(|wanted| *wanted != kind);
        }
    }
    hub.publish(&note(999)).await;
    client.send(&sync).await;
    let revision = loop {
        let message = client.next().await.expect("it is open");
        if follows(&message) == "sync.response" {
            break message["revision"].as_i64();
        }
    };
    assert_eq!(revision, Some(5 + 16 + 4 + 1));
}

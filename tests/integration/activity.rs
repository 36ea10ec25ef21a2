//! Durable activity, against the built hub: the list of events, its filters and pages, and
//! explanations after a restart.

use serde_json::{Value, json};

use crate::support::{
    hub::{Hub, On},
    nats::NatsServer,
    wait::{PATIENCE, until},
};

const ACTIVITY: &str = "/api/v1/admin/activity";

fn note(id: &str, user: &str) -> Value {
    json!({ "type": "NOTE_CREATED", "event_id": id, "user_id": user, "title": "t" })
}

async fn hubs(env: &[(&str, &str)]) -> Vec<Hub> {
    let mut hubs = Vec::new();
    for on in [On::Sqlite, On::Postgres] {
        hubs.extend(Hub::start(on, env).await);
    }
    hubs
}

async fn list(hub: &Hub, query: &str) -> Value {
    let (status, body) = hub.get(&format!("{ACTIVITY}{query}")).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// Returns the IDs of the listed events.
async fn ids(hub: &Hub, query: &str) -> Vec<String> {
    ids_of(&list(hub, query).await)
}

fn ids_of(body: &Value) -> Vec<String> {
    let events = body["events"].as_array().expect("a list");
    events.iter().map(|event| event["event_id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Publishes events with every outcome: e-1 and e-2 accepted, e-1 again, e-3 and e-4 skipped.
async fn publish_all(hub: &Hub) {
    for event in [
        note("e-1", "u"),
        note("e-2", "v"),
        note("e-1", "u"),
        json!({ "type": "NOTE_CREATD", "event_id": "e-3", "user_id": "u" }),
        json!({ "type": "REFUND_REQUESTED", "event_id": "e-4", "user_id": "v", "amount": 1 }),
    ] {
        hub.publish(&event).await;
    }
    let invalid = json!({ "type": "NOTE_CREATED", "event_id": "e-5", "user_id": "w" });
    assert_eq!(hub.post("/api/v1/events", &invalid).await.0, 400);
}

#[tokio::test]
async fn events_are_listed_with_their_outcome_by_every_filter() {
    for hub in hubs(&[]).await {
        publish_all(&hub).await;
        let all = list(&hub, "").await;
        assert_eq!(ids_of(&all), ["e-5", "e-4", "e-3", "e-1", "e-2", "e-1"]);
        assert_eq!(all["next_cursor"], Value::Null);
        let first = &all["events"][5];
        assert_eq!(
            (&first["type"], &first["outcome"], &first["reason"], &first["source"]),
            (&json!("NOTE_CREATED"), &json!("accepted"), &Value::Null, &json!("http"))
        );
        assert_eq!((&first["recipients"], &first["notifications"]), (&json!(1), &json!(1)));
        assert!(first["instance"].is_string() && first["received_at"].is_string());
        let unknown = &all["events"][2]["reason"];
        assert_eq!(*unknown, "no type NOTE_CREATD; did you mean NOTE_CREATED?");

        for (query, expected) in [
            ("?type=note_created", &["e-5", "e-1", "e-2", "e-1"][..]),
            ("?outcome=skipped", &["e-4", "e-3"]),
            ("?outcome=duplicate", &["e-1"]),
            ("?outcome=rejected", &["e-5"]),
            ("?user=v", &["e-4", "e-2"]),
            ("?user=u&outcome=accepted", &["e-1"]),
            ("?type=REFUND_REQUESTED&user=u", &[]),
            ("?to=2020-01-01T00:00:00Z", &[]),
            ("?from=2020-01-01T00:00:00Z&limit=2", &["e-5", "e-4"]),
        ] {
            assert_eq!(ids(&hub, query).await, expected, "{query}");
        }
        for query in ["?outcome=fine", "?from=noon", "?cursor=x", "?limit=0", "?user=%00"] {
            assert_eq!(hub.get(&format!("{ACTIVITY}{query}")).await.0, 400, "{query}");
        }
    }
}

#[tokio::test]
async fn pages_of_activity_have_every_event_once() {
    for hub in hubs(&[]).await {
        for n in 0..23 {
            hub.publish(&note(&format!("e-{n}"), "u")).await;
        }
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = list(&hub, &format!("?limit=5&user=u{cursor}")).await;
            all.extend(ids_of(&page));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
            // A new event does not move the pages.
            hub.publish(&note(&format!("new-{}", all.len()), "u")).await;
        }
        let expected: Vec<String> = (0..23).rev().map(|n| format!("e-{n}")).collect();
        assert_eq!(all, expected);
    }
}

#[tokio::test]
async fn activity_and_explanations_survive_a_restart() {
    for mut hub in hubs(&[]).await {
        publish_all(&hub).await;
        hub.terminate().await;
        hub.run().await;
        assert_eq!(ids(&hub, "").await.len(), 6, "{}", hub.log());
        let (_, explained) = hub.get("/api/v1/admin/explain?event=e-1").await;
        let outcomes: Vec<&Value> =
            explained["events"].as_array().into_iter().flatten().map(|e| &e["outcome"]).collect();
        assert_eq!(outcomes, ["duplicate", "accepted"], "{explained}");
        let recipient = &explained["events"][1]["recipients"][0];
        assert_eq!((&recipient["user_id"], &recipient["status"]), (&json!("u"), &json!("unread")));
        assert_eq!(recipient["live"]["how"], "not_known");
        let id = recipient["notification_id"].as_str().expect("an ID");
        let (_, by_notification) = hub.get(&format!("/api/v1/admin/explain?event={id}")).await;
        assert_eq!(by_notification["events"][0]["event_id"], "e-1", "{by_notification}");
        let (_, of_user) = hub.get("/api/v1/admin/explain?user=u").await;
        assert_eq!(ids_of(&of_user), ["e-3", "e-1", "e-1"]);
        let (_, of_type) = hub.get("/api/v1/admin/explain?type=NOTE_CREATED").await;
        assert_eq!(ids_of(&of_type), ["e-5", "e-1", "e-2", "e-1"]);
        // In memory and in the store is once in the answer.
        hub.publish(&note("e-6", "u")).await;
        list(&hub, "").await;
        let (_, explained) = hub.get("/api/v1/admin/explain?event=e-6").await;
        assert_eq!(explained["events"].as_array().map(Vec::len), Some(1), "{explained}");
        let draft = json!({ "event": "e-2", "type": { "template": "{title}!" } });
        let (status, rendered) = hub.post("/api/v1/admin/types/NOTE_CREATED/preview", &draft).await;
        assert_eq!((status, &rendered["message"]), (200, &json!("t!")), "{rendered}");
    }
}

#[tokio::test]
async fn events_of_a_hub_that_died_are_explained_by_another() {
    let Some(hub) = Hub::start(On::Postgres, &[("LONCENG_SERVER__INSTANCE_ID", "a")]).await else {
        return;
    };
    let mut other = hub.beside(&[("LONCENG_SERVER__INSTANCE_ID", "b")]).await;
    other.publish(&note("e-1", "u")).await;
    until("the event is in the store", PATIENCE, async || {
        (ids(&hub, "").await == ["e-1"]).then_some(())
    })
    .await;
    other.kill();
    let (_, explained) = hub.get("/api/v1/admin/explain?event=e-1").await;
    assert_eq!(explained["events"][0]["instance"], "b", "{explained}");
    assert_eq!(explained["events"][0]["recipients"][0]["user_id"], "u", "{explained}");
}

#[tokio::test]
async fn activity_is_bounded_by_the_number_of_events() {
    let bound = [("LONCENG_EXPLAIN__EVENTS", "5")];
    for hub in hubs(&bound).await {
        for n in 0..12 {
            hub.publish(&note(&format!("e-{n}"), "u")).await;
            // Each is written before the next: more than five wait at no time.
            list(&hub, "?limit=1").await;
        }
        let left = until("the oldest events are gone", PATIENCE, async || {
            let left = ids(&hub, "").await;
            (left.len() <= 5).then_some(left)
        })
        .await;
        assert_eq!(left, ["e-11", "e-10", "e-9", "e-8", "e-7"]);
        assert_eq!(list(&hub, "").await["kept"]["events"], 5);
    }
}

#[tokio::test]
async fn zero_days_keeps_traces_in_memory_only() {
    for mut hub in hubs(&[("LONCENG_EXPLAIN__DAYS", "0")]).await {
        hub.publish(&note("e-1", "u")).await;
        assert!(ids(&hub, "").await.is_empty());
        let explained = hub.get("/api/v1/admin/explain?event=e-1").await.1;
        assert_eq!((ids_of(&explained).len(), &explained["kept"]["days"]), (1, &json!(0)));
        hub.terminate().await;
        hub.run().await;
        assert!(ids_of(&hub.get("/api/v1/admin/explain?event=e-1").await.1).is_empty());
    }
}

#[tokio::test]
async fn message_that_cannot_be_decoded_is_listed_as_rejected() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let hub = Hub::sqlite(&[("LONCENG_NATS__URL", nats.url().as_str())]).await;
    until("the hub is connected to NATS", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "ok").then_some(())
    })
    .await;
    let context = nats.jetstream().await;
    let sent = context.publish("events.note.created", "broken {".into()).await.expect("it is sent");
    sent.await.expect("it is stored");
    let event = until("the message is listed", PATIENCE, async || {
        list(&hub, "?outcome=rejected").await["events"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!((&event["type"], &event["source"]), (&Value::Null, &json!("nats")), "{event}");
    assert_eq!(event["reason_code"], "invalid_json", "{event}");
    let letters = hub.get("/api/v1/admin/dead-letters").await.1;
    assert_eq!(letters["dead_letters"][0]["id"], event["event_id"], "{letters}");
}

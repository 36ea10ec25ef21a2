//! Explanations of what became of an event, against the built hub; and events for many users.

use std::collections::HashSet;

use crate::support::{
    client::Client,
    hub::{Hub, On},
    nats::NatsServer,
    wait::{PATIENCE, until},
};
use serde_json::{Value, json};

pub(crate) async fn event(hub: &Hub, id: &str) -> Value {
    let (status, answer) = hub.get(&format!("/api/v1/admin/explain?event={id}")).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// Returns the outcome of an event and the code of its reason.
async fn ended(hub: &Hub, id: &str) -> (String, String) {
    let answer = event(hub, id).await;
    let explained = &answer["events"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&explained["outcome"]), text(&explained["reason"]["code"]))
}

fn note(id: &str, user: &str) -> Value {
    json!({ "type": "NOTE_CREATED", "event_id": id, "user_id": user, "title": "t" })
}

/// Hubs on both stores that deliver one notification per user and minute live.
async fn hubs_with_limit() -> Vec<Hub> {
    let mut hubs = Vec::new();
    for on in [On::Sqlite, On::Postgres] {
        hubs.extend(Hub::start(on, &[("LONCENG_LIMITS__PER_USER_PER_MINUTE", "1")]).await);
    }
    hubs
}

/// Connects a user, and returns the client's ID.
async fn connected(hub: &Hub, user: &str) -> (Client, Value) {
    let mut client = hub.connect(user, "&sync=none").await;
    let id = client.expect("connected").await["client_id"].clone();
    (client, id)
}

/// Returns how the first recipient of an event got the notification live.
async fn live(hub: &Hub, id: &str) -> Value {
    event(hub, id).await["events"][0]["recipients"][0]["live"]["how"].clone()
}

#[tokio::test]
async fn explain_follows_an_event_to_the_connections_that_got_it() {
    for hub in hubs_with_limit().await {
        let (mut client, client_id) = connected(&hub, "u").await;
        hub.publish(&note("e-1", "u")).await;
        let push = client.expect("notification.push").await;
        let id = push["notification_id"].as_str().expect("an ID");
        client.send(&json!({ "type": "notification.read", "notification_id": id })).await;
        client.expect("notification.read.ack").await;

        let explained = event(&hub, "e-1").await["events"][0].clone();
        assert_eq!(explained["outcome"], "accepted");
        assert_eq!((&explained["reason"], &explained["source"]), (&Value::Null, &json!("http")));
        let recipient = &explained["recipients"][0];
        assert_eq!(
            (&recipient["outcome"], &recipient["status"]),
            (&json!("stored"), &json!("read"))
        );
        assert_eq!(recipient["revision"], 2);
        assert!(recipient["read_at"].is_string());
        assert_eq!(recipient["live"]["how"], "pushed");
        assert_eq!(recipient["live"]["connections"], json!([client_id]));
        assert_eq!(event(&hub, id).await["events"][0]["event_id"], "e-1", "by notification");

        hub.publish(&note("e-2", "u")).await;
        client.skip_to("notifications.summary").await;
        assert_eq!(live(&hub, "e-2").await, "limited");
        hub.publish(&note("e-3", "away")).await;
        assert_eq!(live(&hub, "e-3").await, "not_connected");
    }
}

#[tokio::test]
async fn explain_reports_why_an_event_made_no_notification() {
    for hub in hubs_with_limit().await {
        let off = json!({ "is_active": false }).to_string();
        assert_eq!(hub.send("PATCH", "/api/v1/admin/types/NOTE_DELETED", &[], off).await.0, 200);
        let muted = json!({ "muted_types": ["NOTE_CREATED"] }).to_string();
        assert_eq!(hub.send("PUT", "/api/v1/preferences?user_id=muting", &[], muted).await.0, 200);
        hub.publish(&note("e-1", "u")).await;

        let of = |kind: &str, id: &str| json!({ "type": kind, "event_id": id, "user_id": "u" });
        let refund = json!({
            "type": "REFUND_REQUESTED", "event_id": "e-7", "user_id": "u", "amount": 1,
        });
        for (event, outcome, reason) in [
            (note("e-1", "u"), "duplicate", "duplicate"),
            (of("NOBODY_KNOWS", "e-4"), "skipped", "no_type"),
            (of("NOTE_DELETED", "e-5"), "skipped", "inactive"),
            (note("e-6", "muting"), "skipped", "muted"),
            (refund, "skipped", "no_recipient"),
        ] {
            hub.publish(&event).await;
            let id = event["event_id"].as_str().expect("an ID");
            assert_eq!(ended(&hub, id).await, (outcome.to_owned(), reason.to_owned()), "{event}");
        }

        let recipients = event(&hub, "e-6").await["events"][0]["recipients"].clone();
        assert_eq!(recipients, json!([{ "user_id": "muting", "outcome": "muted" }]));
        let invalid = json!({ "type": "NOTE_CREATED", "event_id": "e-8", "user_id": "v" });
        assert_eq!(hub.post("/api/v1/events", &invalid).await.0, 400);
        assert_eq!(ended(&hub, "e-8").await.0, "rejected");
    }
}

#[tokio::test]
async fn explain_lists_the_events_of_a_user_and_of_a_type() {
    for hub in hubs_with_limit().await {
        let (mut client, _) = connected(&hub, "u").await;
        for id in ["e-1", "e-2"] {
            hub.publish(&note(id, "u")).await;
        }
        client.skip_to("notifications.summary").await;
        let muted = json!({ "muted_types": ["NOTE_CREATED"] }).to_string();
        assert_eq!(hub.send("PUT", "/api/v1/preferences?user_id=u", &[], muted).await.0, 200);
        hub.publish(&note("e-3", "u")).await;
        hub.publish(&note("e-4", "other")).await;
        hub.publish(&json!({ "type": "NOBODY_KNOWS", "event_id": "e-5", "user_id": "u" })).await;

        let (_, of_user) = hub.get("/api/v1/admin/explain?user=u").await;
        assert_eq!(of_user["preferences"]["muted_types"], json!(["NOTE_CREATED"]));
        assert_eq!(of_user["notifications"].as_array().map(Vec::len), Some(2));
        assert_eq!(of_user["notifications"][0]["live"]["how"], "limited");
        let events = of_user["events"].as_array().expect("a list of events");
        let ids: Vec<&str> = events.iter().filter_map(|event| event["event_id"].as_str()).collect();
        assert_eq!(ids, ["e-5", "e-3", "e-2", "e-1"]);
        let (_, of_type) = hub.get("/api/v1/admin/explain?type=NOTE_CREATED").await;
        assert_eq!(of_type["events"].as_array().map(Vec::len), Some(4));
        assert_eq!(of_type["kept"]["events"], 10_000);
        for query in ["", "?event=a&user=b", "?user=%00"] {
            assert_eq!(hub.get(&format!("/api/v1/admin/explain{query}")).await.0, 400, "{query}");
        }
    }
}

#[tokio::test]
async fn preview_renders_the_data_of_a_traced_event() {
    for hub in hubs_with_limit().await {
        hub.publish(&note("e-1", "u")).await;
        let path = "/api/v1/admin/types/NOTE_CREATED/preview";
        let template = r#"{title} for {user.name|default("?")}"#;
        let draft = json!({ "event": "e-1", "type": { "template": template } });
        let (status, rendered) = hub.post(path, &draft).await;
        assert_eq!((status, &rendered["message"]), (200, &json!("t for ?")), "{rendered}");
        assert_eq!(hub.post(path, &json!({ "event": "e-2" })).await.0, 404);
    }
}

const LETTERS: &str = "/api/v1/admin/dead-letters";

/// Waits for a job to finish, and returns it.
async fn finished_job(hub: &Hub, job: &Value) -> Value {
    let path = format!("/api/v1/admin/jobs/{}", job["id"].as_str().expect("an ID"));
    until("the job is finished", PATIENCE, async || {
        let (_, job) = hub.get(&path).await;
        (job["state"] == "finished").then_some(job)
    })
    .await
}

/// Publishes to the stream 250 events without the field that their template needs, and text that is
/// not JSON; waits until all are dead letters.
async fn make_dead_letters(nats: &NatsServer, hub: &Hub) {
    until("the hub is connected to NATS", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "ok").then_some(())
    })
    .await;
    let context = nats.jetstream().await;
    let events = (0..250)
        .map(|n| json!({ "event_id": format!("bad-{n}"), "user_id": "u", "titel": n }).to_string());
    for payload in events.chain(["broken-payload {".to_owned()]) {
        let sent =
            context.publish("events.note.created", payload.into()).await.expect("it is sent");
        sent.await.expect("it is stored");
    }
    until("all are dead letters", PATIENCE, async || {
        (hub.get(LETTERS).await.1["total_count"] == 251).then_some(())
    })
    .await;
}

#[tokio::test]
async fn undecodable_event_is_found_among_dead_letters_previewed_and_replayed() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let hub = Hub::sqlite(&[("LONCENG_NATS__URL", nats.url().as_str())]).await;
    make_dead_letters(&nats, &hub).await;

    let found = event(&hub, "broken-payload").await;
    assert_eq!(found["events"], json!([]), "{found}");
    assert_eq!(found["dead_letters"][0]["kind"], "invalid_json", "{found}");
    let search = async |text: &str| hub.get(&format!("{LETTERS}?q={text}")).await.1;
    assert_eq!(search("user_id").await["total_count"], 250, "an underscore is no wildcard");
    assert_eq!(search("user%25id").await["total_count"], 0, "a percent sign is no wildcard");
    let letter = search("bad-7").await["dead_letters"][0]["id"].clone();
    let fixed = json!({ "dead_letter": letter, "type": { "template": "{titel}" } });
    let (status, rendered) = hub.post("/api/v1/admin/types/NOTE_CREATED/preview", &fixed).await;
    assert_eq!(status, 200, "{rendered}");
    let message = rendered["message"].as_str().unwrap_or_default();
    assert!(message.starts_with('7'), "{rendered}");

    // The type is unchanged: every replay fails, and the dead letters stay.
    let replay =
        async |query: &str| hub.post(&format!("{LETTERS}/replay{query}"), &json!({})).await;
    let (status, job) = replay("?q=titel").await;
    assert_eq!((status, &job["total"]), (202, &json!(250)), "{job}");
    let job = finished_job(&hub, &job).await;
    assert_eq!((&job["failed"], &job["succeeded"]), (&json!(250), &json!(0)), "{job}");
    let error = job["last_error"].as_str().unwrap_or_default();
    assert!(error.contains("title"), "{job}");

    let fix = json!({ "template": "{titel}" }).to_string();
    assert_eq!(hub.send("PATCH", "/api/v1/admin/types/NOTE_CREATED", &[], fix).await.0, 200);
    let (status, job) = replay("").await;
    assert_eq!((status, &job["total"]), (202, &json!(251)));
    let job = finished_job(&hub, &job).await;
    assert_eq!((&job["failed"], &job["succeeded"]), (&json!(1), &json!(250)), "{job}");
    assert_eq!(hub.get(LETTERS).await.1["total_count"], 1);
    let messages: HashSet<String> =
        hub.inbox("u").await.iter().map(|item| item["message"].to_string()).collect();
    assert_eq!(messages.len(), 250);
    assert_eq!(hub.get("/api/v1/admin/jobs").await.1["jobs"].as_array().map(Vec::len), Some(2));
    assert_eq!(hub.get("/api/v1/admin/jobs/nonsense").await.0, 404);
}

//! Why did X not get it? Asked of the built hub; and events for very many.

use std::{collections::HashSet, time::Duration};

use crate::support::{
    hub::{Hub, On},
    nats::NatsServer,
    wait::{PATIENCE, until},
};
use lonceng::store::Store;
use serde_json::{Value, json};

async fn event(hub: &Hub, id: &str) -> Value {
    let (status, answer) = hub.get(&format!("/api/v1/admin/explain?event={id}")).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// How an event ended, and why.
async fn ended(hub: &Hub, id: &str) -> (String, String) {
    let answer = event(hub, id).await;
    let walk = &answer["events"][0];
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (word(&walk["outcome"]), word(&walk["reason"]["code"]))
}

fn note(id: &str, user: &str) -> Value {
    json!({ "type": "NOTE_CREATED", "event_id": id, "user_id": user, "title": "t" })
}

#[tokio::test]
async fn explain_reports_every_outcome() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::start(on, &[("LONCENG_LIMITS__PER_USER_PER_MINUTE", "1")]).await
        else {
            continue;
        };
        let mut client = hub.connect("u", "&sync=none").await;
        let client_id = client.expect("connected").await["client_id"].clone();
        hub.publish(&note("e-1", "u")).await;
        let push = client.expect("notification.push").await;
        client
            .send(
                &json!({ "type": "notification.read", "notification_id": push["notification_id"] }),
            )
            .await;
        client.expect("notification.read.ack").await;
        let answer = event(&hub, "e-1").await;
        let (walk, reader) = (&answer["events"][0], &answer["events"][0]["recipients"][0]);
        assert_eq!(
            (&walk["outcome"], &walk["reason"], &walk["source"]),
            (&json!("accepted"), &Value::Null, &json!("http"))
        );
        assert_eq!(
            (&reader["outcome"], &reader["status"], &reader["revision"]),
            (&json!("stored"), &json!("read"), &json!(2))
        );
        assert!(reader["read_at"].is_string());
        assert_eq!(reader["live"]["how"], "pushed");
        assert_eq!(reader["live"]["connections"], json!([client_id]));
        // The id of the notification leads there too.
        let id = push["notification_id"].as_str().expect("an id");
        assert_eq!(event(&hub, id).await["events"][0]["event_id"], "e-1");
        // Again; over the limit; and to somebody who is not there.
        hub.publish(&note("e-1", "u")).await;
        assert_eq!(ended(&hub, "e-1").await, ("duplicate".to_owned(), "duplicate".to_owned()));
        hub.publish(&note("e-2", "u")).await;
        client.skip_to("notifications.summary").await;
        assert_eq!(
            event(&hub, "e-2").await["events"][0]["recipients"][0]["live"]["how"],
            "limited"
        );
        hub.publish(&note("e-3", "away")).await;
        assert_eq!(
            event(&hub, "e-3").await["events"][0]["recipients"][0]["live"]["how"],
            "not_connected"
        );
        // No type; switched off; muted; nobody; bad.
        hub.publish(&json!({ "type": "NOBODY_KNOWS", "event_id": "e-4", "user_id": "u" })).await;
        assert_eq!(ended(&hub, "e-4").await, ("skipped".to_owned(), "no_type".to_owned()));
        let off = json!({ "is_active": false }).to_string();
        assert_eq!(hub.send("PATCH", "/api/v1/admin/types/NOTE_DELETED", &[], off).await.0, 200);
        hub.publish(&json!({ "type": "NOTE_DELETED", "event_id": "e-5", "user_id": "u" })).await;
        assert_eq!(ended(&hub, "e-5").await, ("skipped".to_owned(), "inactive".to_owned()));
        let wants = json!({ "muted_types": ["NOTE_CREATED"] }).to_string();
        assert_eq!(hub.send("PUT", "/api/v1/preferences?user_id=u", &[], wants).await.0, 200);
        hub.publish(&note("e-6", "u")).await;
        assert_eq!(ended(&hub, "e-6").await, ("skipped".to_owned(), "muted".to_owned()));
        assert_eq!(
            event(&hub, "e-6").await["events"][0]["recipients"],
            json!([{ "user_id": "u", "outcome": "muted" }])
        );
        hub.publish(
            &json!({ "type": "REFUND_REQUESTED", "event_id": "e-7", "user_id": "u", "amount": 1 }),
        )
        .await;
        assert_eq!(ended(&hub, "e-7").await, ("skipped".to_owned(), "no_recipient".to_owned()));
        let bad = json!({ "type": "NOTE_CREATED", "event_id": "e-8", "user_id": "v" });
        assert_eq!(hub.post("/api/v1/events", &bad).await.0, 400);
        assert_eq!(ended(&hub, "e-8").await.0, "rejected");
        // All of it about one user, with what they want.
        let (_, about) = hub.get("/api/v1/admin/explain?user=u").await;
        assert_eq!(about["preferences"]["muted_types"], json!(["NOTE_CREATED"]));
        assert_eq!(about["notifications"].as_array().map(Vec::len), Some(2));
        assert_eq!(about["notifications"][0]["live"]["how"], "limited");
        let events: Vec<&str> = about["events"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|walk| walk["event_id"].as_str())
            .collect();
        assert_eq!(events, ["e-7", "e-6", "e-5", "e-4", "e-2", "e-1", "e-1"]);
        let (_, of_type) = hub.get("/api/v1/admin/explain?type=NOTE_CREATED").await;
        assert_eq!(of_type["events"].as_array().map(Vec::len), Some(6));
        assert_eq!(of_type["kept"]["events"], 10_000);
        for wrong in ["", "?event=a&user=b", "?user=%00"] {
            assert_eq!(hub.get(&format!("/api/v1/admin/explain{wrong}")).await.0, 400, "{wrong}");
        }
        // What a template would say of an event that really came.
        let preview =
            async |body: Value| hub.post("/api/v1/admin/types/NOTE_CREATED/preview", &body).await;
        let (status, seen) = preview(json!({ "event": "e-3", "type": { "template": "{title} for \
            {user.name|default(\"?\")}" } }))
        .await;
        assert_eq!((status, &seen["message"]), (200, &json!("t for ?")), "{seen}");
        assert_eq!(preview(json!({ "event": "e-4" })).await.0, 404);
    }
}

#[tokio::test]
async fn undecodable_event_is_found_among_dead_letters_previewed_and_replayed() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let hub = Hub::sqlite(&[("LONCENG_NATS__URL", nats.url().as_str())]).await;
    until("the hub subscribes", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "ok").then_some(())
    })
    .await;
    let context = nats.jetstream().await;
    let send = async |payload: String| {
        context
            .publish("events.note.created", payload.into())
            .await
            .expect("sent")
            .await
            .expect("kept");
    };
    for n in 0..250 {
        // Without the title that its template needs.
        send(json!({ "event_id": format!("bad-{n}"), "user_id": "u", "titel": n }).to_string())
            .await;
    }
    send("broken-payload {".to_owned()).await;
    let path = "/api/v1/admin/dead-letters";
    let total = async || hub.get(path).await.1["total_count"].as_i64().unwrap_or(0);
    until("all are dead letters", Duration::from_secs(30), async || {
        (total().await == 251).then_some(())
    })
    .await;
    let found = event(&hub, "broken-payload").await;
    assert_eq!(
        (&found["events"], &found["dead_letters"][0]["kind"]),
        (&json!([]), &json!("invalid_json")),
        "{found}"
    );
    let (_, searched) = hub.get(&format!("{path}?q=user_id")).await;
    assert_eq!(
        searched["total_count"], 250,
        "what a pattern means by itself is looked for as it stands"
    );
    assert_eq!(hub.get(&format!("{path}?q=user%25id")).await.1["total_count"], 0);
    let letter = hub.get(&format!("{path}?q=bad-7")).await.1["dead_letters"][0]["id"].clone();
    let mended = json!({ "dead_letter": letter, "type": { "template": "{titel}" } });
    let (status, seen) = hub.post("/api/v1/admin/types/NOTE_CREATED/preview", &mended).await;
    assert_eq!(status, 200, "{seen}");
    assert!(seen["message"].as_str().is_some_and(|text| text.starts_with('7')), "{seen}");
    // All that match, as a job; those that are still bad stay.
    let replay = async |query: &str| hub.post(&format!("{path}/replay{query}"), &json!({})).await;
    let (status, job) = replay("?q=titel").await;
    assert_eq!((status, &job["total"]), (202, &json!(250)), "{job}");
    let job_at = format!("/api/v1/admin/jobs/{}", job["id"].as_str().expect("an id"));
    let over = async || {
        let (_, job) = hub.get(&job_at).await;
        (job["state"] == "finished").then_some(job)
    };
    let job = until("it has been tried", Duration::from_secs(30), over).await;
    assert_eq!((&job["failed"], &job["succeeded"]), (&json!(250), &json!(0)), "{job}");
    assert!(job["last_error"].as_str().is_some_and(|why| why.contains("title")), "{job}");
    let better = json!({ "template": "{titel}" }).to_string();
    assert_eq!(hub.send("PATCH", "/api/v1/admin/types/NOTE_CREATED", &[], better).await.0, 200);
    let (status, job) = replay("").await;
    assert_eq!((status, &job["total"]), (202, &json!(251)));
    let job_at = format!("/api/v1/admin/jobs/{}", job["id"].as_str().expect("an id"));
    let job = until("it is over", Duration::from_secs(30), async || {
        let (_, job) = hub.get(&job_at).await;
        (job["state"] == "finished").then_some(job)
    })
    .await;
    assert_eq!((&job["failed"], &job["succeeded"]), (&json!(1), &json!(250)), "{job}");
    assert_eq!(total().await, 1);
    let told: HashSet<String> =
        hub.inbox("u").await.iter().map(|item| item["message"].to_string()).collect();
    assert_eq!(told.len(), 250);
    assert_eq!(hub.get("/api/v1/admin/jobs").await.1["jobs"].as_array().map(Vec::len), Some(2));
    assert_eq!(hub.get("/api/v1/admin/jobs/nonsense").await.0, 404);
}

/// So many people, in one upload.
async fn fill(hub: &Hub, count: usize) {
    let lines: Vec<String> = (0..count)
        .map(|n| json!({ "user_id": format!("p{n:05}"), "name": format!("P {n}") }).to_string())
        .collect();
    let headers = [("content-type", "application/x-ndjson")];
    let (status, answer) =
        hub.send("POST", "/api/v1/admin/directory/bulk", &headers, lines.join("\n")).await;
    assert_eq!(status, 200, "{answer}");
}

async fn to_all(hub: &Hub, template: &str) {
    let kind = json!({ "code": "NEWS", "display_name": "News", "template": template,
        "target_type": "ALL" });
    assert_eq!(hub.send("PUT", "/api/v1/admin/types/NEWS", &[], kind.to_string()).await.0 / 100, 2);
}

async fn count(store: &Store, people: usize) -> usize {
    let mut reached = 0;
    for n in (0..people).step_by(97).chain([people - 1]) {
        let user = lonceng::domain::user::UserId::parse(&format!("p{n:05}")).expect("an id");
        let inbox = store.inbox(&user).await.expect("it reads");
        assert!(inbox.revision <= 1, "{user} has it twice");
        reached += usize::try_from(inbox.revision).expect("a number");
    }
    reached
}

#[tokio::test]
async fn large_fan_out_reaches_each_recipient_once_despite_crashes() {
    const PEOPLE: usize = 3_000;
    let sampled = (0..PEOPLE).step_by(97).count() + 1;
    for on in [On::Sqlite, On::Postgres] {
        let Some(mut hub) = Hub::start(on, &[]).await else { continue };
        fill(&hub, PEOPLE).await;
        // A bad one stores nothing for anybody.
        to_all(&hub, "{recipient.email}").await;
        let (status, problem) =
            hub.post("/api/v1/events", &json!({ "type": "NEWS", "event_id": "n-1" })).await;
        assert_eq!(status, 400, "{problem}");
        let store = Store::open(&hub.store_url).await.expect("it opens");
        assert_eq!(count(&store, PEOPLE).await, 0);
        to_all(&hub, "news for {recipient.name}").await;
        // Killed in the middle: whoever publishes it again has it go on.
        let news = json!({ "type": "NEWS", "event_id": "n-1" });
        let begun = async {
            until("somebody has it", PATIENCE, async || {
                (count(&store, PEOPLE).await > 0).then_some(())
            })
            .await;
        };
        tokio::select! {
            () = begun => {}
            _ = hub.post("/api/v1/events", &news) => {}
        }
        hub.kill();
        hub.run().await;
        let publish = async || hub.post("/api/v1/events", &news).await.0;
        // Two at once, and once more.
        let (first, second) = tokio::join!(publish(), publish());
        assert_eq!((first, second), (202, 202));
        assert_eq!(publish().await, 202);
        assert_eq!(count(&store, PEOPLE).await, sampled);
        assert_eq!(hub.inbox("p02999").await[0]["message"], "news for P 2999");
        let answer = event(&hub, "n-1").await;
        let ends: Vec<&Value> = answer["events"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|walk| &walk["outcome"])
            .collect();
        assert_eq!(ends[0], "duplicate", "{answer}");
        // The first of those who have it are known by name.
        let brought = answer["events"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|walk| walk["outcome"] == "accepted");
        let brought = brought.expect("one brought it");
        assert_eq!(brought["recipients"].as_array().map(Vec::len), Some(20), "{brought}");
        assert!(
            brought["reached_count"].as_u64().is_some_and(|count| (251..=3_000).contains(&count)),
            "{brought}"
        );
        // In a batch that is taken whole, all of it at once.
        let batch = json!([{ "type": "NEWS", "event_id": "n-2" }, { "type": "NEWS",
            "user_id": "x", "event_id": "n-1" }]);
        assert_eq!(hub.post("/api/v1/events", &batch).await.0, 202);
        assert_eq!(hub.inbox("p00000").await.len(), 2);
    }
}

#[tokio::test]
async fn large_fan_out_does_not_delay_other_broker_events() {
    for jetstream in [true, false] {
        let Some(nats) = NatsServer::start(jetstream).await else { return };
        let hub = Hub::sqlite(&[("LONCENG_NATS__URL", nats.url().as_str())]).await;
        until("the hub subscribes", PATIENCE, async || {
            (hub.get("/health/ready").await.1["nats"] != "down").then_some(())
        })
        .await;
        fill(&hub, 2_000).await;
        to_all(&hub, "news for {recipient.user_id}").await;
        let client = nats.client().await;
        // Several of them, and a note behind each.
        for n in 0..3 {
            let news = json!({ "event_id": format!("news-{n}") }).to_string();
            client.publish("events.news", news.into()).await.expect("it is sent");
            let note = json!({ "event_id": format!("note-{n}"), "user_id": "writer", "title": n })
                .to_string();
            client.publish("events.note.created", note.into()).await.expect("it is sent");
        }
        client.flush().await.expect("it is sent");
        until("the notes are there", PATIENCE, async || {
            (hub.inbox("writer").await.len() == 3).then_some(())
        })
        .await;
        until("everybody has all of it", PATIENCE, async || {
            (hub.inbox("p01999").await.len() == 3).then_some(())
        })
        .await;
        if jetstream {
            // The broker was told, and sends none of them again.
            let mut consumer = nats
                .jetstream()
                .await
                .get_stream("EVENTS")
                .await
                .expect("it is there")
                .get_consumer::<async_nats::jetstream::consumer::pull::Config>("lonceng")
                .await
                .expect("it is there");
            until("all are acknowledged", PATIENCE, async || {
                (consumer.info().await.expect("it answers").num_ack_pending == 0).then_some(())
            })
            .await;
        }
        assert!(hub.inbox("p00000").await.len() == 3);
        let accepted =
            hub.metric("lonceng_events_total{source=\"nats\",outcome=\"accepted\"}").await;
        assert_eq!(accepted.to_string(), "6");
    }
}

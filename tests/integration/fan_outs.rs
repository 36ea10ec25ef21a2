//! Events for very many recipients.

use serde_json::{Value, json};

use lonceng::store::Store;

use crate::{
    explain::event,
    support::{
        hub::{Hub, On},
        nats::NatsServer,
        wait::{PATIENCE, until},
    },
};

/// Adds users to the directory, in one upload.
pub(crate) async fn add_users(hub: &Hub, count: usize) {
    let lines: Vec<String> = (0..count)
        .map(|n| json!({ "user_id": format!("p{n:05}"), "name": format!("P {n}") }).to_string())
        .collect();
    let headers = [("content-type", "application/x-ndjson")];
    let (status, answer) =
        hub.send("POST", "/api/v1/admin/directory/bulk", &headers, lines.join("\n")).await;
    assert_eq!(status, 200, "{answer}");
}

/// Writes a type for all users with this template.
pub(crate) async fn write_type_for_all(hub: &Hub, template: &str) {
    let kind = json!({ "code": "NEWS", "display_name": "News", "template": template,
        "target_type": "ALL" });
    assert_eq!(hub.send("PUT", "/api/v1/admin/types/NEWS", &[], kind.to_string()).await.0 / 100, 2);
}

/// Returns how many users of a sample have the notification; fails if one has it twice.
async fn count(store: &Store, users: usize) -> usize {
    let mut reached = 0;
    for n in (0..users).step_by(97).chain([users - 1]) {
        let user = lonceng::domain::user::UserId::parse(&format!("p{n:05}")).expect("an id");
        let inbox = store.inbox(&user).await.expect("it reads");
        assert!(inbox.revision <= 1, "{user} has it twice");
        reached += usize::try_from(inbox.revision).expect("a number");
    }
    reached
}

#[tokio::test]
async fn large_fan_out_reaches_each_recipient_once_despite_crashes() {
    const USERS: usize = 3_000;
    let sampled = (0..USERS).step_by(97).count() + 1;
    for on in [On::Sqlite, On::Postgres] {
        let Some(mut hub) = Hub::start(on, &[]).await else { continue };
        add_users(&hub, USERS).await;
        // An event that cannot be rendered stores nothing.
        write_type_for_all(&hub, "{recipient.email}").await;
        let (status, problem) =
            hub.post("/api/v1/events", &json!({ "type": "NEWS", "event_id": "n-1" })).await;
        assert_eq!(status, 400, "{problem}");
        let store = Store::open(&hub.store_url).await.expect("it opens");
        assert_eq!(count(&store, USERS).await, 0);
        write_type_for_all(&hub, "news for {recipient.name}").await;
        // Nor does one that the last recipient cannot have.
        let last = "/api/v1/admin/directory/z-without-name";
        assert_eq!(hub.send("PUT", last, &[], "{}".to_owned()).await.0 / 100, 2);
        let (status, problem) =
            hub.post("/api/v1/events", &json!({ "type": "NEWS", "event_id": "n-1" })).await;
        assert!(status == 400 && problem.to_string().contains("recipient.name"), "{problem}");
        assert_eq!(count(&store, USERS).await, 0);
        assert_eq!(hub.send("DELETE", last, &[], String::new()).await.0, 204);
        // Killed during the fan-out, after the event was acknowledged: the hub continues it.
        let news = json!({ "type": "NEWS", "event_id": "n-1" });
        let begun = async {
            until("the first users have it", PATIENCE, async || {
                (count(&store, USERS).await > 0).then_some(())
            })
            .await;
        };
        let (status, answer) = hub.post("/api/v1/events", &news).await;
        assert_eq!((status, &answer["results"][0]["notifications"]), (202, &json!(USERS)));
        begun.await;
        hub.kill();
        hub.run().await;
        let publish = async || hub.post("/api/v1/events", &news).await.0;
        // Two publishers at once, and one later.
        let (first, second) = tokio::join!(publish(), publish());
        assert_eq!((first, second), (202, 202));
        assert_eq!(publish().await, 202);
        until("all users have it", PATIENCE, async || {
            (count(&store, USERS).await == sampled).then_some(())
        })
        .await;
        assert_eq!(hub.inbox("p02999").await[0]["message"], "news for P 2999");
        // The trace names the first recipients; the repeated publishes were duplicates.
        let traces = until("the trace is complete", PATIENCE, async || {
            let answer = event(&hub, "n-1").await;
            let traces = answer["events"].as_array().expect("a list").clone();
            traces.iter().any(|event| event["outcome"] == "accepted").then_some(traces)
        })
        .await;
        let outcomes: Vec<&Value> = traces.iter().map(|event| &event["outcome"]).collect();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == "duplicate").count(), 3);
        let accepted = traces.iter().find(|event| event["outcome"] == "accepted");
        let accepted = accepted.expect("it was continued");
        assert_eq!(accepted["recipients"].as_array().map(Vec::len), Some(20), "{accepted}");
        let reached = accepted["reached_count"].as_u64();
        assert!(reached.is_some_and(|count| (20..=3_000).contains(&count)), "{accepted}");
        // A batch is stored as a whole, without chunks.
        let batch = json!([{ "type": "NEWS", "event_id": "n-2" }, { "type": "NEWS",
            "user_id": "x", "event_id": "n-1" }]);
        assert_eq!(hub.post("/api/v1/events", &batch).await.0, 202);
        assert_eq!(hub.inbox("p00000").await.len(), 2);
    }
}

#[tokio::test]
async fn another_hub_finishes_an_acknowledged_event() {
    const USERS: usize = 3_000;
    let sampled = (0..USERS).step_by(97).count() + 1;
    let Some(mut first) = Hub::start(On::Postgres, &[]).await else { return };
    let second = first.beside(&[]).await;
    add_users(&first, USERS).await;
    write_type_for_all(&first, "news for {recipient.name}").await;
    let news = json!({ "type": "NEWS", "event_id": "n-1" });
    assert_eq!(first.post("/api/v1/events", &news).await.0, 202);
    first.kill();
    let store = Store::open(&second.store_url).await.expect("it opens");
    until("all users have it", PATIENCE, async || {
        (count(&store, USERS).await == sampled).then_some(())
    })
    .await;
    assert_eq!(second.inbox("p02999").await[0]["message"], "news for P 2999");
    let owed = "SELECT COUNT(*) FROM fan_outs";
    until("nothing is owed", PATIENCE, async || {
        (store.count_by_hand(owed).await.expect("it answers") == 0).then_some(())
    })
    .await;
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
        add_users(&hub, 2_000).await;
        write_type_for_all(&hub, "news for {recipient.user_id}").await;
        let client = nats.client().await;
        // Several large fan-outs, and a small event behind each.
        for n in 0..3 {
            let news = json!({ "event_id": format!("news-{n}") }).to_string();
            client.publish("events.news", news.into()).await.expect("it is sent");
            let note = json!({ "event_id": format!("note-{n}"), "user_id": "writer", "title": n })
                .to_string();
            client.publish("events.note.created", note.into()).await.expect("it is sent");
        }
        client.flush().await.expect("it is sent");
        until("the small events are stored", PATIENCE, async || {
            (hub.inbox("writer").await.len() == 3).then_some(())
        })
        .await;
        until("all users have all of them", PATIENCE, async || {
            (hub.inbox("p01999").await.len() == 3).then_some(())
        })
        .await;
        if jetstream {
            // The broker will redeliver none of them.
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

/// Users of an event that is acknowledged long before all of them have it.
const MANY: usize = 4_200;

#[tokio::test]
async fn recall_right_after_the_acknowledgement_leaves_nothing_in_any_inbox() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::start(on, &[]).await else { continue };
        add_users(&hub, MANY).await;
        write_type_for_all(&hub, "{title} for {recipient.name}").await;
        let store = Store::open(&hub.store_url).await.expect("it opens");
        let left = "SELECT COUNT(*) FROM notifications WHERE event_id = 'bad' AND status <> \
                    'deleted'";
        let owed = "SELECT COUNT(*) FROM fan_outs";
        let news = |id: &str| json!({ "type": "NEWS", "event_id": id, "title": id });
        // One before it, so that it waits for its turn; then one that has begun.
        assert_eq!(hub.post("/api/v1/events", &news("other")).await.0, 202);
        assert_eq!(hub.post("/api/v1/events", &news("bad")).await.0, 202);
        let recall = async || hub.send("DELETE", "/api/v1/events/bad", &[], String::new()).await;
        let (status, answer) = recall().await;
        assert_eq!(status, 202, "{on:?}: {answer}");
        assert_eq!(hub.post("/api/v1/events", &news("bad")).await.1["accepted"], 1, "a duplicate");
        until("the other one is finished", PATIENCE, async || {
            (store.count_by_hand(owed).await.expect("it answers") == 0).then_some(())
        })
        .await;
        assert_eq!(store.count_by_hand(left).await.expect("it answers"), 0);
        assert_eq!(hub.inbox("p04199").await.len(), 1, "the other event is not recalled");

        let left = left.replace("'bad'", "'late'").leak();
        assert_eq!(hub.post("/api/v1/events", &news("late")).await.0, 202);
        until("some have it", PATIENCE, async || {
            (store.count_by_hand(left).await.expect("it answers") > 0).then_some(())
        })
        .await;
        let (status, answer) = hub.send("DELETE", "/api/v1/events/late", &[], String::new()).await;
        assert_eq!(status, 202, "{on:?}: {answer}");
        assert_eq!(store.count_by_hand(owed).await.expect("it answers"), 0, "nothing follows");
        until("it is recalled", PATIENCE, async || {
            (store.count_by_hand(left).await.expect("it answers") == 0).then_some(())
        })
        .await;
        // A further one waits until the recalled one has given up its turn.
        assert_eq!(hub.post("/api/v1/events", &news("next")).await.0, 202);
        until("the next one is finished", PATIENCE, async || {
            (store.count_by_hand(owed).await.expect("it answers") == 0).then_some(())
        })
        .await;
        assert_eq!(store.count_by_hand(left).await.expect("it answers"), 0);
        store.close().await;
    }
}

#[tokio::test]
async fn recipients_for_whom_rendering_fails_are_named_and_counted() {
    let hub = Hub::sqlite(&[]).await;
    add_users(&hub, MANY).await;
    let path = "/api/v1/admin/directory/z-without-name";
    assert_eq!(hub.send("PUT", path, &[], "{}".to_owned()).await.0 / 100, 2);
    write_type_for_all(&hub, "news for {recipient.name}").await;
    let news = json!({ "type": "NEWS", "event_id": "n-1" });
    assert_eq!(hub.post("/api/v1/events", &news).await.0, 202);
    let trace = until("the trace is complete", PATIENCE, async || {
        event(&hub, "n-1").await["events"]
            .get(0)
            .filter(|one| one["outcome"] == "accepted")
            .cloned()
    })
    .await;
    assert_eq!((&trace["reached_count"], &trace["failed_count"]), (&json!(MANY), &json!(1)));
    assert_eq!(trace["reason"]["code"], "template");
    let reason = trace["reason"]["detail"].as_str().expect("a text");
    assert!(reason.contains("recipient.name"), "{reason}");
    let failed = json!({ "user_id": "z-without-name", "outcome": "failed" });
    assert!(trace["recipients"].as_array().expect("a list").contains(&failed), "{trace}");
    let metric = "lonceng_recipients_skipped_total{reason=\"template\"}";
    assert_eq!(hub.metric(metric).await.to_string(), "1");
    let (_, of_user) = hub.get("/api/v1/admin/explain?user=z-without-name").await;
    assert_eq!(of_user["events"][0]["recipients"], json!([failed]), "{of_user}");
}

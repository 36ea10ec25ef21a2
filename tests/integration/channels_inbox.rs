//! Grouping and snooze: changes of the inbox that come with the channels.

use serde_json::{Value, json};

use crate::channels::{config, deliveries, in_state, person, publish};
use crate::support::{
    hub::{Hub, On},
    receivers::Receivers,
    wait::{PATIENCE, until},
};

async fn similar_events_become_one_notification(on: On) {
    let Some(receivers) = Receivers::start() else { return };
    let Some(hub) = Hub::with_config_on(on, &config(&receivers), &[]).await else { return };
    for user in ["ani", "citra", "dewi"] {
        person(&hub, user).await;
    }
    let mut client = hub.connect("budi", "").await;
    client.expect("connected").await;
    let like = async |actor: &str, note: &str, id: &str| {
        let event = json!({
            "type": "LIKED", "user_id": "budi", "actor_id": actor, "note_id": note,
            "title": "My note",
            "event_id": id,
        });
        assert_eq!(hub.post("/api/v1/events", &event).await.0, 202);
    };
    like("ani", "n1", "e1").await;
    let first = client.expect("notification.push").await;
    like("citra", "n1", "e2").await;
    like("citra", "n1", "e2").await;
    let second = client.expect("notification.push").await;
    like("dewi", "n2", "e3").await;
    let other = client.expect("notification.push").await;
    like("ani", "n1", "e4").await;
    let third = client.expect("notification.push").await;
    assert_eq!(first["notification_id"], second["notification_id"]);
    assert_eq!(first["notification_id"], third["notification_id"]);
    assert_ne!(first["notification_id"], other["notification_id"]);
    assert_eq!((&second["count"], &third["count"]), (&json!(2), &json!(3)));
    assert_eq!(second["message"], "citra and 1 others liked \"My note\"");
    assert_eq!(third["message"], "ani and 2 others liked \"My note\"");
    let revisions: Vec<_> = [&first, &second, &other, &third]
        .map(|push| (push["previous_revision"].clone(), push["revision"].clone()))
        .to_vec();
    assert_eq!(revisions, [0, 1, 2, 3].map(|n| (json!(n), json!(n + 1))).to_vec());
    assert_eq!((&third["unread"], &third["unseen"]), (&json!(2), &json!(2)));
    let inbox = hub.inbox("budi").await;
    assert_eq!(inbox.len(), 2);
    assert_eq!(inbox[0]["notification_id"], first["notification_id"], "it is the newest");
    // A group sends once per channel when it begins.
    assert_eq!(deliveries(&hub, "user=budi").await.len(), 2);
    // One that was read does not grow.
    let id = first["notification_id"].as_str().expect("an ID");
    hub.post(&format!("/api/v1/notifications/{id}/read?user_id=budi"), &json!({})).await;
    like("dewi", "n1", "e5").await;
    assert_eq!(hub.inbox("budi").await.len(), 3);
    // An event without the field is a notification of its own, with the same template.
    let event = json!({ "type": "LIKED", "user_id": "eko", "actor_id": "ani", "title": "T" });
    for _ in 0..2 {
        let (status, answer) = hub.post("/api/v1/events", &event).await;
        assert_eq!(status, 202, "{answer}");
    }
    let alone = hub.inbox("eko").await;
    assert_eq!(alone.len(), 2);
    assert_eq!(alone[0]["message"], "ani and 0 others liked \"T\"");
    let verified = std::process::Command::new(env!("CARGO_BIN_EXE_lonceng"))
        .arg("verify")
        .env("LONCENG_STORE__URL", &hub.store_url)
        .output()
        .expect("it runs");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[tokio::test]
async fn similar_events_become_one_notification_on_sqlite() {
    similar_events_become_one_notification(On::Sqlite).await;
}

#[tokio::test]
async fn similar_events_become_one_notification_on_postgresql() {
    similar_events_become_one_notification(On::Postgres).await;
}

async fn recalled_event_leaves_its_group(on: On) {
    let Some(receivers) = Receivers::start() else { return };
    let Some(hub) = Hub::with_config_on(on, &config(&receivers), &[]).await else { return };
    let mut client = hub.connect("budi", "").await;
    client.expect("connected").await;
    for (actor, title, id) in [("ani", "A", "g1"), ("citra", "B", "g2"), ("dewi", "C", "g3")] {
        let event = json!({
            "type": "LIKED", "user_id": "budi", "actor_id": actor, "note_id": "n1",
            "title": title, "event_id": id,
        });
        assert_eq!(hub.post("/api/v1/events", &event).await.0, 202);
    }
    let mut pushed = client.expect("notification.push").await;
    for _ in 0..2 {
        pushed = client.expect("notification.push").await;
    }
    assert_eq!(pushed["message"], "dewi and 2 others liked \"C\"");
    let recall = async |id: &str| {
        let (status, answer) =
            hub.send("DELETE", &format!("/api/v1/events/{id}"), &[], String::new()).await;
        (status, answer["notifications"].clone())
    };
    // The newest one: the message is that of the one before.
    assert_eq!(recall("g3").await, (202, json!(1)));
    let update = client.expect("notification.update").await;
    assert_eq!(update["notification_id"], pushed["notification_id"]);
    assert_eq!((&update["count"], &update["status"]), (&json!(2), &json!("unread")));
    assert_eq!(update["message"], "citra and 1 others liked \"B\"");
    assert_eq!((&update["previous_revision"], &update["revision"]), (&json!(3), &json!(4)));
    assert_eq!((&update["unread"], &update["unseen"]), (&json!(1), &json!(1)));
    assert_eq!(recall("g3").await, (202, json!(0)), "a repetition changes nothing");
    // The first one: the notification has the data of the next one.
    assert_eq!(recall("g1").await, (202, json!(1)));
    let update = client.expect("notification.update").await;
    assert_eq!((&update["count"], &update["metadata"]["title"]), (&json!(1), &json!("B")));
    assert_eq!(update["actor_id"], "citra");
    // It grows again, and the last one takes the notification along.
    let event = json!({
        "type": "LIKED", "user_id": "budi", "actor_id": "ani", "note_id": "n1", "title": "D",
        "event_id": "g4",
    });
    assert_eq!(hub.post("/api/v1/events", &event).await.0, 202);
    let grown = client.expect("notification.push").await;
    assert_eq!(
        (&grown["count"], &grown["message"]),
        (&json!(2), &json!("ani and 1 others liked \"D\""),)
    );
    assert_eq!(recall("g4").await, (202, json!(1)));
    client.expect("notification.update").await;
    assert_eq!(recall("g2").await, (202, json!(1)));
    let gone = client.expect("notification.update").await;
    assert_eq!((&gone["status"], &gone["unread"]), (&json!("deleted"), &json!(0)));
    assert_eq!(recall("g2").await, (202, json!(0)));
    assert_eq!(recall("none").await.0, 404);
    assert!(hub.inbox("budi").await.is_empty());
    let verified = std::process::Command::new(env!("CARGO_BIN_EXE_lonceng"))
        .arg("verify")
        .env("LONCENG_STORE__URL", &hub.store_url)
        .output()
        .expect("it runs");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[tokio::test]
async fn recalled_event_leaves_its_group_on_sqlite() {
    recalled_event_leaves_its_group(On::Sqlite).await;
}

#[tokio::test]
async fn recalled_event_leaves_its_group_on_postgresql() {
    recalled_event_leaves_its_group(On::Postgres).await;
}

async fn snoozed_notification_comes_back(on: On) {
    let Some(hub) = Hub::start(on, &[]).await else { return };
    hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "budi", "title": "later" })).await;
    let mut client = hub.connect("budi", "").await;
    client.expect("connected").await;
    let push = client.expect("notification.push").await;
    let id = push["notification_id"].as_str().expect("an ID").to_owned();
    client
        .send(&json!({ "type": "notification.snooze", "notification_id": id, "for": "1h" }))
        .await;
    let ack = client.expect("notification.snooze.ack").await;
    assert_eq!((&ack["status"], &ack["unread"]), (&json!("snoozed"), &json!(0)), "{ack}");
    let (_, list) = hub.get("/api/v1/notifications?user_id=budi&status=snoozed").await;
    assert!(list["items"][0]["snoozed_until"].is_string(), "{list}");
    let path = format!("/api/v1/notifications/{id}");
    let (_, back) = hub.post(&format!("{path}/unsnooze?user_id=budi"), &json!({})).await;
    assert_eq!((&back["status"], &back["unread"]), (&json!("unread"), &json!(1)));
    client.expect("notification.update").await;
    for wrong in [json!({}), json!({ "for": "soon" }), json!({ "until": "2020-01-01T00:00:00Z" })] {
        let (status, _) = hub.post(&format!("{path}/snooze?user_id=budi"), &wrong).await;
        assert_eq!(status, 400, "{wrong}");
    }
    let (status, _) =
        hub.post(&format!("{path}/snooze?user_id=budi"), &json!({ "for": "1s" })).await;
    assert_eq!(status, 200);
    client.expect("notification.update").await;
    let again = client.expect("notification.push").await;
    assert_eq!((&again["notification_id"], &again["status"]), (&json!(id), &json!("unread")));
    assert_eq!((&again["unread"], &again["unseen"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn snoozed_notification_comes_back_on_sqlite() {
    snoozed_notification_comes_back(On::Sqlite).await;
}

#[tokio::test]
async fn snoozed_notification_comes_back_on_postgresql() {
    snoozed_notification_comes_back(On::Postgres).await;
}

async fn quiet_hours_that_end_early_release_what_waits(on: On) {
    let Some(receivers) = Receivers::start() else { return };
    let Some(hub) = Hub::with_config_on(on, &config(&receivers), &[]).await else { return };
    person(&hub, "budi").await;
    let put = async |body: Value| {
        let path = "/api/v1/preferences?user_id=budi";
        hub.send("PUT", path, &[], body.to_string()).await
    };
    // Quiet hours of almost the whole day, which include the time of the test.
    let now = chrono::Utc::now();
    let time = |minutes| (now - chrono::TimeDelta::minutes(minutes)).format("%H:%M").to_string();
    let quiet = json!({ "quiet_hours": { "from": time(3), "to": time(9) }, "timezone": "UTC" });
    assert_eq!(put(quiet.clone()).await.0, 200);
    publish(&hub, "MAILED", "budi", "later").await;
    until("the e-mail waits", PATIENCE, async || {
        let waiting = deliveries(&hub, "user=budi&state=scheduled").await;
        waiting.first().filter(|one| one["reason"] == "quiet hours").map(drop)
    })
    .await;
    // With an `If-Match` that is not the current one nothing changes.
    let path = "/api/v1/preferences?user_id=budi";
    let stale = [("if-match", "\"other\"")];
    let (status, _) = hub.send("PUT", path, &stale, json!({}).to_string()).await;
    assert_eq!(status, 412);
    assert_eq!(put(json!({})).await.0, 200);
    in_state(&hub, "budi", "sent", 1).await;
}

#[tokio::test]
async fn quiet_hours_that_end_early_release_what_waits_on_sqlite() {
    quiet_hours_that_end_early_release_what_waits(On::Sqlite).await;
}

#[tokio::test]
async fn quiet_hours_that_end_early_release_what_waits_on_postgresql() {
    quiet_hours_that_end_early_release_what_waits(On::Postgres).await;
}

#[tokio::test]
async fn quoted_address_is_sent_to_and_a_digest_can_be_unsubscribed_as_a_whole() {
    let Some(receivers) = Receivers::start() else { return };
    let more = "[[type]]\ncode = \"COLLECTED_TOO\"\ntitle = \"Too\"\ntemplate = \"Too\"\n\
                target = \"SELF\"\nchannels = [\"web\", \"email\"]\ndigest = \"3s\"\n";
    let hub = Hub::with_config(&format!("{}{more}", config(&receivers)), &[]).await;
    let body = json!({ "email": "\"a b\"@people.example" }).to_string();
    hub.send("PUT", "/api/v1/admin/directory/budi", &[], body).await;
    publish(&hub, "COLLECTED", "budi", "one").await;
    let event = json!({ "type": "COLLECTED_TOO", "user_id": "budi" });
    assert_eq!(hub.post("/api/v1/events", &event).await.0, 202);
    in_state(&hub, "budi", "sent", 2).await;
    let mut muted = 0;
    for mail in receivers.mails().await {
        let link = mail["headers"]["list-unsubscribe"].as_str().expect("a link");
        let link = link.trim_matches(['<', '>']);
        let path = link.strip_prefix("https://hub.example").expect("the public URL");
        assert_eq!(hub.send("POST", path, &[], String::new()).await.0, 200);
        let (_, preferences) = hub.get("/api/v1/preferences?user_id=budi").await;
        let types = &preferences["channels"]["email"]["types"];
        muted = types.as_object().map_or(0, serde_json::Map::len);
    }
    assert_eq!(muted, 2);
}

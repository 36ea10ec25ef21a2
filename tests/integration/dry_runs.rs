//! Dry runs of publishing: they say what would happen, and change nothing.

use serde_json::{Value, json};

use crate::support::hub::{Hub, On};

const CONFIG: &str = r#"
[auth]
methods = ["dev"]

[[channels.webhook]]
name = "ops"
url = "http://127.0.0.1:9/ops"
allow_private = true

[[channels.webhook]]
name = "late"
url = "http://127.0.0.1:9/late"
allow_private = true

[[type]]
code = "MESSAGE"
title = "Message"
template = "{message}"
target = "SELF"

[[type]]
code = "LIKED"
title = "Liked"
template = '{actors|first} and {count|minus(1)} others liked "{title}"'
target = "SELF"
channels = ["web", "webhook:ops", "webhook:late"]
escalate = [{ after = "1h", unless = "seen", channels = ["webhook:late"] }]
group_by = "note_id"
"#;

fn liked(actor: &str, note: &str) -> Value {
    json!({ "type": "LIKED", "user_id": "u", "actor_id": actor, "note_id": note, "title": "T" })
}

/// Returns the outcomes of the channels of one in the sample, in their order.
fn outcomes(one: &Value) -> Vec<&str> {
    let channels = one["channels"].as_array().expect("a list");
    channels.iter().filter_map(|channel| channel["outcome"].as_str()).collect()
}

#[tokio::test]
async fn dry_run_says_that_an_event_joins_a_group() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::with_config_on(on, CONFIG, &[]).await else { continue };
        let dry = async |events: Value| {
            let (status, answer) = hub.post("/api/v1/events?dry_run=true", &events).await;
            assert_eq!(status, 200, "{answer}");
            answer["sample"].as_array().cloned().expect("a list")
        };
        // The second event of a request joins the group that the first one would begin.
        let sample = dry(json!([liked("ani", "1"), liked("budi", "1"), liked("ani", "2")])).await;
        assert_eq!(
            (&sample[0]["group"], outcomes(&sample[0])),
            (&Value::Null, vec!["send", "send", "wait"])
        );
        assert_eq!(sample[1]["group"], json!({ "notification_id": null, "count": 2 }));
        assert_eq!(outcomes(&sample[1]), ["send", "skip", "wait"]);
        assert_eq!(sample[1]["message"], "budi and 1 others liked \"T\"");
        assert_eq!(sample[2]["group"], Value::Null, "another note");

        hub.publish(&liked("ani", "1")).await;
        let inbox = hub.inbox("u").await;
        let sample = dry(liked("budi", "1")).await;
        let group = json!({ "notification_id": inbox[0]["notification_id"], "count": 2 });
        assert_eq!(sample[0]["group"], group);
        assert_eq!(sample[0]["message"], "budi and 1 others liked \"T\"");
        let channels = &sample[0]["channels"];
        assert_eq!(
            channels[0]["reason"],
            "it joins the group of an earlier event, which then has 2"
        );
        assert_eq!(channels[1]["reason"], "its group was sent when it began");
        assert_eq!(channels[2]["reason"], "a delivery of its group is waiting already");
        assert_eq!(hub.inbox("u").await, inbox, "nothing has changed");

        hub.publish(&liked("budi", "1")).await;
        let inbox = hub.inbox("u").await;
        assert_eq!((inbox.len(), &inbox[0]["message"]), (1, &sample[0]["message"]));
    }
}

#[tokio::test]
async fn dry_run_of_a_direct_notification_stores_nothing() {
    let hub = Hub::with_config(CONFIG, &[]).await;
    let mute = json!({ "muted_types": ["MESSAGE"] }).to_string();
    let json = [("content-type", "application/json")];
    assert_eq!(hub.send("PUT", "/api/v1/preferences?user_id=deaf", &json, mute).await.0, 200);
    let body = json!({ "target": [{ "id": 1, "login": "alice" }, { "id": "deaf" }],
        "message": "hi", "title": "Hello" });
    let key = [json[0], ("idempotency-key", "k-1")];
    let path = "/api/v1/notify?dry_run=true";
    for _ in 0..2 {
        let (status, dry) = hub.send("POST", path, &key, body.to_string()).await;
        assert_eq!((status, &dry["recipients"]), (200, &json!(1)), "{dry}");
        assert_eq!(dry["sample"].as_array().map(Vec::len), Some(1));
        let one = &dry["sample"][0];
        assert_eq!((&one["user_id"], &one["title"]), (&json!("1"), &json!("Hello")));
        assert_eq!((&one["message"], outcomes(one)), (&json!("hi"), vec!["send"]));
    }
    assert_eq!(hub.get("/api/v1/admin/directory/1").await.0, 404);
    assert!(hub.inbox("1").await.is_empty());
    let unknown = json!({ "target": [{ "id": 1 }], "message": "hi", "type": "NOPE" });
    assert_eq!(hub.post(path, &unknown).await.0, 400);
    assert_eq!(hub.post("/api/v1/notify?dry_run=perhaps", &body).await.0, 400);
    let (status, real) = hub.send("POST", "/api/v1/notify", &key, body.to_string()).await;
    assert_eq!(status, 202, "the key is not used up: {real}");
    assert_eq!(hub.inbox("1").await.len(), 1);
}

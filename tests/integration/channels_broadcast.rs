//! Webhooks of types for everyone or a role: one request for an event.

use serde_json::{Value, json};

use crate::channels::{config, deliveries, in_state, json_of, person, posts_to, publish};
use crate::support::{
    hub::Hub,
    receivers::Receivers,
    wait::{PATIENCE, until},
};

#[tokio::test]
async fn webhook_gets_one_request_for_an_event_for_all() {
    let Some(receivers) = Receivers::start() else { return };
    let hub = Hub::with_config(&config(&receivers), &[]).await;
    for user in ["ani", "budi", "citra"] {
        person(&hub, user).await;
    }
    publish(&hub, "HOOKED", "ani", "for all").await;
    let post = &posts_to(&receivers, "/signed", 1).await[0];
    assert_eq!(json_of(post)["recipients"], 3);
    assert_eq!(json_of(post).get("user_id"), None);
    let told = deliveries(&hub, "channel=webhook:signed").await;
    assert_eq!((told.len(), &told[0]["user_id"]), (1, &Value::Null), "nobody is made up");
    assert_eq!(told[0]["recipients"], 3);
    // A person who deletes it does so for nobody else.
    let id = hub.inbox("ani").await[0]["notification_id"].as_str().expect("an ID").to_owned();
    let path = format!("/api/v1/notifications/{id}?user_id=ani");
    assert_eq!(hub.send("DELETE", &path, &[], String::new()).await.0, 200);
    let id = told[0]["delivery_id"].as_str().expect("an ID");
    until("it is sent", PATIENCE, async || {
        let sent = deliveries(&hub, "channel=webhook:signed&state=sent").await;
        (sent.len() == 1).then_some(())
    })
    .await;
    let path = format!("/api/v1/admin/deliveries/{id}/retry");
    assert_eq!(hub.post(&path, &json!({})).await.0, 409, "it is sent");
    // A role is as good as everyone.
    let boss = json!({ "roles": ["admin"] }).to_string();
    for user in ["boss", "chief"] {
        let path = format!("/api/v1/admin/directory/{user}");
        assert!(hub.send("PUT", &path, &[], boss.clone()).await.0 < 300);
    }
    publish(&hub, "PAGED", "ani", "for a role").await;
    let paged = json_of(&posts_to(&receivers, "/signed", 2).await[1]);
    assert_eq!((&paged["recipients"], paged.get("user_id")), (&json!(2), None));
    publish(&hub, "PRIVATE", "ani", "guarded").await;
    let failed = in_state(&hub, "ani", "failed", 1).await;
    let reason = failed[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("no public address"), "{reason}");
    assert_eq!(receivers.posts().await.len(), 2);
    for wrong in ["state=lost", "channel=pigeon", "channel=web"] {
        let (status, _) = hub.get(&format!("/api/v1/admin/deliveries?{wrong}")).await;
        assert_eq!(status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn escalation_for_all_is_sent_unless_anyone_has_noticed() {
    let Some(receivers) = Receivers::start() else { return };
    let hub = Hub::with_config(&config(&receivers), &[]).await;
    for user in ["ani", "budi", "citra"] {
        person(&hub, user).await;
    }
    publish(&hub, "ALERTED", "ani", "noticed").await;
    // Not the first recipient.
    assert_eq!(hub.post("/api/v1/notifications/seen-all?user_id=citra", &json!({})).await.0, 200);
    publish(&hub, "ALERTED", "ani", "unnoticed").await;
    // The first recipient does not want it; the others have not noticed it.
    for item in hub.inbox("ani").await.iter().filter(|item| item["status"] == "unread") {
        let id = item["notification_id"].as_str().expect("an ID");
        let path = format!("/api/v1/notifications/{id}?user_id=ani");
        assert_eq!(hub.send("DELETE", &path, &[], String::new()).await.0, 200);
    }
    let ended = until("both have ended", PATIENCE, async || {
        let of = async |state| deliveries(&hub, &format!("state={state}")).await;
        let (sent, cancelled) = (of("sent").await, of("cancelled").await);
        (sent.len() == 1 && cancelled.len() == 1).then_some(cancelled)
    })
    .await;
    assert_eq!(ended[0]["reason"], "a recipient has seen the notification in time");
    let posts = posts_to(&receivers, "/signed", 1).await;
    assert_eq!(posts.len(), 1);
    let body = json_of(&posts[0]);
    assert_eq!((&body["message"], &body["recipients"]), (&json!("Message unnoticed"), &json!(3)));
}

#[tokio::test]
async fn large_fan_out_makes_one_request_too() {
    const PEOPLE: usize = 600;
    let Some(receivers) = Receivers::start() else { return };
    let hub = Hub::with_config(&config(&receivers), &[]).await;
    let lines: Vec<String> =
        (0..PEOPLE).map(|n| json!({ "user_id": format!("u{n:03}") }).to_string()).collect();
    let ndjson = [("content-type", "application/x-ndjson")];
    let path = "/api/v1/admin/directory/bulk";
    let (status, answer) = hub.send("POST", path, &ndjson, lines.join("\n")).await;
    assert_eq!(status, 200, "{answer}");
    publish(&hub, "HOOKED", "u000", "for very many").await;
    until("the last one has it", PATIENCE, async || {
        let last = hub.inbox(&format!("u{}", PEOPLE - 1)).await;
        (last.len() == 1).then_some(())
    })
    .await;
    let post = &posts_to(&receivers, "/signed", 1).await[0];
    assert_eq!(json_of(post)["recipients"], PEOPLE);
    let told = deliveries(&hub, "channel=webhook:signed").await;
    assert_eq!((told.len(), &told[0]["recipients"]), (1, &json!(PEOPLE)));
}

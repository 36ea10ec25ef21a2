//! The inbox over every way in, against the built hub.

use std::time::{Duration, Instant};

use crate::support::{
    hub::{Hub, On},
    wait::{PATIENCE, until},
};
use serde_json::{Value, json};

pub(crate) fn note(user: &str, title: &str) -> Value {
    json!({ "type": "NOTE_CREATED", "user_id": user, "title": title })
}

pub(crate) async fn on_both(env: &[(&str, &str)], test: impl AsyncFn(Hub)) {
    for on in [On::Sqlite, On::Postgres] {
        if let Some(hub) = Hub::start(on, env).await {
            test(hub).await;
        }
    }
}

pub(crate) fn id_of(item: &Value) -> String {
    item["notification_id"].as_str().expect("a notification has an id").to_owned()
}

#[tokio::test]
async fn seen_unarchive_and_their_counts_reach_every_device() {
    on_both(&[], async |hub| {
        for n in 0..3 {
            hub.publish(&note("u", &n.to_string())).await;
        }
        let (mut one, mut two) =
            (hub.connect("u", "&sync=none").await, hub.connect("u", "&sync=none").await);
        assert_eq!(one.expect("connected").await["unseen"], 3);
        two.expect("connected").await;
        let id = id_of(&hub.inbox("u").await[0]);
        one.send(&json!({"type":"notification.seen","data":{"notification_id":id}})).await;
        let ack = one.expect("notification.seen.ack").await;
        assert_eq!(
            (&ack["unread"], &ack["unseen"], &ack["revision"]),
            (&json!(3), &json!(2), &json!(4))
        );
        let update = two.expect("notification.update").await;
        assert_eq!((&update["status"], &update["unseen"]), (&json!("unread"), &json!(2)));
        assert!(update["seen_at"].is_string());
        // By HTTP; a second time changes nothing.
        for _ in 0..2 {
            let (status, item) =
                hub.post(&format!("/api/v1/notifications/{id}/seen?user_id=u"), &Value::Null).await;
            assert_eq!((status, &item["unseen"]), (200, &json!(2)));
        }
        let (_, counts) = hub.get("/api/v1/notifications/unread-count?user_id=u").await;
        assert_eq!(
            (&counts["unread"], &counts["unseen"], &counts["revision"]),
            (&json!(3), &json!(2), &json!(4))
        );
        one.send(&json!({"type":"notification.seen_all"})).await;
        let ack = one.expect("notification.seen_all.ack").await;
        assert_eq!(
            (&ack["previous_revision"], &ack["revision"], &ack["unseen"]),
            (&json!(4), &json!(6), &json!(0))
        );
        let update = two.expect("notification.update").await;
        assert_eq!(update["seen_all"], json!({"up_to_revision":4,"from_revision":4}));
        // Archive and undo.
        for (word, status, unread) in [("archive", "archived", 2), ("unarchive", "unread", 3)] {
            let (_, item) = hub
                .post(&format!("/api/v1/notifications/{id}/{word}?user_id=u"), &Value::Null)
                .await;
            assert_eq!((&item["status"], &item["unread"]), (&json!(status), &json!(unread)));
            assert_eq!(two.expect("notification.update").await["status"], status);
        }
        let (status, answer) =
            hub.post("/api/v1/notifications/seen-all?user_id=u", &json!({})).await;
        assert_eq!((status, &answer["marked"]), (200, &json!(0)));
    })
    .await;
}

#[tokio::test]
async fn notifications_beyond_the_live_limit_are_summarized() {
    on_both(&[("LONCENG_LIMITS__PER_USER_PER_MINUTE", "10")], async |hub| {
        let mut client = hub.connect("u", "").await;
        client.expect("connected").await;
        for n in 0..25 {
            hub.publish(&note("u", &n.to_string())).await;
        }
        for n in 1..=10 {
            assert_eq!(client.expect("notification.push").await["revision"], n);
        }
        let since = Instant::now();
        let summary = client.expect("notifications.summary").await;
        assert!(since.elapsed() < Duration::from_secs(10));
        assert_eq!(
            summary,
            json!({"count":15,"types":{"NOTE_CREATED":15},"unread":25,"unseen":25,
                "previous_revision":10,"revision":25})
        );
        client.send(&json!({"type":"sync.request","since":10})).await;
        let sync = client.next().await.expect("it is open");
        assert_eq!(sync["data"].as_array().map(Vec::len), Some(15));
        assert_eq!(sync["complete"], true);
        // An urgent notification is not limited; the summary of the limited ones is sent before it,
        // so that no revision is left out.
        hub.publish(&note("u", "held")).await;
        let urgent = json!({"type":"REFUND_APPROVED","user_id":"u"});
        hub.publish(&urgent).await;
        let held = client.expect("notifications.summary").await;
        assert_eq!(
            (&held["count"], &held["previous_revision"], &held["revision"]),
            (&json!(1), &json!(25), &json!(26))
        );
        let push = client.expect("notification.push").await;
        assert_eq!((&push["priority"], &push["previous_revision"]), (&json!("HIGH"), &json!(26)));
        for _ in 0..12 {
            hub.publish(&urgent).await;
            assert_eq!(client.expect("notification.push").await["priority"], "HIGH");
        }
    })
    .await;
}

#[tokio::test]
async fn expired_notifications_are_cleared_within_five_seconds() {
    on_both(&[], async |hub| {
        let (mut one, mut events) =
            (hub.connect("u", "").await, hub.stream("user_id=u", &[]).await);
        one.expect("connected").await;
        let brief = json!({"target":[{"id":"u"}],"message":"brief","ttl_seconds":1});
        assert_eq!(hub.post("/api/v1/notify", &brief).await.0, 202);
        let push = one.expect("notification.push").await;
        let since = Instant::now();
        let update = one.expect("notification.update").await;
        assert!(since.elapsed() < Duration::from_secs(6), "one second to live, five to clear");
        assert_eq!(
            (&update["status"], &update["unread"], &update["revision"]),
            (&json!("auto_cleared"), &json!(0), &json!(2))
        );
        assert_eq!(
            events.skip_to("notification.update").await.data.expect("it says so")["data"]["status"],
            "auto_cleared"
        );
        let (_, counts) = hub.get("/api/v1/notifications/unread-count?user_id=u").await;
        assert_eq!(counts["unread"], 0);
        assert!((hub.metric("notifications_auto_cleared_total").await - 1.0).abs() < f64::EPSILON);
        // A notification that is unread again does not expire.
        one.send(&json!({"type":"notification.unread","notification_id":push["notification_id"]}))
            .await;
        assert_eq!(one.expect("notification.unread.ack").await["unread"], 1);
        assert_eq!(hub.inbox("u").await[0]["expires_at"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn preferences_control_storage_and_toasts() {
    on_both(&[], async |hub| {
        let (status, wants) = hub.get("/api/v1/preferences?user_id=u").await;
        assert_eq!(
            (status, &wants["muted_types"], &wants["email_enabled"]),
            (200, &json!([]), &json!(true))
        );
        let all_day = |from: &str, to: &str| {
            json!({"muted_types":["USER_LOGIN"],"email_enabled":true,"push_enabled":true,
                "quiet_hours":{"from":from,"to":to},"timezone":"Asia/Jakarta","retention_days":7})
        };
        let put = async |body: Value| {
            hub.send("PUT", "/api/v1/preferences?user_id=u", &[], body.to_string()).await
        };
        // Quiet hours of almost the whole day, which include the time of the test.
        let now = chrono::Utc::now().with_timezone(&chrono_tz::Asia::Jakarta);
        let ago = (now - chrono::TimeDelta::minutes(3)).format("%H:%M").to_string();
        let before = (now - chrono::TimeDelta::minutes(9)).format("%H:%M").to_string();
        let (status, kept) = put(all_day(&ago, &before)).await;
        assert_eq!(
            (status, &kept["timezone"], &kept["retention_days"]),
            (200, &json!("Asia/Jakarta"), &json!(7))
        );
        let mut client = hub.connect("u", "").await;
        client.expect("connected").await;
        hub.publish(&json!({"type":"USER_LOGIN","user_id":"u","device":"x"})).await;
        hub.publish(&note("u", "quiet")).await;
        let push = client.expect("notification.push").await;
        assert_eq!(
            (&push["type_code"], &push["quiet"], &push["revision"]),
            (&json!("NOTE_CREATED"), &json!(true), &json!(1))
        );
        // The matrix is enough, and the same request has the same result.
        let matrix = json!({"channels":{"email":{"enabled":false,"types":{"A":false}}}});
        for _ in 0..2 {
            let (status, kept) = put(matrix.clone()).await;
            assert_eq!((status, &kept["email_enabled"]), (200, &json!(false)));
            assert_eq!(kept["muted_channels"], json!({"A":["email"]}));
        }
        // A muted type makes no notification by /notify either.
        let (_, muted) = put(json!({"muted_types":["message"]})).await;
        assert_eq!(
            (&muted["muted_types"], &muted["quiet_hours"]),
            (&json!(["MESSAGE"]), &Value::Null)
        );
        let (status, answer) = hub
            .post("/api/v1/notify", &json!({"target":[{"id":"u"},{"id":"v"}],"message":"m"}))
            .await;
        assert_eq!((status, &answer["results"][0]["notification_id"]), (202, &Value::Null));
        assert!(answer["results"][1]["notification_id"].is_string());
        hub.publish(&note("u", "loud")).await;
        assert!(client.expect("notification.push").await.get("quiet").is_none());
        for (body, field) in [
            (json!({"retention_days":16}), "retention_days"),
            (json!({"quiet_hours":{"from":"25:00","to":"07:00"}}), "quiet_hours.from"),
            (json!({"timezone":"Mars/Olympus"}), "timezone"),
            (json!({"muted_types":7}), "muted_types"),
            (json!({"nonsense":1}), "nonsense"),
        ] {
            let (status, problem) = put(body).await;
            assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_mandatory_type_cannot_be_muted() {
    let hub = Hub::sqlite(&[]).await;
    let store = lonceng::store::Store::open(&hub.store_url).await.expect("it opens");
    store
        .execute_by_hand(
            "UPDATE notification_types SET mandatory = TRUE WHERE code = 'REFUND_APPROVED'",
        )
        .await
        .expect("plain SQL");
    until("the type is mandatory", PATIENCE, async || {
        let body = json!({"muted_types":["REFUND_APPROVED"]}).to_string();
        let (status, problem) = hub.send("PUT", "/api/v1/preferences?user_id=u", &[], body).await;
        (status == 400
            && problem["detail"].as_str().is_some_and(|detail| detail.contains("mandatory")))
        .then_some(())
    })
    .await;
    // Muted before it became mandatory: it is delivered.
    hub.publish(&json!({"type":"REFUND_APPROVED","user_id":"u"})).await;
    assert_eq!(hub.inbox("u").await.len(), 1);
}

#[tokio::test]
async fn retention_is_set_from_one_to_fifteen_days_and_clears_what_is_older() {
    on_both(&[], async |hub| {
        let old =
            json!({"target":[{"id":"u"}],"message":"old","created_at":"2026-01-01T00:00:00Z"});
        assert_eq!(hub.post("/api/v1/notify", &old).await.0, 202);
        let mut client = hub.connect("u", "&sync=none").await;
        client.expect("connected").await;
        for days in [json!(0), json!(16), json!("3"), Value::Null] {
            client.send(&json!({"type":"retention.set","data":{"days":days}})).await;
            assert_eq!(client.expect("error").await["code"], "bad_message");
        }
        client.send(&json!({"type":"retention.set","days":15})).await;
        assert_eq!(client.expect("retention.set.ack").await, json!({"days":15}));
        let (_, wants) = hub.get("/api/v1/preferences?user_id=u").await;
        assert_eq!(wants["retention_days"], 15);
    })
    .await;
}

//! The inbox over every way in, against the built hub.

use std::time::{Duration, Instant};

use crate::support::{
    hub::{Hub, On},
    wait::{PATIENCE, until},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

fn note(user: &str, title: &str) -> Value {
    json!({ "type": "NOTE_CREATED", "user_id": user, "title": title })
}

async fn on_both(env: &[(&str, &str)], test: impl AsyncFn(Hub)) {
    for on in [On::Sqlite, On::Postgres] {
        if let Some(hub) = Hub::start(on, env).await {
            test(hub).await;
        }
    }
}

fn id_of(item: &Value) -> String {
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
        // Over HTTP, and again is harmless.
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
        // What is urgent is not limited, and what is held back is told before it: the history is
        // whole.
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
        // Wanted again, it stays.
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
        // A little less than the whole day, and not now: quiet at whatever time this runs.
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
        // For /notify, too, a muted type has no notification.
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
    // Muted before it became mandatory: it comes all the same.
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

#[tokio::test]
async fn event_stream_matches_the_websocket_and_resumes() {
    on_both(&[("LONCENG_SERVER__HEARTBEAT_SECONDS", "1")], async |hub| {
        hub.publish(&note("u", "before")).await;
        let mut events = hub.stream("user_id=u", &[]).await;
        assert_eq!(events.response.status(), 200);
        assert_eq!(events.response.headers()["content-type"], "text/event-stream");
        let hello = events.next().await.expect("it greets").data.expect("it greets");
        assert_eq!(hello["type"], "connected");
        let epoch = hello["data"]["epoch"].as_str().expect("an epoch").to_owned();
        let push = events.skip_to("notification.push").await;
        assert_eq!(push.id, Some(format!("{epoch}.1")));
        hub.publish(&note("u", "live")).await;
        let live = events.skip_to("notification.push").await;
        assert_eq!(
            (live.id.clone(), &live.data.expect("it says so")["data"]["previous_revision"]),
            (Some(format!("{epoch}.2")), &json!(1))
        );
        assert!(events.comment().await, "a comment is the heartbeat");
        drop(events);
        hub.publish(&note("u", "missed")).await;
        let id = id_of(&hub.inbox("u").await[2]);
        hub.post(&format!("/api/v1/notifications/{id}/read?user_id=u"), &Value::Null).await;
        let last = live.id.expect("it has an id");
        let mut events = hub.stream("user_id=u", &[("last-event-id", &last)]).await;
        let missed = events.skip_to("notification.push").await.data.expect("it says so");
        assert_eq!(
            (&missed["data"]["revision"], &missed["data"]["metadata"]["title"]),
            (&json!(3), &json!("missed"))
        );
        let read = events.skip_to("notification.update").await;
        assert_eq!(read.id, Some(format!("{epoch}.4")));
        // A position of another epoch is of no use.
        let mut events = hub.stream("user_id=u&since=other.1", &[]).await;
        events.skip_to("reset").await;
        assert_eq!(hub.stream("user_id=u&since=x", &[]).await.response.status(), 400);
    })
    .await;
}

/// Reads until a text has come.
async fn read_to(socket: &mut tokio::net::TcpStream, text: &str) -> String {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(text) {
        let some =
            timeout(PATIENCE, socket.read_buf(&mut read)).await.expect("something comes in time");
        assert_ne!(
            some.expect("it is open"),
            0,
            "it ended before {text}: {}",
            String::from_utf8_lossy(&read)
        );
    }
    String::from_utf8(read).expect("it is text")
}

#[tokio::test]
async fn event_stream_on_a_new_connection_takes_over_the_socket_and_on_a_reused_one_is_chunked() {
    let hub =
        Hub::sqlite(&[("LONCENG_SERVER__ALLOWED_ORIGINS", "[\"https://app.example\"]")]).await;
    let page = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let post = "POST /api/v1/notifications/read-all?user_id=u HTTP/1.1\r\nhost: \
    localhost\r\ncontent-length: 2\r\n\r\n{}";
    let (first, second) = (
        "GET /api/v1/stream?user_id=u HTTP/1.1\r\nhost: local",
        "host\r\norigin: https://app.example\r\n\r\n",
    );
    let whole = format!("{first}{second}");
    for (before, pieces, own) in [
        (None, vec![whole.as_str()], true),
        (None, vec![first, second], true),
        (Some((page, "\"status\":\"ok\"")), vec![whole.as_str()], false),
        (Some((post, "\"unread\":0")), vec![whole.as_str()], false),
    ] {
        let mut socket =
            tokio::net::TcpStream::connect(("127.0.0.1", hub.port)).await.expect("it listens");
        socket.set_nodelay(true).expect("a socket");
        if let Some((request, answer)) = before {
            socket.write_all(request.as_bytes()).await.expect("it reads");
            read_to(&mut socket, answer).await;
        }
        for (n, piece) in pieces.iter().enumerate() {
            if n > 0 {
                // What was sent before must have been read by itself: another connection is served
                // meanwhile.
                hub.get("/health/live").await;
            }
            socket.write_all(piece.as_bytes()).await.expect("it reads");
        }
        let text = read_to(&mut socket, "\"type\":\"connected\"").await;
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("content-type: text/event-stream\r\n"), "{text}");
        assert!(text.contains("access-control-allow-origin: https://app.example\r\n"), "{text}");
        assert!(text.contains("\r\ndate: "), "{text}");
        assert!(text.contains("retry: 2000\n\n"), "{text}");
        assert_eq!(text.contains("connection: close\r\n"), own, "{text}");
        assert_eq!(text.contains("transfer-encoding: chunked\r\n"), !own, "{text}");
        hub.publish(&note("u", "live")).await;
        read_to(&mut socket, "notification.push").await;
        drop(socket);
        let (status, _) = hub.post("/api/v1/notifications/read-all?user_id=u", &json!({})).await;
        assert_eq!(status, 200);
    }
    // Nobody is connected any more: whoever hangs up is noticed.
    until("the streams are gone", PATIENCE, async || {
        (hub.get("/api/v1/admin/clients").await.1["total_count"] == 0).then_some(())
    })
    .await;
    // What is refused can be read by the page that asked.
    let mut socket =
        tokio::net::TcpStream::connect(("127.0.0.1", hub.port)).await.expect("it listens");
    let bad = whole.replace("user_id=u", "user_id=u&since=x");
    socket.write_all(bad.as_bytes()).await.expect("it reads");
    let text = read_to(&mut socket, "\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{text}");
    assert!(text.contains("access-control-allow-origin: https://app.example\r\n"), "{text}");
}

#[tokio::test]
async fn an_event_stream_ends_with_a_reason() {
    let mut hub = Hub::sqlite(&[]).await;
    let mut events = hub.stream("user_id=u", &[]).await;
    events.skip_to("connected").await;
    let (status, body) =
        hub.send("DELETE", "/api/v1/admin/users/u/clients", &[], String::new()).await;
    assert_eq!((status, &body), (200, &json!({"closed":1})));
    let last = events.skip_to("closed").await.data.expect("it says why");
    assert_eq!(last["data"]["code"], 4001);
    assert_eq!(events.next().await, None);
    let mut events = hub.stream("user_id=u", &[]).await;
    events.skip_to("connected").await;
    assert!(hub.terminate().await < Duration::from_secs(5));
    events.skip_to("going_away").await;
}

#[tokio::test]
async fn idempotent_request_has_one_effect_across_a_restart() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(mut hub) = Hub::start(on, &[]).await else { continue };
        let body = json!({"target":[{"id":1,"login":"alice"}],"message":"once"}).to_string();
        let key = [("idempotency-key", "k-1")];
        let (status, replayed, first) =
            hub.answer("POST", "/api/v1/notify", &key, &body, "idempotency-replayed").await;
        assert_eq!((status, replayed), (202, None));
        hub.kill();
        hub.run().await;
        let (status, replayed, again) =
            hub.answer("POST", "/api/v1/notify", &key, &body, "idempotency-replayed").await;
        assert_eq!((status, replayed.as_deref(), &again), (202, Some("true"), &first));
        let other = json!({"target":[{"id":1}],"message":"another"}).to_string();
        let (status, problem) = hub.send("POST", "/api/v1/notify", &key, other).await;
        assert_eq!((status, &problem["status"]), (422, &json!(422)));
        assert_eq!(
            hub.send("POST", "/api/v1/events", &key, note("1", "x").to_string()).await.0,
            422
        );
        assert_eq!(hub.inbox("1").await.len(), 1);
        // What was refused was not done: mended, it is.
        let key = [("idempotency-key", "k-2")];
        assert_eq!(
            hub.send(
                "POST",
                "/api/v1/events",
                &key,
                json!({"type":"NOTE_CREATED","user_id":"u"}).to_string()
            )
            .await
            .0,
            400
        );
        assert_eq!(
            hub.send("POST", "/api/v1/events", &key, note("u", "mended").to_string()).await.0,
            202
        );
        let (status, _) = hub
            .send("POST", "/api/v1/events", &[("idempotency-key", " ")], note("u", "x").to_string())
            .await;
        assert_eq!(status, 400);
    }
}

#[tokio::test]
async fn unanswered_idempotent_request_is_completed_by_the_next_hub() {
    let mut hub = Hub::sqlite(&[]).await;
    let body = json!({"target":[{"id":1,"login":"alice"}],"message":"once"}).to_string();
    let key = [("idempotency-key", "k-1")];
    let (_, first) = hub.send("POST", "/api/v1/notify", &key, body.clone()).await;
    hub.kill();
    let store = lonceng::store::Store::open(&hub.store_url).await.expect("it opens");
    store
        .execute_by_hand("UPDATE idempotency_keys SET answer = NULL")
        .await
        .expect("as if it had died before");
    store.close().await;
    hub.run().await;
    let (status, again) = hub.send("POST", "/api/v1/notify", &key, body).await;
    assert_eq!((status, &again), (202, &first), "the ids are made from the key");
    assert_eq!(hub.inbox("1").await.len(), 1);
}

#[tokio::test]
async fn simultaneous_requests_with_one_key_have_one_effect() {
    on_both(&[], async |hub| {
        let body = note("u", "x").to_string();
        let send = || hub.send("POST", "/api/v1/events", &[("idempotency-key", "k")], body.clone());
        let answers = futures_util::future::join_all((0..20).map(|_| send())).await;
        let mut statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
        statuses.sort_unstable();
        statuses.dedup();
        assert!(statuses == [202] || statuses == [202, 409], "{statuses:?}");
        assert_eq!(hub.inbox("u").await.len(), 1);
    })
    .await;
}

//! Types that come by the clock, and types with several texts, against the built hub.

use std::collections::HashMap;

use crate::support::{
    hub::{Hub, On},
    wait::{PATIENCE, until},
};
use lonceng::{
    domain::{notification::Timestamp, schedule::Schedule},
    store::Store,
};
use serde_json::{Value, json};

/// Returns a digest of notes for two readers.
fn digest(schedule: &Value) -> Value {
    json!({
        "code": "NOTES", "display_name": "Notes", "template": "{count} new \
         {count|plural(\"note\",\"notes\")}",
        "target_type": "USERS", "target_users": ["reader", "other"], "schedule": schedule,
    })
}

async fn make(hub: &Hub, kind: &Value) {
    let (status, made) = hub.post("/api/v1/admin/types", kind).await;
    assert_eq!(status, 201, "{made}");
}

async fn messages(hub: &Hub, user: &str) -> Vec<String> {
    let told = hub.inbox(user).await;
    told.iter()
        .filter(|item| item["type_code"] == "NOTES")
        .map(|item| item["message"].to_string())
        .collect()
}

#[tokio::test]
async fn scheduled_run_makes_one_notification_with_several_hubs() {
    let Some(hub) = Hub::start(On::Postgres, &[]).await else { return };
    // A second hub on the same database.
    let other = Hub::sqlite(&[("LONCENG_STORE__URL", hub.store_url.as_str())]).await;
    make(&hub, &digest(&json!({ "cron": "* * * * *", "count": "NOTE_CREATED" }))).await;
    let mut idle = digest(&json!({ "cron": "* * * * *", "count": "NOTE_SHARED" }));
    idle["code"] = json!("IDLE");
    make(&hub, &idle).await;
    let last_run = async |hub: &Hub, code: &str| {
        let (_, shown) = hub.get(&format!("/api/v1/admin/types/{code}")).await;
        shown["last_run"].as_str().map(str::to_owned)
    };
    for code in ["NOTES", "IDLE"] {
        until("both hubs know it", PATIENCE, async || {
            (last_run(&hub, code).await.is_some() && last_run(&other, code).await.is_some())
                .then_some(())
        })
        .await;
    }
    for title in ["a", "b", "c"] {
        hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "writer", "title": title })).await;
    }
    // Change the times in the store: the notes were made an hour ago, the last run two hours ago.
    let store = Store::open(&hub.store_url).await.expect("it opens");
    for sql in [
        "UPDATE notifications SET created_at = created_at - interval '1 hour'",
        "UPDATE schedule_runs SET run_at = run_at - 7200000",
    ] {
        store.execute_by_hand(sql).await.expect("it is taken");
    }
    until("it is told", PATIENCE, async || {
        (!messages(&hub, "reader").await.is_empty()).then_some(())
    })
    .await;
    let recent = Timestamp(lonceng::clock::now().0 - 3_600_000).to_rfc3339();
    for (hub, code) in [(&hub, "NOTES"), (&other, "NOTES"), (&other, "IDLE")] {
        until("all of it is done", PATIENCE, async || {
            (last_run(hub, code).await? > recent).then_some(())
        })
        .await;
    }
    // Both hubs have checked the schedule by then; without a new note nothing is sent.
    for reader in ["reader", "other"] {
        assert_eq!(messages(&other, reader).await, ["\"3 new notes\""]);
        assert_eq!(hub.inbox(reader).await.len(), 1);
    }
}

#[tokio::test]
async fn missed_run_is_made_up_once_or_skipped() {
    let mut hub = Hub::sqlite(&[]).await;
    let schedules =
        [("ONCE", json!("* * * * *")), ("SKIP", json!({ "cron": "0 0 1 1 *", "missed": "skip" }))];
    for (code, schedule) in &schedules {
        let kind = json!({ "code": code, "display_name": "x", "template": code,
            "target_type": "USERS",
            "target_users": ["reader"], "schedule": schedule });
        make(&hub, &kind).await;
    }
    hub.kill();
    // No hub ran for more than a year.
    let store = Store::open(&hub.store_url).await.expect("it opens");
    store.execute_by_hand("DELETE FROM schedule_runs").await.expect("it is taken");
    let long_ago = Timestamp(lonceng::clock::now().0 - 400 * 24 * 60 * 60 * 1_000);
    for (code, schedule) in &schedules {
        let when = Schedule::parse(schedule).expect("it is one").when();
        store.begin_schedule(code, &when, long_ago).await.expect("it writes");
    }
    hub.run().await;
    until("it is made up for", PATIENCE, async || {
        (!hub.inbox("reader").await.is_empty()).then_some(())
    })
    .await;
    until("the other is noted", PATIENCE, async || {
        hub.log().contains("missed run skipped").then_some(())
    })
    .await;
    let told = hub.inbox("reader").await;
    assert!(told.iter().all(|item| item["message"] == "ONCE"), "{told:?}");
    assert!(told.len() <= 2, "one made up, and one more where a minute has begun since: {told:?}");
}

#[tokio::test]
async fn variants_are_assigned_and_counted() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::start(on, &[]).await else { continue };
        let kind = json!({
            "code": "OFFER", "display_name": "Offer", "template": "plain",
                "target_type": "RECIPIENT", "action_url": "/offer",
            "variants": [{ "name": "short", "template": "Buy {thing}" },
                         { "name": "kind", "weight": 3, "template": "Would you like {thing}?" }],
        });
        make(&hub, &kind).await;
        let readers: Vec<String> = (0..40).map(|n| format!("r{n}")).collect();
        let offer = json!({ "type": "OFFER", "recipient_ids": readers, "thing": "tea" });
        hub.publish(&offer).await;
        hub.publish(&offer).await;
        let mut texts: HashMap<String, usize> = HashMap::new();
        for reader in &readers {
            let items = hub.inbox(reader).await;
            assert_eq!(items[0]["message"], items[1]["message"], "always the same one");
            *texts.entry(items[0]["message"].to_string()).or_default() += 1;
        }
        let (short, kind_) = (texts["\"Buy tea\""], texts["\"Would you like tea?\""]);
        assert!(short > 0 && kind_ > short && short + kind_ == 40, "{texts:?}");
        // One user clicks over a WebSocket, another over HTTP; their other devices get an update.
        let mut device = hub.connect("r0", "&sync=none").await;
        let mut second = hub.connect("r0", "&sync=none").await;
        let item = hub.inbox("r0").await[0].clone();
        device.expect("connected").await;
        second.expect("connected").await;
        device
            .send(&json!({ "type": "notification.clicked",
            "notification_id": item["notification_id"] }))
            .await;
        assert_eq!(device.expect("notification.clicked.ack").await["status"], "read");
        assert_eq!(second.expect("notification.update").await["read"], true);
        let other = hub.inbox("r1").await[0]["notification_id"].as_str().expect("an id").to_owned();
        let (status, answer) = hub
            .post(&format!("/api/v1/notifications/{other}/clicked?user_id=r1"), &json!({}))
            .await;
        assert_eq!((status, &answer["status"]), (200, &json!("read")), "{answer}");
        let (_, counts) = hub.get("/api/v1/admin/types/OFFER/variants").await;
        let of = |name: &str, what: &str| {
            let all = counts["variants"].as_array().expect("a list");
            let one = all.iter().find(|one| one["name"] == name).expect("it is there");
            one[what].as_u64().expect("a number")
        };
        assert_eq!(of("short", "sent") + of("kind", "sent"), 80);
        for what in ["seen", "read", "clicked"] {
            assert_eq!(of("short", what) + of("kind", what), 2, "{what}: {counts}");
        }
        assert_eq!(of("kind", "weight"), 3);
        // An invalid variant is refused with its position.
        let mut wrong = kind.clone();
        wrong["variants"][0]["template"] = json!("{");
        let (status, problem) =
            hub.send("PUT", "/api/v1/admin/types/OFFER", &[], wrong.to_string()).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (400, &json!("variants")),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn schedule_recovers_from_a_clock_that_was_ahead() {
    let hub = Hub::sqlite(&[]).await;
    make(&hub, &digest(&json!({ "cron": "* * * * *", "count": "NOTE_CREATED" }))).await;
    let last_run = async || {
        hub.get("/api/v1/admin/types/NOTES").await.1["last_run"].as_str().map(str::to_owned)
    };
    until("it is known", PATIENCE, async || last_run().await).await;
    let pool = sqlx::SqlitePool::connect(&hub.store_url).await.expect("it opens");
    sqlx::query("UPDATE schedule_runs SET run_at = run_at + 86400000")
        .execute(&pool)
        .await
        .expect("it is written");
    until("it begins anew", PATIENCE, async || {
        let run_at: i64 =
            sqlx::query_scalar("SELECT run_at FROM schedule_runs").fetch_one(&pool).await.ok()?;
        (run_at <= Timestamp::from(chrono::Utc::now()).0).then_some(())
    })
    .await;
    pool.close().await;
    let log = hub.log();
    assert!(
        log.lines().any(|line| line.contains("WARN")
            && line.contains("NOTES")
            && line.contains("restarting the schedule")),
        "{log}"
    );
}

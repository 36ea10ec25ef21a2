//! Overview of the console, against the built hub: totals, charts, refused origins and unknown
//! types.

use serde_json::{Value, json};

use crate::{
    cluster::TestCluster,
    support::hub::{Hub, On},
};

async fn overview(hub: &Hub, range: &str) -> Value {
    let (status, body) = hub.get(&format!("/api/v1/admin/overview?range={range}")).await;
    assert_eq!(status, 200, "{body}");
    body
}

fn sum(overview: &Value, name: &str) -> i64 {
    let series = overview["series"].as_array().expect("a list");
    series.iter().filter_map(|point| point[name].as_i64()).sum()
}

async fn publish(hub: &Hub) {
    let note = |id: &str, users: Value| {
        json!({ "type": "NOTE_CREATED", "event_id": id, "recipients": users, "user_id": "a",
            "title": "t" })
    };
    hub.publish(&note("e-1", json!(["a", "b"]))).await;
    hub.publish(&note("e-1", json!(["a", "b"]))).await;
    hub.publish(&json!({ "type": "NOTE_CREATD", "user_id": "a" })).await;
    assert_eq!(hub.post("/api/v1/events", &json!({ "type": "NOTE_CREATED" })).await.0, 400);
    let person = json!({ "user_id": "a", "login": "a" }).to_string();
    assert_eq!(hub.send("PUT", "/api/v1/admin/directory/a", &[], person).await.0, 200);
}

#[tokio::test]
async fn totals_and_charts_come_from_the_store_and_survive_a_restart() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(mut hub) = Hub::start(on, &[]).await else { continue };
        publish(&hub).await;
        let made = hub.inbox("a").await.len() + hub.inbox("b").await.len();
        hub.terminate().await;
        hub.run().await;
        for (range, points) in [("1h", 60), ("24h", 96), ("7d", 84), ("30d", 60)] {
            let overview = overview(&hub, range).await;
            assert_eq!(overview["series"].as_array().map(Vec::len), Some(points), "{range}");
            let events = json!({ "accepted": 1, "duplicate": 1, "skipped": 1, "rejected": 1,
                "failed": 0 });
            assert_eq!(overview["totals"]["events"], events, "{range}");
            let sums =
                ["events", "notifications", "skipped", "failed"].map(|name| sum(&overview, name));
            let made = i64::try_from(made).expect("few");
            assert_eq!(sums, [4, made, 1, 1], "{range}");
            let totals = &overview["totals"];
            assert_eq!(totals["notifications_made"], made);
            assert_eq!((&totals["notifications"], &totals["unread"]), (&json!(made), &json!(made)));
            assert_eq!(
                (&totals["users"], &totals["dead_letters"]),
                (&json!(2), &json!(0)),
                "b has signed in"
            );
        }
        assert_eq!(hub.get("/api/v1/admin/overview?range=1y").await.0, 400);
    }
}

#[tokio::test]
async fn refused_origins_and_unknown_types_are_listed_with_their_counts() {
    let hub = Hub::sqlite(&[]).await;
    publish(&hub).await;
    publish(&hub).await;
    let page = [("origin", "https://shop.example"), ("access-control-request-method", "GET")];
    for _ in 0..2 {
        hub.send("OPTIONS", "/api/v1/notifications", &page, String::new()).await;
    }
    let own = [
        ("origin", "https://proxied.example"),
        ("access-control-request-method", "GET"),
        ("sec-fetch-site", "same-origin"),
    ];
    hub.send("OPTIONS", "/api/v1/notifications", &own, String::new()).await;
    let overview = overview(&hub, "1h").await;
    let refused = &overview["refused_origins"];
    assert_eq!(refused.as_array().map(Vec::len), Some(1), "{refused}");
    assert_eq!(
        (&refused[0]["origin"], &refused[0]["count"]),
        (&json!("https://shop.example"), &json!(2))
    );
    assert!(refused[0]["last_at"].is_string());
    let unknown = &overview["unknown_types"][0];
    assert_eq!(
        (&unknown["code"], &unknown["count"], &unknown["suggestion"]),
        (&json!("NOTE_CREATD"), &json!(2), &json!("NOTE_CREATED"))
    );
}

#[tokio::test]
async fn refused_origins_and_unknown_types_of_all_hubs_are_added_up() {
    let Some(mut cluster) = TestCluster::start(2, &[]).await else { return };
    let page = [("origin", "https://shop.example"), ("access-control-request-method", "GET")];
    for hub in [&cluster.hubs[0], &cluster.hubs[1], &cluster.hubs[1]] {
        hub.send("OPTIONS", "/api/v1/notifications", &page, String::new()).await;
        hub.publish(&json!({ "type": "NOTE_CREATD", "user_id": "a" })).await;
    }
    cluster.hubs[1].publish(&json!({ "type": "ORDER_SHIPPED", "user_id": "a" })).await;
    for hub in &cluster.hubs {
        let overview = overview(hub, "1h").await;
        assert_eq!(overview.get("incomplete"), None, "{overview}");
        let refused = overview["refused_origins"].as_array().expect("a list");
        assert_eq!(refused.len(), 1, "{overview}");
        assert_eq!(
            (&refused[0]["origin"], &refused[0]["count"]),
            (&json!("https://shop.example"), &json!(3))
        );
        let unknown = overview["unknown_types"].as_array().expect("a list");
        let shown: Vec<Value> = unknown
            .iter()
            .map(|one| json!([one["code"], one["count"], one["suggestion"]]))
            .collect();
        let expected =
            [json!(["ORDER_SHIPPED", 1, null]), json!(["NOTE_CREATD", 3, "NOTE_CREATED"])];
        assert_eq!(shown, expected, "the latest first");
    }

    cluster.hubs[1].kill();
    let overview = overview(&cluster.hubs[0], "1h").await;
    assert_eq!(overview["incomplete"], json!(["hub-1"]), "{overview}");
    assert_eq!(overview["refused_origins"][0]["count"], 1, "{overview}");
}

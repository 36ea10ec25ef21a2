//! Specifics of the outbox.

use serde_json::json;
use sqlx::PgPool;

use super::{
    brokers::drop_database,
    specifics::{lonceng, receives, text, unread},
};
use crate::support::{
    client::Client,
    hub::{Hub, On},
    wait::{PATIENCE, until},
};

#[tokio::test]
async fn outbox_follows_the_transactions_of_the_application() {
    let env = [("LONCENG_OUTBOX__ENABLED", "true")];
    let Some(hub) = Hub::start(On::Postgres, &env).await else { return };
    receives(&hub, "outbox").await;
    let pool = PgPool::connect(&hub.store_url).await.expect("PostgreSQL answers");
    let publish = "SELECT lonceng_publish('note.created', '{\"title\":\"n\"}', user_id => $1)";
    let mut rolled_back = pool.begin().await.expect("a transaction");
    sqlx::query(publish).bind("never").execute(&mut *rolled_back).await.expect("it is written");
    rolled_back.rollback().await.expect("a rollback");
    let mut open = pool.begin().await.expect("a transaction");
    sqlx::query(publish).bind("u").execute(&mut *open).await.expect("it is written");
    // A later event overtakes one whose transaction is still open.
    sqlx::query(publish).bind("v").execute(&pool).await.expect("it is written");
    unread(&hub, "v", 1).await;
    unread(&hub, "u", 0).await;
    open.commit().await.expect("a commit");
    unread(&hub, "u", 1).await;
    unread(&hub, "never", 0).await;

    let mut client: Client = hub.connect("live", "").await;
    client.expect("connected").await;
    // A caller with another search path, and fields of the data that are called like columns.
    let mut connection = pool.acquire().await.expect("a connection");
    let path = "SET search_path TO pg_catalog";
    sqlx::query(path).execute(&mut *connection).await.expect("it is set");
    let nested = "SELECT public.lonceng_publish('note.created', \
                  '{\"title\":\"n\",\"type\":\"OTHER\",\"user_id\":\"live\"}')";
    sqlx::query(nested).execute(&mut *connection).await.expect("it is written");
    let message = client.skip_to("notification.push").await;
    assert!(message.to_string().contains("OTHER"), "{message}");
    // By hand, as another application may.
    let insert =
        "INSERT INTO lonceng_outbox (type, data, user_id) VALUES ('note.created', $1, 'w')";
    sqlx::query(insert).bind(json!({ "title": "n" })).execute(&pool).await.expect("it is written");
    unread(&hub, "w", 1).await;
    // What no event can have is a dead letter, and does not hold up what is behind it.
    let odd = "INSERT INTO lonceng_outbox (type, data, user_id, created_at) VALUES \
               ('note.created', $1::text::jsonb, 'x', $2::text::timestamptz)";
    let deep = format!(r#"{{"title":"n","a":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for (data, time) in [
        (r#"{"title":"n","a":1e400}"#, "now"),
        (deep.as_str(), "now"),
        (r#"{"title":"n"}"#, "infinity"),
        (r#"{"title":"n"}"#, "now"),
    ] {
        sqlx::query(odd).bind(data).bind(time).execute(&pool).await.expect("it is written");
    }
    unread(&hub, "x", 2).await;
    let letters: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM dead_letters")
        .fetch_one(&pool)
        .await
        .expect("it counts");
    assert_eq!(letters, 2);
    until("the table is empty", PATIENCE, async || {
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM lonceng_outbox")
            .fetch_one(&pool)
            .await
            .expect("it counts");
        (left == 0).then_some(())
    })
    .await;
    drop_database(&hub).await;
}

#[tokio::test]
async fn outbox_on_sqlite_is_refused_at_the_start() {
    let output = lonceng(&[("LONCENG_OUTBOX__ENABLED", "true")], &["check"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("PostgreSQL"), "{}", text(&output));
}

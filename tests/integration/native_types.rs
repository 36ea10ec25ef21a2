//! Migration of a PostgreSQL store from texts and integers to types of PostgreSQL, with the data
//! that an earlier version left.

use std::path::Path;

use lonceng::{
    domain::{inbox::Mark, notification::Timestamp, preferences::Preferences},
    store::Store,
};
use serde_json::{Value, json};
use sqlx::{PgPool, Row as _, migrate::Migrator};

use crate::{
    store::{NOW, mark, user},
    support::stores,
};

/// Version of the schema before the migration.
const BEFORE: i64 = 8;

/// Rows as the earlier version wrote them, with values that the new types cannot hold.
const ROWS: &[&str] = &[
    r#"INSERT INTO users (user_id, login, roles, updated_at) VALUES
        ('ani', 'Ani', '["admin","night shift"]', 1766620800123), ('budi', NULL, '[]', 0)"#,
    r#"INSERT INTO notification_types (code, display_name, template, target_type, target_users,
        variants, origin, updated_at) VALUES ('T', 'Title', 'Text', 'USERS', '["ani","budi"]',
        '[{"name":"a","weight":1,"template":"A"}]', 'config', 1766620800123)"#,
    r#"INSERT INTO user_notification_preferences (user_id, preferences, updated_at, retention_days)
        VALUES ('ani', '{"muted_types":["A","B"],"email_enabled":false}', 1766620800123, 30),
        ('budi', 'no JSON', 0, NULL)"#,
    "INSERT INTO inboxes (user_id, revision, unread, unseen) VALUES ('ani', 3, 3, 3)",
    r#"INSERT INTO notifications (notification_id, user_id, seq, revision, type_code, title,
        message, priority, metadata, created_at, expires_at, status) VALUES
        ('0199c0de-0000-7000-8000-000000000001', 'ani', 1, 1, 'T', 'one', 'm', 'HIGH',
         '{"refund_id": "R1", "n": 1.50}', 1766620800123, 1766624400001, 'unread'),
        ('0199c0de-0000-7000-8000-000000000002', 'ani', 2, 2, 'T', 'two', 'm', 'LOW',
         '{"nul": "\u0000"}', 1766620800124, NULL, 'unread'),
        ('0199c0de-0000-7000-8000-000000000003', 'ani', 3, 3, 'T', 'three', 'm', 'LOW',
         '{"huge": 1e999999}', 1766620800125, 9223372036854775807, 'unread')"#,
    r#"INSERT INTO audit (id, at, who, action, subject, before, after) VALUES
        ('0199c0de-0000-7000-8000-000000000004', 1766620800123, 'boss', 'type.changed', 'type:T',
         NULL, '{"title": "Title"}')"#,
    r#"INSERT INTO dead_letters (id, received_at, source, kind, reason, headers, payload) VALUES
        ('0199c0de-0000-7000-8000-000000000005', 1766620800123, 'nats', 'invalid', 'why',
         '[["a","b"]]', '{}')"#,
];

async fn earlier_store() -> Option<(String, PgPool)> {
    let url = stores::postgres_url().await?;
    let pool = PgPool::connect(&url).await.expect("the test's PostgreSQL answers");
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/postgres");
    let migrations = [migrations, "migrations/postgres".into()].into_iter().find(|at| at.exists());
    let migrator = Migrator::new(migrations.expect("they are in the repository")).await;
    migrator.expect("they are valid").run_to(BEFORE, &pool).await.expect("they are applied");
    for sql in ROWS {
        sqlx::query(*sql).execute(&pool).await.expect("a row of the earlier version");
    }
    Some((url, pool))
}

#[tokio::test]
async fn a_store_of_texts_and_integers_becomes_one_of_postgresql_types() {
    let Some((url, pool)) = earlier_store().await else { return };
    let store = Store::open(&url).await.expect("it opens");
    store.migrate().await.expect("it migrates");

    let ani = user("ani");
    let page = store.changed_since(&ani, 0, 10).await.expect("it reads");
    let metadata: Vec<&str> = page.items.iter().map(|item| item.metadata.get()).collect();
    let first: Value = serde_json::from_str(metadata[0]).expect("it is JSON");
    assert_eq!(first, json!({ "refund_id": "R1", "n": 1.50 }));
    assert_eq!(metadata[1..], [r#"{"nul": "\u0000"}"#, r#"{"huge": 1e999999}"#]);
    assert_eq!(page.items[0].created_at, Timestamp(1_766_620_800_123));
    assert_eq!(page.items[0].expires_at, Some(Timestamp(1_766_624_400_001)));
    assert!(page.items[2].expires_at > Some(NOW), "it never expires");
    let ids: Vec<_> = page.items.iter().map(|item| item.notification_id).collect();
    mark(&store, "ani", ids[0], Mark::Read).await;

    let people = store.people(&[ani.clone(), user("budi")]).await.expect("it reads");
    let roles = |name: &str| {
        people.iter().find(|person| person.user_id.as_str() == name).map(|p| p.roles.clone())
    };
    assert_eq!(roles("ani"), Some(vec!["admin".to_owned(), "night shift".to_owned()]));
    assert_eq!(roles("budi"), Some(Vec::new()));
    let preferences = store.preferences(&ani).await.expect("it reads");
    assert_eq!((preferences.muted_types.len(), preferences.email_enabled), (2, false));
    assert_eq!(store.preferences(&user("budi")).await.expect("it reads"), Preferences::default());
    let types = store.types().await.expect("it reads");
    assert_eq!(types[0].target_users, [ani, user("budi")]);
    assert_eq!(types[0].updated_at, Timestamp(1_766_620_800_123));
    assert_eq!(types[0].variants.len(), 1);
    assert_eq!(types[0].origin, lonceng::domain::catalog::Origin::Config, "nobody changed it");
    let changes = store.last_changes_of_types().await.expect("it reads");
    assert_eq!(changes[0].after, Some(json!({ "title": "Title" })));
    let letters = store.dead_letters(10).await.expect("it reads");
    assert_eq!(letters[0].headers, [("a".to_owned(), "b".to_owned())]);
    assert_eq!(letters[0].received_at, Timestamp(1_766_620_800_123));

    query_by_hand(&pool).await;
    store.close().await;
}

/// Asks what an administrator asks with `psql`.
async fn query_by_hand(pool: &PgPool) {
    for (sql, expected) in [
        ("SELECT COUNT(*) FROM notifications WHERE metadata->>'refund_id' = 'R1'", 1),
        ("SELECT COUNT(*) FROM notifications WHERE created_at > now() - interval '100 years'", 3),
        ("SELECT COUNT(*) FROM notifications WHERE is_read", 1),
        ("SELECT COUNT(*) FROM user_notification_preferences WHERE 'A' = ANY(muted_types)", 1),
        ("SELECT COUNT(*) FROM users WHERE 'night shift' = ANY(roles)", 1),
        ("SELECT COUNT(*) FROM user_roles WHERE role = 'admin'", 1),
    ] {
        let row = sqlx::query(sql).fetch_one(pool).await.expect("it is valid SQL");
        assert_eq!(row.get::<i64, _>(0), expected, "{sql}");
    }
    // A type that is changed by hand belongs to the administrator, and the list has no JSON.
    let change = "UPDATE notification_types SET target_users = '{ani}', updated_at = updated_at";
    sqlx::query(change).execute(pool).await.expect("it is valid SQL");
    let origin: String = sqlx::query_scalar("SELECT origin FROM notification_types")
        .fetch_one(pool)
        .await
        .expect("it reads");
    assert_eq!(origin, "admin");
    sqlx::query("INSERT INTO users (user_id, roles) VALUES ('citra', '{a,b,a}')")
        .execute(pool)
        .await
        .expect("it is valid SQL");
    let roles: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM user_roles WHERE user_id = 'citra'")
        .fetch_one(pool)
        .await
        .expect("it reads");
    assert_eq!(roles, 2);
}

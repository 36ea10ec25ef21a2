//! Audit of reloads of config.toml, key by key.

use serde_json::{Value, json};

use crate::{
    reload::{config, save},
    support::{
        hub::{Hub, On},
        wait::{PATIENCE, until},
    },
};

async fn entries(hub: &Hub) -> Vec<Value> {
    let (status, body) = hub.get("/api/v1/admin/audit?subject=config").await;
    assert_eq!(status, 200, "{body}");
    body["entries"].as_array().cloned().unwrap_or_default()
}

/// Waits for the entry of the next reload, the newest of `count`.
async fn next_entry(hub: &Hub, count: usize) -> Value {
    let entries = until("the reload is in the audit", PATIENCE, async || {
        Some(entries(hub).await).filter(|entries| entries.len() >= count)
    })
    .await;
    assert_eq!(entries.len(), count, "{entries:?}");
    entries[0].clone()
}

#[tokio::test]
async fn reload_is_audited_key_by_key_without_secrets() {
    let text = |template: &str, limit: i64, secret: &str| {
        let more = format!(
            "[limits]\nper_user_per_minute = {limit}\n[redis]\nurl = \"\"\n[channels.email]\n\
             url = \"smtp://user:{secret}@127.0.0.1:1\"\nfrom = \"hub@example.com\""
        );
        config(&format!("template = \"{template}\""), &more)
    };
    for on in [On::Sqlite, On::Postgres] {
        let first = text("first", 10, "hush");
        let environment: [(&str, &str); 0] = [];
        let Some(hub) = Hub::with_config_on(on, &first, &environment).await else { continue };
        assert!(entries(&hub).await.is_empty(), "a start is no reload");

        save(&hub, "config.toml", &text("second", 10, "secret-word"));
        let entry = next_entry(&hub, 1).await;
        assert_eq!(
            (&entry["action"], &entry["who"]),
            (&json!("config.reload"), &json!("config.toml"))
        );
        let changes = json!([
            { "key": "channels.email.url", "before": null, "after": "changed", "secret": true },
            { "key": "type.NOTE_CREATED.template", "before": "first", "after": "second" },
        ]);
        assert_eq!(entry["changes"], changes, "{entry}");
        assert!(!entry.to_string().contains("secret-word"), "{entry}");

        save(&hub, "templates/id/NOTE_CREATED.txt", "kedua");
        let entry = next_entry(&hub, 2).await;
        let change =
            json!([{ "key": "templates.id.NOTE_CREATED", "before": null, "after": "kedua" }]);
        assert_eq!(entry["changes"], change, "{entry}");

        // A file that says the same is no change.
        save(&hub, "config.toml", &format!("# a comment\n{}", text("second", 10, "secret-word")));
        let (status, _) = hub.post("/api/v1/admin/config/reload", &json!({})).await;
        assert_eq!((status, entries(&hub).await.len()), (200, 2));
    }
}

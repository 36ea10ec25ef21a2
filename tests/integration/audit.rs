//! The audit: every operation with which an administrator changes something leaves an entry.

use lonceng::{domain::notification::Timestamp, store::DeadLetter};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    reload::save,
    support::{
        hub::{Hub, On},
        stores::{self, TestStore},
        wait::{PATIENCE, until},
    },
};

/// Operations below `/api/v1/admin` that change nothing, with the reason.
const UNCHANGING: [(&str, &str); 1] =
    [("POST /api/v1/admin/types/{code}/preview", "renders a sample, and stores nothing")];

/// Members of each type.
const TYPE: &str = "title = \"T\"\ntemplate = \"x\"\ntarget = \"SELF\"\n\
    channels = [\"web\", \"email\"]\n";

/// Returns a config.toml with these types; the e-mail channel reaches nobody.
fn config(codes: &[&str]) -> String {
    let types = codes
        .iter()
        .fold(String::new(), |all, code| format!("{all}[[type]]\ncode = \"{code}\"\n{TYPE}"));
    format!(
        "[auth]\nmethods = [\"dev\"]\n[channels.email]\nurl = \"smtp://127.0.0.1:1\"\n\
         from = \"hub@example.com\"\n{types}"
    )
}

/// Hub and the store that it uses, in which the tests make what an operation needs.
struct Fixture {
    hub: Hub,
    test: TestStore,
}

impl Fixture {
    async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let headers = [("content-type", "application/json")];
        self.hub.send(method, path, &headers, body.to_string()).await
    }

    /// Returns the ID of a dead letter that no job takes.
    async fn dead_letter(&self) -> Uuid {
        until("no job runs", PATIENCE, async || {
            let jobs = self.hub.get("/api/v1/admin/jobs").await.1;
            jobs["jobs"].as_array()?.iter().all(|job| !job["ended_at"].is_null()).then_some(())
        })
        .await;
        let letter = DeadLetter {
            id: Uuid::now_v7(),
            received_at: Timestamp(1_000),
            source: "nats".to_owned(),
            subject: None,
            kind: "missing_field".to_owned(),
            field: None,
            reason: "for this test".to_owned(),
            identity: Some(format!("id:{}", Uuid::now_v7())),
            headers: Vec::new(),
            payload: json!({ "type": "A", "user_id": "budi" }).to_string(),
            truncated: false,
        };
        self.test.store.keep_dead_letter(&letter).await.expect("it is stored");
        letter.id
    }

    /// Returns the ID of a delivery that was skipped, because its user has no e-mail address.
    async fn skipped_delivery(&self) -> String {
        self.hub.publish(&json!({ "type": "A", "user_id": "without-address" })).await;
        until("the delivery is skipped", PATIENCE, async || {
            let found = self.hub.get("/api/v1/admin/deliveries?state=skipped").await.1;
            let item = &found["items"][0];
            assert!(item.is_null() || item["reason_code"] == "no_email", "{found}");
            item["delivery_id"].as_str().map(str::to_owned)
        })
        .await
    }

    /// Carries out an operation in a way that changes something. Returns the action in the audit.
    async fn act(&self, operation: &str) -> &'static str {
        let (method, path) = operation.split_once(' ').expect("a method and a path");
        let kind = json!({ "code": "MADE", "display_name": "d", "template": "t",
            "target_type": "SELF" });
        let (url, body, action) = match operation {
            "POST /api/v1/admin/types" => (path.to_owned(), kind, "type.created"),
            "PUT /api/v1/admin/types/{code}" | "PATCH /api/v1/admin/types/{code}" => {
                let changed = json!({ "display_name": operation, "template": "t",
                    "target_type": "SELF" });
                (path.replace("{code}", "A"), changed, "type.changed")
            }
            "DELETE /api/v1/admin/types/{code}" => {
                self.send("POST", "/api/v1/admin/types", kind).await;
                (path.replace("{code}", "MADE"), Value::Null, "type.deleted")
            }
            "DELETE /api/v1/admin/types/{code}/override" => {
                (path.replace("{code}", "A"), Value::Null, "type.reverted")
            }
            "PUT /api/v1/admin/directory/{user_id}" => {
                (path.replace("{user_id}", "x"), json!({ "login": "x" }), "user.put")
            }
            "DELETE /api/v1/admin/directory/{user_id}" => {
                self.send("PUT", "/api/v1/admin/directory/y", json!({})).await;
                (path.replace("{user_id}", "y"), Value::Null, "user.deleted")
            }
            "PUT /api/v1/admin/users/{user_id}/preferences" => {
                self.send("PUT", "/api/v1/admin/directory/w", json!({})).await;
                let wants = json!({ "muted_types": ["A"] });
                (path.replace("{user_id}", "w"), wants, "preferences.put")
            }
            "POST /api/v1/admin/directory/bulk" => {
                (path.to_owned(), json!({ "users": [{ "user_id": "z" }] }), "directory.bulk")
            }
            "POST /api/v1/admin/directory/import" => {
                (path.to_owned(), json!({ "user_id": "imported" }), "directory.import")
            }
            "DELETE /api/v1/admin/dead-letters/{id}" => {
                let id = self.dead_letter().await.to_string();
                (path.replace("{id}", &id), Value::Null, "dead_letter.discarded")
            }
            "POST /api/v1/admin/dead-letters/{id}/replay" => {
                let id = self.dead_letter().await.to_string();
                (path.replace("{id}", &id), Value::Null, "dead_letter.replayed")
            }
            "POST /api/v1/admin/dead-letters/replay" => {
                (path.to_owned(), Value::Null, "job.started")
            }
            _ => self.other(operation, path).await,
        };
        let (status, answer) = self.send(method, &url, body).await;
        assert!((200..300).contains(&status), "{operation}: {status} {answer}");
        action
    }

    async fn other(&self, operation: &str, path: &str) -> (String, Value, &'static str) {
        match operation {
            "DELETE /api/v1/admin/jobs/{id}" => {
                // A kind that this version does not know runs until it is stopped.
                let store = &self.test.store;
                let begun =
                    store.begin_job("of.another.version", "me", "{}", 1, Timestamp(1)).await;
                let id = begun.expect("the store works").expect("none is running").to_string();
                (path.replace("{id}", &id), Value::Null, "job.stopped")
            }
            "POST /api/v1/admin/deliveries/{id}/retry" => {
                let id = self.skipped_delivery().await;
                (path.replace("{id}", &id), Value::Null, "delivery.retried")
            }
            "POST /api/v1/admin/types/{code}/test" => (
                path.replace("{code}", "A"),
                json!({ "recipient": "a", "data": { "title": "x" } }),
                "type.tested",
            ),
            "POST /api/v1/admin/channels/{channel}/test" => (
                path.replace("{channel}", "email"),
                json!({ "to": "a@example.com" }),
                "channel.tested",
            ),
            "POST /api/v1/admin/config/reload" => {
                save(&self.hub, "config.toml", &config(&["A"]));
                until("the removal waits for a confirmation", PATIENCE, async || {
                    let state = self.hub.get("/api/v1/admin/config").await.1;
                    (state["would_remove"].as_array()?.len() == 2).then_some(())
                })
                .await;
                (path.to_owned(), Value::Null, "config.removal_confirmed")
            }
            _ => panic!(
                "{operation} is new: write an entry in the audit and act here, or list it among \
                 those that change nothing"
            ),
        }
    }

    async fn entries(&self) -> Vec<Value> {
        let (status, body) = self.hub.get("/api/v1/admin/audit?limit=1000").await;
        assert_eq!(status, 200, "{body}");
        body["entries"].as_array().cloned().expect("a list")
    }

    /// Asserts that an operation leaves an entry by the caller with this action.
    async fn is_audited(&self, operation: &str, before: usize, action: &str) {
        let entries = self.entries().await;
        let new = &entries[..entries.len() - before];
        let found =
            new.iter().any(|entry| entry["action"] == action && entry["who"] == "developer");
        assert!(found, "{operation} leaves no entry {action}: {new:?}");
    }
}

async fn fixture(on: On) -> Option<Fixture> {
    let environment: [(&str, &str); 0] = [];
    let hub = Hub::with_config_on(on, &config(&["A", "B", "C"]), &environment).await?;
    let test = stores::at(&hub.store_url).await;
    Some(Fixture { hub, test })
}

#[tokio::test]
async fn every_change_of_an_administrator_is_in_the_audit() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(fixture) = fixture(on).await else { continue };
        let (_, document) = fixture.hub.get("/openapi.json").await;
        let paths = document["paths"].as_object().expect("it has paths");
        let of_path = |(path, item): (&String, &Value)| -> Vec<String> {
            let methods = ["post", "put", "patch", "delete"].into_iter();
            let methods = methods.filter(|method| item.get(*method).is_some());
            methods.map(|method| format!("{} {path}", method.to_uppercase())).collect()
        };
        let is_admin = |operation: &String| operation.contains(" /api/v1/admin/");
        let mut operations: Vec<String> = paths.iter().flat_map(of_path).filter(is_admin).collect();
        // The connections of a user are closed in a test of their own; a reload removes types.
        operations.retain(|operation| !operation.contains("clients"));
        operations.sort_by_key(|operation| operation.contains("reload"));
        let mut audited = 0;
        for operation in &operations {
            if UNCHANGING.iter().any(|(known, _)| known == operation) {
                continue;
            }
            let before = fixture.entries().await.len();
            let action = fixture.act(operation).await;
            fixture.is_audited(operation, before, action).await;
            audited += 1;
        }
        assert!(audited > 14, "{operations:?}");
    }
}

/// Waits until the hub has forgotten the connections that it closed.
async fn nobody_is_connected(hub: &Hub) {
    until("nobody is connected", PATIENCE, async || {
        (hub.get("/api/v1/admin/clients").await.1["total_count"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn closing_connections_is_audited_with_the_user() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(Fixture { hub, .. }) = fixture(on).await else { continue };
        let mut first = hub.connect("budi", "&login=budi&sync=none").await;
        first.expect("connected").await;
        let (_, clients) = hub.get("/api/v1/admin/clients").await;
        let client = &clients["connected_clients"][0]["client_id"];
        let path = format!("/api/v1/admin/clients/{}", client.as_str().expect("an ID"));
        assert_eq!(hub.send("DELETE", &path, &[], String::new()).await.0, 200);
        assert_eq!(first.closed().await, 4001);
        nobody_is_connected(&hub).await;
        let mut second = hub.connect("budi", "&sync=none").await;
        second.expect("connected").await;
        let of_user = "/api/v1/admin/users/budi/clients?user_id=9&login=ratna&role=admin";
        assert_eq!(hub.send("DELETE", of_user, &[], String::new()).await.0, 200);
        assert_eq!(second.closed().await, 4001);
        nobody_is_connected(&hub).await;
        // What closes nothing is no change.
        assert_eq!(hub.send("DELETE", of_user, &[], String::new()).await.0, 200);
        assert_eq!(hub.send("DELETE", &path, &[], String::new()).await.0, 404);

        let (_, audit) = hub.get("/api/v1/admin/audit?subject=user:budi").await;
        let entries = audit["entries"].as_array().expect("a list");
        assert_eq!(entries.len(), 2, "{audit}");
        assert_eq!(entries[0]["action"], "user.disconnected");
        assert_eq!(entries[0]["after"], json!({ "closed": 1 }));
        assert_eq!((&entries[0]["who"], &entries[0]["who_login"]), (&json!("9"), &json!("ratna")));
        assert_eq!(entries[1]["action"], "client.disconnected");
        let before = &entries[1]["before"];
        assert_eq!((&before["client_id"], &before["user_id"]), (client, &json!("budi")));
        assert_eq!(
            (&entries[1]["who"], &entries[1]["who_login"]),
            (&json!("developer"), &Value::Null)
        );
    }
}

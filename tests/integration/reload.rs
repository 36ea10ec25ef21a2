//! Edits of files, and of types by SQL, while the hub runs.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::Duration,
};

use crate::support::{
    client::Client,
    hub::{Hub, On},
    wait::{PATIENCE, until},
};
use lonceng::store::Store;
use serde_json::{Value, json};

pub(crate) fn config(template: &str, more: &str) -> String {
    format!(
        "{more}\n[auth]\nmethods = [\"dev\"]\n[[type]]\ncode = \"NOTE_CREATED\"\n\
         title = \"Note\"\n{template}\ntarget = \"SELF\"\n"
    )
}

fn note(n: i64) -> Value {
    json!({ "type": "NOTE_CREATED", "user_id": "u", "n": n })
}

/// Saves a file as editors do: writes another file and renames it.
pub(crate) fn save(hub: &Hub, name: &str, text: &str) {
    let file = hub.folder().join(name);
    fs::create_dir_all(file.parent().expect("it has a folder")).expect("it can be made");
    let other = file.with_extension("swp");
    fs::write(&other, text).expect("it is writable");
    fs::rename(&other, &file).expect("it can be renamed");
}

/// Returns the message of the next notification.
pub(crate) async fn says(hub: &Hub, client: &mut Client, n: i64) -> String {
    hub.publish(&note(n)).await;
    let push = client.expect("notification.push").await;
    push["message"].as_str().expect("it has one").to_owned()
}

pub(crate) async fn last_error(hub: &Hub) -> Value {
    hub.get("/api/v1/admin/config").await.1["last_error"].clone()
}

/// Publishes 100 events per second until it is stopped, and counts them.
#[derive(Default)]
struct Load {
    count: AtomicI64,
    is_stopped: AtomicBool,
}

impl Load {
    async fn run(&self, hub: &Hub) {
        let mut interval = tokio::time::interval(Duration::from_millis(100));
        while !self.is_stopped.load(Ordering::Relaxed) {
            interval.tick().await;
            let batch: Vec<Value> =
                (0..10).map(|_| note(self.count.fetch_add(1, Ordering::Relaxed))).collect();
            hub.publish(&json!(batch)).await;
        }
    }
}

/// Client that reads all pushes of its user.
struct Reader {
    client: Client,
    revision: i64,
}

impl Reader {
    /// Reads pushes, each the one after the last, until a message begins with this word.
    async fn read_until(&mut self, word: &str) {
        let reading = async {
            loop {
                let push = self.client.expect("notification.push").await;
                self.revision += 1;
                assert_eq!(push["revision"], self.revision, "no notification is left out");
                if push["message"].as_str().is_some_and(|message| message.starts_with(word)) {
                    break;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("the edit is applied");
    }
}

#[tokio::test]
async fn reload_names_every_invalid_value_at_once() {
    let hub = Hub::with_config(&config("template = 'x'", ""), &[]).await;
    let more = "[retention]\nhistory = 0\narchive_after_days = \"many\"\n[limit]\nx = 1";
    save(&hub, "config.toml", &config("template = 'x {n|nofilter}'", more));
    let keys = until("the errors are shown", PATIENCE, async || {
        let (_, shown) = hub.get("/api/v1/admin/config").await;
        let keys = |errors: &Vec<Value>| errors.iter().map(|one| one["key"].clone()).collect();
        let keys: Vec<Value> = keys(shown["errors"].as_array()?);
        (!keys.is_empty()).then_some(keys)
    })
    .await;
    for key in ["retention.history", "retention.archive_after_days", "limit", "type[0].template"] {
        assert!(keys.contains(&json!(key)), "{key}: {keys:?}");
    }
    assert_eq!(keys.len(), 4, "{keys:?}");
}

#[tokio::test]
async fn template_reload_under_load_keeps_connections() {
    let text = |template: &str| config(&format!("template = '{template}'"), "");
    let hub = Hub::with_config(&text("first {n}"), &[]).await;
    let mut client = hub.connect("u", "&sync=none").await;
    client.expect("connected").await;
    let (load, mut reader) = (Load::default(), Reader { client, revision: 0 });
    let editing = async {
        reader.read_until("first").await;
        save(&hub, "config.toml", &text("second {n}"));
        reader.read_until("second").await;

        // After an invalid edit the last valid configuration stays.
        save(&hub, "config.toml", &text("third {n|nofilter}"));
        let error = until("the error is shown", PATIENCE, async || {
            Some(last_error(&hub).await).filter(|error| !error.is_null())
        })
        .await;
        assert_eq!(error["line"], 7, "{error}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains("nofilter")), "{error}");
        assert_eq!(error["snippet"], "template = 'third {n|nofilter}'");
        reader.read_until("second").await;

        // Types can be changed meanwhile; the file stays invalid.
        let path = "/api/v1/admin/types/NOTE_CREATED";
        let change = json!({ "display_name": "Other" }).to_string();
        assert_eq!(hub.send("PATCH", path, &[], change).await.0, 200);
        let path = format!("{path}/override");
        assert_eq!(hub.send("DELETE", &path, &[], String::new()).await.0, 200);
        assert_eq!(hub.get("/health/ready").await.1["config"], "degraded");
        save(&hub, "config.toml", "[[type\n");
        until("the other error is shown", PATIENCE, async || {
            (last_error(&hub).await["line"] == 1).then_some(())
        })
        .await;

        save(&hub, "config.toml", &text("fourth {n}"));
        reader.read_until("fourth").await;
        assert_eq!(last_error(&hub).await, Value::Null);
        load.is_stopped.store(true, Ordering::Relaxed);
    };
    tokio::join!(load.run(&hub), editing);

    let (_, list) = hub.get("/api/v1/notifications?user_id=u&limit=1").await;
    assert_eq!(list["revision"], load.count.load(Ordering::Relaxed), "every event is stored");
    assert!(reader.revision > 100, "{}", reader.revision);
    let log = hub.log();
    let reports = log.matches("reload: the edit is invalid").count();
    assert_eq!(reports, 2, "each error is logged once: {log}");
}

#[tokio::test]
async fn reload_applies_limits_and_names_keys_that_need_a_restart() {
    let of = |more: &str| config("template = 'x'", more);
    let hub = Hub::with_config(&of(""), &[]).await;
    let origin = "https://app.example";
    let foreign = async || {
        hub.send("GET", "/api/v1/notifications?user_id=u", &[("origin", origin)], String::new())
            .await
            .0
    };
    assert_eq!(foreign().await, 403);
    let mut open = hub.connect("u", "&sync=none").await;
    open.expect("connected").await;
    let mut more = format!(
        "[server]\nallowed_origins = [\"{origin}\"]\noutbound_queue = \
         64\n[limits]\npublish_per_minute = 2\n"
    );
    save(&hub, "config.toml", &of(&more));
    until("the origin is allowed", PATIENCE, async || (foreign().await == 200).then_some(())).await;
    let (_, shown) = hub.get("/api/v1/admin/config").await;
    assert_eq!(shown["restart_needed"], json!(["server.outbound_queue"]), "{shown}");
    let publish = async || hub.post("/api/v1/events", &note(1)).await.0;
    assert_eq!([publish().await, publish().await, publish().await], [202, 202, 429]);
    // An API key is added to the file and removed again.
    let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"; // of "secret"
    let key = async || {
        hub.send("POST", "/api/v1/events", &[("x-api-key", "secret")], note(1).to_string()).await.0
    };
    assert_eq!(key().await, 401);
    more = more.replace("publish_per_minute = 2", "publish_per_minute = 0");
    let keyed = of(&more).replace(
        "methods = [\"dev\"]",
        &format!(
            "methods = [\"dev\"]\napi_keys = [{{ name = \"shop\", sha256 = \"{hash}\", scopes = \
             [\"publish\"] }}]"
        ),
    );
    save(&hub, "config.toml", &keyed);
    until("the key is known", PATIENCE, async || (key().await == 202).then_some(())).await;
    save(&hub, "config.toml", &of(""));
    until("the origin is not allowed", PATIENCE, async || (foreign().await == 403).then_some(()))
        .await;
    assert_eq!(key().await, 401);
    assert_eq!(hub.get("/api/v1/admin/config").await.1["restart_needed"], json!([]));
    // Connected clients stay connected.
    open.send(&json!({ "type": "ping" })).await;
    open.skip_to("pong").await;
}

#[tokio::test]
async fn translations_and_links_are_reloaded_also_by_sighup() {
    let hub =
        Hub::with_config(&config("template = 'hello {n}'", "[templates]\ndir = \"live\""), &[])
            .await;
    let put = json!({ "locale": "id" });
    assert_eq!(hub.send("PUT", "/api/v1/admin/directory/u", &[], put.to_string()).await.0, 200);
    let mut client = hub.connect("u", "&sync=none").await;
    client.expect("connected").await;
    assert_eq!(says(&hub, &mut client, 1).await, "hello 1");
    // A symbolic link is replaced, as Kubernetes updates a mounted folder.
    for (version, text) in [("v1", "halo {n}"), ("v2", "hai {n}")] {
        save(&hub, &format!("{version}/id/NOTE_CREATED.txt"), text);
        #[cfg(unix)]
        {
            let link = hub.folder().join("link");
            std::os::unix::fs::symlink(version, &link).expect("a link");
            fs::rename(&link, hub.folder().join("live")).expect("it can be renamed");
        }
        let expected = text.split(' ').next().expect("a word").to_owned();
        until("it is read", PATIENCE, async || {
            says(&hub, &mut client, 2).await.starts_with(&expected).then_some(())
        })
        .await;
    }
    save(&hub, "v2/id/NOTE_CREATED.txt", "line one\nhai {n");
    let error = until("the error is shown", PATIENCE, async || {
        let error = last_error(&hub).await;
        (!error.is_null()).then_some(error)
    })
    .await;
    assert!(
        error["file"].as_str().is_some_and(|file| file.ends_with("id/NOTE_CREATED.txt")),
        "{error}"
    );
    assert_eq!(says(&hub, &mut client, 3).await, "hai 3");
    let loaded = async || hub.get("/api/v1/admin/config").await.1["loaded_at"].clone();
    save(&hub, "v2/id/NOTE_CREATED.txt", "hai {n}");
    until("it is well again", PATIENCE, async || last_error(&hub).await.is_null().then_some(()))
        .await;
    let before = loaded().await;
    let sent = std::process::Command::new("kill").args(["-HUP", &hub.pid().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    until("it is loaded again", PATIENCE, async || (loaded().await != before).then_some(())).await;
}

#[tokio::test]
async fn type_changed_by_sql_takes_effect_within_two_seconds() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(mut hub) = Hub::start(on, &[]).await else { continue };
        let store = Store::open(&hub.store_url).await.expect("it opens");
        store
            .execute_by_hand(
                "INSERT INTO notification_types (code, display_name, template, target_type) \
                 VALUES ('BY_HAND', 'By hand', 'made by hand: {n}', 'SELF')",
            )
            .await
            .expect("it is taken");
        let publish = async || {
            hub.publish(&json!({ "type": "BY_HAND", "user_id": "u", "n": 1 })).await;
            hub.inbox("u").await.len()
        };
        until("it is a type", Duration::from_secs(3), async || (publish().await > 0).then_some(()))
            .await;
        store
            .execute_by_hand(
                "UPDATE notification_types SET is_active = false WHERE code = 'BY_HAND'",
            )
            .await
            .expect("it is taken");
        until("it is off", Duration::from_secs(3), async || {
            let before = hub.inbox("u").await.len();
            (publish().await == before).then_some(())
        })
        .await;
        let (_, shown) = hub.get("/api/v1/admin/types/BY_HAND").await;
        assert_eq!((&shown["origin"], &shown["changed_by"]), (&json!("admin"), &Value::Null));
        // An invalid row is off, with its problem; other types are not affected.
        store
            .execute_by_hand(
                "UPDATE notification_types SET is_active = true, target_type = 'NOBODY' WHERE \
                 code = 'BY_HAND'",
            )
            .await
            .expect("it is taken");
        until("it says what is wrong", Duration::from_secs(3), async || {
            let (_, ready) = hub.get("/health/ready").await;
            ready["reasons"]["config"]
                .as_str()
                .is_some_and(|reason| reason.contains("BY_HAND"))
                .then_some(())
        })
        .await;
        let (_, shown) = hub.get("/api/v1/admin/types/BY_HAND").await;
        assert!(
            shown["problem"].as_str().is_some_and(|problem| problem.contains("NOBODY")),
            "{shown}"
        );
        hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "x" })).await;
        // The listener for changes of the table ends with the hub.
        hub.terminate().await;
    }
}

fn with_feed(name: &str, public: bool, fields: &str) -> String {
    config(
        "template = 'x'",
        &format!(
            "[[feed]]\nname = \"{name}\"\npublic = {public}\nfilters = \
             [\"course_id\"]\n[[feed.message]]\non = [\"booking.created\"]\n\
             type = \"seats\"\nfields = [{fields}]"
        ),
    )
}

#[tokio::test]
async fn feeds_change_while_they_are_watched() {
    let hub = Hub::with_config(&with_feed("seats", true, r#""course_id""#), &[]).await;
    let booked = json!({ "topic": "booking.created", "course_id": "c", "left": 4 });
    let mut watcher = hub.watch("seats", &json!({ "course_id": "c" })).await;
    let mut session = hub.connect("u", "&sync=none").await;
    session.expect("connected").await;
    session.send(&json!({ "type": "subscribe", "feed": "seats" })).await;
    session.expect("subscribed").await;
    hub.publish(&booked).await;
    assert_eq!(watcher.expect("seats").await, json!({ "course_id": "c" }));
    session.expect("seats").await;
    // A field is added: watchers get it on the same connection.
    save(&hub, "config.toml", &with_feed("seats", true, r#""course_id", "left""#));
    until("it shows more", PATIENCE, async || {
        hub.publish(&booked).await;
        let seen = watcher.expect("seats").await;
        session.expect("seats").await;
        (seen == json!({ "course_id": "c", "left": 4 })).then_some(())
    })
    .await;
    // The feed becomes private: watchers without an identity must reconnect, and sessions that
    // watch it are told.
    save(&hub, "config.toml", &with_feed("seats", false, r#""course_id""#));
    watcher.skip_to("going_away").await;
    assert_eq!(session.skip_to("unsubscribed").await["feed"], "seats");
    session.send(&json!({ "type": "subscribe", "feed": "seats" })).await;
    session.skip_to("subscribed").await;
    hub.publish(&booked).await;
    session.expect("seats").await;
    // Another name: one feed is removed and another is added.
    save(&hub, "config.toml", &with_feed("places", true, r#""left""#));
    session.skip_to("unsubscribed").await;
    let mut newcomer = hub.watch("places", &json!({})).await;
    hub.publish(&booked).await;
    assert_eq!(newcomer.expect("seats").await, json!({ "left": 4 }));
    session.send(&json!({ "type": "subscribe", "feed": "seats" })).await;
    assert_eq!(session.skip_to("error").await["code"], "not_found");
    assert_eq!(hub.get("/api/v1/admin/config").await.1["restart_needed"], json!([]));
}

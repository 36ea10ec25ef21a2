//! The documents of the API against the routes and the built hub: what they name is there, nothing
//! else is, and everybody may do just what they say.

use std::collections::BTreeMap;

use crate::support::{
    client::Client,
    hub::Hub,
    tokens::{SECRET, signed},
};
use serde_json::{Value, json};

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

fn document(name: &str) -> Value {
    let path = format!("{}/docs/api/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("it is there")).expect("it is JSON")
}

/// Path and method, in capitals, of everything that the document names.
fn documented(document: &Value) -> BTreeMap<(String, String), Value> {
    let paths = document["paths"].as_object().expect("it has paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |method| {
            item.get(*method)
                .map(|operation| ((path.clone(), method.to_ascii_uppercase()), operation.clone()))
        })
    });
    operations.collect()
}

#[tokio::test]
async fn the_hub_gives_the_documents_that_are_committed() {
    let hub = Hub::sqlite(&[]).await;
    for name in ["openapi.json", "asyncapi.json"] {
        let (status, given) = hub.get(&format!("/{name}")).await;
        assert_eq!((status, &given), (200, &document(name)), "{name}");
    }
    assert_eq!(document("openapi.json")["info"]["version"], env!("CARGO_PKG_VERSION"));
    for (path, kind) in
        [("/docs", "text/html; charset=utf-8"), ("/lonceng.d.ts", "text/plain; charset=utf-8")]
    {
        let (status, content_type, _) = hub.answer("GET", path, &[], "", "content-type").await;
        assert_eq!((status, content_type.as_deref()), (200, Some(kind)));
    }
}

/// Caller with its credentials.
struct Caller {
    name: &'static str,
    headers: Vec<(&'static str, String)>,
}

fn callers() -> Vec<Caller> {
    let token = |user: &str, role: &str| {
        let claims = json!({"sub":user,"roles":[role],"exp":chrono::Utc::now().timestamp() + 600});
        ("authorization", format!("Bearer {}", signed("secret", None, &claims)))
    };
    vec![
        Caller { name: "nobody", headers: vec![] },
        Caller { name: "user", headers: vec![token("u", "user")] },
        Caller { name: "other", headers: vec![token("o", "user")] },
        Caller { name: "publisher", headers: vec![("x-api-key", "secret".to_owned())] },
        Caller { name: "admin", headers: vec![token("a", "admin")] },
    ]
}

async fn hub_with_everybody() -> Hub {
    let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"; // of "secret"
    let keys = format!(r#"[{{ name = "shop", sha256 = "{hash}", scopes = ["publish"] }}]"#);
    Hub::sqlite(&[
        ("LONCENG_AUTH__METHODS", r#"["jwt"]"#),
        ("LONCENG_AUTH__JWT_SECRET", SECRET),
        ("LONCENG_AUTH__API_KEYS", &keys),
    ])
    .await
}

/// Number of types created so far, so that each has another code.
static MADE: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// Returns a valid body of the operation.
fn body_of(operation: &Value) -> String {
    match operation["operationId"].as_str() {
        Some("publish_events") => {
            json!({"type":"NOTE_CREATED","user_id":"u","title":"x"}).to_string()
        }
        Some("notify") => json!({"target":[{"id":"u"}],"message":"m"}).to_string(),
        Some("put_preferences" | "put_preferences_of_user" | "patch_type" | "put_user") => {
            "{}".to_owned()
        }
        Some("preview_type") => json!({"data":{"message":"x"}}).to_string(),
        Some("test_type") => json!({"recipient":"u","data":{"message":"x"}}).to_string(),
        Some("create_type" | "put_type") => {
            let code = format!("MADE_{}", MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            let code = (operation["operationId"] == "create_type").then_some(code);
            json!({"code":code,"display_name":"d","template":"t","target_type":"SELF"}).to_string()
        }
        Some("test_channel") => json!({"to":"a@b.example"}).to_string(),
        Some("mark_snooze") => json!({"for":"1h"}).to_string(),
        Some("subscribe_push" | "unsubscribe_push") => {
            json!({"endpoint":"https://push.example/1"}).to_string()
        }
        Some("import_directory") => "user_id\nu\n".to_owned(),
        Some("import_users") => json!({"users":[{"user_id":"u"}]}).to_string(),
        _ => String::new(),
    }
}

/// Returns headers as [`Hub::send`] takes them.
fn headers(caller: &Caller) -> Vec<(&str, &str)> {
    caller.headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Makes what an operation needs, and returns its URL: a notification of the user `u` for `{id}`,
/// and a type for an operation that deletes one.
async fn prepare(hub: &Hub, callers: &[Caller], method: &str, path: &str) -> String {
    let [_, _, _, publisher, admin] = callers else { panic!("five callers") };
    let notification = json!({"target":[{"id":"u"}],"message":"m"}).to_string();
    let (_, made) = hub.send("POST", "/api/v1/notify", &headers(publisher), notification).await;
    let id = made["results"][0]["notification_id"].as_str().expect("it is stored");
    let deletes_type = method == "DELETE" && path.ends_with("/{code}");
    let url = path
        .replace("{id}", id)
        .replace("{client_id}", "nobody")
        .replace("{user_id}", "u")
        .replace("{feed}", "availability")
        .replace("{code}", if deletes_type { "MINE" } else { "MESSAGE" })
        .replace("/demo/{file}", "/demo/demo.js")
        .replace("/admin/{file}", "/admin/app.js")
        .replace("{file}", "docs.js");
    if deletes_type {
        let kind = json!({"display_name":"d","template":"t","target_type":"SELF"}).to_string();
        hub.send("PUT", &url, &headers(admin), kind).await;
    }
    match path.rsplit('/').next() {
        Some("history") => format!("{url}?user_id=u"),
        Some("explain") => format!("{url}?user=u"),
        _ => url,
    }
}

/// Checks the status of an operation against the access that it declares.
fn check_status(path: &str, caller: &str, may_use: bool, status: u16, what: &str) {
    let is_of_a_notification = path.contains("/notifications/{id}");
    // Pages of the method "dev", which is off here, and resources of which there is none.
    let is_missing = path == "/"
        || path.starts_with("/demo")
        // Channels and Web Push are off.
        || path.contains("/push/")
        || [
            "{client_id}",
            "/dead-letters/{id}",
            "/jobs/{id}",
            "/deliveries/{id}",
            "/channels/{channel}",
            "{event_id}",
        ]
        .iter()
        .any(|of| path.contains(of));
    match (may_use, caller) {
        // The link of an e-mail has a token.
        _ if path == "/unsubscribe" => assert_eq!(status, 400, "{what}"),
        _ if path.starts_with("/ws") => assert_eq!(status, 426, "{what}"),
        (false, "nobody") => assert_eq!(status, 401, "{what}"),
        (false, _) => assert_eq!(status, 403, "{what}"),
        (true, _) if is_of_a_notification && caller != "user" => {
            assert_eq!(status, 404, "{what}: the notification of another user");
        }
        (true, _) if is_missing => assert_eq!(status, 404, "{what}"),
        (true, _) => assert!((200..300).contains(&status), "{what}"),
    }
}

#[tokio::test]
async fn callers_may_use_exactly_the_documented_operations() {
    let hub = hub_with_everybody().await;
    let callers = callers();
    let mut checked = 0;
    for ((path, method), operation) in documented(&document("openapi.json")) {
        let who = operation["x-who"].as_array().expect("the operation declares its access");
        for caller in &callers {
            let url = prepare(&hub, &callers, &method, &path).await;
            // A stream does not end: only its status is awaited.
            let status = if path.ends_with("/stream") || path.starts_with("/api/v1/feeds/") {
                hub.events(&url, &headers(caller)).await.response.status().as_u16()
            } else {
                hub.send(&method, &url, &headers(caller), body_of(&operation)).await.0
            };
            let what = format!("{} {method} {url}: {status}", caller.name);
            let is_documented = operation["responses"].get(status.to_string()).is_some();
            assert!(is_documented, "{what} is not documented");
            let may_use = who.iter().any(|name| name == caller.name);
            check_status(&path, caller.name, may_use, status, &what);
            checked += 1;
        }
    }
    assert!(checked > 150, "{checked}");
}

#[tokio::test]
async fn every_documented_message_is_answered_as_documented() {
    let hub = hub_with_everybody().await;
    let document = document("asyncapi.json");
    let named = |operation: &str| -> Vec<String> {
        let list =
            document["operations"][operation]["messages"].as_array().expect("it has messages");
        list.iter()
            .filter_map(|message| message["$ref"].as_str()?.rsplit('/').next().map(str::to_owned))
            .collect()
    };
    let answers = named("fromHub");
    for caller in callers() {
        let mut request =
            tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(
                hub.ws("sync=none"),
            )
            .expect("a request");
        for (name, value) in &caller.headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        match caller.name {
            "nobody" => {
                assert_eq!(Client::refused(request).await, 401);
                continue;
            }
            "publisher" => {
                assert_eq!(Client::refused(request).await, 403, "a key has no inbox");
                continue;
            }
            _ => {}
        }
        let mut client = Client::connect(request).await;
        client.expect("connected").await;
        for kind in named("toHub") {
            // ID of a notification that does not exist.
            let id = "01978a3e-0000-7000-8000-000000000001";
            client
                .send(&json!({
                    "type": kind, "notification_id": id, "days": 3, "feed": "availability",
                    "for": "1h",
                }))
                .await;
            let answer = client.next().await.expect("the connection stays");
            let got = answer["type"].as_str().expect("it has a type").to_owned();
            assert!(
                answers.contains(&got),
                "{kind} is answered with {got}, which is not in the document"
            );
            let expected = match kind.as_str() {
                "ping" => "pong".to_owned(),
                "sync.request" => "sync.response".to_owned(),
                "subscribe" | "unsubscribe" => format!("{kind}d"),
                "retention.set" | "notification.read_all" | "notification.seen_all" => {
                    format!("{kind}.ack")
                }
                _ => "error".to_owned(),
            };
            assert_eq!(got, expected, "{kind}");
            if got == "error" {
                assert_eq!(answer["data"]["code"], "not_found", "{kind}");
            }
        }
        client.send(&json!({"type":"subscribe","scope":"all"})).await;
        let answer = client.next().await.expect("the connection stays");
        if caller.name == "admin" {
            assert_eq!(answer["type"], "subscribed");
        } else {
            assert_eq!(answer["data"]["code"], "forbidden", "{}", caller.name);
        }
        client.send(&json!({"type":"dance"})).await;
        assert_eq!(client.expect("error").await["code"], "unknown_type");
    }
}

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

/// Who asks, with what they show.
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

/// Makes each code another one.
static MADE: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// Returns a body that the operation takes.
fn body_of(operation: &Value) -> String {
    match operation["operationId"].as_str() {
        Some("publish_events") => {
            json!({"type":"NOTE_CREATED","user_id":"u","title":"x"}).to_string()
        }
        Some("notify") => json!({"target":[{"id":"u"}],"message":"m"}).to_string(),
        Some("put_preferences" | "patch_type" | "put_user") => "{}".to_owned(),
        Some("preview_type") => json!({"data":{"message":"x"}}).to_string(),
        Some("create_type" | "put_type") => {
            let code = format!("MADE_{}", MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            let code = (operation["operationId"] == "create_type").then_some(code);
            json!({"code":code,"display_name":"d","template":"t","target_type":"SELF"}).to_string()
        }
        Some("import_users") => json!({"users":[{"user_id":"u"}]}).to_string(),
        _ => String::new(),
    }
}

#[tokio::test]
async fn callers_may_use_exactly_the_documented_operations() {
    let hub = hub_with_everybody().await;
    let callers = callers();
    let publisher = &callers[3].headers;
    let mut checked = 0;
    for ((path, method), operation) in documented(&document("openapi.json")) {
        let who: Vec<&str> = operation["x-who"]
            .as_array()
            .expect("it says who")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        for caller in &callers {
            // A notification of the user's own, for the operations that need one.
            let show: Vec<(&str, &str)> =
                publisher.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let note = json!({"target":[{"id":"u"}],"message":"m"}).to_string();
            let (_, made) = hub.send("POST", "/api/v1/notify", &show, note).await;
            let id = made["results"][0]["notification_id"].as_str().expect("it is made");
            let address = path
                .replace("{id}", id)
                .replace("{client_id}", "nobody")
                .replace("{user_id}", "u")
                .replace("{feed}", "availability")
                .replace(
                    "{code}",
                    if method == "DELETE" && !path.ends_with("/override") {
                        "MINE"
                    } else {
                        "MESSAGE"
                    },
                )
                .replace("/demo/{file}", "/demo/demo.js")
                .replace("/admin/{file}", "/admin/app.js")
                .replace("{file}", "docs.js");
            if method == "DELETE" && path.ends_with("/{code}") {
                // One to delete.
                let admin: Vec<(&str, &str)> = callers[4]
                    .headers
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                let made =
                    json!({"display_name":"d","template":"t","target_type":"SELF"}).to_string();
                hub.send("PUT", &address, &admin, made).await;
            }
            let address = match path.rsplit('/').next() {
                Some("history") => format!("{address}?user_id=u"),
                Some("explain") => format!("{address}?user=u"),
                _ => address,
            };
            let headers: Vec<(&str, &str)> =
                caller.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let status = if path.ends_with("/stream") || path.starts_with("/api/v1/feeds/") {
                // It does not end.
                hub.events(&address, &headers).await.response.status().as_u16()
            } else {
                hub.send(&method, &address, &headers, body_of(&operation)).await.0
            };
            let what = format!("{} {method} {address}: {status}", caller.name);
            let theirs = path.contains("/notifications/{id}");
            let allowed = who.contains(&caller.name);
            assert!(
                operation["responses"].get(status.to_string()).is_some(),
                "{what} is not documented"
            );
            if path.starts_with("/ws") {
                assert_eq!(status, 426, "{what}");
            } else if !allowed {
                assert_eq!(status, if caller.name == "nobody" { 401 } else { 403 }, "{what}");
            } else if theirs && caller.name != "user" {
                assert_eq!(status, 404, "{what}: another's notification is never 403");
            } else {
                // Dev pages are not there without dev auth, nor is a client that nobody is.
                let gone = path == "/"
                    || path.starts_with("/demo")
                    || path.contains("{client_id}")
                    || path.contains("/dead-letters/{id}")
                    || path.contains("/jobs/{id}");
                assert!(if gone { status == 404 } else { (200..300).contains(&status) }, "{what}");
            }
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
            // Nobody's notification: whoever asks, it is not theirs.
            let id = "01978a3e-0000-7000-8000-000000000001";
            client
                .send(&json!({"type":kind,"notification_id":id,"days":3,"feed":"availability"}))
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

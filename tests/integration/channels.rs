//! Channels: e-mail, Web Push and webhooks, with real receivers.

use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::{SecretKey, elliptic_curve::sec1::ToEncodedPoint as _};
use serde_json::{Value, json};
use web_push_native::{Auth, decrypt};

use crate::support::{
    hub::{Hub, On},
    receivers::Receivers,
    wait::{PATIENCE, until},
};

/// Secret of the webhook `signed`.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Types of the tests: code, and the lines that differ.
const TYPES: &[(&str, &str)] = &[
    ("MAILED", "channels = [\"web\", \"email\"]\naction_url = \"/notes/{note_id}\""),
    ("EVERYWHERE", "channels = [\"web\", \"email\", \"push\", \"webhook:signed\"]"),
    ("HOOKED", "channels = [\"web\", \"webhook:signed\"]\ntarget = \"ALL\""),
    ("PAGED", "channels = [\"web\", \"webhook:signed\"]\ntarget = \"ADMIN\""),
    (
        "ALERTED",
        "target = \"ALL\"\nescalate = [{ after = \"2s\", unless = \"seen\", channels = \
         [\"webhook:signed\"] }]",
    ),
    ("ALARM", "channels = [\"web\", \"email\"]\npriority = \"HIGH\"\nmandatory = true"),
    ("PRIVATE", "channels = [\"web\", \"webhook:private\"]"),
    (
        "ESCALATED",
        "channels = [\"web\", \"email\"]\nescalate = [{ after = \"2s\", unless = \"seen\", \
         channels = [\"email\"] }]",
    ),
    ("COLLECTED", "channels = [\"web\", \"email\"]\ndigest = \"3s\""),
    (
        "LIKED",
        "channels = [\"web\", \"webhook:signed\"]\ngroup_by = \"note_id\"\ngroup_window = \"1h\"",
    ),
];

/// Returns a configuration whose channels lead to the receivers.
pub fn config(receivers: &Receivers) -> String {
    let mut toml = format!(
        "[auth]\nmethods = [\"dev\"]\n[channels.email]\nurl = \"{}\"\nfrom = \"Lonceng \
         <no-reply@hub.example>\"\npublic_url = \"https://hub.example\"\n[channels.push]\n\
         subject = \"mailto:ops@hub.example\"\nallow_private = true\nvapid_private_key = {{ file = \
         \"vapid.pem\" }}\n[channels.retry]\nbackoff_seconds = [1]\ntimeout_seconds = 5\n\
         max_attempts = 4\n[[channels.webhook]]\nname = \"signed\"\nurl = \"{}\"\nsecret = \
         \"{SECRET}\"\nallow_private = true\n[[channels.webhook]]\nname = \"private\"\nurl = \
         \"http://localhost:{}/private\"\n",
        receivers.smtp(),
        receivers.url("/signed"),
        receivers.http_port,
    );
    for (code, lines) in TYPES {
        let target = if lines.contains("target") { "" } else { "target = \"SELF\"\n" };
        let template = match *code {
            "LIKED" => "{actors|first} and {count|minus(1)} others liked \\\"{title}\\\"",
            _ => "Message {title}",
        };
        let kind = format!(
            "[[type]]\ncode = \"{code}\"\ntitle = \"Title of {code}\"\ntemplate = \
             \"{template}\"\n{target}{lines}\n"
        );
        toml.push_str(&kind);
    }
    toml
}

/// Adds a person with an e-mail address.
pub async fn person(hub: &Hub, user: &str) {
    let body = json!({ "email": format!("{user}@people.example"), "name": user }).to_string();
    let path = format!("/api/v1/admin/directory/{user}");
    let (status, answer) = hub.send("PUT", &path, &[], body).await;
    assert!((200..300).contains(&status), "{answer}");
}

/// Publishes an event. Returns the ID of the only notification of its user.
pub async fn publish(hub: &Hub, code: &str, user: &str, title: &str) -> Value {
    let event = json!({ "type": code, "user_id": user, "title": title, "note_id": "n 1" });
    let (status, answer) = hub.post("/api/v1/events", &event).await;
    assert_eq!((status, &answer["results"][0]["outcome"]), (202, &json!("accepted")), "{answer}");
    answer["ids"][0].clone()
}

/// Returns the deliveries of a query.
pub async fn deliveries(hub: &Hub, query: &str) -> Vec<Value> {
    let (status, answer) = hub.get(&format!("/api/v1/admin/deliveries?{query}")).await;
    assert_eq!(status, 200, "{answer}");
    answer["items"].as_array().cloned().expect("a list")
}

/// Waits until a user has deliveries in a state, and returns them.
pub async fn in_state(hub: &Hub, user: &str, state: &str, count: usize) -> Vec<Value> {
    until(&format!("{count} are {state}"), PATIENCE, async || {
        let found = deliveries(hub, &format!("user={user}&state={state}")).await;
        (found.len() == count).then_some(found)
    })
    .await
}

/// Browser that receives Web Push.
pub struct Browser {
    key: SecretKey,
    secret: [u8; 16],
}

impl Browser {
    pub fn new() -> Self {
        let key = SecretKey::from_slice(&[7; 32]).expect("a key");
        Self { key, secret: [9; 16] }
    }

    pub fn subscription(&self, endpoint: &str) -> Value {
        let public = self.key.public_key().to_encoded_point(false);
        json!({
            "endpoint": endpoint,
            "expirationTime": null,
            "keys": {
                "p256dh": BASE64_URL_SAFE_NO_PAD.encode(public.as_bytes()),
                "auth": BASE64_URL_SAFE_NO_PAD.encode(self.secret),
            },
        })
    }

    fn read(&self, post: &Value) -> Value {
        let body = BASE64_STANDARD.decode(post["body"].as_str().expect("a body")).expect("base64");
        let plain = decrypt(body, &self.key, &Auth::from(self.secret)).expect("it is for me");
        serde_json::from_slice(&plain).expect("it is JSON")
    }
}

pub async fn posts_to(receivers: &Receivers, path: &str, count: usize) -> Vec<Value> {
    until(&format!("{count} arrive at {path}"), PATIENCE, async || {
        let posts = receivers.posts().await;
        let own: Vec<Value> = posts.into_iter().filter(|post| post["path"] == path).collect();
        (own.len() >= count).then_some(own)
    })
    .await
}

pub fn json_of(post: &Value) -> Value {
    let body = BASE64_STANDARD.decode(post["body"].as_str().expect("a body")).expect("base64");
    serde_json::from_slice(&body).expect("it is JSON")
}

async fn every_channel_gets_a_notification(on: On) {
    let Some(receivers) = Receivers::start() else { return };
    let Some(hub) = Hub::with_config_on(on, &config(&receivers), &[]).await else { return };
    person(&hub, "budi").await;
    let (status, key) = hub.get("/api/v1/push/key").await;
    assert_eq!((status, key["public_key"].as_str().map(str::len)), (200, Some(87)), "{key}");
    let browser = Browser::new();
    let subscription = browser.subscription(&receivers.url("/push"));
    let (status, answer) = hub.post("/api/v1/push/subscriptions?user_id=budi", &subscription).await;
    assert_eq!(status, 201, "{answer}");

    publish(&hub, "EVERYWHERE", "budi", "Hello <b>").await;
    let sent = in_state(&hub, "budi", "sent", 3).await;
    let of = |channel: &str| {
        sent.iter().find(|one| one["channel"] == channel).expect("it is there").clone()
    };
    let mail = &receivers.mails().await[0];
    assert_eq!(mail["to"], json!(["budi@people.example"]));
    assert_eq!(mail["type"], "multipart/alternative");
    let headers = &mail["headers"];
    let id = of("email")["delivery_id"].as_str().expect("an ID").to_owned();
    assert_eq!(headers["message-id"], json!(format!("<{id}@hub.example>")));
    assert_eq!(headers["subject"], "Title of EVERYWHERE");
    assert_eq!(headers["list-unsubscribe-post"], "List-Unsubscribe=One-Click");
    let html = mail["parts"]["text/html"].as_str().expect("HTML");
    assert!(html.contains("Message Hello &lt;b&gt;") && !html.contains("<b>"), "{html}");

    let hook = &posts_to(&receivers, "/signed", 1).await[0];
    assert_eq!(hook["headers"]["webhook-id"], of("webhook:signed")["delivery_id"]);
    assert!(hook["headers"]["webhook-signature"].as_str().is_some_and(|s| s.starts_with("v1,")));
    let body = json_of(hook);
    assert_eq!((&body["message"], &body["user_id"]), (&json!("Message Hello <b>"), &json!("budi")));

    let push = &posts_to(&receivers, "/push", 1).await[0];
    assert_eq!(push["headers"]["content-encoding"], "aes128gcm");
    assert!(push["headers"]["authorization"].as_str().is_some_and(|s| s.starts_with("vapid t=")));
    assert_eq!(push["headers"]["topic"].as_str().map(str::len), Some(32));
    let shown = browser.read(push);
    assert_eq!(
        (&shown["title"], &shown["type_code"]),
        (&json!("Title of EVERYWHERE"), &json!("EVERYWHERE"))
    );

    // Reading it on one device closes it on the others.
    let notification = shown["notification_id"].as_str().expect("an ID");
    let path = format!("/api/v1/notifications/{notification}/read?user_id=budi");
    assert_eq!(hub.post(&path, &json!({})).await.0, 200);
    let closing = &posts_to(&receivers, "/push", 2).await[1];
    assert_eq!(browser.read(closing), json!({ "close": notification }));

    // A push service that does not know the browser any more.
    receivers.mode(&json!({ "http": { "/push": 410 } })).await;
    publish(&hub, "EVERYWHERE", "budi", "gone").await;
    let skipped = in_state(&hub, "budi", "skipped", 1).await;
    assert!(skipped[0]["reason"].as_str().is_some_and(|reason| reason.contains("410")));
    unsubscribed_by_the_link_in_the_mail(&hub, &receivers, headers).await;
}

/// Checks the pages behind a link: the directory's locale comes before that of the browser.
async fn pages_are_in_the_language_of_the_reader(hub: &Hub, path: &str) {
    let get = async |path: &str, language: &str| {
        let headers = [("accept", "text/html,*/*"), ("accept-language", language)];
        let request = headers.iter().fold(
            reqwest::Client::new().get(format!("{}{path}", hub.base())),
            |request, (name, value)| request.header(*name, *value),
        );
        let response = request.send().await.expect("the hub answers");
        let status = response.status().as_u16();
        (status, response.text().await.expect("a page"))
    };
    let (status, page) = get(path, "id-ID,id;q=0.9").await;
    assert!(status == 200 && page.contains("lang=\"id\""), "{page}");
    assert!(page.contains("Berhenti berlangganan"), "{page}");
    let (_, page) = get(path, "en").await;
    assert!(page.contains("lang=\"en\"") && page.contains("Unsubscribe"), "{page}");
    let (status, page) = get(&format!("{path}x"), "id").await;
    assert!(status == 400 && page.contains("Tautan ini tidak berfungsi"), "{page}");
    let (status, problem) = hub.get(&format!("{path}x")).await;
    assert_eq!((status, &problem["status"]), (400, &json!(400)), "a program gets the problem");
}

async fn unsubscribed_by_the_link_in_the_mail(hub: &Hub, receivers: &Receivers, headers: &Value) {
    let link = headers["list-unsubscribe"].as_str().expect("a link").trim_matches(['<', '>']);
    let path = link.strip_prefix("https://hub.example").expect("the public URL");
    let page = hub.text(path).await;
    assert!(page.contains("Title of EVERYWHERE") && page.contains("<button>"), "{page}");
    let (status, _) = hub.send("POST", &format!("{path}x"), &[], String::new()).await;
    assert_eq!(status, 400, "a changed token is refused");
    pages_are_in_the_language_of_the_reader(hub, path).await;
    let type_of_form = [("content-type", "application/x-www-form-urlencoded")];
    let one_click = "List-Unsubscribe=One-Click".to_owned();
    let (status, _) = hub.send("POST", path, &type_of_form, one_click).await;
    assert_eq!(status, 200);
    let (_, preferences) = hub.get("/api/v1/preferences?user_id=budi").await;
    assert_eq!(preferences["channels"]["email"]["types"]["EVERYWHERE"], false, "{preferences}");
    assert_eq!(preferences["muted_channels"]["EVERYWHERE"], json!(["email"]));
    // The e-mails of both earlier notifications.
    let before = until("the earlier e-mails arrive", PATIENCE, async || {
        Some(receivers.mails().await.len()).filter(|count| *count >= 2)
    })
    .await;
    publish(hub, "EVERYWHERE", "budi", "muted").await;
    until("the e-mail is skipped", PATIENCE, async || {
        let skipped = deliveries(hub, "user=budi&state=skipped&channel=email").await;
        let reason = skipped.first()?["reason"].as_str()?.to_owned();
        reason.contains("muted").then_some(())
    })
    .await;
    assert_eq!(receivers.mails().await.len(), before);
    // What cannot be muted offers no link that would be refused.
    publish(hub, "ALARM", "budi", "fire").await;
    let mails = until("the alarm arrives", PATIENCE, async || {
        Some(receivers.mails().await).filter(|mails| mails.len() > before)
    })
    .await;
    let alarm = mails.last().expect("it is there");
    assert_eq!(alarm["headers"]["subject"], "Title of ALARM");
    assert!(alarm["headers"]["list-unsubscribe"].is_null(), "{alarm}");
}

#[tokio::test]
async fn every_channel_gets_a_notification_on_sqlite() {
    every_channel_gets_a_notification(On::Sqlite).await;
}

#[tokio::test]
async fn every_channel_gets_a_notification_on_postgresql() {
    every_channel_gets_a_notification(On::Postgres).await;
}

async fn escalations_and_digests_look_at_what_was_seen(on: On) {
    let Some(receivers) = Receivers::start() else { return };
    let Some(hub) = Hub::with_config_on(on, &config(&receivers), &[]).await else { return };
    for user in ["budi", "siti", "tono"] {
        person(&hub, user).await;
    }
    publish(&hub, "ESCALATED", "budi", "unseen").await;
    publish(&hub, "ESCALATED", "siti", "seen").await;
    let path = "/api/v1/notifications/seen-all?user_id=siti";
    assert_eq!(hub.post(path, &json!({})).await.0, 200);
    for title in ["one", "two", "three"] {
        publish(&hub, "COLLECTED", "tono", title).await;
    }
    let first = hub.inbox("tono").await.pop().expect("it is there");
    let id = first["notification_id"].as_str().expect("an ID");
    hub.post(&format!("/api/v1/notifications/{id}/read?user_id=tono"), &json!({})).await;

    in_state(&hub, "budi", "sent", 1).await;
    let cancelled = in_state(&hub, "siti", "cancelled", 1).await;
    assert_eq!(cancelled[0]["reason"], "the notification was seen in time");
    let sent = in_state(&hub, "tono", "sent", 2).await;
    in_state(&hub, "tono", "cancelled", 1).await;
    let mails = receivers.mails().await;
    let digest = mails.iter().find(|mail| mail["to"] == json!(["tono@people.example"]));
    let digest = digest.expect("it arrived");
    assert_eq!(digest["headers"]["subject"], "2 new notifications");
    let text = digest["parts"]["text/plain"].as_str().expect("text");
    assert!(!text.contains("Message one"), "{text}");
    assert!(text.contains("Message two") && text.contains("Message three"), "{text}");
    let ids = sent.iter().map(|one| one["delivery_id"].as_str().unwrap_or_default());
    let message_id = digest["headers"]["message-id"].as_str().expect("an ID");
    assert_eq!(ids.filter(|id| message_id.contains(id)).count(), 1);
    assert_eq!(mails.len(), 2, "{mails:?}");
}

#[tokio::test]
async fn escalations_and_digests_look_at_what_was_seen_on_sqlite() {
    escalations_and_digests_look_at_what_was_seen(On::Sqlite).await;
}

#[tokio::test]
async fn escalations_and_digests_look_at_what_was_seen_on_postgresql() {
    escalations_and_digests_look_at_what_was_seen(On::Postgres).await;
}

#[tokio::test]
async fn recalled_event_disappears_and_is_not_sent() {
    let Some(receivers) = Receivers::start() else { return };
    let hub = Hub::with_config(&config(&receivers), &[]).await;
    person(&hub, "budi").await;
    let mut client = hub.connect("budi", "").await;
    client.expect("connected").await;
    let id = publish(&hub, "ESCALATED", "budi", "a mistake").await;
    client.expect("notification.push").await;
    let path = format!("/api/v1/events/{}", id.as_str().expect("an ID"));
    let (status, recalled) = hub.send("DELETE", &path, &[], String::new()).await;
    assert_eq!(status, 202, "{recalled}");
    assert_eq!(
        (&recalled["notifications"], &recalled["deliveries_cancelled"]),
        (&json!(1), &json!(1))
    );
    let update = client.expect("notification.update").await;
    assert_eq!((&update["status"], &update["unread"]), (&json!("deleted"), &json!(0)));
    let cancelled = in_state(&hub, "budi", "cancelled", 1).await;
    assert_eq!(cancelled[0]["reason"], "the event was recalled");
    let (status, again) = hub.send("DELETE", &path, &[], String::new()).await;
    assert_eq!((status, &again["notifications"]), (202, &json!(0)));
    assert_eq!(hub.send("DELETE", "/api/v1/events/none", &[], String::new()).await.0, 404);
}

#[tokio::test]
async fn dry_run_says_who_gets_what_and_changes_nothing() {
    let Some(receivers) = Receivers::start() else { return };
    let hub = Hub::with_config(&config(&receivers), &[]).await;
    person(&hub, "budi").await;
    let event = json!({ "type": "EVERYWHERE", "user_id": "budi", "title": "x", "event_id": "d1" });
    let (status, dry) = hub.post("/api/v1/events?dry_run=true", &event).await;
    assert_eq!((status, &dry["recipients"]), (200, &json!(1)), "{dry}");
    let channels = &dry["sample"][0]["channels"];
    let outcome = |name: &str| {
        let all = channels.as_array().expect("a list");
        all.iter().find(|one| one["channel"] == name).map(|one| one["outcome"].clone())
    };
    assert_eq!(outcome("web"), Some(json!("send")));
    assert_eq!(outcome("email"), Some(json!("send")));
    assert_eq!(outcome("push"), Some(json!("skip")));
    assert!(hub.inbox("budi").await.is_empty());
    let (_, unknown) =
        hub.post("/api/v1/events?dry_run=true", &json!({ "type": "EVERYWERE" })).await;
    assert!(unknown["results"][0]["reason"].as_str().is_some_and(|s| s.contains("EVERYWHERE")));
    let (status, real) = hub.post("/api/v1/events", &event).await;
    assert_eq!((status, &real["results"][0]["outcome"]), (202, &json!("accepted")));
}

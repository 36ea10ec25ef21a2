//! Category, icon, actions, marked-up messages and translated titles, against the built hub.

use serde_json::{Value, json};

use crate::inbox::id_of;
use crate::reload::save;
use crate::support::{
    hub::{Hub, On},
    wait::{PATIENCE, until},
};

const CONFIG: &str = r#"
[[type]]
code = "REFUND"
title = "Refund {refund_id}"
template = "**{name}** asks for [{amount}](/refunds/{refund_id})"
target = "SELF"
category = "Refunds"
icon = "/people/{name}.png"
rich = true
actions = [
    { label = "Approve {amount}", url = "/refunds/{refund_id}/approve", primary = true },
    { label = "Refuse", url = "/refunds/{refund_id}/refuse?why={why}" },
]

[[type]]
code = "LIKED"
title = "Liked"
template = "**{count}** likes"
target = "SELF"
rich = true
group_by = "note_id"

[[type]]
code = "MESSAGE"
title = "Message"
template = "{message}"
target = "SELF"

[[type]]
code = "ALERT"
title = "Alert"
template = "{message}"
target = "ROLE"
target_role = "operator"
channels = ["web", "push", "webhook:ops"]
escalate = [{ after = "10m", channels = ["email"] }]
"#;

async fn start(on: On) -> Option<Hub> {
    let hub = Hub::with_config_on(on, CONFIG, &[]).await?;
    save(&hub, "templates/id/REFUND.title.txt", "Pengembalian {refund_id}\n");
    Some(hub)
}

fn refund(user: &str, name: &str, id: &str) -> Value {
    json!({ "type": "REFUND", "user_id": user, "name": name, "amount": "Rp 5", "why": "a b&c",
        "refund_id": id })
}

async fn a_type_presents_its_notifications(on: On) {
    let Some(hub) = start(on).await else { return };
    let mut client = hub.connect("u", "&sync=none").await;
    client.expect("connected").await;

    hub.publish(&refund("u", "ani", "r/1")).await;

    let pushed = client.expect("notification.push").await;
    assert_eq!(pushed["title"], "Refund r/1");
    assert_eq!(pushed["message"], "ani asks for Rp 5");
    assert_eq!(pushed["rich"], "**ani** asks for [Rp 5](/refunds/r/1)");
    assert_eq!(
        (&pushed["category"], &pushed["icon"]),
        (&json!("Refunds"), &json!("/people/ani.png"))
    );
    let actions = json!([
        { "label": "Approve Rp 5", "url": "/refunds/r%2F1/approve", "primary": true },
        { "label": "Refuse", "url": "/refunds/r%2F1/refuse?why=a%20b%26c", "primary": false },
    ]);
    assert_eq!(pushed["actions"], actions);
    assert_eq!(pushed.get("clicked_action"), None);
    let stored = &hub.inbox("u").await[0];
    for field in ["title", "message", "rich", "category", "icon", "actions"] {
        assert_eq!(stored[field], pushed[field], "{field}");
    }
    let (_, types) = hub.get("/api/v1/preferences/types?user_id=u").await;
    let of = |code: &str| {
        let types = types["types"].as_array().expect("a list");
        types.iter().find(|one| one["code"] == code).cloned().unwrap_or_default()
    };
    assert_eq!(of("REFUND")["category"], "Refunds");
    assert_eq!(of("REFUND")["name"], "Refund", "the title depends on the event");
    assert_eq!((&of("LIKED")["category"], &of("LIKED")["name"]), (&Value::Null, &json!("Liked")));
}

async fn types_say_on_which_channels_and_whether_they_reach_a_user(on: On) {
    let Some(hub) = start(on).await else { return };
    let operator = json!({ "roles": ["operator"] }).to_string();
    hub.send("PUT", "/api/v1/admin/directory/ani", &[], operator).await;

    for (user, applies) in [("ani", true), ("budi", false)] {
        let (_, types) = hub.get(&format!("/api/v1/preferences/types?user_id={user}")).await;
        let types = types["types"].as_array().cloned().unwrap_or_default();
        let of = |code: &str| types.iter().find(|one| one["code"] == code).cloned();
        let (alert, message) = (of("ALERT").unwrap_or_default(), of("MESSAGE").unwrap_or_default());
        assert_eq!((&alert["applies"], &message["applies"]), (&json!(applies), &json!(true)));
        assert_eq!(alert["channels"], json!(["email", "push"]));
        assert_eq!(message["channels"], json!([]));
    }
}

async fn the_value_of_an_event_makes_no_mark(on: On) {
    let Some(hub) = start(on).await else { return };

    hub.publish(&refund("u", "[click](https://evil.example) **now**", "1")).await;

    let item = &hub.inbox("u").await[0];
    assert_eq!(item["message"], "[click](https://evil.example) **now** asks for Rp 5");
    let rich = item["rich"].as_str().expect("the type has marks");
    assert!(rich.contains(r"\[click\]\(https://evil.example\) \*\*now\*\*"), "{rich}");
}

async fn a_pressed_action_is_kept(on: On) {
    let Some(hub) = start(on).await else { return };
    for id in ["1", "2"] {
        hub.publish(&refund("u", "ani", id)).await;
    }
    let ids: Vec<String> = hub.inbox("u").await.iter().map(id_of).collect();
    let (mut one, mut two) =
        (hub.connect("u", "&sync=none").await, hub.connect("u", "&sync=none").await);
    one.expect("connected").await;
    two.expect("connected").await;

    let click = |action: Value| {
        json!({ "type": "notification.clicked",
            "data": { "notification_id": ids[0], "action": action } })
    };
    one.send(&click(json!(1))).await;
    let ack = one.expect("notification.clicked.ack").await;
    assert_eq!((&ack["status"], &ack["unread"]), (&json!("read"), &json!(1)), "{ack}");
    assert_eq!(two.expect("notification.update").await["clicked_action"], 1);
    // The other one is pressed later; the same once more takes no revision.
    let path = format!("/api/v1/notifications/{}/clicked?user_id=u", ids[0]);
    let (_, changed) = hub.post(&path, &json!({ "action": 0 })).await;
    assert_eq!(changed["clicked_action"], 0);
    let (_, again) = hub.post(&path, &json!({ "action": 0 })).await;
    assert_eq!(again["revision"], changed["revision"]);
    // A click on the row keeps what was pressed.
    let (_, row) = hub.post(&path, &Value::Null).await;
    assert_eq!((&row["clicked_action"], &row["revision"]), (&json!(0), &changed["revision"]));
    for bad in [json!(2), json!(-1), json!("0")] {
        assert_eq!(hub.post(&path, &json!({ "action": bad })).await.0, 400, "{bad}");
        one.send(&click(bad.clone())).await;
        let error = one.skip_to("error").await;
        assert_eq!(error["code"], "bad_message", "{bad}");
    }
    let (_, explained) = hub.get(&format!("/api/v1/admin/explain?event={}", ids[0])).await;
    let pressed = &explained["events"][0]["recipients"][0]["clicked_action"];
    assert_eq!(pressed, &json!({ "index": 0, "label": "Approve Rp 5" }), "{explained}");
    // Nothing of it is left after deletion.
    let path = format!("/api/v1/notifications/{}?user_id=u", ids[1]);
    assert_eq!(hub.send("DELETE", &path, &[], String::new()).await.0, 200);
    let deleted = two.skip_to("notification.update").await;
    let deleted = if deleted["status"] == "deleted" {
        deleted
    } else {
        two.expect("notification.update").await
    };
    assert_eq!((&deleted["category"], &deleted["actions"]), (&Value::Null, &json!([])));
}

async fn the_list_is_filtered_by_category_and_text(on: On) {
    let Some(hub) = start(on).await else { return };
    hub.publish(&refund("u", "Ani 100%", "1")).await;
    hub.publish(&refund("u", "Budi", "2")).await;
    hub.publish(&json!({ "type": "MESSAGE", "user_id": "u", "message": "about ani" })).await;
    let found = async |query: &str| {
        let (status, list) = hub.get(&format!("/api/v1/notifications?user_id=u&{query}")).await;
        assert_eq!(status, 200, "{list}");
        list["items"].as_array().expect("a list").len()
    };
    assert_eq!(found("category=Refunds").await, 2);
    assert_eq!(found("category=Refunds&limit=1").await, 1);
    assert_eq!(found("category=Other").await, 0);
    assert_eq!(found("q=ANI").await, 2);
    assert_eq!(found("q=ani&category=Refunds").await, 1);
    assert_eq!(found("q=REFUND%202").await, 1, "titles count too");
    assert_eq!(found("q=0%25&status=unread").await, 1, "a percent sign is one");
    assert_eq!(found("q=A_i").await, 0, "so is an underscore");
    hub.publish(&json!({ "type": "MESSAGE", "user_id": "u", "message": "Café ПРИВЕТ Größe" }))
        .await;
    for text in ["CAFÉ", "привет", "größe", "GRÖße"] {
        let query = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
        assert_eq!(found(&format!("q={query}")).await, 1, "{text}");
    }
    let long = "x".repeat(101);
    for bad in [format!("q={long}"), "q=x&since=0".to_owned(), "category=x&since=0".to_owned()] {
        let (status, _) = hub.get(&format!("/api/v1/notifications?user_id=u&{bad}")).await;
        assert_eq!(status, 400, "{bad}");
    }
}

async fn titles_are_translated_and_groups_keep_their_marks(on: On) {
    let Some(hub) = start(on).await else { return };
    let person = json!({ "locale": "id-ID" }).to_string();
    let (status, _) = hub.send("PUT", "/api/v1/admin/directory/rina", &[], person).await;
    assert!((200..300).contains(&status), "{status}");
    until("the title is read from its file", PATIENCE, async || {
        hub.publish(&refund("rina", "ani", "7")).await;
        let title = hub.inbox("rina").await[0]["title"].clone();
        (title == "Pengembalian 7").then_some(())
    })
    .await;
    for n in 0..3 {
        let event = json!({ "type": "LIKED", "user_id": "u", "actor_id": format!("a{n}"),
            "note_id": "n" });
        hub.publish(&event).await;
    }
    let item = &hub.inbox("u").await[0];
    assert_eq!((&item["count"], &item["message"]), (&json!(3), &json!("3 likes")));
    assert_eq!(item["rich"], "**3** likes");
}

async fn notify_takes_a_presentation(on: On) {
    let Some(hub) = start(on).await else { return };
    let body = json!({ "target": [{ "id": "u" }], "message": "hi", "category": "News",
        "icon": "https://example.com/a.png",
        "actions": [{ "label": "Open", "url": "/a" }, { "label": "Close", "url": "/b",
            "primary": true }] });

    assert_eq!(hub.post("/api/v1/notify", &body).await.0, 202);

    let item = &hub.inbox("u").await[0];
    assert_eq!(item["category"], "News");
    assert_eq!(item["icon"], "https://example.com/a.png");
    assert_eq!(item["actions"][1], json!({ "label": "Close", "url": "/b", "primary": true }));
    let action = json!({ "label": "x", "url": "/x" });
    for (field, value) in [
        ("actions", json!([action, action, action])),
        ("actions", json!([{ "label": "", "url": "/x" }])),
        ("actions", json!([{ "label": "x", "url": "javascript:alert(1)" }])),
        ("actions", json!([{ "label": "x".repeat(65), "url": "/x" }])),
        ("icon", json!("data:image/png;base64,x")),
        ("category", json!("x".repeat(65))),
    ] {
        let mut bad = body.clone();
        bad[field] = value.clone();
        let (status, problem) = hub.post("/api/v1/notify", &bad).await;
        assert_eq!(status, 400, "{field} {value}");
        assert!(problem["detail"].to_string().contains(field), "{problem}");
    }
    assert_eq!(hub.inbox("u").await.len(), 1);
}

/// Makes a test for each store.
macro_rules! on_each_store {
    ($($test:ident)*) => {
        mod sqlite {
            use super::On;
            $(#[tokio::test] async fn $test() { super::$test(On::Sqlite).await; })*
        }
        mod postgresql {
            use super::On;
            $(#[tokio::test] async fn $test() { super::$test(On::Postgres).await; })*
        }
    };
}

on_each_store! {
    a_type_presents_its_notifications
    the_value_of_an_event_makes_no_mark
    a_pressed_action_is_kept
    the_list_is_filtered_by_category_and_text
    titles_are_translated_and_groups_keep_their_marks
    notify_takes_a_presentation
    types_say_on_which_channels_and_whether_they_reach_a_user
}

#[tokio::test]
async fn a_type_with_a_wrong_presentation_is_refused_by_field() {
    let hub = Hub::with_config(CONFIG, &[]).await;
    let path = "/api/v1/admin/types/MESSAGE";
    let action = json!({ "label": "x", "url": "/x" });
    for (field, value) in [
        ("actions", json!([action, action, action])),
        ("actions", json!([{ "label": "x", "url": "{url}" }])),
        ("actions", json!([{ "label": "{", "url": "/x" }])),
        ("icon", json!("javascript:x")),
        ("category", json!("{% if %}")),
        ("display_name", json!("{")),
    ] {
        let body = json!({ field: value });
        let (status, problem) = hub.send("PATCH", path, &[], body.to_string()).await;
        assert_eq!(status, 400, "{field} {value}");
        assert!(problem["detail"].to_string().contains(field), "{problem}");
    }
    let draft = json!({ "type": { "actions": [{ "label": "Go {n}", "url": "/{n}" }], "rich": true,
        "template": "**{n}**", "category": "C {n}" }, "data": { "n": 5 } });
    let (_, preview) = hub.post("/api/v1/admin/types/MESSAGE/preview", &draft).await;
    assert_eq!(preview["actions"][0], json!({ "label": "Go 5", "url": "/5", "primary": false }));
    assert_eq!((&preview["rich"], &preview["category"]), (&json!("**5**"), &json!("C 5")));
}

//! Translations and e-mails of types that administrators write, against the built hub.

use serde_json::{Value, json};

use crate::reload::save;
use crate::support::{
    hub::{Hub, On},
    wait::{PATIENCE, until},
};

const CONFIG: &str = r#"
[[type]]
code = "NOTE"
title = "A note"
template = "{who} wrote {title}"
target = "SELF"
channels = ["web", "email"]

[[type]]
code = "MESSAGE"
title = "Message"
template = "{message}"
target = "SELF"
"#;

const NOTE: &str = "/api/v1/admin/types/NOTE";

async fn start(on: On) -> Option<Hub> {
    let hub = Hub::with_config_on(on, CONFIG, &[]).await?;
    for (user, locale) in [("rina", "id-ID"), ("ana", "pt")] {
        let person = json!({ "locale": locale, "name": user }).to_string();
        let path = format!("/api/v1/admin/directory/{user}");
        assert!(hub.send("PUT", &path, &[], person).await.0 < 300);
    }
    Some(hub)
}

async fn patch(hub: &Hub, body: Value) -> (u16, Value) {
    hub.send("PATCH", NOTE, &[], body.to_string()).await
}

fn note(user: &str) -> Value {
    json!({ "type": "NOTE", "user_id": user, "who": "Budi", "title": "Tea" })
}

async fn newest(hub: &Hub, user: &str) -> (Value, Value) {
    hub.publish(&note(user)).await;
    let item = hub.inbox(user).await[0].clone();
    (item["title"].clone(), item["message"].clone())
}

fn says(title: &str, message: &str) -> (Value, Value) {
    (json!(title), json!(message))
}

async fn a_text_of_the_table_replaces_that_of_the_file(on: On) {
    let Some(hub) = start(on).await else { return };
    save(&hub, "templates/id/NOTE.txt", "{who} menulis {title}\n");
    save(&hub, "templates/id/NOTE.title.txt", "Catatan\n");
    until("the files are loaded", PATIENCE, async || {
        let (_, kind) = hub.get(NOTE).await;
        let files = json!({ "id": { "template": "{who} menulis {title}", "title": "Catatan" } });
        (kind["file_translations"] == files).then_some(())
    })
    .await;
    // The catalog follows a moment later.
    until("notifications have the texts of the files", PATIENCE, async || {
        (newest(&hub, "rina").await == says("Catatan", "Budi menulis Tea")).then_some(())
    })
    .await;

    let texts = json!({ "id": { "template": "Dari {who}: {title}" } });
    let (status, kind) = patch(&hub, json!({ "translations": texts })).await;
    assert_eq!((status, &kind["translations"]), (200, &texts), "{kind}");
    assert_eq!(kind["file_says"], json!({ "translations": {} }));
    assert_eq!(newest(&hub, "rina").await, says("Catatan", "Dari Budi: Tea"));
    assert_eq!(newest(&hub, "u").await, says("A note", "Budi wrote Tea"));

    // A merge patch reaches into the objects, and null removes a text.
    let more =
        json!({ "translations": { "pt": { "title": "Nota" }, "id": { "title": "Nota baru" } } });
    assert_eq!(patch(&hub, more).await.0, 200);
    assert_eq!(newest(&hub, "rina").await, says("Nota baru", "Dari Budi: Tea"));
    assert_eq!(newest(&hub, "ana").await, says("Nota", "Budi wrote Tea"));
    let less = json!({ "translations": { "id": { "title": null } } });
    assert_eq!(patch(&hub, less).await.0, 200);
    assert_eq!(newest(&hub, "rina").await, says("Catatan", "Dari Budi: Tea"));

    // What is read may be written back.
    let (_, read) = hub.get(NOTE).await;
    let (status, written) = hub.send("PUT", NOTE, &[], read.to_string()).await;
    assert_eq!((status, &written["translations"]), (200, &read["translations"]), "{written}");

    let (status, kind) = hub.send("DELETE", &format!("{NOTE}/override"), &[], String::new()).await;
    assert_eq!((status, &kind["translations"]), (200, &json!({})));
    assert_eq!(newest(&hub, "rina").await, says("Catatan", "Budi menulis Tea"));
}

async fn another_hub_and_a_restart_know_the_texts(on: On) {
    let Some(mut hub) = start(on).await else { return };
    let texts = json!({ "translations": { "id": { "title": "Catatan" } } });
    assert_eq!(patch(&hub, texts).await.0, 200);
    if on == On::Postgres {
        let other = hub.beside_with_config().await;
        assert_eq!(newest(&other, "rina").await, says("Catatan", "Budi wrote Tea"));
        assert_eq!(
            patch(&hub, json!({ "translations": { "id": { "title": "Dua" } } })).await.0,
            200
        );
        until("the other hub has the change", PATIENCE, async || {
            (newest(&other, "rina").await.0 == "Dua").then_some(())
        })
        .await;
        return;
    }
    hub.terminate().await;
    hub.run().await;
    assert_eq!(newest(&hub, "rina").await, says("Catatan", "Budi wrote Tea"));
}

async fn an_invalid_text_is_refused_by_locale_and_member(on: On) {
    let Some(hub) = start(on).await else { return };
    let (_, before) = hub.get(NOTE).await;
    for (body, field) in [
        (json!({ "translations": { "id": { "template": "a\n{" } } }), "translations.id.template"),
        (
            json!({ "translations": { "id": { "email": { "html": "{x|nofilter}" } } } }),
            "translations.id.email.html",
        ),
        (json!({ "email": { "subject": "{% if %}" } }), "email.subject"),
        (json!({ "translations": { "no locale": { "title": "x" } } }), "translations"),
        (json!({ "translations": { "id": { "headline": "x" } } }), "translations.id.headline"),
        (json!({ "translations": { "id": { "title": 7 } } }), "translations.id.title"),
        (
            json!({ "translations": { "id": { "template": "x".repeat(70_000) } } }),
            "translations.id.template",
        ),
    ] {
        let (status, problem) = patch(&hub, body).await;
        assert_eq!(status, 400, "{field}: {problem}");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    assert_eq!(hub.get(NOTE).await.1, before);
}

async fn a_failed_text_names_its_locale_and_place(on: On) {
    let Some(hub) = start(on).await else { return };
    let texts = json!({ "translations": { "id": { "template": "{judul}" } } });
    assert_eq!(patch(&hub, texts).await.0, 200);
    let (status, problem) = hub.post("/api/v1/events", &note("rina")).await;
    assert_eq!(status, 400, "{problem}");
    let expected =
        "the template needs judul, which the event does not have (message, locale id, table)";
    assert!(problem["detail"].to_string().contains(expected), "{problem}");

    let preview = format!("{NOTE}/preview");
    let data = json!({ "who": "a", "title": "b" });
    let of = |locale: &str| json!({ "data": data, "locale": locale });
    let (status, problem) = hub.post(&preview, &of("id")).await;
    assert_eq!(status, 400);
    assert!(problem["detail"].to_string().contains(expected), "{problem}");
    let (status, rendered) = hub.post(&preview, &of("")).await;
    assert_eq!((status, &rendered["message"]), (200, &json!("a wrote b")));
    let warning = json!([{ "locale": "id", "detail": expected }]);
    assert_eq!(rendered["warnings"], warning);
    // With the field, it is still one that the default texts do not use.
    let with = json!({ "data": { "who": "a", "title": "b", "judul": "c" }, "locale": "id-ID" });
    let (_, rendered) = hub.post(&preview, &with).await;
    assert_eq!(rendered["message"], "c");
    let detail = rendered["warnings"][0]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("need judul"), "{rendered}");
    assert_eq!(hub.post(&preview, &json!({ "locale": "?" })).await.0, 400);
}

async fn e_mails_are_previewed_with_the_texts_of_the_table(on: On) {
    let Some(hub) = start(on).await else { return };
    save(&hub, "templates/email/NOTE.subject.txt", "File: {about}\n");
    save(&hub, "templates/id/email/NOTE.subject.txt", "Berkas: {about}\n");
    until("the files are loaded", PATIENCE, async || {
        let (_, kind) = hub.get(NOTE).await;
        let is_loaded = kind["file_email"] == json!({ "subject": "File: {about}" })
            && kind["file_translations"]["id"]["email"]["subject"] == "Berkas: {about}";
        is_loaded.then_some(())
    })
    .await;
    let preview = async |locale: &str, draft: Value| {
        let data = json!({ "who": "<b>", "about": "Tea", "title": "x" });
        let body = json!({ "data": data, "channel": "email",
            "locale": locale, "type": draft });
        hub.post(&format!("{NOTE}/preview"), &body).await.1
    };
    let none = preview("", json!({})).await;
    assert_eq!(none["subject"], "File: Tea", "{none}");
    let draft = json!({
        "email": { "subject": "Table: {about}", "html": "<p>{who}</p>" },
        "translations": { "id": { "email": { "text": "Dari {who}" } } },
    });
    let table = preview("", draft.clone()).await;
    assert_eq!(
        (&table["subject"], &table["html"]),
        (&json!("Table: Tea"), &json!("<p>&lt;b&gt;</p>"))
    );
    let local = preview("id", draft).await;
    assert_eq!((&local["subject"], &local["text"]), (&json!("Berkas: Tea"), &json!("Dari <b>")));
    assert_eq!(local["html"], "<p>&lt;b&gt;</p>", "the default language is next");
    let failing = preview("", json!({ "email": { "subject": "{nothing}" } })).await;
    assert_eq!(failing["subject"], "File: Tea");
    let detail = failing["warnings"][0]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("nothing") && detail.contains("table"), "{failing}");
}

async fn a_test_is_sent_to_one_user_with_the_code_of_the_type(on: On) {
    let Some(hub) = start(on).await else { return };
    let body = json!({ "data": { "who": "a", "title": "b" }, "recipient": "u",
        "type": { "template": "Draft of {who}" } });
    let (status, sent) = hub.post(&format!("{NOTE}/test"), &body).await;
    assert_eq!((status, &sent["type"]), (200, &json!("NOTE")), "{sent}");
    let item = &hub.inbox("u").await[0];
    assert_eq!((&item["message"], &item["type_code"]), (&json!("Draft of a"), &json!("NOTE")));
    assert_eq!(item["notification_id"], sent["notification_id"]);
    let (_, deliveries) = hub.get("/api/v1/admin/deliveries?user=u").await;
    assert_eq!(deliveries["items"], json!([]), "a test is for the bell alone");
    let path = format!("/api/v1/admin/explain?event={}", sent["event_id"].as_str().unwrap_or("?"));
    assert_eq!(hub.get(&path).await.1["events"][0]["code"], "NOTE");

    // A type that does not exist yet has the code of direct notifications.
    let draft = json!({ "display_name": "New", "template": "New {who}", "target_type": "ALL" });
    let body = json!({ "data": { "who": "a" }, "recipient": "u", "type": draft });
    let (status, sent) = hub.post("/api/v1/admin/types/FRESH/test", &body).await;
    assert_eq!((status, &sent["type"]), (200, &json!("MESSAGE")), "{sent}");
    assert_eq!(hub.inbox("u").await[0]["message"], "New a");
    let muted = json!({ "muted_types": ["NOTE"] }).to_string();
    assert_eq!(hub.send("PUT", "/api/v1/preferences?user_id=u", &[], muted).await.0, 200);
    let body = json!({ "data": { "who": "a", "title": "b" }, "recipient": "u" });
    let (_, sent) = hub.post(&format!("{NOTE}/test"), &body).await;
    assert_eq!(sent["notification_id"], Value::Null);
    assert!(sent["reason"].to_string().contains("muted"), "{sent}");
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
    a_text_of_the_table_replaces_that_of_the_file
    another_hub_and_a_restart_know_the_texts
    an_invalid_text_is_refused_by_locale_and_member
    a_failed_text_names_its_locale_and_place
    e_mails_are_previewed_with_the_texts_of_the_table
    a_test_is_sent_to_one_user_with_the_code_of_the_type
}

#[tokio::test]
async fn locales_are_those_of_users_and_texts() {
    let hub = start(On::Sqlite).await.expect("SQLite is always there");
    save(&hub, "templates/de/NOTE.txt", "Notiz\n");
    let texts = json!({ "translations": { "ar": { "title": "x" } } });
    assert_eq!(patch(&hub, texts).await.0, 200);
    until("they are known", PATIENCE, async || {
        let (_, found) = hub.get("/api/v1/admin/locales").await;
        let expected = json!({ "default_locale": "en", "locales": [
            { "locale": "ar", "users": 0 }, { "locale": "de", "users": 0 },
            { "locale": "id", "users": 1 }, { "locale": "pt", "users": 1 } ] });
        (found == expected).then_some(())
    })
    .await;
}

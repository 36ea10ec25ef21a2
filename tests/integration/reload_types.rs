//! Edits on disk that remove types.

use crate::reload::{last_error, save};
use crate::support::{
    hub::Hub,
    wait::{PATIENCE, until},
};
use serde_json::{Value, json};
use std::{fs, time::Duration};

fn types(codes: &[&str]) -> String {
    codes.iter().fold("[auth]\nmethods = [\"dev\"]\n".to_owned(), |text, code| {
        let more = "title = \"T\"\ntemplate = \"x\"\ntarget = \"SELF\"\n";
        format!("{text}[[type]]\ncode = \"{code}\"\n{more}")
    })
}

async fn outcome(hub: &Hub, code: &str) -> String {
    let (_, body) = hub.post("/api/v1/events", &json!({ "type": code, "user_id": "u" })).await;
    body["results"][0]["outcome"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn truncated_file_removes_no_types_without_confirmation() {
    let codes = ["NOTE_CREATED", "NOTE_UPDATED", "NOTE_DELETED", "NOTE_SHARED"];
    let hub = Hub::with_config(&types(&codes), &[]).await;
    // Valid TOML with one of four types.
    save(&hub, "config.toml", &types(&codes[..1]));
    let error = until("the edit is refused", PATIENCE, async || {
        let error = last_error(&hub).await;
        (!error.is_null()).then_some(error)
    })
    .await;
    let text = error["message"].as_str().expect("it has a text");
    assert!(text.contains("3 of 4") && codes[1..].iter().all(|code| text.contains(code)), "{text}");
    assert!(text.contains("SIGHUP") && text.contains("console"), "it says what to do: {text}");
    let (_, shown) = hub.get("/api/v1/admin/config").await;
    assert_eq!(shown["would_remove"], json!(codes[1..]));
    assert_eq!(hub.get("/health/ready").await.1["config"], "degraded");
    for code in codes {
        assert_eq!(outcome(&hub, code).await, "accepted", "{code}");
    }
    // The rest of the file arrives.
    save(&hub, "config.toml", &types(&codes));
    until("it is taken", PATIENCE, async || last_error(&hub).await.is_null().then_some(())).await;
    // An administrator confirms the removal.
    save(&hub, "config.toml", &types(&codes[..1]));
    until("the edit is refused again", PATIENCE, async || {
        (!last_error(&hub).await.is_null()).then_some(())
    })
    .await;
    let (status, shown) = hub.post("/api/v1/admin/config/reload", &json!({})).await;
    assert_eq!(
        (status, &shown["last_error"], &shown["would_remove"]),
        (200, &Value::Null, &json!([])),
        "{shown}"
    );
    assert_eq!(
        (outcome(&hub, codes[0]).await.as_str(), outcome(&hub, codes[3]).await.as_str()),
        ("accepted", "skipped")
    );
    let warning = hub.log().lines().find(|line| line.contains("types removed")).map(str::to_owned);
    let warning = warning.expect("it is logged");
    assert!(
        warning.contains("WARN") && codes[1..].iter().all(|code| warning.contains(code)),
        "{warning}"
    );
}

#[tokio::test]
async fn slowly_saved_file_loses_no_event() {
    let codes = ["NOTE_CREATED", "NOTE_UPDATED", "NOTE_DELETED"];
    let hub = Hub::with_config(&types(&codes), &[]).await;
    let whole = types(&codes);
    // The file grows in place, as in a copy over a slow network, and is valid TOML in between.
    let (path, parts) =
        (hub.folder().join("config.toml"), whole.split_inclusive("[[type]]").count());
    for end in 1..=parts {
        let text: String = whole.split("[[type]]").take(end).collect::<Vec<_>>().join("[[type]]");
        fs::write(&path, text).expect("it is writable");
        let until = tokio::time::Instant::now() + Duration::from_millis(1_200);
        while tokio::time::Instant::now() < until {
            for code in codes {
                assert_eq!(outcome(&hub, code).await, "accepted", "{code} after {end} parts");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert!(!hub.log().contains("types removed"), "{}", hub.log());
}

#[tokio::test]
async fn a_single_type_is_removed_and_named() {
    let hub = Hub::with_config(&types(&["A", "B", "C"]), &[]).await;
    save(&hub, "config.toml", &types(&["A", "C"]));
    until("it is removed", PATIENCE, async || {
        (outcome(&hub, "B").await == "skipped").then_some(())
    })
    .await;
    let log = hub.log();
    assert!(
        log.lines().any(|line| line.contains("types removed") && line.contains("codes=\"B\"")),
        "{log}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn pipe_as_configuration_is_refused_and_the_hub_stops_normally() {
    let mut hub = Hub::with_config(&types(&["A", "B"]), &[]).await;
    let path = hub.folder().join("config.toml");
    fs::remove_file(&path).expect("it is there");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()));
    until("it is refused", PATIENCE, async || {
        let error = last_error(&hub).await;
        error["message"]
            .as_str()
            .is_some_and(|text| text.contains("not a regular file"))
            .then_some(())
    })
    .await;
    fs::remove_file(&path).expect("it is there");
    save(&hub, "config.toml", &types(&["A", "B", "NEW"]));
    until("edits are taken again", PATIENCE, async || {
        (outcome(&hub, "NEW").await == "accepted").then_some(())
    })
    .await;
    hub.terminate().await;
    assert!(hub.log().trim_end().ends_with("stopped"), "{}", hub.log());
}

#[tokio::test]
async fn changed_type_of_the_file_that_an_override_hides_is_named_in_the_log() {
    let hub = Hub::with_config(&types(&["NOTE_CREATED", "NOTE_UPDATED"]), &[]).await;
    let path = "/api/v1/admin/types/NOTE_CREATED";
    let body = json!({ "is_active": false }).to_string();
    assert_eq!(hub.send("PATCH", path, &[], body).await.0, 200);
    let warnings = || {
        let log = hub.log();
        let lines = log.lines().filter(|line| line.contains("the file does not apply"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let changed = types(&["NOTE_CREATED", "NOTE_UPDATED"]).replace("\"x\"", "\"changed\"");
    save(&hub, "config.toml", &changed);
    until("the edit is named", PATIENCE, async || (!warnings().is_empty()).then_some(())).await;
    save(&hub, "config.toml", &types(&["NOTE_CREATED", "NOTE_UPDATED", "NOTE_SHARED"]));
    until("the next edit is taken", PATIENCE, async || {
        (hub.get("/api/v1/admin/types/NOTE_SHARED").await.0 == 200).then_some(())
    })
    .await;
    let warnings = warnings();
    assert!(warnings[0].contains("NOTE_CREATED") && !warnings[0].contains("NOTE_UPDATED"));
}

//! `lonceng types`: events that the types in use expect.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{reload::config, support::hub::Hub};

fn lonceng(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_lonceng")).args(arguments).output().expect("it runs")
}

fn printed(arguments: &[&str]) -> String {
    let output = lonceng(arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("it is text")
}

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml");

/// Returns whether the compiler of TypeScript accepts a file; `None` where it is missing.
fn compiles(file: &Path) -> Option<bool> {
    let compiler = concat!(env!("CARGO_MANIFEST_DIR"), "/web/node_modules/.bin/tsc");
    if !Path::new(compiler).exists() {
        return None;
    }
    let arguments = ["--noEmit", "--strict", "--skipLibCheck"];
    let output = Command::new(compiler).args(arguments).arg(file).output().ok()?;
    println!("{}", String::from_utf8_lossy(&output.stdout));
    Some(output.status.success())
}

#[test]
fn printed_types_are_accepted_by_the_compiler_and_tell_events_apart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("events.ts");
    let types = printed(&["--config", CONFIG, "types", "--typescript"]);
    let use_them = |event: &str| format!("{types}\nexport const event: LoncengEvent = {event};\n");
    let good = r#"{ type: "NOTE_CREATED", user_id: "u", title: "t" }"#;
    for (event, expected) in [
        (good, true),
        (r#"{ type: "NOTE_CREATED", user_id: "u" }"#, false),
        (r#"{ type: "NOTE_CREATD", user_id: "u", title: "t" }"#, false),
    ] {
        fs::write(&file, use_them(event)).expect("it is writable");
        let Some(compiled) = compiles(&file) else { return };
        assert_eq!(compiled, expected, "{event}");
    }
}

#[test]
fn json_schema_has_one_definition_per_type() {
    let text = printed(&["--config", CONFIG, "types", "--json-schema"]);
    let schema: Value = serde_json::from_str(&text).expect("it is JSON");
    let note = &schema["$defs"]["NoteCreatedEvent"];
    assert_eq!(note["properties"]["type"], json!({ "const": "NOTE_CREATED" }));
    assert_eq!(note["required"], json!(["type", "title", "user_id"]));
    let types = schema["$defs"].as_object().map(serde_json::Map::len);
    assert_eq!(schema["oneOf"].as_array().map(Vec::len), types);
    let both = lonceng(&["--config", CONFIG, "types", "--json-schema", "--typescript"]);
    assert_eq!(both.status.code(), Some(2));
    assert_eq!(lonceng(&["--config", CONFIG, "types"]).status.code(), Some(2));
}

#[tokio::test]
async fn types_of_a_running_hub_are_printed() {
    let text = config("template = \"{title}\"", "");
    let hub = Hub::with_config(&text, &[]).await;
    let change = json!({ "template": "{title} {author}" }).to_string();
    let path = "/api/v1/admin/types/NOTE_CREATED";
    assert_eq!(hub.send("PATCH", path, &[], change).await.0, 200);
    let types = printed(&["--config", "none.toml", "types", "--typescript", "--url", &hub.base()]);
    assert!(types.contains("  author: JsonValue;\n"), "{types}");
}

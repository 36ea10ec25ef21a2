//! The house rules, kept by reading the source.

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, with its path from the root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/");
                found.push((name, std::fs::read_to_string(&path).expect("it is text")));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// The code of a file without its comments and its tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or(text);
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Whether a file uses a module of this crate: `use crate::x` or, within a tree, `crate::{x, …}`.
fn uses(code: &str, module: &str) -> bool {
    if code.contains(&format!("crate::{module}")) {
        return true;
    }
    let flat: String = code.split_whitespace().collect::<Vec<_>>().join(" ");
    flat.split("crate::{").skip(1).any(|tree| {
        // The names at the first level of the tree.
        let (mut depth, mut name, mut names) = (1, String::new(), Vec::new());
        for c in tree.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => names.push(std::mem::take(&mut name)),
                other if depth == 1 => name.push(other),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        names.push(name);
        names.iter().any(|name| name.trim().split("::").next() == Some(module))
    })
}

#[test]
fn the_domain_knows_no_outside_and_no_clock() {
    let outside = [
        "tokio",
        "actix",
        "sqlx",
        "async_nats",
        "redis",
        "reqwest",
        "std::fs",
        "std::net",
        "std::env",
        "std::time::Instant",
        "SystemTime",
        "Utc::now",
        "Uuid::now",
        "Uuid::new_v4",
        "tracing",
        "metrics::",
    ];
    for (name, text) in sources("src/domain") {
        let code = code(&text);
        for word in outside {
            assert!(!code.contains(word), "{name} uses {word}");
        }
        for module in
            ["actors", "auth", "cli", "clock", "config", "http", "hub", "redis", "sources", "store", "telemetry"]
        {
            assert!(!uses(&code, module), "{name} uses crate::{module}");
        }
    }
}

#[test]
fn uses_point_inwards() {
    let rules: [(&str, &[&str]); 8] = [
        ("src/config", &["actors", "auth", "cli", "http", "hub", "sources", "store", "telemetry"]),
        ("src/store", &["actors", "auth", "cli", "config", "http", "hub", "sources", "telemetry"]),
        ("src/redis", &["actors", "auth", "cli", "config", "http", "hub", "sources", "store", "telemetry"]),
        ("src/auth", &["actors", "cli", "http", "hub", "sources", "store", "telemetry"]),
        ("src/telemetry", &["actors", "auth", "cli", "config", "http", "hub", "sources", "store"]),
        ("src/sources", &["auth", "cli", "http", "hub"]),
        ("src/actors", &["auth", "cli", "http", "hub"]),
        ("src/http", &["cli", "hub", "sources"]),
    ];
    for (folder, forbidden) in rules {
        for (name, text) in sources(folder) {
            for module in forbidden {
                assert!(!uses(&code(&text), module), "{name} uses crate::{module}");
            }
        }
    }
}

#[test]
fn sql_lives_in_the_store() {
    for (name, text) in sources("src") {
        let code = code(&text);
        let sql = ["sqlx::", "SELECT ", "INSERT INTO ", "UPDATE notif", "DELETE FROM "];
        for word in sql.iter().filter(|word| code.contains(**word)) {
            assert!(name.starts_with("src/store/"), "{name} has {word}");
        }
    }
}

#[test]
fn only_problem_rs_chooses_the_status_of_an_error() {
    for (name, text) in sources("src/http") {
        let chooses =
            ["StatusCode::BAD", "StatusCode::NOT", "StatusCode::FORB", "StatusCode::UNAU", "StatusCode::INTERNAL"];
        let errors = ["HttpResponse::BadRequest", "HttpResponse::NotFound", "HttpResponse::Forbidden"];
        for word in chooses.iter().chain(&errors) {
            assert!(name.ends_with("problem.rs") || !code(&text).contains(word), "{name} has {word}");
        }
    }
}

#[test]
fn only_the_hub_and_the_commands_see_the_whole_configuration() {
    for (name, text) in sources("src") {
        let allowed = ["src/hub.rs", "src/hub/", "src/cli/", "src/config/"].iter().any(|place| name.starts_with(place));
        let sees = code(&text).contains("config::Config") || code(&text).contains("config::Loaded");
        assert!(allowed || !sees, "{name} sees the whole configuration");
    }
}

#[test]
fn no_actor_sends_without_regard_for_the_mailbox() {
    for (name, text) in sources("src") {
        assert!(!code(&text).contains(".do_send("), "{name} uses do_send");
        assert!(!code(&text).contains("unbounded"), "{name} has a queue without an end");
    }
}

#[test]
fn config_toml_shows_the_defaults_the_code_has() {
    let shown = lonceng::config::load(&root().join("config.toml")).expect("config.toml is fine").config;
    let coded = lonceng::config::Config::default();
    let same = |what: &str, shown: &dyn std::fmt::Debug, coded: &dyn std::fmt::Debug| {
        assert_eq!(format!("{shown:?}"), format!("{coded:?}"), "{what}");
    };
    same("[server]", &shown.server, &coded.server);
    same("[auth]", &shown.auth, &coded.auth);
    same("[store]", &(shown.store.url.reveal(), &shown.store), &(coded.store.url.reveal(), &coded.store));
    same("[nats]", &(shown.nats.url.reveal(), &shown.nats), &(coded.nats.url.reveal(), &coded.nats));
    same("[limits]", &shown.limits, &coded.limits);
    same("[redis]", &shown.redis.url.reveal(), &coded.redis.url.reveal());
    same("[retention]", &shown.retention, &coded.retention);
    same("[templates]", &shown.templates, &coded.templates);
    let known: Vec<&str> = shown.types.iter().map(|kind| kind.code.as_str()).collect();
    for code in ["USER_LOGIN", "NOTE_CREATED", "NOTE_UPDATED", "NOTE_DELETED", "NOTE_SHARED", "MESSAGE"] {
        assert!(known.contains(&code), "{code}");
    }
}

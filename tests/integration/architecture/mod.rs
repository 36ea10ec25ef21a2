//! Rules of the source tree, checked by reading it.

mod imports;
mod style;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use lonceng::config::Config;

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
                let name = path
                    .strip_prefix(root())
                    .expect("below the root")
                    .to_string_lossy()
                    .replace('\\', "/");
                found.push((name, std::fs::read_to_string(&path).expect("it is text")));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// Returns the code of a file without its comments and its tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or(text);
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Path of the module that a file of `src/` defines.
fn module_of(name: &str) -> Vec<String> {
    let path = name.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/')
        .filter(|segment| !["lib", "main"].contains(segment))
        .map(str::to_owned)
        .collect()
}

/// Files with tests only; their modules are declared below `#[cfg(test)]`.
fn is_test_file(name: &str) -> bool {
    name.ends_with("tests.rs")
}

/// Imports between modules: which module uses which, each as its path from the crate root, and the
/// file that does.
fn dependencies() -> Vec<(Vec<String>, Vec<String>, String)> {
    let mut found = Vec::new();
    for (name, text) in sources("src") {
        if is_test_file(&name) || ["src/lib.rs", "src/main.rs"].contains(&name.as_str()) {
            continue;
        }
        let module = module_of(&name);
        for path in imports::paths(&module, &text).into_iter().filter(|path| !path.is_empty()) {
            found.push((module.clone(), path, name.clone()));
        }
    }
    found
}

/// Finds a cycle of a graph, as the nodes on it.
fn cycle(edges: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit(
        node: &str,
        edges: &BTreeMap<String, BTreeSet<String>>,
        trace: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = trace.iter().position(|other| other == node) {
            return Some(trace[start..].to_vec());
        }
        if done.contains(node) {
            return None;
        }
        trace.push(node.to_owned());
        for next in edges.get(node).into_iter().flatten() {
            if let Some(cycle) = visit(next, edges, trace, done) {
                return Some(cycle);
            }
        }
        trace.pop();
        done.insert(node.to_owned());
        None
    }
    let mut done = BTreeSet::new();
    edges.keys().find_map(|node| visit(node, edges, &mut Vec::new(), &mut done))
}

#[test]
fn domain_and_protocol_use_no_io_and_no_clock() {
    let outside = [
        "tokio",
        "actix",
        "actix_rt",
        "sqlx",
        "async_nats",
        "redis",
        "reqwest",
        "tracing",
        "metrics",
    ];
    let calls = [
        "std::fs",
        "std::net",
        "std::env",
        "std::time::Instant",
        "SystemTime",
        "Utc::now",
        "Uuid::now",
        "Uuid::new_v4",
    ];
    for (module, path, name) in dependencies() {
        if !["domain", "protocol"].contains(&module[0].as_str()) {
            continue;
        }
        if path[0].is_empty() {
            assert!(!outside.contains(&path[1].as_str()), "{name} uses {}", path[1]);
        } else {
            let allowed = path[0] == "domain" || module[0] == "protocol" && path[0] == "protocol";
            assert!(allowed, "{name} uses crate::{}", path.join("::"));
        }
    }
    for folder in ["src/domain", "src/protocol"] {
        for (name, text) in sources(folder) {
            let code = code(&text);
            for word in calls {
                assert!(!code.contains(word), "{name} uses {word}");
            }
        }
    }
}

#[test]
fn top_level_folders_form_no_cycle() {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, path, _) in dependencies() {
        if !path[0].is_empty() && path[0] != module[0] {
            edges.entry(module[0].clone()).or_default().insert(path[0].clone());
        }
    }
    assert!(edges.len() > 10, "{edges:?}");
    assert_eq!(cycle(&edges), None, "{edges:#?}");
}

/// Within a folder, files may use what their parent module re-exports; what is checked is that no
/// two folders or files of one folder use each other by name.
#[test]
fn modules_of_a_folder_form_no_cycle() {
    let mut folders: BTreeMap<Vec<String>, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    let modules: BTreeSet<Vec<String>> =
        sources("src").iter().map(|(name, _)| module_of(name)).collect();
    for (module, path, _) in dependencies() {
        if path[0].is_empty() {
            continue;
        }
        let common = module.iter().zip(&path).take_while(|(a, b)| a == b).count();
        let (Some(from), Some(to)) = (module.get(common), path.get(common)) else { continue };
        let folder = module[..common].to_vec();
        // The name may be that of an item that the folder re-exports.
        if common > 0 && modules.contains(&path[..=common]) {
            folders.entry(folder).or_default().entry(from.clone()).or_default().insert(to.clone());
        }
    }
    let cycles: Vec<String> = folders
        .iter()
        .filter_map(|(folder, edges)| {
            Some(format!("{}: {}", folder.join("/"), cycle(edges)?.join(" → ")))
        })
        .collect();
    assert!(cycles.is_empty(), "{cycles:#?}");
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
        let chooses = [
            "StatusCode::BAD",
            "StatusCode::NOT",
            "StatusCode::FORB",
            "StatusCode::UNAU",
            "StatusCode::INTERNAL",
        ];
        let errors =
            ["HttpResponse::BadRequest", "HttpResponse::NotFound", "HttpResponse::Forbidden"];
        for word in chooses.iter().chain(&errors) {
            assert!(
                name.ends_with("problem.rs") || !code(&text).contains(word),
                "{name} has {word}"
            );
        }
    }
}

#[test]
fn only_app_and_cli_see_the_whole_configuration() {
    for (name, text) in sources("src") {
        let allowed =
            ["src/app/", "src/cli/", "src/config/"].iter().any(|place| name.starts_with(place));
        let sees = imports::paths(&module_of(&name), &text)
            .iter()
            .any(|path| *path == ["config", "Config"] || *path == ["config", "Loaded"]);
        assert!(allowed || !sees, "{name} sees the whole configuration");
    }
}

#[test]
fn no_actor_bypasses_mailbox_capacity() {
    for (name, text) in sources("src") {
        assert!(!code(&text).contains(".do_send("), "{name} uses do_send");
        for queue in ["unbounded_channel", "unbounded("] {
            assert!(!code(&text).contains(queue), "{name} has a queue without a bound");
        }
    }
}

#[test]
fn config_toml_shows_the_defaults_of_the_code() {
    let shown =
        lonceng::config::load(&root().join("config.toml")).expect("config.toml is fine").config;
    // Without `..`: a new section does not compile until it is compared.
    let Config {
        server,
        auth,
        store,
        nats,
        kafka,
        amqp,
        outbox,
        redis,
        cache: None,
        limits,
        retention,
        explain,
        templates,
        channels,
        types: _,
        feeds: _,
    } = Config::default()
    else {
        panic!("[cache] has no default");
    };
    let same = |what: &str, shown: &dyn std::fmt::Debug, coded: &dyn std::fmt::Debug| {
        assert_eq!(format!("{shown:?}"), format!("{coded:?}"), "{what}");
    };
    same("[server]", &shown.server, &server);
    same("[auth]", &shown.auth, &auth);
    same("[store]", &(shown.store.url.reveal(), &shown.store), &(store.url.reveal(), &store));
    same("[nats]", &(shown.nats.url.reveal(), &shown.nats), &(nats.url.reveal(), &nats));
    same("[kafka]", &shown.kafka, &kafka);
    same("[amqp]", &shown.amqp, &amqp);
    same("[outbox]", &shown.outbox, &outbox);
    same("[redis]", &shown.redis.url.reveal(), &redis.url.reveal());
    same("[limits]", &shown.limits, &limits);
    same("[retention]", &shown.retention, &retention);
    same("[explain]", &shown.explain, &explain);
    same("[templates]", &shown.templates, &templates);
    same("[channels]", &shown.channels, &channels);
    let known: Vec<&str> = shown.types.iter().map(|kind| kind.code.as_str()).collect();
    for code in
        ["USER_LOGIN", "NOTE_CREATED", "NOTE_UPDATED", "NOTE_DELETED", "NOTE_SHARED", "MESSAGE"]
    {
        assert!(known.contains(&code), "{code}");
    }
}

//! The commands of the guides in `docs/`, in their order, against a hub that was just started.

use std::{fs, path::Path, process::Command};

use crate::support::hub::Hub;

/// Returns the fenced blocks of a document: language and content.
fn blocks(text: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```").filter(|language| !language.is_empty()) {
            let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language, inside.join("\n")));
        }
    }
    blocks
}

/// Runs the blocks `sh` of a guide, and looks for each line of a following block `text` in the
/// output. Returns the numbers of both.
async fn run_guide(name: &str) -> (usize, usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = fs::read_to_string(root.join("config.toml")).expect("it is there");
    let hub = Hub::with_config(&config, &[]).await;
    let guide = fs::read_to_string(root.join("docs").join(name)).expect("it is there");
    // The hub under test has another address and another store.
    let database = hub.store_url.trim_start_matches("sqlite://").to_owned();
    let binaries =
        Path::new(env!("CARGO_BIN_EXE_lonceng")).parent().expect("it is in a folder").to_owned();
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap_or_default());
    let (mut output, mut ran, mut shown) = (String::new(), 0, 0);
    for (language, text) in blocks(&guide) {
        match language {
            "sh" => {
                let script = text
                    .replace("http://127.0.0.1:8080", &hub.base())
                    .replace("data/lonceng.db", &database);
                let script = format!("export HUB={}\n{script}", hub.base());
                let ended = Command::new("bash")
                    .args(["-e", "-o", "pipefail", "-c", &script])
                    .current_dir(hub.folder())
                    .env("PATH", &path)
                    .output()
                    .expect("bash is there");
                output = String::from_utf8_lossy(&ended.stdout).into_owned();
                let errors = String::from_utf8_lossy(&ended.stderr);
                assert!(ended.status.success(), "{text}\n{output}\n{errors}");
                ran += 1;
            }
            "text" => {
                for line in text.lines() {
                    assert!(output.contains(line), "not in the output: {line}\n{output}");
                    shown += 1;
                }
            }
            _ => {}
        }
    }
    (ran, shown)
}

#[tokio::test(flavor = "multi_thread")]
async fn administration_guide_commands_work() {
    if Command::new("sqlite3").arg("-version").output().is_err() {
        crate::support::missing("sqlite3");
        return;
    }
    let (ran, shown) = run_guide("ADMINISTRATION.md").await;
    assert!(ran > 10 && shown > 20, "{ran} commands, {shown} lines");
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_guide_commands_work() {
    let (ran, shown) = run_guide("PUBLISHING.md").await;
    assert!(ran > 5 && shown > 6, "{ran} commands, {shown} lines");
}

#[tokio::test(flavor = "multi_thread")]
async fn live_feeds_guide_commands_work() {
    let (ran, shown) = run_guide("LIVE_FEEDS.md").await;
    assert!(ran >= 1 && shown >= 2, "{ran} commands, {shown} lines");
}

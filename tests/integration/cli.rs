//! The command line, as people type it.

use std::process::{Command, Output, Stdio};

use crate::support::{
    hub::Hub,
    nats::NatsServer,
    wait::{PATIENCE, until},
};
use serde_json::Value;

pub(crate) const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml");

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lonceng"));
    command
        .args(arguments)
        .env_remove("DATABASE_URL")
        .env_remove("LONCENG_CONFIG")
        .env("RUST_BACKTRACE", "1");
    command
}

pub(crate) fn run(arguments: &[&str]) -> (i32, String, String) {
    told(&command(arguments).output().expect("it runs"))
}

pub(crate) fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn help_shows_an_example_for_every_command() {
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["check", "--help"],
        &["migrate", "--help"],
        &["publish", "--help"],
        &["notify", "--help"],
        &["listen", "--help"],
        &["token", "--help"],
        &["health", "--help"],
        &["doctor", "--help"],
        &["archive", "--help"],
        &["backup", "--help"],
        &["verify", "--help"],
        &["export", "--help"],
        &["erase", "--help"],
    ] {
        let (code, out, _) = run(arguments);
        assert_eq!(code, 0, "{arguments:?}");
        assert!(out.contains("Example"), "{arguments:?}: {out}");
    }
}

#[test]
fn usage_error_is_one_line_and_exit_code_2() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("config.toml");
    std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:1\"\nlisen = 1\n")
        .expect("it is written");
    let path = file.to_str().expect("text");
    for arguments in
        [&["--config", path, "check"][..], &["--config", path], &["--config", path, "migrate"]]
    {
        let (code, _, err) = run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {err}");
        assert!(err.contains("config.toml:3:1") && err.contains("lisen"), "{err}");
        assert_eq!(err.trim().lines().count(), 1, "{err}");
        assert!(!err.contains("backtrace") && !err.contains("panicked"), "{err}");
    }
    let (code, _, err) = run(&["--config", "/nowhere/config.toml", "check"]);
    assert!(code == 2 && err.contains("/nowhere/config.toml"), "{err}");
    assert_eq!(run(&["dance"]).0, 2);
    assert_eq!(run(&["--config", CONFIG, "publish", "X", "--data", "{"]).0, 2);
    assert_eq!(run(&["--config", CONFIG, "notify", "--to", "", "--message", "x"]).0, 2);
    let (code, _, err) = run(&["--config", CONFIG, "token", "--user", "u"]);
    assert!(code == 2 && err.contains("jwt_secret"), "{err}");
}

#[test]
fn command_whose_output_nobody_reads_ends_quietly() {
    for arguments in [&["check"][..], &["types", "--json-schema"], &["keys", "vapid"]] {
        let mut child = command(&[&["--config", CONFIG], arguments].concat())
            .env("LONCENG_NATS__URL", "")
            .env("LONCENG_STORE__URL", "sqlite::memory:")
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("it starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(!err.contains("panicked"), "{arguments:?}: {err}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error_of_one_line() {
    for arguments in [&["check"][..], &["types", "--json-schema"], &["keys", "vapid"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("it opens");
        let output = command(&[&["--config", CONFIG], arguments].concat())
            .env("LONCENG_NATS__URL", "")
            .env("LONCENG_STORE__URL", "sqlite::memory:")
            .stdout(full)
            .output();
        let (code, _, err) = told(&output.expect("it runs"));
        assert_eq!(code, 1, "{arguments:?}: {err}");
        assert!(err.starts_with("lonceng: standard output cannot be written: "), "{err}");
        assert_eq!(err.trim().lines().count(), 1, "{err}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn hub_that_waits_for_its_store_stops_when_asked() {
    use std::io::{BufRead as _, BufReader};
    let port = crate::support::nats::free_port();
    let mut hub = command(&["--config", CONFIG])
        .env("LONCENG_STORE__URL", format!("postgres://u:p@127.0.0.1:{port}/d"))
        .env("LONCENG_SERVER__LISTEN", "127.0.0.1:0")
        .env("LONCENG_NATS__URL", "")
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut log = BufReader::new(hub.stderr.take().expect("it is piped"));
    let mut line = String::new();
    // The log ends with the hub, so the loop ends too.
    while !line.contains("waiting for it") {
        line.clear();
        assert_ne!(log.read_line(&mut line).expect("it is text"), 0, "the hub has ended");
    }
    let id = hub.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    // Without the signal the hub would end with 1.
    let end = until("the hub ends", PATIENCE, async || hub.try_wait().ok().flatten()).await;
    assert_eq!(end.code(), Some(0));
}

#[tokio::test]
async fn a_second_hub_on_the_same_file_is_refused_with_the_file_and_the_process() {
    let hub = Hub::sqlite(&[]).await;
    let output = command(&["--config", CONFIG])
        .env("LONCENG_STORE__URL", &hub.store_url)
        .env("LONCENG_SERVER__LISTEN", "127.0.0.1:0")
        .env("LONCENG_NATS__URL", "")
        .output();
    let (code, _, err) = told(&output.expect("it runs"));
    assert_eq!(code, 1, "{err}");
    let line = err.lines().last().unwrap_or_default();
    assert!(line.contains("lonceng.db") && line.contains(&hub.pid().to_string()), "{err}");
    // A link leads to the same file.
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let second_name = folder.path().join("link.db");
    let file = hub.store_url.strip_prefix("sqlite://").expect("a file");
    std::os::unix::fs::symlink(file, &second_name).expect("a link can be made");
    let output = command(&["--config", CONFIG])
        .env("LONCENG_STORE__URL", format!("sqlite://{}", second_name.display()))
        .env("LONCENG_SERVER__LISTEN", "127.0.0.1:0")
        .env("LONCENG_NATS__URL", "")
        .output();
    let (code, _, err) = told(&output.expect("it runs"));
    assert!(code == 1 && err.contains(&hub.pid().to_string()), "{err}");
    // So does a hard link, which has a lock file of its own.
    let third_name = hub.folder().join("third.db");
    std::fs::hard_link(file, &third_name).expect("a link can be made");
    let output = command(&["--config", CONFIG])
        .env("LONCENG_STORE__URL", format!("sqlite://{}", third_name.display()))
        .env("LONCENG_SERVER__LISTEN", "127.0.0.1:0")
        .env("LONCENG_NATS__URL", "")
        .output();
    let (code, _, err) = told(&output.expect("it runs"));
    assert!(code == 1 && err.contains("under another name (a hard link)"), "{err}");
    // Other commands may use the store beside the hub.
    let migrated = command(&["--config", CONFIG, "migrate"])
        .env("LONCENG_STORE__URL", &hub.store_url)
        .output();
    assert_eq!(told(&migrated.expect("it runs")).0, 0);
}

#[test]
fn oversized_or_irregular_files_are_refused_briefly() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("config.toml");
    let file = path.to_str().expect("text");
    let refused = |says: &str| {
        let (code, _, err) = run(&["--config", file, "check"]);
        assert!(
            code == 2 && err.contains(says) && err.len() < 1_000,
            "{says}: {} bytes: {err:.300}",
            err.len()
        );
    };
    std::fs::write(&path, format!("x = \"{}\"", "y".repeat(2_000_000))).expect("it is written");
    refused("larger than 1048576 bytes");
    std::fs::write(&path, format!("x = \"{}\"", "y".repeat(1_000_000))).expect("it is written");
    refused("unknown field");
    std::fs::write(&path, format!("{}\n[server]\n", "y".repeat(1_000_000))).expect("it is written");
    refused("config.toml:1:");
    std::fs::create_dir_all(folder.path().join("templates/id")).expect("it is made");
    std::fs::write(&path, "").expect("it is written");
    std::fs::write(folder.path().join("templates/id/A.txt"), "y".repeat(70_000))
        .expect("it is written");
    refused("larger than 65536 bytes");
    #[cfg(unix)]
    {
        std::fs::remove_file(&path).expect("it is there");
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.is_ok_and(|status| status.success()));
        refused("not a regular file");
    }
}

#[test]
fn unreachable_hub_is_reported_with_the_remedy() {
    let port = crate::support::nats::free_port();
    let url = format!("http://127.0.0.1:{port}");
    for arguments in [
        &["health", "--url", &url][..],
        &["--config", CONFIG, "publish", "X", "--http", &url],
        &["--config", CONFIG, "notify", "--to", "1", "--message", "x", "--http", &url],
    ] {
        let (code, _, err) = run(arguments);
        assert_eq!(code, 1, "{arguments:?}: {err}");
        assert!(err.contains("no hub answers") && err.trim().lines().count() == 1, "{err}");
    }
    let nats = format!("nats://127.0.0.1:{port}");
    let (code, _, err) = run(&["--config", CONFIG, "publish", "X", "--nats", &nats]);
    assert!(code == 1 && err.contains("nats-server -js"), "{err}");
}

/// Runs `lonceng publish` with the repository's configuration, which must succeed.
fn publish(arguments: &[&str]) {
    let (code, out, err) = run(&[&["--config", CONFIG, "publish"], arguments].concat());
    assert_eq!(code, 0, "{out}{err}");
}

/// Starts a hub that is connected to NATS.
async fn hub_on(nats: &NatsServer) -> Hub {
    let hub = Hub::sqlite(&[("LONCENG_NATS__URL", &nats.url())]).await;
    until("the hub is connected to NATS", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "ok").then_some(())
    })
    .await;
    hub
}

#[tokio::test]
async fn listen_prints_and_acknowledges_what_publish_sends() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let (nats_url, hub) = (nats.url(), hub_on(&nats).await);
    assert_eq!(run(&["health", "--url", &hub.base()]).0, 0);
    let ws = format!("ws://127.0.0.1:{}/ws", hub.port);
    let mut listener =
        command(&["listen", "--user", "admin", "--role", "admin", "--url", &ws, "--json", "--ack"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
    until("the administrator is connected", PATIENCE, async || {
        (hub.metric("websocket_connections").await > 0.5).then_some(())
    })
    .await;

    let data = r#"{"amount":100000,"refund_id":"ref456"}"#;
    let base = hub.base();
    for by in [["--nats", nats_url.as_str()], ["--http", base.as_str()]] {
        let event = ["REFUND_REQUESTED", "--user", "budi", "--data", data];
        publish(&[event.as_slice(), &by].concat());
    }

    until("the listener has read both", PATIENCE, async || {
        let inbox = hub.inbox("admin").await;
        (inbox.len() == 2 && inbox.iter().all(|item| item["read"] == true)).then_some(())
    })
    .await;
    listener.kill().expect("it runs");
    let printed = told(&listener.wait_with_output().expect("it ends")).1;
    let pushes: Vec<Value> = printed
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["type"] == "notification.push")
        .collect();
    assert_eq!(pushes.len(), 2, "{printed}");
    assert_eq!(pushes[0]["data"]["message"], "User budi requested refund for Rp100.000");
}

#[tokio::test]
async fn publish_sends_many_events_and_notify_sends_to_several_users() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let (nats_url, hub) = (nats.url(), hub_on(&nats).await);
    let base = hub.base();
    for (kind, by, count) in [
        ("events.note.created", ["--nats", nats_url.as_str()], "1500"),
        ("NOTE_CREATED", ["--http", base.as_str()], "450"),
    ] {
        let data = r#"{"title":"x"}"#;
        let event = [kind, "--user", "many", "--data", data, "--count", count];
        publish(&[event.as_slice(), &by].concat());
    }
    until("all are stored", PATIENCE, async || {
        let count = hub.get("/api/v1/notifications/unread-count?user_id=many").await.1;
        (count["unread"] == 1_950).then_some(())
    })
    .await;

    let (code, out, _) =
        run(&["notify", "--to", "1:alice", "--to", "2", "--message", "hi", "--http", &base]);
    assert!(code == 0 && out.lines().count() == 2, "{out}");
    assert_eq!(hub.inbox("2").await[0]["message"], "hi");
}

#[tokio::test]
async fn publish_over_nats_without_jetstream_warns_and_succeeds() {
    let Some(nats) = NatsServer::start(false).await else { return };
    let hub = Hub::sqlite(&[("LONCENG_NATS__URL", &nats.url())]).await;
    until("the hub has subscribed", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "degraded").then_some(())
    })
    .await;
    let event = ["publish", "NOTE_CREATED", "--user", "u", "--data", r#"{"title":"x"}"#];
    let url = nats.url();
    let by = ["--config", CONFIG, "--nats", &url, "--count", "300"];
    let (code, out, err) = run(&[event.as_slice(), &by].concat());
    assert_eq!(code, 0, "{out}{err}");
    assert!(err.contains("warning: this NATS server has no JetStream"), "{err}");
    until("all are stored", PATIENCE, async || {
        let count = hub.get("/api/v1/notifications/unread-count?user_id=u").await.1;
        (count["unread"] == 300).then_some(())
    })
    .await;
}

#[test]
fn token_is_signed_and_epoch_is_renewed() {
    let mint =
        command(&["--config", CONFIG, "token", "--user", "7", "--role", "admin", "--ttl", "1h"])
            .env("LONCENG_AUTH__JWT_SECRET", "0123456789abcdef0123456789abcdef")
            .output();
    let (code, token, _) = told(&mint.expect("it runs"));
    assert!(code == 0 && token.trim().split('.').count() == 3, "{token}");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let url = format!("sqlite://{}", folder.path().join("x.db").display());
    let epoch = |arguments: &[&str]| {
        let output = command(arguments).env("LONCENG_STORE__URL", &url).output().expect("it runs");
        let (code, out, err) = told(&output);
        assert_eq!(code, 0, "{err}");
        out.trim().rsplit(' ').next().map(str::to_owned).unwrap_or_default()
    };
    let first = epoch(&["--config", CONFIG, "migrate"]);
    assert_eq!(epoch(&["--config", CONFIG, "migrate"]), first);
    assert_ne!(epoch(&["--config", CONFIG, "migrate", "--new-epoch"]), first);
}

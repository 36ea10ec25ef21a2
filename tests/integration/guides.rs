//! The commands of the guides in `docs/`, in their order, against a hub that was just started.

use std::{
    fs::{self, File},
    net::TcpStream,
    path::Path,
    process::{Child, Command},
};

use crate::support::{
    hub::{Hub, On},
    kafka::Kafka,
    nats::{NatsServer, free_port},
    rabbitmq::RabbitMq,
    wait::{PATIENCE, until},
};

/// Addresses in the guide of the channels that a test replaces: SMTP server, and webhook receiver.
const SMTP: &str = "127.0.0.1:1025";
const RECEIVER: &str = "127.0.0.1:9009";

/// Addresses in the guide of the brokers that a test replaces.
const NATS: &str = "nats://127.0.0.1:4222";
const KAFKA: &str = "127.0.0.1:9092";
const RABBITMQ: &str = "amqp://guest:guest@127.0.0.1:5672/";
const STORE: &str = "postgres://lonceng@127.0.0.1:5432/lonceng";

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

/// Reads a file of the repository.
fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join(path)).expect("it is there")
}

/// Runs the commands of a guide against a hub with the default configuration.
async fn run_guide(name: &str) -> (usize, usize) {
    let hub = Hub::with_config(&read("config.toml"), &[]).await;
    run_commands(&read(&format!("docs/{name}")), &hub, None)
}

/// Runs the blocks `sh` of a guide, and looks for each line of a following block `text` in the
/// output. Returns the numbers of both. `tools` is a further folder of programs.
fn run_commands(guide: &str, hub: &Hub, tools: Option<&Path>) -> (usize, usize) {
    // The hub under test has another address and another store.
    let database = hub.store_url.trim_start_matches("sqlite://").to_owned();
    let binaries = Path::new(env!("CARGO_BIN_EXE_lonceng")).parent().expect("it is in a folder");
    let folders = [Some(binaries), tools].into_iter().flatten();
    let folders: Vec<String> = folders.map(|folder| format!("{}:", folder.display())).collect();
    let mut path = folders.concat();
    path += &std::env::var("PATH").unwrap_or_default();
    let (mut output, mut ran, mut shown) = (String::new(), 0, 0);
    for (language, text) in blocks(guide) {
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

/// SMTP server of the guide of the channels, which prints e-mails into a file; stopped when
/// dropped.
struct MailServer(Child);

impl MailServer {
    /// Starts the server, and waits until it accepts connections.
    async fn start(python: &str, address: &str, file: &Path) -> Self {
        let child = Command::new(python)
            .args(["-u", "-m", "aiosmtpd", "-n", "-l", address])
            .stdout(File::create(file).expect("the folder is writable"))
            .spawn()
            .expect("Python runs");
        let server = Self(child);
        until("the SMTP server accepts connections", PATIENCE, async || {
            TcpStream::connect(address).ok()
        })
        .await;
        server
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_guide_commands_work() {
    let Ok(python) = std::env::var("LONCENG_TEST_PYTHON") else {
        crate::support::missing("Python with aiosmtpd (LONCENG_TEST_PYTHON)");
        return;
    };
    let smtp = format!("127.0.0.1:{}", free_port());
    let receiver = format!("127.0.0.1:{}", free_port());
    let guide = read("docs/CHANNELS.md").replace(SMTP, &smtp).replace(RECEIVER, &receiver);
    let all = blocks(&guide);
    let (_, config) = all.iter().find(|(language, _)| *language == "toml").expect("it is there");
    let hub = Hub::with_config(config, &[]).await;
    let _mails = MailServer::start(&python, &smtp, &hub.folder().join("mails.txt")).await;
    let (ran, shown) = run_commands(&guide, &hub, Path::new(&python).parent());
    assert!(ran > 10 && shown > 35, "{ran} commands, {shown} lines");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_guide_commands_work() {
    if Command::new("psql").arg("--version").output().is_err() {
        crate::support::missing("psql");
        return;
    }
    let (Some(nats), Some(kafka), Some(rabbitmq)) =
        (NatsServer::start(true).await, Kafka::start().await, RabbitMq::start().await)
    else {
        return;
    };
    let guide = read("docs/BROKERS.md")
        .replace(NATS, &nats.url())
        .replace(KAFKA, &kafka.address())
        .replace(RABBITMQ, &rabbitmq.url());
    let all = blocks(&guide);
    let (_, config) = all.iter().find(|(language, _)| *language == "toml").expect("it is there");
    let url = nats.url();
    let env = [("LONCENG_NATS__URL", url.as_str())];
    let Some(hub) = Hub::with_config_on(On::Postgres, config, &env).await else { return };
    until("all brokers are connected", PATIENCE * 2, async || {
        let (_, parts) = hub.get("/health/ready").await;
        ["nats", "kafka", "amqp", "outbox"].iter().all(|part| parts[part] == "ok").then_some(())
    })
    .await;
    let (ran, shown) = run_commands(&guide.replace(STORE, &hub.store_url), &hub, None);
    assert!(ran >= 2 && shown >= 2, "{ran} commands, {shown} lines");
}

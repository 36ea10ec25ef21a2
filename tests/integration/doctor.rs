//! `lonceng doctor`, against servers that are there, and away, and proxies that break something.

use std::process::Command;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    cli::told,
    support::{
        hub::{Hub, On},
        nats::{NatsServer, free_port},
        receivers::Receivers,
        redis::RedisServer,
        stores,
    },
    tls::{self, write_certificate},
};

/// Report of a run.
struct Report {
    code: i32,
    text: String,
}

impl Report {
    fn has(&self, line: &str) {
        let found = self.text.lines().any(|found| found.starts_with(line));
        assert!(found, "{line:?} is missing ({}):\n{}", self.code, self.text);
    }
}

/// Runs the command on a thread of its own: the proxies of a test run on this one.
async fn doctor(env: &[(&str, &str)], arguments: &[&str]) -> Report {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lonceng"));
    command
        .args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml"), "doctor"])
        .args(arguments)
        .env_remove("DATABASE_URL")
        .env("LONCENG_NATS__URL", "")
        .envs(env.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let (code, out, err) = told(&output.expect("no panic").expect("it runs"));
    Report { code, text: out + &err }
}

/// Kind of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breaks {
    Nothing,
    /// The header Upgrade is not passed on.
    Upgrade,
    /// Responses of the API are passed on when they are complete.
    Streams,
    /// Every request is answered with 502.
    Everything,
}

struct FakeProxy {
    url: String,
    task: JoinHandle<()>,
}

impl Drop for FakeProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeProxy {
    async fn start(to: u16, breaks: Breaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(async move { pass(client, to, breaks).await });
            }
        });
        Self { url, task }
    }
}

/// Passes one request on, and its response back.
async fn pass(mut client: TcpStream, to: u16, breaks: Breaks) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    if breaks == Breaks::Everything {
        let answer = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nbad";
        return client.write_all(answer.as_bytes()).await.ok();
    }
    let is_hop = |line: &&str| {
        let line = line.to_lowercase();
        let passes = line.starts_with("upgrade:") || line.starts_with("connection: upgrade");
        line.starts_with("connection:") && !passes || breaks == Breaks::Upgrade && passes
    };
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    lines.retain(|line| !is_hop(line));
    if !lines.iter().any(|line| line.to_lowercase().starts_with("connection:")) {
        lines.push("Connection: close");
    }
    let mut hub = TcpStream::connect(("127.0.0.1", to)).await.ok()?;
    hub.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes()).await.ok()?;
    if breaks == Breaks::Streams && head.starts_with("GET /api/") {
        let mut whole = Vec::new();
        hub.read_to_end(&mut whole).await.ok()?;
        return client.write_all(&whole).await.ok();
    }
    copy_bidirectional(&mut client, &mut hub).await.ok().map(drop)
}

async fn everything_is_fine(on: On) {
    let Some(hub) = Hub::start(on, &[]).await else { return };
    let Some(nats) = NatsServer::start(true).await else { return };
    let Some(redis) = RedisServer::start().await else { return };
    let Some(receivers) = Receivers::start() else { return };
    let listen = format!("127.0.0.1:{}", hub.port);
    let (nats, redis, smtp) = (nats.url(), redis.url(), receivers.smtp());
    let report = doctor(
        &[
            ("LONCENG_SERVER__LISTEN", &listen),
            ("LONCENG_STORE__URL", &hub.store_url),
            ("LONCENG_NATS__URL", &nats),
            ("LONCENG_REDIS__URL", &redis),
            ("LONCENG_CHANNELS__EMAIL__URL", &smtp),
            ("LONCENG_CHANNELS__EMAIL__FROM", "hub@example.com"),
        ],
        &[],
    )
    .await;
    assert_eq!(report.code, 0, "{}", report.text);
    let store = match on {
        On::Sqlite => "ok    store: SQLite 3.",
        On::Postgres => "ok    store: PostgreSQL 1",
    };
    for line in [
        "ok    configuration: ",
        store,
        "ok    nats: NATS 2.",
        "off   kafka: not configured",
        "off   amqp: not configured",
        "off   outbox: not configured",
        "ok    redis: answers",
        "ok    smtp: the mail server answers",
        "ok    hub: http://127.0.0.1:",
        "ok    clock: this machine and the hub agree",
        "ok    websocket: opens, and messages arrive",
        "ok    event stream: opens, and its first event arrives",
    ] {
        report.has(line);
    }
    assert!(report.text.contains("the schema is up to date"), "{}", report.text);
}

#[tokio::test]
async fn everything_is_fine_on_sqlite() {
    everything_is_fine(On::Sqlite).await;
}

#[tokio::test]
async fn everything_is_fine_on_postgresql() {
    everything_is_fine(On::Postgres).await;
}

#[tokio::test]
async fn proxy_that_breaks_websocket_or_buffers_streams_is_a_failure() {
    let hub = Hub::sqlite(&[]).await;
    for (breaks, code, lines) in [
        (Breaks::Nothing, 0, ["ok    websocket: opens", "ok    event stream: opens"]),
        (Breaks::Upgrade, 1, ["fail  websocket: the hub gets", "ok    event stream: opens"]),
        (Breaks::Streams, 1, ["ok    websocket: opens", "fail  event stream: nothing arrives"]),
        (
            Breaks::Everything,
            1,
            ["fail  websocket: the proxy answers 502", "fail  event stream: the proxy answers 502"],
        ),
    ] {
        let proxy = FakeProxy::start(hub.port, breaks).await;
        // With a user's sign-in, and without one over the public feed.
        for arguments in [&["--url", &proxy.url, "--user", "budi"][..], &["--url", &proxy.url]] {
            let report = doctor(&[("LONCENG_STORE__URL", &hub.store_url)], arguments).await;
            assert_eq!(report.code, code, "{breaks:?}: {}", report.text);
            for line in lines {
                report.has(line);
            }
        }
    }
}

#[tokio::test]
async fn sign_in_of_a_hub_that_asks_for_one_is_used() {
    let secret = "12345678901234567890123456789012";
    let toml = format!(
        "[server]\nlisten = \"127.0.0.1:1\"\n[auth]\nmethods = [\"jwt\"]\njwt_secret = \
         \"{secret}\"\n"
    );
    let hub = Hub::with_config(&toml, &[]).await;
    let (url, config) = (hub.base(), hub.folder().join("config.toml").display().to_string());
    let run = async |more: &[&str]| {
        let arguments = [&["--url", &url, "--config", &config], more].concat();
        doctor(&[("LONCENG_STORE__URL", &hub.store_url)], &arguments).await
    };
    let report = run(&[]).await;
    assert_eq!(report.code, 0, "{}", report.text);
    report.has("ok    websocket: an upgrade reaches the hub, which answers 401");
    report.has("warn  event stream: not checked, because the hub answers 401");
    let token = Command::new(env!("CARGO_BIN_EXE_lonceng"))
        .args(["--config", &config, "token", "--user", "budi"])
        .output();
    let (_, token, _) = told(&token.expect("it runs"));
    let report = run(&["--token", token.trim()]).await;
    report.has("ok    websocket: opens, and messages arrive");
    report.has("ok    event stream: opens, and its first event arrives");
}

#[tokio::test]
async fn hub_with_a_certificate_that_is_not_trusted_is_told_from_no_hub() {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = write_certificate(folder.path());
    let hub = tls::hub(folder.path()).await;
    let url = format!("https://localhost:{}", hub.port);
    let store = ("LONCENG_STORE__URL", hub.store_url.as_str());
    let report = doctor(&[store], &["--url", &url]).await;
    assert_eq!(report.code, 1, "{}", report.text);
    report.has(&format!(
        "fail  hub: a hub answers at {url} with a certificate that is not trusted (its issuer is \
         unknown); name the certificate (PEM) of its authority in the environment variable \
         SSL_CERT_FILE"
    ));
    report.has("fail  websocket: not checked, because the certificate of");
    report.has("fail  event stream: not checked, because the certificate of");

    let file = folder.path().join("ca.pem");
    std::fs::write(&file, trusted).expect("it is written");
    let ca = ("SSL_CERT_FILE", file.to_str().expect("text"));
    let report = doctor(&[store, ca], &["--url", &url, "--user", "u"]).await;
    assert_eq!(report.code, 0, "{}", report.text);
    report.has(&format!("ok    hub: {url} is ready"));
    report.has("ok    websocket: opens");
}

#[tokio::test]
async fn store_that_is_away_is_a_failure() {
    let url = format!("postgres://u:hunter2@127.0.0.1:{}/d", free_port());
    let report = doctor(&[("LONCENG_STORE__URL", &url)], &[]).await;
    assert_eq!(report.code, 1, "{}", report.text);
    report.has("fail  store: ");
    assert!(report.text.contains("Connection refused"), "{}", report.text);
    assert!(!report.text.contains("hunter2"), "{}", report.text);
}

#[tokio::test]
async fn sqlite_file_is_not_created_by_a_check() {
    let (url, folder) = stores::sqlite_url();
    let report = doctor(&[("LONCENG_STORE__URL", &url)], &[]).await;
    assert_eq!(report.code, 0, "{}", report.text);
    report.has("warn  store: ");
    let files = std::fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(files, 0);
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("it is written");
    let url = format!("sqlite://{}/a.db", file.display());
    let report = doctor(&[("LONCENG_STORE__URL", &url)], &[]).await;
    assert_eq!(report.code, 1, "{}", report.text);
    report.has("fail  store: ");
}

#[tokio::test]
async fn only_a_required_broker_that_is_away_is_a_failure() {
    let Some(store) = stores::sqlite().await else { return };
    let port = free_port();
    let (nats, address) = (format!("nats://127.0.0.1:{port}"), format!("127.0.0.1:{port}"));
    let amqp = format!("amqp://u:hunter2@127.0.0.1:{port}/");
    let redis = format!("redis://127.0.0.1:{port}");
    let smtp = format!("smtp://127.0.0.1:{port}");
    let listen = format!("127.0.0.1:{}", free_port());
    let away = [
        ("LONCENG_STORE__URL", store.url.as_str()),
        ("LONCENG_SERVER__LISTEN", &listen),
        ("LONCENG_NATS__URL", &nats),
        ("LONCENG_KAFKA__BROKERS", &address),
        ("LONCENG_AMQP__URL", &amqp),
        ("LONCENG_REDIS__URL", &redis),
        ("LONCENG_CHANNELS__EMAIL__URL", &smtp),
        ("LONCENG_CHANNELS__EMAIL__FROM", "hub@example.com"),
    ];
    let report = doctor(&away, &[]).await;
    assert_eq!(report.code, 0, "{}", report.text);
    for part in ["nats", "kafka", "amqp", "redis", "smtp"] {
        report.has(&format!("warn  {part}: "));
    }
    for part in ["hub", "websocket", "event stream"] {
        report.has(&format!("off   {part}: no hub answers at http://{listen}"));
    }
    assert!(!report.text.contains("hunter2"), "{}", report.text);
    for (part, variable) in [
        ("nats", "LONCENG_NATS__REQUIRED"),
        ("kafka", "LONCENG_KAFKA__REQUIRED"),
        ("amqp", "LONCENG_AMQP__REQUIRED"),
    ] {
        let required = [&away[..], &[(variable, "true")]].concat();
        let report = doctor(&required, &[]).await;
        assert_eq!(report.code, 1, "{}", report.text);
        report.has(&format!("fail  {part}: "));
    }
}

#[tokio::test]
async fn invalid_configuration_is_exit_code_2() {
    let report = doctor(&[("LONCENG_SERVER__LISTEN", "nowhere")], &[]).await;
    assert_eq!(report.code, 2, "{}", report.text);
    report.has("fail  configuration: the environment variable LONCENG_SERVER__LISTEN: ");
}

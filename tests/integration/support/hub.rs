//! The built hub, as a process with a store of its own.

use std::{
    fs::File,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    client::Client,
    nats::free_port,
    stores,
    wait::{PATIENCE, until},
};

/// Which store a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
}

/// A hub.
pub struct Hub {
    child: Option<Child>,
    pub port: u16,
    pub store_url: String,
    env: Vec<(String, String)>,
    folder: TempDir,
    config: String,
    /// Limit of its address space, in KiB.
    address_space_kib: Option<u64>,
}

impl Hub {
    /// Returns a hub that is not running yet; `None` where its store's server is missing.
    pub async fn prepare(on: On, env: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let store_url = match on {
            On::Sqlite => format!("sqlite://{}", folder.path().join("lonceng.db").display()),
            On::Postgres => stores::postgres_url().await?,
        };
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml").to_owned();
        let port = free_port();
        let mut all: Vec<(String, String)> = vec![
            ("LONCENG_SERVER__LISTEN".into(), format!("127.0.0.1:{port}")),
            ("LONCENG_STORE__URL".into(), store_url.clone()),
            ("LONCENG_NATS__URL".into(), String::new()),
            // Tests of the live limit set another one.
            ("LONCENG_LIMITS__PER_USER_PER_MINUTE".into(), "0".into()),
            ("LONCENG_LIMITS__CLIENT_MESSAGES_PER_MINUTE".into(), "0".into()),
        ];
        all.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Some(Self {
            child: None,
            port,
            store_url,
            env: all,
            folder,
            config,
            address_space_kib: None,
        })
    }

    /// Returns a hub that shares the store of another one, and is ready.
    pub async fn beside(&self, env: &[(&str, &str)]) -> Self {
        let mut hub = Self::prepare(On::Sqlite, env).await.expect("SQLite is always there");
        hub.store_url.clone_from(&self.store_url);
        hub.set_env("LONCENG_STORE__URL", &self.store_url);
        hub.run().await;
        hub
    }

    /// Returns a hub that shares the store and the config.toml of another one, and is ready.
    pub async fn beside_with_config(&self) -> Self {
        let mut hub = Self::prepare(On::Sqlite, &[]).await.expect("SQLite is always there");
        hub.store_url.clone_from(&self.store_url);
        hub.set_env("LONCENG_STORE__URL", &self.store_url);
        hub.config.clone_from(&self.config);
        hub.run().await;
        hub
    }

    /// Returns a hub that runs with a config.toml of its own.
    pub async fn with_config(toml: &str, env: &[(&str, &str)]) -> Self {
        let hub = Self::with_config_on(On::Sqlite, toml, env).await;
        hub.expect("SQLite is always there")
    }

    /// The same on a store of this kind.
    pub async fn with_config_on(on: On, toml: &str, env: &[(&str, &str)]) -> Option<Self> {
        let mut hub = Self::prepare(on, env).await?;
        let path = hub.folder.path().join("config.toml");
        std::fs::write(&path, toml).expect("the folder is writable");
        hub.config = path.display().to_string();
        hub.run().await;
        Some(hub)
    }

    /// Returns a hub that is ready.
    pub async fn start(on: On, env: &[(&str, &str)]) -> Option<Self> {
        let mut hub = Self::prepare(on, env).await?;
        hub.run().await;
        Some(hub)
    }

    /// Returns a hub on SQLite.
    pub async fn sqlite(env: &[(&str, &str)]) -> Self {
        Self::start(On::Sqlite, env).await.expect("SQLite is always there")
    }

    /// Limits the address space of the next run, so that what would take all memory ends the hub
    /// and not the machine.
    pub fn limit_address_space(&mut self, bytes: u64) {
        self.address_space_kib = Some(bytes / 1_024);
    }

    /// Sets a variable for the next run.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// Starts the process.
    fn spawn(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("a log file");
        let mut command = match self.address_space_kib {
            Some(kib) => {
                let mut shell = Command::new("sh");
                shell.args([
                    "-c",
                    &format!("ulimit -v {kib}; exec \"$0\" \"$@\""),
                    env!("CARGO_BIN_EXE_lonceng"),
                ]);
                shell
            }
            None => Command::new(env!("CARGO_BIN_EXE_lonceng")),
        };
        let child = command
            .args(["--config", &self.config])
            .env_remove("DATABASE_URL")
            .envs(self.env.iter().cloned())
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the hub starts");
        self.child = Some(child);
    }

    /// Starts the hub, and waits until it answers, ready or not.
    pub async fn run_unready(&mut self) {
        self.spawn();
        let url = format!("{}/health/live", self.base());
        until("the hub answers", PATIENCE, async || reqwest_get(&url).await).await;
    }

    pub async fn run(&mut self) {
        self.spawn();
        let url = format!("{}/health/ready", self.base());
        let ready = until("the hub is ready", PATIENCE, async || {
            let ended = self
                .child
                .as_mut()
                .is_some_and(|child| child.try_wait().is_ok_and(|status| status.is_some()));
            if ended {
                return Some(false);
            }
            reqwest_get(&url).await.is_some_and(|(status, _)| status == 200).then_some(true)
        })
        .await;
        assert!(ready, "the hub ended: {}", self.log());
    }

    /// Where it runs, with its config.toml if it has one of its own.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn base(&self) -> String {
        let tls = self.env.iter().any(|(name, _)| name == "LONCENG_SERVER__TLS__CERTIFICATE");
        format!("{}://127.0.0.1:{}", if tls { "https" } else { "http" }, self.port)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM, and how long it took to end.
    #[cfg(unix)]
    pub async fn terminate(&mut self) -> Duration {
        let started = std::time::Instant::now();
        let mut child = self.child.take().expect("the hub runs");
        let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let ended = until("the hub ends", PATIENCE, async || child.try_wait().ok().flatten()).await;
        assert!(ended.success(), "{ended}: {}", self.log());
        started.elapsed()
    }

    /// Where there is no SIGTERM, the hub just ends.
    #[cfg(not(unix))]
    pub async fn terminate(&mut self) -> Duration {
        self.kill();
        Duration::ZERO
    }

    /// CPU time of the process, in seconds (Linux).
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(self.pid())
    }

    /// Resident memory, in bytes (Linux).
    pub fn resident_bytes(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1_024
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        reqwest_get(&format!("{}{path}", self.base())).await.expect("the hub answers")
    }

    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let mut request = http().request(method, format!("{}{path}", self.base())).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the hub answers");
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    /// Returns the answer's status, a header of it, and its body.
    pub async fn answer(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
        want: &str,
    ) -> (u16, Option<String>, Value) {
        let method = method.parse().expect("a method");
        let mut request =
            http().request(method, format!("{}{path}", self.base())).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the hub answers");
        let status = response.status().as_u16();
        let header =
            response.headers().get(want).and_then(|value| value.to_str().ok()).map(str::to_owned);
        (status, header, response.json().await.unwrap_or_default())
    }

    /// Server-Sent Events of a user.
    pub async fn stream(&self, query: &str, headers: &[(&str, &str)]) -> super::stream::Stream {
        self.events(&format!("/api/v1/stream?{query}"), headers).await
    }

    /// Server-Sent Events at an address.
    pub async fn events(&self, path: &str, headers: &[(&str, &str)]) -> super::stream::Stream {
        let mut request = reqwest::Client::new().get(format!("{}{path}", self.base()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        super::stream::Stream::new(request.send().await.expect("the hub answers"))
    }

    /// Publishes an event and expects it to be taken.
    pub async fn publish(&self, event: &Value) {
        let (status, body) = self.post("/api/v1/events", event).await;
        assert_eq!(status, 202, "{body}");
    }

    /// Returns a WebSocket of a user.
    pub async fn connect(&self, user: &str, more: &str) -> Client {
        Client::connect(&self.ws(&format!("user_id={user}{more}"))).await
    }

    pub fn ws(&self, query: &str) -> String {
        format!("ws://127.0.0.1:{}/ws?{query}", self.port)
    }

    /// Returns a WebSocket of somebody who looks at a feed, and has subscribed.
    pub async fn watch(&self, feed: &str, filters: &Value) -> Client {
        let mut client = Client::connect(&self.feed(feed)).await;
        client.send(&serde_json::json!({ "type": "subscribe", "filters": filters })).await;
        assert_eq!(client.expect("subscribed").await["filters"], *filters);
        client
    }

    pub fn feed(&self, feed: &str) -> String {
        format!("ws://127.0.0.1:{}/ws/{feed}", self.port)
    }

    /// Returns all of a user's notifications, newest first.
    pub async fn inbox(&self, user: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let (status, body) = self
                .get(&format!("/api/v1/notifications?user_id={user}&limit=1000&status=all{cursor}"))
                .await;
            assert_eq!(status, 200, "{body}");
            items.extend(body["items"].as_array().cloned().unwrap_or_default());
            match body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Returns an answer's text.
    pub async fn text(&self, path: &str) -> String {
        let answer = http().get(format!("{}{path}", self.base())).send().await.expect("it answers");
        answer.text().await.expect("it is text")
    }

    /// Returns the value of a metric's line that starts like this.
    pub async fn metric(&self, line: &str) -> f64 {
        let text = self.text("/metrics").await;
        let found = text.lines().find(|found| found.starts_with(line));
        found
            .and_then(|found| found.rsplit(' ').next())
            .and_then(|value| value.parse().ok())
            .unwrap_or(0.0)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- log of the hub on {} ---\n{}", self.store_url, self.log());
        }
    }
}

/// Returns the CPU time of a process, in seconds (Linux, proc(5)): user and system time in ticks of
/// 10 ms.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may have spaces.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn http() -> reqwest::Client {
    // A second call fails because a provider is installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Tests of TLS check the certificate themselves.
    reqwest::Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .timeout(Duration::from_secs(20))
        .build()
        .expect("an HTTP client")
}

async fn reqwest_get(url: &str) -> Option<(u16, Value)> {
    let response = http().get(url).send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.json().await.unwrap_or_default()))
}

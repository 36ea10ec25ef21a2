//! Servers under measurement: the hub, and nchan in nginx where it is installed.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;

use super::{
    socket::Http,
    support::{hub::Hub, nats::free_port},
};

/// Module of nginx, from Debian's package `libnginx-mod-nchan`.
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// Kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lonceng on SQLite.
    Lonceng,
    /// nchan 1.3, which stores nothing here.
    Nchan,
}

impl Kind {
    /// Returns the kinds that can be measured on this machine.
    pub fn present() -> Vec<Self> {
        let mut kinds = vec![Self::Lonceng];
        if Path::new(NCHAN).exists() {
            kinds.push(Self::Nchan);
        }
        kinds
    }

    /// Returns the name for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lonceng => "Lonceng",
            Self::Nchan => "nchan",
        }
    }
}

/// Running server.
pub enum Server {
    Hub(Box<Hub>),
    Nginx(Nginx),
}

impl Server {
    /// Starts a server afresh.
    pub async fn start(kind: Kind) -> Self {
        match kind {
            Kind::Lonceng => Self::Hub(Box::new(
                Hub::sqlite(&[
                    ("LONCENG_SERVER__CONNECTIONS_PER_SECOND", "0"),
                    ("RUST_LOG", "warn"),
                ])
                .await,
            )),
            Kind::Nchan => Self::Nginx(Nginx::start().await),
        }
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        match self {
            Self::Hub(hub) => hub.port,
            Self::Nginx(nginx) => nginx.port,
        }
    }

    /// Returns the path of a WebSocket that receives what is sent to one user.
    pub fn user_path(&self, user: usize) -> String {
        match self {
            Self::Hub(_) => format!("/ws?user_id=u{user}&sync=none"),
            Self::Nginx(_) => format!("/sub/u{user}"),
        }
    }

    /// Returns the path of a WebSocket that receives what is sent to everybody, and the message
    /// that subscribes, if any.
    pub fn feed_path(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Hub(_) => (
                "/ws/availability",
                Some(r#"{"type":"subscribe","filters":{"course_id":"PIANO-101"}}"#),
            ),
            Self::Nginx(_) => ("/sub/all", None),
        }
    }

    /// Returns the path and the body of the request that publishes to one user.
    pub fn to_user(&self, user: usize, n: usize) -> (String, String) {
        let (user_id, title) = (format!("u{user}"), "A note of an ordinary length");
        let (path, body) = match self {
            Self::Hub(_) => (
                "/api/v1/events".to_owned(),
                json!({ "type": "NOTE_CREATED", "user_id": user_id, "title": title, "n": n }),
            ),
            Self::Nginx(_) => (
                format!("/pub/{user_id}"),
                json!({ "type": "notification.push", "data": {
                    "notification_id": "01a223b0-126e-75b5-be28-d67baf4fd1fe", "title": "Note",
                    "message": title, "metadata": { "user_id": user_id, "n": n } } }),
            ),
        };
        (path, body.to_string())
    }

    /// Returns the path and the body of the request that publishes to everybody.
    pub fn to_all(&self, n: usize) -> (&'static str, String) {
        let data = json!({ "course_id": "PIANO-101", "schedule_id": format!("s{n}"),
            "slots_remaining": n });
        let (path, body) = match self {
            Self::Hub(_) => (
                "/api/v1/events",
                json!({ "topic": "booking.created", "payload": { "data": data } }),
            ),
            Self::Nginx(_) => (
                "/pub/all",
                json!({ "type": "availability.updated", "feed": "availability", "data": data,
                    "timestamp": "2026-01-01T00:00:00Z" }),
            ),
        };
        (path, body.to_string())
    }

    fn processes(&self) -> Vec<u32> {
        match self {
            Self::Hub(hub) => vec![hub.pid()],
            Self::Nginx(nginx) => nginx.processes(),
        }
    }

    /// Returns the processor time so far in user and kernel mode (Linux), in microseconds.
    pub fn cpu(&self) -> f64 {
        self.processes().into_iter().map(cpu_of).sum()
    }

    /// Returns the proportional set size (Linux), in bytes.
    pub fn memory(&self) -> u64 {
        let of = |pid: u32| {
            let rollup =
                fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            let line = rollup.lines().find(|line| line.starts_with("Pss:")).map(str::to_owned);
            let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
            kib.unwrap_or(0) * 1_024
        };
        self.processes().into_iter().map(of).sum()
    }
}

/// Returns the processor time of a process, from the threads' statistics in nanoseconds.
fn cpu_of(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) * 10_000.0
}

/// nginx with nchan.
pub struct Nginx {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Nginx {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let port = free_port();
        let at = folder.path().display();
        let config = format!(
            "load_module {NCHAN};\npid {at}/pid;\nerror_log {at}/error.log;\nworker_processes 2;\n\
             worker_rlimit_nofile 100000;\nuser root;\ndaemon off;\n\
             events {{ worker_connections 40000; }}\n\
             http {{ access_log off; keepalive_requests 10000000;\n\
             client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;\n\
             uwsgi_temp_path {at}/u; scgi_temp_path {at}/s; nchan_shared_memory_size 256M;\n\
             server {{ listen 127.0.0.1:{port} backlog=4096;\n\
             location ~ ^/sub/(.+)$ {{ nchan_subscriber websocket; nchan_channel_id $1; \
             nchan_subscriber_first_message newest; }}\n\
             location ~ ^/pub/(.+)$ {{ nchan_publisher; nchan_channel_id $1; \
             nchan_message_timeout 5s; }}\n}} }}\n"
        );
        let path = folder.path().join("nginx.conf");
        fs::write(&path, config).expect("the folder is writable");
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("nginx starts");
        for _ in 0..200 {
            if Http::connect(port).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Self { child, port, _folder: folder }
    }

    fn processes(&self) -> Vec<u32> {
        let master = self.child.id();
        let path = format!("/proc/{master}/task/{master}/children");
        let children = fs::read_to_string(path).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        std::iter::once(master).chain(children).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM: nginx stops its workers.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

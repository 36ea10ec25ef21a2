//! NATS server of one test.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// NATS server, stopped when dropped.
pub struct NatsServer {
    child: Option<Child>,
    pub port: u16,
    folder: TempDir,
    jetstream: bool,
    /// Lines of a configuration file.
    config: String,
}

/// Returns a port that is free, and stays so while a server is restarted: below those that outgoing
/// connections are given.
pub fn free_port() -> u16 {
    (0..1_000)
        .map(|_| {
            15_000
                + u16::from_be_bytes([
                    uuid::Uuid::new_v4().as_bytes()[0],
                    uuid::Uuid::new_v4().as_bytes()[1],
                ]) % 17_000
        })
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

impl NatsServer {
    /// Returns a server that is not running yet; `None` where there is no `nats-server`.
    pub fn prepare(jetstream: bool) -> Option<Self> {
        let there = Command::new("nats-server")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !there.is_ok_and(|status| status.success()) {
            super::missing("nats-server");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Some(Self { child: None, port: free_port(), folder, jetstream, config: String::new() })
    }

    /// Starts a server with JetStream and these lines of a configuration file.
    pub async fn with_config(config: &str) -> Option<Self> {
        let mut server = Self::prepare(true)?;
        config.clone_into(&mut server.config);
        server.run().await;
        Some(server)
    }

    pub async fn start(jetstream: bool) -> Option<Self> {
        let mut server = Self::prepare(jetstream)?;
        server.run().await;
        Some(server)
    }

    pub async fn run(&mut self) {
        let mut command = Command::new("nats-server");
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string()]);
        if self.jetstream {
            command.arg("-js").arg("-sd").arg(self.folder.path());
        }
        if !self.config.is_empty() {
            let file = self.folder.path().join("nats.conf");
            std::fs::write(&file, &self.config).expect("the folder is writable");
            command.arg("-c").arg(file);
        }
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nats-server starts");
        self.child = Some(child);
        let port = self.port;
        super::wait::until("NATS listens", super::wait::PATIENCE, async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub async fn client(&self) -> async_nats::Client {
        async_nats::connect(self.url()).await.expect("NATS answers")
    }

    pub async fn jetstream(&self) -> async_nats::jetstream::Context {
        async_nats::jetstream::new(self.client().await)
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.stop();
    }
}

//! Redis server of one test.

use std::process::{Child, Command, Stdio};

use super::{
    nats::free_port,
    wait::{PATIENCE, until},
};

/// Redis server, stopped when dropped. It keeps nothing on disk: a restart forgets all.
pub struct RedisServer {
    child: Option<Child>,
    pub port: u16,
}

impl RedisServer {
    /// Starts a server; `None` where there is no `redis-server`.
    pub async fn start() -> Option<Self> {
        let there = Command::new("redis-server")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !there.is_ok_and(|status| status.success()) {
            super::missing("redis-server");
            return None;
        }
        let mut server = Self { child: None, port: free_port() };
        server.run().await;
        Some(server)
    }

    pub async fn run(&mut self) {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server starts");
        self.child = Some(child);
        let port = self.port;
        until("Redis listens", PATIENCE, async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
    }

    /// `kill -9`.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// CPU time of the server, in seconds (Linux).
    pub fn cpu_seconds(&self) -> f64 {
        super::hub::cpu_seconds(self.child.as_ref().map_or(0, Child::id))
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

//! Receivers of e-mails and webhooks: real servers outside of the process.

use std::process::Child;

use serde_json::Value;

use super::{nats::free_port, process};

/// SMTP server and HTTP receiver, stopped when dropped.
pub struct Receivers {
    child: Child,
    pub smtp_port: u16,
    pub http_port: u16,
}

impl Receivers {
    /// Starts the receivers, where there is a Python with aiosmtpd (`LONCENG_TEST_PYTHON`).
    pub fn start() -> Option<Self> {
        Self::start_at(free_port(), free_port())
    }

    /// Starts the receivers at these ports.
    pub fn start_at(smtp_port: u16, http_port: u16) -> Option<Self> {
        let child = process::python(
            "LONCENG_TEST_PYTHON",
            "aiosmtpd",
            "receivers.py",
            &[smtp_port, http_port],
        )?;
        Some(Self { child, smtp_port, http_port })
    }

    /// Stops the receivers.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn smtp(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.smtp_port)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http_port)
    }

    async fn list(&self, name: &str) -> Vec<Value> {
        let answer = reqwest::get(self.url(name)).await.expect("it answers");
        answer.json().await.expect("it is JSON")
    }

    /// Returns the e-mails that arrived.
    pub async fn mails(&self) -> Vec<Value> {
        self.list("/mails").await
    }

    /// Returns the requests that arrived.
    pub async fn posts(&self) -> Vec<Value> {
        self.list("/posts").await
    }

    /// Chooses how the servers answer.
    pub async fn mode(&self, mode: &Value) {
        let http = reqwest::Client::new();
        http.put(self.url("/mode")).json(mode).send().await.expect("it answers");
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        self.stop();
    }
}

//! OpenTelemetry collector of one test: a real receiver of OTLP outside of the process.

use std::process::Child;

use serde_json::Value;

use super::{
    nats::free_port,
    process,
    wait::{PATIENCE, until},
};

/// OTLP/HTTP receiver, stopped when dropped.
pub struct Otlp {
    child: Child,
    pub port: u16,
}

impl Otlp {
    /// Starts a receiver; `None` where there is no Python with opentelemetry-proto.
    pub fn start() -> Option<Self> {
        Self::start_at(free_port())
    }

    /// Starts a receiver at this port, for tests in which the collector is away for a while.
    pub fn start_at(port: u16) -> Option<Self> {
        let child =
            process::python("LONCENG_TEST_OTLP_PYTHON", "opentelemetry-proto", "otlp.py", &[port])?;
        Some(Self { child, port })
    }

    /// Stops the receiver. The spans that arrived are gone.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Returns the value of `OTEL_EXPORTER_OTLP_ENDPOINT`, to which exporters add `/v1/traces`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the spans that arrived, in the order of their arrival.
    ///
    /// The fields of a span: `trace_id`, `span_id` and `parent_span_id` (hexadecimal, or null),
    /// `trace_state`, `name`, `kind` (`internal`, `server`, `producer`, …), `start_time_unix_nano`,
    /// `end_time_unix_nano`, `attributes` and `resource` (objects), `status` (`code` `unset`, `ok`
    /// or `error`, and `message`), `events` (`name`, `attributes`), `links` (`trace_id`, `span_id`,
    /// `attributes`) and `scope`.
    pub async fn spans(&self) -> Vec<Value> {
        // A second call fails because a provider is installed, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let answer = reqwest::get(format!("{}/spans", self.endpoint())).await;
        answer.expect("it answers").json().await.expect("it is JSON")
    }

    /// Waits for a span of this name, and returns the first one.
    pub async fn span(&self, name: &str) -> Value {
        until(&format!("span {name} arrives"), PATIENCE, async || {
            self.spans().await.into_iter().find(|span| span["name"] == name)
        })
        .await
    }
}

impl Drop for Otlp {
    fn drop(&mut self) {
        self.stop();
    }
}

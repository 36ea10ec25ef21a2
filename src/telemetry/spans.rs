//! Spans of OpenTelemetry, sent over OTLP (HTTP with protobuf).
//!
//! They are off unless `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is
//! set; then starting a span is one look at a flag. Attributes follow the semantic conventions for
//! messaging; user IDs, texts and data of events are never among them.

use std::{
    env,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{
        Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, TraceState, Tracer as _,
        TracerProvider as _,
    },
};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use tokio::{runtime::Handle, task::spawn_blocking, time::timeout};

use super::LogLimit;
use crate::{clock, domain::trace_context::TraceContext};

/// Time for sending the last spans when the hub stops.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Name of the service, unless `OTEL_SERVICE_NAME` has another.
const SERVICE: &str = "lonceng";

/// Limit of the log lines about spans that were not sent.
static NOT_SENT: LogLimit = LogLimit::new();

/// Tracer of this process; none while tracing is off.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Kind of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Request from a client.
    Server,
    /// Message from a broker or another hub.
    Consumer,
    /// Message to another hub or to a browser.
    Producer,
    /// Request to another service.
    Client,
    /// Work inside the hub.
    Internal,
}

/// Span in progress. It ends when it is dropped.
#[derive(Debug)]
pub struct Span(opentelemetry_sdk::trace::Span);

/// Returns whether spans are recorded.
#[must_use]
pub fn is_on() -> bool {
    TRACER.get().is_some()
}

impl Span {
    /// Starts a span; `None` while tracing is off. Without a parent a new trace begins.
    #[must_use]
    pub fn start(
        name: impl FnOnce() -> String,
        kind: Kind,
        parent: Option<&TraceContext>,
    ) -> Option<Self> {
        Self::start_at(name, kind, parent, None)
    }

    /// Starts a span that began some time ago.
    #[must_use]
    pub fn start_at(
        name: impl FnOnce() -> String,
        kind: Kind,
        parent: Option<&TraceContext>,
        ago: Option<Duration>,
    ) -> Option<Self> {
        let tracer = TRACER.get()?;
        let mut builder = tracer.span_builder(name()).with_kind(match kind {
            Kind::Server => SpanKind::Server,
            Kind::Consumer => SpanKind::Consumer,
            Kind::Producer => SpanKind::Producer,
            Kind::Client => SpanKind::Client,
            Kind::Internal => SpanKind::Internal,
        });
        if let Some(start) = ago.and_then(|ago| opentelemetry::time::now().checked_sub(ago)) {
            builder = builder.with_start_time(start);
        }
        let parent = parent.map_or_else(Context::new, |parent| {
            Context::new().with_remote_span_context(remote(parent))
        });
        Some(Self(tracer.build_with_context(builder, &parent)))
    }

    /// Sets an attribute.
    pub fn set(&mut self, key: &'static str, value: impl Into<opentelemetry::Value>) {
        self.0.set_attribute(KeyValue::new(key, value));
    }

    /// Marks the span as failed.
    pub fn fail(&mut self, kind: &'static str) {
        self.set("error.type", kind);
        self.0.set_status(Status::error(kind));
    }

    /// Returns the context for spans below this one.
    #[must_use]
    pub fn context(&self) -> Arc<TraceContext> {
        let context = self.0.span_context();
        let state = context.trace_state().header();
        Arc::new(TraceContext {
            trace_id: u128::from_be_bytes(context.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(context.span_id().to_bytes()),
            flags: context.trace_flags().to_u8(),
            state: (!state.is_empty()).then(|| Arc::from(state)),
        })
    }
}

fn remote(parent: &TraceContext) -> SpanContext {
    let state = parent.state.as_deref().and_then(|state| state.parse::<TraceState>().ok());
    SpanContext::new(
        TraceId::from_bytes(parent.trace_id.to_be_bytes()),
        SpanId::from_bytes(parent.span_id.to_be_bytes()),
        TraceFlags::new(parent.flags),
        true,
        state.unwrap_or_default(),
    )
}

/// Exporter of spans, from the start of the hub to its end.
#[derive(Debug)]
pub struct Exporter(SdkTracerProvider);

impl Exporter {
    /// Starts recording spans if the environment names a collector. `instance` is the name of this
    /// hub. Call it on the thread on which requests to the collector run.
    ///
    /// # Errors
    /// A description, when a variable of OpenTelemetry is invalid.
    pub fn start(instance: &str) -> Result<Option<Self>, String> {
        if !is_configured(|name| env::var(name).ok()) {
            return Ok(None);
        }
        let client = OtlpClient {
            http: reqwest::Client::builder().build().map_err(|error| error.to_string())?,
            runtime: Handle::current(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .build()
            .map_err(|error| {
                format!("traces cannot be exported: {error}; check OTEL_EXPORTER_*")
            })?;
        let mut resource = Resource::builder();
        if env::var("OTEL_SERVICE_NAME").unwrap_or_default().is_empty() {
            resource = resource.with_service_name(SERVICE);
        }
        let resource = resource
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attribute(KeyValue::new("service.instance.id", instance.to_owned()))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_batch_exporter(exporter)
            .build();
        // A second hub in one process, in tests, keeps the first tracer.
        let _ = TRACER.set(provider.tracer(SERVICE));
        Ok(Some(Self(provider)))
    }

    /// Sends the last spans.
    pub async fn stop(self) {
        let stopped = spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH_TIMEOUT));
        if !matches!(timeout(FLUSH_TIMEOUT, stopped).await, Ok(Ok(Ok(())))) {
            tracing::warn!("traces: the last spans were not sent; is the collector reachable?");
        }
    }
}

/// Returns whether the environment turns tracing on (OpenTelemetry specification, "Environment
/// Variable Specification" and "OTLP Exporter Configuration").
fn is_configured(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str, text: &str| {
        variable(name).is_some_and(|value| value.eq_ignore_ascii_case(text))
    };
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let endpoint =
        is_set("OTEL_EXPORTER_OTLP_ENDPOINT") || is_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    endpoint && !is("OTEL_SDK_DISABLED", "true") && !is("OTEL_TRACES_EXPORTER", "none")
}

/// HTTP client of the exporter: the hub's own, on its runtime. The exporter's thread has none.
#[derive(Debug)]
struct OtlpClient {
    http: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for OtlpClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let sending = self.runtime.spawn(async move {
            let response = http.execute(request.try_into()?).await?;
            let status = response.status();
            let body = response.bytes().await?;
            Ok::<_, HttpError>(Response::builder().status(status).body(body)?)
        });
        let sent = sending.await?;
        let refused = match &sent {
            Ok(response) if response.status().is_success() => return sent,
            Ok(response) => response.status().to_string(),
            Err(error) => error.to_string(),
        };
        if let Some(suppressed) = NOT_SENT.admit(clock::monotonic().0) {
            tracing::warn!(
                reason = refused,
                suppressed,
                "traces: spans were not sent, and are dropped; check OTEL_EXPORTER_OTLP_ENDPOINT \
                 and the collector"
            );
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracing_is_off_without_a_collector() {
        let on = |pairs: &[(&str, &str)]| {
            is_configured(|name| {
                let found = pairs.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert!(!on(&[]));
        assert!(!on(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]));
        assert!(on(&[endpoint]));
        assert!(on(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4318/v1/traces")]));
        assert!(!on(&[endpoint, ("OTEL_SDK_DISABLED", "true")]));
        assert!(!on(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]));
        assert!(!is_on() && Span::start(String::new, Kind::Internal, None).is_none());
    }
}

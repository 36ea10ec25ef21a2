//! Traces: one trace from the publisher to the push and the e-mail, in a real OTLP receiver.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    channels::{config, person},
    cluster::TestCluster,
    support::{
        hub::Hub,
        nats::NatsServer,
        otlp::Otlp,
        receivers::Receivers,
        wait::{PATIENCE, until},
    },
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn traceparent(trace: &str) -> String {
    format!("00-{trace}-{PARENT}-01")
}

/// Returns the spans of a trace, once they include those of these names.
async fn spans(otlp: &Otlp, trace: &str, names: &[&str]) -> Vec<Value> {
    let what = format!("trace {trace} has {names:?}");
    until(&what, PATIENCE, async || {
        let spans: Vec<Value> =
            otlp.spans().await.into_iter().filter(|span| span["trace_id"] == trace).collect();
        let found = |name: &&str| spans.iter().any(|span| span["name"] == **name);
        names.iter().all(found).then_some(spans)
    })
    .await
}

/// Fails unless every span is below the publisher's, and names its parent.
fn connected(spans: &[Value]) {
    let ids: BTreeSet<&str> = spans.iter().filter_map(|span| span["span_id"].as_str()).collect();
    for span in spans {
        let parent = span["parent_span_id"].as_str().expect("no span is a root");
        assert!(parent == PARENT || ids.contains(parent), "{span:#}");
    }
}

fn environment(otlp: &Otlp) -> Vec<(String, String)> {
    vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), otlp.endpoint()),
        ("OTEL_BSP_SCHEDULE_DELAY".to_owned(), "200".to_owned()),
        ("LONCENG_LOG_FORMAT".to_owned(), "json".to_owned()),
        ("RUST_LOG".to_owned(), "info".to_owned()),
    ]
}

async fn hub_with_channels(otlp: &Otlp, receivers: &Receivers, more: &[(&str, &str)]) -> Hub {
    let environment = environment(otlp);
    let mut all: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.extend(more);
    Hub::with_config(&config(receivers), &all).await
}

#[actix_rt::test]
async fn trace_of_an_http_publish_reaches_push_and_email() {
    let (Some(otlp), Some(receivers)) = (Otlp::start(), Receivers::start()) else { return };
    let mut hub = hub_with_channels(&otlp, &receivers, &[]).await;
    person(&hub, "secretuser").await;
    let mut client = hub.connect("secretuser", "").await;
    client.expect("connected").await;
    let event = json!({ "type": "MAILED", "user_id": "secretuser", "title": "secrettext",
        "note_id": "n" });
    let parent = traceparent(TRACE);
    let headers = [
        ("content-type", "application/json"),
        ("traceparent", parent.as_str()),
        ("tracestate", "vendor=7"),
    ];
    let (status, body) = hub.send("POST", "/api/v1/events", &headers, event.to_string()).await;
    assert_eq!(status, 202, "{body}");
    client.expect("notification.push").await;

    let names = ["process MAILED", "render", "commit", "push", "send email"];
    let spans = spans(&otlp, TRACE, &names).await;
    connected(&spans);
    let of = |name: &str| spans.iter().find(|span| span["name"] == name).expect("a span");
    assert_eq!(of("process MAILED")["kind"], "server");
    assert_eq!(of("process MAILED")["trace_state"], "vendor=7");
    assert_eq!(of("process MAILED")["attributes"]["lonceng.outcome"], "accepted");
    assert_eq!(of("process MAILED")["resource"]["service.name"], "lonceng");
    assert_eq!(of("push")["parent_span_id"], of("commit")["span_id"]);
    assert_eq!(of("send email")["kind"], "client");

    // A malformed event, with the trace in the log.
    let other = "1af7651916cd43dd8448eb211c80319c";
    let parent = traceparent(other);
    let headers = [("content-type", "application/json"), ("traceparent", parent.as_str())];
    let unknown = json!({ "type": "SECRETLESS", "user_id": "secretuser" }).to_string();
    hub.send("POST", "/api/v1/events", &headers, unknown).await;
    until("the log names the trace", PATIENCE, async || {
        let log = hub.log();
        let line = log.lines().find(|line| line.contains("no notification type has"))?;
        let line: Value = serde_json::from_str(line).expect("a JSON line");
        (line["trace_id"] == other).then_some(())
    })
    .await;

    // The last spans are sent when the hub stops.
    hub.terminate().await;
    let everything = json!(otlp.spans().await).to_string();
    for secret in ["secretuser", "secrettext", "people.example", "n 1"] {
        assert!(!everything.contains(secret), "{secret} is in a span");
    }
}

#[actix_rt::test]
async fn trace_of_a_nats_message_reaches_push_and_webhook() {
    let (Some(otlp), Some(receivers)) = (Otlp::start(), Receivers::start()) else { return };
    let Some(nats) = NatsServer::start(true).await else { return };
    let url = nats.url();
    let hub = hub_with_channels(&otlp, &receivers, &[("LONCENG_NATS__URL", &url)]).await;
    until("the hub has joined NATS", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "ok").then_some(())
    })
    .await;
    person(&hub, "u").await;
    let mut client = hub.connect("u", "").await;
    client.expect("connected").await;
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("traceparent", traceparent(TRACE).as_str());
    let event = json!({ "type": "EVERYWHERE", "user_id": "u", "title": "t", "note_id": "n" });
    let context = nats.jetstream().await;
    let subject = "events.everywhere";
    let sent = context.publish_with_headers(subject, headers, event.to_string().into()).await;
    sent.expect("sent").await.expect("stored");
    client.expect("notification.push").await;

    let names = ["process EVERYWHERE", "commit", "push", "send email", "send webhook:signed"];
    let spans = spans(&otlp, TRACE, &names).await;
    connected(&spans);
    let of = |name: &str| spans.iter().find(|span| span["name"] == name).expect("a span");
    let process = of("process EVERYWHERE");
    assert_eq!(process["kind"], "consumer");
    assert_eq!(process["attributes"]["messaging.system"], "nats");
    assert_eq!(process["attributes"]["messaging.destination.name"], subject);
    assert_eq!(process["attributes"]["messaging.operation.type"], "process");
    // The receiver of a webhook continues the trace.
    let request = until("the webhook arrives", PATIENCE, async || {
        receivers.posts().await.into_iter().find(|request| request["path"] == "/signed")
    })
    .await;
    let parent = request["headers"]["traceparent"].as_str().expect("a trace");
    let span = of("send webhook:signed")["span_id"].as_str().expect("an ID");
    assert_eq!(parent, format!("00-{TRACE}-{span}-01"));
}

#[actix_rt::test]
async fn trace_goes_on_at_another_hub() {
    let Some(otlp) = Otlp::start() else { return };
    let environment = environment(&otlp);
    let all: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let Some(cluster) = TestCluster::start(2, &all).await else { return };
    let (hub, other) = (&cluster.hubs[0], &cluster.hubs[1]);
    let mut client = other.connect("u", "").await;
    client.expect("connected").await;
    let parent = traceparent(TRACE);
    let headers = [("content-type", "application/json"), ("traceparent", parent.as_str())];
    let event = json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "t" }).to_string();
    assert_eq!(hub.send("POST", "/api/v1/events", &headers, event).await.0, 202);
    client.expect("notification.push").await;
    let spans = spans(&otlp, TRACE, &["send bus", "push"]).await;
    connected(&spans);
    let push = spans.iter().find(|span| span["name"] == "push").expect("a span");
    let sent = spans.iter().find(|span| span["name"] == "send bus").expect("a span");
    assert_eq!(push["parent_span_id"], sent["span_id"]);
    let instance = |span: &Value| span["resource"]["service.instance.id"].clone();
    assert_ne!(instance(push), instance(sent));
}

#[actix_rt::test]
async fn sampler_decides_and_an_absent_collector_harms_nothing() {
    let Some(otlp) = Otlp::start() else { return };
    let mut environment = environment(&otlp);
    environment.push(("OTEL_TRACES_SAMPLER".to_owned(), "always_off".to_owned()));
    let all: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut hub = Hub::sqlite(&all).await;
    hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "t" })).await;
    hub.terminate().await;
    assert_eq!(otlp.spans().await, Vec::<Value>::new());

    let away = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")];
    let mut hub = Hub::sqlite(&away).await;
    for n in 0..50 {
        hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "u", "title": n.to_string() }))
            .await;
    }
    assert_eq!(hub.inbox("u").await.len(), 50);
    hub.terminate().await;
    let log = hub.log();
    let lines = log.lines().filter(|line| line.contains("traces: spans were not sent")).count();
    assert!((1..=3).contains(&lines), "said, and not for each attempt: {log}");
}

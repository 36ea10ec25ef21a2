//! Very many people: entering them in one upload, and an event for all of them beside others'
//! events.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

use super::{hub_of, payload, reached, support::nats::NatsServer, watch};

/// Events of others, in a second.
const BESIDE: u64 = 200;

pub async fn everyone(postgres: Option<&str>, people: usize) {
    let nats = NatsServer::start(true).await.expect("nats-server is needed");
    let hub = hub_of(&nats, postgres).await;
    let before = hub.resident_bytes();
    // The most that is ever resident, looked at often.
    let (stop, status) = (Arc::new(AtomicBool::new(false)), format!("/proc/{}/status", hub.pid()));
    let peak = {
        let stop = Arc::clone(&stop);
        tokio::task::spawn_blocking(move || {
            let resident = || {
                let text = std::fs::read_to_string(&status).unwrap_or_default();
                let line = text
                    .lines()
                    .find(|line| line.starts_with("VmRSS:"))
                    .unwrap_or_default()
                    .to_owned();
                line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
                    * 1_024
            };
            let mut peak = 0;
            while !stop.load(Ordering::Relaxed) {
                peak = peak.max(resident());
                std::thread::sleep(Duration::from_millis(20));
            }
            peak
        })
    };
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let lines: String = (0..people)
        .map(|n| {
            json!({ "user_id": format!("p{n:06}"), "name": format!("Person \
            {n}"), "login": format!("p{n}") })
            .to_string()
                + "\n"
        })
        .collect();
    let size = lines.len();
    let started = Instant::now();
    let headers = [("content-type", "application/x-ndjson")];
    let (status, answer) = hub.send("POST", "/api/v1/admin/directory/bulk", &headers, lines).await;
    assert_eq!(status, 200, "{answer}");
    let took = started.elapsed();
    println!(
        "everyone    {people} people in one upload of {:.1} MiB: {took:.1?}; resident before \
         {:.0} MiB, now {:.0} MiB",
        mib(size as u64),
        mib(before),
        mib(hub.resident_bytes())
    );
    let kind = json!({ "code": "NEWS", "display_name": "News", "template": "News, \
    {recipient.user_id}", "target_type": "ALL" });
    assert_eq!(hub.send("PUT", "/api/v1/admin/types/NEWS", &[], kind.to_string()).await.0, 201);
    let watchers = watch(&hub).await;
    let context = nats.jetstream().await;
    // Others' events before and while it is brought to everybody.
    let (mut sent, mut number) = (Vec::new(), 0);
    let mut rate_limit = tokio::time::interval(Duration::from_nanos(1_000_000_000 / BESIDE));
    let mut beside = async |until: &mut dyn FnMut() -> bool| {
        let first = sent.len();
        while !until() {
            rate_limit.tick().await;
            sent.push(Instant::now());
            drop(
                context.publish("events.note.created", payload(number)).await.expect("it is sent"),
            );
            number += 1;
        }
        first
    };
    let end = Instant::now() + Duration::from_secs(5);
    let mut is_time = || Instant::now() >= end;
    beside(&mut is_time).await;
    let news = json!({ "type": "NEWS", "event_id": "news-1" });
    let over = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let bringing = async {
        let (status, answer) = hub.post("/api/v1/events", &news).await;
        over.store(true, Ordering::Relaxed);
        assert_eq!(status, 202, "{answer}");
        began.elapsed()
    };
    let mut is_over = || over.load(Ordering::Relaxed);
    let (took, first) = tokio::join!(bringing, beside(&mut is_over));
    reached(&watchers, number).await;
    stop.store(true, Ordering::Relaxed);
    let arrivals = watchers.arrivals.lock().expect("nobody panics");
    let of = |range: std::ops::Range<usize>| {
        let mut took: Vec<Duration> =
            range.map(|n| arrivals[&(n as u64)].duration_since(sent[n])).collect();
        took.sort_unstable();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        format!("p50 {:.2?}, p99 {:.2?}, worst {:.2?}", at(0.5), at(0.99), at(1.0))
    };
    println!("            one event for all of them, until it is committed: {took:.1?}");
    println!("            others' events, {BESIDE}/s, before: {}", of(0..first));
    println!("            and meanwhile: {}", of(first..sent.len()));
    println!("            most that was resident: {:.0} MiB", mib(peak.await.expect("it looks")));
}

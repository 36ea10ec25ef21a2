//! Channels whose other side fails, and hubs that are killed while they send.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use serde_json::{Value, json};

use crate::channels::{Browser, config, deliveries, in_state, person, publish};
use crate::support::{
    client::Client,
    hub::{Hub, On},
    receivers::Receivers,
    wait::{PATIENCE, until},
};

#[tokio::test]
async fn replies_of_the_mail_server_are_honoured() {
    let Some(receivers) = Receivers::start() else { return };
    let hub = Hub::with_config(&config(&receivers), &[]).await;
    person(&hub, "budi").await;
    receivers.mode(&json!({ "smtp": "450" })).await;
    publish(&hub, "MAILED", "budi", "throttled").await;
    until("it is tried again", PATIENCE, async || {
        let found = deliveries(&hub, "user=budi&state=scheduled").await;
        let reason = found.first()?["reason"].as_str()?.to_owned();
        reason.contains("450").then_some(())
    })
    .await;
    receivers.mode(&json!({ "smtp": "ok" })).await;
    let sent = in_state(&hub, "budi", "sent", 1).await;
    assert!(sent[0]["attempts"].as_i64().is_some_and(|attempts| attempts >= 2), "{sent:?}");

    receivers.mode(&json!({ "smtp": "550" })).await;
    publish(&hub, "MAILED", "budi", "refused").await;
    let failed = in_state(&hub, "budi", "failed", 1).await;
    assert_eq!(failed[0]["attempts"], 1);
    assert!(failed[0]["reason"].as_str().is_some_and(|reason| reason.contains("550")));
    receivers.mode(&json!({ "smtp": "ok" })).await;
    let id = failed[0]["delivery_id"].as_str().expect("an ID");
    let path = format!("/api/v1/admin/deliveries/{id}/retry");
    assert_eq!(hub.post(&path, &json!({})).await.0, 202);
    in_state(&hub, "budi", "sent", 2).await;
    let mails = receivers.mails().await;
    let last = mails.last().expect("it arrived");
    assert_eq!(last["headers"]["message-id"], json!(format!("<{id}@hub.example>")));
    assert_eq!(hub.post(&path, &json!({})).await.0, 409, "it is sent");
    let body = json!({ "to": "ops@people.example" });
    let (status, tested) = hub.post("/api/v1/admin/channels/email/test", &body).await;
    assert_eq!((status, &tested["ok"]), (200, &json!(true)), "{tested}");
    assert!(tested["reply"].as_str().is_some_and(|reply| reply.contains("taken")), "{tested}");
    let mail =
        json!({ "subject": "Preview\r\nBcc: x@y.example", "text": "Plain", "html": "<p>H</p>" });
    let body = json!({ "to": "ops@people.example", "mail": mail });
    let (status, tested) = hub.post("/api/v1/admin/channels/email/test", &body).await;
    assert_eq!((status, &tested["ok"]), (200, &json!(true)), "{tested}");
    let mails = receivers.mails().await;
    let headers = &mails.last().expect("it arrived")["headers"];
    assert_eq!(headers["subject"], "Preview  Bcc: x@y.example");
    assert_eq!(headers["bcc"], Value::Null);
}

#[tokio::test]
async fn replies_of_a_webhook_are_honoured_and_a_dead_one_opens_the_breaker() {
    let Some(mut receivers) = Receivers::start() else { return };
    let toml = config(&receivers);
    let hub = Hub::with_config(&toml, &[]).await;
    let code = "EVERYWHERE";
    let only = "channel=webhook:signed";
    receivers.mode(&json!({ "http": { "/signed": 400 } })).await;
    publish(&hub, code, "budi", "refused").await;
    let reason = until("it fails", PATIENCE, async || {
        let failed = deliveries(&hub, &format!("{only}&state=failed")).await;
        Some(failed.first()?["reason"].as_str()?.to_owned())
    })
    .await;
    assert!(reason.contains("400"), "{reason}");
    receivers.mode(&json!({ "http": { "/signed": 503 }, "retry_after": 1 })).await;
    publish(&hub, code, "budi", "later").await;
    until("it is tried twice", PATIENCE, async || {
        let posts = receivers.posts().await;
        let mut ids: HashMap<String, Vec<Value>> = HashMap::new();
        for post in posts {
            let id = post["headers"]["webhook-id"].as_str()?.to_owned();
            ids.entry(id).or_default().push(post);
        }
        let again = ids.into_values().find(|posts| posts.len() > 1)?;
        let of = |name: &str, n: usize| again[n]["headers"][name].clone();
        assert_eq!(of("webhook-id", 0), of("webhook-id", 1), "the same ID");
        assert_eq!(again[0]["body"], again[1]["body"], "the same body");
        Some(())
    })
    .await;
    receivers.mode(&json!({ "http": {} })).await;
    until("it arrives", PATIENCE, async || {
        (deliveries(&hub, &format!("{only}&state=sent")).await.len() == 1).then_some(())
    })
    .await;
    // The endpoint is gone.
    let (smtp_port, http_port) = (receivers.smtp_port, receivers.http_port);
    receivers.stop();
    for n in 0..6 {
        publish(&hub, code, "budi", &format!("dead {n}")).await;
    }
    until("the breaker opens", PATIENCE, async || {
        (hub.get("/health/ready").await.1["channels"] == "degraded").then_some(())
    })
    .await;
    receivers = Receivers::start_at(smtp_port, http_port).expect("it started before");
    until("all arrive", PATIENCE, async || {
        let sent = deliveries(&hub, &format!("{only}&state=sent")).await.len();
        let ready = hub.get("/health/ready").await.1["channels"] == "ok";
        (sent == 7 && ready).then_some(())
    })
    .await;
    drop(receivers);
}

/// Returns what readiness says about the channels.
async fn channels_part(hub: &Hub) -> String {
    let (_, ready) = hub.get("/health/ready").await;
    ready["channels"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn mail_server_that_hangs_or_is_away_delays_nothing_else() {
    let Some(mut receivers) = Receivers::start() else { return };
    let toml = config(&receivers).replace("timeout_seconds = 5", "timeout_seconds = 2");
    let hub = Hub::with_config(&toml.replace("max_attempts = 4", "max_attempts = 50"), &[]).await;
    for user in ["budi", "siti"] {
        person(&hub, user).await;
    }
    let mut client = hub.connect("budi", "").await;
    client.expect("connected").await;
    let others_arrive = async |client: &mut Client, receivers: &Receivers, count: usize| {
        let started = std::time::Instant::now();
        publish(&hub, "EVERYWHERE", "budi", "meanwhile").await;
        client.expect("notification.push").await;
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        until("the webhook gets it", PATIENCE, async || {
            (receivers.posts().await.len() >= count).then_some(())
        })
        .await;
    };
    // Its answers take 30 s, longer than the time limit.
    receivers.mode(&json!({ "smtp": "hang" })).await;
    for n in 0..40 {
        publish(&hub, "MAILED", "siti", &format!("slow {n}")).await;
    }
    others_arrive(&mut client, &receivers, 1).await;
    let late = until("they are tried again", PATIENCE, async || {
        let found = deliveries(&hub, "channel=email&state=scheduled").await;
        let reason = found.iter().find_map(|one| one["reason"].as_str().map(str::to_owned))?;
        reason.contains("no answer").then_some(reason)
    })
    .await;
    assert!(late.contains("2 s"), "{late}");
    until("the breaker opens", PATIENCE, async || {
        (channels_part(&hub).await == "degraded").then_some(())
    })
    .await;
    // It is gone altogether.
    let (smtp_port, http_port) = (receivers.smtp_port, receivers.http_port);
    receivers.stop();
    until("a probe is refused", PATIENCE, async || {
        let found = deliveries(&hub, "channel=email&state=scheduled").await;
        let mut reasons = found.iter().filter_map(|one| one["reason"].as_str());
        reasons.any(|reason| reason.contains("refused")).then_some(())
    })
    .await;
    receivers = Receivers::start_at(smtp_port, http_port).expect("it started before");
    others_arrive(&mut client, &receivers, 1).await;
    until("all e-mails are sent", Duration::from_mins(1), async || {
        let sent = deliveries(&hub, "channel=email&state=sent").await.len();
        (sent == 42 && channels_part(&hub).await == "ok").then_some(())
    })
    .await;
    let log = hub.log();
    let lines = |part: &str| {
        log.lines().filter(|line| line.contains(part) && line.contains("email")).count()
    };
    assert!((1..=2).contains(&lines("an attempt failed")), "one line in a minute: {log}");
    assert!(lines("not reached several times") > 0 && lines("reached again") > 0, "{log}");
    assert!(log.contains("next_attempt_at") && !log.contains("siti@"), "{log}");
    let mails = receivers.mails().await;
    let ids: HashSet<&str> =
        mails.iter().filter_map(|mail| mail["headers"]["message-id"].as_str()).collect();
    assert_eq!(ids.len(), mails.len(), "the server that came back got each of them once");
}

#[tokio::test]
async fn push_service_that_is_away_is_named_by_readiness_and_holds_up_no_other() {
    let Some(mut receivers) = Receivers::start() else { return };
    let hub = Hub::with_config(&config(&receivers), &[]).await;
    let Some(other) = Receivers::start() else { return };
    for (user, service) in [("budi", &receivers), ("citra", &other)] {
        person(&hub, user).await;
        let subscription = Browser::new().subscription(&service.url("/push"));
        let path = format!("/api/v1/push/subscriptions?user_id={user}");
        assert_eq!(hub.post(&path, &subscription).await.0, 201);
    }
    let (smtp_port, http_port) = (receivers.smtp_port, receivers.http_port);
    receivers.stop();
    for n in 0..6 {
        publish(&hub, "EVERYWHERE", "budi", &format!("away {n}")).await;
    }
    let channel = async |name: &str| {
        let (_, channels) = hub.get("/api/v1/admin/channels").await;
        let items = channels["channels"].as_array().cloned().unwrap_or_default();
        items.into_iter().find(|one| one["channel"] == name).unwrap_or_default()
    };
    let push = until("the breaker of the service opens", PATIENCE, async || {
        Some(channel("push").await).filter(|push| push["state"] == "degraded")
    })
    .await;
    let origin = format!("http://127.0.0.1:{http_port}");
    assert_eq!(push["unreached"], json!([origin]), "and nobody's endpoint");
    assert_eq!(channels_part(&hub).await, "degraded");
    publish(&hub, "EVERYWHERE", "citra", "elsewhere").await;
    until("the other service gets its push", PATIENCE, async || {
        let sent = deliveries(&hub, "user=citra&channel=push&state=sent").await;
        (sent.len() == 1).then_some(())
    })
    .await;
    receivers = Receivers::start_at(smtp_port, http_port).expect("it started before");
    publish(&hub, "EVERYWHERE", "budi", "back").await;
    until("it is reached again", PATIENCE, async || {
        (channels_part(&hub).await == "ok" && channel("push").await["state"] == "ok").then_some(())
    })
    .await;
    drop(receivers);
}

/// Publishes many, kills the hub again and again while it sends, and counts what arrives.
async fn nothing_is_forgotten_by_killed_hubs(on: On, hubs: usize) {
    const COUNT: usize = 200;
    let Some(receivers) = Receivers::start() else { return };
    let Some(mut hub) = Hub::with_config_on(on, &config(&receivers), &[]).await else { return };
    let mut others = Vec::new();
    for _ in 1..hubs {
        others.push(hub.beside_with_config().await);
    }
    person(&hub, "budi").await;
    let events: Vec<Value> = (0..COUNT)
        .map(|n| {
            let title = format!("t{n}");
            json!({ "type": "MAILED", "user_id": "budi", "title": title, "note_id": n })
        })
        .collect();
    assert_eq!(hub.post("/api/v1/events", &json!(events)).await.0, 202);
    let kills = if hubs == 1 { 5 } else { 0 };
    for round in 1..=kills {
        let at_least = COUNT * round / 12;
        until("some are sent", PATIENCE, async || {
            (receivers.mails().await.len() >= at_least).then_some(())
        })
        .await;
        hub.kill();
        hub.run().await;
    }
    until("all are sent", Duration::from_secs(90), async || {
        let mails = receivers.mails().await;
        let ids: HashSet<&str> =
            mails.iter().filter_map(|mail| mail["headers"]["message-id"].as_str()).collect();
        (ids.len() >= COUNT).then_some(())
    })
    .await;
    until("all are recorded", Duration::from_secs(90), async || {
        let open = ["scheduled", "sending"].map(|state| format!("user=budi&state={state}"));
        let mut count = 0;
        for query in open {
            count += deliveries(&hub, &query).await.len();
        }
        (count == 0).then_some(())
    })
    .await;
    let mails = receivers.mails().await;
    let repeats = mails.len() - COUNT;
    // At most what was in flight at each kill.
    assert!(repeats <= kills * 32, "{repeats} repeats");
}

#[tokio::test]
async fn nothing_is_forgotten_by_a_killed_hub_on_sqlite() {
    nothing_is_forgotten_by_killed_hubs(On::Sqlite, 1).await;
}

#[tokio::test]
async fn two_hubs_send_each_delivery_once() {
    nothing_is_forgotten_by_killed_hubs(On::Postgres, 2).await;
}

//! Panics of actors under load.

use crate::support::{
    client::Client,
    nats::NatsServer,
    wait::{PATIENCE, until},
};
use lonceng::{
    app::{Handles, Hub as InProcess},
    delivery::{CountSessions, CrashSessions},
    runtime::supervisor::Crash,
    telemetry::metric,
};
use serde_json::{Value, json};

/// Each actor in turn panics while events stream in over HTTP and NATS; whatever was acknowledged
/// is in the inbox, each once, and a connected client has seen all of it in order.
#[test]
fn an_actor_that_panics_under_load_loses_nothing_acknowledged() {
    actix_rt::System::new().block_on(async {
        let Some(nats) = NatsServer::start(true).await else { return };
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let config = folder.path().join("config.toml");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[store]\nurl = \"sqlite://{}\"\n\
             [nats]\nurl = \"{}\"\nack_wait_seconds = 2\n\
             [[type]]\ncode = \"NOTE_CREATED\"\ntitle = \"Note\"\ntemplate = \"{{title}}\"\n\
             target = \"SELF\"\n\
             [[feed]]\nname = \"availability\"\npublic = true\nfilters = \
             [\"course_id\"]\n[[feed.message]]\n\
             on = [\"booking.created\"]\ntype = \"availability.updated\"\nfields = \
             [\"course_id\"]\n",
            folder.path().join("lonceng.db").display(),
            nats.url()
        );
        std::fs::write(&config, text).expect("it is written");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut loaded = lonceng::config::load(&config).expect("it is a configuration");
        loaded.config.limits.per_user_per_minute = 0;
        let hub = InProcess::start(
            loaded,
            metric::install().expect(
                "one \
        recorder",
            ),
        )
        .await
        .expect("it starts");
        let base = format!("127.0.0.1:{}", hub.serving.address.port());
        let mut client = Client::connect(format!("ws://{base}/ws?user_id=u")).await;
        client.expect("connected").await;
        let watching = tokio::task::spawn_local(async move {
            let (mut at, mut seen) = (0, 0);
            while seen < 1_200 {
                let push = client.expect("notification.push").await;
                assert_eq!(push["previous_revision"], at, "the history is whole");
                at = push["revision"].as_i64().expect("a revision");
                seen += 1;
            }
        });
        let mut watcher = Client::connect(format!("ws://{base}/ws/availability")).await;
        watcher.send(&json!({"type":"subscribe","filters":{"course_id":"c"}})).await;
        watcher.expect("subscribed").await;
        let http = reqwest::Client::new();
        let context = nats.jetstream().await;
        let mut published = 0;
        let kills: [fn(&Handles) -> bool; 8] = [
            |handles| handles.persistence.offer(Crash),
            |handles| handles.pipeline.offer(Crash),
            |handles| handles.registry.offer(Crash),
            |handles| handles.subscribers["nats"].offer(Crash),
            |handles| handles.broadcaster.offer(Crash),
            |handles| handles.catalog.offer(Crash),
            |handles| handles.sweeper.offer(Crash),
            |handles| handles.scheduler.offer(Crash),
        ];
        for kill in kills {
            for n in 0..75 {
                if n == 30 {
                    assert!(kill(&hub.handles), "the actor is there");
                }
                let event = json!({"type":"NOTE_CREATED","user_id":"u","title":"x",
                    "event_id":format!("h{published}-{n}")});
                // A publisher tries again until it is told that the event is taken.
                until("it is taken", PATIENCE, async || {
                    let sent = http
                        .post(format!("http://{base}/api/v1/events"))
                        .body(event.to_string())
                        .send()
                        .await;
                    sent.is_ok_and(|response| response.status() == 202).then_some(())
                })
                .await;
                let mut headers = async_nats::HeaderMap::new();
                headers.insert("Nats-Msg-Id", format!("n{published}-{n}"));
                let payload = json!({"user_id":"u","title":"y"}).to_string();
                until("the stream takes it", PATIENCE, async || {
                    let sent = context
                        .publish_with_headers(
                            "events.note.created",
                            headers.clone(),
                            payload.clone().into(),
                        )
                        .await;
                    sent.ok()?.await.ok()
                })
                .await;
            }
            published += 150;
        }
        tokio::time::timeout(PATIENCE, watching).await.expect("the client sees all").expect(
            "in \
        order",
        );
        // Whoever watched before watches again: the broadcaster that died took nothing with it but
        // what was on its way.
        until("the watcher is back", PATIENCE, async || {
            let event = json!({"type":"booking.created","course_id":"c"}).to_string();
            http.post(format!("http://{base}/api/v1/events")).body(event).send().await.ok()?;
            watcher.within(std::time::Duration::from_millis(500)).await
        })
        .await;
        let count: Value = http
            .get(format!("http://{base}/api/v1/notifications/unread-count?user_id=u"))
            .send()
            .await
            .expect("it answers")
            .json()
            .await
            .expect("it is JSON");
        assert_eq!(count["unread"], published, "each once");
        let metrics = http
            .get(format!("http://{base}/metrics"))
            .send()
            .await
            .expect(
                "it \
        answers",
            )
            .text()
            .await;
        let metrics = metrics.expect("it is text");
        for actor in [
            "persistence",
            "pipeline",
            "registry",
            "subscriber",
            "broadcaster",
            "catalog",
            "sweeper",
            "scheduler",
        ] {
            let line = format!("lonceng_actor_restarts_total{{actor=\"{actor}\"}} 1");
            assert!(metrics.contains(&line), "{actor}:\n{metrics}");
        }
        assert!(!hub.health.is_down("actors"));
        // What was taken since the start is not forgotten by who keeps it: a translation, a death,
        // then a change by somebody else.
        std::fs::create_dir_all(folder.path().join("templates/id")).expect("it can be made");
        std::fs::write(
            folder.path().join("templates/id/NOTE_CREATED.txt"),
            "baru \
        {title}",
        )
        .expect("it is written");
        let admin = format!("http://{base}/api/v1/admin");
        let person = json!({"locale":"id"}).to_string();
        http.put(format!("{admin}/directory/t")).body(person).send().await.expect("it is taken");
        let says = async || {
            let event = json!({"type":"NOTE_CREATED","user_id":"t","title":"x"}).to_string();
            http.post(format!("http://{base}/api/v1/events"))
                .body(event)
                .send()
                .await
                .expect("it is taken");
            let list = format!("http://{base}/api/v1/notifications?user_id=t&limit=1");
            let list: Value = http
                .get(list)
                .send()
                .await
                .expect(
                    "it \
            answers",
                )
                .json()
                .await
                .expect("it is JSON");
            list["items"][0]["message"].as_str().map(str::to_owned)
        };
        until("it is translated", PATIENCE, async || {
            (says().await?
                == "baru \
        x")
            .then_some(())
        })
        .await;
        assert!(hub.handles.catalog.offer(Crash), "the actor is there");
        until("there is another", PATIENCE, async || {
            let metrics =
                http.get(format!("http://{base}/metrics")).send().await.ok()?.text().await.ok()?;
            metrics.contains("lonceng_actor_restarts_total{actor=\"catalog\"} 2").then_some(())
        })
        .await;
        let other = json!({"display_name":"Other"}).to_string();
        let changed = http
            .patch(format!("{admin}/types/NOTE_CREATED"))
            .body(other)
            .send()
            .await
            .expect("it answers");
        assert_eq!(changed.status(), 200);
        assert_eq!(says().await.as_deref(), Some("baru x"));
        // A session that panics takes only its own connection with it; its client comes back to
        // where it was.
        let connect = async |user: &str, since: i64| {
            let url = format!("ws://{base}/ws?user_id={user}&since={since}");
            let mut client = Client::connect(url).await;
            client.expect("connected").await;
            client
        };
        let mut client = connect("v", 0).await;
        hub.handles.registry.send(CrashSessions).await.expect("the registry lives");
        assert_eq!(client.closed().await, 1006);
        until("the registry forgets it", PATIENCE, async || {
            (hub.handles.registry.send(CountSessions).await == Ok(0)).then_some(())
        })
        .await;
        let event = json!({"type":"NOTE_CREATED","user_id":"v","title":"missed"}).to_string();
        http.post(format!("http://{base}/api/v1/events")).body(event).send().await.expect(
            "it is \
        taken",
        );
        assert_eq!(connect("v", 0).await.expect("notification.push").await["message"], "missed");
        hub.stop().await;
    });
}

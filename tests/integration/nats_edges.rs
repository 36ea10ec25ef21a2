//! NATS: stop of a hub while events arrive, and messages that break its connection.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    recovery::{exactly, joined, note, publish},
    support::{
        hub::Hub,
        nats::NatsServer,
        wait::{PATIENCE, until},
    },
};

/// Waits until the hub has stored an event of the user "u".
async fn works(hub: &Hub) {
    at_least(hub, 1).await;
}

/// Waits until the user "u" has this number of notifications.
async fn at_least(hub: &Hub, count: u64) {
    until(&format!("{count} are stored"), PATIENCE, async || {
        let (_, body) = hub.get("/api/v1/notifications/unread-count?user_id=u").await;
        (body["unread"].as_u64() >= Some(count)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn events_that_a_stopped_hub_has_pulled_are_delivered_before_the_ack_wait() {
    const EVENTS: usize = 5_000;
    let Some(nats) = NatsServer::start(true).await else { return };
    let url = nats.url();
    let env = [("LONCENG_NATS__URL", url.as_str()), ("LONCENG_NATS__ACK_WAIT_SECONDS", "3600")];
    let mut hub = Hub::sqlite(&env).await;
    joined(&hub).await;
    hub.terminate().await;
    publish(&nats.jetstream().await, "u", 0..EVENTS).await;
    hub.run().await;
    works(&hub).await;
    hub.terminate().await;
    hub.run().await;
    // What the server sends while the last pull of 500 ends waits for the ack wait; none of the
    // four chunks that were in progress does.
    at_least(&hub, EVENTS as u64 - 450).await;
}

#[tokio::test]
async fn events_that_a_stopped_hub_has_received_without_jetstream_are_stored() {
    const EVENTS: usize = 1_000;
    let Some(nats) = NatsServer::start(false).await else { return };
    let url = nats.url();
    let mut hub = Hub::sqlite(&[("LONCENG_NATS__URL", &url)]).await;
    until("it has subscribed", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "degraded").then_some(())
    })
    .await;
    let client = nats.client().await;
    for n in 0..EVENTS {
        client.publish("events.note.created", note("u", n).into()).await.expect("sent");
    }
    // The server answers that nobody listens, after it has taken the events.
    client.request("nobody", "".into()).await.expect_err("nobody listens");
    works(&hub).await;
    hub.terminate().await;
    hub.run().await;
    exactly(&hub, "u", EVENTS).await;
}

/// Publishes bytes that client libraries refuse, and waits until the server has taken them.
async fn publish_raw(nats: &NatsServer, operations: &[u8]) {
    let mut socket = TcpStream::connect(("127.0.0.1", nats.port)).await.expect("NATS answers");
    let connect = b"CONNECT {\"verbose\":false,\"headers\":true}\r\n";
    let bytes = [connect, operations, b"PING\r\n"].concat();
    socket.write_all(&bytes).await.expect("NATS reads");
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("PONG") {
        assert_ne!(socket.read_buf(&mut answer).await.expect("NATS answers"), 0, "{answer:?}");
    }
}

#[tokio::test]
async fn message_that_breaks_the_connection_is_a_dead_letter_and_blocks_nothing() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let url = nats.url();
    let env = [("LONCENG_NATS__URL", url.as_str()), ("LONCENG_NATS__ACK_WAIT_SECONDS", "2")];
    let hub = Hub::sqlite(&env).await;
    joined(&hub).await;
    let operations: [&[u8]; 3] = [
        b"HPUB events.note.created 20 22\r\nNATS/1.0\r\nA b: c\r\n\r\n{}\r\n",
        b"HPUB events.note.created 18 20\r\nNATS/1.0\r\nA: \xff\r\n\r\n{}\r\n",
        b"PUB events.note.\xff 2\r\n{}\r\n",
    ];
    publish_raw(&nats, &operations.concat()).await;
    let context = nats.jetstream().await;
    publish(&context, "u", 0..300).await;
    exactly(&hub, "u", 300).await;
    let letters = until("the dead letters are stored", PATIENCE, async || {
        let (_, body) = hub.get("/api/v1/admin/dead-letters").await;
        let letters = body["dead_letters"].as_array()?.clone();
        (letters.len() >= 3).then_some(letters)
    })
    .await;
    for letter in &letters {
        assert_eq!((&letter["kind"], &letter["payload"]), (&"invalid_field".into(), &"{}".into()));
    }
    until("nothing is pending at the server", PATIENCE, async || {
        let stream = context.get_stream("EVENTS").await.expect("it is there");
        let consumer = stream
            .get_consumer::<async_nats::jetstream::consumer::pull::Config>("lonceng")
            .await
            .expect("it is there");
        let info = consumer.cached_info();
        (info.num_ack_pending == 0 && info.num_pending == 0).then_some(())
    })
    .await;
    joined(&hub).await;
    assert_eq!(letters.len(), 3, "{letters:#?}");
}

//! Access to NATS: user and password, `NKey`, TLS, and several addresses.

use std::process::Command;

use serde_json::json;

use crate::support::{
    hub::Hub,
    nats::{NatsServer, free_port},
    wait::{PATIENCE, until},
};

/// A key of the documentation of NATS, and its seed.
const KEY: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";

/// Starts a hub that requires NATS, and waits until it receives events.
async fn receives(env: &[(&str, &str)]) -> Hub {
    let hub = Hub::sqlite(env).await;
    until("the hub receives events", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "ok").then_some(())
    })
    .await;
    hub
}

#[tokio::test]
async fn user_and_password_are_in_the_url_and_never_in_the_log() {
    let config = "authorization { user: lonceng, password: \"hunter@2\" }";
    let Some(nats) = NatsServer::with_config(config).await else { return };
    let url = format!("nats://lonceng:hunter%402@127.0.0.1:{}", nats.port);
    let hub = receives(&[("LONCENG_NATS__URL", &url)]).await;
    assert!(!hub.log().contains("hunter"), "{}", hub.log());

    let wrong = format!("nats://lonceng:hunter3@127.0.0.1:{}", nats.port);
    let hub = Hub::sqlite(&[("LONCENG_NATS__URL", &wrong)]).await;
    until("NATS is down", PATIENCE, async || {
        (hub.get("/health/ready").await.1["nats"] == "down").then_some(())
    })
    .await;
    assert!(!hub.log().contains("hunter"), "{}", hub.log());
}

#[tokio::test]
async fn an_nkey_signs_in() {
    let config = format!("authorization {{ users: [ {{ nkey: {KEY} }} ] }}");
    let Some(nats) = NatsServer::with_config(&config).await else { return };
    let url = nats.url();
    let hub = receives(&[("LONCENG_NATS__URL", &url), ("LONCENG_NATS__NKEY_SEED", SEED)]).await;
    assert!(!hub.log().contains(SEED), "{}", hub.log());
}

/// Makes an authority (`ca.pem`), and a certificate of this machine that it signed (`cert.pem` and
/// `key.pem`).
fn make_certificates(folder: &std::path::Path) {
    let script = "set -e
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Test authority' \
            -keyout ca.key -out ca.pem
        openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout key.pem -out server.csr
        printf 'subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' > server.ext
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
            -extfile server.ext -out cert.pem";
    let made = Command::new("sh").args(["-c", script]).current_dir(folder).output();
    let made = made.expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[tokio::test]
async fn the_certificate_of_the_server_is_checked_with_the_given_authority() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (authority, certificate, key) = (path("ca.pem"), path("cert.pem"), path("key.pem"));
    make_certificates(folder.path());
    let config = format!("tls {{ cert_file: \"{certificate}\", key_file: \"{key}\" }}");
    let Some(nats) = NatsServer::with_config(&config).await else { return };
    let url = format!("tls://127.0.0.1:{}", nats.port);
    receives(&[("LONCENG_NATS__URL", &url), ("LONCENG_NATS__TLS_CA_FILE", &authority)]).await;

    let untrusting = Hub::sqlite(&[("LONCENG_NATS__URL", &url)]).await;
    until("NATS is down", PATIENCE, async || {
        (untrusting.get("/health/ready").await.1["nats"] == "down").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_next_address_is_used_when_one_does_not_answer() {
    let Some(nats) = NatsServer::start(true).await else { return };
    let url = format!("nats://127.0.0.1:{},{}", free_port(), nats.url());
    let hub = receives(&[("LONCENG_NATS__URL", &url)]).await;
    let event = json!({ "user_id": "budi", "title": "x" }).to_string();
    let jetstream = nats.jetstream().await;
    let sent = jetstream.publish("events.note.created", event.into()).await.expect("it is sent");
    sent.await.expect("it is stored");
    until("the event arrives", PATIENCE, async || {
        (hub.inbox("budi").await.len() == 1).then_some(())
    })
    .await;
}

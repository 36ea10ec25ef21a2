//! TLS of the hub itself: HTTP, WebSocket and event streams, and a certificate that changes.

use std::{path::Path, sync::Arc};

use futures_util::StreamExt as _;
use rustls::pki_types::{ServerName, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{
    hub::{Hub, On},
    wait::{PATIENCE, until},
};

/// Writes a new certificate for `localhost`. Returns its PEM.
pub(crate) fn write_certificate(folder: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("certificate");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).expect("written");
    made.cert.pem()
}

/// Connects, trusting only this certificate. Fails if the hub shows another one.
async fn connect(port: u16, trusted: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = rustls::RootCertStore::empty();
    let certificate = rustls::pki_types::CertificateDer::from_pem_slice(trusted.as_bytes());
    roots.add(certificate.expect("PEM")).expect("a certificate");
    let config =
        rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let io = TcpStream::connect(("127.0.0.1", port)).await?;
    connector.connect(ServerName::try_from("localhost").expect("a name"), io).await
}

fn client(trusted: &str) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root = reqwest::Certificate::from_pem(trusted.as_bytes()).expect("PEM");
    reqwest::Client::builder().tls_certs_only([root]).build().expect("a client")
}

/// Starts a hub with the certificate of a folder.
pub(crate) async fn hub(folder: &Path) -> Hub {
    let path = |name: &str| folder.join(name).display().to_string();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let env =
        [("LONCENG_SERVER__TLS__CERTIFICATE", &*certificate), ("LONCENG_SERVER__TLS__KEY", &*key)];
    let mut hub = Hub::prepare(On::Sqlite, &env).await.expect("SQLite is always there");
    hub.run().await;
    hub
}

#[actix_rt::test]
async fn http_web_socket_and_event_stream_are_encrypted() {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = write_certificate(folder.path());
    let hub = hub(folder.path()).await;
    assert!(hub.log().contains("https://"), "{}", hub.log());

    let request = format!("wss://localhost:{}/ws?user_id=u", hub.port);
    let io = connect(hub.port, &trusted).await.expect("a connection");
    let (mut socket, _) = tokio_tungstenite::client_async(request, io).await.expect("a WebSocket");

    // Several TLS records.
    let data =
        json!({ "type": "NOTE_CREATED", "user_id": "u", "title": "x", "more": "y".repeat(60_000) });
    let url = format!("https://localhost:{}/api/v1/events", hub.port);
    let answer = client(&trusted).post(url).json(&data).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    loop {
        let message = socket.next().await.expect("open").expect("ok");
        let message: Value = serde_json::from_str(message.to_text().expect("text")).expect("JSON");
        if message.to_string().contains(&"y".repeat(60_000)) {
            break;
        }
    }

    let mut stream = connect(hub.port, &trusted).await.expect("a connection");
    stream
        .write_all(b"GET /api/v1/stream?user_id=u HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .expect("written");
    let mut read = Vec::new();
    until("the stream begins", PATIENCE, async || {
        stream.read_buf(&mut read).await.expect("open");
        String::from_utf8_lossy(&read).contains("\"connected\"").then_some(())
    })
    .await;
}

#[actix_rt::test]
async fn plain_http_and_silence_on_the_port_harm_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let trusted = write_certificate(folder.path());
    let hub = hub(folder.path()).await;
    let silent = TcpStream::connect(("127.0.0.1", hub.port)).await.expect("a connection");
    let mut plain = TcpStream::connect(("127.0.0.1", hub.port)).await.expect("a connection");
    plain.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("written");
    let mut read = Vec::new();
    let _ = plain.read_to_end(&mut read).await;
    assert!(!read.starts_with(b"HTTP/"), "an answer without TLS");
    let url = format!("https://localhost:{}/health/live", hub.port);
    let answer = client(&trusted).get(url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    drop(silent);
}

#[actix_rt::test]
async fn changed_certificate_is_used_and_a_bad_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = write_certificate(folder.path());
    let hub = hub(folder.path()).await;
    assert!(connect(hub.port, &first).await.is_ok());

    let second = write_certificate(folder.path());
    until("the second certificate is used", PATIENCE, async || {
        connect(hub.port, &second).await.ok()
    })
    .await;
    assert!(connect(hub.port, &first).await.is_err(), "the first one is not shown any more");

    std::fs::write(folder.path().join("cert.pem"), "no PEM").expect("written");
    until("the log says so", PATIENCE, async || {
        hub.log().contains("the last good one stays in use").then_some(())
    })
    .await;
    assert!(connect(hub.port, &second).await.is_ok(), "the last good one stays");
}

#[actix_rt::test]
async fn bad_certificate_ends_the_start_with_its_key() {
    let folder = tempfile::tempdir().expect("a folder");
    write_certificate(folder.path());
    std::fs::write(folder.path().join("key.pem"), "no key").expect("written");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_lonceng"))
        .args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml"), "check"])
        .env("LONCENG_SERVER__TLS__CERTIFICATE", path("cert.pem"))
        .env("LONCENG_SERVER__TLS__KEY", path("key.pem"))
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("LONCENG_SERVER__TLS__KEY"), "{text}");
}

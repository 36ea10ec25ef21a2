//! WebSocket client of another implementation than the hub (tungstenite).

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use super::wait::PATIENCE;

pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub async fn connect(request: impl IntoClientRequest + Unpin) -> Self {
        let (socket, _) = connect_async(request).await.expect("the upgrade is answered");
        Self { socket }
    }

    /// Returns the status with which an upgrade is refused.
    pub async fn refused(request: impl IntoClientRequest + Unpin) -> u16 {
        match connect_async(request).await {
            Err(Error::Http(response)) => response.status().as_u16(),
            Ok(_) => panic!("the upgrade was answered"),
            Err(error) => panic!("not an answer: {error}"),
        }
    }

    pub async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("the hub reads");
    }

    pub async fn send_raw(&mut self, message: Message) {
        self.socket.send(message).await.expect("the hub reads");
    }

    /// Returns the next message, or the close code.
    pub async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let message =
                timeout(PATIENCE, self.socket.next()).await.expect("a message comes in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("messages are JSON"));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// Waits for the next message, however long it takes; `None` at the end.
    pub async fn tick(&mut self) -> Option<()> {
        loop {
            match self.socket.next().await? {
                Ok(Message::Text(_)) => return Some(()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Returns the data of the next message, which must have this type.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let message =
            self.next().await.unwrap_or_else(|code| panic!("closed with {code}, expected {kind}"));
        assert_eq!(message["type"], kind, "{message}");
        message["data"].clone()
    }

    /// Skips messages until one has this type, and returns its data.
    pub async fn skip_to(&mut self, kind: &str) -> Value {
        loop {
            let message = self
                .next()
                .await
                .unwrap_or_else(|code| panic!("closed with {code}, expected {kind}"));
            if message["type"] == kind {
                return message["data"].clone();
            }
        }
    }

    /// Skips messages until the connection is closed, and returns the close code.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    /// Checks that no message is queued: the next one answers a ping.
    pub async fn nothing(&mut self) {
        self.send_text(r#"{"type":"ping"}"#).await;
        self.expect("pong").await;
    }

    /// Returns the next message; `None` if there is none within this time.
    pub async fn within(&mut self, patience: Duration) -> Option<Value> {
        match timeout(patience, self.socket.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => serde_json::from_str(&text).ok(),
            _ => None,
        }
    }
}

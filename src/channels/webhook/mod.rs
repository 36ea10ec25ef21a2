//! Webhooks: signed JSON (Standard Webhooks), Slack, Discord and Teams.

mod text;

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::future::BoxFuture;
use hmac::{Hmac, Mac as _};
use reqwest::{Client, Url, header};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::{Channel, Message, Rendered, SendError, SendErrorKind, Sent, guard, reply};
use crate::{
    clock,
    config::{WebhookChannel, WebhookFormat},
    domain::{
        channel::WEBHOOK_PREFIX,
        notification::{Notification, NotificationState, Status, Timestamp},
        trace_context::TraceContext,
    },
};

/// Prefix of a secret (Standard Webhooks).
const SECRET_PREFIX: &str = "whsec_";

/// Webhook.
pub(super) struct Webhook {
    name: String,
    url: Url,
    format: WebhookFormat,
    /// Key of the signature; empty for none.
    key: Vec<u8>,
    allow_private: bool,
    /// URL of the hub, for links that begin with a slash; empty if it is not known.
    public_url: String,
    http: Client,
}

/// Checks the settings of a webhook. Fails with the key and a description.
///
/// # Errors
/// The invalid key, and a description.
pub fn check_webhook(config: &WebhookChannel) -> Result<(), (&'static str, String)> {
    let url = Url::parse(config.url.reveal())
        .map_err(|error| ("url", format!("is not a URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(("url", "must start with https:// or http://".to_owned()));
    }
    guard::check_literal(&url, config.allow_private).map_err(|message| ("url", message))?;
    key(config).map(drop).map_err(|message| ("secret", message))
}

fn key(config: &WebhookChannel) -> Result<Vec<u8>, String> {
    if config.secret.is_empty() {
        return Ok(Vec::new());
    }
    let wrong = || "must be whsec_ and base64, as of `openssl rand -base64 32`".to_owned();
    let text = config.secret.reveal().strip_prefix(SECRET_PREFIX).ok_or_else(wrong)?;
    BASE64_STANDARD.decode(text).ok().filter(|key| !key.is_empty()).ok_or_else(wrong)
}

impl Webhook {
    /// Creates a webhook.
    pub(super) fn new(
        config: &WebhookChannel,
        public_url: &str,
        timeout: Duration,
    ) -> Result<Self, String> {
        let named =
            |(field, message)| format!("channels.webhook {:?}: {field} {message}", config.name);
        check_webhook(config).map_err(named)?;
        let url = Url::parse(config.url.reveal()).map_err(|error| error.to_string())?;
        Ok(Self {
            name: format!("{WEBHOOK_PREFIX}{}", config.name),
            url,
            format: config.format,
            key: key(config)?,
            allow_private: config.allow_private,
            public_url: public_url.trim_end_matches('/').to_owned(),
            http: guard::client(config.allow_private, timeout)?,
        })
    }

    async fn post(
        &self,
        id: Uuid,
        now: Timestamp,
        trace: Option<&TraceContext>,
        body: &Value,
    ) -> Result<String, SendError> {
        guard::check_literal(&self.url, self.allow_private)
            .map_err(|message| SendError::new(SendErrorKind::Invalid, message))?;
        let body = body.to_string();
        let seconds = now.0.div_euclid(1_000);
        let mut request = self
            .http
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id.to_string())
            .header("webhook-timestamp", seconds);
        if let Some(signature) = signature(&self.key, &id.to_string(), seconds, &body) {
            request = request.header("webhook-signature", signature);
        }
        if let Some(trace) = trace {
            request = request.header("traceparent", trace.traceparent());
        }
        let response = request.body(body).send().await.map_err(|error| reply::of_error(&error))?;
        reply::interpret(response).await
    }
}

/// Returns the signature of a message (Standard Webhooks); `None` without a key.
fn signature(key: &[u8], id: &str, seconds: i64, body: &str) -> Option<String> {
    if key.is_empty() {
        return None;
    }
    // HMAC takes a key of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    Some(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

/// Returns a notification without the marks of its recipient, so that a retry repeats the body.
fn as_created(item: &Notification) -> Notification {
    let mut created = item.clone();
    let state = NotificationState {
        status: Status::Unread,
        seen_at: None,
        read_at: None,
        clicked_at: None,
        clicked_action: None,
        expires_at: item.expires_at,
        snoozed_until: None,
    };
    created.enter(state, item.seq, item.changed_at);
    created
}

/// Returns the body of a message. It is the same for every attempt.
fn body(format: WebhookFormat, public_url: &str, item: &Notification, message: &Message) -> Value {
    let link = item.action_url.as_deref().and_then(|url| text::link(url, public_url));
    match format {
        WebhookFormat::Json => {
            // A type of this crate with string keys always serializes.
            let mut body = serde_json::to_value(as_created(item)).unwrap_or_default();
            body["type"] = json!("notification");
            body["delivery_id"] = json!(message.id);
            body["timestamp"] = json!(message.created_at);
            body["recipients"] = json!(message.recipients);
            if message.recipients == 1 {
                body["user_id"] = json!(item.user_id);
            }
            body
        }
        WebhookFormat::Slack => {
            let escape =
                |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let link = link.map_or_else(String::new, |url| {
                format!("\n<{}|Open>", escape(&url).replace('|', "%7C"))
            });
            json!({ "text": format!("*{}*\n{}{link}", escape(&item.title), escape(&item.message)) })
        }
        WebhookFormat::Discord => {
            let content = text::discord(&item.title, &item.message, link.as_deref());
            json!({ "content": content, "allowed_mentions": { "parse": [] } })
        }
        WebhookFormat::Teams => {
            let text = |text: &str, weight: &str| {
                let (block, text) = ("TextBlock", text::escaped(text));
                json!({ "type": block, "text": text, "wrap": true, "weight": weight })
            };
            let open =
                |url: String| json!({ "type": "Action.OpenUrl", "title": "Open", "url": url });
            json!({
                "type": "message",
                "attachments": [{
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "content": {
                        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                        "type": "AdaptiveCard",
                        "version": "1.4",
                        "body": [text(&item.title, "Bolder"), text(&item.message, "Default")],
                        "actions": link.map(open).into_iter().collect::<Vec<_>>(),
                    },
                }],
            })
        }
    }
}

impl Channel for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Sent, SendError>> {
        Box::pin(async move {
            let item = message.items.first().ok_or_else(|| {
                SendError::new(SendErrorKind::Nobody, "the notification does not exist any more")
            })?;
            let body = body(self.format, &self.public_url, item, message);
            let reply = self.post(message.id, message.now, message.trace.as_deref(), &body).await?;
            Ok(Sent { reply, confirmed: Vec::new() })
        })
    }

    fn test<'a>(
        &'a self,
        _to: &'a str,
        _mail: Option<Rendered>,
    ) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async move {
            let text = "This is a test of Lonceng.";
            let body = match self.format {
                WebhookFormat::Json => json!({
                    "type": "test", "title": "Lonceng", "message": text, "timestamp": clock::now(),
                }),
                WebhookFormat::Slack => json!({ "text": text }),
                WebhookFormat::Discord => json!({ "content": text }),
                WebhookFormat::Teams => json!({
                    "type": "message",
                    "attachments": [{
                        "contentType": "application/vnd.microsoft.card.adaptive",
                        "content": {
                            "type": "AdaptiveCard", "version": "1.4",
                            "body": [{ "type": "TextBlock", "text": text }],
                        },
                    }],
                }),
            };
            self.post(Uuid::now_v7(), clock::now(), None, &body).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn signature_is_the_one_of_the_specification() {
        // Example of the Standard Webhooks specification.
        let config = WebhookChannel {
            name: "x".to_owned(),
            url: Secret::from("https://example.com"),
            format: WebhookFormat::Json,
            secret: Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            allow_private: false,
        };
        let key = key(&config).expect("a secret");
        let body = r#"{"test": 2432232314}"#;
        let signed = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn retry_repeats_the_body_whatever_was_marked_in_between() {
        let item = crate::store::notification_of(
            Uuid::nil(),
            &crate::testing::draft("budi", "It is there"),
            Timestamp(1_000),
        );
        let message = Message {
            id: Uuid::now_v7(),
            recipient: None,
            items: Vec::new(),
            digest: false,
            closes: false,
            mandatory: false,
            recipients: 1,
            browsers: Vec::new(),
            created_at: Timestamp(1_000),
            now: Timestamp(2_000),
            trace: None,
        };
        let first = body(WebhookFormat::Json, "", &item, &message);
        assert_eq!(first["timestamp"], "1970-01-01T00:00:01Z");
        let mut read = item.clone();
        let state = NotificationState {
            status: Status::Read,
            seen_at: Some(Timestamp(3_000)),
            read_at: Some(Timestamp(3_000)),
            ..item.state()
        };
        read.enter(state, item.revision + 1, Timestamp(3_000));
        let later = Message { now: Timestamp(9_000), ..message };
        assert_eq!(body(WebhookFormat::Json, "", &read, &later), first);
    }

    #[test]
    fn invalid_settings_name_their_key() {
        let field = |url: &str, secret: &str| {
            let config = WebhookChannel {
                name: "x".to_owned(),
                url: Secret::from(url),
                format: WebhookFormat::Json,
                secret: Secret::from(secret),
                allow_private: false,
            };
            check_webhook(&config).err().map(|(field, _)| field)
        };
        assert_eq!(field("https://example.com/x", ""), None);
        assert_eq!(field("ftp://example.com", ""), Some("url"));
        assert_eq!(field("http://10.0.0.1/", ""), Some("url"));
        assert_eq!(field("https://example.com", "secret"), Some("secret"));
        assert_eq!(field("https://example.com", "whsec_!"), Some("secret"));
    }
}

//! Web Push (RFC 8030), encrypted (RFC 8291) and signed by the hub (VAPID, RFC 8292).

mod vapid;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::future::{BoxFuture, join_all};
use p256::PublicKey;
use reqwest::{Client, StatusCode, Url, header};
use serde_json::{Value, json};
use tokio::time::Instant;
use web_push_native::{Auth, encrypt};

pub use vapid::{VapidKeys, generate as generate_vapid};

use super::{
    Channel, ChannelContext, Message, Rendered, SendError, SendErrorKind, Sent, breaker::Breaker,
    guard, reply,
};
use crate::{
    clock,
    config::PushChannel,
    domain::{
        channel::PUSH,
        notification::{Notification, Priority},
    },
    store::{PushSubscription, Store},
};

/// Time for which a push service keeps a message for a browser that is off, in seconds: a day.
const TTL_SECONDS: u32 = 24 * 60 * 60;

/// Maximum length of a payload, in bytes: push services take 4,096 bytes (RFC 8030, section 7.2),
/// of which the encryption needs 103 (RFC 8188: header with key 86, delimiter 1, tag 16).
const PAYLOAD_MAX_BYTES: usize = 3_993;

/// Maximum length of the message in a push, in characters.
const TEXT_MAX_CHARS: usize = 600;

/// Maximum length of the title in a push, in bytes of JSON.
const TITLE_MAX_BYTES: usize = 700;

/// Maximum length of the link in a push, in bytes of JSON; a longer one is left out.
const LINK_MAX_BYTES: usize = 2_500;

/// Maximum number of push services whose state is remembered.
const SERVICES_MAX: usize = 1_000;

/// Web Push.
pub(super) struct WebPush {
    store: Store,
    keys: Arc<VapidKeys>,
    subject: String,
    allow_private: bool,
    http: Client,
    /// Breakers of the push services, by origin.
    services: Mutex<HashMap<String, Breaker>>,
    backoff: Vec<Duration>,
}

impl WebPush {
    /// Creates the channel.
    pub(super) fn new(
        config: &PushChannel,
        keys: &Arc<VapidKeys>,
        (timeout, backoff): (Duration, Vec<Duration>),
        context: &ChannelContext,
    ) -> Result<Self, String> {
        Ok(Self {
            store: context.store.clone(),
            keys: Arc::clone(keys),
            subject: config.subject.clone(),
            allow_private: config.allow_private,
            http: guard::client(config.allow_private, timeout)?,
            services: Mutex::default(),
            backoff,
        })
    }

    /// Sends a payload to one browser.
    async fn push(
        &self,
        browser: &PushSubscription,
        topic: &str,
        urgency: &str,
        payload: &Value,
    ) -> Result<String, SendError> {
        let invalid = |reason: String| SendError::new(SendErrorKind::Invalid, reason);
        let url = Url::parse(&browser.endpoint).map_err(|error| invalid(error.to_string()))?;
        guard::check_literal(&url, self.allow_private).map_err(invalid)?;
        let origin = url.origin().ascii_serialization();
        if !self.with_breaker(&origin, |breaker| breaker.passes(Instant::now())) {
            return Err(SendError::new(
                SendErrorKind::Later(None),
                format!("{origin} is not reached; it is left alone for a while"),
            ));
        }
        let body = encrypted(browser, payload).map_err(invalid)?;
        let authorization = self.keys.authorization(&origin, &self.subject).map_err(invalid)?;
        let began = Instant::now();
        let sent = self
            .http
            .post(url)
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_ENCODING, "aes128gcm")
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header("TTL", TTL_SECONDS)
            .header("Urgency", urgency)
            .header("Topic", topic)
            .body(body)
            .send()
            .await;
        let response = match sent {
            Ok(response) => {
                self.with_breaker(&origin, Breaker::succeeded);
                response
            }
            Err(error) => {
                self.with_breaker(&origin, |breaker| breaker.failed(began, Instant::now()));
                return Err(reply::of_error(&error));
            }
        };
        if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::GONE) {
            let status = response.status();
            // The next attempt finds it again if the store is unavailable.
            let _ = self.store.remove_subscription(&browser.id, None).await;
            return Err(SendError::new(
                SendErrorKind::Nobody,
                format!("{status}: the browser does not receive Web Push any more"),
            ));
        }
        reply::interpret(response).await
    }

    fn with_breaker<T>(&self, origin: &str, change: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        if services.len() >= SERVICES_MAX && !services.contains_key(origin) {
            services.clear();
        }
        let new = || Breaker::new(self.backoff.clone());
        change(services.entry(origin.to_owned()).or_insert_with(new))
    }

    /// Sends a payload to every browser that has not confirmed it yet.
    async fn push_all(
        &self,
        browsers: &[PushSubscription],
        topic: &str,
        urgency: &str,
        payload: &Value,
    ) -> Result<Sent, SendError> {
        let mut confirmed = Vec::new();
        let (mut worst, mut reply): (Option<SendError>, _) = (None, String::new());
        let rank = |kind: SendErrorKind| match kind {
            SendErrorKind::Nobody => 0,
            SendErrorKind::Invalid | SendErrorKind::Refused => 1,
            SendErrorKind::Later(_) => 2,
            SendErrorKind::Unreachable => 3,
        };
        // Together, so that a push service that hangs holds up no other one.
        let pushes = browsers.iter().map(|browser| self.push(browser, topic, urgency, payload));
        for (browser, result) in browsers.iter().zip(join_all(pushes).await) {
            match result {
                Ok(answer) => {
                    reply = answer;
                    confirmed.push(browser.id.clone());
                }
                Err(error) => {
                    if worst.as_ref().is_none_or(|other| rank(other.kind) < rank(error.kind)) {
                        worst = Some(error);
                    }
                }
            }
        }
        match worst {
            None if confirmed.is_empty() => Err(SendError::new(
                SendErrorKind::Nobody,
                "no browser of the person receives Web Push",
            )),
            None => Ok(Sent { reply, confirmed }),
            // Browsers that are gone or refuse do not matter while another one has it.
            Some(error) if rank(error.kind) < 2 && !confirmed.is_empty() => {
                Ok(Sent { reply, confirmed })
            }
            // A push service that is away must not hold up the others: it has a breaker of its own.
            Some(error) => {
                let kind = match error.kind {
                    SendErrorKind::Unreachable => SendErrorKind::Later(None),
                    kind => kind,
                };
                Err(SendError { kind, confirmed, ..error })
            }
        }
    }
}

/// Decodes the key of a browser; `None` if it is not a point of the curve.
fn public_key(p256dh: &str) -> Option<PublicKey> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(p256dh.trim_end_matches('=')).ok()?;
    PublicKey::from_sec1_bytes(&bytes).ok()
}

/// Returns whether a text is the key of a browser: a point of P-256 in base64url.
#[must_use]
pub fn is_browser_key(p256dh: &str) -> bool {
    public_key(p256dh).is_some()
}

/// Encrypts a payload for a browser.
fn encrypted(browser: &PushSubscription, payload: &Value) -> Result<Vec<u8>, String> {
    let key = public_key(&browser.p256dh).ok_or("the key of the browser is invalid")?;
    let secret = BASE64_URL_SAFE_NO_PAD
        .decode(browser.auth.trim_end_matches('='))
        .ok()
        .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok())
        .ok_or("the secret of the browser is invalid")?;
    let secret = Auth::from(secret);
    encrypt(payload.to_string().into_bytes(), &key, &secret).map_err(|error| error.to_string())
}

/// Returns the length of a text in JSON, in bytes, without the quotation marks.
fn json_bytes(text: &str) -> usize {
    text.chars().map(json_bytes_of).sum()
}

fn json_bytes_of(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        other if other < ' ' => 6,
        other => other.len_utf8(),
    }
}

/// Cuts a text to a number of bytes of JSON.
fn cut(text: &str, max_bytes: usize) -> String {
    let mut bytes = 0;
    let fits = |character: &char| {
        bytes += json_bytes_of(*character);
        bytes <= max_bytes
    };
    text.chars().take(TEXT_MAX_CHARS).take_while(fits).collect()
}

/// Returns the payload of a notification, cut to what push services take.
fn payload(item: &Notification) -> Value {
    let link = item.action_url.as_deref().filter(|url| json_bytes(url) <= LINK_MAX_BYTES);
    let mut payload = json!({
        "title": cut(&item.title, TITLE_MAX_BYTES),
        "message": "",
        "notification_id": item.notification_id,
        "action_url": link,
        "type_code": item.type_code,
        "priority": item.priority,
    });
    let rest = PAYLOAD_MAX_BYTES.saturating_sub(payload.to_string().len());
    payload["message"] = cut(&item.message, rest).into();
    payload
}

impl Channel for WebPush {
    fn name(&self) -> &str {
        PUSH
    }

    fn concurrency(&self) -> usize {
        32
    }

    /// Returns the origins of push services, never the endpoint of a person.
    fn unreached(&self) -> Vec<String> {
        let now = Instant::now();
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let down = services.iter().filter(|(_, breaker)| breaker.is_down(now));
        let mut origins: Vec<String> = down.map(|(origin, _)| origin.clone()).collect();
        origins.sort_unstable();
        origins
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Sent, SendError>> {
        Box::pin(async move {
            let item = message.items.first().ok_or_else(|| {
                SendError::new(SendErrorKind::Nobody, "the notification does not exist any more")
            })?;
            let payload = if message.closes {
                json!({ "close": item.notification_id })
            } else {
                payload(item)
            };
            let urgency = if item.priority == Priority::High { "high" } else { "normal" };
            let topic = message.id.simple().to_string();
            self.push_all(&message.browsers, &topic, urgency, &payload).await
        })
    }

    fn test<'a>(
        &'a self,
        to: &'a str,
        _mail: Option<Rendered>,
    ) -> BoxFuture<'a, Result<String, SendError>> {
        Box::pin(async move {
            let browsers =
                self.store.subscriptions(to).await.map_err(|error| {
                    SendError::new(SendErrorKind::Later(None), error.to_string())
                })?;
            let payload = json!({
                "title": "Lonceng", "message": "This is a test of Lonceng.",
                "notification_id": null, "action_url": null, "type_code": "TEST",
                "priority": "MEDIUM",
            });
            let topic = format!("test-{}", clock::now().0);
            let sent = self.push_all(&browsers, &topic, "normal", &payload).await?;
            Ok(format!("{} browsers: {}", sent.confirmed.len(), sent.reply))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_the_bytes_of_its_json() {
        for text in ["a".repeat(900), "\u{1F600}".repeat(900), "\"\n\u{1}".repeat(900)] {
            let cut = cut(&text, 500);
            assert!(text.starts_with(&cut) && !cut.is_empty());
            let json = Value::from(cut.as_str()).to_string();
            assert_eq!(json.len() - 2, json_bytes(&cut));
            assert!(json_bytes(&cut) <= 500 && json_bytes(&cut) > 490);
        }
        assert_eq!(cut(&"a".repeat(900), 5_000).len(), TEXT_MAX_CHARS);
    }

    #[test]
    fn only_a_point_of_the_curve_is_a_key() {
        let point = |bytes: &[u8]| is_browser_key(&BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let mut bytes = [5_u8; 65];
        bytes[0] = 4;
        assert!(!point(&bytes), "no point of the curve");
        assert!(!point(b"short"));
    }
}

//! Web Push for browsers: the key of the hub, subscriptions, and the service worker.

use actix_web::{HttpRequest, HttpResponse, web};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{Problem, SharedState, State, body, identity};
use crate::{
    channels::{VapidKeys, is_browser_key},
    clock,
    http::api::{Access, Operation, Tag},
    store::{PushSubscription, subscription_id},
};

/// Maximum length of the URL of a push service, in bytes.
const ENDPOINT_MAX_BYTES: usize = 2_048;

/// Length of an uncompressed point of P-256, and of the secret, in bytes (RFC 8291).
const KEY_BYTES: usize = 65;
const SECRET_BYTES: usize = 16;

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/push/key", key)
            .access(Access::Anyone)
            .doc(Tag::Inbox, "push_key", "Get the public key of the hub for Web Push")
            .returns(200, "The key, `applicationServerKey` of a subscription.", "PushKey")
            .errors(&[404]),
        Operation::post("/api/v1/push/subscriptions", subscribe)
            .access(Access::User)
            .doc(Tag::Inbox, "subscribe_push", "Receive Web Push in this browser")
            .body("PushSubscription")
            .returns(201, "Subscribed.", "PushSubscribed")
            .errors(&[404]),
        Operation::delete("/api/v1/push/subscriptions", unsubscribe)
            .access(Access::User)
            .doc(Tag::Inbox, "unsubscribe_push", "Receive no Web Push in this browser any more")
            .body("PushSubscription")
            .returns(200, "Unsubscribed.", "PushSubscribed")
            .errors(&[404]),
    ]
}

fn keys(state: &State) -> Result<&VapidKeys, Problem> {
    let off = || Problem::not_found("Web Push is off: channels.push.subject is not set");
    state.channels.vapid.as_deref().ok_or_else(off)
}

async fn key(state: SharedState) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(json!({ "public_key": keys(&state)?.public() })))
}

/// `PushSubscription` as browsers serialize it.
#[derive(Deserialize)]
struct Written {
    endpoint: String,
    #[serde(default)]
    keys: Option<Keys>,
    #[serde(rename = "expirationTime", default)]
    _expiration: Option<Value>,
}

#[derive(Deserialize)]
struct Keys {
    p256dh: String,
    auth: String,
}

async fn read(state: &State, payload: web::Payload) -> Result<Written, Problem> {
    let bytes = body::read(payload, state.server.load().max_message_bytes).await?;
    let written: Written = body::json(&bytes)?;
    let is_url = Url::parse(&written.endpoint)
        .is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
    if !is_url || written.endpoint.len() > ENDPOINT_MAX_BYTES || written.endpoint.contains('\0') {
        let detail = format!("must be a URL of at most {ENDPOINT_MAX_BYTES} bytes");
        return Err(Problem::bad_field("endpoint", detail));
    }
    Ok(written)
}

/// Decodes base64url with or without padding, as browsers write it.
fn bytes_of(text: &str) -> Option<usize> {
    BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok().map(|bytes| bytes.len())
}

async fn subscribe(
    state: SharedState,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    keys(&state)?;
    let written = read(&state, payload).await?;
    let Some(Keys { p256dh, auth }) = written.keys else {
        return Err(Problem::bad_field("keys", "is missing: p256dh and auth of the browser"));
    };
    if bytes_of(&p256dh) != Some(KEY_BYTES) || bytes_of(&auth) != Some(SECRET_BYTES) {
        let detail = "must be p256dh and auth in base64url, as the browser gave them";
        return Err(Problem::bad_field("keys", detail));
    }
    if !is_browser_key(&p256dh) {
        return Err(Problem::bad_field("keys.p256dh", "is not a public key of P-256"));
    }
    let id = subscription_id(&written.endpoint);
    let subscription =
        PushSubscription { id: id.clone(), endpoint: written.endpoint, p256dh, auth };
    state.store.put_subscription(&user, &subscription, clock::now()).await?;
    Ok(HttpResponse::Created().json(json!({ "id": id })))
}

async fn unsubscribe(
    state: SharedState,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    let written = read(&state, payload).await?;
    let id = subscription_id(&written.endpoint);
    if !state.store.remove_subscription(&id, Some(&user)).await? {
        return Err(Problem::not_found("this browser does not receive Web Push for you"));
    }
    Ok(HttpResponse::Ok().json(json!({ "id": id })))
}

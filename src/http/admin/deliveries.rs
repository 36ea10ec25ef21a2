//! Deliveries on channels: `/api/v1/admin/deliveries`, and the channels themselves.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::audit::entry;
use crate::{
    channels::Rendered,
    clock,
    domain::{
        channel::{EMAIL, PUSH, WEBHOOK_PREFIX},
        message_code,
    },
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
        body, identity,
    },
    store::{DELIVERY_STATES, Delivery, DeliveryFilter},
};

/// Default and maximum number of deliveries in a response.
const LIMIT_DEFAULT: i64 = 50;
const LIMIT_MAX: i64 = 1_000;

/// Maximum length of the address of a test, in characters.
const ADDRESS_MAX_CHARS: usize = 320;

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    let text = || json!({ "type": "string" });
    let limit = json!({
        "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT,
    });
    let id = json!({ "type": "string", "format": "uuid" });
    vec![
        Operation::get("/api/v1/admin/deliveries", list)
            .access(Access::Admin)
            .doc(Tag::Admin, "list_deliveries", "List deliveries on channels, newest first")
            .query("user", text(), "Only of this user.")
            .query("channel", text(), "Only on this channel.")
            .query(
                "state",
                json!({ "type": "string", "enum": DELIVERY_STATES }),
                "Only in this state.",
            )
            .query("notification", id.clone(), "Only of this notification.")
            .query("limit", limit, "Maximum number of entries.")
            .query("cursor", id.clone(), "`next_cursor` of the previous page.")
            .returns(200, "A page.", "Deliveries"),
        Operation::post("/api/v1/admin/deliveries/{id}/retry", retry)
            .access(Access::Admin)
            .doc(Tag::Admin, "retry_delivery", "Send a delivery that has ended again")
            .description("It keeps its ID, so that the other side can recognize a repetition.")
            .path("id", id, "ID of the delivery.")
            .returns(202, "The delivery, which is scheduled now.", "Delivery")
            .errors(&[409]),
        Operation::get("/api/v1/admin/channels", channels)
            .access(Access::Admin)
            .doc(Tag::Admin, "list_channels", "List the configured channels")
            .returns(200, "The channels, with the number of deliveries by state.", "Channels"),
        Operation::post("/api/v1/admin/channels/{channel}/test", test)
            .access(Access::Admin)
            .doc(Tag::Admin, "test_channel", "Send a test on a channel")
            .path("channel", text(), "`email`, `push` or `webhook:NAME`.")
            .body("ChannelTest")
            .returns(200, "The reply of the other side.", "ChannelTested"),
    ]
}

async fn filter(state: &State, request: &HttpRequest) -> Result<(DeliveryFilter, i64), Problem> {
    let (mut filter, mut limit) = (DeliveryFilter::default(), LIMIT_DEFAULT);
    for (name, value) in identity::query(request.uri()) {
        if value.contains('\0') {
            return Err(Problem::bad_field(&name, "must not have a NUL"));
        }
        let id = || Uuid::try_parse(&value).map_err(|_| Problem::bad_field(&name, "is not an ID"));
        match name.as_str() {
            _ if value.is_empty() => {}
            "user" => filter.user = value,
            "channel" => {
                if !is_known(state, &value).await? {
                    let detail = "must be email, push or webhook:NAME of a configured webhook";
                    return Err(Problem::bad_field(&name, detail));
                }
                filter.channel = value;
            }
            "state" if DELIVERY_STATES.contains(&value.as_str()) => filter.state = value,
            "state" => {
                let detail = format!("must be one of {}", DELIVERY_STATES.join(", "));
                return Err(Problem::bad_field(&name, detail));
            }
            "notification" => filter.notification = Some(id()?),
            "cursor" => filter.before = Some(id()?),
            "limit" => {
                let number = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                limit = number.ok_or_else(|| {
                    Problem::bad_field(&name, format!("must be from 1 to {LIMIT_MAX}"))
                })?;
            }
            // Parameters of dev authentication and a token are also here.
            _ => {}
        }
    }
    Ok((filter, limit))
}

/// Returns whether a channel can have deliveries: it is configured, or was.
async fn is_known(state: &State, channel: &str) -> Result<bool, Problem> {
    if matches!(channel, EMAIL | PUSH) || state.channels.find(channel).is_some() {
        return Ok(true);
    }
    if !channel.starts_with(WEBHOOK_PREFIX) {
        return Ok(false);
    }
    let counts = state.store.delivery_counts().await?;
    Ok(counts.iter().any(|(known, _, _)| known == channel))
}

async fn list(
    state: SharedState,
    request: HttpRequest,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let (filter, limit) = filter(&state, &request).await?;
    let mut items = state.store.deliveries(&filter, limit + 1).await?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > most;
    items.truncate(most);
    let next = items.last().filter(|_| more).map(|last| last.delivery_id);
    let items: Vec<Value> = items.iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(json!({ "items": items, "next_cursor": next })))
}

/// Returns a delivery, with the code of its reason if the hub gave it.
pub(super) fn shown(delivery: &Delivery) -> Value {
    let mut shown = json!(delivery);
    let message = delivery.reason.as_deref().and_then(message_code::of_delivery);
    shown["reason_code"] = json!(message.as_ref().map(|message| message.code));
    shown["reason_params"] = json!(message.map(|message| message.params));
    shown
}

fn no_such() -> Problem {
    Problem::not_found("there is no such delivery")
}

async fn retry(
    state: SharedState,
    id: web::Path<String>,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let id = Uuid::try_parse(&id).map_err(|_| no_such())?;
    let found = state.store.delivery(id).await?.ok_or_else(no_such)?;
    if !state.store.retry_delivery(id, clock::now()).await? {
        return Err(Problem::conflict(format!(
            "the delivery is {}; one that failed, was cancelled or skipped can be retried",
            found.state
        )));
    }
    let change = entry(&caller, "delivery.retried", format!("delivery:{id}"), None, None);
    state.store.note_change(&change).await?;
    state.channels.due.notify_waiters();
    let delivery: Delivery = state.store.delivery(id).await?.ok_or_else(no_such)?;
    Ok(HttpResponse::Accepted().json(shown(&delivery)))
}

async fn channels(state: SharedState, _: Checked) -> Result<HttpResponse, Problem> {
    let counts = state.store.delivery_counts().await?;
    let items: Vec<Value> = state
        .channels
        .channels
        .iter()
        .map(|channel| {
            let name = channel.name();
            let own = counts.iter().filter(|(known, _, _)| known == name);
            let deliveries: serde_json::Map<String, Value> =
                own.map(|(_, state, number)| (state.clone(), json!(number))).collect();
            let unreached = state.channels.unreached.of(name);
            json!({
                "channel": name,
                "state": if unreached.is_some() { "degraded" } else { "ok" },
                "unreached": unreached.unwrap_or_default(),
                "deliveries": deliveries,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "channels": items })))
}

/// Body of a test.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    #[serde(default)]
    to: Option<String>,
    /// E-mail to send instead of the fixed text, such as the preview of a type.
    #[serde(default)]
    mail: Option<TestMail>,
}

/// Texts of an e-mail.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestMail {
    subject: String,
    text: String,
    html: String,
}

impl From<TestMail> for Rendered {
    fn from(TestMail { subject, text, html }: TestMail) -> Self {
        let subject = subject.replace(['\r', '\n'], " ");
        Self { subject, text, html, failures: Vec::new() }
    }
}

async fn test(
    state: SharedState,
    channel: web::Path<String>,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let bytes = body::read(payload, state.server.load().max_message_bytes).await?;
    let Test { to, mail } = body::json(&bytes)?;
    let Some(found) = state.channels.find(&channel) else {
        return Err(Problem::not_found(format!(
            "the channel {:?} is not configured",
            channel.as_str()
        )));
    };
    let to = to.unwrap_or_default();
    if to.is_empty() && !channel.starts_with(WEBHOOK_PREFIX) {
        let detail = "is missing: an e-mail address, or the ID of a user for push";
        return Err(Problem::bad_field("to", detail));
    }
    if to.chars().count() > ADDRESS_MAX_CHARS || to.chars().any(char::is_control) {
        let detail = format!("must have at most {ADDRESS_MAX_CHARS} characters, on one line");
        return Err(Problem::bad_field("to", detail));
    }
    if mail.is_some() && channel.as_str() != EMAIL {
        return Err(Problem::bad_field("mail", "is for the channel email only"));
    }
    let change = entry(&caller, "channel.tested", format!("channel:{channel}"), None, None);
    state.store.note_change(&change).await?;
    let (ok, reply) = match found.test(&to, mail.map(Rendered::from)).await {
        Ok(reply) => (true, reply),
        Err(error) => (false, error.reason),
    };
    Ok(HttpResponse::Ok().json(json!({ "ok": ok, "reply": reply })))
}

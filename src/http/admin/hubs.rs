//! Hubs that share the store, and questions that all of them answer.
//!
//! Connections and delivery traces are in the memory of the hub that has them. [`ask`] gathers the
//! answers of all hubs; one that does not answer within a second is listed as incomplete. What a
//! hub answers is in [`answers`](super::answers).

use std::collections::HashMap;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    cluster::Condition,
    domain::{notification::Timestamp, user::UserId},
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
    },
    store::HubRow,
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/admin/hubs", hubs)
            .access(Access::Admin)
            .doc(Tag::Admin, "list_hubs", "List the hubs that share the store")
            .returns(200, "All hubs that are alive.", "Hubs"),
    ]
}

/// Question to all hubs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "snake_case")]
pub(super) enum Question {
    /// Connections, of all users or of one.
    Clients {
        /// User.
        user_id: Option<UserId>,
    },
    /// One connection. A hub of an older version does not answer.
    Client {
        /// ID of the connection.
        client_id: String,
    },
    /// Refused origins and unknown types. A hub of an older version does not answer.
    Remedies,
    /// Signs out a user.
    SignOutUser {
        /// User.
        user_id: UserId,
    },
    /// Signs out a connection.
    SignOutClient {
        /// ID of the connection.
        client_id: String,
    },
    /// Delivery traces.
    Traces(Subject),
    /// Live deliveries of notifications.
    Pushes {
        /// IDs, each with the time of creation in milliseconds since 1970.
        notifications: HashMap<Uuid, i64>,
    },
}

/// Subject of an explanation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Subject {
    /// An event, by its ID or identity, or by the ID of a notification.
    Event(String),
    /// The latest events that concern a user.
    User(UserId),
    /// The latest events of a type, by its code.
    Type(String),
}

impl Subject {
    /// Returns the user, if it is one.
    pub(super) fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Event(_) | Self::Type(_) => None,
        }
    }
}

/// Answers of all hubs.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Answers, this hub's first.
    pub(super) answers: Vec<Value>,
    /// Names of the hubs that did not answer.
    pub(super) incomplete: Vec<String>,
}

impl Gathered {
    /// Adds the names of the hubs that did not answer, if there are any.
    pub(super) fn note_incomplete(&self, response: &mut Map<String, Value>) {
        if !self.incomplete.is_empty() {
            response.insert("incomplete".to_owned(), json!(self.incomplete));
        }
    }
}

/// Asks all hubs; `own` is the answer of this one.
pub(super) async fn ask(
    state: &State,
    question: &Question,
    own: impl Future<Output = Result<Value, Problem>>,
) -> Result<Gathered, Problem> {
    let others = state.cluster.others();
    if others.is_empty() {
        return Ok(Gathered { answers: vec![own.await?], incomplete: Vec::new() });
    }
    // Types of this module always serialize.
    let body = serde_json::to_value(question).unwrap_or_default();
    let (own, answers) = tokio::join!(own, state.hubs.ask(body));
    let mut gathered = Gathered { answers: vec![own?], incomplete: Vec::new() };
    let silent = |hub: &&HubRow| {
        !answers.iter().any(|answer| answer.boot == hub.boot && !answer.body.is_null())
    };
    gathered.incomplete = others.iter().filter(silent).map(|hub| hub.instance.clone()).collect();
    gathered.answers.extend(answers.into_iter().map(|answer| answer.body));
    gathered.answers.retain(|answer| !answer.is_null());
    Ok(gathered)
}

/// Returns a time in an answer of a hub. Texts must not be compared: they have milliseconds only
/// where those are not zero.
pub(super) fn time(answer: &Value, field: &str) -> Option<Timestamp> {
    answer[field].as_str().and_then(|text| Timestamp::parse(text).ok())
}

/// Handles `GET /api/v1/admin/hubs`.
async fn hubs(state: SharedState, _: Checked) -> HttpResponse {
    let others = state.cluster.others();
    let parts = state.health.parts();
    let this = state.cluster.this(Condition {
        connections: state.connections.load(std::sync::atomic::Ordering::Relaxed),
        ready: crate::http::health::not_ready(&state, &parts).is_none(),
        ..Condition::default()
    });
    let shown = |hub: &HubRow| {
        json!({
            "instance": hub.instance,
            "version": hub.version,
            "started_at": Timestamp(hub.started_at),
            "last_seen": Timestamp(hub.last_seen),
            "connections": hub.connections,
            "ready": hub.ready,
        })
    };
    let hubs: Vec<Value> = std::iter::once(&this).chain(others.iter()).map(shown).collect();
    HttpResponse::Ok().json(json!({ "hubs": hubs }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_whole_second_is_before_its_milliseconds() {
        let at = |text: &str| time(&json!({ "at": text }), "at");
        assert!(at("2026-01-01T00:00:00Z") < at("2026-01-01T00:00:00.001Z"));
        assert!(at("2026-01-01T00:00:00.999Z") < at("2026-01-01T00:00:01Z"));
    }
}

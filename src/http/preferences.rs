//! Preferences of a user: `/api/v1/preferences`.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde_json::{Value, json};

use super::{
    Problem, SharedState, State, body,
    conditional::{etag, matches},
    identity,
};
use crate::{
    clock,
    domain::{
        catalog::{NotificationType, Target},
        channel::is_personal,
        preferences::{OlderMembers, Preferences},
        user::{Person, UserId},
    },
    http::api::{Access, Operation, Tag, reference},
    store::AuditEntry,
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/preferences", get)
            .access(Access::User)
            .doc(Tag::Inbox, "get_preferences", "Get the preferences of the user")
            .response(200, answer("The preferences.")),
        Operation::put("/api/v1/preferences", put)
            .access(Access::User)
            .doc(Tag::Inbox, "put_preferences", "Replace the preferences of the user")
            .description(
                "A member that is missing is reset to its default. Notifications of a \
                 muted type are not stored; a mandatory type cannot be muted. In quiet \
                 hours notifications arrive without a toast.",
            )
            .if_match_preferences()
            .body("Preferences")
            .response(200, answer("The stored preferences."))
            .errors(&[412]),
        Operation::get("/api/v1/preferences/types", types)
            .access(Access::User)
            .doc(
                Tag::Inbox,
                "preference_types",
                "List the types that can be muted, and the channels",
            )
            .returns(200, "The types in use.", "MutableTypes"),
    ]
}

pub(super) async fn get(state: SharedState, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    Ok(shown(&state.store.preferences(&user).await?.complete()))
}

impl Operation {
    /// Adds the header `If-Match` of preferences.
    pub(super) fn if_match_preferences(self) -> Self {
        let description = "`ETag` of the preferences as the caller saw them.";
        self.header("If-Match", json!({ "type": "string" }), description)
    }
}

/// Returns the description of a response with preferences and their `ETag`.
pub(super) fn answer(description: &str) -> Value {
    json!({
        "description": description,
        "content": { "application/json": { "schema": reference("Preferences") } },
        "headers": {
            "ETag": { "schema": { "type": "string" }, "description": "For `If-Match`." },
        },
    })
}

/// Returns the `ETag` of complete preferences.
fn tag_of(preferences: &Preferences) -> String {
    // A type of this crate with string keys always serializes.
    etag(&serde_json::to_value(preferences).unwrap_or_default())
}

/// Returns the response with complete preferences and their `ETag`.
pub(super) fn shown(preferences: &Preferences) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, tag_of(preferences))).json(preferences)
}

/// Checks that no mandatory type is muted.
fn check_mandatory(state: &State, preferences: &Preferences) -> Result<(), Problem> {
    let catalog = state.catalog.current();
    let mandatory = |code: &&String| catalog.find(code).is_some_and(|kind| kind.mandatory);
    let refused = |field, code: &str| {
        let detail = format!("the type {code} is mandatory and cannot be muted");
        Err(Problem::bad_field(field, detail))
    };
    if let Some(code) = preferences.muted_types.iter().find(mandatory) {
        return refused("muted_types", code);
    }
    let named = preferences.channels.values().flat_map(|channel| &channel.types);
    match named.filter(|(_, wanted)| !**wanted).find(|(code, _)| mandatory(code)) {
        Some((code, _)) => refused("channels", code),
        None => Ok(()),
    }
}

/// Handles `PUT`: replaces all preferences.
pub(super) async fn put(
    state: SharedState,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    replace(&state, &request, payload, &user, |_, _| None).await
}

/// Replaces the preferences of a user by those of a body, and answers with them. `entry` makes the
/// audit entry of the change from the preferences before and after it.
///
/// # Errors
/// A problem with the invalid field, such as a mandatory type that is muted; 412 if the `If-Match`
/// is not that of the stored ones.
pub(super) async fn replace(
    state: &State,
    request: &HttpRequest,
    payload: web::Payload,
    user: &UserId,
    entry: impl FnOnce(&Preferences, &Preferences) -> Option<AuditEntry>,
) -> Result<HttpResponse, Problem> {
    let bytes = body::read(payload, state.server.load().max_event_bytes).await?;
    let preferences: Preferences = body::json(&bytes)?;
    let older: OlderMembers = body::json(&bytes)?;
    let preferences =
        preferences.checked().map_err(|(field, detail)| Problem::bad_field(field, detail))?;
    let change = |stored: Preferences| {
        let stored = stored.complete();
        if !matches(request.headers(), || tag_of(&stored)) {
            return Err(Problem::precondition_failed(
                "the preferences have been changed meanwhile; load them again, and send what is \
                 still to change",
            ));
        }
        let wanted = preferences.merged_with(&stored, older);
        check_mandatory(state, &wanted)?;
        let entry = entry(&stored, &wanted);
        Ok((wanted, entry))
    };
    let stored = state.store.change_preferences(user, clock::now(), change).await??;
    // What waited for the end of other quiet hours may be due.
    state.channels.due.notify_waiters();
    Ok(shown(&stored))
}

/// Handles `GET /api/v1/preferences/types`: names of the types that a user can mute.
pub(super) async fn types(
    state: SharedState,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    let known = state.store.people(std::slice::from_ref(&user)).await?.pop();
    let person = known.unwrap_or_else(|| Person::unknown(user));
    let catalog = state.catalog.current();
    let mut types: Vec<_> = catalog
        .all()
        .filter(|kind| kind.is_active && !matches!(kind.target, Target::Feed))
        .map(std::sync::Arc::as_ref)
        .collect();
    types.sort_unstable_by(|a, b| (a.name(), &a.code).cmp(&(b.name(), &b.code)));
    let types: Vec<_> = types
        .iter()
        .map(|kind| {
            json!({
                "code": kind.code,
                "name": kind.name(),
                "mandatory": kind.mandatory,
                "category": kind.presentation.category(),
                "channels": personal_channels(kind),
                "applies": applies_to(&kind.target, &person),
            })
        })
        .collect();
    let channels = state.channels.channels.iter().map(|channel| channel.name());
    let personal: Vec<&str> = channels.filter(|name| is_personal(name)).collect();
    Ok(HttpResponse::Ok().json(json!({ "types": types, "channels": personal })))
}

/// Returns the channels on which a type reaches a person, at once or by an escalation, besides the
/// inbox.
fn personal_channels(kind: &NotificationType) -> Vec<&str> {
    let later = kind.escalate.iter().flat_map(|(_, step)| &step.channels);
    let mut names: Vec<_> = kind.channels.iter().chain(later).map(String::as_str).collect();
    names.retain(|name| *name != "web" && is_personal(name));
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns whether events of a type can be for a user.
fn applies_to(target: &Target, person: &Person) -> bool {
    match target {
        Target::User | Target::Actor | Target::Recipient | Target::All => true,
        Target::Role(role) => person.roles.contains(role),
        Target::Users(users) => users.contains(&person.user_id),
        Target::Feed => false,
    }
}

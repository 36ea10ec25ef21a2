//! Preferences of a user: `/api/v1/preferences`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::{Problem, SharedState, State, body, identity};
use crate::{
    clock,
    domain::{catalog::Target, channel::is_personal, preferences::Preferences},
    http::api::{Access, Operation, Tag},
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/preferences", get)
            .access(Access::User)
            .doc(Tag::Inbox, "get_preferences", "Get the preferences of the user")
            .returns(200, "The preferences.", "Preferences"),
        Operation::put("/api/v1/preferences", put)
            .access(Access::User)
            .doc(Tag::Inbox, "put_preferences", "Replace the preferences of the user")
            .description(
                "A member that is missing is reset to its default. Notifications of a \
                 muted type are not stored; a mandatory type cannot be muted. In quiet \
                 hours notifications arrive without a toast.",
            )
            .body("Preferences")
            .returns(200, "The stored preferences.", "Preferences"),
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
    Ok(HttpResponse::Ok().json(state.store.preferences(&user).await?.complete()))
}

/// Handles `PUT`: replaces all preferences.
pub(super) async fn put(
    state: SharedState,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    let bytes = body::read(payload, state.server.load().max_event_bytes).await?;
    let preferences = checked(&state, &bytes, &state.store.preferences(&user).await?)?;
    state.store.put_preferences(&user, &preferences, clock::now()).await?;
    Ok(HttpResponse::Ok().json(preferences))
}

/// Returns the preferences in a body, for a user who has others now.
///
/// # Errors
/// A problem with the invalid field, such as a mandatory type that is muted.
pub(super) fn checked(
    state: &State,
    body: &[u8],
    before: &Preferences,
) -> Result<Preferences, Problem> {
    let preferences: Preferences = body::json(body)?;
    let preferences =
        preferences.checked().map_err(|(field, detail)| Problem::bad_field(field, detail))?;
    let preferences = preferences.merged_with(before);
    let catalog = state.catalog.current();
    let mandatory = |code: &&String| catalog.find(code).is_some_and(|kind| kind.mandatory);
    if let Some(code) = preferences.muted_types.iter().find(mandatory) {
        return Err(Problem::bad_field(
            "muted_types",
            format!("the type {code} is mandatory and cannot be muted"),
        ));
    }
    let named = preferences.channels.values().flat_map(|channel| &channel.types);
    if let Some((code, _)) = named.filter(|(_, wanted)| !**wanted).find(|(code, _)| mandatory(code))
    {
        return Err(Problem::bad_field(
            "channels",
            format!("the type {code} is mandatory and cannot be muted"),
        ));
    }
    Ok(preferences)
}

/// Handles `GET /api/v1/preferences/types`: names of the types that a user can mute.
pub(super) async fn types(
    state: SharedState,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    identity::user(&state, &request).await?;
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
            })
        })
        .collect();
    let channels = state.channels.channels.iter().map(|channel| channel.name());
    let personal: Vec<&str> = channels.filter(|name| is_personal(name)).collect();
    Ok(HttpResponse::Ok().json(json!({ "types": types, "channels": personal })))
}

//! Preferences of a user, read and replaced by an administrator.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::audit::entry;
use crate::{
    domain::{preferences::Preferences, user::UserId},
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
        preferences::{answer, replace, shown},
    },
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    let path = "/api/v1/admin/users/{user_id}/preferences";
    let id = || json!({ "type": "string", "minLength": 1, "maxLength": 128 });
    vec![
        Operation::get(path, get)
            .access(Access::Admin)
            .doc(Tag::Admin, "get_preferences_of_user", "Get the preferences of a user")
            .path("user_id", id(), "ID of the user.")
            .response(200, answer("The preferences.")),
        Operation::put(path, put)
            .access(Access::Admin)
            .doc(Tag::Admin, "put_preferences_of_user", "Replace the preferences of a user")
            .description(
                "As `PUT /api/v1/preferences` does for the user's own: a member that is missing \
                 is reset to its default.",
            )
            .path("user_id", id(), "ID of the user.")
            .if_match_preferences()
            .body("Preferences")
            .response(200, answer("The stored preferences."))
            .errors(&[412]),
    ]
}

/// Returns the user of an address, who must be in the directory: a mistyped ID has no preferences.
async fn known(state: &State, user_id: &str) -> Result<UserId, Problem> {
    let user =
        UserId::parse(user_id).map_err(|error| Problem::bad_field("user_id", error.to_string()))?;
    if state.store.people(std::slice::from_ref(&user)).await?.is_empty() {
        return Err(Problem::not_found("the directory does not have this user"));
    }
    Ok(user)
}

/// Handles `GET /api/v1/admin/users/{user_id}/preferences`.
async fn get(
    state: SharedState,
    user_id: web::Path<String>,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let user = known(&state, &user_id).await?;
    Ok(shown(&state.store.preferences(&user).await?.complete()))
}

/// Handles `PUT /api/v1/admin/users/{user_id}/preferences`: replaces all preferences.
async fn put(
    state: SharedState,
    request: HttpRequest,
    user_id: web::Path<String>,
    payload: web::Payload,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let user = known(&state, &user_id).await?;
    let subject = super::directory::subject(&user);
    let entry = |before: &Preferences, after: &Preferences| {
        let (before, after) = (json!(before), json!(after.clone().complete()));
        Some(entry(&caller, "preferences.put", subject, Some(before), Some(after)))
    };
    replace(&state, &request, payload, &user, entry).await
}

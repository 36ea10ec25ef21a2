//! `GET` and `PUT /api/v1/preferences`: what a person wants.

use actix_web::{HttpRequest, HttpResponse, web};

use super::{Problem, Shared, body, identity};
use crate::{clock, domain::preferences::Preferences};

pub(super) async fn get(state: Shared, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    Ok(HttpResponse::Ok().json(state.store.preferences(&user).await?))
}

/// Sets all of them: what is not said is as if it had never been.
pub(super) async fn put(state: Shared, request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, Problem> {
    let user = identity::user(&state, &request).await?.user_id;
    let bytes = body::read(payload, state.server.load().max_event_bytes).await?;
    let preferences: Preferences = body::json(&bytes)?;
    let preferences = preferences.checked().map_err(|(field, detail)| Problem::bad_field(field, detail))?;
    let catalog = state.catalog.current();
    let mandatory = |code: &&String| catalog.find(code).is_some_and(|kind| kind.mandatory);
    if let Some(code) = preferences.muted_types.iter().find(mandatory) {
        return Err(Problem::bad_field("muted_types", format!("the type {code} is mandatory and cannot be muted")));
    }
    state.store.put_preferences(&user, &preferences, clock::now()).await?;
    Ok(HttpResponse::Ok().json(preferences))
}

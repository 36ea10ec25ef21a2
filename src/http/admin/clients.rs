//! Connected clients and users, and sign-out.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use crate::{
    clock,
    delivery::{ClientInfo, ListClients, Revoke, SignOutTarget},
    domain::user::UserId,
    feeds::{ListSubscriptions, SignOut},
    http::{
        Problem, SharedState,
        api::{Access, Checked, Operation, Tag},
    },
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/admin/clients", clients)
            .access(Access::Admin)
            .doc(Tag::Admin, "list_clients", "List the open connections")
            .returns(200, "All connections of this hub.", "Clients"),
        Operation::delete("/api/v1/admin/clients/{client_id}", revoke_client)
            .access(Access::Admin)
            .doc(Tag::Admin, "revoke_client", "Sign out a connection (close code 4001)")
            .path("client_id", json!({"type": "string"}), "ID of the connection.")
            .returns(200, "The connection is being closed.", "Closed"),
        Operation::get("/api/v1/admin/users", users)
            .access(Access::Admin)
            .doc(Tag::Admin, "list_connected_users", "List the connected users")
            .returns(200, "The users.", "Users"),
        Operation::delete("/api/v1/admin/users/{user_id}/clients", revoke_user)
            .access(Access::Admin)
            .doc(Tag::Admin, "revoke_user", "Sign out all connections of a user (close code 4001)")
            .path(
                "user_id",
                json!({"type": "string", "minLength": 1, "maxLength": 128}),
                "ID of the user.",
            )
            .returns(200, "The connections are being closed.", "Closed"),
    ]
}

fn login(info: &ClientInfo) -> &str {
    info.identity.login.as_deref().unwrap_or(info.identity.user_id.as_str())
}

/// Handles `GET /api/v1/admin/clients`.
pub(in crate::http) async fn clients(
    state: SharedState,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let mut clients = state.registry.send(ListClients).await?;
    // Clients are listed without subscriptions if the broadcaster is restarting.
    let watched =
        state.sessions.feeds_handle.broadcaster.send(ListSubscriptions).await.unwrap_or_default();
    clients.sort_by_key(|info| (info.connected_at, info.client));
    let shown = |info: &Arc<ClientInfo>| {
        json!({
            "client_id": info.client_id,
            "user_id": info.identity.user_id.to_legacy_json(),
            "login": login(info),
            "roles": info.identity.roles,
            "connected_at": info.connected_at,
            "instance": state.sessions.instance,
            "transport": info.transport,
            "subscriptions": watched.get(&info.client).map_or(&[][..], Vec::as_slice),
        })
    };
    let connected: Vec<Value> = clients.iter().map(shown).collect();
    let total = connected.len();
    Ok(HttpResponse::Ok().json(json!({
        "connected_clients": connected,
        "total_count": total,
        "timestamp": clock::now(),
    })))
}

/// Handles `GET /api/v1/admin/users`.
pub(in crate::http) async fn users(
    state: SharedState,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let clients = state.registry.send(ListClients).await?;
    let unique: BTreeMap<&UserId, &str> =
        clients.iter().map(|info| (&info.identity.user_id, login(info))).collect();
    let users: Vec<Value> = unique
        .iter()
        .map(|(id, login)| json!({ "id": id.to_legacy_json(), "login": login }))
        .collect();
    let total = users.len();
    Ok(HttpResponse::Ok().json(json!({
        "available_users": users,
        "total_count": total,
        "timestamp": clock::now(),
    })))
}

/// Handles `DELETE /api/v1/admin/clients/{client_id}`: closes the connection with 4001.
pub(in crate::http) async fn revoke_client(
    state: SharedState,
    client_id: web::Path<String>,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    match state.registry.send(Revoke(SignOutTarget::Client(client_id.into_inner()))).await? {
        0 => Err(Problem::not_found("no connection has this client_id")),
        closed => Ok(HttpResponse::Ok().json(json!({ "closed": closed }))),
    }
}

/// Handles `DELETE /api/v1/admin/users/{user_id}/clients`: closes all connections of a user with
/// 4001.
pub(in crate::http) async fn revoke_user(
    state: SharedState,
    user_id: web::Path<String>,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let user = UserId::parse(&user_id)
        .map_err(|error| Problem::bad_field("user_id", error.to_string()))?;
    let watching =
        state.sessions.feeds_handle.broadcaster.send(SignOut(user.clone())).await.unwrap_or(0);
    let closed = watching + state.registry.send(Revoke(SignOutTarget::User(user))).await?;
    Ok(HttpResponse::Ok().json(json!({ "closed": closed })))
}

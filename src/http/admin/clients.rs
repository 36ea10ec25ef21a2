//! Connected clients and users of all hubs, and sign-out.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use super::{
    audit::entry,
    hubs::{self, Gathered, Question},
    query::Query,
};
use crate::{
    clock,
    delivery::{ClientInfo, ListClients, Revoke, SignOutTarget},
    domain::user::UserId,
    feeds::{ListSubscriptions, SignOut},
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
    },
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/admin/clients", clients)
            .access(Access::Admin)
            .doc(Tag::Admin, "list_clients", "List the open connections")
            .query("user", json!({ "type": "string" }), "Only those of the user with this ID.")
            .pages()
            .returns(200, "The connections of all hubs.", "Clients"),
        Operation::delete("/api/v1/admin/clients/{client_id}", revoke_client)
            .access(Access::Admin)
            .doc(Tag::Admin, "revoke_client", "Sign out a connection (close code 4001)")
            .path("client_id", json!({"type": "string"}), "ID of the connection.")
            .returns(200, "The connection is being closed.", "Closed"),
        Operation::get("/api/v1/admin/users", users)
            .access(Access::Admin)
            .doc(Tag::Admin, "list_connected_users", "List the connected users")
            .pages()
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
        Operation::get("/api/v1/admin/presence/{user_id}", presence)
            .access(Access::Admin)
            .doc(Tag::Admin, "get_presence", "Get the connections of a user at all hubs")
            .path(
                "user_id",
                json!({"type": "string", "minLength": 1, "maxLength": 128}),
                "ID of the user.",
            )
            .returns(200, "Whether the user is online, and the connections.", "Presence"),
    ]
}

fn login(info: &ClientInfo) -> &str {
    info.identity.login.as_deref().unwrap_or(info.identity.user_id.as_str())
}

/// Returns the connections at this hub, of all users or of one, oldest first.
pub(super) async fn of_this_hub(state: &State, user: Option<&UserId>) -> Result<Value, Problem> {
    let mut clients = state.registry.send(ListClients).await?;
    clients.retain(|info| user.is_none_or(|user| info.identity.user_id == *user));
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
    Ok(Value::Array(clients.iter().map(shown).collect()))
}

/// Returns a connection at this hub, as the audit describes it, in a list; an empty list if it is
/// not here.
pub(super) async fn client_of_this_hub(state: &State, client_id: &str) -> Result<Value, Problem> {
    let clients = state.registry.send(ListClients).await?;
    let found = clients.iter().filter(|info| info.client_id == client_id);
    let shown = found.map(|info| {
        json!({
            "client_id": info.client_id,
            "user_id": info.identity.user_id,
            "login": info.identity.login,
            "connected_at": info.connected_at,
            "instance": state.sessions.instance,
            "transport": info.transport,
        })
    });
    Ok(Value::Array(shown.collect()))
}

/// Returns the connections at all hubs.
pub(super) fn connections(gathered: &Gathered) -> impl Iterator<Item = &Value> {
    gathered.answers.iter().filter_map(Value::as_array).flatten()
}

/// Signs out a user at this hub. Returns the number of connections.
pub(super) async fn sign_out_user(state: &State, user: UserId) -> Result<Value, Problem> {
    let watching =
        state.sessions.feeds_handle.broadcaster.send(SignOut(user.clone())).await.unwrap_or(0);
    Ok(json!(watching + state.registry.send(Revoke(SignOutTarget::User(user))).await?))
}

/// Signs out a connection at this hub. Returns the number of connections.
pub(super) async fn sign_out_client(state: &State, client_id: String) -> Result<Value, Problem> {
    Ok(json!(state.registry.send(Revoke(SignOutTarget::Client(client_id))).await?))
}

/// Creates the response of a sign-out.
fn closed(gathered: &Gathered) -> (u64, Map<String, Value>) {
    let closed = gathered.answers.iter().filter_map(Value::as_u64).sum();
    let mut response = Map::new();
    response.insert("closed".to_owned(), json!(closed));
    gathered.note_incomplete(&mut response);
    (closed, response)
}

/// Returns the position of a connection in the list, which is in the order of connecting.
fn position(client: &Value) -> String {
    let connected_at = hubs::time(client, "connected_at").unwrap_or_default();
    format!("{:015}-{}", connected_at.0, client["client_id"].as_str().unwrap_or_default())
}

/// Handles `GET /api/v1/admin/clients?user=&limit=&cursor=`.
pub(in crate::http) async fn clients(
    state: SharedState,
    request: HttpRequest,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request)?;
    let user = query.user.as_deref().map(UserId::parse).transpose();
    let user = user.map_err(|error| Problem::bad_field("user", error.to_string()))?;
    let question = Question::Clients { user_id: user.clone() };
    let gathered = hubs::ask(&state, &question, of_this_hub(&state, user.as_ref())).await?;
    let mut connected: Vec<&Value> = connections(&gathered).collect();
    connected.sort_by_cached_key(|client| position(client));
    let mut response = Map::new();
    response.insert("total_count".to_owned(), json!(connected.len()));
    let (page, next) = query.page_of(connected, |client| position(client));
    response.insert("connected_clients".to_owned(), json!(page));
    response.insert("next_cursor".to_owned(), json!(next));
    response.insert("timestamp".to_owned(), json!(clock::now()));
    gathered.note_incomplete(&mut response);
    Ok(HttpResponse::Ok().json(response))
}

/// Handles `GET /api/v1/admin/users?limit=&cursor=`.
pub(in crate::http) async fn users(
    state: SharedState,
    request: HttpRequest,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request)?;
    let gathered =
        hubs::ask(&state, &Question::Clients { user_id: None }, of_this_hub(&state, None)).await?;
    let unique: BTreeMap<String, Value> = connections(&gathered)
        .map(|client| {
            let user = json!({ "id": client["user_id"], "login": client["login"] });
            (
                client["user_id"]
                    .as_str()
                    .map_or_else(|| client["user_id"].to_string(), str::to_owned),
                user,
            )
        })
        .collect();
    let mut response = Map::new();
    response.insert("total_count".to_owned(), json!(unique.len()));
    let (page, next) = query.page_of(unique.iter().collect(), |(id, _)| (*id).clone());
    let users: Vec<&Value> = page.into_iter().map(|(_, user)| user).collect();
    response.insert("available_users".to_owned(), json!(users));
    response.insert("next_cursor".to_owned(), json!(next));
    response.insert("timestamp".to_owned(), json!(clock::now()));
    gathered.note_incomplete(&mut response);
    Ok(HttpResponse::Ok().json(response))
}

/// Handles `DELETE /api/v1/admin/clients/{client_id}`: closes the connection with 4001.
pub(in crate::http) async fn revoke_client(
    state: SharedState,
    client_id: web::Path<String>,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let client_id = client_id.into_inner();
    // The audit names the user, who is not known any more once the connection is closed.
    let question = Question::Client { client_id: client_id.clone() };
    let found = hubs::ask(&state, &question, client_of_this_hub(&state, &client_id)).await?;
    let connection = connections(&found).next().cloned();
    let subject = connection.as_ref().and_then(|connection| connection["user_id"].as_str());
    let subject =
        subject.map_or_else(|| format!("client:{client_id}"), |user| format!("user:{user}"));
    let question = Question::SignOutClient { client_id: client_id.clone() };
    match closed(&hubs::ask(&state, &question, sign_out_client(&state, client_id)).await?) {
        (0, response) if response.contains_key("incomplete") => Err(Problem::unavailable(
            "no hub that answered has this client_id, and not all answered; try again".to_owned(),
        )),
        (0, _) => Err(Problem::not_found("no connection has this client_id")),
        (_, response) => {
            let entry = entry(&caller, "client.disconnected", subject, connection, None);
            state.store.note_change(&entry).await?;
            Ok(HttpResponse::Ok().json(response))
        }
    }
}

/// Handles `DELETE /api/v1/admin/users/{user_id}/clients`: closes all connections of a user with
/// 4001.
pub(in crate::http) async fn revoke_user(
    state: SharedState,
    user_id: web::Path<String>,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let user = UserId::parse(&user_id)
        .map_err(|error| Problem::bad_field("user_id", error.to_string()))?;
    let question = Question::SignOutUser { user_id: user.clone() };
    let subject = format!("user:{user}");
    let (count, response) =
        closed(&hubs::ask(&state, &question, sign_out_user(&state, user)).await?);
    if count > 0 {
        let after = json!({ "closed": count });
        let entry = entry(&caller, "user.disconnected", subject, None, Some(after));
        state.store.note_change(&entry).await?;
    }
    Ok(HttpResponse::Ok().json(response))
}

/// Handles `GET /api/v1/admin/presence/{user_id}`.
async fn presence(
    state: SharedState,
    user_id: web::Path<String>,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let user = UserId::parse(&user_id)
        .map_err(|error| Problem::bad_field("user_id", error.to_string()))?;
    let question = Question::Clients { user_id: Some(user.clone()) };
    let gathered = hubs::ask(&state, &question, of_this_hub(&state, Some(&user))).await?;
    let connections: Vec<Value> = connections(&gathered)
        .map(|client| {
            json!({
                "client_id": client["client_id"],
                "instance": client["instance"],
                "transport": client["transport"],
                "connected_at": client["connected_at"],
            })
        })
        .collect();
    let mut response = Map::new();
    response.insert("user_id".to_owned(), json!(user));
    response.insert("online".to_owned(), json!(!connections.is_empty()));
    response.insert("connections".to_owned(), Value::Array(connections));
    gathered.note_incomplete(&mut response);
    Ok(HttpResponse::Ok().json(response))
}

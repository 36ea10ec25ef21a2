//! Identification of callers: credentials from headers and query, and checks of the origin.

use std::net::{IpAddr, SocketAddr};

use actix_web::{
    HttpRequest,
    http::{
        Uri,
        header::{self, HeaderMap, HeaderName},
    },
};

use super::{Problem, State, refused_sign_ins};
use crate::{
    auth::{AuthError, Caller, Credentials, Identified},
    clock,
    domain::user::{Identity, Person, PersonPatch},
    protocol::SUBPROTOCOL,
};

/// Prefix of the subprotocol that carries a token.
const TOKEN_PROTOCOL: &str = "token.";

/// Relation of a request to the page that sends it (Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Headers that proxies add to forwarded requests.
const FORWARDED: [HeaderName; 4] = [
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("via"),
];

/// Parses the query parameters, in order.
pub(super) fn query(uri: &Uri) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    uri.query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Collects the credentials of a request.
pub(super) fn credentials(
    state: &State,
    headers: &HeaderMap,
    uri: &Uri,
    local_peer: bool,
) -> Credentials {
    let query = query(uri);
    let parameter =
        |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let bearer = text(headers, header::AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim().to_owned());
    let subprotocol =
        subprotocols(headers).find_map(|name| name.strip_prefix(TOKEN_PROTOCOL)).map(str::to_owned);
    let roles = query
        .iter()
        .filter(|(key, _)| key == "role" || key == "roles")
        .flat_map(|(_, value)| value.split(','))
        .map(str::trim)
        .filter(|role| !role.is_empty())
        .map(str::to_owned);
    Credentials {
        token: bearer
            .or(subprotocol)
            .or_else(|| parameter("token"))
            .filter(|token| !token.is_empty()),
        api_key: text(headers, header::HeaderName::from_static("x-api-key")).map(str::to_owned),
        cookie: state.auth.cookie_name().and_then(|name| cookie(headers, name)),
        user_id: parameter("user_id"),
        login: parameter("login"),
        roles: roles.collect(),
        local: local_peer
            && host_is_local(headers)
            && !is_forwarded(headers)
            && origin_is_allowed(state, headers),
    }
}

/// Rejects NUL characters in the query, which PostgreSQL cannot store.
fn check_query(uri: &Uri) -> Result<(), Problem> {
    match query(uri).into_iter().find(|(name, value)| name.contains('\0') || value.contains('\0')) {
        Some((name, _)) => {
            Err(Problem::bad_field(&name.replace('\0', ""), "must not contain a NUL character"))
        }
        None => Ok(()),
    }
}

/// Returns whether a page of another site loads this URL without `Origin`, as an image or a script
/// (Fetch Metadata, W3C). Such a request has the rights of the browser's user.
fn is_foreign_load(headers: &HeaderMap) -> bool {
    let site = text(headers, SEC_FETCH_SITE);
    !headers.contains_key(header::ORIGIN) && matches!(site, Some("cross-site" | "same-site"))
}

/// Returns whether a proxy forwarded the request: the client is then not on this machine, even if
/// the proxy is.
fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDED.iter().any(|name| headers.contains_key(name))
}

/// Returns the value of a cookie (RFC 6265, section 4.2).
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.trim_matches('"').to_owned())
}

/// Returns the subprotocols that a client offers.
pub(super) fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// Returns the subprotocol of the response: a browser rejects one that it did not offer.
pub(super) fn chosen_subprotocol(headers: &HeaderMap) -> Option<&'static str> {
    subprotocols(headers).any(|offered| offered == SUBPROTOCOL).then_some(SUBPROTOCOL)
}

/// Returns whether the origin of a page is allowed: the hub's own, or a configured one. Requests
/// without `Origin` are allowed. A refused origin is recorded.
pub(super) fn origin_is_allowed(state: &State, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let allowed = is_own_or_listed(state, headers, origin);
    if !allowed {
        state.refused_origins.record(origin, clock::now());
    }
    allowed
}

/// Records the origin of a preflight request that gets no permission: another one than the hub's
/// own, and not a configured one. A proxy may change `Host`, so the browser's own word that
/// the page is of the same origin counts.
pub(super) fn record_foreign_origin(state: &State, headers: &HeaderMap) {
    let site = text(headers, SEC_FETCH_SITE);
    if !site.is_some_and(|site| matches!(site, "same-origin" | "none")) {
        origin_is_allowed(state, headers);
    }
}

fn is_own_or_listed(state: &State, headers: &HeaderMap, origin: &str) -> bool {
    if state
        .server
        .load()
        .allowed_origins
        .iter()
        .any(|allowed| allowed.trim_end_matches('/') == origin)
    {
        return true;
    }
    let own = text(headers, header::HOST);
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    host.is_some() && host == own
}

/// Returns whether `Host` names this machine. The page of a foreign site whose name was pointed
/// here (DNS rebinding) does not, although its origin and host agree.
fn host_is_local(headers: &HeaderMap) -> bool {
    let Some(host) = text(headers, header::HOST) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Returns whether the peer is on this machine.
pub(super) fn is_local_peer(peer: Option<SocketAddr>) -> bool {
    peer.is_some_and(|peer| peer.ip().is_loopback())
}

/// Identifies the caller.
pub(super) async fn caller(state: &State, request: &HttpRequest) -> Result<Caller, Problem> {
    identify(state, request.headers(), request.uri(), is_local_peer(request.peer_addr())).await
}

/// Identifies a caller that must be a user.
pub(super) async fn user(state: &State, request: &HttpRequest) -> Result<Identity, Problem> {
    let local = is_local_peer(request.peer_addr());
    identify_user(state, request.headers(), request.uri(), local).await
}

/// Identifies a caller that must be a user; a new one is added to the directory.
pub(super) async fn identify_user(
    state: &State,
    headers: &HeaderMap,
    uri: &Uri,
    local_peer: bool,
) -> Result<Identity, Problem> {
    match identify(state, headers, uri, local_peer).await? {
        Caller::User(identity) => {
            check_named_user(uri, &identity)?;
            Ok(identity)
        }
        Caller::Service { .. } => Err(Problem::forbidden("an API key has no inbox")),
        Caller::Developer => {
            refused_sign_ins::record(&AuthError::NoUser, headers, uri);
            Err(AuthError::NoUser.into())
        }
    }
}

/// Refuses a parameter `user_id` that names another user than a token or a cookie does: it selects
/// the user with dev authentication only, and ignoring it would change the wrong inbox.
fn check_named_user(uri: &Uri, identity: &Identity) -> Result<(), Problem> {
    let own = identity.user_id.as_str();
    let other = |(name, value): &(String, String)| name == "user_id" && value != own;
    if query(uri).iter().any(other) {
        return Err(Problem::forbidden(
            "user_id names another user than the signed-in one; leave it out, or use the \
             operations for administrators",
        ));
    }
    Ok(())
}

/// Identifies a caller that must be an administrator.
pub(super) async fn administrator(state: &State, request: &HttpRequest) -> Result<Caller, Problem> {
    if_administrator(caller(state, request).await?)
}

/// Identifies an administrator for an operation whose `user_id` and `login` name another user: with
/// dev authentication they identify the caller only together with a `role`.
pub(super) async fn administrator_asking_for(
    state: &State,
    request: &HttpRequest,
) -> Result<Caller, Problem> {
    check_query(request.uri())?;
    let named = query(request.uri()).iter().any(|(key, _)| key == "role" || key == "roles");
    if named || !state.auth.is_dev() {
        return administrator(state, request).await;
    }
    let bare = Uri::from_static("/");
    let token = query(request.uri()).into_iter().find(|(key, _)| key == "token");
    let caller = match token {
        Some(_) => caller(state, request).await?,
        None => {
            identify(state, request.headers(), &bare, is_local_peer(request.peer_addr())).await?
        }
    };
    if_administrator(caller)
}

fn if_administrator(caller: Caller) -> Result<Caller, Problem> {
    if caller.may_administer() {
        return Ok(caller);
    }
    Err(Problem::forbidden("administering needs the role admin, or a key with the scope admin"))
}

/// Identifies the caller; a new user is added to the directory.
pub(super) async fn identify(
    state: &State,
    headers: &HeaderMap,
    uri: &Uri,
    local_peer: bool,
) -> Result<Caller, Problem> {
    check_query(uri)?;
    let credentials = credentials(state, headers, uri, local_peer);
    // A cookie or the local address is sent by the browser for any page, and proves nothing about
    // the page.
    let by_itself = credentials.token.is_none() && credentials.api_key.is_none();
    let foreign_page =
        by_itself && (!origin_is_allowed(state, headers) || is_foreign_load(headers));
    if foreign_page && (state.auth.is_dev() || credentials.cookie.is_some()) {
        return Err(Problem::forbidden(
            "requests from this origin are not allowed; add it to server.allowed_origins",
        ));
    }
    let identified = state.auth.identify(&credentials).await;
    let Identified { caller, patch } =
        identified.inspect_err(|error| refused_sign_ins::record(error, headers, uri))?;
    if let Caller::User(identity) = &caller {
        let patch = patch.unwrap_or_else(|| patch_of(identity));
        // The next request retries; the identity does not depend on it.
        if let Err(error) = state.sign_ins.enter(&state.store, patch).await {
            tracing::debug!(%error, "a sign-in could not be entered into the directory");
        }
    }
    Ok(caller)
}

/// Returns the update of the directory from dev parameters.
fn patch_of(identity: &Identity) -> PersonPatch {
    let mut person = Person::unknown(identity.user_id.clone());
    person.login.clone_from(&identity.login);
    person.roles.clone_from(&identity.roles);
    PersonPatch { person, set_roles: !identity.roles.is_empty() }
}

//! Live feeds: `/ws/{feed}` and `GET /api/v1/feeds/{feed}`.

use serde_json::json;
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use actix::Actor as _;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Uri, header::HeaderMap},
    web,
};

use super::{Problem, SharedState, State, admission::take_slot, identity, stream};
use crate::{
    connection::{AddressSlot, Slot, Transport},
    domain::{
        feed::{FeedId, Filters, RESERVED},
        user::Identity,
    },
    feeds::{
        Subscriptions, WatchTarget,
        watcher::{Watcher, WatcherConfig},
    },
    http::api::{Operation, Tag},
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/feeds/{feed}", get)
            .head(head)
            .doc(Tag::Feeds, "feed", "Receive a live feed as Server-Sent Events")
            .description(
                "A feed shows fields of the events it is configured for as they happen; \
                 nothing is stored. Its filters are query parameters: several values of \
                 one are alternatives, several parameters must all match, and without \
                 any every event matches. An unknown filter is 400. A feed that is not \
                 `public` requires the identity of a user; a public one ignores \
                 credentials. `Origin` is checked. A slow reader gets only the newest \
                 message about each subject.",
            )
            .path("feed", json!({ "type": "string" }), "Name of the feed.")
            .parameter_object(json!({
                "name": "filters",
                "in": "query",
                "required": false,
                "style": "form",
                "explode": true,
                "schema": {
                    "type": "object",
                    "additionalProperties": { "type": "array", "items": { "type": "string" } },
                },
                "description": "Filters of the feed, such as \
                     `course_id=PIANO-101&course_id=PIANO-102`.",
            }))
            .returns_text(
                200,
                "The data of each event is `{\"type\",\"feed\",\"data\",\"timestamp\"}`, \
                 with `\"snapshot\":true` for the initial state.",
                &["text/event-stream"],
            )
            .errors(&[400, 401, 403, 429, 500, 503]),
    ]
}

/// Checked request for a live feed.
pub(super) struct AdmittedFeed {
    feed: FeedId,
    watched: Subscriptions,
    slot: Slot,
    address_slot: Option<AddressSlot>,
    identity: Option<Identity>,
}

impl AdmittedFeed {
    /// Starts the watcher on a transport.
    pub(super) fn begin(self, state: &State, transport: Transport) {
        let Self { feed, watched, slot, address_slot, identity } = self;
        let sessions = &state.sessions;
        let sign_in = identity.map(|identity| (identity, sessions.sign_ins.clone()));
        let config = WatcherConfig {
            feeds: sessions.feeds_handle.feeds(),
            feed,
            limits: sessions.limits,
            settings: Arc::clone(&sessions.settings),
            sign_in,
        };
        Watcher::new(config, watched, transport, slot, address_slot).start();
    }
}

/// Checks a request for a live feed. Over an event stream the query has the filters, and the
/// subscription has begun when the response starts.
pub(super) async fn admit(
    state: &State,
    headers: &HeaderMap,
    uri: &Uri,
    peer: Option<SocketAddr>,
    name: &str,
    events: bool,
) -> Result<AdmittedFeed, Problem> {
    if !identity::origin_is_allowed(state, headers) {
        return Err(Problem::forbidden(
            "pages of this origin may not connect; add it to server.allowed_origins",
        ));
    }
    let feeds = state.sessions.feeds_handle.feeds();
    let id =
        feeds.find(name).ok_or_else(|| Problem::not_found(format!("there is no feed {name:?}")))?;
    let feed = feeds.get(id);
    let identity = if feed.public {
        // A public feed shows the same to everyone.
        None
    } else {
        let local = identity::is_local_peer(peer);
        Some(identity::identify_user(state, headers, uri, local).await?)
    };
    let wanted = if events {
        let query = identity::query(uri);
        let pairs = query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs = pairs.filter(|(name, _)| !RESERVED.contains(name));
        Some(
            Filters::of_pairs(feed, pairs)
                .map_err(|error| Problem::bad_field(&error.key, error.detail))?,
        )
    } else {
        None
    };
    let address_slot =
        state.addresses.acquire(state.addresses.client(peer, headers)).map_err(|most| {
            Problem::too_many(
                format!("this address has {most} connections to live feeds already"),
                FULL_RETRY_SECONDS,
            )
        })?;
    let slot = take_slot(state).await?;
    let client = state.next_client.fetch_add(1, Ordering::Relaxed);
    let user = identity.as_ref().map(|identity| identity.user_id.clone());
    let mut watched = Subscriptions::new(
        state.sessions.feeds_handle.clone(),
        client,
        user,
        state.sessions.limits.outbound_queue,
    );
    if let Some(filters) = wanted {
        let begun = watched.begin(WatchTarget::Feed(id), filters).await;
        begun.map_err(|gone| Problem::unavailable(gone.to_string()))?;
    }
    Ok(AdmittedFeed { feed: id, watched, slot, address_slot, identity })
}

/// `Retry-After` for an address with too many connections, in seconds.
const FULL_RETRY_SECONDS: u64 = 10;

/// Handles `HEAD` with the head of the stream.
pub(super) async fn head(
    state: SharedState,
    request: HttpRequest,
    feed: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let feeds = state.sessions.feeds_handle.feeds();
    let id = feeds
        .find(&feed)
        .ok_or_else(|| Problem::not_found(format!("there is no feed {:?}", feed.as_str())))?;
    if !feeds.get(id).public {
        identity::user(&state, &request).await?;
    }
    Ok(stream::only_head())
}

/// Handles a request for an event stream on a connection that had other requests before.
pub(super) async fn get(
    state: SharedState,
    request: HttpRequest,
    feed: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    if state.health.is_down("hub") {
        return Err(Problem::unavailable("this hub is stopping"));
    }
    let admitted =
        admit(&state, request.headers(), request.uri(), request.peer_addr(), &feed, true).await?;
    let (response, transport) = stream::piped(&state);
    admitted.begin(&state, transport);
    Ok(response)
}

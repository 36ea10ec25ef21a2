//! From an HTTP request to a connection of its own: everything is checked before it is answered, then the socket leaves
//! actix-web and belongs to a session, as a WebSocket or an event stream.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::Actor as _;
use actix_codec::Framed;
use actix_http::{
    ConnectionType, HttpMessage as _, Request, Response,
    body::{BodySize, MessageBody as _},
    h1, ws,
};
use actix_web::{
    ResponseError as _,
    http::{
        Method,
        header::{self, HeaderValue},
    },
    rt::net::TcpStream,
};
use bytes::BytesMut;
use futures_util::SinkExt as _;
use tokio::io::AsyncWriteExt as _;

use super::{
    Problem, SharedState, State, cors, feeds, identity, incoming::Incoming, standard, stream,
};
use crate::{
    auth::Caller,
    connection::{Slot, Socket, Transport},
    delivery::session::{Session, Start},
    domain::{inbox::Since, user::Identity},
};

/// Bytes that the kernel keeps for a client that does not read. Small, so that slowness shows here and not in megabytes
/// of buffers; one window of it per round trip is plenty for notifications.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// A checked request: who it is and where they start.
pub(super) struct AdmittedSession {
    pub(super) identity: Identity,
    pub(super) start: Start,
    pub(super) slot: Slot,
}

impl AdmittedSession {
    /// Starts the session.
    pub(super) fn begin(self, state: &State, transport: Transport) {
        let client = state.next_client.fetch_add(1, Ordering::Relaxed);
        Session::new(
            Arc::clone(&state.sessions),
            self.identity,
            client,
            self.start,
            transport,
            self.slot,
        )
        .start();
    }
}

/// What a checked request begins.
enum Beginning {
    Session(AdmittedSession),
    Watcher(feeds::AdmittedFeed),
}

/// What a socket is taken over for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    WebSocket,
    Events,
}

/// Handles a request whose socket leaves the HTTP server. A client that hangs up in the middle is nobody's error.
pub(super) async fn upgrade(
    state: SharedState,
    request: Request,
    mut framed: Framed<Incoming, h1::Codec>,
) -> Result<(), actix_web::Error> {
    // An event stream has been made to look like a WebSocket, but for its key.
    let is_web_socket = request.headers().contains_key(header::SEC_WEBSOCKET_KEY);
    let path = request.uri().path().to_owned();
    let events = !is_web_socket && is_stream(&path) && request.method() == Method::GET;
    let kind = if events { Kind::Events } else { Kind::WebSocket };
    let origin = cors::allowed_origin(&state, request.headers(), request.uri().path());
    match admit(&state, &request, kind).await {
        Ok(admitted) => {
            let mut head = match kind {
                Kind::WebSocket => handshake(&request),
                Kind::Events => stream_head(),
            };
            if let Some(origin) = origin {
                cors::mark(head.headers_mut(), origin);
            }
            if framed.send(h1::Message::Item((head, BodySize::None))).await.is_err() {
                return Ok(());
            }
            let parts = framed.into_parts();
            let io = parts.io.into_inner();
            tune(&io);
            let transport = match kind {
                Kind::WebSocket => Transport::web_socket(Socket::new(
                    io.into(),
                    &parts.read_buf,
                    state.server.load().max_message_bytes,
                )),
                Kind::Events => stream::transport(&state, io.into()),
            };
            match admitted {
                Beginning::Session(admitted) => admitted.begin(&state, transport),
                Beginning::Watcher(admitted) => admitted.begin(&state, transport),
            }
        }
        Err(problem) => {
            let mut io = framed.into_parts().io.into_inner();
            if let Err(error) = refuse(&mut io, &problem, &path, origin).await {
                tracing::debug!(%error, "a refused client hung up");
            }
        }
    }
    Ok(())
}

async fn admit(state: &State, request: &Request, kind: Kind) -> Result<Beginning, Problem> {
    let head = request.head();
    if state.health.is_down("hub") {
        return Err(Problem::unavailable("this hub is stopping"));
    }
    let (headers, uri, peer) = (head.headers(), &head.uri, request.peer_addr());
    let events = kind == Kind::Events;
    if !events {
        ws::verify_handshake(head)
            .map_err(|error| Problem::bad_request(format!("no WebSocket handshake: {error}")))?;
    }
    if let Some(feed) = feed_of(uri.path(), if events { feeds::EVENTS } else { feeds::WEB_SOCKET })
    {
        return feeds::admit(state, headers, uri, peer, &feed, events)
            .await
            .map(Beginning::Watcher);
    }
    let admitted = if events {
        stream::admit(state, headers, uri, identity::is_local_peer(peer)).await?
    } else {
        admit_session(state, request).await?
    };
    Ok(Beginning::Session(admitted))
}

/// Whether an event stream is at this path.
pub(super) fn is_stream(path: &str) -> bool {
    path == stream::PATH || feed_of(path, feeds::EVENTS).is_some()
}

/// The feed that a path names.
fn feed_of(path: &str, prefix: &str) -> Option<String> {
    let name = path.strip_prefix(prefix).filter(|name| !name.is_empty() && !name.contains('/'))?;
    Some(percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned())
}

async fn admit_session(state: &State, request: &Request) -> Result<AdmittedSession, Problem> {
    let head = request.head();
    if head.uri.path() != "/ws" {
        return Err(Problem::not_found("there is no WebSocket at this address; use /ws"));
    }
    let local = identity::is_local_peer(request.peer_addr());
    if !identity::origin_is_allowed(state, head.headers()) {
        return Err(Problem::forbidden(
            "pages of this origin may not connect; add it to server.allowed_origins",
        ));
    }
    let identity = match identity::identify(state, head.headers(), &head.uri, local).await? {
        Caller::User(identity) => identity,
        Caller::Developer => return Err(Problem::unauthorized("name a user: ?user_id=")),
        other @ Caller::Service { .. } => return Err(identity::without_inbox(&other)),
    };
    let start = start(&identity::query(&head.uri))?;
    let slot = take_slot(&state.connections, state.server.load().max_connections)?;
    Ok(AdmittedSession { identity, start, slot })
}

/// How an event stream begins on a socket of its own: it lasts as long as the connection.
fn stream_head() -> Response<()> {
    let mut head = stream::head();
    head.head_mut().set_connection_type(ConnectionType::Close);
    head
}

/// Where a connection starts, from its query.
pub(super) fn start(query: &[(String, String)]) -> Result<Start, Problem> {
    let parameter =
        |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match (parameter("since"), parameter("sync")) {
        (Some(since), _) => Ok(Start::Since(
            Since::parse(since).map_err(|detail| Problem::bad_field("since", detail))?,
        )),
        (None, Some("none")) => Ok(Start::Nothing),
        (None, None) => Ok(Start::Fresh),
        (None, Some(_)) => Err(Problem::bad_field("sync", "the only value is none")),
    }
}

pub(super) fn take_slot(connections: &Arc<AtomicUsize>, most: usize) -> Result<Slot, Problem> {
    let before = connections.fetch_add(1, Ordering::Relaxed);
    let slot = Slot(Arc::clone(connections));
    if before >= most {
        return Err(Problem::unavailable("this hub has all the connections it may have"));
    }
    Ok(slot)
}

fn handshake(request: &Request) -> Response<()> {
    let mut response = ws::handshake_response(request.head());
    if let Some(protocol) = identity::chosen_subprotocol(request.headers()) {
        response.insert_header((header::SEC_WEBSOCKET_PROTOCOL, protocol));
    }
    response.finish().drop_body()
}

/// Answers with the problem and closes: the request's head has switched the HTTP parser off, so nothing can follow.
async fn refuse(
    io: &mut TcpStream,
    problem: &Problem,
    path: &str,
    origin: Option<HeaderValue>,
) -> std::io::Result<()> {
    let mut response = problem.error_response();
    standard::complete(response.headers_mut(), path);
    if let Some(origin) = origin {
        cors::mark(response.headers_mut(), origin);
    }
    // Writing to a String never fails.
    let mut head = format!("HTTP/1.1 {}\r\nconnection: close\r\n", response.status());
    for (name, value) in response.headers() {
        let _ = write!(head, "{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    let _ = write!(head, "content-length: {}\r\n\r\n", body.len());
    // In one piece: some clients take what has come with the head for all of it.
    io.write_all(&[head.as_bytes(), &body].concat()).await?;
    io.shutdown().await?;
    drain(io).await;
    Ok(())
}

/// Reads what the client has sent already, so that closing does not reset the connection under the answer.
async fn drain(io: &mut TcpStream) {
    let mut rest = BytesMut::with_capacity(1024);
    let read = async {
        while rest.len() < 16 * 1024 {
            match tokio::io::AsyncReadExt::read_buf(io, &mut rest).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), read).await;
}

/// Bounds what the kernel keeps for this socket.
fn tune(io: &TcpStream) {
    // It only spares memory; a kernel that refuses it serves all the same.
    let _ = socket2::SockRef::from(io).set_send_buffer_size(SEND_BUFFER_BYTES);
}

/// Bounds how long the kernel hopes for a peer that takes nothing any more (`TCP_USER_TIMEOUT`, RFC 5482).
pub(super) fn give_up_on_the_dead(io: &TcpStream, patience: Duration) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // It only spares resources.
        let _ = socket2::SockRef::from(io).set_tcp_user_timeout(Some(patience));
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (io, patience);
}

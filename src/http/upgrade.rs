//! Takeover of connections: a request is checked and answered, then its socket leaves the HTTP
//! server and belongs to a session or watcher.

use serde_json::json;
use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use actix_codec::Framed;
use actix_http::{Request, RequestHead, Response, StatusCode, body::MessageBody as _, h1, ws};
use actix_web::{
    HttpResponse, ResponseError as _,
    http::header::{self, HeaderValue},
    rt::net::TcpStream,
};
use bytes::BytesMut;
use httpdate::HttpDate;
use tokio::io::AsyncWriteExt as _;

use super::{
    Problem, SharedState, State,
    admission::{AdmittedSession, start, take_slot},
    cors, feeds,
    first_request::{Kind, Rewound},
    identity, standard, stream,
    stream_paths::{FEED_EVENTS, FEED_WEB_SOCKET, WEB_SOCKET, feed_of},
};
use crate::{
    clock,
    connection::{ClientIo, Socket, Transport},
    http::api::{Access, Operation, Tag},
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/ws", not_upgraded)
            .access(Access::User)
            .doc(Tag::Inbox, "websocket", "Open the inbox as a WebSocket")
            .response(101, json!({"description": "The upgrade; see `/asyncapi.json`."}))
            .errors(&[426]),
        Operation::get("/ws/{feed}", not_upgraded)
            .doc(Tag::Feeds, "feed_websocket", "Open a live feed as a WebSocket")
            .path("feed", json!({"type": "string"}), "Name of the feed.")
            .response(101, json!({"description": "The upgrade; see `/asyncapi.json`."}))
            .errors(&[400, 401, 403, 426, 429, 500, 503]),
    ]
}

/// Send buffer of the kernel, in bytes. Small, so that a slow client is noticed here and not after
/// megabytes of buffers; one such window per round trip suffices for notifications.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Checked request.
enum Beginning {
    Session(AdmittedSession),
    Watcher(feeds::AdmittedFeed),
}

/// Handles a request for a WebSocket that came after other requests on its connection, as proxies
/// send it.
pub(super) async fn upgrade(
    state: SharedState,
    request: Request,
    framed: Framed<Rewound, h1::Codec>,
) -> Result<(), actix_web::Error> {
    let parts = framed.into_parts();
    let io = parts.io.into_inner();
    take_over(&state, request.head(), Kind::WebSocket, io, &parts.read_buf).await;
    Ok(())
}

/// Answers a request whose socket leaves the HTTP server, and starts a session or watcher on the
/// socket. `rest` is what the client sent after the request. A client that hangs up in between is
/// no error.
pub(super) async fn take_over(
    state: &State,
    request: &RequestHead,
    kind: Kind,
    mut io: ClientIo,
    rest: &[u8],
) {
    let path = request.uri.path();
    let origin = cors::allowed_origin(state, request.headers(), path);
    match admit(state, request, kind).await {
        Ok(admitted) => {
            let mut response = match kind {
                Kind::WebSocket => handshake(request),
                Kind::Events => stream::head(),
            };
            if let Some(origin) = origin {
                cors::mark(response.headers_mut(), origin);
            }
            if io.write_all(&encode(&response)).await.is_err() || io.flush().await.is_err() {
                return;
            }
            tune(&io);
            let limit = state.server.load().max_message_bytes;
            let transport = match kind {
                Kind::WebSocket => Transport::web_socket(Socket::new(io.into(), rest, limit)),
                Kind::Events => stream::transport(state, io.into()),
            };
            match admitted {
                Beginning::Session(admitted) => admitted.begin(state, transport),
                Beginning::Watcher(admitted) => admitted.begin(state, transport),
            }
        }
        Err(problem) => {
            if let Err(error) = refuse(&mut io, &problem, path, origin).await {
                tracing::debug!(%error, "a refused client hung up");
            }
        }
    }
}

/// Returns the current time in the format of the `Date` header (RFC 9110, section 6.6.1).
fn date() -> HttpDate {
    let since_1970 = Duration::from_millis(u64::try_from(clock::now().0).unwrap_or(0));
    HttpDate::from(SystemTime::UNIX_EPOCH + since_1970)
}

/// Encodes the head of a response without a body.
fn encode(response: &Response<()>) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {}\r\ndate: {}\r\n", response.status(), date()).into_bytes();
    for (name, value) in response.headers() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    let connection = match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => "connection: upgrade\r\n\r\n",
        // An event stream lasts as long as its connection.
        _ => "connection: close\r\n\r\n",
    };
    head.extend_from_slice(connection.as_bytes());
    head
}

async fn admit(state: &State, head: &RequestHead, kind: Kind) -> Result<Beginning, Problem> {
    if state.health.is_down("hub") {
        return Err(Problem::unavailable("this hub is stopping"));
    }
    let (headers, uri, peer) = (head.headers(), &head.uri, head.peer_addr);
    let events = kind == Kind::Events;
    if !events {
        ws::verify_handshake(head)
            .map_err(|error| Problem::bad_request(format!("no WebSocket handshake: {error}")))?;
    }
    let prefix = if events { FEED_EVENTS } else { FEED_WEB_SOCKET };
    if let Some(feed) = feed_of(uri.path(), prefix) {
        return feeds::admit(state, headers, uri, peer, &feed, events)
            .await
            .map(Beginning::Watcher);
    }
    let admitted = if events {
        stream::admit(state, headers, uri, identity::is_local_peer(peer)).await?
    } else {
        admit_session(state, head).await?
    };
    Ok(Beginning::Session(admitted))
}

async fn admit_session(state: &State, head: &RequestHead) -> Result<AdmittedSession, Problem> {
    if head.uri.path() != WEB_SOCKET {
        return Err(Problem::not_found("there is no WebSocket at this address; use /ws"));
    }
    let local = identity::is_local_peer(head.peer_addr);
    if !identity::origin_is_allowed(state, head.headers()) {
        return Err(Problem::forbidden(
            "pages of this origin may not connect; add it to server.allowed_origins",
        ));
    }
    let identity = identity::identify_user(state, head.headers(), &head.uri, local).await?;
    let start = start(&identity::query(&head.uri))?;
    let slot = take_slot(state).await?;
    Ok(AdmittedSession { identity, start, slot })
}

fn handshake(request: &RequestHead) -> Response<()> {
    let mut response = ws::handshake_response(request);
    if let Some(protocol) = identity::chosen_subprotocol(request.headers()) {
        response.insert_header((header::SEC_WEBSOCKET_PROTOCOL, protocol));
    }
    response.finish().drop_body()
}

/// Responds with a problem and closes the connection.
async fn refuse(
    io: &mut ClientIo,
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
    let mut head =
        format!("HTTP/1.1 {}\r\ndate: {}\r\nconnection: close\r\n", response.status(), date());
    for (name, value) in response.headers() {
        let _ = write!(head, "{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    let _ = write!(head, "content-length: {}\r\n\r\n", body.len());
    // One write: some clients read the body only with the head.
    io.write_all(&[head.as_bytes(), &body].concat()).await?;
    io.shutdown().await?;
    drain(io).await;
    Ok(())
}

/// Reads pending input, so that closing does not reset the connection before the response is read.
async fn drain(io: &mut ClientIo) {
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

/// Sets the send buffer of a socket.
fn tune(io: &ClientIo) {
    let io = match io {
        ClientIo::Left(socket) => socket,
        ClientIo::Right(tls) => tls.get_ref().0,
    };
    // An optimization: failure is harmless.
    let _ = socket2::SockRef::from(io).set_send_buffer_size(SEND_BUFFER_BYTES);
}

/// Sets the time after which the kernel closes a connection to a dead peer (`TCP_USER_TIMEOUT`, RFC
/// 5482).
pub(super) fn set_user_timeout(io: &TcpStream, timeout: Duration) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // An optimization: failure is harmless.
        let _ = socket2::SockRef::from(io).set_tcp_user_timeout(Some(timeout));
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (io, timeout);
}

/// Handles a request without an upgrade.
async fn not_upgraded() -> Result<HttpResponse, Problem> {
    Err(Problem::upgrade_required())
}

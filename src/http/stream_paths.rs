//! Paths whose responses last as long as their connection.

/// Path of a user's event stream.
pub(super) const EVENTS: &str = "/api/v1/stream";

/// Prefix of the event streams of live feeds.
pub(super) const FEED_EVENTS: &str = "/api/v1/feeds/";

/// Path of a user's WebSocket.
pub(super) const WEB_SOCKET: &str = "/ws";

/// Prefix of the `WebSockets` of live feeds.
pub(super) const FEED_WEB_SOCKET: &str = "/ws/";

/// Returns whether an event stream is at this path.
pub(super) fn is_stream(path: &str) -> bool {
    path == EVENTS || feed_of(path, FEED_EVENTS).is_some()
}

/// Returns whether a WebSocket is at this path.
pub(super) fn is_web_socket(path: &str) -> bool {
    path == WEB_SOCKET || feed_of(path, FEED_WEB_SOCKET).is_some()
}

/// Returns the feed that a path names.
pub(super) fn feed_of(path: &str, prefix: &str) -> Option<String> {
    let name = path.strip_prefix(prefix).filter(|name| !name.is_empty() && !name.contains('/'))?;
    Some(percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned())
}

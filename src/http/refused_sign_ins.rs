//! Log lines about refused sign-ins: one for each reason in ten seconds, without the credentials.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use actix_web::http::{
    Uri,
    header::{self, HeaderMap},
};

use crate::{
    auth::AuthError,
    clock,
    domain::limits::{IDENTIFIER_MAX_CHARS, shortened},
    telemetry::LogLimit,
};

/// Minimum time between two lines with one reason, in milliseconds: anybody can cause them.
const INTERVAL_MS: i64 = 10_000;

/// Limits of the lines, by reason.
static LIMITS: Mutex<BTreeMap<&'static str, LogLimit>> = Mutex::new(BTreeMap::new());

/// Logs a refused sign-in, with the origin of the page, the path, and the number of sign-ins that
/// were refused for the same reason since the last line. The query may have a token, and is left
/// out.
pub(super) fn record(error: &AuthError, headers: &HeaderMap, uri: &Uri) {
    let Some(refusal) = error.refusal() else { return };
    let mut limits = LIMITS.lock().unwrap_or_else(PoisonError::into_inner);
    let limit = limits.entry(refusal).or_insert_with(|| LogLimit::every(INTERVAL_MS));
    let admitted = limit.admit(clock::monotonic().0);
    drop(limits);
    let Some(suppressed) = admitted else { return };
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    tracing::warn!(
        reason = %error,
        origin = origin.map(|origin| shortened(origin, IDENTIFIER_MAX_CHARS)),
        path = shortened(uri.path(), IDENTIFIER_MAX_CHARS),
        suppressed,
        "auth: a sign-in is refused"
    );
}

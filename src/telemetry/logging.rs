//! Log: text for terminals, or JSON.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// Default filter of the log, without `RUST_LOG`. A pool warns of each broken connection when it is
/// returned; what an operator needs is said once by the part that lost the store.
const DEFAULT_FILTER: &str = "info,async_nats=off,krafka=error,lapin=off,sqlx=warn,\
     sqlx_core::pool::connection=error,actix_server=warn";

/// Filter for the HTTP library, which logs malformed requests as errors. They are logged at
/// `debug`.
const STRANGERS: &str = "actix_http=off";

/// Starts logging to standard error: JSON lines with `LONCENG_LOG_FORMAT=json`, else text.
pub fn start_logging() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let is_debug = filter.max_level_hint().is_none_or(|level| level >= LevelFilter::DEBUG);
    let filter = match STRANGERS.parse() {
        Ok(strangers) if !is_debug => filter.add_directive(strangers),
        _ => filter,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    let json =
        std::env::var("LONCENG_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json"));
    // A second call, in tests, keeps the existing logger.
    if json {
        let _ = subscriber.json().flatten_event(true).try_init();
    } else {
        let _ = subscriber.with_ansi(std::io::stderr().is_terminal()).try_init();
    }
}

//! Validation of the configuration: ranges, combinations, templates.

use std::{collections::HashSet, net::SocketAddr, path::Path};

use super::{
    AuthMethod, Config, ConfigIssue, Feed, FeedMessage,
    files::{TEMPLATE_MAX_BYTES, read_text},
};
use crate::domain::{
    catalog::{Catalog, LocalTemplate, TypeRow},
    event::code_of,
    feed::{FILTERS_MAX, RESERVED},
    limits::{IDENTIFIER_MAX_CHARS, is_plain},
};

/// Key and description of an error.
pub(super) type Fault = (String, String);

/// Allowed scopes of API keys.
pub const SCOPES: [&str; 2] = ["publish", "admin"];

/// Maximum number of translations.
const TRANSLATIONS_MAX: usize = 20_000;

/// Minimum size of an HS256 secret in bytes (RFC 7518, section 3.2: the size of the hash).
const JWT_SECRET_MIN_BYTES: usize = 32;

/// Result of the validation.
pub(super) struct Validated {
    /// Types whose template is there, with the contents of their files.
    pub(super) types: Vec<TypeRow>,
    /// Errors of values in config.toml and the environment.
    pub(super) keys: Vec<Fault>,
    /// Errors of template files.
    pub(super) files: Vec<ConfigIssue>,
}

/// Validates the configuration, and reads the template files of the types.
pub(super) fn validate(config: &Config, templates: &Path) -> Validated {
    let mut faults = Vec::new();
    server(config, &mut faults);
    auth(config, &mut faults);
    store(config, &mut faults);
    nats(config, &mut faults);
    config.kafka.check(&mut faults);
    config.amqp.check(&mut faults);
    config.outbox.check(config.store.url.reveal(), &mut faults);
    retention(config, &mut faults);
    config.channels.check(&mut faults);
    feeds(config, &mut faults);
    let mut files = Vec::new();
    let types = types(config, templates, &mut faults, &mut files);
    Validated { types, keys: faults, files }
}

pub(super) fn range(faults: &mut Vec<Fault>, key: &str, value: u64, least: u64, most: u64) {
    if !(least..=most).contains(&value) {
        faults.push((
            key.to_owned(),
            format!("{value} is out of range; from {least} to {most} is allowed"),
        ));
    }
}

fn server(config: &Config, faults: &mut Vec<Fault>) {
    let server = &config.server;
    if server.listen.parse::<SocketAddr>().is_err() {
        let message =
            format!("{:?} is not an address and port, such as \"127.0.0.1:8080\"", server.listen);
        faults.push(("server.listen".to_owned(), message));
    }
    for (key, value, least, most) in [
        ("server.max_connections", server.max_connections as u64, 1, 10_000_000),
        ("server.max_connections_per_user", server.max_connections_per_user as u64, 1, 100_000),
        ("server.max_message_bytes", server.max_message_bytes as u64, 128, 16 << 20),
        ("server.max_event_bytes", server.max_event_bytes as u64, 256, 64 << 20),
        ("server.heartbeat_seconds", server.heartbeat_seconds, 1, 3_600),
        ("server.heartbeat_timeout_seconds", server.heartbeat_timeout_seconds, 1, 3_600),
        ("server.outbound_queue", server.outbound_queue as u64, 4, 1_000_000),
        ("server.shutdown_grace_seconds", server.shutdown_grace_seconds, 0, 3_600),
    ] {
        range(faults, key, value, least, most);
    }
    for origin in &server.allowed_origins {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains('/')) {
            let message = format!(
                "{origin:?} is not an origin; write scheme and host, such as \
                 \"https://app.example.com\""
            );
            faults.push(("server.allowed_origins".to_owned(), message));
        }
    }
}

fn auth(config: &Config, faults: &mut Vec<Fault>) {
    let auth = &config.auth;
    // An invalid address is a fault of its own.
    let exposed =
        config.server.listen.parse::<SocketAddr>().is_ok_and(|address| !address.ip().is_loopback());
    if auth.methods.contains(&AuthMethod::Dev) && exposed {
        let message = format!(
            "dev believes whatever a client says of itself, so the hub refuses it on {}; listen \
             on 127.0.0.1, or use \
             methods = [\"jwt\"]",
            config.server.listen
        );
        faults.push(("auth.methods".to_owned(), message));
    }
    if auth.methods.is_empty() {
        faults.push((
            "auth.methods".to_owned(),
            "at least one of \"dev\", \"jwt\", \"cookie\" is needed".to_owned(),
        ));
    }
    let secret = auth.jwt_secret.reveal().len();
    if secret > 0 && secret < JWT_SECRET_MIN_BYTES {
        let message = format!("has {secret} bytes; HS256 needs at least {JWT_SECRET_MIN_BYTES}");
        faults.push(("auth.jwt_secret".to_owned(), message));
    }
    let no_key = secret == 0 && auth.jwt_public_key_file.is_empty() && auth.jwks_url.is_empty();
    if auth.methods.contains(&AuthMethod::Jwt) && no_key {
        let message = "jwt needs one of jwt_secret, jwt_public_key_file, jwks_url".to_owned();
        faults.push(("auth.methods".to_owned(), message));
    }
    if auth.methods.contains(&AuthMethod::Cookie) && config.redis.url.is_empty() {
        let message = "cookie looks sessions up in Redis; set redis.url".to_owned();
        faults.push(("auth.methods".to_owned(), message));
    }
    let scheme = |url: &str, known: &[&str]| known.iter().any(|scheme| url.starts_with(scheme));
    if !auth.jwks_url.is_empty() && !scheme(&auth.jwks_url, &["https://", "http://"]) {
        faults.push(("auth.jwks_url".to_owned(), "must start with https:// or http://".to_owned()));
    }
    if !config.redis.url.is_empty() && !scheme(config.redis.url.reveal(), &["redis://", "unix://"])
    {
        // Without the value, which may contain a password.
        faults.push(("redis.url".to_owned(), "must start with redis:// or unix://".to_owned()));
    }
    for (index, key) in auth.api_keys.iter().enumerate() {
        if key.name.is_empty() || !is_plain(&key.name, IDENTIFIER_MAX_CHARS) {
            let message = format!("a key needs a name of 1 to {IDENTIFIER_MAX_CHARS} characters");
            faults.push((format!("auth.api_keys[{index}].name"), message));
        }
        if let Some(scope) = key.scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
            let message = format!(
                "unknown scope {scope:?} of the key {:?}; publish and admin are known",
                key.name
            );
            faults.push((format!("auth.api_keys[{index}].scopes"), message));
        }
        if key.sha256.len() != 64 || !key.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let message = format!("the key {:?} needs its SHA-256 as 64 hex digits", key.name);
            faults.push((format!("auth.api_keys[{index}].sha256"), message));
        }
    }
}

fn store(config: &Config, faults: &mut Vec<Fault>) {
    range(faults, "store.batch_max", config.store.batch_max as u64, 1, 10_000);
    range(faults, "store.batch_wait_ms", config.store.batch_wait_ms, 0, 1_000);
}

fn nats(config: &Config, faults: &mut Vec<Fault>) {
    let nats = &config.nats;
    range(faults, "nats.ack_wait_seconds", nats.ack_wait_seconds, 1, 3_600);
    range(faults, "nats.max_deliver", nats.max_deliver, 1, 1_000);
    for seconds in &nats.backoff_seconds {
        range(faults, "nats.backoff_seconds", *seconds, 0, 86_400);
    }
    if nats.url.is_empty() {
        return;
    }
    for (key, value) in [("nats.stream", &nats.stream), ("nats.durable", &nats.durable)] {
        if value.is_empty() || value.contains(['.', '*', '>', ' ', '/', '\\']) {
            faults.push((
                key.to_owned(),
                format!("{value:?} is not a JetStream name: no dots, spaces or wildcards"),
            ));
        }
    }
    if nats.subjects.is_empty() {
        faults.push(("nats.subjects".to_owned(), "at least one subject is needed".to_owned()));
    }
    if nats
        .subjects
        .iter()
        .any(|subject| subject.is_empty() || subject.contains(char::is_whitespace))
    {
        faults.push((
            "nats.subjects".to_owned(),
            "a subject must not be empty or have spaces".to_owned(),
        ));
    }
}

fn retention(config: &Config, faults: &mut Vec<Fault>) {
    range(faults, "retention.history", config.retention.history as u64, 1, 1_000);
    range(
        faults,
        "retention.archive_after_days",
        config.retention.archive_after_days.into(),
        0,
        36_500,
    );
    range(
        faults,
        "retention.delete_after_days",
        config.retention.delete_after_days.into(),
        0,
        36_500,
    );
    range(faults, "store.partitions", config.store.partitions.into(), 0, 128);
    range(faults, "explain.events", config.explain.events as u64, 0, 1_000_000);
    range(faults, "explain.minutes", config.explain.minutes.into(), 0, 10_080);
    range(faults, "explain.days", config.explain.days.into(), 0, 3_650);
}

fn feeds(config: &Config, faults: &mut Vec<Fault>) {
    let mut names = HashSet::new();
    for (index, feed) in config.feeds.iter().enumerate() {
        let key = |name: &str| format!("feed[{index}].{name}");
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if feed.name.is_empty() || !feed.name.bytes().all(is_plain) {
            let message =
                format!("{:?} is not a name for a path; letters, digits, - and _ are", feed.name);
            faults.push((key("name"), message));
        }
        if !names.insert(&feed.name) {
            faults.push((key("name"), format!("the feed {:?} is defined twice", feed.name)));
        }
        faults.extend(filters(feed).into_iter().map(|message| (key("filters"), message)));
        if feed.messages.is_empty() {
            let message =
                format!("the feed {:?} shows nothing: give it a [[feed.message]]", feed.name);
            faults.push((key("message"), message));
        }
        for (at, message) in feed.messages.iter().enumerate() {
            let wrong = feed_message(message).into_iter();
            faults.extend(wrong.map(|(name, detail)| {
                (format!("feed[{index}].message[{at}].{name}"), detail.to_owned())
            }));
        }
    }
}

/// Returns the faults of a feed's filters.
fn filters(feed: &Feed) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = HashSet::new();
    for filter in &feed.filters {
        if filter.is_empty() || filter.contains(['&', '=', '?', '#', ' ']) {
            faults.push(format!("{filter:?} is not the name of a field"));
        }
        if RESERVED.contains(&filter.as_str()) {
            faults.push(format!("{filter:?} cannot be a filter: in a URL it names the caller"));
        }
        if !seen.insert(filter) {
            faults.push(format!("{filter:?} is listed twice"));
        }
    }
    if feed.filters.len() > FILTERS_MAX {
        let count = feed.filters.len();
        faults.push(format!("at most {FILTERS_MAX} filters are possible, this feed has {count}"));
    }
    faults
}

/// Returns the faults of a feed's message, each with its key.
fn feed_message(message: &FeedMessage) -> Vec<(&'static str, &'static str)> {
    let mut faults = Vec::new();
    if message.on.is_empty() || message.on.iter().any(|name| code_of(name).is_empty()) {
        faults.push(("on", "name the events to show, such as \"booking.created\""));
    }
    if message.on.iter().any(|name| name.contains(['*', '>'])) {
        faults.push(("on", "wildcards are not possible here: name each event"));
    }
    if message.kind.is_empty() {
        faults.push(("type", "must not be empty: watchers see it as type"));
    }
    if message.fields.is_empty() {
        faults.push(("fields", "name the fields that watchers may see"));
    }
    faults
}

fn types(
    config: &Config,
    templates: &Path,
    faults: &mut Vec<Fault>,
    files: &mut Vec<ConfigIssue>,
) -> Vec<TypeRow> {
    let mut rows: Vec<TypeRow> = Vec::new();
    let mut codes = HashSet::new();
    for (index, kind) in config.types.iter().enumerate() {
        let key = |name: &str| format!("type[{index}].{name}");
        if code_of(&kind.code).is_empty() {
            faults.push((
                key("code"),
                "a type needs a code, such as \"REFUND_REQUESTED\"".to_owned(),
            ));
        }
        if !codes.insert(code_of(&kind.code)) {
            faults.push((key("code"), format!("the type {} is there twice", kind.code)));
        }
        if kind.ttl_seconds.is_some_and(|seconds| seconds <= 0) {
            faults.push((key("ttl_seconds"), "must be at least 1".to_owned()));
        }
        if kind.keep_days.is_some_and(|days| days <= 0) {
            faults.push((key("keep_days"), "must be at least 1".to_owned()));
        }
        match kind.to_row(templates) {
            Err((name, message)) => faults.push((key(name), message)),
            Ok(row) => {
                if let Some(channel) = row.doubled_channel() {
                    faults.push((key("channels"), format!("names {channel} twice")));
                }
                for bad in Catalog::faults(&row, &config.templates.default_locale) {
                    match (&*bad.column, &kind.file) {
                        ("template", Some(file)) => {
                            let message = format!("the type {}: {}", kind.code, bad.detail);
                            files.push(ConfigIssue::in_template(
                                &templates.join(file),
                                &row.template,
                                bad.line,
                                message,
                            ));
                        }
                        ("target_type", _) => faults.push((key("target"), bad.detail)),
                        ("display_name", _) => faults.push((key("title"), bad.detail)),
                        (column, _) => faults.push((key(column), bad.detail)),
                    }
                }
                rows.push(row);
            }
        }
    }
    rows
}

/// Reads the locale folders: `templates/id/CODE.txt`.
///
/// # Errors
/// When an existing folder cannot be read.
pub fn local_templates(folder: &Path) -> std::io::Result<Vec<LocalTemplate>> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(found); // Templates may all be in config.toml.
    };
    for entry in entries {
        let path = entry?.path();
        let Some(locale) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned)
        else {
            continue;
        };
        // Templates of e-mails are read by their channel.
        if !path.is_dir() || locale.starts_with('.') || locale == "email" {
            continue;
        }
        for file in std::fs::read_dir(&path)? {
            let file = file?.path();
            let code = file.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
            if let Some(code) =
                code.filter(|_| file.extension().is_some_and(|ending| ending == "txt"))
            {
                if found.len() >= TRANSLATIONS_MAX {
                    let message = format!("there are more than {TRANSLATIONS_MAX} translations");
                    return Err(std::io::Error::other(message));
                }
                let source = read_text(&file, TEMPLATE_MAX_BYTES).map_err(|error| {
                    std::io::Error::new(error.kind(), format!("{}: {error}", file.display()))
                })?;
                found.push(LocalTemplate { locale: locale.clone(), code, source });
            }
        }
    }
    found.sort_by(|a, b| (&a.locale, &a.code).cmp(&(&b.locale, &b.code)));
    Ok(found)
}

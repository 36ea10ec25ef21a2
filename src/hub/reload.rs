//! Taking an edit of config.toml or the templates while the hub runs.
//!
//! The files are looked at twice a second: their times, sizes and identities. That notices every way of saving (in place, by
//! renaming, by a symlink that points elsewhere, on a network), with nothing to configure and no limit to run into, and costs a few
//! system calls. What has changed is taken when it has been still for one look, so several quick saves are one.
//!
//! An edit that is wrong changes nothing and is said once. What cannot change while the hub runs is named.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{sync::Notify, task::spawn_blocking, time::timeout};

use super::parts::Parts;
use crate::{
    actors::{broadcaster::SetFeeds, catalog::Refresh, dials::Settings},
    clock,
    config::{self, Config, ConfigError, Loaded, Problem},
    domain::catalog::LocalTemplate,
    http,
    telemetry::PartState,
};

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(500);

/// How deep folders of templates may lie.
const DEPTH: usize = 3;

/// Asks for a look now.
#[derive(Debug, Clone)]
pub(super) struct Reloader(Arc<Notify>);

impl Reloader {
    pub(super) fn now(&self) {
        self.0.notify_one();
    }
}

/// The numbers that may change while the hub runs.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        live_per_minute: config.limits.per_user_per_minute,
        client_messages_per_minute: config.limits.client_messages_per_minute,
        archive_after_days: i64::from(config.retention.archive_after_days),
        history: i64::try_from(config.retention.history).unwrap_or(i64::MAX),
    }
}

/// What a file looked like: it has changed when this has.
type Look = Vec<(PathBuf, Option<SystemTime>, u64)>;

fn look(file: &Path, templates: &Path) -> Look {
    let mut seen = Vec::new();
    see(file, DEPTH, &mut seen);
    see(templates, 0, &mut seen);
    seen.sort();
    seen
}

fn see(path: &Path, depth: usize, seen: &mut Look) {
    // What a link points to is what counts; where it points says whether that is another one.
    let Ok(metadata) = fs::metadata(path) else {
        seen.push((path.to_owned(), None, 0));
        return;
    };
    if metadata.is_dir() {
        if depth < DEPTH {
            for entry in fs::read_dir(path).into_iter().flatten().flatten() {
                see(&entry.path(), depth + 1, seen);
            }
        }
        return;
    }
    seen.push((fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()), metadata.modified().ok(), metadata.len()));
}

/// Watches, as long as the hub runs.
pub(super) fn watch(parts: Parts, state: http::Shared) -> Reloader {
    let reloader = Reloader(Arc::new(Notify::new()));
    let asked = reloader.clone();
    let mut keeper = Keeper { running: parts.loaded.config.clone(), parts, state };
    actix_rt::spawn(async move {
        let mut taken = keeper.look().await;
        let mut before = taken.clone();
        loop {
            let now = timeout(INTERVAL, asked.0.notified()).await.is_ok();
            let seen = keeper.look().await;
            // Still changing: wait until it is done.
            let still = seen == before;
            before = seen.clone();
            if now || (still && seen != taken) {
                // What fails for a reason of the store's own is tried again.
                if keeper.take().await {
                    taken = seen;
                }
            }
        }
    });
    reloader
}

struct Keeper {
    /// What it was built from.
    parts: Parts,
    state: http::Shared,
    /// What it works by now.
    running: Config,
}

impl Keeper {
    /// On a thread that may wait: a network file system that hangs must hold up nothing but this.
    async fn look(&self) -> Look {
        let (file, templates) = (self.parts.loaded.file.clone(), self.parts.loaded.templates.clone());
        spawn_blocking(move || look(&file, &templates)).await.unwrap_or_default()
    }

    async fn load(&self) -> Result<(Loaded, Vec<LocalTemplate>), ConfigError> {
        let file = self.parts.loaded.file.clone();
        let read = move || {
            let loaded = config::load(&file)?;
            super::check(&loaded)?;
            let local = config::translations(&loaded)?;
            Ok((loaded, local))
        };
        spawn_blocking(read).await.unwrap_or_else(|error| {
            let file = Some(self.parts.loaded.file.clone());
            let message = error.to_string();
            Err(Problem { file, line: None, column: None, key: String::new(), message, snippet: None }.into())
        })
    }

    /// Takes what is in the files. `false`: try again.
    async fn take(&mut self) -> bool {
        let (loaded, local) = match self.load().await {
            Ok(read) => read,
            Err(error) => {
                let news = self.parts.configuration.refused(&error);
                if news {
                    for problem in &error.problems {
                        let snippet = problem.snippet.as_deref();
                        tracing::error!(snippet, "the edit is not taken, what was there before goes on: {problem}");
                    }
                }
                self.parts.health.set("config", PartState::of_trouble(self.parts.configuration.trouble()));
                return true;
            }
        };
        let now = clock::now();
        if let Err(error) = self.parts.store.write_config_types(&loaded.types, now).await {
            tracing::warn!(%error, "the types of config.toml could not be written; it is tried again");
            return false;
        }
        let feeds = loaded.config.feeds();
        if feeds != self.running.feeds() && self.parts.handles.broadcaster.send(SetFeeds(feeds)).await.is_err() {
            return false;
        }
        self.apply(&loaded);
        let waiting = restart_needed(&self.parts.loaded.config, &loaded.config);
        if waiting.is_empty() {
            tracing::info!(types = loaded.types.len(), "config.toml and the templates are taken");
        } else {
            tracing::warn!(keys = waiting.join(", "), "config.toml is taken, but for keys that wait for a restart");
        }
        self.parts.configuration.taken(&loaded, local, waiting, now);
        if !self.parts.handles.catalog.send(Refresh).await.unwrap_or(false) {
            return false;
        }
        self.parts.loaded.templates.clone_from(&loaded.templates);
        self.running = loaded.config;
        true
    }

    fn apply(&self, loaded: &Loaded) {
        let config = &loaded.config;
        let state = &self.state;
        self.parts.dials.set(settings(config));
        // What sockets and the broker's messages are read with stays.
        let server = config::Server {
            listen: self.parts.loaded.config.server.listen.clone(),
            max_message_bytes: self.parts.loaded.config.server.max_message_bytes,
            max_event_bytes: self.parts.loaded.config.server.max_event_bytes,
            ..config.server.clone()
        };
        state.server.store(Arc::new(server));
        if config.limits.publish_per_minute != self.running.limits.publish_per_minute {
            state.publish_limit.store(http::PublishLimit::new(config.limits.publish_per_minute).map(Arc::new));
        }
        state.addresses.set(config.limits.feed_connections_per_address, config.server.trusted_proxies.clone());
        state.trail.set(config.explain.events, config.explain.minutes, clock::now());
        state.auth.set_keys(&config.auth.api_keys);
    }
}

/// The keys whose values are not those that the hub was started with, and that it cannot take while it runs.
fn restart_needed(started: &Config, now: &Config) -> Vec<String> {
    let mut keys = Vec::new();
    let mut differ = |key: &str, differs: bool| {
        if differs {
            keys.push(key.to_owned());
        }
    };
    let (a, b) = (&started.server, &now.server);
    differ("server.listen", a.listen != b.listen);
    differ("server.instance_id", a.instance_id != b.instance_id);
    differ("server.max_connections_per_user", a.max_connections_per_user != b.max_connections_per_user);
    differ("server.max_message_bytes", a.max_message_bytes != b.max_message_bytes);
    differ("server.max_event_bytes", a.max_event_bytes != b.max_event_bytes);
    differ("server.heartbeat_seconds", a.heartbeat_seconds != b.heartbeat_seconds);
    differ("server.heartbeat_timeout_seconds", a.heartbeat_timeout_seconds != b.heartbeat_timeout_seconds);
    differ("server.outbound_queue", a.outbound_queue != b.outbound_queue);
    differ("server.shutdown_grace_seconds", a.shutdown_grace_seconds != b.shutdown_grace_seconds);
    let (a, b) = (&started.auth, &now.auth);
    differ("auth.methods", a.methods != b.methods);
    differ("auth.jwt_secret", a.jwt_secret.reveal() != b.jwt_secret.reveal());
    differ("auth.jwt_public_key_file", a.jwt_public_key_file != b.jwt_public_key_file);
    differ("auth.jwks_url", a.jwks_url != b.jwks_url);
    differ("auth.jwt_issuer", a.jwt_issuer != b.jwt_issuer);
    differ("auth.jwt_audience", a.jwt_audience != b.jwt_audience);
    differ("auth.session_cookie", a.session_cookie != b.session_cookie);
    let (a, b) = (&started.store, &now.store);
    differ("store.url", a.url.reveal() != b.url.reveal());
    differ("store.batch_max", a.batch_max != b.batch_max);
    differ("store.batch_wait_ms", a.batch_wait_ms != b.batch_wait_ms);
    differ(
        "nats",
        debugged(&started.nats) != debugged(&now.nats) || started.nats.url.reveal() != now.nats.url.reveal(),
    );
    differ("redis.url", started.redis.url.reveal() != now.redis.url.reveal());
    keys
}

/// A section as text, to be compared.
fn debugged(section: &impl std::fmt::Debug) -> String {
    format!("{section:?}")
}

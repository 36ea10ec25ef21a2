//! Live reload of config.toml and the templates.
//!
//! The files are polled twice a second: paths, times and sizes. That detects every way of
//! saving (in place, by renaming, by a symlink, on a network file system) without configuration or
//! limits, for a few system calls. A change is loaded when the files have been stable for one poll,
//! so several quick saves are one.
//!
//! Half a file can be valid TOML with fewer types, and the events of a missing type are lost. So a
//! change that removes types is loaded only after a longer rest, and one that removes most of them
//! only when it is confirmed.
//!
//! An invalid edit changes nothing and is logged once. Keys that need a restart are named.

mod changes;
mod hidden;
mod read;
mod restart;

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use uuid::Uuid;

use changes::{Loadable, changes};
use hidden::warn_of_hidden;
use read::Reader;
use restart::restart_needed;

use super::{
    build::Parts,
    check::{Checked, check},
};
use crate::{
    clock,
    config::{self, Config, ConfigError, ConfigIssue, FilesSnapshot, Loaded, Reload},
    domain::{catalog::TypeRow, event::code_of, notification::Timestamp},
    feeds::SetFeeds,
    http,
    pipeline::catalog::Refresh,
    runtime::settings::SettingValues,
    store::AuditEntry,
    telemetry::{PartState, TraceLimits},
};

/// Interval of polls.
const INTERVAL: Duration = Duration::from_millis(500);

/// Time for which the files must be stable before types are removed.
const REST_BEFORE_REMOVAL: Duration = Duration::from_secs(2);

/// Maximum number of types that are named in the log and on the console.
const NAMES_MAX: usize = 20;

/// Returns the settings that may change at run time.
pub(super) fn settings(config: &Config) -> SettingValues {
    SettingValues {
        live_per_minute: config.limits.per_user_per_minute,
        client_messages_per_minute: config.limits.client_messages_per_minute,
        archive_after_days: i64::from(config.retention.archive_after_days),
        delete_after_days: i64::from(config.retention.delete_after_days),
        history: i64::try_from(config.retention.history).unwrap_or(i64::MAX),
    }
}

/// Returns the limits of the delivery trace.
pub(super) fn trace_limits(config: &Config) -> TraceLimits {
    let config::Explain { events, minutes, days } = config.explain;
    TraceLimits { events, minutes, days }
}

/// Polls the files, while the hub runs.
pub(super) fn watch(parts: Arc<Parts>, state: http::SharedState, asked: mpsc::Receiver<Reload>) {
    let templates = parts.loaded.templates.clone();
    let watcher = FileWatcher {
        running: parts.loaded.config.clone(),
        templates,
        reader: Reader::default(),
        parts,
        state,
    };
    actix_rt::spawn(watcher.run(asked));
}

/// Next step after a change of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// None: loaded, or refused until the files change again or it is confirmed.
    Settled,
    /// Retry: the store is unavailable, or the files must rest longer.
    Again,
}

/// Conditions of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    /// True if the removal of types is confirmed.
    confirmed: bool,
    /// Time since the files last changed.
    rest: Duration,
}

/// Decision about the removal of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removal {
    Taken,
    /// The files must rest longer.
    Early,
    /// It must be confirmed.
    Refused,
}

impl Removal {
    /// Decides about a change from `before` types to `after`, of which `removed` are gone.
    fn decide(before: usize, after: usize, removed: usize, change: Change) -> Self {
        if removed == 0 || change.confirmed {
            Self::Taken
        } else if change.rest < REST_BEFORE_REMOVAL {
            Self::Early
        } else if removed * 2 > before && after < before {
            // As many new types would mean that they were renamed.
            Self::Refused
        } else {
            Self::Taken
        }
    }
}

struct FileWatcher {
    /// Parts of the hub.
    parts: Arc<Parts>,
    /// Folder of the templates.
    templates: PathBuf,
    state: http::SharedState,
    /// Configuration in force.
    running: Config,
    reader: Reader,
}

impl FileWatcher {
    async fn run(mut self, mut asked: mpsc::Receiver<Reload>) {
        // A change since the files were read at the start is one to load.
        let mut taken = self.parts.loaded.files.clone();
        let (mut before, mut changed_at) = (taken.clone(), Instant::now());
        let mut still = false;
        loop {
            let asked = timeout(INTERVAL, asked.recv()).await.ok().flatten();
            // A file system that hangs counts as unchanged.
            if let Some(seen) = self.snapshot().await {
                still = seen == before;
                if !still {
                    (before, changed_at) = (seen, Instant::now());
                }
            }
            let change = Change { confirmed: asked.is_some(), rest: changed_at.elapsed() };
            if change.confirmed || (still && before != taken) {
                let step = self.load_change(change).await;
                if step == Step::Settled {
                    taken.clone_from(&before);
                }
            }
            if let Some(Reload { done }) = asked {
                // The caller may be gone.
                let _ = done.send(());
            }
        }
    }

    async fn snapshot(&mut self) -> Option<FilesSnapshot> {
        let (file, templates) = (self.parts.loaded.file.clone(), self.templates.clone());
        self.reader.run(move || FilesSnapshot::take(&file, &templates)).await.ok()
    }

    /// Loads the files, or logs the reason for which it cannot.
    async fn load_change(&mut self, change: Change) -> Step {
        let (loaded, local) = match self.load().await {
            Ok(read) => read,
            Err(error) => {
                self.refuse(&error, Vec::new());
                return Step::Settled;
            }
        };
        let before = self.parts.configuration.types();
        let removed = removed(&before, &loaded.types);
        match Removal::decide(before.len(), loaded.types.len(), removed.len(), change) {
            Removal::Taken => {}
            Removal::Early => return Step::Again,
            Removal::Refused => {
                self.refuse(&would_remove(&loaded, &removed, before.len()), removed);
                return Step::Settled;
            }
        }
        let now = clock::now();
        if let Err(error) = self.parts.store.write_config_types(&loaded.types, now).await {
            tracing::warn!(%error, "reload: the types could not be written to the store; retrying");
            return Step::Again;
        }
        warn_of_hidden(&self.parts.store, &before, &loaded.types).await;
        let feeds = loaded.config.feeds();
        if feeds != self.running.feeds()
            && self.parts.handles.broadcaster.send(SetFeeds(feeds)).await.is_err()
        {
            return Step::Again;
        }
        let changes = changes(
            &Loadable {
                config: &self.running,
                types: &before,
                local: &self.parts.configuration.translations().local,
            },
            &Loadable { config: &loaded.config, types: &loaded.types, local: &local },
        );
        self.apply(&loaded);
        if !removed.is_empty() {
            let (count, codes) = (removed.len(), names(&removed));
            tracing::warn!(
                count,
                codes,
                "reload: types removed, because config.toml no longer has them"
            );
        }
        let waiting = restart_needed(&self.parts.loaded.config, &loaded.config);
        if waiting.is_empty() {
            tracing::info!(types = loaded.types.len(), "reload: config.toml and templates loaded");
        } else {
            tracing::warn!(
                keys = waiting.join(", "),
                "reload: config.toml loaded; some keys need a restart"
            );
        }
        self.parts.configuration.taken(&loaded, local, waiting, now);
        self.audit(changes, now).await;
        if !self.parts.handles.catalog.send(Refresh).await.unwrap_or(false) {
            return Step::Again;
        }
        self.templates.clone_from(&loaded.templates);
        self.running = loaded.config;
        Step::Settled
    }

    /// Writes the audit entry of a reload that changed something.
    async fn audit(&self, changes: Vec<Value>, now: Timestamp) {
        if changes.is_empty() {
            return;
        }
        let file = self.parts.loaded.file.display().to_string();
        let instance = self.parts.cluster.instance();
        let after = json!({ "changes": changes, "file": file, "instance": instance });
        let entry = AuditEntry {
            id: Uuid::now_v7(),
            at: now,
            who: "config.toml".to_owned(),
            action: "config.reload".to_owned(),
            subject: "config".to_owned(),
            before: None,
            after: Some(after),
        };
        if let Err(error) = self.parts.store.note_change(&entry).await {
            tracing::warn!(%error, "reload: the audit entry could not be written; the \
                configuration is loaded");
        }
    }

    async fn load(&mut self) -> Result<Checked, ConfigError> {
        let file = self.parts.loaded.file.clone();
        let of = file.clone();
        match self.reader.run(move || check(&of)).await {
            Ok(read) => read,
            Err(message) => Err(ConfigIssue::in_file(&file, message).into()),
        }
    }

    /// Keeps the present configuration, and logs the reason once.
    fn refuse(&self, error: &ConfigError, would_remove: Vec<String>) {
        if self.parts.configuration.record_refused(error, would_remove) {
            for problem in &error.problems {
                let snippet = problem.snippet.as_deref();
                tracing::error!(
                    snippet,
                    "reload: the edit is invalid, and the previous configuration stays in force: \
                     {problem}"
                );
            }
        }
        self.parts
            .health
            .set_silently("config", PartState::from_problems(self.parts.configuration.problems()));
    }

    fn apply(&self, loaded: &Loaded) {
        let config = &loaded.config;
        let state = &self.state;
        self.parts.settings.set(settings(config));
        // Limits used by open sockets and the broker stay.
        let server = config::Server {
            listen: self.parts.loaded.config.server.listen.clone(),
            max_message_bytes: self.parts.loaded.config.server.max_message_bytes,
            max_event_bytes: self.parts.loaded.config.server.max_event_bytes,
            ..config.server.clone()
        };
        state.server.store(Arc::new(server));
        if config.limits.publish_per_minute != self.running.limits.publish_per_minute {
            state
                .publish_limit
                .store(http::PublishLimit::new(config.limits.publish_per_minute).map(Arc::new));
        }
        state
            .addresses
            .set(config.limits.feed_connections_per_address, config.server.trusted_proxies.clone());
        state.trace.set(trace_limits(config), clock::now());
        state.channels.reload_templates(&loaded.templates, &config.templates.default_locale);
        state.auth.set_keys(&config.auth.api_keys);
    }
}

/// Returns the codes of removed types.
fn removed(before: &[TypeRow], after: &[TypeRow]) -> Vec<String> {
    let kept: std::collections::HashSet<String> =
        after.iter().map(|row| code_of(&row.code)).collect();
    let gone = before.iter().filter(|row| !kept.contains(&code_of(&row.code)));
    gone.map(|row| row.code.clone()).collect()
}

/// Returns the first codes, and the number of the others.
fn names(codes: &[String]) -> String {
    let mut text = codes.iter().take(NAMES_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    if let Some(more) = codes.len().checked_sub(NAMES_MAX).filter(|more| *more > 0) {
        text = format!("{text} and {more} more");
    }
    text
}

fn would_remove(loaded: &Loaded, removed: &[String], before: usize) -> ConfigError {
    let message = format!(
        "{} of {before} types are no longer there, and their events would be skipped: {}; if \
         that is meant, confirm it on \
         the console's page Configuration, send the hub SIGHUP, or restart it",
        removed.len(),
        names(removed)
    );
    ConfigIssue::in_file(&loaded.file, message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removal_of_types_needs_a_rest_and_of_most_types_a_confirmation() {
        let quick = Change { confirmed: false, rest: Duration::from_millis(500) };
        let rested = Change { confirmed: false, rest: REST_BEFORE_REMOVAL };
        let confirmed = Change { confirmed: true, rest: Duration::ZERO };
        for (before, after, removed, change, expected) in [
            (9, 9, 0, quick, Removal::Taken),
            (9, 8, 1, quick, Removal::Early),
            (9, 8, 1, rested, Removal::Taken),
            (9, 4, 5, quick, Removal::Early),
            (9, 4, 5, rested, Removal::Refused),
            (9, 0, 9, rested, Removal::Refused),
            (9, 0, 9, confirmed, Removal::Taken),
            (2, 1, 1, rested, Removal::Taken),
            (1, 0, 1, rested, Removal::Refused),
            // Renamed.
            (1, 1, 1, rested, Removal::Taken),
        ] {
            assert_eq!(
                Removal::decide(before, after, removed, change),
                expected,
                "{before} {after} {removed} {change:?}"
            );
        }
    }

    #[test]
    fn long_lists_of_codes_are_shortened() {
        let codes: Vec<String> = (0..25).map(|n| format!("T{n}")).collect();
        assert!(names(&codes).ends_with("T19 and 5 more"));
        assert_eq!(names(&codes[..2]), "T0, T1");
    }
}

//! Configuration at run time: the values in force, problems of later edits, and keys that need a
//! restart.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::{mpsc, oneshot};

use super::{ConfigError, EffectiveValue, Loaded};
use crate::domain::{
    catalog::{LocalTemplate, TypeRow},
    notification::Timestamp,
};

/// Trigger of a reload.
#[derive(Debug, Clone)]
pub struct Reloader(mpsc::Sender<Reload>);

/// Request to reload the files, even if that removes types.
#[derive(Debug)]
pub struct Reload {
    /// Receiver of the end of the reload.
    pub done: oneshot::Sender<()>,
}

impl Reloader {
    /// Creates a reloader, and the receiver of its requests.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Reload>) {
        let (ask, asked) = mpsc::channel(1);
        (Self(ask), asked)
    }

    /// Requests a reload, and confirms the removal of types. The receiver is notified at its end.
    #[must_use]
    pub fn ask(&self) -> oneshot::Receiver<()> {
        let (done, answer) = oneshot::channel();
        // A queued request will read the same files.
        let _ = self.0.try_send(Reload { done });
        answer
    }
}

/// Configuration in force.
#[derive(Debug)]
pub struct LiveConfig(RwLock<Inner>);

#[derive(Debug)]
struct Inner {
    file: PathBuf,
    loaded_at: Timestamp,
    values: Arc<Vec<EffectiveValue>>,
    types: Vec<TypeRow>,
    translations: Arc<Translations>,
    last_error: Option<ConfigError>,
    would_remove: Vec<String>,
    restart_needed: Vec<String>,
    /// Codes of types whose rows are invalid.
    wrong_types: Vec<String>,
}

/// Translations in force.
#[derive(Debug, Default)]
pub struct Translations {
    /// Templates of the locale folders.
    pub local: Vec<LocalTemplate>,
    /// Language of templates outside of locale folders.
    pub default_locale: String,
}

/// Status for administrators.
#[derive(Debug, Clone)]
pub struct Status {
    /// Configuration file.
    pub file: PathBuf,
    /// Time of the last successful load.
    pub loaded_at: Timestamp,
    /// Problems of the present files; the last valid configuration stays in force.
    pub last_error: Option<ConfigError>,
    /// Types that the present files would remove: refused until confirmed.
    pub would_remove: Vec<String>,
    /// Keys whose new values need a restart.
    pub restart_needed: Vec<String>,
}

impl LiveConfig {
    /// Creates the state at the start.
    #[must_use]
    pub fn new(loaded: &Loaded, local: Vec<LocalTemplate>, now: Timestamp) -> Self {
        Self(RwLock::new(Inner {
            translations: translations(loaded, local),
            file: loaded.file.clone(),
            loaded_at: now,
            values: Arc::new(loaded.values()),
            types: loaded.types.clone(),
            last_error: None,
            would_remove: Vec::new(),
            restart_needed: Vec::new(),
            wrong_types: Vec::new(),
        }))
    }

    /// Records a successful load.
    pub fn taken(
        &self,
        loaded: &Loaded,
        local: Vec<LocalTemplate>,
        restart_needed: Vec<String>,
        now: Timestamp,
    ) {
        let translations = translations(loaded, local);
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        inner.loaded_at = now;
        inner.values = Arc::new(loaded.values());
        inner.types.clone_from(&loaded.types);
        inner.translations = translations;
        inner.restart_needed = restart_needed;
        inner.last_error = None;
        inner.would_remove = Vec::new();
    }

    /// Records a refused load. Returns whether the reason is new. `would_remove` names the types
    /// that it would remove, if that is the reason.
    pub fn record_refused(&self, error: &ConfigError, would_remove: Vec<String>) -> bool {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        inner.would_remove = would_remove;
        inner.last_error.replace(error.clone()).as_ref() != Some(error)
    }

    /// Records types whose rows are invalid.
    pub fn set_invalid_types(&self, types: Vec<String>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).wrong_types = types;
    }

    /// Returns the problems of files and table.
    #[must_use]
    pub fn problems(&self) -> Option<String> {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let files = inner.last_error.as_ref().map(ToString::to_string);
        let types = (!inner.wrong_types.is_empty())
            .then(|| format!("invalid types: {}", inner.wrong_types.join(", ")));
        let all: Vec<String> = files.into_iter().chain(types).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Returns the translations in force.
    #[must_use]
    pub fn translations(&self) -> Arc<Translations> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).translations)
    }

    /// Returns the values in force, each with its source.
    #[must_use]
    pub fn values(&self) -> Arc<Vec<EffectiveValue>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).values)
    }

    /// Returns the types of the file in force.
    #[must_use]
    pub fn types(&self) -> Vec<TypeRow> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).types.clone()
    }

    /// Returns the status for administrators.
    #[must_use]
    pub fn status(&self) -> Status {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Status {
            file: inner.file.clone(),
            loaded_at: inner.loaded_at,
            last_error: inner.last_error.clone(),
            would_remove: inner.would_remove.clone(),
            restart_needed: inner.restart_needed.clone(),
        }
    }
}

fn translations(loaded: &Loaded, local: Vec<LocalTemplate>) -> Arc<Translations> {
    Arc::new(Translations { local, default_locale: loaded.config.templates.default_locale.clone() })
}

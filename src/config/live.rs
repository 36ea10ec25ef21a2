//! The configuration while the hub runs: what was loaded last, what is wrong with what came after, what waits for a restart.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::{mpsc, oneshot};

use super::{ConfigError, Loaded};
use crate::domain::{
    catalog::{LocalTemplate, TypeRow},
    notification::Timestamp,
};

/// Asks the hub to read its files again.
#[derive(Debug, Clone)]
pub struct Reloader(mpsc::Sender<Reload>);

/// A request to take what is in the files, whatever it removes.
#[derive(Debug)]
pub struct Reload {
    /// Told when it is taken, or refused.
    pub done: oneshot::Sender<()>,
}

impl Reloader {
    /// A reloader, and the end at which its requests arrive.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Reload>) {
        let (ask, asked) = mpsc::channel(1);
        (Self(ask), asked)
    }

    /// Asks for a reload, and confirms whatever it removes. The answer ends when it is taken or refused.
    #[must_use]
    pub fn ask(&self) -> oneshot::Receiver<()> {
        let (done, answer) = oneshot::channel();
        // One that waits will take the same files.
        let _ = self.0.try_send(Reload { done });
        answer
    }
}

/// The configuration now.
#[derive(Debug)]
pub struct LiveConfig(RwLock<Inner>);

#[derive(Debug)]
struct Inner {
    file: PathBuf,
    loaded_at: Timestamp,
    types: Vec<TypeRow>,
    translations: Arc<Translations>,
    last_error: Option<ConfigError>,
    would_remove: Vec<String>,
    restart_needed: Vec<String>,
    /// Codes of types that cannot be used as the table has them.
    wrong_types: Vec<String>,
}

/// The translations as they were last taken.
#[derive(Debug, Default)]
pub struct Translations {
    /// What is in the locales' folders.
    pub local: Vec<LocalTemplate>,
    /// The language of the templates that are none.
    pub default_locale: String,
}

/// What administrators are shown of it.
#[derive(Debug, Clone)]
pub struct Status {
    /// The file.
    pub file: PathBuf,
    /// When it was last taken.
    pub loaded_at: Timestamp,
    /// What is wrong with what is in it now; then what was taken last goes on.
    pub last_error: Option<ConfigError>,
    /// Types that taking the files would remove: it is refused until somebody confirms it.
    pub would_remove: Vec<String>,
    /// Keys whose new values wait for a restart.
    pub restart_needed: Vec<String>,
}

impl LiveConfig {
    /// As it was loaded at the start.
    #[must_use]
    pub fn new(loaded: &Loaded, local: Vec<LocalTemplate>, now: Timestamp) -> Self {
        Self(RwLock::new(Inner {
            translations: translations(loaded, local),
            file: loaded.file.clone(),
            loaded_at: now,
            types: loaded.types.clone(),
            last_error: None,
            would_remove: Vec::new(),
            restart_needed: Vec::new(),
            wrong_types: Vec::new(),
        }))
    }

    /// Another one was taken.
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
        inner.types.clone_from(&loaded.types);
        inner.translations = translations;
        inner.restart_needed = restart_needed;
        inner.last_error = None;
        inner.would_remove = Vec::new();
    }

    /// Another one could not be taken; says whether that is news. `would_remove`: types that it would remove, if that is
    /// why.
    pub fn refused(&self, error: &ConfigError, would_remove: Vec<String>) -> bool {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        inner.would_remove = would_remove;
        inner.last_error.replace(error.clone()).as_ref() != Some(error)
    }

    /// These types cannot be used as the table has them.
    pub fn found_wrong(&self, types: Vec<String>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).wrong_types = types;
    }

    /// What is wrong with the files, and with the table.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let files = inner.last_error.as_ref().map(ToString::to_string);
        let types = (!inner.wrong_types.is_empty())
            .then(|| format!("wrong types: {}", inner.wrong_types.join(", ")));
        let all: Vec<String> = files.into_iter().chain(types).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// The translations, as they were last taken.
    #[must_use]
    pub fn translations(&self) -> Arc<Translations> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).translations)
    }

    /// The types of the file, as it was last taken.
    #[must_use]
    pub fn types(&self) -> Vec<TypeRow> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).types.clone()
    }

    /// What administrators are shown.
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

//! Settings that may change at run time.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU32, Ordering},
};

/// Values of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingValues {
    /// Maximum number of live notifications per user and minute; 0 for no limit.
    pub live_per_minute: u32,
    /// Maximum number of messages per minute from one client; 0 for no limit.
    pub client_messages_per_minute: u32,
    /// Age at which read notifications move to the archive, in days.
    pub archive_after_days: i64,
    /// Age at which notifications that left the list are deleted, in days; 0 for never.
    pub delete_after_days: i64,
    /// Default number of notifications in `sync.response` and in the administrators' history.
    pub history: i64,
}

/// Shared settings.
#[derive(Debug, Default)]
pub struct RuntimeSettings {
    live_per_minute: AtomicU32,
    client_messages_per_minute: AtomicU32,
    archive_after_days: AtomicI64,
    delete_after_days: AtomicI64,
    history: AtomicI64,
}

impl RuntimeSettings {
    /// Creates settings with these values.
    #[must_use]
    pub fn new(settings: SettingValues) -> Arc<Self> {
        let shared = Arc::new(Self::default());
        shared.set(settings);
        shared
    }

    /// Replaces all values.
    pub fn set(&self, settings: SettingValues) {
        self.live_per_minute.store(settings.live_per_minute, Ordering::Relaxed);
        self.client_messages_per_minute
            .store(settings.client_messages_per_minute, Ordering::Relaxed);
        self.archive_after_days.store(settings.archive_after_days, Ordering::Relaxed);
        self.delete_after_days.store(settings.delete_after_days, Ordering::Relaxed);
        self.history.store(settings.history, Ordering::Relaxed);
    }

    /// Returns the maximum number of live notifications per user and minute; 0 for no limit.
    #[must_use]
    pub fn live_per_minute(&self) -> u32 {
        self.live_per_minute.load(Ordering::Relaxed)
    }

    /// Returns the maximum number of messages per minute from one client; 0 for no limit.
    #[must_use]
    pub fn client_messages_per_minute(&self) -> u32 {
        self.client_messages_per_minute.load(Ordering::Relaxed)
    }

    /// Returns the age at which read notifications move to the archive, in days.
    #[must_use]
    pub fn archive_after_days(&self) -> i64 {
        self.archive_after_days.load(Ordering::Relaxed)
    }

    /// Returns the age at which notifications that left the list are deleted, in days; 0 for never.
    #[must_use]
    pub fn delete_after_days(&self) -> i64 {
        self.delete_after_days.load(Ordering::Relaxed)
    }

    /// Returns the default number of notifications in `sync.response`.
    #[must_use]
    pub fn history(&self) -> i64 {
        self.history.load(Ordering::Relaxed)
    }
}

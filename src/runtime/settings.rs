//! Numbers that may change while the hub runs.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU32, Ordering},
};

/// What the configuration says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingValues {
    /// Live toasts for one user in a minute; 0: no limit.
    pub live_per_minute: u32,
    /// Messages that one client may send in a minute; 0: no limit.
    pub client_messages_per_minute: u32,
    /// Days after which what was read moves to the archive.
    pub archive_after_days: i64,
    /// What a bare `sync.request` and the administrators' history answer.
    pub history: i64,
}

/// The same, shared.
#[derive(Debug, Default)]
pub struct RuntimeSettings {
    live_per_minute: AtomicU32,
    client_messages_per_minute: AtomicU32,
    archive_after_days: AtomicI64,
    history: AtomicI64,
}

impl RuntimeSettings {
    /// Set to these.
    #[must_use]
    pub fn new(settings: SettingValues) -> Arc<Self> {
        let shared = Arc::new(Self::default());
        shared.set(settings);
        shared
    }

    /// From now on, these.
    pub fn set(&self, settings: SettingValues) {
        self.live_per_minute.store(settings.live_per_minute, Ordering::Relaxed);
        self.client_messages_per_minute
            .store(settings.client_messages_per_minute, Ordering::Relaxed);
        self.archive_after_days.store(settings.archive_after_days, Ordering::Relaxed);
        self.history.store(settings.history, Ordering::Relaxed);
    }

    /// Live toasts for one user in a minute; 0: no limit.
    #[must_use]
    pub fn live_per_minute(&self) -> u32 {
        self.live_per_minute.load(Ordering::Relaxed)
    }

    /// Messages that one client may send in a minute; 0: no limit.
    #[must_use]
    pub fn client_messages_per_minute(&self) -> u32 {
        self.client_messages_per_minute.load(Ordering::Relaxed)
    }

    /// Days after which what was read moves to the archive.
    #[must_use]
    pub fn archive_after_days(&self) -> i64 {
        self.archive_after_days.load(Ordering::Relaxed)
    }

    /// What a bare `sync.request` answers.
    #[must_use]
    pub fn history(&self) -> i64 {
        self.history.load(Ordering::Relaxed)
    }
}

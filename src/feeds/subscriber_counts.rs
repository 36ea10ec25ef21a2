//! Numbers of watchers, checked before an event is sent to the broadcaster.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::{
    domain::feed::{FeedId, Feeds},
    telemetry::metric,
};

/// Numbers of watchers per feed; written by the broadcaster, read by the pipeline.
#[derive(Debug)]
pub struct SubscriberCounts {
    feeds: Arc<Feeds>,
    watching: Vec<AtomicUsize>,
    all: AtomicUsize,
}

impl SubscriberCounts {
    /// Creates counts of zero for these feeds.
    #[must_use]
    pub fn new(feeds: Feeds) -> Self {
        let watching = feeds.all().iter().map(|_| AtomicUsize::new(0)).collect();
        Self { feeds: Arc::new(feeds), watching, all: AtomicUsize::new(0) }
    }

    /// Returns the feeds.
    #[must_use]
    pub fn feeds(&self) -> &Arc<Feeds> {
        &self.feeds
    }

    /// Returns whether any feed shows events of this code.
    #[must_use]
    pub fn is_shown(&self, code: &str) -> bool {
        self.feeds.showing(code).next().is_some()
    }

    /// Returns whether an event of this code has watchers, or belongs to a snapshot.
    #[must_use]
    pub fn has_audience(&self, code: &str) -> bool {
        let wanted = |feed: FeedId| {
            self.feeds.get(feed).snapshot || self.watching[feed.0].load(Ordering::Relaxed) > 0
        };
        self.all.load(Ordering::Relaxed) > 0
            || self.feeds.showing(code).any(|(feed, _)| wanted(feed))
    }

    /// Resets the gauge of a removed feed.
    pub(crate) fn forget(name: &str) {
        metrics::gauge!(metric::FEED_WATCHERS, "feed" => name.to_owned()).set(0.0);
    }

    pub(crate) fn clear(&self) {
        self.set_all(0);
        for at in 0..self.watching.len() {
            self.set(FeedId(at), 0);
        }
    }

    /// Returns whether an administrator watches all events.
    #[must_use]
    pub fn is_watching_all(&self) -> bool {
        self.all.load(Ordering::Relaxed) > 0
    }

    /// Sets the number of connections that watch all events. Returns the number before.
    pub(crate) fn set_all(&self, count: usize) -> usize {
        self.all.swap(count, Ordering::Relaxed)
    }

    #[expect(clippy::cast_precision_loss, reason = "fewer watchers than a float can count")]
    pub(crate) fn set(&self, feed: FeedId, count: usize) {
        if self.watching[feed.0].swap(count, Ordering::Relaxed) != count {
            let name = self.feeds.get(feed).name.clone();
            metrics::gauge!(metric::FEED_WATCHERS, "feed" => name).set(count as f64);
        }
    }
}

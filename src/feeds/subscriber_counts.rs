//! Whether anybody wants to see an event, asked before anything is done for it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::{
    domain::feed::{FeedId, Feeds},
    telemetry::metric,
};

/// How many watch what; written by the broadcaster, read by the pipeline.
#[derive(Debug)]
pub struct SubscriberCounts {
    feeds: Arc<Feeds>,
    watching: Vec<AtomicUsize>,
    all: AtomicUsize,
}

impl SubscriberCounts {
    /// Nobody watches any of these feeds yet.
    #[must_use]
    pub fn new(feeds: Feeds) -> Self {
        let watching = feeds.all().iter().map(|_| AtomicUsize::new(0)).collect();
        Self { feeds: Arc::new(feeds), watching, all: AtomicUsize::new(0) }
    }

    /// The feeds there are.
    #[must_use]
    pub fn feeds(&self) -> &Arc<Feeds> {
        &self.feeds
    }

    /// Whether events of this code are shown by any feed.
    #[must_use]
    pub fn concerns(&self, code: &str) -> bool {
        self.feeds.showing(code).next().is_some()
    }

    /// Whether anybody sees an event of this code, or will as the state they begin with.
    #[must_use]
    pub fn wants(&self, code: &str) -> bool {
        let wanted = |feed: FeedId| {
            self.feeds.get(feed).snapshot || self.watching[feed.0].load(Ordering::Relaxed) > 0
        };
        self.all.load(Ordering::Relaxed) > 0
            || self.feeds.showing(code).any(|(feed, _)| wanted(feed))
    }

    /// Nobody watches the feed of this name any more: there is none.
    pub(crate) fn forget(name: &str) {
        metrics::gauge!(metric::FEED_WATCHERS, "feed" => name.to_owned()).set(0.0);
    }

    pub(crate) fn clear(&self) {
        self.set_all(0);
        for at in 0..self.watching.len() {
            self.set(FeedId(at), 0);
        }
    }

    pub(crate) fn set_all(&self, count: usize) {
        self.all.store(count, Ordering::Relaxed);
    }

    #[expect(clippy::cast_precision_loss, reason = "fewer watchers than a float can count")]
    pub(crate) fn set(&self, feed: FeedId, count: usize) {
        if self.watching[feed.0].swap(count, Ordering::Relaxed) != count {
            let name = self.feeds.get(feed).name.clone();
            metrics::gauge!(metric::FEED_WATCHERS, "feed" => name).set(count as f64);
        }
    }
}

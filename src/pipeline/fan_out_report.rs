//! Recipients of a large fan-out, for the delivery trace and the metrics.

use uuid::Uuid;

use crate::{
    domain::{plan::Draft, rejected::Rejected, user::UserId},
    telemetry::{
        metric,
        trace::{Delivered, PEOPLE_MAX},
    },
};

/// Recipients of one transaction.
pub(super) struct Chunk {
    /// ID of the last recipient.
    pub(super) to: String,
    pub(super) last: bool,
    pub(super) drafts: Vec<(Uuid, Draft)>,
    pub(super) muted: Vec<UserId>,
    pub(super) failed: Failed,
}

/// Recipients for whom rendering failed, with the reason of the first one.
#[derive(Default)]
pub(super) struct Failed {
    pub(super) users: Vec<UserId>,
    pub(super) reason: Option<Rejected>,
}

/// Recipients of a fan-out: their number, and the first of them.
#[derive(Default)]
pub(super) struct FanOutReport {
    /// True if a chunk is committed, in this attempt or an earlier one.
    pub(super) begun: bool,
    /// Recipients of the chunks that this attempt committed.
    pub(super) stored: usize,
    pub(super) delivered_count: usize,
    pub(super) delivered: Vec<Delivered>,
    pub(super) muted_count: usize,
    pub(super) muted: Vec<UserId>,
    pub(super) failed_count: usize,
    pub(super) failed: Failed,
}

impl FanOutReport {
    /// Adds the recipients of a committed chunk.
    pub(super) fn add(&mut self, chunk: &Chunk) {
        self.begun = true;
        self.stored += chunk.drafts.len();
        self.delivered_count += chunk.drafts.len();
        let room = PEOPLE_MAX.saturating_sub(self.delivered.len());
        self.delivered
            .extend(chunk.drafts.iter().take(room).map(|(id, draft)| Delivered::new(*id, draft)));
        self.muted_count += chunk.muted.len();
        let room = PEOPLE_MAX.saturating_sub(self.muted.len());
        self.muted.extend(chunk.muted.iter().take(room).cloned());
        self.add_failed(&chunk.failed);
    }

    fn add_failed(&mut self, failed: &Failed) {
        let Some(reason) = &failed.reason else { return };
        let count = failed.users.len();
        metrics::counter!(metric::RECIPIENTS_SKIPPED, "reason" => reason.kind.as_str())
            .increment(u64::try_from(count).unwrap_or(u64::MAX));
        self.failed_count += count;
        let room = PEOPLE_MAX.saturating_sub(self.failed.users.len());
        self.failed.users.extend(failed.users.iter().take(room).cloned());
        self.failed.reason.get_or_insert_with(|| reason.clone());
    }
}

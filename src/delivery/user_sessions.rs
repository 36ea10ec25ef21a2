//! Sessions of one connected user, with the limit of live notifications.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use actix::Recipient;
use tokio::{sync::oneshot, time::Instant};

use super::{ClientInfo, Content, Push, SessionMessage, Signals};
use crate::{
    clock,
    connection::WAITING_BYTES_MAX,
    domain::{
        inbox::{Change, ChangeKind, RevisionStep},
        notification::{Priority, Timestamp},
        rate_limit::PerMinute,
    },
    protocol::{self, Frames},
    telemetry::trace,
};

/// Session attached to the registry.
pub(crate) struct AttachedSession {
    pub(crate) info: Arc<ClientInfo>,
    pub(crate) address: Recipient<SessionMessage>,
    pub(crate) signals: Arc<Signals>,
    /// Dropped with the registry, so that the session attaches again.
    pub(crate) _lease: oneshot::Sender<()>,
}

impl AttachedSession {
    /// Sends a push if the mailbox has room, or else sets the overflow signal. Returns whether the
    /// session is alive.
    fn push(&self, push: Push) -> bool {
        let bytes = push.frame.len();
        let before = self.signals.mailbox_bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = before == 0 || before + bytes <= WAITING_BYTES_MAX;
        if fits && self.address.try_send(SessionMessage::Push(push)).is_ok() {
            return true;
        }
        self.signals.mailbox_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.signals.overflow.store(true, Ordering::Relaxed);
        self.address.connected()
    }

    /// Signs out the session.
    pub(crate) fn revoke(&self) {
        self.signals.revoked.store(true, Ordering::Relaxed);
        // With a full mailbox it checks its signals after the next message.
        let _ = self.address.try_send(SessionMessage::Wake);
    }
}

/// Notifications beyond the live limit, until the summary is sent.
struct Summary {
    count: i64,
    types: BTreeMap<String, i64>,
    step: RevisionStep,
    received: Instant,
}

/// Sessions of one connected user.
#[derive(Default)]
pub(crate) struct UserSessions {
    pub(crate) sessions: Vec<AttachedSession>,
    /// Last revision sent to the sessions; `None` before the first.
    pub(crate) revision: Option<i64>,
    rate_limit: PerMinute,
    summary: Option<Summary>,
}

/// Result of pushing a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushResult {
    /// Sent to every session.
    Sent {
        /// True if a session was found dead.
        dead: bool,
    },
    /// First beyond the live limit: [`UserSessions::flush_summary`] is due later.
    ThrottledFirst,
    /// Added to the summary.
    ThrottledMore,
}

impl UserSessions {
    /// Sends a change to every session, or adds it to the summary after `limit` in the last minute.
    pub(crate) fn push(&mut self, change: &Change, received: Instant, limit: u32) -> PushResult {
        self.revision = self.revision.max(Some(change.step.revision));
        if Self::is_limited(change) && !self.rate_limit.try_acquire(limit, clock::monotonic()) {
            return self.throttle(change, received);
        }
        // The summary comes first, to keep the order of revisions.
        let dead = self.flush_summary();
        let Frames { others, origin } = protocol::encode_change(change);
        let mut gone = false;
        for session in &self.sessions {
            let asked = change.origin == Some(session.info.client);
            let Some(frame) = (if asked { origin.clone() } else { others.clone() }) else {
                continue;
            };
            let content =
                if asked { Content::Ack(Arc::new(change.clone())) } else { Content::Change };
            gone |= !session.push(Push { frame, step: change.step, content, received });
        }
        PushResult::Sent { dead: dead || gone }
    }

    /// Returns the record of a new notification for the delivery trace.
    pub(crate) fn push_record(
        &self,
        change: &Change,
        record: PushResult,
        now: Timestamp,
    ) -> Option<trace::PushRecord> {
        let item = change
            .notification
            .as_ref()
            .filter(|_| matches!(change.kind, ChangeKind::New { .. }))?;
        let (live, connections) = match record {
            PushResult::Sent { .. } => (
                trace::PushMode::Pushed,
                self.sessions
                    .iter()
                    .take(trace::CONNECTIONS_MAX)
                    .map(|session| session.info.client_id.clone())
                    .collect(),
            ),
            PushResult::ThrottledFirst | PushResult::ThrottledMore => {
                (trace::PushMode::Limited, Vec::new())
            }
        };
        Some(trace::PushRecord {
            notification_id: item.notification_id,
            at: now,
            live,
            connections,
        })
    }

    /// Returns whether the live limit applies: only to notifications with a toast.
    fn is_limited(change: &Change) -> bool {
        let urgent =
            change.notification.as_ref().is_none_or(|item| item.priority == Priority::High);
        change.kind == ChangeKind::New { quiet: false } && !urgent
    }

    fn throttle(&mut self, change: &Change, received: Instant) -> PushResult {
        let code =
            change.notification.as_ref().map(|item| item.type_code.clone()).unwrap_or_default();
        let first = self.summary.is_none();
        let summary = self.summary.get_or_insert_with(|| Summary {
            count: 0,
            types: BTreeMap::new(),
            step: change.step,
            received,
        });
        summary.count += 1;
        *summary.types.entry(code).or_default() += 1;
        summary.step =
            RevisionStep { previous_revision: summary.step.previous_revision, ..change.step };
        if first { PushResult::ThrottledFirst } else { PushResult::ThrottledMore }
    }

    /// Sends the summary. Returns whether a session was found dead.
    pub(crate) fn flush_summary(&mut self) -> bool {
        let Some(Summary { count, types, step, received }) = self.summary.take() else {
            return false;
        };
        let frame = protocol::summary(count, &types, step);
        let content = Content::Summary(count, Arc::new(types));
        let mut dead = false;
        for session in &self.sessions {
            dead |= !session.push(Push {
                frame: frame.clone(),
                step,
                content: content.clone(),
                received,
            });
        }
        dead
    }
}

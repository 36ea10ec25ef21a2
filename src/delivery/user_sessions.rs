//! Sessions of one connected user, with the limit of live notifications.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use actix::Recipient;
use tokio::{sync::oneshot, time::Instant};
use uuid::Uuid;

use super::{ClientInfo, Content, Push, SessionMessage, Signals};
use crate::{
    bus::BusChange,
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

/// Returns the code of the type if the live limit applies: only to notifications with a toast.
pub(crate) fn limited_code(change: &Change) -> Option<&str> {
    let item = change.notification.as_ref().filter(|item| item.priority != Priority::High)?;
    (change.kind == ChangeKind::New { quiet: false }).then_some(item.type_code.as_str())
}

/// Returns the ID of the notification if the change is a new one.
pub(crate) fn created(change: &Change) -> Option<Uuid> {
    let new = matches!(change.kind, ChangeKind::New { .. });
    Some(change.notification.as_ref().filter(|_| new)?.notification_id)
}

/// Sessions of one connected user.
pub(crate) struct UserSessions {
    pub(crate) sessions: Vec<AttachedSession>,
    /// Last revision sent to the sessions; `None` before the first.
    pub(crate) revision: Option<i64>,
    /// Window of the live limit.
    pub(crate) rate_limit: PerMinute,
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
    /// Creates a user without sessions, in this window of the live limit.
    pub(crate) fn new(rate_limit: PerMinute) -> Self {
        Self { sessions: Vec::new(), revision: None, rate_limit, summary: None }
    }

    /// Sends a change to every session, or adds it to the summary after `limit` in the last minute.
    /// `frames` are encoded already if other hubs get them too.
    pub(crate) fn push(
        &mut self,
        change: &Change,
        frames: Option<Frames>,
        received: Instant,
        limit: u32,
    ) -> PushResult {
        self.revision = self.revision.max(Some(change.step.revision));
        if let Some(code) = limited_code(change)
            && !self.rate_limit.try_acquire(limit, clock::monotonic())
        {
            return self.throttle(code, change.step, received);
        }
        // The summary comes first, to keep the order of revisions.
        let dead = self.flush_summary();
        let Frames { others, origin } = frames.unwrap_or_else(|| protocol::encode_change(change));
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

    /// Sends a change of another hub to every session, or adds it to the summary.
    pub(crate) fn push_remote(
        &mut self,
        change: &BusChange,
        received: Instant,
        limit: u32,
    ) -> PushResult {
        self.revision = self.revision.max(Some(change.step.revision));
        if let Some(code) = &change.limited
            && !self.rate_limit.try_acquire(limit, clock::monotonic())
        {
            return self.throttle(code, change.step, received);
        }
        let dead = self.flush_summary();
        let push = Push {
            frame: change.frame.clone(),
            step: change.step,
            content: Content::Change,
            received,
        };
        let mut gone = false;
        for session in &self.sessions {
            gone |= !session.push(push.clone());
        }
        PushResult::Sent { dead: dead || gone }
    }

    /// Returns the record of a new notification for the delivery trace.
    pub(crate) fn push_record(
        &self,
        notification_id: Uuid,
        record: PushResult,
        now: Timestamp,
    ) -> trace::PushRecord {
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
        trace::PushRecord { notification_id, at: now, live, connections }
    }

    fn throttle(&mut self, code: &str, step: RevisionStep, received: Instant) -> PushResult {
        // A summary covers changes that follow each other. A gap, from a lost message of another
        // hub, is left to the sessions, which read it from the store.
        let continues = |summary: &Summary| summary.step.revision == step.previous_revision;
        if self.summary.as_ref().is_some_and(|summary| !continues(summary)) {
            self.flush_summary();
        }
        let first = self.summary.is_none();
        let summary = self.summary.get_or_insert_with(|| Summary {
            count: 0,
            types: BTreeMap::new(),
            step,
            received,
        });
        summary.count += 1;
        *summary.types.entry(code.to_owned()).or_default() += 1;
        summary.step = RevisionStep { previous_revision: summary.step.previous_revision, ..step };
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

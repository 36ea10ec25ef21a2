//! Changes from and to other hubs.

use std::sync::Arc;

use actix::{Context, Handler};
use futures_util::FutureExt as _;

use super::Registry;
use crate::{
    bus::{Bus, BusChange, DeliverRemote, Publish, Received},
    clock,
    delivery::{
        RestoreCounts,
        user_sessions::{created, limited_code},
    },
    domain::{inbox::Change, notification::Timestamp, trace_context::TraceContext, user::UserId},
    protocol::{self, Frames},
    telemetry::{
        metric,
        spans::{Kind, Span},
        trace,
    },
};

/// Starts the span of a push to the connections of a user.
pub(super) fn push_span(parent: Option<&TraceContext>) -> Option<Span> {
    let mut span = Span::start(|| "push".to_owned(), Kind::Producer, Some(parent?))?;
    span.set("messaging.system", "websocket");
    span.set("messaging.operation.name", "push");
    span.set("messaging.operation.type", "send");
    Some(span)
}

/// Returns the context for the other hubs: that of a span for the message on the bus.
fn bus_context(parent: &TraceContext) -> Option<Arc<TraceContext>> {
    let mut span = Span::start(|| "send bus".to_owned(), Kind::Producer, Some(parent))?;
    span.set("messaging.system", "redis");
    span.set("messaging.operation.name", "send");
    span.set("messaging.operation.type", "send");
    Some(span.context())
}

impl Registry {
    /// Sends a change of another hub to the sessions of its user.
    fn publish_remote(
        &mut self,
        Received { content: change, at }: &Received<BusChange>,
        now: Timestamp,
        ctx: &mut Context<Self>,
    ) -> Option<trace::PushRecord> {
        let user = self.users.get_mut(&change.user_id)?;
        if user.revision.is_some_and(|revision| revision < change.step.previous_revision) {
            metrics::counter!(metric::BUS_GAPS).increment(1);
        }
        let _span = push_span(change.trace.as_deref());
        let result = user.push_remote(change, *at, self.config.settings.live_per_minute());
        let record = change
            .created
            .filter(|_| self.config.trace.is_on())
            .map(|id| user.push_record(id, result, now));
        self.pushed(&change.user_id, result, ctx);
        record
    }

    /// Encodes changes for the other hubs, and sends them. Returns the frames, in the order of the
    /// changes; none if no other hub is there.
    pub(super) fn share(&self, changes: &[Change]) -> Vec<Frames> {
        if !self.config.bus.is_shared() {
            return Vec::new();
        }
        let frames: Vec<Frames> = changes.iter().map(protocol::encode_change).collect();
        let shared = changes.iter().zip(&frames).filter_map(|(change, frames)| {
            Some(BusChange {
                user_id: change.user_id.clone(),
                step: change.step,
                limited: limited_code(change).map(str::to_owned),
                created: created(change),
                trace: change.trace.as_deref().and_then(bus_context),
                frame: frames.others.clone()?,
            })
        });
        self.config.bus.publish(Publish::Changes(shared.collect()));
        frames
    }

    /// Writes the number of each user's connections to Redis again.
    pub(super) fn restore_counts(&self) {
        if !self.config.bus.is_on() {
            return;
        }
        let counts =
            self.users.iter().map(|(user, sessions)| (user.clone(), sessions.sessions.len()));
        let (bus, counts) = (self.config.bus.clone(), counts.collect());
        actix_rt::spawn(async move { bus.restore_counts(counts).await });
    }

    /// Tells the bus that a user has fewer connections.
    pub(super) fn detached(bus: &Bus, user: &UserId, left: usize) {
        if bus.is_on() {
            if left == 0 {
                bus.unsubscribe(user);
            }
            actix_rt::spawn(bus.count_connections(user, left).map(drop));
        }
    }
}

impl Handler<DeliverRemote> for Registry {
    type Result = ();

    fn handle(&mut self, DeliverRemote(changes): DeliverRemote, ctx: &mut Self::Context) {
        let now = clock::now();
        let record =
            changes.iter().filter_map(|change| self.publish_remote(change, now, ctx)).collect();
        self.config.trace.record_pushes(record);
    }
}

impl Handler<RestoreCounts> for Registry {
    type Result = ();

    fn handle(&mut self, _: RestoreCounts, _: &mut Self::Context) {
        self.restore_counts();
    }
}

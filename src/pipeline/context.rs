//! Everything that processing a batch needs.

use std::sync::Arc;

use super::fan_out_limiter::FanOutLimiter;
use crate::{
    domain::catalog::Catalog,
    feeds::FeedsHandle,
    inbox::Commit,
    runtime::MessageHandle,
    store::Store,
    telemetry::{DeliveryTrace, UnknownTypes},
};

/// Handles and snapshots for one batch.
pub(super) struct BatchContext {
    pub(super) store: Store,
    pub(super) catalog: Arc<Catalog>,
    pub(super) persistence: MessageHandle<Commit>,
    pub(super) feeds_handle: FeedsHandle,
    pub(super) trace: Arc<DeliveryTrace>,
    pub(super) unknown_types: Arc<UnknownTypes>,
    pub(super) fan_outs: Arc<FanOutLimiter>,
}

//! Number of requests in progress, so that a stopping hub waits for them and not for idle
//! connections.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::ConnectionType,
    middleware::Next,
};

use super::SharedState;

/// Counter of requests in progress.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    /// Returns the number of requests in progress.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// One request, counted until it is dropped.
pub(super) struct Counted(InFlight);

impl InFlight {
    /// Counts a request until the returned value is dropped.
    pub(super) fn begin(all: &Self) -> Counted {
        all.0.fetch_add(1, Ordering::Relaxed);
        Counted(all.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts a request until its response starts; a stopping hub closes the connection after the
/// response.
pub(super) async fn count(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = request.app_data::<SharedState>().cloned();
    let _counted = state.as_ref().map(|state| InFlight::begin(&state.in_flight));
    let mut response = next.call(request).await?;
    if state.is_some_and(|state| state.health.is_down("hub")) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

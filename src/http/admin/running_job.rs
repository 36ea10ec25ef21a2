//! Job that this hub runs.

use crate::{
    clock,
    http::State,
    store::{JobProgress, JobRow},
};

/// Job that this hub runs.
pub(super) struct RunningJob {
    pub(super) row: JobRow,
    pub(super) holder: String,
}

impl RunningJob {
    /// Writes the progress. Returns whether to go on: the job may have been stopped, or taken over
    /// by another hub, and this hub may be stopping.
    pub(super) async fn report(&self, state: &State, progress: &JobProgress) -> bool {
        let reported = state.store.report_job(&self.row.id, &self.holder, progress).await;
        // While the store is unavailable the job pauses: it is claimed again.
        reported.is_ok_and(|now| now.as_deref() == Some("running")) && !state.health.is_down("hub")
    }

    pub(super) async fn end(&self, state: &State) {
        // A job that was not ended is continued, finds nothing to do, and is ended then.
        let _ = state.store.end_job(&self.row.id, &self.holder, clock::now()).await;
    }
}

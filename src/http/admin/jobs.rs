//! Background jobs of administrators: `/api/v1/admin/jobs`. They exist in the memory of the hub
//! that runs them.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    clock,
    domain::notification::Timestamp,
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
    },
};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/admin/jobs", list)
            .access(Access::Admin)
            .doc(Tag::Admin, "list_jobs", "List background jobs")
            .returns(200, "The latest jobs, newest first.", "Jobs"),
        Operation::get("/api/v1/admin/jobs/{id}", get)
            .access(Access::Admin)
            .doc(Tag::Admin, "get_job", "Get the progress of a job")
            .path("id", json!({"type": "string"}), "ID.")
            .returns(200, "The job, from the memory of the hub that runs it.", "Job"),
        Operation::delete("/api/v1/admin/jobs/{id}", stop)
            .access(Access::Admin)
            .doc(Tag::Admin, "stop_job", "Stop a job")
            .path("id", json!({"type": "string"}), "ID.")
            .returns(200, "The job, which ends after its current step.", "Job"),
    ]
}

/// Number of jobs that are kept.
const REMEMBERED: usize = 20;

/// Background job with its progress.
#[derive(Debug)]
pub(super) struct Job {
    id: Uuid,
    kind: &'static str,
    by: String,
    started_at: Timestamp,
    total: i64,
    succeeded: AtomicI64,
    failed: AtomicI64,
    /// Time of its end, in milliseconds since 1970; 0 while it runs.
    ended_at: AtomicI64,
    stop: AtomicBool,
    last_error: Mutex<Option<String>>,
}

impl Job {
    pub(super) fn succeeded(&self) {
        self.succeeded.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, why: String) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Returns whether the job is to stop.
    pub(super) fn is_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn ended(&self) {
        self.ended_at.store(clock::now().0, Ordering::Relaxed);
    }

    fn is_running(&self) -> bool {
        self.ended_at.load(Ordering::Relaxed) == 0
    }

    pub(super) fn to_json(&self) -> Value {
        let (succeeded, failed) =
            (self.succeeded.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed));
        let ended = Some(self.ended_at.load(Ordering::Relaxed)).filter(|at| *at > 0).map(Timestamp);
        let state = match (ended, self.is_to_stop()) {
            (None, false) => "running",
            (None, true) => "stopping",
            (Some(_), false) => "finished",
            (Some(_), true) => "stopped",
        };
        let last_error = self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        json!({
            "id": self.id, "kind": self.kind, "by": self.by, "state": state,
                "started_at": self.started_at, "ended_at": ended,
            "total": self.total, "done": succeeded + failed, "succeeded": succeeded,
                "failed": failed,
            "last_error": last_error,
        })
    }
}

/// Latest jobs.
#[derive(Debug, Default)]
pub struct Jobs(Mutex<VecDeque<Arc<Job>>>);

impl Jobs {
    fn all(&self) -> MutexGuard<'_, VecDeque<Arc<Job>>> {
        // Nothing panics while it is held half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a job, unless one of this kind is running.
    pub(super) fn begin(
        &self,
        kind: &'static str,
        by: String,
        total: i64,
    ) -> Result<Arc<Job>, Problem> {
        let mut all = self.all();
        if all.iter().any(|job| job.kind == kind && job.is_running()) {
            return Err(Problem::conflict(format!(
                "a job {kind:?} is running already; wait for it, or stop it"
            )));
        }
        let job = Arc::new(Job {
            id: Uuid::now_v7(),
            kind,
            by,
            started_at: clock::now(),
            total,
            succeeded: AtomicI64::new(0),
            failed: AtomicI64::new(0),
            ended_at: AtomicI64::new(0),
            stop: AtomicBool::new(false),
            last_error: Mutex::default(),
        });
        all.push_front(Arc::clone(&job));
        all.truncate(REMEMBERED);
        Ok(job)
    }
}

fn find(state: &State, id: &str) -> Result<Arc<Job>, Problem> {
    let missing = || Problem::not_found("this hub has no such job");
    let id = Uuid::try_parse(id).map_err(|_| missing())?;
    state.jobs.all().iter().find(|job| job.id == id).cloned().ok_or_else(missing)
}

/// Handles `GET /api/v1/admin/jobs`.
pub(in crate::http) async fn list(state: SharedState, _: Checked) -> Result<HttpResponse, Problem> {
    let jobs: Vec<Value> = state.jobs.all().iter().map(|job| job.to_json()).collect();
    Ok(HttpResponse::Ok().json(json!({ "jobs": jobs })))
}

/// Handles `GET /api/v1/admin/jobs/{id}`.
pub(in crate::http) async fn get(
    state: SharedState,
    id: web::Path<String>,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(find(&state, &id)?.to_json()))
}

/// Handles `DELETE /api/v1/admin/jobs/{id}`: the job stops after its current step.
pub(in crate::http) async fn stop(
    state: SharedState,
    id: web::Path<String>,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let job = find(&state, &id)?;
    if job.is_running() {
        job.stop.store(true, Ordering::Relaxed);
    }
    Ok(HttpResponse::Ok().json(job.to_json()))
}

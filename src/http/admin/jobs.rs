//! Background jobs of administrators: `/api/v1/admin/jobs`.
//!
//! Jobs are rows of the store. Any hub may run one; when it dies, another one continues it, or the
//! same one after its restart.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    audit::{caller_name, entry},
    query::Query,
    replay,
    running_job::RunningJob,
};
use crate::{
    auth::Caller,
    clock,
    domain::notification::Timestamp,
    http::{
        Problem, SharedState, State,
        api::{Access, Checked, Operation, Tag},
    },
    store::JobRow,
};

/// Interval at which a hub looks for a job that nobody runs.
const CLAIM_INTERVAL: Duration = Duration::from_secs(1);

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v1/admin/jobs", list)
            .access(Access::Admin)
            .doc(Tag::Admin, "list_jobs", "List background jobs")
            .pages()
            .returns(200, "The latest jobs, newest first.", "Jobs"),
        Operation::get("/api/v1/admin/jobs/{id}", get)
            .access(Access::Admin)
            .doc(Tag::Admin, "get_job", "Get the progress of a job")
            .path("id", json!({"type": "string"}), "ID.")
            .returns(200, "The job.", "Job"),
        Operation::delete("/api/v1/admin/jobs/{id}", stop)
            .access(Access::Admin)
            .doc(Tag::Admin, "stop_job", "Stop a job")
            .path("id", json!({"type": "string"}), "ID.")
            .returns(200, "The job, which ends after its current step.", "Job"),
    ]
}

/// Runs jobs that nobody runs, while the hub runs.
pub fn run_jobs(state: SharedState) {
    actix_rt::spawn(async move {
        loop {
            // One that begins here is claimed at once, by this hub or another one.
            let _ = timeout(CLAIM_INTERVAL, state.job_begun.notified()).await;
            if state.health.is_down("hub") {
                // It has released its jobs.
                return;
            }
            let holder = state.cluster.boot().to_owned();
            // An unavailable store is asked again.
            let Ok(Some(row)) = state.store.claim_job(&holder).await else { continue };
            let job = RunningJob { row, holder };
            let done = match job.row.kind.as_str() {
                replay::KIND => replay::run(&state, &job).await,
                // Of a newer version: it is left to a hub that knows it.
                _ => false,
            };
            if done {
                job.end(&state).await;
            }
        }
    });
}

/// Returns the subject of a job in the audit.
fn subject(id: &str) -> String {
    format!("job:{id}")
}

/// Begins a job, unless one of its kind is running.
pub(super) async fn begin(
    state: &State,
    kind: &'static str,
    caller: &Caller,
    parameters: &Value,
    total: i64,
) -> Result<Value, Problem> {
    let by = caller_name(caller);
    let begun =
        state.store.begin_job(kind, &by, &parameters.to_string(), total, clock::now()).await?;
    let id = begun.ok_or_else(|| {
        Problem::conflict(format!("a job {kind:?} is running already; wait for it, or stop it"))
    })?;
    let job = to_json(&find(state, &id.to_string()).await?);
    let after = json!({ "kind": kind, "parameters": parameters, "total": total });
    let entry = entry(caller, "job.started", subject(&id.to_string()), None, Some(after));
    state.store.note_change(&entry).await?;
    state.job_begun.notify_one();
    Ok(job)
}

fn to_json(job: &JobRow) -> Value {
    json!({
        "id": job.id, "kind": job.kind, "by": job.started_by, "state": job.state,
        "started_at": Timestamp(job.started_at), "ended_at": job.ended_at.map(Timestamp),
        "total": job.total, "done": job.succeeded + job.failed,
        "succeeded": job.succeeded, "failed": job.failed, "last_error": job.last_error,
    })
}

async fn find(state: &State, id: &str) -> Result<JobRow, Problem> {
    let missing = || Problem::not_found("there is no such job");
    let id = Uuid::try_parse(id).map_err(|_| missing())?;
    state.store.job(id).await?.ok_or_else(missing)
}

/// Handles `GET /api/v1/admin/jobs?limit=&cursor=`.
pub(in crate::http) async fn list(
    state: SharedState,
    request: HttpRequest,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let query = Query::of(&request)?;
    // Newest first.
    let position = |job: &JobRow| format!("{:020}-{}", i64::MAX - job.started_at, job.id);
    let mut jobs = state.store.jobs().await?;
    jobs.sort_by_cached_key(position);
    let (page, next) = query.page_of(jobs, position);
    let jobs: Vec<Value> = page.iter().map(to_json).collect();
    Ok(HttpResponse::Ok().json(json!({ "jobs": jobs, "next_cursor": next })))
}

/// Handles `GET /api/v1/admin/jobs/{id}`.
pub(in crate::http) async fn get(
    state: SharedState,
    id: web::Path<String>,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(to_json(&find(&state, &id).await?)))
}

/// Handles `DELETE /api/v1/admin/jobs/{id}`: the job stops after its current step.
pub(in crate::http) async fn stop(
    state: SharedState,
    id: web::Path<String>,
    Checked(caller): Checked,
) -> Result<HttpResponse, Problem> {
    let job = find(&state, &id).await?;
    if let Ok(id) = Uuid::try_parse(&job.id)
        && state.store.stop_job(id).await?
    {
        let entry = entry(&caller, "job.stopped", subject(&job.id), Some(to_json(&job)), None);
        state.store.note_change(&entry).await?;
    }
    Ok(HttpResponse::Ok().json(to_json(&find(&state, &job.id).await?)))
}

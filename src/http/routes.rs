//! Which address leads where.

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    web::{self, ServiceConfig},
};

use super::{
    Problem, SharedState, admin, assets, events, feeds, health, metrics, notifications, notify,
    preferences, stream,
};
use crate::domain::inbox::{BulkMark, Mark};

/// A resource that answers other methods with 405 and what it takes.
fn resource(path: &str, allow: &'static str) -> Resource {
    // HEAD is answered where GET is.
    let allow = if allow.starts_with("GET") {
        allow.replacen("GET", "GET, HEAD", 1)
    } else {
        allow.to_owned()
    };
    web::resource(path).default_service(web::to(move || {
        let allow = allow.clone();
        async move { Err::<HttpResponse, _>(Problem::method_not_allowed(allow)) }
    }))
}

macro_rules! marking {
    ($mark:expr) => {
        |state: SharedState, request: HttpRequest, id: web::Path<String>| {
            notifications::mark(state, request, id, $mark)
        }
    };
}

macro_rules! marking_all {
    ($mark:expr) => {
        |state: SharedState, request: HttpRequest, payload: web::Payload| {
            notifications::mark_all(state, request, payload, $mark)
        }
    };
}

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(resource("/api/v1/events", "POST").route(web::post().to(events::post)))
        .service(resource("/api/v1/notify", "POST").route(web::post().to(notify::post)))
        .service(resource("/api/v1/notifications", "GET").route(web::get().to(notifications::list)))
        .service(
            resource("/api/v1/notifications/unread-count", "GET")
                .route(web::get().to(notifications::unread_count)),
        )
        .service(
            resource("/api/v1/notifications/read-all", "POST")
                .route(web::post().to(marking_all!(BulkMark::Read))),
        )
        .service(
            resource("/api/v1/notifications/seen-all", "POST")
                .route(web::post().to(marking_all!(BulkMark::Seen))),
        )
        .service(
            resource("/api/v1/notifications/{id}", "GET, DELETE")
                .route(web::get().to(notifications::get))
                .route(web::delete().to(marking!(Mark::Delete))),
        )
        .service(
            resource("/api/v1/notifications/{id}/seen", "POST")
                .route(web::post().to(marking!(Mark::Seen))),
        )
        .service(
            resource("/api/v1/notifications/{id}/read", "POST")
                .route(web::post().to(marking!(Mark::Read))),
        )
        .service(
            resource("/api/v1/notifications/{id}/clicked", "POST")
                .route(web::post().to(marking!(Mark::Click))),
        )
        .service(
            resource("/api/v1/notifications/{id}/unread", "POST")
                .route(web::post().to(marking!(Mark::Unread))),
        )
        .service(
            resource("/api/v1/notifications/{id}/archive", "POST")
                .route(web::post().to(marking!(Mark::Archive))),
        )
        .service(
            resource("/api/v1/notifications/{id}/unarchive", "POST")
                .route(web::post().to(marking!(Mark::Unarchive))),
        )
        .service(
            resource("/api/v1/preferences", "GET, PUT")
                .route(web::get().to(preferences::get))
                .route(web::put().to(preferences::put)),
        )
        .service(
            resource("/api/v1/preferences/types", "GET").route(web::get().to(preferences::types)),
        )
        .service(
            resource("/api/v1/stream", "GET")
                .route(web::get().to(stream::get))
                .route(web::head().to(stream::head_of_stream)),
        )
        .service(
            resource("/api/v1/feeds/{feed}", "GET")
                .route(web::get().to(feeds::get))
                .route(web::head().to(feeds::head)),
        )
        .service(resource("/api/v1/admin/clients", "GET").route(web::get().to(admin::clients)))
        .service(
            resource("/api/v1/admin/clients/{client_id}", "DELETE")
                .route(web::delete().to(admin::revoke_client)),
        )
        .service(resource("/api/v1/admin/users", "GET").route(web::get().to(admin::users)))
        .service(
            resource("/api/v1/admin/users/{user_id}/clients", "DELETE")
                .route(web::delete().to(admin::revoke_user)),
        )
        .service(resource("/api/v1/admin/pending", "GET").route(web::get().to(admin::pending)))
        .service(resource("/api/v1/admin/history", "GET").route(web::get().to(admin::history)))
        .service(
            resource("/api/v1/admin/types", "GET, POST")
                .route(web::get().to(admin::types::list))
                .route(web::post().to(admin::types::make)),
        )
        .service(
            resource("/api/v1/admin/types/{code}", "GET, PUT, PATCH, DELETE")
                .route(web::get().to(admin::types::get))
                .route(web::put().to(admin::types::put))
                .route(web::patch().to(admin::types::patch))
                .route(web::delete().to(admin::types::delete)),
        )
        .service(
            resource("/api/v1/admin/types/{code}/override", "DELETE")
                .route(web::delete().to(admin::types::give_back)),
        )
        .service(
            resource("/api/v1/admin/types/{code}/preview", "POST")
                .route(web::post().to(admin::types::preview)),
        )
        .service(
            resource("/api/v1/admin/types/{code}/variants", "GET")
                .route(web::get().to(admin::types::variants)),
        )
        .service(resource("/api/v1/admin/config", "GET").route(web::get().to(admin::config)))
        .service(
            resource("/api/v1/admin/config/reload", "POST").route(web::post().to(admin::reload)),
        )
        .service(resource("/api/v1/admin/explain", "GET").route(web::get().to(admin::explain)))
        .service(resource("/api/v1/admin/audit", "GET").route(web::get().to(admin::audit)))
        .service(resource("/api/v1/admin/stats", "GET").route(web::get().to(admin::stats)))
        .service(
            resource("/api/v1/admin/directory", "GET").route(web::get().to(admin::directory::list)),
        )
        .service(
            resource("/api/v1/admin/directory/bulk", "POST")
                .route(web::post().to(admin::directory::bulk)),
        )
        .service(
            resource("/api/v1/admin/directory/{user_id}", "GET, PUT, DELETE")
                .route(web::get().to(admin::directory::get))
                .route(web::put().to(admin::directory::put))
                .route(web::delete().to(admin::directory::delete)),
        )
        .service(
            resource("/api/v1/admin/dead-letters", "GET")
                .route(web::get().to(admin::dead_letters::list)),
        )
        .service(
            resource("/api/v1/admin/dead-letters/replay", "POST")
                .route(web::post().to(admin::dead_letters::replay_all)),
        )
        .service(resource("/api/v1/admin/jobs", "GET").route(web::get().to(admin::jobs::list)))
        .service(
            resource("/api/v1/admin/jobs/{id}", "GET, DELETE")
                .route(web::get().to(admin::jobs::get))
                .route(web::delete().to(admin::jobs::stop)),
        )
        .service(
            resource("/api/v1/admin/dead-letters/{id}", "GET, DELETE")
                .route(web::get().to(admin::dead_letters::get))
                .route(web::delete().to(admin::dead_letters::discard)),
        )
        .service(
            resource("/api/v1/admin/dead-letters/{id}/replay", "POST")
                .route(web::post().to(admin::dead_letters::replay)),
        )
        .service(resource("/health/live", "GET").route(web::get().to(health::live)))
        .service(resource("/health/ready", "GET").route(web::get().to(health::ready)))
        .service(resource("/health", "GET").route(web::get().to(health::health)))
        .service(resource("/metrics", "GET").route(web::get().to(metrics::metrics)))
        .service(resource("/ws", "GET").route(web::get().to(not_upgraded)))
        .service(resource("/ws/{feed}", "GET").route(web::get().to(not_upgraded)))
        .service(resource("/lonceng.js", "GET").route(web::get().to(assets::component)))
        .service(resource("/lonceng.d.ts", "GET").route(web::get().to(assets::declarations)))
        .service(resource("/openapi.json", "GET").route(web::get().to(assets::openapi)))
        .service(resource("/asyncapi.json", "GET").route(web::get().to(assets::asyncapi)))
        .service(resource("/admin", "GET").route(web::get().to(assets::console)))
        .service(resource("/admin/{file}", "GET").route(web::get().to(assets::console_file)))
        .service(resource("/docs", "GET").route(web::get().to(assets::docs)))
        .service(resource("/docs/{file}", "GET").route(web::get().to(assets::docs_file)))
        .service(resource("/demo/{file}", "GET").route(web::get().to(assets::demo_file)))
        .service(resource("/", "GET").route(web::get().to(assets::demo)))
        .default_service(web::to(nothing_here));
}

/// A request without an upgrade, where only an upgrade makes sense.
async fn not_upgraded() -> Result<HttpResponse, Problem> {
    Err(Problem::upgrade_required())
}

async fn nothing_here() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found("there is nothing at this address"))
}

//! HTTP server: actix-web, with connections that are taken over before it.

use std::{io, net::SocketAddr, rc::Rc, time::Duration};

use actix_http::{HttpService, Protocol, error::DispatchError};
use actix_server::{Server, ServerHandle};
use actix_service::{Service as _, ServiceFactory, fn_factory, fn_service, map_config};
use actix_web::{App, HttpResponse, dev::AppConfig, middleware::from_fn, rt::net::TcpStream, web};
use tokio::time::timeout;

use super::{
    InFlight, Problem, SharedState, State, api, assets::OpenApi, cors::cors,
    first_request::FirstRequest, in_flight::count, operations::operations, standard::standard,
    upgrade,
};
use crate::connection::ClientIo;

/// Time limit for receiving the head of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Lifetime of an idle HTTP connection.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Maximum number of connections waiting to be accepted.
const BACKLOG: u32 = 4_096;

/// Running server.
pub struct Serving {
    /// Address, with the actual port.
    pub address: SocketAddr,
    /// Handle for stopping it.
    pub handle: ServerHandle,
}

/// Listens and serves.
///
/// # Errors
/// When the address cannot be used.
pub fn serve(listen: &str, state: SharedState, grace: Duration) -> io::Result<Serving> {
    let listener = std::net::TcpListener::bind(listen).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot listen on {listen}: {error}; set server.listen to another"),
        )
    })?;
    let address = listener.local_addr()?;
    let watched = state.tls.clone();
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let server = Server::build()
        .workers(workers)
        .backlog(BACKLOG)
        // Connections of sessions leave this count at once, and have their own limit.
        .max_concurrent_connections(100_000)
        .disable_signals()
        .shutdown_timeout(grace.as_secs())
        .listen("lonceng", listener, move || {
            let timeout = state.sessions.limits.heartbeat + state.sessions.limits.heartbeat_timeout;
            connections(state.clone(), address, timeout)
        })?
        .run();
    if let Some(tls) = watched {
        actix_rt::spawn(tls.watch());
    }
    let handle = server.handle();
    // The server runs while it is polled.
    actix_rt::spawn(server);
    Ok(Serving { address, handle })
}

/// Creates the service of a worker: it takes over connections that begin with a WebSocket or an
/// event stream, and hands all others to the HTTP server.
#[rustfmt::skip] // It would write the result on one line of more than 100 columns.
fn connections(
    state: SharedState,
    address: SocketAddr,
    user_timeout: Duration,
) -> impl ServiceFactory<
    TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()
> {
    fn_factory(move || {
        let (app_state, upgrade_state, state) = (state.clone(), state.clone(), state.clone());
        let operations = operations();
        let document = web::Data::new(OpenApi::new(&api::document(&operations)));
        let app = App::new()
            .app_data(app_state)
            .app_data(document)
            .wrap(from_fn(cors))
            .wrap(from_fn(count))
            .wrap(from_fn(standard))
            .configure(move |app| {
                api::configure(app, &operations);
                app.default_service(web::to(not_found));
            });
        let http = HttpService::build()
            .client_request_timeout(REQUEST_TIMEOUT)
            .client_disconnect_timeout(Duration::from_secs(1))
            .keep_alive(KEEP_ALIVE)
            .local_addr(address)
            .upgrade(fn_service(move |(request, framed)| {
                upgrade::upgrade(upgrade_state.clone(), request, framed)
            }))
            .finish(map_config(app, move |()| AppConfig::default()))
            .new_service(());
        async move {
            let http = Rc::new(http.await?);
            Ok(fn_service(move |io: TcpStream| {
                let (http, state) = (Rc::clone(&http), state.clone());
                async move {
                    // Both are optimizations.
                    let _ = io.set_nodelay(true);
                    upgrade::set_user_timeout(&io, user_timeout);
                    let peer = io.peer_addr().ok();
                    match first_request(&state, io, peer).await {
                        Some(FirstRequest::Upgrade { kind, head, rest, io }) => {
                            let _count = InFlight::begin(&state.in_flight);
                            upgrade::take_over(&state, &head, kind, io, &rest).await;
                            Ok(())
                        }
                        Some(FirstRequest::Http(io)) => {
                            http.call((io, Protocol::Http1, peer)).await
                        }
                        None => Ok(()),
                    }
                }
            }))
        }
    })
}

/// Reads the first request, after the TLS handshake if there is one, within the time a client has
/// for it. A client that is too slow gets 408 (RFC 9110, section 15.5.9).
async fn first_request(
    state: &State,
    io: TcpStream,
    peer: Option<SocketAddr>,
) -> Option<FirstRequest> {
    let reading = async {
        let io = match &state.tls {
            Some(tls) => tls.accept(io).await?,
            None => ClientIo::Left(io),
        };
        FirstRequest::read(io, peer).await
    };
    timeout(REQUEST_TIMEOUT, reading).await.ok()?.ok()
}

async fn not_found() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found("there is nothing at this address"))
}

//! The server: actix-web for HTTP, and a way past it for upgraded sockets.

use std::{io, net::SocketAddr, time::Duration};

use actix_http::{HttpService, Protocol, error::DispatchError};
use actix_server::{Server, ServerHandle};
use actix_service::{ServiceFactoryExt as _, fn_service, map_config};
use actix_web::{App, dev::AppConfig, middleware::from_fn, rt::net::TcpStream};

use super::{
    SharedState, cors::cors, in_flight::count, incoming::Incoming, routes, standard::standard,
    upgrade,
};

/// How long a client may take to send a request's head.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an idle HTTP connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Connections waiting to be accepted.
const BACKLOG: u32 = 4_096;

/// A server that runs.
pub struct Serving {
    /// Where it listens, with the port it was given.
    pub address: SocketAddr,
    /// Stops it.
    pub handle: ServerHandle,
}

/// Listens and serves.
///
/// # Errors
/// When the address cannot be listened on.
pub fn serve(listen: &str, state: SharedState, grace: Duration) -> io::Result<Serving> {
    let listener = std::net::TcpListener::bind(listen).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot listen on {listen}: {error}; set server.listen to another"),
        )
    })?;
    let address = listener.local_addr()?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let server = Server::build()
        .workers(workers)
        .backlog(BACKLOG)
        // Upgraded sockets leave this count at once; sessions have their own.
        .max_concurrent_connections(100_000)
        .disable_signals()
        .shutdown_timeout(grace.as_secs())
        .listen("lonceng", listener, move || {
            let patience =
                state.sessions.limits.heartbeat + state.sessions.limits.heartbeat_timeout;
            let (app_state, upgrade_state) = (state.clone(), state.clone());
            let app = App::new()
                .app_data(app_state)
                .wrap(from_fn(cors))
                .wrap(from_fn(count))
                .wrap(from_fn(standard))
                .configure(routes::configure);
            let http = HttpService::build()
                .client_request_timeout(REQUEST_TIMEOUT)
                .client_disconnect_timeout(Duration::from_secs(1))
                .keep_alive(KEEP_ALIVE)
                .local_addr(address)
                .upgrade(fn_service(move |(request, framed)| {
                    upgrade::upgrade(upgrade_state.clone(), request, framed)
                }))
                .finish(map_config(app, move |()| AppConfig::default()));
            fn_service(move |io: TcpStream| async move {
                // It only makes small answers quicker.
                let _ = io.set_nodelay(true);
                upgrade::give_up_on_the_dead(&io, patience);
                let peer = io.peer_addr().ok();
                Ok::<_, DispatchError>((Incoming::new(io), Protocol::Http1, peer))
            })
            .and_then(http)
        })?
        .run();
    let handle = server.handle();
    // The server works for as long as somebody polls it.
    actix_rt::spawn(server);
    Ok(Serving { address, handle })
}

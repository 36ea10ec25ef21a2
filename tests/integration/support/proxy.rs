//! TCP proxy in front of a server, which cuts, delays and halves connections.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// Condition of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Everything passes.
    Open,
    /// Connections are closed, and new ones are closed at once.
    Cut,
    /// Connections stay open, and nothing passes: a partition.
    Silent,
    /// Half of what is sent next passes, then the connection is closed.
    Halved,
}

/// Proxy, stopped when dropped.
pub struct Proxy {
    pub port: u16,
    network: watch::Sender<Network>,
    delay_ms: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy in front of a local port.
    pub async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let (network, condition) = watch::channel(Network::Open);
        let delay_ms = Arc::new(AtomicU64::new(0));
        let delay = Arc::clone(&delay_ms);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connect(client, to, condition.clone(), Arc::clone(&delay)));
            }
        });
        Self { port, network, delay_ms, task }
    }

    /// Sets the condition of the network, for open connections too.
    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Delays everything that passes.
    pub fn delay(&self, delay: Duration) {
        let delay = u64::try_from(delay.as_millis()).expect("a short delay");
        self.delay_ms.store(delay, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.set(Network::Cut);
    }
}

async fn connect(
    client: TcpStream,
    to: u16,
    network: watch::Receiver<Network>,
    delay: Arc<AtomicU64>,
) {
    if *network.borrow() == Network::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    // The first direction that ends ends the connection.
    tokio::select! {
        () = pass(client_read, server_write, network.clone(), &delay) => {}
        () = pass(server_read, client_write, network, &delay) => {}
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut network: watch::Receiver<Network>,
    delay: &AtomicU64,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let condition = *network.borrow_and_update();
        let length = match condition {
            Network::Cut => return,
            Network::Silent => {
                if network.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Network::Open | Network::Halved => tokio::select! {
                changed = network.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                length = from.read(&mut buffer) => match length {
                    Ok(length) if length > 0 => length,
                    _ => return,
                },
            },
        };
        let wait = delay.load(Ordering::Relaxed);
        if wait > 0 {
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        let halved = condition == Network::Halved;
        let passed = if halved { length / 2 } else { length };
        if to.write_all(&buffer[..passed]).await.is_err() || halved {
            return;
        }
    }
}

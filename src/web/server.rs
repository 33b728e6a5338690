//! The listener: connections with limits, so that a slow or greedy client costs little.
//!
//! HTTP/1.1 only: version detection would wait for the first bytes without a limit, and no client of a status page
//! needs more.

mod crowd;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::crowd::{Crowd, Place};
use super::access::{self, Access, Connection};
use super::guard::HostGuard;
use super::{Shared, WebState, metrics_routes, routes};

/// Time for the whole head of a request; also how long a kept-alive connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes for the head of a request, and the size of a connection's buffer.
const BUFFER_BYTES: usize = 32 * 1024;

/// Headers of a request.
const HEADERS_LIMIT: usize = 64;

/// Connections at a time; further ones wait in the listener's backlog.
const CONNECTIONS_LIMIT: usize = 512;

/// An answer that a client does not take for so long is given up: who vanished, or never reads, holds no connection.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Running requests have so long to finish when we stop.
const GRACE: Duration = Duration::from_secs(5);

/// Pause after a failed accept (no file descriptors left): trying on at once would burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A second port, with the metrics and `/-/healthy` alone.
#[derive(Debug)]
pub struct MetricsPort {
    /// Where.
    pub listener: TcpListener,
    /// Which hosts are served there.
    pub guard: HostGuard,
}

/// Serves `state` on `listener`, and its metrics on a second port, until `shutdown` ends; running requests may then
/// finish within a few seconds.
pub async fn serve(
    listener: TcpListener,
    metrics: Option<MetricsPort>,
    state: WebState,
    shutdown: impl Future<Output = ()>,
) {
    let guard = state.guard.clone();
    let shared = Shared::new(state);
    let router = routes(Arc::clone(&shared), guard);
    let connections = GracefulShutdown::new();
    let ahead = async {
        shared.scrapes.keep_ahead().await;
        std::future::pending::<()>().await;
    };
    let second = async {
        match &metrics {
            None => std::future::pending().await,
            Some(port) => {
                let router = metrics_routes(Arc::clone(&shared), port.guard.clone());
                accept(&port.listener, &shared, &router, &connections).await;
            }
        }
    };
    tokio::select! {
        () = accept(&listener, &shared, &router, &connections) => {}
        () = second => {}
        () = ahead => {}
        () = shutdown => {}
    }
    drop((listener, metrics));
    if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
        tracing::warn!("connections were cut that did not finish within {} s", GRACE.as_secs());
    }
}

async fn accept(listener: &TcpListener, shared: &Shared, router: &Router, connections: &GracefulShutdown) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_LIMIT));
    let crowd = Crowd::default();
    // Nobody closes the semaphore.
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, client)) => {
                if let Some(place) = crowd.admit(client.ip()) {
                    let access = shared.access.current();
                    connect(stream, (slot, place), access, router.clone(), connections.watcher());
                } else {
                    tracing::debug!(%client, "a connection was closed: its address holds too many");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Its place among all connections, and among those of its address.
type Seat = (OwnedSemaphorePermit, Place);

fn connect(stream: TcpStream, seat: Seat, access: Arc<Access>, router: Router, watcher: Watcher) {
    if let Err(error) = adjust(&stream) {
        tracing::debug!(%error, "a connection could not be adjusted");
    }
    tokio::spawn(async move {
        let (under, turn) = (Arc::clone(&access), seat.1.turn());
        match access.tls() {
            None => converse(stream, Connection { under, certified: None, turn }, router, watcher).await,
            Some(server) => {
                if let Some((stream, certified)) = access::accept(server, stream).await {
                    converse(stream, Connection { under, certified, turn }, router, watcher).await;
                }
            }
        }
        drop(seat);
    });
}

fn adjust(stream: &TcpStream) -> io::Result<()> {
    // A small answer in two segments would wait 40 ms for the client's delayed acknowledgement.
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    SockRef::from(stream).set_tcp_user_timeout(Some(UNREAD_TIMEOUT))?;
    Ok(())
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    made: Connection,
    router: Router,
    watcher: Watcher,
) {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(BUFFER_BYTES)
        .max_headers(HEADERS_LIMIT);
    let service = TowerToHyperService::new(router.layer(Extension(made)));
    let connection = watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel makes of it is not tested here: it takes as long as the limit.
    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn an_answer_that_nobody_takes_has_an_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        adjust(&stream).unwrap();
        assert_eq!(SockRef::from(&stream).tcp_user_timeout().unwrap(), Some(UNREAD_TIMEOUT));
    }
}

//! Connections: accepted by each worker on its own socket, served until the process stops.

use super::post;
use crate::config::Server;
use crate::edge::Edge;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use runtime::shutdown::Shutdown;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// Connections that may wait in the kernel.
const BACKLOG: u32 = 4096;

/// A socket that others may listen beside.
///
/// # Errors
/// The address cannot be taken.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves connections until the process is asked to stop, then lets those under way finish.
pub async fn serve(listener: TcpListener, edge: Arc<Edge>, router: Router, config: Server, shutdown: Shutdown) {
    let places = Arc::new(Semaphore::new(config.max_connections));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = shutdown.fired() => break,
        };
        let (edge, router, shutdown) = (Arc::clone(&edge), router.clone(), shutdown.clone());
        let header_timeout = config.header_timeout;
        tokio::spawn(async move {
            edge.metrics.connections.inc();
            connection(stream, &edge, router, header_timeout, shutdown).await;
            edge.metrics.connections.dec();
            drop(place);
        });
    }
    drop(listener);
    // All places free again: every connection has ended.
    let all = u32::try_from(config.max_connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(config.drain, places.acquire_many(all)).await.is_err() {
        tracing::warn!("connections were still open after the drain");
    }
}

async fn connection(stream: TcpStream, edge: &Arc<Edge>, router: Router, header_timeout: Duration, shutdown: Shutdown) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "set TCP_NODELAY");
    }
    let service = service_fn(|request| respond(Arc::clone(edge), router.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.fired() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection");
    }
}

async fn respond(edge: Arc<Edge>, router: Router, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    if request.uri().path() == post::PATH {
        return Ok(post::handle(&edge, request).await.map(Body::new));
    }
    router.oneshot(request).await
}

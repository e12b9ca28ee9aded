//! Connections: few at a time, none for long. Slow clients must not keep a probe out, or the kubelet kills the pod for it.

use std::{collections::VecDeque, io, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{debug, warn};

/// Connections at a time. Beyond that the oldest is closed: a probe that has just come is worth more than a client that dawdles.
pub(super) const MAX_CONNECTIONS: usize = 64;

/// From the first byte to the end of a request's head.
const HEAD_LIMIT: Duration = Duration::from_secs(2);

/// From the connection to the last byte of the answer.
const CONNECTION_LIMIT: Duration = Duration::from_secs(10);

/// After `accept` failed, most often for want of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Bytes of a request that are kept; the least that hyper takes.
const REQUEST_LIMIT: usize = 8 * 1024;

/// Serves `pages` on `listener` until it is dropped.
pub(super) async fn serve(listener: TcpListener, pages: Router) {
    let mut connections = JoinSet::new();
    let mut by_age = VecDeque::with_capacity(MAX_CONNECTIONS);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    rest_after(&error).await;
                    continue;
                }
            },
            // Keeps the set as small as what is open.
            Some(_) = connections.join_next() => continue,
        };
        by_age.retain(|connection: &tokio::task::AbortHandle| !connection.is_finished());
        if by_age.len() >= MAX_CONNECTIONS
            && let Some(oldest) = by_age.pop_front()
        {
            debug!("too many connections to the admin server: the oldest is closed");
            oldest.abort();
        }
        by_age.push_back(connections.spawn(answer(stream, pages.clone())));
    }
}

async fn rest_after(error: &io::Error) {
    warn!(%error, "the admin server cannot accept a connection");
    sleep(ACCEPT_REST).await;
}

/// Answers one request. No keep-alive: an idle connection would take a place.
async fn answer(stream: TcpStream, pages: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .keep_alive(false)
        // Who has said all may close that side and still read: `printf … | nc`.
        .half_close(true)
        .max_buf_size(REQUEST_LIMIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(pages));
    match timeout(CONNECTION_LIMIT, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a connection to the admin server failed"),
        Err(_) => debug!("a connection to the admin server took too long"),
    }
}

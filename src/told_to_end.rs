//! The wish of whoever started the process that it ends.

use tokio::signal::unix::{SignalKind, signal};
use tracing::error;

/// Waits for SIGTERM, as a pod's end begins, or SIGINT.
pub(crate) async fn told_to_end() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        error!("cannot listen for signals: only SIGKILL ends this process");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

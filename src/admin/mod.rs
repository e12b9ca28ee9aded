//! The admin server: probes, metrics, the live tree, and a page that draws them.
//!
//! The admin address serves everything and is meant for loopback; the health address, where one is given, serves probes and metrics for
//! other hosts. Both keep out of harm's way: few connections at a time, the oldest gives way, and none lasts.

mod connections;
mod page;
mod pages;

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc};

use prometheus_client::registry::Registry;
use syncer_actors::{
    events::Recent,
    leader_election::Leadership,
    runtime::{Probe, Tree},
    verdicts::Verdicts,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// What the pages show.
#[derive(Clone)]
pub(crate) struct Shown {
    /// The live tree.
    pub(crate) tree: Tree,
    /// Whether the actor threads answer: liveness.
    pub(crate) probe: Probe,
    /// The conditions of readiness by name, and whether each is met.
    pub(crate) ready: Arc<dyn Fn() -> BTreeMap<String, bool> + Send + Sync>,
    /// The metrics.
    pub(crate) metrics: Arc<Registry>,
    /// Where this process stands; none where there is no election.
    pub(crate) leadership: Option<Leadership>,
    /// What was told last.
    pub(crate) recent: Recent,
    /// What was decided last about objects that both sides change.
    pub(crate) verdicts: Verdicts,
}

/// The servers; they end when this is dropped.
#[must_use = "the servers end when this is dropped"]
pub(crate) struct Servers {
    tasks: Vec<JoinHandle<()>>,
    /// Where the admin pages are: with port 0, the port that was found.
    pub(crate) admin: SocketAddr,
    /// Where the health pages are, if they have an address of their own.
    pub(crate) health: Option<SocketAddr>,
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {cause}; give another --{option}")]
pub(crate) struct BindError {
    address: SocketAddr,
    option: &'static str,
    #[source]
    cause: io::Error,
}

/// Listens on both addresses, and serves until [`Servers`] is dropped.
pub(crate) async fn serve(shown: Shown, admin: SocketAddr, health: Option<SocketAddr>) -> Result<Servers, BindError> {
    let admin_listener = listen(admin, "admin-address").await?;
    let health_listener = match health {
        Some(health) => Some(listen(health, "health-address").await?),
        None => None,
    };
    let found = |listener: &TcpListener, asked| listener.local_addr().unwrap_or(asked);
    let mut servers = Servers {
        admin: found(&admin_listener, admin),
        health: health
            .zip(health_listener.as_ref())
            .map(|(asked, listener)| found(listener, asked)),
        tasks: Vec::new(),
    };
    servers.tasks.push(tokio::spawn(connections::serve(
        admin_listener,
        pages::admin(shown.clone()),
    )));
    if let Some(listener) = health_listener {
        servers
            .tasks
            .push(tokio::spawn(connections::serve(listener, pages::health(shown))));
    }
    Ok(servers)
}

async fn listen(address: SocketAddr, option: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address)
        .await
        .map_err(|cause| BindError { address, option, cause })
}

// === impl Servers ===

impl Drop for Servers {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests;

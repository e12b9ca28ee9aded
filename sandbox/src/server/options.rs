//! How a server behaves.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    clock::{Clock, SystemClock},
    state::NamespaceLifecycle,
};

/// How a server behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where UIDs, generated names and the draw of faults come from.
    pub seed: u64,
    /// How many changes of each resource are remembered for watches and pages.
    pub history: usize,
    /// How often a watch that asked for bookmarks gets one.
    pub bookmark_interval: Duration,
    /// What becomes of `sendInitialEvents`.
    pub initial_events: InitialEvents,
    /// How a watch from a forgotten version is refused.
    pub expired_watch: ExpiredWatch,
    /// Which kind of server it is.
    pub flavor: Flavor,
    /// Who empties a namespace that is deleted.
    pub namespaces: NamespaceLifecycle,
    /// The bearer token that every request must carry; none is asked for if `None`.
    pub token: Option<BearerToken>,
}

/// A bearer token. It is not shown by `Debug` (S8).
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(String);

/// Which kind of server it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavor {
    /// A Kubernetes API server.
    #[default]
    Kubernetes,
    /// A kcp shard with its front proxy and its virtual workspaces; the base path leads to the workspace `root`.
    Kcp,
}

/// What becomes of `sendInitialEvents`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitialEvents {
    /// The objects are sent, and a bookmark when they are through.
    #[default]
    Sent,
    /// 422, as where the feature is off.
    Refused,
    /// Nothing: the watch begins as if it had not been asked for.
    Ignored,
}

/// How a watch from a forgotten version is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpiredWatch {
    /// By an `ERROR` event in a stream that began well, as kube-apiserver does.
    #[default]
    Event,
    /// By HTTP status 410, as proxies and other servers may.
    Status,
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            seed: 0,
            history: 20_000,
            bookmark_interval: Duration::from_mins(1),
            initial_events: InitialEvents::default(),
            expired_watch: ExpiredWatch::default(),
            flavor: Flavor::default(),
            namespaces: NamespaceLifecycle::default(),
            token: None,
        }
    }
}

// === impl BearerToken ===

impl BearerToken {
    /// The token itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for BearerToken {
    fn from(token: &str) -> Self {
        Self(token.to_owned())
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)")
    }
}

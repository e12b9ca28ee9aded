//! What the actors are told at the start: plain data and clients, no files.

use std::{fmt, sync::Arc};

use syncer_clusters::{Cluster, ConfigError};
use syncer_core::protect::Protection;

/// All of it.
#[derive(Clone)]
pub struct Settings {
    /// The upstream.
    pub upstream: UpstreamSettings,
    /// The targets, each named once.
    pub targets: Vec<TargetSettings>,
    /// The bounds by which an operator scales a pod.
    pub bounds: Bounds,
}

/// Where objects come from, and which.
#[derive(Clone)]
pub struct UpstreamSettings {
    /// The API server.
    pub cluster: Cluster,
    /// Group and resource of what is synced.
    pub resources: Vec<(String, String)>,
    /// What is never synced beside the fixed list.
    pub protection: Protection,
    /// Bytes of bodies kept in memory.
    pub body_cache: u64,
}

/// One physical cluster.
#[derive(Clone)]
pub struct TargetSettings {
    /// Its name.
    pub name: Arc<str>,
    /// Makes its client. Asked again while it fails: a file may come later, or be mended.
    pub connect: Connect,
}

/// Makes the client of a target.
pub type Connect = Arc<dyn Fn() -> Result<Cluster, ConfigError> + Send + Sync>;

/// How much of everything there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Messages in the mailbox of a long-lived actor.
    pub mailbox: usize,
    /// Reconcilers alive at once, per target.
    pub reconcilers: usize,
}

impl fmt::Debug for TargetSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetSettings")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

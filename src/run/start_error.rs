//! Why the syncer cannot start.

use syncer_clusters::ConfigError;

use crate::{admin, leader_election::ElectionError, rulebooks::UnusableRules, target_option::TargetOptionError};

/// Why the syncer cannot start: wrong configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Target(#[from] TargetOptionError),
    #[error("the configuration cannot be used:\n{0}")]
    Documents(String),
    #[error("the configuration cannot be used: {0}")]
    Rules(#[from] UnusableRules),
    #[error(
        "no target is named: give --target or a SyncTarget in a file, or make SyncTargets of the upstream, which does not have \
         that kind yet (tmc-syncer manifests crds)"
    )]
    NobodyNamed,
    #[error("the upstream cannot be used: {0}")]
    Upstream(#[source] ConfigError),
    #[error("no target can be used: {}", .0.join("; "))]
    NoTarget(Vec<String>),
    #[error("cannot read the hash key {file}: {cause}")]
    HashKey {
        file: String,
        #[source]
        cause: std::io::Error,
    },
    #[error(transparent)]
    Election(#[from] ElectionError),
    #[error(transparent)]
    Bind(#[from] admin::BindError),
    #[error("cannot start the actor threads: {0}")]
    Threads(#[source] std::io::Error),
}

//! Where the upstream is: the options that every command has that asks it.

use std::path::PathBuf;

use clap::Args;
use syncer_clusters::{ClusterConfig, ConfigError};

/// Where the upstream is.
#[derive(Debug, Args)]
pub(crate) struct UpstreamOptions {
    /// The kubeconfig of the upstream; without it in-cluster credentials, then KUBECONFIG.
    #[arg(long, value_name = "FILE", env = "TMC_SYNCER_UPSTREAM_KUBECONFIG")]
    upstream_kubeconfig: Option<PathBuf>,
    /// The context in it; without it the current one.
    #[arg(long, value_name = "NAME", env = "TMC_SYNCER_UPSTREAM_CONTEXT")]
    upstream_context: Option<String>,
}

// === impl UpstreamOptions ===

impl UpstreamOptions {
    /// Whether anything was said.
    pub(crate) fn is_named(&self) -> bool {
        self.upstream_kubeconfig.is_some() || self.upstream_context.is_some()
    }

    /// How it is reached.
    pub(crate) fn config(&self) -> Result<ClusterConfig, ConfigError> {
        let context = self.upstream_context.as_deref();
        match &self.upstream_kubeconfig {
            Some(file) => ClusterConfig::from_kubeconfig_file(file, context),
            None => ClusterConfig::from_environment(context),
        }
    }
}

//! The client of a target, as its SyncTarget says.

use std::path::Path;

use syncer_clusters::{Cluster, ClusterBuilder, ClusterConfig, ConfigError};
use syncer_core::config::SyncTarget;

/// What the target `name` is called in errors and logs.
pub(crate) fn title(name: &str) -> String {
    format!("target {name}")
}

/// The kubeconfig file that `target` names; `None` where it names none. Blocks on the file.
pub(crate) fn config_of_file(target: &SyncTarget) -> Option<Result<ClusterConfig, ConfigError>> {
    let file = target.spec.kubeconfig_file.as_deref()?;
    let context = target.spec.kubeconfig_context.as_deref();
    Some(ClusterConfig::from_kubeconfig_file(Path::new(file), context))
}

/// Connects to `target` by `config`, whose certificate is not verified only where the SyncTarget says so.
pub(crate) fn connect(
    target: &SyncTarget,
    config: ClusterConfig,
    builder: ClusterBuilder,
) -> Result<Cluster, ConfigError> {
    builder.connect(if target.spec.insecure_skip_tls_verify {
        config.unverified()
    } else {
        config
    })
}

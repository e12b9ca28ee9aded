//! Whether a target is the upstream itself.

use std::sync::Arc;

use syncer_clusters::{
    Cluster, ConfigError, Error, Next,
    upstream_identity::{IdentifyError, id_of_server},
};

/// Refuses `target` where it is the very server whose upstream id is `upstream`: under `Identity` every object would be in its own way,
/// and under `Hashed` each namespace that is made would be one more to sync, without end.
///
/// Whoever has no identity of this kind, or does not let it be read, is somebody else.
pub(super) async fn refuse_upstream(target: &Cluster, upstream: &str) -> Result<Option<Arc<ConfigError>>, Error> {
    match id_of_server(target).await {
        Ok(id) if &*id == upstream => Ok(Some(Arc::new(ConfigError::new(
            target.name(),
            "it is the upstream itself",
            "give the kubeconfig, or the context, of another cluster",
        )))),
        Err(IdentifyError::Cluster(error)) if !is_kept_to_itself(&error) => Err(error),
        Ok(_) | Err(_) => Ok(None),
    }
}

fn is_kept_to_itself(error: &Error) -> bool {
    matches!(error.next(), Next::Forbidden | Next::Unserved | Next::NotFound)
}

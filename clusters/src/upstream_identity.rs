//! Who an upstream is: asked of itself, since an address is never part of an identity (`docs/architecture.md`, "Identity").

use std::sync::Arc;

use syncer_core::{
    ResourceType, built_in,
    kcp::types::{self, LOGICAL_CLUSTER},
};

use crate::{Cluster, Error, FieldsV1Kept, Next, Object};

/// The namespace whose UID tells one plain API server from another, whatever its address.
const IDENTIFYING_NAMESPACE: &str = "kube-system";

/// Why an upstream does not say who it is.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    /// It did not answer, or refused.
    #[error(transparent)]
    Cluster(#[from] Error),
    /// It has no such namespace.
    #[error(
        "{cluster}: there is no namespace {IDENTIFYING_NAMESPACE}, whose UID tells one upstream from another; create it"
    )]
    NoIdentity {
        /// The name of the upstream.
        cluster: String,
    },
    /// Something that it needs is not there, or says nothing (kcp).
    #[error("{what}")]
    Unusable {
        /// What, and what to do.
        what: String,
    },
}

// === impl IdentifyError ===

impl IdentifyError {
    /// What to do next.
    pub fn next(&self) -> Next {
        match self {
            Self::Cluster(error) => error.next(),
            Self::NoIdentity { .. } | Self::Unusable { .. } => Next::Backoff,
        }
    }
}

/// The upstream id of a plain API server.
pub async fn id_of_server(server: &Cluster) -> Result<Arc<str>, IdentifyError> {
    let found = server
        .get(&built_in::namespaces(), "", IDENTIFYING_NAMESPACE, FieldsV1Kept::None)
        .await?;
    match found {
        Some(namespace) => Ok(namespace.uid().into()),
        None => Err(IdentifyError::NoIdentity {
            cluster: server.name().to_owned(),
        }),
    }
}

/// The upstream id of a kcp whose provider is `workspace`.
pub async fn id_of_workspace(workspace: &Cluster) -> Result<Arc<str>, IdentifyError> {
    let home = must_have(workspace, &types::logical_clusters(), LOGICAL_CLUSTER).await?;
    Ok(home.uid().into())
}

/// The `LogicalCluster` of `workspace`. A kubeconfig that leads elsewhere is the usual mistake: what the server says then is no help.
pub async fn home_of_workspace(workspace: &Cluster) -> Result<Object, IdentifyError> {
    let found = workspace
        .get(&types::logical_clusters(), "", LOGICAL_CLUSTER, FieldsV1Kept::None)
        .await;
    let cause = match found {
        Ok(Some(home)) => return Ok(home),
        Ok(None) => "there is no LogicalCluster".to_owned(),
        Err(error) if matches!(error.next(), Next::Forbidden | Next::Unserved | Next::NotFound) => error.to_string(),
        Err(error) => return Err(error.into()),
    };
    Err(IdentifyError::Unusable {
        what: format!(
            "{}: {} is no workspace of kcp that its user may read: {cause}; have the server in the kubeconfig end with /clusters/ and the path of \
             the workspace with the endpoint slice, such as /clusters/root:compute",
            workspace.name(),
            workspace.url()
        ),
    })
}

/// The endpoint slice `name` of `workspace`. A ServiceAccount is a stranger in any workspace but its own.
pub async fn endpoint_slice(workspace: &Cluster, name: &str) -> Result<Object, IdentifyError> {
    match must_have(workspace, &types::endpoint_slices(), name).await {
        Err(IdentifyError::Cluster(error)) if error.next() == Next::Forbidden => Err(IdentifyError::Unusable {
            what: format!(
                "{error}: {} is not for this user; point the kubeconfig at the workspace of this ServiceAccount, or grant it there what \
                 `tmc-syncer manifests kcp` prints",
                workspace.url()
            ),
        }),
        found => found,
    }
}

/// The object `name` of `resource`, without which `workspace` is of no use.
pub async fn must_have(workspace: &Cluster, resource: &ResourceType, name: &str) -> Result<Object, IdentifyError> {
    let found = workspace.get(resource, "", name, FieldsV1Kept::None).await?;
    found.ok_or_else(|| IdentifyError::Unusable {
        what: format!(
            "{}: {} has no {} {name}; make it, or point the kubeconfig at the workspace that has it",
            workspace.name(),
            workspace.url(),
            resource.kind
        ),
    })
}

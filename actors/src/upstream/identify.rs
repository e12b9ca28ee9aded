//! Who an upstream is, and what it serves.

use std::{collections::BTreeSet, sync::Arc};

use syncer_clusters::{Cluster, Error, FieldsV1Kept, Next};
use syncer_core::{Gvr, ResourceType, Scope, config::ResourceRef};

use super::provider::{self, Provider};
use crate::settings::UpstreamSource;

/// The namespace whose UID tells one plain API server from another, whatever its address.
const IDENTIFYING_NAMESPACE: &str = "kube-system";

/// What is known of an upstream once it has answered.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The upstream id.
    pub(crate) id: Arc<str>,
    /// Those of the wanted resources that it serves.
    pub(crate) resources: Arc<[ResourceType]>,
    /// Those that it does not serve.
    pub(crate) unserved: Arc<[String]>,
    /// Of a kcp: the export whose consumers are synced.
    pub(crate) provider: Option<Provider>,
}

/// Why an upstream does not say who it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentifyError {
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

impl IdentifyError {
    /// What to do next.
    pub(crate) fn next(&self) -> Next {
        match self {
            Self::Cluster(error) => error.next(),
            Self::NoIdentity { .. } | Self::Unusable { .. } => Next::Backoff,
        }
    }
}

/// Asks `cluster` who it is: its upstream id.
pub(super) async fn id(cluster: &Cluster, source: &UpstreamSource) -> Result<Arc<str>, IdentifyError> {
    match source {
        UpstreamSource::Plain => id_of_plain(cluster).await,
        UpstreamSource::EndpointSlice(_) => provider::id(cluster).await,
    }
}

/// Asks `cluster` who it is and which of the resources `wanted` it serves; of a kcp, `endpoint` is one of the endpoints known.
pub(super) async fn identify(
    cluster: &Cluster,
    source: &UpstreamSource,
    endpoint: Option<&Cluster>,
    wanted: &BTreeSet<ResourceRef>,
) -> Result<Identity, IdentifyError> {
    match source {
        UpstreamSource::Plain => identify_plain(cluster, wanted).await,
        UpstreamSource::EndpointSlice(slice) => provider::identify(cluster, slice, endpoint, wanted).await,
    }
}

async fn id_of_plain(cluster: &Cluster) -> Result<Arc<str>, IdentifyError> {
    let namespaces = ResourceType {
        gvr: Gvr::new("", "v1", "namespaces"),
        kind: "Namespace".into(),
        scope: Scope::Cluster,
    };
    let found = cluster
        .get(&namespaces, "", IDENTIFYING_NAMESPACE, FieldsV1Kept::None)
        .await?;
    let Some(namespace) = found else {
        return Err(IdentifyError::NoIdentity {
            cluster: cluster.name().to_owned(),
        });
    };
    Ok(namespace.uid().into())
}

async fn identify_plain(cluster: &Cluster, wanted: &BTreeSet<ResourceRef>) -> Result<Identity, IdentifyError> {
    let id = id_of_plain(cluster).await?;
    let served = cluster.discover().await?;
    let mut resources = Vec::new();
    let mut unserved = Vec::new();
    for ResourceRef { group, resource } in wanted {
        match served.resource_type(group, resource) {
            Some(resource) => resources.push(resource),
            None => unserved.push(Gvr::new(group, "", resource).to_string()),
        }
    }
    Ok(Identity {
        id,
        resources: resources.into(),
        unserved: unserved.into(),
        provider: None,
    })
}

//! What a workspace serves by itself: the part of Kubernetes that is not about workloads, and kcp's own kinds.

use serde_json::json;
use syncer_core::{Gvr, Scope};

use crate::{
    registry::{Nature, Registry, Resource, StatusPart},
    schema,
};

/// `workspaces.tenancy.kcp.io`
pub(super) fn workspaces() -> Gvr {
    Gvr::new("tenancy.kcp.io", "v1alpha1", "workspaces")
}

/// `logicalclusters.core.kcp.io`
pub(super) fn logical_clusters() -> Gvr {
    Gvr::new("core.kcp.io", "v1alpha1", "logicalclusters")
}

/// `apiexports.apis.kcp.io`
pub(super) fn exports() -> Gvr {
    Gvr::new("apis.kcp.io", "v1alpha2", "apiexports")
}

/// `apibindings.apis.kcp.io`
pub(super) fn bindings() -> Gvr {
    Gvr::new("apis.kcp.io", "v1alpha2", "apibindings")
}

/// `apiexportendpointslices.apis.kcp.io`
pub(super) fn slices() -> Gvr {
    Gvr::new("apis.kcp.io", "v1alpha1", "apiexportendpointslices")
}

/// `apiresourceschemas.apis.kcp.io`
pub(super) fn schemas() -> Gvr {
    Gvr::new("apis.kcp.io", "v1alpha1", "apiresourceschemas")
}

/// The registry of a workspace.
pub(super) fn registry() -> Registry {
    let mut registry = Registry::kubernetes();
    for (group, plural) in [
        ("", "services"),
        ("", "pods"),
        ("apps", "deployments"),
        ("apps", "replicasets"),
        ("discovery.k8s.io", "endpointslices"),
    ] {
        registry.remove(group, plural);
    }
    for (gvr, kind) in [
        (workspaces(), "Workspace"),
        (logical_clusters(), "LogicalCluster"),
        (exports(), "APIExport"),
        (Gvr::new("apis.kcp.io", "v1alpha1", "apiexports"), "APIExport"),
        (bindings(), "APIBinding"),
        (Gvr::new("apis.kcp.io", "v1alpha1", "apibindings"), "APIBinding"),
        (slices(), "APIExportEndpointSlice"),
        (schemas(), "APIResourceSchema"),
    ] {
        let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let singular = kind.to_lowercase();
        let mut resource = Resource::new(gvr, kind, &singular, Scope::Cluster, schema::crd::object(&anything));
        resource.nature = Nature::Custom;
        resource.status = StatusPart::Subresource;
        registry.insert(resource);
    }
    registry
}

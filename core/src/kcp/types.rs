//! How the types and annotations of kcp itself are called.

use crate::identity::ResourceType;

/// The annotation that names the logical cluster of an object.
pub const CLUSTER_ANNOTATION: &str = "kcp.io/cluster";

/// The annotation that names the path of the workspace that an object is in, such as `root:compute`; on those of kcp's own types only.
pub const PATH_ANNOTATION: &str = "kcp.io/path";

/// The name of the one [`logical_clusters`] object of a workspace.
pub const LOGICAL_CLUSTER: &str = "cluster";

/// `LogicalCluster`: what a workspace is; its UID is the upstream id.
pub fn logical_clusters() -> ResourceType {
    ResourceType::cluster_scoped("core.kcp.io", "v1alpha1", "logicalclusters", "LogicalCluster")
}

/// `APIExportEndpointSlice`: where the objects of an export's consumers are.
pub fn endpoint_slices() -> ResourceType {
    ResourceType::cluster_scoped(
        "apis.kcp.io",
        "v1alpha1",
        "apiexportendpointslices",
        "APIExportEndpointSlice",
    )
}

/// `APIExport`: what is offered to workspaces, and claimed of them.
pub fn exports() -> ResourceType {
    ResourceType::cluster_scoped("apis.kcp.io", "v1alpha2", "apiexports", "APIExport")
}

/// `APIBinding`: that a workspace takes an export, and which claims it accepts.
pub fn bindings() -> ResourceType {
    ResourceType::cluster_scoped("apis.kcp.io", "v1alpha2", "apibindings", "APIBinding")
}

/// `APIResourceSchema`: one resource of an export.
pub fn resource_schemas() -> ResourceType {
    ResourceType::cluster_scoped("apis.kcp.io", "v1alpha1", "apiresourceschemas", "APIResourceSchema")
}

//! The resources of Kubernetes that the syncer itself asks for by name, whatever is synced.

use crate::identity::ResourceType;

/// Namespaces: one of them identifies a plain API server, the others hold what is synced.
pub fn namespaces() -> ResourceType {
    ResourceType::cluster_scoped("", "v1", "namespaces", "Namespace")
}

/// Secrets: kubeconfigs of targets, and the key of hashes.
pub fn secrets() -> ResourceType {
    ResourceType::namespaced("", "v1", "secrets", "Secret")
}

/// Events, in the version that `kubectl describe` shows everywhere.
pub fn events() -> ResourceType {
    ResourceType::namespaced("", "v1", "events", "Event")
}

/// Leases: who leads.
pub fn leases() -> ResourceType {
    ResourceType::namespaced("coordination.k8s.io", "v1", "leases", "Lease")
}

/// The definitions of custom resources.
pub fn custom_resource_definitions() -> ResourceType {
    ResourceType::cluster_scoped(
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
    )
}

/// What of an API other servers answer.
pub fn api_services() -> ResourceType {
    ResourceType::cluster_scoped("apiregistration.k8s.io", "v1", "apiservices", "APIService")
}

//! Who an object is: resource, logical cluster, namespace, name (`docs/architecture.md`, "Identity").

use std::{fmt, sync::Arc};

/// Group, version and resource: the address of a collection in an API server. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gvr(Arc<GvrParts>);

#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
struct GvrParts {
    group: Box<str>,
    version: Box<str>,
    resource: Box<str>,
}

/// The name of a logical cluster of kcp; empty for a plain API server. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogicalCluster(Arc<str>);

/// Whether the objects of a resource live in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Every object has a namespace.
    Namespaced,
    /// No object has a namespace.
    Cluster,
}

/// A resource as an API server serves it: what is needed to address and to write its objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResourceType {
    /// Where the objects are.
    pub gvr: Gvr,
    /// The kind that their bodies carry.
    pub kind: Arc<str>,
    /// Whether they live in namespaces.
    pub scope: Scope,
}

/// The identity of an object on one side, without its UID. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// The logical cluster; empty for a plain API server.
    pub cluster: LogicalCluster,
    /// The resource.
    pub gvr: Gvr,
    /// The namespace; empty for cluster-scoped resources.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

// === impl Gvr ===

impl Gvr {
    /// The resource `resource` of `group` (empty for the core group) at `version`.
    pub fn new(group: &str, version: &str, resource: &str) -> Self {
        Self(Arc::new(GvrParts {
            group: group.into(),
            version: version.into(),
            resource: resource.into(),
        }))
    }

    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        &self.0.group
    }

    /// The version, such as `v1`.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// The resource: the plural, lower-case name.
    pub fn resource(&self) -> &str {
        &self.0.resource
    }

    /// Whether its group is one of Kubernetes itself, whose resources no `CustomResourceDefinition` defines.
    pub fn is_built_in(&self) -> bool {
        const GROUPS: [&str; 24] = [
            "",
            "admissionregistration.k8s.io",
            "apiextensions.k8s.io",
            "apiregistration.k8s.io",
            "apps",
            "authentication.k8s.io",
            "authorization.k8s.io",
            "autoscaling",
            "batch",
            "certificates.k8s.io",
            "coordination.k8s.io",
            "discovery.k8s.io",
            "events.k8s.io",
            "extensions",
            "flowcontrol.apiserver.k8s.io",
            "internal.apiserver.k8s.io",
            "networking.k8s.io",
            "node.k8s.io",
            "policy",
            "rbac.authorization.k8s.io",
            "resource.k8s.io",
            "scheduling.k8s.io",
            "storage.k8s.io",
            "storagemigration.k8s.io",
        ];
        GROUPS.contains(&self.group())
    }

    /// `group/version`, or the version alone for the core group: what a body carries as `apiVersion`.
    pub fn api_version(&self) -> String {
        match self.group() {
            "" => self.version().to_owned(),
            group => format!("{group}/{}", self.version()),
        }
    }
}

/// `configmaps`, `deployments.apps`: the form that `kubectl` takes, without the version.
impl fmt::Display for Gvr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.resource())?;
        if self.group().is_empty() {
            return Ok(());
        }
        write!(f, ".{}", self.group())
    }
}

impl fmt::Debug for Gvr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.api_version(), self.resource())
    }
}

// === impl LogicalCluster ===

impl LogicalCluster {
    /// The logical cluster `name`.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The one logical cluster of a plain API server.
    pub fn plain() -> Self {
        Self::new("")
    }

    /// The name; empty for a plain API server.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogicalCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LogicalCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

// === impl ResourceType ===

impl ResourceType {
    /// The resource `resource` of `group` at `version`, whose objects live in namespaces.
    pub fn namespaced(group: &str, version: &str, resource: &str, kind: &str) -> Self {
        Self {
            gvr: Gvr::new(group, version, resource),
            kind: kind.into(),
            scope: Scope::Namespaced,
        }
    }

    /// The resource `resource` of `group` at `version`, whose objects live in no namespace.
    pub fn cluster_scoped(group: &str, version: &str, resource: &str, kind: &str) -> Self {
        Self {
            scope: Scope::Cluster,
            ..Self::namespaced(group, version, resource, kind)
        }
    }
}

// === impl ObjectKey ===

impl ObjectKey {
    /// The key of `namespace`/`name` among `gvr` in `cluster`.
    pub fn new(cluster: LogicalCluster, gvr: Gvr, namespace: &str, name: &str) -> Self {
        Self {
            cluster,
            gvr,
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The key of the namespace that it lives in; `None` for objects without one.
    pub fn home(&self) -> Option<Self> {
        let namespaces = Gvr::new("", "v1", "namespaces");
        (!self.namespace.is_empty()).then(|| Self::new(self.cluster.clone(), namespaces, "", &self.namespace))
    }
}

/// `configmaps default/web`, with the logical cluster before it where there is one.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.cluster.as_str().is_empty() {
            write!(f, "{}|", self.cluster)?;
        }
        if self.namespace.is_empty() {
            return write!(f, "{} {}", self.gvr, self.name);
        }
        write!(f, "{} {}/{}", self.gvr, self.namespace, self.name)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_at_home_in_its_namespace() {
        let object = ObjectKey::new(
            LogicalCluster::new("red"),
            Gvr::new("apps", "v1", "deployments"),
            "shop",
            "web",
        );
        let home = object.home().unwrap();
        assert_eq!(home.to_string(), "red|namespaces shop");
        assert_eq!(home.home(), None);
    }

    #[test]
    fn a_gvr_reads_as_kubectl_writes_it() {
        let cases = [
            (Gvr::new("", "v1", "configmaps"), "configmaps", "v1"),
            (Gvr::new("apps", "v1", "deployments"), "deployments.apps", "apps/v1"),
        ];
        for (gvr, display, api_version) in cases {
            assert_eq!(
                (gvr.to_string().as_str(), gvr.api_version().as_str()),
                (display, api_version)
            );
        }
    }

    #[test]
    fn a_key_names_cluster_resource_namespace_and_name() {
        let gvr = Gvr::new("", "v1", "configmaps");
        let plain = ObjectKey::new(LogicalCluster::plain(), gvr.clone(), "default", "web");
        let kcp = ObjectKey::new(LogicalCluster::new("2xyz"), gvr, "default", "web");
        assert_eq!(plain.to_string(), "configmaps default/web");
        assert_eq!(kcp.to_string(), "2xyz|configmaps default/web");
        assert_ne!(plain, kcp);
    }

    #[test]
    fn a_cluster_scoped_key_has_no_slash() {
        let key = ObjectKey::new(LogicalCluster::plain(), Gvr::new("", "v1", "namespaces"), "", "web");
        assert_eq!(key.to_string(), "namespaces web");
    }
}

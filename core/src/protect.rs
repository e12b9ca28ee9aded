//! What is never synced, whatever a policy says.

use std::collections::BTreeSet;

use crate::identity::{ObjectKey, Scope};

const NAMESPACES: [&str; 5] = [
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "kcp-system",
    "tmc-system",
];
const CONFIG_MAPS: [&str; 3] = [
    "kube-root-ca.crt",
    "extension-apiserver-authentication",
    "kube-apiserver-legacy-service-account-token-tracking",
];
const SECRET_TYPES: [&str; 3] = [
    "kubernetes.io/service-account-token",
    "bootstrap.kubernetes.io/token",
    "helm.sh/release.v1",
];

/// Why an object is never synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Protected {
    /// Its namespace belongs to a control plane or to the syncer.
    #[error("its namespace belongs to a control plane")]
    Namespace,
    /// Every cluster makes this object for itself.
    #[error("every cluster makes this object for itself")]
    MadeByCluster,
    /// A Secret of a type that means something in its own cluster only.
    #[error("a secret of this type is good in its own cluster only")]
    SecretType,
    /// A Secret through which the syncer reaches a target.
    #[error("it holds the credentials of a SyncTarget")]
    TargetCredentials,
    /// A cluster-scoped object, and no policy allows those.
    #[error("it is cluster-scoped, and no policy says allowClusterScoped")]
    ClusterScoped,
}

/// What this installation protects beside the fixed list.
#[derive(Clone, Debug, Default)]
pub struct Protection {
    /// The namespace that the syncer itself runs in.
    pub own_namespace: Option<String>,
    /// Namespace and name of the Secrets that SyncTargets reference.
    pub target_secrets: BTreeSet<(String, String)>,
}

/// The facts about an object that decide, beside its key.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Whether the object lives in a namespace.
    pub scope: Scope,
    /// Whether a policy allows cluster-scoped objects.
    pub cluster_scoped_allowed: ClusterScoped,
    /// The `type` of a Secret; `None` for any other kind.
    pub secret_type: Option<&'a str>,
}

/// Whether cluster-scoped objects may be synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterScoped {
    /// A policy says `allowClusterScoped`.
    Allowed,
    /// The default.
    Denied,
}

// === impl Protection ===

impl Protection {
    /// Why `key` is never synced, or `None` if it may be.
    pub fn of(&self, key: &ObjectKey, facts: Facts<'_>) -> Option<Protected> {
        if facts.scope == Scope::Cluster {
            return self.of_cluster_scoped(key, facts);
        }
        if self.protects_namespace(&key.namespace) {
            return Some(Protected::Namespace);
        }
        let (group, resource, name) = (key.gvr.group(), key.gvr.resource(), &*key.name);
        match (group, resource) {
            ("", "configmaps") if CONFIG_MAPS.contains(&name) => Some(Protected::MadeByCluster),
            ("", "serviceaccounts") if name == "default" => Some(Protected::MadeByCluster),
            ("", "services") if name == "kubernetes" && *key.namespace == *"default" => Some(Protected::MadeByCluster),
            ("", "secrets") => self.of_secret(key, facts),
            _ => None,
        }
    }

    /// Whether nothing in `namespace`, nor the namespace itself, is ever synced.
    pub fn protects_namespace(&self, namespace: &str) -> bool {
        NAMESPACES.contains(&namespace) || self.own_namespace.as_deref() == Some(namespace)
    }

    fn of_cluster_scoped(&self, key: &ObjectKey, facts: Facts<'_>) -> Option<Protected> {
        if (key.gvr.group(), key.gvr.resource()) == ("", "namespaces") {
            return self.protects_namespace(&key.name).then_some(Protected::Namespace);
        }
        (facts.cluster_scoped_allowed == ClusterScoped::Denied).then_some(Protected::ClusterScoped)
    }

    fn of_secret(&self, key: &ObjectKey, facts: Facts<'_>) -> Option<Protected> {
        if facts.secret_type.is_some_and(|kind| SECRET_TYPES.contains(&kind)) {
            return Some(Protected::SecretType);
        }
        let named = (key.namespace.to_string(), key.name.to_string());
        self.target_secrets
            .contains(&named)
            .then_some(Protected::TargetCredentials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Gvr, LogicalCluster};

    fn protection() -> Protection {
        Protection {
            own_namespace: Some("syncer".into()),
            target_secrets: [("infra".to_owned(), "east".to_owned())].into(),
        }
    }

    fn verdict(resource: &str, namespace: &str, name: &str, secret_type: Option<&str>) -> Option<Protected> {
        let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
        let key = ObjectKey::new(
            LogicalCluster::plain(),
            Gvr::new(group, "v1", resource),
            namespace,
            name,
        );
        let scope = if namespace.is_empty() {
            Scope::Cluster
        } else {
            Scope::Namespaced
        };
        protection().of(
            &key,
            Facts {
                scope,
                cluster_scoped_allowed: ClusterScoped::Denied,
                secret_type,
            },
        )
    }

    #[test]
    fn the_whole_list_is_protected() {
        use Protected::{ClusterScoped, MadeByCluster, Namespace, SecretType, TargetCredentials};
        let cases = [
            ("configmaps", "kube-system", "x", None, Some(Namespace)),
            ("configmaps", "kube-public", "x", None, Some(Namespace)),
            ("deployments.apps", "kube-node-lease", "x", None, Some(Namespace)),
            ("secrets", "kcp-system", "x", None, Some(Namespace)),
            ("services", "tmc-system", "x", None, Some(Namespace)),
            ("configmaps", "syncer", "x", None, Some(Namespace)),
            ("namespaces", "", "kube-system", None, Some(Namespace)),
            ("namespaces", "", "syncer", None, Some(Namespace)),
            ("configmaps", "web", "kube-root-ca.crt", None, Some(MadeByCluster)),
            (
                "configmaps",
                "web",
                "extension-apiserver-authentication",
                None,
                Some(MadeByCluster),
            ),
            (
                "configmaps",
                "web",
                "kube-apiserver-legacy-service-account-token-tracking",
                None,
                Some(MadeByCluster),
            ),
            ("serviceaccounts", "web", "default", None, Some(MadeByCluster)),
            ("services", "default", "kubernetes", None, Some(MadeByCluster)),
            (
                "secrets",
                "web",
                "x",
                Some("kubernetes.io/service-account-token"),
                Some(SecretType),
            ),
            (
                "secrets",
                "web",
                "x",
                Some("bootstrap.kubernetes.io/token"),
                Some(SecretType),
            ),
            ("secrets", "web", "x", Some("helm.sh/release.v1"), Some(SecretType)),
            ("secrets", "infra", "east", Some("Opaque"), Some(TargetCredentials)),
            (
                "clusterroles.rbac.authorization.k8s.io",
                "",
                "x",
                None,
                Some(ClusterScoped),
            ),
        ];
        for (resource, namespace, name, secret_type, expected) in cases {
            assert_eq!(
                verdict(resource, namespace, name, secret_type),
                expected,
                "{resource} {namespace}/{name}"
            );
        }
    }

    #[test]
    fn what_only_looks_alike_is_synced() {
        let cases = [
            ("configmaps", "default", "web", None),
            ("configmaps", "kube-system-2", "x", None),
            ("configmaps.example.org", "web", "kube-root-ca.crt", None),
            ("services", "web", "kubernetes", None),
            ("services", "default", "kubernetes-2", None),
            ("serviceaccounts", "web", "builder", None),
            ("secrets", "web", "east", Some("Opaque")),
            ("secrets", "web", "tls", Some("kubernetes.io/tls")),
            ("namespaces", "", "default", None),
        ];
        for (resource, namespace, name, secret_type) in cases {
            assert_eq!(
                verdict(resource, namespace, name, secret_type),
                None,
                "{resource} {namespace}/{name}"
            );
        }
    }

    #[test]
    fn a_policy_may_allow_cluster_scoped_objects() {
        let key = ObjectKey::new(
            LogicalCluster::plain(),
            Gvr::new("example.org", "v1", "widgets"),
            "",
            "x",
        );
        let facts = Facts {
            scope: Scope::Cluster,
            cluster_scoped_allowed: ClusterScoped::Allowed,
            secret_type: None,
        };
        assert_eq!(protection().of(&key, facts), None);
    }
}
